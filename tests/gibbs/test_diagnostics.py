"""Diagnostics of series whose answers are known: independent, correlated, apart. This file feeds them to a marginal."""

from math import inf, isnan

import numpy as np
import pytest
import torch

from gamelearn import noise
from gamelearn.gibbs.diagnostics import Diagnosis, diagnose, effective_sample_size, limit_of, pooled, r_hat
from gamelearn.gibbs.statistics import Marginal
from gamelearn.graph.model import Variable

REAL = Variable("x", "real", ())
CHAINS, ROWS = 4, 200


def autoregressive(sweeps: int, correlation: float, shift: float = 0.0, key: str = "series") -> torch.Tensor:
    """Return stationary series of variance 1, `(sweeps, chains * rows)`; `shift` sets the chains apart."""
    made = noise.normal((key, correlation), sweeps, (CHAINS * ROWS,))
    for number in range(1, sweeps):
        made[number] = correlation * made[number - 1] + (1 - correlation**2) ** 0.5 * made[number]
    return made + shift * torch.arange(CHAINS).repeat_interleave(ROWS)


def marginal_of(series: torch.Tensor, variable: Variable = REAL) -> Marginal:
    marginal = Marginal(variable, sweeps=len(series), conditionals=False)
    for state in series:
        marginal.add(state, state)
    return marginal


def test_mean_and_deviation_are_those_of_all_draws() -> None:
    series = autoregressive(50, 0.5, shift=1.0)
    marginal = marginal_of(series)
    by_row = series.double().view(50, CHAINS, ROWS).permute(2, 0, 1).reshape(ROWS, -1)
    assert torch.allclose(marginal.mean(CHAINS), by_row.mean(1), atol=1e-5)
    assert torch.allclose(marginal.deviation(CHAINS), by_row.std(1, correction=0), atol=1e-4)


@pytest.mark.parametrize("sweeps", [10, 11, 50])
def test_r_hat_is_that_of_the_textbook(sweeps: int) -> None:
    series = autoregressive(sweeps, 0.3, shift=0.5)
    half = sweeps // 2
    halves = series.double().view(sweeps, CHAINS, ROWS)
    if sweeps % 2 == 0:  # else the halves differ by one state
        groups = torch.cat([halves[:half], halves[half:]], 1)
        between, within = groups.mean(0).var(0), groups.var(0).mean(0)
        exact = ((half - 1) / half + between / within).sqrt()
        assert torch.allclose(r_hat(marginal_of(series), CHAINS), exact, atol=1e-4)
    assert bool((r_hat(marginal_of(series), CHAINS) > 0.5).all())


@pytest.mark.parametrize("correlation", [0.0, 0.6, 0.9, 0.95, 0.97, 0.99])
@pytest.mark.parametrize("sweeps", [1000, 2500])
def test_effective_sample_size_is_that_of_an_autoregression(sweeps: int, correlation: float) -> None:
    """Of N states of correlation r, N (1 - r) / (1 + r) are worth as much as independent ones."""
    expected = CHAINS * sweeps * (1 - correlation) / (1 + correlation)
    found = effective_sample_size(marginal_of(autoregressive(sweeps, correlation)), CHAINS) / expected
    assert 0.9 < float(found.median()) < (1.2 if expected > 50 else 1.4)
    assert 0.4 < float(found.quantile(0.05)) < float(found.quantile(0.95)) < 2.5


def by_hand(states: list[list[int]], lengths: tuple[int, ...]) -> float:
    """Return the effective sample size of chains from their batches of two lengths, one three times the other."""
    shorter, longer = lengths
    variance, number = np.var(states), np.size(states)
    times = []
    for length in (shorter, longer):
        means = [np.mean(chain[start : start + length]) for chain in states for start in range(0, len(chain) - length + 1, length)]
        times.append(length * np.var(means, ddof=1) / variance)
    assert shorter < 3 * times[0] < 3 * times[1]
    return float(number / (times[1] + (times[1] - times[0]) / 2))


def test_effective_sample_size_of_eleven_states_by_hand() -> None:
    """Batches of 3 have the means 2, 6, 3, of variance 13/3; 11 states have the variance 194/11 - (42/11)^2; the last two are in no batch."""
    states = [1, 2, 3, 6, 5, 7, 3, 2, 4, 5, 4]
    time = 3 * (13 / 3) / (194 / 11 - (42 / 11) ** 2)
    exact = 11 / (time + (time - 11 / 10) / 2)
    assert by_hand([states], (1, 3)) == pytest.approx(exact) == pytest.approx(1.8878, abs=1e-4)
    assert float(effective_sample_size(marginal_of(torch.tensor([states]).T.double()), 1)) == pytest.approx(exact)


@pytest.mark.parametrize(("chains", "sweeps", "lengths"), [(2, 11, (1, 3)), (3, 17, (1, 3)), (2, 36, (3, 9)), (2, 75, (6, 18))])
def test_effective_sample_size_counts_the_batches_of_all_chains_together(chains: int, sweeps: int, lengths: tuple[int, int]) -> None:
    """Of 36 and 75 sweeps the shortest batches, of 1 and 2 states, are shorter than 3 correlation times."""
    states = np.cumsum(noise.normal(("walk", sweeps), sweeps, (chains,)).numpy() > 0, 0) % 5 + 2 * (
        np.arange(sweeps)[:, None] // lengths[1] % 2
    )
    exact = by_hand(states.T.tolist(), lengths)
    assert exact < states.size  # not cut off
    assert float(effective_sample_size(marginal_of(torch.from_numpy(states).double()), chains)) == pytest.approx(exact)


def test_the_effective_sample_size_of_classes_adds_their_variances() -> None:
    drawn = [0, 0, 1, 2, 2, 2, 1, 1, 0]
    ones = np.eye(3)[drawn]
    time = 3 * ones.reshape(3, 3, 3).mean(1).var(0, ddof=1).sum() / ones.var(0).sum()
    found = effective_sample_size(marginal_of(torch.tensor(drawn).unsqueeze(1), Variable("s", "categorical", (), 3)), 1)
    assert time > 9 / 8
    assert float(found) == pytest.approx(9 / (time + (time - 9 / 8) / 2))


def test_chains_that_disagree_are_worth_what_their_halves_are() -> None:
    """Means of halves 0.5, 0.5, 10.5, 10.5 have the variance 100/3; the 8 states have 0.25 + 25."""
    series = torch.tensor([[0, 1, 0, 1], [10, 11, 10, 11]], dtype=torch.float64).T
    assert float(effective_sample_size(marginal_of(series), 2)) == pytest.approx(8 * 25.25 / (2 * 100 / 3))


def test_chains_that_disagree_are_told_from_those_that_mix() -> None:
    free = torch.ones(ROWS, dtype=torch.bool)
    for sweeps in (10, 40):
        mixed = diagnose(marginal_of(autoregressive(sweeps, 0.0)), CHAINS, free)
        apart = diagnose(marginal_of(autoregressive(sweeps, 0.0, shift=2.0)), CHAINS, free)
        stuck = diagnose(marginal_of(autoregressive(sweeps, 0.99)), CHAINS, free)
        assert mixed.disagreeing < 0.05
        assert not mixed.is_alarming
        assert apart.disagreeing > 0.9
        assert stuck.is_alarming
        assert apart.ess < mixed.ess / 2


def test_the_limit_is_exceeded_once_in_a_hundred_by_independent_draws() -> None:
    series = noise.normal(("chance",), 10, (CHAINS * 20_000,))
    hats = r_hat(marginal_of(series), CHAINS)
    assert limit_of(CHAINS, 10) > 1.1
    assert float((hats > limit_of(CHAINS, 10)).double().mean()) == pytest.approx(0.01, abs=0.003)
    assert limit_of(CHAINS, 10_000) == 1.1


def test_classes_are_diagnosed_together() -> None:
    variable = Variable("s", "categorical", (), 3)
    apart = torch.arange(CHAINS).repeat_interleave(ROWS) % 3
    same = (noise.uniform(("classes",), 20, (CHAINS * ROWS,)) * 3).long()
    free = torch.ones(ROWS, dtype=torch.bool)
    assert diagnose(marginal_of(same, variable), CHAINS, free).disagreeing < 0.05
    assert diagnose(marginal_of(apart.expand(20, -1), variable), CHAINS, free).disagreeing == 1


def test_elements_that_are_known_or_do_not_vary_are_left_out() -> None:
    series = autoregressive(10, 0.0, shift=3.0)
    free = torch.zeros(ROWS, dtype=torch.bool)
    assert diagnose(marginal_of(series), CHAINS, free) == Diagnosis(1.0, 1.0, 40.0, 40.0, 0.0, limit_of(CHAINS, 10), 0)
    constant = diagnose(marginal_of(torch.ones(10, CHAINS * ROWS)), CHAINS, ~free)
    assert (constant.elements, constant.disagreeing) == (0, 0.0)


@pytest.mark.parametrize("variable", [REAL, Variable("b", "binary", ()), Variable("s", "categorical", (), 3)])
@pytest.mark.parametrize("sweeps", [4, 11, 1000])
def test_r_hat_of_chains_that_stay_at_different_values_is_infinite(variable: Variable, sweeps: int) -> None:
    stay = torch.arange(CHAINS).repeat_interleave(ROWS) % 2
    state = stay.long() if variable.type == "categorical" else stay.float()
    shift = torch.arange(ROWS).repeat(CHAINS) * 0.037
    series = (state if variable.type != "real" else state * 0.2 + 0.1 + shift).expand(sweeps, -1)
    marginal = marginal_of(series, variable)
    assert bool(r_hat(marginal, CHAINS).isinf().all())
    found = diagnose(marginal, CHAINS, torch.ones(ROWS, dtype=torch.bool))
    assert (found.r_hat, found.r_hat_high, found.disagreeing, found.elements) == (inf, inf, 1.0, ROWS)
    assert found.is_alarming
    assert pooled([found, found]).r_hat == inf


@pytest.mark.parametrize("chains", [2, 3, 7])
@pytest.mark.parametrize("sweeps", [5, 7, 13])
def test_rounding_of_single_precision_is_no_variance(sweeps: int, chains: int) -> None:
    """One chain stays at 1, the others at 0; sums of 0 and 1 are kept in single precision."""
    state = (torch.arange(chains) == 0).float()
    assert r_hat(marginal_of(state.expand(sweeps, -1), Variable("b", "binary", ())), chains).tolist() == [inf]


@pytest.mark.parametrize("chains", [1, 4])
@pytest.mark.parametrize("sweeps", [1, 2, 3, 4])
def test_of_fewer_than_four_sweeps_there_is_no_r_hat(sweeps: int, chains: int) -> None:
    marginal = marginal_of(autoregressive(sweeps, 0.0))
    rows = CHAINS * ROWS // chains
    found = diagnose(marginal, chains, torch.ones(rows, dtype=torch.bool))
    figures = (found.r_hat, found.r_hat_high, found.disagreeing, float(r_hat(marginal, chains)[0]))
    assert [isnan(each) for each in figures] == [sweeps < 4] * 4
    assert not (sweeps < 4 and found.is_alarming)
    assert [isnan(each) for each in (found.ess, pooled([found, found]).r_hat)] == [False, sweeps < 4]


def test_blocks_are_pooled_by_their_elements() -> None:
    one, other = Diagnosis(1.0, 1.0, 10.0, 5.0, 0.0, 1.1, 30), Diagnosis(2.0, 3.0, 20.0, 9.0, 1.0, 1.1, 10)
    assert pooled([one, other]) == Diagnosis(1.25, 1.5, 12.5, 6.0, 0.25, 1.1, 40)


def test_memory_does_not_grow_with_the_sweeps() -> None:
    def held(sweeps: int) -> int:
        marginal = marginal_of(autoregressive(sweeps, 0.0))
        return sum(each.numel() for each in marginal._sums.values())

    assert held(720) == held(72)
