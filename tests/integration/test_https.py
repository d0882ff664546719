"""Joining a Home Assistant that only has a certificate it signed itself."""

from datetime import UTC, datetime, timedelta
import ipaddress
from pathlib import Path
import ssl

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
import pytest

from demo.agents import LOOPBACK, Agent
from demo.home_assistant import HomeAssistant
from demo.mesh import MeshEntry
from demo.processes import free_port
from demo.world import World

pytestmark = pytest.mark.asyncio(loop_scope="session")


def self_signed(folder: Path) -> tuple[Path, Path]:
    """Write a key and a certificate that nobody else vouches for."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "homeassistant.local")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False
        )
        .sign(key, hashes.SHA256())
    )
    key_path, certificate_path = folder / "key.pem", folder / "certificate.pem"
    key_path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )
    )
    certificate_path.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    return certificate_path, key_path


async def test_others_join_over_https_with_a_self_signed_certificate(
    world: World, tmp_path: Path, watch
) -> None:
    certificate, key = self_signed(tmp_path)
    secure = HomeAssistant(
        "Secure",
        tmp_path / "secure",
        free_port(),
        http={"ssl_certificate": str(certificate), "ssl_key": str(key)},
        tls=ssl.create_default_context(cafile=str(certificate)),
    )
    agent = Agent("Van", tmp_path / "van")
    watch([secure.process])
    studio = None
    try:
        await secure.start()
        await secure.ready()
        mesh = await MeshEntry.create(secure, "Secure mesh")
        await mesh.settings()
        # Home Assistant in Studio joins in its own dialog, with its own HTTP session.
        studio = await MeshEntry.join(world.homes[1], await mesh.invitation())
        await studio.settings()
        await mesh.wait_connected(studio.peer_id)
        await studio.wait_connected(mesh.peer_id)
        await agent.join(await mesh.invitation(), *LOOPBACK)
        await agent.start()
        view = await agent.wait_linked(mesh.peer_id)
        assert view["name"] == "Secure"
    finally:
        await agent.stop()
        if studio is not None:
            await studio.remove()
        await secure.stop()
    assert secure.process.returncode == 0
