"""Networks on flat inputs. This file defines multi-layer perceptrons, down to a single linear map."""

from itertools import pairwise
from typing import ClassVar

import torch
from torch import nn

from gamelearn.networks.activations import Activation, activation_of
from gamelearn.networks.port import Port
from gamelearn.options import Listed
from gamelearn.registry import NETWORKS
from gamelearn.spec.kinds import NetworkOptions, Positive


class MlpOptions(NetworkOptions):
    """A stack of linear layers with a linear head per output."""

    hidden: Listed[Positive] = (256,)
    """The widths of the hidden layers."""
    activation: Activation = "tanh"
    """The non-linearity after each hidden layer."""
    skip: bool = False
    """Whether a linear map without bias from the inputs is added to every output."""


@NETWORKS.register("mlp", options=MlpOptions)
class Mlp(nn.Module):
    """A multi-layer perceptron on the concatenation of its inputs.

    Args:
        inputs: what it reads.
        outputs: its heads, each a linear layer.
        hidden: widths.
        activation: after each hidden layer.
        skip: add a bias-free linear map of the inputs to every output.
    """

    spatial: ClassVar[bool] = False

    def __init__(
        self,
        inputs: tuple[Port, ...],
        outputs: tuple[Port, ...],
        *,
        hidden: tuple[int, ...],
        activation: str,
        skip: bool,
    ) -> None:
        super().__init__()
        size = sum(port.size for port in inputs)
        widths = (size, *hidden)
        layers: list[nn.Module] = []
        for before, after in pairwise(widths):
            layers += [nn.Linear(before, after), activation_of(activation)]
        self.trunk = nn.Sequential(*layers)
        self.heads = nn.ModuleList([nn.Linear(widths[-1], port.size) for port in outputs])
        self.skips = nn.ModuleList([nn.Linear(size, port.size, bias=False) for port in outputs] if skip else [])

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return `(batch, size)` per output from the inputs' concatenation, `(batch, sum of sizes)`."""
        features = self.trunk(inputs)
        outputs = [head(features) for head in self.heads]
        if len(self.skips):
            outputs = [output + skip(inputs) for output, skip in zip(outputs, self.skips, strict=True)]
        return tuple(outputs)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output the layers that add up to it."""
        return tuple((head, *self.skips[index : index + 1]) for index, head in enumerate(self.heads))


class LinearOptions(NetworkOptions):
    """A linear map has no options."""


@NETWORKS.register("linear", options=LinearOptions)
class Linear(nn.Module):
    """A linear map with bias from the concatenation of its inputs to each output.

    Args:
        inputs: what it reads.
        outputs: its heads.
    """

    spatial: ClassVar[bool] = False

    def __init__(self, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> None:
        super().__init__()
        size = sum(port.size for port in inputs)
        self.heads = nn.ModuleList([nn.Linear(size, port.size) for port in outputs])

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return `(batch, size)` per output from the inputs' concatenation, `(batch, sum of sizes)`."""
        return tuple(head(inputs) for head in self.heads)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output its layer."""
        return tuple((head,) for head in self.heads)
