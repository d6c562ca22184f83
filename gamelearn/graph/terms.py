"""The terms of the utilities, resolved to the factors that they draw and score.

This file reads formulas against the players, streams or samplers that they name.
"""

from collections.abc import Collection, Iterable, Mapping, Sized
from dataclasses import dataclass, field

from gamelearn.errors import quoted
from gamelearn.graph.model import Bound, Draw, Player, PlayerDraw, Sampler, SamplerDraw, StreamDraw, Term
from gamelearn.graph.resolve import ResolutionError, resolve_factors
from gamelearn.graph.symbols import Expanded, Scope
from gamelearn.options import Path
from gamelearn.spec import schema
from gamelearn.spec.formula import Call, parse_score, parse_term
from gamelearn.spec.utilities import NamedTerm

_MOST_DRAWS = 10_000


@dataclass
class Context:
    """What a formula may name. Samplers with mistakes are left out, and doubtful in the scope."""

    scope: Scope
    players: Mapping[str, Player]
    streams: Mapping[str, schema.Stream]
    samplers: dict[str, Sampler] = field(default_factory=dict)

    def bind_player(self, call: Call, path: Path) -> tuple[Bound, ...] | None:
        """Resolve `player(targets | givens)` to factors bound to the formula's variables."""
        targets, givens = self._sides(call, path)
        if targets is None or givens is None:
            return None
        actual = self._binding(call, targets, givens, path)
        if actual is None:
            return None
        try:
            factors = resolve_factors(self.players[call.name], tuple(each.variable for each in targets), givens)
        except ResolutionError as error:
            if call.name not in self.scope.doubtful:
                self.scope.report(path, str(error), offset=call.offset)
            return None
        return tuple(Bound(factor, actual[factor.target], tuple((given, actual[given]) for given in factor.givens)) for factor in factors)

    def _sides(self, call: Call, path: Path) -> tuple[tuple[Expanded, ...] | None, tuple[Expanded, ...] | None]:
        names = {symbol.name for symbol in (*call.targets, *call.givens)}
        return self.scope.expand(call.targets, path, taken=names), self.scope.expand(call.givens, path, taken=names)

    def _binding(self, call: Call, targets: tuple[Expanded, ...], givens: tuple[Expanded, ...], path: Path) -> dict[str, str] | None:
        """Return the formula's variable for each variable that a call names; None, and a mistake noted, if it names two copies."""
        actual: dict[str, str] = {}
        for each in (*targets, *givens):
            known = actual.setdefault(each.variable, each.actual)
            if known != each.actual:
                what = f"{known!r} and {each.actual!r} are copies of one variable: {call.name!r} takes one of them"
                self.scope.report(path, what, offset=each.offset)
                return None
        both = next((each for each in givens if each.actual in {target.actual for target in targets}), None)
        if both:
            self.scope.report(path, f"{both.actual!r} is both drawn and given", offset=both.offset)
        return None if both else actual

    def report_no_player(self, call: Call, path: Path, why: str) -> None:
        """Note that a call names no player, but a stream or sampler, which `why` excludes, or nothing that there is."""
        kind = "stream" if call.name in self.streams else "sampler" if call.name in self.samplers else None
        if kind:
            self.scope.report(path, f"{call.name!r} is a {kind}: {why}", offset=call.offset)
            return
        what = f"unknown player {call.name!r}; known: {quoted(self.players) or 'none'}"
        self.scope.report(path, what, self.scope.nearest(call.name, self.players), offset=call.offset)

    def draw(self, call: Call, path: Path) -> Draw | None:
        """Resolve one draw of a chain; None, and a mistake noted, if it is none."""
        if call.name in self.players:
            bound = self.bind_player(call, path)
            return PlayerDraw(bound) if bound else None
        if call.name in self.streams:
            return self._stream_draw(call, path)
        if call.name in self.samplers:
            return self._sampler_draw(call, path)
        if call.name in self.scope.doubtful:
            return None
        known = [*self.players, *self.streams, *self.samplers]
        what = f"unknown player, stream or sampler {call.name!r}; known: {quoted(known) or 'none'}"
        self.scope.report(path, what, self.scope.nearest(call.name, known), offset=call.offset)
        return None

    def _stream_draw(self, call: Call, path: Path) -> StreamDraw | None:
        columns = self.scope.expand(call.targets, path)
        if call.givens:
            what = f"the stream {call.name!r} takes no givens: it shows its variables together"
            self.scope.report(path, what, offset=call.givens[0].offset)
            return None
        shown = self.streams[call.name].variables
        hidden = next((each for each in columns or () if each.variable not in shown), None)
        if hidden and call.name not in self.scope.doubtful:
            what = f"the stream {call.name!r} does not show {hidden.variable!r}; it shows {quoted(shown)}"
            self.scope.report(path, what, offset=hidden.offset)
        if columns is None or hidden:
            return None
        return StreamDraw(call.name, tuple((each.variable, each.actual, each.primes) for each in columns))

    def _sampler_draw(self, call: Call, path: Path) -> SamplerDraw | None:
        sampler = self.samplers[call.name]
        targets, givens = self._sides(call, path)
        binding = None if targets is None or givens is None else self._binding(call, targets, givens, path)
        if targets is None or givens is None or binding is None:
            return None
        for kind, named, owned in (("draws", targets, sampler.targets), ("reads", givens, sampler.givens)):
            if {each.variable for each in named} != set(owned):
                what = f"the sampler {call.name!r} {kind} {quoted(owned) or 'nothing'}: name exactly these"
                self.scope.report(path, what, offset=call.offset)
                return None
        if sampler.sweeps is None:
            what = f"the sampler {call.name!r} has no 'sweeps': a call inside a utility needs their number"
            self.scope.report(("samplers", call.name), what, on_key=True)
            return None
        draws = sampler.sweeps * sum(len(draw.factors) for draw in sampler.sweep)
        if draws > _MOST_DRAWS:
            what = f"a call of {call.name!r} makes {draws:,} draws; a utility can make {_MOST_DRAWS:,}: lower its 'sweeps'"
            self.scope.report(path, what, offset=call.offset)
            return None
        return SamplerDraw(call.name, call, tuple(binding.items()))


def build_term(named: NamedTerm, owner: str, context: Context, path: Path) -> Term | None:
    """Resolve one term of a utility; None, and mistakes noted, if it cannot be."""
    path = (*path, *named.path)
    text_path = (*path, "term")
    formula = context.scope.parse(parse_term, named.term.term, text_path)
    if formula is None:
        return None
    draws = [context.draw(call, text_path) for call in formula.chain]
    score = _score(formula.score, context, text_path)
    weights = _weights(named.term.weights, context, (*path, "weights"))
    if any(draw is None for draw in draws) or score is None or weights is None:
        return None
    drawn = _check_order(formula.chain, draws, context, text_path)
    _check_scored(score, drawn, context, text_path)
    _check_scored(weights, drawn, context, (*path, "weights"))
    made = tuple(each for each in draws if each)
    return Term(
        owner,
        named.name,
        named.term.weight,
        formula,
        made,
        tuple((sign, bound) for sign, _, bound in score),
        text_path,
        named.term.draws == "constant",
        named.term.gradient,
        named.term.samples,
        tuple((sign, bound) for sign, _, bound in weights),
    )


_Scored = list[tuple[int, Call, Bound]]


def _weights(text: str | None, context: Context, path: Path) -> _Scored | None:
    """Return the factors of a term's weights; None, and mistakes noted, if they cannot be resolved."""
    if text is None:
        return []
    calls = context.scope.parse(parse_score, text, path)
    return None if calls is None else _score(calls, context, path)


def _score(calls: Iterable[tuple[int, Call]], context: Context, path: Path) -> _Scored | None:
    """Return the factors of a score, each with its sign and the call that it is of; None, and mistakes noted, if one is unknown."""
    found = [(sign, call, _scored(call, context, path)) for sign, call in calls]
    if any(bound is None for _, _, bound in found):
        return None
    return [(sign, call, each) for sign, call, bound in found for each in bound or ()]


def _check_scored(scored: _Scored, drawn: set[str], context: Context, path: Path) -> None:
    for _, call, bound in scored:
        _check_drawn((bound.target, *(actual for _, actual in bound.givens)), drawn, call, context, path)


def _scored(call: Call, context: Context, path: Path) -> tuple[Bound, ...] | None:
    if call.name in context.players:
        return context.bind_player(call, path)
    context.report_no_player(call, path, "only a player's factors have a log-likelihood")
    return None


def drawn_by(draw: Draw, scope: Scope) -> tuple[str, ...]:
    """Return the formula's variables that a draw gives."""
    match draw:
        case StreamDraw():
            return tuple(actual for _, actual, _ in draw.columns)
        case PlayerDraw():
            return tuple(bound.target for bound in draw.factors)
        case SamplerDraw():
            return tuple(each.actual for each in scope.expand(draw.call.targets, ()) or ())


def _check_order(chain: tuple[Call, ...], draws: list[Draw | None], context: Context, path: Path) -> set[str]:
    """Check that every variable is drawn before it is used, and once; return all that are drawn."""
    drawn: set[str] = set()
    made = [drawn_by(draw, context.scope) if draw else () for draw in draws]
    for index, call in enumerate(chain):
        givens = context.scope.expand(call.givens, path) or ()
        later = {name for names in made[index:] for name in names}
        _check_drawn(tuple(each.actual for each in givens), drawn, call, context, path, later)
        if twice := [name for name in made[index] if name in drawn]:
            what = (
                f"{quoted(twice)} {_is_are(twice)} drawn twice: a fresh copy carries a prime, {quoted([name + chr(39) for name in twice])}"
            )
            context.scope.report(path, what, offset=call.offset)
        drawn.update(made[index])
    return drawn


def _check_drawn(names: tuple[str, ...], drawn: set[str], call: Call, context: Context, path: Path, later: Collection[str] = ()) -> None:
    missing = [name for name in dict.fromkeys(names) if name not in drawn]
    if missing:
        known = f"drawn before: {quoted(sorted(drawn))}" if drawn else "nothing is drawn before"
        place = "drawn only after it" if later and set(missing) <= set(later) else "not drawn before it"
        what = f"{call} needs {quoted(missing)}, which {_is_are(missing)} {place}; {known}"
        context.scope.report(path, what, offset=call.offset)


def _is_are(names: Sized) -> str:
    return "is" if len(names) == 1 else "are"
