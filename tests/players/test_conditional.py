"""Players of the default type as modules. This file tests the names of their parts."""

import pytest

from gamelearn.players.conditional import module_name
from tests.support import game_of

NAMES = """
    name: names
    variables: {x: {type: binary}, values: {type: real}, type: {type: real}, a: {type: binary}, b: {type: binary}, b_a: {type: binary}}
    data: {streams: {shown: [x, values, type, a, b, b_a]}}
    players:
      keys:
        networks: {NETWORK: {net: mlp, inputs: [x], outputs: {pop: a}}}
        factors: {values: free, type | values: {net: mlp}, "x | b, a": {net: mlp}, x | b_a: {net: mlp}, a | x: NETWORK.pop}
    utilities:
      keys: "E[shown(x, values, type, a, b, b_a)] log keys(values, type) + log keys(x | b, a) + log keys(x | b_a) + log keys(a | x)"
    train: {rounds: 1}
    """


def test_names_that_torch_uses_can_name_variables_players_and_heads() -> None:
    game = game_of(NAMES.replace("NETWORK", "network"))
    names = [name for name, _ in game.players["keys"].named_parameters()]
    assert {"free.values-", "families.values-.log_scale", "families.type-given-values.log_scale"} <= set(names)
    assert len(names) == len(set(names))


@pytest.mark.parametrize("name", ["items", "forward", "training", "_modules", "__class__"])
def test_names_that_torch_uses_can_name_a_network(name: str) -> None:
    player = game_of(NAMES.replace("NETWORK", name)).players["keys"]
    assert f"networks.{name}-.network.heads.0.weight" in dict(player.named_parameters())


def test_no_two_factors_share_a_module() -> None:
    labels = ["a | b, c", "a | b_c", "a_given_b | c", "a | b_given_c", "a_given_b_c", "a"]
    assert len({module_name(label) for label in labels}) == len(labels)
