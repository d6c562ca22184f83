"""Images with label maps, whose pixels are classes. This file reads both from files at one size."""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from PIL import Image, ImageOps

from gamelearn.data.dataset import ArrayColumn, Column, Field
from gamelearn.data.images import ImageColumn, read_image_file
from gamelearn.errors import DataError

Labels = NDArray[np.uint8]
"""`(height, width)`, the class of each pixel."""
Size = tuple[int, int]
"""Height and width in pixels."""

LOSSY_FORMATS = frozenset({"JPEG", "MPO", "WEBP"})
"""Formats that change pixels a little, so that values between the classes appear."""
LABEL_MODES = frozenset({"1", "L", "P"})
"""The modes of pixels that are classes: bits, grey values, numbers of palette colours."""

_COLOURED = frozenset({"RGB", "RGBA", "CMYK", "YCbCr"})
_NUMBERS = ("I", "F")
_WHITE = 255
_ROUNDING = 1e-6
_ORIENTATION = 0x0112
_LYING = frozenset({5, 6, 7, 8})


def pair_fields(size: Size, classes: int) -> dict[str, Field]:
    """Return the fields of colour images with label maps: x of shape (3, height, width), s of shape (height, width)."""
    return {"x": Field("real", (3, *size)), "s": Field("categorical", size, classes)}


def pair_columns(images: NDArray[np.uint8], labels: NDArray[np.uint8], classes: int) -> dict[str, Column]:
    """Return the columns of images `(rows, 3, height, width)` in 0 .. 255 with label maps `(rows, height, width)`."""
    fields = pair_fields((labels.shape[1], labels.shape[2]), classes)
    return {"x": ArrayColumn(fields["x"], images, convert=_to_unit), "s": ArrayColumn(fields["s"], labels)}


def _to_unit(images: NDArray[Any]) -> NDArray[np.float32]:
    return images.astype(np.float32) / np.float32(255)


def image_size(file: Path) -> Size:
    """Return the size of an image file as it is shown.

    Raises:
        DataError: it is damaged, too large, or no image.
    """

    def size(image: Image.Image) -> Size:
        lying = image.getexif().get(_ORIENTATION) in _LYING
        if lying and image.format == "TIFF":  # whose reader turns them
            image.load()
            lying = False
        return (image.width, image.height) if lying else (image.height, image.width)

    return read_image_file(file, "image", size)


def read_image(file: Path, size: Size) -> NDArray[np.uint8]:
    """Return a colour image, cut about its centre and resized with antialiasing, `(3, height, width)` in 0 .. 255.

    Raises:
        DataError: it is damaged, too large, or no image.
    """
    values = ImageColumn([file], size, "rgb").read(torch.zeros(1, dtype=torch.int64))[0]
    return (values * 255).round().to(torch.uint8).numpy()


def read_label_map(file: Path, values: Collection[float] = ()) -> Labels:
    """Return a label map as it is in its file, set upright: the grey values, or the numbers of palette colours.

    Args:
        file: the label map.
        values: the numbers that stand for classes, if any. White of 1 bit is 255 where that is among them and 1 is not, else 1.

    Raises:
        DataError: it is damaged, too large, of a format that changes pixels, or its pixels are not classes.
    """

    def labels(image: Image.Image) -> Labels:
        if image.format in LOSSY_FORMATS:
            raise DataError(f"{file} is a {image.format} file, which changes pixels: label maps and masks are given as PNG")
        if image.mode not in LABEL_MODES:
            raise DataError(f"the label map {file} {_why_no_classes(image)}")
        white = _WHITE if image.mode == "1" and _WHITE in values and 1 not in values else 1
        return np.array(ImageOps.exif_transpose(image), dtype=np.uint8) * np.uint8(white)

    return read_image_file(file, "label map", labels)


def why_no_classes(file: Path) -> str:
    """Return why an image file whose pixels are not of `LABEL_MODES` is no label map, as the end of a sentence.

    Raises:
        DataError: it is damaged, or too large.
    """
    return read_image_file(file, "label map", _why_no_classes)


def _why_no_classes(image: Image.Image) -> str:
    expected = "expected 8 bits, grey or of a palette, whose numbers are classes"
    if image.mode not in _COLOURED:
        return f"has pixels of mode {image.mode!r}: {expected}"
    red, green, blue = np.moveaxis(np.array(image.convert("RGB")), -1, 0)
    if np.array_equal(red, green) and np.array_equal(green, blue):
        return f"has the same values in three colours (mode {image.mode!r}): {expected}; save one of the three"
    return f"is a coloured image (mode {image.mode!r}), such as a photograph: {expected}"


def read_mask(file: Path) -> NDArray[np.bool_]:
    """Return a mask, `(height, width)`, set upright: true where the image is not black, however dark.

    Raises:
        DataError: it is damaged, too large, or no image; or colours and transparency tell different things.
    """

    def hidden(image: Image.Image) -> NDArray[np.bool_]:
        upright = ImageOps.exif_transpose(image)
        if upright.mode.startswith(_NUMBERS):
            return np.asarray(upright) != 0
        values = np.asarray(upright.convert("RGBA"))
        found, clear = values[..., :3].any(-1), values[..., 3] == 0
        if clear.any() and ((found & clear).any() or not found.any()):
            raise DataError(f"the mask {file} has transparent pixels beside its colours: save it black and white, without transparency")
        return np.asarray(found, np.bool_)

    return read_image_file(file, "mask", hidden)


def fit_mask(mask: NDArray[np.bool_], size: Size) -> NDArray[np.bool_]:
    """Return a mask at another size, cut about its centre as `read_image` cuts: a pixel is hidden if any that lies under it is, even in part.

    >>> fit_mask(np.array([[1, 0, 0, 0, 0, 0]], bool).repeat(3, 0), (1, 2)).tolist()
    [[True, False]]
    """
    if mask.shape == size:
        return mask
    sums = np.pad(mask.cumsum(0).cumsum(1), ((1, 0), (1, 0)))
    edges = []
    for (start, length), side, most in zip(_spans((mask.shape[0], mask.shape[1]), size), size, mask.shape, strict=True):
        cells = start + np.arange(side + 1) * length / side
        edges.append((np.floor(cells[:-1] + _ROUNDING).astype(int), np.ceil(cells[1:] - _ROUNDING).astype(int).clip(max=most)))
    (top, bottom), (left, right) = edges
    counts = sums[np.ix_(bottom, right)] - sums[np.ix_(top, right)] - sums[np.ix_(bottom, left)] + sums[np.ix_(top, left)]
    return np.asarray(counts > 0)


def check_classes(file: Path, labels: Labels, classes: int) -> None:
    """Raise a DataError if a label map holds values past the last class."""
    if (largest := int(labels.max(initial=0))) >= classes:
        raise DataError(f"the label map {file} holds {largest}: expected a class in 0 .. {classes - 1}")


def same_shape(first: Size, second: Size) -> bool:
    """Return whether two sizes are the same, or one is the other enlarged (up to a pixel's rounding)."""
    return abs(first[0] * second[1] - first[1] * second[0]) <= (max(*first, *second) if first != second else 0)


def fit_labels(labels: Labels, size: Size) -> Labels:
    """Return a label map at another size, cut about its centre as `read_image` cuts.

    A smaller one has in each pixel the class that most of the pixels under it have (of several the lowest), an enlarged one
    the nearest pixel's.

    >>> fit_labels(np.array([[1, 1, 2, 2], [1, 0, 0, 0]], np.uint8), (1, 2)).tolist()
    [[1, 0]]
    """
    if labels.shape == size:
        return labels
    spans = _spans((labels.shape[0], labels.shape[1]), size)
    if any(length < side for (_, length), side in zip(spans, size, strict=True)):
        down, across = (_nearest(span, side) for span, side in zip(spans, size, strict=True))
        return labels[np.ix_(down, across)]
    return _majority(labels, spans, size)


def restored_labels(labels: NDArray[Any], size: Size, outside: int) -> NDArray[Any]:
    """Return a label map at the size of the image that was cut and resized to its own, each pixel of the class of the nearest.

    Args:
        labels: `(height, width)`.
        size: of the image.
        outside: what the pixels hold that were cut off.

    >>> restored_labels(np.array([[1, 2]]), (2, 6), 9).tolist()
    [[9, 1, 1, 2, 2, 9], [9, 1, 1, 2, 2, 9]]
    """
    spans = _spans(size, (labels.shape[0], labels.shape[1]))
    cells = [_cells(length, *span, side) for length, span, side in zip(size, spans, labels.shape, strict=True)]
    inside = [(cell >= 0) & (cell < side) for cell, side in zip(cells, labels.shape, strict=True)]
    whole = np.full(size, outside, labels.dtype)
    whole[np.ix_(*inside)] = labels[np.ix_(*(cell[kept] for cell, kept in zip(cells, inside, strict=True)))]
    return whole


def _cells(length: int, start: float, span: float, side: int) -> NDArray[np.int64]:
    """Return, of the pixels along an axis, the pixel of the resized image that each belongs to; what is cut off is before 0 or past the last."""
    return np.floor((np.arange(length) + 0.5 - start) * side / span).astype(np.int64)


def _spans(source: Size, target: Size) -> tuple[tuple[float, float], tuple[float, float]]:
    """Return, down and across, where the part with the target's ratio begins and how long it is."""
    height, width = min(source[0], source[1] * target[0] / target[1]), min(source[1], source[0] * target[1] / target[0])
    return ((source[0] - height) / 2, height), ((source[1] - width) / 2, width)


def _nearest(span: tuple[float, float], side: int) -> NDArray[np.int64]:
    return np.floor(span[0] + (np.arange(side) + 0.5) * span[1] / side).astype(np.int64)


def _majority(labels: Labels, spans: Sequence[tuple[float, float]], size: Size) -> Labels:
    cells = [_cells(length, *span, side) for length, span, side in zip(labels.shape, spans, size, strict=True)]
    kept = [(cell >= 0) & (cell < side) for cell, side in zip(cells, size, strict=True)]
    inside = labels[np.ix_(*kept)].astype(np.int64)
    place = cells[0][kept[0]][:, None] * size[1] + cells[1][kept[1]]
    classes = int(inside.max(initial=0)) + 1
    counts = np.bincount((place * classes + inside).ravel(), minlength=size[0] * size[1] * classes)
    return counts.reshape(*size, classes).argmax(2).astype(np.uint8)
