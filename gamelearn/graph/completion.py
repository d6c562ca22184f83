"""Ways to draw what is missing from what is known, by the factors of a game.

A way takes one factor for each variable that has to be drawn, its missing givens included, without a circle. Of several ways
the most informed one is meant: each of its factors reads all that the others' factors of the same variable read. This file
finds ways.
"""

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence

import networkx

from gamelearn.graph.model import Factor

Way = dict[str, Factor]
_MOST_STEPS = 10_000


class TooManyWays(Exception):
    """A game with too many factors to look at all ways."""


class Incomparable(Exception):
    """Factors of one variable of which none reads all that the others read."""

    def __init__(self, factors: Iterable[Factor]) -> None:
        super().__init__()
        self.factors = tuple(factors)


def ways(needed: Iterable[str], known: Collection[str], fillers: Callable[[str], Iterable[Factor]]) -> list[Way]:
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
    """Return the factors of the first variable that ways draw from several."""
    for name in found[0]:
        factors = list({str(way[name]): way[name] for way in found if name in way}.values())
        try:
            most_informed(factors)
        except Incomparable as error:
            return list(error.factors)
    return [next(iter(way.values())) for way in found]
