"""What a change of an output's state means for people."""

import pytest

from infrafabric.studio.events import Happening, happening
from infrafabric.studio.model import OutputState as State

STATES = list(State)
RUNNING = [State.STARTING, State.ACTIVE, State.RECONNECTING, State.PAUSED]


@pytest.mark.parametrize(
    ("before", "now", "what"),
    [
        (State.STOPPED, State.ACTIVE, Happening.STARTED),
        (State.STARTING, State.ACTIVE, Happening.STARTED),
        (State.STOPPING, State.ACTIVE, Happening.STARTED),
        (State.ACTIVE, State.RECONNECTING, Happening.RECONNECTING),
        (State.STARTING, State.RECONNECTING, Happening.RECONNECTING),
        (State.RECONNECTING, State.ACTIVE, Happening.RECONNECTED),
        (State.ACTIVE, State.PAUSED, Happening.PAUSED),
        (State.PAUSED, State.ACTIVE, Happening.RESUMED),
        (State.STOPPING, State.STOPPED, Happening.STOPPED),
    ],
)
@pytest.mark.parametrize("asked", [False, True])
def test_a_change_has_a_name(before: State, now: State, what: Happening, *, asked: bool) -> None:
    assert happening(before, now, asked=asked) is what


@pytest.mark.parametrize("before", RUNNING)
def test_what_ends_unasked_has_failed_and_what_ends_as_asked_has_stopped(before: State) -> None:
    assert happening(before, State.STOPPED, asked=False) is Happening.FAILED
    assert happening(before, State.STOPPED, asked=True) is Happening.STOPPED


@pytest.mark.parametrize("before", STATES)
@pytest.mark.parametrize("now", [State.STARTING, State.STOPPING])
def test_being_on_the_way_is_not_worth_telling(before: State, now: State) -> None:
    assert happening(before, now, asked=False) is None


@pytest.mark.parametrize("state", STATES)
@pytest.mark.parametrize("asked", [False, True])
def test_nothing_is_told_of_what_nobody_watched_or_what_stayed(
    state: State, *, asked: bool
) -> None:
    assert happening(State.UNKNOWN, state, asked=asked) is None
    assert happening(state, State.UNKNOWN, asked=asked) is None
    assert happening(state, state, asked=asked) is None


@pytest.mark.parametrize(
    ("state", "on"),
    [
        (State.STOPPED, False),
        (State.STOPPING, False),
        (State.STARTING, True),
        (State.ACTIVE, True),
        (State.RECONNECTING, True),
        (State.PAUSED, True),
        (State.UNKNOWN, None),
    ],
)
def test_an_output_is_on_while_it_is_meant_to_run(state: State, *, on: bool | None) -> None:
    assert state.is_on is on
