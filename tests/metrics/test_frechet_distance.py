"""The Frechet distance. This file compares it with scipy's matrix root, and with normals whose distance is known."""

import numpy as np
import pytest
import scipy.linalg

from gamelearn.metrics.frechet_distance import GROUPS, Moments, Sample, frechet_distance, frechet_figure


def random_moments(generator: np.random.Generator, width: int, rank: int) -> Moments:
    factor = generator.normal(size=(width, rank))
    return Moments(generator.normal(size=width), factor @ factor.T)


@pytest.mark.parametrize(("width", "rank"), [(1, 1), (5, 5), (40, 60)])
def test_it_is_that_of_scipys_matrix_root(width: int, rank: int) -> None:
    generator = np.random.default_rng(width)
    one, other = random_moments(generator, width, rank), random_moments(generator, width, rank)
    root = scipy.linalg.sqrtm(one.covariance @ other.covariance).real
    expected = ((one.mean - other.mean) ** 2).sum() + np.trace(one.covariance + other.covariance - 2 * root)
    assert frechet_distance(one, other) == pytest.approx(expected, rel=1e-8)
    assert frechet_distance(other, one) == pytest.approx(expected, rel=1e-8)


def test_of_independent_normals_it_is_that_of_means_and_scales() -> None:
    generator = np.random.default_rng(0)
    means, scales = generator.normal(size=(2, 7)), generator.uniform(0.1, 2, (2, 7))
    turn = np.linalg.qr(generator.normal(size=(7, 7)))[0]
    one, other = (Moments(turn @ mean, turn @ np.diag(scale**2) @ turn.T) for mean, scale in zip(means, scales, strict=True))
    assert frechet_distance(one, other) == pytest.approx(((means[0] - means[1]) ** 2).sum() + ((scales[0] - scales[1]) ** 2).sum())


def test_of_singular_covariances_it_is_a_number() -> None:
    one = random_moments(np.random.default_rng(1), 12, 3)
    assert frechet_distance(one, one) == pytest.approx(0, abs=1e-6)
    assert frechet_distance(Moments(one.mean, 0 * one.covariance), one) == pytest.approx(np.trace(one.covariance))


def test_moments_are_numpys_without_any_group() -> None:
    rows = np.random.default_rng(2).normal(3, 2, (53, 4))
    sample = Sample(rows, rows.mean(0) + 1)
    whole, left = sample.moments(), sample.without_each_group()
    assert len(left) == GROUPS
    for number, found in [(None, whole), (0, left[0]), (7, left[7])]:
        kept = rows if number is None else np.delete(rows, np.s_[number::GROUPS], axis=0)
        np.testing.assert_allclose(found.mean, kept.mean(0))
        np.testing.assert_allclose(found.covariance, np.cov(kept.T))


def test_the_error_is_the_spread_of_the_figure_over_samples() -> None:
    generator = np.random.default_rng(3)
    found = [frechet_figure(generator.normal(0, 1, (200, 2)), generator.normal(1, 2, (200, 2))) for _ in range(150)]
    spread, error = np.std([each.value for each in found]), np.mean([each.error or 0 for each in found])
    assert 0.8 < error / spread < 1.25
    assert np.mean([each.value for each in found]) == pytest.approx(4, rel=0.05)
    assert {each.count for each in found} == {200}


def test_two_rows_have_a_distance_without_an_error() -> None:
    rows = np.array([[0.0], [2.0]])
    assert frechet_figure(rows, rows + 3).error is None
    assert frechet_figure(rows, rows + 3).value == pytest.approx(9)
