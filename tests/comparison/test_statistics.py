"""This file tests means over seeds with their spread, against numpy and by hand."""

import numpy as np
import pytest

from gamelearn.comparison.statistics import cell_of, ratio_of

ONE, TWO = [1.3, 0.7, 2.2, 1.9], [0.4, 0.9, 1.1, 0.5]


def test_mean_and_standard_deviation() -> None:
    cell = cell_of(ONE)
    assert cell.mean == pytest.approx(np.mean(ONE))
    assert cell.spread == pytest.approx(np.std(ONE, ddof=1))


def test_one_run_has_the_error_of_its_figure_but_no_spread() -> None:
    assert (cell_of([2.0], error=0.1).error, cell_of([2.0], error=0.1).spread) == (0.1, None)
    assert cell_of([2.0, 3.0], error=0.1).error is None


@pytest.mark.parametrize("missing", [None, float("inf"), float("nan")])
def test_a_run_without_the_figure_leaves_no_mean(missing: float | None) -> None:
    cell = cell_of([1.0, missing])
    assert (cell.values, cell.mean, cell.spread) == ((1.0, None), None, None)
    assert ratio_of(cell, cell_of([1.0, 2.0]), paired=True) is None


def test_ratios_of_equal_seeds() -> None:
    ratio = ratio_of(cell_of(ONE), cell_of(TWO), paired=True)
    assert ratio is not None
    assert ratio.value == pytest.approx(np.mean(ONE) / np.mean(TWO))
    assert ratio.spread == pytest.approx(np.std(np.divide(ONE, TWO), ddof=1))


def test_the_propagated_spread_is_that_of_many_draws() -> None:
    generator = np.random.default_rng(0)
    one, two = 5 + 0.1 * generator.standard_normal(40_000), 8 + 0.2 * generator.standard_normal(40_000)
    ratio = ratio_of(cell_of(one.tolist()), cell_of(two.tolist()), paired=False)
    assert ratio is not None
    assert ratio.value == pytest.approx(5 / 8, rel=1e-3)
    assert ratio.spread == pytest.approx(np.std(one / two), rel=0.02)


@pytest.mark.parametrize("values", [[-1.0, -2.0], [0.0, 1.0], [-1.0, 1.0]])
def test_what_is_not_above_zero_has_no_ratio(values: list[float]) -> None:
    assert ratio_of(cell_of(values), cell_of([1.0, 2.0]), paired=False) is None
    assert ratio_of(cell_of([1.0, 2.0]), cell_of(values), paired=True) is None


def test_a_single_run_has_a_ratio_without_spread() -> None:
    ratio = ratio_of(cell_of([3.0]), cell_of([2.0, 4.0]), paired=False)
    assert ratio is not None
    assert (ratio.value, ratio.spread) == (1.0, None)
