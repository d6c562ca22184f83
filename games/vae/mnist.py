"""The networks of the paper's experiments on 28x28 images (section 6, appendices E and F).

This file defines the decoder, the ladder's trunk with its two heads, with the encoder of the reverse order.
"""

from typing import ClassVar

import torch
from torch import nn

from gamelearn.errors import quoted
from gamelearn.networks.activations import Activation, activation_of
from gamelearn.networks.layers import MapToVector, VectorToMap, channels_last
from gamelearn.networks.mlp import Mlp
from gamelearn.networks.port import Port
from gamelearn.registry import NETWORKS
from gamelearn.spec.kinds import Name, NetworkOptions, Positive

_SIDE = 28


class MnistDecoderOptions(NetworkOptions):
    """The decoder p(x | z1) of the paper."""

    activation: Activation = "tanh"
    """The non-linearity: tanh for MNIST, relu for Fashion-MNIST (appendix F)."""


@NETWORKS.register("mnist_decoder", options=MnistDecoderOptions)
class MnistDecoder(nn.Module):
    """Seven transposed convolutions from a vector to a 28x28 image (Fig. 6).

    Args:
        inputs: what it reads, as one vector.
        outputs: one image of 28x28.
        activation: after every layer but the last.

    Raises:
        ValueError: there is another output.
    """

    spatial: ClassVar[bool] = False

    def __init__(self, inputs: tuple[Port, ...], outputs: tuple[Port, ...], *, activation: str) -> None:
        super().__init__()
        planes = _only_image(outputs)
        layers = [
            VectorToMap(sum(port.size for port in inputs), 128, 4),
            nn.ConvTranspose2d(128, 64, 3, stride=2),
            nn.ConvTranspose2d(64, 64, 3),
            nn.ConvTranspose2d(64, 64, 3),
            nn.ConvTranspose2d(64, 32, 3, stride=2),
            nn.ConvTranspose2d(32, 32, 2),
        ]
        activated = [module for layer in layers for module in (layer, activation_of(activation))]
        self.layers = channels_last(nn.Sequential(*activated, nn.Conv2d(32, planes, 3, padding=1)))

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return raw outputs `(batch, planes, 28, 28)` from `(batch, size)`."""
        return (self.layers(inputs),)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return the last convolution."""
        return ((self.layers[-1],),)


class MnistTrunk(nn.Module):
    """Seven convolutions from a 28x28 image to a vector (Fig. 6).

    Args:
        planes: of the image.
        units: length of the vector.
    """

    def __init__(self, planes: int, units: int) -> None:
        super().__init__()
        layers = [
            nn.Conv2d(planes, 32, 3, padding=1),
            nn.Conv2d(32, 32, 2),
            nn.Conv2d(32, 64, 3, stride=2),
            nn.Conv2d(64, 64, 3),
            nn.Conv2d(64, 64, 3),
            nn.Conv2d(64, 128, 3, stride=2),
            MapToVector(128, units, 4),
        ]
        activated = [module for layer in layers for module in (layer, nn.Tanh())]
        self.layers = channels_last(nn.Sequential(*activated))

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        """Return features `(batch, units)` from `(batch, planes, 28, 28)`."""
        return self.layers(image.contiguous(memory_format=torch.channels_last))


class MnistEncoderOptions(NetworkOptions):
    """An encoder of 28x28 images."""

    units: Positive = 600
    """The length of the feature vector."""


@NETWORKS.register("mnist_encoder", options=MnistEncoderOptions)
class MnistEncoder(nn.Module):
    """The trunk with a linear layer per output: q(z1 | x) of the reverse order.

    Args:
        inputs: one image of 28x28.
        outputs: its heads.
        units: length of the feature vector.

    Raises:
        ValueError: the input is another one.
    """

    spatial: ClassVar[bool] = True

    def __init__(self, inputs: tuple[Port, ...], outputs: tuple[Port, ...], *, units: int) -> None:
        super().__init__()
        self.trunk = MnistTrunk(_only_image(inputs), units)
        self.heads = nn.ModuleList([nn.Linear(units, port.size) for port in outputs])

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return `(batch, size)` per output from `(batch, planes, 28, 28)`."""
        features = self.trunk(image)
        return tuple(head(features) for head in self.heads)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output its linear layer."""
        return tuple((head,) for head in self.heads)


class MnistLadderTrunkOptions(NetworkOptions):
    """The deterministic part of the ladder encoder (eq. 15)."""

    units: Positive = 600
    """The length of the feature vector, which is also the width of the hidden layers above it."""
    top: Name = "s0"
    """The head for z0, the variable at the top of the hierarchy."""
    bottom: Name = "s1"
    """The head for z1, the variable next to the image."""


@NETWORKS.register("mnist_ladder_trunk", options=MnistLadderTrunkOptions)
class MnistLadderTrunk(nn.Module):
    """The trunk with the ladder's two heads: d1 is linear in the features, d0 is an MLP of them plus a skip from d1.

    The heads are told apart by their names, not their order: a trunk with swapped heads would have as many parameters.

    Args:
        inputs: one image of 28x28.
        outputs: two heads, for z0 and z1, in any order.
        units: length of the feature vector.
        top: the name of the head for z0.
        bottom: the name of the head for z1.

    Raises:
        ValueError: the input is another one, or the heads are not `top` and `bottom`.
    """

    spatial: ClassVar[bool] = True

    def __init__(self, inputs: tuple[Port, ...], outputs: tuple[Port, ...], *, units: int, top: str, bottom: str) -> None:
        super().__init__()
        heads = {port.name: port for port in outputs}
        if top == bottom or set(heads) != {top, bottom}:
            raise ValueError(
                f"has the heads {top!r} for z0 and {bottom!r} for z1, got {quoted(heads)}: the options 'top' and 'bottom' name others"
            )
        self.top_first = outputs[0].name == top
        self.trunk = MnistTrunk(_only_image(inputs), units)
        self.bottom = nn.Linear(units, heads[bottom].size)
        self.top = Mlp((Port("features", 1, (units,)),), (heads[top],), hidden=(units, units), activation="tanh", skip=False)
        self.skip = nn.Linear(heads[bottom].size, heads[top].size, bias=False)

    def forward(self, image: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return the raw outputs for z0 and z1, `(batch, size)` each in the order of `outputs`, from `(batch, planes, 28, 28)`."""
        features = self.trunk(image)
        bottom = self.bottom(features)
        (top,) = self.top(features)
        top = top + self.skip(bottom)
        return (top, bottom) if self.top_first else (bottom, top)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for both outputs the layers that add up to them."""
        top, bottom = (*self.top.heads, self.skip), (self.bottom,)
        return (top, bottom) if self.top_first else (bottom, top)


def _only_image(ports: tuple[Port, ...]) -> int:
    """Return the planes of the one port, which must be a 28x28 image."""
    if len(ports) != 1 or not ports[0].is_image or ports[0].planes[1:] != (_SIDE, _SIDE):
        got = ", ".join(f"{port.name!r} of shape {port.shape}" for port in ports)
        raise ValueError(f"needs one image of {_SIDE}x{_SIDE}, got {got or 'nothing'}")
    return ports[0].planes[0]
