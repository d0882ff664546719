"""The ordinary packet of an open association, as aiortc would handle it, in a fraction of the time.

Nearly every chunk is data that comes next, or an acknowledgement without gaps of data that was sent
once (RFC 9260 sections 6.2 and 6.3). Whatever is not so is left to aiortc, untouched.
"""
# Everything here is about private parts of one pinned version.

from collections.abc import Callable
import time
from typing import TYPE_CHECKING, Final

from aiortc.rtcsctptransport import (
    SCTP_DATA_FIRST_FRAG,
    SCTP_DATA_LAST_FRAG,
    SCTP_DATA_UNORDERED,
    USERDATA_MAX_LENGTH,
    WEBRTC_BINARY,
    DataChunk,
    RTCSctpTransport,
    SackChunk,
)

if TYPE_CHECKING:
    import asyncio

_TSN: Final = 2**32 - 1
_HALF: Final = 2**31
_WHOLE: Final = SCTP_DATA_FIRST_FRAG | SCTP_DATA_LAST_FRAG


def whole(chunk: DataChunk) -> bool:
    """Tell whether a chunk is a message of its own."""
    return chunk.flags & _WHOLE == _WHOLE


class Ordinary:
    """Takes the chunks of one association that need no thought."""

    def __init__(self, sctp: RTCSctpTransport) -> None:
        """Take chunks of *sctp*."""
        self._sctp = sctp
        self._lost_before: int | None = None

    def lost(self) -> None:
        """Learn that something sent so far may have to be sent again: aiortc sees to that."""
        self._lost_before = self._sctp._local_tsn

    def sent(
        self, stream: int, message: bytes, *, ordered: bool, max_retransmits: int | None
    ) -> DataChunk | None:
        """Return the chunk that carries a message, entered as sent; the caller sends it.

        Nothing may wait to be sent before it. Returns None, with nothing changed, if it takes more
        than one chunk, or has to wait, or aiortc has something else to send first.
        """
        sctp = self._sctp
        size = len(message)
        if (
            size > USERDATA_MAX_LENGTH
            or sctp._flight_size >= sctp._cwnd
            or self._lost_before is not None
            or sctp._fast_recovery_exit is not None
            or sctp._forward_tsn_chunk is not None
        ):
            return None
        chunk = DataChunk()
        chunk.flags = _WHOLE
        chunk.tsn = sctp._local_tsn
        chunk.stream_id = stream
        chunk.protocol = WEBRTC_BINARY
        chunk.user_data = message
        if ordered:
            chunk.stream_seq = sctp._outbound_stream_seq.get(stream, 0)
            sctp._outbound_stream_seq[stream] = (chunk.stream_seq + 1) & 0xFFFF
        else:
            chunk.flags = _WHOLE | SCTP_DATA_UNORDERED
        chunk._abandoned = chunk._acked = chunk._retransmit = False
        chunk._book_size = size
        chunk._expiry = None
        chunk._in_flight = True
        chunk._max_retransmits = max_retransmits
        chunk._misses = 0
        chunk._sent_count = 1
        chunk._sent_time = time.time()
        sctp._local_tsn = (chunk.tsn + 1) & _TSN
        sctp._flight_size += size
        sctp._sent_queue.append(chunk)
        return chunk

    def data(self, chunk: DataChunk) -> bool:
        """Take data that comes next and is a message of its own, or does not end one.

        Returns False, with nothing changed, for anything else; after True, the caller delivers it
        if it is ``whole``, and acknowledges it.
        """
        sctp = self._sctp
        if (
            sctp._last_received_tsn is None
            or chunk.tsn != (sctp._last_received_tsn + 1) & _TSN
            or sctp._sack_misordered
        ):
            return False
        stream = sctp._get_inbound_stream(chunk.stream_id)
        if not chunk.flags & SCTP_DATA_LAST_FRAG:
            # Nothing is missing, so only its last fragment makes a message complete.
            stream.reassembly.append(chunk)
            sctp._advertised_rwnd -= len(chunk.user_data)
        elif whole(chunk) and not stream.reassembly:
            if not chunk.flags & SCTP_DATA_UNORDERED:
                if chunk.stream_seq != stream.sequence_number:
                    return False
                stream.sequence_number = (chunk.stream_seq + 1) & 0xFFFF
        else:
            return False
        sctp._last_received_tsn = chunk.tsn
        return True

    def acknowledged(self, chunk: SackChunk) -> bool:
        """Take an acknowledgement without gaps while nothing is lost or given up.

        It must not be older than the last one. Returns False, with nothing changed, otherwise;
        after True, the caller sends what has room now.
        """
        sctp = self._sctp
        sent = sctp._sent_queue
        tsn = chunk.cumulative_tsn
        if chunk.gaps:
            self.lost()
        elif self._lost_before is not None and (tsn + 1 - self._lost_before) & _TSN < _HALF:
            self._lost_before = None
        if (
            self._lost_before is not None
            or sctp._fast_recovery_exit is not None
            or sctp._forward_tsn_streams
            or sctp._advanced_peer_ack_tsn != sctp._last_sacked_tsn
        ):
            return False
        now = time.time()
        sctp._last_sacked_tsn = sctp._advanced_peer_ack_tsn = tsn
        full = sctp._flight_size >= sctp._cwnd
        first, size = True, 0
        while sent and (tsn - sent[0].tsn) & _TSN < _HALF:
            acked = sent.popleft()
            if not acked._acked:
                size += acked._book_size
            sctp._flight_size_decrease(acked)
            if first and acked._sent_count == 1 and acked._sent_time is not None:
                sctp._update_rto(now - acked._sent_time)
            first = False
        if not first and full:
            self._widen(size)
        if not sent:
            sctp._t3_cancel()
        elif not first:
            sctp._t3_restart()
        return True

    def _widen(self, size: int) -> None:
        """Let more be under way after *size* bytes arrived (RFC 9260 section 7.2)."""
        sctp = self._sctp
        if sctp._cwnd <= sctp._ssthresh:
            sctp._cwnd += min(size, USERDATA_MAX_LENGTH)
            return
        sctp._partial_bytes_acked += size
        if sctp._partial_bytes_acked >= sctp._cwnd:
            sctp._partial_bytes_acked -= sctp._cwnd
            sctp._cwnd += USERDATA_MAX_LENGTH


class LazyTimer:
    """A timer that is set anew for every packet without telling the event loop each time.

    It stands in for the handle of aiortc's T3, the retransmission timer.
    """

    def __init__(self, loop: asyncio.AbstractEventLoop, expired: Callable[[], None]) -> None:
        """Call *expired* when it runs out."""
        self._loop = loop
        self._expired = expired
        self._due: float | None = None
        self._handle: asyncio.TimerHandle | None = None
        self._stopped = False

    @property
    def running(self) -> bool:
        """Whether it will run out."""
        return self._due is not None

    def start(self, seconds: float) -> None:
        """Run out in so many seconds, not earlier as it may have been set to.

        Once stopped, never.
        """
        if self._stopped:
            return
        self._due = due = self._loop.time() + seconds
        if self._handle is not None and self._handle.when() > due:
            self._handle.cancel()
            self._handle = None
        if self._handle is None:
            self._handle = self._loop.call_at(due, self._fired)

    def cancel(self) -> None:
        """Do not run out."""
        self._due = None

    def stop(self) -> None:
        """Leave nothing with the event loop, for good.

        A task of aiortc may still find data to send, and would set the timer again for ever.
        """
        self._stopped = True
        self._due = None
        if self._handle is not None:
            self._handle.cancel()
            self._handle = None

    def _fired(self) -> None:
        self._handle = None
        if self._due is None:
            return
        if self._due > self._loop.time():
            self._handle = self._loop.call_at(self._due, self._fired)
            return
        self._due = None
        self._expired()
