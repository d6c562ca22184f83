"""Which feature network suits an image. This file tests the choice with what is said where none does."""

import sys
from pathlib import Path

import pytest
import torch

from gamelearn.errors import GamelearnError
from gamelearn.features.choice import NoFeatures, build_features, check_features, suitable_features
from gamelearn.features.inception import Inception
from gamelearn.plugins import load_builtins
from gamelearn.registry import FEATURES

load_builtins()


@pytest.mark.parametrize(
    ("shape", "data_set", "name"),
    [
        ((1, 8, 8), "digits", "small_digit_classifier"),
        ((1, 8, 8), None, "small_digit_classifier"),
        ((1, 28, 28), "mnist", "digit_classifier"),
        ((1, 28, 28), "fashion_mnist", "garment_classifier"),
    ],
)
def test_the_one_for_the_shape_and_the_data_set_is_taken(shape: tuple[int, int, int], data_set: str | None, name: str) -> None:
    assert suitable_features(shape, data_set).type == name


@pytest.mark.parametrize(
    ("shape", "data_set", "message"),
    [
        ((1, 28, 28), None, "several are: 'digit_classifier', 'garment_classifier': name one by 'features'"),
        ((1, 8, 8), "npz", r"made for images of shape \(1, 8, 8\) of the data set 'npz', and none is: name one by 'features'"),
        ((3, 64, 64), "toy_faces", r"images of shape \(3, 64, 64\) of the data set 'toy_faces', and none is: name one by 'features'"),
    ],
)
def test_what_is_not_clear_has_to_be_named(shape: tuple[int, int, int], data_set: str | None, message: str) -> None:
    with pytest.raises(NoFeatures, match=message):
        suitable_features(shape, data_set)


@pytest.fixture
def no_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamelearn.features.inception.find_spec", lambda name: None)


@pytest.mark.usefixtures("no_package")
def test_inception_says_what_to_install() -> None:
    with pytest.raises(NoFeatures, match=r"needs the package 'pytorch-fid' .*pip install pytorch-fid.*same implementation"):
        check_features(FEATURES.options_of({"type": "inception"}), (1, 28, 28))
    with pytest.raises(GamelearnError, match="'inception' needs the package"):
        Inception()


NETWORK = """
import torch
class InceptionV3(torch.nn.Module):
    BLOCK_INDEX_BY_DIM = {2048: 3}
    def __init__(self, blocks):
        super().__init__()
        if FAILS:
            raise OSError("no network")
        assert blocks == [3]
    def forward(self, images):
        assert images.shape[1] == 3
        return [images.mean((1, 2, 3)).view(-1, 1, 1, 1).expand(-1, 2048, 1, 1)]
"""


def stand_in(folder: Path, monkeypatch: pytest.MonkeyPatch, fails: bool) -> None:
    """Put a package of the name and interface of pytorch-fid where modules are looked for."""
    package = folder / "pytorch_fid"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "inception.py").write_text(f"FAILS = {fails}\n{NETWORK}")
    monkeypatch.syspath_prepend(str(folder))
    for name in ("pytorch_fid", "pytorch_fid.inception"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_inception_reads_grey_images_as_three_equal_colours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, fails=False)
    options = FEATURES.options_of({"type": "inception"})
    check_features(options, (1, 28, 28))
    grey = torch.rand(2, 1, 28, 28)
    found = build_features(options).features(grey)
    torch.testing.assert_close(found, grey.mean((1, 2, 3)).view(2, 1).expand(2, 2048))


def test_weights_that_cannot_be_had_are_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stand_in(tmp_path, monkeypatch, fails=True)
    with pytest.raises(GamelearnError, match="cannot be opened: no network; it comes by `pip install pytorch-fid`"):
        Inception()
