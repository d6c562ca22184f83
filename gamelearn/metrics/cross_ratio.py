"""Whether two conditionals come from one joint distribution, tested without any prior.

This file registers the metric.
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np
import torch

from gamelearn.game import Game
from gamelearn.graph.model import Factor, Graph
from gamelearn.metrics.jackknife import Sums
from gamelearn.metrics.label_maps import ROWS, read_blocks
from gamelearn.metrics.metric import Block, Context, Figure, Metric, MetricError, MetricResult
from gamelearn.metrics.models import LatentModel, ModelOptions, draw_factors, find_model, log_factors, total
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import Positive

Values = dict[str, torch.Tensor]


class CrossRatioOptions(ModelOptions):
    """The options of `cross_ratio`."""

    count: Positive = 256
    """How many pairs (x, z) of either kind, each compared with the next one; of the data, all rows of the split if it has fewer."""


@METRICS.register("cross_ratio", options=CrossRatioOptions)
class CrossRatio(Metric):
    """Compatibility of p(x | z) and q(z | x): the difference of their log cross-ratios, in nats, which is 0 for all pairs only if they are compatible.

    For two pairs (x, z) and (x', z') each side has a log cross-ratio,

        r = log p(x | z) + log p(x' | z') - log p(x' | z) - log p(x | z'),    s = the same with q(z | x),

    in which whatever depends on x or z alone cancels. Two conditionals with positive densities belong to one joint distribution if and
    only if r = s for all pairs. x are the observed variables, z the hidden ones. Pairs of the data are rows with z from q(z | x);
    pairs of the model are drawn from p(x, z), where it has a prior. Each pair is compared with the next one, so that the standard
    errors take neighbours as dependent.

    Source: Arnold and Press, "Compatible conditional distributions", 1989.

    Args:
        stream: whose rows are observed.
        model: the players that make them.
        proposal: the players that infer the hidden variables.
        count: of pairs.
    """

    reads_chain = ()

    def __init__(self, *, stream: str | None, model: tuple[str, ...] | None, proposal: tuple[str, ...] | None, count: int) -> None:
        self._stream, self._model, self._proposal, self._count = stream, model, proposal, count

    def misfit(self, graph: Graph) -> str | None:
        try:
            self._find(graph)
        except MetricError as error:
            return str(error)
        return None

    def compute(self, game: Game, context: Context) -> MetricResult:
        model = self._find(game.graph)
        parts = [(first, rows) for first, rows in read_blocks(game, model.stream, context, "cross-ratios", count=self._count)]
        shown = {name: torch.cat([rows[name] for _, rows in parts]) for name in (*model.observed, *model.context)}
        count = len(next(iter(shown.values())))
        if count < 2:
            raise MetricError("needs two rows at least, since pairs are compared")
        pairs = {"pairs of data": _completed(game, model.proposal, shown, count, (context.seed, "proposal"))}
        notes: tuple[str, ...] = ("the model has no prior: its own pairs are not looked at",)
        if not model.undrawn:
            given = {name: shown[name] for name in model.context}
            pairs["pairs of model"] = _completed(game, model.factors, given, count, (context.seed, "model"))
            notes = ()
        dimensions = sum(game.graph.variables[name].elements for name in model.observed)
        blocks = tuple(_block(title, cross_ratios(game, model, each), dimensions) for title, each in pairs.items())
        return MetricResult(blocks, notes, {**model.facts(), "count": count})

    def _find(self, graph: Graph) -> LatentModel:
        return find_model(graph, stream=self._stream, model=self._model, proposal=self._proposal, prior=False)


@torch.no_grad()
def _completed(game: Game, factors: Sequence[Factor], known: Values, count: int, key: tuple[object, ...]) -> Values:
    """Return what is known of some rows with a draw of the rest, block by block."""
    parts = []
    for first in range(0, count, ROWS):
        rows = min(ROWS, count - first)
        block = {name: value[first : first + rows] for name, value in known.items()}
        parts.append(draw_factors(game, factors, block, rows=rows, samples=range(1), key=key, first_row=first))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


@torch.no_grad()
def cross_ratios(game: Game, model: LatentModel, values: Values) -> Sums:
    """Return the log cross-ratios of each pair with the next one (of the last with the first), of model and proposal: `(pairs, 2)` in nats.

    Args:
        game: with its players.
        model: of the game.
        values: of all variables, `(pairs, *shape)` each; what is context stays with the observed variables.
    """
    count = len(values[model.observed[0]])
    following = {name: value.roll(-1, 0) for name, value in values.items()}
    scores = []
    for first in range(0, count, ROWS):
        one, other = ({name: each[first : first + ROWS] for name, each in side.items()} for side in (values, following))
        mixed = [_exchanged(a, b, model) for a, b in ((one, other), (other, one))]
        quadruple = [_logs(game, model, each) for each in (one, other, *mixed)]
        scores.append(quadruple[0] + quadruple[1] - quadruple[2] - quadruple[3])
    return torch.cat(scores).cpu().numpy()


def _exchanged(values: Mapping[str, torch.Tensor], other: Mapping[str, torch.Tensor], model: LatentModel) -> Values:
    """Return values with the hidden variables of others."""
    return {**values, **{name: other[name] for name in model.hidden}}


def _logs(game: Game, model: LatentModel, values: Values) -> torch.Tensor:
    """Return the log-likelihoods of both sides, `(rows, 2)`; the model's prior, where it has one, cancels later."""
    return torch.stack([total(log_factors(game, factors, values)) for factors in (model.factors, model.proposal)], 1)


def _block(title: str, ratios: Sums, dimensions: int) -> Block:
    model, proposal = ratios[:, 0], ratios[:, 1]
    apart = model - proposal
    moments = np.stack([np.ones_like(apart), np.abs(apart), apart**2, model, proposal, model**2, proposal**2, model * proposal], 1)
    absolute = neighbours_figure(moments, lambda each: each[1] / each[0])
    figures = {
        "mean absolute": absolute,
        "mean absolute per dimension": Figure(absolute.value / dimensions, absolute.count, absolute.error and absolute.error / dimensions),
        "root mean square": neighbours_figure(moments, lambda each: np.sqrt(each[2] / each[0])),
        "root mean square of model": neighbours_figure(moments, lambda each: np.sqrt(each[5] / each[0])),
        "root mean square of proposal": neighbours_figure(moments, lambda each: np.sqrt(each[6] / each[0])),
        "relative to model": neighbours_figure(moments, lambda each: np.sqrt(_over(each[2], each[5]))),
        "relative to proposal": neighbours_figure(moments, lambda each: np.sqrt(_over(each[2], each[6]))),
        "correlation": neighbours_figure(moments, _correlation),
    }
    return Block(title, figures)


def _spread(sums: Sums, first: int, second: int) -> float:
    """Return a standard deviation from sums of ones, values and squares."""
    return float(np.sqrt(max(sums[second] / sums[0] - (sums[first] / sums[0]) ** 2, 0.0)))


def _over(part: float, whole: float) -> float:
    """Return a ratio; to nothing it is infinite, of nothing to nothing 0."""
    if whole:
        return float(part / whole)
    return float("inf") if part else 0.0


def _correlation(sums: Sums) -> float:
    """Return the correlation of both sides, 0 where one of them does not vary."""
    spread = _spread(sums, 3, 5) * _spread(sums, 4, 6)
    return float((sums[7] / sums[0] - sums[3] * sums[4] / sums[0] ** 2) / spread) if spread else 0.0


def neighbours_figure(values: Sums, statistic: Callable[[Sums], float]) -> Figure:
    """Return a function of sums over pairs in a ring, of which neighbours depend on each other, with its standard error.

    With the influence d_i of pair i, by leaving it out, `error^2 = sum_i d_i^2 + 2 sum_i d_i d_(i+1)`; the second sum is taken as 0 where it is negative.

    Args:
        values: what each pair adds, `(pairs, sums)`.
        statistic: of their total.
    """
    whole = values.sum(0)
    value = float(statistic(whole))
    left = np.array([statistic(whole - each) for each in values]) if len(values) > 2 else np.array([np.nan])
    if not np.isfinite(left).all():
        return Figure(value, len(values))
    influence = left - left.mean()
    return Figure(value, len(values), float(np.sqrt((influence**2).sum() + 2 * max((influence * np.roll(influence, -1)).sum(), 0.0))))
