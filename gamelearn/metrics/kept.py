"""Generated rows that several metrics of one evaluation look at, so that equal rows are generated once. This file keeps them."""

from collections.abc import Callable, Hashable, Mapping

import torch

Rows = dict[str, torch.Tensor]


class KeptRows:
    """Rows by what determines them, the last used of them up to a number of bytes.

    The game must not change meanwhile, and nobody may write into the rows.

    Args:
        most: how many bytes are kept; larger rows are handed on and not kept.
    """

    def __init__(self, *, most: int) -> None:
        self._most = most
        self._kept: dict[Hashable, Rows] = {}

    @property
    def bytes(self) -> int:
        """How many bytes are kept."""
        return sum(map(_bytes, self._kept.values()))

    def first(self, key: Hashable, count: int, make: Callable[[int], Mapping[str, torch.Tensor]]) -> Rows:
        """Return the first rows of those that a key stands for, by variable `(count, *shape)`.

        Args:
            key: all that determines the rows but their number.
            count: how many.
            make: returns so many rows, of which fewer are the first of more; it is called where fewer are kept.
        """
        rows = self._kept.pop(key, None)
        if rows is None or len(next(iter(rows.values()))) < count:
            rows = dict(make(count))
        self._keep(key, rows)
        return {name: value[:count] for name, value in rows.items()}

    def _keep(self, key: Hashable, rows: Rows) -> None:
        """Keep rows as the last used ones, and let go of the first until they fit."""
        if _bytes(rows) > self._most:
            return
        while self._kept and self.bytes + _bytes(rows) > self._most:
            del self._kept[next(iter(self._kept))]
        self._kept[key] = rows


def _bytes(rows: Rows) -> int:
    return sum(value.numel() * value.element_size() for value in rows.values())
