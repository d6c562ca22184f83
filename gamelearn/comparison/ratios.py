"""The panel of ratios on the sheet of a comparison: dots with bars on a logarithmic axis, in blocks by metric. This file draws it."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from math import exp
from typing import Any

from matplotlib.axes import Axes

from gamelearn.comparison.compare import Comparison, Row
from gamelearn.comparison.statistics import Ratio
from gamelearn.report.curves import plain_text

_FONT = 8
_TICKS = tuple(digit * 10.0**power for power in range(-6, 7) for digit in (1, 2, 5))
_MOST_TICKS = 9
_LEAST_REACH = 1.5
_LONGEST_BAR = 10.0
_MARGIN = 1.08
_FEW_LINES = 14
_SPREAD = 0.55


@dataclass(frozen=True)
class Block:
    """Figures of one block of a metric's result; the panel has a line for its title, and one for each of them."""

    title: str
    rows: tuple[Row, ...]

    @property
    def lines(self) -> int:
        """How many lines of the panel it takes."""
        return 1 + len(self.rows)


def blocks_of(found: Comparison) -> tuple[Block, ...]:
    """Return the figures that have ratios, by metric and block, without those that are equal in all runs."""
    rows = [row for row in found.rows if any(row.ratios) and len({value for cell in row.cells for value in cell.values}) > 1]
    heads = groupby(rows, lambda row: ", ".join(each for each in (row.metric, row.block) if each))
    return tuple(Block(title, tuple(own)) for title, own in heads)


def in_columns(blocks: Sequence[Block]) -> tuple[tuple[Block, ...], ...]:
    """Return blocks in one column if they are few, else in two that are as equally long as the order of the blocks allows."""
    if len(blocks) < 2 or sum(each.lines for each in blocks) <= _FEW_LINES:
        return (tuple(blocks),) if blocks else ()
    cut = min(range(1, len(blocks)), key=lambda place: max(line_count(blocks[:place]), line_count(blocks[place:])))
    return tuple(blocks[:cut]), tuple(blocks[cut:])


def line_count(blocks: Sequence[Block]) -> int:
    """Return how many lines of a panel blocks take."""
    return sum(each.lines for each in blocks)


def bar_of(ratio: Ratio) -> tuple[float, float]:
    """Return the ends of a ratio's bar: the ratio times and over exp(s / r), where s / r is the spread of its logarithm; at most ten times.

    >>> [round(each, 3) for each in bar_of(Ratio(2.0, 1.0, paired=True))], bar_of(Ratio(2.0, None, paired=False))
    ([1.213, 3.297], (2.0, 2.0))
    """
    factor = min(exp(min((ratio.spread or 0.0) / ratio.value, _LONGEST_BAR)), _LONGEST_BAR)
    return ratio.value / factor, ratio.value * factor


def limits_of(blocks: Sequence[Block]) -> tuple[float, float]:
    """Return the ends of the axis of ratios: all bars are between them, and 1."""
    ends = [end for block in blocks for row in block.rows for ratio in row.ratios if ratio is not None for end in bar_of(ratio)]
    return min(1 / _LEAST_REACH, *ends) / _MARGIN, max(_LEAST_REACH, *ends) * _MARGIN


def draw_ratios(axes: Axes, blocks: Sequence[Block], found: Comparison, colours: Mapping[str, Any], limits: tuple[float, float]) -> None:
    """Draw the ratios of blocks to the baseline as dots with their bars, a line for each figure.

    Args:
        axes: the panel.
        blocks: what stands in it, from the top.
        found: whose columns the ratios belong to.
        colours: of the columns, by label.
        limits: of the axis of ratios.
    """
    labels: list[tuple[str, bool]] = []
    for block in blocks:
        labels.append((block.title, True))
        axes.axhline(len(labels) - 1.5, color="0.8", linewidth=0.6, zorder=0)
        for row in block.rows:
            _draw_row(axes, len(labels), row, found, colours)
            labels.append((row.name, False))
    axes.set_yticks(range(len(labels)), [plain_text(text) for text, _ in labels], fontsize=_FONT)
    for tick, (_, is_title) in zip(axes.get_yticklabels(), labels, strict=True):
        tick.set_fontweight("bold" if is_title else "normal")
    axes.tick_params(axis="y", length=0)
    axes.set_ylim(len(labels) - 0.5, -0.5)
    axes.axvline(1, color=colours[found.groups[found.baseline].label], linewidth=1, zorder=1)
    axes.set_xscale("log")
    axes.set_xlim(limits)
    ticks = list(ticks_between(*limits))
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    axes.minorticks_off()
    axes.grid(axis="x", color="0.93", zorder=0)
    axes.set_xlabel(plain_text(f"ratio to {found.groups[found.baseline].label}"))


def _draw_row(axes: Axes, place: int, row: Row, found: Comparison, colours: Mapping[str, Any]) -> None:
    others = [index for index in range(len(found.groups)) if index != found.baseline]
    for order, index in enumerate(others):
        ratio = row.ratios[index]
        if ratio is None:
            continue
        height = place + _SPREAD * (order - (len(others) - 1) / 2) / max(1, len(others) - 1)
        low, high = bar_of(ratio)
        bar = None if not ratio.spread else [[ratio.value - low], [high - ratio.value]]
        axes.errorbar(ratio.value, height, xerr=bar, color=colours[found.groups[index].label], fmt="o", markersize=3.5, capsize=2)


def ticks_between(low: float, high: float) -> Iterator[float]:
    """Yield round numbers from low to high: 1, 2, 5, 10, and so on, or powers of ten where these are too many.

    >>> list(ticks_between(0.3, 12))
    [0.5, 1.0, 2.0, 5.0, 10.0]
    """
    within = [tick for tick in _TICKS if low <= tick <= high]
    yield from within if len(within) <= _MOST_TICKS else (tick for tick in _TICKS[::3] if low <= tick <= high)
