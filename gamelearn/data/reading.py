"""How the values of a field are written in files: names of classes, units of numbers, the titles of columns.

A run records it, since files that change later may give classes other numbers, and everything that reads a user's files uses it:
training, evidence, the truth, and answers, which are written in the user's own values.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gamelearn.errors import quoted

MISSING = ("", "NA", "N/A", "NaN", "null", "none", "?")
"""The cells that are missing unless the options say otherwise."""
_TRUTH = {"true": 1.0, "false": 0.0}
_TOLERANCE = 1e-6
_WHITE = 255


def number_of(cell: str) -> float | None:
    """Return the number that a cell holds (of true and false 1 and 0), None where it holds none."""
    try:
        return float(cell)
    except ValueError:
        return _TRUTH.get(cell.lower())


@dataclass(frozen=True)
class Reading:
    """How files write the values of one field.

    A number of a file is divided by the scale and compared with the threshold, or it names a class; what is real is then
    standardised, each element by its own mean and deviation.

    Attributes:
        titles: what the file calls it: an array, or the columns of a table, one for each element.
        levels: the names of the classes (or of the bits 0 and 1), in their order; empty where they have none.
        values: the numbers that stand for the classes in arrays and label maps; empty for 0, 1, 2, ...
        scale: what numbers are divided by; None for 255 where they are bytes and 1 elsewhere.
        threshold: from which on a scaled number is 1; None where numbers stay as they are.
        mean: what is taken off the elements; empty for 0.
        deviation: what they are then divided by, positive; empty for 1.
        missing: the cells of a table that have no value, in letters of any case.
    """

    titles: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    scale: float | None = None
    threshold: float | None = None
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    missing: tuple[str, ...] = MISSING

    @property
    def numbers(self) -> tuple[float, ...]:
        """The numbers that stand for the classes in arrays, of classes whose names are all numbers these; empty for 0, 1, 2, ..."""
        named = [number_of(level) for level in self.levels]
        return self.values or (() if None in named else tuple(each for each in named if each is not None))

    def is_missing(self, cell: str) -> bool:
        """Whether a cell has no value."""
        return cell.lower() in {each.lower() for each in self.missing}

    def value(self, cell: str, element: int = 0) -> float:
        """Return the value of a cell that is not missing: a class counted from 0, a bit, or a number in the units of training.

        Args:
            cell: its text.
            element: of the field, whose column it stands in.

        Raises:
            ValueError: it is none; the message says what was expected.
        """
        if cell in self.levels:
            return float(self.levels.index(cell))
        number = number_of(cell)
        if self.levels:
            same = [index for index, level in enumerate(self.levels) if number is not None and number_of(level) == number]
            if not same:
                raise ValueError(f"expected one of {quoted(self.levels)}, got {cell!r}")
            return float(same[0])
        if number is None or not math.isfinite(number):
            raise ValueError(f"expected a number, got {cell!r}")
        mean, deviation = self._unit(element)
        return (number - mean) / deviation

    def text(self, value: float, element: int = 0) -> str:
        """Return a value as a cell; numbers to six digits, in the unit of the table.

        >>> Reading(("age",), mean=(40.0,), deviation=(10.0,)).text(0.5), Reading(("town",), levels=("Bonn", "Ulm")).text(1.0)
        ('45', 'Ulm')
        """
        mean, deviation = self._unit(element)
        return self.levels[int(value)] if self.levels else f"{value * deviation + mean:.6g}"

    def decoded(self, raw: NDArray[Any], kind: str) -> NDArray[Any]:
        """Return numbers of a file as values of a field.

        Args:
            raw: `(rows, *shape)`, of any type of numbers.
            kind: the type of the field.

        Returns:
            `(rows, *shape)`: int64 classes, -1 where a number stands for none; float32 otherwise.
        """
        if kind == "categorical":
            return self._classes(raw) if self.numbers else raw.astype(np.int64)
        numbers = raw.astype(np.float32)
        if (scale := self._scale(raw, kind)) != 1:
            numbers = numbers / np.float32(scale)
        if self.threshold is not None and raw.dtype.kind != "b":
            numbers = (numbers >= np.float32(self.threshold)).astype(np.float32)
        if self.mean:
            shape = raw.shape[1:]
            numbers = ((numbers - np.reshape(self.mean, shape)) / np.reshape(self.deviation, shape)).astype(np.float32)
        return numbers

    def encoded(self, values: NDArray[Any], kind: str) -> NDArray[Any]:
        """Return values of a field as numbers of a file, which `decoded` brings back; what is real may be a mean.

        Args:
            values: `(rows, *shape)`.
            kind: the type of the field.

        Returns:
            `(rows, *shape)`: of classes what stands for them, of bits true and false where numbers are compared with a threshold.
        """
        if kind == "categorical":
            return _narrow(np.asarray(self.numbers))[values] if self.numbers else values
        if self.threshold is not None:
            return values != 0
        numbers = values.astype(np.float64)
        if self.mean:
            numbers = numbers * np.reshape(self.deviation, values.shape[1:]) + np.reshape(self.mean, values.shape[1:])
        return (numbers * (self.scale or 1)).astype(np.float32)

    def unit(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return what one unit of training is in a file, `(*shape)`, for each element of a field of real values."""
        return np.reshape(self.deviation or np.ones(shape), shape) * (self.scale or 1)

    def _scale(self, raw: NDArray[Any], kind: str) -> float:
        is_grey = kind == "real" or self.threshold is not None
        return self.scale or (_WHITE if raw.dtype == np.uint8 and is_grey else 1.0)

    def _classes(self, raw: NDArray[Any]) -> NDArray[np.int64]:
        order = np.argsort(self.numbers)
        ranked = np.asarray(self.numbers)[order]
        place = np.searchsorted(ranked, raw).clip(0, len(ranked) - 1)
        return np.where(ranked[place] == raw, order[place], -1)

    def _unit(self, element: int) -> tuple[float, float]:
        return (self.mean[element] if self.mean else 0.0), (self.deviation[element] if self.deviation else 1.0)

    def difference(self, now: "Reading") -> str | None:
        """Return what another reading gives another meaning, as a sentence's end; None where values mean the same."""
        if self.levels != now.levels:
            return f"its values were {quoted(self.levels) or 'numbers'}, now {quoted(now.levels) or 'numbers'}"
        for element in range(max(len(self.mean), len(now.mean))):
            before, after = self._unit(element), now._unit(element)
            if any(abs(one - other) > _TOLERANCE * before[1] for one, other in zip(before, after, strict=True)):
                return f"its mean and standard deviation were {before[0]:.6g} and {before[1]:.6g}, now {after[0]:.6g} and {after[1]:.6g}"
        return None


def _narrow(numbers: NDArray[Any]) -> NDArray[Any]:
    """Return numbers in the smallest type that holds them, of whole numbers one of those."""
    if (numbers != np.floor(numbers)).any():
        return numbers
    whole = numbers.astype(np.int64)
    return whole.astype(np.result_type(*(np.min_scalar_type(each) for each in (whole.min(), whole.max()))))


def plain_readings(readings: Mapping[str, Reading]) -> dict[str, dict[str, Any]]:
    """Return the readings of variables as plain values."""
    return {name: asdict(each) for name, each in readings.items()}


def read_readings(plain: Mapping[str, Mapping[str, Any]]) -> dict[str, Reading]:
    """Return the readings of variables from what `plain_readings` gave.

    Raises:
        TypeError: they are no such values.
    """
    known = {each.name for each in fields(Reading)}
    if unknown := {key for each in plain.values() for key in each} - known:
        raise TypeError(f"unknown {quoted(sorted(unknown))}")
    return {name: Reading(**{key: _tuple(value) for key, value in each.items()}) for name, each in plain.items()}


def _tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
