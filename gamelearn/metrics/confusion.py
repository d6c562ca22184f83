"""Accuracy and intersection over union of decided classes, from a confusion matrix that is summed image by image.

    accuracy = correct / all        IoU of class c = (both c) / (truth c or decided c)

The mean IoU is the unweighted mean over the classes that occur in the truth or in the decisions. This file counts confusions.
"""

from collections.abc import Callable, Sequence

import numpy as np
import torch

from gamelearn.metrics.jackknife import GroupedSums, Sums
from gamelearn.metrics.metric import Figure, Table


class Confusion:
    """How often each class was decided where another, or the same, was true.

    Args:
        classes: their number.
    """

    def __init__(self, classes: int) -> None:
        self.classes = classes
        self._sums = GroupedSums((classes, classes))

    def add(self, truth: torch.Tensor, decided: torch.Tensor, where: torch.Tensor | None = None) -> None:
        """Count a block of images.

        Args:
            truth: classes, int64 `(rows, *shape)`.
            decided: classes, int64, of the same shape.
            where: bool, of the same shape, the elements that count; by default all.
        """
        cells = self.classes**2
        first_cell = torch.arange(len(truth), device=truth.device).view(-1, *[1] * (truth.dim() - 1)) * cells
        index = first_cell + truth * self.classes + decided
        counted = torch.bincount((index if where is None else index[where]).flatten(), minlength=len(truth) * cells)
        self._sums.add(counted.view(len(truth), self.classes, self.classes).cpu().double().numpy())

    @property
    def rows(self) -> int:
        """How many images were counted."""
        return self._sums.rows

    @property
    def matrix(self) -> Sums:
        """The counts `(true class, decided class)`."""
        return self._sums.total

    def accuracy(self) -> Figure:
        """Return the share of elements whose decided class is the true one, with its error over images."""
        return self._sums.figure(accuracy)

    def figure(self, statistic: Callable[[Sums], float]) -> Figure:
        """Return a function of the counts `(true class, decided class)`, with its error over images."""
        return self._sums.figure(statistic)

    def mean_iou(self) -> Figure:
        """Return the mean IoU, with its error over images."""
        return self._sums.figure(mean_iou)

    def table(self, names: Sequence[str] = ()) -> Table:
        """Return IoU, accuracy and shares of every class that occurs or is decided; `names` are those of the classes, where known."""
        matrix = self.matrix
        ious, true, decided, total = iou(matrix), matrix.sum(1), matrix.sum(0), matrix.sum()
        rows = []
        for index in np.flatnonzero(true + decided).tolist():
            correct = float(matrix[index, index] / true[index]) if true[index] else None
            rows.append((class_name(index, names), float(ious[index]), correct, float(true[index] / total), float(decided[index] / total)))
        return Table(("class", "IoU", "accuracy", "share of truth", "share decided"), tuple(rows))


def accuracy(matrix: Sums) -> float:
    """Return the share of correct decisions; not a number if nothing was counted."""
    total = matrix.sum()
    return float(matrix.trace() / total) if total else float("nan")


def iou(matrix: Sums) -> Sums:
    """Return the IoU of every class; not a number where the class neither occurs nor is decided."""
    either = matrix.sum(0) + matrix.sum(1) - matrix.diagonal()
    return np.divide(matrix.diagonal(), either, out=np.full(len(matrix), np.nan), where=either > 0)


def mean_iou(matrix: Sums) -> float:
    """Return the mean IoU of the classes that occur or are decided; not a number if there is none."""
    ious = iou(matrix)
    known = ious[~np.isnan(ious)]
    return float(known.mean()) if len(known) else float("nan")


def class_name(index: int, names: Sequence[str] = ()) -> str:
    """Return what a table calls a class, by the names of all classes where they are known.

    >>> class_name(1, ["sky", "sea"]), class_name(1)
    ('1 sea', 'class 1')
    """
    return f"{index} {names[index]}" if index < len(names) else f"class {index}"
