"""The client of OBS Studio: sound, profiles, hotkeys, destination; the rest is next door."""

from collections.abc import Mapping, Sequence
import hmac
import math
import time
from typing import Any, Final

from ..destination import Destination, Service
from ..errors import InvalidError, RefusedError
from ..model import Feature, OutputState, StudioState
from . import guard, reading
from .fold import ref
from .happened import Part
from .protocol import Status
from .reading import find
from .showing import CHANGE_TIMEOUT, Showing, invalid, unknown

MIN_VOLUME_DB: Final = -100.0
MAX_VOLUME_DB: Final = 26.0
COLLECTION_TIMEOUT: Final = 30.0
"""Seconds until another scene collection must be loaded."""
_SHOWN_VOLUME: Final = 0.05
"""dB by which the volume read back may differ: OBS rounds."""


class ObsClient(Showing):
    """One OBS Studio. See ``api.StudioClient`` for what each method promises."""

    # -- sound --------------------------------------------------------------------------------

    async def set_volume(self, channel: str, volume: float) -> None:
        """Set a volume in dB, −100 to +26."""
        if not math.isfinite(volume) or not MIN_VOLUME_DB <= volume <= MAX_VOLUME_DB:
            raise invalid("volume", "A volume in OBS is -100 to +26 dB.")
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
            raise unknown("unknown_channel", "input with sound", wanted)
        return key, ref("input", state.audio[key])

    # -- the rest -----------------------------------------------------------------------------

    async def set_profile(self, name: str) -> None:
        """Switch to another profile."""
        self._need_feature(Feature.PROFILES)
        _link, state = self._linked()
        if name not in state.profiles:
            raise unknown("unknown_name", "profile", name)
        await self._do("SetCurrentProfile", {"profileName": name})
        await self._until(
            lambda state: state.profile == name, Part.PROFILES, "profile", CHANGE_TIMEOUT
        )

    async def set_collection(self, name: str) -> None:
        """Switch to another scene collection."""
        self._need_feature(Feature.COLLECTIONS)
        _link, state = self._linked()
        if name not in state.collections:
            raise unknown("unknown_name", "scene collection", name)
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
            raise unknown("unknown_name", "hotkey", name)

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
        await self._look("stream", time.monotonic() + CHANGE_TIMEOUT, CHANGE_TIMEOUT)
        stream = self._output("stream")
        kind, settings = destination.obs_settings()
        if stream is not None and stream.state not in {OutputState.STOPPED, OutputState.UNKNOWN}:
            return await self._destination_in_use(destination)
        answer = await self._do(
            "SetStreamServiceSettings",
            {"streamServiceType": kind, "streamServiceSettings": settings},
            secrets=destination.secrets(),
            well=frozenset({Status.OUTPUT_RUNNING}),
        )
        if not answer.ok:
            return await self._destination_in_use(destination)
        shown = await self._destination_is(destination)
        if shown is None:
            raise RefusedError(
                "destination_differs",
                "OBS took the destination and reports another one. Set it in OBS's settings.",
                reason="what was read back differs",
            )
        link, _state = self._linked()
        await self._refresh(link, frozenset({Part.DESTINATION}))
        return shown

    async def _destination_in_use(self, destination: Destination) -> str:
        """Return the destination of a stream that runs, if it is this one.

        Raises:
            RefusedError: It is another one (``stream_running``).

        """
        shown = await self._destination_is(destination)
        if shown is None:
            raise RefusedError(
                "stream_running",
                "OBS is streaming to somewhere else. Stop the stream before its destination "
                "changes.",
            )
        return shown

    async def _destination_is(self, destination: Destination) -> str | None:
        """Return the destination as OBS reports it, keyless; None if it is another one."""
        kind, settings = destination.obs_settings()
        answer = await self._do("GetStreamServiceSettings", secrets=destination.secrets())
        found = answer.data.get("streamServiceSettings")
        if answer.data.get("streamServiceType") != kind or not isinstance(found, Mapping):
            return None
        same = [_equal(found.get(name), value) for name, value in settings.items()]
        if not all(same):
            return None
        return reading.destination(answer.data) or destination.public()


# -- checks ---------------------------------------------------------------------------------------


def _equal(found: Any, wanted: Any) -> bool:
    """Compare what was read back, texts in constant time: some of them are keys."""
    if isinstance(found, str) and isinstance(wanted, str):
        return hmac.compare_digest(found.encode(), wanted.encode())
    # OBS leaves out what is empty or off.
    return found == wanted or (found is None and wanted in ("", False, None))
