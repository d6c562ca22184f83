"""This file tests curves over seeds, against numpy."""

import numpy as np
import pytest

from gamelearn.comparison.lines import Point, line_of


def points(values: list[float], pace: float) -> list[Point]:
    return [Point(10 * (index + 1), pace * (index + 1), 20 * (index + 1), value) for index, value in enumerate(values)]


def test_places_and_values_are_means_over_the_runs() -> None:
    line = line_of("a", [points([1.0, 2.0, 4.0], pace=1.0), points([3.0, 2.0], pace=3.0)])
    assert line is not None
    assert line.at == {"rounds": (10, 20), "seconds": (2.0, 4.0), "updates": (20, 40)}
    assert line.mean == (2.0, 2.0)
    assert line.spread == pytest.approx((np.std([1, 3], ddof=1), 0.0))


def test_long_curves_keep_their_last_point() -> None:
    line = line_of("a", [points([float(each) for each in range(1201)], pace=1.0)])
    assert line is not None
    assert len(line.mean) <= 500
    assert (line.mean[-1], line.spread[-1], line.plain()["sd"]) == (1200.0, 0.0, None)


def test_without_points_there_is_no_curve() -> None:
    assert line_of("a", [points([1.0], pace=1.0), []]) is None
