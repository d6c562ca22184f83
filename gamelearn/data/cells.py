"""What the cells of a column hold: its type, its classes, how its numbers are written. This file finds it from the cells themselves."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from gamelearn.data.checks import check_columns
from gamelearn.data.dataset import ArrayColumn, Field, FittedColumn, Misread, same_sides
from gamelearn.data.numbers import Forms, NumberForm, forms_of, is_code
from gamelearn.data.reading import MISSING, TRUTH, Reading, sorted_levels
from gamelearn.data.text_table import TextTable
from gamelearn.data.words import counted
from gamelearn.errors import DataError, quoted

_DASHES = ("-", "–", "—")
_CLOCK = r"[0-9]{1,2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]+)?)?(?: ?[AaPp][Mm])?(?:Z| ?[+-][0-9]{2}:?[0-9]{2})?"
_MONTH = r"(?:jan|feb|mar|apr|may|jun|jul|aug|sep|oct|nov|dec)[a-z]*\.?"
_DAY, _OF_YEAR = r"(?:0?[1-9]|[12][0-9]|3[01])", r"(?:0?[1-9]|1[0-2])"
_DAYS = (
    rf"[0-9]{{4}}([-/.]){_OF_YEAR}\1{_DAY}",
    rf"[0-9]{{4}}-{_OF_YEAR}",
    rf"{_DAY}([-/.]){_DAY}\2(?:[0-9]{{4}}|[0-9]{{2}})",
    rf"{_DAY}\.?[ -]{_MONTH}[ -][0-9]{{2,4}}",
    rf"{_MONTH} {_DAY},? [0-9]{{4}}",
)
_DATE = re.compile(rf"(?:(?:{'|'.join(_DAYS)})(?:[T ,]+{_CLOCK})?|{_CLOCK})", re.IGNORECASE)
_DATE_NUMBER = re.compile(r"(?:19|20)[0-9]{2}(?:0[1-9]|1[0-2])(?:0[1-9]|[12][0-9]|3[01])")
_LIKE_A_NUMBER = re.compile(r"\W*[0-9]")
_FEW = 10
_NAMED = 5


@dataclass(frozen=True)
class Cells:
    """The cells of one field, before it is known what the file's others are like.

    Attributes:
        title: what messages call the column.
        texts: the cells, row by row, column by column.
        missing: those that are no value.
        is_unnamed: whether it is the first column and has no title.
        decimal: the decimal mark, where the options say it.
        thousands: likewise what stands between groups of digits.
    """

    title: str
    texts: Sequence[str]
    missing: tuple[str, ...]
    is_unnamed: bool = False
    decimal: str | None = None
    thousands: str | None = None

    @cached_property
    def held(self) -> Counter[str]:
        """The cells that have a value, with how many there are of each."""
        known = Counter(self.texts)
        reading = Reading(missing=self.missing)
        return Counter({cell: count for cell, count in known.items() if not reading.is_missing(cell)})

    @cached_property
    def forms(self) -> Forms:
        """How its numbers may be written."""
        return forms_of(self.held, self.decimal, self.thousands)


def missing_marks(texts: Iterable[str], given: Sequence[str], levels: Sequence[str]) -> tuple[str, ...]:
    """Return the cells that are no value: the usual ones, and those that are given, but for classes.

    Args:
        texts: the cells of the column. Where a + is among them, a dash is the other sign.
        given: what else is missing.
        levels: the classes, where they are given.
    """
    values = {each.lower() for each in levels}
    if "+" in set(texts):
        values.update(_DASHES)
    return (*(each for each in MISSING if each.lower() not in values), *given)


def usual_decimal(columns: Iterable[Cells]) -> str | None:
    """Return the decimal mark of a file: the one that all columns have that show theirs."""
    shown = {column.forms.decimal for column in columns} - {None}
    return shown.pop() if len(shown) == 1 else None


def number_form(cells: Cells, usual: str | None, separator: str) -> tuple[NumberForm, str]:
    """Return how the numbers of a column are written, with a note where that is doubtful.

    `1,200` and `1.200` have two meanings: they have that of the file's other columns, else a decimal comma where the file
    has no commas between cells.
    """
    fitting = cells.forms.fitting
    if len(fitting) < 2:
        return cells.forms.best, ""
    by_file = [form for form in fitting if form.decimal == usual]
    if len(by_file) == 1:
        return by_file[0], ""
    is_comma = "," in cells.forms.example and "." not in "".join(cells.held)
    mark = "," if is_comma and separator in ";\t" else "."
    chosen = next(form for form in fitting if form.decimal == mark)
    if not is_comma and "," not in "".join(cells.held) and separator != ";":
        return chosen, ""
    other = next(form for form in fitting if form is not chosen)
    example = cells.forms.example
    numbers = cells.forms.numbers
    what = f"column {cells.title!r}: {example!r} is read as {numbers[chosen][example]:g}, and could be {numbers[other][example]:g}"
    return chosen, f"{what}: say which by the option decimal, {chosen.decimal!r} or {other.decimal!r}"


def inferred_kind(cells: Cells, form: NumberForm) -> str:
    """Return the type of a column that is not given."""
    numbers = cells.forms.numbers[form]
    if all(number in (0, 1) or cell.lower() in TRUTH for cell, number in numbers.items()):
        return "binary"
    is_number = cells.forms.fitting and not any(map(is_code, cells.held))
    return "real" if is_number else "categorical"


def left_out(cells: Cells, kind: str) -> str:
    """Return why a column that nobody names becomes no variable; nothing where it does."""
    if not cells.held:
        return "has no value"
    if all(map(_DATE_NUMBER.fullmatch, cells.held)) or (kind == "categorical" and all(map(_DATE.fullmatch, cells.held))):
        return f"holds dates or times, such as {next(iter(cells.held))!r}"
    if cells.is_unnamed and len(cells.held) == len(cells.texts) and all(map(str.isdecimal, cells.held)):
        return "numbers the rows"
    return f"has one value, {next(iter(cells.held))!r}" if len(cells.held) == 1 else ""


def doubts(cells: Cells, levels: Sequence[str]) -> str:
    """Return what is doubtful about a column that becomes classes, since it is not only numbers; nothing where nothing is."""
    total, wrong = cells.held.total(), sum(cells.held[cell] for cell in cells.forms.wrong)
    becomes = f"column {cells.title!r} becomes {len(levels)} classes"
    if not wrong:
        codes = [cell for cell in cells.held if is_code(cell)]
        return f"{becomes}, since cells such as {quoted(codes[:_NAMED])} begin with 0, as keys do; for numbers give it the type real"
    if 2 * wrong <= total:
        examples = quoted(cells.forms.wrong[:_NAMED])
        what = f"{becomes}, since {wrong} of its {total} cells are no numbers as the others are: {examples}"
        return f"{what}; name under 'missing' what is no value, or give the type categorical"
    like_numbers = sum(count for cell, count in cells.held.items() if _LIKE_A_NUMBER.match(cell))
    if len(levels) > _FEW and 2 * max(len(levels), like_numbers) > total:
        what = f"{becomes} in {total} rows, such as {quoted(levels[:_NAMED])}"
        return f"{what}; leave it out by 'except', give it the type categorical, or write numbers alone"
    return ""


def bits_of(cells: Cells, form: NumberForm) -> tuple[str, ...]:
    """Return how a column says 0 and 1."""
    found = {TRUTH.get(cell.lower(), cells.forms.numbers[form][cell]): cell for cell in sorted(cells.held, reverse=True)}
    of_words = any(cell.isalpha() for cell in found.values())
    return found.get(0.0, "false" if of_words else "0"), found.get(1.0, "true" if of_words else "1")


def is_whole(cells: Cells, form: NumberForm) -> bool:
    """Whether all numbers of a column are written as whole ones."""
    return all(form.decimal not in cell and (number or 0.0).is_integer() for cell, number in cells.forms.numbers[form].items())


@dataclass(frozen=True)
class TableField:
    """What of a table is one field, and may be read as a variable has it.

    Attributes:
        file: of the table.
        name: the field's.
        titles: of its columns.
        shape: of a row.
        type: the one that options give, if any.
        levels: likewise the classes, in their order.
        cells: those of its columns.
        form: how its numbers are written.
        table: whose columns they are.
    """

    file: Path
    name: str
    titles: tuple[str, ...]
    shape: tuple[int, ...]
    type: str | None
    levels: tuple[str, ...]
    cells: Cells
    form: NumberForm
    table: TextTable

    def column(self, kind: str, shape: tuple[int, ...], levels: tuple[str, ...]) -> tuple[ArrayColumn, Reading]:
        """Return the values of the field with a type, a shape and classes, with how they are written.

        Raises:
            DataError: a cell is no value of it.
        """
        reading = Reading(
            self.titles,
            levels,
            missing=self.cells.missing,
            form=self.form,
            whole=kind in ("real", "count") and is_whole(self.cells, self.form),
            separator=self.table.separator,
            encoding=self.table.encoding,
        )
        values = self._values(kind, reading).reshape(len(self.titles), -1).T
        lacking = np.isnan(values)
        present = ~lacking.any(axis=1)
        column = ArrayColumn(
            Field(kind, shape, len(levels) if kind == "categorical" else None),
            np.where(lacking, 0.0, values).reshape(-1, *shape),
            present=None if present.all() else torch.from_numpy(present),
        )
        return column, reading

    def _values(self, kind: str, reading: Reading) -> NDArray[np.float64]:
        """Return the values of all cells, not a number where there is none."""
        known: dict[str, float] = {}
        wrong: dict[str, str] = {}
        held, texts = self.cells.held, self.cells.texts
        for cell in held:
            try:
                known[cell] = reading.value(cell)
            except ValueError as error:
                wrong[cell] = str(error)
        if wrong:
            row = next(row for row, cell in enumerate(texts) if cell in wrong)
            what = f"field {self.name!r} is {kind}: {wrong[texts[row]]}; there are {sum(held[cell] for cell in wrong)} such cells"
            raise DataError(f"{self.file}, row {row % (len(texts) // len(self.titles))} (counted from 0): {what}")
        return np.array([known.get(cell, np.nan) for cell in texts])

    def read_as(self, wanted: Field) -> FittedColumn | None:
        """Return the field read as a variable has it, with as many classes as there are; None where its shape is another.

        Raises:
            Misread: a cell is no value of such a field, or options give it another type.
        """
        if self.type not in (None, wanted.type):
            raise Misread("'columns' gives it this type: leave it out there, or give the variable this type")
        if not same_sides(self.shape, wanted.shape):
            return None
        levels, told = self._levels(wanted)
        try:
            column, reading = self.column(wanted.type, wanted.shape, levels)
            check_columns(str(self.file), {self.name: column}, column.length)
        except DataError as error:
            raise Misread(f"read so, {error}") from None
        return FittedColumn(column, reading, told)

    def _levels(self, wanted: Field) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the words for the classes, or for 0 and 1, of a variable that shows the field, with what has to be told."""
        if wanted.type not in ("binary", "categorical"):
            return (), ()
        count = wanted.classes or len(TRUTH)
        if self.levels or (count == len(TRUTH) and inferred_kind(self.cells, self.form) == "binary"):
            return self.levels or bits_of(self.cells, self.form), ()
        levels = sorted_levels(self.cells.held, self.form)
        if wanted.type == "binary":
            if len(levels) != count:
                shown = f"{quoted(levels[:_NAMED])}{', ...' if len(levels) > _NAMED else ''}"
                remedy = "levels: [TEXT, TEXT]" if len(levels) < count else None
                raise Misread(f"it holds {counted(len(levels), 'different value')}, {shown}", remedy)
            return levels, (f"{levels[0]!r} is read as 0, {levels[1]!r} as 1",)
        reading = Reading(form=self.form)
        known = {reading.key(level): level for level in levels}
        are_numbered = 0.0 in known and known.keys() <= set(range(count))  # then one of them may have no row
        return tuple(known.get(each, str(each)) for each in range(count)) if are_numbered else levels, ()
