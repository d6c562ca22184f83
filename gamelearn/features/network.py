"""What a feature network is: it turns images into vectors, always the same, in whose space sets of images are compared.

A new one is a subclass, registered with an options model that extends `FeatureOptions`:

    @FEATURES.register("edges", options=EdgesOptions)
    class Edges(FeatureNetwork): ...

This file defines the contract.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import torch
from torch import nn

Shape = tuple[int, int, int]
"""Channels, height, width."""


class FeatureNetwork(nn.Module, ABC):
    """The base of every feature network; its constructor takes its own options by name. It has nothing to learn.

    Attributes:
        shape: of the images that it reads; None where it reads any.
        range: of the values that it reads, to which generated ones are cut; None where it reads any.
        data_sets: the types of the data sets whose images it is made for.
        class_names: what it calls the classes that it tells apart; empty if it tells none.
    """

    shape: ClassVar[Shape | None] = None
    range: ClassVar[tuple[float, float] | None] = (0.0, 1.0)
    data_sets: ClassVar[tuple[str, ...]] = ()
    class_names: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def missing(cls) -> str | None:
        """Return what the computer lacks for it, and how to get it; None if nothing."""
        return None

    @abstractmethod
    def width(self, shape: Shape) -> int:
        """Return how many features an image of a shape has."""

    @abstractmethod
    def features(self, images: torch.Tensor) -> torch.Tensor:
        """Return the features, float32 `(rows, width)`, of images `(rows, channels, height, width)` with values in its range."""

    def probabilities(self, images: torch.Tensor) -> torch.Tensor:
        """Return the probabilities of the classes, float32 `(rows, classes)`, of images as for `features`.

        Raises:
            TypeError: it tells no classes apart.
        """
        raise TypeError(f"{type(self).__name__} tells no classes apart")
