"""Cartoon faces with their label maps, drawn by the computer. This file makes them a data set, which needs no download."""

from collections.abc import Mapping
from types import MappingProxyType
from typing import Annotated, Any

import numpy as np
import pydantic
from numpy.typing import NDArray

from gamelearn.data.dataset import ArrayColumn, DataSet, Field, SplitOptions, split_rows
from gamelearn.data.folder import DataFolder
from gamelearn.data.reading import Reading
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import Positive
from games.segmentation import toy_faces_parts as parts
from games.segmentation.celebamask_hq import CLASSES
from games.segmentation.toy_faces_canvas import Canvas, Draws

_CHUNK = 16


class ToyFacesOptions(SplitOptions):
    """The options of `toy_faces`."""

    size: Annotated[int, pydantic.Field(ge=32, le=512)] = 64
    """Pixels per side."""
    rows: Positive = 2000
    """The number of faces in all splits."""


@DATASETS.register("toy_faces", options=ToyFacesOptions)
class ToyFaces(DataSet):
    """Cartoon faces with the parts of each, drawn by the computer.

    Fields: x, real in [0, 1], of shape (3, size, size); s, categorical, of shape (size, size), the 19 classes of
    CelebAMask-HQ by their official numbers. Eleven of them occur: background 0, skin 1, nose 2, glasses 3, both eyes 4, both
    brows 6, both lips 11, hair 13, hat 14, neck 17, cloth 18. A face is the same whatever the number of rows is; the data
    seed divides the rows into splits.
    """

    readings = MappingProxyType({"s": Reading(levels=CLASSES)})

    def __init__(self, folder: DataFolder, seed: int, *, size: int, rows: int, validation: float, test: float) -> None:
        images, labels = draw_faces(rows, size)
        fields = toy_fields(size)
        columns = {"x": ArrayColumn(fields["x"], images, convert=_to_unit), "s": ArrayColumn(fields["s"], labels)}
        super().__init__(columns, split_rows(rows, validation, test, seed))

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field]:
        """Return x and s by their size."""
        return toy_fields(options.size)


def toy_fields(size: int) -> dict[str, Field]:
    """Return the fields of faces of some size."""
    return {"x": Field("real", (3, size, size)), "s": Field("categorical", (size, size), len(CLASSES))}


def draw_faces(rows: int, size: int, *, first_row: int = 0) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    """Return faces, `(rows, 3, size, size)` in 0 .. 255, with their label maps, `(rows, size, size)`."""
    images, labels = np.empty((rows, 3, size, size), np.uint8), np.empty((rows, size, size), np.uint8)
    for start in range(0, rows, _CHUNK):
        chosen = slice(start, min(start + _CHUNK, rows))
        canvas = _paint(Draws(chosen.stop - start, first_row + start), size)
        images[chosen] = np.rint(np.clip(canvas.pixels, 0, 1) * 255)
        labels[chosen] = canvas.labels
    return images, labels


def _paint(draws: Draws, size: int) -> Canvas:
    canvas, face = Canvas(draws.rows, size), parts.pose(draws, size)
    parts.paint_background(canvas, face)
    parts.paint_body(canvas, face)
    head = parts.paint_head(canvas, face)
    parts.paint_nose(canvas, face, head)
    parts.paint_eyes(canvas, face, head)
    parts.paint_mouth(canvas, face, head)
    parts.paint_front_hair(canvas, face)
    parts.paint_hat(canvas, face)
    parts.light(canvas, face)
    return canvas


def _to_unit(images: NDArray[Any]) -> NDArray[np.float32]:
    return images.astype(np.float32) / np.float32(255)
