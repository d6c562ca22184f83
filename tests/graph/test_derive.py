"""The rule `derive: symmetric` against the paper: its equations as specs whose utilities are derived once, written once.

This file compares formulas.
"""

import textwrap
from typing import Any

import pytest

from gamelearn.spec.load import load_source
from tests.graph.derived_games import (
    HEAD,
    HELMHOLTZ,
    LADDER,
    PARTLY,
    REVERSE,
    TABLE,
    TWO,
    built,
    compare,
    formulas,
    refused,
    spec_of,
    utilities,
)
from tests.support import graph_of


def test_equation_3() -> None:
    marginals = "data: {streams: {xs: [x], cs: [c]}}\n    "
    written = {"p": ["E[xs(x), q(c | x)] log p(x | c)"], "q": ["E[cs(c), p(x | c)] log q(c | x)"]}
    derived = compare(f"    {marginals}{TWO}", written)
    assert formulas(derived, "p") == written["p"]
    assert all(term.derived for terms in derived.stages["main"].utilities.values() for term in terms)


def test_equation_12() -> None:
    text = """
    data: {streams: {pairs: [x, c], xs: [x], cs: [c]}}
    players: {p: {factors: {c: free, x | c: {net: linear}}}, q: {factors: {c | x: {net: linear}}}}
    """
    written = {
        "p": ["E[pairs(x, c)] log p(x, c)", "E[xs(x), q(c | x)] log p(x, c)", "E[cs(c)] log p(c)"],
        "q": ["E[pairs(x, c)] log q(c | x)", "E[cs(c), p(x | c)] log q(c | x)"],
    }
    compare(text, written)
    compare(text.replace("c: free", "c: uniform"), {**written, "p": written["p"][:2]})  # log p(c) is a constant


@pytest.mark.parametrize("text", [LADDER, REVERSE], ids=["ladder", "reverse"])
def test_equation_13(text: str) -> None:
    derived = compare(text, HELMHOLTZ)
    assert [formulas(derived, player) for player in "pq"] == list(HELMHOLTZ.values())


def test_equation_16() -> None:
    written = {
        "p": [*HELMHOLTZ["p"], "E[labelled(x, z0), q(z1 | z0, x)] log p(x, z)"],
        "q": [*HELMHOLTZ["q"], "E[labelled(x, z0)] log q(z0 | x)"],
    }
    compare(LADDER.replace("data: {streams: {images: [x]}}", PARTLY), written)


SEVENTEEN = """
    data: {streams: {labelled: [x, c]}}
    players:
      p: {factors: {c: uniform, z0: uniform, "z1 | c, z0": {net: linear}, x | z1: {net: linear}}}
      q: {factors: {c | x: {net: linear}, z0 | x: {net: linear}, "z1 | x, c, z0": {net: linear}}}
    """
WITHOUT_DISCRIMINATIVE_TERM = ["E[p(x, c, z)] log q(c, z | x)"]


def test_equation_17_has_a_term_less_than_what_is_derived_and_can_be_written() -> None:
    decoder = ["E[labelled(x, c), q(z0 | x), q(z1 | x, c, z0)] log p(x, c, z)"]
    derived = compare(SEVENTEEN, {"p": decoder, "q": [*WITHOUT_DISCRIMINATIVE_TERM, "E[labelled(x, c)] log q(c | x)"]})
    plain = {**spec_of(SEVENTEEN), "derive": "symmetric", "utilities": {"q": WITHOUT_DISCRIMINATIVE_TERM}}
    overridden = built(plain)
    assert formulas(overridden, "q") == WITHOUT_DISCRIMINATIVE_TERM
    assert formulas(overridden, "p") == formulas(derived, "p")
    assert [[term.derived for term in terms] for terms in overridden.stages["main"].utilities.values()] == [[True], [False]]


LATE = """
    data: {streams: {labelled: [x, c], images: [x]}}
    players:
      p: {factors: {c: free, z0: uniform, "x | c, z0": {net: linear}}}
      q: {factors: {c | x: {net: linear}, "z0 | x": {net: linear}}}
    """


def test_what_is_drawn_beside_the_hidden_variables_is_scored_too() -> None:
    written = {
        "p": ["E[labelled(x, c), q(z0 | x)] log p(x, c, z0)", "E[images(x), q(c, z0 | x)] log p(x, c, z0)"],
        "q": ["E[labelled(x, c)] log q(c | x)", "E[p(x, c, z0)] log q(c, z0 | x)"],
    }
    compare(LATE, written)
    apart = LATE.replace("p: {factors: {c: free, z0: uniform,", "r: {factors: {z0: uniform}}\n      p: {factors: {c: free,")
    others = {"p": [each.replace("log p(x, c, z0)", "log p(x, c | z0)") for each in written["p"]]}
    compare(apart, {**others, "q": [written["q"][0], "E[r(z0), p(x, c | z0)] log q(c, z0 | x)"]})


def test_equations_40_and_41_from_streams_of_marginals() -> None:
    text = "    data: {streams: {pairs: [x, c], xs: [x], cs: [c]}}\n    " + TWO
    written = {
        "p": ["E[pairs(x, c)] log p(x | c)", "E[xs(x), q(c | x)] log p(x | c)"],
        "q": ["E[pairs(x, c)] log q(c | x)", "E[cs(c), p(x | c)] log q(c | x)"],
    }
    compare(text, written)


def test_equations_40_and_41_as_consistency_of_one_stream() -> None:
    text = "    data: {streams: {pairs: [x, c]}}\n    " + TWO
    plain = {"p": ["E[pairs(x, c)] log p(x | c)"], "q": ["E[pairs(x, c)] log q(c | x)"]}
    compare(text, plain)
    written = {"p": [*plain["p"], "E[pairs(x), q(c | x)] log p(x | c)"], "q": [*plain["q"], "E[pairs(c), p(x | c)] log q(c | x)"]}
    compare(text, written, derive={"consistency": True})


THREE = """
    data: {streams: {pairs: [x, s]}}
    players:
      prior: {factors: {z0: uniform, z1: uniform}}
      segmenter: {factors: {"s | z0": {net: linear}, "s | x, z": ["segmenter(s | z0)", {net: linear, inputs: [x, z1]}]}}
      painter: {factors: {"x | s, z1": {net: linear}}}
      encoder: {factors: {"z0 | s": {net: linear}, "z1 | x, s": {net: linear}}}
    """
PAIR = """samplers: {pair: {start: "segmenter(s | z0)", sweep: ["painter(x | s, z1)", "segmenter(s | x, z)"], sweeps: 2}}"""
DATA_TERMS = {
    "segmenter": ["E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z)"],
    "painter": ["E[pairs(x, s), encoder(z1 | x, s)] log painter(x | s, z1)"],
    "encoder": ["E[prior(z), pair(x, s | z)] log encoder(z | x, s)"],
}
CONSISTENCY_TERMS = {
    "segmenter": ["E[pairs(x, s), encoder(z | x, s), painter(x' | s, z1)] log segmenter(s | x', z)"],
    "painter": ["E[pairs(x, s), encoder(z | x, s), segmenter(s' | x, z)] log painter(x | s', z1)"],
    "encoder": [],
}


def test_equation_18() -> None:
    written = {player: DATA_TERMS[player] + CONSISTENCY_TERMS[player] for player in DATA_TERMS}
    derived = compare(f"{THREE}{PAIR}", written, derive={"rule": "symmetric", "consistency": True})
    assert "prior" not in derived.stages["main"].utilities
    assert {player: formulas(derived, player) for player in written} == written
    compare(f"{THREE}{PAIR}", DATA_TERMS)


def test_without_a_sampler_rows_are_completed_factor_by_factor() -> None:
    ancestral = ["E[prior(z), segmenter(s | z0), painter(x | s, z1)] log encoder(z | x, s)"]
    compare(THREE, {**DATA_TERMS, "encoder": ancestral})
    endless = PAIR.replace(", sweeps: 2", "")  # a chain without `sweeps` is for inference
    compare(f"{THREE}{endless}", {**DATA_TERMS, "encoder": ancestral})


def test_stages_restrict_the_factors() -> None:
    plain = spec_of(f"{THREE}{PAIR}")
    stages = {
        "shapes": {"derive": {"rule": "symmetric", "factors": ["segmenter(s | z0)", "encoder(z0 | s)"]}},
        "appearance": {"derive": {"factors": ["painter(x | s, z1)", "encoder(z1 | x, s)"]}},
        "written": {"derive": "none", "utilities": {"painter": DATA_TERMS["painter"]}},
        "game": {"utilities": {"encoder": DATA_TERMS["encoder"][0]}},
    }
    derived = built({**plain, "stages": stages, "derive": {"consistency": True}})
    written = {
        "shapes": {
            "segmenter": ["E[pairs(s), encoder(z0 | s)] log segmenter(s | z0)"],
            "encoder": ["E[prior(z0), segmenter(s | z0)] log encoder(z0 | s)"],
        },
        "appearance": {
            "painter": DATA_TERMS["painter"],
            "encoder": ["E[pairs(s), prior(z1), painter(x | s, z1)] log encoder(z1 | x, s)"],
        },
        "written": {"painter": DATA_TERMS["painter"]},
        "game": {player: DATA_TERMS[player] + CONSISTENCY_TERMS[player] for player in DATA_TERMS},
    }
    by_hand = built({**plain, "stages": {name: {"utilities": each} for name, each in written.items()}})
    for name in stages:
        assert utilities(derived, name) == utilities(by_hand, name)
    assert list(derived.stages["game"].utilities) == ["segmenter", "painter", "encoder"]


def edited(name: str, preset: str | None = None) -> dict[str, Any]:
    plain: dict[str, Any] = load_source(name, preset=preset).tree.plain()
    return plain


@pytest.mark.parametrize("name", ["mnist-lvae", "mnist-rvae", "fashion-lvae", "digits-vae"])
def test_a_shipped_game_of_two_players(name: str) -> None:
    plain = edited(name)
    written, text = built(plain), plain.pop("utilities")
    derived = built({**plain, "derive": "symmetric"})
    assert {player: formulas(derived, player)[0] for player in text} == text
    assert derived.stages["main"].order == written.stages["main"].order


def test_the_shipped_game_of_segmentation() -> None:
    plain = edited("celeba_seg", "paper")
    by_hand = built(plain)
    restricted = {"shapes": ["segmenter(s | z1)", "encoder(z1 | s)"], "appearance": ["painter(x | s, z2)", "encoder(z2 | x, s)"]}
    for name, stage in plain["stages"].items():
        del stage["utilities"]
        stage["derive"] = {"factors": restricted[name]} if name in restricted else {"consistency": True}
    derived = built(plain)
    assert list(derived.stages) == ["shapes", "appearance", "game"]
    for name in derived.stages:
        assert utilities(derived, name) == utilities(by_hand, name)


def test_a_ring_of_three_players() -> None:
    text = """
    data: {streams: {xs: [x], ys: [y], cs: [c]}}
    players: {a: {factors: {y | x: {net: linear}}}, b: {factors: {c | y: {net: linear}}}, d: {factors: {x | c: {net: linear}}}}
    """
    written = {
        "a": ["E[ys(y), b(c | y), d(x | c)] log a(y | x)"],
        "b": ["E[cs(c), d(x | c), a(y | x)] log b(c | y)"],
        "d": ["E[xs(x), a(y | x), b(c | y)] log d(x | c)"],
    }
    compare(text, written)
    pairs = {
        "a": ["E[both(x, y)] log a(y | x)", "E[both(y), b(c | y), d(x | c)] log a(y | x)"],
        "b": ["E[cs(c), d(x | c), a(y | x)] log b(c | y)"],
        "d": ["E[both(x, y), b(c | y)] log d(x | c)"],
    }
    compare(text.replace("xs: [x], ys: [y]", "both: [x, y]"), {**pairs, "a": pairs["a"][:1]})


def test_a_table_of_four() -> None:
    others = {"px": "x | y, c, s", "py": "y | x, c, s", "pc": "c | x, y, s"}
    written = {
        name: [f"E[whole(x, y, c, s)] log {name}({f})", f"E[most(x, y, c), ps(s | x, y, c)] log {name}({f})"] for name, f in others.items()
    }
    compare(TABLE, {**written, "ps": ["E[whole(x, y, c, s)] log ps(s | x, y, c)"]})


def test_a_table_with_a_row_that_needs_a_chain() -> None:
    text = TABLE.replace("most: [x, y, c]", "half: [x, y]")
    messages = refused(text)
    assert len(messages) == 2
    assert (
        "no other player can draw 's', which log px(x | y, c, s) needs, on the stream 'half': ps(s | x, y, c) needs 'c' in turn"
        in messages[0]
    )
    chain = """
    samplers: {rest: {start: "start(c, s | x, y)", sweep: ["pc(c | x, y, s)", "ps(s | x, y, c)"], sweeps: 3}}
    """
    start = '      start: {frozen: true, factors: {"c | x, y": {net: linear}, "s | x, y": {net: linear}}}\n'
    derived = built({**spec_of(text.rstrip() + "\n" + start + chain), "derive": "symmetric"})
    assert formulas(derived, "px")[1] == "E[half(x, y), rest(s, c | x, y)] log px(x | y, s, c)"
    assert set(derived.stages["main"].utilities) == {"px", "py", "pc", "ps"}


def test_a_player_with_every_conditional_learns_the_pseudo_likelihood() -> None:
    text = """
    data: {streams: {pairs: [x, y]}}
    players: {p: {factors: {x | y: {net: linear}, y | x: {net: linear}}}}
    """
    compare(text, {"p": ["E[pairs(x, y)] log p(x | y) + log p(y | x)"]})


def test_a_conditional_prior_generates_beside_what_a_stream_shows() -> None:
    text = """
    data: {streams: {labelled: [x, c]}}
    players:
      p: {factors: {z0 | c: {net: linear}, "x | z0, c": {net: linear}}}
      q: {factors: {"z0 | x, c": {net: linear}}}
    """
    compare(text, {"p": ["E[labelled(x, c), q(z0 | x, c)] log p(x, z0 | c)"], "q": ["E[labelled(c), p(x, z0 | c)] log q(z0 | x, c)"]})


def test_every_stream_gives_its_exogenous_variables_to_generated_rows() -> None:
    text = """
    data: {streams: {first: [x, c], second: [y, c]}}
    players:
      p: {factors: {z0: uniform, "x | z0, c": {net: linear}, "y | z0, c": {net: linear}}}
      q: {factors: {"z0 | x, c": {net: linear}}}
    """
    graph = built({**spec_of(text), "derive": "symmetric", "utilities": {"p": "E[first(x, c), q(z0 | x, c)] log p(x, z0 | c)"}})
    assert formulas(graph, "q") == [f"E[{stream}(c), p(x, z0 | c)] log q(z0 | x, c)" for stream in ("first", "second")]


def test_a_frozen_player_completes_and_has_no_utility() -> None:
    text = LADDER.replace("q: {factors", "q: {frozen: true, factors")
    compare(text, {"p": HELMHOLTZ["p"]})


def test_an_encoder_of_the_marginal_does_not_complete_a_row_by_its_prior() -> None:
    text = """
    data: {streams: {masks: [s], pairs: [x, s]}}
    players:
      prior: {factors: {z0: uniform, z1: uniform}}
      segmenter: {factors: {"s | z0": {net: linear}, "s | x, z": ["segmenter(s | z0)", {net: linear, inputs: [x, z1]}]}}
      painter: {factors: {"x | s, z1": {net: linear}}}
      encoder: {factors: {"z0 | s": {net: linear}, "z1 | x, s": {net: linear}}}
    """
    derived = built({**spec_of(text), "derive": "symmetric"})
    assert formulas(derived, "segmenter")[0] == "E[masks(s), encoder(z0 | s)] log segmenter(s | z0)"


def test_a_game_given_as_text() -> None:
    text = textwrap.dedent(HEAD).split("variables:")[0]
    graph = graph_of(
        text
        + """
variables: {x: {type: binary}, c: {type: binary}}
train: {rounds: 1}
data: {streams: {pairs: [x, c]}}
derive: symmetric
"""
        + textwrap.dedent(TWO)
    )
    assert formulas(graph, "p") == ["E[pairs(x, c)] log p(x | c)"]
