"""CelebAMask-HQ, photographs of faces with the labels of their parts.

The files cannot be downloaded by a program: the user puts them into the data root. This file reads them as they are shared.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gamelearn.data.dataset import SPLITS, DataSet, Field, SplitOptions, split_rows
from gamelearn.data.folder import DataAbsent, DataFolder
from gamelearn.data.label_maps import (
    Labels,
    check_classes,
    fit_labels,
    image_size,
    pair_columns,
    pair_fields,
    read_image,
    read_label_map,
    read_mask,
    same_shape,
)
from gamelearn.data.listing import Listing, list_folder
from gamelearn.data.pair_cache import cached_pairs, file_states, find_unreadable, unusable
from gamelearn.data.reading import Reading
from gamelearn.data.words import counted, listed
from gamelearn.errors import DataError, nearest
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import Positive

CLASSES = (
    "background", "skin", "nose", "eye_g", "l_eye", "r_eye", "l_brow", "r_brow", "l_ear", "r_ear",
    "mouth", "u_lip", "l_lip", "hair", "hat", "ear_r", "neck_l", "neck", "cloth",
)  # fmt: skip
"""The parts by their official numbers; of two that overlap the later one is seen."""

_IMAGES, _PARTS, _MAPPING = "CelebA-HQ-img", "CelebAMask-HQ-mask-anno", "CelebA-HQ-to-CelebA-mapping.txt"
_FACES = 30_000
_PER_FOLDER = 2000
_MOST_NAMED = 10
_FIRST_VALIDATION, _FIRST_TEST, _END = 162_771, 182_638, 202_600
_IMAGE_NAME = re.compile(r"(\d{1,9})\.(?:jpg|jpeg|png)")
_PART_NAME = re.compile(r"(\d{1,9})_(\w+)\.png")
_MAP_NAME = re.compile(r"(\d{1,9})\.png")
_HOW_TO_GET = (
    "It cannot be downloaded automatically: get CelebAMask-HQ.zip by the links on https://github.com/switchablenorms/CelebAMask-HQ "
    "and unpack it into the data root, so that it holds CelebAMask-HQ/CelebA-HQ-img/0.jpg and "
    "CelebAMask-HQ/CelebAMask-HQ-mask-anno/0/00000_skin.png"
)


class CelebAMaskHqOptions(SplitOptions):
    """The options of `celebamask_hq`."""

    path: str = "CelebAMask-HQ"
    """The folder, beside the spec or in the data root."""
    size: Positive = 64
    """Pixels per side that images and label maps are resized to."""
    labels: str | None = None
    """Its sub-folder of merged label maps, such as `CelebAMask-HQ-mask` with `0.png`; by default the parts are merged."""


@DATASETS.register("celebamask_hq", options=CelebAMaskHqOptions)
class CelebAMaskHq(DataSet):
    """30,000 photographs of faces with label maps of 19 classes, resized once and kept in a cache.

    Fields: x, real in [0, 1], of shape (3, size, size); s, categorical, of shape (size, size). The splits are the official
    ones of CelebA where the folder holds `CelebA-HQ-to-CelebA-mapping.txt`, else fractions.

    Args:
        path: the folder as it is shared: `CelebA-HQ-img/0.jpg`, `CelebAMask-HQ-mask-anno/0/00000_skin.png`.
        size: pixels per side.
        labels: the sub-folder of merged label maps; None to merge the parts.

    Raises:
        DataAbsent: there is no such folder; the message says where the files come from.
        DataError: images or labels are missing or damaged; it names the first ten of either.

    Source: Lee, Liu, Wu and Luo, "MaskGAN: towards diverse and interactive facial image manipulation", 2020.
    """

    def __init__(
        self,
        folder: DataFolder,
        seed: int,
        *,
        path: str,
        size: int,
        labels: str | None,
        validation: float,
        test: float,
    ) -> None:
        place = _place(folder, path)
        faces, problems = _faces(folder, place, labels)
        self._reader = reader = _Reader(faces, size, merged=labels is not None)
        if problems:
            raise DataError(_all_problems(place, problems, len(faces), reader))
        states = file_states(place, (file for face in faces for file in (face.image, *face.files)))
        self._cached = cached_pairs(folder, "celebamask_hq", (labels, *states), len(faces), (size, size), reader.read)
        self.readings = {"x": Reading(size=(size, size), colour="rgb"), "s": Reading(levels=CLASSES, size=(size, size))}
        numbers = [face.number for face in faces]
        self.files = {str(face.number): (face.image,) for face in faces}
        originals = _originals(folder, place / _MAPPING)
        self.notices = _notices(numbers, place, originals is None)
        splits = split_rows(len(faces), validation, test, seed) if originals is None else _official(numbers, originals, place / _MAPPING)
        super().__init__(pair_columns(self._cached.images, self._cached.labels, len(CLASSES)), splits)

    def damage(self) -> Sequence[str]:
        """Decode all files once more, whatever the cache holds."""
        return find_unreadable("celebamask_hq", len(self._reader.faces), self._reader.read)

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field]:
        """Return x and s by their size."""
        return pair_fields((options.size, options.size), len(CLASSES))


def _place(folder: DataFolder, path: str) -> Path:
    try:
        return folder.need(path)
    except DataAbsent as error:
        raise DataAbsent(f"{error}. {_HOW_TO_GET}") from None


@dataclass(frozen=True)
class _Face:
    """The files of one photograph.

    Attributes:
        number: of the image.
        files: one merged label map, or the masks of the parts that it has, in the order of `classes`.
        classes: the class of each mask.
    """

    number: int
    image: Path
    files: tuple[Path, ...]
    classes: tuple[int, ...] = ()


def _faces(folder: DataFolder, place: Path, labels: str | None) -> tuple[list[_Face], list[str]]:
    """Return the photographs by their numbers, then what is wrong: images or labels that are missing, files of other names.

    Raises:
        DataError: a folder is missing, or there is no image.
    """
    problems: list[str] = []
    images = _numbered(folder, place / _IMAGES, _IMAGE_NAME, problems)
    collect = _faces_with_parts if labels is None else _faces_with_maps
    found = collect(folder, place / (_PARTS if labels is None else labels), images, problems)
    if not found and not problems:
        raise DataError(f"{place / _IMAGES} has no images: expected 0.jpg, 1.jpg and so on")
    return found, problems


def _all_problems(place: Path, problems: list[str], rows: int, reader: "_Reader") -> str:
    """Return what is wrong with names, then which of the complete faces are damaged, so that all can be mended at once."""
    many = counted(len(problems), "file or folder is missing or has an unknown name", "files or folders are missing or have unknown names")
    damaged = find_unreadable("celebamask_hq", rows, reader.read)
    return "\n".join([f"{place}: {many}:{listed(problems)}", *([unusable("celebamask_hq", rows, damaged)] if damaged else [])])


def _faces_with_maps(folder: DataFolder, place: Path, images: Mapping[int, Path], problems: list[str]) -> list[_Face]:
    if not place.is_dir():
        raise DataError(f"{place} is missing: 'labels' names a sub-folder of merged label maps; without it the parts are merged")
    maps = _numbered(folder, place, _MAP_NAME, problems)
    problems += [f"{place.parent / _IMAGES / str(each)}.jpg is missing, its label map is there" for each in sorted(maps.keys() - images)]
    problems += [f"{images[each]} has no label map {place / str(each)}.png" for each in sorted(images.keys() - maps)]
    return [_Face(each, images[each], (maps[each],)) for each in sorted(images.keys() & maps)]


def _faces_with_parts(folder: DataFolder, place: Path, images: Mapping[int, Path], problems: list[str]) -> list[_Face]:
    parts: dict[int, dict[int, Path]] = {}
    for number, part, file in _part_files(folder, place, problems):
        parts.setdefault(number, {})[part] = file
    problems += [f"{place.parent / _IMAGES / str(each)}.jpg is missing, its parts are there" for each in sorted(parts.keys() - images)]
    problems += [
        f"{images[each]} has no parts {place / str(each // _PER_FOLDER)}/{each:05}_*.png" for each in sorted(images.keys() - parts)
    ]
    found = []
    for each in sorted(images.keys() & parts):
        classes = tuple(sorted(parts[each]))
        found.append(_Face(each, images[each], tuple(parts[each][part] for part in classes), classes))
    return found


def _numbered(folder: DataFolder, place: Path, names: re.Pattern[str], problems: list[str]) -> dict[int, Path]:
    """Return the files of a folder by the numbers that are their names; other files are left alone."""
    found: dict[int, Path] = {}
    for file in _listed(folder, place).images:
        if match := names.fullmatch(file.name):
            number = int(match[1])
            if number in found:
                problems.append(f"{found[number]} and {file} are the same image")
            found[number] = file
    return found


def _part_files(folder: DataFolder, place: Path, problems: list[str]) -> Iterator[tuple[int, int, Path]]:
    """Yield number, class and file of every mask."""
    for each in _listed(folder, place).folders:
        for file in _listed(folder, each).images:
            match = _PART_NAME.fullmatch(file.name)
            if match and match[2] in CLASSES[1:]:
                yield int(match[1]), CLASSES.index(match[2]), file
            elif match:
                hint = nearest(match[2], CLASSES[1:])
                problems.append(f"{file}: unknown part {match[2]!r}" + (f"; did you mean {hint!r}?" if hint else ""))


def _listed(folder: DataFolder, place: Path) -> Listing:
    if not place.is_dir() and folder.admits(place):
        raise DataError(f"{place} is missing: the folder is incomplete. {_HOW_TO_GET}")
    return list_folder(place, folder)


@dataclass(frozen=True)
class _Reader:
    faces: Sequence[_Face]
    size: int
    merged: bool

    def read(self, row: int) -> tuple[NDArray[np.uint8], Labels]:
        """Return a photograph with its label map.

        Raises:
            DataError: a file is damaged, or its size does not fit the others.
        """
        face, size = self.faces[row], (self.size, self.size)
        labels = read_label_map(face.files[0]) if self.merged else merge_parts(face.files, face.classes)
        check_classes(face.files[0], labels, len(CLASSES))
        image, shape = image_size(face.image), (labels.shape[0], labels.shape[1])
        if not same_shape(image, shape):
            sizes = f"{image[0]}x{image[1]} pixels, its label map {shape[0]}x{shape[1]}"
            raise DataError(f"{face.image} has {sizes}: expected the same ratio")
        return read_image(face.image, size), fit_labels(labels, size)


def merge_parts(files: Sequence[Path], classes: Sequence[int]) -> Labels:
    """Return the label map of one face: each mask drawn over the ones before.

    Args:
        files: the masks, at least one.
        classes: the class of each, in rising order.

    Raises:
        DataError: one is damaged, or they differ in size.
    """
    labels: Labels | None = None
    for file, part in zip(files, classes, strict=True):
        mask = read_mask(file)
        if labels is None:
            labels = np.zeros(mask.shape, np.uint8)
        if mask.shape != labels.shape:
            raise DataError(
                f"the mask {file} has {mask.shape[0]}x{mask.shape[1]} pixels, {files[0].name} has {labels.shape[0]}x{labels.shape[1]}"
            )
        labels[mask] = part
    assert labels is not None  # a face has parts
    return labels


def _originals(folder: DataFolder, file: Path) -> dict[int, int] | None:
    """Return the number that each image has in CelebA, counted from 0, or None where there is no such file.

    Raises:
        DataError: a line is damaged.
    """
    if not file.is_file() or not folder.admits(file):
        return None
    folder.check_size(file)
    found = {}
    for number, line in enumerate(file.read_text(errors="replace").splitlines(), start=1):
        words = line.split()
        if not words or (number == 1 and words[0] == "idx"):
            continue
        if len(words) != 3 or not (words[0].isdecimal() and words[1].isdecimal()) or int(words[1]) >= _END:
            raise DataError(f"{file}:{number}: expected 'idx orig_idx orig_file', such as '0 119613 119614.jpg', got {line.strip()[:60]!r}")
        found[int(words[0])] = int(words[1])
    return found


def _official(numbers: Sequence[int], originals: Mapping[int, int], file: Path) -> dict[str, Tensor]:
    """Return the rows of the splits that CelebA's own partition gives."""
    unknown = [str(each) for each in numbers if each not in originals]
    if unknown:
        raise DataError(
            f"{file}: {counted(len(unknown), 'image is', 'images are')} not in it, so {'its' if len(unknown) == 1 else 'their'} split is not known:{listed(unknown)}"
        )
    places = torch.tensor([originals[each] for each in numbers])
    split = torch.bucketize(places, torch.tensor([_FIRST_VALIDATION, _FIRST_TEST]), right=True)
    return {name: (split == index).nonzero().flatten() for index, name in enumerate(SPLITS)}


def _notices(numbers: Sequence[int], place: Path, divided: bool) -> list[str]:
    found = []
    missing = [str(each) for each in sorted(set(range(_FACES)) - set(numbers))]
    if missing:
        more = f" and {len(missing) - _MOST_NAMED:,} more" if len(missing) > _MOST_NAMED else ""
        found.append(f"{place} lacks {len(missing):,} of the {_FACES:,} images: {', '.join(missing[:_MOST_NAMED])}{more}")
    if divided:
        found.append(f"{place / _MAPPING} is missing: validation and test are fractions of the images, not the official splits")
    return found
