"""The idx files of MNIST and of the data sets that took its place.

A file may be gzipped or not; what is compared is the sha256 of the unpacked bytes, so that any gzip of it will do. This file
brings them into columns.
"""

import gzip
import hashlib
import struct
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import model_validator
from torch import Tensor

from gamelearn.data.dataset import ArrayColumn, Column, Field, Fraction, split_rows
from gamelearn.data.folder import DataAbsent, DataFolder
from gamelearn.data.grey import GreyOptions, grey_column, grey_fields
from gamelearn.data.reading import Reading
from gamelearn.errors import DataError
from gamelearn.options import mistake

_SIZE = (28, 28)
_CLASSES = 10
_WHITE = 255
_MOST_BYTES = 2**26
_BYTE_TYPE = 8


class IdxOptions(GreyOptions):
    """The options of `mnist` and `fashion_mnist`."""

    together: bool = False
    """Whether training and test images together are trained on, as in the paper; no image is left to validate or test."""
    validation: Fraction = 0.1
    """The fraction of the training images kept for validation, unless `together`."""

    @model_validator(mode="after")
    def _one_division(self) -> "IdxOptions":
        if self.together and self.validation and "validation" in self.model_fields_set:
            raise mistake("'together' trains on every image, so none is left for validation", path=("validation",))
        return self


@dataclass(frozen=True)
class IdxSource:
    """Where the four files of a data set come from.

    Attributes:
        name: the data set, which is also the folder of the files below the data root.
        mirrors: addresses that a file's name is appended to.
        hashes: the sha256 of each file's unpacked bytes, in the order of `_FILES`.
    """

    name: str
    mirrors: tuple[str, ...]
    hashes: tuple[str, str, str, str]


_FILES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx_fields(options: Any) -> Mapping[str, Field]:
    """Return the fields of a data set of idx files with these options."""
    return grey_fields(_SIZE, _CLASSES, options.binarize)


def open_idx(
    source: IdxSource,
    folder: DataFolder,
    seed: int,
    *,
    binarize: float | None,
    flip: float,
    noise: float,
    together: bool,
    validation: float,
) -> tuple[dict[str, Column], dict[str, Tensor], dict[str, Reading]]:
    """Return the columns and splits of a data set of idx files, with how files write its images.

    Raises:
        DataAbsent: a file is missing and cannot be downloaded.
        DataError: a file is damaged or not the original.
    """
    images, labels, test_images, test_labels = (
        _find_and_read(source, name, sha256, folder) for name, sha256 in zip(_FILES, source.hashes, strict=True)
    )
    fields = grey_fields(images.shape[1:], _CLASSES, binarize)
    readings = {"x": Reading(threshold=binarize, white=_WHITE)}
    every = np.concatenate([images, test_images])
    columns: dict[str, Column] = {
        "x": grey_column(every, fields["x"], readings["x"], flip=flip, noise=noise),
        "c": ArrayColumn(fields["c"], np.concatenate([labels, test_labels])),
    }
    if together:
        return columns, {"train": torch.arange(len(every))}, readings
    splits = split_rows(len(images), validation, 0.0, seed)
    return columns, {**splits, "test": torch.arange(len(images), len(every))}, readings


def _find_and_read(source: IdxSource, name: str, sha256: str, folder: DataFolder) -> NDArray[np.uint8]:
    relative = f"{source.name}/{name}.gz"
    path = folder.find(relative) or folder.find(f"{source.name}/{name}")
    if path is None:
        path = _download(source, name, sha256, folder)
    return read_idx(path, sha256)


def _download(source: IdxSource, name: str, sha256: str, folder: DataFolder) -> Path:
    relative = f"{source.name}/{name}.gz"
    urls = [f"{mirror}{name}.gz" for mirror in source.mirrors]
    try:
        return folder.download(relative, urls, lambda path: _check_hash(path, _unpack(path), sha256))
    except DataAbsent as error:
        raise DataAbsent(
            f"data set {source.name!r}: {relative!r} is missing, packed or not: looked for {folder.looked_for(relative)};"
            f" it could not be downloaded ({error}). To place it by hand, put the four files {', '.join(_FILES)} (each as it is or as .gz)"
            f" into GAMELEARN_DATA/{source.name}/, where GAMELEARN_DATA is an environment variable that names a folder"
            f" (without it: {folder.root}). The data set 'digits' needs no download"
        ) from None


def read_idx(path: Path, sha256: str) -> NDArray[np.uint8]:
    """Return the array of an idx file of bytes.

    Args:
        path: the file, packed by gzip if its name ends in `.gz`.
        sha256: of the unpacked bytes, in hexadecimal digits.

    Raises:
        DataError: the file is damaged, or not the one that the hash belongs to.
    """
    content = _unpack(path)
    _check_hash(path, content, sha256)
    return _parse(path, content)


def _unpack(path: Path) -> bytes:
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise DataError(f"{path} is damaged ({error}): {_REMEDY}") from None
    except OSError as error:
        raise DataError(f"{path} cannot be read: {error.strerror or error}") from None
    if len(content) > _MOST_BYTES:
        raise DataError(f"{path} unpacks to more than {_MOST_BYTES:,} bytes, so it is not the original file: {_REMEDY}")
    return content


_REMEDY = "delete it and start again to download it, or put an intact copy in its place"


def _check_hash(path: Path, content: bytes, sha256: str) -> None:
    found = hashlib.sha256(content).hexdigest()
    if found != sha256:
        raise DataError(
            f"{path} is not the original file: the sha256 of its {len(content):,} unpacked bytes is {found}, expected {sha256}: {_REMEDY}"
        )


def _parse(path: Path, content: bytes) -> NDArray[np.uint8]:
    if len(content) < 4 or content[:2] != b"\0\0" or content[2] != _BYTE_TYPE or len(content) < 4 + 4 * content[3]:
        raise DataError(f"{path} is no idx file of bytes: it begins with {content[:4].hex()}")
    shape = struct.unpack_from(f">{content[3]}I", content, 4)
    start = 4 + 4 * len(shape)
    if prod(shape) != len(content) - start:
        raise DataError(f"{path} has {len(content) - start:,} bytes of data, its head says {shape}")
    return np.frombuffer(content, np.uint8, offset=start).reshape(shape)
