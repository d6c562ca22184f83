"""Networks along the steps of a series, sized from the shapes. This file defines convolutions with a recurrent network."""

from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import nn

from gamelearn.networks.activations import Activation, activation_of
from gamelearn.networks.port import Port
from gamelearn.registry import NETWORKS
from gamelearn.spec.kinds import NetworkOptions, Positive


class SeriesLayout:
    """Which ports are series, and how they lie in one flat tensor.

    A port whose last axis has the common number of steps is a series, with all that stands at a step as its planes; any other
    is a vector, which every step is shown.

    Args:
        inputs: what the network reads.
        outputs: its heads.
        steps: the number of steps; None for the longest last axis of all ports.

    Raises:
        ValueError: no port has a last axis of so many steps.
    """

    def __init__(self, inputs: tuple[Port, ...], outputs: tuple[Port, ...], steps: int | None) -> None:
        ports = (*inputs, *outputs)
        self.steps = steps or max((port.shape[-1] for port in ports if port.shape), default=0)
        self.series_in = tuple(self._is_series(port) for port in inputs)
        self.series_out = tuple(self._is_series(port) for port in outputs)
        if not any(self.series_in + self.series_out):
            got = ", ".join(f"{port.name!r} of shape {port.shape}" for port in ports)
            wanted = f"(..., {self.steps})" if self.steps else "(steps) or (channels, steps)"
            raise ValueError(f"needs a series, of shape {wanted}, got {got}: an mlp reads any shape")
        self._sizes = [port.size for port in inputs]
        self.planes = sum(self._planes(port, each) for port, each in zip(inputs, self.series_in, strict=True))

    def _is_series(self, port: Port) -> bool:
        return bool(port.shape) and port.shape[-1] == self.steps

    def _planes(self, port: Port, is_series: bool) -> int:
        return port.size // self.steps if is_series else port.size

    def arrange(self, flat: torch.Tensor) -> torch.Tensor:
        """Return `(batch, planes, steps)` from all inputs, `(batch, sum of sizes)`."""
        parts = flat.split(self._sizes, 1)
        arranged = [
            part.reshape(len(part), -1, self.steps) if is_series else part.unsqueeze(2).expand(-1, -1, self.steps)
            for part, is_series in zip(parts, self.series_in, strict=True)
        ]
        return torch.cat(arranged, 1)


class Conv1dOptions(NetworkOptions):
    """Convolutions along the last axis."""

    width: Positive = 64
    """Planes of every layer."""
    depth: Annotated[int, Field(ge=1, le=12)] | None = None
    """Residual layers, of dilation 1, 2, 4, ...; by default until each output sees the whole series."""
    kernel: Annotated[int, Field(ge=3, le=15)] = 3
    """Steps that a convolution sees, an odd number."""
    activation: Activation = "relu"
    """The non-linearity after each layer."""
    steps: Positive | None = None
    """The number of steps; by default the longest last axis of its inputs and outputs."""


@NETWORKS.register("conv1d", options=Conv1dOptions)
class Conv1d(nn.Module):
    """Dilated residual convolutions along the last axis, with a learned vector for each step.

    Series have shape `(steps)` or `(channels, steps)`; other inputs are shown to every step, other outputs are linear in all
    steps. Source: Bai, Kolter, Koltun, "An empirical evaluation of generic convolutional and recurrent networks for sequence
    modeling", 2018, without its causality.

    Args:
        inputs: what it reads.
        outputs: its heads.
        width: planes of every layer.
        depth: number of residual layers.
        kernel: steps that a convolution sees.
        activation: after each layer.
        steps: of a series.

    Raises:
        ValueError: no port is a series, or the kernel is even.
    """

    spatial: ClassVar[bool] = False

    def __init__(
        self,
        inputs: tuple[Port, ...],
        outputs: tuple[Port, ...],
        *,
        width: int,
        depth: int | None,
        kernel: int,
        activation: str,
        steps: int | None,
    ) -> None:
        super().__init__()
        if kernel % 2 == 0:
            raise ValueError(f"'kernel' must be odd, so that steps stay where they are, got {kernel}")
        self.layout = SeriesLayout(inputs, outputs, steps)
        dilations = [2**level for level in range(depth or _levels(self.layout.steps, kernel))]
        self.first = nn.Conv1d(self.layout.planes, width, kernel, padding=kernel // 2)
        self.positions = nn.Parameter(0.1 * torch.randn(width, self.layout.steps))
        self.layers = nn.ModuleList(nn.Conv1d(width, width, kernel, padding=d * (kernel // 2), dilation=d) for d in dilations)
        self.activation = activation_of(activation)
        self.heads = nn.ModuleList(
            _head(port, each, width, self.layout.steps) for port, each in zip(outputs, self.layout.series_out, strict=True)
        )

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return raw outputs, `(batch, planes, steps)` of a series, else `(batch, size)`, from `(batch, sum of sizes)`."""
        features = self.activation(self.first(self.layout.arrange(inputs)) + self.positions)
        for layer in self.layers:
            features = features + self.activation(layer(features))
        return tuple(head(features) for head in self.heads)

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output its last layer."""
        return tuple((_last(head),) for head in self.heads)


class GruOptions(NetworkOptions):
    """A recurrent network along the last axis."""

    width: Positive = 64
    """The size of the state, in each direction."""
    layers: Annotated[int, Field(ge=1, le=8)] = 1
    """How many recurrent layers are stacked."""
    steps: Positive | None = None
    """The number of steps; by default the longest last axis of its inputs and outputs."""


@NETWORKS.register("gru", options=GruOptions)
class Gru(nn.Module):
    """Gated recurrent units along the last axis, in both directions.

    Series have shape `(steps)` or `(channels, steps)`; other inputs are shown to every step, other outputs are linear in the
    two last states. Source: Cho et al., "Learning phrase representations using RNN encoder-decoder", 2014.

    Args:
        inputs: what it reads.
        outputs: its heads.
        width: size of the state, in each direction.
        layers: stacked.
        steps: of a series.

    Raises:
        ValueError: no port is a series.
    """

    spatial: ClassVar[bool] = False

    def __init__(self, inputs: tuple[Port, ...], outputs: tuple[Port, ...], *, width: int, layers: int, steps: int | None) -> None:
        super().__init__()
        self.layout = SeriesLayout(inputs, outputs, steps)
        self.recurrence = nn.GRU(self.layout.planes, width, layers, batch_first=True, bidirectional=True)
        self.heads = nn.ModuleList(_head(port, each, 2 * width, 1) for port, each in zip(outputs, self.layout.series_out, strict=True))

    def forward(self, inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return raw outputs, `(batch, planes, steps)` of a series, else `(batch, size)`, from `(batch, sum of sizes)`."""
        states, last = self.recurrence(self.layout.arrange(inputs).transpose(1, 2))
        along, ends = states.transpose(1, 2), torch.cat([last[-2], last[-1]], 1)
        return tuple(head(along if each else ends) for head, each in zip(self.heads, self.layout.series_out, strict=True))

    def output_layers(self) -> tuple[tuple[nn.Module, ...], ...]:
        """Return for every output its last layer."""
        return tuple((_last(head),) for head in self.heads)


def _levels(steps: int, kernel: int) -> int:
    """Return how many layers of dilation 1, 2, 4, ... it takes until each step sees all others."""
    return next(levels for levels in range(1, 13) if (2**levels - 1) * (kernel // 2) >= steps - 1 or levels == 12)


def _head(port: Port, is_series: bool, width: int, steps: int) -> nn.Module:
    if is_series:
        return nn.Conv1d(width, port.size // port.shape[-1], 1)
    return nn.Sequential(nn.Flatten(), nn.Linear(width * steps, port.size))


def _last(head: nn.Module) -> nn.Module:
    return head[-1] if isinstance(head, nn.Sequential) else head
