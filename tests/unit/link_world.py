"""Two ends of a link on 127.0.0.1: honest ones, and a hostile one made of bare aiortc."""

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
import contextlib
import os
import time
from typing import Any

from aiortc import RTCConfiguration, RTCPeerConnection, RTCSessionDescription
from aiortc.rtcdtlstransport import certificate_digest

from infrafabric.mesh.link.frames import Channel, FrameType
from infrafabric.mesh.link.handshake import Handshake
from infrafabric.mesh.link.link import Link, LinkSettings
from infrafabric.mesh.link.sdp import Envelope, Session, own_text
from infrafabric.mesh.link.transfer import CREDIT
from infrafabric.mesh.model import ReceiptStatus
from infrafabric.mesh.trust.identity import Identity
from infrafabric.mesh.trust.signed import Signed

MESH = "m" * 32
SIGNATURE = b"s" * 64
LOOPBACK = LinkSettings(local_addresses=("127.0.0.1",), hello={"name": "A peer"})


class Recorder:
    """A node that notes everything and accepts every message, unless told otherwise."""

    def __init__(self) -> None:
        self.events: list[tuple[str, Any]] = []
        self.messages: list[tuple[bytes, bytes]] = []
        self.bundles: list[int] = []
        self.gate: asyncio.Event | None = None
        self.raises = False
        self.status: Callable[[bytes], ReceiptStatus] = lambda _body: ReceiptStatus.ACCEPTED
        self._changed = asyncio.Event()

    def _note(self, name: str, value: Any = None) -> None:
        self.events.append((name, value))
        self._changed.set()
        if self.raises:
            raise RuntimeError(f"mistake in {name}")

    def link_opened(self, link: Link) -> None:
        self._note("opened")

    async def link_messages(
        self, link: Link, messages: Sequence[tuple[bytes, bytes]]
    ) -> Sequence[ReceiptStatus]:
        if self.gate is not None:
            await self.gate.wait()
        self.messages += messages
        self.bundles.append(len(messages))
        self._note("messages", len(messages))
        return [self.status(body) for body, _ in messages]

    def link_control(self, link: Link, payload: bytes) -> None:
        self._note("control", payload)

    def link_gossip(self, link: Link, payload: bytes) -> None:
        self._note("gossip", payload)

    def link_quality(self, link: Link) -> None:
        self._note("quality", link.quality)

    def link_closed(self, link: Link, reason: str) -> None:
        self._note("closed", reason)

    def values(self, name: str) -> list[Any]:
        """Return what came with each event of that name."""
        return [value for event, value in self.events if event == name]

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until *condition* holds; it is looked at after every event."""
        async with asyncio.timeout(20):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    async def until_closed(self) -> str:
        """Wait for the end of the link and return its reason."""
        await self.until(lambda: bool(self.values("closed")))
        reasons = self.values("closed")
        assert len(reasons) == 1
        return reasons[0]


class End:
    """One end of a link."""

    def __init__(self, link: Link, node: Recorder, identity: Identity) -> None:
        self.link = link
        self.node = node
        self.identity = identity


def new_end(
    identity: Identity, peer: Identity, settings: LinkSettings = LOOPBACK, **clocks: Any
) -> End:
    """Return one end that has not started."""
    node = Recorder()
    link = Link(
        identity=identity,
        mesh_id=MESH,
        peer=peer.public,
        settings=settings,
        handler=node,
        **clocks,
    )
    return End(link, node, identity)


async def connect(one: End, other: End) -> None:
    """Let *one* dial *other*."""
    answer = await other.link.create_answer(await one.link.create_offer())
    await one.link.accept_answer(answer)
    await asyncio.gather(one.link.wait_open(), other.link.wait_open())


@contextlib.asynccontextmanager
async def two_ends(
    settings: LinkSettings = LOOPBACK, **clocks: Any
) -> AsyncIterator[tuple[End, End]]:
    """An open link between two honest members."""
    first, second = Identity.generate(), Identity.generate()
    one = new_end(first, second, settings, **clocks)
    other = new_end(second, first, settings, **clocks)
    try:
        await connect(one, other)
        yield one, other
    finally:
        await one.link.close()
        await other.link.close()


class HostilePeer:
    """A member of the mesh whose program is bare aiortc and does what it likes.

    It answers the victim's offer and can complete the handshake, so it is exactly as trusted as
    any peer of an open link.
    """

    def __init__(self, identity: Identity, victim: Identity) -> None:
        self.identity = identity
        self.victim = victim
        self.frames: list[tuple[int, bytes]] = []
        self._changed = asyncio.Event()
        self.pc = RTCPeerConnection(RTCConfiguration(iceServers=[]))
        self.channels = {
            channel: self.pc.createDataChannel(
                channel.name, negotiated=True, id=channel, ordered=channel in (0, 3)
            )
            for channel in Channel
        }
        for number, channel in self.channels.items():
            channel.on("message", lambda data, number=number: self._got(number, data))
        self.sctp = self.pc.sctp
        ice = self.sctp.transport.transport._connection
        gather = ice.get_component_candidates
        ice.get_component_candidates = lambda component, addresses, timeout=5: gather(
            component, ["127.0.0.1"], timeout
        )

    def _got(self, channel: int, data: bytes) -> None:
        self.frames.append((channel, data))
        self._changed.set()

    async def frame(self, kind: FrameType) -> bytes:
        """Wait for a frame of that type and return its payload."""
        async with asyncio.timeout(20):
            while True:
                for _, data in self.frames:
                    if data[0] == kind:
                        return data[1:]
                self._changed.clear()
                await self._changed.wait()

    async def answer(self, offer: Signed) -> Signed:
        """Answer the victim's offer."""
        envelope = Envelope.open(
            offer,
            kind="offer",
            mesh_id=MESH,
            own_id=self.identity.peer_id,
            peer=self.victim.public,
            now=time.time(),
        )
        await self.pc.setRemoteDescription(RTCSessionDescription(envelope.session.text(), "offer"))
        await self.pc.setLocalDescription(await self.pc.createAnswer())
        session = Session.parse("answer", own_text(self.pc.localDescription.sdp))
        return Envelope.make(
            self.identity,
            mesh_id=MESH,
            peer=self.victim.public,
            attempt=envelope.attempt,
            session=session,
            now=time.time(),
            offer=envelope.digest,
        )

    def handshake(self, identity: Identity | None = None, credit: int = CREDIT) -> Handshake:
        """Return this end of the handshake; another *identity* makes it a liar."""
        dtls = self.sctp.transport
        certificate = dtls._ssl.get_peer_certificate(as_cryptography=True)
        return Handshake(
            identity=identity or self.identity,
            mesh_id=MESH,
            peer=self.victim.public,
            own_fingerprint=dtls.getLocalParameters().fingerprints[0].value,
            peer_fingerprint=certificate_digest(certificate, "sha-256"),
            nonce=os.urandom(32),
            credit=credit,
            hello={},
        )

    async def open(self, identity: Identity | None = None) -> None:
        """Complete the handshake."""
        await self.frame(FrameType.HELLO)
        handshake = self.handshake(identity)
        self.send(handshake.start())
        for kind in (FrameType.HELLO, FrameType.PROOF, FrameType.READY):
            reply = handshake.receive(kind, await self.frame(kind))
            if reply is not None:
                self.send(reply)

    def send(self, frame: bytes | str, channel: int = 0) -> None:
        """Send a frame, whatever it is."""
        self.channels[channel].send(frame)


@contextlib.asynccontextmanager
async def under_attack(
    *, opened: bool = True, settings: LinkSettings = LOOPBACK, **clocks: Any
) -> AsyncIterator[tuple[End, HostilePeer]]:
    """A victim linked to a hostile peer, open unless told otherwise."""
    victim, attacker = Identity.generate(), Identity.generate()
    end = new_end(victim, attacker, settings, **clocks)
    hostile = HostilePeer(attacker, victim)
    try:
        await end.link.accept_answer(await hostile.answer(await end.link.create_offer()))
        if opened:
            await asyncio.gather(end.link.wait_open(), hostile.open())
        else:
            await hostile.frame(FrameType.HELLO)
        yield end, hostile
    finally:
        await end.link.close()
        await hostile.pc.close()
