"""How long chains run, and how many: whole numbers that a user gives. This file checks them."""

from operator import index
from typing import Any

import torch

from gamelearn.errors import EvidenceError
from gamelearn.options import describe


def whole_number(name: str, value: Any, least: int | None = None) -> int:
    """Return a whole number as Python's own; those of numpy and tensors of one element are whole numbers too.

    Args:
        name: of the argument, for the error.
        value: what was given.
        least: the smallest number allowed; None for no limit.

    Raises:
        EvidenceError: it is something else (True and False are no numbers, nor are tensors of them), or too small.
    """
    number = plain_number(value)
    if number is None:
        limit = "" if least is None else f" of at least {least}"
        raise EvidenceError(f"{name!r} must be a whole number{limit}, got {describe(value)}")
    if least is not None and number < least:
        raise EvidenceError(f"{name!r} must be at least {least}, got {number}")
    return number


def plain_number(value: Any) -> int | None:
    """Return a whole number, as `whole_number` takes it, as Python's own; None if it is something else."""
    if isinstance(value, bool) or (isinstance(value, torch.Tensor) and value.dtype == torch.bool):
        return None
    try:
        return index(value)
    except (TypeError, RuntimeError):  # a tensor without values raises the latter
        return None
