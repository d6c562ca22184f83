"""The Inception network of published Frechet distances, where the user has installed it.

This file registers it.
"""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

import torch

from gamelearn.errors import GamelearnError
from gamelearn.features.network import FeatureNetwork, Shape
from gamelearn.registry import FEATURES
from gamelearn.spec.kinds import FeatureOptions

_PACKAGE = "pytorch_fid"
_WIDTH = 2048
_HOW = (
    "`pip install pytorch-fid`, which brings torchvision with it; it downloads its weights at the first use;"
    " figures compare only with those of the same implementation, at the same count"
)


class InceptionOptions(FeatureOptions):
    """The Inception network has no options."""


@FEATURES.register("inception", options=InceptionOptions)
class Inception(FeatureNetwork):
    """The 2,048 pooled features of InceptionV3 as the package pytorch-fid computes them, which has to be installed.

    Figures compare only with those of the same implementation, at the same count. One colour is repeated three times.

    Raises:
        GamelearnError: the package or its weights are missing.

    Source: Heusel et al., "GANs trained by a two time-scale update rule converge to a local Nash equilibrium", 2017.
    """

    def __init__(self) -> None:
        super().__init__()
        if lacking := self.missing():
            raise GamelearnError(f"the feature network 'inception' needs {lacking}")
        try:
            module: Any = import_module(f"{_PACKAGE}.inception")
            self.network = module.InceptionV3([module.InceptionV3.BLOCK_INDEX_BY_DIM[_WIDTH]])
        except (ImportError, OSError) as error:
            raise GamelearnError(f"the feature network 'inception' cannot be opened: {error}; it comes by {_HOW}") from None

    @classmethod
    def missing(cls) -> str | None:
        return None if find_spec(_PACKAGE) else f"the package 'pytorch-fid' for the feature network 'inception': {_HOW}"

    def width(self, shape: Shape) -> int:
        return _WIDTH

    def features(self, images: torch.Tensor) -> torch.Tensor:
        colours = images.float().expand(-1, 3, -1, -1) if images.shape[1] == 1 else images.float()
        return self.network(colours)[0].flatten(1)
