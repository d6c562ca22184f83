"""Arrays in .npy files and .npz archives.

A file may come from anywhere: each array's head is read before anything is unpacked, and nothing is unpickled.
This file reads archives for training as for evidence.
"""

import io
import zipfile
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from pathlib import Path
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from gamelearn.errors import DataError, nearest, quoted

DAMAGE = (zipfile.BadZipFile, zlib.error, EOFError, ValueError, KeyError, OSError, NotImplementedError, RuntimeError, SyntaxError)
"""What is raised of a damaged file."""
_ENDING = ".npy"
_NUMBERS = "biuf"
_READABLE = "biufUSmM"
_HEAD_BYTES = 2**16
_CHUNK = 2**24


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

    @property
    def misfit(self) -> str | None:
        """Why it holds no rows of values, as the end of a sentence; None where it does."""
        if self.dtype.names:
            return f"has the fields {quoted(self.dtype.names)}: save each as an array of its own"
        if self.dtype.kind not in _READABLE or not self.shape:
            remedy = "; of texts save array.astype(str)" if self.dtype.hasobject else ""  # such as a column of pandas
            return f"is of type {self.dtype}, shape {self.shape}: expected rows of numbers or texts{remedy}"
        return None if prod(self.shape[1:]) else f"has rows without elements: its shape is {self.shape}"


def array_heads(path: Path) -> Mapping[str, ArrayHead]:
    """Return the heads of all arrays of an archive by name; those of the last paths are kept until their files change.

    Raises:
        DataError: the archive is damaged, or holds something else.
    """
    try:
        facts = path.stat()
    except OSError as error:
        raise damaged(path, error) from None
    return _heads(path, facts.st_mtime_ns, facts.st_size)


@lru_cache(maxsize=8)
def _heads(path: Path, changed: int, size: int) -> Mapping[str, ArrayHead]:
    try:
        with zipfile.ZipFile(path) as archive:
            members = [info for info in archive.infolist() if not _is_hidden(info)]
            heads = {info.filename.removesuffix(_ENDING): _head_of(path, archive, info) for info in members}
            for info in members:
                _check_size(info, heads[info.filename.removesuffix(_ENDING)])
            return heads
    except DAMAGE as error:
        raise damaged(path, error) from None


def _is_hidden(info: zipfile.ZipInfo) -> bool:
    """Whether a member is what file managers add to an archive."""
    return info.is_dir() or any(part.startswith(".") or part == "__MACOSX" for part in info.filename.split("/"))


def _head_of(path: Path, archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> ArrayHead:
    """Return the head of a member.

    Raises:
        DataError: the member is no array, by its name or by its first bytes.
    """
    expected = "expected arrays alone, as numpy.savez writes them, each a member that ends in .npy"
    if not info.filename.endswith(_ENDING):
        raise DataError(f"{path} holds {info.filename!r}, which is no array: {expected}")
    with archive.open(info) as packed:
        try:
            return read_head(info.filename, packed)
        except ValueError as error:
            what = " ".join(str(error).split())
            raise DataError(f"{path} holds {info.filename!r}, which is damaged or no array ({what}): {expected}") from None


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


def _check_size(info: zipfile.ZipInfo, head: ArrayHead) -> None:
    if not head.dtype.hasobject and info.file_size != head.offset + head.size:
        raise ValueError(f"the head of {info.filename!r} says {head.shape} of {head.dtype}, which is not the size of its data")


def head_of(path: Path, array: str) -> ArrayHead:
    """Return the head of an array of an archive that holds rows of values.

    Raises:
        DataError: the archive is damaged, has no such array, or no rows of values in it.
    """
    heads = array_heads(path)
    if array not in heads:
        hint = nearest(array, heads)
        raise DataError(f"{path} has no array {array!r}; it has {quoted(sorted(heads))}" + (f"; did you mean {hint!r}?" if hint else ""))
    if what := heads[array].misfit:
        raise DataError(f"{path}: the array {array!r} {what}")
    return heads[array]


def read_arrays(path: Path, heads: Mapping[str, ArrayHead]) -> dict[str, NDArray[Any]]:
    """Return arrays of an archive, each unpacked into memory once.

    Raises:
        DataError: the archive is damaged.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            return {name: _read(archive, name, head) for name, head in heads.items()}
    except DAMAGE as error:
        raise damaged(path, error) from None


def _read(archive: zipfile.ZipFile, name: str, head: ArrayHead) -> NDArray[Any]:
    content = np.empty(head.size, np.uint8)
    with archive.open(name + _ENDING) as stream:
        stream.read(head.offset)
        filled = 0
        while part := stream.read(min(_CHUNK, head.size - filled)):
            content[filled : filled + len(part)] = np.frombuffer(part, np.uint8)
            filled += len(part)
        _check_end(name, stream, head.size - filled)
    return np.ndarray(head.shape, head.dtype, content, order="F" if head.fortran else "C")


def _check_end(name: str, stream: IO[bytes], lacking: int) -> None:
    """Read what follows the data of an array, which is nothing: only then its check sum is known to be right."""
    if lacking:
        raise EOFError(f"{name!r} ends too early")
    if stream.read(1):
        raise ValueError(f"{name!r} is longer than its head says")


def array_blocks(path: Path, name: str, head: ArrayHead, size: int) -> Iterator[NDArray[Any]]:
    """Yield the rows of an array of an archive, at most `size` at a time; one that is stored column by column is unpacked whole.

    Raises:
        DataError: the archive is damaged; some blocks may have been read.
    """
    if head.fortran and len(head.shape) > 1:
        whole = read_arrays(path, {name: head})[name]
        yield from (np.ascontiguousarray(whole[first : first + size]) for first in range(0, len(whole), size))
        return
    one_row = prod(head.shape[1:]) * head.dtype.itemsize
    try:
        with zipfile.ZipFile(path) as archive, archive.open(name + _ENDING) as stream:
            stream.read(head.offset)
            for first in range(0, head.shape[0], size):
                rows = min(size, head.shape[0] - first)
                content = stream.read(rows * one_row)
                if len(content) < rows * one_row:
                    raise EOFError(f"{name!r} ends too early")
                yield np.frombuffer(content, head.dtype).reshape(rows, *head.shape[1:])
            _check_end(name, stream, 0)
    except DAMAGE as error:
        raise damaged(path, error) from None


def damaged(path: Path, error: Exception) -> DataError:
    """Return the error of a file that cannot be read."""
    what = " ".join(str(error).split()) or type(error).__name__
    return DataError(f"{path} is damaged, or no file of arrays: {what}")
