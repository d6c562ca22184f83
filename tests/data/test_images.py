"""Folders of image files, whole and damaged. This file tests their data set."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from gamelearn.data.dataset import SPLITS, DataSet, Field
from gamelearn.data.folder import DamagedFiles, DataAbsent, DataFolder
from gamelearn.data.images import Images, ImagesOptions
from gamelearn.data.look import problems_of
from gamelearn.data.reading import Reading
from gamelearn.data.streams import open_streams
from gamelearn.errors import DataError
from gamelearn.options import mistakes_of
from gamelearn.spec.schema import Data, Variable


def paint(path: Path, colour: tuple[int, ...], size: tuple[int, int] = (8, 8), mode: str = "RGB") -> None:
    """Write an image of one colour; `size` is (width, height)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new(mode, size, colour if len(colour) > 1 else colour[0]).save(path)


def open_folder(folder: DataFolder, **options: Any) -> DataSet:
    given = ImagesOptions.model_validate({"type": "images", "path": "faces", "size": 4, "validation": 0.0, "test": 0.0, **options})
    return Images(folder, 0, **given.own_options())


def read(data: DataSet, field: str, *rows: int) -> torch.Tensor:
    return data.read(field, "train", torch.tensor(rows))


def test_images_are_read_in_order_of_their_names(folder: DataFolder) -> None:
    paint(folder.root / "faces/b.png", (0, 51, 255))
    paint(folder.root / "faces/a.PNG", (255, 0, 0))
    (folder.root / "faces/notes.txt").touch()
    data = open_folder(folder)
    assert data.fields == {"x": Field("real", (3, 4, 4))}
    assert torch.allclose(read(data, "x", 1)[0, :, 0, 0], torch.tensor([0.0, 0.2, 1.0]))
    assert torch.equal(read(data, "x", 0)[0, :, 3, 3], torch.tensor([1.0, 0.0, 0.0]))


@pytest.mark.parametrize(
    ("mode", "colour"), [("L", (51,)), ("P", (0,)), ("1", (1,)), ("RGBA", (9, 9, 9, 255)), ("LA", (9, 255)), ("CMYK", (0, 0, 0, 0))]
)
def test_every_usual_mode_is_read(folder: DataFolder, mode: str, colour: tuple[int, ...]) -> None:
    paint(folder.root / ("faces/a.jpg" if mode == "CMYK" else "faces/a.png"), colour, mode=mode)
    assert read(open_folder(folder), "x", 0).shape == (1, 3, 4, 4)
    assert read(open_folder(folder, colour="grey"), "x", 0).shape == (1, 1, 4, 4)


def test_sub_folders_are_classes_in_order_of_names(folder: DataFolder) -> None:
    for name, colour in (("dogs/1.png", 200), ("cats/1.png", 100), ("cats/2.png", 0)):
        paint(folder.root / "faces" / name, (colour,), mode="L")
    (folder.root / "faces/empty").mkdir()
    data = open_folder(folder, colour="grey")
    assert data.fields["c"] == Field("categorical", (), 2)
    assert read(data, "c", 0, 1, 2).tolist() == [0, 0, 1]
    assert torch.allclose(read(data, "x", 0, 1, 2)[:, 0, 0, 0] * 255, torch.tensor([100.0, 0.0, 200.0]))


def test_an_image_is_cut_about_its_centre(folder: DataFolder) -> None:
    pixels = np.zeros((8, 24), np.uint8)
    pixels[:, 8:16] = 255
    (folder.root / "faces").mkdir()
    Image.fromarray(pixels).save(folder.root / "faces/a.png")
    assert bool((read(open_folder(folder, colour="grey"), "x", 0) > 0.9).all())


def test_height_comes_before_width(folder: DataFolder) -> None:
    paint(folder.root / "faces/a.png", (1, 2, 3))
    assert read(open_folder(folder, size=[2, 6]), "x", 0).shape == (1, 3, 2, 6)


def test_a_turned_photograph_is_set_upright(folder: DataFolder) -> None:
    pixels = np.zeros((8, 8), np.uint8)
    pixels[:4] = 255
    exif = Image.Exif()
    exif[0x0112] = 3
    (folder.root / "faces").mkdir()
    Image.fromarray(pixels).save(folder.root / "faces/a.png", exif=exif)
    assert read(open_folder(folder, colour="grey"), "x", 0)[0, 0, :, 0].round().tolist() == [0, 0, 1, 1]


@pytest.mark.parametrize("size", [0, -3, [4], [4, 4, 4], "large", True, 4.0])
def test_a_wrong_size_is_refused(size: Any) -> None:
    with pytest.raises(ValidationError) as caught:
        ImagesOptions.model_validate({"type": "images", "path": "faces", "size": size})
    (found,) = mistakes_of(caught.value)
    assert found.path == ("size",)
    assert found.what.startswith("expected a number of pixels, or [height, width], got")


def test_damaged_images_are_named(folder: DataFolder) -> None:
    for name in "abc":
        paint(folder.root / f"faces/{name}.png", (1, 2, 3), size=(64, 64))
    (folder.root / "faces/b.png").write_bytes(b"no image")
    whole = (folder.root / "faces/c.png").read_bytes()
    (folder.root / "faces/c.png").write_bytes(whole[: len(whole) - 40])
    data = open_folder(folder)
    assert len(read(data, "x", 0)) == 1
    with pytest.raises(DataError) as caught:
        read(data, "x", 0, 1, 2)
    assert f"the image {folder.root / 'faces/b.png'} is damaged or no image" in str(caught.value)
    assert f"the image {folder.root / 'faces/c.png'} is damaged: " in str(caught.value)
    assert "a.png" not in str(caught.value)


def test_many_damaged_images_are_counted(folder: DataFolder) -> None:
    (folder.root / "faces").mkdir()
    for index in range(12):
        (folder.root / f"faces/{index}.png").touch()
    with pytest.raises(DataError, match=r"(?s)^12 files cannot be read:\n  the image \S*/0.png is .*\n  and 2 more$"):
        read(open_folder(folder), "x", *range(12))


def test_sixteen_bits_are_not_cut_to_eight(folder: DataFolder) -> None:
    (folder.root / "faces").mkdir()
    Image.fromarray(np.full((8, 8), 300, np.uint16)).save(folder.root / "faces/a.png")
    with pytest.raises(DataError, match="convert it to 8 bits per colour"):
        read(open_folder(folder), "x", 0)


def test_a_huge_image_is_refused(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamelearn.data.images._MOST_PIXELS", 99)
    paint(folder.root / "faces/a.png", (1, 2, 3), size=(10, 10))
    with pytest.raises(DataError, match="10x10 pixels: at most 99 are read"):
        read(open_folder(folder), "x", 0)


def test_a_folder_that_is_not_there_or_has_none(folder: DataFolder) -> None:
    with pytest.raises(DataAbsent, match="'faces' is missing"):
        open_folder(folder)
    (folder.root / "faces").mkdir()
    with pytest.raises(DataError, match="has no images"):
        open_folder(folder)
    (folder.root / "file").touch()
    with pytest.raises(DataError, match="is no folder"):
        open_folder(folder, path="file")


def test_images_beside_classes_are_refused(folder: DataFolder) -> None:
    paint(folder.root / "faces/a.png", (1, 2, 3))
    paint(folder.root / "faces/cats/a.png", (1, 2, 3))
    with pytest.raises(DataError, match="every image lies in the sub-folder of its class"):
        open_folder(folder)


def grey(place: Path, *names: str) -> None:
    """Write grey images of one pixel; the brightness is the number of the image."""
    for index, name in enumerate(names):
        paint(place / name, (index,), (1, 1), "L")


def test_what_is_hidden_is_neither_image_nor_class(folder: DataFolder) -> None:
    grey(
        folder.root / "faces", "cats/1.png", "dogs/1.png", ".ipynb_checkpoints/1.png", "@eaDir/1.png", "cats/@eaDir/1.png", "cats/.a/1.png"
    )
    (folder.root / "faces/cats/._1.png").write_bytes(b"no image")
    data = open_folder(folder)
    assert (data.fields["c"].classes, data.length("train"), data.notices) == (2, 2, [])


def test_what_is_not_read_is_told(folder: DataFolder) -> None:
    grey(folder.root / "faces", "cats/1.png", "dogs/1.png", "dogs/more/2.png", "dogs/more/3.png")
    for name in ("readme.txt", "cats/1.svg", "@alice/1.png", "empty/.hidden.png"):
        (folder.root / "faces" / name).parent.mkdir(exist_ok=True)
        (folder.root / "faces" / name).touch()
    place = folder.root / "faces"
    data = open_folder(folder)
    assert (data.class_names, data.length("train")) == ({"c": ("cats", "dogs")}, 2)
    assert data.notices == [
        f"no images are in '{place / 'empty'}'",
        f"2 files are not read (in deeper folders): {place / 'dogs/more/2.png'}, {place / 'dogs/more/3.png'}",
        f"3 files are not read (not named as images): {place / '@alice'}, {place / 'readme.txt'}, {place / 'cats/1.svg'}",
    ]


def test_a_link_to_nowhere_is_a_damaged_image(folder: DataFolder) -> None:
    grey(folder.root / "faces", "1.png")
    (folder.root / "faces/2.png").symlink_to("nowhere.png")
    assert open_folder(folder).length("train") == 2
    assert list(problems_of(open_folder(folder))) == [f"the image {folder.root / 'faces/2.png'} cannot be read: No such file or directory"]


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "Valid", "TEST"), ("TRAIN", "dev", "testing")])
@pytest.mark.parametrize("classes", [("cats", "dogs"), ("",)])
def test_folders_for_splits(names: tuple[str, str, str], classes: tuple[str, ...], folder: DataFolder) -> None:
    for split, count in zip(names, (6, 2, 1), strict=True):
        for kind, name in enumerate(classes):
            for index in range(count):
                paint(folder.root / "faces" / split / name / f"{index}.png", (100 * kind + count,), (1, 1), "L")
    data = open_folder(folder, validation=0.5, test=0.4)
    lengths = [data.length(split) for split in SPLITS]
    assert lengths == [count * len(classes) for count in (6, 2, 1)]
    for split, count, length in zip(SPLITS, (6, 2, 1), lengths, strict=True):
        found = (data.read("x", split, torch.arange(length))[:, 0, 0, 0] * 255).round()
        kinds = [kind for kind in range(len(classes)) for _ in range(count)]
        assert found.tolist() == [100 * kind + count for kind in kinds]
        assert classes == ("",) or data.read("c", split, torch.arange(length)).tolist() == kinds
    assert data.class_names == ({} if classes == ("",) else {"c": classes})


def test_a_split_without_a_folder_is_a_fraction(folder: DataFolder) -> None:
    grey(folder.root / "faces", *(f"train/{index}.png" for index in range(10)), "test/0.png")
    (folder.root / "faces/val").mkdir()
    data = open_folder(folder, validation=0.3, test=0.5)
    assert [data.length(split) for split in SPLITS] == [7, 3, 1]
    assert data.notices == [f"no images are in '{folder.root / 'faces/val'}'"]


def test_a_class_may_be_named_as_a_split(folder: DataFolder) -> None:
    grey(folder.root / "faces", "car/1.png", "plane/1.png", "train/1.png")
    assert open_folder(folder).class_names == {"c": ("car", "plane", "train")}


def test_classes_are_those_of_all_splits(folder: DataFolder) -> None:
    grey(folder.root / "faces", "train/a/1.png", "train/c/1.png", "test/b/1.png")
    data = open_folder(folder)
    assert data.class_names == {"c": ("a", "b", "c")}
    assert read(data, "c", 0, 1).tolist() == [0, 2]
    assert data.notices == ["no image to train on is of the classes 'b'"]


@pytest.mark.parametrize(
    ("names", "what"),
    [
        (("train/1.png", "test/1.png", "extra/1.png"), r"faces has 'extra' beside 'train', 'test': with folders for splits"),
        (("train/1.png", "test/1.png", "1.png"), r"faces has '1.png' beside 'train', 'test': with folders for splits"),
        (("train/a/1.png", "train/b/1.png", "test/1.png"), r"faces: images of 'test' lie in no class, those of other splits"),
        (("test/1.png",), r"faces has no images"),
        (("train/", "test/1.png"), r"faces/train has no images"),
        (("cats/1.png", "dogs/big/1.png"), r"faces/dogs has images in deeper folders alone, such as \S*dogs/big/1.png"),
        (("all/cats/1.png", "all/dogs/1.png"), r"faces/all has images in deeper folders alone, such as \S*all/cats/1.png"),
        (("cafe\u0301/1.png", "caf\u00e9/1.png"), r"faces has two sub-folders whose names are the same but for how"),
    ],
)
def test_folders_that_could_be_meant_in_two_ways_are_refused(names: tuple[str, ...], what: str, folder: DataFolder) -> None:
    (folder.root / "faces/train").mkdir(parents=True) if names[0] == "train/" else None
    grey(folder.root / "faces", *(name for name in names if not name.endswith("/")))
    with pytest.raises(DataError, match=what):
        open_folder(folder)


def test_the_reading_says_what_was_done(folder: DataFolder) -> None:
    grey(folder.root / "faces", "cafe\u0301/1.png", "dogs/1.png")
    assert open_folder(folder, size=[2, 6], colour="grey").readings == {
        "x": Reading(size=(2, 6), colour="grey"),
        "c": Reading(levels=("caf\u00e9", "dogs")),
    }


def test_transparency_is_left_out_without_a_word_of_the_reader(folder: DataFolder) -> None:
    paint(folder.root / "faces/a.png", (10, 20, 30, 0), mode="RGBA")
    image = Image.new("P", (8, 8), 1)
    image.putpalette([0, 0, 0, 10, 20, 30] + [0] * 24)
    image.save(folder.root / "faces/b.png", transparency=bytes([255, 0]))
    found = read(open_folder(folder), "x", 0, 1)[:, :, 0, 0] * 255
    assert found.round().tolist() == [[10, 20, 30]] * 2


def test_of_an_animation_the_first_picture_is_read(folder: DataFolder) -> None:
    (folder.root / "faces").mkdir()
    first, *others = (Image.new("L", (8, 8), value) for value in (200, 100, 0))
    first.save(folder.root / "faces/a.gif", save_all=True, append_images=others)
    assert (read(open_folder(folder, colour="grey"), "x", 0) * 255).round().unique().tolist() == [200]


def test_all_damaged_files_are_named_when_one_is_met(folder: DataFolder) -> None:
    grey(folder.root / "faces", *(f"{index:03}.png" for index in range(80)))
    wrong = [folder.root / f"faces/{index:03}.png" for index in (3, 70)]
    for file in wrong:
        file.write_bytes(b"")
    data = open_folder(folder)
    expected = [f"the image {file} is damaged or no image (BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP)" for file in wrong]
    assert list(problems_of(data)) == expected
    spec = Data.model_validate({"dataset": {"type": "images", "path": "faces", "size": 4, "test": 0.5}, "streams": {"rows": ["x"]}})
    with pytest.raises(DamagedFiles) as caught:
        open_streams(spec, {"x": Variable(type="real", shape=(3, 4, 4))}, folder=folder, seed=0, device="cpu", dtype=torch.float32)
    assert sorted(caught.value.problems) == expected  # those of the test split too


def test_an_untrusted_spec_follows_no_link_outside(folder: DataFolder) -> None:
    paint(folder.root.parent / "secret.png", (1, 2, 3))
    (folder.root / "faces").mkdir()
    (folder.root / "faces/a.png").symlink_to(folder.root.parent / "secret.png")
    assert len(read(open_folder(folder), "x", 0)) == 1
    with pytest.raises(DataError, match="is a link out of"):
        open_folder(DataFolder(folder.spec_folder, folder.root, untrusted=True))
