"""The ladder's heads go by their names; the trunk is the twin's whatever the order."""

import pytest
import torch

from gamelearn.networks.port import Port
from gamelearn.noise import uniform
from games.tutorial.by_hand import LadderEncoder
from tests.support import network_of

X, Z0, Z1 = Port("x", 1, (1, 28, 28)), Port("s0", 1, (30,)), Port("s1", 1, (100,))


@pytest.mark.parametrize("outputs", [(Z0, Z1), (Z1, Z0)], ids=["s0 first", "s1 first"])
def test_the_order_of_the_heads_does_not_matter(outputs: tuple[Port, ...]) -> None:
    twin, trunk = LadderEncoder(), network_of("mnist_ladder_trunk", (X,), outputs)
    assert sum(parameter.numel() for parameter in trunk.parameters()) == 2_202_386
    states = [*twin.features.state_dict().values()]
    trunk.trunk.load_state_dict(dict(zip(trunk.trunk.state_dict(), states, strict=True)))
    trunk.bottom.load_state_dict(twin.d1.state_dict())
    trunk.top.load_state_dict(dict(zip(trunk.top.state_dict(), twin.d0.state_dict().values(), strict=True)))
    trunk.skip.load_state_dict(twin.d0_skip.state_dict())
    x = uniform(("x",), 2, X.shape)
    expected = dict(zip(("s0", "s1"), twin(x), strict=True))
    for port, output in zip(outputs, trunk(x), strict=True):
        torch.testing.assert_close(output, expected[port.name], rtol=1e-4, atol=1e-5)


def test_other_heads_are_named_by_options() -> None:
    heads = Port("high", 1, (3,)), Port("low", 1, (7,))
    with pytest.raises(ValueError, match="has the heads 's0' for z0 and 's1' for z1, got 'high', 'low'"):
        network_of("mnist_ladder_trunk", (X,), heads)
    assert network_of("mnist_ladder_trunk", (X,), heads, top="high", bottom="low").skip.weight.shape == (3, 7)


@pytest.mark.parametrize("outputs", [(Z0,), (Z0, Z1, Port("s2", 1, (4,)))])
def test_two_heads_are_needed(outputs: tuple[Port, ...]) -> None:
    with pytest.raises(ValueError, match="has the heads"):
        network_of("mnist_ladder_trunk", (X,), outputs)
