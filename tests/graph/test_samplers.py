"""Samplers of a spec: what they may name, and which half-step a text means. This file reads them."""

import pytest

from gamelearn.graph.build import GraphError
from gamelearn.graph.model import Graph
from gamelearn.graph.samplers import find_half_steps
from gamelearn.spec.formula import FormulaError
from tests.support import graph_of

GAME = """
    name: halves
    variables: {a: {type: binary}, b: {type: binary}, c: {type: binary}, d: {type: binary}, g: [c, d]}
    data: {streams: {rows: [a, b, c, d]}}
    players:
      maker: {factors: {a | c: {net: mlp}, "a | c, d": {net: mlp}, b | c: {net: mlp}, b | d: {net: mlp}, c: free, d: free}}
      guesser: {factors: {"c | a, b": {net: mlp}, "d | a, b": {net: mlp}}}
    samplers:
      chain: {start: "maker(c, d)", sweep: SWEEP}
    utilities:
      maker: E[rows(a, b, c, d)] log maker(a | c) + log maker(a | c, d) + log maker(b | c) + log maker(b | d) + log maker(c, d)
      guesser: E[rows(a, b, c, d)] log guesser(g | a, b)
    train: {rounds: 1}
    """
SWEEP = '"maker(a | c), maker(b | c), maker(a | c, d), maker(b | d), maker(a, b | c), maker(b, a | c), guesser(g | a, b)"'


def graph(sweep: str = SWEEP) -> Graph:
    return graph_of(GAME.replace("SWEEP", sweep))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("maker(a | c)", ["maker(a | c)"]),
        ("maker(a | c, d)", ["maker(a | c, d)"]),
        ("maker(a | d, c)", ["maker(a | c, d)"]),
        ("maker(a | g)", ["maker(a | c, d)"]),
        ("maker(b | g)", ["maker(b | c)", "maker(b | d)"]),
        ("maker(b|d)", ["maker(b | d)"]),
        ("maker(a, b | c)", ["maker(a, b | c)"]),
        ("maker(b, a | c)", ["maker(b, a | c)"]),
        ("guesser(c, d | a, b)", ["guesser(c, d | a, b)"]),
        ("guesser(g | b, a)", ["guesser(c, d | a, b)"]),
        ("maker(a | d)", []),
        ("maker(a)", []),
        ("maker(a, b | d)", []),
        ("guesser(a | c)", []),
        ("guesser(c | a, b)", []),
    ],
)
def test_a_text_means_the_half_steps_whose_givens_it_names(text: str, found: list[str]) -> None:
    made = graph()
    assert find_half_steps(made, made.samplers["chain"], text) == found


def test_a_draw_that_comes_twice_in_a_sweep_is_found_twice() -> None:
    made = graph('"maker(a | c), maker(b | c), maker(a | c), guesser(g | a, b)"')
    assert find_half_steps(made, made.samplers["chain"], "maker(a | c)") == ["maker(a | c)"] * 2
    assert find_half_steps(made, made.samplers["chain"], "maker(a | g)") == ["maker(a | c)"] * 2


def test_a_text_that_is_no_draw_is_none() -> None:
    made = graph()
    with pytest.raises(FormulaError):
        find_half_steps(made, made.samplers["chain"], "maker")


@pytest.mark.parametrize(
    ("old", "new", "message", "hint"),
    [
        ("maker(a | c), maker(b", "makr(a | c), maker(b", "unknown player 'makr'; known: 'maker', 'guesser'", "maker"),
        ("maker(a | c), maker(b", "rows(a), maker(b", "'rows' is a stream: a sampler draws from players, 'maker', 'guesser'", None),
        ("] log guesser(g", "] log gueser(g", "unknown player 'gueser'; known: 'maker', 'guesser'", "guesser"),
        ("] log guesser(g | a, b)", "] log rows(a)", "'rows' is a stream: only a player's factors have a log-likelihood", None),
        ("] log guesser(g | a, b)", "] log chain(a, b, c, d)", "'chain' is a sampler: only a player's factors have a log-likelihood", None),
    ],
)
def test_what_is_no_player_is_told_for_what_it_is(old: str, new: str, message: str, hint: str | None) -> None:
    text = GAME.replace("SWEEP", SWEEP)
    assert text.count(old) == 1
    with pytest.raises(GraphError) as caught:
        graph_of(text.replace(old, new))
    assert [(each.what, each.suggestion) for each in caught.value.mistakes] == [(message, hint)]
