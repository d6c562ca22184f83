"""What is kept of a chain while it runs: sums, so that memory does not grow with the number of sweeps.

For each element of a variable a chain gives a series of values (of a categorical one, a series for each class). Kept are its
sum, the sum of its squares, the sum of its first half, and the squares of the sums of its batches, of three lengths. This file
accumulates them.
"""

import torch

from gamelearn.graph.model import Variable

GROWTH = 3
"""How often a batch holds the next shorter one."""
_MOST_BATCHES = 36
_EXACT = 2**24
"""Single precision holds the whole numbers up to here."""


class Marginal:
    """The marginal distribution of one variable, as a running average over the counted sweeps.

    What is averaged are conditional expectations (Rao-Blackwell, Gelfand and Smith, 1990) or draws.

    Args:
        variable: what it is the marginal of.
        sweeps: how many states will be added.
        conditionals: whether expectations of the conditionals are averaged, rather than draws.
    """

    def __init__(self, variable: Variable, *, sweeps: int, conditionals: bool) -> None:
        self.variable, self.sweeps, self.conditionals = variable, sweeps, conditionals
        shortest = max(1, sweeps // _MOST_BATCHES)
        self.batches = (shortest, *(size for size in (GROWTH * shortest, GROWTH**2 * shortest) if 2 * size <= sweeps))
        self.count = 0
        self.is_indicator = variable.type in ("binary", "categorical")
        self._sums: dict[str, torch.Tensor] = {}

    def add(self, mean: torch.Tensor, drawn: torch.Tensor) -> None:
        """Add one state of all chains.

        Args:
            mean: the expectation of the conditional, `(chains * rows, *shape)`, of a categorical variable its probabilities,
                `(chains * rows, classes, *shape)`.
            drawn: the value, `(chains * rows, *shape)`.
        """
        series = self.series(drawn)
        if self.conditionals:
            self._add("mean", mean.expand_as(series).to(series.dtype))
        self._add("total", series)
        if not self.is_indicator:
            self._add("square", series * series)
        if self.count < self.sweeps // 2:
            self._add("first", series)
        self.count += 1
        self._add_to_batches(series)

    def _add_to_batches(self, series: torch.Tensor) -> None:
        """Add a state to the shortest batch, and each batch that is whole then to the next longer one."""
        for size in self.batches:
            self._add(f"batch {size}", series)
            if self.count % size:
                return
            series = self._sums.pop(f"batch {size}")
            exact = series if size * self.sweeps <= _EXACT else series.double()
            self._add(f"batches {size}", exact * exact)

    def series(self, drawn: torch.Tensor) -> torch.Tensor:
        """Return a draw as numbers: itself (in double precision, unless it is 0 or 1), of a categorical variable 0 and 1 by class."""
        if self.variable.type != "categorical":
            return drawn if self.is_indicator else drawn.double()
        classes = drawn.unsqueeze(1)
        ones = torch.zeros(len(drawn), self.variable.classes or 2, *drawn.shape[1:], device=drawn.device)
        return ones.scatter_(1, classes, 1.0)

    def _add(self, name: str, value: torch.Tensor) -> None:
        if name in self._sums:
            self._sums[name] += value
        else:
            self._sums[name] = value.clone()

    def sum(self, name: str, chains: int) -> torch.Tensor:
        """Return a sum by chain, `(chains, rows, ...)`; zeros if nothing was added to it."""
        if (name == "square" and self.is_indicator) or (name == "mean" and not self.conditionals):
            name = "total"  # the same sum
        made = self._sums[name] if name in self._sums else torch.zeros_like(self._sums["total"])
        return made.view(chains, -1, *made.shape[1:])

    def mean(self, chains: int) -> torch.Tensor:
        """Return the average over all chains, `(rows, ...)`."""
        return self.sum("mean", chains).mean(0) / self.count

    def deviation(self, chains: int) -> torch.Tensor:
        """Return the standard deviation of the draws of all chains, `(rows, ...)`."""
        mean = self.sum("total", chains).mean(0) / self.count
        square = self.sum("square", chains).mean(0) / self.count
        return (square - mean * mean).clamp_min(0).sqrt()
