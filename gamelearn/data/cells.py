"""How the values of a variable are written in a table of text: the names of classes, the unit of numbers.

A run keeps what its own table said, since a table that changes later may give classes other numbers. This file turns cells into
values, in both directions.
"""

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from gamelearn.errors import quoted

MISSING = ("", "NA", "N/A", "NaN", "null", "none", "?")
"""The cells that are missing unless the options say otherwise."""
_TRUTH = {"true": 1.0, "false": 0.0}
_TOLERANCE = 1e-6


def number_of(cell: str) -> float | None:
    """Return the number that a cell holds (of true and false 1 and 0), None where it holds none."""
    try:
        return float(cell)
    except ValueError:
        return _TRUTH.get(cell.lower())


@dataclass(frozen=True)
class Cells:
    """How the cells of one column say values.

    Attributes:
        column: what the first line of the table calls it.
        levels: the texts of the classes, or of the bits 0 and 1, in their order; empty for numbers.
        mean: what is taken off numbers; they are then divided by `deviation`.
        deviation: positive.
        missing: the cells without a value, in letters of any case.
    """

    column: str
    levels: tuple[str, ...] = ()
    mean: float = 0.0
    deviation: float = 1.0
    missing: tuple[str, ...] = MISSING

    def is_missing(self, cell: str) -> bool:
        """Whether a cell has no value."""
        return cell.lower() in {each.lower() for each in self.missing}

    def value(self, cell: str) -> float:
        """Return the value of a cell that is not missing: a class counted from 0, a bit, or a number in the units of training.

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
        return (number - self.mean) / self.deviation

    def text(self, value: float) -> str:
        """Return a value as a cell; numbers to six digits, in the unit of the table.

        >>> Cells("age", mean=40.0, deviation=10.0).text(0.5), Cells("town", levels=("Bonn", "Ulm")).text(1.0)
        ('45', 'Ulm')
        """
        return self.levels[int(value)] if self.levels else f"{value * self.deviation + self.mean:.6g}"

    def difference(self, now: "Cells") -> str | None:
        """Return what another form gives another meaning, as a sentence's end; None where values mean the same."""
        if self.levels != now.levels:
            return f"its values were {quoted(self.levels) or 'numbers'}, now {quoted(now.levels) or 'numbers'}"
        before, after = (self.mean, self.deviation), (now.mean, now.deviation)
        if any(abs(one - other) > _TOLERANCE * self.deviation for one, other in zip(before, after, strict=True)):
            return f"its mean and standard deviation were {before[0]:.6g} and {before[1]:.6g}, now {after[0]:.6g} and {after[1]:.6g}"
        return None


def plain_cells(cells: Mapping[str, Cells]) -> dict[str, dict[str, Any]]:
    """Return the forms of variables as plain values."""
    return {name: asdict(each) for name, each in cells.items()}


def read_cells(plain: Mapping[str, Mapping[str, Any]]) -> dict[str, Cells]:
    """Return the forms of variables from what `plain_cells` gave.

    Raises:
        TypeError: they are no such values.
    """
    return {name: Cells(**{**each, "levels": tuple(each["levels"]), "missing": tuple(each["missing"])}) for name, each in plain.items()}
