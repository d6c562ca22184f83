"""The Frechet distance between two sets of vectors, as that between normal distributions with their moments:

    d = |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1^(1/2) S2 S1^(1/2))^(1/2))

It is a squared distance, in the features' unit squared, and biased upwards at finite counts, so only figures at equal counts compare.
Sources: Dowson and Landau, "The Frechet distance between multivariate normal distributions", 1982; Heusel et al., 2017. This file
computes it.
"""

from dataclasses import dataclass
from math import sqrt

import numpy as np

from gamelearn.metrics.images import Array
from gamelearn.metrics.metric import Figure

GROUPS = 20
"""Into how many groups each set is dealt for the jackknife."""


@dataclass(frozen=True)
class Moments:
    """Mean `(width,)` and covariance `(width, width)`."""

    mean: Array
    covariance: Array


def frechet_distance(first: Moments, second: Moments) -> float:
    """Return the Frechet distance between normal distributions, at least 0."""
    apart = first.mean - second.mean
    values, vectors = np.linalg.eigh(first.covariance)
    root = (vectors * np.sqrt(values.clip(0))) @ vectors.T
    crossed = np.linalg.eigvalsh(root @ second.covariance @ root).clip(0)
    distance = apart @ apart + np.trace(first.covariance) + np.trace(second.covariance) - 2 * np.sqrt(crossed).sum()
    return max(0.0, float(distance))


class Sample:
    """The sums of a set of vectors, as a whole and without one of its groups, to which its rows are dealt in turn.

    Args:
        rows: `(rows, width)`, two or more.
        centre: about which is summed, `(width,)`, which changes nothing but rounding.
    """

    def __init__(self, rows: Array, centre: Array) -> None:
        self.rows, self._centre = len(rows), centre
        self._parts = [(rows - centre)[number :: min(GROUPS, len(rows))] for number in range(min(GROUPS, len(rows)))]
        self._sum, self._products = (rows - centre).sum(0), (rows - centre).T @ (rows - centre)

    def moments(self) -> Moments:
        """Return the moments, the covariance with divisor `rows - 1`."""
        return self._moments(self.rows, self._sum, self._products)

    def without_each_group(self) -> list[Moments]:
        """Return the moments without each group; none where fewer than two rows would be left."""
        if self.rows - len(self._parts[0]) < 2:
            return []
        return [self._moments(self.rows - len(part), self._sum - part.sum(0), self._products - part.T @ part) for part in self._parts]

    def _moments(self, rows: int, total: Array, products: Array) -> Moments:
        mean = total / rows
        return Moments(mean + self._centre, (products - rows * np.outer(mean, mean)) / (rows - 1))


def frechet_figure(first: Array, second: Array) -> Figure:
    """Return the Frechet distance between sets of vectors.

    Args:
        first: `(rows, width)`, two rows or more.
        second: `(rows, width)`, two rows or more.

    Returns:
        The distance, the rows of the smaller set, and its standard error over both sets' rows: the delete-a-group jackknife of each,
        their squares added.
    """
    centre = first.mean(0)
    one, other = Sample(first, centre), Sample(second, centre)
    whole, another = one.moments(), other.moments()
    left = [frechet_distance(each, another) for each in one.without_each_group()]
    right = [frechet_distance(whole, each) for each in other.without_each_group()]
    variance = sum((len(each) - 1) * float(np.var(each)) for each in (left, right) if each)
    rows = min(one.rows, other.rows)
    return Figure(frechet_distance(whole, another), rows, sqrt(variance) if left and right else None)
