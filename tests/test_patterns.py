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


@pytest.mark.parametrize("text", ["top", "bottom", "square:2"])
def test_only_images_have_a_height(text: str) -> None:
    with pytest.raises(EvidenceError, match=r"hides pixels of an image, .*, not of \(8,\)"):
        hidden_pattern(text, (8,), 1)


@pytest.mark.parametrize(
    ("text", "row"),
    [
        ("left", [1, 1, 0, 0, 0]),
        ("right", [0, 0, 0, 1, 1]),
        ("first:1", [1, 0, 0, 0, 0]),
        ("last:3", [0, 0, 1, 1, 1]),
        ("gap:3", [0, 1, 1, 1, 0]),
        ("gap:2", [0, 1, 1, 0, 0]),
        ("last:5", [1, 1, 1, 1, 1]),
        ("all", [1, 1, 1, 1, 1]),
    ],
)
@pytest.mark.parametrize("shape", [(5,), (2, 5), (2, 3, 5)])
def test_steps_are_hidden_along_the_last_axis(text: str, row: list[int], shape: tuple[int, ...]) -> None:
    hidden = hidden_pattern(text, shape, 3)
    assert hidden.shape == (3, *shape)
    assert (hidden == np.array(row, dtype=bool)).all()


def test_random_steps_are_those_of_all_channels_and_belong_to_rows() -> None:
    hidden = hidden_pattern("steps:0.3", (2, 4, 50), 40, seed=2)
    assert (hidden == hidden[:, :1, :1]).all()
    assert abs(hidden[:, 0, 0].mean() - 0.3) < 4 * (0.3 * 0.7 / (40 * 50)) ** 0.5
    assert (hidden_pattern("steps:0.3", (2, 4, 50), 10, first_row=30, seed=2) == hidden[30:]).all()
    assert (hidden_pattern("random:0.3", (50,), 40, seed=2) == hidden[:, 0, 0]).all()


@pytest.mark.parametrize(
    ("text", "shape", "message"),
    [
        ("last:0", (8,), "'last' needs a number of steps, at least 1, such as last:8"),
        ("gap", (8,), "'gap' needs a number of steps"),
        ("steps:2", (8,), "'steps' needs a share between 0 and 1, such as steps:0.5"),
        ("last:9", (2, 8), "does not fit into 8 steps, the length of the last axis"),
        ("lasst:3", (8,), "did you mean 'last'?"),
        ("all:3", (8,), "'all:3' is no pattern"),
        ("left", (), "a scalar has none: 'all' hides it whole"),
        ("left", (2, 2, 2, 2), "not of \\(2, 2, 2, 2\\); patterns of steps go with any shape"),
    ],
)
def test_what_does_not_fit_a_series_is_said(text: str, shape: tuple[int, ...], message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        hidden_pattern(text, shape, 1)
