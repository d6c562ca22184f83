"""Classifiers of small images, whose last hidden layer is the feature space.

    convolution 5x5, stride 2 -> convolution 5x5, stride 2 -> linear -> features -> linear -> classes       (28x28)
    convolution 3x3           -> convolution 3x3, stride 2 -> linear -> features -> linear -> classes       (8x8)

Each layer but the last is followed by a rectifier. Weights are kept in half precision, in `weights/`, where
`python -m gamelearn.features.train` puts them. This file registers the classifiers.
"""

from pathlib import Path
from typing import ClassVar

import safetensors.torch
import torch
from torch import nn

from gamelearn.features.network import FeatureNetwork, Shape
from gamelearn.registry import FEATURES
from gamelearn.spec.kinds import FeatureOptions

FOLDER = Path(__file__).parent / "weights"
_DIGITS = tuple("0123456789")
_GARMENTS = ("T-shirt", "trouser", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag", "ankle boot")


class ClassifierOptions(FeatureOptions):
    """A classifier has no options."""


class Classifier(FeatureNetwork):
    """The base of the shipped classifiers.

    Args:
        trained: whether to read the shipped weights; without them it begins at random, as training does.
    """

    name: ClassVar[str]
    planes: ClassVar[tuple[int, int]]
    units: ClassVar[int]
    kernel: ClassVar[int]
    strides: ClassVar[tuple[int, int]]

    def __init__(self, *, trained: bool = True) -> None:
        super().__init__()
        assert self.shape is not None
        channels, side, _ = self.shape
        first, second = self.planes
        left = side // (self.strides[0] * self.strides[1])
        self.hidden = nn.Sequential(
            nn.Conv2d(channels, first, self.kernel, self.strides[0], self.kernel // 2),
            nn.ReLU(),
            nn.Conv2d(first, second, self.kernel, self.strides[1], self.kernel // 2),
            nn.ReLU(),
            nn.Flatten(),
            nn.Linear(second * left**2, self.units),
            nn.ReLU(),
        )
        self.classes = nn.Linear(self.units, len(self.class_names))
        if trained:
            self.load_state_dict(safetensors.torch.load_file(self.path()))
            self.requires_grad_(False)

    @classmethod
    def path(cls) -> Path:
        """Return the file of the weights."""
        return FOLDER / f"{cls.name}.safetensors"

    def width(self, shape: Shape) -> int:
        return self.units

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return self.hidden(images.float())

    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        return self(images).softmax(1)

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Return the logits of the classes, `(rows, classes)`, of images `(rows, channels, height, width)`."""
        return self.classes(self.features(images))


class _Of28(Classifier):
    """A classifier of 28x28 images."""

    shape: ClassVar[Shape | None] = (1, 28, 28)
    planes: ClassVar[tuple[int, int]] = (16, 32)
    units: ClassVar[int] = 64
    kernel: ClassVar[int] = 5
    strides: ClassVar[tuple[int, int]] = (2, 2)


@FEATURES.register("digit_classifier", options=ClassifierOptions)
class DigitClassifier(_Of28):
    """A classifier of MNIST's digits, grey or binarised, `(1, 28, 28)`; 64 features."""

    name = "digit_classifier"
    data_sets = ("mnist",)
    class_names = _DIGITS


@FEATURES.register("garment_classifier", options=ClassifierOptions)
class GarmentClassifier(_Of28):
    """A classifier of Fashion-MNIST's clothes, grey or binarised, `(1, 28, 28)`; 64 features."""

    name = "garment_classifier"
    data_sets = ("fashion_mnist",)
    class_names = _GARMENTS


@FEATURES.register("small_digit_classifier", options=ClassifierOptions)
class SmallDigitClassifier(Classifier):
    """A classifier of scikit-learn's digits, grey or binarised, `(1, 8, 8)`; 32 features."""

    name = "small_digit_classifier"
    shape = (1, 8, 8)
    data_sets = ("digits",)
    class_names = _DIGITS
    planes = (24, 32)
    units = 32
    kernel = 3
    strides = (1, 2)
