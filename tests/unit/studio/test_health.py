"""Stream health is what the readings say for long enough, with the reason; else unknown."""

from dataclasses import replace
import math
from typing import Any

from hypothesis import given, strategies as st
import pytest

from infrafabric.studio.health import (
    BETTER_READINGS,
    LIMITS,
    WORSE_READINGS,
    Health,
    HealthBand,
    HealthMonitor,
    HealthReason,
)
from infrafabric.studio.model import (
    Output,
    OutputKind,
    OutputState,
    Source,
    Statistics,
    StudioKind,
    StudioState,
    Version,
)

BANDS = list(HealthBand)[:-1]
FINE: dict[str, Any] = {
    "skipped_percent": 0.0,
    "congestion": 0.0,
    "bitrate_kbps": 6000.0,
    "fps": 60.0,
    "cpu_percent": 20.0,
}
STATISTICS = {"fps", "cpu_percent"}

# The measure, and values that are excellent, good, fair, poor and critical.
MEASURES = [
    (HealthReason.DROPPED_FRAMES, "skipped_percent", (0.1, 1.0, 1.01, 5.01, 20.01)),
    (HealthReason.CONGESTION, "congestion", (0.2, 0.5, 0.51, 0.71, 0.91)),
    (HealthReason.LOW_BITRATE, "bitrate_kbps", (1500, 1000, 999, 499, 99)),
    (HealthReason.LOW_FPS, "fps", (59.4, 57.0, 56.9, 50.9, 29.9)),
    (HealthReason.CPU, "cpu_percent", (60, 80, 80.1, 90.1, 97.1)),
]


class Readings:
    """Feeds a monitor; each reading is another one, five seconds later."""

    def __init__(self) -> None:
        self.monitor = HealthMonitor()
        self.now = 1000.0
        self.state: StudioState | None = None

    def feed(self, state: OutputState = OutputState.ACTIVE, **figures: Any) -> Health:
        self.now += 5
        values = {**FINE, **figures}
        of_studio = {key: values.pop(key) for key in STATISTICS}
        stream = Output(
            key="stream", kind=OutputKind.STREAM, state=state, duration_s=self.now, **values
        )
        self.state = StudioState(
            kind=StudioKind.OBS,
            version=Version(software="32.0.1"),
            outputs={"stream": stream},
            statistics=Statistics(target_fps=60.0, **of_studio),
        )
        return self.monitor.update(self.state, self.now)

    def times(self, count: int, **figures: Any) -> Health:
        for _ in range(count):
            health = self.feed(**figures)
        return health


@pytest.fixture
def readings() -> Readings:
    return Readings()


def test_before_anything_is_known_the_health_is_unknown() -> None:
    assert Health() == Health(HealthBand.UNKNOWN, (), 0.0)


def test_a_stream_without_trouble_is_excellent(readings: Readings) -> None:
    assert readings.times(WORSE_READINGS).band is HealthBand.EXCELLENT


@pytest.mark.parametrize(("reason", "figure", "values"), MEASURES)
def test_each_measure_alone_makes_each_band_with_its_reason_from_fair_on(
    reason: HealthReason, figure: str, values: tuple[float, ...]
) -> None:
    # The figures of the issue are the beginning of "fair": just at them nothing is wrong yet.
    for band, value in zip(BANDS, values, strict=True):
        health = Readings().times(WORSE_READINGS, **{figure: value})
        assert health.band is band
        assert health.reasons == ((reason,) if BANDS.index(band) >= 2 else ())


def test_several_reasons_are_named_and_the_worst_measure_counts(readings: Readings) -> None:
    health = readings.times(WORSE_READINGS, cpu_percent=85.0, congestion=0.95, bitrate_kbps=900.0)

    assert health.band is HealthBand.CRITICAL
    assert health.reasons == (
        HealthReason.CONGESTION,
        HealthReason.LOW_BITRATE,
        HealthReason.CPU,
    )


def test_the_worst_of_several_streams_counts() -> None:
    state = StudioState(
        kind=StudioKind.VMIX,
        version=Version(software="28.0.0.39"),
        outputs={
            f"stream_{number}": Output(
                key=f"stream_{number}",
                kind=OutputKind.STREAM,
                state=OutputState.ACTIVE,
                number=number,
                bitrate_kbps=kbps,
            )
            for number, kbps in ((1, 6000.0), (2, 300.0), (3, 6000.0))
        },
    )
    monitor = HealthMonitor()
    monitor.update(state, 0.0)
    health = monitor.update(replace(state, statistics=Statistics(memory_mb=1.0)), 5.0)

    assert (health.band, health.reasons) == (HealthBand.POOR, (HealthReason.LOW_BITRATE,))


@pytest.mark.parametrize(
    "state",
    [
        OutputState.STOPPED,
        OutputState.STARTING,
        OutputState.STOPPING,
        OutputState.UNKNOWN,
    ],
)
def test_without_a_running_stream_the_health_is_unknown_at_once(
    readings: Readings, state: OutputState
) -> None:
    readings.times(WORSE_READINGS)

    assert readings.feed(state=state) == Health(HealthBand.UNKNOWN, (), readings.now)


def test_a_recording_has_no_stream_health() -> None:
    record = Output(key="record", kind=OutputKind.RECORD, state=OutputState.ACTIVE, duration_s=1.0)
    state = StudioState(
        kind=StudioKind.OBS,
        version=Version(software="x"),
        outputs={"record": record},
        statistics=Statistics(cpu_percent=99.0),
    )

    assert HealthMonitor().update(state, 1.0).band is HealthBand.UNKNOWN


@pytest.mark.parametrize("value", [None, math.nan, math.inf, -math.inf])
def test_a_stream_of_which_nothing_is_said_is_unknown_never_excellent(
    readings: Readings, value: float | None
) -> None:
    nothing = dict.fromkeys(FINE, value)

    assert readings.times(5, **nothing).band is HealthBand.UNKNOWN


def test_what_is_not_said_contributes_nothing(readings: Readings) -> None:
    nothing: dict[str, Any] = dict.fromkeys(FINE)
    health = readings.times(WORSE_READINGS, **{**nothing, "congestion": 0.6})

    assert (health.band, health.reasons) == (HealthBand.FAIR, (HealthReason.CONGESTION,))


def test_frames_per_second_without_a_target_say_nothing(readings: Readings) -> None:
    for target in (None, 0.0):
        readings.feed(fps=5.0)
        assert readings.state is not None
        figures = replace(readings.state.statistics, target_fps=target)
        health = HealthMonitor()
        for now in (1.0, 2.0):
            figures = replace(figures, memory_mb=now)
            last = health.update(replace(readings.state, statistics=figures), now)
        assert last.band is HealthBand.EXCELLENT


def test_a_reconnecting_stream_is_critical_at_once(readings: Readings) -> None:
    readings.times(WORSE_READINGS)
    health = readings.feed(state=OutputState.RECONNECTING)

    assert health == Health(HealthBand.CRITICAL, (HealthReason.RECONNECTING,), readings.now)


def test_after_reconnecting_it_takes_some_good_readings_to_be_well_again(
    readings: Readings,
) -> None:
    readings.feed(state=OutputState.RECONNECTING)

    health = readings.times(BETTER_READINGS - 1)
    assert (health.band, health.reasons) == (HealthBand.CRITICAL, (HealthReason.RECONNECTING,))
    assert readings.feed() == Health(HealthBand.EXCELLENT, (), readings.now)


def test_one_bad_reading_changes_nothing(readings: Readings) -> None:
    fine = readings.times(WORSE_READINGS)

    assert readings.times(WORSE_READINGS - 1, cpu_percent=99.0) is fine
    assert readings.feed() is fine
    # The bad one before the good one does not count any more.
    assert readings.times(WORSE_READINGS - 1, cpu_percent=99.0) is fine


def test_the_mildest_of_the_bad_readings_counts_and_the_worst_of_the_good_ones() -> None:
    for values in ((0.95, 0.75), (0.75, 0.95)):
        readings = Readings()
        readings.times(WORSE_READINGS)
        assert [readings.feed(congestion=value).band for value in values] == [
            HealthBand.EXCELLENT,
            HealthBand.POOR,
        ]

        readings.feed(congestion=0.3)
        readings.feed(congestion=0.55)
        assert readings.feed(congestion=0.0).band is HealthBand.FAIR


def test_a_measure_at_its_limit_does_not_flutter(readings: Readings) -> None:
    readings.times(WORSE_READINGS, congestion=0.51)

    seen = {readings.feed(congestion=value).band for value in (0.49, 0.52, 0.45, 0.41, 0.5, 0.45)}
    assert seen == {HealthBand.FAIR}
    # Past the point where the level is left, it gets better.
    assert readings.times(BETTER_READINGS, congestion=0.4).band is HealthBand.GOOD


@pytest.mark.parametrize("reason", LIMITS)
def test_every_level_is_left_on_the_better_side_of_where_it_is_entered(
    reason: HealthReason,
) -> None:
    limits = LIMITS[reason]

    assert all(leave < enter for enter, leave in zip(limits.enter, limits.leave, strict=True))
    assert sorted(limits.enter) == list(limits.enter)
    assert sorted(limits.leave) == list(limits.leave)


def test_readings_that_are_now_worse_and_now_better_change_nothing(readings: Readings) -> None:
    good = readings.times(WORSE_READINGS, congestion=0.3)

    assert good.band is HealthBand.GOOD
    for _ in range(5):
        assert readings.feed(congestion=0.95) is good
        assert readings.feed(congestion=0.0) is good


def test_a_change_elsewhere_in_the_studio_is_no_reading(readings: Readings) -> None:
    fine = readings.times(WORSE_READINGS)
    readings.feed(cpu_percent=99.0)
    assert readings.state is not None
    for number in range(20):
        source = Source(key=f"{number}", name="x", number=number, kind="scene")
        elsewhere = replace(readings.state, sources={source.key: source})
        assert readings.monitor.update(elsewhere, readings.now + number) is fine


def test_the_time_of_a_band_stays_while_its_reasons_change(readings: Readings) -> None:
    first = readings.times(WORSE_READINGS, cpu_percent=85.0)
    later = readings.feed(congestion=0.6, cpu_percent=85.0)

    assert first.reasons == (HealthReason.CPU,)
    assert later.reasons == (HealthReason.CONGESTION, HealthReason.CPU)
    assert later.since == first.since


def test_a_new_stream_does_not_inherit_the_readings_of_the_last_one(readings: Readings) -> None:
    readings.times(WORSE_READINGS - 1, cpu_percent=99.0)
    readings.feed(state=OutputState.STOPPED)

    assert readings.times(WORSE_READINGS - 1, cpu_percent=99.0).band is HealthBand.UNKNOWN


figures = st.fixed_dictionaries(
    {
        "state": st.sampled_from(OutputState),
        "skipped_percent": st.none() | st.floats(0, 100),
        "congestion": st.none() | st.floats(0, 1),
        "bitrate_kbps": st.none() | st.floats(0, 20_000),
        "fps": st.none() | st.floats(0, 120),
        "cpu_percent": st.none() | st.floats(0, 100),
    }
)


@given(st.lists(figures, max_size=30))
def test_reasons_are_there_exactly_from_fair_on(history: list[dict[str, Any]]) -> None:
    readings = Readings()
    for reading in history:
        health = readings.feed(**reading)
        trouble = health.band in {HealthBand.FAIR, HealthBand.POOR, HealthBand.CRITICAL}
        assert bool(health.reasons) is trouble
        assert health.since in {0.0, *(1000.0 + 5 * n for n in range(1, len(history) + 1))}


@given(st.lists(figures, max_size=10), figures)
def test_what_stays_as_it_is_is_judged_by_itself_in_the_end(
    history: list[dict[str, Any]], last: dict[str, Any]
) -> None:
    after, alone = Readings(), Readings()
    for reading in history:
        after.feed(**reading)
    # A level is left only past its limit, so what was worse may stay worse, never better.
    end = after.times(WORSE_READINGS + BETTER_READINGS, **last)
    fresh = alone.times(WORSE_READINGS + BETTER_READINGS, **last)

    if fresh.band is HealthBand.UNKNOWN:
        assert end.band is HealthBand.UNKNOWN
    else:
        assert BANDS.index(end.band) >= BANDS.index(fresh.band)
        assert set(end.reasons) >= set(fresh.reasons)
