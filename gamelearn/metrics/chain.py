"""How metrics ask a game for what is not known: the options of the chain, and the question, block by block.

This file asks.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal

import torch
from pydantic import Field

from gamelearn.game import Game
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.gibbs.diagnostics import Diagnosis, pooled
from gamelearn.graph.model import Graph, Sampler
from gamelearn.inference import Inference, infer
from gamelearn.metrics.metric import Context
from gamelearn.options import Options
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


class Asker:
    """Asks a game the same question about block after block of rows, and keeps the diagnostics.

    Args:
        game: that answers.
        context: with the values of the chain that the user gave, which go over the options.
        options: of the chain.
        given: the variables that are given whole.
        hidden: the variables that are given in part.
        want: what is asked for.

    Raises:
        EvidenceError: no chain answers the question.
    """

    def __init__(
        self, game: Game, context: Context, options: ChainOptions, *, given: Sequence[str], hidden: Sequence[str], want: Sequence[str]
    ) -> None:
        self._game, self._seed, self._want, self._hidden = game, context.seed, tuple(want), tuple(hidden)
        self._values = {**options.model_dump(exclude_none=True), **context.chain}
        fixed, free = frozenset(given), frozenset(hidden)
        sampler = choose_sampler(game.graph, self._values.get("sampler"), fixed=fixed, free=free, want=set(want))
        self.sampler = sampler.name
        self.is_exact = _is_exact(sampler, fixed, want)
        if self.is_exact:
            self._values |= {"sweeps": 1, "burn_in": 0, "thin": 1, "chains": 1, "estimate": "conditionals"}
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
        """Return for the record which chain was run, and how well it mixed."""
        if self.is_exact:
            return {"sampler": self.sampler, "exact": True}
        mixing = {name: {"r_hat": each.r_hat, "r_hat_high": each.r_hat_high, "ess": each.ess} for name, each in self._pooled().items()}
        return {"sampler": self.sampler, "chain": dict(self._values), "mixing": mixing}

    def notes(self) -> list[str]:
        """Return a sentence for each wanted variable in which chains disagree."""
        if self.is_exact:
            return []
        return [
            f"chains of {self.sampler!r} disagree in {name!r}: R-hat is {each.r_hat:.2f} in the median"
            f" and above {each.limit:.2f} in {each.disagreeing:.0%} of its elements"
            for name, each in self._pooled().items()
            if name in self._want and each.is_alarming
        ]

    def _pooled(self) -> dict[str, Diagnosis]:
        return {name: pooled(each) for name, each in self._diagnoses.items()}


def _is_exact(sampler: Sampler, fixed: frozenset[str], want: Sequence[str]) -> bool:
    """Whether everything that is wanted is drawn from what is known alone, so that one conditional tells its marginal."""
    drawn = [bound for draw in sampler.sweep for bound in draw.factors if bound.target in want]
    return all(actual in fixed for bound in drawn for _, actual in bound.givens) and len(drawn) == len(want)


def answers(graph: Graph, name: str | None, *, given: Sequence[str], hidden: Sequence[str], want: Sequence[str]) -> None:
    """Check that a chain answers a question.

    Raises:
        EvidenceError: none does, with the reasons.
    """
    choose_sampler(graph, name, fixed=frozenset(given), free=frozenset(hidden), want=frozenset(want))
