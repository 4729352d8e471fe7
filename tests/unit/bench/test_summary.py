"""Percentiles, medians and their text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bench.summary import median, percentile, ranged, significant, spread

FLOATS = st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=50)


@given(FLOATS, st.floats(0, 100))
def test_a_percentile_is_always_a_value_that_was_measured(values: list[float], p: float) -> None:
    assert percentile(values, p) in values


@given(FLOATS)
def test_percentiles_rise_from_the_smallest_to_the_largest(values: list[float]) -> None:
    found = [percentile(values, p) for p in (0, 50, 95, 99, 100)]
    assert found == sorted(found)
    assert (found[0], found[-1]) == (min(values), max(values))


def test_percentiles_are_nearest_rank() -> None:
    values = [float(n) for n in range(1, 21)]
    assert [percentile(values, p) for p in (50, 95, 99)] == [10, 19, 20]


@pytest.mark.parametrize("percent", [-1, 101])
def test_a_percentile_outside_0_to_100_is_refused(percent: float) -> None:
    with pytest.raises(ValueError, match="0 to 100"):
        percentile([1.0], percent)


@pytest.mark.parametrize("summary", [median, spread, lambda values: percentile(values, 50)])
def test_nothing_cannot_be_summarised(summary: object) -> None:
    with pytest.raises(ValueError, match="no values"):
        summary([])  # type: ignore[operator]


def test_the_median_of_an_even_number_lies_between_the_two_in_the_middle() -> None:
    assert median([4, 1, 3, 2]) == 2.5
    assert median([3, 1, 2]) == 2


@pytest.mark.parametrize(
    ("value", "text"),
    [(0, "0"), (1234567, "1,230,000"), (12.345, "12.3"), (0.01234, "0.0123"), (99.96, "100"),
     (float("inf"), "-"), (-12.345, "-12.3")],
)  # fmt: skip
def test_figures_have_three_significant_digits(value: float, text: str) -> None:
    assert significant(value).removesuffix(".0") == text


def test_repetitions_are_shown_with_their_extremes() -> None:
    assert ranged([100, 130, 110]) == "110 (100–130)"
    assert ranged([100]) == "100"
