"""Whether chains have mixed: R-hat and effective sample size, from the sums that a chain keeps.

R-hat compares halves of chains (Gelman et al., Bayesian Data Analysis, 3rd edition, section 11.4):

    R-hat = sqrt((n - 1) / n + B / W),   n the length of a half, B the variance of the halves' means, W that within them.

The effective sample size is `N / t`, at most the number `N` of states. The time `t`, in states, comes from means of batches of `b`
states: with the variance `v` of the states and that of the batches' means `u` it is near `t_b = b u / v`, below `t` by a part that falls
as 1 / b, which `t_b + (t_b - t_{b/3}) / 2` takes away ("lugsail" batch means: Vats and Flegal, 2022). Long batches are few, and their
variance rough: taken are the shortest of at least 3 t states, of a 36th, a 12th or a quarter of the sweeps. Where chains disagree,
halves are the batches. Of a categorical variable the variances of its classes are added. This file computes both.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from math import inf, nan

import torch
from scipy.special import fdtri

from gamelearn.gibbs.statistics import GROWTH, Marginal

ALERT = 1.1
SHARE = 0.1
_CHANCE = 0.01
_LEAST = 1e-14
"""The least variance that counts, as a share of the mean square."""
_EPSILON = 2.0**-52
"""How much of the mean square adding one more square may lose."""
_TINY = 1e-30
_LENGTHS = 3
"""How many times the correlation time a batch is to hold."""
_FEWEST = 4
"""The fewest sweeps whose halves have a variance."""


@dataclass(frozen=True)
class Diagnosis:
    """How well chains mixed in one variable, over its elements that are free, vary and belong to any row.

    Of fewer than 4 sweeps there is no R-hat: `r_hat`, `r_hat_high` and `disagreeing` are NaN.

    Attributes:
        r_hat: median over the elements; 1 is best; infinite where chains stay at different values.
        r_hat_high: its 95 % quantile.
        ess: median effective sample size of all chains together.
        ess_low: its 5 % quantile.
        disagreeing: the share of elements whose R-hat is above `limit`.
        limit: the larger of 1.1 and what independent draws of this number exceed once in 100 cases.
        elements: how many elements there are.
    """

    r_hat: float
    r_hat_high: float
    ess: float
    ess_low: float
    disagreeing: float
    limit: float
    elements: int

    @property
    def is_alarming(self) -> bool:
        """Whether more than a tenth of the elements disagree."""
        return self.disagreeing > SHARE


def r_hat(marginal: Marginal, chains: int) -> torch.Tensor:
    """Return R-hat of every element, `(rows, *shape)`, from halves of chains.

    It is 1 where nothing varies, infinite where only the halves' means do, NaN of fewer than 4 sweeps.
    """
    half = marginal.sweeps // 2
    if marginal.sweeps < _FEWEST:
        return torch.full_like(_summed(marginal, marginal.sum("total", chains)[0]), nan)
    means, weights = _halves(marginal, chains)
    between = _summed(marginal, means.var(0, correction=1))
    mean_square = marginal.sum("square", chains).sum(0) / (chains * marginal.count)
    own = means if marginal.is_indicator else mean_square  # of 0 and 1 means are mean squares: no rounding is taken for variance
    variance = (weights * (own - means**2)).sum(0).clamp_min(0)
    within = _summed(marginal, variance) * half / (half - 1)
    ratio = ((half - 1) / half + between / within.clamp_min(_TINY)).sqrt()
    least = (_LEAST + marginal.count * _EPSILON) * _summed(marginal, mean_square)
    constant = torch.where(between <= least, torch.ones_like(ratio), torch.full_like(ratio, inf))
    return torch.where(within <= least, constant, ratio)


def _halves(marginal: Marginal, chains: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the mean of each half of each chain, `(2 * chains, rows, ...)`, and its share of all states."""
    half = marginal.sweeps // 2
    first, total = marginal.sum("first", chains), marginal.sum("total", chains)
    lengths = [half] * chains + [marginal.count - half] * chains
    means = torch.cat([first, total - first])
    weights = means.new_tensor(lengths).view(-1, *[1] * (means.dim() - 1))
    return means / weights, weights / sum(lengths)


def effective_sample_size(marginal: Marginal, chains: int) -> torch.Tensor:
    """Return the effective sample size of every element, `(rows, *shape)`, of all chains together."""
    number = chains * marginal.count
    total, square = marginal.sum("total", chains).sum(0) / number, marginal.sum("square", chains).sum(0) / number
    variance = _summed(marginal, (square - total * total).clamp_min(0))
    size = number / _correlation_time(marginal, chains, variance).clamp_min(_TINY)
    if marginal.sweeps >= _FEWEST:
        between = _summed(marginal, _halves(marginal, chains)[0].var(0, correction=1))
        apart = r_hat(marginal, chains) > limit_of(chains, marginal.sweeps)
        size = torch.where(apart, number * variance / (marginal.sweeps / 2 * between).clamp_min(_TINY), size)
    return torch.where(variance <= _LEAST * _summed(marginal, square), torch.full_like(size, number), size.clamp_max(number))


def _correlation_time(marginal: Marginal, chains: int, variance: torch.Tensor) -> torch.Tensor:
    """Return how many states are worth an independent one, `(rows, *shape)`, given the variance of one."""
    whole, before = marginal.sum("total", chains), torch.zeros_like(variance)
    time, is_short = torch.zeros_like(variance), torch.ones_like(variance, dtype=torch.bool)
    for size in marginal.batches:
        whole = whole - marginal.sum(f"batch {size}", chains)  # the states of a batch that is not whole
        batches = chains * (marginal.count // size)
        mean, square = whole.sum(0) / batches, marginal.sum(f"batches {size}", chains).sum(0) / batches
        of_sums = _summed(marginal, (square - mean * mean).clamp_min(0)) * batches / max(1, batches - 1)
        found = of_sums / (size * variance).clamp_min(_TINY)
        more = (found - before).clamp_min(0) / (GROWTH - 1) if size > marginal.batches[0] else 0
        time = torch.where(is_short, found + more, time)
        is_short, before = size < _LENGTHS * time, found
    return time


def _summed(marginal: Marginal, variance: torch.Tensor) -> torch.Tensor:
    return variance.sum(1) if marginal.variable.type == "categorical" else variance


def limit_of(chains: int, sweeps: int) -> float:
    """Return the R-hat that well-mixed chains exceed once in 100 cases, if their draws are independent and normal; at least 1.1."""
    half = sweeps // 2
    if sweeps < _FEWEST:
        return ALERT
    groups = 2 * chains
    ratio = float(fdtri(groups - 1, groups * (half - 1), 1 - _CHANCE)) / half
    return max(ALERT, ((half - 1) / half + ratio) ** 0.5)


def diagnose(marginal: Marginal, chains: int, free: torch.Tensor) -> Diagnosis:
    """Return how well one variable mixed, over the elements that are free, `(rows, *shape)` bool, and vary."""
    hats, sizes = r_hat(marginal, chains), effective_sample_size(marginal, chains)
    squares = marginal.sum("square", chains).mean(0) / marginal.count
    varies = _summed(marginal, marginal.deviation(chains) ** 2) > _LEAST * _summed(marginal, squares)
    hats, sizes = hats[free & varies].double(), sizes[free & varies].double()
    limit = limit_of(chains, marginal.sweeps)
    if not len(hats):
        number = float(chains * marginal.count)
        hat, share = (nan, nan) if marginal.sweeps < _FEWEST else (1.0, 0.0)
        return Diagnosis(hat, hat, number, number, share, limit, 0)
    disagreeing = nan if marginal.sweeps < _FEWEST else float((hats > limit).double().mean())
    return Diagnosis(
        _quantile(hats, 0.5), _quantile(hats, 0.95), _quantile(sizes, 0.5), _quantile(sizes, 0.05), disagreeing, limit, len(hats)
    )


def _quantile(values: torch.Tensor, share: float) -> float:
    place = round(share * (len(values) - 1))
    return float(values.kthvalue(place + 1).values)


def pooled(diagnoses: Sequence[Diagnosis]) -> Diagnosis:
    """Return one diagnosis of several blocks of rows: every figure averaged, weighted by the number of elements."""
    total = sum(each.elements for each in diagnoses)
    if not total:
        return diagnoses[0]

    def average(name: str) -> float:
        return sum(getattr(each, name) * each.elements for each in diagnoses) / total

    return Diagnosis(
        r_hat=average("r_hat"),
        r_hat_high=average("r_hat_high"),
        ess=average("ess"),
        ess_low=average("ess_low"),
        disagreeing=average("disagreeing"),
        limit=diagnoses[0].limit,
        elements=total,
    )
