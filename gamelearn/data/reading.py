"""How the values of a field are written in files: names of classes, units of numbers, the titles of columns.

A run records it, since files that change later may give classes other numbers, and everything that reads a user's files uses it:
training, evidence, the truth, and answers, which are written in the user's own values.
This file translates what files hold for games.
"""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cached_property, lru_cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from gamelearn.data.numbers import PLAIN, NumberForm, is_code, number_of
from gamelearn.errors import quoted

_SPREADSHEET = ("#N/A", "#NA", "#NV", "#NULL!", "#DIV/0!", "#VALUE!", "#REF!", "#NAME?", "#NUM!")
MISSING = ("", "NA", "N/A", "NaN", "NaT", "<NA>", "null", "none", "nil", "?", "-", "–", "—", *_SPREADSHEET)
"""The cells that are missing, in letters of any case; options add to them."""
TRUTH = {"true": 1.0, "false": 0.0}
"""The words that are bits."""
_TOLERANCE = 1e-6
_WHITE = 255
_WHOLE = 2**53
_TEXT = "US"
_DAY = np.timedelta64(1, "D")


def sorted_levels(texts: Iterable[str], form: NumberForm = PLAIN) -> tuple[str, ...]:
    """Return texts in the order of classes: numbers in theirs, then the others; of those that are one class the shortest."""
    found: dict[float | str, str] = {}
    for cell in sorted(texts, key=lambda cell: (len(cell), cell)):
        found.setdefault(Reading(form=form).key(cell), cell)
    return tuple(
        found[key] for key in sorted(found, key=lambda key: (isinstance(key, str), 0.0 if isinstance(key, str) else key, found[key]))
    )


def cells(texts: NDArray[Any]) -> list[str]:
    """Return an array of texts, or of bytes that are texts in UTF-8, without the spaces around them; what is no text becomes U+FFFD."""
    return [(each.decode(errors="replace") if isinstance(each, bytes) else each).strip() for each in texts.ravel().tolist()]


def _numbers(raw: NDArray[Any], is_missing: Callable[[str], bool]) -> NDArray[np.float32]:
    if raw.dtype.kind in "mM":
        days = (raw - np.datetime64(0, "D") if raw.dtype.kind == "M" else raw) / _DAY
        return np.asarray(days, np.float32)
    if raw.dtype.kind in _TEXT:
        texts, place = np.unique(raw, return_inverse=True)
        found = [math.nan if is_missing(cell) else number_of(cell) for cell in cells(texts)]
        raw = np.array([math.inf if number is None else number for number in found])[place].reshape(raw.shape)
    with np.errstate(over="ignore", invalid="ignore"):  # what is too large becomes infinite, which is no value
        return raw.astype(np.float32)


def _whole(raw: NDArray[Any]) -> NDArray[np.int64]:
    """Return numbers as the classes that they are: -1 where they say that there is none, -2 where they are no whole numbers."""
    if raw.dtype.kind in "bi" or (raw.dtype.itemsize < np.dtype(np.int64).itemsize and raw.dtype.kind == "u"):
        return raw.astype(np.int64)
    with np.errstate(invalid="ignore"):
        fits = (np.abs(raw) < _WHOLE) & (raw == np.floor(raw))
        return np.where(fits, raw.astype(np.int64), np.where(_is_none(raw), -1, -2))


def _is_none(raw: NDArray[Any]) -> NDArray[np.bool_]:
    """Return which numbers say that there is no class."""
    return np.isnan(raw) | (raw == -1) if raw.dtype.kind == "f" else raw == -1 if raw.dtype.kind == "i" else np.zeros(raw.shape, np.bool_)


def _is_number(text: str) -> bool:
    number = number_of(text)
    return number is not None and math.isfinite(number)


@lru_cache(maxsize=256)
def _marks(missing: tuple[str, ...]) -> tuple[frozenset[str], frozenset[float]]:
    numbers = map(number_of, missing)
    return frozenset(each.lower() for each in missing), frozenset(each for each in numbers if each is not None)


@dataclass(frozen=True)
class Reading:
    """How files write the values of one field.

    A number of a file is divided by the scale and compared with the threshold, or it names a class; what is real is then
    standardised, each element by its own mean and deviation.

    Attributes:
        titles: what the file calls it: an array, or the columns of a table, one for each element.
        levels: the names of the classes (or of the bits 0 and 1), in their order; empty where they have none.
        values: the numbers that stand for the classes (or for 0 and 1) in arrays and label maps; empty for 0, 1, 2, ...
        scale: what numbers are divided by; None for 255 where they are bytes and 1 elsewhere.
        threshold: from which on a scaled number is 1; None where numbers stay as they are.
        mean: what is taken off the elements; empty for 0.
        deviation: what they are then divided by, positive; empty for 1.
        missing: the texts that are no value, in letters of any case; a number, however it is written.
        texts: whether arrays hold the names of the classes themselves.
        white: of grey images, what whole numbers are divided by, while others are in 0 .. 1; None for 255 where they are bytes.
        written: the shape of a row in files, where it is not that of the field.
        shape: the field's, where it is not that of files.
        channels_last: whether the last axis of a row in files is the first of the field.
        size: the height and width in pixels that image files of any size are brought to; None where they have the size of the field.
        colour: whether image files are read as `rgb` or `grey`; empty for what the field has.
        suffix: what the names of files end in, before the ending, beside the name that files of one row share.
        form: how a table writes numbers.
        whole: whether a table writes whole numbers alone.
        separator: what stands between the cells of the table; empty where it is not known.
        encoding: of the table; empty where it is not known.
    """

    titles: tuple[str, ...] = ()
    levels: tuple[str, ...] = ()
    values: tuple[float, ...] = ()
    scale: float | None = None
    threshold: float | None = None
    mean: tuple[float, ...] = ()
    deviation: tuple[float, ...] = ()
    missing: tuple[str, ...] = MISSING
    texts: bool = False
    white: float | None = None
    written: tuple[int, ...] | None = None
    shape: tuple[int, ...] | None = None
    channels_last: bool = False
    size: tuple[int, int] | None = None
    colour: str = ""
    suffix: str = ""
    form: NumberForm = PLAIN
    whole: bool = False
    separator: str = ""
    encoding: str = ""

    @property
    def standing(self) -> tuple[str, ...]:
        """What classes, or 0 and 1, are called, or what stands for them, as text; empty where they are 0, 1, 2, ..."""
        return self.levels or tuple(f"{value:.15g}" for value in self.values)

    def is_missing(self, cell: str) -> bool:
        """Whether a cell has no value."""
        words, numbers = _marks(self.missing)
        return cell.lower() in words or (bool(numbers) and number_of(cell, self.form) in numbers)

    def value(self, cell: str, element: int = 0) -> float:
        """Return the value of a cell that is not missing: a class counted from 0, a bit, or a number in the units of training.

        Args:
            cell: its text.
            element: of the field, whose column it stands in.

        Raises:
            ValueError: it is none; the message says what was expected.
        """
        if self.levels:
            if (place := self.class_of(cell)) is None:
                raise ValueError(f"expected one of {quoted(self.levels)}, got {cell!r}")
            return float(place)
        number = number_of(cell, self.form)
        if number is None or not math.isfinite(number):
            mark = f" with the decimal mark {self.form.decimal!r}" if number is None and {",", "."}.intersection(cell) else ""
            raise ValueError(f"expected a {'number' if number is None else 'finite number'}{mark}, got {cell!r}")
        mean, deviation = self._unit(element)
        return (number - mean) / deviation

    def text(self, value: float, element: int = 0) -> str:
        """Return a value as a cell; numbers as the table writes them, in its unit.

        >>> Reading(("age",), mean=(40.0,), deviation=(10.0,)).text(0.5), Reading(("town",), levels=("Bonn", "Ulm")).text(1.0)
        ('45', 'Ulm')
        """
        if self.levels:
            return self.levels[int(value)]
        mean, deviation = self._unit(element)
        return self.form.written(value * deviation + mean, whole=self.whole, spread=deviation)

    def key(self, cell: str) -> float | str:
        """Return what cells have in common that name the same class or bit: `1` and `1.0` do, `1` and `01` do not."""
        if cell.lower() in TRUTH:
            return TRUTH[cell.lower()] if self._are_bits else cell.lower()
        number = None if is_code(cell) else number_of(cell, self.form)
        return cell if number is None else number

    def class_of(self, cell: str) -> int | None:
        """Return which of the levels a cell names, None where it names none."""
        return self._places.get(cell, self._places.get(self.key(cell)))

    @cached_property
    def _are_bits(self) -> bool:
        return len(self.levels) == len(TRUTH) and all(each.lower() in TRUTH or number_of(each, self.form) in (0, 1) for each in self.levels)

    @cached_property
    def _places(self) -> dict[float | str, int]:
        by_key = {self.key(level): index for index, level in reversed(list(enumerate(self.levels)))}
        return {**by_key, **{level: index for index, level in enumerate(self.levels)}}

    def decoded(self, raw: NDArray[Any], kind: str) -> NDArray[Any]:
        """Return what a file holds as values of a field.

        Args:
            raw: `(rows, *written)`, or of the field's own shape: numbers, texts, dates (days since 1970) or durations (days).
            kind: the type of the field.

        Returns:
            `(rows, *shape)`: int64 classes, -1 where there is no value and -2 where it is none of the classes; else float32, NaN
            where there is no value and infinite where a text is no number.
        """
        raw = self._arranged(raw)
        if kind == "categorical":
            return self._classes(raw)
        if kind == "binary" and (self.values or (self.levels and raw.dtype.kind in _TEXT)):
            classes = self._classes(raw)
            return np.where(classes < 0, np.where(classes == -1, np.nan, np.inf), classes).astype(np.float32)
        numbers = _numbers(raw, self.is_missing)
        if raw.dtype.kind != "b":
            if (scale := self._scale(raw, kind)) != 1:
                numbers = numbers / np.float32(scale)
            if self.threshold is not None:
                bits = (numbers >= np.float32(self.threshold)).astype(np.float32)
                numbers = np.where(np.isnan(numbers) | self._too_bright(numbers), numbers, bits)
        if self.mean:
            shape = raw.shape[1:]
            numbers = ((numbers - np.reshape(self.mean, shape)) / np.reshape(self.deviation, shape)).astype(np.float32)
        return numbers

    def encoded(self, values: NDArray[Any], kind: str) -> NDArray[Any]:
        """Return values of a field as files hold them, which `decoded` brings back; what is real may be a mean.

        Args:
            values: `(rows, *shape)`; -1 is no class.
            kind: the type of the field.

        Returns:
            `(rows, *written)`: of classes the numbers or texts that stand for them, of bits too, or truths where numbers are compared
            with a threshold; else numbers in the unit of the file.
        """
        if kind in ("binary", "categorical") and (own := self._own) is not None:
            return self._written(own[np.where(values >= 0, values, len(own) - 1).astype(np.int64)])
        if kind == "categorical":
            return self._written(values)
        if self.threshold is not None:
            return self._written(values != 0)
        numbers = values.astype(np.float64)
        if self.mean:
            numbers = numbers * np.reshape(self.deviation, values.shape[1:]) + np.reshape(self.mean, values.shape[1:])
        return self._written((numbers * (self.scale or 1)).astype(np.float32))

    def unit(self, shape: tuple[int, ...]) -> NDArray[np.float64]:
        """Return what one unit of training is in a file, `(*shape)`, for each element of a field of real values."""
        return np.reshape(self.deviation or np.ones(shape), shape) * (self.scale or 1)

    def _arranged(self, raw: NDArray[Any]) -> NDArray[Any]:
        """Return rows of a file in the field's shape; what has it already stays as it is."""
        if self.written is None or self.shape is None or raw.shape[1:] != self.written:
            return raw
        return np.moveaxis(raw, -1, 1) if self.channels_last else raw.reshape(len(raw), *self.shape)

    def _written(self, values: NDArray[Any]) -> NDArray[Any]:
        if self.written is None or self.shape is None or values.shape[1:] != self.shape:
            return values
        return np.moveaxis(values, 1, -1) if self.channels_last else values.reshape(len(values), *self.written)

    def _scale(self, raw: NDArray[Any], kind: str) -> float:
        if self.scale or not (kind == "real" or self.threshold is not None):
            return self.scale or 1.0
        return self.white if self.white and raw.dtype.kind in "iu" else _WHITE if raw.dtype == np.uint8 else 1.0

    def _too_bright(self, numbers: NDArray[Any]) -> NDArray[np.bool_]:
        """Return which numbers are no grey values: left as they are, they are no bits either."""
        return (numbers > 1) | (numbers < 0) if self.white else np.zeros(numbers.shape, np.bool_)

    @property
    def _own(self) -> NDArray[Any] | None:
        """What arrays hold for each class, and at last for none; None where this is the class, counted from 0."""
        if self.texts:
            return np.array([*self.levels, ""])
        if not self.values and not (self.levels and all(map(_is_number, self.levels))):
            return None
        numbers = np.array([*(self.values or map(float, self.levels)), -1])
        return numbers.astype(np.int64) if (numbers == np.floor(numbers)).all() and np.abs(numbers).max() < _WHOLE else numbers

    def _classes(self, raw: NDArray[Any]) -> NDArray[np.int64]:
        if raw.dtype.kind in _TEXT:
            texts, place = np.unique(raw, return_inverse=True)
            return np.array([self._coded(cell) for cell in cells(texts)], np.int64)[place].reshape(raw.shape)
        own = None if self.texts else self._own
        if own is None:
            return _whole(raw)
        order = np.argsort(own[:-1])
        place = np.searchsorted(own[order], raw).clip(0, len(order) - 1)
        return np.where(own[order][place] == raw, order[place], np.where(_is_none(raw), -1, -2))

    def _coded(self, cell: str) -> int:
        place = self.class_of(cell)
        return -1 if self.is_missing(cell) else -2 if place is None else place

    def _unit(self, element: int) -> tuple[float, float]:
        """Return what is taken off a number of a cell, and what it is then divided by."""
        scale = self.scale or 1.0
        return (self.mean[element] if self.mean else 0.0) * scale, (self.deviation[element] if self.deviation else 1.0) * scale

    def difference(self, now: "Reading") -> str | None:
        """Return what another reading gives another meaning, as a sentence's end; None where values mean the same."""
        if self.levels != now.levels:
            return f"its values were {quoted(self.levels) or 'numbers'}, now {quoted(now.levels) or 'numbers'}"
        for element in range(max(len(self.mean), len(now.mean))):
            before, after = self._unit(element), now._unit(element)
            if any(abs(one - other) > _TOLERANCE * before[1] for one, other in zip(before, after, strict=True)):
                return f"its mean and standard deviation were {before[0]:.6g} and {before[1]:.6g}, now {after[0]:.6g} and {after[1]:.6g}"
        return None


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
    return {name: Reading(**{key: _field(value) for key, value in each.items()}) for name, each in plain.items()}


def _field(value: Any) -> Any:
    if isinstance(value, Mapping):
        return NumberForm(**value)
    return tuple(value) if isinstance(value, Sequence) and not isinstance(value, str) else value
