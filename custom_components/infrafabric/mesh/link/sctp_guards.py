"""Guards and repairs for one SCTP association of aiortc 1.16.

aiortc trusts its peer: a SACK may name a billion chunks, a parameter of length zero never ends, a
message may never end, any stream may open a channel. Here every packet is checked before aiortc
sees it, and the methods that need bounds are replaced on the instance, never on the class or
module: other users of aiortc in this process are not touched. The CRC function is the one
exception, because aiortc can only take it from its module.

A peer that trips a guard loses its link; no honest peer does.
"""
# Everything here is about private parts of one pinned version: ruff: noqa: SLF001

import asyncio
from collections.abc import Callable, Coroutine, Sequence
import logging
from typing import TYPE_CHECKING, Any, Final

from aiortc import rtcsctptransport
from aiortc.rtcsctptransport import (
    DATA_CHANNEL_OPEN,
    SCTP_MAX_PACKET_LENGTH,
    WEBRTC_BINARY,
    Chunk,
    DataChunk,
    ForwardTsnChunk,
    RTCSctpTransport,
    SackChunk,
    parse_packet,
    serialize_packet,
)
import google_crc32c

from .frames import MAX_FRAME, Channel
from .sctp_form import CLOSING, COMMON_HEADER, HEARTBEAT, ORDINARY, SETUP, Violation, well_formed
from .sctp_ordinary import LazyTimer, Ordinary, whole
from .sctp_wire import HEADER, read_ordinary, write_data
from .shortcut import Shortcut, run_through

_c_crc: Callable[[bytes], int] | None
try:
    from crc32c import crc32c as _c_crc
except ImportError:
    # Every platform of Home Assistant has a wheel; elsewhere a link is slow, but it works.
    _c_crc = None

if TYPE_CHECKING:
    from aiortc import RTCDataChannel

_LOGGER: Final = logging.getLogger(__name__)

MAX_UNASSEMBLED: Final = 256 * 1024
"""Bytes of unfinished messages held for a peer."""
MAX_FRAGMENTS: Final = 1024
"""Fragments of unfinished messages held for a peer."""
MAX_TSN_AHEAD: Final = 1024
"""How far beyond the last gapless chunk one may be; others are dropped and sent again."""
RTO_INITIAL: Final = 0.5
RTO_MIN: Final = 0.2
"""Retransmission timeouts, seconds; aiortc's own are 3 and 1."""
RTO_MAX: Final = 60.0
SACK_EVERY: Final = 2
"""Packets per acknowledgement (RFC 9260 section 6.2) …"""
SACK_EVERY_NEAR: Final = 4
"""… and over a round trip below ``NEAR``, where the sender's window is not what limits it: an
acknowledgement costs as much as a packet of data."""
NEAR: Final = 0.03
SACK_DELAY: Final = 0.005
"""Longest delay of an acknowledgement, seconds: far below the retransmission timeout."""

_TSN_MASK: Final = 2**32 - 1
_TSN_HALF: Final = 2**31
_ROOM_FOR_SACK: Final = SCTP_MAX_PACKET_LENGTH - COMMON_HEADER - 2 * HEADER
_DCEP: Final = 50
_STREAMS: Final = frozenset(int(channel) for channel in Channel)
_CRC_NAME: Final = "crc32c"
"""The name by which aiortc imported google-crc32c's function."""


def install_fast_crc() -> bool:
    """Give aiortc a CRC32C in C; return whether it has one now.

    Where google-crc32c is pure Python (musl systems such as Home Assistant OS), every packet
    would cost a third of a millisecond.
    """
    if google_crc32c.implementation == "c":
        return True
    if _c_crc is None:
        return False
    setattr(rtcsctptransport, _CRC_NAME, _c_crc)
    return True


type _Handler[T] = Callable[[T], Coroutine[Any, Any, None]]


class SctpGuard:
    """Replaces methods of one ``RTCSctpTransport``; install it before the association starts."""

    def __init__(
        self,
        sctp: RTCSctpTransport,
        *,
        on_frame: Callable[[int, bytes], None],
        on_progress: Callable[[], None],
        on_violation: Callable[[str], None],
    ) -> None:
        """Guard *sctp*.

        Args:
            sctp: A fresh transport.
            on_frame: Gets every complete message with its stream id.
            on_progress: Called when the peer acknowledged something.
            on_violation: Called once with a reason code when the peer trips a guard
                (``protocol_error``) or takes the association down (``peer_closed``).

        """
        self.established = False
        """Whether the link is open: the association is never set up again."""
        self.shortcut = Shortcut(sctp.transport)
        self._ordinary = Ordinary(sctp)
        self._sctp = sctp
        self._on_frame = on_frame
        self._on_progress = on_progress
        self._on_violation = on_violation
        self._loop = asyncio.get_running_loop()
        self._tripped = False
        self._least_rtt = RTO_MAX
        """How far the peer is: unlike the smoothed round trip, without what waits in queues."""
        self._unsacked = 0
        self._sack_timer = LazyTimer(self._loop, self._sack_due)
        self._t3 = LazyTimer(self._loop, self._t3_expired)
        self._handle: _Handler[bytes] = sctp._handle_data
        self._data_chunk: _Handler[DataChunk] = sctp._receive_data_chunk
        self._sack_chunk: _Handler[SackChunk] = sctp._receive_sack_chunk
        self._forward: _Handler[ForwardTsnChunk] = sctp._receive_forward_tsn_chunk
        self._send_sack_now: Callable[[], Coroutine[Any, Any, None]] = sctp._send_sack
        self._send: _Handler[Chunk] = sctp._send_chunk
        sctp._rto = RTO_INITIAL
        sctp._advertised_rwnd = MAX_UNASSEMBLED
        sctp._inbound_streams_max = len(Channel)
        sctp._outbound_streams_count = len(Channel)
        replacements: dict[str, Callable[..., Any]] = {
            "_handle_data": self.handle_data,
            "_mark_received": self._mark_received,
            "_receive": self._receive,
            "_receive_data_chunk": self._receive_data_chunk,
            "_receive_forward_tsn_chunk": self._receive_forward_tsn_chunk,
            "_receive_sack_chunk": self._receive_sack_chunk,
            "_send_chunk": self._send_chunk,
            "_send_sack": self._send_sack,
            "_t3_cancel": self._t3_cancel,
            "_t3_restart": self._t3_start,
            "_t3_start": self._t3_start,
            "_update_rto": self._update_rto,
        }
        for name, method in replacements.items():
            setattr(sctp, name, method)

    @property
    def backlog(self) -> int:
        """Bytes inside the WebRTC stack that the peer has not acknowledged (rounded up)."""
        sctp = self._sctp
        backlog = int(sctp._flight_size)
        if sctp._data_channel_queue or sctp._outbound_queue:
            backlog += sum(len(data) for _, _, data in sctp._data_channel_queue)
            backlog += len(sctp._outbound_queue) * 1160
        return backlog

    @property
    def rtt(self) -> float:
        """SCTP's smoothed round-trip time, seconds; 0 before the first."""
        return self._sctp._srtt or 0.0

    def establish(self) -> None:
        """The link is open: from now on packets take the short way."""
        self.established = True
        self.shortcut.open(self._take)

    def send(self, channel: RTCDataChannel, frame: bytes) -> None:
        """Send *frame* on an open channel."""
        sctp = self._sctp
        stream = channel.id
        busy = sctp._data_channel_queue or sctp._outbound_queue
        if not self.established or busy or stream is None:
            # It waits its turn; aiortc sends it when there is room.
            channel.send(frame)
            return
        try:
            chunk = self._ordinary.sent(
                stream, frame, ordered=channel.ordered, max_retransmits=channel.maxRetransmits
            )
            if chunk is not None:
                self._send_at_once(chunk)
                if sctp._t3_handle is None:
                    self._t3_start()
                return
            run_through(
                sctp._send(
                    stream,
                    WEBRTC_BINARY,
                    frame,
                    max_retransmits=channel.maxRetransmits,
                    ordered=channel.ordered,
                )
            )
        except ConnectionError:
            _LOGGER.debug("A frame found the connection gone")

    def stop(self) -> None:
        """Leave no timer; nothing is delivered any more."""
        self._tripped = True
        self._sack_timer.stop()
        self._t3.stop()

    def trip(self, reason: str, detail: str) -> None:
        """Report a broken bound, once, and drop everything that still arrives."""
        if not self._tripped:
            self.stop()
            _LOGGER.debug("A peer's association is closed: %s", detail)
            self._on_violation(reason)

    async def handle_data(self, data: bytes) -> None:
        """Check one decrypted packet of an association that is set up and hand it to aiortc."""
        if self._tripped:
            return
        try:
            if self._check(data) is not None:
                await self._handle(data)
        except ConnectionError:
            raise
        except Exception as err:  # noqa: BLE001 - aiortc raises anything on hostile input
            self._broken(err)

    def _take(self, data: bytes) -> None:
        """Check one decrypted packet of an open link and handle it."""
        if self._tripped:
            return
        try:
            chunks = read_ordinary(data, self._sctp._local_verification_tag)
            if chunks is not None:
                self._take_ordinary(chunks)
            elif (types := self._check(data)) is None:
                return
            elif ORDINARY.issuperset(types):
                self._take_ordinary(self._parse(data))
            else:
                run_through(self._handle(data))
        except ConnectionError:
            raise
        except Exception as err:  # noqa: BLE001 - aiortc raises anything on hostile input
            self._broken(err)

    def _check(self, data: bytes) -> list[int] | None:
        """Return the types of a packet's chunks, or None if it is to be dropped."""
        types = well_formed(data)
        if ORDINARY.issuperset(types):
            return types
        if not CLOSING.isdisjoint(types):
            self.trip("peer_closed", "the peer shut the association down")
            return None
        if self.established and not SETUP.isdisjoint(types):
            # A late duplicate of the set-up; taking it would start the counters anew.
            return None
        if types.count(HEARTBEAT) > 1:
            raise Violation("one packet asks for many")
        return types

    def _broken(self, error: Exception) -> None:
        self.trip("protocol_error", str(error) if isinstance(error, Violation) else repr(error))

    def _parse(self, data: bytes) -> Sequence[Chunk]:
        """Return the chunks of a packet as aiortc reads it; none if it is not for us."""
        try:
            _, _, tag, chunks = parse_packet(data)
        except ValueError:
            return ()
        return chunks if tag == self._sctp._local_verification_tag else ()

    def _take_ordinary(self, chunks: Sequence[Chunk]) -> None:
        """Do with data and acknowledgements what aiortc's ``_handle_data`` does."""
        sctp = self._sctp
        if not chunks:
            return
        for chunk in chunks:
            if isinstance(chunk, DataChunk):
                self._take_data(chunk)
            elif isinstance(chunk, SackChunk) and self._credible(chunk):
                if not self._ordinary.acknowledged(chunk):
                    run_through(self._sack_chunk(chunk))
                elif sctp._data_channel_queue or sctp._outbound_queue:
                    run_through(sctp._data_channel_flush())
                    run_through(sctp._transmit())
                self._on_progress()
        if sctp._sack_needed:
            run_through(self._send_sack())
        elif self._unsacked:
            self._sack_soon()

    def _take_data(self, chunk: DataChunk) -> None:
        if not self._expected(chunk):
            return
        if not self._ordinary.data(chunk):
            run_through(self._data_chunk(chunk))
        else:
            # Before it is delivered: what is sent in answer carries the acknowledgement.
            self._unsacked += 1
            if whole(chunk):
                self._whole(chunk.stream_id, chunk.user_data)
                return
        self._check_unfinished()

    async def _receive(self, stream_id: int, _pp_id: int, data: bytes) -> None:
        self._whole(stream_id, data)

    def _whole(self, stream_id: int, data: bytes) -> None:
        if len(data) > MAX_FRAME:
            raise Violation("a frame is too large")
        if not self._tripped:
            self._on_frame(stream_id, data)

    def _ahead(self, tsn: int) -> int:
        last = self._sctp._last_received_tsn
        if last is None:
            raise Violation("data before the association")
        return (tsn - last) & _TSN_MASK

    def _expected(self, chunk: DataChunk) -> bool:
        """Check data against the bounds; False: to be dropped, it comes again."""
        if chunk.protocol != WEBRTC_BINARY or chunk.stream_id not in _STREAMS:
            opens = chunk.protocol == _DCEP and chunk.user_data[:1] == bytes([DATA_CHANNEL_OPEN])
            raise Violation("a channel is opened in-band" if opens else "data on no channel")
        if not chunk.user_data:
            raise Violation("empty data")
        return not MAX_TSN_AHEAD < self._ahead(chunk.tsn) < _TSN_HALF

    def _check_unfinished(self) -> None:
        sctp = self._sctp
        fragments = 0
        for stream in sctp._inbound_streams.values():
            fragments += len(stream.reassembly)
        if sctp._advertised_rwnd < 0 or fragments > MAX_FRAGMENTS:
            raise Violation("too much unfinished data")

    async def _receive_data_chunk(self, chunk: DataChunk) -> None:
        if self._expected(chunk):
            await self._data_chunk(chunk)
            self._check_unfinished()

    async def _receive_forward_tsn_chunk(self, chunk: ForwardTsnChunk) -> None:
        ahead = self._ahead(chunk.cumulative_tsn)
        if MAX_TSN_AHEAD < ahead < _TSN_HALF or any(
            stream_id not in _STREAMS for stream_id, _ in chunk.streams
        ):
            raise Violation("FORWARD-TSN beyond what can be under way")
        await self._forward(chunk)

    async def _receive_sack_chunk(self, chunk: SackChunk) -> None:
        if self._credible(chunk):
            await self._sack_chunk(chunk)
            self._on_progress()

    def _credible(self, chunk: SackChunk) -> bool:
        """Check an acknowledgement against what was sent; False: it is an old one."""
        sctp = self._sctp
        highest = sctp._local_tsn - 1 - len(sctp._outbound_queue)
        under_way = (highest - chunk.cumulative_tsn) & _TSN_MASK
        if under_way >= _TSN_HALF:
            raise Violation("acknowledges what was not sent")
        if 0 < (sctp._last_sacked_tsn - chunk.cumulative_tsn) & _TSN_MASK < _TSN_HALF:
            return False
        named = 0
        for first, last in chunk.gaps:
            named += last - first + 1
            if not 0 < first <= last <= under_way or named > under_way:
                raise Violation("acknowledges gaps beyond what was sent")
        return True

    def _mark_received(self, tsn: int) -> bool:
        # aiortc sorts and filters everything received out of order for every chunk.
        sctp = self._sctp
        ahead = self._ahead(tsn)
        misordered = sctp._sack_misordered
        if ahead == 0 or ahead >= _TSN_HALF or tsn in misordered:
            sctp._sack_duplicates.append(tsn)
            return True
        if ahead > 1:
            misordered.add(tsn)
            return False
        while misordered and (following := (tsn + 1) & _TSN_MASK) in misordered:
            misordered.remove(following)
            tsn = following
        sctp._last_received_tsn = tsn
        return False

    def _update_rto(self, sample: float) -> None:
        # The samples are differences of wall-clock times: a stepped clock must not stall a link.
        if not 0 <= sample < RTO_MAX:
            return
        self._least_rtt = min(self._least_rtt, sample)
        sctp = self._sctp
        if sctp._srtt is None or sctp._rttvar is None:
            sctp._rttvar = sample / 2
            sctp._srtt = sample
        else:
            sctp._rttvar += (abs(sctp._srtt - sample) - sctp._rttvar) / 4
            sctp._srtt += (sample - sctp._srtt) / 8
        sctp._rto = max(RTO_MIN, min(sctp._srtt + 4 * sctp._rttvar, RTO_MAX))

    def _t3_start(self) -> None:
        self._t3.start(self._sctp._rto)
        vars(self._sctp)["_t3_handle"] = self._t3

    def _t3_cancel(self) -> None:
        self._t3.cancel()
        self._sctp._t3_handle = None

    def _t3_expired(self) -> None:
        self._ordinary.lost()
        self._sctp._t3_expired()

    async def _send_sack(self) -> None:
        self._sctp._sack_needed = False
        self._unsacked += 1
        self._sack_soon()

    def _sack_soon(self) -> None:
        sctp = self._sctp
        every = SACK_EVERY_NEAR if self._least_rtt < NEAR else SACK_EVERY
        if self._unsacked >= every or sctp._sack_misordered or sctp._sack_duplicates:
            run_through(self._flush_sack())
        elif not self._sack_timer.running:
            self._sack_timer.start(SACK_DELAY)

    def _sack_due(self) -> None:
        if self._unsacked:
            run_through(self._flush_sack())

    async def _flush_sack(self) -> None:
        self._unsacked = 0
        self._sack_timer.cancel()
        try:
            await self._send_sack_now()
        except ConnectionError:
            _LOGGER.debug("An acknowledgement found the connection gone")

    async def _send_chunk(self, chunk: Chunk) -> None:
        if self.established:
            self._send_at_once(chunk)
        else:
            await self._send(chunk)

    def _send_at_once(self, chunk: Chunk) -> None:
        sctp = self._sctp
        port, tag = sctp._remote_port, sctp._remote_verification_tag
        if port is None:
            return
        if isinstance(chunk, DataChunk):
            packet = write_data(sctp._local_port, port, tag, chunk, self._sack_beside(chunk))
        else:
            packet = serialize_packet(sctp._local_port, port, tag, chunk)
        try:
            self.shortcut.send(packet)
        except ConnectionError:
            # aiortc's timers send from tasks that nobody awaits. The packet is lost, as on a wire.
            _LOGGER.debug("A packet found the connection gone")

    def _sack_beside(self, chunk: DataChunk) -> tuple[int, int] | None:
        """Return the acknowledgement that is due if it can go without gaps, and has room."""
        sctp = self._sctp
        last = sctp._last_received_tsn
        if (
            not self._unsacked
            or last is None
            or sctp._sack_misordered
            or len(chunk.user_data) > _ROOM_FOR_SACK
        ):
            return None
        self._unsacked = 0
        self._sack_timer.cancel()
        return last, max(0, sctp._advertised_rwnd)
