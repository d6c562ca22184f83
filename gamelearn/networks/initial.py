"""Where a network begins: raw outputs of zero, or matched to a first batch.

A network says by `output_layers()` which linear or convolutional layers add up to each of its outputs. This file sets their
weights.
"""

import torch
from torch import nn

from gamelearn.networks.wired import Wired

SPREAD = 3.0
_LEAST = 1e-6


def set_to_zero(network: nn.Module) -> None:
    """Set the last layers of a network to zero, so that its raw outputs are exactly zero (eq. 19)."""
    for layers in network.output_layers():  # type: ignore[operator]
        for layer in layers:
            for parameter in layer.parameters():
                nn.init.zeros_(parameter)


@torch.no_grad()
def match_spread(wired: Wired, values: tuple[torch.Tensor, ...], spread: float = SPREAD) -> None:
    """Rescale the last layers of a network so that each raw output has mean 0 and a given standard deviation on a batch.

    An encoder that begins so says something definite of every datum, which spares the players the plateau where the latent
    variables are ignored. Outputs of convolutions are matched plane by plane. Outputs that do not vary are left as they are.

    Args:
        wired: the network.
        values: of its inputs, `(batch, *shape)` each, at least two rows.
        spread: the standard deviation of raw outputs.
    """
    for _ in range(2):  # an output may feed another: the second pass finds the first one settled
        for index, layers in enumerate(wired.network.output_layers()):  # type: ignore[operator]
            _match(layers, wired(*values)[index], spread)


def _match(layers: tuple[nn.Module, ...], raw: torch.Tensor, spread: float) -> None:
    units = raw.reshape(len(raw), output_units(layers[0]), -1)
    mean, deviation = units.mean((0, 2)), units.std((0, 2), correction=0)
    factor = torch.where(deviation > _LEAST, spread / deviation.clamp_min(_LEAST), torch.ones_like(deviation))
    biased = False
    for layer in layers:
        weight, bias = layer.weight, getattr(layer, "bias", None)
        assert isinstance(weight, nn.Parameter)
        shape = [1] * weight.dim()
        shape[_output_dimension(layer)] = -1
        weight.mul_(factor.view(shape))
        if bias is not None:
            bias.sub_(torch.zeros_like(mean) if biased else mean).mul_(factor)
            biased = True


def output_units(layer: nn.Module) -> int:
    """Return how many outputs of a linear layer, or planes of a convolution, there are."""
    weight = layer.weight
    assert isinstance(weight, nn.Parameter)
    return weight.shape[_output_dimension(layer)]


def _output_dimension(layer: nn.Module) -> int:
    return 1 if isinstance(layer, nn.ConvTranspose2d) else 0
