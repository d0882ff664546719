"""How well a stream is going, from excellent to critical, and why.

Every measure has a level by itself, and the worst level is the band:

| measure                           | good    | fair   | poor   | critical | leaves it at       |
|-----------------------------------|---------|--------|--------|----------|--------------------|
| frames dropped, last interval     | > 0.1 % | > 1 %  | > 5 %  | > 20 %   | 0.05, 0.8, 4, 16 % |
| CPU of the machine, by the studio | > 60 %  | > 80 % | > 90 % | > 97 %   | 55, 75, 85, 92 %   |
| congestion, 0 to 1                | > 0.2   | > 0.5  | > 0.7  | > 0.9    | 0.15, 0.4, 0.6, 0.8|
| bitrate, kbit/s                   | < 1500  | < 1000 | < 500  | < 100    | 1650, 1100, 550, 150|
| frames per second, % of target    | < 99 %  | < 95 % | < 85 % | < 50 %   | 99.5, 96, 88, 55 % |

* From fair on a measure is a reason. A stream that is reconnecting is critical at once.
* A measure leaves a level only past the last column, so that one at its limit does not flutter.
* The band gets worse (or known) when two readings in a row say so, better when three do; of these
  readings the mildest, or the worst, counts. What repeats the figures of the last reading is none.
* What the studio does not say contributes nothing. Without a stream, or with nothing said, the
  health is unknown, never excellent.
"""

from collections.abc import Mapping
from dataclasses import astuple, dataclass
from enum import StrEnum
import math
from typing import Final

from .model import Output, OutputState, StudioState

WORSE_READINGS: Final = 2
"""Readings in a row that make the band worse, or known."""
BETTER_READINGS: Final = 3
"""Readings in a row that make it better: who looks away after an all-clear should be right."""


class HealthBand(StrEnum):
    """How well a stream is going."""

    EXCELLENT = "excellent"
    GOOD = "good"
    FAIR = "fair"
    POOR = "poor"
    CRITICAL = "critical"
    UNKNOWN = "unknown"


class HealthReason(StrEnum):
    """What keeps a stream from going well."""

    RECONNECTING = "reconnecting"
    DROPPED_FRAMES = "dropped_frames"
    CONGESTION = "congestion"
    LOW_BITRATE = "low_bitrate"
    LOW_FPS = "low_fps"
    CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Health:
    """How well a stream is going.

    Attributes:
        band: From excellent to critical, or unknown.
        reasons: What keeps it from being better; empty above fair.
        since: Time of the clock that was passed in at which the band became this one.

    """

    band: HealthBand = HealthBand.UNKNOWN
    reasons: tuple[HealthReason, ...] = ()
    since: float = 0.0


_BANDS: Final = (
    HealthBand.EXCELLENT,
    HealthBand.GOOD,
    HealthBand.FAIR,
    HealthBand.POOR,
    HealthBand.CRITICAL,
)
_FAIR: Final = _BANDS.index(HealthBand.FAIR)
_CRITICAL: Final = _BANDS.index(HealthBand.CRITICAL)


@dataclass(frozen=True, slots=True)
class _Limits:
    """Where a measure enters and leaves the levels after the first; all negated if low is bad."""

    enter: tuple[float, float, float, float]
    leave: tuple[float, float, float, float]

    def level(self, value: float, before: int) -> int:
        """Return the level of a value, given the level of the value before."""
        entered = sum(value > limit for limit in self.enter)
        not_left = sum(value > limit for limit in self.leave)
        return max(entered, min(before, not_left))


def _low(enter: tuple[float, ...], leave: tuple[float, ...]) -> _Limits:
    return _Limits(*(tuple(-limit for limit in limits) for limits in (enter, leave)))  # type: ignore[arg-type]


LIMITS: Final[Mapping[HealthReason, _Limits]] = {
    HealthReason.DROPPED_FRAMES: _Limits((0.1, 1, 5, 20), (0.05, 0.8, 4, 16)),
    HealthReason.CONGESTION: _Limits((0.2, 0.5, 0.7, 0.9), (0.15, 0.4, 0.6, 0.8)),
    HealthReason.LOW_BITRATE: _low((1500, 1000, 500, 100), (1650, 1100, 550, 150)),
    HealthReason.LOW_FPS: _low((99, 95, 85, 50), (99.5, 96, 88, 55)),
    HealthReason.CPU: _Limits((60, 80, 90, 97), (55, 75, 85, 92)),
}


class HealthMonitor:
    """Judges the states of one studio as they come; see the table of this module."""

    def __init__(self) -> None:
        """Begin with nothing known."""
        self._health = Health()
        self._reading: tuple[object, ...] | None = None
        self._level: int | None = None
        self._levels: dict[HealthReason, int] = {}
        self._run: list[int] = []
        self._run_is_worse = True

    def update(self, state: StudioState, now: float) -> Health:
        """Take in a state and return the health.

        Args:
            state: All figures of one poll together; a state that only changed elsewhere is no
                reading.
            now: Seconds of any clock that does not go back.

        """
        streams = [
            output
            for output in state.streams()
            if output.state in (OutputState.ACTIVE, OutputState.RECONNECTING)
        ]
        reading = (*map(_figures, streams), astuple(state.statistics))
        if reading == self._reading:
            return self._health
        self._reading = reading
        if any(output.state is OutputState.RECONNECTING for output in streams):
            self._run = []
            return self._become(_CRITICAL, (HealthReason.RECONNECTING,), now)
        measures = _measures(streams, state) if streams else {}
        if not measures:
            self._forget()
            return self._become(None, (), now)
        self._levels = {
            reason: LIMITS[reason].level(value, self._levels.get(reason, 0))
            for reason, value in measures.items()
        }
        self._hold(max(self._levels.values()))
        reasons = tuple(reason for reason in HealthReason if self._levels.get(reason, 0) >= _FAIR)
        return self._become(self._level, reasons, now)

    def _forget(self) -> None:
        self._level = None
        self._levels = {}
        self._run = []

    def _hold(self, level: int) -> None:
        """Change the level once enough readings in a row are all worse, or all better."""
        if level == self._level:
            self._run = []
            return
        worse = self._level is None or level > self._level
        if self._run and self._run_is_worse is not worse:
            self._run = []
        self._run_is_worse = worse
        self._run.append(level)
        if len(self._run) >= (WORSE_READINGS if worse else BETTER_READINGS):
            self._level = min(self._run) if worse else max(self._run)
            self._run = []

    def _become(self, level: int | None, reasons: tuple[HealthReason, ...], now: float) -> Health:
        self._level = level
        band = HealthBand.UNKNOWN if level is None else _BANDS[level]
        if level is None or level < _FAIR:
            reasons = ()
        elif not reasons:
            # What brought it here is over, but not for long enough.
            reasons = self._health.reasons
        if (band, reasons) != (self._health.band, self._health.reasons):
            since = self._health.since if band is self._health.band else now
            self._health = Health(band, reasons, since)
        return self._health


def _figures(output: Output) -> tuple[object, ...]:
    return (
        output.key,
        output.state,
        output.duration_s,
        output.sent_bytes,
        output.total_frames,
        output.skipped_frames,
        output.bitrate_kbps,
        output.skipped_percent,
        output.congestion,
    )


def _measures(streams: list[Output], state: StudioState) -> dict[HealthReason, float]:
    """Return what is known, the worst of several streams, so that more is worse."""
    statistics = state.statistics
    known: list[tuple[HealthReason, float | None]] = [(HealthReason.CPU, statistics.cpu_percent)]
    if statistics.fps is not None and statistics.target_fps:
        known.append((HealthReason.LOW_FPS, -100 * statistics.fps / statistics.target_fps))
    for output in streams:
        known += [
            (HealthReason.DROPPED_FRAMES, output.skipped_percent),
            (HealthReason.CONGESTION, output.congestion),
            (
                HealthReason.LOW_BITRATE,
                None if output.bitrate_kbps is None else -output.bitrate_kbps,
            ),
        ]
    measures: dict[HealthReason, float] = {}
    for reason, value in known:
        if value is not None and math.isfinite(value):
            measures[reason] = max(value, measures.get(reason, value))
    return measures
