"""One aiortc peer connection with four negotiated channels, and nothing of what they carry.

The only place, with the guards and ``shortcut``, that knows aiortc.
"""
# aiortc has no public way to most of this: ruff: noqa: SLF001

import asyncio
from collections.abc import Callable, Sequence
import contextlib
from dataclasses import replace
import logging
from typing import TYPE_CHECKING, Any, Final

from aiortc import (
    RTCConfiguration,
    RTCDataChannel,
    RTCIceServer,
    RTCPeerConnection,
    RTCSessionDescription,
)
from aiortc.rtcconfiguration import RTCIceTransportPolicy
from aiortc.rtcdtlstransport import certificate_digest
from aiortc.rtcicetransport import parse_stun_turn_uri

from ..model import Path
from .frames import Channel
from .ice import IceServer
from .ice_guard import guard_ice
from .paths import path_of, turn_path
from .sctp_guards import SctpGuard, install_fast_crc
from .sdp import Session, own_text

if TYPE_CHECKING:
    import ssl

_LOGGER: Final = logging.getLogger(__name__)

GATHER_TIMEOUT: Final = 3
"""Seconds that a dead STUN or TURN server may delay an attempt; aiortc's own is 5."""
MAX_LOCAL_ADDRESSES: Final = 8
"""Addresses that get a socket each; with their reflexive candidates they stay below 20."""

CRC_IS_FAST: Final = install_fast_crc()
"""Whether packets are checked by compiled code; if not, a repair issue should say so."""


def _usable(server: IceServer) -> bool:
    try:
        parse_stun_turn_uri(server.url)
    except ValueError:
        _LOGGER.warning("An ICE server address is malformed and not used")
        return False
    return True


class Rtc:
    """A peer connection: descriptions in and out, frames in and out, and a clean end."""

    def __init__(
        self,
        *,
        ice_servers: Sequence[IceServer],
        local_addresses: Sequence[str],
        relay_only: bool,
        turn_ssl: ssl.SSLContext | None,
        on_open: Callable[[], None],
        on_frame: Callable[[int, bytes], None],
        on_progress: Callable[[], None],
        on_lost: Callable[[str], None],
    ) -> None:
        """Make a connection that has not started.

        Args:
            ice_servers: At most one STUN and one TURN server are used, the first of each.
            local_addresses: Addresses to use; empty means all but loopback.
            relay_only: Use nothing but the TURN server.
            turn_ssl: Context for ``turns:``; making one would block the loop.
            on_open: The channels are open.
            on_frame: A frame came on a channel.
            on_progress: The peer acknowledged data: there may be room again.
            on_lost: The connection is gone: ``ice_failed``, ``dtls_failed``, ``peer_closed`` or
                ``protocol_error``; may be called more than once.

        """
        self._servers = [server for server in ice_servers if _usable(server)]
        self._on_lost = on_lost
        self._gathering: asyncio.Task[None] | None = None
        policy = RTCIceTransportPolicy.RELAY if relay_only else RTCIceTransportPolicy.ALL
        self._pc = RTCPeerConnection(
            RTCConfiguration(
                iceServers=[
                    RTCIceServer(urls=s.url, username=s.username, credential=s.credential)
                    for s in self._servers
                ],
                iceTransportPolicy=policy,
            )
        )
        self._channels: dict[int, RTCDataChannel] = {
            channel: self._pc.createDataChannel(
                channel.name.lower(),
                negotiated=True,
                id=channel,
                ordered=channel in (Channel.CONTROL, Channel.BULK),
                maxRetransmits=0 if channel is Channel.TELEMETRY else None,
            )
            for channel in Channel
        }
        sctp = self._pc.sctp
        assert sctp is not None  # noqa: S101 - the channels made it
        self._dtls = sctp.transport
        self._ice = self._dtls.transport._connection
        self.guard = SctpGuard(
            sctp, on_frame=on_frame, on_progress=on_progress, on_violation=on_lost
        )
        guard_ice(self._ice)
        if self._ice.turn_ssl and turn_ssl is not None:
            # The annotation says bool, but it goes to asyncio's create_connection as it is.
            self._ice.turn_ssl = turn_ssl  # type: ignore[assignment]
        self._limit_gathering(tuple(local_addresses))
        self._channels[Channel.CONTROL].on("open", on_open)
        for channel in self._channels.values():
            channel.on("close", self._closed)
        self._pc.on("connectionstatechange", self._state_changed)

    def _limit_gathering(self, allowed: tuple[str, ...]) -> None:
        gather = self._ice.get_component_candidates

        async def limited(component: int, addresses: list[str], timeout: int = 5) -> Any:
            # Without addresses the policy is relay only, or there is no network.
            chosen = list(allowed) if addresses and allowed else addresses
            return await gather(
                component, chosen[:MAX_LOCAL_ADDRESSES], min(timeout, GATHER_TIMEOUT)
            )

        for name, method in {"get_component_candidates": limited}.items():
            setattr(self._ice, name, method)

    async def offer(self) -> Session:
        """Gather candidates and return the offer."""
        await self._gather()
        return Session.parse("offer", own_text(self._pc.localDescription.sdp))

    async def answer(self, offer: Session) -> Session:
        """Take the peer's offer, gather candidates and return the answer."""
        await self._pc.setRemoteDescription(RTCSessionDescription(offer.text(), "offer"))
        await self._gather()
        return Session.parse("answer", own_text(self._pc.localDescription.sdp))

    async def accept(self, answer: Session) -> None:
        """Take the peer's answer to our offer."""
        mid = self._pc.sctp.mid if self._pc.sctp is not None else None
        if mid is not None:
            answer = replace(answer, mid=mid)
        await self._pc.setRemoteDescription(RTCSessionDescription(answer.text(), "answer"))

    async def _gather(self) -> None:
        # Cancelled half-way, aioice would leave its queries behind: let them end by themselves.
        self._gathering = asyncio.ensure_future(self._pc.setLocalDescription())
        await asyncio.shield(self._gathering)

    @property
    def fingerprints(self) -> tuple[str, str]:
        """SHA-256 fingerprints of this end's certificate and of the one that DTLS verified."""
        own = next(
            f.value
            for f in self._dtls.getLocalParameters().fingerprints
            if f.algorithm == "sha-256"
        )
        connection = self._dtls._ssl
        assert connection is not None  # noqa: S101 - asked only after the channels opened
        certificate = connection.get_peer_certificate(as_cryptography=True)
        assert certificate is not None  # noqa: S101 - DTLS without one does not connect
        return own, certificate_digest(certificate, "sha-256")

    @property
    def path(self) -> Path:
        """How the selected pair runs."""
        pair = self._ice._nominated.get(1)
        if pair is None:
            return Path.DOWN
        local, remote = pair.local_candidate, pair.remote_candidate
        relays = [server for server in self._servers if turn_path(server.url) is not None]
        return path_of((local.type, local.host), (remote.type, remote.host), relays)

    @property
    def counters(self) -> tuple[int, int]:
        """Bytes sent and received on the wire, without IP and UDP headers."""
        stats = next(iter(self._dtls._get_stats().values()))
        short = self.guard.shortcut
        return stats.bytesSent + short.bytes_sent, stats.bytesReceived + short.bytes_received

    def send(self, channel: int, frame: bytes) -> bool:
        """Queue *frame*; return whether the channel is open."""
        target = self._channels[channel]
        if target.readyState != "open":
            return False
        self.guard.send(target, frame)
        return True

    def buffered(self, channel: int) -> int:
        """Bytes of *channel* that SCTP has not taken yet."""
        return self._channels[channel].bufferedAmount

    async def close(self) -> None:
        """End everything: no task, timer or socket is left."""
        self.guard.stop()
        if self._gathering is not None:
            with contextlib.suppress(Exception):
                await asyncio.shield(self._gathering)
        await self._pc.close()

    def _closed(self) -> None:
        self._on_lost("peer_closed")

    def _state_changed(self) -> None:
        if self._pc.connectionState == "failed":
            ice = self._dtls.transport.state == "failed"
            self._on_lost("ice_failed" if ice else "dtls_failed")
        elif self._pc.connectionState == "closed":
            self._on_lost("peer_closed")
