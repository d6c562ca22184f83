"""How far decided values are from the truth, where it is known.

The truth of a variable comes from a file, or is what was given in the elements that are hidden. This file measures errors.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gamelearn.data.reading import Reading
from gamelearn.files.evidence import Block
from gamelearn.files.values import right_values
from gamelearn.graph.model import Variable
from gamelearn.metrics.confusion import Confusion
from gamelearn.metrics.jackknife import GroupedSums, ratio
from gamelearn.metrics.metric import Figure

_SQUARED, _ABSOLUTE, _ELEMENTS = range(3)
_DISCRETE = ("binary", "categorical")


@dataclass(frozen=True)
class Judged:
    """The truth of some rows of a variable, `(rows, *shape)`.

    Attributes:
        truth: 0 where it is not known.
        is_known: bool, where it is known.
        where: bool, the elements that were inferred and whose truth is known.
    """

    truth: NDArray[Any]
    is_known: NDArray[np.bool_]
    where: NDArray[np.bool_]


def judged(variable: Variable, block: Block, given: NDArray[np.bool_]) -> Judged | None:
    """Return the truth of a block of a wanted variable, or None where nothing tells it.

    Args:
        variable: that was inferred.
        block: the evidence. What it hides of a variable is the truth there. What is no value that the variable can take is no truth.
        given: bool `(rows, *shape)`, the elements that were known to the chain.
    """
    name = variable.name
    known = block.truth.get(name, block.given.get(name))
    if known is None:
        return None
    right = right_values(variable, known)
    return Judged(np.where(right, known, 0), right, right & ~given)


def unit_text(variable: Variable, reading: Reading) -> str | None:
    """Return in which unit the errors of a variable are, where it is not that of its files.

    >>> unit_text(Variable("age", "real", ()), Reading(mean=(40.0,), deviation=(12.5,)))
    '1 is 12.5 in files'
    """
    unit = reading.unit(variable.shape) if variable.type == "real" else np.ones(1)
    if (unit == 1).all():
        return None
    low, high = f"{unit.min():.6g}", f"{unit.max():.6g}"
    return f"1 is {low} in files" if low == high else f"1 is {low} to {high} in files, by element"


class InferredErrors:
    """The errors of one variable, summed over blocks.

    Args:
        variable: that is inferred.
    """

    def __init__(self, variable: Variable) -> None:
        self.elements = 0
        """How many elements were compared."""
        self._confusion = Confusion(variable.classes or 2) if variable.type in _DISCRETE else None
        self._sums = GroupedSums((3,))

    def add(self, judgement: Judged, decided: NDArray[Any]) -> None:
        """Compare a block of decided values, `(rows, *shape)`, with the truth."""
        judged_rows = judgement.where.reshape(len(decided), -1).any(1)
        if not judged_rows.any():
            return
        where, true, decided = judgement.where[judged_rows], judgement.truth[judged_rows], decided[judged_rows]
        self.elements += int(where.sum())
        if self._confusion:
            truth, values = (torch.from_numpy(np.asarray(each, np.int64)) for each in (true, decided))
            self._confusion.add(truth, values, torch.from_numpy(where))
        else:
            error = np.where(where, decided.astype(np.float64) - true, 0)
            parts = [np.square(error), np.abs(error), where.astype(np.float64)]
            self._sums.add(np.stack([part.reshape(len(part), -1).sum(1) for part in parts], 1))

    def figures(self) -> dict[str, Figure]:
        """Return accuracy and mean IoU of classes, mean squared and absolute errors of numbers, and over how many elements they are.

        Each has its error over the rows in which anything was compared.
        """
        if self._confusion:
            elements = {"elements": Figure(self.elements, self._confusion.rows)}
            return {"accuracy": self._confusion.accuracy(), "mean IoU": self._confusion.mean_iou(), **elements}
        return {
            "mean squared error": self._sums.figure(lambda sums: ratio(sums[_SQUARED], sums[_ELEMENTS])),
            "mean absolute error": self._sums.figure(lambda sums: ratio(sums[_ABSOLUTE], sums[_ELEMENTS])),
            "elements": Figure(self.elements, self._sums.rows),
        }
