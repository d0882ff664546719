"""What runs over an open link: messages with receipts, the node's control payloads, and gossip."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
import math
from typing import Final

from ..errors import InvalidError, MeshError
from ..model import ReceiptStatus
from .frames import (
    MAX_BODY,
    MAX_FRAME,
    Channel,
    FrameError,
    FrameType,
    Message,
    decode_batch,
    decode_control,
    decode_start,
    encode_control,
)
from .rtc import Rtc
from .transfer import Budget, Inbox, Outbox, Outgoing, Pacer, Waiter

MAX_CONTROL: Final = 64 * 1024
"""Largest payload of ``send_control``, bytes."""
MAX_GOSSIP: Final = MAX_FRAME - 1
"""Largest payload of ``send_gossip``, bytes."""
GOSSIP_BUFFER: Final = 64 * 1024
"""Gossip waiting in the stack beyond which more is refused, bytes."""
CONTROL_RATE: Final = (512 * 1024, 4 * 1024 * 1024)
"""Control bytes a peer may send per second, and at once: outside the credit of messages."""
GOSSIP_RATE: Final = (512 * 1024, 2 * 1024 * 1024)
"""Gossip bytes likewise."""
FRAME_COST: Final = 256
"""Bytes that each such frame counts beside its payload, so that tiny ones do not come free."""


type Statuses = list[ReceiptStatus] | Awaitable[list[ReceiptStatus]]


class Traffic:
    """Both directions of an open link; stopped once, with everything that waits."""

    def __init__(
        self,
        rtc: Rtc,
        *,
        clock: Callable[[], float],
        on_messages: Callable[[Sequence[Message]], Statuses],
        on_control: Callable[[bytes], None],
        on_gossip: Callable[[bytes], None],
    ) -> None:
        """Carry nothing before ``start``.

        Args:
            rtc: The connection.
            clock: Monotonic seconds.
            on_messages: Takes one bundle and returns a status each, or something to await for
                them; must not raise.
            on_control: Takes a control payload; must not raise.
            on_gossip: Takes a gossip payload; must not raise.

        """
        now = clock()
        self._rtc = rtc
        self._clock = clock
        self._on_messages = on_messages
        self._on_control = on_control
        self._on_gossip = on_gossip
        self._loop = asyncio.get_running_loop()
        self._error: MeshError | None = None
        self._outbox: Outbox[Waiter] = Outbox(0)
        self._inbox = Inbox()
        self._pacer = Pacer()
        self._sent = 0
        self._flush_due = False
        self._hold: asyncio.TimerHandle | None = None
        self._sweep: asyncio.TimerHandle | None = None
        self._arrived: deque[tuple[int, Sequence[Message]]] = deque()
        self._consumer: asyncio.Task[None] | None = None
        self._consuming = False
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._control_lock = asyncio.Lock()
        self._control: list[bytes] = []
        self._control_size = 0
        self._control_budget = Budget(*CONTROL_RATE, now)
        self._gossip_budget = Budget(*GOSSIP_RATE, now)
        self.receivers: dict[int, Callable[[bytes], None]] = {
            FrameType.BATCH: self._batch,
            FrameType.CONTROL: self._control_piece,
            FrameType.GOSSIP: self._gossip,
            FrameType.START: self._start_large,
            FrameType.CHUNK: self._chunk,
        }
        """Takes each frame's payload; raises ``FrameError``."""

    def start(self, credit: int) -> None:
        """Begin, with the *credit* bytes that the peer granted."""
        self._outbox = Outbox(credit)

    async def stop(self) -> None:
        """Wait for the end of the task, after ``fail``."""
        if self._consumer is not None and not self._consumer.done():
            self._consumer.cancel()
            await asyncio.wait([self._consumer])

    def fail(self, error: MeshError) -> None:
        """Let everything that waits raise *error* from now on."""
        self._error = error
        for timer in (self._hold, self._sweep):
            if timer is not None:
                timer.cancel()
        self._hold = self._sweep = None
        for outgoing in self._outbox.abandon():
            waiter = outgoing.waiter
            if not waiter.done():
                waiter.set_exception(error)
                if isinstance(waiter, asyncio.Future):
                    # Whoever queued it without waiting does not want it reported as forgotten.
                    waiter.exception()
        self._wake()

    # Sending

    async def send(self, body: bytes, signature: bytes) -> ReceiptStatus:
        """Queue a message, waiting for room, and return the peer's receipt.

        Raises:
            InvalidError: ``message_too_large``: more than 1 MiB + 16 KiB, or empty.
            UnreachableError: ``link_closed``.

        """
        while not self._outbox.has_room and self._error is None:
            await self._wait()
        waiter: asyncio.Future[ReceiptStatus] = self._loop.create_future()
        self.submit(body, signature, waiter)
        return await waiter

    def submit(
        self, body: bytes, signature: bytes, waiter: Waiter, seconds: float | None = None
    ) -> None:
        """Queue a message at once, whether there is room or not; see ``has_room``.

        The *waiter* gets the receipt, or without one after so many *seconds* a ``TimeoutError``.
        """
        if self._error is not None:
            raise self._error
        if not 0 < len(body) <= MAX_BODY:
            code, text = "message_too_large", "The message is empty or too large for a link."
            raise InvalidError(code, text)
        if seconds is None:
            self._outbox.put(Outgoing(body, signature, waiter))
        else:
            deadline = self._loop.time() + seconds
            self._outbox.put(Outgoing(body, signature, waiter, deadline))
            if self._sweep is None or deadline < self._sweep.when():
                self._sweep_at(deadline)
        self._schedule()

    def _sweep_at(self, when: float) -> None:
        if self._sweep is not None:
            self._sweep.cancel()
        self._sweep = None if math.isinf(when) else self._loop.call_at(when, self._swept)

    def _swept(self) -> None:
        late, next_at = self._outbox.overdue(self._loop.time())
        for outgoing in late:
            outgoing.waiter.set_exception(TimeoutError())
        self._sweep_at(next_at)

    @property
    def has_room(self) -> bool:
        """Whether ``send`` would queue without waiting."""
        return self._outbox.has_room

    async def send_control(self, payload: bytes) -> None:
        """Send a control payload of at most 64 KiB, waiting while too much is under way.

        Raises:
            ValueError: Too large.
            UnreachableError: ``link_closed``.

        """
        if len(payload) > MAX_CONTROL:
            raise ValueError("a control payload has at most 64 KiB")
        async with self._control_lock:
            for frame in encode_control(payload):
                while self._rtc.guard.backlog > self._pacer.limit and self._error is None:
                    await self._wait()
                if self._error is not None:
                    raise self._error
                self._transmit(Channel.CONTROL, frame)

    def send_gossip(self, payload: bytes) -> bool:
        """Send gossip of less than 16 KiB; False when too much is under way or the link is shut.

        Raises:
            ValueError: Too large.

        """
        if len(payload) > MAX_GOSSIP:
            raise ValueError("gossip has less than 16 KiB")
        if self._error is not None or self._rtc.buffered(Channel.GOSSIP) > GOSSIP_BUFFER:
            return False
        self._transmit(Channel.GOSSIP, bytes([FrameType.GOSSIP]) + payload)
        return True

    def progress(self) -> None:
        """The peer acknowledged data: learn the rate, send what has room now."""
        guard = self._rtc.guard
        self._pacer.delivered(self._sent - guard.backlog, guard.rtt, self._clock())
        if not self._outbox.empty:
            self._flush()
        self._wake()

    def _transmit(self, channel: Channel, frame: bytes) -> None:
        self._sent += len(frame)
        self._rtc.send(channel, frame)

    def _schedule(self) -> None:
        # What is queued in one turn of the loop travels in one frame.
        if not self._flush_due:
            self._flush_due = True
            self._loop.call_soon(self._turn_over)

    def _turn_over(self) -> None:
        if self._flush_due:
            self._flush()

    def _flush(self) -> None:
        self._flush_due = False
        if self._error is not None:
            return
        outbox = self._outbox
        room = self._pacer.limit - self._rtc.guard.backlog
        now = self._clock()
        while room > 0 and not outbox.empty and (frame := outbox.next_frame(now)) is not None:
            self._transmit(*frame)
            room -= len(frame[1])
        while (receipts := outbox.take_receipts()) is not None:
            self._transmit(Channel.CONTROL, receipts)
        if outbox.hold_until is not None and self._hold is None:
            self._hold = self._loop.call_later(max(0.0, outbox.hold_until - now), self._hold_over)
        if outbox.has_room:
            self._wake()

    def _hold_over(self) -> None:
        self._hold = None
        self._flush()

    async def _wait(self) -> None:
        waiter = self._loop.create_future()
        self._waiting.append(waiter)
        await waiter

    def _wake(self) -> None:
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    # Receiving

    def _batch(self, payload: bytes) -> None:
        receipts, unit, messages = decode_batch(payload)
        for receipt in receipts:
            for outgoing, status in self._outbox.receipted(receipt):
                if not outgoing.waiter.done():
                    outgoing.waiter.set_result(status)
        if unit is not None:
            self._inbox.bundle(unit, messages)
            self._deliver(unit, messages)
        if receipts and not self._outbox.empty:
            self._schedule()

    def _start_large(self, payload: bytes) -> None:
        self._inbox.start(*decode_start(payload))

    def _chunk(self, payload: bytes) -> None:
        done = self._inbox.chunk(payload)
        if done is not None:
            self._deliver(done[0], (done[1],))

    def _deliver(self, unit: int, messages: Sequence[Message]) -> None:
        if self._consuming:
            self._arrived.append((unit, messages))
            return
        statuses = self._on_messages(messages)
        if isinstance(statuses, list):
            self._taken(unit, statuses)
        else:
            self._consuming = True
            self._consumer = asyncio.Task(
                self._consume(unit, statuses), loop=self._loop, eager_start=True
            )

    async def _consume(self, unit: int, statuses: Statuses) -> None:
        try:
            while True:
                self._taken(unit, statuses if isinstance(statuses, list) else await statuses)
                if not self._arrived or self._error is not None:
                    return
                unit, messages = self._arrived.popleft()
                statuses = self._on_messages(messages)
        finally:
            self._consuming = False

    def _taken(self, unit: int, statuses: list[ReceiptStatus]) -> None:
        self._inbox.receipted(unit)
        self._outbox.receipt(unit, bytes(statuses))
        if self._outbox.has_messages:
            # The reply is here already: both share the packet.
            self._flush()
        else:
            # Not at once, for a reply that the node is about to make.
            self._schedule()

    def _control_piece(self, payload: bytes) -> None:
        if not self._control_budget.take(len(payload) + FRAME_COST, self._clock()):
            raise FrameError("the peer floods")
        more, piece = decode_control(payload)
        self._control.append(piece)
        self._control_size += len(piece)
        if self._control_size > MAX_CONTROL or (more and not piece):
            raise FrameError("a control payload is too large")
        if not more:
            whole = b"".join(self._control)
            self._control, self._control_size = [], 0
            self._on_control(whole)

    def _gossip(self, payload: bytes) -> None:
        if not self._gossip_budget.take(len(payload) + FRAME_COST, self._clock()):
            raise FrameError("the peer floods")
        self._on_gossip(payload)
