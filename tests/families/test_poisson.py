"""The Poisson family is exact from the smallest rates to the largest: its draws, likelihoods and gradients."""

import math

import pytest
import torch
from scipy import stats

from gamelearn.families.poisson import Poisson
from gamelearn.noise import uniform


@pytest.mark.parametrize("rate", [1e-3, 0.3, 1.0, 7.0, 100.0, 3000.0, 1e6, 3.3e6, 1e7])
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


@pytest.mark.parametrize("rate", [1e-3, 3.0, 1e5, 3e6, 3.3e6, 1e7])
def test_likelihoods_in_single_precision_are_those_of_scipy(rate: float) -> None:
    """They are differences of numbers as large as the counts, which single precision rounds by whole nats."""
    raw = torch.full((6, 1), math.log(rate), requires_grad=True)
    count = (rate + rate**0.5 * torch.tensor([-4.0, -1.0, 0.0, 1.0, 4.0, 50.0])).round().clamp(min=0)
    exact_rate = raw.detach()[:, 0].double().exp()
    found = Poisson(()).log_prob(raw, count)
    exact = torch.from_numpy(stats.poisson.logpmf(count.double().numpy(), exact_rate.numpy())).float()
    torch.testing.assert_close(found, exact, rtol=2e-6, atol=1e-6)
    found.sum().backward()
    assert raw.grad is not None
    torch.testing.assert_close(raw.grad[:, 0], (count - exact_rate).float(), rtol=1e-5, atol=1e-6)
    other = torch.full((6, 1), math.log(rate) + 2**-9)
    divergence = Poisson(()).divergence(raw, Poisson(()), other)
    more = float(other.double()[0, 0] - raw.detach().double()[0, 0])
    torch.testing.assert_close(divergence, (exact_rate * (math.expm1(more) - more)).float(), rtol=1e-4, atol=1e-9)


@pytest.mark.parametrize("raw", [15.5, 19.9999, 20.0, 20.0001, 30.0, 1e3, 1e6])
def test_large_raw_outputs_have_a_gradient_and_the_draws_that_are_scored(raw: float) -> None:
    """A player that starts there comes back; above 20 the rate is a line, with the slope that the exponential has at 20."""
    given = torch.full((3000, 1), raw, dtype=torch.float64, requires_grad=True)
    rate = Poisson(()).mean(given)
    (slope,) = torch.autograd.grad(rate.sum(), given)
    exact = math.exp(raw) if raw <= 20 else math.exp(20) * (raw - 19)
    torch.testing.assert_close(rate.detach(), torch.full_like(rate, exact))
    torch.testing.assert_close(slope, torch.full_like(given, math.exp(min(raw, 20))))
    (pull,) = torch.autograd.grad(Poisson(()).log_prob(given, torch.full_like(rate, 3.0)).sum(), given)
    assert bool((pull < -1e6).all())
    drawn = Poisson(()).draw(given.detach(), uniform(("noise", raw), 3000).double())
    z = (drawn - exact) / exact**0.5
    assert abs(float(z.mean())) < 4.5 / 3000**0.5
    assert abs(float(z.var()) - 1) < 4.5 * (2 / 3000) ** 0.5


def test_a_player_that_starts_at_a_rate_of_millions_comes_back_to_the_data() -> None:
    raw = torch.full((1, 1), 16.0, requires_grad=True)
    optimizer = torch.optim.Adam([raw], lr=0.1)
    for _ in range(600):
        optimizer.zero_grad()
        (-Poisson(()).log_prob(raw.expand(4, 1), torch.tensor([3.0, 5.0, 8.0, 4.0])).mean()).backward()
        torch.nn.utils.clip_grad_norm_([raw], 1.0)
        optimizer.step()
    assert float(raw.detach().exp()) == pytest.approx(5, rel=0.05)
