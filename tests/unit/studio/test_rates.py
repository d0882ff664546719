"""Rates come from what the counters grew, and from nothing else."""

from hypothesis import given, strategies as st
import pytest

from infrafabric.studio.rates import MIN_INTERVAL, Bitrate, SkippedShare

sizes = st.integers(0, 10**12)
# A little more than the shortest interval: sums of floats are not exact.
times = st.floats(1.1 * MIN_INTERVAL, 3600)


def test_the_first_reading_has_no_rate() -> None:
    assert Bitrate().update(0.0, 1_000_000) is None


def test_bytes_over_seconds_are_kilobits_per_second() -> None:
    rate = Bitrate()
    rate.update(100.0, 0)

    assert rate.update(105.0, 3_125_000) == 5000
    assert rate.update(110.0, 3_125_000) == 0


def test_a_counter_that_began_again_has_no_rate_until_the_next_reading() -> None:
    rate = Bitrate()
    rate.update(0.0, 5_000_000)
    rate.update(5.0, 6_000_000)

    assert rate.update(10.0, 1000) is None
    assert rate.update(11.0, 2000) == 8


def test_a_missing_reading_makes_the_rate_unknown_and_starts_over() -> None:
    rate = Bitrate()
    rate.update(0.0, 0)
    rate.update(1.0, 1000)

    assert rate.update(2.0, None) is None
    assert rate.update(3.0, 90_000) is None
    assert rate.update(4.0, 91_000) == 8


def test_a_rate_of_before_is_not_told_again_after_a_missing_reading() -> None:
    rate = Bitrate()
    rate.update(0.0, 0)
    rate.update(1.0, 1000)
    rate.update(2.0, None)
    rate.update(3.0, 2000)

    assert rate.update(3.0 + MIN_INTERVAL / 2, 3000) is None


def test_two_readings_at_nearly_one_moment_do_not_make_a_wild_rate() -> None:
    rate = Bitrate()
    rate.update(0.0, 0)
    rate.update(1.0, 1000)

    assert rate.update(1.001, 50_000) == 8
    # What came in between is not lost.
    assert rate.update(2.0, 50_000) == 392


def test_a_clock_that_went_back_starts_over() -> None:
    rate = Bitrate()
    rate.update(100.0, 0)

    assert rate.update(50.0, 1000) is None
    assert rate.update(51.0, 2000) == 8


@given(st.lists(st.tuples(times, sizes), min_size=1, max_size=20))
def test_the_rates_add_up_to_the_bytes_that_were_sent(steps: list[tuple[float, int]]) -> None:
    rate, now, total, added = Bitrate(), 0.0, 0, 0.0
    rate.update(now, total)
    for seconds, more in steps:
        before, now, total = now, now + seconds, total + more
        kbps = rate.update(now, total)
        assert kbps is not None
        added += kbps * (now - before) * 125

    assert added == pytest.approx(total, rel=1e-6, abs=1)


@given(st.lists(st.tuples(st.floats(0, 10), st.none() | sizes), max_size=30))
def test_no_rate_is_negative_whatever_the_counter_does(
    readings: list[tuple[float, int | None]],
) -> None:
    rate, now = Bitrate(), 0.0
    for seconds, count in readings:
        now += seconds
        kbps = rate.update(now, count)
        assert kbps is None or kbps >= 0


def test_the_share_of_skipped_frames_is_that_of_the_last_interval() -> None:
    share = SkippedShare()

    assert share.update(50, 1000) is None
    assert share.update(50, 1100) == 0
    assert share.update(53, 1200) == 3


def test_without_new_frames_there_is_no_share() -> None:
    share = SkippedShare()
    share.update(0, 1000)

    assert share.update(5, 1000) is None


@pytest.mark.parametrize("again", [(0, 2000), (5, 10)])
def test_counters_of_frames_that_began_again_have_no_share(again: tuple[int, int]) -> None:
    share = SkippedShare()
    share.update(3, 1000)

    assert share.update(*again) is None


@pytest.mark.parametrize("missing", [(None, 2000), (5, None), (None, None)])
def test_a_missing_counter_of_frames_makes_the_share_unknown(
    missing: tuple[int | None, int | None],
) -> None:
    share = SkippedShare()
    share.update(0, 1000)

    assert share.update(*missing) is None
    assert share.update(0, 3000) is None
    assert share.update(10, 4000) == 1


@given(st.lists(st.tuples(st.none() | sizes, st.none() | sizes), max_size=30))
def test_a_share_is_between_nothing_and_everything(
    readings: list[tuple[int | None, int | None]],
) -> None:
    share = SkippedShare()
    for skipped, total in readings:
        percent = share.update(skipped, total)
        assert percent is None or 0 <= percent <= 100
