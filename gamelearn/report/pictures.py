"""Pictures of a game: grids of data, of reconstructions beside their data, of samples, as PNG files.

Binary and real variables of shape `(1 | 3, height, width)` or `(height, width)` are images, with values cut to [0, 1];
categorical ones of shape `(height, width)` are label maps in a fixed palette. This file draws them.
"""

import colorsys
import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image

from gamelearn.data.reading import Reading
from gamelearn.disk import write_whole
from gamelearn.errors import DataError, EvidenceError, GamelearnError
from gamelearn.files.writers import own_values
from gamelearn.game import Game
from gamelearn.graph.model import Graph, Variable
from gamelearn.sampling import Reconstruction, ancestral, drawing_player, limiting, reconstruct

Pixels = NDArray[np.uint8]
"""`(..., height, width, 3)`, red, green and blue in 0 .. 255."""
MOST_CLASSES = 256
"""How many classes the pixels of a file can hold."""

_SMALLEST_SIDE = 4
_SHOWN_SIDE = 48
_GAP = 2
_PAIR_GAP = 6
_GAP_COLOUR = 128
_GOLDEN_RATIO = 0.6180339887
_LIGHTNESS = (0.5, 0.75, 0.3, 0.62, 0.4)
_CHAIN_SWEEPS = 20
_CHAIN_COUNT = 16


def write_pictures(game: Game, folder: Path, round_number: int, count: int = 64, seed: int = 0) -> list[Path]:
    """Write grids of data, reconstructions and samples for every variable that is an image.

    The files are `round-000001000-samples-x.png`, `...-reconstructions-x.png` (pairs, the data on the left) and
    `...-data-x.png`. Samples are expectations at drawn codes; where no single player draws all images, they come from the last
    declared chain that needs nothing given, after 20 sweeps, at most 16 of them. Data and reconstructions are rows of the
    validation split, of the training split where there is none.

    Args:
        game: with its data.
        folder: where the files go; it is made if it is missing.
        round_number: for the file names.
        count: the number of images in a grid, pairs counted as one.
        seed: of the noise.

    Returns:
        The files, in the order of writing; none for a game without image variables.

    Raises:
        DataError: the data cannot be read.
    """
    variables = image_variables(game.graph)
    if not variables:
        return []
    prefix = f"round-{round_number:09d}"
    written = []
    for title, name, cells in _grids(game, variables, count, seed):
        gap = _PAIR_GAP if title == "reconstructions" else _GAP
        written.append(save_grid(cells, folder / f"{prefix}-{title}-{name}.png", gap=gap))
    return written


def _grids(game: Game, variables: Mapping[str, Variable], count: int, seed: int) -> list[tuple[str, str, Pixels]]:
    found = []
    for name, rebuilt in _reconstructions(game, variables, count, seed).items():
        data, mean = (to_pixels(each, variables[name]) for each in (rebuilt.data, rebuilt.mean))
        found += [("data", name, data), ("reconstructions", name, side_by_side(data, mean))]
    for name, value in sampled_images(game, variables, count, seed).items():
        found.append(("samples", name, to_pixels(value, variables[name])))
    return found


def _reconstructions(game: Game, variables: Mapping[str, Variable], count: int, seed: int) -> dict[str, Reconstruction]:
    try:
        found = reconstruct(game, count, split="validation", seed=seed)
    except DataError:
        found = reconstruct(game, count, split="train", seed=seed)
    return {name: each for name, each in found.items() if name in variables}


def sampled_images(game: Game, variables: Mapping[str, Variable], count: int, seed: int) -> dict[str, torch.Tensor]:
    """Return expectations of images at drawn codes: from one player if it draws all images that are drawn at all, else of a chain.

    Args:
        game: with its players.
        variables: the images.
        count: how many; of a chain at most 16.
        seed: of the noise.

    Returns:
        By variable `(count, *shape)`, of a categorical one `(count, classes, *shape)`; empty where every chain has to be given something.
    """
    drawn = {factor.target for player in game.graph.players.values() for factor in player.factors.values()}
    try:
        alone = {factor.target for factor in drawing_player(game.graph)[1]}
    except GamelearnError:
        alone = set()
    suffices = alone and drawn.intersection(variables) <= alone
    values = ancestral(game, count=count, seed=seed, decide="mean") if suffices else _limit(game, min(count, _CHAIN_COUNT), seed)
    return {name: value for name, value in values.items() if name in variables}


def _limit(game: Game, count: int, seed: int) -> dict[str, torch.Tensor]:
    try:
        return limiting(game, count, sweeps=_CHAIN_SWEEPS, seed=seed, decide="mean")
    except EvidenceError:  # every chain has to be given something
        return {}


def image_variables(graph: Graph) -> dict[str, Variable]:
    """Return the variables that can be shown as images."""
    return {name: each for name, each in graph.variables.items() if _is_image(each)}


def _is_image(variable: Variable) -> bool:
    shape = variable.shape
    planes = len(shape) == 3 and shape[0] in (1, 3) and variable.type in ("binary", "real")
    flat = len(shape) == 2 and variable.type in ("binary", "real", "categorical")
    return (planes or flat) and min(shape[-2:]) >= _SMALLEST_SIDE


def to_pixels(values: torch.Tensor, variable: Variable) -> Pixels:
    """Return values of an image variable as pixels, `(count, height, width, 3)`.

    Args:
        values: `(count, *shape)`; of a categorical variable also probabilities, `(count, classes, *shape)`, which mix the
            colours of the palette.
        variable: what they are values of.
    """
    array = values.detach().cpu()
    if variable.type == "categorical":
        colours = palette(variable.classes or 2)
        if not array.is_floating_point():
            return colours[array.numpy()]
        mixed = np.einsum("nchw,cd->nhwd", array.float().numpy(), colours.astype(np.float32))
        return mixed.round().astype(np.uint8)
    planes = array.float().reshape(len(array), -1, *variable.shape[-2:]).clamp(0, 1)
    pixels = (planes * 255).round().to(torch.uint8).permute(0, 2, 3, 1).expand(-1, -1, -1, 3)
    return np.ascontiguousarray(pixels.numpy())


def palette(classes: int) -> Pixels:
    """Return a colour for every class, `(classes, 3)`; class 0 is black, the others differ in hue and lightness."""
    colours = [(0.0, 0.0, 0.0)]
    colours += [colorsys.hls_to_rgb(i * _GOLDEN_RATIO % 1, _LIGHTNESS[i % len(_LIGHTNESS)], 0.8) for i in range(1, classes)]
    return (np.array(colours) * 255).round().astype(np.uint8)


def enlarge(cells: Pixels) -> Pixels:
    """Return images enlarged by the smallest whole factor that makes them at least 48 pixels high."""
    factor = -(-_SHOWN_SIDE // cells.shape[1])
    return cells.repeat(factor, axis=1).repeat(factor, axis=2)


def side_by_side(left: Pixels, right: Pixels) -> Pixels:
    """Return pairs of images, enlarged, as one image each, with a thin grey line between them."""
    left, right = enlarge(left), enlarge(right)
    line = np.full((*left.shape[:2], 1, 3), _GAP_COLOUR, np.uint8)
    return np.concatenate([left, line, right], axis=2)


def grid(cells: Pixels, *, gap: int = _GAP) -> Pixels:
    """Return images as one, row by row in a square grid; small ones are enlarged.

    Args:
        cells: `(count, height, width, 3)`.
        gap: the pixels between and around cells, grey as the absent cells are.

    Returns:
        `(grid height, grid width, 3)`.
    """
    cells = enlarge(cells)
    height, width = cells.shape[1:3]
    columns = max(1, round(len(cells) ** 0.5))
    rows = -(-len(cells) // columns)
    made = np.full((rows * (height + gap) + gap, columns * (width + gap) + gap, 3), _GAP_COLOUR, np.uint8)
    for index, cell in enumerate(cells):
        row, column = divmod(index, columns)
        top, left = gap + row * (height + gap), gap + column * (width + gap)
        made[top : top + height, left : left + width] = cell
    return made


def save_grid(cells: Pixels, path: Path, *, gap: int = _GAP) -> Path:
    """Write images as one PNG file, whose folder is made if it is missing; return the file."""
    return save_png(grid(cells, gap=gap), path)


def save_png(pixels: Pixels, path: Path) -> Path:
    """Write one image, `(height, width, 3)`, as a PNG file, whose folder is made if it is missing; return the file."""
    made = io.BytesIO()  # pillow does not say why the disk refuses
    Image.fromarray(pixels).save(made, format="png")
    return write_whole(path, made.getvalue())


def has_pixels(variable: Variable, reading: Reading) -> bool:
    """Whether images can be stored in files: of label maps, whether what stands for each class fits into a pixel."""
    numbers = standing(variable, reading)
    return variable.type != "categorical" or (numbers.dtype.kind in "iu" and 0 <= numbers.min() <= numbers.max() < MOST_CLASSES)


def standing(variable: Variable, reading: Reading) -> NDArray[Any]:
    """Return what stands for each class."""
    return own_values(np.arange(variable.classes or 2), variable, reading)


def file_pixels(values: NDArray[Any], variable: Variable, reading: Reading) -> NDArray[np.uint8]:
    """Return images as they are stored in files: what stands for classes, grey values or colours."""
    if variable.type == "categorical":
        return own_values(values, variable, reading).astype(np.uint8)
    pixels = to_pixels(torch.from_numpy(values), variable)
    return pixels if len(variable.shape) == 3 and variable.shape[0] == 3 else np.ascontiguousarray(pixels[..., 0])


def palette_of(variable: Variable, reading: Reading) -> NDArray[np.uint8] | None:
    """Return the colours of label maps, by what stands for a class."""
    if variable.type != "categorical":
        return None
    colours = palette(variable.classes or 2)
    numbers = standing(variable, reading)
    spread = np.zeros((int(numbers.max()) + 1, 3), np.uint8)
    spread[numbers] = colours
    return spread
