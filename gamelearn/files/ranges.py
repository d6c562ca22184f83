"""Whether values of images lie where those of images are expected, in 0 .. 1.

A real variable may have any values, so that it is a warning if they do not. This file looks at them block by block.
"""

from collections.abc import Iterator
from math import inf

import numpy as np
from numpy.typing import NDArray

from gamelearn.files.evidence import Block, EvidenceFiles
from gamelearn.files.image_folders import is_image
from gamelearn.files.source import Array

_HIGHEST, _LOWEST = 2.0, -1.0
_SMALLEST_SIDE = 4
"""What has fewer rows or columns is a series of some channels rather than an image."""
_WHITES = ((128, 255.5, 255), (32768, 65535, 65535))
"""The least and greatest maxima of images whose white is the third."""


class Ranges:
    """Watches over the values of real variables that have the shape of images, given or true.

    Args:
        evidence: the files that they come from.
    """

    def __init__(self, evidence: EvidenceFiles) -> None:
        self._evidence = evidence
        self._told: set[str] = set()

    def look(self, block: Block) -> Iterator[str]:
        """Yield a warning for each file whose values in this block are the first that no image should have."""
        for name, values in block.given.items():
            yield from self._look(name, self._evidence.given[name].origin, values, block.hide.get(name))
        for name, values in block.truth.items():
            yield from self._look(name, self._evidence.truth[name].origin, values, None)

    def _look(self, name: str, origin: str, values: Array, hidden: NDArray[np.bool_] | None) -> Iterator[str]:
        variable = self._evidence.variables[name]
        is_series = min(variable.shape[-2:], default=0) < _SMALLEST_SIDE
        if variable.type != "real" or is_series or not is_image(variable) or origin in self._told:
            return
        known = ~np.isnan(values) if hidden is None else ~hidden
        low, high = float(values.min(initial=inf, where=known)), float(values.max(initial=-inf, where=known))
        if high > _HIGHEST or low < _LOWEST:
            self._told.add(origin)
            yield f"{name!r}: values of {origin} {_why(low, high)}, unless the training data have such values too"


def _why(low: float, high: float) -> str:
    """Return what is wrong with a range, as the end of a sentence.

    >>> _why(0.0, 255.0)
    'reach 255: images are expected in 0..1, divide by 255'
    >>> _why(-2.1, 2.6)
    'go from -2.1 to 2.6: images are expected in 0..1'
    >>> _why(0.0, 10.0)
    'go from 0 to 10: images are expected in 0..1'
    """
    white = next((white for least, greatest, white in _WHITES if least <= high <= greatest), None)
    if low < 0 or white is None:
        return f"go from {low:g} to {high:g}: images are expected in 0..1"
    return f"reach {high:g}: images are expected in 0..1, divide by {white}"
