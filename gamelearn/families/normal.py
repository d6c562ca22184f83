"""Real variables. This file defines the diagonal normal family."""

import math
from typing import Annotated, Any, ClassVar, Literal

import torch
from pydantic import BeforeValidator, Field
from torch import nn

from gamelearn.families.precision import precise
from gamelearn.options import describe, mistake
from gamelearn.registry import FAMILIES
from gamelearn.spec.kinds import FamilyOptions

_LOG_ROOT_TWO_PI = 0.5 * math.log(2 * math.pi)


def _scale(value: Any) -> Any:
    if value in ("shared", "output") and isinstance(value, str):
        return value
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 < value < math.inf:
        return float(value)
    raise mistake(f"expected 'shared', 'output' or a positive number, got {describe(value)}")


class NormalOptions(FamilyOptions):
    """A mean per element, with a standard deviation that is fixed, shared or an output of the networks."""

    scale: Annotated[float | Literal["shared", "output"], BeforeValidator(_scale, json_schema_input_type=float | Literal["shared", "output"])] = "shared"  # fmt: skip
    """`shared`: one learned standard deviation; `output`: one per element from the networks; a number: fixed."""
    initial: Annotated[float, Field(gt=0)] = 0.5
    """The standard deviation that learning starts from (`output`: where its raw output is 0)."""
    floor: Annotated[float, Field(ge=0)] = 0.01
    """The least standard deviation that learning can reach."""

    variable_types: ClassVar[tuple[str, ...]] = ("real",)
    noise: ClassVar[Literal["uniform", "normal"]] = "normal"
    offers: ClassVar[tuple[str, ...]] = ("reparameterised", "divergence")

    def channels(self, classes: int | None) -> int:
        """Return one raw output per element for the mean, and one for the scale where it is an output."""
        return 2 if self.scale == "output" else 1

    @property
    def has_parameters(self) -> bool:
        """Whether the scale is learned here."""
        return self.scale == "shared"


@FAMILIES.register("normal", options=NormalOptions)
class Normal(nn.Module):
    """Independent normals: `x = mean + scale * noise`.

    The mean is the first raw output. A learned scale is `floor + (initial - floor) * exp(s)`, for `output` with
    `s = 4 tanh(raw / 4)`: smooth, bounded, and `initial` where the raw output is 0, so that a network that starts at zero
    changes nothing when scores add.

    Args:
        shape: of the variable.
        classes: of the variable, which has none.
        scale: a fixed standard deviation, `shared` or `output`.
        initial: the standard deviation at the start.
        floor: the least standard deviation.

    Raises:
        ValueError: the scale is learned, and `initial` is not above `floor`.
    """

    def __init__(
        self,
        shape: tuple[int, ...],
        *,
        classes: int | None = None,
        scale: float | str,
        initial: float,
        floor: float,
    ) -> None:
        super().__init__()
        if isinstance(scale, str) and initial <= floor:
            raise ValueError(f"the initial scale {initial:g} must be above the floor {floor:g}")
        self.shape, self.scale_option, self.initial, self.floor = shape, scale, initial, floor
        self.log_scale = nn.Parameter(torch.zeros(())) if scale == "shared" else None

    def scale(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the standard deviation: `(batch, *shape)` for `output`, else one number."""
        if self.scale_option == "output":
            return self.floor + (self.initial - self.floor) * torch.exp(4 * torch.tanh(precise(raw[:, 1]) / 4))
        if self.log_scale is not None:
            return self.floor + (self.initial - self.floor) * torch.exp(self.log_scale)
        assert isinstance(self.scale_option, float | int)
        return precise(raw).new_tensor(float(self.scale_option))

    def log_prob(self, raw: torch.Tensor, value: torch.Tensor) -> torch.Tensor:
        """Return the log-density of each element, `(batch, *shape)`, in nats, from raw outputs `(batch, channels, *shape)`."""
        scale = self.scale(raw)
        return -0.5 * ((value - precise(raw[:, 0])) / scale) ** 2 - torch.log(scale) - _LOG_ROOT_TWO_PI

    def draw(self, raw: torch.Tensor, noise: torch.Tensor) -> torch.Tensor:
        """Return values, `(batch, *shape)`, from normal noise of that shape."""
        return precise(raw[:, 0]) + self.scale(raw) * noise

    def divergence(self, raw: torch.Tensor, other: "Normal", other_raw: torch.Tensor) -> torch.Tensor:
        """Return the Kullback-Leibler divergence of each element from another distribution of the family, `(batch, *shape)`, in nats."""
        mine, theirs = self.scale(raw), other.scale(other_raw)
        apart = (precise(raw[:, 0]) - precise(other_raw[:, 0])) / theirs
        return torch.log(theirs / mine) + 0.5 * ((mine / theirs) ** 2 + apart**2 - 1)

    def mean(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the mean, `(batch, *shape)`."""
        return precise(raw[:, 0])

    def decide(self, raw: torch.Tensor) -> torch.Tensor:
        """Return the mean, which is the most probable value, `(batch, *shape)`."""
        return precise(raw[:, 0])

    def extra_repr(self) -> str:
        return f"shape={self.shape}, scale={self.scale_option!r}, initial={self.initial:g}, floor={self.floor:g}"
