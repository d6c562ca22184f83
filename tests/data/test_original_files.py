"""The original MNIST and Fashion-MNIST files, where the environment says that they lie. This file tests their hashes."""

import os
from pathlib import Path
from typing import Any

import pytest
import torch

from gamelearn.data.fashion_mnist import FashionMnist
from gamelearn.data.folder import DataFolder
from gamelearn.data.mnist import Mnist
from tests.data.idx_files import NAMES


def original_folder(name: str) -> DataFolder:
    root = os.environ.get("GAMELEARN_DATA")
    if not root:
        pytest.skip("GAMELEARN_DATA names no folder of data")
    place = Path(root) / name
    missing = [file for file in NAMES if not any((place / f"{file}{ending}").exists() for ending in (".gz", ""))]
    if missing:
        pytest.skip(f"{place} lacks {', '.join(missing)}")
    return DataFolder(None, Path(root))


@pytest.mark.parametrize(("name", "build", "first"), [("mnist", Mnist, [5, 0, 4]), ("fashion_mnist", FashionMnist, [9, 0, 0])])
def test_the_originals_have_the_hashes(name: str, build: Any, first: list[int]) -> None:
    data = build(original_folder(name), 0, together=True)
    assert data.length("train") == 70_000
    assert data.read("c", "train", torch.arange(3)).tolist() == first
    assert data.read("x", "train", torch.arange(3)).shape == (3, 1, 28, 28)
