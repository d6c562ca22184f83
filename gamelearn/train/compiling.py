"""Losses through torch.compile. This file compiles them, or says why that is impossible here."""

from collections.abc import Iterable

import torch
from torch import nn

from gamelearn.errors import RunError


def compiled(objectives: Iterable[nn.Module]) -> tuple[nn.Module, ...]:
    """Return every objective compiled; the work is done at its first call.

    Raises:
        RunError: no compiler works here.
    """
    _try_compiler()
    return tuple(torch.compile(objective) for objective in objectives)  # type: ignore[misc]


def _try_compiler() -> None:
    try:
        torch.compile(_double)(torch.zeros(2))
    except Exception as error:  # the compilers that torch calls fail in many ways
        cause = str(error).strip().split("\n")[0]
        raise RunError(
            f"'train.compile' needs a compiler that torch can use, and none works here ({type(error).__name__}: {cause}); "
            "install a C++ compiler (g++ or clang), or leave 'compile' out"
        ) from error


def _double(value: torch.Tensor) -> torch.Tensor:
    return 2 * value
