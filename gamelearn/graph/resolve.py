"""Which factors a call `player(targets | givens)` means (rule 3 of the language).

A candidate takes one factor for each target, without a circle, whose givens are among the named givens and targets. Candidates
that need exactly the named givens come first; else those whose unneeded givens came through a group of which a member is
needed. Among several, the one whose every factor's givens contain the others' wins. This file makes that choice.
"""

from itertools import product

import networkx

from gamelearn.errors import quoted
from gamelearn.graph.model import Factor, Player
from gamelearn.graph.symbols import Expanded

Candidate = dict[str, Factor]
_MOST_CANDIDATES = 1_000
_MOST_NAMED = 4


class ResolutionError(Exception):
    """A call for which a player has no factors, or several that are not comparable."""


def resolve_factors(player: Player, targets: tuple[str, ...], givens: tuple[Expanded, ...]) -> tuple[Factor, ...]:
    """Return the factors of a call in the order in which they are drawn.

    Raises:
        ResolutionError: no factors fit, or the choice is ambiguous.
    """
    candidates = _candidates(player, targets, {each.variable for each in givens})
    named = {each.variable for each in givens}
    fitting = [each for each in candidates if _needed(each) == named] or [each for each in candidates if _excused(each, givens)]
    if not fitting:
        raise ResolutionError(_no_factor(player, targets, givens, candidates))
    best = [each for each in fitting if all(_contains(each, other) for other in fitting)]
    if not best:
        named_choices = [", ".join(str(factor) for factor in each.values()) for each in fitting]
        choices = " or ".join(named_choices[:_MOST_NAMED]) + (" or others" if len(fitting) > _MOST_NAMED else "")
        raise ResolutionError(f"ambiguous: {choices}; name the givens of the one that is meant")
    return _drawing_order(best[0])


def _candidates(player: Player, targets: tuple[str, ...], named: set[str]) -> list[Candidate]:
    allowed = named | set(targets)
    choices = [[each for each in player.factors.values() if each.target == target and set(each.givens) <= allowed] for target in targets]
    found = []
    for number, chosen in enumerate(product(*choices)):
        if number >= _MOST_CANDIDATES:
            raise ResolutionError(f"more than {_MOST_CANDIDATES} ways to choose the factors; name the givens")
        candidate = dict(zip(targets, chosen, strict=True))
        if networkx.is_directed_acyclic_graph(_dependencies(candidate)):
            found.append(candidate)
    return found


def _dependencies(candidate: Candidate) -> networkx.DiGraph:
    edges = networkx.DiGraph()
    edges.add_nodes_from(candidate)
    edges.add_edges_from((given, factor.target) for factor in candidate.values() for given in factor.givens if given in candidate)
    return edges


def _needed(candidate: Candidate) -> set[str]:
    return {given for factor in candidate.values() for given in factor.givens} - set(candidate)


def _excused(candidate: Candidate, givens: tuple[Expanded, ...]) -> bool:
    """Whether every unneeded given came through a group of which a member is needed."""
    needed = _needed(candidate)
    groups = {each.group for each in givens if each.group and each.variable in needed}
    return all(each.variable in needed or each.group in groups for each in givens)


def _contains(candidate: Candidate, other: Candidate) -> bool:
    return all(set(candidate[target].givens) >= set(other[target].givens) for target in candidate)


def _drawing_order(candidate: Candidate) -> tuple[Factor, ...]:
    place = {target: index for index, target in enumerate(candidate)}
    order = networkx.lexicographical_topological_sort(_dependencies(candidate), key=place.__getitem__)
    return tuple(candidate[target] for target in order)


def _no_factor(player: Player, targets: tuple[str, ...], givens: tuple[Expanded, ...], candidates: list[Candidate]) -> str:
    known = "; ".join(factor.label for factor in player.factors.values()) or "none"
    missing = [target for target in targets if all(factor.target != target for factor in player.factors.values())]
    if missing:
        return f"the player {player.name!r} does not draw {quoted(missing)}; its factors: {known}"
    if candidates:
        unused = [each.variable for each in givens if all(each.variable not in _needed(one) for one in candidates)]
        if unused:
            return f"no factor of {player.name!r} reads {quoted(unused)} here; its factors: {known}"
    allowed = {*targets, *(each.variable for each in givens)}
    for target in targets:
        lacking = {each.label: set(each.givens) - allowed for each in player.factors.values() if each.target == target}
        if all(lacking.values()):
            needs = ", ".join(f"{label!r} needs {quoted(sorted(names))}" for label, names in lacking.items())
            return f"no factor of {player.name!r} draws {target!r} from these givens: {needs}"
    named = quoted(each.variable for each in givens) or "nothing"
    return f"the player {player.name!r} has no factors for {quoted(targets)} given {named} that can be ordered; its factors: {known}"
