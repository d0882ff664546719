"""Messages come out as they went in, whatever the order of things, and nothing is unbounded."""

import os
import random

from hypothesis import given, settings, strategies as st
import pytest

from infrafabric.mesh.link.frames import (
    MAX_BODY,
    MAX_FRAME,
    MAX_MESSAGES,
    OVERHEAD,
    Channel,
    FrameError,
    FrameType,
    decode_batch,
    decode_start,
    pack,
)
from infrafabric.mesh.link.transfer import (
    CREDIT,
    HOLD,
    MAX_IN_FLIGHT,
    MAX_SMALL,
    MIN_IN_FLIGHT,
    QUEUE_MESSAGES,
    Budget,
    Inbox,
    Outbox,
    Outgoing,
    Pacer,
)
from infrafabric.mesh.model import ReceiptStatus

SIGNATURE = b"s" * 64


class Waiter:
    """A future without a loop."""

    def __init__(self) -> None:
        self.gone = False
        self.status: ReceiptStatus | None = None

    def done(self) -> bool:
        return self.gone


def outgoing(body: bytes) -> Outgoing[Waiter]:
    return Outgoing(body, SIGNATURE, Waiter())


def body(size: int, seed: int = 0) -> bytes:
    return random.Random(seed).randbytes(size)


class Wire:
    """Two outboxes and inboxes, and what is under way between them."""

    def __init__(self) -> None:
        self.boxes = [Outbox[Waiter](CREDIT), Outbox[Waiter](CREDIT)]
        self.inboxes = [Inbox(), Inbox()]
        self.got: list[list[bytes]] = [[], []]
        self.now = 0.0
        self.frames = 0

    def carry(self, sender: int) -> bool:
        """Carry one frame; return whether there was one."""
        self.now += 0.001
        box = self.boxes[sender]
        frame = box.next_frame(self.now)
        if frame is None:
            receipts = box.take_receipts()
            if receipts is None:
                return False
            frame = (Channel.CONTROL, receipts)
        self.frames += 1
        assert len(frame[1]) <= MAX_FRAME
        self.receive(1 - sender, frame[1])
        return True

    def receive(self, end: int, frame: bytes) -> None:
        box, inbox = self.boxes[end], self.inboxes[end]
        kind, payload = frame[0], frame[1:]
        if kind == FrameType.BATCH:
            batch = decode_batch(payload)
            for receipt in batch.receipts:
                for message, status in box.receipted(receipt):
                    message.waiter.status = status
            if batch.unit is not None:
                inbox.bundle(batch.unit, batch.messages)
                self.done(end, batch.unit, [b for b, _ in batch.messages])
        elif kind == FrameType.START:
            inbox.start(*decode_start(payload))
        else:
            done = inbox.chunk(payload)
            if done is not None:
                self.done(end, done[0], [done[1][0]])

    def done(self, end: int, unit: int, bodies: list[bytes]) -> None:
        self.got[end] += bodies
        self.inboxes[end].receipted(unit)
        self.boxes[end].receipt(unit, bytes(len(bodies)))


sizes = st.one_of(
    st.integers(1, 2000), st.integers(MAX_SMALL - 5, MAX_SMALL + 5), st.integers(1, 60_000)
)


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 1), sizes, st.booleans(), st.booleans()), min_size=1, max_size=60
    ),
    st.randoms(use_true_random=False),
)
def test_every_message_arrives_once_and_gets_its_receipt(plan, order) -> None:
    wire = Wire()
    sent: list[list[Outgoing[Waiter]]] = [[], []]
    for number, (sender, size, random_content, drop) in enumerate(plan):
        content = body(size, number) if random_content else bytes([number]) * size
        message = outgoing(content)
        wire.boxes[sender].put(message)
        sent[sender].append(message)
        message.waiter.gone = drop and order.random() < 0.3
        for _ in range(order.randrange(3)):
            wire.carry(order.randrange(2))
    # Twice in a row nothing: a part-filled bundle may have been held back a moment.
    quiet = 0
    while quiet < 4:
        quiet = 0 if wire.carry(0) + wire.carry(1) else quiet + 1
    for sender in (0, 1):
        assert wire.boxes[sender].empty
        assert wire.boxes[sender]._credit == wire.inboxes[sender]._credit == CREDIT
        assert wire.boxes[sender].queued_bytes == 0
        kept = [m for m in sent[sender] if m.waiter.status is not None or not m.waiter.gone]
        assert all(m.waiter.status is ReceiptStatus.ACCEPTED for m in kept)
        assert sorted(wire.got[1 - sender]) == sorted(m.body for m in kept)
        small = [m.body for m in kept if len(m.body) <= MAX_SMALL]
        assert [b for b in wire.got[1 - sender] if len(b) <= MAX_SMALL] == small


def test_messages_that_wait_together_share_frames() -> None:
    wire = Wire()
    for number in range(300):
        wire.boxes[0].put(outgoing(body(150, number).hex().encode()))
    while wire.carry(0) or wire.carry(1):
        pass
    assert len(wire.got[1]) == 300
    assert wire.frames < 20


def test_content_that_compresses_badly_still_fits_the_frame() -> None:
    wire = Wire()
    for number in range(400):
        wire.boxes[0].put(outgoing(b"x" * 700 if number < 200 else body(700, number)))
    while wire.carry(0) or wire.carry(1):
        pass
    assert len(wire.got[1]) == 400


def test_part_filled_bundles_are_held_back_a_moment_when_two_are_out() -> None:
    box: Outbox[Waiter] = Outbox(CREDIT)
    for _ in range(2):
        box.put(outgoing(b"x"))
        assert box.next_frame(10.0) is not None
        assert box.hold_until is None
    box.put(outgoing(b"x"))
    assert box.next_frame(10.0) is None
    assert box.hold_until == 10.0 + HOLD
    assert box.next_frame(10.0 + HOLD) is not None
    box.put(outgoing(b"y"))
    assert box.next_frame(10.0 + HOLD) is None
    box.receipted((0, b"\0"))
    box.receipted((1, b"\0"))
    assert box.next_frame(10.0 + HOLD) is not None


def test_a_full_bundle_is_never_held_back() -> None:
    box: Outbox[Waiter] = Outbox(CREDIT)
    for _ in range(3):
        for number in range(MAX_MESSAGES):
            box.put(outgoing(body(80, number)))
        assert box.next_frame(1.0) is not None


@pytest.mark.parametrize("size", [5000, 100_000])
def test_the_credit_is_never_exceeded(size) -> None:
    box: Outbox[Waiter] = Outbox(CREDIT)
    while box.has_room:
        box.put(outgoing(body(size)))
    sent = 0
    while (frame := box.next_frame(sent + 1.0)) is not None:
        sent += 1
        assert frame[1]
    assert sum(cost for cost, _, _ in box._units.values()) <= CREDIT
    assert not box.empty


def test_the_queue_is_bounded_in_messages_and_bytes() -> None:
    box: Outbox[Waiter] = Outbox(CREDIT)
    for _ in range(QUEUE_MESSAGES):
        assert box.has_room
        box.put(outgoing(b"x"))
    assert not box.has_room
    box = Outbox(CREDIT)
    box.put(outgoing(b"x" * MAX_BODY))
    assert box.has_room
    box.put(outgoing(b"x" * MAX_BODY))
    assert not box.has_room
    for size in (0, MAX_BODY + 1):
        with pytest.raises(ValueError, match="1 MiB"):
            box.put(outgoing(b"x" * size))


def test_what_nobody_waits_for_is_not_sent() -> None:
    box: Outbox[Waiter] = Outbox(CREDIT)
    messages = [outgoing(b"a"), outgoing(b"b"), outgoing(b"c"), outgoing(b"d" * 20_000)]
    for message in messages:
        box.put(message)
    for number in (0, 1, 3):
        messages[number].waiter.gone = True
    frame = box.next_frame(1.0)
    assert decode_batch(frame[1][1:]).messages == [(b"c", SIGNATURE)]
    assert box.next_frame(1.0) is None
    assert box.queued_bytes == 0


def test_abandoning_returns_everything_without_a_receipt() -> None:
    box: Outbox[Waiter] = Outbox(CREDIT)
    messages = [
        outgoing(b"a"),
        outgoing(os.urandom(50_000)),
        outgoing(b"b"),
        outgoing(b"c" * 20_000),
    ]
    for message in messages[:2]:
        box.put(message)
    assert box.next_frame(1.0) is not None
    assert box.next_frame(1.0) is not None
    for message in messages[2:]:
        box.put(message)
    box.receipt(5, b"\0")
    assert set(box.abandon()) == set(messages)
    assert box.empty
    assert box.take_receipts() is None


def test_receipts_ride_along_with_messages_and_go_alone_otherwise() -> None:
    box: Outbox[Waiter] = Outbox(CREDIT)
    box.receipt(3, b"\0\0")
    box.put(outgoing(b"reply"))
    batch = decode_batch(box.next_frame(1.0)[1][1:])
    assert batch.receipts == [(3, b"\0\0")]
    assert batch.messages == [(b"reply", SIGNATURE)]
    for unit in range(40):
        box.receipt(unit, b"\0" * 100)
    units = []
    while (frame := box.take_receipts()) is not None:
        assert len(frame) <= MAX_FRAME
        units += [unit for unit, _ in decode_batch(frame[1:]).receipts]
    assert units == list(range(40))


@pytest.mark.parametrize("receipt", [(1, b"\0"), (0, b"\0\0")])
def test_a_receipt_for_what_was_not_sent_is_refused(receipt) -> None:
    box: Outbox[Waiter] = Outbox(CREDIT)
    box.put(outgoing(b"x"))
    box.next_frame(1.0)
    with pytest.raises(FrameError):
        box.receipted(receipt)


def test_the_inbox_holds_a_peer_to_its_credit() -> None:
    inbox = Inbox(2 * (1000 + OVERHEAD))
    inbox.bundle(0, [(b"x" * 1000, SIGNATURE)])
    with pytest.raises(FrameError):
        inbox.bundle(0, [(b"x", SIGNATURE)])
    inbox.bundle(1, [(b"x" * 1000, SIGNATURE)])
    with pytest.raises(FrameError):
        inbox.bundle(2, [(b"x", SIGNATURE)])
    with pytest.raises(FrameError):
        inbox.start(3, 1, SIGNATURE)
    inbox.receipted(0)
    inbox.start(3, 900, SIGNATURE)


def test_chunks_must_belong_to_one_message_and_fit_it() -> None:
    inbox = Inbox()
    with pytest.raises(FrameError):
        inbox.chunk(pack(b"x"))
    inbox.start(0, 10, SIGNATURE)
    with pytest.raises(FrameError):
        inbox.start(1, 10, SIGNATURE)
    with pytest.raises(FrameError):
        inbox.chunk(pack(b""))
    with pytest.raises(FrameError):
        inbox.chunk(pack(b"x" * 11))
    assert inbox.chunk(pack(b"x" * 6)) is None
    with pytest.raises(FrameError):
        inbox.chunk(pack(b"x" * 5))
    assert inbox.chunk(pack(b"y" * 4)) == (0, (b"xxxxxxyyyy", SIGNATURE))
    with pytest.raises(FrameError):
        inbox.chunk(pack(b"x"))


def test_the_pacer_starts_gently_and_follows_the_rate() -> None:
    pacer = Pacer()
    assert pacer.limit == MIN_IN_FLIGHT
    total = 0
    for step in range(100):
        total += 10_000
        pacer.delivered(total, 0.0, step * 0.01)
    assert pacer.limit == pytest.approx(100_000, rel=0.1)
    for step in range(100, 200):
        total += 1_000_000
        pacer.delivered(total, 0.1, step * 0.01)
    assert pacer.limit == MAX_IN_FLIGHT
    for step in range(200, 2000):
        pacer.delivered(total, 0.1, step * 0.01)
    assert pacer.limit == MIN_IN_FLIGHT
    pacer.delivered(0, 0.1, 100.0)
    assert pacer.limit == MIN_IN_FLIGHT


def test_the_pacer_grows_over_a_long_round_trip() -> None:
    """With 100 ms of round trip the first limit alone would keep the rate where it is."""
    pacer = Pacer()
    total, now = 0, 0.0
    for _ in range(20):
        total += pacer.limit
        now += 0.1
        pacer.delivered(total, 0.1, now)
    assert pacer.limit == MAX_IN_FLIGHT


def test_a_budget_refills_with_time() -> None:
    budget = Budget(10, 20, 0.0)
    assert budget.take(20, 0.0)
    assert not budget.take(1, 0.05)
    assert budget.take(1, 0.1)
    assert not budget.take(21, 1000.0)
    assert budget.take(20, 500.0)
