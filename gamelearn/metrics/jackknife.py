"""Standard errors of figures that are no plain means, such as a mean IoU or a ratio of errors.

Sums of images are kept in a fixed number of groups, so that memory does not grow with the number of images. A figure is a
function `f` of the total; without group g it is `f_g`, and with G groups its standard error is the delete-a-group jackknife's,

    error^2 = (G - 1) / G * sum_g (f_g - mean of all f_g)^2.

With an image per group and `f` a mean, that is the usual error of a mean. Source: Efron, "The jackknife, the bootstrap and
other resampling plans", 1982. This file keeps such sums.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from gamelearn.metrics.metric import Figure

Sums = NDArray[np.float64]
GROUPS = 100


class GroupedSums:
    """Sums over images, in groups to which the images are dealt in turn.

    Args:
        shape: of what one image adds.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        self.rows = 0
        self._groups = np.zeros((GROUPS, *shape))

    def add(self, values: Sums) -> None:
        """Add the values of some images, `(rows, *shape)`."""
        np.add.at(self._groups, (self.rows + np.arange(len(values))) % GROUPS, values)
        self.rows += len(values)

    @property
    def total(self) -> Sums:
        """The sum over all images, of the given shape."""
        return self._groups.sum(0)

    def figure(self, statistic: Callable[[Sums], float]) -> Figure:
        """Return a function of the total, with its standard error where there are two images or more, and it is finite without any."""
        total, used = self.total, self._groups[: min(self.rows, GROUPS)]
        value = statistic(total)
        left = np.array([statistic(total - each) for each in used])
        if len(used) < 2 or not np.isfinite(left).all():
            return Figure(value, self.rows)
        return Figure(value, self.rows, float(np.sqrt((len(used) - 1) * left.var())))


def ratio(part: float, whole: float) -> float:
    """Return a ratio; to nothing it is infinite, of nothing to nothing not a number."""
    if whole:
        return float(part / whole)
    return float("inf") if part else float("nan")
