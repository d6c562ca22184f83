"""What the cells of a column hold: its type, its classes, how its numbers are written. This file finds it from the cells themselves."""

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from functools import cached_property

from gamelearn.data.numbers import Forms, NumberForm, forms_of, is_code
from gamelearn.data.reading import MISSING, TRUTH, Reading
from gamelearn.errors import quoted

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
