"""Learning-rate schedules against torch's own and against their formulas."""

from collections.abc import Callable

import pytest
import torch
from torch.optim import lr_scheduler

from gamelearn.registry import LEARNING_RATES
from gamelearn.spec.kinds import OptimizerOptions
from gamelearn.train.learning_rates import learning_rate, needs_rounds
from gamelearn.train.optimizers import SGDOptions

ROUNDS = 12
SMALLEST: dict[str, dict[str, object]] = {"step": {"every": 3}, "milestones": {"rounds": [2, 5]}, "exponential": {"gamma": 0.9}}


def options(kind: str, **values: object) -> OptimizerOptions:
    return SGDOptions.model_validate({"type": "sgd", "lr": 0.5, "schedule": {"type": kind, **values}})


def torch_rates(make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]) -> list[float]:
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=0.5)
    scheduler = make(optimizer)
    found = []
    for _ in range(ROUNDS):
        found.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        scheduler.step()
    return found


@pytest.mark.parametrize(
    ("chosen", "make"),
    [
        (options("linear", end=0.2), lambda it: lr_scheduler.LinearLR(it, 1.0, 0.2, ROUNDS)),
        (options("cosine", end=0.2), lambda it: lr_scheduler.CosineAnnealingLR(it, ROUNDS, eta_min=0.1)),
        (options("step", every=4, gamma=0.5), lambda it: lr_scheduler.StepLR(it, 4, 0.5)),
        (options("milestones", rounds=[2, 7], gamma=0.5), lambda it: lr_scheduler.MultiStepLR(it, [2, 7], 0.5)),
        (options("exponential", gamma=0.9), lambda it: lr_scheduler.ExponentialLR(it, 0.9)),
        (options("inverse_sqrt", scale=4), lambda it: lr_scheduler.LambdaLR(it, lambda t: (1 + t / 4) ** -0.5)),
        (options("constant"), lambda it: lr_scheduler.ConstantLR(it, 1.0)),
    ],
    ids=lambda each: each.schedule.type if isinstance(each, OptimizerOptions) and each.schedule else "",
)
def test_equals_torch(chosen: OptimizerOptions, make: Callable[[torch.optim.Optimizer], lr_scheduler.LRScheduler]) -> None:
    assert [learning_rate(chosen, number, ROUNDS) for number in range(ROUNDS)] == pytest.approx(torch_rates(make))


@pytest.mark.parametrize("kind", sorted(set(LEARNING_RATES.names) - {"milestones"}))  # whose rounds are the stage's
def test_warms_up_then_follows_the_schedule_of_a_shorter_stage(kind: str) -> None:
    warm, cold = options(kind, warmup=3, **SMALLEST.get(kind, {})), options(kind, **SMALLEST.get(kind, {}))
    rates = [learning_rate(warm, number, ROUNDS) for number in range(ROUNDS)]
    assert rates[:3] == pytest.approx([0.125, 0.25, 0.375])
    assert rates[3:] == pytest.approx([learning_rate(cold, number, ROUNDS - 3) for number in range(ROUNDS - 3)])


@pytest.mark.parametrize("kind", LEARNING_RATES.names)
def test_every_rate_is_positive_and_at_most_the_first(kind: str) -> None:
    chosen = options(kind, **SMALLEST.get(kind, {}))
    assert all(0 < learning_rate(chosen, number, ROUNDS) <= 0.5 for number in range(ROUNDS))
    assert learning_rate(chosen, 0, ROUNDS) == 0.5


@pytest.mark.parametrize("kind", LEARNING_RATES.names)
def test_says_whether_it_needs_the_length(kind: str) -> None:
    chosen = options(kind, **SMALLEST.get(kind, {}))
    if needs_rounds(chosen):
        with pytest.raises(ValueError, match="how many rounds"):
            learning_rate(chosen, 1, None)
    else:
        assert learning_rate(chosen, 1, None) == learning_rate(chosen, 1, ROUNDS)


def test_without_a_schedule_the_rate_stays() -> None:
    assert learning_rate(SGDOptions(lr=0.3), 7, None) == 0.3
    assert not needs_rounds(SGDOptions())


def test_the_schedules_are_these() -> None:
    assert LEARNING_RATES.names == ("constant", "cosine", "exponential", "inverse_sqrt", "linear", "milestones", "step")
