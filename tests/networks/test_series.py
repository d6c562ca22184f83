"""Networks along the steps of a series. This file tests what they see, with their errors."""

import pytest
import torch

from gamelearn.networks.port import Port
from tests.support import network_of

X, S, Z = Port("x", 1, (2, 12)), Port("s", 4, (12,)), Port("z", 1, (5,))


def sees(network: torch.nn.Module, size: int, step: int) -> torch.Tensor:
    """Return which steps of the last input, a series of one plane, move an output at a step."""
    values = torch.randn(1, size, generator=torch.Generator().manual_seed(0), requires_grad=True)
    [output] = network(values)
    output.reshape(1, -1, 12)[0, :, step].sum().backward()
    assert values.grad is not None
    return values.grad[0, -12:] != 0


@pytest.mark.parametrize("name", ["conv1d", "gru"])
def test_by_default_every_step_sees_all_others(name: str) -> None:
    torch.manual_seed(0)
    port = Port("y", 1, (12,))
    assert sees(network_of(name, (port,), (S,), activation="tanh") if name == "conv1d" else network_of(name, (port,), (S,)), 12, 0).all()


def test_few_layers_see_few_steps() -> None:
    network = network_of("conv1d", (Port("y", 1, (12,)),), (S,), depth=1, kernel=3, activation="tanh")
    assert sees(network, 12, 6).nonzero().flatten().tolist() == [4, 5, 6, 7, 8]


@pytest.mark.parametrize("name", ["conv1d", "gru"])
def test_planes_of_series_are_channels_by_classes_and_vectors_are_shown_to_every_step(name: str) -> None:
    network = network_of(name, (X, S, Z), (X, Z))
    assert network.layout.planes == 2 + 4 + 5
    flat = torch.arange(24 + 48 + 5.0)[None]
    arranged = network.layout.arrange(flat)
    assert arranged[0, 0].tolist() == list(range(12))
    assert arranged[0, 2].tolist() == list(range(24, 36))
    assert (arranged[0, -1] == 76).all()
    assert [output.shape[1:].numel() for output in network(flat)] == [24, 5]


@pytest.mark.parametrize("name", ["conv1d", "gru"])
def test_steps_say_what_is_a_series(name: str) -> None:
    long = Port("z", 1, (40,))
    assert network_of(name, (X, long), (S,)).layout.series_in == (False, True)
    assert network_of(name, (X, long), (S,), steps=12).layout.series_in == (True, False)
    with pytest.raises(ValueError, match=r"needs a series, of shape \(\.\.\., 7\), got 'x' of shape \(2, 12\)"):
        network_of(name, (X,), (Z,), steps=7)
    with pytest.raises(ValueError, match=r"needs a series, of shape \(steps\) or \(channels, steps\)"):
        network_of(name, (Port("a", 1, ()),), (Port("b", 1, ()),))


def test_an_even_kernel_is_refused() -> None:
    with pytest.raises(ValueError, match="'kernel' must be odd"):
        network_of("conv1d", (X,), (S,), kernel=4)
