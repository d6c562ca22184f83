"""Caches of decoded pairs: found again, rebuilt, written elsewhere. This file tests their life."""

import json
import os
import time
from pathlib import Path

import numpy as np
import pooch
import pytest
from numpy.typing import NDArray

from gamelearn.data.folder import DataFolder
from gamelearn.data.pair_cache import CachedPairs, cached_pairs, file_states
from gamelearn.errors import DataError

ROWS = 5
SIZE = (2, 3)


class Source:
    """Pairs whose pixels are their row, which counts how often it is read."""

    def __init__(self, damaged: tuple[int, ...] = ()) -> None:
        self.reads = 0
        self.damaged = damaged

    def read(self, row: int) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        self.reads += 1
        if row in self.damaged:
            raise DataError(f"image {row} is damaged")
        return np.full((3, *SIZE), row, np.uint8), np.full(SIZE, 10 + row, np.uint8)


@pytest.fixture
def user_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "user" / name)
    return tmp_path / "user/gamelearn"


def opened(folder: DataFolder, source: Source, *key: object, rows: int = ROWS) -> CachedPairs:
    return cached_pairs(folder, "faces", key, rows, SIZE, source.read)


def right(found: CachedPairs) -> bool:
    rows = np.arange(ROWS, dtype=np.uint8)[:, None, None]
    return bool((found.images == rows[..., None]).all() and (found.labels == rows + 10).all())


def files(place: Path) -> list[str]:
    return sorted(file.name for file in place.rglob("*") if file.is_file())


def test_pairs_are_decoded_once_and_read_from_disk(folder: DataFolder, user_cache: Path) -> None:
    source = Source()
    found = opened(folder, source, "key")
    assert right(found)
    assert isinstance(found.images, np.memmap)
    assert right(opened(folder, source, "key"))
    assert source.reads == ROWS
    assert files(folder.root) == ["images.npy", "labels.npy", "manifest.json"]
    assert not user_cache.exists()


def test_another_key_is_another_cache(folder: DataFolder, user_cache: Path) -> None:
    source = Source()
    for key in (("a", "b"), ("ab",), ("a\n'b'",), (1,), ("1",)):
        opened(folder, source, *key)
    opened(folder, source, 1, rows=ROWS - 1)
    assert source.reads == 6 * ROWS - 1
    assert len(list((folder.root / "cache").iterdir())) == 6


@pytest.mark.parametrize("damage", ["images.npy", "labels.npy", "manifest.json", "absent", "empty"])
def test_a_damaged_cache_is_made_again(folder: DataFolder, user_cache: Path, damage: str) -> None:
    source = Source()
    opened(folder, source)
    (place,) = (folder.root / "cache").iterdir()
    if damage.endswith(".npy"):
        content = bytearray((place / damage).read_bytes())
        content[-1] ^= 1
        (place / damage).write_bytes(content)
    elif damage == "absent":
        (place / "labels.npy").unlink()
    else:
        (place / "manifest.json").write_text("[]" if damage == "empty" else "{")
    assert right(opened(folder, source))
    assert source.reads == 2 * ROWS
    assert [each.name for each in (folder.root / "cache").iterdir()] == [place.name]


def test_a_manifest_that_fits_other_shapes_is_not_believed(folder: DataFolder, user_cache: Path) -> None:
    source = Source()
    opened(folder, source)
    (place,) = (folder.root / "cache").iterdir()
    np.save(place / "images.npy", np.zeros((ROWS, 3, 9, 9), np.uint8))
    hashes = json.loads((place / "manifest.json").read_text())
    hashes["images.npy"] = pooch.file_hash(str(place / "images.npy"))
    (place / "manifest.json").write_text(json.dumps(hashes))
    assert right(opened(folder, source))


def test_where_the_data_root_cannot_be_written_the_user_s_cache_is(tmp_path: Path, user_cache: Path) -> None:
    (tmp_path / "file").touch()
    source = Source()
    for _ in range(2):
        assert right(opened(DataFolder(None, tmp_path / "file"), source))
    assert source.reads == ROWS
    assert files(user_cache) == ["images.npy", "labels.npy", "manifest.json"]


def test_where_nothing_can_be_written_a_temporary_folder_is(tmp_path: Path, user_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "user").touch()
    (tmp_path / "temporary").mkdir()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "temporary"))
    found = opened(DataFolder(None, tmp_path / "user"), Source())
    assert right(found)
    assert files(tmp_path / "temporary") == ["images.npy", "labels.npy", "manifest.json"]
    del found
    assert not any((tmp_path / "temporary").iterdir())


def test_damaged_pairs_are_listed_and_leave_no_cache(folder: DataFolder, user_cache: Path) -> None:
    source = Source(damaged=(1, 3))
    with pytest.raises(
        DataError, match=r"^data set 'faces': 2 of 5 images .* cannot be used:\n  image 1 is damaged\n  image 3 is damaged$"
    ):
        opened(folder, source)
    assert source.reads == ROWS
    assert files(folder.root) == []
    source.damaged = ()
    assert right(opened(folder, source))


def test_more_than_may_be_read_is_refused(folder: DataFolder, user_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    needed = ROWS * 2 * 3 * 4
    for limit in (needed, needed - 1):
        monkeypatch.setattr("gamelearn.data.folder._UNTRUSTED_BYTES", limit)
        untrusted = DataFolder(None, folder.root, untrusted=True)
        if limit == needed:
            opened(untrusted, Source(), "fits")
        else:
            with pytest.raises(
                DataError, match="5 images of 2x3 take 120 bytes; at most 119 are read from an untrusted spec: set a smaller"
            ):
                opened(untrusted, Source(), "too large")


def test_order_is_kept_over_many_parts(folder: DataFolder, user_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamelearn.data.pair_cache._AT_ONCE", 2)
    assert right(opened(folder, Source()))


def test_what_is_changed_has_another_state(tmp_path: Path) -> None:
    """Of two folders with equal files, and of a file that keeps its name, size and time."""
    for name in ("one", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text("1")
        os.utime(tmp_path / name / "a", ns=(0, 0))
    file = tmp_path / "one/a"
    before = file_states(tmp_path / "one", [file])
    assert file_states(tmp_path / "one", [file]) == before
    assert file_states(tmp_path / "other", [tmp_path / "other/a"]) != before
    assert file_states(tmp_path, [file]) != file_states(tmp_path, [tmp_path / "other/a"])
    time.sleep(0.02)  # longer than the clock of the file system takes for a tick
    file.write_text("2")
    os.utime(file, ns=(0, 0))
    assert file_states(tmp_path / "one", [file]) != before
    file.unlink()
    assert file_states(tmp_path / "one", [file])[1] == ("a",)
