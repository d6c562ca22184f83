"""The terms of the utilities, resolved to the factors that they draw and score.

This file reads formulas against the players, streams or samplers that they name.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from gamelearn.errors import nearest, quoted
from gamelearn.graph.model import Bound, Draw, Player, PlayerDraw, Sampler, SamplerDraw, StreamDraw, Term
from gamelearn.graph.resolve import ResolutionError, resolve_factors
from gamelearn.graph.symbols import Expanded, Scope
from gamelearn.options import Path
from gamelearn.spec import schema
from gamelearn.spec.formula import Call, parse_chain, parse_term


@dataclass
class Context:
    """What a formula may name."""

    scope: Scope
    players: Mapping[str, Player]
    streams: Mapping[str, schema.Stream]
    samplers: dict[str, Sampler] = field(default_factory=dict)

    def bind_player(self, call: Call, path: Path) -> tuple[Bound, ...] | None:
        """Resolve `player(targets | givens)` to factors bound to the formula's variables."""
        targets = self.scope.expand(call.targets, path)
        givens = self.scope.expand(call.givens, path)
        if targets is None or givens is None:
            return None
        actual = self._binding(call, (*targets, *givens), path)
        if actual is None:
            return None
        try:
            factors = resolve_factors(self.players[call.name], tuple(each.variable for each in targets), givens)
        except ResolutionError as error:
            self.scope.report(path, str(error), offset=call.offset)
            return None
        return tuple(Bound(factor, actual[factor.target], tuple((given, actual[given]) for given in factor.givens)) for factor in factors)

    def _binding(self, call: Call, expanded: tuple[Expanded, ...], path: Path) -> dict[str, str] | None:
        """Return the formula's variable for each variable of the player's factors."""
        actual: dict[str, str] = {}
        for each in expanded:
            if each.variable in actual:
                what = f"{actual[each.variable]!r} and {each.actual!r} are copies of one variable: a factor reads one of them"
                self.scope.report(path, what, offset=each.offset)
                return None
            actual[each.variable] = each.actual
        return actual

    def draw(self, call: Call, path: Path) -> Draw | None:
        """Resolve one draw of a chain; None, and a mistake noted, if it is none."""
        if call.name in self.players:
            bound = self.bind_player(call, path)
            return PlayerDraw(bound) if bound else None
        if call.name in self.streams:
            return self._stream_draw(call, path)
        if call.name in self.samplers:
            return self._sampler_draw(call, path)
        known = [*self.players, *self.streams, *self.samplers]
        what = f"unknown player, stream or sampler {call.name!r}; known: {quoted(known)}"
        self.scope.report(path, what, nearest(call.name, known), offset=call.offset)
        return None

    def _stream_draw(self, call: Call, path: Path) -> StreamDraw | None:
        columns = self.scope.expand(call.targets, path)
        if call.givens:
            self.scope.report(
                path, f"the stream {call.name!r} takes no givens: it shows its variables together", offset=call.givens[0].offset
            )
            return None
        if columns is None:
            return None
        shown = self.streams[call.name].variables
        for each in columns:
            if each.variable not in shown:
                self.scope.report(
                    path, f"the stream {call.name!r} does not show {each.variable!r}; it shows {quoted(shown)}", offset=each.offset
                )
                return None
        return StreamDraw(call.name, tuple((each.variable, each.actual, each.primes) for each in columns))

    def _sampler_draw(self, call: Call, path: Path) -> SamplerDraw | None:
        sampler = self.samplers[call.name]
        targets, givens = self.scope.expand(call.targets, path), self.scope.expand(call.givens, path)
        if targets is None or givens is None:
            return None
        for kind, named, owned in (("draws", targets, sampler.targets), ("reads", givens, sampler.givens)):
            if {each.variable for each in named} != set(owned):
                self.scope.report(
                    path, f"the sampler {call.name!r} {kind} {quoted(owned) or 'nothing'}: name exactly these", offset=call.offset
                )
                return None
        if sampler.sweeps is None:
            what = f"the sampler {call.name!r} has no 'sweeps': a call inside a utility needs their number"
            self.scope.report(("samplers", call.name), what, on_key=True)
            return None
        return SamplerDraw(call.name, call)


def build_term(named: schema.NamedTerm, owner: str, context: Context, path: Path) -> Term | None:
    """Resolve one term of a utility; None, and mistakes noted, if it cannot be."""
    path = (*path, *named.path)
    text_path = (*path, "term")
    formula = context.scope.parse(parse_term, named.term.term, text_path)
    if formula is None:
        return None
    draws = [context.draw(call, text_path) for call in formula.chain]
    scored = [(sign, call, _scored(call, context, text_path)) for sign, call in formula.score]
    if any(draw is None for draw in draws) or any(bound is None for _, _, bound in scored):
        return None
    drawn = _check_order(formula.chain, draws, context, text_path)
    for _, call, bound in scored:
        for each in bound or ():
            _check_drawn((each.target, *(actual for _, actual in each.givens)), drawn, call, context, text_path)
    score = tuple((sign, each) for sign, _, bound in scored for each in bound or ())
    made = tuple(each for each in draws if each)
    return Term(owner, named.name, named.term.weight, formula, made, score, text_path, named.term.draws == "constant")


def _scored(call: Call, context: Context, path: Path) -> tuple[Bound, ...] | None:
    if call.name in context.players:
        return context.bind_player(call, path)
    kind = "stream" if call.name in context.streams else "sampler" if call.name in context.samplers else None
    if kind:
        what, hint = f"{call.name!r} is a {kind}: only a player's factors have a log-likelihood", None
    else:
        what, hint = f"unknown player {call.name!r}; known: {quoted(context.players)}", nearest(call.name, context.players)
    context.scope.report(path, what, hint, offset=call.offset)
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
    for call, draw in zip(chain, draws, strict=True):
        if draw is None:
            continue
        givens = context.scope.expand(call.givens, path) or ()
        _check_drawn(tuple(each.actual for each in givens), drawn, call, context, path)
        for name in drawn_by(draw, context.scope):
            if name in drawn:
                context.scope.report(path, f"{name!r} is drawn twice: a fresh copy carries a prime, {name + chr(39)!r}", offset=call.offset)
            drawn.add(name)
    return drawn


def _check_drawn(names: tuple[str, ...], drawn: set[str], call: Call, context: Context, path: Path) -> None:
    for name in dict.fromkeys(names):
        if name not in drawn:
            known = f"drawn before: {quoted(sorted(drawn))}" if drawn else "nothing is drawn before"
            context.scope.report(path, f"{call} needs {name!r}, which is not drawn before it; {known}", offset=call.offset)
            drawn.add(name)  # said once


def build_sampler(name: str, options: schema.Sampler, context: Context) -> Sampler | None:
    """Resolve a Gibbs chain and check that all it starts with is drawn again in a sweep."""
    path: Path = ("samplers", name)
    start, sweep = _sampler_chain(options.start, context, (*path, "start")), _sampler_chain(options.sweep, context, (*path, "sweep"))
    if start is None or sweep is None:
        return None
    targets = dict.fromkeys(each.target for draw in (*start, *sweep) for each in draw.factors)
    redrawn = {each.target for draw in sweep for each in draw.factors}
    for draw in start:
        for each in draw.factors:
            if each.target not in redrawn:
                what = f"the start draws {each.target!r}, which no draw of the sweep draws again"
                context.scope.report((*path, "sweep"), what, on_key=True)
                redrawn.add(each.target)
    started = {each.target for draw in start for each in draw.factors}
    _check_sweep_inputs(sweep, started, set(targets), context, (*path, "start"))
    reads = dict.fromkeys(actual for draw in (*start, *sweep) for each in draw.factors for _, actual in each.givens)
    return Sampler(name, start, sweep, options.sweeps, tuple(targets), tuple(each for each in reads if each not in targets))


def _check_sweep_inputs(sweep: tuple[PlayerDraw, ...], started: set[str], targets: set[str], context: Context, path: Path) -> None:
    known = set(started)
    for draw in sweep:
        for each in draw.factors:
            for _, actual in each.givens:
                if actual in targets and actual not in known:
                    context.scope.report(path, f"the sweep reads {actual!r} before it draws it: the start has to draw it", on_key=True)
                    known.add(actual)
            known.add(each.target)


def _sampler_chain(pieces: tuple[schema.ChainPiece, ...], context: Context, path: Path) -> tuple[PlayerDraw, ...] | None:
    found: list[PlayerDraw] = []
    failed = False
    for piece in pieces:
        place = (*path, *piece.path)
        calls = context.scope.parse(parse_chain, piece.text, place)
        for call in calls or ():
            draw = _sampler_draw(call, context, place)
            failed = failed or draw is None
            found += [draw] if draw else []
        failed = failed or calls is None
    return None if failed else tuple(found)


def _sampler_draw(call: Call, context: Context, path: Path) -> PlayerDraw | None:
    if any(symbol.primes for symbol in (*call.targets, *call.givens)):
        context.scope.report(path, "a sampler's variables carry no primes", offset=call.offset)
        return None
    if call.name in context.players:
        bound = context.bind_player(call, path)
        return PlayerDraw(bound) if bound else None
    what = f"unknown player {call.name!r}; a sampler draws from players: {quoted(context.players)}"
    context.scope.report(path, what, nearest(call.name, context.players), offset=call.offset)
    return None
