"""Figures of filled-in cells: errors of numbers, hits of classes, and how well draws tell what is not known.

This file scores them.
"""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from gamelearn.graph.model import Variable
from gamelearn.metrics.imputers import Cells, Guesses, Masks, is_class
from gamelearn.metrics.jackknife import GroupedSums, Sums, ratio
from gamelearn.metrics.metric import Block, Figure, Table

GAME, ITERATIVE, CONSTANT = "game", "IterativeImputer", "constant"
_CONSTANTS = {True: "most frequent", False: "mean"}
Rows = NDArray[np.float64]


def crps(draws: Rows, truth: Rows) -> Rows:
    """Return the fair continuous ranked probability score of draws, `(draws, ...)`, two or more, of a truth, `(...)`.

    >>> float(crps(np.array([[0.0], [1.0]]), np.array([0.0]))[0])
    0.0
    """
    count = len(draws)
    weights = 2 * np.arange(1, count + 1) - count - 1
    spread = np.tensordot(weights, np.sort(draws, 0), 1) / (count * (count - 1))
    return np.asarray(np.abs(draws - truth).mean(0) - spread)


def interval(draws: Rows, coverage: float) -> tuple[Rows, Rows, float]:
    """Return the interval between two of the sorted draws, `(draws, ...)`, whose probability to hold another draw is nearest to `coverage`, with it."""
    count = len(draws)
    outside = min(max(1, round((1 - coverage) / 2 * (count + 1))), count // 2)
    ordered = np.sort(draws, 0)
    return ordered[outside - 1], ordered[count - outside], 1 - 2 * outside / (count + 1)


@dataclass(frozen=True)
class Scored:
    """Cells that several methods filled in.

    Attributes:
        variables: the columns of which cells are missing.
        cells: the truth.
        hidden: the cells that were missing.
        methods: what each method filled in.
        deviations: by column, the unit of its errors.
    """

    variables: Sequence[Variable]
    cells: Cells
    hidden: Masks
    methods: Mapping[str, Guesses]
    deviations: Mapping[str, float]

    def blocks(self, coverage: float) -> Iterator[Block]:
        """Yield the figures of numbers, those of classes, each only where there are some, with a table of the columns."""
        if numbers := [each for each in self.variables if not is_class(each)]:
            table = self._table(numbers, "RMSE", self._squares, np.sqrt)
            yield Block("numbers", {**self._errors(numbers), **self._calibration(numbers, coverage)}, table)
        if classes := [each for each in self.variables if is_class(each)]:
            table = self._table(classes, "accuracy", self._hits, float)
            yield Block("classes", self._accuracies(classes), table)

    def _squares(self, name: str, method: str) -> Rows:
        return ((self.methods[method].values[name] - self.cells[name]) / self.deviations[name]) ** 2

    def _hits(self, name: str, method: str) -> Rows:
        return (self.methods[method].values[name] == self.cells[name]).astype(float)

    def _sums(self, variables: Sequence[Variable], *scores: Callable[[str], Rows]) -> GroupedSums:
        """Return sums by row over the missing cells of some columns: of each score, then their number."""
        every: list[Callable[[str], Rows]] = [*scores, self._ones]
        sums = GroupedSums((len(every),))
        columns = [np.stack([score(each.name) * self.hidden[each.name] for score in every], 1) for each in variables]
        sums.add(np.sum(columns, 0))
        return sums

    def _ones(self, name: str) -> Rows:
        return np.ones(len(self.cells[name]))

    def _by_method(self, variables: Sequence[Variable], score: Callable[[str, str], Rows]) -> GroupedSums:
        return self._sums(variables, *[partial(_swapped, score, method) for method in self.methods])

    def _errors(self, numbers: Sequence[Variable]) -> dict[str, Figure]:
        sums = self._by_method(numbers, self._squares)
        made = {_named("RMSE", method, False): sums.figure(_root(index)) for index, method in enumerate(self.methods)}
        others = [(index, method) for index, method in enumerate(self.methods) if method != GAME]
        return made | {f"RMSE ratio to {_called(method, False)}": sums.figure(_root_ratio(index)) for index, method in others}

    def _calibration(self, numbers: Sequence[Variable], coverage: float) -> dict[str, Figure]:
        made: dict[str, Figure] = {}
        for method, guesses in self.methods.items():
            count = len(next((guesses.draws[each.name] for each in numbers if each.name in guesses.draws), ()))
            if count < 2:
                continue
            sums = self._sums(numbers, partial(self._covered, guesses, coverage), partial(self._crps, guesses))
            nominal = interval(np.zeros((count, 1)), coverage)[2]
            made[_named(f"coverage of {100 * nominal:.3g} % intervals", method, False)] = sums.figure(lambda each: ratio(each[0], each[-1]))
            made[_named("CRPS", method, False)] = sums.figure(lambda each: ratio(each[1], each[-1]))
        return made

    def _covered(self, guesses: Guesses, coverage: float, name: str) -> Rows:
        low, high, _ = interval(guesses.draws[name], coverage)
        return ((low <= self.cells[name]) & (self.cells[name] <= high)).astype(float)

    def _crps(self, guesses: Guesses, name: str) -> Rows:
        return crps(guesses.draws[name], self.cells[name]) / self.deviations[name]

    def _accuracies(self, classes: Sequence[Variable]) -> dict[str, Figure]:
        sums = self._by_method(classes, self._hits)
        return {_named("accuracy", method, True): sums.figure(_mean(index)) for index, method in enumerate(self.methods)}

    def _table(
        self, variables: Sequence[Variable], title: str, score: Callable[[str, str], Rows], final: Callable[[float], float]
    ) -> Table:
        rows = []
        for each in variables:
            hidden = self.hidden[each.name]
            means = [float(final(float(score(each.name, method)[hidden].mean()))) if hidden.any() else None for method in self.methods]
            rows.append((each.name, float(hidden.sum()), *means))
        called = [_named(title, method, is_class(variables[0])) for method in self.methods]
        return Table(("column", "missing", *called), tuple(rows))


def _swapped(score: Callable[[str, str], Rows], method: str, name: str) -> Rows:
    return score(name, method)


def _called(method: str, of_classes: bool) -> str:
    return _CONSTANTS[of_classes] if method == CONSTANT else method


def _named(figure: str, method: str, of_classes: bool) -> str:
    return figure if method == GAME else f"{figure} by {_called(method, of_classes)}"


def _mean(index: int) -> Callable[[Sums], float]:
    return lambda sums: ratio(sums[index], sums[-1])


def _root(index: int) -> Callable[[Sums], float]:
    return lambda sums: float(np.sqrt(ratio(sums[index], sums[-1])))


def _root_ratio(index: int) -> Callable[[Sums], float]:
    return lambda sums: float(np.sqrt(ratio(sums[0], sums[index])))
