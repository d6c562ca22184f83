"""A folder of images with label maps. This file pairs them by their names."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import pydantic
from numpy.typing import NDArray
from pydantic import BeforeValidator, WithJsonSchema, model_validator

from gamelearn.data.dataset import DataSet, Field, SplitOptions
from gamelearn.data.folder import DataFolder
from gamelearn.data.images import SIZE_SCHEMA, height_and_width
from gamelearn.data.label_maps import (
    Labels,
    Size,
    check_classes,
    fit_labels,
    image_size,
    pair_columns,
    pair_fields,
    read_image,
    read_label_map,
    same_shape,
)
from gamelearn.data.listing import (
    IMAGE_ENDINGS,
    LOSSLESS_ENDINGS,
    Listing,
    images_below,
    list_folder,
    not_read,
    plain,
    split_folders,
    split_groups,
)
from gamelearn.data.pair_cache import cached_pairs, file_states, find_unreadable
from gamelearn.data.reading import Reading
from gamelearn.data.words import counted, listed
from gamelearn.errors import DataError, quoted
from gamelearn.options import Listed, mistake
from gamelearn.registry import DATASETS

_LARGEST = 255


def _size(value: Any) -> Size | None:
    return None if value is None else height_and_width(value)


class PairsOptions(SplitOptions):
    """The options of `pairs`."""

    path: str
    """The folder, beside the spec or in the data root; it, or both sub-folders, may be divided into `train`, `validation` (`val`, `valid`, `dev`) and `test`."""
    images: str = "images"
    """Its sub-folder of images."""
    labels: str = "labels"
    """Its sub-folder of label maps, each with the name of its image: 8 bits, grey or of a palette, in no format that changes pixels (JPEG, WebP)."""
    image_suffix: str | None = None
    """What the names of images end in, before the ending, beside the name of the pair."""
    label_suffix: str | None = None
    """What those of label maps end in: with `_mask`, `07_mask.png` belongs to `07.jpg`. Files without it are not read."""
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
    antialiasing, label maps by majority. Sub-folders `train`, `validation` and `test`, of the folder or of both of its sub-folders, are
    these splits; a split without a folder is a fraction of the training rows.

    Args:
        path: the folder, beside the spec or in the data root.
        images: its sub-folder of images.
        labels: its sub-folder of label maps.
        image_suffix: what is taken off the names of images.
        label_suffix: what is taken off those of label maps.
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
        image_suffix: str | None = None,
        label_suffix: str | None = None,
    ) -> None:
        place = folder.need(path)
        groups, self.notices = _find(folder, place, _Side(images, image_suffix or ""), _Side(labels, label_suffix or ""))
        pairs = [pair for group in groups.values() for pair in group]
        self._reader = reader = _Reader(pairs, size or _first_size(pairs), size is not None, classes, values or ())
        key = (images, labels, image_suffix, label_suffix, classes, values, size)
        states = file_states(place, (file for pair in pairs for file in (pair.image, pair.labels)))
        self._cached = cached_pairs(folder, "pairs", (*key, *states), len(pairs), reader.size, reader.read)
        count = len(values) if values else classes or _inferred(place, self._cached.labels)
        self.files = {pair.image.relative_to(place).as_posix(): (pair.image, pair.labels) for pair in pairs}
        self.readings = {
            "x": Reading(size=size, colour="rgb", suffix=image_suffix or ""),
            "s": Reading(values=tuple(map(float, values or ())), size=size, suffix=label_suffix or ""),
        }
        rows = split_groups({split: len(group) for split, group in groups.items()}, validation, test, seed)
        super().__init__(pair_columns(self._cached.images, self._cached.labels, count), rows)

    def damage(self) -> Sequence[str]:
        """Decode all files once more, whatever the cache holds."""
        return find_unreadable("pairs", len(self._reader.pairs), self._reader.read)

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field] | None:
        """Return x and s, where the options tell both the size and the classes."""
        classes = len(options.values) if options.values else options.classes
        return pair_fields(options.size, classes) if options.size and classes else None

    @classmethod
    def found_fields(cls, options: PairsOptions, folder: DataFolder) -> Mapping[str, Field]:
        """Return x and s; where the options do not tell it, their size is that of the first image."""
        sides = _Side(options.images, options.image_suffix or ""), _Side(options.labels, options.label_suffix or "")
        groups, _ = _find(folder, folder.need(options.path), *sides)
        size = options.size or _first_size([pair for group in groups.values() for pair in group])
        fields = pair_fields(size, 2)
        return {**fields, "s": replace(fields["s"], classes=len(options.values) if options.values else options.classes)}


@dataclass(frozen=True)
class _Side:
    """The images or the label maps of pairs: their sub-folder, and what their names end in."""

    name: str
    suffix: str


@dataclass(frozen=True)
class _Pair:
    image: Path
    labels: Path


def _find(folder: DataFolder, place: Path, images: _Side, labels: _Side) -> tuple[dict[str, list[_Pair]], list[str]]:
    """Return the pairs of each split, all as `train` where there are no folders for splits, with notices of what is not read."""
    notices: list[str] = []
    groups = {
        split: _pairs(folder, first, second, images.suffix, labels.suffix, notices)
        for split, (first, second) in _folders(folder, place, images.name, labels.name).items()
    }
    return groups, notices


def _folders(folder: DataFolder, place: Path, images: str, labels: str) -> dict[str, tuple[Path, Path]]:
    """Return the folders of images and label maps of each split, or of all as `train`."""
    first, second = place / images, place / labels
    outer = {split: each for split, each in split_folders(list_folder(place, folder)).items() if (each / images).is_dir()}
    if outer and not (list_folder(first, folder).images if first == place else first.is_dir()):
        return {split: (each / images, each / labels) for split, each in outer.items()}
    for each in (first, second):
        if not each.is_dir():
            raise DataError(
                f"{each} is no folder: 'pairs' expects images and label maps in two sub-folders, which 'images' and 'labels' name"
            )
    top = list_folder(first, folder)
    inner = {split: each for split, each in split_folders(top).items() if list_folder(each, folder).images}
    if outer or (inner and top.images):
        what = f"{place} has {images!r} beside {quoted(outer)}" if outer else f"{first} has images beside {quoted(inner)}"
        raise DataError(f"{what}: with folders for splits, every pair lies in one of them")
    others = split_folders(list_folder(second, folder))
    if lacking := [str(each) for split, each in inner.items() if split not in others]:
        raise DataError(f"{second} has no sub-folders for the splits of the images in {quoted(lacking)}")
    return {split: (each, others[split]) for split, each in inner.items()} or {"train": (first, second)}


def _pairs(folder: DataFolder, images: Path, labels: Path, image_suffix: str, label_suffix: str, notices: list[str]) -> list[_Pair]:
    """Return the pairs of two folders in the order of their names."""
    if not labels.is_dir():
        raise DataError(
            f"{labels} is no folder: 'pairs' expects images and label maps in two sub-folders, which 'images' and 'labels' name"
        )
    listings = list_folder(images, folder), list_folder(labels, folder)
    maps = _by_stem(listings[1], label_suffix, LOSSLESS_ENDINGS)
    found = _by_stem(listings[0], image_suffix, IMAGE_ENDINGS, frozenset(maps.values()) if images.samefile(labels) else frozenset())
    _check_partners(found, maps, listings, label_suffix)
    read = {*found.values(), *maps.values()}
    notices += not_read([file for each in dict.fromkeys(listings) for file in each.images if file not in read], "in no pair")
    notices += not_read(
        images_below([each for listing in dict.fromkeys(listings) for each in listing.folders], folder), "in deeper folders"
    )
    notices += not_read([file for each in dict.fromkeys(listings) for file in each.others], "not named as images")
    return [_Pair(found[stem], maps[stem]) for stem in found]


def _check_partners(found: Mapping[str, Path], maps: Mapping[str, Path], listings: tuple[Listing, Listing], suffix: str) -> None:
    """Check that there are pairs, and that no file lacks its partner."""
    images, labels = (each.place for each in listings)
    deeper = images_below([each for listing in listings for each in listing.folders])
    hint = f"; some lie in deeper folders, such as {deeper[0]}" if deeper else ""
    if not found and not maps:
        raise DataError(f"{images} has no images: none of its files ends in {quoted(sorted(IMAGE_ENDINGS))}{hint}")
    lossy = _by_stem(listings[1], suffix, IMAGE_ENDINGS - LOSSLESS_ENDINGS)
    alone = [
        f"{lossy[stem]} is a JPEG or WebP file, which changes pixels: label maps are given as PNG"
        if stem in lossy and lossy[stem] != found[stem]
        else f"{found[stem]} has no label map {labels / stem}{suffix}.png"
        for stem in sorted(found.keys() - maps.keys())
    ]
    alone += [f"{maps[stem]} has no image {images / stem}.*" for stem in sorted(maps.keys() - found.keys())]
    if alone:
        what = f"{images.parent}: {counted(len(alone), 'file lacks its', 'files lack their')} partner, which has the same name"
        raise DataError(f"{what}{_suffix_hint(found, maps)}{hint}:{listed(alone)}")


def _suffix_hint(found: Mapping[str, Path], maps: Mapping[str, Path]) -> str:
    """Return what the names of label maps end in beside those of images, as the option that says so."""
    rests = {each.removeprefix(stem) for stem, each in zip(sorted(found), sorted(maps), strict=False) if each.startswith(stem)}
    return f" (is 'label_suffix: {rests.pop()}' missing?)" if len(rests) == 1 and len(found) == len(maps) else ""


def _by_stem(listing: Listing, suffix: str, endings: frozenset[str], without: frozenset[Path] = frozenset()) -> dict[str, Path]:
    """Return the images of a folder by their names without ending and suffix, in the order of names."""
    found: dict[str, Path] = {}
    twice = []
    for file in listing.images:
        stem = plain(file.stem)
        if file.suffix.lower() not in endings or not stem.endswith(suffix) or file in without:
            continue
        stem = stem.removesuffix(suffix)
        if stem in found:
            twice.append(f"{found[stem]} and {file}")
        found[stem] = file
    if twice:
        raise DataError(f"{listing.place}: {counted(len(twice), 'name occurs', 'names occur')} twice:{listed(twice)}")
    return dict(sorted(found.items()))


def _first_size(pairs: Sequence[_Pair]) -> Size:
    """Return the size of the first image that can be read, so that all that cannot are named later."""
    for pair in pairs:
        with suppress(DataError):
            return image_size(pair.image)
    return image_size(pairs[0].image)


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
    values: Sequence[int]

    def read(self, row: int) -> tuple[NDArray[np.uint8], Labels]:
        """Return a pair.

        Raises:
            DataError: a file is damaged, has another size, or holds other values.
        """
        pair = self.pairs[row]
        labels = self._classes(pair.labels)
        self._check_sizes(pair, image_size(pair.image), (labels.shape[0], labels.shape[1]))
        return read_image(pair.image, self.size), fit_labels(labels, self.size)

    def _classes(self, file: Path) -> Labels:
        labels = read_label_map(file, self.values)
        if not self.values:
            check_classes(file, labels, self.classes or _LARGEST + 1)
            return labels
        found = Reading(values=tuple(self.values)).decoded(labels, "categorical")
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
