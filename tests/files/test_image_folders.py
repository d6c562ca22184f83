"""Folders of images, label maps and single images: order, sizes, modes, damage. This file tests their reading."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gamelearn.data.images import ImageColumn
from gamelearn.data.reading import Reading
from gamelearn.errors import DataError, EvidenceError
from gamelearn.files.evidence import open_evidence
from gamelearn.files.image_folders import ImageSource, list_images
from gamelearn.files.values import open_values
from gamelearn.graph.model import Variable
from gamelearn.report.pictures import palette
from tests.files.games import FLAT, GREY, LABELS, MASKS, PICTURES, RNG, VARIABLES, C, S, X, Z, everything, write_pngs

UNIT = PICTURES.transpose(0, 3, 1, 2) / np.float32(255)


def opened(place: Path, variable: Variable, *, resize: bool = False) -> ImageSource:
    source = open_values(str(place), variable, resize=resize)
    assert isinstance(source, ImageSource)
    return source


def test_every_image_is_a_row_in_the_order_of_names(tmp_path: Path) -> None:
    folder = write_pngs(tmp_path / "faces", PICTURES, "gfedcba")
    (folder / "notes.txt").write_text("no image")
    source = opened(folder, X)
    assert source.names == tuple("abcdefg")
    assert np.allclose(everything(source, 3), UNIT[::-1], atol=1e-7)
    assert source.place(0) == str(folder / "a.png")


def test_one_image_is_one_row(tmp_path: Path) -> None:
    folder = write_pngs(tmp_path / "faces", PICTURES)
    source = opened(folder / "c.png", X)
    assert (source.rows, source.names) == (1, ("c",))
    assert np.allclose(everything(source)[0], UNIT[2], atol=1e-7)


def test_grey_and_binary_variables_take_grey_values(tmp_path: Path) -> None:
    grey = PICTURES[..., 0]
    folder = write_pngs(tmp_path / "grey", grey)
    assert np.allclose(everything(opened(folder, GREY), 2), grey[:, None] / 255)
    assert np.array_equal(everything(opened(folder, FLAT)), (grey >= 128).astype(np.float32))


def test_a_jpeg_is_an_image(tmp_path: Path) -> None:
    flat = np.full((1, 4, 6, 3), (40, 90, 200), np.uint8)
    found = everything(opened(write_pngs(tmp_path / "faces", flat, ending="jpg"), X))
    assert np.allclose(found[0, :, 0, 0] * 255, (40, 90, 200), atol=3)


def test_label_maps_hold_classes_as_grey_values_or_in_a_palette(tmp_path: Path) -> None:
    grey = write_pngs(tmp_path / "grey", LABELS)
    coloured = tmp_path / "palette"
    coloured.mkdir()
    for name, labels in zip("abcdefg", LABELS, strict=True):
        image = Image.fromarray(labels)
        image.putpalette(palette(3).tobytes())
        image.save(coloured / f"{name}.png")
    for folder in (grey, coloured):
        found = everything(opened(folder, S), 4)
        assert np.array_equal(found, LABELS)
        assert found.dtype == np.int64


def test_white_is_the_second_of_two_classes(tmp_path: Path) -> None:
    two = Variable("s", "categorical", (4, 6), 2)
    labels = LABELS.clip(0, 1)
    white = write_pngs(tmp_path / "white", labels * np.uint8(255))
    assert np.array_equal(everything(opened(white, two)), labels)
    assert np.array_equal(everything(opened(write_pngs(tmp_path / "plain", labels), two)), labels)
    assert everything(opened(white, S)).max() == 255  # which is then no class


def test_another_size_is_refused_or_brought_to_that_of_the_variable(tmp_path: Path) -> None:
    large = np.repeat(np.repeat(PICTURES, 3, 1), 3, 2)
    folder = write_pngs(tmp_path / "large", large)
    with pytest.raises(EvidenceError, match=r"a.png has 12x18 pixels, 'x' 4x6 \(height x width\): resize it, or say --resize"):
        opened(folder, X)
    assert np.abs(everything(opened(folder, X, resize=True)) - UNIT).mean() < 0.1
    labels = write_pngs(tmp_path / "labels", np.repeat(np.repeat(LABELS, 3, 1), 3, 2))
    with pytest.raises(EvidenceError, match=r"a.png has 12x18 pixels, 's' 4x6"):
        opened(labels, S)
    assert np.array_equal(everything(opened(labels, S, resize=True)), LABELS)


def test_resizing_cuts_about_the_centre(tmp_path: Path) -> None:
    wide = np.zeros((1, 4, 10, 3), np.uint8)
    wide[:, :, 2:8] = 200
    found = everything(opened(write_pngs(tmp_path / "wide", wide), X, resize=True))
    assert np.allclose(found * 255, 200)


def test_an_image_on_its_side_has_the_size_at_which_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    folder = tmp_path / "faces"
    folder.mkdir()
    Image.new("RGB", (4, 6)).save(folder / "a.jpg", exif=exif)
    assert opened(folder, X).rows == 1
    Image.new("RGB", (6, 4)).save(folder / "a.jpg", exif=exif)
    with pytest.raises(EvidenceError, match="has 6x4 pixels, 'x' 4x6"):
        opened(folder, X)


@pytest.mark.parametrize(
    ("variable", "mode", "ending", "message"),
    [
        (S, "L", "jpg", "a.jpg is a JPEG file, which changes pixels: label maps and masks are given as PNG"),
        (S, "RGB", "png", r"a.png has the same values in three colours \(mode 'RGB'\): expected 8 bits, grey or of a palette"),
        (X, "I;16", "png", "a.png has pixels of mode 'I;16': expected 8 bits per colour"),
    ],
)
def test_pixels_that_do_not_fit_are_told_before_any_is_read(
    tmp_path: Path, variable: Variable, mode: str, ending: str, message: str
) -> None:
    Image.new(mode, (6, 4)).save(tmp_path / f"a.{ending}")
    with pytest.raises(EvidenceError, match=message):
        opened(tmp_path, variable)


def test_folders_without_images_and_images_of_one_name(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match=r"the folder .*empty has no images: none of its files ends in"):
        opened(tmp_path / "empty", X)
    folder = write_pngs(tmp_path / "faces", PICTURES[:2])
    write_pngs(folder, PICTURES[:1], ending="bmp")
    with pytest.raises(DataError, match=r"a.bmp and .*a.png have the same name"):
        opened(folder, X)


def test_what_is_hidden_is_no_row_and_what_lies_deeper_is_told(tmp_path: Path) -> None:
    folder = write_pngs(tmp_path / "faces", PICTURES)
    for name in ("._a.png", ".ipynb_checkpoints/a.png", "@eaDir/a.png", "Thumbs.db"):
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_bytes(b"no image")
    assert opened(folder, X).names == tuple("abcdefg")
    write_pngs(folder / "more", PICTURES[:2])
    with pytest.raises(
        DataError, match=r"faces has images, but 2 images lie in deeper folders, such as \S*more/a.png: give a folder without"
    ):
        opened(folder, X)
    with pytest.raises(DataError, match=r"top has no images: .*; 1 image lies in deeper folders, such as \S*top/one/a.png"):
        opened(write_pngs(write_pngs(tmp_path / "top", PICTURES[:0]) / "one", PICTURES[:1]).parent, X)


def test_images_are_brought_to_size_where_the_training_did_so(tmp_path: Path) -> None:
    large = np.repeat(np.repeat(PICTURES, 3, 1), 3, 2)
    folder, labels = write_pngs(tmp_path / "large", large), write_pngs(tmp_path / "labels", np.repeat(np.repeat(LABELS, 3, 1), 3, 2))
    readings = {"x": Reading(size=(4, 6), colour="rgb"), "s": Reading(size=(4, 6))}
    trained = ImageColumn(sorted(folder.iterdir()), (4, 6), "rgb").read(torch.arange(7))
    assert np.array_equal(everything(open_values(str(folder), X, readings=readings)), trained.numpy())
    assert np.array_equal(everything(open_values(str(labels), S, readings=readings)), LABELS)
    masks = write_pngs(tmp_path / "masks", np.repeat(np.repeat(MASKS, 3, 1), 3, 2))
    opened_files = open_evidence(VARIABLES, {"x": str(folder)}, {"x": str(masks)}, {}, rows=None, seed=0, resize=False, readings=readings)
    (block,) = opened_files.blocks(10)
    assert np.array_equal(block.hide["x"], np.broadcast_to(MASKS[:, None], (7, 3, 4, 6)))


def test_names_of_rows_have_no_suffix(tmp_path: Path) -> None:
    for name in ("b_mask.png", "a_mask.png", "a_edges.png"):
        (tmp_path / name).touch()
    assert {name: file.name for name, file in list_images(tmp_path, "_mask").items()} == {"a": "a_mask.png", "b": "b_mask.png"}
    assert list(list_images(tmp_path, "_lines")) == ["a_edges", "a_mask", "b_mask"]  # the user's own names


def test_damaged_files_are_counted(tmp_path: Path) -> None:
    folder = write_pngs(tmp_path / "faces", PICTURES)
    for name in "bd":
        (folder / f"{name}.png").write_bytes(b"")
    (folder / "h.png").symlink_to("nowhere")
    with pytest.raises(
        DataError, match=r"(?s)^3 files cannot be read:\n  the image \S*/b.png .*/d.png .*h.png cannot be read: No such file"
    ):
        opened(folder, X)


def test_damage_is_named_by_its_file(tmp_path: Path) -> None:
    noise = RNG.integers(0, 256, (3, 4, 6, 3), dtype=np.uint8)
    folder = write_pngs(tmp_path / "faces", noise)
    content = (folder / "b.png").read_bytes()
    (folder / "b.png").write_bytes(content[: content.index(b"IDAT") + 12])
    with pytest.raises(DataError, match=r"b.png is damaged"):
        everything(opened(folder, X, resize=True), 1)
    (folder / "b.png").write_bytes(b"no image")
    with pytest.raises(DataError, match=r"the image .*b.png is damaged or no image"):
        opened(folder, X)


@pytest.mark.parametrize("variable", [Z, C, Variable("k", "categorical", (), 4), Variable("m", "real", (2, 4, 6))])
def test_other_variables_are_no_images(tmp_path: Path, variable: Variable) -> None:
    with pytest.raises(EvidenceError, match=f"holds images; '{variable.name}' \\(.*\\) is none: give it as .npz or .npy"):
        opened(write_pngs(tmp_path / "faces", PICTURES), variable)


def test_photographs_are_no_label_maps(tmp_path: Path) -> None:
    """A palette image has colours too, but its pixels are numbers."""
    folder = write_pngs(tmp_path / "maps", LABELS)
    Image.fromarray(PICTURES[0]).save(folder / "c.png")
    with pytest.raises(EvidenceError, match=r"^\S*maps/c.png is a coloured image \(mode 'RGB'\), such as a photograph: expected 8 bits"):
        opened(folder, S)
