"""Variables of images and others, with files of them. This file makes them for the tests of files."""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from gamelearn.files.source import Source
from gamelearn.graph.model import Variable

X = Variable("x", "real", (3, 4, 6))
GREY = Variable("g", "real", (1, 4, 6))
FLAT = Variable("f", "binary", (4, 6))
S = Variable("s", "categorical", (4, 6), 3)
Z = Variable("z", "binary", (5,))
C = Variable("c", "count", ())
VARIABLES = {each.name: each for each in (X, GREY, FLAT, S, Z, C)}

RNG = np.random.default_rng(0)
PICTURES = RNG.integers(0, 256, (7, 4, 6, 3), dtype=np.uint8)
LABELS = RNG.integers(0, 3, (7, 4, 6), dtype=np.uint8)
MASKS = RNG.random((7, 4, 6)) < 0.4


def everything(source: Source, size: int = 100) -> NDArray[Any]:
    """Return all rows of a source; its blocks are as large as they should be."""
    blocks = list(source.blocks(size))
    assert [len(block) for block in blocks[:-1]] == [size] * (len(blocks) - 1)
    assert 0 < len(blocks[-1]) <= size
    return np.concatenate(blocks)


def write_pngs(folder: Path, images: NDArray[Any], names: str = "abcdefg", ending: str = "png") -> Path:
    """Write images, one file each."""
    folder.mkdir(exist_ok=True)
    for name, pixels in zip(names, images, strict=False):
        Image.fromarray(pixels).save(folder / f"{name}.{ending}")
    return folder
