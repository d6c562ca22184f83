"""Convolutions at the ends of an image network, where a map of one pixel meets one of k x k, as matrix products.

They hold the parameters of the torch convolution that they stand for. On a CPU a matrix product is several times as fast
there. This file defines both directions.
"""

from typing import TypeVar

import torch
from torch import nn
from torch.nn import functional

Module = TypeVar("Module", bound=nn.Module)


def channels_last(module: Module) -> Module:
    """Return a module with the weights of its convolutions laid out planes last, which is faster on CPUs and GPUs."""
    return module.to(memory_format=torch.channels_last)  # type: ignore[call-overload]


class VectorToMap(nn.ConvTranspose2d):
    """`ConvTranspose2d(inputs, outputs, size)` of a vector, seen as a map of one pixel.

    Args:
        inputs: length of the vector.
        outputs: planes of the map.
        size: height and width of the map.
    """

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size)

    def forward(self, vector: torch.Tensor, output_size: list[int] | None = None) -> torch.Tensor:
        """Return a map `(batch, outputs, size, size)`, channels last in memory, from `(batch, inputs)`."""
        inputs, outputs, height, width = self.weight.shape
        weight = self.weight.permute(0, 2, 3, 1).reshape(inputs, height * width * outputs)
        pixels = (vector @ weight).view(len(vector), height, width, outputs)
        if self.bias is not None:
            pixels = pixels + self.bias
        return pixels.permute(0, 3, 1, 2)


class MapToVector(nn.Conv2d):
    """`Conv2d(inputs, outputs, size)` of a map of size x size pixels, as a vector.

    Args:
        inputs: planes of the map.
        outputs: length of the vector.
        size: height and width of the map.
    """

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size)

    def forward(self, input: torch.Tensor) -> torch.Tensor:  # noqa: A002 - the name of the class it stands for
        """Return a vector `(batch, outputs)` from `(batch, inputs, size, size)`."""
        weight = self.weight.permute(0, 2, 3, 1).reshape(len(self.weight), -1)
        return functional.linear(input.permute(0, 2, 3, 1).reshape(len(input), -1), weight, self.bias)
