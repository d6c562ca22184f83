"""Ways to draw what is missing from what is known, by the factors of a game.

A way takes one factor for each variable that has to be drawn, its missing givens included, without a circle. Of several ways
the most informed one is meant: each of its factors reads all that the others' factors of the same variable read. This file
finds ways to complete rows of values.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import networkx

from gamelearn.graph.formula_text import Move, PlainTerm
from gamelearn.graph.model import Factor, Graph, Sampler

Way = dict[str, Factor]
_MOST_STEPS = 10_000


class TooManyWays(Exception):
    """A game with too many factors to look at all ways."""


class Incomparable(Exception):
    """Factors of one variable of which none reads all that the others read."""

    def __init__(self, factors: Iterable[Factor]) -> None:
        super().__init__()
        self.factors = tuple(factors)


def find_ways(needed: Iterable[str], known: Collection[str], fillers: Callable[[str], Iterable[Factor]]) -> list[Way]:
    """Return every way to draw the needed variables.

    Args:
        needed: what is to be drawn.
        known: what needs no draw.
        fillers: returns the factors that may draw a variable.

    Raises:
        TooManyWays: the search would not end.
    """
    steps = iter(range(_MOST_STEPS))

    def extend(chosen: Way, waiting: Sequence[str]) -> Iterator[Way]:
        if not waiting:
            yield chosen
            return
        name, *rest = waiting
        for factor in fillers(name):
            if next(steps, None) is None:
                raise TooManyWays
            more = {**chosen, name: factor}
            if networkx.is_directed_acyclic_graph(dependencies(more.values())):
                yield from extend(more, [*rest, *(each for each in factor.givens if each not in {*known, *more, *rest})])

    return list(extend({}, [name for name in dict.fromkeys(needed) if name not in known]))


def dependencies(factors: Iterable[Factor]) -> networkx.DiGraph:
    """Return the graph of the givens of factors: an edge from each given to its target."""
    graph = networkx.DiGraph()
    for factor in factors:
        graph.add_node(factor.target)
        graph.add_edges_from((given, factor.target) for given in factor.givens)
    return graph


def best_way(found: Sequence[Way]) -> tuple[Factor, ...]:
    """Return the factors of the most informed way, in the order in which they can be drawn.

    Raises:
        Incomparable: there is no such way, or there are several.
    """
    best = [way for way in found if all(_contains(way, other) for other in found)]
    if len(best) != 1:
        raise Incomparable(_disputed(best or found))
    order = networkx.lexicographical_topological_sort(dependencies(best[0].values()), key=str)
    return tuple(best[0][name] for name in order if name in best[0])


def most_informed(factors: Sequence[Factor]) -> Factor:
    """Return the factor whose givens contain those of all the others.

    Raises:
        Incomparable: there is no such factor, or there are several.
    """
    best = [factor for factor in factors if all(set(factor.givens) >= set(other.givens) for other in factors)]
    if len(best) != 1:
        raise Incomparable(best or factors)
    return best[0]


def _contains(way: Way, other: Way) -> bool:
    return all(set(way[name].givens) >= set(other[name].givens) for name in way.keys() & other.keys())


def _disputed(found: Sequence[Way]) -> list[Factor]:
    """Return the factors of the first variable that ways draw from several, or the most informed ones that no way draws one after another."""
    best: list[Factor] = []
    for name in dict.fromkeys(each for way in found for each in way):
        factors = list({str(way[name]): way[name] for way in found if name in way}.values())
        try:
            best.append(most_informed(factors))
        except Incomparable as error:
            return list(error.factors)
    circle = {target for _, target in networkx.find_cycle(dependencies(best))}
    return [factor for factor in best if factor.target in circle]


@dataclass(frozen=True)
class Row:
    """What a term begins with: columns of a stream, draws of a player that generates, or both."""

    stream: str | None
    columns: tuple[str, ...]
    moves: tuple[Move, ...] = ()

    @property
    def known(self) -> frozenset[str]:
        """The variables that have values."""
        return frozenset(self.columns).union(*(move.targets for move in self.moves))


@dataclass(frozen=True)
class Completion:
    """How the players of a game complete each other's rows: the factors of each player, and the samplers, that may be used."""

    factors: Mapping[str, Sequence[Factor]]
    samplers: Sequence[Sampler]

    def others(self, player: str, target: str, row: Row) -> list[Factor]:
        """Return the other players' factors of a variable; one that reads nothing completes generated rows alone."""
        every = (each for name, own in self.factors.items() if name != player for each in own if each.target == target)
        return [each for each in every if each.givens or row.moves]

    def disregarded(self, factor: Factor, known: Collection[str]) -> list[str]:
        """Return what is known, is no given of a factor, and is drawn after its target in its player's own model."""
        model = dependencies(self.factors[factor.player])
        model.remove_nodes_from(factor.givens)
        return sorted(networkx.descendants(model, factor.target) & (set(known) - set(factor.givens)))

    def ways(self, player: str, row: Row, needed: Iterable[str], known: Collection[str]) -> list[Way]:
        """Return the ways in which the others of a player can draw what a row lacks; `known` may hold more than the row.

        Raises:
            TooManyWays: the search would not end.
        """

        def fillers(name: str) -> list[Factor]:
            return [each for each in self.others(player, name, row) if not self.disregarded(each, row.known)]

        return find_ways(needed, known, fillers)

    def can_complete(self, player: str, row: Row, needed: Iterable[str]) -> bool:
        """Return whether a row can be completed, whatever the way."""
        left = [name for name in needed if name not in row.known]
        known = row.known.union(*(each.targets for each in self.fitting_samplers(player, row, left)[:1]))
        return bool(self.ways(player, row, left, known))

    def fitting_samplers(self, player: str, row: Row, missing: Collection[str]) -> list[Sampler]:
        """Return the samplers that draw the most of what is missing, and nothing that is known, from what is known, without the player."""
        cover = {each.name: len(set(missing).intersection(each.targets)) for each in self.samplers if self._fits(each, player, row)}
        most = max(cover.values(), default=0)
        return [each for each in self.samplers if most and cover.get(each.name) == most]

    def untrained(self, graph: Graph, utilities: Mapping[str, tuple[Sequence[PlainTerm], object]]) -> dict[str, list[Factor]]:
        """Return for each player its factors that terms draw from, shares in other factors included, and that none of its terms trains."""
        terms = [each for own, _ in utilities.values() for each in own]
        trained = {part for each in terms for log in each.score if log.factor for part in _learned(graph, log.factor)}
        sources = {move.source for each in terms for move in each.moves}
        used = {(move.factor.player, move.factor.label) for each in terms for move in each.moves if move.factor}
        used = used.union(*(factors_of(each) for each in self.samplers if each.name in sources))
        used = used.union(*(graph.shared(graph.factor(*each)) for each in used))
        return {
            player: [each for each in self.factors[player] if (player, each.label) in used and not _learned(graph, each) <= trained]
            for player in utilities
        }

    def _fits(self, sampler: Sampler, player: str, row: Row) -> bool:
        if any(name == player for name, _ in factors_of(sampler)) or row.known.intersection(sampler.targets):
            return False
        drawn = [bound.factor for draw in sampler.sweep for bound in draw.factors]
        reads = bool(sampler.givens) and row.known.issuperset(sampler.givens)
        return reads and not any(self.disregarded(factor, row.known) for factor in drawn)


def factors_of(sampler: Sampler) -> set[tuple[str, str]]:
    """Return the factors that a sampler draws from, each by its player and label."""
    return {(bound.factor.player, bound.factor.label) for draw in (*sampler.start, *sampler.sweep) for bound in draw.factors}


def _learned(graph: Graph, factor: Factor) -> set[object]:
    """Return what a factor learns of its own player."""
    own: set[object] = {score for score in graph.flat_scores(factor) if score.player == factor.player}
    return own | ({str(factor)} if factor.family is not None and factor.family.has_parameters else set())
