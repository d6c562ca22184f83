"""Standard errors by the jackknife. This file compares them with the usual formulas, and with fresh data."""

import numpy as np
import pytest

from gamelearn import noise
from gamelearn.metrics.jackknife import GROUPS, GroupedSums, ratio


def values(rows: int, key: object = 0) -> np.ndarray:
    return noise.normal(("jackknife", key), rows, (2,)).double().numpy() + np.array([5.0, 2.0])


def summed(rows: int, key: object = 0) -> GroupedSums:
    """Return sums of a value, another one, and the number of images, added in uneven blocks."""
    found = GroupedSums((3,))
    for part in np.array_split(np.hstack([values(rows, key), np.ones((rows, 1))]), 7):
        found.add(part)
    return found


def test_a_mean_has_its_usual_error() -> None:
    figure = summed(GROUPS).figure(lambda sums: sums[0] / sums[2])
    each = values(GROUPS)[:, 0]
    assert figure.count == GROUPS
    assert figure.value == pytest.approx(each.mean())
    assert figure.error == pytest.approx(each.std(ddof=1) / GROUPS**0.5)


def test_groups_tell_nearly_the_same() -> None:
    rows = 40 * GROUPS
    figure = summed(rows).figure(lambda sums: sums[0] / sums[2])
    exact = values(rows)[:, 0].std(ddof=1) / rows**0.5
    assert figure.error == pytest.approx(exact, rel=4 / (2 * (GROUPS - 1)) ** 0.5)


def test_the_error_of_a_ratio_is_the_spread_over_fresh_data() -> None:
    ratios = [summed(60, key).figure(lambda sums: ratio(sums[0], sums[1])) for key in range(200)]
    spread = np.std([each.value for each in ratios], ddof=1)
    assert np.mean([each.error for each in ratios]) == pytest.approx(spread, rel=0.2)


def test_one_image_has_no_error() -> None:
    assert summed(1).figure(lambda sums: sums[0]).error is None


def test_what_cannot_be_told_without_a_group_has_no_error() -> None:
    found = GroupedSums((2,))
    found.add(np.array([[1.0, 1.0], [2.0, 0.0]]))
    figure = found.figure(lambda sums: ratio(sums[0], sums[1]))
    assert (figure.value, figure.error) == (3.0, None)


def test_ratios_to_nothing() -> None:
    assert ratio(1, 0) == float("inf")
    assert np.isnan(ratio(0, 0))
    assert ratio(1, 4) == 0.25
