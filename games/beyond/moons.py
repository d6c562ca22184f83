"""Two moons in the plane, whose points no normal describes. This file makes them a data set, which needs no download."""

from collections.abc import Mapping
from typing import Annotated, Any

import numpy as np
import pydantic
from sklearn.datasets import make_moons

from gamelearn import noise as keyed
from gamelearn.data.dataset import ArrayColumn, DataSet, Field, SplitOptions, split_rows
from gamelearn.data.folder import DataFolder
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import Positive

_FIELDS = {"x": Field("real", (2,)), "a": Field("real", ()), "b": Field("real", ()), "c": Field("categorical", (), 2)}


class MoonsOptions(SplitOptions):
    """The options of `moons`."""

    points: Positive = 4000
    """The number of points in all splits."""
    noise: Annotated[float, pydantic.Field(ge=0)] = 0.08
    """The standard deviation of what is added to each coordinate."""


@DATASETS.register("moons", options=MoonsOptions)
class Moons(DataSet):
    """Two interleaved half circles in the plane, those of scikit-learn, centred and scaled.

    Fields: x, real of shape (2); a and b, its coordinates, real; c, the moon, categorical. Each coordinate has mean 0 and standard
    deviation 1 over all points. The data seed divides the points into splits.
    """

    def __init__(self, folder: DataFolder, seed: int, *, points: int, noise: float, validation: float, test: float) -> None:
        x, c = make_moons(points, shuffle=False, noise=None)
        x = x + noise * keyed.normal(("moons",), points, (2,)).numpy()
        x = ((x - x.mean(0)) / x.std(0)).astype(np.float32)
        values = {"x": x, "a": x[:, 0], "b": x[:, 1], "c": c}
        super().__init__(
            {name: ArrayColumn(_FIELDS[name], each) for name, each in values.items()}, split_rows(points, validation, test, seed)
        )

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field]:
        """Return the fields, which are the same for all options."""
        return _FIELDS
