"""Images with label maps, decoded once and kept on disk beside their hashes.

A cache is a folder named by what determines it. It lies below the data root, or where that cannot be written in the user's
cache, else in a temporary folder. This file writes caches or opens them.
"""

import hashlib
import json
import os
import shutil
import tempfile
import weakref
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np
import PIL
import pooch
from numpy.typing import NDArray

from gamelearn.data.folder import DataFolder
from gamelearn.data.label_maps import Labels, Size
from gamelearn.data.progress import say_progress
from gamelearn.data.words import counted, listed
from gamelearn.errors import DataError

Read = Callable[[int], tuple[NDArray[np.uint8], Labels]]
"""`row -> image, label map` at the cache's size; it raises a DataError that names the file which is damaged."""

_VERSION = 2
_FILES = ("images.npy", "labels.npy")
_MANIFEST = "manifest.json"
_AT_ONCE = 256
_MOST_THREADS = 16


@dataclass(frozen=True)
class CachedPairs:
    """Images with label maps that lie on disk; temporary files are removed with this object, so hold it as long as them.

    Attributes:
        images: `(rows, 3, height, width)`, uint8, read from disk where they are used.
        labels: `(rows, height, width)`, likewise.
    """

    images: NDArray[np.uint8]
    labels: NDArray[np.uint8]


def cached_pairs(folder: DataFolder, name: str, key: Iterable[object], rows: int, size: Size, read: Read) -> CachedPairs:
    """Return the cache of `key`; where there is none that is intact it is made.

    Args:
        folder: where data files are.
        name: of the data set.
        key: all that determines the content beside the size: the folder, files with their sizes and times, options.
        rows: how many pairs there are.
        size: of each.
        read: decodes one of them.

    Raises:
        DataError: some cannot be read; it names the first ten. Or all are larger than what may be read.
    """
    folder_name = f"{name}-{_digest((_VERSION, PIL.__version__, rows, size, *key))}"
    places = _places(folder, folder_name)
    for place in places:
        if found := _opened(place, rows, size):
            return found
    _check_size(folder, rows, size)
    for place in places:
        with suppress(OSError):
            _write(place, name, rows, size, read)
            return _opened(place, rows, size) or _failed(place)
    return _temporary(folder_name, name, rows, size, read)


def find_unreadable(name: str, rows: int, read: Read) -> list[str]:
    """Return what is wrong with pairs that cannot be read; all are decoded for that, and nothing is kept.

    Args:
        name: of the data set.
        rows: how many pairs there are.
        read: decodes one of them.
    """
    return [str(each) for each in _read_all(f"{name}: images checked", rows, read) if isinstance(each, DataError)]


def file_states(place: Path, files: Iterable[Path]) -> list[tuple[object, ...]]:
    """Return what tells whether files are still the same: the folder, then name, size, and times of change of each file.

    Args:
        place: the folder.
        files: below it. The time of the last change of the entry (`ctime`) moves where a program sets the other one back.
    """
    return [(str(place.resolve()),), *((each.relative_to(place).as_posix(), *_state(each)) for each in files)]


def _state(file: Path) -> tuple[int, ...]:
    try:
        found = file.stat()
    except OSError:
        return ()
    return found.st_size, found.st_mtime_ns, found.st_ctime_ns


def _digest(key: Iterable[object]) -> str:
    found = hashlib.sha256()
    for part in key:
        found.update(f"{part!r}\n".encode("utf-8", "surrogateescape"))
    return found.hexdigest()[:24]


def _places(folder: DataFolder, name: str) -> list[Path]:
    """Return where the cache may lie, in order."""
    return list(dict.fromkeys(root / "cache" / name for root in (folder.root, Path(pooch.os_cache("gamelearn")))))


def _check_size(folder: DataFolder, rows: int, size: Size) -> None:
    needed = rows * size[0] * size[1] * 4
    if needed > folder.byte_limit:
        raise DataError(
            f"{counted(rows, 'image')} of {size[0]}x{size[1]} {'takes' if rows == 1 else 'take'} {needed:,} bytes; at most {folder.byte_limit:,} are read{folder.why_limited}: "
            "set a smaller 'size'"
        )


def _temporary(folder_name: str, name: str, rows: int, size: Size, read: Read) -> CachedPairs:
    """Return a cache in a folder that is removed with it."""
    root = tempfile.mkdtemp(prefix="gamelearn-")
    try:
        _write(Path(root) / folder_name, name, rows, size, read)
        found = _opened(Path(root) / folder_name, rows, size) or _failed(Path(root))
    except BaseException:
        shutil.rmtree(root, ignore_errors=True)
        raise
    weakref.finalize(found, shutil.rmtree, root, ignore_errors=True)
    return found


def _failed(place: Path) -> CachedPairs:
    raise DataError(f"the cache {place} cannot be read after it was written")


def _opened(place: Path, rows: int, size: Size) -> CachedPairs | None:
    """Return a cache if it is there, whole, and the hashes of its files are right."""
    try:
        hashes = json.loads((place / _MANIFEST).read_text())
        if any(_hash(place / name) != hashes[name] for name in _FILES):
            return None
        images, labels = (np.load(place / name, mmap_mode="r", allow_pickle=False) for name in _FILES)
    except (OSError, ValueError, KeyError, TypeError, EOFError):
        return None
    fits = images.shape == (rows, 3, *size) and labels.shape == (rows, *size)
    return CachedPairs(images, labels) if fits and images.dtype == labels.dtype == np.uint8 else None


def _hash(file: Path) -> str:
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _write(place: Path, name: str, rows: int, size: Size, read: Read) -> None:
    """Write a cache beside its place, then move it there in one step."""
    place.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=place.parent, prefix=".writing-") as temporary:
        part = Path(temporary) / place.name
        part.mkdir()
        _write_files(part, name, rows, size, read)
        if place.exists():
            shutil.rmtree(place)
        try:
            part.rename(place)
        except OSError:
            if not place.exists():  # else another process was faster
                raise


def _write_files(part: Path, name: str, rows: int, size: Size, read: Read) -> None:
    problems: list[str] = []
    with (part / _FILES[0]).open("xb") as images, (part / _FILES[1]).open("xb") as labels:
        _write_head(images, (rows, 3, *size))
        _write_head(labels, (rows, *size))
        for found in _read_all(f"{name}: images decoded", rows, read):
            if isinstance(found, DataError):
                problems.append(str(found))
            elif not problems:
                images.write(np.ascontiguousarray(found[0], np.uint8).data)
                labels.write(np.ascontiguousarray(found[1], np.uint8).data)
    if problems:
        raise DataError(unusable(name, rows, problems))
    (part / _MANIFEST).write_text(json.dumps({name: _hash(part / name) for name in _FILES}, indent=2))


def unusable(name: str, rows: int, problems: Sequence[str]) -> str:
    """Return the sentence that some of all pairs cannot be used, with the first ten reasons."""
    of = f"{len(problems):,} of {counted(rows, 'image')}" if rows > 1 else "the only image"
    return f"data set {name!r}: {of} with {'its label map' if rows == 1 else 'their label maps'} cannot be used:{listed(problems)}"


def _write_head(stream: BinaryIO, shape: tuple[int, ...]) -> None:
    head: dict[str, Any] = {"descr": np.lib.format.dtype_to_descr(np.dtype(np.uint8)), "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, head)


def _read_all(title: str, rows: int, read: Read) -> Iterator[tuple[NDArray[np.uint8], Labels] | DataError]:
    """Yield every row in order, decoded by several threads; a row that cannot be read is the error. Progress is told by the title."""

    def attempt(row: int) -> tuple[NDArray[np.uint8], Labels] | DataError:
        try:
            return read(row)
        except DataError as error:
            return error

    with ThreadPoolExecutor(min(_MOST_THREADS, os.cpu_count() or 1)) as threads:
        say_progress(title, 0, rows)
        for start in range(0, rows, _AT_ONCE):
            end = min(start + _AT_ONCE, rows)
            yield from threads.map(attempt, range(start, end))
            say_progress(title, end, rows)
