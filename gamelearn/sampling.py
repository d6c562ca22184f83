"""Samples from a trained game: joint draws from one player or of a chain, and data beside what a player makes of their hidden code.

Every draw has a noise key of its own, so that equal seeds give equal samples, whatever else is drawn. This file draws them.
"""

from collections.abc import Collection, Iterator, Mapping, Set
from dataclasses import dataclass, replace
from typing import Literal

import torch

from gamelearn.errors import EvidenceError, GamelearnError, quoted
from gamelearn.factor_draws import drawn_by, rows_of
from gamelearn.game import Game
from gamelearn.gibbs.chain import GibbsChain
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.gibbs.counts import whole_number
from gamelearn.gibbs.evidence import Evidence
from gamelearn.graph.model import Bound, Factor, Graph, PlayerDraw, Sampler, Stage, StreamDraw, Term, unknown
from gamelearn.graph.resolve import ResolutionError, resolve_factors
from gamelearn.graph.samplers import find_half_steps, lacking_at_end
from gamelearn.inference import BLOCK
from gamelearn.options import describe
from gamelearn.plan.sampler import Move, SamplerPlan, plan_sampler
from gamelearn.players.player import Distribution
from gamelearn.spec.formula import FormulaError

Values = dict[str, torch.Tensor]
_OTHER_ROWS = 1


@dataclass(frozen=True)
class Reconstruction:
    """Rows of the data, and the expectation of a factor whose givens were drawn from them.

    `data` has shape `(count, *shape)`; so has `mean`, but of a categorical variable it holds the probabilities,
    `(count, classes, *shape)`. `drawn` is a draw instead, `(count, *shape)`. `title` names the term that was taken and its factor.
    """

    data: torch.Tensor
    mean: torch.Tensor
    title: str
    drawn: torch.Tensor


def ancestral(
    game: Game,
    player: str | None = None,
    count: int = 64,
    *,
    seed: int = 0,
    decide: Literal["draw", "mean"] = "draw",
    means: Collection[str] | None = None,
    beside: bool = False,
    first_row: int = 0,
) -> dict[str, torch.Tensor]:
    """Draw all targets of one player jointly, each factor after the ones it reads.

    Args:
        game: with its players.
        player: one that can draw all its targets from nothing; by default, of those, the one with most variables.
        count: the number of joint draws.
        seed: of the noise.
        decide: `draw`: every variable is drawn; `mean`: the variables that no other drawn factor reads are given as
            expectations, which makes smoother pictures.
        means: the variables that `mean` gives as expectations instead; what reads one is drawn from a draw of it all the same.
        beside: give expectations beside the draws, under the names of `expectation_of`, not in their place.
        first_row: the number of the first sample, which keys its noise: blocks of samples give what one call gives.

    Returns:
        By variable a tensor `(count, *shape)`: floats in the game's dtype, classes int64. The expectation of a categorical
        variable is its probabilities, `(count, classes, *shape)`.

    Raises:
        GamelearnError: the player is unknown or cannot draw without givens; those that can are listed, with the reasons why
            others cannot.
    """
    chosen, factors = drawing_player(game.graph, player)
    read = {given for factor in factors for given in factor.givens}
    shown = {factor.target for factor in factors}.difference(read) if means is None else set(means)
    values: Values = {}
    expected: Values = {}
    with torch.no_grad():
        for factor in factors:
            given = {name: values[name] for name in factor.givens}
            distribution = game.players[chosen].distribution(factor.label, given, count)
            if decide == "mean" and factor.target in shown:
                expected[factor.target] = rows_of(distribution.mean(), count)
            values[factor.target] = drawn_by(game, factor, distribution, ("sample", chosen), count, seed, first_row)
    return {**values, **_named(expected, beside)}


def expectation_of(variable: str) -> str:
    """Return the name of a variable's expectation where it is given beside the draw.

    >>> expectation_of("x")
    'mean of x'
    """
    return f"mean of {variable}"


def _named(expected: Values, beside: bool) -> Values:
    return {expectation_of(name): value for name, value in expected.items()} if beside else expected


def is_drawn_by_one(graph: Graph) -> bool:
    """Whether one player draws, from nothing, all that any player draws; not each by itself, where other players know of dependencies."""
    factors = [factor for player in graph.players.values() for factor in player.factors.values()]
    try:
        _, order = drawing_player(graph)
    except GamelearnError:
        return False
    is_joint = len(order) == 1 or any(factor.givens for factor in order) or not any(factor.givens for factor in factors)
    return is_joint and {factor.target for factor in order} == {factor.target for factor in factors}


def can_sample(graph: Graph) -> bool:
    """Return whether joint samples can be drawn: by one player, or by a chain."""
    try:
        return is_drawn_by_one(graph) or choose_sampler(graph) is not None
    except EvidenceError:
        return False


def drawing_player(graph: Graph, player: str | None = None) -> tuple[str, tuple[Factor, ...]]:
    """Return a player that can draw all its targets without givens, with its factors in the order of drawing.

    Args:
        graph: the game.
        player: its name; by default, of those that can, the first one with most variables.

    Raises:
        GamelearnError: the player is unknown, or cannot; or nobody can.
    """
    if player is not None and player not in graph.players:
        raise GamelearnError(unknown("player", player, graph.players))
    orders: dict[str, tuple[Factor, ...]] = {}
    reasons: dict[str, str] = {}
    for name, node in graph.players.items():
        targets = tuple(dict.fromkeys(factor.target for factor in node.factors.values()))
        try:
            orders[name] = resolve_factors(node, targets, ())
        except ResolutionError as error:
            reasons[name] = str(error)
    if player in reasons or not orders:
        raise GamelearnError(_cannot(player, orders, reasons))
    chosen = player or max(orders, key=lambda name: len(orders[name]))
    return chosen, orders[chosen]


def _cannot(player: str | None, orders: Mapping[str, tuple[Factor, ...]], reasons: Mapping[str, str]) -> str:
    if player is None:
        return "\n".join(["no player can draw all its variables without givens:", *(f"{name!r}: {why}" for name, why in reasons.items())])
    can = f"players that can: {quoted(orders)}" if orders else "no player can"
    return f"the player {player!r} cannot draw all its variables without givens: {reasons[player]}; {can}"


@torch.no_grad()
def limiting(
    game: Game,
    count: int = 64,
    *,
    sampler: str | None = None,
    sweeps: int = 100,
    after: str | None = None,
    seed: int = 0,
    decide: Literal["draw", "mean"] = "draw",
    means: Collection[str] | None = None,
    beside: bool = False,
    first_row: int = 0,
    block: int = BLOCK,
) -> dict[str, torch.Tensor]:
    """Draw from the limiting distribution of a Gibbs chain: its state after many sweeps, one chain for each sample.

    Args:
        game: with its players.
        count: the number of joint draws.
        sampler: a declared one that reads nothing undrawn, or `automatic`; by default the last declared one, else the automatic one.
        sweeps: how many sweeps each chain makes.
        after: with which half-step it ends: `end`, a draw of the sweep such as `painter(x | s, z2)`, or `mixture`, each row after any of
            them (eq. 10). When the players are inconsistent the joint distribution depends on it. By default as the sampler says.
        seed: of the noise.
        decide: `mean`: the variables that a stream shows are given as the expectations of the conditionals that they were last drawn
            from, which makes smoother pictures.
        means: the variables that `mean` gives as expectations instead.
        beside: give expectations beside the draws, under the names of `expectation_of`, not in their place.
        first_row: the number of the first sample, which keys its noise: blocks of samples give what one call gives.
        block: how many chains are held in memory at a time.

    Returns:
        By variable a tensor `(count, *shape)`; the expectation of a categorical variable is its probabilities,
        `(count, classes, *shape)`.

    Raises:
        EvidenceError: there is no such sampler or half-step, several half-steps are meant, or the sampler reads a variable that it
            does not draw.
    """
    count, sweeps, block = whole_number("count", count, 1), whole_number("sweeps", sweeps, 1), whole_number("block", block, 1)
    seed, first_row = whole_number("seed", seed), whole_number("first_row", first_row, 0)
    chosen = choose_sampler(game.graph, sampler).sampler
    chosen = replace(chosen, after=_half_step(game.graph, chosen, after))
    if sweeps == 1 and (lacking := lacking_at_end(chosen)):
        raise EvidenceError(f"after one sweep {quoted(lacking)} may not be drawn yet: take 2 sweeps")
    plan = plan_sampler(game.graph, chosen)
    shown = {each for stream in game.graph.streams.values() for each in stream.variables} if means is None else set(means)
    wanted = shown if decide == "mean" else set()
    parts = []
    for first in range(0, count, block):
        drawn, expected = _limit(game, plan, min(block, count - first), first_row + first, sweeps, seed, wanted)
        parts.append({**drawn, **_named(expected, beside)})
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def _half_step(graph: Graph, sampler: Sampler, after: str | None) -> str:
    if after is None or after in ("end", "mixture"):
        return after or sampler.after
    if not isinstance(after, str):
        raise EvidenceError(f"'after' must be one of {_half_steps(sampler)}, got {describe(after)}")
    try:
        found = find_half_steps(graph, sampler, after)
    except FormulaError:
        found = []
    if not found:
        raise EvidenceError(f"the sampler {sampler.name!r} has no half-step {after!r}; known: {_half_steps(sampler)}")
    if len(found) > 1:
        kinds = list(dict.fromkeys(found))
        which = f"may be {' or '.join(map(repr, kinds))}" if len(kinds) > 1 else f"is drawn {len(found)} times in a sweep"
        raise EvidenceError(f"the half-step {after!r} of the sampler {sampler.name!r} {which}: which is meant?")
    return found[0]


def _half_steps(sampler: Sampler) -> str:
    return quoted(["end", "mixture", *map(str, sampler.sweep)])


def _limit(game: Game, plan: SamplerPlan, rows: int, first_row: int, sweeps: int, seed: int, wanted: Set[str]) -> tuple[Values, Values]:
    """Return the last state of chains, with the expectations of the wanted variables that they draw."""
    chain = GibbsChain(game.runner(), plan, Evidence(rows, {}, {}), chains=1, seed=seed, first_row=first_row)
    means = _Means(wanted)
    state = chain.start(means.watch)
    for number in range(sweeps - 1):
        state = chain.sweep(state, number, means.watch)
    drawn, expected = [], []
    for moves in chain.ends():
        last = means.copy()
        drawn.append(chain.sweep(state, sweeps - 1, last.watch, moves=moves))
        expected.append({**drawn[-1], **last.found})
    targets = plan.sampler.targets
    chosen, meant = chain.choose(drawn), chain.choose(expected)
    return {name: chosen[name] for name in targets}, {name: meant[name] for name in targets if name in last.found}


class _Means:
    """Keeps the newest expectation of every wanted variable."""

    def __init__(self, wanted: Set[str]) -> None:
        self.wanted = wanted
        self.found: Values = {}

    def copy(self) -> "_Means":
        made = _Means(self.wanted)
        made.found = dict(self.found)
        return made

    def watch(self, move: Move, distribution: Distribution, drawn: torch.Tensor) -> None:
        if move.variable in self.wanted:
            self.found[move.variable] = rows_of(distribution.mean(), len(drawn))


def reconstruct(game: Game, count: int, *, split: str, seed: int = 0) -> dict[str, Reconstruction]:
    """Draw the hidden code of some rows of data, and return the expectations of the data given the code.

    The terms of the last stage say what that means: `E[images(x), encoder(z | x)] log decoder(x | z)` gives for `x` the data
    beside the mean of `decoder(x | z)` at a draw from `encoder(z | x)`. Of several terms that fit, the one counts that shows most
    variables of the data, then the one with fewest draws, then the first; a variable that the last stage has no term for is taken from
    the stage before.

    Args:
        game: with its players; its data is opened.
        count: the number of rows, the first of the split; fewer if it has fewer.
        split: `train`, `validation` or `test`.
        seed: of the noise.

    Returns:
        By variable; empty for a game without such a term.

    Raises:
        DataError: the data cannot be opened, or the split has no rows.
    """
    found: dict[str, Reconstruction] = {}
    with torch.no_grad():
        for term, bound in _best_first(game.graph):
            variable = bound.factor.target
            if variable in found:
                continue
            values = _chain_values(game, term, count, split, seed)
            rows = len(values[bound.target])
            given = {name: values[actual] for name, actual in bound.givens}
            distribution = game.players[bound.factor.player].distribution(bound.factor.label, given, rows)
            drawn = drawn_by(game, bound.factor, distribution, ("reconstruct", term.title), rows, seed)
            found[variable] = Reconstruction(values[bound.target], rows_of(distribution.mean(), rows), f"{term.title}: {bound}", drawn)
    return found


def _best_first(graph: Graph) -> list[tuple[Term, Bound]]:
    def rank(each: tuple[Term, Bound]) -> tuple[int, int]:
        columns = [draw.columns for draw in each[0].draws if isinstance(draw, StreamDraw)]
        return -len({name for column in columns for name, _, _ in column}), len(each[0].draws)

    return [each for stage in reversed(list(graph.stages.values())) for each in sorted(reconstructing_terms(stage), key=rank)]


def reconstructing_terms(stage: Stage) -> Iterator[tuple[Term, Bound]]:
    """Yield the terms of a stage, each with a scored factor whose target a stream shows and whose givens are drawn."""
    for terms in stage.utilities.values():
        for term in terms:
            if all(isinstance(draw, StreamDraw | PlayerDraw) for draw in term.draws):
                shown = {actual for draw in term.draws if isinstance(draw, StreamDraw) for _, actual, _ in draw.columns}
                drawn = {bound.target for draw in term.draws if isinstance(draw, PlayerDraw) for bound in draw.factors}
                for sign, bound in term.score:
                    if sign > 0 and bound.target in shown and drawn.intersection(actual for _, actual in bound.givens):
                        yield term, bound


def _chain_values(game: Game, term: Term, count: int, split: str, seed: int) -> Values:
    """Return the variables of a term's chain, begun with the first rows of a split."""
    streams = [draw for draw in term.draws if isinstance(draw, StreamDraw)]
    shown = {draw.stream: first_rows(game, draw.stream, count, split) for draw in streams}
    rows = min(len(value) for columns in shown.values() for value in columns.values())
    values: Values = {}
    for draw in term.draws:
        if isinstance(draw, StreamDraw):
            for variable, actual, ordinal in draw.columns:
                values[actual] = shown[draw.stream][variable][:rows].roll(ordinal * _OTHER_ROWS, dims=0)
        elif isinstance(draw, PlayerDraw):
            for bound in draw.factors:
                factor, given = bound.factor, {name: values[actual] for name, actual in bound.givens}
                distribution = game.players[factor.player].distribution(factor.label, given, rows)
                values[bound.target] = drawn_by(game, factor, distribution, ("reconstruct", term.title, bound.target), rows, seed)
    return values


def first_rows(game: Game, stream: str, count: int, split: str) -> Values:
    """Return the first rows of a split of a stream, without data noise, by variable `(count, *shape)`; fewer if it has fewer.

    Raises:
        DataError: the split has no rows, or cannot be read.
    """
    parts, rows = [], 0
    for batch in game.streams().split(stream, split, rows=count):
        parts.append(batch)
        rows += len(next(iter(batch.values())))
        if rows >= count:
            break
    return {name: torch.cat([part[name] for part in parts])[:count] for name in parts[0]}
