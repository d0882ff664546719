"""OBS's answers, many at a time, folded into the state."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Final

from ..events import StudioEvent
from ..model import AudioChannel, SceneItem, Source, StudioState
from . import happened, reading
from .book import OutputBook
from .protocol import Answer, Status
from .reading import OTHER_PREFIX, Input, OutputReading, Transition, find, key_of

AUDIO_REQUESTS: Final = ("GetInputVolume", "GetInputMute", "GetInputAudioMonitorType")
"""What is asked about the sound of each input."""
_STATUS_OF: Final[Mapping[str, str]] = {
    "stream": "GetStreamStatus",
    "record": "GetRecordStatus",
    "virtual_camera": "GetVirtualCamStatus",
    "replay_buffer": "GetReplayBufferStatus",
}

MAX_OTHER_OUTPUTS: Final = 32
"""Running outputs of plugins that are asked for their counters."""

type Answers = Mapping[str, Answer]
"""By the request's name."""
type Extra = Mapping[tuple[str, str], Answer]
"""Of the second round: by the request's name and what it was about."""


@dataclass(slots=True)
class Known:
    """What the client knows beyond the model."""

    inputs: dict[str, Input] = field(default_factory=dict)
    choices: tuple[Transition, ...] = ()
    target_fps: float | None = None


def fold(
    state: StudioState, known: Known, answers: Answers, extra: Extra
) -> tuple[StudioState, list[StudioEvent]]:
    """Return the state with what was read, outputs left out, and what subscribers are told."""
    events: list[StudioEvent] = []
    if (read := data(answers, "GetVideoSettings")) is not None:
        known.target_fps = reading.target_fps(read)
    if (read := data(answers, "GetSceneList")) is not None:
        scenes = reading.scenes(read)
        change = happened.with_program(replace(state, sources=scenes.sources), scenes.program)
        state = happened.with_preview(change.state, scenes.preview)
        events += change.events
    if (read := data(answers, "GetCurrentProgramScene")) is not None:
        change = happened.with_program(
            state, find(state.sources, key_of(read, "currentProgramScene"))
        )
        preview = data(answers, "GetCurrentPreviewScene") or {}
        state = happened.with_preview(
            change.state, find(state.sources, key_of(preview, "currentPreviewScene"))
        )
        events += change.events
    if (read := data(answers, "GetInputList")) is not None:
        known.inputs = reading.inputs(read)
        state = replace(state, audio=_audio(known.inputs, state.audio, extra))
    if (read := data(answers, "GetSceneTransitionList")) is not None:
        known.choices, chosen = reading.transitions(read)
        names = tuple(choice.name for choice in known.choices)
        state = replace(state, transitions=names, transition=chosen)
    if (read := data(answers, "GetCurrentSceneTransition")) is not None:
        state = replace(state, transition_ms=reading.transition_ms(read))
    if (read := data(answers, "GetStudioModeEnabled")) is not None:
        state = replace(state, studio_mode=reading.flag(read, "studioModeEnabled"))
    if (read := data(answers, "GetStreamServiceSettings")) is not None:
        shown = reading.destination(read)
        state = replace(state, destination={"stream": shown} if shown else {})
    if (read := data(answers, "GetStats")) is not None:
        state = replace(state, statistics=reading.statistics(read, known.target_fps))
    return _names(state, answers), events


def _names(state: StudioState, answers: Answers) -> StudioState:
    if (read := data(answers, "GetProfileList")) is not None:
        state = replace(
            state,
            profiles=reading.texts(read, "profiles"),
            profile=reading.text(read, "currentProfileName"),
        )
    if (read := data(answers, "GetSceneCollectionList")) is not None:
        state = replace(
            state,
            collections=reading.texts(read, "sceneCollections"),
            collection=reading.text(read, "currentSceneCollectionName"),
        )
    return state


def more(
    state: StudioState, answers: Answers, *, scene_items: bool
) -> list[tuple[str, str, Mapping[str, Any]]]:
    """Return what has to be asked about single things: request, what about, and its data."""
    asked: list[tuple[str, str, Mapping[str, Any]]] = []
    if (inputs := data(answers, "GetInputList")) is not None:
        for found in reading.inputs(inputs).values():
            asked += [(name, found.key, ref("input", found)) for name in AUDIO_REQUESTS]
    if scene_items:
        scenes = data(answers, "GetSceneList")
        sources = state.sources if scenes is None else reading.scenes(scenes).sources
        asked += [
            ("GetSceneItemList", source.key, ref("scene", source)) for source in sources.values()
        ]
    if (outputs := data(answers, "GetOutputList")) is not None:
        running = [name for name, status in reading.other_outputs(outputs).items() if status.active]
        asked += [
            ("GetOutputStatus", name, {"outputName": name}) for name in running[:MAX_OTHER_OUTPUTS]
        ]
    return asked


def ref(what: str, part: Source | Input | AudioChannel) -> dict[str, str]:
    """Return how a request names a scene or an input: by UUID where OBS has one."""
    return {f"{what}Name": part.name} if part.key == part.name else {f"{what}Uuid": part.key}


def data(answers: Answers, name: str) -> Mapping[str, Any] | None:
    """Return what was answered; None if it was not asked or refused."""
    answer = answers.get(name)
    return answer.data if answer is not None and answer.ok else None


def is_loading(answers: Answers) -> bool:
    """Whether OBS is still loading, and its answers count for nothing."""
    return any(answer.code == Status.NOT_READY for answer in answers.values())


def _audio(
    inputs: Mapping[str, Input],
    before: Mapping[str, AudioChannel],
    extra: Extra,
) -> dict[str, AudioChannel]:
    found: dict[str, AudioChannel] = {}
    for key, part in inputs.items():
        volume, mute, monitor = (
            answer.data if (answer := extra.get((name, key))) is not None and answer.ok else {}
            for name in AUDIO_REQUESTS
        )
        # OBS refuses the question for an input without sound.
        if volume:
            channel = reading.audio(part, volume, mute, monitor)
            meter = before[key].meter if key in before else None
            found[key] = replace(channel, meter=meter)
    return found


def items(state: StudioState, extra: Extra) -> dict[tuple[str, int], SceneItem]:
    """Return what is placed in every scene."""
    found: dict[tuple[str, int], SceneItem] = {}
    for (name, scene), answer in extra.items():
        if name == "GetSceneItemList" and answer.ok and scene in state.sources:
            found |= reading.scene_items(scene, answer.data)
    return found


def readings(answers: Answers, extra: Extra, book: OutputBook) -> dict[str, OutputReading | None]:
    """Return the status of every output that exists."""
    found: dict[str, OutputReading | None] = {}
    for key, name in _STATUS_OF.items():
        answer = answers.get(name)
        if answer is None or answer.code in {Status.UNKNOWN_REQUEST, Status.INVALID_STATE}:
            # Not part of this version, or nothing on this machine can do it.
            continue
        found[key] = reading.output(answer.data) if answer.ok else None
    outputs = data(answers, "GetOutputList")
    if outputs is None:
        found |= {key: None for key in book.outputs if key.startswith(OTHER_PREFIX)}
        return found
    for name, status in reading.other_outputs(outputs).items():
        detail = extra.get(("GetOutputStatus", name))
        better = reading.output(detail.data) if detail is not None and detail.ok else None
        found[OTHER_PREFIX + name] = better or status
    return found
