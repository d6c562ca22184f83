"""Questions to a trained game: this is known, what is the rest?

Whole variables, or any elements of them in each row, are clamped; a Gibbs chain over the players' conditionals draws the others
(sections 3 and 6 of the paper). Decisions are those of least expected error: the class of largest marginal probability for each
element, the mean for numbers. This file answers the questions.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import torch

from gamelearn.errors import EvidenceError, quoted
from gamelearn.game import Game
from gamelearn.gibbs.chain import GibbsChain, State
from gamelearn.gibbs.choice import Choice, choose_sampler
from gamelearn.gibbs.counts import whole_number
from gamelearn.gibbs.diagnostics import Diagnosis, diagnose, pooled
from gamelearn.gibbs.evidence import Evidence, read_evidence
from gamelearn.gibbs.statistics import Marginal
from gamelearn.graph.model import Graph, Sampler, unknown
from gamelearn.graph.samplers import lacking_at_end
from gamelearn.options import describe
from gamelearn.plan.sampler import Move, SamplerPlan, plan_sampler
from gamelearn.players.player import Distribution

SWEEPS = 10
BLOCK = 64

Values = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Inference:
    """What a game says of the variables that were asked for, each `(rows, ...)`.

    Attributes:
        decided: `(rows, *shape)`: the value of largest marginal probability (binary, categorical), the mean (real, count); known
            elements as they were given.
        mean: marginal probabilities of a categorical variable, `(rows, classes, *shape)`, the probability of 1 of a binary one,
            the mean of the others.
        deviation: of real and count variables, the standard deviation of the marginal.
        drawn: `(chains, rows, *shape)`: the state of every chain at its end, after the half-step that the sampler says.
        known: bool `(rows, *shape)`, which elements were given.
        diagnostics: by variable that the chain drew, wanted or not.
        warnings: what makes the answer doubtful.
        sampler: the chain that was run.
        notice: which declared samplers were passed over, and why; None where none was.
    """

    decided: Values
    mean: Values
    deviation: Values
    drawn: Values
    known: Values
    diagnostics: dict[str, Diagnosis]
    warnings: tuple[str, ...]
    sampler: str
    notice: str | None = None

    @property
    def rows(self) -> int:
        """How many rows were asked about."""
        return len(next(iter(self.decided.values())))


@dataclass(frozen=True)
class _Question:
    """A chain to run, with what to keep of it."""

    game: Game
    sampler: Sampler
    want: tuple[str, ...]
    conditionals: bool
    seed: int
    progress: Callable[[int], None]

    @property
    def sweeps(self) -> int:
        """How many sweeps are counted."""
        return self.sampler.sweeps or SWEEPS


@torch.no_grad()
def infer(
    game: Game,
    given: Mapping[str, Any] | None = None,
    *,
    hide: Mapping[str, Any] | None = None,
    want: Sequence[str] | None = None,
    rows: int | None = None,
    sampler: str | Sampler | None = None,
    sweeps: int | None = None,
    burn_in: int | None = None,
    thin: int | None = None,
    chains: int | None = None,
    estimate: Literal["conditionals", "counts"] = "conditionals",
    seed: int = 0,
    first_row: int = 0,
    block: int = BLOCK,
    partly: Collection[str] = (),
    progress: Callable[[int], None] | None = None,
) -> Inference:
    """Answer what the unknown variables are, given the known ones, by Gibbs sampling.

    Args:
        game: with its players.
        given: by variable an array or tensor `(rows, *shape)`, in the units of the data.
        hide: by variable a mask, `(rows, *shape)` or `(*shape)`, true where the given value is not known.
        want: variables or groups to be told of; by default all that are not wholly given and that the chain draws.
        rows: the number of rows, where nothing is given.
        sampler: the name of a sampler, or `automatic` for the chain that follows from the factors; by default the last declared one
            that fits and reads all that matters of what is given, else the automatic one.
        sweeps: how many sweeps are counted; by default as many as the sampler says, else 10.
        burn_in: sweeps before the first counted one; by default as the sampler says.
        thin: every sweep of so many is counted; by default as the sampler says.
        chains: independent chains for each row; by default as the sampler says.
        estimate: `conditionals` averages the expectations of the conditionals (Rao-Blackwell), `counts` the draws.
        seed: of the noise.
        first_row: the number of the first row, which keys its noise: blocks of rows give what one call gives.
        block: how many rows are held in memory at a time.
        partly: given variables that count as not wholly given even if nothing of them is hidden in these rows, as it is in
            other rows of the same question.
        progress: is told of every sweep of a block, as the number of rows that have moved on by one sweep.

    Raises:
        EvidenceError: what is given does not fit the variables, or no chain answers the question. Nothing has been drawn then.
    """
    evidence = read_evidence(game.graph.variables, {} if given is None else given, hide, rows=rows, device=game.device, dtype=game.dtype)
    evidence = replace(evidence, partly=frozenset(partly))
    choice, wanted = _chosen(game.graph, evidence, sampler, want)
    chosen = _with_counts(choice.sampler, sweeps=sweeps, burn_in=burn_in, thin=thin, chains=chains)
    _check(chosen, evidence, estimate)
    seed, first_row, block = whole_number("seed", seed), whole_number("first_row", first_row, 0), whole_number("block", block, 1)
    question = _Question(game, chosen, wanted, estimate == "conditionals", seed, progress or (lambda _: None))
    plan = plan_sampler(game.graph, chosen, evidence.fixed)
    starts = range(0, evidence.rows, block)
    parts = [_answer(question, plan, evidence.part(first, first + block), first_row + first) for first in starts]
    return _joined(parts, choice)


def _chosen(graph: Graph, evidence: Evidence, sampler: str | Sampler | None, want: Sequence[str] | None) -> tuple[Choice, tuple[str, ...]]:
    """Return the chain that answers, with the variables that are asked for."""
    fixed = evidence.fixed
    wanted = wanted_variables(graph, want, fixed)
    free = evidence.known.keys() - fixed
    choice = choose_sampler(graph, sampler, fixed=fixed, free=free, split=evidence.split, want=set(wanted))
    if want is None:
        wanted = tuple(name for name in graph.variables if name in choice.sampler.targets and name not in fixed)
    return choice, wanted


def _check(sampler: Sampler, evidence: Evidence, estimate: str) -> None:
    """Check that the chain has something to draw, and draws it before it is told of."""
    if estimate not in ("conditionals", "counts"):
        raise EvidenceError(f"unknown estimate {estimate!r}; known: 'conditionals', 'counts'")
    if not sampler.targets or evidence.fixed >= set(sampler.targets):
        raise EvidenceError("everything that the chain draws is given: hide a part, or leave a variable out")
    if sampler.burn_in + (sampler.sweeps or SWEEPS) * sampler.thin < 2 and (lacking := lacking_at_end(sampler)):
        raise EvidenceError(f"after one sweep {quoted(lacking)} may not be drawn yet: take 2 sweeps")


def wanted_variables(graph: Graph, want: Sequence[str] | None, fixed: Collection[str]) -> tuple[str, ...]:
    """Return the variables that are asked for by their names, or those of groups; none for None.

    Raises:
        EvidenceError: there is no such variable, or it is among the ones that are wholly given, `fixed`; or `want` is no list of names.
    """
    if want is None:
        return ()
    if not _are_names(want):
        raise EvidenceError(f"'want' must be a list of names, such as {[next(iter(graph.variables))]}, got {describe(want)}")
    found: list[str] = []
    for name in want:
        if name not in graph.variables and name not in graph.groups:
            raise EvidenceError(unknown("variable or group", name, {**graph.variables, **graph.groups}))
        found += graph.groups.get(name, (name,))
    known = [name for name in dict.fromkeys(found) if name in fixed]
    if known:
        raise EvidenceError(f"{quoted(known)} {'is' if len(known) == 1 else 'are'} wanted and wholly given: hide a part, or do not want it")
    return tuple(dict.fromkeys(found))


def _are_names(value: Any) -> bool:
    return not isinstance(value, str) and isinstance(value, Collection) and all(isinstance(name, str) for name in value)


def _with_counts(sampler: Sampler, sweeps: int | None, burn_in: int | None, thin: int | None, chains: int | None) -> Sampler:
    return replace(
        sampler,
        sweeps=sampler.sweeps if sweeps is None else whole_number("sweeps", sweeps, 1),
        burn_in=sampler.burn_in if burn_in is None else whole_number("burn_in", burn_in, 0),
        thin=sampler.thin if thin is None else whole_number("thin", thin, 1),
        chains=sampler.chains if chains is None else whole_number("chains", chains, 1),
    )


def _answer(question: _Question, plan: SamplerPlan, evidence: Evidence, first_row: int) -> Inference:
    """Run the chains of one block of rows."""
    game, sampler = question.game, question.sampler
    chain = GibbsChain(game.runner(), plan, evidence, chains=sampler.chains, seed=question.seed, first_row=first_row)
    counter = _Counter(question, plan)
    state = before = chain.start()
    number = 0
    for _ in range(sampler.burn_in):
        state = chain.sweep(state, number)
        number += 1
        question.progress(evidence.rows)
    for _ in range(question.sweeps):
        for skipped in reversed(range(sampler.thin)):
            before = state
            state = chain.sweep(state, number, None if skipped else counter.watch)
            number += 1
            question.progress(evidence.rows)
        counter.count()
    if sampler.after != "end":
        state = chain.choose([chain.sweep(before, number - 1, moves=moves) for moves in chain.ends()])
    return _result(question, counter, state, evidence)


class _Counter:
    """Adds, for every counted sweep, the newest draw of each variable, with its conditional expectation, to its marginal."""

    def __init__(self, question: _Question, plan: SamplerPlan) -> None:
        names = dict.fromkeys(move.variable for move in plan.sweep)
        variables = question.game.graph.variables
        self.marginals = {
            name: Marginal(variables[name], sweeps=question.sweeps, conditionals=question.conditionals and name in question.want)
            for name in names
        }
        self._newest: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

    def watch(self, move: Move, distribution: Distribution, drawn: torch.Tensor) -> None:
        mean = distribution.mean() if self.marginals[move.variable].conditionals else drawn
        self._newest[move.variable] = (mean, drawn)

    def count(self) -> None:
        for name, (mean, drawn) in self._newest.items():
            self.marginals[name].add(mean, drawn)


def _result(question: _Question, counter: _Counter, state: State, evidence: Evidence) -> Inference:
    chains, sampler = question.sampler.chains, question.sampler
    variables = question.game.graph.variables
    known = {name: _known(evidence, name, state[name][: evidence.rows]) for name in counter.marginals}
    diagnostics = {name: diagnose(each, chains, ~known[name]) for name, each in counter.marginals.items()}
    decided, mean, deviation, drawn = {}, {}, {}, {}
    for name in question.want:
        marginal = counter.marginals[name]
        mean[name] = _clamped_mean(marginal.mean(chains).to(question.game.dtype), marginal, evidence)
        decided[name] = _decided(mean[name], marginal)
        drawn[name] = state[name].view(chains, evidence.rows, *variables[name].shape)
        if variables[name].type in ("real", "count"):
            deviation[name] = torch.where(known[name], 0.0, marginal.deviation(chains)).to(question.game.dtype)
    wanted_known = {name: known[name] for name in question.want}
    return Inference(decided, mean, deviation, drawn, wanted_known, diagnostics, (), sampler.name)


def _known(evidence: Evidence, name: str, like: torch.Tensor) -> torch.Tensor:
    return evidence.known[name] if name in evidence.known else torch.zeros_like(like, dtype=torch.bool)


def _clamped_mean(mean: torch.Tensor, marginal: Marginal, evidence: Evidence) -> torch.Tensor:
    """Return the mean with known elements as they were given."""
    name = marginal.variable.name
    if name not in evidence.known:
        return mean
    known = evidence.known[name]
    series = marginal.series(evidence.values[name])
    return torch.where(known.unsqueeze(1) if series.dim() > known.dim() else known, series.to(mean.dtype), mean)


def _decided(mean: torch.Tensor, marginal: Marginal) -> torch.Tensor:
    match marginal.variable.type:
        case "categorical":
            return mean.argmax(1)
        case "binary":
            return (mean > 0.5).to(mean.dtype)
        case _:
            return mean


def _joined(parts: Sequence[Inference], choice: Choice) -> Inference:
    def join(name: str, dim: int = 0) -> Values:
        first: Values = getattr(parts[0], name)
        return {key: torch.cat([getattr(part, name)[key] for part in parts], dim) for key in first}

    diagnostics = {key: pooled([part.diagnostics[key] for part in parts]) for key in parts[0].diagnostics}
    warnings = choice.warnings + tuple(disagreement(name, each) for name, each in diagnostics.items() if each.is_alarming)
    known, drawn = join("known"), join("drawn", 1)
    name, notice = choice.sampler.name, choice.notice
    return Inference(join("decided"), join("mean"), join("deviation"), drawn, known, diagnostics, warnings, name, notice)


def disagreement(name: str, found: Diagnosis) -> str:
    """Return the warning about a variable in which chains disagree."""
    return (
        f"chains disagree in {name!r}: R-hat is above {found.limit:.2f} in {found.disagreeing:.0%} of its elements"
        " (a tenth may be chance); more burn-in or sweeps may help"
    )
