"""One link to one peer: a WebRTC connection bound to both identities, with messages on top.

``rtc`` is WebRTC, ``negotiation`` and ``handshake`` say who is at the other end, ``traffic`` and
``pulse`` are what runs over the open link; ``frames`` specifies it.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
import logging
import os
import time
from typing import TYPE_CHECKING, Any, Final, Protocol

from ..errors import DeadlineError, MeshError, RefusedError, UnreachableError
from ..model import Path, Quality, ReceiptStatus
from ..trust.identity import Identity, PublicIdentity
from .frames import (
    CHANNEL_OF,
    Channel,
    FrameError,
    FrameType,
    Message,
    decode_close,
    encode_close,
)
from .handshake import HANDSHAKE, Handshake
from .ice import IceServer
from .negotiation import Negotiation
from .pulse import Pulse
from .rtc import Rtc
from .traffic import Statuses, Traffic
from .transfer import CREDIT, Waiter

if TYPE_CHECKING:
    import ssl

    from ..trust.signed import Signed

_LOGGER: Final = logging.getLogger(__name__)

_EARLY_FRAMES: Final = 64

_CLOSING: Final[set[asyncio.Task[None]]] = set()


class LinkHandler(Protocol):
    """Who owns the links. Called in the event loop; exceptions are contained and logged once."""

    def link_opened(self, link: Link) -> None:
        """Both ends have proved who they are."""

    def link_messages(self, link: Link, messages: Sequence[Message]) -> Statuses:
        """Take one bundle of (body, signature) in order and return a status for each.

        At once if possible, or by something to await: the next bundle waits for it. The peer's
        credit goes back then, so what is slow here slows the peer down.
        """

    def link_control(self, link: Link, payload: bytes) -> None:
        """Take what the peer's node sent with ``send_control``."""

    def link_gossip(self, link: Link, payload: bytes) -> None:
        """Take what the peer's node sent with ``send_gossip``."""

    def link_quality(self, link: Link) -> None:
        """``link.quality`` has new figures."""

    def link_closed(self, link: Link, reason: str) -> None:
        """The link is over, whether it was ever open or not; called exactly once."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkSettings:
    """How one attempt is made."""

    ice_servers: Sequence[IceServer] = ()
    """At most one STUN and one TURN server are used: see ``paths.attempts``."""
    local_addresses: Sequence[str] = ()
    """Addresses to use; empty means all but loopback."""
    relay_only: bool = False
    turn_ssl: ssl.SSLContext | None = None
    deadline: float = 10.0
    """Seconds from the start of the attempt until the link must be open."""
    heartbeat: float = 2.0
    """Seconds between probes of an open link."""
    hello: Mapping[str, Any] = field(default_factory=dict)
    """What the peer gets to know before anything else; JSON, ≤ 8 KiB."""


class Link:
    """A connection to one peer; opened once, closed once."""

    def __init__(
        self,
        *,
        identity: Identity,
        mesh_id: str,
        peer: PublicIdentity,
        settings: LinkSettings,
        handler: LinkHandler,
        clock: Callable[[], float] = time.monotonic,
        wall_clock: Callable[[], float] = time.time,
    ) -> None:
        """Prepare a link; must be called in the event loop.

        Args:
            identity: This node.
            mesh_id: The mesh both belong to.
            peer: Who must be at the other end.
            settings: How the attempt is made.
            handler: Who gets what arrives.
            clock: Monotonic seconds.
            wall_clock: Unix seconds.

        """
        self.peer = peer
        self.peer_id = peer.peer_id
        self.peer_hello: Mapping[str, Any] = {}
        """The peer's ``settings.hello``; proven to come from it once the link is open."""
        self.opened_at: float | None = None
        """Unix seconds."""
        self.is_open = False
        self.closed_reason: str | None = None
        self._identity = identity
        self._mesh_id = mesh_id
        self._settings = settings
        self._handler = handler
        self._clock = clock
        self._wall_clock = wall_clock
        self._loop = asyncio.get_running_loop()
        self._settled = asyncio.Event()
        self._ended = asyncio.Event()
        self._error: MeshError | None = None
        self._rtc = Rtc(
            ice_servers=settings.ice_servers,
            local_addresses=settings.local_addresses,
            relay_only=settings.relay_only,
            turn_ssl=settings.turn_ssl,
            on_open=self._channels_open,
            on_frame=self._frame,
            on_progress=self._progress,
            on_lost=self._lost,
        )
        self._negotiation = Negotiation(
            self._rtc, identity=identity, mesh_id=mesh_id, peer=peer, wall_clock=wall_clock
        )
        self._pulse = Pulse(
            self._rtc,
            settings.heartbeat,
            clock=clock,
            on_window=lambda: self._tell("link_quality"),
            on_silent=self._silent,
        )
        self._deadline: asyncio.TimerHandle | None = None
        self._handshake: Handshake | None = None
        self._early: list[tuple[int, bytes]] = []
        self._closing: asyncio.Task[None] | None = None
        self._traffic = Traffic(
            self._rtc,
            clock=clock,
            on_messages=self._messages,
            on_control=lambda payload: self._tell("link_control", payload),
            on_gossip=lambda payload: self._tell("link_gossip", payload),
        )
        self._failed_handlers: set[str] = set()
        self._receivers: dict[int, Callable[[bytes], None]] = {
            FrameType.CLOSE: self._peer_closes,
            **self._traffic.receivers,
            **self._pulse.receivers,
        }

    def __repr__(self) -> str:
        """Name the peer and the state."""
        state = "open" if self.is_open else self.closed_reason or "opening"
        return f"<Link {self.peer_id} {state}>"

    @property
    def quality(self) -> Quality:
        """Measured quality; unknown until there is enough."""
        return self._pulse.heartbeat.meter.quality

    @property
    def suspect(self) -> bool:
        """Whether the peer has been silent for three heartbeats."""
        return self._pulse.heartbeat.suspect

    @property
    def path(self) -> Path:
        """How the link runs; ``DOWN`` unless it is open."""
        return self._rtc.path if self.is_open else Path.DOWN

    @property
    def bytes_sent(self) -> int:
        """Bytes sent on the wire, without IP and UDP headers."""
        return self._rtc.counters[0]

    @property
    def bytes_received(self) -> int:
        """Bytes received on the wire, without IP and UDP headers."""
        return self._rtc.counters[1]

    # Opening

    async def create_offer(self) -> Signed:
        """Start the attempt; return the offer to carry to the peer.

        Raises:
            UnreachableError: ``link_closed``, or ``no_candidates``: this machine has no network.

        """
        self._start_deadline()
        return await self._or_end(self._negotiation.offer())

    async def create_answer(self, offer: Signed) -> Signed:
        """Start the attempt that the peer offers; return the answer to carry back.

        Raises:
            RefusedError: ``sdp_refused``, ``sdp_expired``.
            UnreachableError: ``link_closed``, ``no_candidates``.

        """
        envelope = self._negotiation.check_offer(offer)
        self._start_deadline()
        return await self._or_end(self._negotiation.answer(envelope))

    async def accept_answer(self, answer: Signed) -> None:
        """Take the peer's answer to our offer.

        Raises:
            RefusedError: ``sdp_refused``, ``sdp_expired``: the attempt goes on waiting.
            UnreachableError: ``link_closed``.

        """
        if self.closed_reason is not None:
            raise self._closed_error()
        await self._negotiation.accept(answer)

    async def wait_open(self) -> None:
        """Wait until both ends have proved who they are.

        Raises:
            UnreachableError: ``ice_failed``, ``dtls_failed``, ``peer_closed``, ``link_closed``.
            DeadlineError: ``link_timeout``.
            RefusedError: ``proof_failed``, ``version_mismatch``, ``protocol_error``.

        """
        await self._settled.wait()
        if not self.is_open:
            raise self._closed_error()

    async def wait_closed(self) -> None:
        """Wait until either end has closed the link; ``closed_reason`` tells why."""
        await self._ended.wait()

    def _start_deadline(self) -> None:
        if self.closed_reason is not None or self._deadline is not None:
            raise self._closed_error()
        self._deadline = self._loop.call_later(self._settings.deadline, self._timed_out)

    def _timed_out(self) -> None:
        self._end("link_timeout", DeadlineError("link_timeout", "The link did not open in time."))

    async def _or_end(self, work: Awaitable[Signed]) -> Signed:
        try:
            signed = await work
        except UnreachableError as err:
            self._end(err.code, err)
            raise
        if self.closed_reason is not None:
            raise self._closed_error()
        return signed

    def _closed_error(self) -> MeshError:
        if self._error is not None:
            return self._error
        return UnreachableError("link_closed", "The link is closed.")

    def _channels_open(self) -> None:
        own, other = self._rtc.fingerprints
        self._handshake = Handshake(
            identity=self._identity,
            mesh_id=self._mesh_id,
            peer=self.peer,
            own_fingerprint=own,
            peer_fingerprint=other,
            nonce=os.urandom(32),
            credit=CREDIT,
            hello=self._settings.hello,
        )
        self._rtc.send(Channel.CONTROL, self._handshake.start())

    def _shake(self, handshake: Handshake, kind: int, payload: bytes) -> None:
        reply = handshake.receive(kind, payload)
        if reply is not None:
            self._rtc.send(Channel.CONTROL, reply)
        if not handshake.open or handshake.peer_hello is None:
            return
        if self._deadline is not None:
            self._deadline.cancel()
        self.peer_hello = handshake.peer_hello.hello
        self.opened_at = self._wall_clock()
        self.is_open = True
        self._rtc.guard.establish()
        self._traffic.start(handshake.peer_hello.credit)
        self._settled.set()
        self._tell("link_opened")
        early, self._early = self._early, []
        for channel, frame in early:
            self._frame(channel, frame)
        if self.is_open:
            self._pulse.start()

    # Sending

    async def send(self, body: bytes, signature: bytes) -> ReceiptStatus:
        """Send a message and return what the peer did with it.

        Waits for room in the bounded queue, so a slow peer slows the caller down. There is no
        time limit but the end of the link; a caller that stops waiting withdraws the message if
        it is not under way yet.

        Raises:
            InvalidError: ``message_too_large``.
            UnreachableError: ``link_closed``: not open, or closed before the receipt came.

        """
        if not self.is_open:
            raise _not_open()
        return await self._traffic.send(body, signature)

    def submit(
        self, body: bytes, signature: bytes, waiter: Waiter, seconds: float | None = None
    ) -> bool:
        """Queue a message without waiting; *waiter* gets the receipt.

        Without a receipt after so many *seconds* it gets a ``TimeoutError``; done before, it
        withdraws the message if it is not under way yet.

        False when the queue is full: use ``send``. Raises what ``send`` raises.
        """
        if not self.is_open:
            raise _not_open()
        if not self._traffic.has_room:
            return False
        self._traffic.submit(body, signature, waiter, seconds)
        return True

    async def send_control(self, payload: bytes) -> None:
        """Send the peer's node a payload of at most 64 KiB, in order and reliably.

        Raises:
            ValueError: Too large.
            UnreachableError: ``link_closed``.

        """
        if not self.is_open:
            raise _not_open()
        await self._traffic.send_control(payload)

    def send_gossip(self, payload: bytes) -> bool:
        """Send the peer's node a payload of less than 16 KiB, reliably but in any order.

        Returns False, and sends nothing, when the link is not open or too much is under way.

        Raises:
            ValueError: Too large.

        """
        return self.is_open and self._traffic.send_gossip(payload)

    def probe(self) -> None:
        """Find out now whether the peer is still there: silence of two seconds ends the link.

        For a caller that has heard otherwise; the heartbeat alone takes six times as long.
        """
        if self.is_open:
            self._pulse.probe()

    # Receiving

    def _frame(self, channel: int, data: bytes) -> None:
        if self.closed_reason is not None:
            return
        try:
            self._receive(channel, data)
        except FrameError as err:
            _LOGGER.debug("Peer %s broke the protocol: %s", self.peer_id, err)
            self._end(
                "protocol_error",
                RefusedError("protocol_error", "The peer sent what no honest peer sends."),
            )
        except MeshError as err:
            self._end(err.code, err)

    def _receive(self, channel: int, data: bytes) -> None:
        kind, payload = data[0], data[1:]
        if CHANNEL_OF.get(kind) != channel:
            raise FrameError("unknown frame, or on the wrong channel")
        if not self.is_open:
            self._receive_early(channel, kind, data)
            return
        self._pulse.heard()
        receiver = self._receivers.get(kind)
        if receiver is None:
            raise FrameError("a handshake frame on an open link")
        receiver(payload)

    def _receive_early(self, channel: int, kind: int, data: bytes) -> None:
        # Until both proofs are in, nothing is processed. The peer may be ahead by its READY, which
        # frames on the other reliable channels can overtake: these wait for it.
        if kind == FrameType.CLOSE:
            self._peer_closes(data[1:])
        elif kind in HANDSHAKE and self._handshake is not None:
            self._shake(self._handshake, kind, data[1:])
        elif channel == Channel.CONTROL or len(self._early) >= _EARLY_FRAMES:
            raise FrameError("a frame before its time")
        elif channel != Channel.TELEMETRY:
            self._early.append((channel, data))

    def _peer_closes(self, payload: bytes) -> None:
        reason = f"peer_{decode_close(payload)}"
        self._end(reason, UnreachableError(reason, "The peer closed the link."), tell_peer=False)

    def _messages(self, messages: Sequence[Message]) -> Statuses:
        try:
            statuses = self._handler.link_messages(self, messages)
        except Exception as err:  # noqa: BLE001 - the node's mistakes must not end the link
            self._failed("link_messages", err)
            return [ReceiptStatus.BUSY] * len(messages)
        if isinstance(statuses, list):
            return _complete(statuses, len(messages))
        return self._later(statuses, len(messages))

    async def _later(
        self, statuses: Awaitable[list[ReceiptStatus]], count: int
    ) -> list[ReceiptStatus]:
        try:
            return _complete(await statuses, count)
        except Exception as err:  # noqa: BLE001 - the node's mistakes must not end the link
            self._failed("link_messages", err)
            return [ReceiptStatus.BUSY] * count

    def _tell(self, name: str, *args: object) -> None:
        try:
            getattr(self._handler, name)(self, *args)
        except Exception as err:  # noqa: BLE001 - the node's mistakes must not end the link
            self._failed(name, err)

    def _failed(self, name: str, error: Exception) -> None:
        if name not in self._failed_handlers:
            self._failed_handlers.add(name)
            _LOGGER.error("Error in %s for peer %s", name, self.peer_id, exc_info=error)

    def _silent(self) -> None:
        self._end(
            "peer_silent", UnreachableError("peer_silent", "The peer does not answer any more.")
        )

    def _progress(self) -> None:
        if self.is_open:
            self._traffic.progress()

    # Closing

    async def close(self, reason: str = "closed") -> None:
        """Close the link, telling the peer why; no task, timer or socket is left afterwards.

        Args:
            reason: A code of a…z and _, at most 64 characters.

        """
        self._end(reason, UnreachableError("link_closed", "The link is closed."))
        if self._closing is not None:
            await asyncio.shield(self._closing)

    def _lost(self, reason: str) -> None:
        self._end(reason, UnreachableError(reason, _LOST.get(reason, _LOST["peer_closed"])))

    def _end(self, reason: str, error: MeshError, *, tell_peer: bool = True) -> None:
        if self.closed_reason is not None:
            return
        self.closed_reason = reason
        was_open, self.is_open = self.is_open, False
        self._error = None if was_open else error
        if self._deadline is not None:
            self._deadline.cancel()
        self._pulse.stop()
        self._traffic.fail(_not_open())
        self._settled.set()
        self._ended.set()
        if tell_peer and self._handshake is not None:
            self._rtc.send(Channel.CONTROL, encode_close(reason))
        self._closing = self._loop.create_task(self._tear_down())
        _CLOSING.add(self._closing)
        self._closing.add_done_callback(_CLOSING.discard)
        self._tell("link_closed", reason)

    async def _tear_down(self) -> None:
        # Two turns of the loop let the CLOSE out; what it takes longer for, the abort says.
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        await self._traffic.stop()
        await self._rtc.close()


_LOST: Final = {
    "ice_failed": "No network path to the peer was found.",
    "dtls_failed": "The encrypted connection to the peer failed.",
    "peer_closed": "The peer closed the link.",
    "protocol_error": "The peer sent what no honest peer sends.",
}


def _complete(statuses: list[ReceiptStatus], count: int) -> list[ReceiptStatus]:
    if len(statuses) == count:
        return statuses
    _LOGGER.error("link_messages returned %d of %d statuses", len(statuses), count)
    return [ReceiptStatus.BUSY] * count


def _not_open() -> UnreachableError:
    return UnreachableError("link_closed", "The link to the peer is not open.")
