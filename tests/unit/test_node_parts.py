"""The small parts of a node: meters, lag, tasks, conversations, the inbox."""

import asyncio
import os

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.errors import RefusedError
from infrafabric.mesh.lag import INTERVAL, MIN_SAMPLES, LoopLag
from infrafabric.mesh.messages.conversations import MAX_PENDING, Conversations
from infrafabric.mesh.messages.inbox import CLOCK_SET, Inbox, parse_all
from infrafabric.mesh.messages.message import (
    BROADCAST,
    IFMessage,
    MessageRefusedError,
    agent_address,
)
from infrafabric.mesh.messages.replay import ReplayGuard
from infrafabric.mesh.meter import MinuteMeter
from infrafabric.mesh.model import ReceiptStatus, Role
from infrafabric.mesh.tasks import TaskOwner
from infrafabric.mesh.trust.identity import Identity

from .virtual_time import VirtualLoop, in_virtual_time

OWN, PEER = Identity(bytes([1]) * 32), Identity(bytes([2]) * 32)
NOW = 1_800_000_000.0


def a_message(sequence: int = 1, **fields: object) -> IFMessage:
    return IFMessage.create(
        PEER,
        [agent_address(OWN.peer_id)],
        {"n": sequence},
        sequence=sequence,
        now=NOW,
        random=os.urandom,
        **fields,  # type: ignore[arg-type]
    )


@given(st.lists(st.tuples(st.floats(0, 30), st.integers(1, 50)), max_size=40))
def test_the_meter_counts_the_last_minute(steps: list[tuple[float, int]]) -> None:
    meter, now, seen = MinuteMeter(), 0.0, list[tuple[float, int]]()
    for pause, count in steps:
        now += pause
        meter.add(now, count)
        seen.append((now, count))
    # A bucket is a second wide: what is near the border may count either way.
    least = sum(count for at, count in seen if now - at <= 59)
    most = sum(count for at, count in seen if now - at <= 61)
    assert least <= meter.per_minute(now) <= most
    assert meter.per_minute(now + 120) == 0


def test_a_blocked_loop_shows_as_lag() -> None:
    async def story() -> list[float | None]:
        loop = asyncio.get_running_loop()
        assert isinstance(loop, VirtualLoop)
        lag = LoopLag()
        figures = [lag.p99_ms]
        lag.start()
        await asyncio.sleep((2 * MIN_SAMPLES + 0.5) * INTERVAL)
        figures.append(lag.p99_ms)
        # Half of this passes before the next sample is due.
        loop.jumping.now += INTERVAL
        await asyncio.sleep(INTERVAL)
        figures.append(lag.p99_ms)
        lag.stop()
        lag.stop()
        return figures

    unknown, quiet, blocked = in_virtual_time(story)
    assert unknown is None
    assert quiet == pytest.approx(0, abs=0.01)
    assert blocked == pytest.approx(1000 * INTERVAL / 2, abs=0.01)


async def test_tasks_are_cancelled_with_their_owner_and_errors_are_logged(
    caplog: pytest.LogCaptureFixture,
) -> None:
    owner = TaskOwner()
    ended = []

    async def forever() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(True)

    async def fail() -> None:
        raise ValueError("a mistake")

    owner.run(forever(), "forever")
    owner.run(fail(), "fail")
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    await owner.close()
    assert ended == [True]
    assert "infrafabric fail failed" in caplog.text
    owner.run(forever(), "late")
    assert len(asyncio.all_tasks()) == 1


async def test_a_reply_reaches_the_request_with_its_trace_id_only() -> None:
    conversations = Conversations()
    first = conversations.expect(PEER.peer_id, "a" * 12)
    second = conversations.expect(PEER.peer_id, "b" * 12)
    assert len(conversations) == 2
    assert not conversations.resolve(a_message(1))
    assert not conversations.resolve(a_message(2, trace_id="c" * 12))
    assert not conversations.resolve(a_message(3, trace_id="a" * 12, performative="request"))
    reply = a_message(4, trace_id="b" * 12)
    assert conversations.resolve(reply)
    assert not conversations.resolve(reply)
    assert await second.reply is reply
    assert not first.done()
    with pytest.raises(RefusedError) as caught:
        conversations.expect(PEER.peer_id, "a" * 12)
    assert caught.value.code == "trace_id_in_use"
    for trace_id in ("a" * 12, "b" * 12, "b" * 12):
        conversations.over(PEER.peer_id, trace_id)
    assert first.reply.cancelled()
    assert len(conversations) == 0


async def test_only_so_many_requests_wait_and_all_end_on_close() -> None:
    conversations = Conversations()
    requests = [conversations.expect(PEER.peer_id, f"{n:012x}") for n in range(MAX_PENDING)]
    with pytest.raises(RefusedError) as caught:
        conversations.expect(PEER.peer_id, "f" * 12)
    assert caught.value.code == "too_many_requests"
    conversations.close()
    assert all(request.reply.cancelled() for request in requests)


def judged(message: IFMessage, role: Role | None = Role.COMMAND, now: float = NOW) -> ReceiptStatus:
    inbox = Inbox(OWN.peer_id, ReplayGuard())
    (parsed,) = parse_all([(message.body, message.signature)], PEER.public_key)
    assert isinstance(parsed, IFMessage)
    return inbox.judge(role, parsed, now)


def test_the_inbox_judges_members_addresses_clocks_and_roles() -> None:
    message = a_message()
    assert judged(message) is ReceiptStatus.ACCEPTED
    assert judged(message, role=None) is ReceiptStatus.UNKNOWN_SENDER
    assert judged(message, now=CLOCK_SET - 1) is ReceiptStatus.CLOCK_NOT_SET
    assert judged(message, now=NOW + 10_000) is ReceiptStatus.STALE
    request = a_message(performative="query-ref")
    assert judged(request) is ReceiptStatus.ACCEPTED
    assert judged(request, role=Role.OBSERVE) is ReceiptStatus.NOT_ALLOWED
    for receivers, status in (
        ([BROADCAST], ReceiptStatus.ACCEPTED),
        ([agent_address(PEER.peer_id)], ReceiptStatus.NOT_ADDRESSED),
    ):
        sent = IFMessage.create(PEER, receivers, {}, sequence=1, now=NOW, random=os.urandom)
        assert judged(sent) is status


def test_a_refused_request_cannot_be_replayed_once_the_role_allows_it() -> None:
    inbox = Inbox(OWN.peer_id, ReplayGuard())
    request = a_message(performative="request")
    assert inbox.judge(Role.OBSERVE, request, NOW) is ReceiptStatus.NOT_ALLOWED
    assert inbox.judge(Role.COMMAND, request, NOW) is ReceiptStatus.REPLAYED


def test_parsing_many_gives_a_result_for_each() -> None:
    good = a_message()
    results = parse_all(
        [(good.body, good.signature), (good.body, bytes(64)), (b"x", bytes(64))], PEER.public_key
    )
    assert results[0] == good
    refused = [item for item in results[1:] if isinstance(item, MessageRefusedError)]
    assert [item.status for item in refused] == [
        ReceiptStatus.BAD_SIGNATURE,
        ReceiptStatus.MALFORMED,
    ]


def test_each_peer_has_its_own_rate() -> None:
    inbox = Inbox(OWN.peer_id, ReplayGuard(), rate=10, burst=20)
    assert inbox.within_rate("a", 30, 0) == 20
    assert inbox.within_rate("b", 5, 0) == 5
    assert inbox.within_rate("a", 30, 1) == 10
    inbox.set_limits(10, 20)
    assert inbox.within_rate("a", 30, 1) == 0
    inbox.set_limits(1, 2)
    assert inbox.within_rate("a", 30, 1) == 2
    inbox.forget("a")
    assert inbox.within_rate("a", 30, 1) == 2


def test_refusals_are_counted_all_and_logged_once_per_peer_and_reason(
    caplog: pytest.LogCaptureFixture,
) -> None:
    inbox = Inbox(OWN.peer_id, ReplayGuard())
    for _ in range(3):
        inbox.refuse("a", ReceiptStatus.REPLAYED)
    inbox.refuse("a", ReceiptStatus.STALE, 2)
    inbox.refuse("b", ReceiptStatus.STALE)
    assert inbox.refused == {"replayed": 3, "stale": 3}
    assert len(caplog.records) == 3
    inbox.forget("a")
    inbox.refuse("a", ReceiptStatus.STALE)
    assert len(caplog.records) == 4
