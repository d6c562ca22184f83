"""How far the joint distributions of a small game are from each other, exactly.

This file registers the metric.
"""

from collections.abc import Callable
from math import prod

import numpy as np
import torch

from gamelearn.analysis.kernel import TableChain
from gamelearn.analysis.tables import all_values
from gamelearn.errors import EvidenceError
from gamelearn.game import Game
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.graph.model import Graph, Sampler
from gamelearn.metrics.jackknife import GroupedSums, Sums
from gamelearn.metrics.label_maps import read_blocks
from gamelearn.metrics.metric import Block, Context, Figure, Metric, MetricError, MetricResult
from gamelearn.metrics.models import LatentModel, ModelOptions, find_model, log_factors, total
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import Name, Positive

Values = dict[str, torch.Tensor]


class TotalVariationOptions(ModelOptions):
    """The options of `total_variation`."""

    sampler: Name | None = None
    """The chain whose limit is looked at, or `automatic`; by default the last declared one that fits, else the automatic one."""
    states: Positive = 1024
    """The most joint states that are enumerated (the limit of a chain is an eigenvector of a matrix of that size)."""
    count: Positive | None = None
    """How many rows are the data, the first of the split; all by default."""


@METRICS.register("total_variation", options=TotalVariationOptions)
class TotalVariation(Metric):
    """Exact total variation, half the sum of absolute differences, between the joint distributions of a game whose states can be enumerated.

    `model` is p(x, z), `encoder` the data with z from q(z | x), `limit` the limiting distribution of a chain; `data` the rows of the split,
    as a distribution of the observed variables, against the marginals of the others. Standard errors are those over rows; a figure
    that no row enters has none. With few rows of many possible ones the distance from the data is large for any model.

    Args:
        stream: whose rows are observed.
        model: the players that make them.
        proposal: the players that infer the hidden variables.
        sampler: of the chain.
        states: the most that are enumerated.
        count: of rows.
    """

    reads_chain = ("sampler",)

    def __init__(
        self,
        *,
        stream: str | None,
        model: tuple[str, ...] | None,
        proposal: tuple[str, ...] | None,
        sampler: str | None,
        states: int,
        count: int | None,
    ) -> None:
        self._stream, self._model, self._proposal, self._sampler = stream, model, proposal, sampler
        self._states, self._count = states, count

    def misfit(self, graph: Graph) -> str | None:
        try:
            self._find(graph)
            if self._sampler is not None:
                choose_sampler(graph, self._sampler)
        except (MetricError, EvidenceError) as error:
            return str(error)
        return None

    def compute(self, game: Game, context: Context) -> MetricResult:
        found = self._find(game.graph)
        joint = JointTable(game, found)
        model, encoder = joint.model(), GroupedSums((joint.size,))
        for _, rows in read_blocks(game, found.stream, context, "total variation", count=self._count):
            encoder.add(joint.completed(rows))
        limit, sampler, notes = self._limit(game, joint, context.chain.get("sampler", self._sampler))
        blocks = tuple(_blocks(joint, model, encoder, limit))
        facts = {**found.facts(), "sampler": sampler, "states": joint.size, "count": encoder.rows}
        return MetricResult(blocks, notes, facts)

    def _find(self, graph: Graph) -> LatentModel:
        found = find_model(graph, stream=self._stream, model=self._model, proposal=self._proposal)
        _check_size(graph, found, self._states)
        return found

    def _limit(self, game: Game, joint: "JointTable", name: str | None) -> tuple[Sums | None, str | None, tuple[str, ...]]:
        """Return the limiting distribution with its sampler, or a note that says why there is none."""
        try:
            sampler = choose_sampler(game.graph, name, want=frozenset(joint.names)).sampler
            return joint.limit(sampler), sampler.name, ()
        except (EvidenceError, ValueError) as error:
            return None, None, (f"no limiting distribution: {error}",)


def _check_size(graph: Graph, model: LatentModel, most: int) -> None:
    variables = [graph.variables[name] for name in (*model.observed, *model.hidden)]
    if model.context:
        raise MetricError(f"needs a model of all that the stream shows, and {', '.join(model.context)} is only read")
    sizes = {each.name: f"{each.classes or 2}^{each.elements}" for each in variables}
    wrong = [f"{each.name!r} is {each.type}" for each in variables if each.type not in ("binary", "categorical")]
    if wrong:
        raise MetricError(f"needs binary and categorical variables, to enumerate their states; {', '.join(wrong)}")
    if prod((each.classes or 2) ** each.elements for each in variables) > most:
        states = " times ".join(f"{size} of {name!r}" for name, size in sizes.items())
        raise MetricError(f"needs a game of at most {most} joint states ('states'); this one has {states}")


class JointTable:
    """All joint states of a small model; the observed variables count slowest, the last hidden one fastest.

    Args:
        game: with its players.
        model: whose variables are enumerated.
    """

    def __init__(self, game: Game, model: LatentModel) -> None:
        self._game, self._model = game, model
        self.names = (*model.observed, *model.hidden)
        tables = {name: all_values(game.graph.variables[name], game.dtype) for name in self.names}
        lengths = {name: len(table) for name, table in tables.items()}
        self.size, self._hidden = prod(lengths.values()), prod(lengths[name] for name in model.hidden)
        places = torch.cartesian_prod(*(torch.arange(length) for length in lengths.values())).reshape(self.size, -1)
        self.values = {name: table[places[:, index]].to(game.device) for index, (name, table) in enumerate(tables.items())}

    @torch.no_grad()
    def model(self) -> Sums:
        """Return the model's joint distribution, `(states,)`."""
        return _numpy(total(log_factors(self._game, self._model.factors, self.values)).exp())

    @torch.no_grad()
    def completed(self, rows: Values) -> Sums:
        """Return the distribution of each row with its hidden variables inferred, `(rows, states)`."""
        places = self._places({name: rows[name] for name in self._model.observed}) // self._hidden
        inferred = total(log_factors(self._game, self._model.proposal, self.values)).exp().view(-1, self._hidden).cpu()
        made = torch.zeros(len(places), len(inferred), self._hidden, dtype=torch.float64)
        made[torch.arange(len(places)), places] = inferred[places]
        return _numpy(made.flatten(1))

    def limit(self, sampler: Sampler) -> Sums:
        """Return the limiting distribution of a chain over the same variables, `(states,)`.

        Raises:
            ValueError: the chain has several limits, or other variables, or the game is not on the CPU.
        """
        if set(sampler.targets) != set(self.names):
            raise ValueError(f"the sampler {sampler.name!r} draws {', '.join(sampler.targets)} and the model {', '.join(self.names)}")
        if self._game.device.type != "cpu":
            raise ValueError("it is computed on the CPU alone: evaluate with the device cpu")
        chain = TableChain(self._game.graph, self._game.players, sampler, given={}, known={}, dtype=self._game.dtype)
        found = np.zeros(self.size)
        found[self._places(chain.states()).numpy()] = _numpy(chain.limit())
        return found / found.sum()

    def observed(self, joint: Sums) -> Sums:
        """Return the marginal of the observed variables, `(observed states,)`."""
        return joint.reshape(-1, self._hidden).sum(1)

    def _places(self, values: Values) -> torch.Tensor:
        """Return the first state that has given values of some variables, `(rows,)`."""
        names = [name for name in self.names if name in values]
        place = torch.zeros(len(values[names[0]]), dtype=torch.int64)
        for name in self.names:
            variable = self._game.graph.variables[name]
            base, elements = variable.classes or 2, variable.elements
            place = place * base**elements
            if name in values:
                digits = values[name].reshape(len(place), elements).long().cpu()
                place = place + (digits * base ** torch.arange(elements - 1, -1, -1)).sum(1)
        return place


def _numpy(values: torch.Tensor) -> Sums:
    return values.detach().double().cpu().numpy()


def total_variation(one: Sums, other: Sums) -> float:
    """Return half the sum of absolute differences of two distributions, between 0 and 1."""
    return float(np.abs(one - other).sum() / 2)


def _blocks(joint: JointTable, model: Sums, encoder: GroupedSums, limit: Sums | None) -> list[Block]:
    def against(other: Sums, view: Callable[[Sums], Sums]) -> Figure:
        return encoder.figure(lambda sums: total_variation(view(sums / sums.sum()), view(other)))

    def between(one: Sums, other: Sums, view: Callable[[Sums], Sums]) -> Figure:
        return Figure(total_variation(view(one), view(other)), encoder.rows)

    made = []
    for title, view, rows in (("joint", lambda each: each, "encoder"), ("observed", joint.observed, "data")):
        figures = {f"{rows} - model": against(model, view)}
        if limit is not None:
            figures[f"{rows} - limit"] = against(limit, view)
            figures["model - limit"] = between(model, limit, view)
        made.append(Block(title, figures))
    return made
