"""A vMix as a ``StudioClient``: methods call functions, and return when the XML confirms them.

vMix answers OK even to what it does not do, so the answer to a function proves nothing but that
vMix heard it. What counts is a reading that began after it.
"""

from collections.abc import Sequence
from typing import Any, Final

from ..api import Picture
from ..model import MAIN_MIX, AudioChannel, Feature
from . import functions
from .functions import Call
from .guard import raw_call
from .outputs import VmixOutputs
from .steps import SETTLE, invalid, unknown
from .xml import Reading, TextField

PRESET_TIMEOUT: Final = 60.0
"""Seconds until another preset must be open: vMix loads all its inputs first."""
_MAX_TEXT: Final = 10_000
_MAX_LINE: Final = 1024
_FADER_TOLERANCE: Final = 0.5


class VmixClient(VmixOutputs):
    """One vMix; see ``VmixWatcher`` for the arguments and ``StudioClient`` for the methods."""

    # -- picture ------------------------------------------------------------------------------

    async def set_program(self, source: str, *, mix: int = MAIN_MIX) -> None:
        """Cut to a source; the preview stays as it is."""
        self._mix(mix)
        key = self._source(source)
        await self._call(functions.program(key, mix))
        await self._until(f"program of mix {mix}", lambda reading: _mix_of(reading, mix)[0] == key)

    async def set_preview(self, source: str, *, mix: int = MAIN_MIX) -> None:
        """Put a source into preview."""
        self._mix(mix)
        key = self._source(source)
        await self._call(functions.preview(key, mix))
        await self._until(f"preview of mix {mix}", lambda reading: _mix_of(reading, mix)[1] == key)

    async def transition(
        self,
        name: str | None = None,
        *,
        duration_ms: int | None = None,
        source: str | None = None,
        mix: int = MAIN_MIX,
    ) -> None:
        """Bring preview to program; without a name by the effect of the first button."""
        self._mix(mix)
        state = self._known()
        if duration_ms is not None:
            _check_duration(duration_ms)
        if name is None:
            effect = self._effect(state.transition or "Fade")
            duration_ms = state.transition_ms if duration_ms is None else duration_ms
        else:
            effect = self._effect(name)
        if source is not None:
            await self.set_preview(source, mix=mix)
        target = _mix_of(await self._fresh(), mix)[1]
        await self._call(functions.transition(effect, mix, duration_ms))
        if target is None:
            await self._fresh()
            return
        await self._until(
            f"program of mix {mix}",
            lambda reading: _mix_of(reading, mix)[0] == target,
            SETTLE + (duration_ms or 0) / 1000,
        )

    def _effect(self, name: str) -> str:
        known = (
            *functions.EFFECTS,
            *functions.NEWER_EFFECTS,
            *functions.STINGERS,
            *self._known().transitions,
        )
        for effect in known:
            if effect.lower() == name.lower() and functions.is_name(effect):
                return effect
        raise unknown("unknown_transition", "transition", name)

    async def set_transition(self, name: str) -> None:
        """Choose the effect of the first transition button."""
        self._need(Feature.TRANSITION_CHOICE)
        effect = self._effect(name)
        await self._call(Call("SetTransitionEffect1", {"Value": effect}))
        await self._until("transition", lambda reading: reading.state.transition == effect)

    async def read_sources(self) -> None:
        """Read the inputs again."""
        await self._fresh()

    async def set_transition_duration(self, duration_ms: int) -> None:
        """Choose the duration of the first transition button, 50 to 9999 ms."""
        self._need(Feature.TRANSITION_DURATION)
        _check_duration(duration_ms)
        await self._call(Call("SetTransitionDuration1", {"Value": duration_ms}))
        await self._until(
            "transition duration", lambda reading: reading.state.transition_ms == duration_ms
        )

    async def set_studio_mode(self, *, enabled: bool) -> None:
        """Raise: vMix always has a preview."""
        self._lacks(Feature.STUDIO_MODE)

    async def set_fade_to_black(self, *, enabled: bool) -> None:
        """Fade the program to black, or back."""
        self._need(Feature.FADE_TO_BLACK)
        # The function toggles: two at a time would undo each other.
        async with self._lock:
            black = (await self._fresh()).state.fade_to_black
            if black is enabled:
                return
            if black is None:
                self._lacks(Feature.FADE_TO_BLACK)
            await self._call(Call("FadeToBlack"))
            await self._until(
                "fade to black", lambda reading: reading.state.fade_to_black is enabled
            )

    async def set_overlay(
        self, number: int, *, source: str | None = None, enabled: bool | None = None
    ) -> None:
        """Show or hide an overlay; without a source, the one that it had last."""
        self._need(Feature.OVERLAYS)
        if number not in self._known().overlays:
            raise unknown("unknown_name", "overlay", str(number))
        key = None if source is None else self._source(source)

        def shown(reading: Reading) -> bool:
            overlay = reading.state.overlays.get(number)
            if overlay is None or overlay.source is None or overlay.preview:
                return False
            return key is None or overlay.source == key

        async with self._lock:
            now = shown(await self._fresh())
            wanted = not now if enabled is None else enabled
            if now is wanted:
                return
            await self._call(functions.overlay(number, key, on=wanted))
            await self._until(f"overlay {number}", lambda reading: shown(reading) is wanted)

    async def set_item_visible(self, scene: str, item_id: int, *, visible: bool) -> None:
        """Raise: vMix's inputs have layers, which are another thing."""
        self._lacks(Feature.SCENE_ITEMS)

    async def set_text(self, source: str, text: str, *, field: str | None = None) -> None:
        """Write a title's field by its name, with or without ".Text", or by its index.

        Without a field it is the first. Line breaks become spaces.
        """
        key = self._source(source)
        if len(text) > _MAX_TEXT:
            raise invalid("text", f"A text has {_MAX_TEXT} characters at most.")
        text = functions.clean(text)
        target = _field((await self._fresh()).texts.get(key, ()), field)
        if target is None:
            raise unknown("unknown_name", "text field", field or source)
        await self._call(functions.text(key, target.index, target.name, text))

        def written(reading: Reading) -> bool:
            return any(
                found.index == target.index and found.value.strip() == text.strip()
                for found in reading.texts.get(key, ())
            )

        await self._until("text", written)

    async def screenshot(
        self, source: str | None = None, *, width: int | None = None, quality: int = 80
    ) -> Picture:
        """Raise: vMix writes pictures to its own disk only."""
        self._lacks(Feature.SCREENSHOT)

    # -- sound --------------------------------------------------------------------------------

    def _channel(self, name: str) -> AudioChannel:
        channels = self._known().audio
        if name in channels:
            return channels[name]
        for channel in channels.values():
            if channel.name == name:
                return channel
        raise unknown("unknown_channel", "audio channel", name)

    async def set_volume(self, channel: str, volume: float) -> None:
        """Move a fader to 0 … 100 %; vMix takes whole percents."""
        key = self._channel(channel).key
        if not 0 <= volume <= 100:  # noqa: PLR2004  # percent
            raise invalid("volume", "A volume is from 0 to 100 %.")
        percent = round(volume)
        await self._call(functions.volume(key, percent))

        def moved(reading: Reading) -> bool:
            found = reading.state.audio.get(key)
            return (
                found is not None
                and found.volume is not None
                and abs(found.volume - percent) <= _FADER_TOLERANCE
            )

        await self._until("volume", moved)

    async def set_muted(self, channel: str, *, muted: bool) -> None:
        """Mute or unmute a channel."""
        key = self._channel(channel).key
        await self._call(functions.mute(key, muted=muted))

        def done(reading: Reading) -> bool:
            found = reading.state.audio.get(key)
            return found is not None and found.muted is muted

        await self._until("mute", done)

    # -- the rest -----------------------------------------------------------------------------

    async def set_profile(self, name: str) -> None:
        """Raise: vMix has none."""
        self._lacks(Feature.PROFILES)

    async def set_collection(self, name: str) -> None:
        """Raise: vMix has presets."""
        self._lacks(Feature.COLLECTIONS)

    async def open_preset(self, path: str) -> None:
        """Open another preset by its path on vMix's PC."""
        if not 0 < len(path) <= _MAX_LINE or functions.clean(path) != path:
            raise invalid("path", "A preset's path is one line of text.")
        await self._call(Call("OpenPreset", {"Value": path}), PRESET_TIMEOUT)
        await self._until(
            "preset",
            lambda reading: (reading.state.preset or "").lower() == path.strip().lower(),
            PRESET_TIMEOUT,
        )

    async def trigger_hotkey(self, name: str) -> None:
        """Press a key such as "F1" or "Ctrl+A".

        What it does is set in vMix, so there is nothing to read back.
        """
        if not 0 < len(name) <= _MAX_LINE or functions.clean(name) != name:
            raise invalid("name", "A key is one line of text.")
        await self._call(Call("KeyPress", {"Value": name}))

    async def hotkeys(self) -> Sequence[str]:
        """Return nothing: vMix does not list its shortcuts."""
        return ()

    async def raw(self, name: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
        """Call a function by its name, with its parameters; nothing is read back.

        vMix answers OK even to names that it does not know.
        """
        return {"answer": await self._call(raw_call(name, data))}


def _mix_of(reading: Reading, mix: int) -> tuple[str | None, str | None]:
    found = reading.state.mixes.get(mix)
    return (None, None) if found is None else (found.program, found.preview)


def _check_duration(duration_ms: int) -> None:
    shortest, longest = functions.MIN_TRANSITION_MS, functions.MAX_TRANSITION_MS
    if not shortest <= duration_ms <= longest:
        raise invalid("duration_ms", f"vMix takes {shortest} to {longest} ms.")


def _field(fields: Sequence[TextField], name: str | None) -> TextField | None:
    if name is None:
        return fields[0] if fields else None
    for wanted in (name, f"{name}.Text"):
        for field in fields:
            if field.name == wanted:
                return field
    return next((field for field in fields if str(field.index) == name), None)
