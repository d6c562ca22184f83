"""What factors are made of: networks with their heads, shares of other factors, free parameters, families.

This file describes single factors.
"""

from collections.abc import Iterable
from dataclasses import dataclass

from gamelearn.graph.model import Factor, FreeScore, Graph, NetworkScore, OwnScore, Score, SharedScore, Term
from gamelearn.options import Options


@dataclass(frozen=True)
class FactorParts:
    """A factor in words: its family, and the scores that add up to its raw outputs."""

    factor: str
    family: str
    scores: tuple[str, ...]
    reach: tuple[str, ...]
    """The players on whose parameters it depends."""

    def __str__(self) -> str:
        return f"{self.family}: {' + '.join(self.scores)}"


def factor_parts(graph: Graph, factor: Factor) -> FactorParts:
    """Return what a factor is made of."""
    variable = graph.variables[factor.target]
    scores = tuple(_score(graph, score) for score in factor.scores)
    if not scores:
        scores = ("uniform, no parameters" if variable.type in ("binary", "categorical") else "standard, raw outputs of zero",)
    family = options_text("type", factor.family) if factor.family else f"the player type {graph.players[factor.player].options.type!r}"
    return FactorParts(str(factor), family, scores, tuple(sorted(graph.reach(factor))))


def _score(graph: Graph, score: Score) -> str:
    match score:
        case NetworkScore():
            network = graph.players[score.player].networks[score.network]
            head = f".{score.head}" if len(network.heads) > 1 else ""
            return f"{score.player}.{score.network}{head} ({options_text('net', network.options)})"
        case FreeScore():
            return "free parameters"
        case OwnScore():
            return "computed by the player itself"
        case SharedScore():
            shared = graph.players[score.player].factors[score.factor]
            inner = " + ".join(_score(graph, each) for each in shared.scores) or "zero"
            return f"raw outputs of {shared} = {inner}"


def options_text(tag: str, options: Options) -> str:
    """Return a network or family with the options that differ from their defaults, such as `mlp, hidden [600, 600]`."""
    wiring = {tag, "inputs", "outputs"}
    fields = type(options).model_fields
    changed = {name: getattr(options, name) for name in fields if name not in wiring and getattr(options, name) != fields[name].default}
    return ", ".join([getattr(options, tag), *(f"{name} {_value(value)}" for name, value in changed.items())])


def _value(value: object) -> str:
    return (
        f"[{', '.join(map(str, value))}]"
        if isinstance(value, tuple | list)
        else str(value).lower()
        if isinstance(value, bool)
        else str(value)
    )


def term_factors(term: Term) -> tuple[Factor, ...]:
    """Return the factors that a term draws and scores, each once, in the order in which the formula names them."""
    drawn = [bound.factor for draw in term.draws for bound in getattr(draw, "factors", ())]
    return _unique([*drawn, *(bound.factor for _, bound in term.score)])


def _unique(factors: Iterable[Factor]) -> tuple[Factor, ...]:
    return tuple({str(factor): factor for factor in factors}.values())
