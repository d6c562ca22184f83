"""The values of an image themselves. This file registers them as features."""

from math import prod

import torch

from gamelearn.features.network import FeatureNetwork, Shape
from gamelearn.registry import FEATURES
from gamelearn.spec.kinds import FeatureOptions


class PixelsOptions(FeatureOptions):
    """The pixels have no options."""


@FEATURES.register("pixels", options=PixelsOptions)
class Pixels(FeatureNetwork):
    """The values of an image, of any shape: the trivial features, for reference."""

    range = None

    def width(self, shape: Shape) -> int:
        return prod(shape)

    def features(self, images: torch.Tensor) -> torch.Tensor:
        return images.float().flatten(1)
