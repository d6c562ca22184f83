"""A plan with its players: completion without gradient, then one objective per turn (the loss closures).

`complete` fills in what the terms need: batch columns, draws, and the raw outputs that other players contribute. `Objective`
computes the owner's loss from these values; only the owner's parameters require gradients meanwhile. Nothing is differentiated
through a draw, but where a term names an estimator: then the objective draws again, from the noise of the completion. This file is the only one that runs the steps of a plan.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from math import log
from typing import Protocol

import torch
from torch import nn

from gamelearn.estimators.estimator import DrawEstimator, draw_estimator, score_estimator
from gamelearn.graph.model import Factor, Variable
from gamelearn.plan.steps import (
    ChooseStep,
    ColumnStep,
    DivergenceStep,
    DrawStep,
    EvaluateStep,
    Free,
    LogStep,
    NoiseStep,
    NoisyStep,
    RedrawStep,
    RepeatStep,
    Step,
    TermPlan,
    Turn,
    needs_of,
    outputs_of,
)
from gamelearn.players.conditional import Conditional, module_name, untaken, zero_raw
from gamelearn.players.player import ConditionableDistribution, Distribution, FamilyDistribution, Player

Values = dict[str, torch.Tensor]


class Source(Protocol):
    """Where a round's batches and noise come from."""

    def column(self, step: ColumnStep) -> torch.Tensor:
        """Return one variable of a batch, `(rows, *shape)`."""

    def rows(self, name: str) -> int:
        """Return the batch of a stream, or the default one."""

    def noise(self, step: NoisyStep, rows: int, shape: tuple[int, ...]) -> torch.Tensor:
        """Return the noise of a draw, `(rows, *shape)`, uniform in [0, 1) or normal as the step's kind says."""


@dataclass(frozen=True)
class Runner:
    """Runs single steps with a set of players.

    The players are plain references: a module that holds a runner does not register them.
    """

    players: Mapping[str, Player]
    variables: Mapping[str, Variable]
    device: torch.device
    dtype: torch.dtype
    half: bool = False
    """Whether networks run in bfloat16; raw outputs come back in `dtype`."""

    def evaluate(self, step: EvaluateStep, values: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
        """Return the raw outputs of a network, by name."""
        player = self.players[step.player]
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            if step.own:
                rows = len(values[step.inputs[0][1]])
                raws: tuple[torch.Tensor, ...] = (player.scores(step.network, {name: values[ref] for name, ref in step.inputs}, rows),)
            else:
                assert isinstance(player, Conditional)
                raws = player.evaluate(step.network, tuple(values[ref] for _, ref in step.inputs))
        return {name: raw.to(self.dtype) for name, raw in zip(outputs_of(step), raws, strict=True)}

    def distribution(self, step: DrawStep | RedrawStep | LogStep, values: Mapping[str, torch.Tensor], rows: int) -> Distribution:
        """Return the distribution of the factor of a draw or of a log-likelihood."""
        factor = step.factor
        player = self.players[factor.player]
        if not isinstance(player, Conditional):
            return player.distribution(factor.label, {name: values[ref] for name, ref in step.inputs}, rows)
        parts = [self._free(raw, rows) if isinstance(raw, Free) else values[raw] for raw in step.raws]
        raw = sum(parts[1:], start=parts[0]) if parts else self._zero(factor, rows)
        return FamilyDistribution(player.family(factor.label), raw)

    def _free(self, raw: Free, rows: int) -> torch.Tensor:
        player = self.players[raw.player]
        return player.free_scores(raw.factor, rows) if isinstance(player, Conditional) else player.scores(raw.factor, {}, rows)

    def _zero(self, factor: Factor, rows: int) -> torch.Tensor:
        return zero_raw(factor, self.variables[factor.target], rows, torch.zeros((), dtype=self.dtype, device=self.device))

    def draw(self, step: DrawStep, values: Mapping[str, torch.Tensor], source: Source) -> torch.Tensor:
        """Return a draw, `(rows, *shape)`, in the dtype of the game (int64 for categorical variables)."""
        return self.drawn(step, values, source)[1]

    def drawn(
        self, step: DrawStep, values: Mapping[str, torch.Tensor], source: Source, part: tuple[torch.Tensor, torch.Tensor] | None = None
    ) -> tuple[Distribution, torch.Tensor]:
        """Return the distribution that a draw is made from, with the draw; `part` is what is known of it, and where."""
        rows = len(values[step.inputs[0][1]]) if step.inputs else source.rows(step.rows) * step.samples
        noise = source.noise(step, rows, self.variables[step.factor.target].shape)
        distribution = self.distribution(step, values, rows)
        if part is not None:
            assert isinstance(distribution, ConditionableDistribution)  # as the type's options say
            distribution = distribution.given(*part)
        drawn = distribution.draw(noise)
        return distribution, drawn.to(self.dtype) if drawn.is_floating_point() else drawn

    def noise(self, step: NoiseStep, source: Source) -> torch.Tensor:
        """Return the noise of a draw that is made again, `(rows, *shape)` or `(rows, classes, *shape)`."""
        variable = self.variables[step.variable]
        shape = (variable.classes or 1, *variable.shape) if step.by_class else variable.shape
        return source.noise(step, source.rows(step.rows) * step.samples, shape)

    def redraw(self, step: RedrawStep, values: Mapping[str, torch.Tensor], estimator: DrawEstimator) -> torch.Tensor:
        """Return a draw with its gradient, `(rows, *shape)`, or weights of the classes, `(rows, classes, *shape)`."""
        noise = values[step.noise]
        drawn = estimator.draw(self.distribution(step, values, len(noise)), noise, self.variables[step.factor.target].classes)
        return drawn.to(self.dtype)

    def choose(self, step: ChooseStep, values: Mapping[str, torch.Tensor], source: Source) -> torch.Tensor:
        """Return, row by row, one of several values, `(rows, *shape)`."""
        choices = [values[ref] for ref in step.choices]
        chosen = (source.noise(step, len(choices[0]), ()) * len(choices)).long().view(-1, *[1] * (choices[0].dim() - 1))
        made = choices[0]
        for number, choice in enumerate(choices[1:], 1):
            made = torch.where(chosen == number, choice, made)
        return made

    def score(self, step: LogStep | DivergenceStep, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        """Return a log-likelihood or divergence summed over the elements: its mean over rows, a scalar, or that of every row, `(rows,)`."""
        score = self._divergence(step, values) if isinstance(step, DivergenceStep) else self._log_likelihood(step, values)
        return score.reshape(len(score), -1).sum(1) if step.by_row else score.sum() / len(score)

    def _log_likelihood(self, step: LogStep, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        value = values[step.value]
        return self.distribution(step, values, len(value)).log_prob(value)

    def _divergence(self, step: DivergenceStep, values: Mapping[str, torch.Tensor]) -> torch.Tensor:
        drawn, scored = (self.distribution(side, values, len(values[side.value])) for side in (step.drawn, step.scored))
        assert isinstance(drawn, FamilyDistribution)  # only families have divergences, as the graph has seen
        assert isinstance(scored, FamilyDistribution)
        divergence: torch.Tensor = drawn.family.divergence(drawn.raw, scored.family, scored.raw)
        return divergence


@torch.no_grad()
def complete(runner: Runner, steps: Iterable[Step], values: Values, source: Source) -> Values:
    """Run steps without gradient; return `values` with theirs added."""
    values = dict(values)
    for step in steps:
        match step:
            case EvaluateStep():
                values.update(runner.evaluate(step, values))
            case LogStep() | DivergenceStep():
                values[step.key] = runner.score(step, values)
            case RedrawStep():
                values[step.key] = runner.redraw(step, values, draw_estimator(step.estimator))
            case _:
                values[step.key] = _taken(runner, step, values, source)
    return values


def _taken(
    runner: Runner, step: ColumnStep | RepeatStep | DrawStep | ChooseStep | NoiseStep, values: Values, source: Source
) -> torch.Tensor:
    """Return the value of a step that takes rows or noise."""
    match step:
        case ColumnStep():
            return source.column(step)
        case RepeatStep():
            return values[step.column].repeat_interleave(step.samples, 0)
        case DrawStep():
            return runner.draw(step, values, source)
        case ChooseStep():
            return runner.choose(step, values, source)
        case NoiseStep():
            return runner.noise(step, source)


class Objective(nn.Module):
    """The loss of one turn, as a function of the completed values.

    It registers its owners' modules alone (one player, or those with a common utility) and reaches the other players through plain
    references, so that torch.compile and DistributedDataParallel wrap it as it is.

    Args:
        runner: the players, wired.
        turn: the steps and terms.
    """

    def __init__(self, runner: Runner, turn: Turn) -> None:
        super().__init__()
        self.players = nn.ModuleList(runner.players[name] for name in turn.owners)
        self.turn = turn
        self._runner = runner
        self._draws = {step.key: draw_estimator(step.estimator) for step in turn.steps if isinstance(step, RedrawStep)}
        self._scores = {term.term.title: score_estimator(term.term.gradient) for term in turn.terms if term.term.gradient and term.draws}
        made = {ref for step in turn.steps for ref in outputs_of(step)}
        needs = [ref for step in turn.steps for ref in needs_of(step)] + [key for term in turn.terms for key in term.keys]
        self.reads = tuple(dict.fromkeys(ref for ref in needs if ref not in made))

    def forward(self, values: Values) -> tuple[torch.Tensor, torch.Tensor]:
        """Return the loss, minus the utility, with the value of every term, `(terms,)`.

        Both are means over rows, in nats; a term's value is not weighted.
        """
        values = {ref: values[ref] for ref in self.reads}
        for step in self.turn.steps:
            if isinstance(step, EvaluateStep):
                values.update(self._runner.evaluate(step, values))
            elif isinstance(step, RedrawStep):
                values[step.key] = self._runner.redraw(step, values, self._draws[step.key])
            elif isinstance(step, LogStep | DivergenceStep):
                values[step.key] = self._runner.score(step, values)
        terms = torch.stack([self._value(term, values) for term in self.turn.terms])
        weights = terms.new_tensor([term.term.weight for term in self.turn.terms])
        return -(weights * terms).sum(), terms.detach()

    def _value(self, term: TermPlan, values: Values) -> torch.Tensor:
        """Return the value of a term, a scalar whose gradient is the estimate of the term's gradient."""
        total = _signed_sum(term.logs, values)
        if term.weights:
            return _weighted(total, _signed_sum(term.weights, values), term.term.samples, is_bound=term.is_bound)
        if not term.draws:
            return total
        drawn = torch.stack([values[key] for key in term.draws]).sum(0)
        return total.mean() + self._scores[term.term.title].surrogate(total.detach(), drawn, term.term.samples)


def _signed_sum(logs: tuple[tuple[int, str], ...], values: Values) -> torch.Tensor:
    return torch.stack([values[key] if sign > 0 else -values[key] for sign, key in logs]).sum(0)


def _weighted(utilities: torch.Tensor, scores: torch.Tensor, samples: int, *, is_bound: bool) -> torch.Tensor:
    """Return the mean over data of the mean over their samples, weighted by the softmax of scores without gradient.

    Of a bound that is the gradient: the value is `log 1/K sum_k exp(score_k)`. The weighted mean of the scores themselves would be above it,
    and in expectation above the log-likelihood that it bounds.

    Utilities and scores are `(data * samples,)`. Source: Bornschein and Bengio, "Reweighted wake-sleep", 2015; Burda, Grosse and
    Salakhutdinov, "Importance weighted autoencoders", 2016.
    """
    scores = scores.detach().reshape(-1, samples)
    means = (torch.softmax(scores, 1) * utilities.reshape(-1, samples)).sum(1)
    if is_bound:
        means = means + (torch.logsumexp(scores, 1) - log(samples) - means).detach()
    return means.mean()


def reached_parameters(players: Mapping[str, Player], turns: Iterable[Turn]) -> dict[str, list[tuple[str, nn.Parameter]]]:
    """Return, for each player that moves, its parameters that the terms of its turns depend on, by name."""
    found: dict[str, dict[str, nn.Parameter]] = {}
    for turn, owner in [(each, owner) for each in turns for owner in each.owners]:
        player = players[owner]
        mine = found.setdefault(owner, {})
        for prefix, module in _modules_reached(owner, player, turn):
            mine.update({f"{prefix}{name}": parameter for name, parameter in module.named_parameters()})
        if isinstance(player, Conditional):
            mine.update(_free_reached(owner, player, turn))
    return {name: list(parameters.items()) for name, parameters in found.items()}


def _modules_reached(owner: str, player: Player, turn: Turn) -> Iterator[tuple[str, nn.Module]]:
    if not isinstance(player, Conditional):
        yield "", player
        return
    for step in turn.steps:
        if isinstance(step, EvaluateStep) and step.player == owner:
            yield f"networks.{untaken(step.network)}.", player.network(step.network)
    for each in _conditionals(turn):
        if each.factor.player == owner:
            label = module_name(each.factor.label)
            yield f"families.{label}.", player.families[label]


def _conditionals(turn: Turn) -> Iterator[LogStep | RedrawStep]:
    """Yield the log-likelihoods and draws of a turn, with both sides of divergences."""
    for step in turn.steps:
        if isinstance(step, LogStep | RedrawStep):
            yield step
        elif isinstance(step, DivergenceStep):
            yield from (step.drawn, step.scored)


def _free_reached(owner: str, player: Conditional, turn: Turn) -> dict[str, nn.Parameter]:
    raws = [raw for step in _conditionals(turn) for raw in step.raws if isinstance(raw, Free)]
    names = [module_name(raw.factor) for raw in raws if raw.player == owner]
    return {f"free.{name}": player.free[name] for name in names}


@contextmanager
def without_gradients(parameters: Iterable[nn.Parameter]) -> Iterator[None]:
    """Let parameters not require gradients, meanwhile."""
    changed = [parameter for parameter in parameters if parameter.requires_grad]
    for parameter in changed:
        parameter.requires_grad = False
    try:
        yield
    finally:
        for parameter in changed:
            parameter.requires_grad = True


def owned_by(owners: str | Iterable[str], players: Mapping[str, Player]) -> AbstractContextManager[None]:
    """Let only the parameters of one player, or of several, require gradients, meanwhile."""
    names = {owners} if isinstance(owners, str) else set(owners)
    return without_gradients([parameter for name, player in players.items() if name not in names for parameter in player.parameters()])


def objectives(runner: Runner, turns: Iterable[Turn]) -> tuple[Objective, ...]:
    """Return one objective per turn."""
    return tuple(Objective(runner, turn) for turn in turns)
