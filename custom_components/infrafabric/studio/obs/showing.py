"""What is on air and in preview: scenes, transitions, items, texts and pictures of an OBS."""

import base64
import binascii
from collections.abc import Mapping
import time
from typing import Any, Final

from ..api import Picture
from ..errors import DeadlineError, InvalidError, ProtocolError, RefusedError, StudioError
from ..model import MAIN_MIX, Feature, StudioState
from . import reading
from .fold import ref
from .happened import Part
from .outputs import LOOK_AGAIN, Outputs, not_confirmed, unsupported
from .protocol import Status
from .reading import Input, find

MIN_TRANSITION_MS: Final = 50
MAX_TRANSITION_MS: Final = 20000
MAX_TEXT: Final = 10_000
"""Characters of a text source."""
MAX_PICTURE_BYTES: Final = 8 * 1024 * 1024
MIN_PICTURE_SIDE: Final = 8
MAX_PICTURE_SIDE: Final = 4096
"""Pixels that OBS accepts."""
CHANGE_TIMEOUT: Final = 10.0
"""Seconds until OBS must have changed what it was told to change."""
TRANSITION_MARGIN: Final = 0.5
"""Seconds after which a transition has ended, though OBS did not say so (it sometimes forgets)."""
UNKNOWN_TRANSITION: Final = 2.0
"""Seconds that a transition without a known duration may take, likewise."""
_PICTURE: Final = "data:image/jpeg;base64,"


class Showing(Outputs):
    """The part of the client that changes the picture."""

    # -- finding ------------------------------------------------------------------------------

    def _scene(self, wanted: str) -> tuple[str, dict[str, str]]:
        """Return the key of a scene and how a request names it."""
        _link, state = self._linked()
        key = find(state.sources, wanted)
        if key is None or key not in state.sources:
            raise unknown("unknown_source", "scene", wanted)
        return key, ref("scene", state.sources[key])

    def _source(self, wanted: str) -> dict[str, str]:
        """Return how a request names a scene or an input as a source."""
        _link, state = self._linked()
        for parts in (state.sources, self._known.inputs):
            part = parts.get(wanted) or next(
                (part for part in parts.values() if part.name == wanted), None
            )
            if part is not None:
                return ref("source", part)
        raise unknown("unknown_source", "source", wanted)

    def _input(self, wanted: str, code: str) -> Input:
        key = find(self._known.inputs, wanted)
        if key is None or key not in self._known.inputs:
            raise unknown(code, "input", wanted)
        return self._known.inputs[key]

    @staticmethod
    def _only_main(mix: int) -> None:
        if mix != MAIN_MIX:
            raise InvalidError(
                "unknown_name", f"OBS has one mix only, and no mix {mix}.", name=str(mix)
            )

    async def read_sources(self) -> None:
        """Read the scenes and inputs again."""
        link, _state = self._linked()
        await self._refresh(link, frozenset({Part.SCENES, Part.INPUTS}))

    # -- picture ------------------------------------------------------------------------------

    async def set_program(self, source: str, *, mix: int = MAIN_MIX) -> None:
        """Put a scene (key or name) on air, by the chosen transition."""
        self._only_main(mix)
        key, named = self._scene(source)
        await self._do("SetCurrentProgramScene", named)
        await self._until(
            lambda state: state.main.program == key, Part.PROGRAM, "program", self._patience()
        )

    async def set_preview(self, source: str, *, mix: int = MAIN_MIX) -> None:
        """Put a scene (key or name) into preview; needs studio mode."""
        self._only_main(mix)
        key, named = self._scene(source)
        await self._do("SetCurrentPreviewScene", named)
        await self._until(
            lambda state: state.main.preview == key, Part.PROGRAM, "preview", CHANGE_TIMEOUT
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
        wanted = state.main.preview
        await self._quiet()
        begun, ended = self._transitions.begun, self._transitions.ended
        await self._do("TriggerStudioModeTransition")
        # Where an event of it was missed, what is on air in the end says enough.
        deadline = time.monotonic() + (state.transition_ms or 0) / 1000 + LOOK_AGAIN
        while self._transitions.begun == begun or self._transitions.ended == ended:
            self._linked()
            now = time.monotonic()
            if now >= deadline:
                break
            await self._next_change(deadline - now)
        await self._until(
            lambda state: state.main.program == wanted, Part.PROGRAM, "transition", CHANGE_TIMEOUT
        )

    async def _quiet(self) -> None:
        """Wait until no transition runs: meanwhile OBS says yes to requests that it ignores."""
        _link, state = self._linked()
        ms = state.transition_ms
        limit = UNKNOWN_TRANSITION if ms is None else ms / 1000 + TRANSITION_MARGIN
        while (rest := self._transitions.rest(time.monotonic(), limit)) > 0:
            self._linked()
            await self._next_change(rest)

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
        for last in (False, False, True):
            await self._quiet()
            await self._do("SetCurrentSceneTransition", {"transitionName": chosen})
            try:
                await self._until(
                    lambda state: state.transition == chosen,
                    Part.TRANSITIONS,
                    "transition",
                    CHANGE_TIMEOUT / 3,
                )
            except DeadlineError:
                # A transition that began in between made OBS ignore it.
                if last:
                    raise
            else:
                return

    def _transition_named(self, name: str) -> str:
        _link, state = self._linked()
        if name in state.transitions:
            return name
        kind = f"{name.lower()}_transition"
        for choice in self._known.choices:
            if choice.name.lower() == name.lower() or choice.kind == kind:
                return choice.name
        raise unknown("unknown_transition", "transition", name)

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

        await self._until(met, Part.PROGRAM, "studio mode", CHANGE_TIMEOUT)

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
            raise unknown("unknown_source", "item in that scene", str(item_id))
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
            raise invalid("text", f"A text has at most {MAX_TEXT} characters.")
        if field not in {None, "text"}:
            raise unknown("unknown_name", "field of that source", str(field))
        found = self._input(source, "unknown_source")
        if not found.is_text:
            raise unknown("unknown_source", "text source", source)
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
            raise invalid("width", f"A width is {MIN_PICTURE_SIDE} to {MAX_PICTURE_SIDE} pixels.")
        if not 1 <= quality <= 100:  # noqa: PLR2004  # per cent
            raise invalid("quality", "A quality is 1 to 100.")
        wanted = state.main.program if source is None else source
        if wanted is None:
            raise unknown("unknown_source", "scene on air", "program")
        data: dict[str, Any] = {
            **self._source(wanted),
            "imageFormat": "jpeg",
            "imageCompressionQuality": int(quality),
        }
        if width is not None:
            data["imageWidth"] = int(width)
        answer = await self._do("GetSourceScreenshot", data)
        return _picture(answer.data.get("imageData"))


def _check_duration(duration_ms: float) -> None:
    if not MIN_TRANSITION_MS <= duration_ms <= MAX_TRANSITION_MS:
        raise invalid(
            "duration", f"A transition takes {MIN_TRANSITION_MS} to {MAX_TRANSITION_MS} ms."
        )


def invalid(name: str, text: str) -> InvalidError:
    """Return the error for a value that cannot be."""
    return InvalidError("invalid_value", text, name=name)


def unknown(code: str, what: str, name: str) -> InvalidError:
    """Return the error for a name that does not exist."""
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
