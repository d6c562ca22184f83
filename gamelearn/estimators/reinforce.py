"""Gradients of the probability of what was drawn. This file defines the score-function estimator."""

from typing import ClassVar, Literal

import torch

from gamelearn.registry import ESTIMATORS
from gamelearn.spec.kinds import EstimatorOptions


class ReinforceOptions(EstimatorOptions):
    """The options of `reinforce`."""

    baseline: Literal["others", "none"] = "others"
    """What is subtracted from a row's utility: the mean of the other rows (of the other samples of its datum, if there are), or nothing."""

    variable_types: ClassVar[tuple[str, ...]] = ("binary", "categorical", "count", "real")
    redraws: ClassVar[bool] = False


@ESTIMATORS.register("reinforce", options=ReinforceOptions)
class Reinforce:
    """The score-function gradient with a baseline, `(utility - baseline) * grad log p(draws)`. It is unbiased for every kind of draw.

    The baseline of a row is the mean of the others' utilities. Rows are drawn from noise of their own: given the data, the others do not
    depend on what this row drew, so the baseline's share of the gradient has the expectation 0. A mean over all rows
    would be biased, by one part in their number.

    Source: Williams, "Simple statistical gradient-following algorithms", 1992; Mnih and Rezende, "Variational inference for
    Monte Carlo objectives", 2016, for the mean of the others.

    Args:
        baseline: `others` or `none`.
    """

    def __init__(self, *, baseline: str) -> None:
        self.baseline = baseline

    def surrogate(self, utilities: torch.Tensor, log_likelihoods: torch.Tensor, samples: int) -> torch.Tensor:
        """Return a scalar of value 0 whose gradient is the mean over rows of the estimates."""
        advantages = utilities - self._baselines(utilities, samples)
        return (advantages * (log_likelihoods - log_likelihoods.detach())).mean()

    def _baselines(self, utilities: torch.Tensor, samples: int) -> torch.Tensor:
        """Return for every row the mean of the rows that it is compared with; 0 where it is alone."""
        groups = utilities.reshape(-1, samples) if samples > 1 else utilities.reshape(1, -1)
        others = groups.shape[1] - 1
        if self.baseline == "none" or others == 0:
            return torch.zeros_like(utilities)
        return ((groups.sum(1, keepdim=True) - groups) / others).reshape(-1)
