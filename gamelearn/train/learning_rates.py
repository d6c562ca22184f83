"""Learning-rate schedules: pure functions of the round within the stage, so that nothing is stored to resume.

A schedule gives the factor of the learning rate in round 0, 1, ... of a stage that has so many rounds (None where a time
budget ends it). Every schedule can rise to its first value over `warmup` rounds. This file defines the schedules.
"""

from math import cos, pi
from typing import Annotated, Any, ClassVar

from pydantic import Field

from gamelearn.options import Listed
from gamelearn.registry import LEARNING_RATES
from gamelearn.spec.kinds import LearningRateOptions, OptimizerOptions, Positive

Fraction = Annotated[float, Field(ge=0, le=1)]
Decay = Annotated[float, Field(gt=0, le=1)]


class WarmupOptions(LearningRateOptions):
    """What every schedule of the package has."""

    warmup: Annotated[int, Field(ge=0)] = 0
    """Rounds in which the rate rises linearly to its first value."""

    needs_rounds: ClassVar[bool] = False
    """Whether the schedule needs to know how many rounds the stage has."""


class ConstantOptions(WarmupOptions):
    """The options of a rate that stays."""


class LinearOptions(WarmupOptions):
    """The options of a rate that falls on a line."""

    end: Fraction = 0.0
    """The factor after the last round."""

    needs_rounds: ClassVar[bool] = True


class CosineOptions(WarmupOptions):
    """The options of a rate that falls on half a cosine."""

    end: Fraction = 0.0
    """The factor after the last round."""

    needs_rounds: ClassVar[bool] = True


class StepOptions(WarmupOptions):
    """The options of a rate that falls in equal steps."""

    every: Positive
    """Rounds from one step to the next."""
    gamma: Decay = 0.1
    """What each step multiplies the rate by."""


class MilestonesOptions(WarmupOptions):
    """The options of a rate that falls in given rounds."""

    rounds: Listed[Positive]
    """The rounds of the stage from which on the rate is lower."""
    gamma: Decay = 0.1
    """What each of them multiplies the rate by."""


class ExponentialOptions(WarmupOptions):
    """The options of a rate that falls by the same factor in every round."""

    gamma: Decay
    """What each round multiplies the rate by."""


class InverseSqrtOptions(WarmupOptions):
    """The options of a rate that falls with the square root of the round."""

    scale: Positive = 1000
    """The round in which the rate has fallen to 0.71 of its first value."""


def _warm(number: int, warmup: int) -> float:
    return min(1.0, (number + 1) / (warmup + 1))


def _share(number: int, rounds: int | None, warmup: int) -> float:
    """Return how much of the way from the end of the warm-up to the end of the stage is gone, in [0, 1]."""
    if rounds is None:
        raise ValueError("this schedule needs to know how many rounds the stage has")
    return min(1.0, max(0, number - warmup) / max(1, rounds - warmup))


@LEARNING_RATES.register("constant", options=ConstantOptions)
def constant(number: int, rounds: int | None, *, warmup: int) -> float:
    """The same rate in every round."""
    return _warm(number, warmup)


@LEARNING_RATES.register("linear", options=LinearOptions)
def linear(number: int, rounds: int | None, *, warmup: int, end: float) -> float:
    """From the whole rate to `end` of it on a line, over the stage."""
    return _warm(number, warmup) * (1 - (1 - end) * _share(number, rounds, warmup))


@LEARNING_RATES.register("cosine", options=CosineOptions)
def cosine(number: int, rounds: int | None, *, warmup: int, end: float) -> float:
    """From the whole rate to `end` of it on half a cosine, over the stage (Loshchilov and Hutter, SGDR, 2017)."""
    return _warm(number, warmup) * (end + (1 - end) * (1 + cos(pi * _share(number, rounds, warmup))) / 2)


@LEARNING_RATES.register("step", options=StepOptions)
def step(number: int, rounds: int | None, *, warmup: int, every: int, gamma: float) -> float:
    """Lower by a factor every so many rounds."""
    return _warm(number, warmup) * gamma ** (max(0, number - warmup) // every)


@LEARNING_RATES.register("milestones", options=MilestonesOptions)
def milestones(number: int, total: int | None, *, warmup: int, rounds: tuple[int, ...], gamma: float) -> float:
    """Lower by a factor from each of the given rounds on."""
    return _warm(number, warmup) * gamma ** sum(number >= each for each in rounds)


@LEARNING_RATES.register("exponential", options=ExponentialOptions)
def exponential(number: int, rounds: int | None, *, warmup: int, gamma: float) -> float:
    """Lower by a factor in every round."""
    return _warm(number, warmup) * gamma ** max(0, number - warmup)


@LEARNING_RATES.register("inverse_sqrt", options=InverseSqrtOptions)
def inverse_sqrt(number: int, rounds: int | None, *, warmup: int, scale: int) -> float:
    """Lower with the square root of the rounds, `1 / sqrt(1 + round / scale)`."""
    return _warm(number, warmup) / (1 + max(0, number - warmup) / scale) ** 0.5


def needs_rounds(options: OptimizerOptions) -> bool:
    """Return whether the learning rate needs to know how many rounds the stage has."""
    return getattr(options.schedule, "needs_rounds", False)


def learning_rate(options: OptimizerOptions, number: int, rounds: int | None) -> float:
    """Return the learning rate of a round.

    Args:
        options: the optimizer's options, with its rate and its schedule.
        number: the round within the stage, from 0 on.
        rounds: how many the stage has; None where it is not known.

    Raises:
        ValueError: the schedule needs `rounds`, which is None.

    >>> from gamelearn.train.optimizers import SGDOptions
    >>> falling = SGDOptions(lr=0.1, schedule={"type": "linear"})
    >>> [learning_rate(falling, number, 4) for number in range(4)]
    [0.1, 0.07500000000000001, 0.05, 0.025]
    """
    if options.schedule is None:
        return options.lr
    own: dict[str, Any] = {name: value for name, value in options.schedule if name != "type"}
    return options.lr * float(LEARNING_RATES[options.schedule.type].build(number, rounds, **own))
