"""The event entity of a studio: what happened to its outputs and its program."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.event import (
    EventEntity,
    EventEntityDescription,
    EventExtraStoredData,
)
from homeassistant.core import callback
from homeassistant.util import dt as dt_util

from .studio.events import (
    Happening,
    OutputHappened,
    ProgramChanged,
    RecordingFinished,
    ReplaySaved,
    StudioEvent,
)
from .studio.model import MAIN_MIX, OutputKind
from .studio_coordinator import StudioCoordinator
from .studio_entity import StudioDescription, StudioEntity
from .studio_things import studio

_LIFE: Final = (Happening.STARTED, Happening.STOPPED, Happening.FAILED)
_ALL: Final = tuple(Happening)

HAPPENINGS: Final[Mapping[OutputKind, tuple[str, tuple[Happening, ...]]]] = {
    OutputKind.STREAM: (
        "stream",
        (*_LIFE, Happening.RECONNECTING, Happening.RECONNECTED),
    ),
    # That it stopped is told by "recording_finished", which knows the file.
    OutputKind.RECORD: (
        "recording",
        (Happening.STARTED, Happening.FAILED, Happening.PAUSED, Happening.RESUMED),
    ),
    OutputKind.REPLAY_BUFFER: ("replay_buffer", _LIFE),
    OutputKind.VIRTUAL_CAMERA: ("virtual_camera", _LIFE),
}
"""What an output's events are called and which of them people want to hear."""
OTHER_OUTPUTS: Final = ("output", _ALL)
"""The same for all other outputs."""

RECORDING_FINISHED: Final = "recording_finished"
REPLAY_SAVED: Final = "replay_saved"
SCENE_CHANGED: Final = "scene_changed"

EVENT_TYPES: Final = [
    *(
        f"{prefix}_{what}"
        for prefix, happenings in (*HAPPENINGS.values(), OTHER_OUTPUTS)
        for what in happenings
    ),
    RECORDING_FINISHED,
    REPLAY_SAVED,
    SCENE_CHANGED,
]


@dataclass(frozen=True, kw_only=True)
class StudioEventDescription(StudioDescription[StudioCoordinator], EventEntityDescription):
    """What happened in a studio."""


STUDIO_ACTIVITY: Final = StudioEventDescription(
    key="activity", translation_key="activity", event_types=EVENT_TYPES, things=studio
)


class StudioActivity(StudioEntity[StudioCoordinator], EventEntity):
    """The last thing that happened in a studio.

    It stays available while the studio is away: coming back from "unavailable" is a change of
    state, and an automation on this entity would take the last event for a new one.
    """

    entity_description: StudioEventDescription

    @property
    @override
    def available(self) -> bool:
        """Whether there is something to show: always."""
        return True

    @override
    async def async_get_last_event_data(self) -> EventExtraStoredData | None:
        """Return what is to be restored, unless it happened before this entity existed.

        Home Assistant restores by entity id, and a removed studio's name may be another's now.
        """
        last, entity = await self.async_get_last_state(), self.registry_entry
        happened_at = None if last is None else dt_util.parse_datetime(last.state)
        if entity is None or happened_at is None or happened_at < entity.created_at:
            return None
        return await super().async_get_last_event_data()

    @override
    def _values(self) -> Any:
        """Return nothing: only what happens is written."""

    @callback
    @override
    def _async_handle_event(self, event: StudioEvent) -> None:
        if (told := told_of(event)) is not None:
            what, data = told
            self._trigger_event(what, data)
            self._async_write()


def told_of(event: StudioEvent) -> tuple[str, dict[str, Any]] | None:
    """Return the type and the attributes of what happened, or None if it is not told."""
    match event:
        case OutputHappened(output=output, what=what):
            prefix, happenings = HAPPENINGS.get(output.kind, OTHER_OUTPUTS)
            if what not in happenings:
                return None
            data: dict[str, Any] = {"output": output.key}
            if output.name is not None:
                data["name"] = output.name
            if output.kind is OutputKind.RECORD and output.path is not None:
                data["path"] = output.path
            return f"{prefix}_{what}", data
        case RecordingFinished(path=path, duration_s=duration):
            return RECORDING_FINISHED, {"path": path, "duration": duration}
        case ReplaySaved(path=path):
            return REPLAY_SAVED, {"path": path}
        case ProgramChanged(mix=mix, name=name, previous=previous) if mix == MAIN_MIX:
            return SCENE_CHANGED, {"scene": name, "previous": previous}
    return None
