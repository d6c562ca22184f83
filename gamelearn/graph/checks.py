"""What can be known of a game before any data is opened (rules 7, 9, 17 and 23 of the language).

This file looks for games that are well written, yet cannot work.
"""

from collections.abc import Collection
from itertools import pairwise, takewhile

import networkx

from gamelearn.errors import nearest, quoted
from gamelearn.graph.gradients import check_gradient, dependent_draws, depends, is_common, moved_variables
from gamelearn.graph.model import Bound, Factor, Graph, NetworkScore, PlayerDraw, Stage, StreamDraw, Term
from gamelearn.graph.symbols import Scope
from gamelearn.options import Mistake
from gamelearn.spec.schema import Spec


def check_graph(graph: Graph, spec: Spec, scope: Scope) -> None:
    """Note every mistake of a game in its scope, with warnings apart."""
    _check_variables(graph, scope)
    _check_players(graph, spec, scope)
    for stage in graph.stages.values():
        for player, terms in stage.utilities.items():
            if _check_mover(graph, stage, player, spec, scope):
                for term in terms:
                    _check_term(graph, stage, term, scope)
    _check_training(graph, scope)
    _check_coupling(graph, scope)


def _check_variables(graph: Graph, scope: Scope) -> None:
    shown = {name for stream in graph.streams.values() for name in stream.variables}
    drawn = {factor.target for player in graph.players.values() for factor in player.factors.values()}
    for name in graph.variables:
        if name not in shown and name not in drawn:
            what = f"nobody can draw {name!r}: no stream shows it, it is no factor's target"
            scope.report(("variables", name), what, on_key=True)


def _check_players(graph: Graph, spec: Spec, scope: Scope) -> None:
    moving = {player for stage in graph.stages.values() for player in stage.utilities}
    for player in graph.players.values():
        path = ("players", player.name)
        if not player.factors:
            scope.report(path, f"the player {player.name!r} has no factors", on_key=True)
        elif player.has_parameters and player.name not in moving and not player.options.frozen:
            what = f"the player {player.name!r} has parameters and no utility: give it one, or say 'frozen: true'"
            scope.report(path, what, on_key=True)


def _utilities_path(stage: Stage, spec: Spec) -> tuple[str, ...]:
    return ("utilities",) if spec.stages is None else ("stages", stage.name, "utilities")


def _check_mover(graph: Graph, stage: Stage, player: str, spec: Spec, scope: Scope) -> bool:
    """Check that a player with a utility can move; return whether it can."""
    path = (*_utilities_path(stage, spec), player)
    if not graph.players[player].has_parameters:
        scope.report(path, f"the player {player!r} has no parameters, so it has no utility", on_key=True)
    elif graph.players[player].options.frozen:
        scope.report(path, f"the player {player!r} is frozen, so it has no utility", on_key=True)
    else:
        return True
    return False


def _check_term(graph: Graph, stage: Stage, term: Term, scope: Scope) -> None:
    _check_dependence(graph, stage, term, scope)
    check_gradient(graph, stage, term, scope)
    streams = [draw.stream for draw in term.draws if isinstance(draw, StreamDraw)]
    batch = stage.train.batch
    sizes = {stream: _rows(graph.streams[stream].take, batch.get(stream, batch["default"])) for stream in streams}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name!r} {size}" for name, size in sizes.items())
        scope.report(term.path, f"streams of one chain need equal batches, got {listed}")
    for draw, call in zip(term.draws, term.formula.chain, strict=True):
        if isinstance(draw, PlayerDraw) and call.name == term.player and not term.constant_draws and term.gradient is None:
            what = f"{call} is drawn from {term.player!r} itself: the gradient ignores that draw; say 'draws: constant' if that is meant, or name an estimator with 'gradient'"
            if any(term.player in graph.reach(bound.factor) for bound in draw.factors):
                scope.warnings.append(Mistake(term.path, what, offset=call.offset))


def _rows(take: int | None, batch: int) -> int:
    """Return the rows of a stream's batch: a shorter stream is used whole."""
    return min(batch, take) if take else batch


def _check_dependence(graph: Graph, stage: Stage, term: Term, scope: Scope) -> None:
    """A term must depend on its owner's parameters, and so must what it takes from each other player, if it is no common utility."""
    moved = moved_variables(graph, term)
    reached = {bound.factor.player for _, bound in term.score if term.player in graph.reach(bound.factor)}
    if term.gradient:
        reached |= {bound.factor.player for _, bound in term.score if depends(bound, moved)}
    foreign = [bound for _, bound in term.score if bound.factor.player not in {*reached, term.player}]
    if foreign and not (reached and is_common(stage, term)):
        listed, is_one = ", ".join(f"log {bound}" for bound in foreign), len(foreign) == 1
        what = f"{listed} {'does' if is_one else 'do'} not depend on the parameters of {term.player!r}"
        kind = "it is a constant" if is_one else "they are constants"
        remedy = _remedy(foreign, moved)
        scope.report(term.path, f"{what}: {kind} of this utility{remedy}", offset=_score_offset(term, foreign[0].factor.player))
    elif not reached:
        what = f"the term does not depend on the parameters of its player {term.player!r}"
        scope.report(term.path, what, offset=_score_offset(term, term.player))


def _remedy(foreign: list[Bound], moved: frozenset[str]) -> str:
    """Return what would make constants depend on the owner: a gradient, where its draws reach all of them."""
    is_reached = all(depends(bound, moved) for bound in foreign)
    return "; its draws reach them, if the term names an estimator with 'gradient'" if is_reached else ""


def _score_offset(term: Term, player: str) -> int:
    return next(call.offset for _, call in term.formula.score if call.name == player)


def _check_training(graph: Graph, scope: Scope) -> None:
    """Warn of parameters that no term of their player reaches: they stay as they begin."""
    terms = [term for stage in graph.stages.values() for terms in stage.utilities.values() for term in terms]
    used = [(term.player, bound) for term in terms for _, bound in term.score]
    used += [(term.player, bound) for term in terms if term.gradient for bound in dependent_draws(graph, term)]
    trained = {part for player, bound in used for part in _parts(graph, bound.factor) if part[0] == player}
    for player in {term.player: graph.players[term.player] for term in terms}.values():
        for factor in player.factors.values():
            own = {part for part in _parts(graph, factor) if part[0] == player.name}
            if own and not own & trained:
                what = f"no term of {player.name!r} scores this factor: its parameters stay as they begin"
                scope.warnings.append(Mistake(factor.path, what, on_key=True))


def _parts(graph: Graph, factor: Factor) -> set[tuple[str, str]]:
    """Return what a factor's parameters lie in, each with the player that owns it."""
    parts = {
        (score.player, score.network if isinstance(score, NetworkScore) else f"{score.factor}!") for score in graph.flat_scores(factor)
    }
    if factor.family is not None and factor.family.has_parameters:
        parts.add((factor.player, f"{factor.label}!"))
    return parts


def stray_streams(graph: Graph, added: Collection[str], named: Collection[str] = ()) -> list[Mistake]:
    """Return a mistake for each added stream that nothing uses or can use, with the nearest one that is used.

    Metrics and figures may choose a stream by what it shows, and take the first of those that show it. So a stream counts
    only if one before it shows all its variables too: no choice falls on it.

    Args:
        added: the streams that a preset or an extending spec adds.
        named: names that other parts of the spec refer to.
    """
    terms = [term for stage in graph.stages.values() for terms in stage.utilities.values() for term in terms]
    drawn = {draw.stream for term in terms for draw in term.draws if isinstance(draw, StreamDraw)}
    left_out = {stream.except_ for stream in graph.streams.values() if stream.except_}
    others = [name for name in graph.streams if name not in added or name in drawn]
    unused = [name for name in graph.streams if name in added and name not in drawn | left_out | set(named)]
    beside = f", which is added here beside {quoted(others)}" if others else ""
    return [
        Mistake(("data", "streams", name), f"no term uses the stream {name!r}{beside}", nearest(name, others), on_key=True)
        for name in unused
        if _is_shown_before(graph, name)
    ]


def _is_shown_before(graph: Graph, name: str) -> bool:
    """Whether a stream that comes before another shows all that it shows."""
    before = takewhile(lambda each: each != name, graph.streams)
    return any(set(graph.streams[each].variables) >= set(graph.streams[name].variables) for each in before)


def _check_coupling(graph: Graph, scope: Scope) -> None:
    """Warn where the streams show variables that no stream shows together (design, section 6)."""
    together = networkx.Graph()
    for stream in graph.streams.values():
        names = list(stream.variables)
        together.add_nodes_from(names)
        together.add_edges_from(pairwise(names))
    parts = [sorted(part) for part in networkx.connected_components(together)]
    if len(parts) > 1:
        listed = " and ".join(quoted(part) for part in parts)
        what = f"no stream shows {listed} together: with marginals alone every coupling of them is an equilibrium, so training does not identify one"
        scope.warnings.append(Mistake(("data", "streams"), what, on_key=True))
