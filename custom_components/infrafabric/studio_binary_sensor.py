"""Binary sensors of studios: whether it answers, whether its stream suffers, what is on air."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.binary_sensor import (
    BinarySensorEntity,
    BinarySensorEntityDescription,
)
from homeassistant.components.binary_sensor.const import BinarySensorDeviceClass
from homeassistant.const import EntityCategory

from .studio.health import HealthBand
from .studio.model import Source, StudioState
from .studio_coordinator import StudioCoordinator
from .studio_entity import StudioDescription, StudioEntity
from .studio_things import has_statistics, studio

BAD_BANDS: Final = frozenset({HealthBand.POOR, HealthBand.CRITICAL})
"""Bands that viewers notice."""


@dataclass(frozen=True, kw_only=True)
class StudioBinarySensorDescription[T](StudioDescription[T], BinarySensorEntityDescription):
    """Something that is so or not; None if the studio does not say."""

    is_on_fn: Callable[[T], bool | None]


@dataclass(frozen=True, slots=True)
class Tally:
    """A source, and whether viewers or only the operator see it; None if that is not known."""

    source: Source
    on_air: bool | None
    in_preview: bool | None


class Tallies(Mapping[str, Tally]):
    """The sources with the lights that would shine on them.

    Each is made when it is asked for: with hundreds of inputs, every one of their entities would
    otherwise make all of them after every change.
    """

    def __init__(self, _: StudioCoordinator, state: StudioState) -> None:
        """Look at a studio."""
        self._state = state

    @override
    def __getitem__(self, key: str) -> Tally:
        state = self._state
        program, preview = state.main.program, state.main.preview
        over = any(
            overlay.source == key and overlay.preview is not True
            for overlay in state.overlays.values()
        )
        # Outside the studio mode of OBS, nothing is in preview, and that is known.
        unseen = None if preview is None and state.studio_mode is not False else False
        return Tally(
            state.sources[key],
            on_air=True if over else None if program is None else key == program,
            in_preview=True if key == preview else unseen,
        )

    @override
    def __iter__(self) -> Iterator[str]:
        return iter(self._state.sources)

    @override
    def __len__(self) -> int:
        return len(self._state.sources)


def _is_bad(coordinator: StudioCoordinator) -> bool | None:
    band = coordinator.health.band
    return None if band is HealthBand.UNKNOWN else band in BAD_BANDS


def _tally(
    key: str, is_on_fn: Callable[[Tally], bool | None]
) -> StudioBinarySensorDescription[Any]:
    return StudioBinarySensorDescription[Tally](
        key=key,
        translation_key=key,
        things=Tallies,
        names_fn=lambda tally: {"source": tally.source.name},
        # Two for each scene or input: people enable the few that they have lamps for.
        entity_registry_enabled_default=False,
        is_on_fn=is_on_fn,
    )


STUDIO_CONNECTIVITY: Final = StudioBinarySensorDescription[StudioCoordinator](
    key="connectivity",
    device_class=BinarySensorDeviceClass.CONNECTIVITY,
    entity_category=EntityCategory.DIAGNOSTIC,
    things=studio,
    is_on_fn=lambda coordinator: coordinator.available,
)

STUDIO_BINARY_SENSORS: Final[tuple[StudioBinarySensorDescription[Any], ...]] = (
    StudioBinarySensorDescription[StudioCoordinator](
        key="stream_problem",
        translation_key="stream_problem",
        device_class=BinarySensorDeviceClass.PROBLEM,
        things=studio,
        has_fn=has_statistics,
        is_on_fn=_is_bad,
    ),
    _tally("on_air", lambda tally: tally.on_air),
    _tally("in_preview", lambda tally: tally.in_preview),
)


class StudioBinarySensor(StudioEntity[Any], BinarySensorEntity):
    """Something of a studio that is so or not."""

    entity_description: StudioBinarySensorDescription[Any]

    @property
    @override
    def is_on(self) -> bool | None:
        """Whether it is so; None (unknown) if the studio does not say."""
        return None if self.thing is None else self.entity_description.is_on_fn(self.thing)

    @override
    def _values(self) -> Any:
        return self.is_on


class StudioConnectivity(StudioBinarySensor):
    """Whether the studio answers; always available, since "off" is its message."""

    @property
    @override
    def available(self) -> bool:
        """Whether there is something to show: always."""
        return True

    @property
    @override
    def is_on(self) -> bool:
        """Whether the studio answers."""
        return self.coordinator.available
