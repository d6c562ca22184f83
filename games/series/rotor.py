"""A turning point seen from two sides, with regimes that switch. This file makes such series a data set, which needs no download."""

from collections.abc import Mapping
from math import pi
from typing import Annotated, Any

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray

from gamelearn import noise as keyed
from gamelearn.data.dataset import ArrayColumn, DataSet, Field, SplitOptions, split_rows
from gamelearn.data.folder import DataFolder
from gamelearn.data.reading import Reading
from gamelearn.options import mistake
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import Positive

REGIMES = ("rest", "slow", "fast", "back")
VELOCITY = (0.0, 2 * pi / 32, 2 * pi / 12, -2 * pi / 20)
"""The angle per step of each regime, in radians, before the tempo of the row."""


class RotorOptions(SplitOptions):
    """The options of `rotor_series`."""

    rows: Positive = 4000
    """The number of windows in all splits."""
    pieces: Annotated[int, pydantic.Field(ge=1, le=16)] = 1
    """Into how many pieces of equal length a window is cut."""
    steps: Annotated[int, pydantic.Field(ge=2, le=4096)] = 36
    """The length of a window, a multiple of the pieces."""
    stay: Annotated[float, pydantic.Field(ge=0, lt=1)] = 0.96
    """The probability that a step has the regime of the one before; else each regime is as probable as the others."""
    noise: Annotated[float, pydantic.Field(ge=0)] = 0.1
    """The standard deviation of what is added to each value."""

    @pydantic.model_validator(mode="after")
    def _whole_pieces(self) -> "RotorOptions":
        if self.steps % self.pieces:
            raise mistake(f"{self.steps} steps cannot be cut into {self.pieces} pieces of equal length", path=("pieces",))
        return self


@DATASETS.register("rotor_series", options=RotorOptions)
class RotorSeries(DataSet):
    """Windows of a turning point seen from two sides, with its regime at each step, made by the computer.

    Fields: x, real, of shape (2, steps); s, categorical with 4 classes, of shape (steps): rest, slow, fast, back; cut into
    pieces, x1, x2, ... and s1, s2, ... in their order, each of steps / pieces. A point turns on a circle at the angular velocity v(s) of its regime, times the tempo of its window:

        angle_t = angle_{t-1} + tempo v(s_t),   x_t = radius (cos angle_t, sin angle_t) + noise

    Radius (0.6 to 1.4), tempo (0.8 to 1.25) and first angle are uniform for each window; regimes are a Markov chain. A window is the
    same whatever the number of rows is; the data seed divides the rows into splits.
    """

    def __init__(
        self,
        folder: DataFolder,
        seed: int,
        *,
        rows: int,
        pieces: int,
        steps: int,
        stay: float,
        noise: float,
        validation: float,
        test: float,
    ) -> None:
        x, s = make_windows(rows, steps, stay=stay, noise=noise)
        fields = rotor_fields(steps, pieces)
        cut: list[NDArray[Any]] = [*np.split(x, pieces, axis=2), *np.split(s, pieces, axis=1)]
        columns = {name: ArrayColumn(field, values) for (name, field), values in zip(fields.items(), cut, strict=True)}
        super().__init__(columns, split_rows(rows, validation, test, seed))
        self.readings = {name: Reading(levels=REGIMES) for name, field in fields.items() if field.type == "categorical"}

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field]:
        """Return x and s, or their pieces, by the number of steps."""
        return rotor_fields(options.steps, options.pieces)


def rotor_fields(steps: int, pieces: int) -> dict[str, Field]:
    """Return the fields of windows of some length, cut into pieces: those of x, then those of s."""
    length, numbers = steps // pieces, [str(number + 1) for number in range(pieces)] if pieces > 1 else [""]
    x = {f"x{number}": Field("real", (2, length)) for number in numbers}
    return x | {f"s{number}": Field("categorical", (length,), len(REGIMES)) for number in numbers}


def make_windows(rows: int, steps: int, *, stay: float, noise: float, first_row: int = 0) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return windows, `(rows, 2, steps)`, with their regimes, `(rows, steps)`."""

    def uniform(name: str, *shape: int) -> torch.Tensor:
        return keyed.uniform(("rotor", name), rows, shape, first_row=first_row)

    s = _regimes(uniform("change", steps) >= stay, (uniform("regime", steps) * len(REGIMES)).long())
    tempo, radius = 0.8 + 0.45 * uniform("tempo", 1), 0.6 + 0.8 * uniform("radius", 1)
    angle = 2 * pi * uniform("angle", 1) + tempo * torch.tensor(VELOCITY)[s].cumsum(1)
    clean = radius.unsqueeze(2) * torch.stack([angle.cos(), angle.sin()], 1)
    x = clean + noise * keyed.normal(("rotor", "noise"), rows, (2, steps), first_row=first_row)
    return x.numpy(), s.numpy()


def _regimes(changes: torch.Tensor, choices: torch.Tensor) -> torch.Tensor:
    """Return at each step the choice of the last change; the first step is one."""
    steps = torch.arange(changes.shape[1]).expand_as(changes)
    changed = torch.where(changes, steps, torch.zeros_like(steps)).cummax(1).values
    return choices.gather(1, changed)
