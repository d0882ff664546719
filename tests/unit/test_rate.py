"""A token bucket allows its burst at once and its rate for long, and never more."""

from hypothesis import given, strategies as st
import pytest

from infrafabric.mesh.rate import TokenBucket


def test_the_burst_is_there_at_once_and_then_the_rate():
    bucket = TokenBucket(2, 3, 100.0)
    assert [bucket.take(100.0) for _ in range(4)] == [True, True, True, False]
    assert not bucket.take(100.4)
    assert bucket.take(100.5)
    assert not bucket.take(100.5)


def test_many_are_taken_together_or_not_at_all():
    bucket = TokenBucket(1, 5, 0.0)
    assert not bucket.take(0.0, 6)
    assert bucket.take(0.0, 5)


def test_as_many_as_there_are_can_be_taken():
    bucket = TokenBucket(10, 5, 0.0)
    assert bucket.take_up_to(3, 0.0) == 3
    assert bucket.take_up_to(3, 0.0) == 2
    assert bucket.take_up_to(3, 0.05) == 0
    assert bucket.take_up_to(3, 0.1) == 1
    assert bucket.take_up_to(-1, 9.0) == 0


def test_the_wait_is_as_long_as_needed():
    bucket = TokenBucket(2, 4, 0.0)
    assert bucket.wait(0.0) == 0
    bucket.take(0.0, 4)
    assert bucket.wait(0.0) == 0.5
    assert bucket.wait(0.25) == 0.25
    assert bucket.wait(0.25, 100) == 1.75
    assert bucket.take(0.5)


def test_a_clock_set_back_gives_nothing_and_costs_nothing():
    bucket = TokenBucket(1, 2, 100.0)
    assert bucket.take(100.0)
    assert bucket.take(50.0)
    assert not bucket.take(50.5)
    assert bucket.take(51.0)


@pytest.mark.parametrize(
    ("rate", "burst"), [(0, 1), (-1, 1), (1, 0), (1, 0.5), (float("nan"), 1), (1, float("nan"))]
)
def test_a_bucket_that_allows_nothing_is_refused(rate, burst):
    with pytest.raises(ValueError):
        TokenBucket(rate, burst, 0.0)


@given(
    st.integers(1, 50),
    st.integers(1, 50),
    st.lists(st.tuples(st.floats(0, 3), st.integers(0, 60)), max_size=40),
)
def test_never_more_than_burst_and_rate(rate, burst, steps):
    bucket = TokenBucket(rate, burst, 0.0)
    now = 0.0
    taken = 0
    for wait, count in steps:
        now += wait
        taken += bucket.take_up_to(count, now)
        assert taken <= burst + rate * now + 1e-6
