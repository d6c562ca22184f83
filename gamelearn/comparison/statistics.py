"""Means over seeds with their spread, and ratios of them. This file computes them."""

from collections.abc import Sequence
from dataclasses import dataclass
from math import hypot, isfinite
from statistics import fmean, stdev
from typing import Any


@dataclass(frozen=True)
class Cell:
    """One figure of a group.

    Attributes:
        values: of every run; None where a run has none, or an infinite one.
        mean: over the runs; None if any of them lacks the figure.
        spread: the standard deviation over the runs (n - 1 in the denominator); None for fewer than two.
        error: of a single run, the standard error of the figure over images or samples.
        count: from how many images or samples each figure is; None where that is not so, or differs.
    """

    values: tuple[float | None, ...]
    mean: float | None
    spread: float | None
    error: float | None = None
    count: int | None = None

    def plain(self) -> dict[str, Any]:
        """Return the cell as plain values."""
        return {"mean": self.mean, "sd": self.spread, "runs": len(self.values), "error": self.error, "values": list(self.values)}


@dataclass(frozen=True)
class Ratio:
    """The mean of a group divided by that of the baseline, with its spread; see `ratio_of`."""

    value: float
    spread: float | None
    paired: bool

    def plain(self) -> dict[str, Any]:
        """Return the ratio as plain values."""
        return {"value": self.value, "sd": self.spread, "paired": self.paired}


def cell_of(values: Sequence[float | None], *, error: float | None = None, count: int | None = None) -> Cell:
    """Return the figure of a group.

    >>> cell_of([1.0, 2.0, 3.0]).mean, cell_of([1.0, 2.0, 3.0]).spread, cell_of([1.0]).spread, cell_of([1.0, None]).mean
    (2.0, 1.0, None, None)

    Args:
        values: of every run, at least one.
        error: of a single run's value.
        count: of images or samples.
    """
    finite = [value for value in values if value is not None and isfinite(value)]
    shown = tuple(value if value is not None and isfinite(value) else None for value in values)
    if len(finite) < len(values):
        return Cell(shown, None, None, None, count)
    spread = stdev(finite) if len(finite) > 1 else None
    return Cell(shown, fmean(finite), spread, error if len(finite) == 1 else None, count)


def ratio_of(cell: Cell, base: Cell, *, paired: bool) -> Ratio | None:
    """Return the ratio of two means; None unless all values of both are above 0, where a ratio means something.

    Its spread is the standard deviation of the ratios seed by seed where seeds pair up, else it is propagated from both spreads, as
    `r * sqrt((s1 / m1)^2 + (s2 / m2)^2)`; None where neither can be told.

    >>> ratio_of(cell_of([2.0, 4.0]), cell_of([1.0, 2.0]), paired=True)
    Ratio(value=2.0, spread=0.0, paired=True)

    Args:
        cell: of the group.
        base: of the baseline.
        paired: whether the values are those of equal seeds, in the same order.
    """
    if cell.mean is None or base.mean is None or not all(value is not None and value > 0 for value in (*cell.values, *base.values)):
        return None
    value = cell.mean / base.mean
    if paired and cell.spread is not None:
        ratios = [(mine or 0.0) / (other or 1.0) for mine, other in zip(cell.values, base.values, strict=True)]
        return Ratio(value, stdev(ratios), True)
    if cell.spread is None or base.spread is None:
        return Ratio(value, None, False)
    return Ratio(value, value * hypot(cell.spread / cell.mean, base.spread / base.mean), False)
