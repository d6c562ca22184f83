"""Masks: patterns, files for each row or for all rows, what cannot be a mask. This file tests their reading."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gamelearn.errors import DataError, EvidenceError
from gamelearn.files.masks import hides_anything, open_mask
from gamelearn.files.source import Source
from gamelearn.graph.model import Variable
from gamelearn.patterns import hidden_pattern
from tests.files.games import MASKS, PICTURES, S, X, Z, everything, write_pngs

COLOURS = np.repeat(MASKS[:, None], 3, 1)


def opened(tmp_path: Path, mask: NDArray[Any], variable: Variable = X, rows: int = 7) -> Source:
    np.savez(tmp_path / "m.npz", mask)
    return open_mask(str(tmp_path / "m.npz"), variable, rows=rows, seed=0)


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize(
    "mask",
    [COLOURS, MASKS, MASKS.astype(np.int64), MASKS[:, None], COLOURS.transpose(0, 2, 3, 1)],
    ids=["all elements", "pixels", "numbers", "one colour", "colours last"],
)
def test_every_row_has_its_mask(tmp_path: Path, mask: NDArray[Any], size: int) -> None:
    found = everything(opened(tmp_path, mask), size)
    assert found.dtype == bool
    assert np.array_equal(found, COLOURS)


@pytest.mark.parametrize("mask", [COLOURS[2], MASKS[2], MASKS[2][None], COLOURS[2].transpose(1, 2, 0)])
def test_one_mask_is_for_all_rows(tmp_path: Path, mask: NDArray[Any]) -> None:
    assert np.array_equal(everything(opened(tmp_path, mask), 3), np.repeat(COLOURS[2][None], 7, 0))


def test_other_variables_have_masks_of_their_shape(tmp_path: Path) -> None:
    assert np.array_equal(everything(opened(tmp_path, MASKS, S), 2), MASKS)
    assert everything(opened(tmp_path, np.eye(7, 5, dtype=bool), Z)).sum() == 5
    assert everything(opened(tmp_path, np.eye(5, dtype=bool)[0], Z)).sum() == 7


def test_a_mask_that_may_mean_two_things_is_refused(tmp_path: Path) -> None:
    mask = np.zeros((3, 4, 6), bool)
    assert opened(tmp_path, mask, rows=5).rows == 5
    with pytest.raises(EvidenceError, match=r"may be one for all rows, or one of pixels for each row: give it as \(3, 3, 4, 6\)"):
        opened(tmp_path, mask, rows=3)


def test_patterns_are_those_of_the_module(tmp_path: Path) -> None:
    for text in ("square:2", "left", "bottom", "random:0.3"):
        found = everything(open_mask(text, X, rows=7, seed=4), 2)
        assert np.array_equal(found, hidden_pattern(text, X.shape, 7, 0, 4))


def test_a_folder_has_a_mask_for_each_row_and_an_image_one_for_all(tmp_path: Path) -> None:
    folder = write_pngs(tmp_path / "masks", MASKS.astype(np.uint8) * 255)
    each = open_mask(str(folder), X, rows=7, seed=0)
    assert each.names == tuple("abcdefg")
    assert np.array_equal(everything(each, 2), COLOURS)
    whole = open_mask(str(folder / "c.png"), X, rows=5, seed=0)
    assert whole.names is None
    assert np.array_equal(everything(whole, 2), np.repeat(COLOURS[2][None], 5, 0))


def test_a_resized_mask_hides_a_pixel_if_it_hides_any_under_it(tmp_path: Path) -> None:
    large = np.zeros((1, 12, 18), np.uint8)
    large[0, 4, 10] = 255
    found = everything(open_mask(str(write_pngs(tmp_path / "masks", large)), S, rows=1, seed=0, resize=True))
    assert np.argwhere(found).tolist() == [[0, 1, 3]]


@pytest.mark.parametrize(
    ("mask", "message"),
    [
        (MASKS[:5], "m.npz:arr_0 has masks of 5 rows, 'x' has 7"),
        (MASKS[:, :3], "expected a mask of shape (7, 3, 4, 6) or, for all rows alike, (3, 4, 6), got (7, 3, 6)"),
        (MASKS.astype(float), "expected a mask of true and false, or of 0 and 1, got an array of type float64"),
    ],
)
def test_what_does_not_fit_is_told_before_it_is_read(tmp_path: Path, mask: NDArray[Any], message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        opened(tmp_path, mask)
    assert message in str(caught.value)


def test_other_values_are_named_by_file_and_row(tmp_path: Path) -> None:
    mask = MASKS.astype(np.uint8)
    mask[4, 1, 1] = 255
    source = opened(tmp_path, mask)
    with pytest.raises(EvidenceError, match=r"the mask of 'x', .*m.npz:arr_0, row 4 \(counted from 0\): expected .* got 255"):
        everything(source, 3)
    with pytest.raises(EvidenceError, match=r"the mask of 'x', .*m.npz:arr_0: expected .* got 255"):
        everything(opened(tmp_path, mask[4]), 3)


@pytest.mark.parametrize(
    ("text", "variable", "error", "message"),
    [
        ("squre:3", X, DataError, "there is no file or folder 'squre:3'; 'squre:3' is no pattern; known: .*did you mean 'square'\\?"),
        ("square", X, DataError, "there is no file or folder 'square'; 'square' is no pattern: 'square' needs a side of at least 1 pixel"),
        ("square:5", X, EvidenceError, "the pattern 'square:5' does not fit into an image of 4 x 6 pixels"),
        ("top", Z, EvidenceError, "hides pixels of an image"),
    ],
)
def test_patterns_that_cannot_be_meant(text: str, variable: Variable, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        open_mask(text, variable, rows=7, seed=0)


def test_images_hide_nothing_of_other_variables(tmp_path: Path) -> None:
    folder = write_pngs(tmp_path / "masks", PICTURES)
    with pytest.raises(EvidenceError, match=r"holds images; 'z' of shape \(5,\) is none: give its mask as .npz or .npy"):
        open_mask(str(folder), Z, rows=7, seed=0)


def test_whether_anything_is_hidden(tmp_path: Path) -> None:
    mask = np.zeros((200, 4, 6), bool)
    assert not hides_anything(opened(tmp_path, mask, rows=200))
    mask[-1, -1, -1] = True
    assert hides_anything(opened(tmp_path, mask, rows=200))
