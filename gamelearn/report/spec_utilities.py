"""The utilities of a game in the syntax of specs, whether they were written or derived. This file writes them."""

from collections.abc import Sequence
from typing import Any

from gamelearn.graph.model import Graph, Stage, Term
from gamelearn.spec.write import write_yaml


def utilities_yaml(graph: Graph, *, has_stages: bool) -> str:
    """Return the utilities of every stage as a part of a spec, which may stand in place of its `utilities` and `derive`.

    Args:
        graph: the game.
        has_stages: whether its spec has `stages`.
    """
    if has_stages:
        return write_yaml({"stages": {name: {"utilities": _plain(stage)} for name, stage in graph.stages.items()}})
    [stage] = graph.stages.values()
    return write_yaml({"utilities": _plain(stage)})


def derived_terms(graph: Graph) -> list[dict[str, str]]:
    """Return every derived term, a formula of specs, with its stage and player."""
    return [
        {"stage": name, "player": term.player, "term": str(term.formula)}
        for name, stage in graph.stages.items()
        for terms in stage.utilities.values()
        for term in terms
        if term.derived
    ]


def derived_lines(graph: Graph) -> list[str]:
    """Return every derived term as a line of text; the stage is named where there are several."""
    several = len(graph.stages) > 1
    return [f"derived: {each['stage'] + ': ' if several else ''}{each['player']}: {each['term']}" for each in derived_terms(graph)]


def _plain(stage: Stage) -> dict[str, Any]:
    return {player: _utility(terms) for player, terms in stage.utilities.items()}


def _utility(terms: Sequence[Term]) -> Any:
    written = {term.name: _term(term) for term in terms}
    if list(written) == ["0"]:
        return written["0"]
    return list(written.values()) if all(name.isdigit() for name in written) else written


def _term(term: Term) -> Any:
    more: dict[str, Any] = {} if term.weight == 1 else {"weight": term.weight}
    if term.constant_draws:
        more["draws"] = "constant"
    return {"term": str(term.formula), **more} if more else str(term.formula)
