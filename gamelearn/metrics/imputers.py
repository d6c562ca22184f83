"""How scikit-learn fills in missing cells of a table, to stand beside a game.

Classes go in as indicators of all but the first, since with all of them each column would follow from the others, and none would
move. The largest comes out. This file runs its imputers.
"""

import warnings
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gamelearn.graph.model import Variable

Cells = Mapping[str, NDArray[np.float64]]
"""By variable, `(rows)`: numbers, or classes counted from 0."""
Masks = Mapping[str, NDArray[np.bool_]]


@dataclass(frozen=True)
class Guesses:
    """Filled-in cells by variable, `(rows)`; `draws` are several, `(draws, rows)`, of numbers alone."""

    values: dict[str, NDArray[np.float64]]
    draws: dict[str, NDArray[np.float64]]


def constant_guesses(variables: Sequence[Variable], train: Cells, rows: int) -> Guesses:
    """Return the mean of the training rows (counts, reals) or the most frequent value (classes, bits) in every row."""
    values = {each.name: np.full(rows, _centre(each, train[each.name])) for each in variables}
    return Guesses(values, {})


def _centre(variable: Variable, cells: NDArray[np.float64]) -> float:
    if not is_class(variable):
        return float(cells.mean())
    values, counts = np.unique(cells, return_counts=True)
    return float(values[counts.argmax()])


def is_class(variable: Variable) -> bool:
    """Whether a variable is judged by how often it is right, not by how far it is off."""
    return variable.type in ("binary", "categorical")


def iterative_guesses(
    variables: Sequence[Variable], train: Cells, cells: Cells, hidden: Masks, *, rounds: int, draws: int, seed: int
) -> Guesses:
    """Return what IterativeImputer with its default, Bayesian ridge regression, fills in.

    It is fitted to the training rows together with the rows that it fills in, of which it sees the cells that are not hidden; fitted to
    complete rows alone it would stop after one round. Draws come from a second one, with `sample_posterior`.

    Args:
        variables: the columns.
        train: complete rows.
        cells: the rows to fill in.
        hidden: which of their cells are missing.
        rounds: over all columns.
        draws: how many.
        seed: of the draws.
    """
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.experimental import enable_iterative_imputer  # noqa: F401 : makes the next line possible
    from sklearn.impute import IterativeImputer

    blocks = [_columns(each, train[each.name]) for each in variables]
    complete = np.concatenate(blocks, 1)
    mean, deviation = complete.mean(0), complete.std(0)
    deviation = np.where(deviation > 0, deviation, 1.0)
    lacking = [np.where(hidden[each.name][:, None], np.nan, _columns(each, cells[each.name])) for each in variables]
    rows = (np.concatenate(lacking, 1) - mean) / deviation
    both = np.concatenate([(complete - mean) / deviation, rows])
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        filled = IterativeImputer(max_iter=rounds).fit_transform(both)[len(complete) :]
        sampling = IterativeImputer(max_iter=rounds, sample_posterior=True, random_state=seed % 2**32).fit(both)
        drawn = np.stack([sampling.transform(rows) for _ in range(draws)])
    starts = np.cumsum([0, *(block.shape[1] for block in blocks)])
    values = {each.name: _value(each, (filled * deviation + mean)[:, start:]) for each, start in zip(variables, starts, strict=False)}
    numbers = [(each.name, start) for each, start in zip(variables, starts, strict=False) if not is_class(each)]
    return Guesses(values, {name: drawn[:, :, start] * deviation[start] + mean[start] for name, start in numbers})


def _columns(variable: Variable, cells: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return `(rows, classes - 1)` for classes, else `(rows, 1)`."""
    if variable.type == "categorical":
        return np.eye(variable.classes or 2)[cells.astype(int)][:, 1:]
    return cells[:, None]


def _value(variable: Variable, columns: NDArray[np.float64]) -> NDArray[np.float64]:
    if variable.type == "categorical":
        others = columns[:, : (variable.classes or 2) - 1]
        return np.column_stack([1 - others.sum(1), others]).argmax(1).astype(float)
    return (columns[:, 0] > 0.5).astype(float) if variable.type == "binary" else columns[:, 0]
