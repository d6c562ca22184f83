"""Games whose utilities are derived, from text. This file builds them for the tests of the rule, which compare formulas."""

import textwrap
from typing import Any

import pytest

from gamelearn.graph.build import GraphError, build_graph
from gamelearn.graph.model import Draw, Graph, PlayerDraw, SamplerDraw, StreamDraw, Term
from gamelearn.plugins import load_builtins
from gamelearn.spec.schema import Spec
from gamelearn.spec.source import parse_source

Written = dict[str, list[str]]
Normal = tuple[float, frozenset[object], frozenset[object]]

HEAD = """
    name: derived
    variables:
      x: {type: binary, shape: [4]}
      y: {type: binary, shape: [2]}
      s: {type: categorical, classes: 3, shape: [2]}
      c: {type: categorical, classes: 3}
      z0: {type: binary, shape: [2]}
      z1: {type: binary, shape: [3]}
      z: [z0, z1]
    train: {rounds: 1}
    """


def spec_of(text: str) -> dict[str, Any]:
    """Return a game as plain values, with the variables that it mentions."""
    plain: dict[str, Any] = parse_source(textwrap.dedent(HEAD) + textwrap.dedent(text), "test.yaml").plain()
    used = set(text.replace("'", " ").translate(str.maketrans("[]{}(),|:", " " * 9)).split())
    members = set(plain["variables"]["z"])
    used = used | members if "z" in used else used | {"z"} if members <= used else used
    plain["variables"] = {name: each for name, each in plain["variables"].items() if name in used}
    return plain


def built(plain: dict[str, Any]) -> Graph:
    load_builtins()
    return build_graph(Spec.model_validate(plain))


def utilities(graph: Graph, stage: str = "main") -> dict[str, set[Normal]]:
    """Return the terms of every player, whatever their order and that of the draws in a chain."""
    found = {player: [normal(term) for term in terms] for player, terms in graph.stages[stage].utilities.items()}
    assert all(len(set(terms)) == len(terms) for terms in found.values())
    return {player: set(terms) for player, terms in found.items()}


def normal(term: Term) -> Normal:
    """Return a term without the draws that its score does not depend on."""
    needed = {name for _, each in term.score for name in (each.target, *(actual for _, actual in each.givens))}
    kept = []
    for part, targets, givens in reversed([each for draw in term.draws for each in parts(draw)]):
        if needed & targets:
            needed |= givens
            kept.append(part)
    return term.weight, frozenset(kept), frozenset((sign, str(each)) for sign, each in term.score)


def parts(draw: Draw) -> list[tuple[object, set[str], set[str]]]:
    """Return the single draws of a draw, each with what it draws and what it reads."""
    match draw:
        case StreamDraw():
            return [((draw.stream, *column), {column[1]}, set()) for column in draw.columns]
        case PlayerDraw():
            return [(str(each), {each.target}, {actual for _, actual in each.givens}) for each in draw.factors]
        case SamplerDraw():
            actual = dict(draw.binding)
            targets = {actual[each.name] for each in draw.call.targets}  # no test draws a group from a sampler
            return [((draw.sampler, frozenset(draw.binding)), targets, set(actual.values()) - targets)]


def formulas(graph: Graph, player: str, stage: str = "main") -> list[str]:
    return [str(term.formula) for term in graph.stages[stage].utilities[player]]


def compare(text: str, written: Written, derive: object = "symmetric", also: dict[str, Any] | None = None) -> Graph:
    """Compare a game whose utilities are derived with the game whose utilities are written; return the former.

    `also` holds more keys of players.
    """
    plain = spec_of(text)
    for name, keys in (also or {}).items():
        plain["players"][name] |= keys
    derived = built({**plain, "derive": derive})
    assert utilities(derived) == utilities(built({**plain, "utilities": written}))
    return derived


def refused(text: str, **more: object) -> list[str]:
    """Return what is wrong with a game whose utilities are to be derived."""
    with pytest.raises(GraphError) as caught:
        built({"derive": "symmetric", **spec_of(text), **more})
    assert {each.path[0] for each in caught.value.mistakes} == {"derive"}
    return [each.what for each in caught.value.mistakes]


TWO = "players: {p: {factors: {x | c: {net: linear}}}, q: {factors: {c | x: {net: linear}}}}"
LADDER = """
    data: {streams: {images: [x]}}
    players:
      p: {factors: {z0: uniform, z1 | z0: {net: linear}, x | z1: {net: linear}}}
      q: {factors: {z0 | x: {net: linear}, "z1 | z0, x": ["p(z1 | z0)", {net: linear, inputs: [x]}]}}
    """
REVERSE = """
    data: {streams: {images: [x]}}
    players:
      p: {factors: {z0: uniform, z1 | z0: {net: linear}, x | z1: {net: linear}}}
      q: {factors: {z1 | x: {net: linear}, z0 | z1: {net: linear}}}
    """
HELMHOLTZ = {"p": ["E[images(x), q(z | x)] log p(x, z)"], "q": ["E[p(x, z)] log q(z | x)"]}
PARTLY = "data: {streams: {labelled: [x, z0], images: [x]}}"
TABLE = """
    data: {streams: {whole: [x, y, c, s], most: [x, y, c]}}
    players:
      px: {factors: {"x | y, c, s": {net: linear}}}
      py: {factors: {"y | x, c, s": {net: linear}}}
      pc: {factors: {"c | x, y, s": {net: linear}}}
      ps: {factors: {"s | x, y, c": {net: linear}}}
    """
