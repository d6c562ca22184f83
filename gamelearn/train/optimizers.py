"""The optimizers, each one of torch's with torch's own option names and defaults.

This file registers the optimizers.
"""

from collections.abc import Iterable, Iterator
from typing import Annotated, Any

import torch
from pydantic import AfterValidator, Field, model_validator
from torch import nn

from gamelearn.options import Listed, mistake
from gamelearn.registry import OPTIMIZERS
from gamelearn.spec.kinds import OptimizerOptions
from gamelearn.train.learning_rates import Fraction, learning_rate

NotNegative = Annotated[float, Field(ge=0)]
Small = Annotated[float, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]


def _pair(betas: tuple[float, ...]) -> tuple[float, ...]:
    if len(betas) != 2:
        raise mistake(f"expected two decays, got {len(betas)}")
    return betas


Betas = Annotated[Listed[Annotated[float, Field(ge=0, lt=1)]], AfterValidator(_pair)]


class AdamOptions(OptimizerOptions):
    """The options of Adam."""

    type: str = "adam"
    betas: Betas = (0.9, 0.999)
    """The decays of the averages of the gradient and of its square."""
    eps: Small = 1e-8
    """Added to the denominator."""
    weight_decay: NotNegative = 0.0
    """The factor of the squared weights' penalty."""
    amsgrad: bool = False
    """Whether the largest average of the squared gradient counts (Reddi et al., 2018)."""
    fused: bool = False
    """Whether one kernel does the whole step."""


class AdamWOptions(AdamOptions):
    """The options of AdamW."""

    type: str = "adamw"
    weight_decay: NotNegative = 1e-2
    """How much of the weights is taken off in a step, times the learning rate."""


class SGDOptions(OptimizerOptions):
    """The options of gradient steps."""

    type: str = "sgd"
    momentum: NotNegative = 0.0
    """The decay of the velocity."""
    dampening: Fraction = 0.0
    """How much of the gradient is kept out of the velocity."""
    weight_decay: NotNegative = 0.0
    """The factor of the squared weights' penalty."""
    nesterov: bool = False
    """Whether the gradient is taken ahead of the velocity."""
    fused: bool = False
    """Whether one kernel does the whole step."""

    @model_validator(mode="after")
    def _nesterov_fits(self) -> "SGDOptions":
        if self.nesterov and (self.momentum == 0 or self.dampening != 0):
            raise mistake("'nesterov' needs a 'momentum' and no 'dampening'", path=("nesterov",))
        return self


class RMSpropOptions(OptimizerOptions):
    """The options of RMSprop."""

    type: str = "rmsprop"
    lr: Rate = 1e-2
    """The learning rate."""
    alpha: Fraction = 0.99
    """The decay of the average of the squared gradient."""
    eps: Small = 1e-8
    """Added to the denominator."""
    weight_decay: NotNegative = 0.0
    """The factor of the squared weights' penalty."""
    momentum: NotNegative = 0.0
    """The decay of the velocity."""
    centered: bool = False
    """Whether the gradient is divided by its standard deviation."""


class AdagradOptions(OptimizerOptions):
    """The options of Adagrad."""

    type: str = "adagrad"
    lr: Rate = 1e-2
    """The learning rate."""
    lr_decay: NotNegative = 0.0
    """The decay of the learning rate."""
    weight_decay: NotNegative = 0.0
    """The factor of the squared weights' penalty."""
    initial_accumulator_value: NotNegative = 0.0
    """What the sum of the squared gradients begins with."""
    eps: Small = 1e-10
    """Added to the denominator."""


class AdadeltaOptions(OptimizerOptions):
    """The options of Adadelta."""

    type: str = "adadelta"
    lr: Rate = 1.0
    """The learning rate."""
    rho: Fraction = 0.9
    """The decay of the averages of the squared gradient and of the squared step."""
    eps: Small = 1e-6
    """Added to the denominator."""
    weight_decay: NotNegative = 0.0
    """The factor of the squared weights' penalty."""


class AdamaxOptions(OptimizerOptions):
    """The options of Adamax."""

    type: str = "adamax"
    lr: Rate = 2e-3
    """The learning rate."""
    betas: Betas = (0.9, 0.999)
    """The decays of the average of the gradient and of the largest gradient."""
    eps: Small = 1e-8
    """Added to the denominator."""
    weight_decay: NotNegative = 0.0
    """The factor of the squared weights' penalty."""


class NAdamOptions(OptimizerOptions):
    """The options of NAdam."""

    type: str = "nadam"
    lr: Rate = 2e-3
    """The learning rate."""
    betas: Betas = (0.9, 0.999)
    """The decays of the averages of the gradient and of its square."""
    eps: Small = 1e-8
    """Added to the denominator."""
    weight_decay: NotNegative = 0.0
    """The factor of the squared weights' penalty."""
    momentum_decay: NotNegative = 4e-3
    """How the momentum warms up."""
    decoupled_weight_decay: bool = False
    """Whether the weights decay as in AdamW."""


class RAdamOptions(OptimizerOptions):
    """The options of RAdam."""

    type: str = "radam"
    betas: Betas = (0.9, 0.999)
    """The decays of the averages of the gradient and of its square."""
    eps: Small = 1e-8
    """Added to the denominator."""
    weight_decay: NotNegative = 0.0
    """The factor of the squared weights' penalty."""
    decoupled_weight_decay: bool = False
    """Whether the weights decay as in AdamW."""


OPTIMIZERS.register("adam", options=AdamOptions)(torch.optim.Adam)
OPTIMIZERS.register("adamw", options=AdamWOptions)(torch.optim.AdamW)
OPTIMIZERS.register("sgd", options=SGDOptions)(torch.optim.SGD)
OPTIMIZERS.register("rmsprop", options=RMSpropOptions)(torch.optim.RMSprop)
OPTIMIZERS.register("adagrad", options=AdagradOptions)(torch.optim.Adagrad)
OPTIMIZERS.register("adadelta", options=AdadeltaOptions)(torch.optim.Adadelta)
OPTIMIZERS.register("adamax", options=AdamaxOptions)(torch.optim.Adamax)
OPTIMIZERS.register("nadam", options=NAdamOptions)(torch.optim.NAdam)
OPTIMIZERS.register("radam", options=RAdamOptions)(torch.optim.RAdam)


def build_optimizer(options: OptimizerOptions, parameters: Iterable[nn.Parameter]) -> torch.optim.Optimizer:
    """Return an optimizer of exactly these parameters; it minimises, so that a loss is minus a utility.

    The learning rate is the one of the options: `set_learning_rate` moves it by the schedule.
    """
    entry = OPTIMIZERS[options.type]
    if not isinstance(options, entry.options):
        options = OPTIMIZERS.options_of({name: getattr(options, name) for name in options.model_fields_set} | {"type": options.type})
    return entry.build(list(parameters), lr=options.lr, **dict(_own_options(options)))


def _own_options(options: OptimizerOptions) -> Iterator[tuple[str, Any]]:
    return ((name, value) for name, value in options if name not in OptimizerOptions.model_fields)


def set_learning_rate(optimizer: torch.optim.Optimizer, options: OptimizerOptions, number: int, rounds: int | None) -> float:
    """Give the optimizer the learning rate of a round of its stage; return it."""
    rate = learning_rate(options, number, rounds)
    for group in optimizer.param_groups:
        group["lr"] = rate
    return rate
