"""Checks of values: whether they are such as their field has them. This file makes them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from gamelearn.data.dataset import ArrayColumn, Field
from gamelearn.errors import DataError


def wrong_values(field: Field, values: Tensor, rows: Tensor | None = None) -> str | None:
    """Return what is wrong with values of a field, or None.

    Args:
        values: `(rows, ...)`; shape, type and range are compared with the field.
        rows: their numbers in a file, to name the first that is wrong.
    """
    if tuple(values.shape[1:]) != field.shape:
        return f"expected values of shape {field.shape}, got {tuple(values.shape[1:])}"
    if values.dtype != field.dtype:
        return f"expected values of type {field.dtype}, got {values.dtype}"
    wrong = _outside(field, values)
    if not wrong.any():
        return None
    first = int(wrong.reshape(len(values), -1).any(1).nonzero()[0])
    place = "" if rows is None else f" in row {int(rows[first])}, counted from 0"
    return f"{_EXPECTED[field.type].format(last=(field.classes or 1) - 1)}, got {values[wrong][0].item():g}{place}"


_EXPECTED = {
    "binary": "expected 0 or 1",
    "categorical": "expected a class in 0 .. {last}",
    "count": "expected whole numbers from 0 on",
    "real": "expected finite numbers",
}


def _outside(field: Field, values: Tensor) -> Tensor:
    if field.type == "binary":
        return (values != 0) & (values != 1)
    if field.type == "categorical":
        return (values < 0) | (values >= (field.classes or 0))
    if field.type == "count":
        return ~(values.isfinite() & (values >= 0) & (values == values.floor()))
    return ~values.isfinite()


def check_columns(source: str, columns: Mapping[str, ArrayColumn], length: int, *, chunk: int = 16384) -> None:
    """Compare all present values of every column with its field.

    Raises:
        DataError: some are wrong; it names `source`, the field and a value.
    """
    for name, column in columns.items():
        rows = torch.arange(length) if column.present is None else column.present.nonzero().flatten()
        for part in rows.split(chunk):
            if wrong := wrong_values(column.field, column.read(part), part):
                raise DataError(f"{source}: field {name!r} is {column.field}: {wrong}")
