"""Patterns of hidden pixels. This file compares them with masks written by hand."""

import numpy as np
import pytest

from gamelearn.errors import EvidenceError
from gamelearn.patterns import hidden_pattern


def test_a_square_stands_in_the_middle_of_every_colour() -> None:
    hidden = hidden_pattern("square:24", (3, 64, 64), 2)
    assert hidden.shape == (2, 3, 64, 64)
    assert hidden.dtype == np.bool_
    assert hidden[1, 2, 20:44, 20:44].all()
    assert hidden.sum() == 2 * 3 * 24 * 24


@pytest.mark.parametrize(
    ("text", "row"),
    [("left", [1, 1, 0, 0, 0]), ("right", [0, 0, 0, 1, 1])],
)
def test_halves_by_width(text: str, row: list[int]) -> None:
    assert hidden_pattern(text, (2, 5), 1)[0].astype(int).tolist() == [row, row]


@pytest.mark.parametrize(
    ("text", "column"),
    [("top", [1, 1, 0, 0, 0]), ("bottom", [0, 0, 0, 1, 1])],
)
def test_halves_by_height(text: str, column: list[int]) -> None:
    assert hidden_pattern(text, (1, 5, 1), 1)[0, 0, :, 0].astype(int).tolist() == column


def test_random_pixels_have_their_share_and_all_colours_in_common() -> None:
    hidden = hidden_pattern("random:0.3", (3, 32, 32), 20, seed=4)
    assert (hidden[:, 0] == hidden[:, 2]).all()
    deviation = (0.3 * 0.7 / (20 * 32 * 32)) ** 0.5
    assert abs(hidden[:, 0].mean() - 0.3) < 4 * deviation
    assert (hidden[0] != hidden[1]).any()


def test_random_pixels_belong_to_rows_not_to_blocks() -> None:
    whole = hidden_pattern("random:0.5", (8, 8), 6, seed=1)
    assert (hidden_pattern("random:0.5", (8, 8), 2, first_row=4, seed=1) == whole[4:]).all()
    assert (hidden_pattern("random:0.5", (8, 8), 6, seed=2) != whole).any()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("squares:24", "'squares:24' is no pattern; known: .*; did you mean 'square'?"),
        ("square", "'square' needs a side of at least 1 pixel, such as square:24"),
        ("square:0", "needs a side of at least 1 pixel"),
        ("square:2.5", "needs a side of at least 1 pixel"),
        ("random:1.5", "needs a share between 0 and 1"),
        ("random:nan", "needs a share between 0 and 1"),
        ("left:3", "'left:3' is no pattern"),
        ("square:9", "does not fit into an image of 8 x 10 pixels"),
    ],
)
def test_what_is_no_pattern_is_said(text: str, message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        hidden_pattern(text, (8, 10), 1)


def test_only_images_have_patterns() -> None:
    with pytest.raises(EvidenceError, match=r"not of \(8,\)"):
        hidden_pattern("left", (8,), 1)
