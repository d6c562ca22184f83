"""How metrics ask a game for what is not known: the options of the chain, and the question, block by block.

This file asks.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import numpy as np
import torch
from pydantic import Field, ValidationError

from gamelearn.errors import quoted
from gamelearn.game import Game
from gamelearn.gibbs.choice import Choice, choose_sampler
from gamelearn.gibbs.counts import plain_number
from gamelearn.gibbs.diagnostics import Diagnosis, pooled
from gamelearn.graph.model import Factor, Graph, Sampler
from gamelearn.graph.samplers import sampler_of
from gamelearn.inference import SWEEPS, Inference, infer
from gamelearn.metrics.metric import Context, MetricError, finite
from gamelearn.options import Mistake, Options, describe, mistakes_of
from gamelearn.spec.kinds import Name, Positive


class ChainOptions(Options):
    """A Gibbs chain that infers what is not known; what is left out is as the sampler says."""

    sampler: Name | None = None
    """The sampler, or `automatic`; by default the last declared one that fits, else the automatic one."""
    sweeps: Positive | None = None
    """How many sweeps are counted."""
    burn_in: Annotated[int, Field(ge=0)] | None = None
    """How many sweeps are made before."""
    thin: Positive | None = None
    """Every sweep of so many is counted."""
    chains: Positive | None = None
    """How many chains each image has."""
    estimate: Literal["conditionals", "counts"] | None = None
    """`conditionals`, the default: the conditionals' probabilities are averaged; `counts`: draws are counted."""


def chain_values(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return values of a chain that a user gives, such as `sweeps`, once checked; those that are None are left out.

    Raises:
        MetricError: a name or a value is wrong; all that are.
    """
    if not isinstance(values, Mapping):
        raise MetricError(f"'chain' must be a map with {quoted(ChainOptions.keys())}, got {describe(values)}")
    plain = {name: _plain(each) for name, each in values.items() if each is not None}
    try:
        ChainOptions.model_validate(plain)
    except ValidationError as error:
        raise MetricError("\n".join(map(_told, mistakes_of(error)))) from None
    return plain


def _plain(value: Any) -> Any:
    """Return a whole number, or any scalar of numpy, as Python's own; anything else as it is."""
    number = plain_number(value)
    if number is not None:
        return number
    return value.item() if isinstance(value, np.generic) else value


def _told(mistake: Mistake) -> str:
    hint = f"; did you mean {mistake.suggestion!r}?" if mistake.suggestion else ""
    return f"{'.'.join(map(str, ('chain', *mistake.path)))}: {mistake.what}{hint}"


@dataclass(frozen=True)
class ChainQuestion:
    """A question of a metric.

    Attributes:
        given: the variables that are given whole.
        hidden: the variables that are given in part.
        split: those of them of which a row may be known in part, rather than whole or not at all.
        want: what is asked for.
        conditional: whether conditionals of what is wanted given what is known, if there are any, go before chains that are not named.
    """

    given: Sequence[str]
    hidden: Sequence[str]
    want: Sequence[str]
    split: Sequence[str] = ()
    conditional: bool = False


class Asker:
    """Asks a game the same question about block after block of rows, and keeps the diagnostics.

    Args:
        game: that answers.
        context: with the values of the chain that the user gave, which go over the options.
        options: of the chain.
        asked: the question.

    Raises:
        EvidenceError: no chain answers the question.
    """

    def __init__(self, game: Game, context: Context, options: ChainOptions, asked: ChainQuestion) -> None:
        self._game, self._seed, self._want, self._hidden = game, context.seed, tuple(asked.want), tuple(asked.hidden)
        self._values = {**options.model_dump(exclude_none=True), **context.chain}
        choice = answers(game.graph, self._values.get("sampler"), asked)
        self.sampler, self._said = choice.sampler.name, (*([choice.notice] if choice.notice else []), *choice.warnings)
        factors = _exact_factors(choice.sampler, frozenset(asked.given), asked.want)
        self.is_exact = bool(factors)
        if factors:
            self._values |= {"sweeps": 1, "burn_in": 0, "thin": 1, "chains": 1, "estimate": "conditionals"}
        self._used = used_values(choice.sampler, self._values)
        self._values["sampler"] = sampler_of(factors, self.sampler) if factors else choice.sampler
        self._diagnoses: dict[str, list[Diagnosis]] = {}

    def ask(self, values: Mapping[str, torch.Tensor], hide: Mapping[str, torch.Tensor], first_row: int) -> Inference:
        """Return the answer for one block: `values` are given, but for what `hide` hides of them."""
        answer = infer(
            self._game, values, hide=hide, want=self._want, seed=self._seed, first_row=first_row, partly=self._hidden, **self._values
        )
        for name, diagnosis in answer.diagnostics.items():
            self._diagnoses.setdefault(name, []).append(diagnosis)
        return answer

    def facts(self) -> dict[str, Any]:
        """Return for the record which chain was run, with the values that were used, and how well it mixed."""
        if self.is_exact:
            return {"sampler": self.sampler, "exact": True, "chain": self._used}
        pooled_by_name = self._pooled().items()
        mixing = {name: {key: finite(getattr(each, key)) for key in ("r_hat", "r_hat_high", "ess")} for name, each in pooled_by_name}
        return {"sampler": self.sampler, "chain": self._used, "mixing": mixing}

    def notes(self) -> list[str]:
        """Return what is to be said of the choice of the chain, and a sentence for each wanted variable in which chains disagree."""
        return [
            *self._said,
            *(
                f"chains of {self.sampler!r} disagree in {name!r}: R-hat is {each.r_hat:.2f} in the median"
                f" and above {each.limit:.2f} in {each.disagreeing:.0%} of its elements"
                for name, each in self._pooled().items()
                if name in self._want and each.is_alarming
            ),
        ]

    def _pooled(self) -> dict[str, Diagnosis]:
        return {name: pooled(each) for name, each in self._diagnoses.items()}


def _exact_factors(sampler: Sampler, fixed: frozenset[str], want: Sequence[str]) -> list[Factor]:
    """Return the factors that draw all that is wanted from what is known alone, so that each tells a marginal; none if they are not so."""
    drawn = [bound.factor for draw in sampler.sweep for bound in draw.factors if bound.target in want]
    return drawn if len(drawn) == len(want) and all(fixed.issuperset(factor.givens) for factor in drawn) else []


def used_values(sampler: Sampler, asked: Mapping[str, Any]) -> dict[str, Any]:
    """Return the values with which a chain is run: those that are asked for, the others as the sampler says."""
    own = {"sweeps": sampler.sweeps or SWEEPS, "burn_in": sampler.burn_in, "thin": sampler.thin, "chains": sampler.chains}
    return {name: default if asked.get(name) is None else asked[name] for name, default in {**own, "estimate": "conditionals"}.items()}


def answers(graph: Graph, name: str | None, asked: ChainQuestion) -> Choice:
    """Return the chain that answers a question.

    Raises:
        EvidenceError: none does, with the reasons.
    """
    known = {"fixed": frozenset(asked.given), "free": frozenset(asked.hidden), "split": frozenset(asked.split)}
    return choose_sampler(graph, name, **known, want=frozenset(asked.want), conditional=asked.conditional)
