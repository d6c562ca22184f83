"""Terms in the syntax of specs, from single draws and the factors that are scored.

This file writes formulas as an author would: what a call can say together stands in one call, with the names of groups.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from gamelearn.graph.model import Factor, Player
from gamelearn.graph.resolve import ResolutionError, resolve_factors
from gamelearn.graph.symbols import Scope
from gamelearn.spec.formula import Call, Formula, Symbol


@dataclass(frozen=True)
class Move:
    """One draw of a chain, or one log of a score, with the formula's variables: their names with primes.

    `factor` is None where `source` is no player of the game: a sampler, or what the author has to fill in.
    """

    source: str
    targets: tuple[str, ...]
    givens: tuple[str, ...]
    factor: Factor | None = None

    def renamed(self, names: Mapping[str, str]) -> "Move":
        """Return the move with other variables in the formula."""
        targets, givens = (tuple(names.get(each, each) for each in side) for side in (self.targets, self.givens))
        return replace(self, targets=targets, givens=givens)


@dataclass(frozen=True)
class PlainTerm:
    """A term before it is written: columns of a stream, single draws in order, single factors that are scored."""

    stream: str | None
    columns: tuple[str, ...]
    moves: tuple[Move, ...]
    score: tuple[Move, ...]


def move_of(factor: Factor) -> Move:
    """Return the draw, or the log, of a factor with its own variables."""
    return Move(factor.player, (factor.target,), factor.givens, factor)


def pruned(term: PlainTerm) -> PlainTerm:
    """Return a term without what its score does not depend on; a fresh copy of what is not drawn otherwise loses its prime."""
    needed = {name for each in term.score for name in (*each.targets, *each.givens)}
    moves: list[Move] = []
    for move in reversed(term.moves):
        if needed.intersection(move.targets):
            moves.insert(0, move)
            needed.update(move.givens)
    columns = tuple(name for name in term.columns if name in needed)
    drawn = {*columns, *(name for move in moves for name in move.targets)}
    names = {name: plain for name in drawn if (plain := name.rstrip("'")) != name and plain not in drawn}
    return PlainTerm(
        term.stream if columns else None,
        columns,
        tuple(move.renamed(names) for move in moves),
        tuple(each.renamed(names) for each in term.score),
    )


def term_formula(term: PlainTerm, scope: Scope, players: Mapping[str, Player]) -> str:
    """Return a term in the syntax of specs, such as `E[images(x), encoder(z | x)] log decoder(x, z)`."""
    writer = _Writer(scope, players)
    shown = [writer.call(term.stream, term.columns)] if term.stream is not None else []
    chain = (*shown, *writer.calls(_arranged(term.moves, set(term.columns))))
    return str(Formula(chain, tuple((1, call) for call in writer.calls(term.score))))


def _arranged(moves: Iterable[Move], known: set[str]) -> list[Move]:
    """Return draws in an order in which each finds its givens, those of one player together where that is possible."""
    left, found = list(moves), list[Move]()
    while left:
        there = known.union(*(move.targets for move in found))
        ready = [move for move in left if set(move.givens) <= there]
        same = [move for move in ready if found and move.source == found[-1].source]
        found.append((same or ready)[0])
        left.remove(found[-1])
    return found


class _Writer:
    def __init__(self, scope: Scope, players: Mapping[str, Player]) -> None:
        self.scope, self.players = scope, players
        self.place = {name: index for index, name in enumerate(scope.variables)}

    def calls(self, moves: Iterable[Move]) -> tuple[Call, ...]:
        """Return moves as calls, neighbours as one where that call means just them."""
        runs: list[list[Move]] = []
        for move in moves:
            if runs and self._means(self._together([*runs[-1], move]), [*runs[-1], move]):
                runs[-1].append(move)
            else:
                runs.append([move])
        return tuple(map(self._together, runs))

    def call(self, source: str, targets: Iterable[str], givens: Iterable[str] = ()) -> Call:
        return Call(source, self._symbols(targets), self._symbols(givens))

    def _together(self, moves: list[Move]) -> Call:
        targets = {name for move in moves for name in move.targets}
        return self.call(moves[0].source, targets, {name for move in moves for name in move.givens} - targets)

    def _means(self, call: Call, moves: list[Move]) -> bool:
        """Whether a call is resolved to the factors of the moves, each with the moves' variables."""
        names = {name for move in moves for name in (*move.targets, *move.givens)}
        labels = {move.factor.label for move in moves if move.factor and move.source == moves[0].source}
        if len(labels) < len(moves) or len({name.rstrip("'") for name in names}) < len(names):
            return False
        targets, givens = self.scope.expand(call.targets, ()) or (), self.scope.expand(call.givens, ()) or ()
        try:
            factors = resolve_factors(self.players[call.name], tuple(each.variable for each in targets), givens)
        except ResolutionError:
            return False
        return {factor.label for factor in factors} == labels

    def _symbols(self, names: Iterable[str]) -> tuple[Symbol, ...]:
        """Return variables in the order of their declaration, with a group's name in place of all its members."""
        left = sorted((Symbol(name.rstrip("'"), name.count("'")) for name in set(names)), key=self._position)
        for group, members in sorted(self.scope.groups.items(), key=lambda item: -len(item[1])):
            for primes in {each.primes for each in left}:
                inside = [Symbol(member, primes) for member in members]
                if len(inside) > 1 and all(each in left for each in inside):
                    first = min(map(left.index, inside))
                    left[first] = Symbol(group, primes)
                    left = [each for each in left if each not in inside]
        return tuple(left)

    def _position(self, symbol: Symbol) -> tuple[int, int]:
        return self.place[symbol.name], symbol.primes
