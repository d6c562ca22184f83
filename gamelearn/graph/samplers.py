"""The Gibbs chains of a game: those that its spec names, and one that follows from its factors.

This file reads what a spec says of `samplers`.
"""

from collections.abc import Sequence

from gamelearn.errors import quoted
from gamelearn.graph.model import Bound, Factor, Graph, PlayerDraw, Sampler
from gamelearn.graph.terms import Context
from gamelearn.options import Path
from gamelearn.spec import schema
from gamelearn.spec.formula import Call, FormulaError, conditional, parse_call, parse_chain
from gamelearn.spec.utilities import ChainPiece

AUTOMATIC = "automatic"
_WORDS = ("end", "mixture")


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
    after = _after(options.after, sweep, context, (*path, "after"))
    if after is None:
        return None
    reads = dict.fromkeys(actual for draw in (*start, *sweep) for each in draw.factors for _, actual in each.givens)
    givens = tuple(each for each in reads if each not in targets)
    counts = {"burn_in": options.burn_in, "thin": options.thin, "chains": options.chains}
    made = Sampler(name, start, sweep, options.sweeps, tuple(targets), givens, after=after, **counts)
    if options.sweeps == 1 and (lacking := lacking_at_end(made)):
        what = f"after one sweep {quoted(lacking)} may not be drawn yet: draw {'it' if len(lacking) == 1 else 'them'} in the start, or take 2 sweeps"
        context.scope.report((*path, "after"), what)
        return None
    return made


def _after(text: str, sweep: tuple[PlayerDraw, ...], context: Context, path: Path) -> str | None:
    """Return the half-step with which the chain ends, as the sweep's draws are named."""
    if text in _WORDS:
        return text
    known = quoted([*_WORDS, *map(str, sweep)])
    try:
        call = parse_call(text)
    except FormulaError:
        context.scope.report(path, f"expected one of {known}, got {text!r}", context.scope.nearest(text, _WORDS))
        return None
    draw = _sampler_draw(call, context, path)
    if draw is not None and sweep.count(draw) != 1:
        what = (
            f"is no half-step of the sweep; known: {known}"
            if draw not in sweep
            else "is drawn more than once in the sweep: which is meant?"
        )
        context.scope.report(path, f"{text} {what}")
        return None
    return None if draw is None else str(draw)


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


def _sampler_chain(pieces: tuple[ChainPiece, ...], context: Context, path: Path) -> tuple[PlayerDraw, ...] | None:
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
    context.report_no_player(call, path, f"a sampler draws from players, {quoted(context.players)}")
    return None


def find_half_steps(graph: Graph, sampler: Sampler, text: str) -> list[str]:
    """Return the draws of a sweep that a text may mean, groups allowed, as the sampler names them: one if the text is clear.

    A draw that is spelt as the sampler spells it goes before one with other orders of its names, that before one which reads a part
    of the named givens.

    Raises:
        FormulaError: the text is no draw.
    """
    call = parse_call(text)
    sides = [[name for each in side for name in graph.groups.get(str(each), (str(each),))] for side in (call.targets, call.givens)]
    targets, givens = map(set, sides)
    spelt = f"{call.name}({conditional(tuple(sides[0]), tuple(sides[1]))})"
    found: list[tuple[str, set[str]]] = []
    for draw in sampler.sweep:
        read = {actual for bound in draw.factors for _, actual in bound.givens} - targets
        if draw.factors[0].factor.player == call.name and {bound.target for bound in draw.factors} == targets and read <= givens:
            found.append((str(draw), read))
    own = [name for name, _ in found if name == spelt]
    return own or [name for name, read in found if read == givens] or [name for name, _ in found]


def lacking_at_end(sampler: Sampler) -> list[str]:
    """Return the targets that one sweep after the start has not drawn when the chain ends with an early half-step."""
    first = 0 if sampler.after == "mixture" else sampler.last_half_step
    drawn = {bound.target for draw in (*sampler.start, *sampler.sweep[: first + 1]) for bound in draw.factors}
    return [name for name in sampler.targets if name not in drawn]


class NoSampler(Exception):
    """Why no chain follows from the factors of a game."""


def automatic_sampler(graph: Graph) -> Sampler:
    """Return the chain in which every variable that a player can draw is drawn from its most informed factor.

    The start draws every variable from the first factor whose givens are there; the sweep takes the variables in the order of
    the players, those with the most informed factors of each.

    Raises:
        NoSampler: two factors of a variable are not comparable, or nothing can be drawn first.
    """
    factors = [factor for player in graph.players.values() for factor in player.factors.values()]
    best = {name: _most_informed(name, factors) for name in dict.fromkeys(factor.target for factor in factors)}
    sweep = [factor for factor in factors if best[factor.target] == factor]
    start = _starting_order(factors, set(best))
    reads = dict.fromkeys(given for factor in (*start, *sweep) for given in factor.givens)
    givens = tuple(name for name in reads if name not in best)
    return Sampler(AUTOMATIC, tuple(map(_draw_of, start)), tuple(map(_draw_of, sweep)), None, tuple(best), givens)


def sampler_of(factors: Sequence[Factor], name: str | None = None) -> Sampler:
    """Return the chain that draws each of some factors once, from what is known; by default it is named as they are."""
    draws, givens = tuple(map(_draw_of, factors)), dict.fromkeys(given for factor in factors for given in factor.givens)
    targets = tuple(factor.target for factor in factors)
    return Sampler(name or ", ".join(map(str, factors)), draws, draws, 1, targets, tuple(givens), burn_in=0, chains=1)


def _draw_of(factor: Factor) -> PlayerDraw:
    return PlayerDraw((Bound(factor, factor.target, tuple((name, name) for name in factor.givens)),))


def _most_informed(name: str, factors: list[Factor]) -> Factor:
    own = [factor for factor in factors if factor.target == name]
    best = [factor for factor in own if all(set(factor.givens) >= set(other.givens) for other in own)]
    if not best:
        raise NoSampler(f"{name!r} is drawn by {quoted(map(str, own))}, neither of which reads all that the other does")
    return best[0]


def _starting_order(factors: list[Factor], targets: set[str]) -> list[Factor]:
    order: list[Factor] = []
    there: set[str] = set()
    while left := targets - there:
        ready = [factor for factor in factors if factor.target in left and all(g in there or g not in targets for g in factor.givens)]
        if not ready:
            raise NoSampler(f"nothing can be drawn first: every factor of {quoted(sorted(left))} reads another of them")
        order.append(ready[0])
        there.add(ready[0].target)
    return order
