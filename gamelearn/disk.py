"""Files that are whole or not there, on a machine that may refuse to write them.

A file is written beside its place, synced, and renamed, so that neither a full disk nor a power cut leaves half of it. What the
machine refuses (space, permission, memory) becomes one line with what to try. This file writes files whole.
"""

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import BinaryIO

from gamelearn.errors import RunError

Content = str | bytes | Callable[[BinaryIO], object]
"""What a file is to hold: text (written as UTF-8), bytes, or what writes them into an open file."""

_SPACE = "free some space, or write to another disk"
_RIGHTS = "change the permissions, or take another place"
_ADVICE = {
    errno.ENOSPC: _SPACE,
    errno.EDQUOT: _SPACE,
    errno.EROFS: "write to another place, or mount the file system to be written",
    errno.EACCES: _RIGHTS,
    errno.EPERM: _RIGHTS,
    errno.EIO: "the disk, or the way to it, fails: copy what is there to another one",
    errno.EMFILE: "raise the limit of open files (ulimit -n)",
    errno.ENFILE: "close other programs: the machine has too many open files",
    errno.ENOMEM: "close other programs, or ask for less at once",
}
_MISTAKES = frozenset({errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENAMETOOLONG, errno.EINVAL, errno.ELOOP})
"""Errors of a path that was given, not of the machine."""
_CANNOT_SYNC = frozenset({errno.EINVAL, errno.ENOTSUP, errno.ENOSYS})
_MEMORY = ("can't allocate memory", "not enough memory", "out of memory")
_LESS = "less at once needs less memory: a smaller 'train.batch', --count or --block, or a device with more"


class MachineError(RunError):
    """What the machine refuses: space, permission, memory."""

    exit_status = 1


def refusal(error: BaseException) -> str | None:
    """Return what the machine has refused and what to try, in one line; None for any other error.

    >>> refusal(OSError(errno.ENOSPC, "No space left on device", "runs/a/spec.yaml"))
    'No space left on device: runs/a/spec.yaml; free some space, or write to another disk'
    >>> refusal(ZeroDivisionError()) is None
    True
    """
    if isinstance(error, OSError):
        where = f": {os.fsdecode(error.filename)}" if isinstance(error.filename, str | bytes) else ""
        return f"{_reason(error)}{where}{_advice(error)}"
    text = " ".join(str(error).split())
    if isinstance(error, MemoryError) or (isinstance(error, RuntimeError) and any(each in text for each in _MEMORY)):
        return f"out of memory{f' ({text[:200]})' if text else ''}; {_LESS}"
    return None


def is_refused(error: BaseException | None) -> bool:
    """Return whether the machine's refusal is the cause of an error, and not a mistake in what was given."""
    while error is not None:
        if isinstance(error, OSError) and error.errno is not None:
            return error.errno not in _MISTAKES
        error = error.__cause__ or error.__context__
    return False


def cannot_write(what: str, error: OSError) -> RunError:
    """Return the error that says that something cannot be written, and why."""
    kind = MachineError if is_refused(error) else RunError
    return kind(f"cannot write {what}: {_reason(error)}{_advice(error)}")


def _reason(error: OSError) -> str:
    return error.strerror or " ".join(str(error).split()) or type(error).__name__


def _advice(error: OSError) -> str:
    return f"; {_ADVICE[error.errno]}" if error.errno in _ADVICE else ""


@contextmanager
def writing(path: Path | str) -> Iterator[None]:
    """Tell an OSError inside as one that `path` cannot be written."""
    try:
        yield
    except OSError as error:
        raise cannot_write(repr(str(path)), error) from error


def write_whole(path: Path, content: Content) -> Path:
    """Write a file that is there whole or as it was before, in a folder that is made if it is missing; return its path.

    What is no plain file, such as /dev/stdout, is written in place.

    Raises:
        RunError: it cannot be written; a MachineError where the machine refuses.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.exists() and not path.is_file():
            with path.open("wb") as file:
                _put(file, content)
        else:
            _replace(Path(os.path.realpath(path)), content)
    return path


def _replace(path: Path, content: Content) -> None:
    beside = path.with_name(f".{path.name}.{os.getpid()}.part")
    try:
        with beside.open("wb") as file:
            _put(file, content)
            file.flush()
            sync(file.fileno())
        beside.replace(path)
    except BaseException:
        with suppress(OSError):
            beside.unlink()
        raise
    sync_folder(path.parent)


def _put(file: BinaryIO, content: Content) -> None:
    if callable(content):
        content(file)
    else:
        file.write(content.encode() if isinstance(content, str) else content)


def sync(descriptor: int) -> None:
    """Have a file written to the disk, where the file system can."""
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in _CANNOT_SYNC:
            raise


def sync_folder(folder: Path) -> None:
    """Have the names in a folder written to the disk, where the system can."""
    if os.name == "posix":
        _sync_path(folder)


def sync_tree(folder: Path) -> None:
    """Have all files below a folder written to the disk, with their names."""
    for path in (*folder.rglob("*"), folder):
        if path.is_dir():
            sync_folder(path)
        else:
            _sync_path(path)


def _sync_path(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        sync(descriptor)
    finally:
        os.close(descriptor)
