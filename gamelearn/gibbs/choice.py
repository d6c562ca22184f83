"""Which chain answers a question. This file chooses among the samplers of a game."""

from collections.abc import Set

from gamelearn.errors import EvidenceError, quoted
from gamelearn.graph.model import Graph, Sampler, unknown
from gamelearn.graph.samplers import AUTOMATIC, NoSampler, automatic_sampler
from gamelearn.options import describe


def choose_sampler(graph: Graph, name: str | None, *, fixed: Set[str], free: Set[str], want: Set[str]) -> Sampler:
    """Return the sampler of that name, or else the last declared one that fits, or else the one that follows from the factors.

    Args:
        graph: the game.
        name: of a sampler, or `automatic`.
        fixed: the variables that are known in every element.
        free: the given variables of which some elements are hidden.
        want: the variables that are asked for.

    Raises:
        EvidenceError: there is no such sampler, or it does not answer the question, or none does, with the reasons.
    """
    if name is not None:
        sampler = _named(graph, name)
        if reason := _misfit(sampler, fixed, free, want):
            raise EvidenceError(f"the sampler {name!r} {reason}")
        return sampler
    reasons = []
    for sampler in reversed(list(graph.samplers.values())):
        reason = _misfit(sampler, fixed, free, want)
        if not reason:
            return sampler
        reasons.append(f"the sampler {sampler.name!r} {reason}")
    try:
        sampler = automatic_sampler(graph)
        reason = _misfit(sampler, fixed, free, want)
        if not reason:
            return sampler
        reasons.append(f"the chain of the most informed factors {reason}")
    except NoSampler as error:
        reasons.append(f"no chain follows from the factors: {error}")
    raise EvidenceError("no chain answers this: " + "; ".join(reasons))


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


def _misfit(sampler: Sampler, fixed: Set[str], free: Set[str], want: Set[str]) -> str | None:
    if missing := [name for name in sampler.givens if name not in fixed]:
        return f"reads {quoted(missing)}, which no draw of it gives: {'it has' if len(missing) == 1 else 'they have'} to be given whole"
    if ignored := [name for name in sorted(fixed) if name not in sampler.targets and name not in sampler.givens]:
        return f"neither reads nor draws {quoted(ignored)}, which {'is' if len(ignored) == 1 else 'are'} given"
    if undrawn := [name for name in sorted(free | (want - fixed)) if name not in sampler.targets]:
        return f"does not draw {quoted(undrawn)}"
    return None
