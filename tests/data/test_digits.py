"""The digits of scikit-learn. This file tests their data set."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn.datasets import load_digits

from gamelearn.data.dataset import SPLITS, Field
from gamelearn.data.digits import Digits, DigitsOptions
from gamelearn.data.folder import DataFolder


def test_images_are_the_grey_values_over_sixteen(folder: DataFolder) -> None:
    data = Digits(folder, 0, validation=0.0, test=0.0)
    assert data.fields == {"x": Field("real", (1, 8, 8)), "c": Field("categorical", (), 10)}
    images, labels = load_digits(return_X_y=True)
    rows = torch.arange(1797)
    assert torch.equal(data.read("x", "train", rows).reshape(1797, 64) * 16, torch.from_numpy(images).float())
    assert data.read("c", "train", rows).tolist() == labels.tolist()


def test_a_pixel_of_half_white_is_one(folder: DataFolder) -> None:
    data = Digits(folder, 0, binarize=0.5, validation=0.0, test=0.0)
    assert data.fields["x"] == Field("binary", (1, 8, 8))
    images, _ = load_digits(return_X_y=True)
    ones = data.read("x", "train", torch.arange(1797)).reshape(1797, 64)
    assert torch.equal(ones, torch.from_numpy(images >= 8).float())


def test_splits_by_default_are_tenths(folder: DataFolder) -> None:
    assert [Digits(folder, 0).length(split) for split in SPLITS] == [1437, 180, 180]


@pytest.mark.parametrize("own", [{}, {"binarize": 0.5, "flip": 0.01}, {"thumbnail": 4}, {"thumbnail": 2, "binarize": 0.5}])
def test_the_constructor_takes_the_options(folder: DataFolder, own: dict[str, Any]) -> None:
    options = DigitsOptions.model_validate({"type": "digits", **own})
    assert Digits(folder, 0, **options.own_options()).fields == Digits.declared_fields(options)


@pytest.mark.parametrize("binarize", [None, 0.5])
def test_files_of_digits_are_read_as_those_of_training(folder: DataFolder, binarize: float | None) -> None:
    data = Digits(folder, 0, binarize=binarize, validation=0.0, test=0.0, thumbnail=4)
    wanted = data.read("x", "train", torch.arange(9)).numpy()
    whole = load_digits().images[:9, None]
    kind = data.fields["x"].type
    assert np.array_equal(data.readings["x"].decoded(whole.astype(int), kind), wanted)
    assert np.array_equal(data.readings["x"].decoded(whole / 16, kind), wanted)
    assert set(data.readings) == {"x", "t"}
