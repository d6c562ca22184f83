"""The order in which training rows are shown: an endless concatenation of permutations. This file finds a batch's rows in it."""

from collections.abc import Hashable

import torch
from torch import Tensor

from gamelearn import noise

_KEPT = 2  # a batch may reach into the next epoch


class Order:
    """The order of a stream's rows, each epoch a permutation keyed by (key, epoch).

    >>> order = Order(("seed", 0), length=5)
    >>> sorted(order.rows(start=5, count=5).tolist())
    [0, 1, 2, 3, 4]
    >>> torch.equal(order.rows(3, 4), torch.cat([order.rows(3, 2), order.rows(5, 2)]))
    True
    """

    def __init__(self, key: tuple[Hashable, ...], length: int) -> None:
        self._key = key
        self._length = length
        self._epochs: dict[int, Tensor] = {}

    def rows(self, start: int, count: int) -> Tensor:
        """Return elements `start .. start + count - 1` of the order, int64 in `0 .. length - 1`."""
        parts = []
        end = start + count
        while start < end:
            epoch, offset = divmod(start, self._length)
            part = self._permutation(epoch)[offset : offset + end - start]
            parts.append(part)
            start += len(part)
        return torch.cat(parts)

    def _permutation(self, epoch: int) -> Tensor:
        if epoch not in self._epochs:
            if len(self._epochs) == _KEPT:
                del self._epochs[next(iter(self._epochs))]
            self._epochs[epoch] = noise.permutation((*self._key, epoch), self._length)
        return self._epochs[epoch]
