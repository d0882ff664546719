"""Requests that wait: each for its own time, and for room in the queue of a slow link."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest

from infrafabric.mesh.api import MessageDraft
from infrafabric.mesh.errors import DeadlineError, MeshError, RefusedError, UnreachableError
from infrafabric.mesh.link.link import Link
from infrafabric.mesh.messages.conversations import Conversations
from infrafabric.mesh.model import MessageReceived, ReceiptStatus, Role

from .mesh_lab import Lab, Member
from .virtual_time import in_virtual_time

# -- each for its own time ----------------------------------------------------------------------


async def ends_after(conversations: Conversations, number: int, seconds: float) -> float:
    """Wait for a reply that never comes and return after how many seconds that was given up."""
    loop = asyncio.get_running_loop()
    began = loop.time()
    with pytest.raises(TimeoutError):
        await conversations.expect("peer", f"{number:012x}", seconds).reply
    return loop.time() - began


@pytest.mark.parametrize(
    "limits", [[1, 5, 30], [30, 5, 1], [5, 30, 1, 5, 5.5], [3600, 0.25]], ids=str
)
def test_requests_with_different_limits_end_each_at_its_own_time(limits: list[float]) -> None:
    async def story() -> list[float]:
        conversations = Conversations()
        return await asyncio.gather(
            *(ends_after(conversations, n, seconds) for n, seconds in enumerate(limits))
        )

    assert in_virtual_time(story) == pytest.approx(limits, abs=0.01)


def test_a_limit_that_is_answered_first_holds_up_no_later_one() -> None:
    async def story() -> float:
        conversations = Conversations()
        first = conversations.expect("peer", "f" * 12, 2)
        rest = asyncio.ensure_future(ends_after(conversations, 1, 7))
        await asyncio.sleep(1)
        conversations.over("peer", "f" * 12)
        assert first.reply.cancelled()
        return await rest

    assert in_virtual_time(story) == pytest.approx(7, abs=0.01)


def test_a_request_made_later_may_end_earlier() -> None:
    async def story() -> tuple[float, float]:
        conversations = Conversations()
        long = asyncio.ensure_future(ends_after(conversations, 1, 60))
        await asyncio.sleep(10)
        short = await ends_after(conversations, 2, 5)
        return await long, short

    assert in_virtual_time(story) == pytest.approx((60, 5), abs=0.01)


# -- for room in the queue ----------------------------------------------------------------------


@pytest.fixture
async def lab() -> AsyncIterator[Lab]:
    async with Lab() as lab:
        yield lab


class FullLink:
    """Links whose queues are full until the test makes room."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.room = asyncio.Event()
        self.waiting = asyncio.Event()
        self.withdrawn = False
        self.outcome: ReceiptStatus | MeshError | None = None
        send = Link.send

        async def waits(link: Link, body: bytes, signature: bytes) -> ReceiptStatus:
            self.waiting.set()
            try:
                await self.room.wait()
            except asyncio.CancelledError:
                self.withdrawn = True
                raise
            if isinstance(self.outcome, MeshError):
                raise self.outcome
            return self.outcome or await send(link, body, signature)

        monkeypatch.setattr(Link, "submit", lambda *_args: False)
        monkeypatch.setattr(Link, "send", waits)


@pytest.fixture
async def asker(lab: Lab) -> Member:
    return await lab.join("Studio", Role.COMMAND)


@pytest.fixture
async def full(asker: Member, monkeypatch: pytest.MonkeyPatch) -> FullLink:
    return FullLink(monkeypatch)


def ask(lab: Lab, asker: Member, seconds: float = 30) -> asyncio.Task[Any]:
    draft = MessageDraft(content={"n": 1}, performative="request")
    return asyncio.create_task(asker.node.request(lab.founder.node.peer_id, draft, timeout=seconds))


async def test_a_request_that_waits_for_room_gets_its_reply(
    lab: Lab, asker: Member, full: FullLink
) -> None:
    asked = ask(lab, asker)
    await full.waiting.wait()
    assert not [event for event in lab.founder.events if isinstance(event, MessageReceived)]
    full.room.set()
    received = await lab.founder.event(MessageReceived)
    await lab.founder.node.reply(received.message, MessageDraft(content={"n": 2}))
    assert (await asked).content == {"n": 2}
    assert asker.node.describe()["waiting_requests"] == 0


@pytest.mark.parametrize(
    ("outcome", "kind", "code"),
    [
        (ReceiptStatus.STALE, RefusedError, "request_refused"),
        (UnreachableError("link_closed", "Closed."), UnreachableError, "link_closed"),
    ],
)
async def test_a_request_that_waits_for_room_in_vain_fails_at_once(
    lab: Lab,
    asker: Member,
    full: FullLink,
    outcome: ReceiptStatus | MeshError,
    kind: type[MeshError],
    code: str,
) -> None:
    asked = ask(lab, asker)
    await full.waiting.wait()
    full.outcome = outcome
    full.room.set()
    async with asyncio.timeout(20):
        with pytest.raises(kind) as caught:
            await asked
    assert caught.value.code == code
    assert asker.node.describe()["waiting_requests"] == 0


async def test_a_request_that_is_given_up_before_there_is_room_is_never_sent(
    lab: Lab, asker: Member, full: FullLink
) -> None:
    with pytest.raises(DeadlineError) as caught:
        await ask(lab, asker, 0.2)
    assert caught.value.code == "request_timeout"
    await asyncio.sleep(0)
    assert full.withdrawn
    assert asker.node.describe()["waiting_requests"] == 0
