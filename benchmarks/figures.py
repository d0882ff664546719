"""The arithmetic of the benchmarks, and how their figures are shown. Knows nothing of what ran."""

from collections.abc import Iterable, Sequence
import math
import statistics


def percentile(values: Iterable[float], percent: float) -> float:
    """Return the nearest-rank percentile: always a value that was measured.

    Raises:
        ValueError: No values, or *percent* not in 0…100.

    """
    ordered = sorted(values)
    if not ordered or not 0 <= percent <= 100:
        raise ValueError("a percentile needs values, and a rank from 0 to 100")
    return ordered[max(0, math.ceil(percent / 100 * len(ordered)) - 1)]


def paired_ratios(ours: Sequence[float], theirs: Sequence[float]) -> list[float]:
    """Return ours divided by theirs, round by round.

    Both of a pair ran one after the other, so what else the machine did weighs on both: the median
    of these is worth more than the ratio of two medians.

    Raises:
        ValueError: Not the same number of rounds, none, or a figure that is not above 0.

    """
    if len(ours) != len(theirs) or not ours or min(theirs) <= 0:
        raise ValueError("pairs need two figures above 0 each")
    return [mine / other for mine, other in zip(ours, theirs, strict=True)]


def median(values: Iterable[float]) -> float:
    """Return the median."""
    return statistics.median(values)


def noise(values: Sequence[float]) -> float:
    """Return how far apart the rounds of one figure lie: (largest - smallest) / median."""
    return (max(values) - min(values)) / statistics.median(values)


def short(value: float) -> str:
    """Return a figure with three digits that count, thousands apart."""
    if value >= 1000:
        return f"{value:,.0f}"
    if value >= 100:
        return f"{value:.0f}"
    return f"{value:.3g}"


def table(rows: Sequence[Sequence[str]]) -> str:
    """Return *rows* in columns, the first one left-aligned and the first row underlined."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    lines = [
        "  ".join(
            cell.ljust(width) if column == 0 else cell.rjust(width)
            for column, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]
    lines.insert(1, "-" * max(map(len, lines)))
    return "\n".join(lines)
