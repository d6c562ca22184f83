"""Nested state as JSON with tensors beside it, so that no pickle is needed.

    {"step": tensor, "betas": (0.9, 0.999)}  ->  {"step": {"tensor": "step"}, "betas": {"tuple": [0.9, 0.999]}}

This file takes nested state apart, to be put together again.
"""

from collections.abc import Mapping
from typing import Any

import torch

from gamelearn.errors import RunError


def flatten(value: Any, name: str, tensors: dict[str, torch.Tensor]) -> Any:
    """Return a nested value as JSON; its tensors go into `tensors` under names that begin with `name`.

    Raises:
        TypeError: a part is neither a tensor, a number, text, None, nor a list, a tuple or a map of such.
    """
    if isinstance(value, torch.Tensor):
        tensors[name] = value
        return {"tensor": name}
    if isinstance(value, dict):
        return {"map": [[key, flatten(item, f"{name}/{key}", tensors)] for key, item in value.items()]}
    if isinstance(value, list | tuple):
        items = [flatten(item, f"{name}/{index}", tensors) for index, item in enumerate(value)]
        return {"tuple" if isinstance(value, tuple) else "list": items}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise TypeError(f"{name} is {type(value).__name__}, which a checkpoint cannot hold")


def unflatten(value: Any, tensors: Mapping[str, torch.Tensor]) -> Any:
    """Return what `flatten` took apart.

    Raises:
        RunError: a tensor is missing, or the JSON has another form.

    >>> tensors = {}
    >>> unflatten(flatten({"a": [1, (2.5, None)], 3: "b"}, "state", tensors), tensors)
    {'a': [1, (2.5, None)], 3: 'b'}
    """
    if not isinstance(value, dict):
        return value
    match value:
        case {"tensor": name} if name in tensors:
            return tensors[name]
        case {"map": items}:
            return {key: unflatten(item, tensors) for key, item in items}
        case {"list": items}:
            return [unflatten(item, tensors) for item in items]
        case {"tuple": items}:
            return tuple(unflatten(item, tensors) for item in items)
    raise RunError(f"state of an optimizer that cannot be read: {value}")
