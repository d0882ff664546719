"""Numbers of studios: how long the transition takes, and how loud everything is."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.number import (
    NumberDeviceClass,
    NumberEntity,
    NumberEntityDescription,
    NumberMode,
)
from homeassistant.const import (
    EntityCategory,
    Platform,
    UnitOfRatio,
    UnitOfSoundPressure,
    UnitOfTime,
)
from homeassistant.core import HomeAssistant
from homeassistant.helpers.entity_platform import AddConfigEntryEntitiesCallback

from .studio.api import StudioClient
from .studio.model import AudioChannel, Feature, StudioKind, StudioState, VolumeUnit
from .studio.obs import showing
from .studio.vmix import functions
from .studio_coordinator import StudioConfigEntry
from .studio_entity import StudioDescription, StudioEntity, StudioPlatform
from .studio_things import Things, audio_channels, having, master

# The client queues what a studio cannot take at once.
PARALLEL_UPDATES = 0


@dataclass(frozen=True, kw_only=True)
class Scale:
    """What a volume can be: unit and range."""

    unit: str
    minimum: float
    maximum: float
    step: float


SCALES: Final[Mapping[VolumeUnit, Scale]] = {
    VolumeUnit.DECIBEL: Scale(unit=UnitOfSoundPressure.DECIBEL, minimum=-100, maximum=26, step=0.1),
    VolumeUnit.PERCENT: Scale(unit=UnitOfRatio.PERCENTAGE, minimum=0, maximum=100, step=0.1),
}

DURATIONS: Final[Mapping[StudioKind, Scale]] = {
    kind: Scale(unit=UnitOfTime.MILLISECONDS, minimum=shortest, maximum=longest, step=1)
    for kind, shortest, longest in (
        (StudioKind.OBS, showing.MIN_TRANSITION_MS, showing.MAX_TRANSITION_MS),
        (StudioKind.VMIX, functions.MIN_TRANSITION_MS, functions.MAX_TRANSITION_MS),
    )
}


@dataclass(frozen=True, kw_only=True)
class StudioNumberDescription[T](StudioDescription[T], NumberEntityDescription):
    """A number that can be set.

    Attributes:
        value_fn: The number; None if the studio does not say.
        set_fn: Sets it, and returns when the studio has confirmed that.
        scale_fn: Unit and range, if they are not always the same.

    """

    value_fn: Callable[[T], float | None]
    set_fn: Callable[[StudioClient, T, float], Awaitable[Any]]
    scale_fn: Callable[[T], Scale] | None = None


def _volume(translation_key: str, things: Things[AudioChannel]) -> StudioNumberDescription[Any]:
    return StudioNumberDescription[AudioChannel](
        key="volume",
        translation_key=translation_key,
        things=things,
        names_fn=lambda channel: {"channel": channel.name},
        has_fn=lambda _, channel: channel.volume is not None,
        enabled_fn=lambda coordinator, part: coordinator.audio_chosen(part),
        value_fn=lambda channel: None if channel.volume is None else round(channel.volume, 1),
        set_fn=lambda client, channel, value: client.set_volume(channel.key, value),
        scale_fn=lambda channel: SCALES[channel.unit],
    )


STUDIO_NUMBERS: Final[tuple[StudioNumberDescription[Any], ...]] = (
    StudioNumberDescription[StudioState](
        key="transition_duration",
        translation_key="transition_duration",
        device_class=NumberDeviceClass.DURATION,
        native_unit_of_measurement=UnitOfTime.MILLISECONDS,
        entity_category=EntityCategory.CONFIG,
        mode=NumberMode.BOX,
        things=having(Feature.TRANSITION_DURATION),
        value_fn=lambda state: state.transition_ms,
        set_fn=lambda client, _, value: client.set_transition_duration(round(value)),
        scale_fn=lambda state: DURATIONS[state.kind],
    ),
    _volume("master_volume", master),
    _volume("volume", audio_channels),
)


async def async_setup_entry(
    hass: HomeAssistant,
    entry: StudioConfigEntry,
    async_add_entities: AddConfigEntryEntitiesCallback,
) -> None:
    """Add a studio's numbers, as soon as the studio has what they set."""
    StudioPlatform(
        entry.runtime_data,
        Platform.NUMBER,
        async_add_entities,
        {StudioNumber: STUDIO_NUMBERS},
    ).async_start()


class StudioNumber(StudioEntity[Any], NumberEntity):
    """A number of a studio."""

    entity_description: StudioNumberDescription[Any]

    @property
    def _scale(self) -> Scale | None:
        scale_fn = self.entity_description.scale_fn
        return None if scale_fn is None or self.thing is None else scale_fn(self.thing)

    @property
    @override
    def native_value(self) -> float | None:
        """The number; None (unknown) if the studio does not say."""
        return None if self.thing is None else self.entity_description.value_fn(self.thing)

    @property
    @override
    def native_unit_of_measurement(self) -> str | None:
        """The unit: OBS has decibels where vMix has percent."""
        return super().native_unit_of_measurement if self._scale is None else self._scale.unit

    @property
    @override
    def native_min_value(self) -> float:
        """The least that the studio takes."""
        return super().native_min_value if self._scale is None else self._scale.minimum

    @property
    @override
    def native_max_value(self) -> float:
        """The most that the studio takes."""
        return super().native_max_value if self._scale is None else self._scale.maximum

    @property
    @override
    def native_step(self) -> float | None:
        """How fine it can be."""
        return super().native_step if self._scale is None else self._scale.step

    @override
    def _values(self) -> Any:
        return self.native_value

    @override
    async def async_set_native_value(self, value: float) -> None:
        """Set it and wait until the studio has confirmed that."""
        await self._async_do(
            lambda thing: self.entity_description.set_fn(self.coordinator.client, thing, value)
        )
