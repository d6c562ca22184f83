"""One player that learns: its optimizer over exactly the parameters that the stage's terms reach, and its averages.

This file steps a player.
"""

from collections.abc import Sequence
from typing import Any

import torch
from torch import nn
from torch.nn.utils import clip_grads_with_norm_, get_total_norm

from gamelearn.errors import RunError, quoted
from gamelearn.losses import Values
from gamelearn.spec.kinds import OptimizerOptions
from gamelearn.train.optimizers import build_optimizer, set_learning_rate
from gamelearn.train.state import OptimizerState

Gradient = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""A turn's loss, its terms, and the norm of its gradient."""

_ON_CPU = ("step", "mu_product")  # scalars that torch's optimizers read on the host, unless their step is one kernel


class Learner:
    """A player with its optimizer, for the length of a stage.

    Args:
        name: the player's.
        parameters: those that the terms reach, by name; the optimizer holds exactly these.
        options: of the optimizer.
        rounds: of the stage, for the learning rate; None where they are not known.
    """

    def __init__(
        self,
        name: str,
        parameters: Sequence[tuple[str, nn.Parameter]],
        options: OptimizerOptions,
        rounds: int | None,
    ) -> None:
        self.name = name
        self.parameters = dict(parameters)
        self.optimizer = build_optimizer(options, self.parameters.values())
        self._options, self._rounds = options, rounds

    def step(self, number: int, norm: torch.Tensor) -> float:
        """Move the player along its gradient, clipped if its options say so; return the learning rate.

        Args:
            number: the round within the stage, from 0 on.
            norm: of the gradient.
        """
        rate = set_learning_rate(self.optimizer, self._options, number, self._rounds)
        if self._options.clip is not None:
            clip_grads_with_norm_(self.parameters.values(), self._options.clip, norm)
        self.optimizer.step()
        self.optimizer.zero_grad(set_to_none=True)
        return rate

    def gradients(self) -> dict[str, torch.Tensor]:
        """Return the gradients that there are, by parameter."""
        return {name: parameter.grad for name, parameter in self.parameters.items() if parameter.grad is not None}

    def state(self) -> OptimizerState:
        """Return the optimizer's state; its tensors are the optimizer's own."""
        groups = tuple({key: value for key, value in group.items() if key != "params"} for group in self.optimizer.param_groups)
        kept = {name: dict(self.optimizer.state[each]) for name, each in self.parameters.items() if each in self.optimizer.state}
        return OptimizerState(self._options.type, groups, kept)

    def restore(self, state: OptimizerState) -> None:
        """Go on with a saved state.

        Raises:
            RunError: it is of another type, or has parameters that the player does not move.
        """
        unknown = [name for name in state.parameters if name not in self.parameters]
        if state.type != self._options.type or unknown or len(state.groups) != len(self.optimizer.param_groups):
            what = (
                f"parameters that it does not move: {quoted(unknown)}"
                if unknown
                else f"the type {state.type!r}, not {self._options.type!r}"
            )
            raise RunError(f"the checkpoint belongs to another game: the optimizer of {self.name!r} has {what}")
        self.keep(state)
        for group, numbers in zip(self.optimizer.param_groups, state.groups, strict=True):
            group.update(numbers)

    def keep(self, state: OptimizerState) -> None:
        """Take over the state of the parameters that are still reached, if the optimizer is of the same type."""
        if state.type != self._options.type:
            return
        for name, kept in state.parameters.items():
            if name in self.parameters:
                parameter = self.parameters[name]
                self.optimizer.state[parameter] = {key: self._placed(key, value, parameter) for key, value in kept.items()}

    def _placed(self, key: str, value: Any, parameter: nn.Parameter) -> Any:
        """Return a copy of a kept value where the optimizer wants it: beside its parameter, in the same layout."""
        if isinstance(value, dict):
            return {inner: self._placed(inner, each, parameter) for inner, each in value.items()}
        if isinstance(value, list | tuple):
            return type(value)(self._placed(key, each, parameter) for each in value)
        if not isinstance(value, torch.Tensor):
            return value
        group = self.optimizer.param_groups[0]
        is_scalar = key in _ON_CPU and not (group.get("fused") or group.get("capturable"))
        device = torch.device("cpu") if is_scalar else parameter.device
        if value.shape != parameter.shape:
            return value.to(device, copy=True)
        return torch.empty_like(parameter, dtype=value.dtype, device=device, requires_grad=False).copy_(value)


def differentiate(learners: Sequence[Learner], objective: nn.Module, values: Values) -> list[Gradient]:
    """Take the gradient of a loss for the players whose it is; return, for each, the loss, the terms `(terms,)` and the gradient's norm.

    Only their parameters may require gradients meanwhile.
    """
    for learner in learners:
        learner.optimizer.zero_grad(set_to_none=True)
    loss, terms = objective(values)
    loss.backward()
    return [(loss.detach(), terms, get_total_norm(list(learner.gradients().values()))) for learner in learners]
