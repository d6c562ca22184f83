"""What a gradient estimator is: it makes a draw through which gradients run, or weighs the log-likelihoods of draws.

A new estimator is a class with one of the two methods, registered with an options model that says which (`redraws`):

    @ESTIMATORS.register("sign", options=SignOptions)
    class Sign: ...

This file defines both kinds.
"""

from typing import Any, Protocol, cast

import torch

from gamelearn.players.player import Distribution
from gamelearn.registry import ESTIMATORS
from gamelearn.spec.kinds import EstimatorOptions


class DrawEstimator(Protocol):
    """Makes draws with a gradient to the parameters of their distribution."""

    def draw(self, distribution: Distribution, noise: torch.Tensor, classes: int | None) -> torch.Tensor:
        """Return a draw, `(batch, *shape)`; of a variable with classes weights of the classes, `(batch, classes, *shape)`."""


class ScoreEstimator(Protocol):
    """Takes gradients from the log-likelihoods of draws, which are constants themselves."""

    def surrogate(self, utilities: torch.Tensor, log_likelihoods: torch.Tensor, samples: int) -> torch.Tensor:
        """Return a scalar of value 0 whose gradient is the estimate.

        Args:
            utilities: `(rows,)`, without gradient: what each row's chain gives.
            log_likelihoods: `(rows,)`: of the row's draws, with gradient.
            samples: how many consecutive rows are chains of one datum.
        """


def draw_estimator(options: EstimatorOptions) -> DrawEstimator:
    """Return the estimator that options describe."""
    return cast("DrawEstimator", _built(options))


def score_estimator(options: EstimatorOptions) -> ScoreEstimator:
    """Return the estimator that options describe."""
    return cast("ScoreEstimator", _built(options))


def _built(options: EstimatorOptions) -> Any:
    return ESTIMATORS[options.type].build(**options.own_options())


def as_weights(drawn: torch.Tensor, classes: int | None, like: torch.Tensor) -> torch.Tensor:
    """Return a draw as numbers in the kind of `like`: classes become one-hot, `(batch, classes, *shape)`."""
    if classes is None:
        return drawn.to(like.dtype)
    return torch.zeros_like(like).scatter_(1, drawn.unsqueeze(1), 1.0)
