"""Values in the form of their variable: shapes, types, bytes, files that cannot be meant. This file tests their reading."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gamelearn.errors import DataError, EvidenceError
from gamelearn.files.source import Source
from gamelearn.files.values import check_values, find_file, open_values, right_values
from gamelearn.graph.model import Variable
from tests.files.games import FLAT, GREY, LABELS, PICTURES, VARIABLES, C, S, X, Z, everything


def opened(tmp_path: Path, array: NDArray[Any], variable: Variable) -> Source:
    np.savez(tmp_path / "a.npz", array)
    return open_values(str(tmp_path / "a.npz"), variable)


def test_bytes_of_images_become_real_with_colours_first(tmp_path: Path) -> None:
    expected = PICTURES.transpose(0, 3, 1, 2) / np.float32(255)
    for array in (PICTURES, PICTURES.transpose(0, 3, 1, 2)):
        source = opened(tmp_path, array, X)
        assert np.array_equal(everything(source, 3), expected)
        assert everything(source).dtype == np.float32


def test_numbers_stay_as_they_are(tmp_path: Path) -> None:
    values = np.linspace(-3, 3, 7 * 72).reshape(7, 3, 4, 6)
    assert np.array_equal(everything(opened(tmp_path, values, X)), values.astype(np.float32))
    assert np.array_equal(everything(opened(tmp_path, values.transpose(0, 2, 3, 1), X)), values.astype(np.float32))


@pytest.mark.parametrize(
    ("variable", "array", "expected"),
    [
        (GREY, PICTURES[..., 0], PICTURES[:, None, :, :, 0] / np.float32(255)),
        (GREY, PICTURES[..., :1], PICTURES[:, None, :, :, 0] / np.float32(255)),
        (FLAT, LABELS > 1, (LABELS > 1).astype(np.float32)),
        (S, LABELS, LABELS.astype(np.int64)),
        (S, LABELS.astype(">i4"), LABELS.astype(np.int64)),
        (S, LABELS.astype(float), LABELS.astype(np.int64)),
        (C, np.arange(7, dtype=np.uint8), np.arange(7, dtype=np.float32)),
        (Z, np.eye(5, dtype=np.uint8), np.eye(5, dtype=np.float32)),
    ],
)
def test_every_type_has_its_form(tmp_path: Path, variable: Variable, array: NDArray[Any], expected: NDArray[Any]) -> None:
    found = everything(opened(tmp_path, array, variable), 2)
    assert np.array_equal(found, expected)
    assert found.dtype == expected.dtype


@pytest.mark.parametrize(
    ("variable", "array", "message"),
    [
        (X, PICTURES[..., 0], "'x' has rows of shape (3, 4, 6): expected (rows, 3, 4, 6) or (rows, 4, 6, 3), got (7, 4, 6)"),
        (X, PICTURES[:, :3], "got (7, 3, 6, 3)"),
        (Z, np.zeros((7, 4)), "'z' has rows of shape (5,): expected (rows, 5), got (7, 4)"),
    ],
)
def test_what_does_not_fit_is_told_before_it_is_read(tmp_path: Path, variable: Variable, array: NDArray[Any], message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        opened(tmp_path, array, variable)
    assert str(caught.value).startswith(f"{tmp_path / 'a.npz'}:arr_0: ")
    assert message in str(caught.value)


def test_the_array_is_named_or_is_that_of_the_variable_or_the_only_one(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=PICTURES, other=PICTURES[:2], text=np.array("about"))
    np.savez(tmp_path / "one.npz", other=PICTURES[:3], text=np.array("about"))
    np.save(tmp_path / "a.npy", PICTURES[:4])
    rows = {name: open_values(str(tmp_path / name), X).rows for name in ("a.npz", "a.npz:other", "one.npz", "a.npy")}
    assert rows == {"a.npz": 7, "a.npz:other": 2, "one.npz": 3, "a.npy": 4}
    with pytest.raises(DataError, match=r"a.npz has no array 's': say which of 'other', 'text', 'x' is meant, such as a.npz:x"):
        open_values(str(tmp_path / "a.npz"), S)


def test_files_that_are_not_there_or_of_another_kind(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("1")
    np.save(tmp_path / "a.npy", PICTURES)
    for text, message in (
        ("b.npz", "there is no file or folder '.*b.npz'"),
        ("b.npz:x", "there is no file or folder '.*b.npz:x'"),
        ("a.npy:x", "'.*a.npy' is no archive \\(.npz\\) and no table \\(.csv\\), so that ':x' names nothing in it"),
        ("a.txt", "a.txt has no rows below its first line"),
    ):
        with pytest.raises(DataError, match=message):
            open_values(str(tmp_path / text), X)


def test_a_name_with_a_colon_may_be_a_file(tmp_path: Path) -> None:
    np.savez(tmp_path / "a:b.npz", x=PICTURES)
    assert find_file(str(tmp_path / "a:b.npz")) == (tmp_path / "a:b.npz", None)
    assert find_file(str(tmp_path / "a:b.npz:x")) == (tmp_path / "a:b.npz", "x")


@pytest.mark.parametrize(
    ("name", "wrong", "message"),
    [
        ("x", -np.inf, "'x' is real: expected finite numbers, got -inf"),
        ("x", np.inf, "expected finite numbers, got inf"),
        ("f", 0.5, "'f' is binary: expected 0 or 1, got 0.5"),
        ("s", 3, "'s' is categorical: expected a class in 0 .. 2, got 3"),
        ("s", -1, "got -1"),
        ("c", 1.5, "'c' is count: expected whole numbers from 0 on, got 1.5"),
        ("c", -2, "got -2"),
    ],
)
def test_a_wrong_value_is_named_by_file_and_row(tmp_path: Path, name: str, wrong: float, message: str) -> None:
    variable = VARIABLES[name]
    array = np.zeros((4, *variable.shape), np.int64 if name == "s" else np.float64)
    array.reshape(4, -1)[2, -1] = wrong
    np.save(tmp_path / "a.npy", array)
    source = open_values(str(tmp_path / "a.npy"), variable)
    block = everything(source)
    assert int((~right_values(variable, block)).sum()) == 1
    with pytest.raises(EvidenceError, match=f"a.npy, row 12 \\(counted from 0\\): .*{message}"):
        check_values(variable, source, block, first_row=10)
    check_values(variable, source, block, 10, hidden=~right_values(variable, block))


def test_numbers_too_large_for_single_precision_are_found(tmp_path: Path) -> None:
    source = opened(tmp_path, np.full((1, 3, 4, 6), 1e300), X)
    with pytest.raises(EvidenceError, match="expected finite numbers, got 1e\\+300"):
        check_values(X, source, everything(source), 0)
