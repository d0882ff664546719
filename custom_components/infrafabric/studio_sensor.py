"""Sensors of studios: what each output does, how well, and how the studio's machine is doing."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, override

from homeassistant.components.sensor import (
    SensorDeviceClass,
    SensorEntity,
    SensorEntityDescription,
    SensorStateClass,
)
from homeassistant.const import (
    EntityCategory,
    UnitOfDataRate,
    UnitOfInformation,
    UnitOfRatio,
    UnitOfTime,
)

from .const import CONF_AUDIO_METERS
from .studio.health import HealthBand
from .studio.model import AudioChannel, Output, OutputKind, OutputState, Statistics, StudioState
from .studio_coordinator import StudioCoordinator
from .studio_entity import StudioDescription, StudioEntity
from .studio_things import (
    MAX_STATE,
    OTHER,
    OUTPUT_FORMS,
    RECORD,
    STREAM,
    STREAM_NUMBER,
    WHOLE,
    OutputForm,
    Things,
    audio_channels,
    has_statistics,
    master,
    outputs,
    shortened,
    shortened_path,
    studio,
    whole,
)

CALM_SECONDS: Final = 10.0
"""Between two states of a measurement of an output that runs."""
SLOW_SECONDS: Final = 30.0
"""Between two states of what changes with every reading and is looked at now and then."""
METER_SECONDS: Final = 1.0
"""Between two states of an audio meter, which nobody has who did not ask for it."""
DISK_STEP_MB: Final = 100
"""A recording fills the disk all the time; smaller steps would only be noise."""

OUTPUT_STATES: Final = [state.value for state in OutputState if state is not OutputState.UNKNOWN]


@dataclass(frozen=True, kw_only=True)
class StudioSensorDescription[T](StudioDescription[T], SensorEntityDescription):
    """A figure or a word.

    Attributes:
        value_fn: It; None if the studio does not say.
        attributes_fn: What explains it.
        calm_seconds: The least time between two states.

    """

    value_fn: Callable[[T], float | str | None]
    attributes_fn: Callable[[T], Mapping[str, Any]] | None = None
    calm_seconds: float = 0


@dataclass(frozen=True, kw_only=True)
class _Measure:
    """Something that is measured of an output."""

    what: str
    value_fn: Callable[[Output], float | None]
    unit: str | None = None
    device_class: SensorDeviceClass | None = None
    state_class: SensorStateClass = SensorStateClass.MEASUREMENT
    suggested_unit: str | None = None
    precision: int | None = 0
    category: EntityCategory | None = EntityCategory.DIAGNOSTIC
    enabled: bool = True
    calm_seconds: float = CALM_SECONDS

    def of(self, form: OutputForm) -> StudioSensorDescription[Any]:
        """Describe the sensor of outputs of one form."""
        return StudioSensorDescription[Output](
            key=self.what,
            translation_key=f"{form.translation_key}_{self.what}",
            things=form.things,
            names_fn=form.names,
            has_fn=lambda coordinator, output: (
                # What OBS says of an output while it runs should be there to be put on a
                # dashboard before.
                (form.always_measured and has_statistics(coordinator))
                or self.value_fn(output) is not None
            ),
            # A stream that starts or stops is news, and its figures with it.
            at_once_fn=lambda output: output.state,
            value_fn=self.value_fn,
            native_unit_of_measurement=self.unit,
            device_class=self.device_class,
            state_class=self.state_class,
            suggested_unit_of_measurement=self.suggested_unit,
            suggested_display_precision=self.precision,
            entity_category=self.category,
            entity_registry_enabled_default=self.enabled,
            calm_seconds=self.calm_seconds,
        )


DURATION: Final = _Measure(
    what="duration",
    value_fn=lambda output: _rounded(output.duration_s, 0),
    unit=UnitOfTime.SECONDS,
    device_class=SensorDeviceClass.DURATION,
    category=None,
    calm_seconds=SLOW_SECONDS,
)
BITRATE: Final = _Measure(
    what="bitrate",
    value_fn=lambda output: _rounded(output.bitrate_kbps, 0),
    unit=UnitOfDataRate.KILOBITS_PER_SECOND,
    device_class=SensorDeviceClass.DATA_RATE,
    category=None,
)
SKIPPED_FRAMES: Final = _Measure(
    what="skipped_frames",
    value_fn=lambda output: output.skipped_frames,
    # Starts at 0 again with the output, which is what "total increasing" allows.
    state_class=SensorStateClass.TOTAL_INCREASING,
    precision=None,
)
SKIPPED_PERCENT: Final = _Measure(
    what="skipped_percent",
    value_fn=lambda output: _rounded(output.skipped_percent),
    unit=UnitOfRatio.PERCENTAGE,
    precision=1,
    category=None,
)
CONGESTION: Final = _Measure(
    what="congestion",
    value_fn=lambda output: _percent(output.congestion),
    unit=UnitOfRatio.PERCENTAGE,
)
SENT: Final = _Measure(
    what="sent",
    value_fn=lambda output: output.sent_bytes,
    unit=UnitOfInformation.BYTES,
    device_class=SensorDeviceClass.DATA_SIZE,
    state_class=SensorStateClass.TOTAL_INCREASING,
    suggested_unit=UnitOfInformation.MEGABYTES,
    precision=1,
    # Never still while the output runs, and the bitrate says it better.
    enabled=False,
    calm_seconds=SLOW_SECONDS,
)

OF_STREAMS: Final = (DURATION, BITRATE, SKIPPED_FRAMES, SKIPPED_PERCENT, CONGESTION, SENT)
MEASURES: Final[Mapping[OutputForm, tuple[_Measure, ...]]] = {
    STREAM: OF_STREAMS,
    OTHER: OF_STREAMS,
    RECORD: (DURATION, BITRATE, SENT),
}
"""What a studio may say about its outputs; vMix says nothing about its streams."""


def _figure(
    key: str,
    value_fn: Callable[[Statistics], float | None],
    *,
    unit: str | None = None,
    device_class: SensorDeviceClass | None = None,
    state_class: SensorStateClass = SensorStateClass.MEASUREMENT,
    suggested_unit: str | None = None,
    precision: int | None = 0,
    calm_seconds: float = SLOW_SECONDS,
) -> StudioSensorDescription[Any]:
    return StudioSensorDescription[StudioState](
        key=key,
        translation_key=key,
        things=whole,
        has_fn=lambda _, state: value_fn(state.statistics) is not None,
        value_fn=lambda state: value_fn(state.statistics),
        native_unit_of_measurement=unit,
        device_class=device_class,
        state_class=state_class,
        suggested_unit_of_measurement=suggested_unit,
        suggested_display_precision=precision,
        entity_category=EntityCategory.DIAGNOSTIC,
        calm_seconds=calm_seconds,
    )


STATISTICS: Final = (
    _figure(
        "fps",
        lambda figures: _rounded(figures.fps),
        unit="fps",
        precision=1,
        # Still as long as all is well; where it is not, it tells first.
        calm_seconds=CALM_SECONDS,
    ),
    _figure(
        "cpu",
        lambda figures: _rounded(figures.cpu_percent),
        unit=UnitOfRatio.PERCENTAGE,
        precision=1,
    ),
    _figure(
        "memory",
        lambda figures: _rounded(figures.memory_mb, 0),
        unit=UnitOfInformation.MEGABYTES,
        device_class=SensorDeviceClass.DATA_SIZE,
    ),
    _figure(
        "free_disk",
        lambda figures: _in_steps(figures.free_disk_mb, DISK_STEP_MB),
        unit=UnitOfInformation.MEGABYTES,
        device_class=SensorDeviceClass.DATA_SIZE,
        suggested_unit=UnitOfInformation.GIGABYTES,
        precision=1,
    ),
    _figure(
        "frame_time",
        lambda figures: _rounded(figures.frame_time_ms),
        unit=UnitOfTime.MILLISECONDS,
        device_class=SensorDeviceClass.DURATION,
        precision=1,
    ),
    _figure(
        "render_skipped_frames",
        lambda figures: figures.render_skipped_frames,
        state_class=SensorStateClass.TOTAL_INCREASING,
        precision=None,
    ),
    _figure(
        "encoder_skipped_frames",
        lambda figures: figures.output_skipped_frames,
        state_class=SensorStateClass.TOTAL_INCREASING,
        precision=None,
    ),
)


def _meter(translation_key: str, things: Things[AudioChannel]) -> StudioSensorDescription[Any]:
    def find(coordinator: StudioCoordinator, state: StudioState) -> Mapping[str, AudioChannel]:
        # Without the option they would stay in the registry for ever, and never have a value.
        return things(coordinator, state) if coordinator.choice(CONF_AUDIO_METERS) else {}

    return StudioSensorDescription[AudioChannel](
        key="meter",
        translation_key=translation_key,
        things=find,
        names_fn=lambda channel: {"channel": channel.name},
        has_fn=lambda _, channel: channel.meter is not None,
        value_fn=lambda channel: _percent(channel.meter),
        native_unit_of_measurement=UnitOfRatio.PERCENTAGE,
        state_class=SensorStateClass.MEASUREMENT,
        entity_category=EntityCategory.DIAGNOSTIC,
        entity_registry_enabled_default=False,
        calm_seconds=METER_SECONDS,
    )


def _destinations(form: OutputForm) -> StudioSensorDescription[Any]:
    def find(coordinator: StudioCoordinator, state: StudioState) -> Mapping[str, Any]:
        return {
            key: (output, state.destination.get(key))
            for key, output in form.things(coordinator, state).items()
        }

    return StudioSensorDescription[tuple[Output, str | None]](
        key="destination",
        translation_key=f"{form.translation_key}_destination",
        entity_category=EntityCategory.DIAGNOSTIC,
        things=find,
        names_fn=lambda stream: form.names(stream[0]),
        has_fn=lambda _, stream: stream[1] is not None,
        value_fn=lambda stream: None if stream[1] is None else shortened(stream[1], MAX_STATE),
    )


def _band(coordinator: StudioCoordinator) -> str | None:
    band = coordinator.health.band
    return None if band is HealthBand.UNKNOWN else band.value


def _all() -> Iterator[StudioSensorDescription[Any]]:
    for form in OUTPUT_FORMS:
        yield StudioSensorDescription[Output](
            key="state",
            translation_key=f"{form.translation_key}_state",
            device_class=SensorDeviceClass.ENUM,
            options=OUTPUT_STATES,
            entity_category=EntityCategory.DIAGNOSTIC,
            things=form.things,
            names_fn=form.names,
            value_fn=lambda output: (
                None if output.state is OutputState.UNKNOWN else output.state.value
            ),
        )
        for measure in MEASURES.get(form, ()):
            yield measure.of(form)
    for form in (STREAM, STREAM_NUMBER):
        yield _destinations(form)
    yield StudioSensorDescription[Output](
        key="path",
        translation_key="record_path",
        entity_category=EntityCategory.DIAGNOSTIC,
        things=outputs(OutputKind.RECORD),
        has_fn=lambda coordinator, output: has_statistics(coordinator) or output.path is not None,
        value_fn=lambda output: shortened_path(output.path),
    )
    yield StudioSensorDescription[StudioCoordinator](
        key="stream_health",
        translation_key="stream_health",
        device_class=SensorDeviceClass.ENUM,
        # Without a stream there is nothing to judge: the state is unknown then.
        options=[band.value for band in HealthBand if band is not HealthBand.UNKNOWN],
        things=studio,
        has_fn=has_statistics,
        # Another band is news. The reasons of a bad stream come and go with every reading.
        at_once_fn=_band,
        calm_seconds=SLOW_SECONDS,
        value_fn=_band,
        attributes_fn=lambda coordinator: {
            "reasons": sorted(reason.value for reason in coordinator.health.reasons)
        },
    )
    yield from STATISTICS
    yield StudioSensorDescription[StudioState](
        key="preset",
        translation_key="preset",
        entity_category=EntityCategory.DIAGNOSTIC,
        things=whole,
        has_fn=lambda _, state: state.preset is not None,
        value_fn=lambda state: shortened_path(state.preset),
    )
    yield _meter("master_meter", master)
    yield _meter("meter", audio_channels)


def _rounded(value: float | None, digits: int = 1) -> float | None:
    """Return *value* without the digits that are noise and would make a new state each time."""
    if value is None:
        return None
    return round(value) if digits == 0 else round(value, digits)


def _in_steps(value: float | None, step: int) -> int | None:
    return None if value is None else round(value / step) * step


def _percent(share: float | None) -> int | None:
    return None if share is None else round(share * 100)


STUDIO_SENSORS: Final = tuple(_all())


class StudioSensor(StudioEntity[Any], SensorEntity):
    """A figure or a word of a studio."""

    entity_description: StudioSensorDescription[Any]

    def __init__(
        self,
        coordinator: StudioCoordinator,
        description: StudioSensorDescription[Any],
        part: str = WHOLE,
    ) -> None:
        """Take the pace from the description."""
        super().__init__(coordinator, description, part)
        self._calm_seconds = description.calm_seconds

    @property
    @override
    def native_value(self) -> float | str | None:
        """The figure or word; None (unknown) if the studio does not say."""
        return None if self.thing is None else self.entity_description.value_fn(self.thing)

    @property
    @override
    def extra_state_attributes(self) -> Mapping[str, Any] | None:
        """What explains it, always in one order, so that only a change is a change."""
        attributes_fn = self.entity_description.attributes_fn
        return None if attributes_fn is None or self.thing is None else attributes_fn(self.thing)

    @override
    def _values(self) -> Any:
        return (self.native_value, self.extra_state_attributes)
