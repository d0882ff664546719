"""The supervision of a connection: pauses, news, and an end that leaves nothing behind.

Sessions are scripted and pauses take no time, but are written down.
"""

import asyncio
from collections.abc import Awaitable, Callable
import logging
import random

import pytest

from infrafabric.studio.base import (
    FIRST_RETRY,
    KICKED_RETRY,
    LAST_RETRY,
    RETRY_JITTER,
    SupervisedClient,
)
from infrafabric.studio.errors import (
    AuthenticationError,
    ProtocolError,
    StudioError,
    UnreachableError,
)
from infrafabric.studio.events import Connected, Disconnected, StateChanged, StudioEvent
from infrafabric.studio.model import StudioKind, StudioState, Version

type Session = Callable[[ScriptedClient], Awaitable[None]]

STATE = StudioState(kind=StudioKind.OBS, version=Version(software="32.0.1"))
OTHER = StudioState(kind=StudioKind.OBS, version=Version(software="32.0.2"))


class Highest(random.Random):
    """Always draws the longest pause."""

    def random(self) -> float:
        return 1.0


class ScriptedClient(SupervisedClient):
    """Runs one session of its script after the other; the last one for ever."""

    def __init__(self, *script: Session) -> None:
        super().__init__("192.0.2.7:4455", rng=Highest())
        self.script = list(script)
        self.pauses: list[float] = []
        self.events: list[StudioEvent] = []
        self.ended = asyncio.Event()
        self.subscribe(self.events.append)

    async def _session(self) -> None:
        if not self.script:
            self.ended.set()
            await asyncio.Event().wait()
        await self.script.pop(0)(self)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(round(seconds / (1 + RETRY_JITTER), 6))
        await asyncio.sleep(0)

    def news(self) -> list[object]:
        return [
            (event.error and event.error.code) if isinstance(event, Disconnected) else type(event)
            for event in self.events
        ]

    # What a session of a real client does.

    def ready(self, state: StudioState = STATE) -> None:
        self._became_ready(state)

    def replace(self, state: StudioState) -> None:
        self._replace(state)


def fails(error: Exception) -> Session:
    """Return a session that never comes to be."""

    async def session(_: ScriptedClient) -> None:
        raise error

    return session


def works(error: Exception | None = None) -> Session:
    """Return a session that works, and then ends."""

    async def session(client: ScriptedClient) -> None:
        client.ready()
        await asyncio.sleep(0)
        if error is not None:
            raise error

    return session


async def stays(client: ScriptedClient) -> None:
    client.ready()
    client.ended.set()
    await asyncio.Event().wait()


def refused() -> StudioError:
    return UnreachableError("studio_refused_connection", "Nobody there.")


async def run(*script: Session) -> ScriptedClient:
    """Run a script to its end, and stop."""
    client = ScriptedClient(*script)
    await client.start()
    await asyncio.wait_for(client.ended.wait(), 20)
    await client.stop()
    return client


async def test_a_studio_that_is_off_is_asked_again_every_few_seconds_for_ever() -> None:
    client = await run(*[fails(refused())] * 6)

    assert client.pauses == [FIRST_RETRY, 2.0, 4.0, LAST_RETRY, LAST_RETRY, LAST_RETRY]


async def test_only_a_session_that_worked_makes_the_pauses_short_again() -> None:
    lost = UnreachableError("studio_closed", "Lost.")
    client = await run(
        fails(refused()), fails(refused()), works(lost), fails(refused()), fails(refused())
    )

    assert client.pauses == [FIRST_RETRY, 2.0, FIRST_RETRY, 2.0, 4.0]


async def test_who_was_thrown_out_stays_away_for_a_while() -> None:
    kicked = UnreachableError("studio_kicked", "Thrown out.")
    client = await run(works(kicked), works(refused()))

    assert client.pauses == [KICKED_RETRY, FIRST_RETRY]


async def test_pauses_are_never_shorter_than_they_say_and_a_little_different_each_time() -> None:
    class Client(ScriptedClient):
        def __init__(self, *script: Session) -> None:
            super().__init__(*script)
            self._rng = random.Random(7)

    client = Client(*[fails(refused())] * 50)
    await client.start()
    await asyncio.wait_for(client.ended.wait(), 20)
    await client.stop()

    long = [pause * (1 + RETRY_JITTER) for pause in client.pauses[3:]]
    assert all(LAST_RETRY <= pause <= LAST_RETRY * (1 + RETRY_JITTER) + 1e-4 for pause in long)
    assert len(set(long)) > 10


async def test_a_failure_is_told_once_until_there_is_another_one() -> None:
    slow = UnreachableError("studio_timeout", "Slow.")
    client = await run(
        fails(refused()), fails(refused()), fails(slow), fails(slow), fails(refused())
    )

    assert client.news() == [
        "studio_refused_connection",
        "studio_timeout",
        "studio_refused_connection",
    ]


async def test_a_connection_that_came_and_went_is_told_each_time() -> None:
    lost = UnreachableError("studio_closed", "Lost.")
    client = await run(works(lost), works(lost), works())

    assert client.news() == [Connected, "studio_closed"] * 2 + [Connected, None]


async def test_a_failure_after_a_connection_is_told_even_if_it_is_the_one_of_before() -> None:
    client = await run(fails(refused()), works(refused()), fails(refused()))

    assert client.news() == ["studio_refused_connection", Connected, "studio_refused_connection"]


async def test_a_wrong_password_ends_the_attempts_until_somebody_starts_them_again() -> None:
    wrong = AuthenticationError("studio_auth_failed", "Wrong password.")
    client = ScriptedClient(fails(wrong), fails(wrong), stays)
    ended = asyncio.Event()
    client.subscribe(lambda _: ended.set())

    for _ in range(2):
        ended.clear()
        await client.start()
        await asyncio.wait_for(ended.wait(), 20)
        assert not client.connected
    assert client.pauses == []
    # Told both times: the second password was wrong as well.
    assert client.news() == ["studio_auth_failed", "studio_auth_failed"]

    await client.start()
    await asyncio.wait_for(client.ended.wait(), 20)
    assert client.connected
    await client.stop()


async def test_a_bug_in_a_session_is_survived_told_and_logged_in_full_once(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.ERROR)
    client = await run(fails(KeyError("oops")), fails(KeyError("oops")), works(KeyError("again")))

    assert client.news() == ["studio_fault", Connected, "studio_fault"]
    logged = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.exc_info[1].args for record in logged if record.exc_info] == [  # type: ignore[union-attr]
        ("oops",),
        ("again",),
    ]
    assert client.pauses == [FIRST_RETRY, 2.0, FIRST_RETRY]


async def test_state_is_known_from_ready_on_and_kept_when_the_connection_is_lost() -> None:
    seen: list[tuple[bool, StudioState | None]] = []
    client = ScriptedClient(works(refused()), fails(refused()))
    client.subscribe(lambda _: seen.append((client.connected, client.state)))
    assert (client.connected, client.state) == (False, None)

    await client.start()
    await asyncio.wait_for(client.ended.wait(), 20)
    await client.stop()

    assert seen == [(True, STATE), (False, STATE)]


async def test_a_state_is_told_when_it_differs_and_only_while_connected() -> None:
    async def session(client: ScriptedClient) -> None:
        client.replace(OTHER)
        client.ready()
        client.replace(STATE)
        client.replace(OTHER)
        client.replace(OTHER)

    client = await run(session)

    assert client.events[:2] == [Connected(STATE), StateChanged(OTHER)]
    assert client.news() == [Connected, StateChanged, None]


async def test_a_subscriber_that_fails_or_leaves_harms_nobody(
    caplog: pytest.LogCaptureFixture,
) -> None:
    def broken(_: StudioEvent) -> None:
        raise ValueError("broken")

    client = ScriptedClient(works(), works())
    heard: list[StudioEvent] = []
    client.subscribe(broken)

    def once(event: StudioEvent) -> None:
        heard.append(event)
        leave()
        leave()

    leave = client.subscribe(once)
    last: list[StudioEvent] = []
    client.subscribe(last.append)
    await client.start()
    await asyncio.wait_for(client.ended.wait(), 20)
    await client.stop()

    assert heard == [Connected(STATE)]
    assert last == client.events
    assert len(last) == 4
    assert "A subscriber failed on Connected" in caplog.text


# -- the end ------------------------------------------------------------------------------------


async def tasks_left() -> set[str]:
    await asyncio.sleep(0)
    own = asyncio.current_task()
    return {task.get_name() for task in asyncio.all_tasks() if task is not own}


@pytest.mark.parametrize("script", [(), (stays,), (fails(refused()), stays)])
async def test_nothing_is_left_after_the_end(script: tuple[Session, ...]) -> None:
    client = await run(*script)

    assert await tasks_left() == set()
    assert not client.connected


async def test_the_end_comes_during_a_pause_too() -> None:
    class Client(ScriptedClient):
        async def _pause(self, seconds: float) -> None:
            self.ended.set()
            await asyncio.Event().wait()

    client = Client(fails(refused()))
    await client.start()
    await asyncio.wait_for(client.ended.wait(), 20)
    await client.stop()

    assert await tasks_left() == set()


@pytest.mark.parametrize("error", [refused(), KeyError("while cleaning up")])
async def test_a_session_that_fails_while_it_is_ended_does_not_keep_the_client_alive(
    error: Exception,
) -> None:
    async def session(client: ScriptedClient) -> None:
        client.ready()
        client.ended.set()
        try:
            await asyncio.Event().wait()
        finally:
            raise error

    client = ScriptedClient(session, stays)
    await client.start()
    await asyncio.wait_for(client.ended.wait(), 20)
    await asyncio.wait_for(client.stop(), 20)

    assert client.news() == [Connected]
    assert await tasks_left() == set()


async def test_starting_and_stopping_twice_is_as_good_as_once() -> None:
    client = ScriptedClient(stays)
    await client.start()
    await client.start()
    await asyncio.wait_for(client.ended.wait(), 20)
    assert len(await tasks_left()) == 1

    await client.stop()
    await client.stop()
    assert await tasks_left() == set()
    assert client.news() == [Connected]


async def test_what_was_stopped_can_be_started_again_and_tells_its_failures_anew() -> None:
    client = ScriptedClient(fails(refused()))
    for _ in range(2):
        client.ended.clear()
        client.script = [fails(refused())]
        await client.start()
        await asyncio.wait_for(client.ended.wait(), 20)
        await client.stop()

    assert client.news() == ["studio_refused_connection"] * 2
    assert client.pauses == [FIRST_RETRY] * 2


async def test_who_is_cancelled_while_stopping_a_client_stays_cancelled() -> None:
    released = asyncio.Event()

    async def session(client: ScriptedClient) -> None:
        client.ended.set()
        try:
            await asyncio.Event().wait()
        finally:
            await released.wait()

    client = ScriptedClient(session)
    await client.start()
    await asyncio.wait_for(client.ended.wait(), 20)
    stopping = asyncio.create_task(client.stop())
    await asyncio.sleep(0)
    stopping.cancel()
    with pytest.raises(asyncio.CancelledError):
        await stopping

    released.set()
    await asyncio.sleep(0)
    assert await tasks_left() == set()


async def test_what_broke_its_own_protocol_is_tried_again_like_any_other() -> None:
    broken = ProtocolError("studio_protocol", "Nonsense.", reason="nonsense")
    client = await run(fails(broken), fails(broken))

    assert client.news() == ["studio_protocol"]
    assert client.pauses == [FIRST_RETRY, 2.0]
