"""What may be given to a chain. This file gives it right and wrong evidence."""

from typing import Any

import numpy as np
import pytest
import torch

from gamelearn.errors import EvidenceError
from gamelearn.gibbs.evidence import Evidence, read_evidence
from gamelearn.graph.model import Variable

VARIABLES = {
    "x": Variable("x", "real", (3, 2, 2)),
    "b": Variable("b", "binary", (2,)),
    "s": Variable("s", "categorical", (2, 2), 4),
    "n": Variable("n", "count", ()),
}


def read(given: dict[str, Any], hide: dict[str, Any] | None = None, rows: int | None = None) -> Evidence:
    return read_evidence(VARIABLES, given, hide, rows=rows, device=torch.device("cpu"), dtype=torch.float32)


def test_values_come_in_the_types_of_the_game() -> None:
    found = read({"x": np.ones((2, 3, 2, 2)), "b": np.array([[True, False]] * 2), "s": np.ones((2, 2, 2), np.uint8), "n": [1, 2]})
    assert (found.rows, found.fixed) == (2, frozenset("xbsn"))
    assert {name: value.dtype for name, value in found.values.items()} == {
        "x": torch.float32,
        "b": torch.float32,
        "s": torch.int64,
        "n": torch.float32,
    }
    assert found.values["b"].tolist() == [[1, 0], [1, 0]]


def test_brain_floats_are_read() -> None:
    x = torch.full((1, 3, 2, 2), 0.5, dtype=torch.bfloat16)
    assert read({"x": x}).values["x"].tolist() == x.tolist()


@pytest.mark.parametrize("argument", ["given", "hide"])
@pytest.mark.parametrize(
    ("tensor", "message"),
    [
        (torch.ones(1, 3, 2, 2).to_sparse(), "'x': expected a dense tensor, got one of layout torch.sparse_coo: give its to_dense()"),
        (
            torch.ones(1, 3, 2, 2).to(torch.float8_e4m3fn),
            "'x': expected a tensor of numbers that numpy knows, such as torch.float32, got torch.float8_e4m3fn on cpu",
        ),
        (
            torch.ones(1, 3, 2, 2, device="meta"),
            "'x': expected a tensor of numbers that numpy knows, such as torch.float32, got torch.float32 on meta",
        ),
    ],
)
def test_tensors_that_no_array_can_hold_are_refused(tensor: torch.Tensor, message: str, argument: str) -> None:
    values: dict[str, Any] = {"given": {"x": np.ones((1, 3, 2, 2))}, argument: {"x": tensor}}
    with pytest.raises(EvidenceError) as caught:
        read(values["given"], values.get("hide"))
    assert str(caught.value) == message


def test_tensors_that_have_gradients_are_read() -> None:
    assert read({"x": torch.ones(1, 3, 2, 2, requires_grad=True)}).values["x"].sum() == 12


def test_masks_are_of_each_row_or_of_all() -> None:
    s = np.arange(8).reshape(2, 2, 2) % 4
    every = read({"s": s}, {"s": np.array([[True, False], [False, False]])})
    assert every.known["s"].tolist() == [[[False, True], [True, True]]] * 2
    rows = np.zeros((2, 2, 2), bool)
    rows[1] = True
    each = read({"s": s}, {"s": rows})
    assert (each.known["s"].sum((1, 2)).tolist(), each.fixed) == ([4, 0], frozenset())
    assert each.values["s"][1].abs().sum() == 0  # what is hidden is not kept
    assert each.part(1, 5).rows == 1


def test_hidden_values_are_not_read_whatever_they_are() -> None:
    x = np.full((1, 3, 2, 2), np.nan)
    x[:, :, 0] = 0.5
    found = read({"x": x, "s": np.full((1, 2, 2), 77)}, {"x": np.isnan(x), "s": np.ones((2, 2), int)})
    assert bool(found.values["x"].isfinite().all())


@pytest.mark.parametrize(
    ("given", "hide", "rows", "message"),
    [
        ({"q": [1]}, None, None, "unknown variable 'q'; known: 'x', 'b', 's', 'n'"),
        ({"x": np.zeros((4, 2, 2))}, None, None, "'x': expected an array of shape (rows, 3, 2, 2), got (4, 2, 2)"),
        ({"x": np.zeros((1, 3, 2, 2), np.uint8)}, None, None, "'x' is real, in the units of the training data, got bytes: divide images by 255"),
        ({"x": np.full((2, 3, 2, 2), np.inf)}, None, None, "'x', row 0 (counted from 0): expected finite numbers, got inf"),
        ({"b": [[0, 1], [0, 2]]}, None, None, "'b', row 1 (counted from 0): expected 0 or 1, got 2"),
        ({"s": np.full((1, 2, 2), 4)}, None, None, "'s', row 0 (counted from 0): expected a class in 0 .. 3, got 4"),
        ({"s": np.full((1, 2, 2), -1)}, None, None, "'s', row 0 (counted from 0): expected a class in 0 .. 3, got -1"),
        ({"s": np.zeros((1, 2, 2))}, None, None, "'s' is categorical: expected whole numbers, got an array of type float64"),
        ({"n": [1.5]}, None, None, "'n', row 0 (counted from 0): expected whole numbers from 0 on, got 1.5"),
        ({"n": [1, -2]}, None, None, "'n', row 1 (counted from 0): expected whole numbers from 0 on, got -2"),
        ({"s": [[[1, 2], [1]]]}, None, None, "'s': expected an array of numbers, got a list whose parts differ in shape"),
        ([1], None, None, "'given' must be a map of arrays by variable, such as {'x': ...}, got list"),
        ({"n": [1]}, [True], None, "'hide' must be a map of arrays by variable, such as {'x': ...}, got list"),
        ({}, None, 2.0, "'rows' must be a whole number, got 2.0"),
        ({"n": ["a"]}, None, None, "'n': expected an array of numbers, got one of type <U1"),
        ({"n": 3}, None, None, "'n': expected rows, an array whose first axis counts them, got one number"),
        ({"n": [1], "b": [[0, 1]] * 2}, None, None, "the variables differ in their rows: 'n' 1, 'b' 2"),
        ({"n": [1]}, None, 2, "'rows' is 2, but 'n' has 1 rows"),
        ({}, None, None, "nothing is given: say by 'rows' how many rows are to be drawn"),
        ({"n": []}, None, None, "there are no rows"),
        ({"n": [1]}, {"b": [True, True]}, None, "a part of 'b' is hidden, but 'b' is not given: give it, or leave its mask out"),
        ({"b": [[0, 1]]}, {"b": [True]}, None, "the mask of 'b': expected the shape (1, 2) or, for all rows alike, (2,), got (1,)"),
        ({"b": [[0, 1]]}, {"b": [2, 0]}, None, "the mask of 'b': expected true and false, or 0 and 1, with 1 where it is hidden"),
    ],
)  # fmt: skip
def test_wrong_evidence_is_refused_by_name_and_row(given: Any, hide: Any, rows: int | None, message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        read(given, hide, rows)
    assert str(caught.value).startswith(message)
