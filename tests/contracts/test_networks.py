"""What every registered network must do; a new one is tested here without being listed."""

import pytest
import torch
from torch import nn

from gamelearn import noise
from gamelearn.networks.initial import SPREAD, match_spread, output_units, set_to_zero
from gamelearn.networks.port import Port
from gamelearn.networks.wired import Wired
from gamelearn.plugins import load_builtins
from gamelearn.registry import NETWORKS

load_builtins()
ROWS = 3
VECTOR, CODE, BITS = Port("v", 1, (5,)), Port("c", 4, ()), Port("b", 1, (7,))
IMAGE, MAP = Port("x", 1, (3, 9, 7)), Port("s", 4, (9, 7))
DIGIT = Port("d", 1, (1, 28, 28))
CANDIDATES = [
    ((VECTOR, CODE), (BITS, Port("k", 3, (2,)))),
    ((IMAGE, MAP, VECTOR), (BITS, Port("k", 3, (2,)))),
    ((VECTOR, CODE), (Port("y", 2, (3, 9, 7)), MAP)),
    ((IMAGE, VECTOR), (MAP,)),
    ((MAP, VECTOR), (Port("y", 2, (3, 9, 7)),)),
    ((IMAGE, MAP), (Port("g", 1, (2, 3, 2)),)),
    ((DIGIT,), (VECTOR, BITS)),
    ((VECTOR,), (DIGIT,)),
    ((DIGIT,), (Port("s1", 1, (6,)), Port("s0", 1, (3,)))),
]
NAMES = pytest.mark.parametrize("name", [entry.name for entry in NETWORKS])


def fitting(name: str) -> list[Wired]:
    """Return the network, seeded, for each candidate set of ports that it accepts."""
    found = []
    for inputs, outputs in CANDIDATES:
        with torch.random.fork_rng():
            torch.manual_seed(0)
            try:
                module = NETWORKS[name].build(inputs, outputs, **NETWORKS.options_of({"net": name}).own_options())
            except ValueError:
                continue
        found.append(Wired(module, inputs, outputs))
    return found


def values_of(wired: Wired) -> tuple[torch.Tensor, ...]:
    made = []
    for port in wired.inputs:
        uniform = noise.uniform(("input", port.name), ROWS, port.shape)
        made.append((uniform * port.channels).long() if port.channels > 1 else uniform)
    return tuple(made)


@NAMES
def test_it_fits_some_ports(name: str) -> None:
    assert fitting(name)


@NAMES
def test_outputs_have_the_shapes_of_their_ports(name: str) -> None:
    for wired in fitting(name):
        raws = wired(*values_of(wired))
        assert [raw.shape for raw in raws] == [(ROWS, port.channels, *port.shape) for port in wired.outputs]


@NAMES
def test_every_parameter_has_a_gradient(name: str) -> None:
    for wired in fitting(name):
        weights = [torch.randn(raw.shape, generator=torch.Generator().manual_seed(1)) for raw in wired(*values_of(wired))]
        sum((raw * weight).sum() for raw, weight in zip(wired(*values_of(wired)), weights, strict=True)).backward()
        silent = [key for key, each in wired.named_parameters() if each.grad is None or not bool(each.grad.abs().sum() > 0)]
        assert not silent


@NAMES
def test_every_output_depends_on_every_input(name: str) -> None:
    for wired in fitting(name):
        values = values_of(wired)
        before = wired(*values)
        for index, port in enumerate(wired.inputs):
            other = (values[index] + 1) % port.channels if port.channels > 1 else 1 - values[index]
            after = wired(*values[:index], other, *values[index + 1 :])
            assert all(not torch.equal(a, b) for a, b in zip(before, after, strict=True)), port.name


@NAMES
def test_rows_do_not_mix(name: str) -> None:
    for wired in fitting(name):
        values = values_of(wired)
        together, alone = wired(*values), wired(*(value[:1] for value in values))
        for whole, first in zip(together, alone, strict=True):
            torch.testing.assert_close(whole[:1], first, rtol=1e-4, atol=1e-5)


@NAMES
def test_zero_output_layers_give_zero(name: str) -> None:
    for wired in fitting(name):
        set_to_zero(wired.network)
        assert all(bool((raw == 0).all()) for raw in wired(*values_of(wired)))


@NAMES
def test_outputs_can_be_matched_to_a_spread(name: str) -> None:
    for wired in fitting(name):
        values = tuple(torch.cat([value, value.flip(0)]) for value in values_of(wired))
        match_spread(wired, values)
        for raw, layers in zip(wired(*values), wired.network.output_layers(), strict=True):  # type: ignore[operator]
            units = raw.detach().reshape(len(raw), output_units(layers[0]), -1)
            torch.testing.assert_close(units.mean((0, 2)), torch.zeros(units.shape[1]), rtol=0, atol=1e-3)
            torch.testing.assert_close(units.std((0, 2), correction=0), torch.full(units.shape[1:2], SPREAD), rtol=1e-2, atol=0)


@NAMES
def test_it_runs_on_the_meta_device(name: str) -> None:
    for wired in fitting(name):
        raws = wired.to("meta")(*(value.to("meta") for value in values_of(wired)))
        assert [raw.shape[1] for raw in raws] == [port.channels for port in wired.outputs]


@NAMES
def test_state_comes_back(name: str) -> None:
    first, second = fitting(name), fitting(name)
    for wired, other in zip(first, second, strict=True):
        with torch.no_grad():
            for parameter in other.parameters():
                parameter.add_(1)
        other.load_state_dict(wired.state_dict())
        assert all(torch.equal(a, b) for a, b in zip(wired(*values_of(wired)), other(*values_of(wired)), strict=True))
        assert repr(wired) == repr(other)


@NAMES
def test_double_precision_is_kept(name: str) -> None:
    for wired in fitting(name):
        assert all(raw.dtype == torch.float64 for raw in wired.double()(*values_of(wired)))


def test_matrix_products_are_the_convolutions_they_stand_for() -> None:
    from gamelearn.networks.layers import MapToVector, VectorToMap

    vector, image = noise.normal(("v",), ROWS, (6,)), noise.normal(("m",), ROWS, (5, 4, 4))
    up, down = VectorToMap(6, 5, 4), MapToVector(5, 6, 4)
    torch.testing.assert_close(up(vector), nn.ConvTranspose2d.forward(up, vector[:, :, None, None]), rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(down(image), nn.Conv2d.forward(down, image).flatten(1), rtol=1e-5, atol=1e-6)
    channels_last = image.contiguous(memory_format=torch.channels_last)
    torch.testing.assert_close(down(channels_last), down(image), rtol=1e-5, atol=1e-6)
