"""Quality is unknown until there is enough, and a silent peer is found out in time."""

import itertools

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.link.quality import (
    DEAD_AFTER,
    MIN_PROBES,
    MIN_SAMPLES,
    PROBE_TIMEOUT,
    SUSPECT_AFTER,
    Heartbeat,
    Meter,
    Verdict,
    band_of,
    score_of,
)
from infrafabric.mesh.model import Band, Quality


def run(
    heartbeat: Heartbeat, start: float, seconds: float, answers: object
) -> tuple[float, list[Verdict]]:
    """Tick as the loop would for some seconds; *answers* gives a round trip or None."""
    verdicts = []
    end = start + seconds
    now = start
    while (now := heartbeat.due) < end:
        sequence, verdict = heartbeat.tick(now)
        verdicts.append(verdict)
        rtt = answers(sequence)
        if rtt is not None:
            heartbeat.heard(now + rtt)
            heartbeat.pong(sequence, now + rtt)
        heartbeat.window_closed(now)
        if verdict is Verdict.DEAD:
            break
    return now, verdicts


@pytest.mark.parametrize(
    ("rtt", "jitter", "loss", "score"),
    [
        (1, 0, 0, 100),
        (50, 5, 0, 100),
        (100, 0, 0, 90),
        (150, 0, 0, 80),
        (400, 0, 0, 50),
        (800, 0, 0, 40),
        (10_000, 0, 0, 40),
        (1, 27.5, 0, 90),
        (1, 500, 0, 80),
        (1, 0, 1, 92),
        (1, 0, 50, 40),
        (9000, 900, 100, 0),
    ],
)
def test_the_score_follows_the_published_scale(rtt, jitter, loss, score) -> None:
    assert score_of(rtt, jitter, loss) == pytest.approx(score)


def test_bands_have_their_borders() -> None:
    bands = [band_of(score) for score in (100, 80, 79.9, 60, 40, 20, 19.9, 0)]
    assert bands == [
        Band.EXCELLENT,
        Band.EXCELLENT,
        Band.GOOD,
        Band.GOOD,
        Band.FAIR,
        Band.POOR,
        Band.CRITICAL,
        Band.CRITICAL,
    ]


def test_nothing_is_known_before_there_are_enough_samples() -> None:
    meter = Meter()
    for _ in range(MIN_SAMPLES - 1):
        meter.answered(5.0)
    assert meter.close_window() == Quality()
    meter.answered(5.0)
    early = meter.close_window()
    assert (early.rtt_ms, early.rtt_p95_ms, early.jitter_ms) == (5.0, 5.0, 0.0)
    assert (early.loss_percent, early.score, early.band) == (None, None, Band.UNKNOWN)
    for _ in range(MIN_PROBES - MIN_SAMPLES - 1):
        meter.answered(5.0)
    assert meter.close_window().loss_percent is None
    meter.lost()
    full = meter.close_window()
    assert full.loss_percent == 1
    assert full.score == 92
    assert full.band is Band.UNKNOWN
    assert meter.close_window().band is Band.EXCELLENT


def test_a_link_that_never_answers_stays_unknown() -> None:
    meter = Meter()
    for _ in range(200):
        meter.lost()
    quality = meter.close_window()
    assert quality.loss_percent == 100
    assert (quality.rtt_ms, quality.score, quality.band) == (None, None, Band.UNKNOWN)


def test_a_band_changes_only_after_two_windows() -> None:
    meter = Meter()
    for _ in range(100):
        meter.answered(5.0)
    meter.close_window()
    assert meter.close_window().band is Band.EXCELLENT
    for _ in range(40):
        meter.answered(390.0)
    assert meter.close_window().band is Band.EXCELLENT
    bad = meter.close_window()
    assert bad.band is Band.FAIR
    assert bad.score is not None
    for _ in range(100):
        meter.answered(5.0)
    falling = meter.close_window().score
    assert falling > bad.score, "the score rises again, but slowly"
    assert falling < 95


def test_a_band_does_not_flutter_at_its_border() -> None:
    meter = Meter()
    for _ in range(100):
        meter.answered(5.0)
    meter.close_window()
    bands = set()
    for window in range(20):
        bands.add(meter.close_window().band)
        for _ in range(40):
            meter.answered(5.0 if window % 2 else 260.0)
    assert bands == {Band.EXCELLENT}


@given(st.lists(st.one_of(st.none(), st.floats(0, 5000)), max_size=300))
def test_figures_stay_in_their_ranges(fates) -> None:
    meter = Meter()
    for number, rtt in enumerate(fates):
        if rtt is None:
            meter.lost()
        else:
            meter.answered(rtt)
        if number % 10 == 0:
            quality = meter.close_window()
            assert quality.score is None or 0 <= quality.score <= 100
            assert quality.loss_percent is None or 0 <= quality.loss_percent <= 100
            assert quality.jitter_ms is None or 0 <= quality.jitter_ms <= 5000
            known = [rtt for rtt in fates[: number + 1] if rtt is not None]
            assert quality.rtt_p95_ms is None or quality.rtt_p95_ms in known


def test_probes_come_quickly_first_and_then_at_the_heartbeat() -> None:
    heartbeat = Heartbeat(2.0, 100.0)
    dues = []
    for _ in range(130):
        dues.append(heartbeat.due)
        heartbeat.tick(heartbeat.due)
    gaps = [round(b - a, 3) for a, b in itertools.pairwise(dues)]
    assert gaps[0] == 0.1
    assert gaps[20] == 0.2
    assert gaps[-1] == 2.0
    assert sum(due - 100 <= 20 for due in dues) >= MIN_PROBES


def test_a_good_link_is_excellent_after_half_a_minute() -> None:
    heartbeat = Heartbeat(2.0, 0.0)
    run(heartbeat, 0.0, 30.0, lambda _n: 0.004)
    quality = heartbeat.meter.quality
    assert quality.rtt_ms == pytest.approx(4)
    assert quality.loss_percent == 0
    assert quality.band is Band.EXCELLENT


def test_lost_probes_are_counted_once_and_late_answers_never() -> None:
    heartbeat = Heartbeat(2.0, 0.0)
    sequence, _ = heartbeat.tick(0.0)
    for step in range(1, 30):
        heartbeat.heard(step * 0.1)
        heartbeat.tick(step * 0.1)
    heartbeat.pong(sequence, 3.0)
    heartbeat.pong(999, 3.0)
    assert heartbeat.meter._samples == 0
    fates = list(heartbeat.meter._fates)
    assert set(fates) == {False}
    assert len(fates) == pytest.approx((2.9 - PROBE_TIMEOUT) / 0.1, abs=1.5)


@pytest.mark.parametrize("dies_at", [0.05, 5.0, 60.0, 601.3])
def test_a_dead_peer_is_suspected_and_given_up_within_twelve_seconds(dies_at) -> None:
    heartbeat = Heartbeat(2.0, 0.0)
    run(heartbeat, 0.0, dies_at, lambda _n: 0.01)
    assert not heartbeat.suspect
    end, verdicts = run(heartbeat, dies_at, 100.0, lambda _n: None)
    assert verdicts.count(Verdict.SUSPECT) == 1
    assert verdicts[-1] is Verdict.DEAD
    assert DEAD_AFTER * 2.0 - 2.0 <= end - dies_at <= 12.0
    assert SUSPECT_AFTER < DEAD_AFTER


def test_any_frame_ends_a_suspicion() -> None:
    heartbeat = Heartbeat(2.0, 0.0)
    run(heartbeat, 0.0, 7.0, lambda _n: None)
    assert heartbeat.suspect
    heartbeat.heard(7.0)
    assert not heartbeat.suspect
    assert heartbeat.heard_since(6.9)
    assert not heartbeat.heard_since(7.0)
    _, verdicts = run(heartbeat, 7.0, 5.0, lambda _n: None)
    assert Verdict.DEAD not in verdicts


def test_the_nodes_own_stall_is_not_blamed_on_the_peer() -> None:
    heartbeat = Heartbeat(2.0, 0.0)
    run(heartbeat, 0.0, 30.0, lambda _n: 0.01)
    _, verdict = heartbeat.tick(heartbeat.due + 60.0)
    assert verdict is Verdict.ALIVE
