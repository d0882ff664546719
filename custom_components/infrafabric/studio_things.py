"""The things of a studio that have entities: which there are, and what people call them.

A *thing* is what an entity shows or works: an output, a scene, an audio channel, or the studio as
a whole. Its *part* is a key that lasts as long as the thing does.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
import re
from typing import Final, overload

from .studio.model import (
    AudioChannel,
    Feature,
    Mix,
    Output,
    OutputKind,
    Overlay,
    SceneItem,
    Statistics,
    StudioState,
)
from .studio_coordinator import StudioCoordinator

WHOLE: Final = ""
"""The part of what a studio has only once."""
MASTER: Final = "master"
"""Key of the audio channel that all others go to."""
MAX_STATE: Final = 255
"""Characters that Home Assistant takes as a state."""

_INVISIBLE: Final = re.compile("[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069]+")
"""Control characters, which some databases refuse, and what makes a text look like another one."""

type Things[T] = Callable[[StudioCoordinator, StudioState], Mapping[str, T]]
"""Returns what a studio has, by part."""


def whole(_: StudioCoordinator, state: StudioState) -> Mapping[str, StudioState]:
    """Return the studio as a whole."""
    return {WHOLE: state}


def studio(coordinator: StudioCoordinator, _: StudioState) -> Mapping[str, StudioCoordinator]:
    """Return what Home Assistant itself knows of the studio."""
    return {WHOLE: coordinator}


@overload
def having(feature: Feature) -> Things[StudioState]: ...
@overload
def having[T](feature: Feature, things: Things[T]) -> Things[T]: ...
def having(feature: Feature, things: Things[object] = whole) -> Things[object]:
    """Return what returns *things* of a studio that has *feature*, and nothing of any other."""

    def find(coordinator: StudioCoordinator, state: StudioState) -> Mapping[str, object]:
        return things(coordinator, state) if feature in state.features else {}

    return find


def outputs(kind: OutputKind, *, numbered: bool | None = None) -> Things[Output]:
    """Return what returns the outputs of a kind.

    Args:
        kind: Of the outputs.
        numbered: Only those with a number, or only those without.

    """

    def find(_: StudioCoordinator, state: StudioState) -> Mapping[str, Output]:
        return {
            key: output
            for key, output in state.outputs.items()
            if output.kind is kind and numbered in (None, output.number is not None)
        }

    return find


@dataclass(frozen=True, kw_only=True)
class OutputForm:
    """Outputs that people call alike.

    Attributes:
        translation_key: Of the output itself; what it has is called ``<translation key>_<what>``.
        things: The outputs.
        always_measured: Whether a studio that says how it is doing measures them whenever they
            run.

    """

    translation_key: str
    things: Things[Output]
    always_measured: bool = False

    @staticmethod
    def names(output: Output) -> Mapping[str, str]:
        """Return what the name of an entity may hold."""
        return {"number": str(output.number or 1), "name": output.name or output.key}


STREAM: Final = OutputForm(
    translation_key="stream",
    things=outputs(OutputKind.STREAM, numbered=False),
    always_measured=True,
)
STREAM_NUMBER: Final = OutputForm(
    translation_key="stream_number", things=outputs(OutputKind.STREAM, numbered=True)
)
RECORD: Final = OutputForm(
    translation_key="record", things=outputs(OutputKind.RECORD), always_measured=True
)
OTHER: Final = OutputForm(translation_key="other_output", things=outputs(OutputKind.OTHER))

OUTPUT_FORMS: Final = (
    STREAM,
    STREAM_NUMBER,
    RECORD,
    *(
        OutputForm(translation_key=kind.value, things=outputs(kind))
        for kind in (
            OutputKind.VIRTUAL_CAMERA,
            OutputKind.REPLAY_BUFFER,
            OutputKind.EXTERNAL,
            OutputKind.MULTICORDER,
            OutputKind.SRT,
            OutputKind.FULLSCREEN,
        )
    ),
    OTHER,
)
"""Every output is of exactly one form."""


def has_statistics(coordinator: StudioCoordinator, _: object = None) -> bool:
    """Tell whether the studio says how it is doing, without which nobody can judge a stream."""
    state = coordinator.state
    return state is not None and state.statistics != Statistics()


@dataclass(frozen=True, slots=True)
class Stage:
    """A mix, and all that could be in its program and preview."""

    mix: Mix
    state: StudioState


def main_stage(_: StudioCoordinator, state: StudioState) -> Mapping[str, Stage]:
    """Return the main mix."""
    return {WHOLE: Stage(state.main, state)}


def further_stages(_: StudioCoordinator, state: StudioState) -> Mapping[str, Stage]:
    """Return all other mixes."""
    return {
        str(mix.number): Stage(mix, state)
        for mix in state.mixes.values()
        if mix.number != state.main.number
    }


def audio_channels(_: StudioCoordinator, state: StudioState) -> Mapping[str, AudioChannel]:
    """Return the inputs and buses with sound."""
    return {key: channel for key, channel in state.audio.items() if key != MASTER}


def master(_: StudioCoordinator, state: StudioState) -> Mapping[str, AudioChannel]:
    """Return the audio channel that all others go to, if the studio has one."""
    return {key: channel for key, channel in state.audio.items() if key == MASTER}


def overlays(_: StudioCoordinator, state: StudioState) -> Mapping[str, Overlay]:
    """Return the overlay channels of vMix."""
    return {str(number): overlay for number, overlay in state.overlays.items()}


@dataclass(frozen=True, slots=True)
class PlacedItem:
    """A source in a scene, and the scene's name."""

    item: SceneItem
    scene: str


def scene_items(coordinator: StudioCoordinator, state: StudioState) -> Mapping[str, PlacedItem]:
    """Return the sources within scenes that the user wants to see."""
    return {
        f"{scene}_{item_id}": PlacedItem(
            item, state.sources[scene].name if scene in state.sources else scene
        )
        for (scene, item_id), item in coordinator.scene_items(state).items()
    }


def shortened(text: str, length: int) -> str:
    """Return *text* in one line, read in one direction, with at most *length* characters."""
    text = _INVISIBLE.sub(" ", text)
    return text if len(text) <= length else f"{text[: length - 1]}…"


def shortened_path(path: str | None) -> str | None:
    """Return a path that fits into a state; its end, with the file's name, matters most."""
    if path is None:
        return None
    path = _INVISIBLE.sub(" ", path)
    return path if len(path) <= MAX_STATE else f"…{path[1 - MAX_STATE :]}"
