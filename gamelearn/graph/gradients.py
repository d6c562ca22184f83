"""Gradients through draws: which draws of a term depend on its owner, and whether the term's estimator fits them.

Without `gradient:` draws are constants; with it, the draws that the owner's parameters move are estimated (rules 9, 10 and 14 of
the language). This file checks the estimators of terms.
"""

from collections.abc import Iterable, Iterator

from gamelearn.errors import quoted
from gamelearn.graph.model import Bound, Factor, Graph, OwnScore, PlayerDraw, SamplerDraw, Stage, Term
from gamelearn.graph.symbols import Scope
from gamelearn.registry import ESTIMATORS


def _links(graph: Graph, term: Term) -> Iterator[tuple[frozenset[str], frozenset[str], Bound | None]]:
    """Yield what each draw of a chain makes, what it reads, and its factor; a sampler's draws are taken together, without one."""
    for draw in term.draws:
        if isinstance(draw, PlayerDraw):
            yield from ((frozenset({each.target}), frozenset(actual for _, actual in each.givens), each) for each in draw.factors)
        elif isinstance(draw, SamplerDraw):
            sampler, actual = graph.samplers[draw.sampler], dict(draw.binding)
            yield frozenset(map(actual.__getitem__, sampler.targets)), frozenset(map(actual.__getitem__, sampler.givens)), None


def _descendants(graph: Graph, term: Term, names: Iterable[str]) -> frozenset[str]:
    """Return variables with all that the chain draws from them, at first or second hand."""
    found = frozenset(names)
    for made, read, _ in _links(graph, term):
        found |= made if found & read else frozenset()
    return found


def moved_variables(graph: Graph, term: Term, owners: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the variables of a term whose draws its owners' parameters move, by their factor or through what they read.

    The owner is the term's player, unless a common utility has several. A sampler is never differentiated: what it draws depends on what
    it reads alone.
    """
    owners = owners or frozenset({term.player})
    drawn = [bound for _, _, bound in _links(graph, term) if bound is not None]
    return _descendants(graph, term, (bound.target for bound in drawn if not owners.isdisjoint(graph.reach(bound.factor))))


def dependent_draws(graph: Graph, term: Term, owners: frozenset[str] = frozenset()) -> tuple[Bound, ...]:
    """Return the draws from single factors that its owners' parameters move."""
    moved = moved_variables(graph, term, owners)
    return tuple(bound for made, _, bound in _links(graph, term) if bound is not None and made & moved)


def redrawn(graph: Graph, term: Term, owners: frozenset[str] = frozenset()) -> frozenset[str]:
    """Return the variables of a term that are drawn again with a gradient."""
    if term.gradient is None or not term.gradient.redraws:
        return frozenset()
    return frozenset(bound.target for bound in dependent_draws(graph, term, owners))


def weighed_draws(graph: Graph, term: Term, owners: frozenset[str] = frozenset()) -> tuple[Bound, ...]:
    """Return the draws of a term whose log-likelihoods its estimator weighs: those from factors with parameters of its owners."""
    if term.gradient is None or term.gradient.redraws:
        return ()
    owners = owners or frozenset({term.player})
    return tuple(bound for bound in dependent_draws(graph, term, owners) if not owners.isdisjoint(graph.reach(bound.factor)))


def closed_forms(graph: Graph, term: Term) -> tuple[tuple[int, int], ...]:
    """Return the places in a term's score of `+ log a` and `- log b` whose expectation is a divergence of one family.

    That is where the variable of both was drawn from b, and nothing that a reads was drawn from it: given what both read, the expectation
    of `log a - log b` over the draw is minus the Kullback-Leibler divergence of b from a. It has the gradient of the draw, too, so draws
    that depend on the owner must not be constants.
    """
    if term.weights or (term.gradient is None and dependent_draws(graph, term)):
        return ()
    drawn = {bound.target: bound for draw in term.draws if isinstance(draw, PlayerDraw) for bound in draw.factors}
    negative = {b.target: place for place, (sign, b) in enumerate(term.score) if sign < 0 and drawn.get(b.target) == b}
    found: dict[int, int] = {}
    for place, (sign, bound) in enumerate(term.score):
        if sign > 0 and bound.target in negative and _is_divergence(bound.factor, drawn[bound.target].factor):
            later = _descendants(graph, term, {bound.target})  # with an encoder in reverse order, a reads some of these
            if later.isdisjoint(actual for _, actual in bound.givens):
                found.setdefault(negative[bound.target], place)
    return tuple((scored, drawn_from) for drawn_from, scored in found.items())


def _is_divergence(scored: Factor, drawn: Factor) -> bool:
    ours, theirs = scored.family, drawn.family
    return ours is not None and theirs is not None and ours.type == theirs.type and "divergence" in theirs.offers


def depends(bound: Bound, moved: frozenset[str]) -> bool:
    """Whether a factor is taken at one of the variables."""
    return bound.target in moved or any(actual in moved for _, actual in bound.givens)


def is_common(stage: Stage, term: Term) -> bool:
    """Whether another player of the stage has the same term with a gradient: a common utility, of which each moves its share."""
    others = (other for player, terms in stage.utilities.items() if player != term.player for other in terms)
    return any(other.gradient and _utility(other) == _utility(term) for other in others)


def _utility(term: Term) -> tuple[object, ...]:
    return term.draws, term.score, term.weights, term.samples if term.weights else 1


def common_utilities(stage: Stage) -> tuple[tuple[str, ...], ...]:
    """Return the players that move, those with one common utility together, in the order of the first of them.

    Players that have the same terms, all of them with a `gradient` whose draws have the values of plain ones, can have their gradients
    from one evaluation; in sequence each moves before the next one's gradient is taken.
    """
    groups: list[tuple[list[object], list[str]]] = []
    for player in stage.order:
        terms = stage.utilities[player]
        is_common = stage.schedule.mode == "parallel" and all(term.gradient and term.gradient.keeps_values for term in terms)
        utility: list[object] = [_value(term) for term in terms] if is_common else [player]
        same = next((players for known, players in groups if known == utility), None)
        if same is None:
            groups.append((utility, [player]))
        else:
            same.append(player)
    return tuple(tuple(players) for _, players in groups)


def _value(term: Term) -> tuple[object, ...]:
    return term.weight, term.draws, term.score, term.gradient, term.weights, term.samples, term.constant_draws


def check_gradient(graph: Graph, stage: Stage, term: Term, scope: Scope) -> None:
    """Note at the place of `gradient` why an estimator does not fit the draws that its term has."""
    if term.gradient is None:
        return
    draws = dependent_draws(graph, term)
    path = (*term.path[:-1], "gradient")
    if not draws and not is_common(stage, term):
        scope.report(path, f"no draw of this term depends on the parameters of {term.player!r}: there is nothing to estimate", on_key=True)
    for what in _samplers_passed(graph, term):
        scope.report(path, what)
        return
    for bound in draws if term.gradient.redraws else weighed_draws(graph, term):
        for what in _misfits(graph, term, bound):
            scope.report(path, f"{what}; for it there {_choices(graph, term, bound)}")
            return
    for what in _readers_of_classes(graph, term):
        scope.report(path, what)
        return


def _samplers_passed(graph: Graph, term: Term) -> Iterator[str]:
    """Yield where a sampler reads what is drawn again with a gradient: its own draws, which are constants, would hand none on."""
    moved = redrawn(graph, term)
    for draw in term.draws:
        if term.gradient and isinstance(draw, SamplerDraw) and (passed := moved.intersection(actual for _, actual in draw.binding)):
            what = f"{term.gradient.type!r} does not pass {draw.call}: it reads {quoted(sorted(passed))}, and what a sampler draws is never"
            yield f"{what} differentiated; for it there is 'reinforce'"


def _misfits(graph: Graph, term: Term, bound: Bound) -> Iterator[str]:
    assert term.gradient is not None
    kind = graph.variables[bound.factor.target].type
    if kind not in term.gradient.variable_types:
        yield f"{term.gradient.type!r} is not for the draw {bound}, which is {kind}"
    elif not _offered(bound.factor, term.gradient.needs):
        whose = f"the family {bound.factor.family.type!r}" if bound.factor.family else f"a player of type {_type(graph, bound.factor)!r}"
        yield f"{term.gradient.type!r} is not for the draw {bound}: {whose} is not {term.gradient.needs}"


def _offered(factor: Factor, needs: str | None) -> bool:
    return needs is None or (factor.family is not None and needs in factor.family.offers)


def _type(graph: Graph, factor: Factor) -> str:
    return graph.players[factor.player].options.type


def _choices(graph: Graph, term: Term, bound: Bound) -> str:
    kind = graph.variables[bound.factor.target].type
    fitting = [
        each.name
        for each in ESTIMATORS
        if kind in each.options.variable_types and _offered(bound.factor, each.options.needs)  # type: ignore[attr-defined]
    ]
    return f"{'is' if len(fitting) == 1 else 'are'} {quoted(sorted(fitting))}"


def _readers_of_classes(graph: Graph, term: Term) -> Iterator[str]:
    """Yield what is wrong where a player with distributions of its own would be given weights of classes for a class."""
    moved = {name for name in redrawn(graph, term) if graph.variables[name.rstrip("'")].type == "categorical"}
    used = [*dependent_draws(graph, term), *(bound for _, bound in (*term.score, *term.weights))]
    for bound in used if moved else ():
        taken = sorted(moved.intersection((actual for _, actual in bound.givens)) | (moved & {bound.target}))
        owners = [bound.factor.player] if bound.factor.family is None else []
        owners += [score.player for score in graph.flat_scores(bound.factor) if isinstance(score, OwnScore)]
        if taken and owners:
            name = graph.players[owners[0]].options.type
            yield f"under {str(term.gradient)!r} the classes of {quoted(taken)} are one-hot, which a player of type {name!r} cannot read in {bound}: take 'reinforce'"
