"""What a folder of images holds: image files, sub-folders, and what is neither, without what systems hide in folders.

This file lists folders.
"""

import os
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from gamelearn.data.dataset import SPLITS, split_rows
from gamelearn.data.folder import DataFolder
from gamelearn.data.words import counted
from gamelearn.errors import DataError, first_of

LOSSLESS_ENDINGS = frozenset({".png", ".apng", ".bmp", ".gif", ".tif", ".tiff", ".pbm", ".pgm", ".pnm", ".ppm"})
"""What the names of image files end in whose pixels are those that were written."""
IMAGE_ENDINGS = LOSSLESS_ENDINGS | {".jpg", ".jpeg", ".jpe", ".jfif", ".webp"}
"""What the names of image files end in."""
_HIDDEN = (".", "__MACOSX", "$RECYCLE", "@eaDir")
_SYSTEM = frozenset(
    {"thumbs.db", "ehthumbs.db", "desktop.ini", "icon\r", "lost+found", "system volume information", "#recycle", "#snapshot", "@recycle"}
)
_SPLITS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing"),
}
_MOST_NAMED = 5


def is_hidden(name: str) -> bool:
    """Return whether systems, notebooks or network disks leave something of this name in folders, which is no data.

    >>> [is_hidden(each) for each in (".ipynb_checkpoints", "@eaDir", "__MACOSX", "Thumbs.db", "07.png")]
    [True, True, True, True, False]
    """
    return name.startswith(_HIDDEN) or name.lower() in _SYSTEM


def plain(name: str) -> str:
    """Return a name in the one form of its letters (NFC), which disks and archives write in two."""
    return unicodedata.normalize("NFC", name)


@dataclass(frozen=True)
class Listing:
    """What a folder holds, in the order of names.

    Attributes:
        place: the folder.
        images: files, and links to nowhere, that are named as images.
        folders: sub-folders.
        others: what is not read: files that are not named as images, and what begins with `@`, as folders of network disks do.
    """

    place: Path
    images: tuple[Path, ...]
    folders: tuple[Path, ...]
    others: tuple[Path, ...]


def list_folder(place: Path, folder: DataFolder | None = None) -> Listing:
    """Return what a folder holds; what is hidden, no file (a pipe), or a link to a folder around it is left out.

    Args:
        place: the folder.
        folder: where data files are; None for a folder that the user names.

    Raises:
        DataError: it cannot be read, or an untrusted spec would leave its folders by a link.
    """
    if folder and not folder.admits(place):
        raise DataError(f"{place} leads out of the spec's folder and the data root, which an untrusted spec must not")
    try:
        with os.scandir(place) as found:
            entries = sorted((each for each in found if not is_hidden(each.name)), key=lambda each: plain(each.name))
    except OSError as error:
        raise DataError(f"{place} cannot be read: {error.strerror or error}") from None
    images, folders, others = list[Path](), list[Path](), list[Path]()
    for entry in entries:
        path, is_link = Path(entry.path), entry.is_symlink()
        if is_link and folder and not folder.admits(path):
            raise DataError(f"{path} is a link out of the spec's folder and the data root, which an untrusted spec must not follow")
        if entry.name.startswith("@"):
            others.append(path)
        elif path.is_dir() if is_link else entry.is_dir():
            if not (is_link and place.resolve().is_relative_to(path.resolve())):
                folders.append(path)
        elif path.is_file() or (is_link and not path.exists()):
            (images if path.suffix.lower() in IMAGE_ENDINGS else others).append(path)
    return Listing(place, tuple(images), tuple(folders), tuple(others))


def images_below(folders: Iterable[Path], folder: DataFolder | None = None) -> list[Path]:
    """Return the image files in folders and below them, through no links."""
    found: list[Path] = []
    waiting = [each for each in folders if not each.is_symlink()]
    while waiting:
        listing = list_folder(waiting.pop(), folder)
        found += listing.images
        waiting += [each for each in listing.folders if not each.is_symlink()]
    return sorted(found)


def split_folders(listing: Listing) -> dict[str, Path]:
    """Return the sub-folders that are named as splits (`train`, `val`, `Testing`, ...) by split, in the order of `SPLITS`.

    Raises:
        DataError: two are named as one split.
    """
    found: dict[str, Path] = {}
    for split, names in _SPLITS.items():
        for each in listing.folders:
            if each.name.lower() in names:
                if split in found:
                    raise DataError(f"{found[split]} and {each} are both named as the split {split!r}")
                found[split] = each
    return found


def not_read(files: Sequence[Path], why: str) -> list[str]:
    """Return the notice that files are not read, with the first of them; nothing where there are none."""
    named = ", ".join(first_of(map(str, files), most=_MOST_NAMED))
    return [f"{counted(len(files), 'file is', 'files are')} not read ({why}): {named}"] if files else []


def split_groups(lengths: Mapping[str, int], validation: float, test: float, seed: int) -> dict[str, Tensor]:
    """Return the rows of each split where rows lie in groups one after the other, some of which are splits.

    Args:
        lengths: the rows of each group, by split. Validation and test rows without a group are fractions of those to train on.
        validation: the fraction of the rows to train on.
        test: likewise.
        seed: of the permutation by which they are chosen.
    """
    parts = torch.arange(sum(lengths.values())).split(list(lengths.values()))
    rows = dict(zip(lengths, parts, strict=True))
    divided = rows.pop("train", torch.empty(0, dtype=torch.int64))
    shares = split_rows(len(divided), 0.0 if "validation" in rows else validation, 0.0 if "test" in rows else test, seed)
    return {split: rows[split] if split in rows else divided[shares[split]] for split in SPLITS}
