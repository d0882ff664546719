"""What a studio is: one set of values for OBS Studio and vMix.

Everything here was read from the studio. What it did not say is ``None`` (or ``UNKNOWN``), never
a guess: a vMix that leaves out an element has not said "off".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

MAIN_MIX: Final = 1
"""The number of the mix that every studio has; only vMix has more (2 to 16)."""
MAX_STREAMS: Final = 5
"""Streams that a studio sends at once: those of the newest vMix."""


class StudioKind(StrEnum):
    """Which program runs the studio."""

    OBS = "obs"
    VMIX = "vmix"


class OutputKind(StrEnum):
    """What an output does with the program."""

    STREAM = "stream"
    RECORD = "record"
    VIRTUAL_CAMERA = "virtual_camera"
    REPLAY_BUFFER = "replay_buffer"
    EXTERNAL = "external"
    MULTICORDER = "multicorder"
    SRT = "srt"
    FULLSCREEN = "fullscreen"
    OTHER = "other"
    """An output that a plugin of the studio brought, known by its name only."""


class OutputState(StrEnum):
    """Where an output is in its life."""

    STOPPED = "stopped"
    STARTING = "starting"
    ACTIVE = "active"
    RECONNECTING = "reconnecting"
    PAUSED = "paused"
    STOPPING = "stopping"
    UNKNOWN = "unknown"

    @property
    def is_on(self) -> bool | None:
        """Whether the output is meant to run; None if that is not known.

        A stream that reconnects is on, one that is stopping is not.
        """
        if self is OutputState.UNKNOWN:
            return None
        return self not in {OutputState.STOPPED, OutputState.STOPPING}


class Feature(StrEnum):
    """What this version of this studio can do beyond starting and stopping its outputs."""

    CHAPTER = "chapter"
    COLLECTIONS = "collections"
    CUT = "cut"
    FADE = "fade"
    FADE_TO_BLACK = "fade_to_black"
    HOTKEYS = "hotkeys"
    OVERLAYS = "overlays"
    PAUSE = "pause"
    PRESETS = "presets"
    PROFILES = "profiles"
    SAVE_REPLAY = "save_replay"
    SCENE_ITEMS = "scene_items"
    SCREENSHOT = "screenshot"
    SPLIT = "split"
    STREAM_DESTINATION = "stream_destination"
    STUDIO_MODE = "studio_mode"
    TEXT = "text"
    TRANSITION = "transition"
    """Preview to program with the chosen transition."""
    TRANSITION_CHOICE = "transition_choice"
    TRANSITION_DURATION = "transition_duration"
    WHIP = "whip"


class VolumeUnit(StrEnum):
    """How a studio measures the volume of an audio channel."""

    DECIBEL = "dB"
    """OBS: −100 to +26; −100 is silence."""
    PERCENT = "%"
    """vMix: 0 to 100."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """What answers.

    Attributes:
        software: Such as "32.0.1" (OBS) or "28.0.0.39" (vMix).
        protocol: obs-websocket's version; None for vMix.
        edition: vMix's edition such as "4K"; None for OBS.
        platform: The operating system as the studio names it.

    """

    software: str
    protocol: str | None = None
    edition: str | None = None
    platform: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Output:
    """Something the studio sends or writes.

    Attributes:
        key: Stable within the studio: "stream" (OBS), "stream_1" … "stream_5" (vMix), "record",
            "virtual_camera", "replay_buffer", "external", "multicorder", "srt_1" …,
            "fullscreen", or "output:<name>" for one a plugin brought.
        kind: What it does.
        state: Where it is in its life.
        number: Which one of its kind, from 1, where there are several.
        name: The studio's own name for it, of kind OTHER only.
        duration_s: Seconds since it started, without pauses.
        sent_bytes: Bytes sent or written since it started.
        bitrate_kbps: kbit/s over the last poll interval.
        congestion: 0 (none) … 1 (nothing gets through); streams of OBS only.
        skipped_frames: Frames left out since it started: lost on the way to the encoder or the
            server.
        total_frames: Frames since it started.
        skipped_percent: Frames skipped in the last poll interval, 0 … 100.
        path: The file that is being written, if the studio says.

    """

    key: str
    kind: OutputKind
    state: OutputState = OutputState.UNKNOWN
    number: int | None = None
    name: str | None = None
    duration_s: float | None = None
    sent_bytes: int | None = None
    bitrate_kbps: float | None = None
    congestion: float | None = None
    skipped_frames: int | None = None
    total_frames: int | None = None
    skipped_percent: float | None = None
    path: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Source:
    """Something that can be shown: a scene of OBS, an input of vMix.

    Attributes:
        key: Stable within the studio: the UUID where it has one, else the name.
        name: What people see. Two inputs of vMix may have the same one.
        number: vMix's input number, from 1; the place from the top in OBS's list, from 1.
        kind: The studio's own name for the type ("Image", "GT", "scene").
        fields: Names of its text fields (titles of vMix), in order.

    """

    key: str
    name: str
    number: int
    kind: str
    fields: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Mix:
    """One pair of program and preview, by keys of sources.

    Attributes:
        number: ``MAIN_MIX``, or 2 to 16.
        program: Key of the source on air; None if nothing is or it is not known.
        preview: Key of the source in preview; None without a preview (OBS outside studio mode).

    """

    number: int
    program: str | None = None
    preview: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Overlay:
    """One overlay channel of vMix.

    Attributes:
        number: 1 to 8.
        source: Key of the input that lies over the program; None if there is none.
        preview: Whether it is in preview only; None if the version does not say.

    """

    number: int
    source: str | None = None
    preview: bool | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SceneItem:
    """One source placed in a scene of OBS.

    Attributes:
        scene: Key of the scene.
        item_id: OBS's number of the item within the scene.
        name: Name of the source that is placed.
        visible: Whether it is shown.

    """

    scene: str
    item_id: int
    name: str
    visible: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class AudioChannel:
    """An input with sound, a bus, or the master.

    Attributes:
        key: Key of the source, or "master", "bus_a" … "bus_g".
        name: What people see.
        muted: Whether it is silent on purpose; None if the studio does not say.
        volume: In ``unit``; None if the studio does not say.
        unit: How the volume is measured.
        monitor: OBS's monitoring type ("none", "monitor_only", "monitor_and_output"); else None.
        buses: Letters of the buses that vMix sends it to ("M", "A" …); empty if it does not say.
        meter: 0 … 1, the loudest channel now; None unless meters were asked for.

    """

    key: str
    name: str
    unit: VolumeUnit
    muted: bool | None = None
    volume: float | None = None
    monitor: str | None = None
    buses: tuple[str, ...] = ()
    meter: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Statistics:
    """How the program that runs the studio is doing; None where it does not say.

    Attributes:
        fps: Frames per second that are drawn.
        target_fps: Frames per second that should be.
        cpu_percent: Of the whole machine, by the studio alone, 0 … 100.
        memory_mb: MB of the studio's memory.
        free_disk_mb: MB left where recordings go.
        frame_time_ms: Average time to draw a frame.
        render_skipped_frames: Frames missed because drawing was too slow, since OBS started.
        render_total_frames: Frames drawn since OBS started.
        output_skipped_frames: Frames missed because encoding was too slow, since OBS started.
        output_total_frames: Frames encoded since OBS started.

    """

    fps: float | None = None
    target_fps: float | None = None
    cpu_percent: float | None = None
    memory_mb: float | None = None
    free_disk_mb: float | None = None
    frame_time_ms: float | None = None
    render_skipped_frames: int | None = None
    render_total_frames: int | None = None
    output_skipped_frames: int | None = None
    output_total_frames: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class StudioState:
    """Everything known of a studio at one moment; replaced, never changed.

    Attributes:
        kind: Which program.
        version: Which version of it.
        features: What this version can do.
        outputs: By key; an output that the version lacks is absent.
        sources: By key, in the studio's order.
        mixes: By number; ``MAIN_MIX`` is always there.
        overlays: By number; empty on OBS.
        scene_items: By (scene, item id); empty on vMix and unless asked for.
        audio: By key.
        transitions: Names that can be chosen, in the studio's order.
        transition: The chosen one.
        transition_ms: Its duration; None if it has none.
        studio_mode: Whether OBS has a preview; None on vMix, which always has.
        fade_to_black: Whether the program is black on purpose; None if the studio does not say.
        profiles: Names; empty on vMix.
        profile: The current one.
        collections: Names of scene collections; empty on vMix.
        collection: The current one.
        preset: Path of vMix's preset; None on OBS.
        statistics: How the program is doing.
        destination: Where the stream goes, as the studio reports it, without any key; by stream's
            key ("stream" or "stream_1" …). Empty where the studio does not say.
        tally_program: Keys of the sources that are seen on air in any way, overlays and layers
            counted, by the studio's own tally; None where it has none (OBS).
        tally_preview: Likewise for the preview.

    """

    kind: StudioKind
    version: Version
    features: frozenset[Feature] = frozenset()
    outputs: Mapping[str, Output] = field(default_factory=dict)
    sources: Mapping[str, Source] = field(default_factory=dict)
    mixes: Mapping[int, Mix] = field(default_factory=lambda: {MAIN_MIX: Mix(number=MAIN_MIX)})
    overlays: Mapping[int, Overlay] = field(default_factory=dict)
    scene_items: Mapping[tuple[str, int], SceneItem] = field(default_factory=dict)
    audio: Mapping[str, AudioChannel] = field(default_factory=dict)
    transitions: tuple[str, ...] = ()
    transition: str | None = None
    transition_ms: int | None = None
    studio_mode: bool | None = None
    fade_to_black: bool | None = None
    profiles: tuple[str, ...] = ()
    profile: str | None = None
    collections: tuple[str, ...] = ()
    collection: str | None = None
    preset: str | None = None
    statistics: Statistics = field(default_factory=Statistics)
    destination: Mapping[str, str] = field(default_factory=dict)
    tally_program: frozenset[str] | None = None
    tally_preview: frozenset[str] | None = None

    @property
    def main(self) -> Mix:
        """Program and preview of the main mix."""
        return self.mixes[MAIN_MIX]

    def streams(self) -> list[Output]:
        """Return the outputs that stream, by number."""
        return sorted(
            (output for output in self.outputs.values() if output.kind is OutputKind.STREAM),
            key=lambda output: output.number or 0,
        )
