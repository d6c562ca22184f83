"""A loss, gradient or step that is not finite, said once: the player, the term, the round, the state of the inputs.

This file writes the message.
"""

from collections.abc import Mapping
from math import isfinite

import torch

from gamelearn.errors import TrainingError, quoted
from gamelearn.losses import Values
from gamelearn.plan.steps import Turn

_LISTED = 5
_ADVICE = "a smaller learning rate, 'clip', a floor under a normal's scale, or 'precision: fp32' may help"


def not_finite(
    turn: Turn, *, stage: str, round_number: int, loss: float, terms: torch.Tensor, norm: float, gradients: Values, inputs: Values
) -> TrainingError:
    """Return the error for a turn whose loss or gradient is not finite.

    Args:
        turn: of the plan.
        stage: its name.
        round_number: the round that was being played, from 1 on, through all stages.
        loss: minus the utility, in nats.
        terms: the value of every term, `(terms,)`.
        norm: of the gradient.
        gradients: by parameter.
        inputs: the values that the loss reads, by name.
    """
    values = dict(zip([each.term.name for each in turn.terms], terms.tolist(), strict=True))
    what = f"the loss is {loss}" if not isfinite(loss) else f"the loss is {loss:.6g}, but the norm of its gradient is {norm}"
    lines = [
        f"stage {stage!r}, round {round_number}, player {turn.player!r}: {what}; the player has not moved",
        *_terms(values),
        *_gradients(gradients, norm),
        *(f"  input {name}: {describe_tensor(value)}" for name, value in inputs.items()),
        _ADVICE,
    ]
    return TrainingError("\n".join(lines))


def step_not_finite(player: str, *, stage: str, round_number: int, parameters: Mapping[str, torch.Tensor]) -> TrainingError | None:
    """Return the error for a player whose steps made parameters infinite or NaN; None where all are finite.

    Args:
        player: its name.
        stage: its name.
        round_number: the round that was played last.
        parameters: by name, those that the player moves.
    """
    wrong = [name for name, each in parameters.items() if not bool(each.isfinite().all())]
    if not wrong:
        return None
    lines = [
        f"stage {stage!r}, round {round_number}, player {player!r}: its step made parameters infinite or NaN; no checkpoint is written of them",
        *(f"  parameter {name!r}: {describe_tensor(parameters[name])}" for name in wrong[:_LISTED]),
        _ADVICE,
    ]
    return TrainingError("\n".join(lines))


def _terms(values: Mapping[str, float]) -> list[str]:
    return [f"  term {name!r}: {value:.6g}{'' if isfinite(value) else ' (not finite)'}" for name, value in values.items()]


def _gradients(gradients: Values, norm: float) -> list[str]:
    if isfinite(norm):
        return []
    wrong = [name for name, gradient in gradients.items() if not bool(gradient.isfinite().all())]
    more = f" (with {len(wrong) - _LISTED} more)" if len(wrong) > _LISTED else ""
    return [f"  gradients that are not finite: {quoted(wrong[:_LISTED]) or 'none: their norm overflows'}{more}"]


def describe_tensor(value: torch.Tensor) -> str:
    """Return the shape, range and mean of a tensor's finite elements, with how many are not.

    >>> describe_tensor(torch.tensor([0.0, 1.0, float("inf")]))
    'shape (3,), min 0, max 1, mean 0.5, 1 of 3 not finite'
    """
    numbers = value.detach().double()
    finite = numbers[numbers.isfinite()]
    wrong = numbers.numel() - finite.numel()
    state = f"{wrong} of {numbers.numel()} not finite" if wrong else "all finite"
    if not finite.numel():
        return f"shape {tuple(value.shape)}, {state}"
    return f"shape {tuple(value.shape)}, min {finite.min():.6g}, max {finite.max():.6g}, mean {finite.mean():.6g}, {state}"
