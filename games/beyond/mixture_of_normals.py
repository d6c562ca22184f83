"""Mixtures of normals, which are no exponential family. This file makes them a family, as a plugin of one file."""

import math
from typing import Annotated, ClassVar

import torch
from pydantic import Field
from torch import Tensor, nn

from gamelearn.families.precision import precise
from gamelearn.registry import FAMILIES
from gamelearn.spec.kinds import FamilyOptions

_LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


class MixtureOfNormalsOptions(FamilyOptions):
    """The options of `mixture_of_normals`."""

    variable_types: ClassVar[tuple[str, ...]] = ("real",)

    components: Annotated[int, Field(ge=1, le=64)] = 4
    """The number of normals per element."""
    spread: Annotated[float, Field(ge=0)] = 1.0
    """How far the outermost means are from 0 where all raw outputs are 0, in the variable's unit."""
    initial: Annotated[float, Field(gt=0)] = 0.5
    """The standard deviation of each normal where its raw output is 0."""
    floor: Annotated[float, Field(gt=0)] = 0.01
    """What is added to every standard deviation, so that none comes near 0."""

    def channels(self, classes: int | None) -> int:
        """Return a weight, a mean and a scale per component."""
        return 3 * self.components


@FAMILIES.register("mixture_of_normals", options=MixtureOfNormalsOptions)
class MixtureOfNormals(nn.Module):
    """A mixture of normals for every element: log p(x) = log sum_k w_k N(x; m_k, s_k).

    The raw outputs are the log weights up to a constant, the means as differences from a fixed grid, and the log scales, bounded.
    Adding raw outputs multiplies the weights, and moves means and scales: it is not a product of the distributions. The log-likelihood
    is not concave in the raw outputs, so that equilibria need not be unique.

    Args:
        shape: of the variable.
        classes: of the variable, which has none.
        components: normals per element.
        spread: of the grid of means.
        initial: standard deviation at raw outputs of 0.
        floor: least standard deviation.
    """

    grid: Tensor

    def __init__(
        self, shape: tuple[int, ...], *, classes: int | None = None, components: int, spread: float, initial: float, floor: float
    ) -> None:
        super().__init__()
        self.shape, self.components, self.initial, self.floor = shape, components, initial, floor
        grid = torch.linspace(-spread, spread, components) if components > 1 else torch.zeros(1)
        self.register_buffer("grid", grid.view(components, *[1] * len(shape)))

    def parts(self, raw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return log weights, means and standard deviations, each `(batch, components, *shape)`, of raw outputs `(batch, 3 components, *shape)`."""
        weights, means, scales = precise(raw).unflatten(1, (3, self.components)).unbind(1)
        return weights.log_softmax(1), self.grid + means, self.floor + self.initial * torch.exp(4 * torch.tanh(scales / 4))

    def log_prob(self, raw: Tensor, value: Tensor) -> Tensor:
        """Return the log-density of each element, `(batch, *shape)`, in nats."""
        weights, means, scales = self.parts(raw)
        logs = weights - 0.5 * ((value.unsqueeze(1) - means) / scales) ** 2 - scales.log() - _LOG_ROOT_TWO_PI
        return logs.logsumexp(1)

    def draw(self, raw: Tensor, noise: Tensor) -> Tensor:
        """Return draws, `(batch, *shape)`: the noise chooses a component, and what that leaves of it is uniform again."""
        weights, means, scales = self.parts(raw)
        edges = weights.exp().cumsum(1)
        noise = noise.to(edges.dtype).unsqueeze(1)
        chosen = (noise >= edges[:, :-1]).sum(1, keepdim=True)
        weight = weights.exp().gather(1, chosen)
        left = ((noise - edges.gather(1, chosen)) / weight + 1).clamp(1e-6, 1 - 1e-6)
        return (means.gather(1, chosen) + scales.gather(1, chosen) * torch.special.ndtri(left)).squeeze(1)

    def mean(self, raw: Tensor) -> Tensor:
        """Return the expectation, `(batch, *shape)`."""
        weights, means, _ = self.parts(raw)
        return (weights.exp() * means).sum(1)

    def decide(self, raw: Tensor) -> Tensor:
        """Return of the components' means the one where the density is largest, `(batch, *shape)`."""
        _, means, _ = self.parts(raw)
        densities = torch.stack([self.log_prob(raw, mean) for mean in means.unbind(1)], 1)
        return means.gather(1, densities.argmax(1, keepdim=True)).squeeze(1)

    def extra_repr(self) -> str:
        return f"shape={self.shape}, components={self.components}, initial={self.initial:g}, floor={self.floor:g}"
