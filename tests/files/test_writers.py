"""Archives that grow by blocks, images, folders that appear whole. This file tests their writing."""

import tracemalloc
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gamelearn.errors import RunError
from gamelearn.files.whole_folder import whole_folder
from gamelearn.files.writers import ArchiveWriter, write_images
from gamelearn.report.pictures import palette
from tests.files.games import LABELS, PICTURES


@pytest.mark.parametrize("size", [1, 3, 7])
def test_an_archive_of_blocks_is_that_of_the_whole(tmp_path: Path, size: int) -> None:
    arrays: dict[str, NDArray[Any]] = {"s": LABELS, "s.mean": PICTURES.astype(np.float32), "c": np.arange(7) > 3}
    writer = ArchiveWriter(tmp_path / "a.npz", 7)
    for first in range(0, 7, size):
        writer.append({name: array[first : first + size] for name, array in arrays.items()})
    writer.finish()
    with np.load(tmp_path / "a.npz", allow_pickle=False) as found:
        assert set(found) == set(arrays)
        for name, array in arrays.items():
            assert np.array_equal(found[name], array)
            assert found[name].dtype == array.dtype
    assert [path.name for path in tmp_path.iterdir()] == ["a.npz"]


def test_an_archive_never_holds_fewer_rows_than_its_heads_say(tmp_path: Path) -> None:
    writer = ArchiveWriter(tmp_path / "a.npz", 7)
    writer.append({"s": LABELS[:3]})
    for wrong in ({"s": LABELS[:2].astype(np.int64)}, {"s": LABELS[:2, :2]}, {"x": LABELS[:2]}):
        with pytest.raises(ValueError, match="expected blocks of"):
            writer.append(wrong)
    with pytest.raises(ValueError, match="expected 7 rows, got 3"):
        writer.finish()
    writer.close()
    assert not (tmp_path / "a.npz").exists()


def test_memory_holds_a_block_not_the_archive(tmp_path: Path) -> None:
    """The arrays have 32 MB together."""
    block = np.zeros((32, 1024), np.float32)
    writer = ArchiveWriter(tmp_path / "a.npz", 4096)
    tracemalloc.start()
    try:
        for _ in range(128):
            writer.append({"a": block, "b": block.astype(np.int32)})
        writer.finish()
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 6 * 2**20


def test_label_maps_keep_their_classes_in_the_palette_s_colours(tmp_path: Path) -> None:
    write_images(tmp_path / "s", ["one", "two"], LABELS[:2], palette(3))
    with Image.open(tmp_path / "s" / "two.png") as image:
        assert np.array_equal(np.array(image), LABELS[1])
        assert np.array_equal(np.array(image.convert("RGB")), palette(3)[LABELS[1]])


def test_images_are_grey_or_coloured(tmp_path: Path) -> None:
    write_images(tmp_path / "x", ["a"], PICTURES[:1])
    write_images(tmp_path / "g", ["a"], PICTURES[:1, :, :, 0])
    with Image.open(tmp_path / "x" / "a.png") as colour, Image.open(tmp_path / "g" / "a.png") as grey:
        assert np.array_equal(np.array(colour), PICTURES[0])
        assert (grey.mode, np.array_equal(np.array(grey), PICTURES[0, :, :, 0])) == ("L", True)


def names(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*"))


def test_a_folder_appears_when_it_is_whole(tmp_path: Path) -> None:
    with whole_folder(tmp_path / "new" / "out", tmp_path) as (part, place):
        (part / "file").write_text("text")
        assert list(place.iterdir()) == []
    assert names(tmp_path) == ["new", "new/out", "new/out/file"]
    assert (place / "file").read_text() == "text"


def test_a_link_to_an_empty_folder_is_followed(tmp_path: Path) -> None:
    (tmp_path / "far").mkdir()
    (tmp_path / "link").symlink_to(tmp_path / "far")
    with whole_folder(tmp_path / "link", tmp_path) as (part, _):
        (part / "file").write_text("text")
    assert names(tmp_path / "far") == ["file"]
    assert (tmp_path / "link").is_symlink()


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_nothing_stays_after_an_error(tmp_path: Path, error: type[BaseException]) -> None:
    (tmp_path / "empty").mkdir()

    def fail(place: Path | None) -> None:
        with whole_folder(place, tmp_path / "runs") as (part, _):
            (part / "file").write_text("text")
            raise error

    for place in (tmp_path / "out", None, tmp_path / "empty"):
        with pytest.raises(error):
            fail(place)
    assert names(tmp_path) == ["empty", "runs"]


def test_numbers_go_up_and_nothing_is_overwritten(tmp_path: Path) -> None:
    (tmp_path / "9").mkdir()
    (tmp_path / "notes").mkdir()
    with whole_folder(None, tmp_path) as (_, first), whole_folder(None, tmp_path) as (_, second):
        assert (first.name, second.name) == ("10", "11")
    (first / "file").write_text("text")
    for place in (first, first / "file"):
        with pytest.raises(RunError, match="is not empty: results go into a new folder"), whole_folder(place, tmp_path):
            raise AssertionError
    assert (first / "file").read_text() == "text"


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("text")
    with (
        pytest.raises(RunError, match=r"cannot write into '.*file/out': Not a directory"),
        whole_folder(tmp_path / "file" / "out", tmp_path),
    ):
        raise AssertionError
    with pytest.raises(RunError, match=r"cannot write into '.*out': No space left on device"), whole_folder(tmp_path / "out", tmp_path):
        raise OSError(28, "No space left on device")
