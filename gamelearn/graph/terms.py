"""The terms of the utilities, resolved to the factors that they draw and score.

This file reads formulas against the players, streams or samplers that they name.
"""

from collections.abc import Collection, Mapping, Sized
from dataclasses import dataclass, field

from gamelearn.errors import quoted
from gamelearn.graph.model import Bound, Draw, Player, PlayerDraw, Sampler, SamplerDraw, StreamDraw, Term
from gamelearn.graph.resolve import ResolutionError, resolve_factors
from gamelearn.graph.symbols import Expanded, Scope
from gamelearn.options import Path
from gamelearn.spec import schema
from gamelearn.spec.formula import Call, parse_chain, parse_term


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
        if targets is None or givens is None or self._binding(call, targets, givens, path) is None:
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
        what, hint = (
            f"unknown player {call.name!r}; known: {quoted(context.players) or 'none'}",
            context.scope.nearest(call.name, context.players),
        )
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
    _check_inputs(start, sweep, set(targets), context, (*path, "start"))
    reads = dict.fromkeys(actual for draw in (*start, *sweep) for each in draw.factors for _, actual in each.givens)
    return Sampler(name, start, sweep, options.sweeps, tuple(targets), tuple(each for each in reads if each not in targets))


def _check_inputs(start: tuple[PlayerDraw, ...], sweep: tuple[PlayerDraw, ...], targets: set[str], context: Context, path: Path) -> None:
    """Check that nothing is read before it is drawn, first by the start, then by the sweep."""
    known: set[str] = set()
    for part, draws in (("start", start), ("sweep", sweep)):
        for each in (factor for draw in draws for factor in draw.factors):
            for actual in (actual for _, actual in each.givens if actual in targets and actual not in known):
                what = f"the {part} reads {actual!r} before it draws it: the start has to draw it"
                context.scope.report(path, f"{what} first" if part == "start" else what, on_key=True)
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
    primed = next((symbol for symbol in (*call.targets, *call.givens) if symbol.primes), None)
    if primed:
        context.scope.report(path, f"{str(primed)!r} has a prime: a sampler draws the variables themselves", offset=primed.offset)
        return None
    if call.name in context.players:
        bound = context.bind_player(call, path)
        return PlayerDraw(bound) if bound else None
    kind = "stream" if call.name in context.streams else "sampler" if call.name in context.samplers else None
    if kind:
        what, hint = f"{call.name!r} is a {kind}: a sampler draws from players, {quoted(context.players)}", None
    else:
        what, hint = (
            f"unknown player {call.name!r}; known: {quoted(context.players) or 'none'}",
            context.scope.nearest(call.name, context.players),
        )
    context.scope.report(path, what, hint, offset=call.offset)
    return None
