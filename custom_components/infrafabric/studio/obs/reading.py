"""OBS's answers as values of the model. What is malformed or unknown is left out, never guessed."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
import math
from typing import Any, Final

from ..model import (
    AudioChannel,
    Feature,
    OutputKind,
    OutputState,
    SceneItem,
    Source,
    Statistics,
    Version,
    VolumeUnit,
)
from ..secrets import public_address, scrub_text

MAX_PARTS: Final = 2000
"""Scenes, inputs, transitions … of each kind; a studio with more shows the first ones."""
MAX_NAME: Final = 512
"""Characters of a name; what is longer is left out."""
MAX_PATH: Final = 4096
"""Characters of a path."""

type Data = Mapping[str, Any]


@dataclass(frozen=True, slots=True, kw_only=True)
class Input:
    """An input of OBS, with or without sound."""

    key: str
    name: str
    kind: str

    @property
    def is_text(self) -> bool:
        """Whether it draws a text."""
        return self.kind.startswith("text_")


@dataclass(frozen=True, slots=True, kw_only=True)
class Scenes:
    """The scenes, and which of them are on air and in preview, by key."""

    sources: Mapping[str, Source]
    program: str | None
    preview: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Transition:
    """A transition that can be chosen."""

    name: str
    kind: str


@dataclass(frozen=True, slots=True, kw_only=True)
class OutputReading:
    """What one reading of an output's status says; None where it does not."""

    active: bool
    reconnecting: bool = False
    paused: bool = False
    duration_s: float | None = None
    sent_bytes: int | None = None
    congestion: float | None = None
    skipped_frames: int | None = None
    total_frames: int | None = None

    @property
    def state(self) -> OutputState:
        """The state as the status shows it; it knows neither starting nor stopping."""
        if not self.active:
            return OutputState.STOPPED
        if self.reconnecting:
            return OutputState.RECONNECTING
        return OutputState.PAUSED if self.paused else OutputState.ACTIVE


# -- single values --------------------------------------------------------------------------------


def text(data: Data, key: str, limit: int = MAX_NAME) -> str | None:
    """Return a text that is not empty, or None."""
    value = data.get(key)
    return value if isinstance(value, str) and 0 < len(value) <= limit else None


def real(data: Data, key: str) -> float | None:
    """Return a finite number, or None."""
    value = data.get(key)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if math.isfinite(value) else None


def whole(data: Data, key: str) -> int | None:
    """Return a count from 0 up, or None."""
    value = real(data, key)
    return int(value) if value is not None and value >= 0 else None


def flag(data: Data, key: str) -> bool | None:
    """Return true or false, or None."""
    value = data.get(key)
    return value if isinstance(value, bool) else None


def objects(data: Data, key: str) -> Iterator[Data]:
    """Return the objects in a list, as many as are allowed."""
    value = data.get(key)
    for item in value[:MAX_PARTS] if isinstance(value, list) else ():
        if isinstance(item, dict):
            yield item


def texts(data: Data, key: str) -> tuple[str, ...]:
    """Return the texts in a list, as many as are allowed."""
    value = data.get(key)
    items = value[:MAX_PARTS] if isinstance(value, list) else ()
    return tuple(item for item in items if isinstance(item, str) and 0 < len(item) <= MAX_NAME)


def key_of(data: Data, what: str) -> str | None:
    """Return the UUID of a scene or input ("scene", "input"), or the name where OBS has no UUID."""
    return text(data, f"{what}Uuid") or text(data, f"{what}Name")


# -- whole answers --------------------------------------------------------------------------------


def version(data: Data) -> tuple[Version, frozenset[str]]:
    """Return what answers, and the requests that it knows (GetVersion)."""
    found = Version(
        software=text(data, "obsVersion", 64) or "?",
        protocol=text(data, "obsWebSocketVersion", 64),
        platform=text(data, "platformDescription", 128) or text(data, "platform", 64),
    )
    return found, frozenset(texts(data, "availableRequests"))


_NEEDS: Final[Mapping[Feature, tuple[str, ...]]] = {
    Feature.CHAPTER: ("CreateRecordChapter",),
    Feature.COLLECTIONS: ("GetSceneCollectionList", "SetCurrentSceneCollection"),
    Feature.HOTKEYS: ("GetHotkeyList", "TriggerHotkeyByName"),
    Feature.PAUSE: ("PauseRecord", "ResumeRecord"),
    Feature.PROFILES: ("GetProfileList", "SetCurrentProfile"),
    Feature.SAVE_REPLAY: ("SaveReplayBuffer",),
    Feature.SCENE_ITEMS: ("GetSceneItemList", "SetSceneItemEnabled"),
    Feature.SCREENSHOT: ("GetSourceScreenshot",),
    Feature.SPLIT: ("SplitRecordFile",),
    Feature.STREAM_DESTINATION: ("GetStreamServiceSettings", "SetStreamServiceSettings"),
    Feature.STUDIO_MODE: ("GetStudioModeEnabled", "SetStudioModeEnabled"),
    Feature.TEXT: ("SetInputSettings",),
    Feature.TRANSITION: ("TriggerStudioModeTransition",),
    Feature.TRANSITION_CHOICE: ("SetCurrentSceneTransition",),
    Feature.TRANSITION_DURATION: ("SetCurrentSceneTransitionDuration",),
}
"""The requests without which a feature is not there."""
_WHIP_SINCE: Final = 30
"""OBS's major version."""


def features(found: Version, requests: frozenset[str]) -> frozenset[Feature]:
    """Return what this version can do."""
    able = {feature for feature, needed in _NEEDS.items() if requests.issuperset(needed)}
    if able >= {Feature.TRANSITION, Feature.TRANSITION_CHOICE}:
        able |= {Feature.CUT, Feature.FADE}
    major = found.software.partition(".")[0]
    if Feature.STREAM_DESTINATION in able and major.isdecimal() and int(major) >= _WHIP_SINCE:
        able.add(Feature.WHIP)
    return frozenset(able)


def scenes(data: Data) -> Scenes:
    """Return the scenes from the top of OBS's list (GetSceneList; it counts from the bottom)."""
    found = [
        (item.get("sceneIndex"), key, name)
        for item in objects(data, "scenes")
        if (key := key_of(item, "scene")) and (name := text(item, "sceneName"))
    ]
    found.sort(key=lambda item: -item[0] if isinstance(item[0], int) else 0)
    sources = {
        key: Source(key=key, name=name, number=number, kind="scene")
        for number, (_index, key, name) in enumerate(found, start=1)
    }
    return Scenes(
        sources=sources,
        program=find(sources, key_of(data, "currentProgramScene")),
        preview=find(sources, key_of(data, "currentPreviewScene")),
    )


def find[T: (Source, Input, AudioChannel)](
    parts: Mapping[str, T], wanted: str | None
) -> str | None:
    """Return the key of the part with that key or name, or None."""
    if wanted is None:
        return None
    if wanted in parts:
        return wanted
    return next((key for key, part in parts.items() if part.name == wanted), None)


def transitions(data: Data) -> tuple[tuple[Transition, ...], str | None]:
    """Return what can be chosen and what is (GetSceneTransitionList)."""
    found = tuple(
        Transition(name=name, kind=text(item, "transitionKind") or "")
        for item in objects(data, "transitions")
        if (name := text(item, "transitionName"))
    )
    return found, text(data, "currentSceneTransitionName")


def transition_ms(data: Data) -> int | None:
    """Return the duration of the chosen transition (GetCurrentSceneTransition), if it has one."""
    return None if flag(data, "transitionFixed") else whole(data, "transitionDuration")


def inputs(data: Data) -> dict[str, Input]:
    """Return the inputs (GetInputList)."""
    return {
        key: Input(key=key, name=name, kind=text(item, "inputKind") or "")
        for item in objects(data, "inputs")
        if (key := key_of(item, "input")) and (name := text(item, "inputName"))
    }


_MONITORING: Final = "OBS_MONITORING_TYPE_"
_MONITOR_TYPES: Final = frozenset({"none", "monitor_only", "monitor_and_output"})


def monitor(data: Data) -> str | None:
    """Return a monitoring type in the model's words, or None."""
    value = (text(data, "monitorType") or "").removeprefix(_MONITORING).lower()
    return value if value in _MONITOR_TYPES else None


def audio(found: Input, volume: Data, mute: Data, monitoring: Data) -> AudioChannel:
    """Return the sound of an input."""
    return AudioChannel(
        key=found.key,
        name=found.name,
        unit=VolumeUnit.DECIBEL,
        volume=real(volume, "inputVolumeDb"),
        muted=flag(mute, "inputMuted"),
        monitor=monitor(monitoring),
    )


def scene_items(scene: str, data: Data) -> dict[tuple[str, int], SceneItem]:
    """Return what is placed in a scene (GetSceneItemList)."""
    found: dict[tuple[str, int], SceneItem] = {}
    for item in objects(data, "sceneItems"):
        number, name = whole(item, "sceneItemId"), text(item, "sourceName")
        visible = flag(item, "sceneItemEnabled")
        if number is not None and name is not None and visible is not None:
            found[scene, number] = SceneItem(
                scene=scene, item_id=number, name=name, visible=visible
            )
    return found


def _megabytes(data: Data, key: str) -> float | None:
    """Return MB of what OBS calls MB: it divides by 1024 twice."""
    value = real(data, key)
    return None if value is None else value * 1024 * 1024 / 1_000_000


def statistics(data: Data, target_fps: float | None) -> Statistics:
    """Return how OBS is doing (GetStats)."""
    return Statistics(
        fps=real(data, "activeFps"),
        target_fps=target_fps,
        cpu_percent=real(data, "cpuUsage"),
        memory_mb=_megabytes(data, "memoryUsage"),
        free_disk_mb=_megabytes(data, "availableDiskSpace"),
        frame_time_ms=real(data, "averageFrameRenderTime"),
        render_skipped_frames=whole(data, "renderSkippedFrames"),
        render_total_frames=whole(data, "renderTotalFrames"),
        output_skipped_frames=whole(data, "outputSkippedFrames"),
        output_total_frames=whole(data, "outputTotalFrames"),
    )


def target_fps(data: Data) -> float | None:
    """Return how many frames a second there should be (GetVideoSettings)."""
    numerator, denominator = real(data, "fpsNumerator"), real(data, "fpsDenominator")
    return numerator / denominator if numerator and denominator else None


def output(data: Data) -> OutputReading | None:
    """Return the status of one output; None if the answer does not say whether it runs."""
    active = flag(data, "outputActive")
    if active is None:
        return None
    duration = real(data, "outputDuration")
    congestion = real(data, "outputCongestion")
    return OutputReading(
        active=active,
        reconnecting=bool(flag(data, "outputReconnecting")),
        paused=bool(flag(data, "outputPaused")),
        duration_s=duration / 1000 if active and duration is not None and duration >= 0 else None,
        sent_bytes=whole(data, "outputBytes") if active else None,
        congestion=min(1.0, max(0.0, congestion)) if active and congestion is not None else None,
        skipped_frames=whole(data, "outputSkippedFrames") if active else None,
        total_frames=whole(data, "outputTotalFrames") if active else None,
    )


_OWN_OUTPUTS: Final = frozenset(
    {
        *("simple_stream", "adv_stream", "simple_file_output", "adv_file_output"),
        *("adv_ffmpeg_output", "simple_ffmpeg_output", "virtualcam_output", "replay_buffer"),
        *("Replay Buffer", "null", "default_output"),
    }
)
_OWN_KINDS: Final = frozenset({"replay_buffer", "virtualcam_output"})


def other_outputs(data: Data) -> dict[str, OutputReading]:
    """Return the outputs that plugins brought, by name (GetOutputList)."""
    found: dict[str, OutputReading] = {}
    for item in objects(data, "outputs"):
        name, reading = text(item, "outputName"), output(item)
        if name is None or reading is None or name in _OWN_OUTPUTS:
            continue
        # OBS 30.2 and newer stream to several tracks with outputs of these names.
        if text(item, "outputKind") in _OWN_KINDS or "multitrack video" in name:
            continue
        found[name] = reading
    return found


STANDARD_OUTPUTS: Final[Mapping[str, OutputKind]] = {
    "stream": OutputKind.STREAM,
    "record": OutputKind.RECORD,
    "virtual_camera": OutputKind.VIRTUAL_CAMERA,
    "replay_buffer": OutputKind.REPLAY_BUFFER,
}
"""The outputs that OBS itself brings, by key."""
OTHER_PREFIX: Final = "output:"
"""Begins the key of an output that a plugin brought."""


def destination(data: Data) -> str | None:
    """Return where the stream goes, without what opens the door (GetStreamServiceSettings)."""
    settings = data.get("streamServiceSettings")
    if not isinstance(settings, dict):
        return None
    service = text(settings, "service", 128)
    if service is not None and data.get("streamServiceType") == "rtmp_common":
        return scrub_text(service, _secret_texts(settings))
    server = text(settings, "server", MAX_PATH)
    return scrub_text(public_address(server), _secret_texts(settings)) if server else None


def _secret_texts(settings: Data) -> frozenset[str]:
    found = {text(settings, key, MAX_PATH) for key in ("key", "password", "bearer_token")}
    return frozenset(value for value in found if value)
