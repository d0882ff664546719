"""Link quality without I/O: probes, liveness, RTT, jitter, loss, score and band.

Probes are small frames on the unreliable channel that the peer echoes at once. Unknown stays
unknown: round trip and jitter need 20 answers, loss and therefore the score 100 probes.
"""

from collections import deque
from enum import Enum
from typing import Final

from ..model import Band, Quality

PROBE_TIMEOUT: Final = 2.0
"""Seconds after which an unanswered probe counts as lost."""
MIN_SAMPLES: Final = 20
MIN_PROBES: Final = 100
RTT_SAMPLES: Final = 40
"""Recent round trips of which the P95 is taken."""
RAMP: Final = ((1.0, 0.1), (20.0, 0.2))
"""(seconds since the link opened, seconds between probes) while the first figures are gathered."""
WINDOW_PROBES: Final = 10
"""Finished probes in a window while probes are frequent."""
WINDOW_SECONDS: Final = 10.0
"""Longest window once they are not."""
SUSPECT_AFTER: Final = 3
"""Heartbeats of silence after which a reliable probe asks again …"""
DEAD_AFTER: Final = 5
"""… and after which the link is given up."""
STALL: Final = 1.0
"""Seconds by which a tick must be late to count as this node's own stall, not the peer's."""

_BANDS: Final = ((80, Band.EXCELLENT), (60, Band.GOOD), (40, Band.FAIR), (20, Band.POOR))
_ORDER: Final = (Band.UNKNOWN, Band.CRITICAL, Band.POOR, Band.FAIR, Band.GOOD, Band.EXCELLENT)
_HYSTERESIS: Final = 2
_FALL: Final = 0.8
_RISE: Final = 0.4
_ATTACK: Final = 1 / 16
_SMOOTH: Final = 1 / 8


class Verdict(Enum):
    """What the silence of a peer means now."""

    ALIVE = 0
    SUSPECT = 1
    """Ask over a reliable channel."""
    DEAD = 2
    """Close the link."""


def score_of(rtt_p95_ms: float, jitter_ms: float, loss_percent: float) -> float:
    """Return 0…100 for a 95th-percentile RTT (ms), jitter (ms) and loss (0…100 %)."""
    if rtt_p95_ms <= 50:  # noqa: PLR2004 - the published scale reads best with its own numbers
        penalty = 0.0
    elif rtt_p95_ms <= 150:  # noqa: PLR2004
        penalty = 20 * (rtt_p95_ms - 50) / 100
    elif rtt_p95_ms <= 400:  # noqa: PLR2004
        penalty = 20 + 30 * (rtt_p95_ms - 150) / 250
    else:
        penalty = min(60.0, 50 + 10 * (rtt_p95_ms - 400) / 400)
    penalty += min(20.0, 20 * max(0.0, jitter_ms - 5) / 45)
    penalty += min(60.0, 8 * loss_percent)
    return max(0.0, 100 - penalty)


def band_of(score: float) -> Band:
    """Return the band of a score of 0…100."""
    return next((band for border, band in _BANDS if score >= border), Band.CRITICAL)


class Meter:
    """Turns answered and lost probes into a ``Quality``, one window at a time."""

    def __init__(self) -> None:
        """Know nothing."""
        self.quality = Quality()
        self._srtt: float | None = None
        self._last: float | None = None
        self._jitter = 0.0
        self._samples = 0
        self._rtts: deque[float] = deque(maxlen=RTT_SAMPLES)
        self._fates: deque[bool] = deque(maxlen=MIN_PROBES)
        self._score: float | None = None
        self._direction = 0
        self._streak = 0

    def answered(self, rtt_ms: float) -> None:
        """Count a probe that came back after *rtt_ms* milliseconds."""
        self._samples += 1
        self._rtts.append(rtt_ms)
        self._fates.append(True)
        self._srtt = rtt_ms if self._srtt is None else self._srtt + _SMOOTH * (rtt_ms - self._srtt)
        if self._last is not None:
            self._jitter += _ATTACK * (abs(rtt_ms - self._last) - self._jitter)
        self._last = rtt_ms

    def lost(self) -> None:
        """Count a probe that did not come back."""
        self._fates.append(False)

    def close_window(self) -> Quality:
        """Return the quality as of now; call it once per window."""
        enough = self._samples >= MIN_SAMPLES
        known = len(self._fates) == MIN_PROBES
        rtts = sorted(self._rtts)
        p95 = rtts[max(0, -(-len(rtts) * 95 // 100) - 1)] if enough else None
        loss = 100 * self._fates.count(False) / MIN_PROBES if known else None
        if p95 is not None and loss is not None:
            fresh = score_of(p95, self._jitter, loss)
            if self._score is None:
                self._score = fresh
            else:
                weight = _FALL if fresh < self._score else _RISE
                self._score += weight * (fresh - self._score)
        self.quality = Quality(
            rtt_ms=self._srtt if enough else None,
            rtt_p95_ms=p95,
            jitter_ms=self._jitter if enough else None,
            loss_percent=loss,
            score=self._score,
            band=self._band(),
        )
        return self.quality

    def _band(self) -> Band:
        current = self.quality.band
        if self._score is None:
            return current
        band = band_of(self._score)
        # A steep fall crosses several borders: what must last is the direction, not the band.
        direction = _ORDER.index(band) - _ORDER.index(current)
        same = direction * self._direction > 0
        self._direction = direction
        self._streak = self._streak + 1 if same else min(1, abs(direction))
        if self._streak < _HYSTERESIS:
            return current
        self._streak = self._direction = 0
        return band


class Heartbeat:
    """Decides when to probe, matches the answers, and judges silence.

    Times are monotonic seconds; *interval* is the steady time between probes.
    """

    def __init__(self, interval: float, now: float) -> None:
        """Start with the link just opened at *now*."""
        self.meter = Meter()
        self.suspect = False
        self._interval = interval
        self._opened = now
        self._heard = now
        self._due = now
        self._sequence = 0
        self._sent: dict[int, float] = {}
        self._window_probes = 0
        self._window_start = now

    @property
    def due(self) -> float:
        """When ``tick`` wants to be called next."""
        return self._due

    def heard(self, now: float) -> None:
        """Note that anything came from the peer."""
        self._heard = now
        self.suspect = False

    def heard_since(self, moment: float) -> bool:
        """Tell whether anything came after *moment*."""
        return self._heard > moment

    def pong(self, sequence: int, now: float) -> None:
        """Take the echo of a probe; unknown and late ones count for nothing."""
        sent = self._sent.pop(sequence, None)
        if sent is not None:
            self.meter.answered((now - sent) * 1000)
            self._window_probes += 1

    def tick(self, now: float) -> tuple[int, Verdict]:
        """Return the sequence number of a probe to send now, and what silence means.

        ``SUSPECT`` is returned once per suspicion. A late tick is this node's own stall: the
        peer is not blamed for it.
        """
        late = now - self._due
        if late > STALL:
            self._heard = min(now, self._heard + late)
        age = now - self._opened
        self._due = now + min(
            next((step for until, step in RAMP if age < until), self._interval), self._interval
        )
        for sequence in [s for s, sent in self._sent.items() if now - sent > PROBE_TIMEOUT]:
            del self._sent[sequence]
            self.meter.lost()
            self._window_probes += 1
        self._sequence = (self._sequence + 1) % 2**32
        self._sent[self._sequence] = now
        return self._sequence, self._judge(now)

    def window_closed(self, now: float) -> bool:
        """Tell whether a window ended; the meter then has new figures."""
        if self._window_probes < WINDOW_PROBES and now - self._window_start < WINDOW_SECONDS:
            return False
        self._window_probes = 0
        self._window_start = now
        self.meter.close_window()
        return True

    def _judge(self, now: float) -> Verdict:
        silence = now - self._heard
        if silence > DEAD_AFTER * self._interval:
            return Verdict.DEAD
        if silence > SUSPECT_AFTER * self._interval and not self.suspect:
            self.suspect = True
            return Verdict.SUSPECT
        return Verdict.ALIVE
