"""A tiny CelebAMask-HQ in its official layout. This file writes it."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from games.segmentation.celebamask_hq import CLASSES
from games.segmentation.toy_faces import draw_faces

NAME = "CelebAMask-HQ"


def write_faces(root: Path, count: int, *, size: int = 32) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Write drawn faces, images twice as large as their masks; return them at the size of the masks."""
    images, labels = draw_faces(count, size)
    for number in range(count):
        place = root / NAME / f"CelebA-HQ-img/{number}.jpg"
        place.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(images[number].transpose(1, 2, 0)).resize((2 * size, 2 * size), Image.Resampling.NEAREST).save(place, quality=95)
        for part in np.unique(labels[number])[1:]:
            write_part(root, number, CLASSES[part], labels[number] == part)
    return images, labels


def write_part(root: Path, number: int, part: str, mask: NDArray[np.bool_]) -> Path:
    """Write the mask of one part, white on black in three colours as the official ones are; return the file."""
    file = root / NAME / f"CelebAMask-HQ-mask-anno/{number // 2000}/{number:05}_{part}.png"
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray((255 * mask).astype(np.uint8)).convert("RGB").save(file)
    return file
