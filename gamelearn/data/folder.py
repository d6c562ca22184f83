"""Where data files are looked for: beside the spec, then in the data root.

The data root is the environment's `GAMELEARN_DATA`, else the user's cache. This file finds or downloads data files.
"""

import os
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import pooch

from gamelearn.data.words import counted, listed
from gamelearn.errors import DataError
from gamelearn.spec.paths import data_root

_TRUSTED_BYTES = 2**34
_UNTRUSTED_BYTES = 2**30
_TIMEOUT_SECONDS = 30


class DataAbsent(DataError):
    """Data that is not there and could not be downloaded, so that another data set may stand in for it."""


class DamagedFiles(DataError):
    """Files that cannot be read; `problems` has a sentence for each."""

    def __init__(self, problems: Sequence[str]) -> None:
        self.problems = tuple(problems)
        several = f"{counted(len(problems), 'file')} cannot be read:{listed(problems)}"
        super().__init__(problems[0] if len(problems) == 1 else several)


@dataclass(frozen=True)
class DataFolder:
    """The places where a spec's data files may lie.

    Attributes:
        spec_folder: the folder of the spec; None where the spec is no file.
        root: the data root; by default the one that the environment names.
        others: more folders to look in after that of the spec, such as where it was when a run was trained.
        named: paths that the user names, which may be read whoever the spec comes from.
        untrusted: whether the spec comes from somebody else, so that paths out of both folders are refused and sizes bounded.
    """

    spec_folder: Path | None
    root: Path = field(default_factory=data_root)
    untrusted: bool = False
    others: tuple[Path, ...] = ()
    named: tuple[Path, ...] = ()

    @property
    def places(self) -> tuple[Path, ...]:
        """The folders that relative paths are looked up in, in order."""
        return (*((self.spec_folder,) if self.spec_folder else ()), *self.others, self.root)

    @property
    def byte_limit(self) -> int:
        """The largest file or unpacked array that is read, in bytes."""
        return _UNTRUSTED_BYTES if self.untrusted else _TRUSTED_BYTES

    def find(self, relative: str | Path) -> Path | None:
        """Return the first file or folder of that name, or None.

        Raises:
            DataError: the spec is untrusted and the path leads out of its folder and the data root.
        """
        for place in self.places:
            candidate = place / relative
            if self._admits(candidate) and candidate.exists():
                return candidate
        return None

    def need(self, relative: str | Path) -> Path:
        """Return the first file or folder of that name.

        Raises:
            DataAbsent: there is none; the message lists where it was looked for.
            DataError: as `find`.
        """
        found = self.find(relative)
        if found is None:
            raise DataAbsent(f"{str(relative)!r} is missing: looked for {self.looked_for(relative)}")
        return found

    def looked_for(self, relative: str | Path) -> str:
        """Return every full path that `find` tries, for an error message."""
        return " and ".join(dict.fromkeys(os.path.normpath(place / relative) for place in self.places))

    def check_size(self, path: Path) -> None:
        """Raise a DataError if the file is larger than `byte_limit`."""
        if path.stat().st_size > self.byte_limit:
            raise DataError(f"{path} has {path.stat().st_size:,} bytes; at most {self.byte_limit:,} are read{self.why_limited}")

    @property
    def why_limited(self) -> str:
        """Why the limit is what it is, for an error message."""
        return " from an untrusted spec" if self.untrusted else ""

    def admits(self, path: Path) -> bool:
        """Return whether a path, its links followed, may be read."""
        try:
            return not self.untrusted or any(path.resolve().is_relative_to(place.resolve()) for place in (*self.places, *self.named))
        except (OSError, RuntimeError):  # links in a circle
            return False

    def _admits(self, path: Path) -> bool:
        if "\0" in str(path) or not self.admits(path):
            raise DataError(f"the path {str(path)!r} leads out of the spec's folder and the data root, which an untrusted spec must not")
        return True

    def download(self, relative: str, urls: Sequence[str], verify: Callable[[Path], None]) -> Path:
        """Download a file into the data root from the first mirror that gives an intact one.

        Args:
            relative: where it goes, below the data root.
            urls: the mirrors.
            verify: raises a DataError if a file is not the right one.

        Raises:
            DataAbsent: no mirror gave it; the message has each mirror's reason.
        """
        reasons = []
        for url in urls:
            try:
                return self._fetch(self.root / relative, url, verify)
            except (OSError, DataError) as error:
                reasons.append(f"{url}: {error}")
        raise DataAbsent("; ".join(reasons))

    def _fetch(self, target: Path, url: str, verify: Callable[[Path], None]) -> Path:
        target.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".download-") as folder:
            part = Path(folder) / target.name
            pooch.HTTPDownloader(timeout=_TIMEOUT_SECONDS)(url, str(part), None)
            verify(part)
            part.replace(target)
        return target
