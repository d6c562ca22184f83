"""Arrays in a numpy archive. This file makes them the fields of a data set.

An archive may come from anywhere, so each array's head is read before anything is unpacked: its type has to be numbers, its
size bounded. This file never unpickles.
"""

import io
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import IO, Annotated, Any, ClassVar, Literal

import numpy as np
import pydantic
from numpy.typing import NDArray

from gamelearn.data.dataset import ArrayColumn, DataSet, Field, SplitOptions, check_columns, split_rows
from gamelearn.data.folder import DataFolder
from gamelearn.errors import DataError, nearest, quoted
from gamelearn.options import Options
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import Name

_COLOURS = 3
_WHITE = 255
_NUMBERS = "biuf"
_HEAD_BYTES = 2**16


class ArrayOptions(Options):
    """How one array of an archive becomes a field."""

    array: str | None = None
    """The array; by default the one named as the field."""
    type: Literal["binary", "categorical", "count", "real"] | None = None
    """By default booleans are binary, whole numbers categorical, numbers real, bytes of colour images real in [0, 1]."""
    classes: Annotated[int, pydantic.Field(ge=2)] | None = None
    """The number of classes, by default the largest value and one."""
    scale: Annotated[float, pydantic.Field(gt=0)] | None = None
    """What real values are divided by: by default 255 for bytes, 1 for the rest."""
    binarize: float | None = None
    """The threshold on the scaled values, from which on they are 1: the field is then binary."""
    channels_last: bool | None = None
    """Whether the last axis is the colours, to be moved before height and width; by default for bytes of shape (.., .., 3)."""


class NpzOptions(SplitOptions):
    """The options of `npz`."""

    path: str
    """The archive, beside the spec or in the data root."""
    fields: dict[Name, ArrayOptions] | None = None
    """The fields, each with its array; by default every array of numbers is one."""


@DATASETS.register("npz", options=NpzOptions)
class Npz(DataSet):
    """Arrays of a numpy archive (.npz), each a field of as many rows as its first axis has.

    Args:
        path: the archive, beside the spec or in the data root.
        fields: the fields, each with its array, or None for every array of numbers.

    Raises:
        DataAbsent: there is no such file.
        DataError: it is damaged or too large, the arrays differ in their rows, or a value does not fit its field's type.
    """

    keeps_rows: ClassVar[bool] = True

    def __init__(
        self,
        folder: DataFolder,
        seed: int,
        *,
        path: str,
        fields: Mapping[str, ArrayOptions] | None = None,
        validation: float = 0.1,
        test: float = 0.1,
    ) -> None:
        file = folder.need(path)
        arrays = read_arrays(file, folder, _wanted(fields))
        chosen = fields or {name: ArrayOptions() for name in arrays}
        columns = {name: _column(file, name, arrays[options.array or name], options) for name, options in chosen.items()}
        length = _common_length(file, {options.array or name: arrays[options.array or name] for name, options in chosen.items()})
        check_columns(str(file), columns, length)
        super().__init__(columns, split_rows(length, validation, test, seed))

    @classmethod
    def declared_names(cls, options: NpzOptions) -> tuple[str, ...] | None:
        """Return the names of the fields, where the options list them; what they hold is known from the archive alone."""
        return None if options.fields is None else tuple(options.fields)


def _wanted(fields: Mapping[str, ArrayOptions] | None) -> set[str] | None:
    return None if fields is None else {options.array or name for name, options in fields.items()}


def _common_length(file: Path, arrays: Mapping[str, NDArray[Any]]) -> int:
    lengths = {name: len(array) for name, array in arrays.items()}
    if not lengths:
        raise DataError(f"{file} has no array of numbers")
    if len(set(lengths.values())) > 1:
        listed = ", ".join(f"{name!r} {length}" for name, length in lengths.items())
        raise DataError(f"{file}: the arrays differ in their rows ({listed}): list those that belong together under 'fields'")
    return lengths.popitem()[1]


@dataclass(frozen=True)
class ArrayHead:
    """The type and shape of an array, read before its data, which begins `offset` bytes into the file."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    fortran: bool
    offset: int

    @property
    def is_rows_of_numbers(self) -> bool:
        """Whether it has numbers, and an axis that counts rows."""
        return self.dtype.kind in _NUMBERS and bool(self.shape)

    @property
    def size(self) -> int:
        """The size of the data in bytes."""
        return prod(self.shape) * self.dtype.itemsize


def read_arrays(file: Path, folder: DataFolder, wanted: set[str] | None) -> dict[str, NDArray[Any]]:
    """Return arrays of a numpy archive by name.

    Args:
        wanted: their names; None for all those of numbers with at least one axis.

    Raises:
        DataError: the archive is damaged or too large, or has no such array of numbers.
    """
    folder.check_size(file)
    try:
        with zipfile.ZipFile(file) as archive:
            heads = read_heads(archive)
            names = _choose(file, heads, wanted)
            _check_total(file, folder, [heads[name] for name in names])
            return {name: _read_data(archive, name, heads[name]) for name in names}
    except (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, OSError, NotImplementedError, RuntimeError) as error:
        raise DataError(f"{file} is damaged or no numpy archive: {error}") from None


def read_heads(archive: zipfile.ZipFile) -> dict[str, ArrayHead]:
    """Return the heads of all arrays of an open archive by name.

    Raises:
        ValueError: one of them is no head; and what `zipfile` raises of a damaged archive.
    """
    heads = {}
    for info in archive.infolist():
        with archive.open(info) as packed:
            heads[info.filename.removesuffix(".npy")] = read_head(info.filename, packed)
    return heads


def read_head(name: str, file: IO[bytes]) -> ArrayHead:
    """Return the head of an array, from the beginning of a .npy file.

    Raises:
        ValueError: it is none, with the file's name.
    """
    stream = io.BytesIO(file.read(_HEAD_BYTES))
    version = np.lib.format.read_magic(stream)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, fortran, dtype = read(stream)
    if min(shape, default=0) < 0:
        raise ValueError(f"{name} has the shape {shape}")
    return ArrayHead(dtype, shape, fortran, stream.tell())


def _choose(file: Path, heads: Mapping[str, ArrayHead], wanted: set[str] | None) -> list[str]:
    if wanted is None:
        return [name for name, head in heads.items() if head.is_rows_of_numbers]
    for name in sorted(wanted - heads.keys()):
        hint = nearest(name, heads)
        raise DataError(f"{file} has no array {name!r}; it has {quoted(sorted(heads))}" + (f"; did you mean {hint!r}?" if hint else ""))
    for name in sorted(wanted):
        if not heads[name].is_rows_of_numbers:
            raise DataError(
                f"{file}: the array {name!r} is of type {heads[name].dtype}, shape {heads[name].shape}: expected rows of numbers"
            )
    return sorted(wanted)


def _check_total(file: Path, folder: DataFolder, heads: list[ArrayHead]) -> None:
    total = sum(head.size for head in heads)
    if total > folder.byte_limit:
        raise DataError(f"{file} unpacks to {total:,} bytes; at most {folder.byte_limit:,} are read{folder.why_limited}")


def _read_data(archive: zipfile.ZipFile, name: str, head: ArrayHead) -> NDArray[Any]:
    info = next(info for info in archive.infolist() if info.filename.removesuffix(".npy") == name)
    with archive.open(info) as stream:
        stream.read(head.offset)
        content = stream.read(head.size + 1)
    if len(content) != head.size:
        raise ValueError(f"the head of {name!r} says {head.shape} of {head.dtype}, which is not the size of its data")
    return np.frombuffer(content, head.dtype).reshape(head.shape, order="F" if head.fortran else "C")


def _column(file: Path, name: str, values: NDArray[Any], options: ArrayOptions) -> ArrayColumn:
    last = options.channels_last
    is_picture = values.dtype == np.uint8 and values.ndim == 4 and values.shape[-1] == _COLOURS
    if last is None:
        last = is_picture and options.type in (None, "real")
    if last and values.ndim != 4:
        raise DataError(f"{file}: field {name!r}: 'channels_last' needs rows of shape (height, width, colours), got {values.shape[1:]}")
    values = np.moveaxis(values, -1, 1) if last else values
    kind = "binary" if options.binarize is not None else options.type or _inferred(values, last)
    classes = _classes(file, name, values, options) if kind == "categorical" else None
    scale = options.scale or (_WHITE if values.dtype == np.uint8 and (kind == "real" or options.binarize is not None) else 1.0)
    return ArrayColumn(Field(kind, values.shape[1:], classes), values, convert=_converter(kind, scale, options.binarize))


def _inferred(values: NDArray[Any], is_image: bool) -> str:
    if is_image or values.dtype.kind == "f":
        return "real"
    return "binary" if values.dtype.kind == "b" else "categorical"


def _classes(file: Path, name: str, values: NDArray[Any], options: ArrayOptions) -> int:
    if values.dtype.kind not in "biu":
        raise DataError(f"{file}: field {name!r} is categorical, but its array holds {values.dtype}: expected whole numbers")
    if options.classes:
        return options.classes
    return max(2, int(values.max(initial=0)) + 1)


def _converter(kind: str, scale: float, threshold: float | None) -> Any:
    def convert(chosen: NDArray[Any]) -> NDArray[Any]:
        if kind == "categorical":
            return chosen
        scaled = chosen.astype(np.float32)
        if scale != 1:
            scaled /= np.float32(scale)
        return scaled if threshold is None else (scaled >= np.float32(threshold)).astype(np.float32)

    return convert
