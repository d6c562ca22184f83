"""Draws of the categorical family at the edges of its distribution function."""

import pytest
import torch

from gamelearn.families.categorical import Categorical
from gamelearn.noise import normal, uniform

LAST = 1 - 2.0**-24  # the largest noise in float32


@pytest.mark.parametrize("impossible", [0, 1, 2])
@pytest.mark.parametrize("edge", [0.0, 0.5, LAST])
def test_a_class_without_probability_is_never_drawn(impossible: int, edge: float) -> None:
    raw = torch.zeros(1, 3)
    raw[0, impossible] = -1e3
    assert int(Categorical((), classes=3).draw(raw, torch.tensor([edge]))) != impossible


def test_rounding_of_the_sum_draws_no_impossible_class() -> None:
    raw = normal(("raw",), 5000, (40,))
    raw[:, -1] = -1e3
    drawn = Categorical((), classes=40).draw(raw, torch.full((5000,), LAST))
    assert int(drawn.max()) == 38


def test_draws_are_the_inverse_of_the_distribution_function() -> None:
    raw, noise = normal(("raw",), 200, (5, 3)).double(), uniform(("noise",), 200, (3,)).double()
    below = torch.softmax(raw, 1).cumsum(1) <= noise.unsqueeze(1)
    drawn = Categorical((3,), classes=5).draw(raw, noise)
    assert drawn.dtype == torch.int64
    assert torch.equal(drawn, below.sum(1))
    assert drawn.unique().tolist() == [0, 1, 2, 3, 4]
