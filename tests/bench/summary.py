"""Medians, percentiles and spread of small samples. Pure."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass


def percentile(values: Sequence[float], percent: float) -> float:
    """The nearest-rank percentile: always a value that was measured, never one in between.

    Raises:
        ValueError: no values, or ``percent`` outside 0..100.
    """
    if not values:
        raise ValueError("no values to summarise")
    if not 0 <= percent <= 100:
        raise ValueError(f"percent must be 0 to 100, not {percent}")
    rank = max(1, math.ceil(percent / 100 * len(values)))
    return sorted(values)[rank - 1]


def median(values: Sequence[float]) -> float:
    """The middle value; of an even number, the mean of the two in the middle.

    Raises:
        ValueError: no values.
    """
    if not values:
        raise ValueError("no values to summarise")
    ordered = sorted(values)
    half = len(ordered) // 2
    return ordered[half] if len(ordered) % 2 else (ordered[half - 1] + ordered[half]) / 2


@dataclass(frozen=True, kw_only=True)
class Spread:
    """Repetitions of one measurement: the median, and the smallest and largest seen."""

    median: float
    low: float
    high: float
    count: int


def spread(values: Sequence[float]) -> Spread:
    """Summarise repetitions.

    Raises:
        ValueError: no values.
    """
    return Spread(median=median(values), low=min(values), high=max(values), count=len(values))


def significant(value: float, digits: int = 3) -> str:
    """``value`` to that many significant digits, with thousands separated and no exponent."""
    if value == 0 or not math.isfinite(value):
        return "0" if value == 0 else "-"
    decimals = digits - 1 - math.floor(math.log10(abs(value)))
    rounded = round(value, decimals)
    return f"{rounded:,.{max(0, decimals)}f}"


def ranged(values: Sequence[float], digits: int = 3) -> str:
    """``median (low-high)`` of repetitions; only the value when there is one."""
    s = spread(values)
    if s.count == 1:
        return significant(s.median, digits)
    low, high = significant(s.low, digits), significant(s.high, digits)
    return f"{significant(s.median, digits)} ({low}–{high})"
