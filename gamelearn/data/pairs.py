"""A folder of images with label maps. This file pairs them by their names."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray
from pydantic import BeforeValidator, WithJsonSchema, model_validator

from gamelearn.data.dataset import SPLITS, DataSet, Field, SplitOptions, split_rows
from gamelearn.data.folder import DataFolder
from gamelearn.data.images import IMAGE_ENDINGS, SIZE_SCHEMA, height_and_width
from gamelearn.data.label_maps import (
    Labels,
    Size,
    check_classes,
    fit_labels,
    image_size,
    listed,
    pair_columns,
    pair_fields,
    read_image,
    read_label_map,
    same_shape,
)
from gamelearn.data.pair_cache import cached_pairs, file_state
from gamelearn.data.words import counted
from gamelearn.errors import DataError, quoted
from gamelearn.options import Listed, mistake
from gamelearn.registry import DATASETS

_LABEL_ENDINGS = frozenset({".png", ".bmp", ".gif", ".tif", ".tiff", ".pgm"})
_LARGEST = 255


def _size(value: Any) -> Size | None:
    return None if value is None else height_and_width(value)


class PairsOptions(SplitOptions):
    """The options of `pairs`."""

    path: str
    """The folder, beside the spec or in the data root; it may be divided into `train`, `validation` and `test`."""
    images: str = "images"
    """Its sub-folder of images."""
    labels: str = "labels"
    """Its sub-folder of label maps, each with the name of its image: 8 bits, grey or of a palette."""
    size: Annotated[tuple[int, int] | None, BeforeValidator(_size), WithJsonSchema(SIZE_SCHEMA)] = None
    """Pixels that each pair is cut (about its centre) or stretched to: one number, or [height, width]; by default as they are."""
    classes: Annotated[int, pydantic.Field(ge=2, le=256)] | None = None
    """The number of classes, by default the largest value that resizing leaves in the label maps, and one."""
    values: Annotated[Listed[Annotated[int, pydantic.Field(ge=0, le=_LARGEST)]], pydantic.Field(min_length=2)] | None = None
    """The values that the label maps hold, class by class, such as [0, 255]; by default values are classes."""

    @model_validator(mode="after")
    def _values_are_the_classes(self) -> "PairsOptions":
        if self.values and len(set(self.values)) < len(self.values):
            raise mistake("a value stands for two classes", path=("values",))
        if self.values and self.classes:
            raise mistake(f"'values' lists {len(self.values)} classes: leave 'classes' out", path=("classes",))
        return self


@DATASETS.register("pairs", options=PairsOptions)
class Pairs(DataSet):
    """A folder of images with label maps of the same names, decoded once and kept in a cache.

    Fields: x, real in [0, 1], of shape (3, height, width); s, categorical, of shape (height, width). Images are resized with
    antialiasing, label maps by majority. Sub-folders `train`, `validation` and `test` are these splits; a split without a
    folder is a fraction of the training rows.

    Args:
        path: the folder, beside the spec or in the data root.
        images: its sub-folder of images.
        labels: its sub-folder of label maps.
        size: `(height, width)` in pixels; None where all files agree.
        classes: their number; None for the largest value and one.
        values: what the label maps hold for each class; None where values are classes.

    Raises:
        DataAbsent: there is no such folder.
        DataError: files lack their partner, are damaged, differ in size, or hold other values; it names the first ten.
    """

    def __init__(
        self,
        folder: DataFolder,
        seed: int,
        *,
        path: str,
        images: str,
        labels: str,
        size: Size | None,
        classes: int | None,
        values: Sequence[int] | None,
        validation: float,
        test: float,
    ) -> None:
        place = folder.need(path)
        groups = {split: _pairs(folder, each, images, labels) for split, each in _split_folders(place, images).items()}
        pairs = [pair for group in groups.values() for pair in group]
        reader = _Reader(pairs, size or image_size(pairs[0].image), size is not None, classes, values)
        key = (classes, values, size, *(file_state(file) for pair in pairs for file in (pair.image, pair.labels)))
        self._cached = cached_pairs(folder, "pairs", key, len(pairs), reader.size, reader.read)
        count = len(values) if values else classes or _inferred(place, self._cached.labels)
        self.files = {pair.image.relative_to(place).as_posix(): (pair.image, pair.labels) for pair in pairs}
        rows = _split(groups, validation, test, seed)
        super().__init__(pair_columns(self._cached.images, self._cached.labels, count), rows)

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field] | None:
        """Return x and s, where the options tell both the size and the classes."""
        classes = len(options.values) if options.values else options.classes
        return pair_fields(options.size, classes) if options.size and classes else None


def _split_folders(place: Path, images: str) -> dict[str, Path]:
    """Return the folder of each split, or the whole folder as `train`."""
    splits = {split: place / split for split in SPLITS if (place / split / images).is_dir()}
    if splits and (place / images).is_dir():
        raise DataError(f"{place} has {images!r} beside {quoted(splits)}: with folders for splits, every pair lies in one of them")
    return splits or {"train": place}


@dataclass(frozen=True)
class _Pair:
    image: Path
    labels: Path


def _pairs(folder: DataFolder, place: Path, images: str, labels: str) -> list[_Pair]:
    """Return the pairs of a folder in the order of their names."""
    first, second = _by_stem(folder, place / images, IMAGE_ENDINGS), _by_stem(folder, place / labels, _LABEL_ENDINGS)
    alone = [f"{first[stem]} has no label map {place / labels / stem}.png" for stem in sorted(first.keys() - second.keys())]
    alone += [f"{second[stem]} has no image {place / images / stem}.*" for stem in sorted(second.keys() - first.keys())]
    if alone:
        raise DataError(
            f"{place}: {counted(len(alone), 'file lacks its', 'files lack their')} partner, which has the same name:{listed(alone)}"
        )
    if not first:
        raise DataError(f"{place / images} has no images: none of its files ends in {quoted(sorted(IMAGE_ENDINGS))}")
    return [_Pair(first[stem], second[stem]) for stem in sorted(first)]


def _by_stem(folder: DataFolder, place: Path, endings: frozenset[str]) -> dict[str, Path]:
    if not folder.admits(place):
        raise DataError(f"{place} leads out of the spec's folder and the data root, which an untrusted spec must not")
    if not place.is_dir():
        raise DataError(f"{place} is no folder: 'pairs' expects images and label maps in two sub-folders, which 'images' and 'labels' name")
    found: dict[str, Path] = {}
    twice = []
    for file in sorted(place.iterdir()):
        if file.suffix.lower() not in endings or not file.is_file():
            continue
        if not folder.admits(file):
            raise DataError(f"{file} is a link out of the spec's folder and the data root, which an untrusted spec must not follow")
        if file.stem in found:
            twice.append(f"{found[file.stem]} and {file}")
        found[file.stem] = file
    if twice:
        raise DataError(f"{place}: {counted(len(twice), 'name occurs', 'names occur')} twice:{listed(twice)}")
    return found


@dataclass(frozen=True)
class _Reader:
    """Decodes pairs at one size.

    Attributes:
        resized: whether files of another size are brought to it; else they are refused.
    """

    pairs: Sequence[_Pair]
    size: Size
    resized: bool
    classes: int | None
    values: Sequence[int] | None

    def read(self, row: int) -> tuple[NDArray[np.uint8], Labels]:
        """Return a pair.

        Raises:
            DataError: a file is damaged, has another size, or holds other values.
        """
        pair = self.pairs[row]
        labels = self._classes(pair.labels, read_label_map(pair.labels))
        self._check_sizes(pair, image_size(pair.image), (labels.shape[0], labels.shape[1]))
        return read_image(pair.image, self.size), fit_labels(labels, self.size)

    def _classes(self, file: Path, labels: Labels) -> Labels:
        if not self.values:
            check_classes(file, labels, self.classes or _LARGEST + 1)
            return labels
        classes = np.full(_LARGEST + 1, -1, np.int64)
        classes[list(self.values)] = np.arange(len(self.values))
        found = classes[labels]
        if (found < 0).any():
            raise DataError(f"the label map {file} holds {labels[found < 0][0]}, which is not among the 'values' {list(self.values)}")
        return found.astype(np.uint8)

    def _check_sizes(self, pair: _Pair, image: Size, labels: Size) -> None:
        if not self.resized:
            for file, size in ((pair.image, image), (pair.labels, labels)):
                if size != self.size:
                    raise DataError(f"{file} has {_times(size)} pixels, the first image has {_times(self.size)}: set 'size' to resize all")
        elif not same_shape(image, labels):
            raise DataError(f"{pair.image} has {_times(image)} pixels, its label map {_times(labels)}: expected the same ratio")


def _times(size: Size) -> str:
    return f"{size[0]}x{size[1]}"


def _inferred(place: Path, labels: NDArray[np.uint8]) -> int:
    """Return the number of classes: the largest value and one."""
    held = np.unique(np.concatenate([np.unique(part) for part in np.array_split(labels, -(-len(labels) // 1024))]))
    if held[-1] == _LARGEST and len(held) <= _LARGEST // 2:
        raise DataError(
            f"the label maps in {place} hold the values {held.tolist()}: list them class by class in 'values', or set 'classes'"
        )
    return max(2, int(held[-1]) + 1)


def _split(groups: Mapping[str, Sequence[_Pair]], validation: float, test: float, seed: int) -> dict[str, torch.Tensor]:
    """Return the rows of each split: those of its folder, or a fraction of the training rows."""
    starts = np.cumsum([0, *(len(group) for group in groups.values())])
    rows = {split: torch.arange(starts[index], starts[index + 1]) for index, split in enumerate(groups)}
    divided = rows.get("train", torch.empty(0, dtype=torch.int64))
    parts = split_rows(len(divided), 0.0 if "validation" in rows else validation, 0.0 if "test" in rows else test, seed)
    return {split: rows[split] if split in rows and split != "train" else divided[parts[split]] for split in SPLITS}
