"""Encoders of images with label maps into codes, which read averages.

They say something definite of an image before they have learned, and cost little. This file defines one for vectors with one
for grids.
"""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import nn
from torch.nn import functional

from gamelearn.networks.activations import Activation, activation_of
from gamelearn.networks.layers import channels_last
from gamelearn.networks.port import Port
from gamelearn.options import Listed
from gamelearn.registry import NETWORKS
from gamelearn.spec.kinds import NetworkOptions, Positive
from games.segmentation.layers import Inputs, common_size

_LEAST_PIXELS = 1.0


class AverageEncoderOptions(NetworkOptions):
    """An encoder that reads averages."""

    cells: Positive = 8
    """Cells per side of the grid over which the images are averaged."""
    hidden: Listed[Positive] = (256,)
    """The widths of the hidden layers."""
    activation: Activation = "tanh"
    """The non-linearity after each hidden layer."""


@NETWORKS.register("average_encoder", options=AverageEncoderOptions)
class AverageEncoder(nn.Module):
    """A multi-layer perceptron on images averaged over the cells of a grid, or with label maps on the average colours of every label.

    Label maps alone are averaged over the cells. Beside another image they say where its colours are averaged: over the cells,
    and under every label. Such an encoder says something useful before it has learned, and costs little.

    Args:
        inputs: images of one height and width; vectors join the averages.
        outputs: heads of any shape, linear in the last layer and in the averages.
        cells: per side of the grid.
        hidden: widths.
        activation: after each hidden layer.

    Raises:
        ValueError: no input is an image, or images differ in size.
    """

    spatial: ClassVar[bool] = True

    def __init__(
        self, inputs: tuple[Port, ...], outputs: tuple[Port, ...], *, cells: int, hidden: tuple[int, ...], activation: str
    ) -> None:
        super().__init__()
        images = _images(inputs)
        common_size(images, "input images")
        self.kinds = tuple(("labels" if port.channels > 1 else "colours") if port.is_image else "vector" for port in inputs)
        self.cells = cells
        planes = {
            kind: sum(port.planes[0] for port in images if (port.channels > 1) == (kind == "labels")) for kind in ("labels", "colours")
        }
        size = (planes["colours"] or planes["labels"]) * cells**2 + planes["labels"] * planes["colours"]
        size += sum(port.size for port in inputs if not port.is_image)
        layers: list[nn.Module] = []
        for before, after in pairwise((size, *hidden)):
            layers += [nn.Linear(before, after), activation_of(activation)]
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleList(nn.Linear((size, *hidden)[-1], port.size) for port in outputs)
        self.skips = nn.ModuleList(nn.Linear(size, port.size, bias=False) for port in outputs)

    def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return `(batch, size)` per output from images `(batch, planes, height, width)` and vectors `(batch, size)`."""
        read = self._averages(values)
        features = self.trunk(read)
        return tuple(head(features) + skip(read) for head, skip in zip(self.heads, self.skips, strict=True))

    def _averages(self, values: tuple[torch.Tensor, ...]) -> torch.Tensor:
        labels, colours = self._of("labels", values), self._of("colours", values)
        parts = [functional.adaptive_avg_pool2d(value, self.cells).flatten(1) for value in colours or labels]
        if labels and colours:
            masks, pixels = torch.cat(labels, 1).flatten(2), torch.cat(colours, 1).flatten(2)
            means = masks @ pixels.transpose(1, 2) / masks.sum(2, keepdim=True).clamp_min(_LEAST_PIXELS)
            parts.append(means.flatten(1))
        return torch.cat([*parts, *self._of("vector", values)], 1)

    def _of(self, kind: str, values: tuple[torch.Tensor, ...]) -> list[torch.Tensor]:
        return [value for value, each in zip(values, self.kinds, strict=True) if each == kind]

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output the layers that add up to it."""
        return tuple(zip(self.heads, self.skips, strict=True))


class GridEncoderOptions(NetworkOptions):
    """An encoder into grids of codes."""

    cells: Positive = 4
    """Cells per side of each place of the grid, over which the images are averaged."""
    hidden: Positive = 64
    """Planes of the hidden layer."""
    activation: Activation = "tanh"
    """The non-linearity after the hidden layer."""


@NETWORKS.register("grid_encoder", options=GridEncoderOptions)
class GridEncoder(nn.Module):
    """Grids of codes, such as bits of shape [4, 8, 8], each place from averages of the images there and beside it.

    Args:
        inputs: images of one height and width; vectors are read at every place.
        outputs: grids of one height and width, linear in the averages of a place and in the hidden layer.
        cells: per side of each place.
        hidden: planes of the hidden layer.
        activation: after the hidden layer.

    Raises:
        ValueError: no input is an image, images differ in size, or an output is no grid.
    """

    spatial: ClassVar[bool] = True

    def __init__(self, inputs: tuple[Port, ...], outputs: tuple[Port, ...], *, cells: int, hidden: int, activation: str) -> None:
        super().__init__()
        self.inputs = Inputs(inputs, common_size(_images(inputs), "input images"))
        self.grid, self.cells = common_size(outputs, "outputs"), cells
        planes = self.inputs.planes * cells**2 + self.inputs.vector
        self.trunk = channels_last(nn.Sequential(nn.Conv2d(planes, hidden, 3, padding=1), activation_of(activation)))
        self.heads = channels_last(nn.ModuleList(nn.Conv2d(hidden, port.planes[0], 1) for port in outputs))
        self.skips = channels_last(nn.ModuleList(nn.Conv2d(planes, port.planes[0], 1, bias=False) for port in outputs))

    def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return `(batch, planes, height, width)` per output, of the grids' height and width."""
        height, width = self.grid
        averages = functional.adaptive_avg_pool2d(self.inputs.maps_of(values), (height * self.cells, width * self.cells))
        read = functional.pixel_unshuffle(averages, self.cells)
        vector = self.inputs.vector_of(values)
        if vector is not None:
            read = torch.cat([read, vector[:, :, None, None].expand(-1, -1, height, width)], 1)
        features = self.trunk(read)
        return tuple(head(features) + skip(read) for head, skip in zip(self.heads, self.skips, strict=True))

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output the convolutions that add up to it."""
        return tuple(zip(self.heads, self.skips, strict=True))


def _images(inputs: tuple[Port, ...]) -> list[Port]:
    images = [port for port in inputs if port.is_image]
    if not images:
        raise ValueError("needs an image among its inputs: an mlp reads any shape")
    return images
