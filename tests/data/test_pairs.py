"""Folders of images with label maps, whole and damaged. This file tests their data set."""

import os
import time
import unicodedata
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from gamelearn.data.dataset import SPLITS, DataSet, Field
from gamelearn.data.folder import DataAbsent, DataFolder
from gamelearn.data.look import problems_of
from gamelearn.data.pairs import Pairs, PairsOptions
from gamelearn.data.reading import Reading
from gamelearn.errors import DataError
from gamelearn.options import mistakes_of


@pytest.fixture(autouse=True)
def _no_user_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pooch.os_cache", lambda name: tmp_path / "user cache")


def write(place: Path, stem: str, labels: Any, *, image: tuple[int, int] | None = None, ending: str = ".png") -> None:
    """Write a label map with an image of one grey, the largest label times 10; `image` is (height, width)."""
    values = np.array(labels, np.uint8)
    for name in ("images", "labels"):
        (place / name).mkdir(parents=True, exist_ok=True)
    height, width = image or values.shape
    grey = 10 * int(values.max()) % 256
    Image.new("RGB", (width, height), (grey, grey, grey)).save(place / "images" / f"{stem}{ending}")
    Image.fromarray(values).save(place / "labels" / f"{stem}.png")


def open_pairs(folder: DataFolder, **options: Any) -> DataSet:
    given = PairsOptions.model_validate({"type": "pairs", "path": "cells", "validation": 0.0, "test": 0.0, **options})
    return Pairs(folder, 0, **given.own_options())


def read(data: DataSet, field: str, split: str = "train") -> torch.Tensor:
    return data.read(field, split, torch.arange(data.length(split)))


@pytest.fixture
def cells(folder: DataFolder) -> Path:
    """A folder of three pairs, 2x3."""
    place = folder.root / "cells"
    for index, stem in enumerate(("b", "a", "c")):
        write(place, stem, np.full((2, 3), index), ending=(".png", ".jpg", ".JPEG")[index])
    return place


def test_pairs_are_those_of_the_same_name(folder: DataFolder, cells: Path) -> None:
    (cells / "images/notes.txt").touch()
    data = open_pairs(folder)
    assert data.fields == {"x": Field("real", (3, 2, 3)), "s": Field("categorical", (2, 3), 3)}
    assert read(data, "s")[:, 0, 0].tolist() == [1, 0, 2]
    assert torch.allclose(read(data, "x")[:, 0, 0, 0] * 255, torch.tensor([10.0, 0.0, 20.0]), atol=1)


def test_other_sub_folders(folder: DataFolder, cells: Path) -> None:
    (cells / "images").rename(cells / "photographs")
    (cells / "labels").rename(cells / "masks")
    assert open_pairs(folder, images="photographs", labels="masks").length("train") == 3
    with pytest.raises(DataError, match=r"cells/images is no folder: 'pairs' expects images and label maps in two sub-folders"):
        open_pairs(folder)


def test_pairs_are_resized_alike(folder: DataFolder) -> None:
    labels = np.zeros((8, 16), np.uint8)
    labels[:, 4:8], labels[:, 8:12] = 1, 2
    write(folder.root / "cells", "a", labels, image=(16, 32))
    data = open_pairs(folder, size=2)
    assert read(data, "s").tolist() == [[[1, 2], [1, 2]]]
    assert read(data, "x").shape == (1, 3, 2, 2)
    assert read(open_pairs(folder, size=[4, 8]), "s").shape == (1, 4, 8)


def test_without_a_size_all_agree(folder: DataFolder, cells: Path) -> None:
    write(cells, "d", [[0, 1]])
    write(cells, "e", np.zeros((2, 3)), image=(4, 6))
    with pytest.raises(DataError) as caught:
        open_pairs(folder)
    lines = str(caught.value).splitlines()
    assert lines[0] == "data set 'pairs': 2 of 5 images with their label maps cannot be used:"
    assert lines[1:] == [
        f"  {cells / 'images/d.png'} has 1x2 pixels, the first image has 2x3: set 'size' to resize all",
        f"  {cells / 'images/e.png'} has 4x6 pixels, the first image has 2x3: set 'size' to resize all",
    ]


def test_a_label_map_has_the_ratio_of_its_image(folder: DataFolder) -> None:
    write(folder.root / "cells", "a", np.zeros((20, 20)), image=(20, 30))
    with pytest.raises(DataError, match=r"a.png has 20x30 pixels, its label map 20x20: expected the same ratio"):
        open_pairs(folder, size=4)


def test_classes_are_given_or_inferred(folder: DataFolder, cells: Path) -> None:
    assert open_pairs(folder, classes=7).fields["s"].classes == 7
    with pytest.raises(DataError, match=r"labels/c.png holds 2: expected a class in 0 .. 1$"):
        open_pairs(folder, classes=2)
    for stem in "abc":
        write(cells, stem, np.zeros((2, 3)), ending=".png")
    for file in (cells / "images").glob("*.[jJ]*"):
        file.unlink()
    assert open_pairs(folder).fields["s"].classes == 2


def test_values_stand_for_classes(folder: DataFolder) -> None:
    write(folder.root / "cells", "a", [[0, 255], [255, 9]])
    write(folder.root / "cells", "b", [[0, 255], [255, 0]])
    with pytest.raises(DataError, match=r"hold the values \[0, 9, 255\]: list them class by class in 'values', or set 'classes'"):
        open_pairs(folder)
    data = open_pairs(folder, values=[255, 0, 9])
    assert data.fields["s"].classes == 3
    assert read(data, "s")[0].tolist() == [[1, 0], [0, 2]]
    with pytest.raises(DataError, match=r"1 of 2 .*\n  the label map \S*labels/a.png holds 9, which is not among the 'values' \[0, 255\]$"):
        open_pairs(folder, values=[0, 255])


@pytest.mark.parametrize(
    ("given", "path", "what"),
    [
        ({"values": [0, 0]}, ("values",), "a value stands for two classes"),
        ({"values": [0, 1], "classes": 2}, ("classes",), "'values' lists 2 classes: leave 'classes' out"),
        ({"size": 0}, ("size",), "expected a number of pixels, or [height, width], got 0"),
        ({"classes": 1}, ("classes",), None),
        ({"values": [0, 256]}, ("values", 1), None),
    ],
)
def test_wrong_options_are_refused(given: dict[str, Any], path: tuple[str | int, ...], what: str | None) -> None:
    with pytest.raises(ValidationError) as caught:
        PairsOptions.model_validate({"type": "pairs", "path": "cells", **given})
    (found,) = mistakes_of(caught.value)
    assert found.path == path
    assert what is None or found.what == what


def test_fields_are_declared_where_the_options_tell() -> None:
    def declared(**options: Any) -> Any:
        return Pairs.declared_fields(PairsOptions.model_validate({"type": "pairs", "path": "cells", **options}))

    assert declared() is declared(size=4) is declared(classes=3) is None
    assert declared(size=4, classes=3) == {"x": Field("real", (3, 4, 4)), "s": Field("categorical", (4, 4), 3)}
    assert declared(size=None, values=[0, 255]) is None
    assert declared(size=[4, 6], values=[0, 255])["s"] == Field("categorical", (4, 6), 2)


def test_missing_partners_are_named_ten_of_them(folder: DataFolder, cells: Path) -> None:
    (cells / "labels/a.png").unlink()
    for index in range(12):
        (cells / f"labels/alone{index:02}.png").touch()
    with pytest.raises(DataError) as caught:
        open_pairs(folder)
    lines = str(caught.value).splitlines()
    assert lines[0] == f"{cells}: 13 files lack their partner, which has the same name:"
    assert lines[1] == f"  {cells / 'images/a.jpg'} has no label map {cells / 'labels/a.png'}"
    assert lines[2] == f"  {cells / 'labels/alone00.png'} has no image {cells / 'images/alone00'}.*"
    assert lines[-1] == "  and 3 more"
    assert len(lines) == 12


def test_a_name_that_occurs_twice_is_said(folder: DataFolder, cells: Path) -> None:
    (cells / "images/a.png").touch()
    with pytest.raises(DataError, match=r"1 name occurs twice:\n  \S*a.jpg and \S*a.png$"):
        open_pairs(folder)


def test_damaged_files_are_named(folder: DataFolder, cells: Path) -> None:
    (cells / "images/c.JPEG").write_bytes(b"no image")
    (cells / "labels/b.png").write_bytes(b"no image")
    with pytest.raises(DataError) as caught:
        open_pairs(folder)
    assert str(caught.value).splitlines()[1:] == [
        f"  the label map {cells / 'labels/b.png'} is damaged or no image (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP)",
        f"  the image {cells / 'images/c.JPEG'} is damaged or no image (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP)",
    ]


def test_an_absent_folder_is_absent(folder: DataFolder) -> None:
    with pytest.raises(DataAbsent, match="'cells' is missing"):
        open_pairs(folder)
    (folder.root / "cells/images").mkdir(parents=True)
    (folder.root / "cells/labels").mkdir()
    with pytest.raises(DataError, match="cells/images has no images"):
        open_pairs(folder)


def test_folders_for_splits(folder: DataFolder) -> None:
    for split, count in (("train", 10), ("test", 2)):
        for index in range(count):
            write(folder.root / "cells" / split, f"{index}", [[index]])
    data = open_pairs(folder, validation=0.3, test=0.5)
    assert [data.length(split) for split in SPLITS] == [7, 3, 2]
    assert read(data, "s", "test").flatten().tolist() == [0, 1]
    both = torch.cat([read(data, "s", split) for split in ("train", "validation")])
    assert sorted(both.flatten().tolist()) == list(range(10))
    write(folder.root / "cells", "a", [[0]])
    with pytest.raises(DataError, match=r"has 'images' beside 'train', 'test': with folders for splits"):
        open_pairs(folder)


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "VALID", "Testing")])
@pytest.mark.parametrize("inside", [False, True])
def test_folders_for_splits_stand_inside_or_outside(inside: bool, names: tuple[str, str, str], folder: DataFolder) -> None:
    for number, (split, other) in enumerate(zip(names, ("TRAIN", "validation", "test"), strict=True)):
        write(folder.root / "made" / split, "a", [[number]])
        for sub, name in (("images", split), ("labels", other)):
            target = folder.root / "cells" / (f"{sub}/{name}" if inside else f"{split}/{sub}")
            target.parent.mkdir(parents=True, exist_ok=True)
            (folder.root / "made" / split / sub).rename(target)
    data = open_pairs(folder)
    assert [read(data, "s", split).flatten().tolist() for split in SPLITS] == [[0], [1], [2]]
    assert data.notices == []


def test_suffixes_are_taken_off_the_names(folder: DataFolder) -> None:
    for number, stem in enumerate(("b", "a", "cafe\u0301")):
        write(folder.root / "cells", stem, [[number]], ending=".PNG")
        name = unicodedata.normalize("NFC", stem) + "_mask.PNG"
        (folder.root / "cells/labels" / f"{stem}.png").rename(folder.root / "cells/labels" / name)
    with pytest.raises(DataError, match=r"6 files lack their partner, which has the same name \(is 'label_suffix: _mask' missing\?\)"):
        open_pairs(folder)
    (folder.root / "cells/labels/a_edges.png").write_bytes(b"")
    data = open_pairs(folder, label_suffix="_mask")
    assert read(data, "s").flatten().tolist() == [1, 0, 2]
    assert data.notices == [f"1 file is not read (in no pair): {folder.root / 'cells/labels/a_edges.png'}"]
    assert data.readings == {"x": Reading(colour="rgb"), "s": Reading(suffix="_mask")}
    (folder.root / "cells/labels/a_edges.png").unlink()
    for split in ("images", "labels"):
        for file in (folder.root / "cells" / split).iterdir():
            file.rename(folder.root / f"cells/{file.name}")
        (folder.root / "cells" / split).rmdir()
    assert read(open_pairs(folder, images=".", labels=".", label_suffix="_mask"), "s").flatten().tolist() == [1, 0, 2]


def test_what_is_hidden_is_no_data_and_what_is_not_read_is_told(folder: DataFolder, cells: Path) -> None:
    for name in (
        "images/._a.png",
        "labels/._a.png",
        "images/Thumbs.db",
        "labels/.ipynb_checkpoints/a.png",
        "labels/more/z.png",
        "images/n.txt",
    ):
        (cells / name).parent.mkdir(exist_ok=True)
        (cells / name).write_bytes(b"no image")
    data = open_pairs(folder)
    assert data.length("train") == 3
    assert data.notices == [
        f"1 file is not read (in deeper folders): {cells / 'labels/more/z.png'}",
        f"1 file is not read (not named as images): {cells / 'images/n.txt'}",
    ]


@pytest.mark.parametrize("ending", ["jpg", "webp"])
def test_a_label_map_in_a_lossy_format_is_named_as_such(ending: str, folder: DataFolder, cells: Path) -> None:
    label = cells / "labels/b.png"
    Image.open(label).save(label.with_suffix(f".{ending}"))
    assert open_pairs(folder).notices[0].startswith("1 file is not read (in no pair): ")  # beside the label map: a preview
    label.unlink()
    with pytest.raises(DataError, match=rf"labels/b.{ending} is a JPEG or WebP file, which changes pixels: label maps are given as PNG"):
        open_pairs(folder)
    label.with_suffix(f".{ending}").rename(label)
    with pytest.raises(DataError, match=r"labels/b.png is a (JPEG|WEBP) file, which changes pixels: label maps and masks are given as PNG"):
        open_pairs(folder)


def test_white_of_one_bit_is_255_where_values_say_so(folder: DataFolder) -> None:
    write(folder.root / "cells", "a", [[0, 255]])
    write(folder.root / "cells", "b", [[255, 0]])
    label = folder.root / "cells/labels/b.png"
    Image.open(label).convert("1").save(label)
    assert read(open_pairs(folder, values=[255, 0]), "s").flatten().tolist() == [1, 0, 0, 1]
    for name in ("images/a.png", "labels/a.png"):
        (folder.root / "cells" / name).unlink()
    assert read(open_pairs(folder), "s").flatten().tolist() == [1, 0]


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (("images/train/a", "images/b", "labels/b"), r"cells/images has images beside 'train': with folders for splits"),
        (
            ("images/train/a", "images/val/b", "labels/train/a"),
            r"cells/labels has no sub-folders for the splits of the images in '\S*images/val'",
        ),
        (("images/x/a", "labels/x/a"), r"cells/images has no images: .*; some lie in deeper folders, such as \S*images/x/a.png"),
        (("images/a", "labels/x/a"), r"1 file lacks its partner, .*; some lie in deeper folders, such as \S*labels/x/a.png"),
    ],
)
def test_folders_that_are_no_pairs_are_named(names: tuple[str, ...], what: str, folder: DataFolder) -> None:
    for name in names:
        (folder.root / "cells" / name).parent.mkdir(parents=True, exist_ok=True)
        (folder.root / f"cells/{name}.png").touch()
    with pytest.raises(DataError, match=what):
        open_pairs(folder)


def test_another_folder_with_equal_names_sizes_and_times_is_another_cache(folder: DataFolder) -> None:
    """Label maps come out of one archive: what tells them apart is their folder, or their content alone."""
    place, labels = folder.root / "cells", np.zeros((4, 4), np.uint8)
    for index, name in enumerate(("coarse", "fine")):
        write(place, "a", labels + index)
        Image.fromarray(labels + index).save(place / "a.bmp")
        (place / name).mkdir()
        (place / "a.bmp").rename(place / name / "a.bmp")
    files = [place / "images/a.png", place / "coarse/a.bmp", place / "fine/a.bmp"]
    for file in files:
        os.utime(file, (1600000000, 1600000000))
    assert [read(open_pairs(folder, labels=name, classes=2), "s").max().item() for name in ("coarse", "fine")] == [0, 1]
    time.sleep(0.02)  # longer than the clock of the file system takes for a tick
    files[1].write_bytes(files[2].read_bytes())
    os.utime(files[1], (1600000000, 1600000000))
    assert read(open_pairs(folder, labels="coarse", classes=2), "s").max() == 1


def test_everything_is_read_once_more_to_find_damage(folder: DataFolder, cells: Path) -> None:
    data = open_pairs(folder)
    assert list(problems_of(data)) == []
    state = (cells / "labels/b.png").stat()
    (cells / "labels/b.png").write_bytes(bytes(state.st_size))
    assert len(list(problems_of(data))) == 1  # though the cache is whole


def test_the_size_is_that_of_the_first_image_that_can_be_read(folder: DataFolder, cells: Path) -> None:
    for name in ("images/a.jpg", "labels/c.png"):
        (cells / name).write_bytes(b"")
    (cells / "images/b.png").unlink()
    (cells / "images/b.png").symlink_to("nowhere")
    with pytest.raises(DataError) as caught:
        open_pairs(folder)
    assert [line.split(":")[0].split("/")[-1] for line in str(caught.value).splitlines()[1:]] == [
        "a.jpg is damaged or no image (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP)",
        "b.png cannot be read",
        "c.png is damaged or no image (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP)",
    ]


def test_a_changed_file_is_read_again(folder: DataFolder, cells: Path) -> None:
    assert read(open_pairs(folder), "s")[1, 0, 0] == 0
    write(cells, "b", np.full((2, 3), 2))
    assert read(open_pairs(folder), "s")[1, 0, 0] == 2


def test_an_untrusted_spec_follows_no_links_out(folder: DataFolder, cells: Path) -> None:
    outside = folder.root.parent / "outside.png"
    (cells / "images/b.png").rename(outside)
    (cells / "images/b.png").symlink_to(outside)
    untrusted = DataFolder(folder.spec_folder, folder.root, untrusted=True)
    assert open_pairs(folder).length("train") == 3
    with pytest.raises(DataError, match=r"b.png is a link out of the spec's folder"):
        open_pairs(untrusted)
    (cells / "images/b.png").unlink()
    with pytest.raises(DataError, match=r"leads out of the spec's folder"):
        open_pairs(untrusted, labels="../..")


def test_photographs_are_no_label_maps(folder: DataFolder, cells: Path) -> None:
    photograph = np.arange(18, dtype=np.uint8).reshape(2, 3, 3)
    Image.fromarray(photograph).save(cells / "labels/b.png")
    with pytest.raises(
        DataError, match=r"the label map \S*labels/b.png is a coloured image \(mode 'RGB'\), such as a photograph: expected"
    ):
        open_pairs(folder)
