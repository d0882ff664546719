"""A studio in memory for the tests of floor 5, and two that are full of things.

``FakeStudioClient`` has the interface of ``StudioClient`` and no network: it confirms at once what
a real studio confirms in time, and tests make it go, come back and change.
"""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from custom_components.infrafabric.studio.api import (
    CONFIRM_TIMEOUT,
    DEFAULT_POLL_INTERVAL,
    Picture,
    StopReport,
)
from custom_components.infrafabric.studio.destination import Destination
from custom_components.infrafabric.studio.errors import (
    InvalidError,
    StudioError,
    UnreachableError,
    UnsupportedError,
)
from custom_components.infrafabric.studio.events import (
    Connected,
    Disconnected,
    Happening,
    OutputHappened,
    ProgramChanged,
    RecordingFinished,
    ReplaySaved,
    StateChanged,
    StudioEvent,
    happening,
)
from custom_components.infrafabric.studio.model import (
    MAIN_MIX,
    AudioChannel,
    Feature,
    Mix,
    Output,
    OutputKind,
    OutputState,
    Overlay,
    SceneItem,
    Source,
    Statistics,
    StudioKind,
    StudioState,
    Version,
    VolumeUnit,
)

PICTURE = Picture(data=b"\xff\xd8\xff\xe0 a picture", content_type="image/jpeg")

CAMERA = "6f0e8a52-0001-4c1b-9d0e-5d4f3b2a1c00"
"""Key of the scene that is on air."""
DESK = "6f0e8a52-0002-4c1b-9d0e-5d4f3b2a1c00"
"""Key of the scene in preview."""
BREAK = "6f0e8a52-0003-4c1b-9d0e-5d4f3b2a1c00"
MICROPHONE = "6f0e8a52-1001-4c1b-9d0e-5d4f3b2a1c00"
MUSIC = "6f0e8a52-1002-4c1b-9d0e-5d4f3b2a1c00"

VMIX_CAMERA = "26cae087-b7b6-4d45-98e4-de03ab4feb6b"
"""Key of the input that is on air."""
VMIX_TITLE = "6b1f2c7e-94d1-4a0e-8a6f-1f8a4f6d2b10"
"""Key of the input in preview; it has text fields."""
VMIX_CLIP = "e3a2c6d0-3a55-4d9f-9c43-7f5f1f1f9e21"


def obs_state(**changes: Any) -> StudioState:
    """Return an OBS Studio in studio mode with everything it can have, nothing running."""
    outputs = (
        Output(key="stream", kind=OutputKind.STREAM, state=OutputState.STOPPED),
        Output(key="record", kind=OutputKind.RECORD, state=OutputState.STOPPED),
        Output(key="virtual_camera", kind=OutputKind.VIRTUAL_CAMERA, state=OutputState.STOPPED),
        Output(key="replay_buffer", kind=OutputKind.REPLAY_BUFFER, state=OutputState.STOPPED),
        Output(
            key="output:NDI Main",
            kind=OutputKind.OTHER,
            state=OutputState.STOPPED,
            name="NDI Main",
        ),
    )
    sources = (
        Source(key=CAMERA, name="Camera", number=1, kind="scene"),
        Source(key=DESK, name="Desk", number=2, kind="scene"),
        Source(key=BREAK, name="Break", number=3, kind="scene"),
    )
    items = (
        SceneItem(scene=CAMERA, item_id=1, name="Webcam", visible=True),
        SceneItem(scene=CAMERA, item_id=2, name="Logo", visible=False),
        SceneItem(scene=DESK, item_id=1, name="Screen", visible=True),
    )
    audio = (
        AudioChannel(
            key=MICROPHONE,
            name="Microphone",
            unit=VolumeUnit.DECIBEL,
            muted=False,
            volume=-6.5,
            monitor="none",
        ),
        AudioChannel(
            key=MUSIC,
            name="Music",
            unit=VolumeUnit.DECIBEL,
            muted=True,
            volume=-20.0,
            monitor="monitor_and_output",
        ),
    )
    values: dict[str, Any] = {
        "kind": StudioKind.OBS,
        "version": Version(software="32.0.1", protocol="5.6.3", platform="ubuntu"),
        "features": frozenset(Feature)
        - {Feature.CUT, Feature.FADE, Feature.FADE_TO_BLACK, Feature.OVERLAYS, Feature.PRESETS},
        "outputs": {output.key: output for output in outputs},
        "sources": {source.key: source for source in sources},
        "mixes": {MAIN_MIX: Mix(number=MAIN_MIX, program=CAMERA, preview=DESK)},
        "scene_items": {(item.scene, item.item_id): item for item in items},
        "audio": {channel.key: channel for channel in audio},
        "transitions": ("Cut", "Fade", "Stinger"),
        "transition": "Fade",
        "transition_ms": 300,
        "studio_mode": True,
        "profiles": ("Untitled", "Sunday service"),
        "profile": "Untitled",
        "collections": ("Untitled", "Concert"),
        "collection": "Untitled",
        "statistics": Statistics(
            fps=59.94,
            target_fps=60.0,
            cpu_percent=7.25,
            memory_mb=412.5,
            free_disk_mb=204_800.0,
            frame_time_ms=2.1,
            render_skipped_frames=3,
            render_total_frames=36_000,
            output_skipped_frames=5,
            output_total_frames=36_000,
        ),
        "destination": {"stream": "Twitch"},
    }
    return StudioState(**(values | changes))


def vmix_state(**changes: Any) -> StudioState:
    """Return a vMix 4K with two mixes, a title, overlays and buses, nothing running."""
    outputs = (
        *(
            Output(
                key=f"stream_{number}",
                kind=OutputKind.STREAM,
                state=OutputState.STOPPED,
                number=number,
            )
            for number in range(1, 6)
        ),
        Output(key="record", kind=OutputKind.RECORD, state=OutputState.STOPPED),
        Output(key="external", kind=OutputKind.EXTERNAL, state=OutputState.STOPPED),
        Output(key="multicorder", kind=OutputKind.MULTICORDER, state=OutputState.STOPPED),
        Output(key="fullscreen", kind=OutputKind.FULLSCREEN, state=OutputState.ACTIVE),
        *(
            Output(
                key=f"srt_{number}", kind=OutputKind.SRT, state=OutputState.STOPPED, number=number
            )
            for number in (1, 2)
        ),
    )
    sources = (
        Source(key=VMIX_CAMERA, name="Camera 1", number=1, kind="Capture"),
        Source(
            key=VMIX_TITLE,
            name="Lower third",
            number=2,
            kind="GT",
            fields=("Headline.Text", "Description.Text"),
        ),
        Source(key=VMIX_CLIP, name="Opener.mp4", number=3, kind="Video"),
    )
    audio = (
        AudioChannel(
            key="master", name="Master", unit=VolumeUnit.PERCENT, muted=False, volume=100.0
        ),
        AudioChannel(key="bus_a", name="A", unit=VolumeUnit.PERCENT, muted=True, volume=75.0),
        AudioChannel(
            key=VMIX_CAMERA,
            name="Camera 1",
            unit=VolumeUnit.PERCENT,
            muted=False,
            volume=80.0,
            buses=("M", "A"),
        ),
        AudioChannel(
            key=VMIX_CLIP,
            name="Opener.mp4",
            unit=VolumeUnit.PERCENT,
            muted=True,
            volume=100.0,
            buses=("M",),
        ),
    )
    values: dict[str, Any] = {
        "kind": StudioKind.VMIX,
        "version": Version(software="28.0.0.39", edition="4K"),
        "features": frozenset(
            {
                Feature.CUT,
                Feature.FADE,
                Feature.FADE_TO_BLACK,
                Feature.OVERLAYS,
                Feature.PRESETS,
                Feature.STREAM_DESTINATION,
                Feature.TEXT,
                Feature.TRANSITION,
            }
        ),
        "outputs": {output.key: output for output in outputs},
        "sources": {source.key: source for source in sources},
        "mixes": {
            MAIN_MIX: Mix(number=MAIN_MIX, program=VMIX_CAMERA, preview=VMIX_TITLE),
            2: Mix(number=2, program=VMIX_CLIP, preview=VMIX_CAMERA),
        },
        "overlays": {
            1: Overlay(number=1, source=VMIX_TITLE, preview=False),
            2: Overlay(number=2),
            3: Overlay(number=3),
            4: Overlay(number=4),
        },
        "audio": {channel.key: channel for channel in audio},
        "transitions": ("Cut", "Fade", "Merge", "Wipe"),
        "fade_to_black": False,
        "preset": "C:\\Users\\studio\\Documents\\Sunday.vmix",
    }
    return StudioState(**(values | changes))


def changed_output(state: StudioState, key: str, /, **changes: Any) -> StudioState:
    """Return *state* with one output changed."""
    return replace(state, outputs={**state.outputs, key: replace(state.outputs[key], **changes)})


class FakeStudioClient:
    """A ``StudioClient`` whose studio is the test.

    Args:
        state: Of the studio; it may change while nobody is connected.
        on: Whether the studio runs when the client starts.

    """

    def __init__(self, state: StudioState | None = None, *, on: bool = True) -> None:
        """Make a client that was not started."""
        self.studio = state or obs_state()
        """The studio as it is, whether somebody is connected or not."""
        self.on = on
        self.calls: list[tuple[Any, ...]] = []
        """What was asked of the client, oldest first: name, positional, keyword arguments."""
        self.error: StudioError | None = None
        """Raised by the next call that may fail, if set."""
        self.gate: asyncio.Event | None = None
        """Calls that change something wait for it."""
        self.picture = PICTURE
        self.untold: dict[str, Source] = {}
        """Scenes and inputs that are found only by who looks."""
        self.hotkey_names: Sequence[str] = ("OBSBasic.Screenshot", "OBSBasic.StartStreaming")
        self.raw_answer: dict[str, Any] = {"outputActive": False}
        self.poll_interval = DEFAULT_POLL_INTERVAL
        self.running = False
        self._connected = False
        self._state: StudioState | None = None
        self._callbacks: list[Callable[[StudioEvent], None]] = []

    # -- the interface of StudioClient --------------------------------------------------------

    @property
    def kind(self) -> StudioKind:
        return self.studio.kind

    @property
    def connected(self) -> bool:
        return self._connected

    @property
    def state(self) -> StudioState | None:
        return self._state

    def subscribe(self, callback: Callable[[StudioEvent], None]) -> Callable[[], None]:
        self._callbacks.append(callback)
        return lambda: self._callbacks.remove(callback)

    async def start(self) -> None:
        self.calls.append(("start",))
        self.running = True
        if self.on:
            self.connect()

    async def stop(self) -> None:
        self.calls.append(("stop",))
        self.running = False
        self._connected = False

    async def start_output(self, key: str, *, timeout: float = CONFIRM_TIMEOUT) -> Output:
        await self._called("start_output", key)
        if self._output(key).state.is_on is not True:
            self.output(key, OutputState.ACTIVE)
        return self._output(key)

    async def stop_output(self, key: str, *, timeout: float = CONFIRM_TIMEOUT) -> Output:
        await self._called("stop_output", key)
        if self._output(key).state is not OutputState.STOPPED:
            self.output(key, OutputState.STOPPED)
        return self._output(key)

    async def pause_recording(self) -> Output:
        await self._called("pause_recording", feature=Feature.PAUSE)
        self.output("record", OutputState.PAUSED)
        return self._output("record")

    async def resume_recording(self) -> Output:
        await self._called("resume_recording", feature=Feature.PAUSE)
        self.output("record", OutputState.ACTIVE)
        return self._output("record")

    async def split_recording(self) -> None:
        await self._called("split_recording", feature=Feature.SPLIT)
        self.emit(RecordingFinished(path="/videos/part 1.mkv", duration_s=60.0))

    async def add_chapter(self, name: str | None = None) -> None:
        await self._called("add_chapter", name, feature=Feature.CHAPTER)

    async def save_replay(self) -> str:
        await self._called("save_replay", feature=Feature.SAVE_REPLAY)
        self.emit(ReplaySaved(path="/videos/replay.mkv"))
        return "/videos/replay.mkv"

    async def stop_everything(self, *, timeout: float = CONFIRM_TIMEOUT) -> list[StopReport]:
        await self._called("stop_everything")
        reports = []
        for key, output in list(self.studio.outputs.items()):
            if output.state is not OutputState.STOPPED:
                self.output(key, OutputState.STOPPED)
            reports.append(StopReport(output=key, stopped=True, was_on=output.state.is_on))
        return reports

    async def set_destination(self, destination: Destination, *, output: str | None = None) -> str:
        await self._called(
            "set_destination", destination, output=output, feature=Feature.STREAM_DESTINATION
        )
        key = output or self.studio.streams()[0].key
        public = destination.public()
        self.replace_state(destination={**self.studio.destination, key: public})
        return public

    async def set_program(self, source: str, *, mix: int = MAIN_MIX) -> None:
        await self._called("set_program", source, mix=mix)
        self.program(self._source(source), mix=mix)

    async def set_preview(self, source: str, *, mix: int = MAIN_MIX) -> None:
        await self._called("set_preview", source, mix=mix)
        self._set_mix(mix, preview=self._source(source))

    async def transition(
        self,
        name: str | None = None,
        *,
        duration_ms: int | None = None,
        source: str | None = None,
        mix: int = MAIN_MIX,
    ) -> None:
        await self._called(
            "transition",
            name,
            duration_ms=duration_ms,
            source=source,
            mix=mix,
            feature=Feature.TRANSITION,
        )
        if source is not None:
            self._set_mix(mix, preview=self._source(source))
        before = self.studio.mixes[mix]
        if before.preview is not None:
            self.program(before.preview, mix=mix)
            self._set_mix(mix, preview=before.program)

    async def set_transition(self, name: str) -> None:
        await self._called("set_transition", name, feature=Feature.TRANSITION_CHOICE)
        if name not in self.studio.transitions:
            raise InvalidError("unknown_transition", "There is no such transition.", name=name)
        self.replace_state(transition=name)

    async def set_transition_duration(self, duration_ms: int) -> None:
        await self._called(
            "set_transition_duration", duration_ms, feature=Feature.TRANSITION_DURATION
        )
        self.replace_state(transition_ms=duration_ms)

    async def set_studio_mode(self, *, enabled: bool) -> None:
        await self._called("set_studio_mode", enabled=enabled, feature=Feature.STUDIO_MODE)
        self.replace_state(studio_mode=enabled)

    async def set_fade_to_black(self, *, enabled: bool) -> None:
        await self._called("set_fade_to_black", enabled=enabled, feature=Feature.FADE_TO_BLACK)
        self.replace_state(fade_to_black=enabled)

    async def set_overlay(
        self, number: int, *, source: str | None = None, enabled: bool | None = None
    ) -> None:
        await self._called(
            "set_overlay", number, source=source, enabled=enabled, feature=Feature.OVERLAYS
        )
        before = self.studio.overlays[number]
        shown = before.source is None if enabled is None else enabled
        key = None
        if shown:
            key = before.source if source is None else self._source(source)
        overlay = Overlay(number=number, source=key, preview=False)
        self.replace_state(overlays={**self.studio.overlays, number: overlay})

    async def set_item_visible(self, scene: str, item_id: int, *, visible: bool) -> None:
        await self._called(
            "set_item_visible", scene, item_id, visible=visible, feature=Feature.SCENE_ITEMS
        )
        key = (self._source(scene), item_id)
        if key not in self.studio.scene_items:
            raise InvalidError("unknown_source", "There is no such item.", name=str(item_id))
        item = replace(self.studio.scene_items[key], visible=visible)
        self.replace_state(scene_items={**self.studio.scene_items, key: item})

    async def set_text(self, source: str, text: str, *, field: str | None = None) -> None:
        await self._called("set_text", source, text, field=field, feature=Feature.TEXT)

    async def screenshot(
        self, source: str | None = None, *, width: int | None = None, quality: int = 80
    ) -> Picture:
        await self._called(
            "screenshot", source, width=width, quality=quality, feature=Feature.SCREENSHOT
        )
        return self.picture

    async def set_volume(self, channel: str, volume: float) -> None:
        await self._called("set_volume", channel, volume)
        self._set_channel(channel, volume=volume)

    async def set_muted(self, channel: str, *, muted: bool) -> None:
        await self._called("set_muted", channel, muted=muted)
        self._set_channel(channel, muted=muted)

    async def set_profile(self, name: str) -> None:
        await self._called("set_profile", name, feature=Feature.PROFILES)
        self._known(name, self.studio.profiles)
        self.replace_state(profile=name)

    async def set_collection(self, name: str) -> None:
        await self._called("set_collection", name, feature=Feature.COLLECTIONS)
        self._known(name, self.studio.collections)
        self.replace_state(collection=name)

    async def open_preset(self, path: str) -> None:
        await self._called("open_preset", path, feature=Feature.PRESETS)
        self.replace_state(preset=path)

    async def trigger_hotkey(self, name: str) -> None:
        await self._called("trigger_hotkey", name, feature=Feature.HOTKEYS)
        self._known(name, self.hotkey_names)

    async def read_sources(self) -> None:
        """Learn of what is there and was not told yet."""
        if self.untold:
            self.replace_state(sources={**self.studio.sources, **self.untold})

    async def hotkeys(self) -> Sequence[str]:
        await self._called("hotkeys", feature=Feature.HOTKEYS)
        return self.hotkey_names

    async def raw(self, name: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        await self._called("raw", name, data)
        return self.raw_answer

    # -- what a test does to it ---------------------------------------------------------------

    @property
    def subscribers(self) -> int:
        """How many listen now."""
        return len(self._callbacks)

    def emit(self, event: StudioEvent) -> None:
        """Deliver *event* to whoever listens."""
        for callback in list(self._callbacks):
            callback(event)

    def connect(self, state: StudioState | None = None) -> None:
        """Let the studio be switched on, and the connection come."""
        self.on = True
        self.studio = state or self.studio
        self._state = self.studio
        self._connected = True
        self.emit(Connected(self.studio))

    def disconnect(self, error: StudioError | None = None) -> None:
        """Let the connection go, or an attempt fail for another reason than the last."""
        self.on = False
        self._connected = False
        self.emit(Disconnected(error))

    def replace_state(self, state: StudioState | None = None, **changes: Any) -> StudioState:
        """Let the studio be different from now on; return it."""
        self.studio = replace(state or self.studio, **changes)
        if self._connected and self.studio != self._state:
            self._state = self.studio
            self.emit(StateChanged(self.studio))
        return self.studio

    def output(self, key: str, state: OutputState, *, asked: bool = True, **changes: Any) -> Output:
        """Let an output go to another state, with the event that a client reports for it."""
        before = self.studio.outputs[key].state
        self.replace_state(changed_output(self.studio, key, state=state, **changes))
        output = self.studio.outputs[key]
        if (what := happening(before, state, asked=asked)) is not None:
            self.happen(key, what, before)
        return output

    def happen(self, key: str, what: Happening, previous: OutputState) -> None:
        """Report something about an output."""
        self.emit(OutputHappened(self.studio.outputs[key], previous, what))

    def program(self, source: str | None, *, mix: int = MAIN_MIX) -> None:
        """Let another source go on air."""
        before = self.studio.mixes[mix].program
        self._set_mix(mix, program=source)
        names = {key: known.name for key, known in self.studio.sources.items()}
        self.emit(
            ProgramChanged(
                mix=mix,
                source=source,
                name=names.get(source or ""),
                previous=names.get(before or ""),
            )
        )

    def asked(self, name: str) -> list[tuple[Any, ...]]:
        """Return the arguments of every call of one method, keyword arguments last as a dict."""
        return [call[1:] for call in self.calls if call[0] == name]

    # -- inside -------------------------------------------------------------------------------

    async def _called(
        self, name: str, *arguments: Any, feature: Feature | None = None, **keywords: Any
    ) -> None:
        self.calls.append((name, *arguments, *([keywords] if keywords else [])))
        if self.gate is not None:
            await self.gate.wait()
        if self.error is not None:
            error, self.error = self.error, None
            raise error
        if not self._connected:
            raise UnreachableError("studio_not_connected", "The studio is not connected.")
        if feature is not None and feature not in self.studio.features:
            raise UnsupportedError(
                "unsupported",
                f"This version has no {feature}.",
                what=feature,
                version=self.studio.version.software,
            )

    def _output(self, key: str) -> Output:
        if key not in self.studio.outputs:
            raise InvalidError("unknown_output", f"There is no output {key}.", name=key)
        return self.studio.outputs[key]

    def _source(self, wanted: str) -> str:
        for key, source in self.studio.sources.items():
            if wanted in (key, source.name):
                return key
        raise InvalidError("unknown_source", f"There is no source {wanted}.", name=wanted)

    def _known(self, name: str, names: Sequence[str]) -> None:
        if name not in names:
            raise InvalidError("unknown_name", f"There is no {name}.", name=name)

    def _set_mix(self, number: int, **changes: Any) -> None:
        mix = replace(self.studio.mixes[number], **changes)
        self.replace_state(mixes={**self.studio.mixes, number: mix})

    def _set_channel(self, key: str, **changes: Any) -> None:
        if key not in self.studio.audio:
            raise InvalidError("unknown_channel", f"There is no channel {key}.", name=key)
        channel = replace(self.studio.audio[key], **changes)
        self.replace_state(audio={**self.studio.audio, key: channel})
