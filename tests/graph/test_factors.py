"""Factors, their networks, and the owners of the parameters that they reach. This file reads players."""

import pytest

from gamelearn.graph.build import GraphError
from gamelearn.graph.model import FreeScore, Graph, NetworkScore, SharedScore
from tests.support import graph_of

LADDER = """
    name: ladder
    variables:
      x: {type: binary, shape: [4]}
      z0: {type: binary, shape: [2]}
      z1: {type: binary, shape: [3]}
      z: [z0, z1]
    data: {streams: {images: [x]}}
    players:
      decoder:
        factors:
          z0: uniform
          z1 | z0: {net: mlp}
          x | z1: {net: mlp}
      encoder:
        networks:
          trunk: {net: mlp, inputs: [x], outputs: {s0: z0, s1: z1}}
        factors:
          z0 | x: trunk.s0
          z1 | z0, x: [decoder(z1 | z0), trunk.s1]
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z)
      encoder: E[decoder(x, z)] log encoder(z | x)
    train: {rounds: 1}
    """


def mistakes(text: str) -> list[str]:
    with pytest.raises(GraphError) as caught:
        graph_of(text)
    return [each.what for each in caught.value.mistakes]


def players_of(players: str, variables: str = "") -> Graph:
    """Return a graph whose players have no utility but that of one more player, `last`."""
    return graph_of(f"""
    name: players
    variables: {{x: {{type: binary}}, y: {{type: binary}}, w: {{type: real}}, a: {{type: binary}}, b: {{type: binary}}, g: [a, b]{variables}}}
    players:
      last: {{factors: {{x: free}}}}
      first: {{factors: {{x: uniform, y: uniform, w: standard, a: uniform, b: uniform}}}}
{players}
    utilities: {{last: "E[first(x)] log last(x)"}}
    train: {{rounds: 1}}
    """)


def test_ownership_is_per_parameter() -> None:
    graph = graph_of(LADDER)
    reach = {str(factor): graph.reach(factor) for player in graph.players.values() for factor in player.factors.values()}
    assert reach == {
        "decoder(z0)": frozenset(),
        "decoder(z1 | z0)": {"decoder"},
        "decoder(x | z1)": {"decoder"},
        "encoder(z0 | x)": {"encoder"},
        "encoder(z1 | z0, x)": {"decoder", "encoder"},
    }


def test_scores_of_a_ladder_are_its_networks() -> None:
    graph = graph_of(LADDER)
    factor = graph.factor("encoder", "z1 | z0, x")
    assert factor.scores == (SharedScore("decoder", "z1 | z0"), NetworkScore("encoder", "trunk", "s1"))
    assert graph.flat_scores(factor) == (NetworkScore("decoder", "z1_given_z0", "z1"), NetworkScore("encoder", "trunk", "s1"))


@pytest.mark.parametrize("order", ["a, b", "b, a", "g"])
def test_a_share_is_found_whatever_the_order_of_its_givens(order: str) -> None:
    graph = players_of(f"""
      owner: {{frozen: true, factors: {{"x | a, b": {{net: mlp}}}}}}
      other: {{frozen: true, factors: {{"x | b, a, y": ["owner(x | {order})", {{net: mlp, inputs: [y]}}]}}}}
    """)
    factor = graph.factor("other", "x | b, a, y")
    assert factor.scores[0] == SharedScore("owner", "x | a, b")
    assert graph.reach(factor) == {"owner", "other"}


def test_a_share_of_a_share_reaches_the_first_owner() -> None:
    graph = players_of("""
      one: {frozen: true, factors: {"x | y": {net: mlp}}}
      two: {frozen: true, factors: {"x | y": one(x | y)}}
      three: {frozen: true, factors: {"x | y": two(x | y)}}
    """)
    assert graph.reach(graph.factor("three", "x | y")) == {"one"}
    assert not graph.players["three"].has_parameters


def test_a_factor_of_several_targets_shares_its_network() -> None:
    graph = players_of("""
      many: {frozen: true, factors: {"x, g | y": {net: mlp}}}
    """)
    many = graph.players["many"]
    assert list(many.factors) == ["x | y", "a | y", "b | y"]
    (network,) = many.networks.values()
    assert (network.inputs, dict(network.heads)) == (("y",), {"x": "x", "a": "a", "b": "b"})
    assert {score for factor in many.factors.values() for score in factor.scores} == {
        NetworkScore("many", network.name, head) for head in ("x", "a", "b")
    }


def test_networks_in_one_factor_have_names_of_their_own() -> None:
    graph = players_of("""
      many: {frozen: true, factors: {"x | a, b": [{net: mlp, inputs: [a]}, {net: mlp, inputs: [b]}]}}
    """)
    assert [network.inputs for network in graph.players["many"].networks.values()] == [("a",), ("b",)]


def test_free_and_family_parameters_belong_to_the_player() -> None:
    graph = players_of("""
      free: {frozen: true, factors: {x: free, w: {scores: [free]}}}
      fixed: {factors: {w: standard, x: standard, y: uniform}}
    """)
    free, fixed = graph.players["free"], graph.players["fixed"]
    assert free.factors["x"].scores == (FreeScore("free", "x"),)
    assert free.has_parameters
    assert not fixed.has_parameters
    assert all(graph.reach(factor) == frozenset() for factor in fixed.factors.values())
    assert fixed.factors["w"].family.scale == 1.0  # type: ignore[union-attr]


def test_a_learned_scale_is_a_parameter() -> None:
    graph = players_of("""
      one: {frozen: true, factors: {"w | y": {net: mlp}}}
      two: {frozen: true, factors: {"w | y": one(w | y)}}
    """)
    assert graph.reach(graph.factor("two", "w | y")) == {"one", "two"}


def test_groups_expand_inside_groups_and_keep_their_order() -> None:
    graph = players_of("", ", h: [g, y], k: [y, h]")
    assert graph.groups == {"g": ("a", "b"), "h": ("a", "b", "y"), "k": ("y", "a", "b")}


def test_groups_that_name_groups_twice_over_do_not_take_for_ever() -> None:
    groups = ", g0: [a, b]" + "".join(f", g{n}: [g{n - 1}, h{n - 1}], h{n}: [h{n - 1}, g{n - 1}]" for n in range(1, 60)).replace("h0", "x")
    assert graph_groups(groups)["g59"] == ("a", "b", "x")


def graph_groups(variables: str) -> dict[str, tuple[str, ...]]:
    return dict(players_of("", variables).groups)


def test_long_chains_of_groups_are_read() -> None:
    groups = ", g0: [a, b]" + "".join(f", g{n}: [g{n - 1}]" for n in range(1, 1500))
    assert graph_groups(groups)["g1499"] == ("a", "b")


@pytest.mark.parametrize(
    ("players", "message"),
    [
        ('one: {factors: {"x | a": {net: mlp}, "x | a, a": {net: mlp}}}', "the variable 'a' comes twice"),
        ('one: {factors: {"x | g": {net: mlp}, "x | b, a": {net: mlp}}}', "the factor 'x | b, a' is given twice, also as 'x | g'"),
        ('one: {factors: {"x | y": two(x | y)}}\n      two: {factors: {"x | y": one(x | y)}}', "the scores of one(x | y) refer to each other in a circle"),
        ('one: {factors: {"x | y": [{net: mlp}, uniform, two(x | y)]}}', "unknown player 'two'; known: 'last', 'first', 'one'"),
    ],
)  # fmt: skip
def test_a_factor_is_refused(players: str, message: str) -> None:
    with pytest.raises(GraphError) as caught:
        players_of(f"      {players}\n")
    assert [each.what for each in caught.value.mistakes] == [message]


def test_scores_that_double_at_every_step_are_too_many() -> None:
    doubling = "".join(
        f'\n      p{n}: {{factors: {{"x | y": "p{n - 1}(x | y)", "x | y, a": ["p{n - 1}(x | y, a)", "p{n - 1}(x | y)"]}}}}'
        for n in range(1, 120)
    )
    with pytest.raises(GraphError) as caught:
        players_of(f'      p0: {{factors: {{"x | y": {{net: mlp}}, "x | y, a": {{net: mlp}}}}}}{doubling}\n')
    assert "adds more than 100 scores" in str(caught.value)
