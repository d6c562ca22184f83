"""How much each unit of a code says about the data.

This file registers the metric.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from gamelearn.game import Game
from gamelearn.graph.model import Factor, Graph, Variable
from gamelearn.metrics.jackknife import GroupedSums, Sums
from gamelearn.metrics.label_maps import read_blocks
from gamelearn.metrics.metric import Block, Context, Figure, Metric, MetricError, MetricResult, Table
from gamelearn.metrics.models import LatentModel, ModelOptions, draw_factors, find_model
from gamelearn.players.player import Distribution
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import Positive

Values = dict[str, torch.Tensor]
Units = Callable[[Sums], Sums]
"""Sums over rows to the information of every unit, `(units,)`."""


class MutualInformationOptions(ModelOptions):
    """The options of `mutual_information`."""

    samples: Positive = 16
    """How many draws from the proposal each row has, where a unit depends on other hidden variables, or is real or a count."""
    active: Annotated[float, Field(ge=0)] = 0.01
    """The information in nats above which a unit is active."""
    units: Annotated[int, Field(ge=0)] = 64
    """Variables of at most so many units have a table with all of them."""
    count: Positive = 256
    """How many rows, the first of the split (all, if it has fewer)."""


@METRICS.register("mutual_information", options=MutualInformationOptions)
class MutualInformation(Metric):
    """Mutual information of each unit of the hidden variables with the row that it is inferred from, in nats.

    Over N rows, each equally likely, with q(z_j | x) of the proposal:

        I(z_j; x) = H(1/N sum_i q(z_j | x_i)) - 1/N sum_i H(q(z_j | x_i))    at most log N

    Binary and categorical units need no draw where the proposal reads the row alone: then it is exact for these rows. Where it reads other
    hidden variables, q(z_j | x) is their average over draws, and the entropies are corrected by the first term of their bias. Real
    units and counts are averages of log q(z_j | x) - log 1/N sum_i q(z_j | x_i) over draws. A unit that ignores the row has 0, but
    for noise, where draws are taken. The sum over units is no information of the code: units may say the same.

    Args:
        stream: whose rows are observed.
        model: the players that make them.
        proposal: the players that infer the hidden variables.
        samples: draws of each row.
        active: the threshold.
        units: of a table.
        count: of rows.
    """

    reads_chain = ()

    def __init__(
        self,
        *,
        stream: str | None,
        model: tuple[str, ...] | None,
        proposal: tuple[str, ...] | None,
        samples: int,
        active: float,
        units: int,
        count: int,
    ) -> None:
        self._stream, self._model, self._proposal = stream, model, proposal
        self._samples, self._active, self._units, self._count = samples, active, units, count

    def misfit(self, graph: Graph) -> str | None:
        try:
            self._find(graph)
        except MetricError as error:
            return str(error)
        return None

    @torch.no_grad()
    def compute(self, game: Game, context: Context) -> MetricResult:
        model = self._find(game.graph)
        counters = {factor.target: self._counter(game, model, factor) for factor in model.proposal}
        rows = 0
        for first, shown in read_blocks(game, model.stream, context, "mutual information", count=self._count):
            rows += len(next(iter(shown.values())))
            self._add(game, model, counters, shown, (context.seed, "proposal"), first)
        found = [(name, *counters[name].finished()) for name in model.hidden]
        blocks = [self._block(game.graph.variables[name], sums, units) for name, sums, units in found]
        facts = {**model.facts(), "samples": self._samples, "active": self._active, "count": rows}
        return MetricResult(tuple(blocks), _notes(model, counters, self._samples, rows), facts)

    def _find(self, graph: Graph) -> LatentModel:
        return find_model(graph, stream=self._stream, model=self._model, proposal=self._proposal, prior=False)

    def _counter(self, game: Game, model: LatentModel, factor: Factor) -> "_Counter":
        upper = any(name in model.hidden for name in factor.givens)
        if game.graph.variables[factor.target].type in ("binary", "categorical"):
            return _Discrete(game, factor, self._samples if upper else 1)
        return _Sampled(game, factor, self._samples, depends=upper)

    def _add(
        self, game: Game, model: LatentModel, counters: "dict[str, _Counter]", shown: Values, key: tuple[object, ...], first: int
    ) -> None:
        """Add some rows to every counter, one draw of all hidden variables after the other."""
        rows = len(next(iter(shown.values())))
        last = model.proposal[-1].target if isinstance(counters[model.proposal[-1].target], _Discrete) else None
        needed = [factor for factor in model.proposal if factor.target != last]
        for number in range(max(each.samples for each in counters.values())):
            values = draw_factors(game, needed, shown, rows=rows, samples=range(number, number + 1), key=key, first_row=first)
            for counter in counters.values():
                if number < counter.samples:
                    counter.add(values, rows)
        for counter in counters.values():
            counter.end_rows()

    def _block(self, variable: Variable, sums: GroupedSums, units: Units) -> Block:
        each = units(sums.total)
        figures = {
            "sum": sums.figure(lambda total: float(units(total).sum())),
            "mean": sums.figure(lambda total: float(units(total).mean())),
            "largest": sums.figure(lambda total: float(units(total).max())),
            "active units": Figure(float((each > self._active).sum()), sums.rows),
            "units": Figure(float(len(each)), sums.rows),
        }
        if not 1 < len(each) <= self._units:
            return Block(variable.name, figures)
        errors = [sums.figure(lambda total, at=index: float(units(total)[at])).error for index in range(len(each))]  # type: ignore[misc]
        names = [f"{variable.name}[{', '.join(map(str, place))}]" for place in np.ndindex(*variable.shape)]
        return Block(variable.name, figures, Table(("unit", "information", "±"), tuple(zip(names, each.tolist(), errors, strict=True))))


def _notes(model: LatentModel, counters: "dict[str, _Counter]", samples: int, rows: int) -> tuple[str, ...]:
    notes = [f"informations of {rows} rows are at most log {rows} = {np.log(rows):.2f} nats"]
    upper = [factor.target for factor in model.proposal if any(name in model.hidden for name in factor.givens)]
    if upper:
        notes.append(f"{', '.join(upper)}: the other hidden variables that it depends on are averaged over {samples} draws a row")
    if drawn := [name for name, each in counters.items() if isinstance(each, _Sampled)]:
        notes.append(f"{', '.join(drawn)}: an average over {samples} draws a row")
    return tuple(notes)


class _Counter(ABC):
    """Takes in one factor's conditionals at draws of what it reads, block by block."""

    def __init__(self, game: Game, factor: Factor, samples: int) -> None:
        self._game, self._factor, self.samples = game, factor, samples
        self.units = game.graph.variables[factor.target].elements

    @abstractmethod
    def add(self, values: Values, rows: int) -> None:
        """Take in one draw of each row of a block."""

    @abstractmethod
    def end_rows(self) -> None:
        """End a block, after all its draws."""

    @abstractmethod
    def finished(self) -> tuple[GroupedSums, Units]:
        """Return the sums over rows, with the information that follows from them."""

    def distribution(self, values: Values, rows: int) -> Distribution:
        """Return the conditional at given values."""
        given = {name: values[name] for name in self._factor.givens}
        return self._game.players[self._factor.player].distribution(self._factor.label, given, rows)


class _Discrete(_Counter):
    """Probabilities of a binary or categorical variable: `(rows, classes, units)`, summed over draws, with their squares."""

    def __init__(self, game: Game, factor: Factor, samples: int) -> None:
        super().__init__(game, factor, samples)
        self._variable = game.graph.variables[factor.target]
        self._classes = self._variable.classes or 2
        self._sums = GroupedSums((self._classes + 1, self.units))
        self._moments: list[torch.Tensor] = []

    def add(self, values: Values, rows: int) -> None:
        mean = self.distribution(values, rows).mean().double()
        mean = mean if len(mean) == rows else mean.expand(rows, *mean.shape[1:])
        if self._variable.type == "binary":
            mean = torch.stack([1 - mean, mean], 1)
        mean = mean.reshape(rows, self._classes, self.units)
        moments = torch.stack([mean, mean.square()])
        self._moments = [self._moments[0] + moments] if self._moments else [moments]

    def end_rows(self) -> None:
        mean, square = (self._moments.pop() / self.samples).cpu()
        entropy = torch.special.entr(mean).sum(1)
        if self.samples > 1:
            variance = (square - mean.square()).clamp_min(0) / (self.samples - 1)
            entropy += torch.where(mean > 0, variance / mean, 0.0).sum(1) / 2
        self._sums.add(torch.cat([mean, entropy.unsqueeze(1)], 1).numpy())

    def finished(self) -> tuple[GroupedSums, Units]:
        return self._sums, _entropy_difference


def _entropy_difference(sums: Sums) -> Sums:
    """Return the information of every unit from sums of probabilities by class and, in the last row, of entropies: `(classes + 1, units)`."""
    rows = sums[:-1].sum(0)
    shares = sums[:-1] / rows
    entropies = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(0)
    return entropies - sums[-1] / rows


class _Sampled(_Counter):
    """Draws of a real variable or a count, each scored under the conditionals of all rows."""

    def __init__(self, game: Game, factor: Factor, samples: int, *, depends: bool) -> None:
        super().__init__(game, factor, samples)
        self._depends = depends
        self._blocks: list[list[tuple[torch.Tensor, Distribution]]] = [[]]

    def add(self, values: Values, rows: int) -> None:
        block = self._blocks[-1]
        block.append((values[self._factor.target], self.distribution(values, rows) if self._depends or not block else block[0][1]))

    def end_rows(self) -> None:
        self._blocks.append([])

    def finished(self) -> tuple[GroupedSums, Units]:
        sums = GroupedSums((2, self.units))
        for number, block in enumerate(self._blocks):
            for row in range(len(block[0][0]) if block else 0):
                ratios = torch.stack([self._log_ratio(drawn[row], number, row) for drawn, _ in block])
                sums.add(torch.stack([torch.ones_like(ratios[0]), ratios.mean(0)]).unsqueeze(0).cpu().numpy())
        return sums, lambda total: total[1] / total[0]

    def _log_ratio(self, point: torch.Tensor, number: int, row: int) -> torch.Tensor:
        """Return by unit how much more probable a value is given its own row than given any, `(units,)`."""
        logs = torch.cat([self._by_row(point, block) for block in self._blocks if block])
        first = sum(len(block[0][0]) for block in self._blocks[:number])
        return logs[first + row] - logs.logsumexp(0) + np.log(len(logs))

    def _by_row(self, point: torch.Tensor, block: Sequence[tuple[torch.Tensor, Distribution]]) -> torch.Tensor:
        """Return the log-likelihood of a value given each row of a block, averaged over draws of what it depends on, `(rows, units)`."""
        rows = len(block[0][0])
        every = [each for _, each in (block if self._depends else block[:1])]
        logs = torch.stack([each.log_prob(point.expand(rows, *point.shape)).double().reshape(rows, self.units) for each in every])
        return logs.logsumexp(0) - np.log(len(logs))
