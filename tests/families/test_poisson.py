"""Draws of the Poisson family are exact: the least count whose distribution function exceeds the noise."""

import math

import pytest
import torch

from gamelearn.families.poisson import Poisson
from gamelearn.noise import uniform


@pytest.mark.parametrize("rate", [1e-3, 0.3, 1.0, 7.0, 100.0, 3000.0, 1e6])
def test_draws_invert_the_distribution_function(rate: float) -> None:
    noise = torch.cat([torch.tensor([0.0, 2.0**-24, 0.5, 1 - 2.0**-24]), uniform(("noise", rate), 500)]).double()
    raw = torch.full((len(noise), 1), math.log(rate), dtype=torch.float64)
    drawn, exact = Poisson(()).draw(raw, noise), raw[:, 0].exp()
    assert bool((torch.special.gammaincc(drawn + 1, exact) > noise).all())
    positive = drawn > 0
    assert bool((torch.special.gammaincc(drawn[positive], exact[positive]) <= noise[positive]).all())
    assert bool((drawn == drawn.floor()).all())


def test_small_counts_are_those_of_the_probability_mass() -> None:
    noise = uniform(("noise",), 1000).double()
    raw = torch.full((1000, 1), math.log(2.5), dtype=torch.float64)
    counts = torch.arange(30.0, dtype=torch.float64)
    cumulative = Poisson(()).log_prob(raw[:1].expand(30, 1), counts).exp().cumsum(0)
    assert torch.equal(Poisson(()).draw(raw, noise), (cumulative[None] <= noise[:, None]).sum(1).double())
