"""The decoders of the segmentation games (section 6, eq. 19): label maps from codes or from images, images from label maps.

This file defines the networks that give maps.
"""

from typing import Annotated, ClassVar, Literal

import torch
from pydantic import Field
from torch import nn

from gamelearn.networks.activations import Activation, activation_of
from gamelearn.networks.layers import channels_last
from gamelearn.networks.port import Port
from gamelearn.registry import NETWORKS
from gamelearn.spec.kinds import NetworkOptions, Positive
from games.segmentation.layers import Hourglass, Inputs, Style, Up, common_size

Depth = Annotated[int, Field(ge=0, le=6)]


class MapOptions(NetworkOptions):
    """What the networks share that give maps."""

    width: Positive = 32
    """Planes at the finest level; each halving doubles them."""
    depth: Depth = 3
    """How often the finest level is halved."""
    patch: Positive = 2
    """Pixels per side of the patches that the finest level has: 1 computes at full resolution."""
    activation: Activation = "relu"
    """The non-linearity after each convolution."""
    norm: Literal["none", "group"] = "none"
    """`group`: group normalisation after each convolution."""


@NETWORKS.register("unet", options=MapOptions)
class UNet(nn.Module):
    """A U-Net: maps from images, with codes that modulate the way up (Ronneberger et al., 2015).

    Vectors give scales with shifts of planes, and a map for the coarsest level; grids are added to the level of their size.

    Args:
        inputs: at least one image of the outputs' height and width; vectors; grids.
        outputs: maps of one height and width.
        width: planes at the finest level.
        depth: number of halvings.
        patch: pixels per side of a patch.
        activation: after each convolution.
        norm: `none` or `group`.

    Raises:
        ValueError: the outputs are no images of one size, or no input has that size.
    """

    spatial: ClassVar[bool] = True

    def __init__(
        self, inputs: tuple[Port, ...], outputs: tuple[Port, ...], *, width: int, depth: int, patch: int, activation: str, norm: str
    ) -> None:
        super().__init__()
        style = Style(width, depth, patch, activation, norm)
        self.inputs = _with_maps(inputs, outputs)
        self.body = Hourglass(self.inputs.planes, self.inputs, style)
        self.heads = _heads(self.body.planes, outputs)

    def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return `(batch, planes, height, width)` per output."""
        features = self.body(self.inputs.maps_of(values), values)
        return tuple(head(features) for head in self.heads)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output its convolution."""
        return tuple((head,) for head in self.heads)


class PainterOptions(MapOptions):
    """A painter of label maps."""

    colours: Positive = 8
    """The numbers that a code gives each label, for all of its pixels alike."""


@NETWORKS.register("painter", options=PainterOptions)
class Painter(nn.Module):
    """A U-Net from label maps to images, in which a code chooses colours for every label.

    A vector gives each plane of the label maps a row of numbers, its colours; every pixel shows those of its label. The
    U-Net reads these planes beside the labels, and adds to them.

    Args:
        inputs: at least one label map of the outputs' height and width; vectors; grids.
        outputs: images of one height and width.
        width: planes at the finest level.
        depth: number of halvings.
        patch: pixels per side of a patch.
        activation: after each convolution.
        norm: `none` or `group`.
        colours: numbers per label.

    Raises:
        ValueError: the outputs are no images of one size, or no input has that size.
    """

    spatial: ClassVar[bool] = True

    def __init__(
        self,
        inputs: tuple[Port, ...],
        outputs: tuple[Port, ...],
        *,
        width: int,
        depth: int,
        patch: int,
        activation: str,
        norm: str,
        colours: int,
    ) -> None:
        super().__init__()
        style = Style(width, depth, patch, activation, norm)
        self.inputs = _with_maps(inputs, outputs)
        self.palette = nn.Linear(self.inputs.vector, self.inputs.planes * colours) if self.inputs.vector else None
        self.body = Hourglass(self.inputs.planes + (colours if self.palette else 0), self.inputs, style)
        self.heads = _heads(self.body.planes, outputs)

    def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return `(batch, planes, height, width)` per output."""
        features = self.body(self._coloured(self.inputs.maps_of(values), self.inputs.vector_of(values)), values)
        return tuple(head(features) for head in self.heads)

    def _coloured(self, maps: torch.Tensor, vector: torch.Tensor | None) -> torch.Tensor:
        if self.palette is None:
            return maps
        batch, planes, height, width = maps.shape
        colours = self.palette(vector).view(batch, planes, -1)
        pixels = maps.permute(0, 2, 3, 1).reshape(batch, height * width, planes) @ colours
        shown = pixels.view(batch, height, width, -1).permute(0, 3, 1, 2)
        return torch.cat([maps, shown], 1).contiguous(memory_format=torch.channels_last)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output its convolution."""
        return tuple((head,) for head in self.heads)


class ShapeDecoderOptions(MapOptions):
    """A decoder from codes to maps."""

    units: Positive = 256
    """The width of the layer between the vectors and the coarsest map."""


@NETWORKS.register("shape_decoder", options=ShapeDecoderOptions)
class ShapeDecoder(nn.Module):
    """Ever finer maps from codes, such as the raw outputs of a label map p(s | z1).

    Args:
        inputs: vectors, and grids.
        outputs: maps of one height and width.
        width: planes at the finest level.
        depth: number of doublings.
        patch: pixels per side of a patch.
        activation: after each convolution.
        norm: `none` or `group`.
        units: between vectors and the coarsest map.

    Raises:
        ValueError: the outputs are no images of one size, or an input has that size.
    """

    spatial: ClassVar[bool] = True

    def __init__(
        self,
        inputs: tuple[Port, ...],
        outputs: tuple[Port, ...],
        *,
        width: int,
        depth: int,
        patch: int,
        activation: str,
        norm: str,
        units: int,
    ) -> None:
        super().__init__()
        style = Style(width, depth, patch, activation, norm)
        self.inputs = Inputs(inputs, common_size(outputs, "outputs"))
        if self.inputs.planes:
            raise ValueError("reads codes, no maps of the outputs' size: a unet reads those")
        if large := [port for port in self.inputs.grids if max(port.planes[1:]) > max(self.inputs.size)]:
            raise ValueError(f"reads codes, and {large[0].name!r} of shape {large[0].shape} is larger than the outputs")
        self.start = (style.widths()[-1], *style.sizes(self.inputs.size)[-1])
        size = self.start[0] * self.start[1] * self.start[2]
        self.features = _dense(self.inputs.vector, units, size, activation) if self.inputs.vector else None
        self.bias = nn.Parameter(torch.zeros(1, *self.start))
        self.up = channels_last(Up(self.inputs.size, self.inputs, planes=style.fine_planes, style=style))
        self.heads = _heads(style.fine_planes, outputs)

    def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return `(batch, planes, height, width)` per output."""
        vector = self.inputs.vector_of(values)
        start = self.bias.expand(len(values[0]), *self.start)
        if self.features is not None:
            start = start + self.features(vector).view(start.shape)
        levels = [*[None] * (len(self.up.blocks) - 1), start.contiguous(memory_format=torch.channels_last)]
        fine = torch.relu(self.up(levels, vector, self.inputs.grids_of(values)))
        return tuple(head(fine) for head in self.heads)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output its convolution."""
        return tuple((head,) for head in self.heads)


def _dense(size: int, units: int, outputs: int, activation: str) -> nn.Sequential:
    return nn.Sequential(nn.Linear(size, units), activation_of(activation), nn.Linear(units, outputs))


def _heads(planes: int, outputs: tuple[Port, ...]) -> nn.ModuleList:
    return channels_last(nn.ModuleList(nn.Conv2d(planes, port.planes[0], 3, padding=1) for port in outputs))


def _with_maps(inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> Inputs:
    sorted_inputs = Inputs(inputs, common_size(outputs, "outputs"))
    if not sorted_inputs.planes:
        height, width = sorted_inputs.size
        got = ", ".join(f"{port.name!r} of shape {port.shape}" for port in inputs)
        raise ValueError(f"needs an input of the outputs' size {height}x{width}, got {got or 'none'}: a shape_decoder reads codes alone")
    return sorted_inputs
