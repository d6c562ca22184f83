"""The shipped classifiers. This file tests what they know, by images that their training has not seen."""

import hashlib
import os
from pathlib import Path

import pytest
import safetensors.torch
import torch

from gamelearn.features.classifiers import FOLDER, Classifier, DigitClassifier, GarmentClassifier, SmallDigitClassifier
from gamelearn.features.train import Images, Recipe, accuracy, read_images, save, train_classifier

SHA256 = {
    "digit_classifier": "0d891f83b0c6b9e61c1809a9bb52572bfd70bd96bb1df14fe0797a0afc4ecfdd",
    "garment_classifier": "bef57f09945c77c1571dde5a1b2575c530042c7d342be004c85816291d32cf97",
    "small_digit_classifier": "5ab2426c5b5b88177f6338bcadfb98956f493d39b96948bfdcc7f82b0873f3d7",
}
LARGEST = 10**6


def has_data(kind: type[Classifier]) -> bool:
    return all((Path(os.environ.get("GAMELEARN_DATA", "nowhere")) / name).is_dir() for name in kind.data_sets if name != "digits")


def test_the_weights_are_the_ones_that_were_measured() -> None:
    found = {path.stem: hashlib.sha256(path.read_bytes()).hexdigest() for path in FOLDER.glob("*.safetensors")}
    assert found == SHA256


def test_the_weights_are_small_and_in_half_precision() -> None:
    files = list(FOLDER.glob("*"))
    assert sum(path.stat().st_size for path in files) < LARGEST
    assert {each.dtype for path in files for each in safetensors.torch.load_file(path).values()} == {torch.float16}


@pytest.mark.parametrize(
    ("kind", "threshold", "least"),
    [
        (SmallDigitClassifier, None, 0.95),
        (SmallDigitClassifier, 0.5, 0.92),
        (DigitClassifier, None, 0.98),
        (DigitClassifier, 0.4375, 0.98),
        (GarmentClassifier, None, 0.89),
        (GarmentClassifier, 0.5, 0.85),
    ],
)
def test_images_that_were_not_trained_on_are_classified(kind: type[Classifier], threshold: float | None, least: float) -> None:
    if not has_data(kind):
        pytest.skip(f"the files of {kind.data_sets[0]} are not in GAMELEARN_DATA")
    test = read_images(kind, "test")
    assert accuracy(kind(), Images(test.x[:2000], test.c[:2000]), threshold) > least


def test_training_learns_and_repeats(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamelearn.features.classifiers.FOLDER", tmp_path)
    monkeypatch.setattr("gamelearn.features.train.FOLDER", tmp_path)
    images = read_images(SmallDigitClassifier, "train")
    recipe = Recipe(epochs=6, batch=32, shift=1)
    first, second = (train_classifier(SmallDigitClassifier, images, recipe) for _ in range(2))
    assert all(one.equal(other) for one, other in zip(first.state_dict().values(), second.state_dict().values(), strict=True))
    saved = save(first)
    assert list(tmp_path.iterdir()) == [saved.path()]
    test = read_images(SmallDigitClassifier, "test")
    untrained = SmallDigitClassifier(trained=False)
    assert accuracy(saved, test) > 0.5 > accuracy(untrained, test)
