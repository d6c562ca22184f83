"""Folders of images, label maps or masks, one file for each row, and single files of them.

Files are decoded when they are read; their sizes are looked at before. This file reads them.
"""

from abc import abstractmethod
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gamelearn.data.folder import DamagedFiles
from gamelearn.data.images import ImageColumn, read_image_file
from gamelearn.data.label_maps import (
    LABEL_MODES,
    LOSSY_FORMATS,
    Size,
    fit_labels,
    fit_mask,
    image_size,
    read_label_map,
    read_mask,
    why_no_classes,
)
from gamelearn.data.listing import IMAGE_ENDINGS, images_below, list_folder, plain
from gamelearn.data.reading import Reading
from gamelearn.data.words import counted
from gamelearn.errors import DataError, EvidenceError, quoted
from gamelearn.files.source import Array, Source, lengths
from gamelearn.graph.model import Variable

_WHITE = 255
_HALF = 0.5
_TOO_DEEP = ("I", "F")
_COLOURS = {1: "grey", 3: "rgb"}


def is_image(variable: Variable) -> bool:
    """Return whether a variable's values are images or label maps, `(height, width)` or `(1 | 3, height, width)`."""
    if variable.type == "categorical":
        return len(variable.shape) == 2
    fits = len(variable.shape) == 2 or (len(variable.shape) == 3 and variable.shape[0] in _COLOURS)
    return fits and variable.type in ("binary", "real")


def list_images(place: Path, suffix: str = "") -> dict[str, Path]:
    """Return the image files of a folder by the names of their rows, in the order of these; of a file, itself.

    Args:
        place: the folder, or the file.
        suffix: what is taken off the names where they end in it. Files without it are left out where others have it.

    Raises:
        DataError: there are none, some lie in deeper folders, or two have the same name but for the ending.
    """
    listing = None if place.is_file() else list_folder(place)
    deeper = images_below(listing.folders) if listing else []
    hint = f"{counted(len(deeper), 'image lies', 'images lie')} in deeper folders, such as {deeper[0]}" if deeper else ""
    files = listing.images if listing else (place,)
    if not files:
        what = f"the folder {place} has no images: none of its files ends in {quoted(sorted(IMAGE_ENDINGS))}"
        raise DataError(f"{what}; {hint}" if hint else what)
    if hint:
        raise DataError(f"{place} has images, but {hint}: give a folder without folders of images")
    stems: dict[str, Path] = {}
    for file in [each for each in files if plain(each.stem).endswith(suffix)] or files:
        stem = plain(file.stem).removesuffix(suffix)
        if stem in stems:
            raise DataError(f"{stems[stem]} and {file} have the same name: rows are named by files without their endings")
        stems[stem] = file
    return stems


class ImageSource(Source):
    """Image files of one size.

    Args:
        place: the folder, or the file.
        variable: whose values they are, of shape `(height, width)` or `(1 | 3, height, width)`.
        reading: how files write it.
        resize: whether images of another size are cut about their centre to the ratio that is wanted, then resized; so they are
            without it where the training did so.

    Raises:
        DataError: a file is damaged.
        EvidenceError: a file has another size, and `resize` is not asked for; or other pixels than the variable needs.
    """

    lossless = True
    """Whether formats that change pixels a little are refused."""

    def __init__(self, place: Path, variable: Variable, reading: Reading, *, resize: bool) -> None:
        found = list_images(place, reading.suffix)
        self.files = list(found.values())
        super().__init__(str(place), len(self.files), list(found))
        self.variable, self.reading, self.expected = variable, reading, reading.standing
        self.resize = resize or reading.size is not None
        damaged = []
        for file in self.files:
            try:
                self._check(file)
            except DataError as error:
                damaged.append(str(error))
        if damaged:
            raise DamagedFiles(damaged)

    @property
    def size(self) -> Size:
        """The height and width that is wanted."""
        return self.variable.shape[-2], self.variable.shape[-1]

    def blocks(self, size: int) -> Iterator[Array]:
        first = 0
        for rows in lengths(self.rows, size):
            yield self.read(self.files[first : first + rows])
            first += rows

    @abstractmethod
    def read(self, files: Sequence[Path]) -> Array:
        """Decode some files, `(files, ...)`."""

    def place(self, row: int) -> str:
        return str(self.files[row])

    def _check(self, file: Path) -> None:
        form, mode = read_image_file(file, "image", lambda image: (image.format or "", image.mode))
        if self.lossless and form in LOSSY_FORMATS:
            raise EvidenceError(f"{file} is a {form} file, which changes pixels: label maps and masks are given as PNG")
        if wrong := self._wrong_mode(file, mode):
            raise EvidenceError(f"{file} {wrong}")
        if not self.resize and (shown := image_size(file)) != self.size:
            what = f"{file} has {_times(shown)} pixels, {self.variable.name!r} {_times(self.size)} (height x width)"
            raise EvidenceError(f"{what}: resize it, or say --resize")

    def _wrong_mode(self, file: Path, mode: str) -> str | None:
        return f"has pixels of mode {mode!r}: expected 8 bits per colour" if mode.startswith(_TOO_DEEP) else None


class Pictures(ImageSource):
    """Images of a real variable, black 0 and white 1, or of a binary one, 1 from the threshold of its training on, else from half of white on."""

    lossless = False

    def __init__(self, place: Path, variable: Variable, reading: Reading, *, resize: bool) -> None:
        threshold = (_HALF if reading.threshold is None else reading.threshold) if variable.type == "binary" else None
        if threshold is not None and not 0 < threshold <= 1:
            what = f"{variable.name!r} was trained on numbers that are 1 from {threshold:g} on, which those of images, in 0..1, are not"
            raise EvidenceError(f"{place} holds images; {what}: give it as .npz or .npy")
        super().__init__(place, variable, replace(reading, scale=1.0, threshold=threshold), resize=resize)
        channels = variable.shape[0] if len(variable.shape) == 3 else 1
        self._column = ImageColumn(self.files, self.size, reading.colour or _COLOURS[channels])
        self._row = {file: row for row, file in enumerate(self.files)}

    def read(self, files: Sequence[Path]) -> Array:
        values = self._column.read(torch.tensor([self._row[file] for file in files])).numpy()
        return self.reading.decoded(values.reshape(len(files), *self.variable.shape), self.variable.type)


class LabelMaps(ImageSource):
    """Label maps whose grey values, or palette numbers, stand for classes as in the training; else they are the classes.

    Of two classes white may then stand for the second.
    """

    def read(self, files: Sequence[Path]) -> Array:
        return np.stack([self._labels(file) for file in files]).astype(np.int64)

    def _labels(self, file: Path) -> NDArray[np.uint8]:
        labels = read_label_map(file, self.reading.values)
        if self.reading.values:
            classes = self.reading.decoded(labels, "categorical")
            fitted = fit_labels(np.where(classes < 0, _WHITE, classes).astype(np.uint8), self.size).astype(np.int64)
            return np.where(fitted < len(self.reading.values), fitted, -2)  # 256 values leave none that is no class
        if self.variable.classes == 2 and not np.isin(labels, (0, _WHITE), invert=True).any():
            labels = labels // _WHITE
        return fit_labels(labels, self.size)

    def _wrong_mode(self, file: Path, mode: str) -> str | None:
        return None if mode in LABEL_MODES else why_no_classes(file)


class Masks(ImageSource):
    """Masks `(rows, height, width)`, true where they are not black; resized, a pixel is hidden if any under it is."""

    def read(self, files: Sequence[Path]) -> Array:
        return np.stack([self._mask(file) for file in files])

    def _mask(self, file: Path) -> NDArray[np.bool_]:
        return fit_mask(read_mask(file), self.size)


def open_pictures(place: Path, variable: Variable, reading: Reading, *, resize: bool) -> ImageSource:
    """Return the images of a variable, or its label maps if it is categorical.

    Raises:
        DataError: there are none, or one is damaged.
        EvidenceError: they do not fit the variable.
    """
    if not is_image(variable):
        raise EvidenceError(
            f"{place} holds images; {variable.name!r} ({variable.type} of shape {variable.shape}) is none: give it as .npz or .npy"
        )
    kind: Any = LabelMaps if variable.type == "categorical" else Pictures
    return kind(place, variable, reading, resize=resize)


def _times(size: Size) -> str:
    return f"{size[0]}x{size[1]}"
