"""A game as a latent variable model: factors that score what a stream shows with all that it is drawn from, and factors that infer the hidden part.

The model is `p(observed, hidden | context)`, the proposal `q(hidden | observed, context)`: one player (with those that have no
parameters) makes the observed variables, another infers what a stream does not show. Metrics that compare the two take K draws of the
hidden variables for each row, and the log-likelihoods of every factor at them. This file is what such metrics share.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from gamelearn.analysis.exact import log_likelihood
from gamelearn.errors import quoted
from gamelearn.factor_draws import drawn_from, factor_noise
from gamelearn.graph.completion import Incomparable, TooManyWays, best_way, find_ways
from gamelearn.graph.model import Bound, Factor, Graph, unknown
from gamelearn.metrics.metric import MetricError
from gamelearn.options import Listed
from gamelearn.spec.kinds import MetricOptions, Name

if TYPE_CHECKING:
    from gamelearn.game import Game

Values = Mapping[str, torch.Tensor]
MOST_ELEMENTS = 2**20
"""How many elements of all variables are drawn at a time, which bounds the memory."""


class ModelOptions(MetricOptions):
    """The options of metrics that look at a game as a latent variable model."""

    stream: Name | None = None
    """The stream whose rows are looked at; by default, of those that fit, the one that shows the fewest variables."""
    model: Listed[Name] | None = None
    """The players that make what the stream shows; by default the one that can, else all but the proposal."""
    proposal: Listed[Name] | None = None
    """The players that infer what the stream does not show; by default the one that can."""


@dataclass(frozen=True)
class LatentModel:
    """The factors of a model with those of its proposal, each in an order in which they can be drawn.

    Attributes:
        stream: whose rows are observed.
        observed: what the stream shows and the model makes.
        context: what the stream shows and the model at most reads.
        hidden: the model's other variables.
        undrawn: those of the hidden variables that the model reads and does not make.
        factors: of the model.
        proposal: one factor for each hidden variable.
    """

    stream: str
    observed: tuple[str, ...]
    context: tuple[str, ...]
    hidden: tuple[str, ...]
    undrawn: tuple[str, ...]
    factors: tuple[Factor, ...]
    proposal: tuple[Factor, ...]

    @property
    def prior(self) -> tuple[Factor, ...]:
        """The model's factors of hidden variables."""
        return tuple(each for each in self.factors if each.target in self.hidden)

    @property
    def likelihood(self) -> tuple[Factor, ...]:
        """The model's factors of observed variables."""
        return tuple(each for each in self.factors if each.target in self.observed)

    def title(self) -> str:
        """Return what is modelled and inferred: `log p(x), hidden z0, z1`."""
        given = f" | {', '.join(self.context)}" if self.context else ""
        return f"log p({', '.join(self.observed)}{given}), hidden {', '.join(self.hidden)}"

    def facts(self) -> dict[str, object]:
        """Return for the record which factors were taken."""
        return {"stream": self.stream, "model": list(map(str, self.factors)), "proposal": list(map(str, self.proposal))}


def find_model(
    graph: Graph, *, stream: str | None, model: Sequence[str] | None, proposal: Sequence[str] | None, prior: bool = True
) -> LatentModel:
    """Return the latent variable model of a game.

    Args:
        graph: the game.
        stream: whose rows are observed; by default, of those that fit, the one that shows the fewest variables.
        model: the players that make them.
        proposal: the players that infer the rest.
        prior: whether the model has to draw all hidden variables; else it may read some that it does not draw.

    Raises:
        MetricError: a name is unknown, nothing fits, or several do; the message begins with what is needed.
    """
    for name in (*(model or ()), *(proposal or ())):
        if name not in graph.players:
            raise MetricError(unknown("player", name, graph.players))
    if stream is not None and stream not in graph.streams:
        raise MetricError(unknown("stream", stream, graph.streams))
    names = [stream] if stream else sorted(graph.streams, key=lambda name: len(graph.streams[name].variables))
    reasons = []
    for name in names:
        found = _models(graph, name, model, proposal, prior)
        if len(found) == 1:
            return found[0]
        if found:
            raise MetricError(_ambiguous(found))
        reasons.append(f"{name!r} shows {quoted(graph.streams[name].variables)}")
    what = "a player that makes what a stream shows from variables that it hides" + (", all of which it draws" if prior else "")
    asked = [f"{key} {quoted(value)}" for key, value in (("model", model), ("proposal", proposal)) if value]
    has = "; ".join(reasons) or "there are no streams"
    raise MetricError(f"needs {what}, and another that infers these{' (asked for: ' + ', '.join(asked) + ')' if asked else ''}; {has}")


def _models(graph: Graph, stream: str, model: Sequence[str] | None, proposal: Sequence[str] | None, prior: bool) -> list[LatentModel]:
    """Return the models of most observed variables; those of single players go before those of all together."""
    found: list[tuple[tuple[int, int], LatentModel]] = []
    for inferring in [tuple(proposal)] if proposal else [(name,) for name in graph.players]:
        others = tuple(name for name in graph.players if name not in inferring)
        makers = [tuple(model)] if model else [*((name,) for name in others), *([others] if len(others) > 1 else [])]
        for making in makers:
            made = _model(graph, stream, making, inferring, prior)
            if made:
                found.append(((-len(made.observed), len(making)), made))
    least = min((rank for rank, _ in found), default=None)
    best = {(made.factors, made.proposal): made for rank, made in found if rank == least}
    return list(best.values())


def _ambiguous(found: Sequence[LatentModel]) -> str:
    choices = " or ".join(f"{', '.join(map(str, each.factors))} with {', '.join(map(str, each.proposal))}" for each in found)
    return f"needs 'model' and 'proposal', since several fit: {choices}"


def _model(graph: Graph, stream: str, making: Sequence[str], inferring: Sequence[str], prior: bool) -> LatentModel | None:
    """Return the model of some players with the proposal of others, if there is one."""
    helpers = [name for name, player in graph.players.items() if not player.has_parameters]
    factors = [each for name in dict.fromkeys([*making, *helpers]) for each in graph.players[name].factors.values()]
    targets, shown = {each.target for each in factors}, graph.streams[stream].variables
    observed, context = tuple(name for name in shown if name in targets), tuple(name for name in shown if name not in targets)
    free = () if prior else tuple(name for name in graph.variables if name not in targets and name not in shown)
    made = _way(observed, (*context, *free), factors)
    if not made:
        return None
    touched = {name for each in made for name in (each.target, *each.givens)}
    hidden = tuple(name for name in graph.variables if name in touched and name not in shown)
    inferred = _way(hidden, tuple(shown), [each for name in inferring for each in graph.players[name].factors.values()])
    if {each.target for each in inferred} != set(hidden) or not any(name in shown for each in inferred for name in each.givens):
        return None
    read = tuple(name for name in context if any(name in each.givens for each in (*made, *inferred)))
    return LatentModel(stream, observed, read, hidden, tuple(name for name in hidden if name in free), made, inferred)


def _way(needed: Sequence[str], known: Sequence[str], factors: Sequence[Factor]) -> tuple[Factor, ...]:
    """Return the most informed factors that draw what is needed; none where there are none, or several that are not comparable."""
    try:
        found = find_ways(needed, known, lambda name: [each for each in factors if each.target == name])
        return best_way(found) if found else ()
    except (Incomparable, TooManyWays):
        return ()


def bound_of(factor: Factor) -> Bound:
    """Return a factor bound to the variables of its own names."""
    return Bound(factor, factor.target, tuple((name, name) for name in factor.givens))


def log_factors(game: "Game", factors: Sequence[Factor], values: Values) -> dict[str, torch.Tensor]:
    """Return the log-likelihood of each factor at given values, by target, `(rows,)` in float64 and nats.

    Args:
        game: with its players.
        factors: at most one for each target.
        values: of all targets and givens, `(rows, *shape)` each.
    """
    return {each.target: log_likelihood(bound_of(each), values, game.players).double() for each in factors}


def total(logs: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the sum of log-likelihoods."""
    return torch.stack(list(logs.values())).sum(0)


def draw_factors(
    game: "Game", factors: Sequence[Factor], values: Values, *, rows: int, samples: range, key: tuple[object, ...], first_row: int = 0
) -> dict[str, torch.Tensor]:
    """Return several draws from a chain of factors for each row, with what is known repeated: `(rows * samples, *shape)`, samples fastest.

    A draw's noise is keyed by the number of the sample and by the row, so that neither blocks of rows nor the number of
    samples changes it.

    Args:
        game: with its players.
        factors: each after those that it reads.
        values: what is known, `(rows, *shape)` each.
        rows: how many.
        samples: the numbers of the samples.
        key: of the noise.
        first_row: the number of the first row.
    """
    drawn = {name: value.repeat_interleave(len(samples), 0) for name, value in values.items()}
    for factor in factors:
        made = [factor_noise(game, factor, (*key, number), rows, first_row=first_row) for number in samples]
        given = {name: drawn[name] for name in factor.givens}
        distribution = game.players[factor.player].distribution(factor.label, given, rows * len(samples))
        drawn[factor.target] = drawn_from(game, distribution, torch.stack(made, 1).flatten(0, 1))
    return drawn


@dataclass(frozen=True)
class Proposed:
    """Draws of the hidden variables for some rows: the log-likelihood of every factor at them, by target, `(rows, samples)` in nats."""

    model: Mapping[str, torch.Tensor]
    proposal: Mapping[str, torch.Tensor]

    @property
    def log_weights(self) -> torch.Tensor:
        """The log of `p(observed, hidden) / q(hidden | observed)`, `(rows, samples)`."""
        return total(self.model) - total(self.proposal)


def propose(game: "Game", model: LatentModel, rows: Values, *, samples: int, seed: int, first_row: int) -> Proposed:
    """Draw the hidden variables of some rows from the proposal and score every factor, without gradient, in parts that fit into memory.

    Args:
        game: with its players.
        model: of the game, with a prior.
        rows: what the stream shows.
        samples: K, the number of draws for each row.
        seed: of the noise.
        first_row: the number of the first row, which keys the noise.
    """
    parts = list(_proposed_parts(game, model, rows, samples, seed, first_row))
    return Proposed(_joined([each.model for each in parts]), _joined([each.proposal for each in parts]))


def _joined(parts: Sequence[Mapping[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    return {name: torch.cat([part[name] for part in parts], 1) for name in parts[0]}


@torch.no_grad()
def _proposed_parts(game: "Game", model: LatentModel, rows: Values, samples: int, seed: int, first_row: int) -> Iterator[Proposed]:
    count = len(next(iter(rows.values())))
    for part in sample_parts(game, model, count, samples):
        values = draw_factors(game, model.proposal, rows, rows=count, samples=part, key=(seed, "proposal"), first_row=first_row)
        scores = [log_factors(game, factors, values) for factors in (model.factors, model.proposal)]
        yield Proposed(*({name: each.view(count, len(part)) for name, each in logs.items()} for logs in scores))


def sample_parts(game: "Game", model: LatentModel, rows: int, samples: int) -> Iterator[range]:
    """Yield the numbers of the samples in parts of which each, for all rows, fits into memory."""
    elements = sum(game.graph.variables[name].elements for name in (*model.observed, *model.context, *model.hidden))
    size = max(1, MOST_ELEMENTS // (rows * elements))
    for first in range(0, samples, size):
        yield range(first, min(first + size, samples))
