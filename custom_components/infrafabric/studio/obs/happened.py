"""OBS's events as changes of the model: a new state, or what has to be read again."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from ..events import ProgramChanged, StudioEvent
from ..model import MAIN_MIX, AudioChannel, StudioState
from . import reading
from .reading import Data, find, flag, key_of, real, text, texts


class Part(StrEnum):
    """A part of the state that is read with requests of its own."""

    SCENES = "scenes"
    INPUTS = "inputs"
    ITEMS = "items"
    TRANSITIONS = "transitions"
    PROGRAM = "program"
    """Which scenes are on air and in preview, without the list of them."""
    PROFILES = "profiles"
    COLLECTIONS = "collections"
    VIDEO = "video"
    DESTINATION = "destination"
    OUTPUTS = "outputs"


ALL_PARTS: Final = frozenset(Part)


@dataclass(frozen=True, slots=True)
class Change:
    """What an event means.

    Attributes:
        state: As it is now.
        events: What subscribers are told besides.
        again: What the event did not say enough about.

    """

    state: StudioState
    events: tuple[StudioEvent, ...] = ()
    again: frozenset[Part] = frozenset()


def with_program(state: StudioState, program: str | None) -> Change:
    """Return the change to another scene on air."""
    main = state.main
    if main.program == program:
        return Change(state)
    before, now = state.sources.get(main.program or ""), state.sources.get(program or "")
    event = ProgramChanged(
        MAIN_MIX, program, now.name if now else None, before.name if before else None
    )
    mixes = {**state.mixes, MAIN_MIX: replace(main, program=program)}
    # What was on air before the first reading is not known: nothing has changed then.
    return Change(replace(state, mixes=mixes), (event,) if main.program else ())


def with_preview(state: StudioState, preview: str | None) -> StudioState:
    """Return the state with another scene in preview."""
    return replace(state, mixes={**state.mixes, MAIN_MIX: replace(state.main, preview=preview)})


def _program_changed(state: StudioState, data: Data) -> Change:
    key = find(state.sources, key_of(data, "scene"))
    if key is None or key not in state.sources:
        return _again(Part.SCENES)(state, data)
    if state.studio_mode and key != state.main.program:
        # Leaving studio mode, OBS tells of the preview for a moment, which is never on air.
        return _again(Part.PROGRAM)(state, data)
    return with_program(state, key)


def _preview_changed(state: StudioState, data: Data) -> Change:
    key = find(state.sources, key_of(data, "scene"))
    if key is None or key not in state.sources:
        return _again(Part.SCENES)(state, data)
    return Change(with_preview(state, key))


def _scene_renamed(state: StudioState, data: Data) -> Change:
    """Follow a new name; where the name is the key, everything that points to it follows."""
    old, new = text(data, "oldSceneName"), text(data, "sceneName")
    key = text(data, "sceneUuid") or old
    if not key or not new or key not in state.sources:
        return _again(Part.SCENES, Part.ITEMS)(state, data)
    new_key = text(data, "sceneUuid") or new

    def follow(value: str | None) -> str | None:
        return new_key if value == key else value

    sources = {
        (new_key if name == key else name): (
            replace(source, key=new_key, name=new) if name == key else source
        )
        for name, source in state.sources.items()
    }
    items = {
        (new_key if scene == key else scene, number): (
            replace(item, scene=new_key) if scene == key else item
        )
        for (scene, number), item in state.scene_items.items()
    }
    main = replace(
        state.main, program=follow(state.main.program), preview=follow(state.main.preview)
    )
    return Change(
        replace(state, sources=sources, scene_items=items, mixes={**state.mixes, MAIN_MIX: main})
    )


def _again(*parts: Part) -> Callable[[StudioState, Data], Change]:
    def read_again(state: StudioState, data: Data) -> Change:
        return Change(state, again=frozenset(parts))

    return read_again


def _scene_list_changed(state: StudioState, data: Data) -> Change:
    found = reading.scenes(data).sources
    if found.keys() == state.sources.keys():
        return Change(replace(state, sources=found))
    return Change(state, again=frozenset({Part.SCENES, Part.ITEMS}))


def _audio(
    change: Callable[[AudioChannel, Data], AudioChannel],
) -> Callable[[StudioState, Data], Change]:
    def changed(state: StudioState, data: Data) -> Change:
        key = find(state.audio, key_of(data, "input"))
        if key is None:
            return Change(state)
        return Change(replace(state, audio={**state.audio, key: change(state.audio[key], data)}))

    return changed


def _volume(channel: AudioChannel, data: Data) -> AudioChannel:
    volume = real(data, "inputVolumeDb")
    return channel if volume is None else replace(channel, volume=volume)


def _mute(channel: AudioChannel, data: Data) -> AudioChannel:
    muted = flag(data, "inputMuted")
    return channel if muted is None else replace(channel, muted=muted)


def _monitor(channel: AudioChannel, data: Data) -> AudioChannel:
    monitor = reading.monitor(data)
    return channel if monitor is None else replace(channel, monitor=monitor)


def _transition_duration(state: StudioState, data: Data) -> Change:
    duration = reading.whole(data, "transitionDuration")
    return Change(state if duration is None else replace(state, transition_ms=duration))


def _studio_mode(state: StudioState, data: Data) -> Change:
    enabled = flag(data, "studioModeEnabled")
    if enabled is None:
        return Change(state, again=frozenset({Part.PROGRAM}))
    state = replace(state, studio_mode=enabled)
    if not enabled:
        return Change(with_preview(state, None))
    return Change(state, again=frozenset({Part.PROGRAM}))


def _profile_list(state: StudioState, data: Data) -> Change:
    return Change(replace(state, profiles=texts(data, "profiles")))


def _collection_list(state: StudioState, data: Data) -> Change:
    return Change(replace(state, collections=texts(data, "sceneCollections")))


def _item_enabled(state: StudioState, data: Data) -> Change:
    scene = find(state.sources, key_of(data, "scene"))
    number, visible = reading.whole(data, "sceneItemId"), flag(data, "sceneItemEnabled")
    item = state.scene_items.get((scene or "", -1 if number is None else number))
    if item is None or visible is None:
        return Change(state)
    key = (item.scene, item.item_id)
    return Change(
        replace(state, scene_items={**state.scene_items, key: replace(item, visible=visible)})
    )


_EVENTS: Final[Mapping[str, Callable[[StudioState, Data], Change]]] = {
    "CurrentProgramSceneChanged": _program_changed,
    "CurrentPreviewSceneChanged": _preview_changed,
    "SceneNameChanged": _scene_renamed,
    "SceneListChanged": _scene_list_changed,
    "SceneCreated": _again(Part.SCENES, Part.ITEMS),
    "SceneRemoved": _again(Part.SCENES, Part.ITEMS),
    "InputCreated": _again(Part.INPUTS),
    "InputRemoved": _again(Part.INPUTS),
    "InputNameChanged": _again(Part.INPUTS, Part.ITEMS),
    "InputVolumeChanged": _audio(_volume),
    "InputMuteStateChanged": _audio(_mute),
    "InputAudioMonitorTypeChanged": _audio(_monitor),
    # It does not say how long the other one takes: both change together.
    "CurrentSceneTransitionChanged": _again(Part.TRANSITIONS),
    "CurrentSceneTransitionDurationChanged": _transition_duration,
    "StudioModeStateChanged": _studio_mode,
    "CurrentProfileChanged": _again(Part.PROFILES, Part.OUTPUTS, Part.VIDEO, Part.DESTINATION),
    "ProfileListChanged": _profile_list,
    "SceneCollectionListChanged": _collection_list,
    "CurrentSceneCollectionChanged": _again(*ALL_PARTS),
    "SceneItemEnableStateChanged": _item_enabled,
    "SceneItemCreated": _again(Part.ITEMS),
    "SceneItemRemoved": _again(Part.ITEMS),
}
"""What each event means; events of outputs have a room of their own, unknown ones mean nothing."""


def apply(state: StudioState, name: str, data: Data) -> Change:
    """Return what the event *name* changes."""
    meaning = _EVENTS.get(name)
    return Change(state) if meaning is None else meaning(state, data)


def metered(state: StudioState, levels: Mapping[str, float]) -> StudioState:
    """Return the state with how loud each input is, 0 to 1."""
    audio = {
        key: replace(channel, meter=levels.get(key, levels.get(channel.name, 0.0)))
        for key, channel in state.audio.items()
    }
    return replace(state, audio=audio)


def loudest(data: Data) -> dict[str, float]:
    """Return the peak of the loudest channel of each input, by key (InputVolumeMeters)."""
    found: dict[str, float] = {}
    for item in reading.objects(data, "inputs"):
        key, levels = key_of(item, "input"), item.get("inputLevelsMul")
        if key is None or not isinstance(levels, list):
            continue
        peaks = [
            peak
            for channel in levels[:16]
            if isinstance(channel, list)
            and len(channel) > 1
            and (peak := real({"peak": channel[1]}, "peak")) is not None
        ]
        found[key] = min(1.0, max(0.0, *peaks, 0.0)) if peaks else 0.0
    return found
