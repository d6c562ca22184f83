"""Reading and resizing label maps. This file tests both against values by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, ImageOps

from gamelearn.data.label_maps import fit_labels, fit_mask, image_size, read_label_map, read_mask, same_shape
from gamelearn.data.words import listed
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


DARK = np.array([[0, 1], [255, 0]], np.uint8)
"""Grey values of which one is as dark as can be, but not black."""


@pytest.mark.parametrize("mode", ["1", "L", "LA", "P", "RGB", "RGBA", "I;16", "blue", "transparent palette"])
def test_a_mask_hides_what_is_not_black_however_dark(mode: str, tmp_path: Path) -> None:
    if mode == "1":
        image = Image.fromarray(DARK > 0)
    elif mode == "I;16":
        image = Image.fromarray(DARK.astype(np.uint16))
    elif mode == "blue":
        image = Image.fromarray(np.stack([0 * DARK, 0 * DARK, DARK], -1))
    elif mode in ("P", "transparent palette"):
        image = Image.fromarray(np.array([[7, 3], [1, 7]], np.uint8), "P")  # black is neither the first colour nor the least number
        image.putpalette([9, 9, 9, 255, 0, 0, 5, 5, 5, 0, 0, 1] + [0] * 24)
    else:
        image = Image.fromarray(DARK).convert(mode)
    options: dict[str, Any] = {"transparency": bytes([255] * 7 + [0])} if mode == "transparent palette" else {}
    image.save(tmp_path / "mask.png", **options)
    assert read_mask(tmp_path / "mask.png").tolist() == [[False, True], [True, False]]


@pytest.mark.parametrize(
    ("colours", "alphas", "hidden"),
    [
        ([(0, 0, 0), (9, 9, 9)], [0, 255], [False, True]),  # a brush on a transparent sheet
        ([(0, 0, 0), (0, 0, 1)], [255, 1], [False, True]),  # nearly transparent is not transparent
        ([(0, 0, 0), (0, 0, 0)], [255, 255], [False, False]),
        ([(0, 0, 0), (0, 0, 0)], [255, 0], None),  # black where it is opaque: which of the two is hidden?
        ([(9, 9, 9), (9, 9, 9)], [255, 0], None),
        ([(0, 0, 0), (9, 9, 9)], [255, 0], None),
    ],
)
def test_transparency_that_contradicts_colours_is_refused(
    colours: list[tuple[int, int, int]], alphas: list[int], hidden: list[bool] | None, tmp_path: Path
) -> None:
    values = [[(*colour, alpha) for colour, alpha in zip(colours, alphas, strict=True)]]
    Image.fromarray(np.array(values, np.uint8)).save(tmp_path / "mask.png")
    if hidden is None:
        with pytest.raises(DataError, match="has transparent pixels beside its colours: save it black and white"):
            read_mask(tmp_path / "mask.png")
    else:
        assert read_mask(tmp_path / "mask.png").tolist() == [hidden]


def test_masks_and_label_maps_are_set_upright_as_images_are(tmp_path: Path) -> None:
    turned = Image.Exif()
    turned[0x0112] = 6
    Image.fromarray(DARK).save(tmp_path / "a.png", exif=turned)
    assert read_mask(tmp_path / "a.png").tolist() == [[True, False], [False, True]]
    assert read_label_map(tmp_path / "a.png").tolist() == [[255, 0], [0, 1]]
    Image.new("RGB", (8, 4)).save(tmp_path / "a.tif", tiffinfo={274: 6})
    assert image_size(tmp_path / "a.tif") == (8, 4)


@pytest.mark.parametrize("source", [(1000, 1000), (7, 5), (2, 3), (3, 9), (8, 1)])
@pytest.mark.parametrize("size", [(8, 8), (3, 2), (1, 1), (4, 12)])
def test_a_resized_mask_hides_every_pixel_that_a_hidden_one_touches(source: tuple[int, int], size: tuple[int, int]) -> None:
    rng = np.random.default_rng(0)
    height, width = min(source[0], source[1] * size[0] / size[1]), min(source[1], source[0] * size[1] / size[0])
    top, left = (source[0] - height) / 2, (source[1] - width) / 2
    for _ in range(5):
        row, column = int(rng.integers(source[0])), int(rng.integers(source[1]))
        mask = np.zeros(source, bool)
        mask[row, column] = True
        rows = [top + i * height / size[0] < row + 1 - 1e-6 and row + 1e-6 < top + (i + 1) * height / size[0] for i in range(size[0])]
        columns = [
            left + j * width / size[1] < column + 1 - 1e-6 and column + 1e-6 < left + (j + 1) * width / size[1] for j in range(size[1])
        ]
        assert fit_mask(mask, size).tolist() == np.outer(rows, columns).tolist()
