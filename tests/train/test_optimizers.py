"""The optimizers are torch's, with torch's names and defaults."""

import inspect
from typing import Any

import pytest
import torch
from pydantic import ValidationError
from torch import nn

from gamelearn.options import mistakes_of
from gamelearn.registry import OPTIMIZERS, Entry
from gamelearn.spec.kinds import OptimizerOptions
from gamelearn.spec.schema import Train
from gamelearn.train.optimizers import build_optimizer, set_learning_rate

OURS = set(OptimizerOptions.model_fields) - {"lr"}


def test_the_optimizers_are_these() -> None:
    assert OPTIMIZERS.names == ("adadelta", "adagrad", "adam", "adamax", "adamw", "nadam", "radam", "rmsprop", "sgd")


@pytest.mark.parametrize("entry", list(OPTIMIZERS), ids=lambda entry: entry.name)
def test_defaults_are_torchs(entry: Entry) -> None:
    torchs = inspect.signature(entry.build).parameters
    for name, value in entry.options():
        if name not in OURS:
            assert value == (torchs[name].default or False if name == "fused" else torchs[name].default), name


@pytest.mark.parametrize("entry", list(OPTIMIZERS), ids=lambda entry: entry.name)
def test_every_number_of_torch_is_an_option(entry: Entry) -> None:
    ways = {"self", "params", "foreach", "maximize", "capturable", "differentiable", "fused"}
    missing = set(inspect.signature(entry.build).parameters) - ways - set(entry.options.model_fields)
    assert missing <= {"decoupled_weight_decay"}  # of Adam, which AdamW is


@pytest.mark.parametrize("entry", list(OPTIMIZERS), ids=lambda entry: entry.name)
def test_a_step_is_torchs(entry: Entry) -> None:
    build: Any = entry.build
    options: Any = entry.options
    ours, torchs = (nn.Parameter(torch.tensor([1.0, -2.0])) for _ in range(2))
    for parameter, optimizer in ((ours, build_optimizer(options(lr=0.1), [ours])), (torchs, build([torchs], lr=0.1))):
        for _ in range(7):
            parameter.grad = 3 * parameter.detach() + 1
            optimizer.step()
    assert torch.equal(ours, torchs)
    assert not torch.equal(ours, torch.tensor([1.0, -2.0]))


def test_the_default_is_adam() -> None:
    parameter = nn.Parameter(torch.zeros(2))
    for options in (OptimizerOptions(), Train().optimizer, Train().optimizer_of("anybody")):
        optimizer = build_optimizer(options, [parameter])
        assert type(optimizer) is torch.optim.Adam
        assert optimizer.param_groups[0]["lr"] == 1e-3


def test_own_options_reach_torch() -> None:
    train = Train.model_validate({"optimizer": {"betas": [0.5, 0.25]}, "optimizers": {"b": {"type": "sgd", "momentum": 0.5}}})
    parameter = nn.Parameter(torch.zeros(2))
    assert build_optimizer(train.optimizer_of("a"), [parameter]).param_groups[0]["betas"] == (0.5, 0.25)
    assert build_optimizer(train.optimizer_of("b"), [parameter]).param_groups[0]["momentum"] == 0.5


def test_the_rate_follows_the_schedule() -> None:
    options = Train.model_validate({"optimizer": {"lr": 0.5, "schedule": {"type": "step", "every": 2}}}).optimizer_of("a")
    optimizer = build_optimizer(options, [nn.Parameter(torch.zeros(2))])
    assert set_learning_rate(optimizer, options, 2, None) == pytest.approx(0.05)
    assert optimizer.param_groups[0]["lr"] == pytest.approx(0.05)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"betas": [0.5]}, "expected two decays, got 1"),
        ({"type": "sgd", "nesterov": True}, "'nesterov' needs a 'momentum' and no 'dampening'"),
        ({"lr": 0}, "must be greater than 0, got 0"),
        ({"schedule": {"type": "cosin"}}, "unknown learning-rate schedule 'cosin'"),
    ],
)
def test_wrong_options_are_told(values: dict[str, object], message: str) -> None:
    with pytest.raises(ValidationError) as caught:
        Train.model_validate({"optimizer": values})
    assert [each.what.startswith(message) for each in mistakes_of(caught.value)] == [True]
