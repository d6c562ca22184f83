"""Folders of image files, whole and damaged. This file tests their data set."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from gamelearn.data.dataset import DataSet, Field
from gamelearn.data.folder import DataAbsent, DataFolder
from gamelearn.data.images import Images, ImagesOptions
from gamelearn.errors import DataError
from gamelearn.options import mistakes_of


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
    for index in range(8):
        (folder.root / f"faces/{index}.png").touch()
    with pytest.raises(DataError, match=r"; 3 more$"):
        read(open_folder(folder), "x", *range(8))


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


def test_an_untrusted_spec_follows_no_link_outside(folder: DataFolder) -> None:
    paint(folder.root.parent / "secret.png", (1, 2, 3))
    (folder.root / "faces").mkdir()
    (folder.root / "faces/a.png").symlink_to(folder.root.parent / "secret.png")
    assert len(read(open_folder(folder), "x", 0)) == 1
    with pytest.raises(DataError, match="is a link out of"):
        open_folder(DataFolder(folder.spec_folder, folder.root, untrusted=True))
