"""Antialiased shapes on a stack of images with their label maps.

All images of a stack are painted at once: a quantity of one image is `(rows, 1, 1)`, of one pixel `(rows, size, size)`, and
a shape is its coverage, the fraction of each pixel that it covers. This file holds the canvas.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gamelearn import noise

Plane = NDArray[np.floating[Any]]
"""`(rows, 1 or size, 1 or size)`."""
Mask = NDArray[np.bool_]
"""As a plane."""
Colour = NDArray[np.floating[Any]]
"""`(rows, 3, 1 or size, 1 or size)`, red, green and blue in [0, 1]."""


@dataclass(frozen=True)
class Draws:
    """Random numbers of some rows, each with a name; a row's numbers are the same in any stack.

    Attributes:
        rows: how many.
        first_row: the number of the first.
    """

    rows: int
    first_row: int

    def uniform(self, name: str, *shape: int) -> NDArray[np.float32]:
        """Return `(rows, *shape)` in [0, 1)."""
        return noise.uniform(("toy_faces", name), self.rows, shape, first_row=self.first_row).numpy()

    def between(self, name: str, low: float, high: float) -> Plane:
        """Return a number per row between two bounds."""
        return np.float32(low) + np.float32(high - low) * self.uniform(name)[:, None, None]

    def chance(self, name: str, probability: float) -> Mask:
        """Return `(rows, 1, 1)`, true with a probability."""
        return self.uniform(name)[:, None, None] < probability

    def hue(self, name: str, palette: NDArray[np.float32], spread: float) -> Colour:
        """Return a colour per row: one of a palette `(colours, 3)`, with up to `spread` more or less of brightness and tint."""
        chosen = palette[(self.uniform(name) * np.float32(len(palette))).astype(np.int64)]
        moved = spread * (2 * self.uniform(name + " brightness")[:, None] - 1) + spread * (self.uniform(name + " tint", 3) - 0.5)
        return np.clip(chosen + moved, 0, 1)[:, :, None, None]

    def clouds(self, name: str, cells: int, size: int) -> Plane:
        """Return a smooth random texture in [-1, 1]: random values on a grid of `cells` x `cells`, interpolated."""
        weights = _interpolation(cells, size)
        grid = 2 * self.uniform(name, cells, cells) - 1
        return weights @ grid @ weights.T


def _interpolation(cells: int, size: int) -> NDArray[np.float32]:
    """Return `(size, cells)`, the weights of linear interpolation between the cells."""
    place = np.linspace(0, cells - 1, size)[:, None]
    return np.clip(1 - np.abs(place - np.arange(cells)), 0, 1).astype(np.float32)


@dataclass(frozen=True)
class Frame:
    """Coordinates of the pixels: u to the right, v downwards.

    Attributes:
        u: `(rows, size, size)`.
        v: as `u`.
        pixel: `(rows, 1, 1)`, the side of a pixel in the same unit.
    """

    u: Plane
    v: Plane
    pixel: Plane

    def ellipse(self, u: float | Plane, v: float | Plane, width: Plane, height: float | Plane) -> Plane:
        """Return the coverage of an ellipse by its centre with half its width and height."""
        return self.cover((1 - length((self.u - u) / width, (self.v - v) / height)) * np.minimum(width, height))

    def cover(self, inside: Plane) -> Plane:
        """Return the coverage of a shape by its signed distance, which is positive inside."""
        return np.clip(inside / self.pixel + np.float32(0.5), 0, 1)


def length(across: Plane, down: Plane) -> Plane:
    """Return the length of vectors."""
    return np.sqrt(across * across + down * down)


def frame(size: int, *, u: Plane, v: Plane, angle: Plane, scale: Plane) -> Frame:
    """Return coordinates whose origin lies at `(u, v)` of an image that reaches from -1 to 1.

    Args:
        size: pixels per side.
        angle: by which the axes are turned.
        scale: the length of their unit.
    """
    side = ((np.arange(size, dtype=np.float32) + np.float32(0.5)) * np.float32(2 / size) - 1)[None]
    across, down = side[:, None, :] - u, side[:, :, None] - v
    cosine, sine = np.cos(angle) / scale, np.sin(angle) / scale
    return Frame(cosine * across + sine * down, cosine * down - sine * across, np.float32(2 / size) / scale)


class Canvas:
    """Images that are painted part by part, with the label of the part that covers most of each pixel.

    Attributes:
        pixels: `(rows, 3, size, size)` in [0, 1], or above it before the light is cut.
        labels: `(rows, size, size)`, uint8.
    """

    def __init__(self, rows: int, size: int) -> None:
        self.pixels = np.zeros((rows, 3, size, size), np.float32)
        self.labels = np.zeros((rows, size, size), np.uint8)
        self._change = np.empty_like(self.pixels)

    def paint(self, coverage: Plane, colour: Colour, label: int | None) -> None:
        """Paint a shape over what is there; without a label it changes the colour alone."""
        np.subtract(colour, self.pixels, out=self._change)
        self._change *= coverage[:, None]
        self.pixels += self._change
        if label is not None:
            self.labels[coverage > 0.5] = label
