"""Arrays read as a variable has them: its type, shape and classes say what numbers and texts of a file mean.

This file fits arrays to variables.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from math import inf, prod
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gamelearn.data.checks import wrong_values
from gamelearn.data.dataset import ArrayColumn, Field, FittedColumn, Misread, same_sides
from gamelearn.data.numbers import number_of
from gamelearn.data.reading import Reading, cells, sorted_levels
from gamelearn.data.words import counted
from gamelearn.errors import quoted

_BLOCK = 2**20
_NAMED = 5
_EXACT = 2**53
_NO_TEXT = "\ufffd"
_TEXT = "US"
_DATES = "mM"


@dataclass(frozen=True)
class RawArray:
    """An array as a file holds it, to be read as a variable has it.

    Attributes:
        values: `(rows, ...)`, numbers, texts or dates.
        given: what options say of its reading.
        type: the one that options fix, if any.
        classes: their number that options fix, if any.
        channels_last: whether the last axis of a row is to be its first; None where the shape of the variable says so.
        absent: `(rows)`, which rows have no value whatever the array holds; None for none.
    """

    values: NDArray[Any]
    given: Reading = field(default_factory=Reading)
    type: str | None = None
    classes: int | None = None
    channels_last: bool | None = None
    absent: NDArray[np.bool_] | None = None


def fit(raw: RawArray, wanted: Field) -> FittedColumn:
    """Return an array as a field.

    Raises:
        Misread: it holds no values of such a field, or leaves open what they mean.
    """
    if raw.type not in (None, wanted.type) or (raw.classes or wanted.classes) != wanted.classes:
        raise Misread("")
    reading = _arranged(raw, wanted)
    if wanted.type == "categorical" or (wanted.type == "binary" and reading.threshold is None):
        reading, told = (_named if raw.values.dtype.kind in _TEXT else _numbered)(raw, reading, wanted)
    else:
        reading, told = _measured(raw, reading, wanted)
    values, convert = raw.values, partial(reading.decoded, kind=wanted.type)
    column = ArrayColumn(wanted, convert(values)) if values.dtype.kind in _TEXT else ArrayColumn(wanted, values, convert=convert)
    column.present = _present(column, raw.absent)
    return FittedColumn(column, reading, (*told, *_missing_notice(raw, column)))


def _arranged(raw: RawArray, wanted: Field) -> Reading:
    """Return the reading with the shape that rows have in files."""
    got, shape = raw.values.shape[1:], wanted.shape
    moved = (got[-1], *got[:-1]) if len(got) == 3 else None
    is_last = raw.channels_last if raw.channels_last is not None else moved == shape and (got != shape or is_picture(raw.values))
    if is_last and moved == shape:
        return replace(raw.given, written=got, shape=shape, channels_last=True)
    if not is_last and got == shape:
        return raw.given
    if not is_last and same_sides(got, shape):
        return replace(raw.given, written=got, shape=shape)
    is_one_hot = wanted.type == "categorical" and got == (*shape, wanted.classes)
    hint = ": if they are one-hot, save array.argmax(-1)" if is_one_hot else f": set shape: {[*got]}" if prod(got) == prod(shape) else ""
    raise Misread(f"its rows have the shape {got}{hint}")


def is_picture(values: NDArray[Any]) -> bool:
    """Whether an array is of bytes whose last axis is three colours."""
    return values.dtype == np.uint8 and values.ndim == 4 and values.shape[-1] == 3


def _measured(raw: RawArray, reading: Reading, wanted: Field) -> tuple[Reading, Sequence[str]]:
    """Return how numbers are read as such."""
    kind, is_image = raw.values.dtype.kind, len(wanted.shape) > 1
    if kind in _TEXT:
        wrong = [cell for cell in texts(raw) if number_of(cell) is None]
        if wrong:
            raise Misread(f"it holds {wrong[0]!r}, which is no number")
    if kind in _DATES:
        if wanted.type != "real":
            raise Misread("it holds dates, or durations, which only a real variable can be: in days")
        return reading, ["dates are read as days since 1970, durations as days"]
    if reading.scale is None and wanted.type != "count":
        if raw.values.dtype == np.uint8:
            return reading, [] if is_image or reading.threshold is not None else ["bytes are divided by 255: 'scale' says otherwise"]
        if kind in "iu" or not is_image or (reading.threshold or 0) > 1:
            return replace(reading, scale=1.0), []
    return reading, []


def _named(raw: RawArray, reading: Reading, wanted: Field) -> tuple[Reading, Sequence[str]]:
    """Return how texts are read as classes."""
    found, count = texts(raw), wanted.classes or 2
    levels = reading.levels or sorted_levels(found)
    named = replace(reading, levels=levels)
    if unknown := [cell for cell in found if named.class_of(cell) is None]:
        raise Misread(f"it holds {unknown[0]!r}, which is none of {quoted(levels)}")
    if len(levels) != count:
        remedy = "values: [TEXT, ...]" if len(levels) < count else None
        shown = f", {quoted(levels[:_NAMED])}{_more(levels)}" if levels else " beside the marks of missing values"
        raise Misread(f"it holds {counted(len(levels), 'different text')}{shown}", remedy)
    told = [] if wanted.type == "categorical" else [f"{levels[0]!r} is read as 0, {levels[1]!r} as 1"]
    return replace(reading, levels=levels, texts=True), told


def texts(raw: RawArray) -> list[str]:
    """Return the different texts of an array, but for those that are missing.

    Raises:
        Misread: they are no texts.
    """
    found = {cell for block in _blocks(raw) for cell in cells(np.unique(block))}
    if any(_NO_TEXT in cell for cell in found):
        raise Misread("its bytes are no text in UTF-8: save it as an array of texts")
    return sorted(cell for cell in found if not raw.given.is_missing(cell))


def _numbered(raw: RawArray, reading: Reading, wanted: Field) -> tuple[Reading, Sequence[str]]:
    """Return how numbers are read as classes: as they are, if they can be; else in their order, if they are as many as the classes."""
    count = wanted.classes or 2
    if raw.values.dtype.kind in _DATES:
        raise Misread("it holds dates, or durations, which only a real variable can be: in days")
    if not reading.values:
        low, high = number_range(raw)
        if low >= 0 and high < count and (raw.values.dtype.kind != "f" or distinct(raw, count + 1) <= set(range(count))):
            return reading, []
    found = sorted(distinct(raw, max(count, len(reading.values)) + 2))
    classes = [each for each in found if each != -1]
    if reading.values:
        return _by_values(reading, count, [each for each in classes if each not in reading.values])
    are_whole = set(classes) <= set(range(count))
    if wanted.type == "categorical" and are_whole and len(found) != count:
        return reading, []
    if wanted.type == "categorical" and are_whole:
        what = f"-1 may be one of its {count} classes, or say that there is none"
        raise Misread(what, f"values: {list(range(count))} if it says that, values: {_plain(found)} if not")
    chosen = found if len(found) == count or wanted.type == "binary" else classes
    if len(chosen) != count:
        outside = next(each for each in chosen if each not in range(count))
        remedy = "values: [NUMBER, ...]" if len(chosen) < count else "binarize: 0.5" if wanted.type == "binary" else None
        raise Misread(f"it holds {_text(outside)}, which is none of 0 .. {count - 1}, among {_many(found, count)}", remedy)
    listed = ", ".join(map(_text, chosen))
    what = "classes " + ", ".join(map(str, range(count))) if wanted.type == "categorical" else "0 and 1"
    return _with_values(reading, chosen), [f"its numbers {listed} are read as {what}, in this order"]


def _by_values(reading: Reading, count: int, unknown: Sequence[float]) -> tuple[Reading, Sequence[str]]:
    if len(reading.values) != count:
        raise Misread(f"'values' lists {len(reading.values)}")
    if unknown:
        raise Misread(f"it holds {_text(unknown[0])}, which is none of {', '.join(map(_text, reading.values))}")
    return _with_values(reading, reading.values), []


def _with_values(reading: Reading, values: Sequence[float]) -> Reading:
    if large := [each for each in values if abs(each) >= _EXACT]:
        raise Misread(f"it holds {_text(large[0])}, and numbers from 2**53 on may stand for others: save the classes 0, 1, 2, ...")
    return replace(reading, values=tuple(map(float, values)), levels=tuple(map(_text, values)))


def _text(number: float) -> str:
    return f"{number:.15g}"


def _many(found: Sequence[float], most: int) -> str:
    return f"more than {most} different numbers" if len(found) > most else counted(len(found), "different number")


def _plain(numbers: Sequence[float]) -> str:
    return f"[{', '.join(map(_text, numbers))}]"


def _more(names: Sequence[str]) -> str:
    return ", ..." if len(names) > _NAMED else ""


def _blocks(raw: RawArray) -> Iterator[NDArray[Any]]:
    """Yield some rows at a time, without those that are absent."""
    rows = max(1, _BLOCK // prod(raw.values.shape[1:]))
    for first in range(0, len(raw.values), rows):
        block = raw.values[first : first + rows]
        yield block if raw.absent is None else block[~raw.absent[first : first + rows]]


def number_range(raw: RawArray) -> tuple[float, float]:
    """Return the least and the greatest number of an array, where there is one; infinite and the reverse where there is none."""
    low, high = inf, -inf
    for block in _blocks(raw):
        numbers = block[~np.isnan(block)] if block.dtype.kind == "f" else block
        if numbers.size:
            low, high = min(low, numbers.min().item()), max(high, numbers.max().item())
    return low, high


def distinct(raw: RawArray, most: int) -> set[float]:
    """Return the different numbers of an array; not all, once there are more than the most."""
    found: set[float] = set()
    for block in _blocks(raw):
        found.update(np.unique(block[~np.isnan(block)] if block.dtype.kind == "f" else block).tolist())
        if len(found) > most:
            break
    return found


def _present(column: ArrayColumn, absent: NDArray[np.bool_] | None) -> Tensor | None:
    """Return which rows have a value in every element, None if all have.

    Raises:
        Misread: a value is none of the field.
    """
    found = torch.ones(column.length, dtype=torch.bool) if absent is None else torch.from_numpy(~absent)
    elements = prod(column.field.shape)
    for rows in torch.arange(column.length).split(max(1, _BLOCK // elements)):
        values = column.read(rows)
        lacks = values.isnan() if values.is_floating_point() else values == -1
        found[rows] &= ~lacks.reshape(len(rows), elements).any(1)
        shown = found[rows]
        if wrong := wrong_values(column.field, values if shown.all() else values[shown], rows[shown]):
            raise Misread(wrong)
    return None if found.all() else found


def _missing_notice(raw: RawArray, column: ArrayColumn) -> Iterator[str]:
    if column.present is None:
        return
    kind, is_class = raw.values.dtype.kind, column.field.type == "categorical"
    marks = {"masked": raw.absent is not None, "a mark of missing values": kind in _TEXT, "NaT": kind in _DATES, "NaN": kind == "f"}
    why = " or ".join(mark for mark, may_be in {**marks, "-1": is_class and kind in "if"}.items() if may_be)
    lacking, rows = int((~column.present).sum()), column.length
    what = f"{'has' if lacking == 1 else 'have'} no value{' in some element' if column.field.shape else ''}"
    yield f"{lacking:,} of {rows:,} rows {what} ({why}); streams that show it leave them out"
