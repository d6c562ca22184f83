"""Splits, columns, and what is said of wrong values. This file tests the base of every data set."""

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from gamelearn.data.checks import check_columns, wrong_values
from gamelearn.data.dataset import SPLITS, ArrayColumn, DataSet, Field, SplitOptions, split_rows
from gamelearn.errors import DataError
from gamelearn.options import mistakes_of


def small() -> DataSet:
    values = np.arange(20).reshape(10, 2)
    present = torch.arange(10) != 3
    columns = {"x": ArrayColumn(Field("real", (2,)), values, present=present, disturb=lambda values, key, first_row: values + first_row)}
    return DataSet(columns, {"train": torch.tensor([3, 4, 9]), "test": torch.tensor([0])})


def test_rows_count_within_the_split() -> None:
    assert small().read("x", "train", torch.tensor([2, 0])).tolist() == [[18, 19], [6, 7]]
    assert small().read("x", "test", torch.tensor([0])).tolist() == [[0, 1]]
    present = small().present("x", "train")
    assert present is not None
    assert present.tolist() == [False, True, True]


def test_a_split_left_out_is_empty() -> None:
    assert [small().length(split) for split in SPLITS] == [3, 0, 1]
    assert small().bytes == 4 * 2 * 4


def test_noise_is_the_column_s() -> None:
    assert small().perturb("x", torch.zeros(1, 2), ("key",), 7).tolist() == [[7, 7]]


def test_splits_have_the_fractions_and_depend_on_the_seed() -> None:
    splits = split_rows(1000, 0.1, 0.25, seed=3)
    assert {split: len(rows) for split, rows in splits.items()} == {"train": 650, "validation": 100, "test": 250}
    assert torch.cat(list(splits.values())).sort().values.equal(torch.arange(1000))
    assert splits["test"].equal(split_rows(1000, 0.1, 0.25, seed=3)["test"])
    assert not splits["test"].equal(split_rows(1000, 0.1, 0.25, seed=4)["test"])


def test_another_validation_fraction_leaves_the_test_rows() -> None:
    assert split_rows(100, 0.1, 0.2, seed=0)["test"].equal(split_rows(100, 0.3, 0.2, seed=0)["test"])


def test_fractions_leave_rows_to_train_on() -> None:
    with pytest.raises(ValidationError) as caught:
        SplitOptions.model_validate({"type": "any", "validation": 0.6, "test": 0.4})
    assert [(each.path, each.what) for each in mistakes_of(caught.value)] == [
        (("test",), "validation 0.6 and test 0.4 leave no rows to train on")
    ]


@pytest.mark.parametrize(
    ("field", "values", "what"),
    [
        (Field("real", ()), torch.zeros(3), None),
        (Field("real", ()), torch.tensor([0.0, torch.nan, torch.inf]), "expected finite numbers, got nan$"),
        (Field("real", (2,)), torch.zeros(3), r"values of shape \(2,\), got \(\)"),
        (Field("real", ()), torch.zeros(3, dtype=torch.float64), "of type torch.float32, got torch.float64"),
        (Field("binary", (2,)), torch.tensor([[0.0, 1.0], [0.5, 1.0]]), "0 or 1, got 0.5"),
        (Field("binary", ()), torch.tensor([torch.nan]), "0 or 1, got nan"),
        (Field("count", ()), torch.tensor([3.0, 0.0]), None),
        (Field("count", ()), torch.tensor([-1.0]), "whole numbers from 0 on, got -1"),
        (Field("count", ()), torch.tensor([1.5]), "whole numbers from 0 on, got 1.5"),
        (Field("categorical", (), 3), torch.tensor([0, 2]), None),
        (Field("categorical", (), 3), torch.tensor([0, 3]), r"a class in 0 .. 2, got 3"),
        (Field("categorical", (), 3), torch.tensor([-1]), "got -1"),
    ],
)
def test_wrong_values_are_found(field: Field, values: torch.Tensor, what: str | None) -> None:
    found = wrong_values(field, values)
    if what is None:
        assert found is None
    else:
        assert found is not None
        with pytest.raises(ValueError, match=what):
            raise ValueError(found)


def test_checking_reads_every_present_row() -> None:
    values = np.array([0.0, 7.0, 0.0, 0.0])
    without = ArrayColumn(Field("binary", ()), values, present=torch.tensor([True, False, True, True]))
    check_columns("file", {"x": without}, 4, chunk=1)
    with pytest.raises(DataError, match="file: field 'x' is binary of shape \\(\\): expected 0 or 1, got 7 in row 1, counted from 0"):
        check_columns("file", {"x": ArrayColumn(Field("binary", ()), values)}, 4, chunk=1)
