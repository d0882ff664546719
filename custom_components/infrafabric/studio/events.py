"""What a client reports, in the order it happens. Subscribers get each event once."""

from dataclasses import dataclass
from enum import StrEnum

from .errors import StudioError
from .model import Output, OutputState, StudioState


class Happening(StrEnum):
    """What became of an output."""

    STARTED = "started"
    STOPPED = "stopped"
    FAILED = "failed"
    """It ended, or never began, without anybody asking for that."""
    RECONNECTING = "reconnecting"
    RECONNECTED = "reconnected"
    PAUSED = "paused"
    RESUMED = "resumed"


@dataclass(frozen=True, slots=True)
class Connected:
    """The studio answers, and everything about it was read."""

    state: StudioState


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone, or an attempt to make one failed for another reason than the last.

    Attributes:
        error: Why. An ``AuthenticationError`` ends the attempts: only a person can help. None
            when the studio said goodbye.

    """

    error: StudioError | None


@dataclass(frozen=True, slots=True)
class StateChanged:
    """Something about the studio is different now."""

    state: StudioState


@dataclass(frozen=True, slots=True)
class OutputHappened:
    """An output went from one state of its life to another.

    Attributes:
        output: As it is now.
        previous: The state before.
        what: What that means for people.

    """

    output: Output
    previous: OutputState
    what: Happening


@dataclass(frozen=True, slots=True)
class RecordingFinished:
    """A recording is complete.

    Attributes:
        path: Of the file, on the studio's machine; None if the studio did not say.
        duration_s: Seconds; None if not known.

    """

    path: str | None
    duration_s: float | None = None


@dataclass(frozen=True, slots=True)
class ReplaySaved:
    """The replay buffer was written to a file on the studio's machine."""

    path: str


@dataclass(frozen=True, slots=True)
class ProgramChanged:
    """Another source is on air.

    Attributes:
        mix: Number of the mix.
        source: Key of the source now; None if nothing is on air.
        name: Its name.
        previous: Name of the source before.

    """

    mix: int
    source: str | None
    name: str | None
    previous: str | None


type StudioEvent = (
    Connected
    | Disconnected
    | StateChanged
    | OutputHappened
    | RecordingFinished
    | ReplaySaved
    | ProgramChanged
)


def happening(before: OutputState, now: OutputState, *, asked: bool) -> Happening | None:
    """Return what a change of an output's state means, or None if nothing worth telling.

    Args:
        before: The state that was known. UNKNOWN means nobody watched: nothing is told.
        now: The state that is known now.
        asked: Whether somebody asked the output to stop (the studio was seen stopping it, or this
            client asked).

    """
    state = OutputState
    if before is now or state.UNKNOWN in (before, now):
        return None
    match now:
        case state.ACTIVE:
            return {
                state.PAUSED: Happening.RESUMED,
                state.RECONNECTING: Happening.RECONNECTED,
            }.get(before, Happening.STARTED)
        case state.RECONNECTING:
            return Happening.RECONNECTING
        case state.PAUSED:
            return Happening.PAUSED
        case state.STOPPED:
            return Happening.STOPPED if asked or before is state.STOPPING else Happening.FAILED
    return None
