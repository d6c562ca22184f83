"""Sheets: where cells and captions stand, long captions, columns that do not fit together. This file draws small ones."""

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from gamelearn.report.pictures import Pixels
from gamelearn.report.sheets import save_sheet, sheet

GREEN, BLUE = (0, 255, 0), (0, 0, 255)


def cells(colour: tuple[int, int, int], count: int = 2, side: int = 48) -> Pixels:
    return np.full((count, side, side, 3), colour, np.uint8)


def box(made: Pixels, colour: tuple[int, int, int]) -> list[int]:
    """Return top, left, bottom and right of all pixels of a colour."""
    places = np.argwhere((made == colour).all(axis=2))
    return [*places.min(axis=0).tolist(), *(places.max(axis=0) + 1).tolist()]


def ink(made: Pixels) -> NDArray[np.bool_]:
    return np.asarray((made < 128).all(axis=2))


def test_columns_stand_side_by_side_below_their_captions() -> None:
    made = sheet([("given", cells(GREEN)), ("truth", cells(BLUE))])
    top, left, bottom, right = box(made, GREEN)
    assert (bottom - top, right - left) == (2 * 48 + 4, 48)
    assert box(made, BLUE) == [top, right + 4, bottom, right + 4 + 48]
    assert ink(made)[:top, left:right].any()
    assert ink(made)[:top, right + 4 :].any()
    assert not ink(made)[top:].any()


def test_rows_are_in_order_with_their_captions_beside_them() -> None:
    both = np.concatenate([cells(GREEN, 1), cells(BLUE, 1)])
    plain, named = sheet([("", both)]), sheet([("", both)], rows=["first", "second"])
    assert box(plain, GREEN)[0] < box(plain, BLUE)[0]
    top, left, bottom, _ = box(named, GREEN)
    assert left > box(plain, GREEN)[1] + 20
    assert ink(named)[top:bottom, :left].any()
    assert ink(named)[box(named, BLUE)[0] :, :left].any()


def test_a_title_is_above_all() -> None:
    made = sheet([("given", cells(GREEN))], title="a title that is wider than its table")
    assert box(made, GREEN)[0] == box(sheet([("given", cells(GREEN))]), GREEN)[0] + 15
    assert made.shape[1] > 150


def test_small_images_are_enlarged_and_smaller_ones_centred() -> None:
    made = sheet([("a", cells(GREEN, side=8)), ("b", cells(BLUE, side=64))])
    top, left, bottom, right = box(made, GREEN)
    assert right - left == 48
    tall = box(made, BLUE)
    assert (top - tall[0], tall[2] - bottom) == (8, 8)


def test_long_captions_are_broken_and_endless_words_cut() -> None:
    short = sheet([("one", cells(GREEN))])
    broken = sheet([("one two three four five six", cells(GREEN))])
    assert broken.shape[1] == short.shape[1]
    assert box(broken, GREEN)[0] >= box(short, GREEN)[0] + 30
    endless = sheet([("x" * 500, cells(GREEN))], rows=["y" * 500, "\N{GREEK SMALL LETTER ALPHA}"])
    assert endless.shape[1] < 400


def test_columns_of_unequal_length_are_refused() -> None:
    for columns, rows in (([("a", cells(GREEN)), ("b", cells(BLUE, 3))], []), ([("a", cells(GREEN))], ["one"]), ([], [])):
        with pytest.raises(ValueError, match="expected columns of equal length"):
            sheet(columns, rows=rows)


def test_a_png_holds_the_sheet(tmp_path: Path) -> None:
    columns = [("given", cells(GREEN)), ("truth", cells(BLUE))]
    path = save_sheet(columns, tmp_path / "new" / "sheet.png", rows=["1", "2"], title="title")
    with Image.open(path) as image:
        assert np.array_equal(np.array(image), sheet(columns, rows=["1", "2"], title="title"))
