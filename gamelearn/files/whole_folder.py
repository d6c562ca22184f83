"""Folders that appear when all their files are written. This file makes them."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from gamelearn.disk import cannot_write, sync_folder, sync_tree
from gamelearn.errors import RunError


@contextmanager
def whole_folder(folder: Path | None, numbered_in: Path) -> Iterator[tuple[Path, Path]]:
    """Yield the folder to write into, then the place that it takes at the end; after an error there is nothing.

    The place is made at once, empty, so that nobody else takes it.

    Args:
        folder: the place, new or empty; None for the next number.
        numbered_in: the folder of numbered places.

    Raises:
        RunError: the place holds something, or cannot be written.
    """
    place, is_new = _taken(folder, numbered_in)
    is_done = False
    try:
        with TemporaryDirectory(dir=place.parent, prefix=".writing-") as temporary:
            part = Path(temporary) / "part"
            part.mkdir()
            yield part, place
            sync_tree(part)
            part.replace(place)
            sync_folder(place.parent)
            is_done = True
    except OSError as error:
        raise cannot_write(f"into {str(place)!r}", error) from error
    finally:
        if is_new and not is_done:
            with suppress(OSError):
                place.rmdir()


def _taken(folder: Path | None, numbered_in: Path) -> tuple[Path, bool]:
    """Make a place, if it is not there; return it, with whether it is new."""
    try:
        if folder is None:
            return _next(numbered_in), True
        place = folder.resolve()
        is_new = not place.exists()
        if not is_new and (not place.is_dir() or any(place.iterdir())):
            raise RunError(f"{folder} is not empty: results go into a new folder, so that nothing is lost")
        place.mkdir(parents=True, exist_ok=True)
        return (place if folder.is_symlink() or folder.name in ("", "..") else folder), is_new
    except OSError as error:
        raise cannot_write(f"into {str(folder or numbered_in)!r}", error) from error


def _next(parent: Path) -> Path:
    parent.mkdir(parents=True, exist_ok=True)
    number = 1 + max((int(each.name) for each in parent.iterdir() if each.name.isdecimal()), default=0)
    while True:
        try:
            (parent / str(number)).mkdir()
        except FileExistsError:
            number += 1
        else:
            return parent / str(number)
