"""A multi-layer perceptron is the formula that its options say."""

import torch
from torch.nn.functional import linear

from gamelearn.networks.port import Port
from gamelearn.noise import normal
from tests.support import network_of

INPUTS, OUTPUTS = (Port("a", 1, (3,)),), (Port("b", 1, (2,)), Port("c", 4, ()))


def test_hidden_layers_heads_and_skips() -> None:
    network = network_of("mlp", INPUTS, OUTPUTS, hidden=(5,), activation="tanh", skip=True)
    x = normal(("x",), 4, (3,))
    state = network.state_dict()
    features = torch.tanh(linear(x, state["trunk.0.weight"], state["trunk.0.bias"]))
    for index, output in enumerate(network(x)):
        head = linear(features, state[f"heads.{index}.weight"], state[f"heads.{index}.bias"])
        torch.testing.assert_close(output, head + linear(x, state[f"skips.{index}.weight"]))


def test_the_number_of_parameters() -> None:
    network = network_of("mlp", (Port("z0", 1, (30,)),), (Port("z1", 1, (100,)),), hidden=(600, 600), skip=True)
    assert sum(parameter.numel() for parameter in network.parameters()) == 442_300
