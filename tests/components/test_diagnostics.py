"""Diagnostics tell what happens, and nothing that is private."""

from base64 import b64encode, urlsafe_b64encode
import json
from typing import Any

import pytest
from pytest_homeassistant_custom_component.common import MockConfigEntry
from pytest_homeassistant_custom_component.components.diagnostics import (
    get_diagnostics_for_config_entry,
    get_diagnostics_for_device,
)
from pytest_homeassistant_custom_component.typing import ClientSessionGenerator

from custom_components.infrafabric.const import CONF_NODE_NAME, DOMAIN
from custom_components.infrafabric.diagnostics import _searched
from custom_components.infrafabric.mesh.model import Role
from homeassistant.components.diagnostics import REDACTED
from homeassistant.core import HomeAssistant
from homeassistant.helpers import device_registry as dr
from homeassistant.setup import async_setup_component

from .conftest import GARAGE, INVITATION, MESH_ID, OWN, STUDIO, FakeMeshNode

INVITATION_SECRET = b64encode(bytes(range(16))).decode()
TURN_CREDENTIAL = "hunter2-turn"
SDP = """v=0
o=- 3999 3999 IN IP4 203.0.113.9
m=application 9 UDP/DTLS/SCTP webrtc-datachannel
a=ice-ufrag:Xk2p
a=ice-pwd:vT4mWq0pXy7cR2nLs8KdEf
a=fingerprint:sha-256 12:34:AB
a=candidate:1 1 udp 2130706431 192.168.7.21 50000 typ host
"""
SECRETS = {
    "own seed, hex": OWN.seed.hex(),
    "own seed, base64": b64encode(OWN.seed).decode(),
    "own seed, urlsafe": urlsafe_b64encode(OWN.seed).decode().rstrip("="),
    "invitation": INVITATION.removeprefix("infrafabric:join#"),
    "invitation secret": INVITATION_SECRET,
    "TURN user": "1790000000:turn-user",
    "TURN credential": TURN_CREDENTIAL,
    "TURN host": "turn.private.example",
    "signaling host": "home.example",
    "LAN address": "192.168.7.21",
    "public address": "203.0.113.9",
    "IPv6 address": "2001:db8::7:21",
    "IPv6 address with a port": "2001:db8::9",
    "local IPv6 address": "fe80::1c2d",
    "ICE password": "vT4mWq0pXy7cR2nLs8KdEf",
    "node name": "Miller's house",
    "mesh name": "The Millers",
    "peer name": "Ann's studio",
}


@pytest.fixture
def config_entry() -> MockConfigEntry:
    return MockConfigEntry(
        domain=DOMAIN,
        title=SECRETS["mesh name"],
        unique_id=MESH_ID,
        data={
            "kind": "mesh",
            "mesh_id": MESH_ID,
            "peer_id": OWN.peer_id,
            CONF_NODE_NAME: SECRETS["node name"],
        },
        options={
            "ice": "own",
            "ice_servers": [
                {
                    "url": f"turn:{SECRETS['TURN host']}:3478?transport=udp",
                    "username": SECRETS["TURN user"],
                    "credential": TURN_CREDENTIAL,
                }
            ],
            "signaling_urls": [f"wss://{SECRETS['signaling host']}/api/infrafabric/signal"],
            "local_addresses": [SECRETS["LAN address"]],
        },
    )


@pytest.fixture
async def leaky_node(
    hass: HomeAssistant, node: FakeMeshNode, monkeypatch: pytest.MonkeyPatch
) -> FakeMeshNode:
    """A node whose library would tell everything."""
    assert await async_setup_component(hass, "diagnostics", {})
    node.role = Role.ADMIN
    await node.create_invitation()
    node.change_peer(
        STUDIO.peer_id,
        name=SECRETS["peer name"],
        software=f"infrafabric/0.1.0 (at {SECRETS['LAN address']})",
        failure=f"no route to [{SECRETS['IPv6 address']}]:50000",
    )
    node.connect_peer(STUDIO.peer_id)
    everything = {
        "links": {
            STUDIO.peer_id: {
                "opened": "2026-10-01T12:30:45+00:00",
                "sdp_of_attempt": SDP,
                "pair": f"{SECRETS['public address']}:50000 {SECRETS['local IPv6 address']}%eth0",
                "remote": f"[{SECRETS['IPv6 address with a port']}]:443",
                "attempts": 3,
            },
            f"{SECRETS['LAN address']}:50000": "an address as a key",
        },
        "counters": {"refused": 2, "relayed": True, "rtt_ms": 1.5, "none": None},
        "invitation_texts": [INVITATION],
        "oops": [
            OWN.seed,
            OWN.seed.hex(),
            b64encode(OWN.seed).decode(),
            SECRETS["own seed, urlsafe"],
            INVITATION_SECRET,
            f"asked turn:{SECRETS['TURN host']}:3478 as usual",
        ],
        "ice": {"username": SECRETS["TURN user"], "credential": TURN_CREDENTIAL},
        "name": SECRETS["node name"],
    }
    monkeypatch.setattr(node, "describe", lambda: everything)
    return node


def assert_nothing_private(diagnostics: Any) -> None:
    text = json.dumps(diagnostics, ensure_ascii=False)
    assert {what: secret for what, secret in SECRETS.items() if secret in text} == {}


async def test_a_mesh_is_described_without_anything_private(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    config_entry: MockConfigEntry,
    leaky_node: FakeMeshNode,
) -> None:
    diagnostics: Any = await get_diagnostics_for_config_entry(hass, hass_client, config_entry)

    assert_nothing_private(diagnostics)
    assert diagnostics["entry"]["data"] == {
        "kind": "mesh",
        "mesh_id": MESH_ID,
        "peer_id": OWN.peer_id,
        CONF_NODE_NAME: REDACTED,
    }
    assert diagnostics["entry"]["options"]["ice"] == "own"
    # Left: what is needed to understand a problem.
    assert diagnostics["versions"]["infrafabric"] == "0.1.0"
    assert diagnostics["node"]["role"] == "admin"
    assert diagnostics["stats"]["peers_online"] == 1
    assert diagnostics["stats"]["signaling_configured"] == [
        f"wss {REDACTED} /api/infrafabric/signal",
        f"ws {REDACTED} /api/infrafabric/signal",
    ]
    assert [invitation["role"] for invitation in diagnostics["invitations"]] == ["observe"]
    [peer] = diagnostics["peers"]
    assert peer["peer_id"] == STUDIO.peer_id
    assert peer["path"] == "direct_lan"
    assert peer["quality"]["rtt_ms"] == 12.5
    link = diagnostics["mesh"]["links"][STUDIO.peer_id]
    assert link["opened"] == "2026-10-01T12:30:45+00:00"
    assert link["attempts"] == 3
    assert diagnostics["mesh"]["counters"] == {
        "refused": 2,
        "relayed": True,
        "rtt_ms": 1.5,
        "none": None,
    }


async def test_a_peer_is_described_without_anything_private(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    device_registry: dr.DeviceRegistry,
    config_entry: MockConfigEntry,
    leaky_node: FakeMeshNode,
) -> None:
    device = device_of(device_registry, config_entry, STUDIO.peer_id)
    diagnostics: Any = await get_diagnostics_for_device(hass, hass_client, config_entry, device)

    assert_nothing_private(diagnostics)
    assert diagnostics["peer"]["peer_id"] == STUDIO.peer_id
    assert diagnostics["peer"]["connected"] is True
    assert diagnostics["peer"]["failure"] is None
    assert "peers" not in diagnostics


async def test_the_device_of_the_node_is_described_as_the_mesh(
    hass: HomeAssistant,
    hass_client: ClientSessionGenerator,
    device_registry: dr.DeviceRegistry,
    config_entry: MockConfigEntry,
    leaky_node: FakeMeshNode,
) -> None:
    device = device_of(device_registry, config_entry, OWN.peer_id)
    diagnostics: Any = await get_diagnostics_for_device(hass, hass_client, config_entry, device)

    assert_nothing_private(diagnostics)
    assert diagnostics["node"]["peer_id"] == OWN.peer_id
    assert len(diagnostics["peers"]) == 1


@pytest.mark.parametrize(
    "text",
    [
        "2026-10-01T12:30:45+00:00",
        "12:30:45",
        "infrafabric/0.1.0 (homeassistant 2026.10.4)",
        "000102030405060708090a0b0c0d0e0f",
        "std::vector",
        "a: b: c",
        GARAGE.peer_id,
        "crc32c (c)",
    ],
)
def test_what_only_looks_like_an_address_stays(text: str) -> None:
    assert _searched(text) == text


def device_of(registry: dr.DeviceRegistry, entry: MockConfigEntry, peer_id: str) -> dr.DeviceEntry:
    device = registry.async_get_device_by_identifier(
        (DOMAIN, f"{MESH_ID}_{peer_id}"), entry.entry_id
    )
    assert device is not None
    return device
