"""Reading and resizing label maps. This file tests both against values by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from gamelearn.data.label_maps import fit_labels, image_size, listed, read_label_map, read_mask, same_shape
from gamelearn.errors import DataError


def test_most_of_the_pixels_decide_and_of_several_the_lowest_class() -> None:
    labels = np.array([[3, 3, 0, 5], [3, 1, 5, 0], [7, 7, 2, 2], [0, 0, 2, 2]], np.uint8)
    assert fit_labels(labels, (2, 2)).tolist() == [[3, 0], [0, 2]]


def test_a_ratio_that_does_not_divide_gives_each_pixel_to_one_cell() -> None:
    labels = np.array([[1, 1, 2], [1, 1, 2], [3, 3, 4]], np.uint8)
    assert fit_labels(labels, (2, 2)).tolist() == [[1, 1], [1, 1]]
    assert fit_labels(np.arange(5, dtype=np.uint8)[None].repeat(5, 0), (5, 5))[0].tolist() == [0, 1, 2, 3, 4]


def test_an_enlarged_map_repeats_pixels() -> None:
    labels = np.array([[1, 2], [3, 4]], np.uint8)
    assert fit_labels(labels, (4, 4)).tolist() == [[1, 1, 2, 2], [1, 1, 2, 2], [3, 3, 4, 4], [3, 3, 4, 4]]


@given(st.integers(1, 20), st.integers(1, 20), st.integers(1, 12), st.integers(1, 12))
def test_any_size_keeps_what_the_image_keeps(height: int, width: int, rows: int, columns: int) -> None:
    """A map of two halves is cut where an image of two halves is cut."""
    labels = np.zeros((height, width), np.uint8)
    labels[:, width // 2 :] = 1
    found = fit_labels(labels, (rows, columns))
    assert found.shape == (rows, columns)
    fitted = ImageOps.fit(Image.fromarray(255 * labels), (columns, rows), Image.Resampling.BILINEAR)
    clear = [(value, low) for value, low in zip(found.ravel(), np.asarray(fitted).ravel(), strict=True) if low in (0, 255)]
    assert all(value == low // 255 for value, low in clear)


def test_both_are_cut_about_the_centre() -> None:
    labels = np.array([[9, 1, 2, 9]] * 2, np.uint8)
    assert fit_labels(labels, (2, 2)).tolist() == [[1, 2], [1, 2]]
    assert fit_labels(labels.T.copy(), (1, 1)).tolist() == [[1]]


def test_values_are_grey_values_or_numbers_of_the_palette(tmp_path: Path) -> None:
    values = np.array([[0, 3], [7, 1]], np.uint8)
    Image.fromarray(values).save(tmp_path / "grey.png")
    coloured = Image.fromarray(values, mode=None).convert("P")
    coloured.putdata(values.ravel().tolist())
    coloured.putpalette([9, 9, 9, 1, 2, 3] + [0] * 24)
    coloured.save(tmp_path / "palette.png")
    Image.fromarray(values > 1).save(tmp_path / "bits.png")
    assert read_label_map(tmp_path / "grey.png").tolist() == values.tolist()
    assert read_label_map(tmp_path / "palette.png").tolist() == values.tolist()
    assert read_label_map(tmp_path / "bits.png").tolist() == (values > 1).astype(int).tolist()


@pytest.mark.parametrize(
    ("mode", "colour", "what"),
    [
        ("RGB", (1, 1, 2), r"is a coloured image \(mode 'RGB'\), such as a photograph: expected 8 bits, grey or of a palette"),
        ("RGBA", (1, 2, 2, 255), r"is a coloured image \(mode 'RGBA'\)"),
        ("RGB", (3, 3, 3), r"has the same values in three colours \(mode 'RGB'\): expected .*; save one of the three"),
        ("I;16", 3, "has pixels of mode 'I;16': expected 8 bits, grey or of a palette"),
    ],
)
def test_colours_are_no_classes(tmp_path: Path, mode: str, colour: Any, what: str) -> None:
    Image.new(mode, (2, 2), colour).save(tmp_path / "a.png")
    with pytest.raises(DataError, match=f"the label map \\S*a.png {what}"):
        read_label_map(tmp_path / "a.png")


def test_damaged_files_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    Image.effect_noise((64, 64), 90).save(tmp_path / "a.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:-2000])
    (tmp_path / "c.png").write_bytes(b"")
    for read in (read_label_map, read_mask):
        with pytest.raises(DataError, match=r"b.png is damaged: "):
            read(tmp_path / "b.png")
        with pytest.raises(DataError, match=r"c.png is damaged or no image"):
            read(tmp_path / "c.png")
    with pytest.raises(DataError, match=r"the image \S*c.png is damaged or no image"):
        image_size(tmp_path / "c.png")
    monkeypatch.setattr("gamelearn.data.images._MOST_PIXELS", 4095)
    with pytest.raises(DataError, match=r"a.png has 64x64 pixels: at most 4,095 are read"):
        read_label_map(tmp_path / "a.png")


def test_a_turned_photograph_has_its_upright_size(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (8, 4)).save(tmp_path / "a.jpg", exif=exif)
    Image.new("RGB", (8, 4)).save(tmp_path / "b.jpg")
    assert (image_size(tmp_path / "a.jpg"), image_size(tmp_path / "b.jpg")) == ((8, 4), (4, 8))


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ((8, 8), (8, 8), True),
        ((1024, 1024), (512, 512), True),
        ((333, 500), (167, 250), True),
        ((8, 8), (8, 9), True),
        ((64, 64), (64, 48), False),
        ((64, 48), (48, 64), False),
    ],
)
def test_the_same_shape_is_that_of_an_enlargement(first: tuple[int, int], second: tuple[int, int], same: bool) -> None:
    assert same_shape(first, second) == same_shape(second, first) == same


def test_many_problems_are_counted() -> None:
    assert listed(["a", "b"]) == "\n  a\n  b"
    assert listed([str(each) for each in range(1012)]).splitlines()[-2:] == ["  9", "  and 1,002 more"]
