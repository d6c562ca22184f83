"""Convolutional networks sized from the shapes. This file defines an encoder of images with a decoder into images."""

from itertools import pairwise
from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from gamelearn.networks.activations import Activation, activation_of
from gamelearn.networks.layers import channels_last
from gamelearn.networks.port import Port
from gamelearn.registry import NETWORKS
from gamelearn.spec.kinds import NetworkOptions, Positive

_SMALLEST = 4
_MOST_GROUPS = 8
_WIDEST = 512


class ConvOptions(NetworkOptions):
    """What both convolutional networks share."""

    width: Positive = 32
    """Planes at full resolution; each halving doubles them, up to 512."""
    depth: Annotated[int, Field(ge=0, le=8)] | None = None
    """How often the resolution is halved; by default until a side is at most 4."""
    units: Positive = 256
    """The width of the layer between the smallest map and the vectors."""
    activation: Activation = "relu"
    """The non-linearity after each layer."""
    norm: Literal["none", "group"] = "none"
    """`group`: group normalisation after each convolution."""


@NETWORKS.register("conv_encoder", options=ConvOptions)
class ConvEncoder(nn.Module):
    """Strided convolutions from images to vectors.

    Images are stacked as planes; other inputs join the smallest map as numbers.

    Args:
        inputs: at least one image; all images of one height and width.
        outputs: heads of any shape, each linear in the last layer.
        width: planes at full resolution.
        depth: number of halvings.
        units: width of the last layer.
        activation: after each layer.
        norm: `none` or `group`.

    Raises:
        ValueError: there is no image among the inputs, or they differ in size, or are halved too often.
    """

    spatial: ClassVar[bool] = True

    def __init__(
        self,
        inputs: tuple[Port, ...],
        outputs: tuple[Port, ...],
        *,
        width: int,
        depth: int | None,
        units: int,
        activation: str,
        norm: str,
    ) -> None:
        super().__init__()
        height, breadth = _common_size(inputs, "input")
        self.images = tuple(port.is_image for port in inputs)
        widths = _widths(width, _depth(depth, height, breadth))
        planes = sum(port.planes[0] for port in inputs if port.is_image)
        layers = _block(nn.Conv2d(planes, widths[0], 3, padding=1), activation, norm)
        for before, after in pairwise(widths):
            layers += _block(nn.Conv2d(before, after, 3, stride=2, padding=1), activation, norm)
            height, breadth = -(-height // 2), -(-breadth // 2)
        self.trunk = channels_last(nn.Sequential(*layers))
        vectors = sum(port.size for port in inputs if not port.is_image)
        self.features = nn.Sequential(nn.Linear(widths[-1] * height * breadth + vectors, units), activation_of(activation))
        self.heads = nn.ModuleList([nn.Linear(units, port.size) for port in outputs])

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return `(batch, size)` per output from images `(batch, planes, height, width)` and vectors `(batch, size)`."""
        images = torch.cat([each for each, image in zip(inputs, self.images, strict=True) if image], 1)
        vectors = [each for each, image in zip(inputs, self.images, strict=True) if not image]
        maps = self.trunk(images.contiguous(memory_format=torch.channels_last))
        features = self.features(torch.cat([maps.flatten(1), *vectors], 1))
        return tuple(head(features) for head in self.heads)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output its linear layer."""
        return tuple((head,) for head in self.heads)


@NETWORKS.register("conv_decoder", options=ConvOptions)
class ConvDecoder(nn.Module):
    """Transposed convolutions from vectors to images.

    All inputs are read as one vector; the last map is cut to the images' height and width.

    Args:
        inputs: what it reads.
        outputs: images of one height and width.
        width: planes at full resolution.
        depth: number of doublings.
        units: width of the first layer.
        activation: after each layer.
        norm: `none` or `group`.

    Raises:
        ValueError: an output is no image, or they differ in size, or are doubled too often.
    """

    spatial: ClassVar[bool] = False

    def __init__(
        self,
        inputs: tuple[Port, ...],
        outputs: tuple[Port, ...],
        *,
        width: int,
        depth: int | None,
        units: int,
        activation: str,
        norm: str,
    ) -> None:
        super().__init__()
        if wrong := [port for port in outputs if not port.is_image]:
            raise ValueError(f"gives images, and {wrong[0].name!r} has shape {wrong[0].shape}: an mlp gives any shape")
        self.size = _common_size(outputs, "output")
        halvings = _depth(depth, *self.size)
        widths = _widths(width, halvings)[::-1]
        self.start = (widths[0], *(-(-side // 2**halvings) for side in self.size))
        start = self.start[0] * self.start[1] * self.start[2]
        size = sum(port.size for port in inputs)
        self.features = nn.Sequential(nn.Linear(size, units), activation_of(activation), nn.Linear(units, start), activation_of(activation))
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += _block(nn.ConvTranspose2d(before, after, 4, stride=2, padding=1), activation, norm)
        self.trunk = channels_last(nn.Sequential(*layers))
        self.heads = channels_last(nn.ModuleList([nn.Conv2d(widths[-1], port.planes[0], 3, padding=1) for port in outputs]))

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return `(batch, planes, height, width)` per output from `(batch, sum of sizes)`."""
        maps = self.features(inputs).view(len(inputs), *self.start).contiguous(memory_format=torch.channels_last)
        maps = self.trunk(maps)[:, :, : self.size[0], : self.size[1]]
        return tuple(head(maps) for head in self.heads)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output its convolution."""
        return tuple((head,) for head in self.heads)


def _common_size(ports: tuple[Port, ...], role: str) -> tuple[int, int]:
    sizes = {port.name: port.planes[1:] for port in ports if port.is_image}
    if not sizes:
        got = ", ".join(f"{port.name!r} of shape {port.shape}" for port in ports)
        raise ValueError(f"needs an image as {role}, (height, width) or (colours, height, width), got {got}: an mlp reads any shape")
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name!r} {height}x{width}" for name, (height, width) in sizes.items())
        raise ValueError(f"needs {role} images of one size, got {listed}")
    return next(iter(sizes.values()))


def _depth(depth: int | None, height: int, width: int) -> int:
    """Return how often a size is halved, by default until a side is at most 4."""
    least = min(height, width)
    if depth is None:
        return next(n for n in range(32) if -(-least // 2**n) <= _SMALLEST)
    if depth and 2 ** (depth - 1) >= least:
        raise ValueError(f"an image of {height}x{width} cannot be halved {depth} times: at most {(least - 1).bit_length()}")
    return depth


def _widths(width: int, depth: int) -> tuple[int, ...]:
    return tuple(min(width * 2**level, max(width, _WIDEST)) for level in range(depth + 1))


def _block(convolution: nn.Conv2d | nn.ConvTranspose2d, activation: str, norm: str) -> list[nn.Module]:
    planes = convolution.out_channels
    groups = next(groups for groups in range(min(_MOST_GROUPS, planes), 0, -1) if planes % groups == 0)
    normalised: list[nn.Module] = [nn.GroupNorm(groups, planes)] if norm == "group" else []
    return [convolution, *normalised, activation_of(activation)]
