"""The client of OBS Studio: picture, sound, profiles, destination; outputs are next door."""

import base64
import binascii
from collections.abc import Mapping, Sequence
import hmac
import math
import time
from typing import Any, Final

from ..api import Picture
from ..destination import Destination, Service
from ..errors import InvalidError, ProtocolError, RefusedError, StudioError
from ..model import MAIN_MIX, Feature, OutputState, StudioState
from . import guard, reading
from .happened import Part
from .outputs import LOOK_AGAIN, Outputs, not_confirmed, unsupported
from .protocol import Status
from .reading import Input, find
from .watching import ref

MIN_TRANSITION_MS: Final = 50
MAX_TRANSITION_MS: Final = 20000
MIN_VOLUME_DB: Final = -100.0
MAX_VOLUME_DB: Final = 26.0
MAX_TEXT: Final = 10_000
"""Characters of a text source."""
MAX_PICTURE_BYTES: Final = 8 * 1024 * 1024
MIN_PICTURE_SIDE: Final = 8
MAX_PICTURE_SIDE: Final = 4096
"""Pixels that OBS accepts."""
CHANGE_TIMEOUT: Final = 10.0
"""Seconds until OBS must have changed what it was told to change."""
COLLECTION_TIMEOUT: Final = 30.0
"""Seconds until another scene collection must be loaded."""
_SHOWN_VOLUME: Final = 0.05
"""dB by which the volume read back may differ: OBS rounds."""
_PICTURE: Final = "data:image/jpeg;base64,"


class ObsClient(Outputs):
    """One OBS Studio. See ``api.StudioClient`` for what each method promises."""

    # -- finding ------------------------------------------------------------------------------

    def _scene(self, wanted: str) -> tuple[str, dict[str, str]]:
        """Return the key of a scene and how a request names it."""
        _link, state = self._linked()
        key = find(state.sources, wanted)
        if key is None or key not in state.sources:
            raise _unknown("unknown_source", "scene", wanted)
        return key, ref("scene", state.sources[key])

    def _source(self, wanted: str) -> dict[str, str]:
        """Return how a request names a scene or an input as a source."""
        _link, state = self._linked()
        for parts in (state.sources, self._inputs):
            part = parts.get(wanted) or next(
                (part for part in parts.values() if part.name == wanted), None
            )
            if part is not None:
                return ref("source", part)
        raise _unknown("unknown_source", "source", wanted)

    def _input(self, wanted: str, code: str) -> Input:
        key = find(self._inputs, wanted)
        if key is None or key not in self._inputs:
            raise _unknown(code, "input", wanted)
        return self._inputs[key]

    @staticmethod
    def _only_main(mix: int) -> None:
        if mix != MAIN_MIX:
            raise InvalidError(
                "unknown_name", f"OBS has one mix only, and no mix {mix}.", name=str(mix)
            )

    # -- picture ------------------------------------------------------------------------------

    async def set_program(self, source: str, *, mix: int = MAIN_MIX) -> None:
        """Put a scene (key or name) on air, by the chosen transition."""
        self._only_main(mix)
        key, named = self._scene(source)
        await self._do("SetCurrentProgramScene", named)
        await self._until(
            lambda state: state.main.program == key, Part.SCENES, "program", self._patience()
        )

    async def set_preview(self, source: str, *, mix: int = MAIN_MIX) -> None:
        """Put a scene (key or name) into preview; needs studio mode."""
        self._only_main(mix)
        key, named = self._scene(source)
        await self._do("SetCurrentPreviewScene", named)
        await self._until(
            lambda state: state.main.preview == key, Part.SCENES, "preview", CHANGE_TIMEOUT
        )

    async def transition(
        self,
        name: str | None = None,
        *,
        duration_ms: int | None = None,
        source: str | None = None,
        mix: int = MAIN_MIX,
    ) -> None:
        """Bring preview to program; another transition or duration is for this time only."""
        self._only_main(mix)
        self._need_feature(Feature.TRANSITION)
        _link, state = self._linked()
        before, before_ms = state.transition, state.transition_ms
        if state.studio_mode is False:
            raise RefusedError(
                "request_refused",
                "OBS has no preview: switch studio mode on first, or switch the scene directly.",
                request="TriggerStudioModeTransition",
                reason="studio mode is off",
            )
        if duration_ms is not None:
            _check_duration(duration_ms)
        if source is not None:
            await self.set_preview(source)
        if name is not None:
            await self.set_transition(name)
        fixed = self._linked()[1].transition_ms is None
        if duration_ms is not None and not fixed:
            await self.set_transition_duration(duration_ms)
        await self._cut_over()
        if name is not None and before is not None:
            await self.set_transition(before)
        if duration_ms is not None and before_ms is not None and not fixed:
            await self.set_transition_duration(before_ms)

    async def _cut_over(self) -> None:
        """Trigger the transition and wait for its end."""
        _link, state = self._linked()
        wanted, at_start = state.main.preview, state.main.program
        ended = self._transitions_ended
        timeout = self._patience()
        await self._do("TriggerStudioModeTransition")
        deadline = time.monotonic() + timeout
        while self._transitions_ended == ended:
            link, state = self._linked()
            if wanted != at_start and state.main.program == wanted:
                return
            now = time.monotonic()
            if now >= deadline:
                raise not_confirmed("transition", "under way", timeout)
            await self._next_change(min(LOOK_AGAIN, deadline - now))
            if self._transitions_ended == ended:
                await self._refresh(link, frozenset({Part.SCENES}))

    def _patience(self) -> float:
        """Return how long a change of the scene on air may take."""
        _link, state = self._linked()
        return CHANGE_TIMEOUT + (state.transition_ms or 0) / 1000

    async def set_transition(self, name: str) -> None:
        """Choose the transition; "Cut" and "Fade" work in every language of OBS."""
        self._need_feature(Feature.TRANSITION_CHOICE)
        chosen = self._transition_named(name)
        _link, state = self._linked()
        if state.transition == chosen:
            return
        await self._do("SetCurrentSceneTransition", {"transitionName": chosen})
        link, _state = self._linked()
        # Its duration is another one, and no event says which.
        await self._refresh(link, frozenset({Part.TRANSITIONS}))
        await self._until(
            lambda state: state.transition == chosen,
            Part.TRANSITIONS,
            "transition",
            CHANGE_TIMEOUT,
        )

    def _transition_named(self, name: str) -> str:
        _link, state = self._linked()
        if name in state.transitions:
            return name
        kind = f"{name.lower()}_transition"
        for choice in self._choices:
            if choice.name.lower() == name.lower() or choice.kind == kind:
                return choice.name
        raise _unknown("unknown_transition", "transition", name)

    async def set_transition_duration(self, duration_ms: int) -> None:
        """Choose its duration, 50 to 20000 ms."""
        self._need_feature(Feature.TRANSITION_DURATION)
        _check_duration(duration_ms)
        await self._do(
            "SetCurrentSceneTransitionDuration", {"transitionDuration": int(duration_ms)}
        )
        await self._until(
            lambda state: state.transition_ms in {duration_ms, None},
            Part.TRANSITIONS,
            "transition duration",
            CHANGE_TIMEOUT,
        )

    async def set_studio_mode(self, *, enabled: bool) -> None:
        """Open or close the preview."""
        self._need_feature(Feature.STUDIO_MODE)
        await self._do("SetStudioModeEnabled", {"studioModeEnabled": enabled})

        def met(state: StudioState) -> bool:
            return state.studio_mode is enabled and (state.main.preview is not None) is enabled

        await self._until(met, Part.SCENES, "studio mode", CHANGE_TIMEOUT)

    async def set_fade_to_black(self, *, enabled: bool) -> None:
        """OBS has no fade to black."""
        raise self._lacks(Feature.FADE_TO_BLACK)

    async def set_overlay(
        self, number: int, *, source: str | None = None, enabled: bool | None = None
    ) -> None:
        """OBS has no overlay channels."""
        raise self._lacks(Feature.OVERLAYS)

    def _lacks(self, feature: Feature) -> StudioError:
        version = self._state.version.software if self._state else "Studio"
        return unsupported(feature.value, version)

    async def set_item_visible(self, scene: str, item_id: int, *, visible: bool) -> None:
        """Show or hide a source within a scene."""
        self._need_feature(Feature.SCENE_ITEMS)
        key, named = self._scene(scene)
        where = {**named, "sceneItemId": item_id}
        answer = await self._do(
            "SetSceneItemEnabled",
            {**where, "sceneItemEnabled": visible},
            well=frozenset({Status.NOT_FOUND}),
        )
        if not answer.ok:
            raise _unknown("unknown_source", "item in that scene", str(item_id))
        if (key, item_id) in self._linked()[1].scene_items:
            await self._until(
                lambda state: (
                    (item := state.scene_items.get((key, item_id))) is not None
                    and item.visible is visible
                ),
                Part.ITEMS,
                "scene item",
                CHANGE_TIMEOUT,
            )
            return
        answer = await self._do("GetSceneItemEnabled", where)
        if reading.flag(answer.data, "sceneItemEnabled") is not visible:
            raise not_confirmed("scene item", "unchanged", CHANGE_TIMEOUT)

    async def set_text(self, source: str, text: str, *, field: str | None = None) -> None:
        """Write a text source; it has one field only, so *field* must be None or "text"."""
        self._need_feature(Feature.TEXT)
        if len(text) > MAX_TEXT:
            raise _invalid("text", f"A text has at most {MAX_TEXT} characters.")
        if field not in {None, "text"}:
            raise _unknown("unknown_name", "field of that source", str(field))
        found = self._input(source, "unknown_source")
        if not found.is_text:
            raise _unknown("unknown_source", "text source", source)
        named = ref("input", found)
        await self._do("SetInputSettings", {**named, "inputSettings": {"text": text}})
        answer = await self._do("GetInputSettings", named)
        settings = answer.data.get("inputSettings")
        # An empty text is the default of some kinds, which OBS does not list.
        if not isinstance(settings, Mapping) or settings.get("text", "") != text:
            raise not_confirmed("text", "another text", CHANGE_TIMEOUT)

    async def screenshot(
        self, source: str | None = None, *, width: int | None = None, quality: int = 80
    ) -> Picture:
        """Return a picture of the program or of a scene or input (key or name), as JPEG.

        Args:
            source: None means the program.
            width: Pixels, 8 to 4096; None means the size of the source.
            quality: 1 to 100.

        """
        self._need_feature(Feature.SCREENSHOT)
        _link, state = self._linked()
        if width is not None and not MIN_PICTURE_SIDE <= width <= MAX_PICTURE_SIDE:
            raise _invalid("width", f"A width is {MIN_PICTURE_SIDE} to {MAX_PICTURE_SIDE} pixels.")
        if not 1 <= quality <= 100:  # noqa: PLR2004  # per cent
            raise _invalid("quality", "A quality is 1 to 100.")
        wanted = state.main.program if source is None else source
        if wanted is None:
            raise _unknown("unknown_source", "scene on air", "program")
        data: dict[str, Any] = {
            **self._source(wanted),
            "imageFormat": "jpeg",
            "imageCompressionQuality": int(quality),
        }
        if width is not None:
            data["imageWidth"] = int(width)
        answer = await self._do("GetSourceScreenshot", data)
        return _picture(answer.data.get("imageData"))

    # -- sound --------------------------------------------------------------------------------

    async def set_volume(self, channel: str, volume: float) -> None:
        """Set a volume in dB, −100 to +26."""
        if not math.isfinite(volume) or not MIN_VOLUME_DB <= volume <= MAX_VOLUME_DB:
            raise _invalid("volume", "A volume in OBS is -100 to +26 dB.")
        key, named = self._channel(channel)
        await self._do("SetInputVolume", {**named, "inputVolumeDb": float(volume)})

        def met(state: StudioState) -> bool:
            found = state.audio.get(key)
            return (
                found is not None
                and found.volume is not None
                and abs(found.volume - volume) < _SHOWN_VOLUME
            )

        await self._until(met, Part.INPUTS, "volume", CHANGE_TIMEOUT)

    async def set_muted(self, channel: str, *, muted: bool) -> None:
        """Mute or unmute an input with sound (key or name)."""
        key, named = self._channel(channel)
        await self._do("SetInputMute", {**named, "inputMuted": muted})
        await self._until(
            lambda state: (found := state.audio.get(key)) is not None and found.muted is muted,
            Part.INPUTS,
            "mute",
            CHANGE_TIMEOUT,
        )

    def _channel(self, wanted: str) -> tuple[str, dict[str, str]]:
        _link, state = self._linked()
        key = find(state.audio, wanted)
        if key is None or key not in state.audio:
            raise _unknown("unknown_channel", "input with sound", wanted)
        return key, ref("input", state.audio[key])

    # -- the rest -----------------------------------------------------------------------------

    async def set_profile(self, name: str) -> None:
        """Switch to another profile."""
        self._need_feature(Feature.PROFILES)
        _link, state = self._linked()
        if name not in state.profiles:
            raise _unknown("unknown_name", "profile", name)
        await self._do("SetCurrentProfile", {"profileName": name})
        await self._until(
            lambda state: state.profile == name, Part.PROFILES, "profile", CHANGE_TIMEOUT
        )

    async def set_collection(self, name: str) -> None:
        """Switch to another scene collection."""
        self._need_feature(Feature.COLLECTIONS)
        _link, state = self._linked()
        if name not in state.collections:
            raise _unknown("unknown_name", "scene collection", name)
        await self._do("SetCurrentSceneCollection", {"sceneCollectionName": name})
        await self._until(
            lambda state: state.collection == name,
            Part.COLLECTIONS,
            "scene collection",
            COLLECTION_TIMEOUT,
        )

    async def open_preset(self, path: str) -> None:
        """OBS has no presets."""
        raise self._lacks(Feature.PRESETS)

    async def trigger_hotkey(self, name: str) -> None:
        """Press a hotkey by its name."""
        self._need_feature(Feature.HOTKEYS)
        answer = await self._do(
            "TriggerHotkeyByName", {"hotkeyName": name}, well=frozenset({Status.NOT_FOUND})
        )
        if not answer.ok:
            raise _unknown("unknown_name", "hotkey", name)

    async def hotkeys(self) -> Sequence[str]:
        """Return the names of the hotkeys."""
        self._need_feature(Feature.HOTKEYS)
        return reading.texts((await self._do("GetHotkeyList")).data, "hotkeys")

    async def raw(self, name: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """Send a request as it is; the answer comes without secrets."""
        guard.check(name, data or {})
        answer = await self._do(name, data)
        return guard.clean(answer.data, {self._password} if self._password else ())

    async def set_destination(self, destination: Destination, *, output: str | None = None) -> str:
        """Set where the stream goes, read it back, and return it as OBS reports it, keyless."""
        if output not in {None, "stream"}:
            raise InvalidError("unknown_output", f"OBS has no stream {output}.", name=str(output))
        self._need_feature(Feature.STREAM_DESTINATION)
        destination.check()
        if destination.service is Service.WHIP:
            self._need_feature(Feature.WHIP)
        await self._look("stream")
        stream = self._output("stream")
        if stream is not None and stream.state not in {OutputState.STOPPED, OutputState.UNKNOWN}:
            raise _running()
        kind, settings = destination.obs_settings()
        answer = await self._do(
            "SetStreamServiceSettings",
            {"streamServiceType": kind, "streamServiceSettings": settings},
            secrets=destination.secrets(),
            well=frozenset({Status.OUTPUT_RUNNING}),
        )
        if not answer.ok:
            raise _running()
        answer = await self._do("GetStreamServiceSettings", secrets=destination.secrets())
        found = answer.data.get("streamServiceSettings")
        if (
            answer.data.get("streamServiceType") != kind
            or not isinstance(found, Mapping)
            or not all(_equal(found.get(name), value) for name, value in settings.items())
        ):
            raise RefusedError(
                "destination_differs",
                "OBS took the destination and reports another one. Set it in OBS's settings.",
                reason="what was read back differs",
            )
        shown = reading.destination(answer.data) or destination.public()
        link, _state = self._linked()
        await self._refresh(link, frozenset({Part.DESTINATION}))
        return shown


# -- checks ---------------------------------------------------------------------------------------


def _equal(found: Any, wanted: Any) -> bool:
    """Compare what was read back, texts in constant time: some of them are keys."""
    if isinstance(found, str) and isinstance(wanted, str):
        return hmac.compare_digest(found.encode(), wanted.encode())
    # OBS leaves out what is empty or off.
    return found == wanted or (found is None and wanted in ("", False, None))


def _running() -> RefusedError:
    return RefusedError(
        "stream_running",
        "The destination cannot change while OBS is streaming. Stop the stream first.",
    )


def _check_duration(duration_ms: float) -> None:
    if not MIN_TRANSITION_MS <= duration_ms <= MAX_TRANSITION_MS:
        raise _invalid(
            "duration", f"A transition takes {MIN_TRANSITION_MS} to {MAX_TRANSITION_MS} ms."
        )


def _invalid(name: str, text: str) -> InvalidError:
    return InvalidError("invalid_value", text, name=name)


def _unknown(code: str, what: str, name: str) -> InvalidError:
    shown = name[:100]
    return InvalidError(code, f"This OBS has no {what} called {shown}.", name=shown)


def _picture(data: Any) -> Picture:
    if isinstance(data, str) and data.startswith(_PICTURE):
        encoded = data.removeprefix(_PICTURE)
        if len(encoded) <= MAX_PICTURE_BYTES * 4 // 3 + 4:
            try:
                decoded = base64.b64decode(encoded, validate=True)
            except binascii.Error, ValueError:
                decoded = b""
            if decoded:
                return Picture(data=decoded, content_type="image/jpeg")
    raise ProtocolError(
        "studio_protocol",
        "OBS sent no picture, or one of more than 8 MiB. Ask for a smaller one.",
        reason="no picture",
    )
