"""Rows that a game generates, by source, for the metrics that look at them.

    random_code   ancestral draws of the one player that generates everything
    limiting      the state of a Gibbs chain after many sweeps, one chain for each row

Images may be taken as decided in place of drawn: the mean, of a binary variable cut at 1/2, as in the paper's figures (section 6).
This file generates rows.
"""

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Literal

import torch

from gamelearn.data.words import counted
from gamelearn.errors import EvidenceError, GamelearnError, quoted
from gamelearn.game import Game
from gamelearn.gibbs.choice import check_sampler_name, choose_sampler
from gamelearn.graph.model import Graph, Sampler
from gamelearn.metrics.metric import Context, MetricError
from gamelearn.options import Listed
from gamelearn.sampling import Values, ancestral, drawing_player, expectation_of, limiting
from gamelearn.spec.kinds import MetricOptions, Name, Positive

RANDOM_CODE, LIMITING = "random_code", "limiting"
SOURCES = (RANDOM_CODE, LIMITING)
Source = Literal["random_code", "limiting"]
BLOCK = 256
"""How many rows are generated at a time, which changes none of them."""
_HALF = 0.5


class GeneratedOptions(MetricOptions):
    """The options of metrics that look at generated rows."""

    sources: Listed[Source] | None = None
    """Where rows come from: `random_code`, ancestral draws of the one player that generates everything; `limiting`, a chain after
    many sweeps. By default those that the game has."""
    sampler: Name | None = None
    """The sampler of `limiting`, or `automatic`; by default the last declared one, else the automatic one."""
    sweeps: Positive = 30
    """How many sweeps each chain of `limiting` makes (the paper makes 1,000)."""


@dataclass(frozen=True)
class Generation:
    """How a metric generates rows.

    Attributes:
        sources: some of `SOURCES`; None for those that the game has.
        sampler: of `limiting`.
        sweeps: of `limiting`.
        decided: whether images are taken as decided.
    """

    sources: tuple[str, ...] | None
    sampler: str | None
    sweeps: int
    decided: bool

    def sources_of(self, graph: Graph, variable: str) -> tuple[str, ...]:
        """Return the sources that generate a variable.

        Raises:
            MetricError: one that is asked for does not, or none does.
            EvidenceError: there is no such sampler.
        """
        if self.sampler is not None:
            check_sampler_name(graph, self.sampler)
        reasons = {source: why_not(graph, source, variable, self.sampler) for source in SOURCES}
        wanted = SOURCES if self.sources is None else self.sources
        found = tuple(source for source in wanted if reasons[source] is None)
        if (self.sources is not None and len(found) < len(wanted)) or not found:
            told = "; ".join(f"{source!r} {reasons[source]}" for source in wanted if reasons[source])
            raise MetricError(f"needs a way to generate {variable!r}: {told or 'no source is named'}")
        return found

    def rows(self, game: Game, context: Context, source: str, image: str, count: int, title: str) -> Values:
        """Return generated rows; what the user asks of the chain goes over the metric's own values, and the progress is told.

        Rows that another metric of the evaluation has generated are taken from it, drawn or decided.
        """
        chain, tell = self.chain(context), partial(context.progress, f"{title}, {source}")
        if context.kept is None:
            decided = (image,) if self.decided else ()
            return generated_rows(game, source, count, seed=context.seed, decided=decided, tell=tell, **chain)

        def make(rows: int) -> Values:
            return generated_rows(game, source, rows, seed=context.seed, decided=(image,), beside=True, tell=tell, **chain)

        own = (_chosen(game.graph, chain["sampler"]).name, chain["sweeps"]) if source == LIMITING else ()
        rows = context.kept.first((source, *own, context.seed, image), count, make)
        decision = rows.pop(expectation_of(image))
        return {**rows, image: decision} if self.decided else rows

    def chain(self, context: Context) -> dict[str, Any]:
        """Return sampler and sweeps, as the user asks or the metric says."""
        return {"sampler": context.chain.get("sampler", self.sampler), "sweeps": context.chain.get("sweeps", self.sweeps)}

    def facts(self, game: Game, context: Context, sources: Sequence[str]) -> dict[str, Any]:
        """Return for the record how rows were generated."""
        facts: dict[str, Any] = {"images": "decided" if self.decided else "drawn"}
        if RANDOM_CODE in sources:
            facts["player"] = drawing_player(game.graph)[0]
        if LIMITING in sources:
            chain = self.chain(context)
            sampler = _chosen(game.graph, chain["sampler"])
            facts |= {"sampler": sampler.name, "sweeps": chain["sweeps"], "after": sampler.after}
        return facts


def _chosen(graph: Graph, name: str | None) -> Sampler:
    """Return the sampler of `limiting`, as `gamelearn.sampling.limiting` chooses it."""
    return choose_sampler(graph, name).sampler


def title_of(source: str, sweeps: int) -> str:
    """Return what a block of figures of a source is called.

    >>> title_of("random_code", 30), title_of("limiting", 30)
    ('random code', 'limiting, 30 sweeps')
    """
    return f"limiting, {counted(sweeps, 'sweep')}" if source == LIMITING else "random code"


def why_not(graph: Graph, source: str, variable: str, sampler: str | None = None) -> str | None:
    """Return why a source does not generate a variable; None if it does."""
    try:
        if source == LIMITING:
            choose_sampler(graph, sampler, want=frozenset([variable]))
            return None
        player, factors = drawing_player(graph)
    except (EvidenceError, GamelearnError) as error:
        return "is not there: " + " ".join(str(error).split("\n"))
    targets = [factor.target for factor in factors]
    return None if variable in targets else f"draws {quoted(targets)} from the player {player!r}, not {variable!r}"


def generated_rows(
    game: Game,
    source: str,
    count: int,
    *,
    seed: int,
    sampler: str | None,
    sweeps: int,
    decided: Collection[str] = (),
    beside: bool = False,
    tell: Callable[[int, int], None] | None = None,
) -> Values:
    """Return rows that a game generates.

    Args:
        game: with its players.
        source: `random_code` or `limiting`.
        count: how many rows; fewer are the first of more.
        seed: of the noise.
        sampler: of `limiting`; None for the last declared one, else the automatic one.
        sweeps: of `limiting`.
        decided: binary or real variables that are taken as decided: the mean of the conditional that they were last drawn from, of a
            binary one 1 where it is above 1/2. The other variables are those drawn with it.
        beside: give what is decided beside the draws, under the names of `gamelearn.sampling.expectation_of`.
        tell: is told how many rows are done, and of how many.

    Returns:
        By variable a tensor `(count, *shape)`, on the game's device.

    Raises:
        EvidenceError: there is no such sampler, or it reads a variable that it does not draw.
        GamelearnError: no player generates everything.
    """
    how: Literal["draw", "mean"] = "mean" if decided else "draw"
    names = {expectation_of(name) if beside else name: name for name in decided}
    options: dict[str, Any] = {"seed": seed, "decide": how, "means": decided, "beside": beside}
    parts: list[Values] = []
    for first in range(0, count, BLOCK):
        rows = min(BLOCK, count - first)
        if source == LIMITING:
            made = limiting(game, rows, sampler=sampler, sweeps=sweeps, first_row=first, block=BLOCK, **options)
        else:
            made = ancestral(game, None, rows, first_row=first, **options)
        parts.append({name: _decide(game, names[name], value) if name in names else value for name, value in made.items()})
        if tell:
            tell(first + rows, count)
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _decide(game: Game, name: str, mean: torch.Tensor) -> torch.Tensor:
    return (mean > _HALF).to(mean.dtype) if game.graph.variables[name].type == "binary" else mean
