"""What fills hidden elements without a game: means, interpolation between steps, and linear regression on all that is visible.

This file holds these baselines.
"""

import numpy as np
import torch
from numpy.typing import NDArray

from gamelearn.graph.model import Variable

Matrix = NDArray[np.float64]
"""`(rows, columns)`."""
Hidden = NDArray[np.bool_]


def encode(value: torch.Tensor, variable: Variable) -> Matrix:
    """Return values of a variable as numbers, `(rows, columns)`: classes one-hot, as `(rows, classes, *shape)` flattened."""
    if variable.type == "categorical":
        value = torch.nn.functional.one_hot(value, variable.classes or 2).movedim(-1, 1)
    return value.reshape(len(value), -1).cpu().double().numpy()


def columns_of(mask: torch.Tensor, variable: Variable) -> Hidden:
    """Return which columns of `encode` a mask, bool `(rows, *shape)`, stands for."""
    classes = (variable.classes or 2) if variable.type == "categorical" else 1
    return mask.reshape(len(mask), 1, -1).expand(-1, classes, -1).reshape(len(mask), -1).cpu().numpy()


class LinearFilling:
    """Ridge regression of whatever is hidden on whatever is visible, from the moments of the training rows.

    With mean m and covariance C of n training rows, hidden columns h are predicted from visible columns v by

        m_h + C_hv (C_vv + penalty I)^{-1} (x_v - m_v),

    which is scikit-learn's `Ridge` with `alpha = n * penalty`, fitted anew for every pattern.

    Args:
        columns: how many there are in all.
        penalty: in squared units of the columns, positive; None keeps the means alone.
    """

    def __init__(self, columns: int, penalty: float | None) -> None:
        self.rows, self._penalty = 0, penalty
        self._sum, self._products = np.zeros(columns), np.zeros((columns, columns) if penalty else 0)

    def add(self, rows: Matrix) -> None:
        """Add training rows, `(rows, columns)`."""
        self.rows += len(rows)
        self._sum += rows.sum(0)
        if self._penalty:
            self._products += rows.T @ rows

    @property
    def mean(self) -> Matrix:
        """The mean of each column, `(columns)`."""
        return self._sum / self.rows

    def fill(self, rows: Matrix, hidden: Hidden) -> Matrix:
        """Return rows with the hidden entries predicted, `(rows, columns)`."""
        assert self._penalty
        mean, filled = self.mean, rows.copy()
        covariance = self._products / self.rows - np.outer(mean, mean)
        patterns, which = np.unique(hidden, axis=0, return_inverse=True)
        for index, pattern in enumerate(patterns):
            chosen, visible = np.flatnonzero(which.reshape(-1) == index), ~pattern
            inner = covariance[np.ix_(visible, visible)] + self._penalty * np.eye(int(visible.sum()))
            weights = np.linalg.solve(inner, covariance[np.ix_(visible, pattern)])
            filled[np.ix_(chosen, pattern)] = mean[pattern] + (rows[np.ix_(chosen, visible)] - mean[visible]) @ weights
        return filled


def interpolate(values: NDArray[np.float64], hidden: Hidden, otherwise: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return values with hidden steps on a straight line between visible ones; before and after these, the nearest visible value.

    Args:
        values: `(rows, ..., steps)`.
        hidden: of the same shape.
        otherwise: of the same shape: what is filled in where no step is visible.
    """
    steps = np.arange(values.shape[-1])
    lines, masks, plain = values.copy().reshape(-1, len(steps)), hidden.reshape(-1, len(steps)), otherwise.reshape(-1, len(steps))
    for line, mask, other in zip(lines, masks, plain, strict=True):
        line[mask] = other[mask] if mask.all() else np.interp(steps[mask], steps[~mask], line[~mask])
    return lines.reshape(values.shape)
