"""The chain that answers a question, chosen among the samplers of a game.

What is known matters to a wanted variable if conditionals lead from it to that variable, past nothing else that is known whole.
A sampler answers if its own draws lead there too, and to what it makes that variable of: else its answer would be that to a
question with less known.
This file chooses it.
"""

from collections.abc import Callable, Iterator, Set
from dataclasses import dataclass
from functools import cached_property

import networkx

from gamelearn.errors import EvidenceError, quoted
from gamelearn.graph.completion import dependencies
from gamelearn.graph.model import Factor, Graph, Sampler, unknown
from gamelearn.graph.samplers import AUTOMATIC, NoSampler, automatic_sampler, sampler_of
from gamelearn.options import describe

NOTHING: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Choice:
    """A chain that answers a question.

    Attributes:
        sampler: the chain.
        notice: which declared samplers were passed over, and why; None where none was.
        warnings: what is known and has no part in the answer, though it matters.
    """

    sampler: Sampler
    notice: str | None = None
    warnings: tuple[str, ...] = ()


def choose_sampler(
    graph: Graph,
    name: str | Sampler | None = None,
    *,
    fixed: Set[str] = NOTHING,
    free: Set[str] = NOTHING,
    split: Set[str] = NOTHING,
    want: Set[str] = NOTHING,
    conditional: bool = False,
) -> Choice:
    """Return the sampler of that name, or else the last declared one that answers, or else the one that follows from the factors.

    Args:
        graph: the game.
        name: of a sampler, or `automatic`; or a sampler itself, which need not touch all that is known.
        fixed: the variables that are known in every element.
        free: the given variables of which some elements are hidden.
        split: those of them of which any row is known in part.
        want: the variables that are asked for; none for all that a sampler draws.
        conditional: whether conditionals of what is wanted given what is known, if there are any, go before samplers that are not named.

    Raises:
        EvidenceError: there is no such sampler, or it does not answer the question, or none does, with the reasons.
    """
    question = _Question(graph, fixed, free, split, want)
    if name is not None:
        sampler = name if isinstance(name, Sampler) else _named(graph, name)
        if reason := question.misfit(sampler, touching=isinstance(name, str)):
            raise EvidenceError(f"the sampler {sampler.name!r} {reason}")
        return question.choice(sampler, [])
    if conditional and (own := question.conditionals()):
        return question.choice(sampler_of(own), [])
    reasons: list[str] = []
    for sampler in reversed(list(graph.samplers.values())):
        reason = question.misfit(sampler) or question.neglect(sampler)
        if not reason:
            return question.choice(sampler, reasons)
        reasons.append(f"the sampler {sampler.name!r} {reason}")
    try:
        sampler = automatic_sampler(graph)
        reason = question.misfit(sampler)
        if not reason:
            return question.choice(sampler, reasons)
        reasons.append(f"the chain of the most informed factors {reason}")
    except NoSampler as error:
        reasons.append(f"no chain follows from the factors: {error}")
    hint = "; to take a sampler all the same, name it" if any("ignores" in each for each in reasons) else ""
    raise EvidenceError(f"no chain answers this: {'; '.join(reasons)}{hint}")


def check_sampler_name(graph: Graph, name: str) -> None:
    """Check that a sampler is declared, or the automatic one is meant.

    Raises:
        EvidenceError: there is no such sampler.
    """
    if not isinstance(name, str):
        raise EvidenceError(f"'sampler' must be the name of one, got {describe(name)}; known: {quoted([*graph.samplers, AUTOMATIC])}")
    if name not in graph.samplers and name != AUTOMATIC:
        raise EvidenceError(unknown("sampler", name, {**graph.samplers, AUTOMATIC: None}))


def _named(graph: Graph, name: str) -> Sampler:
    check_sampler_name(graph, name)
    if name in graph.samplers:
        return graph.samplers[name]
    try:
        return automatic_sampler(graph)
    except NoSampler as error:
        raise EvidenceError(f"no chain follows from the factors: {error}") from None


@dataclass(frozen=True)
class _Question:
    """What is known and what is wanted, as `choose_sampler` takes them."""

    graph: Graph
    fixed: Set[str]
    free: Set[str]
    split: Set[str]
    want: Set[str]

    @property
    def factors(self) -> list[Factor]:
        """All factors of the game."""
        return [factor for player in self.graph.players.values() for factor in player.factors.values()]

    def misfit(self, sampler: Sampler, *, touching: bool = True) -> str | None:
        """Return why a sampler cannot be run, or does not draw what is wanted; or, if `touching`, does not touch all that is known."""
        fixed = self.fixed
        if missing := [name for name in sampler.givens if name not in fixed]:
            return f"reads {quoted(missing)}, which no draw of it gives: {'it has' if len(missing) == 1 else 'they have'} to be given whole"
        ignored = [name for name in sorted(fixed) if name not in sampler.targets and name not in sampler.givens]
        if ignored and touching:
            return f"neither reads nor draws {quoted(ignored)}, which {'is' if len(ignored) == 1 else 'are'} given"
        if undrawn := [name for name in sorted(self.free | (self.want - fixed)) if name not in sampler.targets]:
            return f"does not draw {quoted(undrawn)}"
        for factor in _drawn(sampler):
            options = self.graph.players[factor.player].options
            if factor.target in self.split and factor.family is None and not options.has_given:
                kind = f"the player {factor.player!r} of type {options.type!r}"
                return f"draws {factor.target!r}, which is known in part, from {factor}: {kind} cannot draw elements given the others"
        return None

    def choice(self, sampler: Sampler, reasons: list[str]) -> Choice:
        """Return the choice of a sampler where others were passed over for some reasons."""
        notice = f"the chain is {sampler.name!r}: {'; '.join(reasons)}" if reasons else None
        return Choice(sampler, notice, self.warnings(sampler))

    def conditionals(self) -> list[Factor] | None:
        """Return a factor for each wanted variable that reads all that matters to it, and nothing that is not known; None where one has none.

        Of several those are taken that a sampler draws.
        """
        found = []
        for name in (each for each in self.graph.variables if each in self.want):
            drawn = [each for sampler in reversed(list(self.graph.samplers.values())) for each in _drawn(sampler)]
            own = [each for each in (*drawn, *self.factors) if each.target == name and self.fixed >= set(each.givens)]
            reading = [each for each in own if self._leading(name) & self._known <= set(each.givens)]
            if not reading:
                return None
            found.append(reading[0])
        return found

    def neglect(self, sampler: Sampler) -> str | None:
        """Return what a sampler leaves out, though conditionals of the game lead from it to what is wanted."""
        return next(self._neglects(sampler, lambda name, missed: missed & self._leading(name)), None)

    def warnings(self, sampler: Sampler) -> tuple[str, ...]:
        """Return what a sampler leaves out, whether or not others read it."""
        found = self._neglects(sampler, lambda name, missed: missed & (self._leading(name) | self._linked(sampler, name)))
        return tuple(f"the chain {sampler.name!r} {each}: the answer is not what follows from all that is given" for each in found)

    def _neglects(self, sampler: Sampler, mattering: Callable[[str, set[str]], set[str]]) -> Iterator[str]:
        left_out: dict[tuple[str, ...], dict[str, None]] = {}
        flow, newest = self._flow(sampler)
        made = dependencies(_drawn(sampler))
        for name in (each for each in newest if each in self.want or not self.want):
            earlier = [each for each in networkx.ancestors(flow, newest[name]) if not isinstance(each, str)]
            for draw in (newest[name], *sorted(earlier, key=lambda each: each[1])):
                read = {each if isinstance(each, str) else each[0] for each in networkx.ancestors(flow, draw)}
                missed = self._known - read - {draw[0]}
                if draw != newest[name]:  # what it is made of has to read what the sampler makes of that, or would, were it not known
                    missed &= networkx.descendants(made, draw[0])
                if lost := missed and mattering(draw[0], missed):
                    left_out.setdefault(tuple(sorted(lost)), {})[draw[0]] = None
        for known, names in left_out.items():
            yield f"ignores {quoted(known)}, on which {quoted(names)} depend{'s' if len(names) == 1 else ''}"

    def _flow(self, sampler: Sampler) -> tuple[networkx.DiGraph, dict[str, tuple[str, int]]]:
        """Return what each draw of a sweep reads, known variables by name and draws as pairs, with the last draw of every variable."""
        draws = [(factor.target, number) for number, factor in enumerate(_drawn(sampler)) if factor.target not in self.fixed]
        newest = dict(zip((target for target, _ in draws), draws, strict=True))  # as the sweep before leaves them
        graph = networkx.DiGraph()
        for draw in draws:
            graph.add_node(draw)
            graph.add_edges_from((newest.get(given, given), draw) for given in _drawn(sampler)[draw[1]].givens)
            newest[draw[0]] = draw
        return graph, newest

    def _leading(self, name: str) -> set[str]:
        """Return what leads to a variable by factors of the game, past nothing that is known whole."""
        return networkx.ancestors(self._open, name) if name in self._open else set()

    def _linked(self, sampler: Sampler, name: str) -> set[str]:
        """Return what is known and linked to a variable by conditionals, whichever reads the other, past nothing that is known whole.

        What is neither known nor an ancestor of anything here links nothing. The player that a sampler draws the variable from may make
        it of what is linked, by way of others: it has said then what these leave to add.
        """
        graph, ends = dependencies(self.factors), {name, *self._known}
        kept = ends.union(*(networkx.ancestors(graph, each) for each in ends & set(graph)))
        links = graph.subgraph(kept).to_undirected()
        near = networkx.node_connected_component(links.subgraph(set(links) - self.fixed), name)
        owners = {factor.player for factor in _drawn(sampler) if factor.target == name}
        made = networkx.ancestors(dependencies(each for each in self.factors if each.player in owners), name)
        return {each for each in ends & set(links) - made if each in near or near.intersection(links[each])}

    @property
    def _known(self) -> set[str]:
        return {*self.fixed, *self.free}

    @cached_property
    def _open(self) -> networkx.DiGraph:
        return dependencies(each for each in self.factors if each.target not in self.fixed)


def _drawn(sampler: Sampler) -> list[Factor]:
    """Return the factors that a sweep draws from."""
    return [bound.factor for draw in sampler.sweep for bound in draw.factors]
