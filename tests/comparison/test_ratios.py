"""The panel of ratios: which figures stand in it, where its bars end, what its axis shows. This file draws made-up comparisons."""

from collections.abc import Sequence
from math import log
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
from matplotlib.figure import Figure

from gamelearn.comparison.compare import Comparison, Row
from gamelearn.comparison.groups import Group
from gamelearn.comparison.measuring import Question
from gamelearn.comparison.ratios import Block, bar_of, blocks_of, draw_ratios, in_columns, limits_of, line_count, ticks_between
from gamelearn.comparison.statistics import Ratio, cell_of, ratio_of


def row(metric: str, block: str, name: str, values: Sequence[Sequence[float]]) -> Row:
    """A row with ratios to the first column."""
    cells = tuple(cell_of(each) for each in values)
    return Row(metric, block, name, cells, (None, *(ratio_of(cell, cells[0], paired=True) for cell in cells[1:])))


def comparison(labels: Sequence[str], rows: Sequence[Row]) -> Comparison:
    """A comparison of columns of these names, of as many runs as the rows have values."""
    counts = [len(cell.values) for cell in rows[0].cells]
    groups = tuple(cast(Group, SimpleNamespace(label=label, entries=(None,) * count)) for label, count in zip(labels, counts, strict=True))
    return Comparison(groups, 0, Question(None, "test", None, 0), tuple(rows), (), ())


MIXED = [
    row("", "training", "parameters", [[7.0, 7.0], [7.0, 7.0]]),
    row("", "training", "seconds", [[1.0, 2.0], [2.0, 5.0]]),
    row("frechet", "random code", "distance", [[10.0, 20.0], [1.0, 3.0]]),
    row("frechet", "real data", "distance", [[4.0, 4.0], [4.0, 4.0]]),
    row("likelihood", "", "log-likelihood", [[-1.0, -2.0], [-3.0, -4.0]]),
    row("coverage", "", "classes", [[10.0, 10.0], [10.0, 9.0]]),
]


def test_figures_that_are_equal_in_all_runs_are_left_out() -> None:
    blocks = blocks_of(comparison(["a", "b"], MIXED))
    shown = [(block.title, [each.name for each in block.rows]) for block in blocks]
    assert shown == [("training", ["seconds"]), ("frechet, random code", ["distance"]), ("coverage", ["classes"])]


def test_columns_of_the_panel_are_about_equally_long_and_keep_the_order() -> None:
    blocks = [Block(str(index), (MIXED[1],) * length) for index, length in enumerate((2, 9, 3, 3, 4))]
    left, right = in_columns(blocks)
    assert [*left, *right] == blocks
    assert (line_count(left), line_count(right)) == (13, 13)
    assert in_columns(blocks[:2]) == (tuple(blocks[:2]),)
    assert in_columns([]) == ()


def test_a_bar_is_that_of_the_logarithm() -> None:
    """For small spreads it is that of the logarithms of seeds' ratios; it never reaches 0, however large the spread."""
    ratios = np.exp(np.random.default_rng(0).normal(0.5, 0.02, 4000))
    low, high = bar_of(Ratio(float(ratios.mean()), float(ratios.std(ddof=1)), paired=True))
    assert log(high / low) / 2 == pytest.approx(np.log(ratios).std(ddof=1), rel=0.02)
    low, high = bar_of(Ratio(1.0, 50.0, paired=False))
    assert (low, high) == pytest.approx((0.1, 10))


def test_the_axis_is_logarithmic_and_has_all_bars() -> None:
    found = comparison(["a", "b"], MIXED)
    blocks = blocks_of(found)
    limits = limits_of(blocks)
    axes = Figure().subplots()
    draw_ratios(axes, blocks, found, {"a": "red", "b": "blue"}, limits)
    ends = [end for block in blocks for each in block.rows for ratio in each.ratios if ratio for end in bar_of(ratio)]
    assert axes.get_xscale() == "log"
    assert axes.get_xlim() == pytest.approx(limits)
    assert 0 < limits[0] < min(ends) < max(ends) < limits[1]
    assert all(limits[0] <= tick <= limits[1] for tick in axes.get_xticks())
    texts = [(each.get_text().strip(), each.get_fontweight()) for each in axes.get_yticklabels()]
    assert texts[:4] == [("training", "bold"), ("seconds", "normal"), ("frechet, random code", "bold"), ("distance", "normal")]
    dots = [np.asarray(line.get_xdata())[0] for line in axes.lines if line.get_marker() == "o"]
    assert dots == pytest.approx([7 / 3, 2 / 15, 0.95])


def test_ticks_are_round_numbers_and_few() -> None:
    assert list(ticks_between(0.09, 0.6)) == pytest.approx([0.1, 0.2, 0.5])
    assert list(ticks_between(0.001, 1000)) == pytest.approx([0.001, 0.01, 0.1, 1, 10, 100, 1000])


def test_equal_ratios_have_an_axis_around_one() -> None:
    block = Block("m", (row("m", "", "x", [[1.0], [1.001]]),))
    low, high = limits_of([block])
    assert low < 2 / 3 < 1.5 < high
