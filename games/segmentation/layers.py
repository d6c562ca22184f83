"""Maps at several resolutions, and how codes enter them.

A *map* is a tensor `(batch, planes, height, width)`. Networks here compute on patches of pixels, at a fraction of the full
resolution, which is several times as fast. Codes are vectors, or *grids*: maps of fewer pixels. This file defines the parts
that the segmentation networks are made of.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import nn
from torch.nn import functional

from gamelearn.networks.activations import activation_of
from gamelearn.networks.layers import channels_last
from gamelearn.networks.port import Port

_MOST_GROUPS = 8
Size = tuple[int, int]


@dataclass(frozen=True)
class Style:
    """How wide maps are, and what follows a convolution.

    Args:
        width: planes at the finest level.
        depth: how often the finest level is halved; each halving doubles the planes.
        patch: pixels per side of the patches that the finest level has.
        activation: the non-linearity.
        norm: `none` or `group`.
    """

    width: int
    depth: int
    patch: int
    activation: str
    norm: str

    def widths(self) -> tuple[int, ...]:
        """Return the planes of every level, the finest first."""
        return tuple(self.width * 2**level for level in range(self.depth + 1))

    @property
    def fine_planes(self) -> int:
        """The planes of features at full resolution."""
        return max(1, self.width // 2)

    def sizes(self, size: Size) -> tuple[Size, ...]:
        """Return height and width of every level, the finest first, for images of a size."""
        found = [(-(-size[0] // self.patch), -(-size[1] // self.patch))]
        for _ in range(self.depth):
            height, width = found[-1]
            found.append((-(-height // 2), -(-width // 2)))
        return tuple(found)


@dataclass(frozen=True)
class Inputs:
    """The inputs of a network, sorted: maps of full size, grids of other sizes, vectors.

    Args:
        ports: in their order.
        size: height and width of the maps.
    """

    ports: tuple[Port, ...]
    size: Size

    def kind(self, port: Port) -> str:
        """Return `map`, `grid` or `vector`."""
        if not port.is_image:
            return "vector"
        return "map" if port.planes[1:] == self.size else "grid"

    @property
    def planes(self) -> int:
        """The planes of all maps together."""
        return sum(port.planes[0] for port in self.ports if self.kind(port) == "map")

    @property
    def vector(self) -> int:
        """The length of all vectors together."""
        return sum(port.size for port in self.ports if self.kind(port) == "vector")

    @property
    def grids(self) -> tuple[Port, ...]:
        """The grids."""
        return tuple(port for port in self.ports if self.kind(port) == "grid")

    def maps_of(self, values: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return all maps as one, `(batch, planes, height, width)`, channels last in memory."""
        return torch.cat(self._of("map", values), 1).contiguous(memory_format=torch.channels_last)

    def vector_of(self, values: Sequence[torch.Tensor]) -> torch.Tensor | None:
        """Return all vectors as one, `(batch, size)`; None where there is none."""
        found = self._of("vector", values)
        return torch.cat(found, 1) if found else None

    def grids_of(self, values: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        """Return the grids."""
        return self._of("grid", values)

    def _of(self, kind: str, values: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        return [value for value, port in zip(values, self.ports, strict=True) if self.kind(port) == kind]


class Block(nn.Module):
    """A 3x3 convolution, normalisation, scales with shifts that a vector gives, and the non-linearity.

    Args:
        before: planes of the input.
        after: planes of the output.
        vector: the length of the vector, or 0.
        stride: 2 halves the map.
        style: of the network.
    """

    def __init__(self, before: int, after: int, *, vector: int, stride: int, style: Style) -> None:
        super().__init__()
        self.convolution = nn.Conv2d(before, after, 3, stride=stride, padding=1)
        groups = next(groups for groups in range(min(_MOST_GROUPS, after), 0, -1) if after % groups == 0)
        self.norm = nn.GroupNorm(groups, after) if style.norm == "group" else nn.Identity()
        self.modulation = nn.Linear(vector, 2 * after) if vector else None
        self.activation = activation_of(style.activation)

    def forward(self, maps: torch.Tensor, vector: torch.Tensor | None = None) -> torch.Tensor:
        """Return `(batch, after, height, width)` from maps `(batch, before, ...)` and a vector `(batch, size)`."""
        maps = self.norm(self.convolution(maps))
        if self.modulation is not None:
            scale, shift = self.modulation(vector)[:, :, None, None].chunk(2, 1)
            maps = maps * (1 + scale) + shift
        return self.activation(maps)


class Down(nn.Module):
    """Patches of an image, and ever coarser maps of it.

    Args:
        planes: of the image.
        style: of the network.
    """

    def __init__(self, planes: int, style: Style) -> None:
        super().__init__()
        self.patch = style.patch
        widths = style.widths()
        self.first = Block(planes * style.patch**2, widths[0], vector=0, stride=1, style=style)
        self.halvings = nn.ModuleList(
            nn.Sequential(
                Block(before, after, vector=0, stride=2, style=style),
                Block(after, after, vector=0, stride=1, style=style),
            )
            for before, after in pairwise(widths)
        )

    def forward(self, image: torch.Tensor) -> list[torch.Tensor]:
        """Return a map per level, the finest first, from `(batch, planes, height, width)`."""
        height, width = image.shape[-2:]
        padded = functional.pad(image, (0, -width % self.patch, 0, -height % self.patch))
        levels = [self.first(functional.pixel_unshuffle(padded, self.patch).contiguous(memory_format=torch.channels_last))]
        for halving in self.halvings:
            levels.append(halving(levels[-1]))
        return levels


class Up(nn.Module):
    """Ever finer maps, which codes tell what to show, up to full resolution.

    A vector modulates every level; a grid is added to the coarsest level that is at least as fine. Coarse maps join finer
    ones by sums.

    Args:
        size: height and width at full resolution.
        inputs: the codes among them are read.
        planes: of the map at full resolution.
        style: of the network.
    """

    def __init__(self, size: Size, inputs: Inputs, *, planes: int, style: Style) -> None:
        super().__init__()
        widths, self.size, self.patch = style.widths(), size, style.patch
        self.sizes = style.sizes(size)
        self.levels_of_grids = tuple(self._level(port.planes[1:]) for port in inputs.grids)
        self.grids = nn.ModuleList(
            nn.Conv2d(port.planes[0], widths[level], 3, padding=1) for port, level in zip(inputs.grids, self.levels_of_grids, strict=True)
        )
        self.coarser = nn.ModuleList(nn.Conv2d(after, before, 1) for before, after in pairwise(widths))
        self.blocks = nn.ModuleList(Block(width, width, vector=inputs.vector, stride=1, style=style) for width in widths)
        self.last = nn.Conv2d(widths[0], planes * style.patch**2, 1)

    def _level(self, size: Size) -> int:
        return max((level for level, (height, _) in enumerate(self.sizes) if height >= size[0]), default=0)

    def forward(self, levels: Sequence[torch.Tensor | None], vector: torch.Tensor | None, grids: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return a map `(batch, planes, height, width)` at full resolution.

        Args:
            levels: what is added to each level, the finest first.
            vector: the code `(batch, size)`, if there is one.
            grids: codes `(batch, planes, height, width)`.
        """
        maps: torch.Tensor | None = None
        for level in reversed(range(len(self.blocks))):
            parts = [part for part in (levels[level], self._from_coarser(level, maps), *self._from_grids(level, grids)) if part is not None]
            maps = self.blocks[level](sum(parts[1:], start=parts[0]), vector)
        fine = functional.pixel_shuffle(self.last(maps), self.patch)
        return fine[:, :, : self.size[0], : self.size[1]].contiguous(memory_format=torch.channels_last)

    def _from_coarser(self, level: int, maps: torch.Tensor | None) -> torch.Tensor | None:
        return None if maps is None else functional.interpolate(self.coarser[level](maps), size=self.sizes[level], mode="nearest")

    def _from_grids(self, level: int, grids: Sequence[torch.Tensor]) -> list[torch.Tensor]:
        chosen = [(read, grid) for read, grid, at in zip(self.grids, grids, self.levels_of_grids, strict=True) if at == level]
        return [functional.interpolate(read(grid), size=self.sizes[level], mode="nearest") for read, grid in chosen]


class CodeMap(nn.Module):
    """A map that a vector gives, added to the coarsest level.

    Args:
        inputs: of the network.
        style: of the network.
    """

    def __init__(self, inputs: Inputs, style: Style) -> None:
        super().__init__()
        self.shape = (style.widths()[-1], *style.sizes(inputs.size)[-1])
        self.linear = nn.Linear(inputs.vector, self.shape[0] * self.shape[1] * self.shape[2]) if inputs.vector else None

    def forward(self, maps: torch.Tensor, vector: torch.Tensor | None) -> torch.Tensor:
        """Return the sum, of the shape of `maps`."""
        return maps if self.linear is None else maps + self.linear(vector).view(len(maps), *self.shape)


class Hourglass(nn.Module):
    """From maps to features at full resolution, through ever coarser and again finer maps, with codes on the way up.

    Args:
        planes: of the maps.
        inputs: of the network.
        style: of the network.
    """

    def __init__(self, planes: int, inputs: Inputs, style: Style) -> None:
        super().__init__()
        self.inputs = inputs
        self.down = channels_last(Down(planes, style))
        self.code = CodeMap(inputs, style)
        self.up = channels_last(Up(inputs.size, inputs, planes=style.fine_planes, style=style))
        self.planes = style.fine_planes + planes

    def forward(self, maps: torch.Tensor, values: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return features `(batch, self.planes, height, width)`, beside which the maps stand again, from maps and the network's inputs."""
        vector = self.inputs.vector_of(values)
        levels = self.down(maps)
        levels[-1] = self.code(levels[-1], vector)
        return torch.cat([torch.relu(self.up(levels, vector, self.inputs.grids_of(values))), maps], 1)


def common_size(ports: Sequence[Port], role: str) -> Size:
    """Return height and width of images.

    Raises:
        ValueError: one is no image, or they differ in size.
    """
    if wrong := [port for port in ports if not port.is_image]:
        raise ValueError(f"needs images as {role}, got {wrong[0].name!r} of shape {wrong[0].shape}")
    sizes = {port.name: (port.planes[1], port.planes[2]) for port in ports}
    if len(set(sizes.values())) > 1:
        listed = ", ".join(f"{name!r} {height}x{width}" for name, (height, width) in sizes.items())
        raise ValueError(f"needs {role} of one size, got {listed}")
    return next(iter(sizes.values()))
