"""Messages on a link without I/O: bundling, chunking, credit, receipts, and pacing.

What is queued together travels together: up to 32 KiB of messages are compressed into one frame of
at most 16 KiB. Larger messages go as chunks, one at a time. The peer's credit bounds what it has
not receipted yet, so nothing on either side grows without limit.
"""

from collections import deque
from collections.abc import Sequence
import math
from typing import Final, Protocol

from ..model import ReceiptStatus
from .frames import (
    MAX_BODY,
    MAX_FRAME,
    MAX_MESSAGES,
    MAX_RECEIPTS,
    MAX_UNIT,
    OVERHEAD,
    PACKET,
    SIGNATURE,
    Channel,
    FrameError,
    FrameType,
    Message,
    Receipt,
    encode_batch,
    encode_bodies,
    encode_start,
    pack,
    statuses_of,
    unpack,
)

CREDIT: Final = MAX_BODY + OVERHEAD + 64 * 1024
"""Bytes of messages a peer may have under way: one of the largest, and then some."""
MAX_SMALL: Final = 15 * 1024
"""Bodies up to here are bundled; larger ones are chunked."""
QUEUE_MESSAGES: Final = 1024
QUEUE_BYTES: Final = 2 * 1024 * 1024
"""Bounds of what waits in an ``Outbox``."""
HOLD: Final = 0.0015
"""Seconds between part-filled bundles while two are not receipted: fewer, fuller packets."""
MIN_IN_FLIGHT: Final = 32 * 1024
MAX_IN_FLIGHT: Final = 192 * 1024
"""Bounds of the bytes inside the WebRTC stack; the upper one stays below the 256 KiB of
unassembled data that a peer's guard tolerates."""
STANDING: Final = 0.1
"""Seconds of queueing allowed inside the stack: what a small frame may have to wait."""

_PIGGYBACK: Final = 512
_FULL: Final = (MAX_FRAME // PACKET - 1) * PACKET - 128
"""Bytes that a full bundle aims at: whole packets, with a little room for what it compresses to."""
_CHUNK: Final = MAX_FRAME - 128
_FREE_PARTIALS: Final = 2
_POOR_SKIP: Final = 8
_RATE_WINDOW: Final = 0.05


class Waiter(Protocol):
    """Who waits for a receipt: an ``asyncio.Future``, for one."""

    def done(self) -> bool:
        """Tell whether nobody waits any more."""

    def set_result(self, status: ReceiptStatus, /) -> None:
        """Take the receipt; not called when ``done``."""

    def set_exception(self, error: Exception, /) -> None:
        """Learn why there is none; not called when ``done``."""


class Outgoing[W: Waiter]:
    """One message on its way."""

    __slots__ = ("body", "cost", "deadline", "signature", "waiter")

    def __init__(
        self, body: bytes, signature: bytes, waiter: W, deadline: float = math.inf
    ) -> None:
        """Hold the message, whatever the caller resolves on the receipt, and until when."""
        self.body = body
        self.signature = signature
        self.cost = len(body) + OVERHEAD
        self.waiter = waiter
        self.deadline = deadline

    @property
    def dropped(self) -> bool:
        """Whether the message need not be sent any more."""
        return self.waiter.done()


class Outbox[W: Waiter]:
    """Queues messages and receipts and turns them into frames."""

    def __init__(self, credit: int) -> None:
        """Start with the bytes of *credit* that the peer's HELLO granted."""
        self.hold_until: float | None = None
        """When ``next_frame`` wants to be asked again although nothing happened, seconds."""
        self.queued_bytes = 0
        self._credit = credit
        self._small: deque[Outgoing[W]] = deque()
        self._large: deque[Outgoing[W]] = deque()
        self._receipts: deque[Receipt] = deque()
        self._units: dict[int, tuple[int, list[Outgoing[W]], bool]] = {}
        self._partials = 0
        self._last_partial = 0.0
        self._next_unit = 0
        self._target = _FULL
        self._skip = 0
        self._bulk: Outgoing[W] | None = None
        self._position = 0
        self._turn = False

    @property
    def has_room(self) -> bool:
        """Whether another message may be queued."""
        return (
            len(self._small) + len(self._large) < QUEUE_MESSAGES and self.queued_bytes < QUEUE_BYTES
        )

    @property
    def has_messages(self) -> bool:
        """Whether small messages wait to be sent."""
        return bool(self._small)

    @property
    def empty(self) -> bool:
        """Whether nothing waits to be sent."""
        return not (self._small or self._large or self._bulk or self._receipts)

    def put(self, outgoing: Outgoing[W]) -> None:
        """Queue a message; check ``has_room`` first.

        Raises:
            ValueError: Empty, or larger than ``MAX_BODY``.

        """
        if not 0 < len(outgoing.body) <= MAX_BODY:
            raise ValueError("a message has 1 byte to 1 MiB + 16 KiB")
        self.queued_bytes += outgoing.cost
        (self._small if len(outgoing.body) <= MAX_SMALL else self._large).append(outgoing)

    def receipt(self, unit: int, statuses: bytes) -> None:
        """Queue the receipt for a unit of the peer."""
        self._receipts.append((unit, statuses))

    def receipted(self, receipt: Receipt) -> list[tuple[Outgoing[W], ReceiptStatus]]:
        """Take the peer's receipt: its credit is back.

        Raises:
            FrameError: For a unit that is not under way, or another number of messages.

        """
        number, statuses = receipt
        cost, messages, partial = self._units.pop(number, (0, [], False))
        if not messages or len(messages) != len(statuses):
            raise FrameError("receipt for what was not sent")
        self._credit += cost
        self._partials -= partial
        return list(zip(messages, statuses_of(statuses), strict=True))

    def take_receipts(self) -> bytes | None:
        """Return a frame of receipts alone, if any wait; it needs no room in flight."""
        receipts = self._some_receipts(MAX_FRAME)
        return encode_batch(receipts) if receipts else None

    def next_frame(self, now: float) -> tuple[Channel, bytes] | None:
        """Return the next frame of messages, or None when nothing may go now."""
        self.hold_until = None
        self._turn = not self._turn
        order = (self._bundle, self._chunk) if self._turn else (self._chunk, self._bundle)
        return order[0](now) or order[1](now)

    def abandon(self) -> list[Outgoing[W]]:
        """Return every message without a receipt, and forget them."""
        left = self._waiting()
        self._units.clear()
        self._small.clear()
        self._large.clear()
        self._receipts.clear()
        self._bulk = None
        self.queued_bytes = 0
        return left

    def overdue(self, now: float) -> tuple[list[Outgoing[W]], float]:
        """Return the messages nobody should wait for any longer, and when to look again.

        One look at everything that waits, once in a timeout, is cheaper than a timer for each.
        """
        waiting = [outgoing for outgoing in self._waiting() if not outgoing.dropped]
        late = [outgoing for outgoing in waiting if outgoing.deadline <= now]
        later = (outgoing.deadline for outgoing in waiting if outgoing.deadline > now)
        return late, min(later, default=math.inf)

    def _waiting(self) -> list[Outgoing[W]]:
        # A large message is in a unit from its first byte on.
        sent = [outgoing for _, messages, _ in self._units.values() for outgoing in messages]
        return [*sent, *self._small, *self._large]

    def _some_receipts(self, limit: int) -> list[Receipt]:
        chosen: list[Receipt] = []
        size = 2
        while self._receipts and len(chosen) < MAX_RECEIPTS:
            size += 5 + len(self._receipts[0][1])
            if size > limit:
                break
            chosen.append(self._receipts.popleft())
        return chosen

    def _bundle(self, now: float) -> tuple[Channel, bytes] | None:
        queue = self._small
        while queue and queue[0].dropped:
            self.queued_bytes -= queue.popleft().cost
        if not queue or queue[0].cost > self._credit:
            return None
        chosen: list[Outgoing[W]] = []
        cost = 0
        for outgoing in queue:
            if outgoing.dropped:
                continue
            total = cost + outgoing.cost
            if chosen and (total > self._target or len(chosen) >= MAX_MESSAGES):
                break
            if total > self._credit:
                break
            chosen.append(outgoing)
            cost = total
        full = cost * 2 > self._target or len(chosen) >= MAX_MESSAGES
        if not full and self._partials >= _FREE_PARTIALS and now < self._last_partial + HOLD:
            self.hold_until = self._last_partial + HOLD
            return None
        packed = self._bundled(chosen)
        while len(packed) + SIGNATURE * len(chosen) > MAX_FRAME - _PIGGYBACK - 8:
            # They compressed worse than the last ones: half as many fit for certain in the end.
            self._target = max(MAX_SMALL, self._target // 2)
            chosen = chosen[: max(1, len(chosen) // 2)]
            packed = self._bundled(chosen)
        cost = self._dequeue(queue, chosen)
        if full:
            size = len(packed) + SIGNATURE * len(chosen)
            self._target = max(MAX_SMALL, min(MAX_UNIT, cost * _FULL // size))
        else:
            self._partials += 1
            self._last_partial = now
        unit = self._register(cost, chosen, partial=not full)
        return Channel.CONTROL, encode_batch(
            self._some_receipts(_PIGGYBACK), unit, [o.signature for o in chosen], packed
        )

    def _dequeue(self, queue: deque[Outgoing[W]], chosen: list[Outgoing[W]]) -> int:
        cost, left = 0, len(chosen)
        while left:
            outgoing = queue.popleft()
            self.queued_bytes -= outgoing.cost
            if not outgoing.dropped:
                cost += outgoing.cost
                left -= 1
        return cost

    def _register(self, cost: int, messages: list[Outgoing[W]], *, partial: bool) -> int:
        unit = self._next_unit
        self._next_unit = (unit + 1) % 2**32
        self._units[unit] = (cost, messages, partial)
        self._credit -= cost
        return unit

    def _chunk(self, _now: float) -> tuple[Channel, bytes] | None:
        if self._bulk is None:
            queue = self._large
            while queue and queue[0].dropped:
                self.queued_bytes -= queue.popleft().cost
            if not queue or queue[0].cost > self._credit:
                return None
            outgoing = queue.popleft()
            self._bulk, self._position = outgoing, 0
            unit = self._register(outgoing.cost, [outgoing], partial=False)
            return Channel.BULK, encode_start(unit, len(outgoing.body), outgoing.signature)
        outgoing = self._bulk
        piece = outgoing.body[self._position : self._position + _CHUNK]
        self._position += len(piece)
        if self._position >= len(outgoing.body):
            self.queued_bytes -= outgoing.cost
            self._bulk = None
        return Channel.BULK, bytes([FrameType.CHUNK]) + self._packed(piece)

    def _bundled(self, chosen: list[Outgoing[W]]) -> bytes:
        return self._packed(encode_bodies([o.body for o in chosen]), SIGNATURE * len(chosen))

    def _packed(self, data: bytes, beside: int = 0) -> bytes:
        if self._skip:
            self._skip -= 1
            return pack(data, compress=False)
        packed = pack(data, beside=beside)
        if packed[0] == 0 and len(data) > MAX_FRAME // 4:
            self._skip = _POOR_SKIP
        return packed


class Inbox:
    """Checks what a peer sends against the credit it has, and puts chunks together."""

    def __init__(self, credit: int = CREDIT) -> None:
        """Grant *credit* bytes."""
        self._credit = credit
        self._units: dict[int, int] = {}
        self._bulk: tuple[int, int, bytes] | None = None
        self._parts: list[bytes] = []
        self._size = 0

    def bundle(self, unit: int, messages: Sequence[Message]) -> None:
        """Take a bundle.

        Raises:
            FrameError: Beyond the credit, or a unit twice.

        """
        self._charge(unit, sum(len(body) for body, _ in messages) + OVERHEAD * len(messages))

    def start(self, unit: int, size: int, signature: bytes) -> None:
        """Take the START of a large message of *size* bytes.

        Raises:
            FrameError: Beyond the credit, a unit twice, or before the last one ended.

        """
        if self._bulk is not None:
            raise FrameError("two large messages at a time")
        self._charge(unit, size + OVERHEAD)
        self._bulk = (unit, size, signature)

    def chunk(self, packed: bytes) -> tuple[int, Message] | None:
        """Take a CHUNK; return unit and message when it is complete.

        Raises:
            FrameError: Without START, empty, malformed, or too long.

        """
        if self._bulk is None:
            raise FrameError("a chunk of nothing")
        unit, size, signature = self._bulk
        piece = unpack(packed, min(MAX_UNIT, size - self._size))
        if not piece:
            raise FrameError("empty chunk")
        self._parts.append(piece)
        self._size += len(piece)
        if self._size < size:
            return None
        body = b"".join(self._parts)
        self._bulk, self._parts, self._size = None, [], 0
        return unit, (body, signature)

    def receipted(self, unit: int) -> None:
        """Give the credit of a unit back: its receipt goes out."""
        self._credit += self._units.pop(unit)

    def _charge(self, unit: int, cost: int) -> None:
        if unit in self._units or cost > self._credit:
            raise FrameError("beyond the credit")
        self._units[unit] = cost
        self._credit -= cost


class Pacer:
    """Bounds the bytes inside the WebRTC stack to what it sends in 100 ms beyond one round trip.

    All channels share one queue there, so this is what a small frame waits behind bulk. A fresh
    link starts gently: its first burst would overflow the socket's receive buffer.
    """

    def __init__(self) -> None:
        """Start with the smallest bound."""
        self.limit = MIN_IN_FLIGHT
        self._rate = 0.0
        self._since: float | None = None
        self._delivered = 0

    def delivered(self, total: int, rtt: float, now: float) -> None:
        """Learn that *total* bytes were delivered so far; *rtt* and *now* in seconds."""
        if self._since is None or total < self._delivered:
            self._since, self._delivered = now, total
            return
        elapsed = now - self._since
        if elapsed < _RATE_WINDOW:
            return
        fresh = (total - self._delivered) / elapsed
        self._rate = max(fresh, 0.7 * self._rate + 0.3 * fresh)
        self._since, self._delivered = now, total
        wanted = int(self._rate * (STANDING + rtt))
        self.limit = max(MIN_IN_FLIGHT, min(MAX_IN_FLIGHT, wanted))


class Budget:
    """Bounds what a peer may send outside the credit: *rate* per second, *burst* at once."""

    def __init__(self, rate: float, burst: float, now: float) -> None:
        """Start full."""
        self._rate = rate
        self._burst = burst
        self._left = burst
        self._at = now

    def take(self, amount: float, now: float) -> bool:
        """Take *amount* if it is there."""
        self._left = min(self._burst, self._left + self._rate * max(0.0, now - self._at))
        self._at = now
        if amount > self._left:
            return False
        self._left -= amount
        return True
