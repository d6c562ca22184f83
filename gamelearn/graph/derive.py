"""The rule `derive: symmetric`: the utilities that follow from who draws what and what the streams show.

A player maximises the log-likelihood of its own factors on rows of the streams that the other players complete, then on rows
that one player generates where variables are hidden (eqs 3, 12, 13, 16, 18, 40, 41 of the paper). The terms come as formulas
of the language. This file derives them.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

import networkx

from gamelearn.errors import quoted
from gamelearn.graph.completion import (
    Completion,
    Incomparable,
    Row,
    TooManyWays,
    Way,
    best_way,
    dependencies,
    factors_of,
    find_ways,
    most_informed,
)
from gamelearn.graph.formula_text import Move, PlainTerm, move_of, pruned, term_formula
from gamelearn.graph.model import Factor, Graph, Sampler
from gamelearn.graph.terms import Context
from gamelearn.options import Path
from gamelearn.spec.formula import parse_call
from gamelearn.spec.utilities import Derive

UNKNOWN = "PLAYER"


def derive_utilities(options: Derive, written: Collection[str], context: Context, path: Path) -> dict[str, tuple[str, ...]]:
    """Return the formulas of each player that learns and has no written utility; none, and mistakes noted, where the rule fails.

    Args:
        options: the rule.
        written: the players with written utilities.
        context: the players, streams and samplers, without mistakes.
        path: where the rule stands in the spec, for the mistakes.
    """
    factors = _factors(options, context, path)
    if factors is None:
        return {}
    rule = _Rule(factors, options.consistency, context)
    found: dict[str, tuple[str, ...]] = {}
    for player, (terms, failures) in rule.utilities([name for name in rule.learning() if name not in written]).items():
        formulas = tuple(dict.fromkeys(term_formula(each, context.scope, context.players) for each in terms))
        for each in failures:
            context.scope.report(path, _refusal(player, each, formulas))
        found[player] = () if failures else formulas
    return found


def _factors(options: Derive, context: Context, path: Path) -> list[Factor] | None:
    """Return the factors that the rule may use: those named, with those of players without parameters that fit to them."""
    players = context.players
    everything = [factor for player in players.values() for factor in player.factors.values()]
    if options.factors is None:
        return everything
    named: set[tuple[str, str]] = set()
    before = len(context.scope.mistakes)
    for index, text in enumerate(options.factors):
        place: Path = (*path, "factors", index)
        call = context.scope.parse(parse_call, text, place)
        if call is not None and call.name not in players:
            context.report_no_player(call, place, "the rule uses the factors of players")
        elif call is not None:
            named.update((call.name, bound.factor.label) for bound in context.bind_player(call, place) or ())
    if len(context.scope.mistakes) > before:
        return None
    chosen = [factor for factor in everything if (factor.player, factor.label) in named]
    variables = {name for factor in chosen for name in (factor.target, *factor.givens)}
    fixed = (each for each in everything if not players[each.player].has_parameters and variables.issuperset((each.target, *each.givens)))
    return chosen + [factor for factor in fixed if factor not in chosen]


class Underivable(Exception):
    """Why a term does not follow from the rule, with the term that would have to be written."""

    def __init__(self, reason: str, sketch: PlainTerm | None = None) -> None:
        super().__init__(reason)
        self.reason, self.sketch = reason, sketch


@dataclass(frozen=True)
class _Failure:
    reason: str
    formula: str | None


_Utility = tuple[list[PlainTerm], list[_Failure]]


def _refusal(player: str, failure: _Failure, formulas: tuple[str, ...]) -> str:
    what = f"the utility of {player!r} cannot be derived: {failure.reason}; write it under 'utilities'"
    if failure.formula is not None:
        what += f", with a term such as {failure.formula!r}"
    return what + (f" beside {quoted(formulas)}" if formulas else "")


class _Rule:
    """The rule over the factors that it may use."""

    def __init__(self, factors: list[Factor], consistency: bool, context: Context) -> None:
        self.consistency, self.scope, self.players = consistency, context.scope, context.players
        self.factors: dict[str, list[Factor]] = {name: [each for each in factors if each.player == name] for name in context.players}
        self.drawn = {factor.target for factor in factors}
        mentioned = self.drawn.union(*(factor.givens for factor in factors))
        self.variables = [name for name in context.scope.variables if name in mentioned]
        streams = {name: tuple(each for each in stream.variables if each in mentioned) for name, stream in context.streams.items()}
        self.rows = [Row(name, columns) for name, columns in streams.items() if columns]
        self.hidden = [name for name in self.variables if not any(name in row.columns for row in self.rows)]
        usable = {(factor.player, factor.label) for factor in factors}
        samplers = [each for each in context.samplers.values() if each.sweeps and factors_of(each) <= usable]
        self.completion = Completion(self.factors, samplers)
        self.untrained: dict[str, list[Factor]] = {}
        self.graph = Graph("", context.scope.variables, context.scope.groups, context.players, context.streams, context.samplers, {})

    def learning(self) -> list[str]:
        """Return the players that move: those with parameters, and factors that the rule may use, that are not frozen."""
        return [name for name, each in self.players.items() if self.factors[name] and each.has_parameters and not each.options.frozen]

    def utilities(self, players: list[str]) -> dict[str, _Utility]:
        """Return the utility of each player: its terms, and what keeps others from being derived.

        Where rows are completed by a factor that no term of its player trains, all is derived again, with terms that score it.
        """
        found = {player: self._utility(player) for player in players}
        if any(failures for _, failures in found.values()):
            return found
        self.untrained = self.completion.untrained(self.graph, found)
        if any(self.untrained.values()):
            found = {player: self._utility(player) for player in players}
            for factor in [each for left in self.completion.untrained(self.graph, found).values() for each in left]:
                read = (factor.target, *factor.givens)
                what = f"{factor} completes rows for other players, and no row has {quoted(read)} for {factor.player!r} to learn it from"
                row = max(self.rows, key=lambda each: len(each.known.intersection(read)), default=Row(None, ()))
                found[factor.player][1].append(self._failure(Underivable(what, self._sketch(factor.player, row, [factor]))))
        return found

    def _utility(self, player: str) -> _Utility:
        terms: list[PlainTerm] = []
        failures: list[_Failure] = []
        for row in self.rows:
            try:
                terms += self._terms(player, row)
            except (Underivable, TooManyWays) as error:
                failures.append(self._failure(error))
        try:
            terms += self._generated(player, [each.targets[0] for term in terms for each in term.score])
            if not terms and not failures:
                raise self._nothing(player)
        except (Underivable, TooManyWays) as error:
            failures.append(self._failure(error))
        return list(map(pruned, terms)), failures

    def _failure(self, error: Underivable | TooManyWays) -> _Failure:
        if isinstance(error, TooManyWays):
            return _Failure("there are too many ways to complete its rows", None)
        formula = term_formula(pruned(error.sketch), self.scope, self.players) if error.sketch else None
        return _Failure(error.reason, formula)

    def _terms(self, player: str, row: Row) -> Iterator[PlainTerm]:
        """Yield the term of a row, none where it shows no target of the player, then those for consistency."""
        score = self._score(player, row)
        if not any(player in self.graph.reach(factor) for factor in score):
            return
        moves = self._completed(player, row, score, _variables_of(score))
        if roots := tuple(move for move in moves if not move.givens):  # they are then known, as the hidden variables are
            yield from self._terms(player, replace(row, moves=row.moves + roots))
            return
        self._check_relation(player, row, moves, score)
        drawn = (*row.moves, *moves)
        yield PlainTerm(row.stream, row.columns, drawn, tuple(map(move_of, score)))
        for factor in self.untrained.get(player, ()):
            there = {*row.columns, *(name for move in drawn for name in move.targets)}.issuperset(factor.givens)
            if there and factor.target in {each.target for each in score} and not self._unrelated(row, moves, factor):
                yield PlainTerm(row.stream, row.columns, drawn, (move_of(factor),))
        if self.consistency:
            yield from self._redrawn(player, row, score)

    def _check_relation(self, player: str, row: Row, moves: tuple[Move, ...], score: list[Factor]) -> None:
        """Refuse to score what was generated given columns that no draw has to do with."""
        for factor in score:
            if loose := self._unrelated(row, moves, factor):
                what = f"{factor} would learn that {factor.target!r} has nothing to do with {quoted(factor.givens)}: no other player relates them"
                related = replace(row, columns=tuple(name for name in row.columns if name not in loose))
                raise Underivable(what, self._sketch(player, related, score))

    def _unrelated(self, row: Row, moves: tuple[Move, ...], factor: Factor) -> set[str]:
        """Return the columns that no draw of generated rows has to do with, where a factor reads these alone."""
        loose = set(row.columns).difference(*(move.givens for move in (*row.moves, *moves))) if row.moves else set()
        return loose if factor.givens and loose.issuperset(factor.givens) else set()

    def _score(self, player: str, row: Row) -> list[Factor]:
        """Return the player's factors of its targets that a row shows, and of these targets' ancestors in the player's model."""
        targets = {factor.target for factor in self.factors[player]}
        waiting = [name for name in self.variables if name in targets & row.known]
        chosen: Way = {}
        for name in waiting:
            if name not in chosen:
                chosen[name] = self._own_factor(player, name, row)
                waiting += [given for given in chosen[name].givens if given in targets]
        graph = dependencies(chosen.values())
        is_ordered = networkx.is_directed_acyclic_graph(graph)
        order = networkx.lexicographical_topological_sort(graph, key=str) if is_ordered else self.variables
        return [chosen[name] for name in order if name in chosen]

    def _own_factor(self, player: str, target: str, row: Row) -> Factor:
        """Return the most informed factor of a target among those whose givens are known or can be completed."""
        every = [factor for factor in self.factors[player] if factor.target == target]
        fitting = [factor for factor in every if self.completion.can_complete(player, row, factor.givens)] if len(every) > 1 else every
        try:
            return most_informed(fitting or every)
        except Incomparable as error:
            raise Underivable(_undecided(error.factors), self._sketch(player, row, [error.factors[0]])) from None

    def _completed(self, player: str, row: Row, score: list[Factor], needed: Iterable[str]) -> tuple[Move, ...]:
        """Return the draws by which the other players complete a row: a sampler's where one fits, else those of single factors."""
        known, moves = set(row.known), list[Move]()
        missing = [name for name in self.variables if name in set(needed) - known]
        if sampler := self._sampler(player, row, missing, score):
            moves.append(Move(sampler.name, sampler.targets, sampler.givens))
            known.update(sampler.targets)
        left = [name for name in missing if name not in known]
        try:
            found = self.completion.ways(player, row, left, known)
            if not found:
                raise Underivable(self._why_not(player, row, score, left, known), self._sketch(player, row, score))
            return (*moves, *map(move_of, best_way(found)))
        except Incomparable as error:
            raise Underivable(f"{_undecided(error.factors)}, to complete {_place(row)}", self._sketch(player, row, score)) from None

    def _model(self, maker: str) -> list[Factor]:
        """Return the factors of a player with those of the players without parameters."""
        return [each for name, own in self.factors.items() if name == maker or not self.players[name].has_parameters for each in own]

    def _sampler(self, player: str, row: Row, missing: Collection[str], score: list[Factor]) -> Sampler | None:
        found = self.completion.fitting_samplers(player, row, missing)
        if len(found) > 1:
            what = f"the samplers {quoted(each.name for each in found)} fit equally well to complete {_place(row)}"
            raise Underivable(what, self._sketch(player, row, score))
        return found[0] if found else None

    def _redrawn(self, player: str, row: Row, score: list[Factor]) -> Iterator[PlainTerm]:
        """Yield a term for every observed variable that the score reads and another player can draw again from the rest."""
        read = {given for factor in score for given in factor.givens}
        for name in row.columns:
            rest = {factor.target for factor in score}.intersection(row.columns) - {name}
            factor = self._redrawing(player, row, score, name) if name in read and rest else None
            if factor is not None:
                moves = self._completed(player, row, score, {*_variables_of(score), *factor.givens})
                copy = {name: name + "'"}
                again = Move(factor.player, (copy[name],), factor.givens, factor)
                yield PlainTerm(row.stream, row.columns, (*moves, again), tuple(move_of(each).renamed(copy) for each in score))

    def _redrawing(self, player: str, row: Row, score: list[Factor], name: str) -> Factor | None:
        rest = row.known - {name}
        found = [
            factor
            for factor in self.completion.others(player, name, row)
            if not self.completion.disregarded(factor, rest)
            and self.completion.can_complete(player, row, {*_variables_of(score), *factor.givens})
        ]
        try:
            return most_informed(found) if found else None
        except Incomparable as error:
            what = f"{_undecided(error.factors)}, to draw {name!r} again in {_place(row)}"
            raise Underivable(what, self._sketch(player, row, score)) from None

    def _generated(self, player: str, scored: Collection[str]) -> list[PlainTerm]:
        """Return the terms on rows that another player generates, one for each set of exogenous variables that a stream shows."""
        own = {factor.target for factor in self.factors[player]}
        rows = list(self._generated_rows(player, [name for name in self.hidden if name in own and name not in scored]))
        terms: list[PlainTerm] = []
        failures: list[Underivable] = []
        for row in rows:
            try:
                terms += self._terms(player, row)
            except Underivable as error:
                failures.append(error)
        if failures and not terms:
            raise failures[0]
        return terms

    def _generated_rows(self, player: str, unscored: list[str]) -> Iterator[Row]:
        """Yield rows of the hidden variables; that there are none is no failure for a player whose hidden targets are scored."""
        if not self.hidden:
            return
        beside = [Row(row.stream, tuple(name for name in row.columns if name not in self.drawn)) for row in self.rows]
        bare = dict.fromkeys(row if row.columns else Row(None, ()) for row in beside or [Row(None, ())])
        rows = {row: self._generators(row.columns) for row in bare}
        for row, makers in rows.items():
            if len(makers) > 1 and unscored and player not in makers:
                what = f"{' and '.join(map(repr, makers))} can each draw {quoted(self.hidden)} for {player!r} to learn from"
                raise Underivable(what, self._sketch_generated(player, _made(row, makers)))
            if len(makers) == 1 and player not in makers:
                yield _made(row, makers)
        if unscored and not any(rows.values()):
            what = f"no player can draw {quoted(self.hidden)} without data, for {player!r} to learn from"
            hole = Move(UNKNOWN, tuple(self.hidden), ())
            raise Underivable(what, self._sketch_generated(player, Row(None, (), (hole,))))

    def _generators(self, exogenous: Collection[str]) -> dict[str, tuple[Move, ...]]:
        """Return the draws of all hidden variables by each player that can make them; those without parameters help everybody."""
        alone = self._unconditional(self._model(""), exogenous)
        if alone is not None:
            return {"": alone}
        found = {name: self._unconditional(self._model(name), exogenous) for name, each in self.players.items() if each.has_parameters}
        return {name: moves for name, moves in found.items() if moves is not None}

    def _unconditional(self, factors: list[Factor], exogenous: Collection[str]) -> tuple[Move, ...] | None:
        try:
            found = find_ways(self.hidden, exogenous, lambda name: [each for each in factors if each.target == name])
            return tuple(map(move_of, best_way(found))) if found else None
        except (Incomparable, TooManyWays):
            return None

    def _sketch_generated(self, player: str, row: Row) -> PlainTerm:
        return self._sketch(player, row, self._fullest_factors(player, row.known))

    def _fullest_factors(self, player: str, known: Collection[str]) -> list[Factor]:
        """Return for each target that is known the player's factor with the most givens."""
        every = sorted(self.factors[player], key=lambda each: len(each.givens))
        return list({each.target: each for each in every if each.target in known}.values())

    def _sketch(self, player: str, row: Row, score: list[Factor]) -> PlainTerm:
        """Return a term as far as it goes: what no other player draws is drawn by a player that the author has to name."""
        known, moves = set(row.known), list[Move]()
        for name in self.variables:
            if name in _variables_of(score) - known:
                found = self.completion.ways(player, row, [name], known)
                more = list(map(move_of, _ordered(found[0]))) if found else [Move(UNKNOWN, (name,), tuple(sorted(row.known)))]
                moves += more
                known.update(each.targets[0] for each in more)
        return PlainTerm(row.stream, row.columns, (*row.moves, *moves), tuple(map(move_of, score)))

    def _why_not(self, player: str, row: Row, score: list[Factor], missing: list[str], known: Collection[str]) -> str:
        stuck = [name for name in missing if not self.completion.ways(player, row, [name], known)] or missing
        name, label = stuck[0], " + ".join(f"log {factor}" for factor in score if stuck[0] in _variables_of([factor]))
        reasons = [self._objection(player, factor, row) for factor in self._drawers(player, name)]
        why = f": {'; '.join(reasons)}" if reasons else ""
        return f"no other player can draw {name!r}, which {label} needs, on {_place(row)}{why}"

    def _drawers(self, player: str, target: str) -> list[Factor]:
        return [each for name, own in self.factors.items() if name != player for each in own if each.target == target]

    def _objection(self, player: str, factor: Factor, row: Row) -> str:
        if not factor.givens:
            return f"{factor} reads nothing of the row"
        if ignored := self.completion.disregarded(factor, row.known):
            return f"{factor} disregards {quoted(ignored)}, which {factor.player!r} draws after {factor.target!r}"
        lacking = [name for name in factor.givens if name not in row.known]
        return f"{factor} needs {quoted(lacking)} in turn"

    def _nothing(self, player: str) -> Underivable:
        targets = list(dict.fromkeys(factor.target for factor in self.factors[player]))
        what = f"no stream shows {quoted(targets)}, and no other player generates {'it' if len(targets) == 1 else 'them'}"
        for row in self.rows:
            score = self._fullest_factors(player, self.variables)
            sketch = self._sketch(player, row, score)
            if all(move.source != UNKNOWN for move in sketch.moves):
                return Underivable(what, sketch)
        return Underivable(what)


def _made(row: Row, makers: Mapping[str, tuple[Move, ...]]) -> Row:
    """Return the row that the first of its makers gives."""
    return replace(row, moves=next(iter(makers.values())))


def _variables_of(score: Iterable[Factor]) -> set[str]:
    return {name for factor in score for name in (factor.target, *factor.givens)}


def _ordered(way: Mapping[str, Factor]) -> list[Factor]:
    return [way[name] for name in networkx.topological_sort(dependencies(way.values())) if name in way]


def _undecided(factors: Sequence[Factor]) -> str:
    listed = " and ".join(map(str, factors))
    if len({factor.target for factor in factors}) > 1:
        return f"{listed}, each the most informed of its variable, need one another"
    why = (
        "which read the same"
        if len({frozenset(factor.givens) for factor in factors}) == 1
        else "none of which reads all that the others do"
    )
    return f"{factors[0].target!r} has the factors {listed}, {why}"


def _place(row: Row) -> str:
    if row.moves:
        return f"rows of {', '.join(str(name) for name in sorted(row.known))}"
    return f"the stream {row.stream!r}"
