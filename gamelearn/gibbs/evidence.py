"""What is known when a chain is run: whole variables, or any elements of them, row by row.

All of it is validated before anything is drawn. This file reads evidence.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch

from gamelearn.errors import EvidenceError
from gamelearn.gibbs.counts import whole_number
from gamelearn.graph.model import Variable, unknown


@dataclass(frozen=True)
class Evidence:
    """Known values, `(rows, *shape)` by variable, with masks of the known elements, bool of that shape.

    Elements that are not known hold 0. Variables in `partly` count as not wholly known, whatever is known of them.
    """

    rows: int
    values: Mapping[str, torch.Tensor]
    known: Mapping[str, torch.Tensor]
    partly: frozenset[str] = frozenset()

    @property
    def fixed(self) -> frozenset[str]:
        """The variables that are known in every element of every row."""
        return frozenset(name for name, mask in self.known.items() if name not in self.partly and bool(mask.all()))

    @property
    def split(self) -> frozenset[str]:
        """The variables of which any row is known in part."""
        return frozenset(name for name, mask in self.known.items() if any_in_part(mask))

    def part(self, first: int, last: int) -> "Evidence":
        """Return the evidence of some rows."""
        values = {name: value[first:last] for name, value in self.values.items()}
        known = {name: mask[first:last] for name, mask in self.known.items()}
        return Evidence(min(last, self.rows) - first, values, known, self.partly)


def any_in_part(masks: Any) -> bool:
    """Return whether any row of masks, `(rows, *shape)` of numpy or torch, is neither true throughout nor false."""
    flat = masks.reshape(len(masks), -1)
    return bool((flat.any(1) & ~flat.all(1)).any())


def read_evidence(
    variables: Mapping[str, Variable],
    given: Mapping[str, Any],
    hide: Mapping[str, Any] | None = None,
    *,
    rows: int | None = None,
    device: torch.device,
    dtype: torch.dtype,
) -> Evidence:
    """Return validated evidence.

    Args:
        variables: of the game, by name.
        given: by variable an array or tensor `(rows, *shape)`: 0 and 1 (binary), classes as whole numbers (categorical), whole
            numbers from 0 on (count), finite numbers in the units of the data (real).
        hide: by variable a mask, `(rows, *shape)` or `(*shape)` for all rows alike, true where the element is not known; what is
            given there is not read, whatever it is.
        rows: the number of rows; needed where nothing is given.
        device: where values go.
        dtype: of values that are not classes.

    Raises:
        EvidenceError: a name, shape, type or value is wrong; the variable and the first wrong row are named.
    """
    found = _arrays("given", given, variables)
    masks = _arrays("hide", {} if hide is None else hide, variables)
    count = _count_rows(found, None if rows is None else whole_number("rows", rows))
    for name in masks:
        if name not in found:
            raise EvidenceError(f"a part of {name!r} is hidden, but {name!r} is not given: give it, or leave its mask out")
    values, known = {}, {}
    for name, array in found.items():
        variable = variables[name]
        _check_shape(variable, array)
        known[name] = _known(variable, masks.get(name), count)
        values[name] = _values(variable, array, known[name], device, dtype)
    return Evidence(count, values, {name: torch.from_numpy(mask).to(device) for name, mask in known.items()})


def _arrays(argument: str, values: Mapping[str, Any], variables: Mapping[str, Variable]) -> dict[str, np.ndarray[Any, Any]]:
    if not isinstance(values, Mapping):
        example = f"{{{next(iter(variables))!r}: ...}}"
        raise EvidenceError(f"{argument!r} must be a map of arrays by variable, such as {example}, got {type(values).__name__}")
    return {name: _array(name, value, variables) for name, value in values.items()}


def _array(name: str, value: Any, variables: Mapping[str, Variable]) -> np.ndarray[Any, Any]:
    if name not in variables:
        raise EvidenceError(unknown("variable", str(name), variables))
    try:
        array = _of_tensor(name, value) if isinstance(value, torch.Tensor) else np.asarray(value)
    except ValueError:
        raise EvidenceError(f"{name!r}: expected an array of numbers, got a {type(value).__name__} whose parts differ in shape") from None
    if array.dtype.kind not in "biuf":
        raise EvidenceError(f"{name!r}: expected an array of numbers, got one of type {array.dtype}")
    return array


def _of_tensor(name: str, value: torch.Tensor) -> np.ndarray[Any, Any]:
    held = value.float() if value.dtype == torch.bfloat16 else value
    if held.layout != torch.strided:
        raise EvidenceError(f"{name!r}: expected a dense tensor, got one of layout {held.layout}: give its to_dense()")
    try:
        return held.numpy(force=True)
    except (TypeError, RuntimeError):
        kind = f"{value.dtype} on {value.device}"
        raise EvidenceError(f"{name!r}: expected a tensor of numbers that numpy knows, such as torch.float32, got {kind}") from None


def _count_rows(found: Mapping[str, np.ndarray[Any, Any]], rows: int | None) -> int:
    for name, array in found.items():
        if not array.ndim:
            raise EvidenceError(f"{name!r}: expected rows, an array whose first axis counts them, got one number")
    counts = {name: len(array) for name, array in found.items()}
    if len(set(counts.values())) > 1:
        raise EvidenceError(f"the variables differ in their rows: {', '.join(f'{name!r} {count}' for name, count in counts.items())}")
    count = next(iter(counts.values()), rows)
    if count is None:
        raise EvidenceError("nothing is given: say by 'rows' how many rows are to be drawn")
    if rows is not None and rows != count:
        raise EvidenceError(f"'rows' is {rows}, but {next(iter(counts))!r} has {count} rows")
    if count < 1:
        raise EvidenceError("there are no rows")
    return count


def _check_shape(variable: Variable, array: np.ndarray[Any, Any]) -> None:
    if array.shape[1:] != variable.shape:
        expected = ", ".join(("rows", *map(str, variable.shape)))
        raise EvidenceError(f"{variable.name!r}: expected an array of shape ({expected}), got {array.shape}")


def _known(variable: Variable, mask: np.ndarray[Any, Any] | None, rows: int) -> np.ndarray[Any, Any]:
    whole = (rows, *variable.shape)
    if mask is None:
        return np.ones(whole, dtype=bool)
    if mask.dtype.kind != "b" and not np.isin(mask, (0, 1)).all():
        raise EvidenceError(f"the mask of {variable.name!r}: expected true and false, or 0 and 1, with 1 where it is hidden")
    if mask.shape not in (whole, variable.shape):
        either = f"{whole} or, for all rows alike, {variable.shape}"
        raise EvidenceError(f"the mask of {variable.name!r}: expected the shape {either}, got {mask.shape}")
    return np.array(np.broadcast_to(~mask.astype(bool), whole))


_EXPECTED = {
    "binary": "expected 0 or 1",
    "categorical": "expected a class in 0 .. {last}",
    "count": "expected whole numbers from 0 on",
    "real": "expected finite numbers",
}


def _values(
    variable: Variable, array: np.ndarray[Any, Any], known: np.ndarray[Any, Any], device: torch.device, dtype: torch.dtype
) -> torch.Tensor:
    if variable.type == "real" and array.dtype == np.uint8:
        raise EvidenceError(f"{variable.name!r} is real, in the units of the training data, got bytes: divide images by 255")
    if variable.type == "categorical" and array.dtype.kind not in "iu":
        raise EvidenceError(f"{variable.name!r} is categorical: expected whole numbers, got an array of type {array.dtype}")
    wrong = known & ~_is_right(variable, array)
    if wrong.any():
        row = int(wrong.reshape(len(wrong), -1).any(1).argmax())
        value = array[row][wrong[row]].flat[0]
        expected = _EXPECTED[variable.type].format(last=(variable.classes or 2) - 1)
        raise EvidenceError(f"{variable.name!r}, row {row} (counted from 0): {expected}, got {value:g}")
    kept = np.where(known, array, 0)
    return torch.from_numpy(kept).to(device=device, dtype=torch.int64 if variable.type == "categorical" else dtype)


def _is_right(variable: Variable, array: np.ndarray[Any, Any]) -> np.ndarray[Any, Any]:
    if variable.type == "binary":
        return (array == 0) | (array == 1)
    if variable.type == "categorical":
        return (array >= 0) & (array < (variable.classes or 2))
    with np.errstate(invalid="ignore"):
        finite = np.isfinite(array)
        return finite & (array >= 0) & (array == np.floor(array)) if variable.type == "count" else finite
