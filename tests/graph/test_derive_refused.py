"""What the rule `derive: symmetric` refuses, with the reason and the term to write. This file reads the messages."""

import random
import re
from typing import Any

import pytest

from gamelearn.graph.build import GraphError
from gamelearn.graph.model import Graph, PlayerDraw
from gamelearn.spec.formula import parse_term
from tests.graph.derived_games import (
    HELMHOLTZ,
    LADDER,
    PARTLY,
    REVERSE,
    built,
    formulas,
    refused,
    spec_of,
)


def test_equation_16_with_a_reverse_encoder_is_refused_with_the_term_to_write() -> None:
    first, second = refused(REVERSE.replace("data: {streams: {images: [x]}}", PARTLY))
    assert "q(z1 | x) disregards 'z0', which 'q' draws after 'z1'" in first
    assert second == (
        "the utility of 'q' cannot be derived: no other player can draw 'z1', which log q(z1 | x) + log q(z0 | z1) needs, on the stream "
        "'labelled': p(z1 | z0) disregards 'x', which 'p' draws after 'z1'; write it under 'utilities', with a term such as "
        "'E[labelled(x, z0), PLAYER(z1 | x, z0)] log q(z | x)' beside 'E[p(x, z)] log q(z | x)'"
    )


@pytest.mark.parametrize("seed", [*range(60), 145, 756])
def test_any_game_is_derived_or_refused_with_terms_that_can_be_read(seed: int) -> None:
    chosen = random.Random(seed)
    names = ["x", "y", "c", "z0"][: chosen.randint(2, 4)]

    def factor() -> str:
        target = chosen.choice(names)
        givens = [name for name in names if name != target and chosen.random() < 0.5]
        return f"{target} | {', '.join(givens)}" if givens else target

    keys = [{factor(): None for _ in range(chosen.randint(1, 4))} for _ in range(chosen.randint(2, 4))]
    players = {
        name: {"factors": {key: {"net": "linear"} if "|" in key else "free" for key in own}}
        for name, own in zip("pqrs", keys, strict=False)
    }
    plain = spec_of(f"data: {{streams: {{one: [{', '.join(names[:2])}], two: [{names[1]}]}}}}") | {"players": players}
    plain["variables"] = {name: {"type": "binary"} for name in names}
    found = derived_or_refused({**plain, "derive": {"consistency": chosen.random() < 0.5}})
    if isinstance(found, Graph):
        assert not [each for each in found.warnings if "is drawn from" in each.what]
        assert set(found.stages["main"].utilities) == set(players)
        terms = [each for own in found.stages["main"].utilities.values() for each in own]
        drawn = {str(bound.factor) for term in terms for draw in term.draws if isinstance(draw, PlayerDraw) for bound in draw.factors}
        assert drawn <= {str(bound.factor) for term in terms for _, bound in term.score}  # all have networks of their own
    else:
        told = [each.what for each in found.mistakes if each.path == ("derive",)]
        assert told or "nobody can draw" in str(found)
        listed = [re.findall(r"\w+\([^)]*\)", each[1]) for each in re.finditer(r"has the factors (.*?), (?:none|which)", " ".join(told))]
        assert all(len(set(each)) == len(each) and len({one[2:].split(" ")[0].rstrip(")") for one in each}) == 1 for each in listed)
        for quoted in re.findall(r"such as (\".*?\"|'[^']*')", " ".join(told)):
            parse_term(quoted[1:-1])


def derived_or_refused(plain: dict[str, Any]) -> Graph | GraphError:
    try:
        return built(plain)
    except GraphError as error:
        return error


def test_incomparable_factors_are_refused_with_the_term_to_write() -> None:
    text = """
    data: {streams: {both: [x, y]}}
    players:
      p: {factors: {z0: uniform, x | z0: {net: linear}, y | z0: {net: linear}}}
      q: {factors: {z0 | x: {net: linear}}}
      r: {factors: {z0 | y: {net: linear}}}
    """
    (message,) = refused(text)
    assert message == (
        "the utility of 'p' cannot be derived: 'z0' has the factors q(z0 | x) and r(z0 | y), none of which reads all that the others do, "
        "to complete the stream 'both'; write it under 'utilities', with a term such as 'E[both(x, y), q(z0 | x)] log p(x, y, z0)'"
    )
    term = "E[both(x, y), q(z0 | x)] log p(x, y, z0)"
    graph = built({**spec_of(text), "derive": "symmetric", "utilities": {"p": term}})
    assert formulas(graph, "r") == ["E[p(y, z0)] log r(z0 | y)"]


def test_most_informed_factors_that_need_one_another_are_refused() -> None:
    text = """
    data: {streams: {rows: [y]}}
    players:
      p: {factors: {"y | x, c": {net: linear}}}
      q: {factors: {"x | y, c": {net: linear}, x | y: {net: linear}}}
      r: {factors: {"c | x, y": {net: linear}, c | y: {net: linear}}}
    """
    assert (
        "q(x | y, c) and r(c | x, y), each the most informed of its variable, need one another, to complete the stream 'rows'"
        in refused(text)[0]
    )


def test_factors_that_read_the_same_are_refused() -> None:
    text = """
    data: {streams: {rows: [y]}}
    players: {p: {factors: {y | x: {net: linear}}}, q: {factors: {x | y: {net: linear}}}, r: {factors: {x | y: {net: linear}}}}
    """
    assert "'x' has the factors q(x | y) and r(x | y), which read the same, to complete the stream 'rows'" in refused(text)[0]


def test_hidden_variables_that_nobody_draws_are_refused() -> None:
    text = """
    data: {streams: {pairs: [x, y]}}
    players: {a: {factors: {y | x: {net: linear}}}, b: {factors: {z0 | y: {net: linear}}}, d: {factors: {x | z0: {net: linear}}}}
    """
    (message,) = refused(text)
    assert message == (
        "the utility of 'b' cannot be derived: no player can draw 'z0' without data, for 'b' to learn from; write it under 'utilities', "
        "with a term such as 'E[PLAYER(z0), d(x | z0), a(y | x)] log b(z0 | y)'"
    )


def test_two_players_that_generate_are_refused() -> None:
    text = """
    data: {streams: {both: [x, y]}}
    players:
      p: {factors: {z0: free, x | z0: {net: linear}}}
      r: {factors: {z0: free, y | z0: {net: linear}}}
      q: {factors: {"z0 | x, y": {net: linear}}}
    """
    (message,) = refused(text)
    assert "'p' and 'r' can each draw 'z0' for 'q' to learn from" in message
    assert "'E[p(x, z0), r(y | z0)] log q(z0 | x, y)'" in message


def test_a_prior_that_learns_by_itself_is_refused_with_the_term_to_write() -> None:
    text = """
    data: {streams: {images: [x]}}
    players:
      prior: {factors: {z0: free}}
      p: {factors: {x | z0: {net: linear}}}
      q: {factors: {z0 | x: {net: linear}}}
    """
    term = "E[images(x), q(z0 | x)] log prior(z0)"
    (message,) = refused(text)
    assert message == (
        "the utility of 'prior' cannot be derived: no stream shows 'z0', and no other player generates it; write it under 'utilities', "
        f"with a term such as {term!r}"
    )
    assert formulas(built({**spec_of(text), "derive": "symmetric", "utilities": {"prior": term}}), "q") == [
        "E[prior(z0), p(x | z0)] log q(z0 | x)"
    ]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ({"utilities": HELMHOLTZ}, "the rule 'symmetric' has nothing to derive: 'utilities' holds a utility of every player that learns"),
        ({"derive": {"factors": ["p(y | x)"]}}, "the player 'p' does not draw 'y'; its factors: z0; z1 | z0; x | z1"),
        ({"derive": {"factors": ["r(z | x)"]}}, "unknown player 'r'; known: 'p', 'q'"),
        ({"derive": {"factors": ["images(x)"]}}, "'images' is a stream: the rule uses the factors of players"),
        ({"derive": {"factors": ["p(x | z"]}}, "expected ',' or ')' after a variable, got the end of the formula"),
    ],
)
def test_what_is_not_meant_is_refused(more: dict[str, Any], message: str) -> None:
    text = LADDER.replace("[x]}}", "[x, y]}}") if "p(y" in str(more) else LADDER
    assert message in refused(text, **more)[0]


def test_what_is_wrong_elsewhere_is_told_first() -> None:
    plain = {
        **spec_of(LADDER.replace("z0 | x: {net: linear}", "z0 | xx: {net: linear}")),
        "derive": "symmetric",
        "schedule": {"order": ["p", "q"]},
    }
    with pytest.raises(GraphError) as caught:
        built(plain)
    assert [each.path[0] for each in caught.value.mistakes] == ["players"]


def test_a_written_utility_of_an_unknown_player_is_told() -> None:
    with pytest.raises(GraphError, match="unknown player 'decoder'"):
        built({**spec_of(LADDER), "derive": "symmetric", "utilities": {"decoder": HELMHOLTZ["p"]}})


def test_a_schedule_orders_players_whose_utilities_are_derived() -> None:
    graph = built({**spec_of(LADDER), "derive": "symmetric", "schedule": {"order": ["q", "p", "q"]}})
    assert graph.stages["main"].order == ("q", "p", "q")
    with pytest.raises(GraphError, match="the order leaves out 'q'"):
        built({**spec_of(LADDER), "derive": "symmetric", "schedule": {"order": ["p"]}})
