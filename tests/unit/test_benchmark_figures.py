"""The arithmetic of the benchmarks."""

from hypothesis import given, strategies as st
import pytest

from benchmarks.figures import median, noise, paired_ratios, percentile, short, table

FIGURES = st.floats(0.001, 1e9, allow_nan=False)


def test_a_percentile_is_the_smallest_value_that_so_many_do_not_exceed():
    values = list(range(1, 21))
    assert [percentile(values, p) for p in (0, 5, 50, 95, 96, 100)] == [1, 1, 10, 19, 20, 20]


@given(st.lists(FIGURES, min_size=1), st.floats(0, 100))
def test_a_percentile_is_always_a_value_that_was_measured(values, percent):
    found = percentile(reversed(values), percent)
    assert found in values
    assert sum(value <= found for value in values) >= percent / 100 * len(values)


@pytest.mark.parametrize(("values", "percent"), [([], 50), ([1.0], -1), ([1.0], 101)])
def test_a_percentile_of_nothing_or_beyond_the_ends_is_refused(values, percent):
    with pytest.raises(ValueError, match="percentile"):
        percentile(values, percent)


def test_ratios_are_taken_pair_by_pair():
    # The machine was twice as slow in the second pair; the ratio does not care.
    assert paired_ratios([90, 45, 100], [100, 50, 80]) == [0.9, 0.9, 1.25]
    assert median(paired_ratios([90, 45, 100], [100, 50, 80])) == 0.9


@pytest.mark.parametrize(("ours", "theirs"), [([], []), ([1.0], [1.0, 2.0]), ([1.0], [0.0])])
def test_ratios_without_their_pairs_are_refused(ours, theirs):
    with pytest.raises(ValueError, match="pairs"):
        paired_ratios(ours, theirs)


def test_noise_is_the_span_of_the_rounds_by_their_median():
    assert noise([90, 100, 120]) == 0.3
    assert noise([7, 7]) == 0


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.30449, "0.304"), (5.0, "5"), (42.66, "42.7"), (242.4, "242"), (6201.4, "6,201")],
)
def test_figures_are_shown_with_the_digits_that_count(value, text):
    assert short(value) == text


def test_a_table_lines_its_columns_up():
    text = table([["what", "raw", "mesh"], ["a longer name", "1", "10,000"]])
    assert text.splitlines() == [
        "what           raw    mesh",
        "--------------------------",
        "a longer name    1  10,000",
    ]
