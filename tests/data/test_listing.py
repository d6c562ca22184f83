"""What folders hold beside images, and how they name splits. This file tests the one listing that every reader of folders uses."""

import os
import unicodedata
from pathlib import Path

import pytest

from gamelearn.data.folder import DataFolder
from gamelearn.data.listing import images_below, list_folder, split_folders, split_groups
from gamelearn.errors import DataError

HIDDEN = (
    [".ipynb_checkpoints/", "@eaDir/", "__MACOSX/", "$RECYCLE.BIN/", "lost+found/", "#recycle/", ".hidden/", "System Volume Information/"],
    [".DS_Store", "._07.png", ".png", "Thumbs.db", "desktop.ini", "Desktop.ini", ".07.jpg.swp", "Icon\r"],
)


def make(place: Path, *names: str) -> None:
    """Make empty files, and folders where names end in a slash."""
    place.mkdir(parents=True, exist_ok=True)
    for name in names:
        (place / name).mkdir() if name.endswith("/") else (place / name).touch()


def test_what_systems_leave_in_folders_is_no_data(tmp_path: Path) -> None:
    make(tmp_path, *HIDDEN[0], *HIDDEN[1])
    for name in HIDDEN[0]:
        make(tmp_path / name, "07.png")
    found = list_folder(tmp_path)
    assert (found.images, found.folders, found.others) == ((), (), ())
    assert images_below(found.folders) == []


def test_images_are_known_by_their_endings_in_any_letters(tmp_path: Path) -> None:
    names = ["a.PNG", "b.jfif", "c.JPE", "d.Tif", "e.tiff", "f.jpeg", "g.webp", "h.gif", "i.bmp", "j.pnm"]
    make(tmp_path, *names, "notes.txt", "k.png.txt", "l", "m.heic", "n.png/", "@alice/")
    found = list_folder(tmp_path)
    assert [each.name for each in found.images] == names
    assert [each.name for each in found.folders] == ["n.png"]
    assert [each.name for each in found.others] == ["@alice", "k.png.txt", "l", "m.heic", "notes.txt"]


def test_names_are_ordered_whichever_form_their_letters_have(tmp_path: Path) -> None:
    names = ["e", "é", "f", "z10", "z2"]
    make(tmp_path, *(unicodedata.normalize("NFD", f"{name}.png") for name in names))
    assert [unicodedata.normalize("NFC", each.stem) for each in list_folder(tmp_path).images] == ["e", "f", "z10", "z2", "é"]


def test_links_are_followed_once_and_in_no_circle(tmp_path: Path) -> None:
    make(tmp_path / "d/a", "1.png")
    for link, target in (
        ("a/up", ".."),
        ("here", "."),
        ("b", "a"),
        ("c.png", "a/1.png"),
        ("gone.png", "nowhere"),
        ("loop.png", "loop.png"),
    ):
        (tmp_path / "d" / link).symlink_to(target)
    os.mkfifo(tmp_path / "d/pipe.png")
    found = list_folder(tmp_path / "d", DataFolder(tmp_path))
    assert [each.name for each in found.folders] == ["a", "b"]
    assert [each.name for each in found.images] == ["c.png", "gone.png", "loop.png"]  # what leads nowhere is told when it is read
    assert [each.name for each in images_below(found.folders)] == ["1.png"]
    with pytest.raises(DataError, match=r"loop.png is a link out of the spec's folder"):
        list_folder(tmp_path / "d", DataFolder(tmp_path, tmp_path, untrusted=True))


def test_images_are_found_at_any_depth(tmp_path: Path) -> None:
    make(tmp_path / "d/d/d", "1.png", ".2.png", ".3/")
    assert images_below([tmp_path / "d"]) == [tmp_path / "d/d/d/1.png"]


@pytest.mark.parametrize(
    ("names", "found"),
    [
        (("train/", "val/", "test/"), {"train": "train", "validation": "val", "test": "test"}),
        (("Training/", "VALID/", "Testing/"), {"train": "Training", "validation": "VALID", "test": "Testing"}),
        (("TRAIN/", "dev/", "cats/"), {"train": "TRAIN", "validation": "dev"}),
        (("validation/",), {"validation": "validation"}),
        (("cats/", "dogs/", "train.png"), {}),
    ],
)
def test_splits_are_known_by_their_usual_names(names: tuple[str, ...], found: dict[str, str], tmp_path: Path) -> None:
    make(tmp_path, *names)
    assert {split: each.name for split, each in split_folders(list_folder(tmp_path)).items()} == found
    assert list(split_folders(list_folder(tmp_path))) == list(found)


def test_two_folders_of_one_split_are_refused(tmp_path: Path) -> None:
    make(tmp_path, "val/", "validation/")
    with pytest.raises(DataError, match=r"/val and \S*/validation are both named as the split 'validation'"):
        split_folders(list_folder(tmp_path))


def test_splits_without_a_folder_are_fractions_of_the_training_rows() -> None:
    rows = split_groups({"train": 10, "test": 3}, 0.3, 0.5, 0)
    assert {split: len(each) for split, each in rows.items()} == {"train": 7, "validation": 3, "test": 3}
    assert rows["test"].tolist() == [10, 11, 12]
    assert sorted([*rows["train"].tolist(), *rows["validation"].tolist()]) == list(range(10))


def test_a_folder_that_cannot_be_listed_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"file cannot be read: Not a directory"):
        list_folder(tmp_path / "file")
