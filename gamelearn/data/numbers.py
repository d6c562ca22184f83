"""Numbers as tables write them: decimal marks, thousands, signs, per cents, currencies. This file reads them."""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import lru_cache
from math import floor, isfinite, log10
from unicodedata import decimal

_ALIKE = str.maketrans(
    {**dict.fromkeys("\u00a0\u2007\u2009\u202f", " "), **dict.fromkeys("\u2010\u2011\u2012\u2013\u2212\ufe63\uff0d", "-"), "\u2019": "'"}
)
_SHARE = "[%‰]"
_UNIT = rf"(?:[$¢£¤¥₠-⃀]|{_SHARE}|EUR|USD|GBP|CHF|JPY|CNY|SEK|NOK|DKK|PLN|INR)"
_BEFORE, _AFTER = re.compile(rf"[+-]?({_UNIT} ?)"), re.compile(rf"( ?{_UNIT})$")
_GROUPS = re.compile(r"(?<![0-9])[1-9][0-9]{0,2}([,. '])[0-9]{3}(?![0-9])")
_CODE = re.compile(r"[+-]?0[0-9]+")
_DIGITS, _MOST_DIGITS = 6, 17
MARKS = (",", ".", " ", "'")
"""What may stand between groups of three digits, as in `_GROUPS`."""


@dataclass(frozen=True)
class NumberForm:
    """How the numbers of a column are written.

    Attributes:
        decimal: the decimal mark.
        thousands: what stands between groups of three digits, of `MARKS`; every space is one, every apostrophe too. Empty for nothing.
        before: what stands before a number, such as a currency.
        after: what stands after it; where it is a per cent, in every cell.
    """

    decimal: str = "."
    thousands: str = ""
    before: str = ""
    after: str = ""

    def written(self, number: float, *, whole: bool, spread: float = 1.0) -> str:
        """Return a number as a cell.

        Args:
            number: what it reads back to; one that is not finite reads back to none.
            whole: whether it is rounded to a whole number.
            spread: of the numbers of the column: digits go on to its sixth, and no digit before the decimal mark is lost.

        >>> NumberForm(",", ".", after=" €").written(1234.5, whole=False), NumberForm().written(1.5e6, whole=True)
        ('1.234,5 €', '1500000')
        """
        if not isfinite(number):
            return str(number)
        size = floor(log10(abs(number))) if number else 0
        digits = max(_DIGITS, size + 1, _DIGITS + size - floor(log10(spread)))
        text = f"{round(number):,}" if whole else f"{number + 0.0:,.{min(digits, _MOST_DIGITS)}g}"
        text = text.translate({ord(","): self.thousands, ord("."): self.decimal})
        sign, text = ("-", text[1:]) if text.startswith("-") else ("", text)
        return f"{sign}{self.before}{text}{self.after}"


PLAIN = NumberForm()


def number_of(cell: str, form: NumberForm = PLAIN) -> float | None:
    """Return the number that a cell holds, None where it holds none; it may be infinite.

    >>> number_of("-1e5"), number_of("3_40"), number_of("−1.200,5", NumberForm(",", "."))
    (-100000.0, None, -1200.5)
    """
    if not cell.isascii():
        cell = "".join(str(decimal(each, each)) for each in cell.translate(_ALIKE))  # digits of any script
    if form is PLAIN:  # nearly every cell
        return float(cell) if _PLAIN.fullmatch(cell) else None
    found = _pattern(form).fullmatch(cell)
    if not found:
        return None
    signs, text = found["sign"] + found["inner"], found["number"]
    if len(signs) > 1:
        return None
    text = text.replace(form.thousands, "") if form.thousands else text
    return float(signs + text.replace(form.decimal, "."))


@lru_cache(maxsize=256)
def _pattern(form: NumberForm) -> re.Pattern[str]:
    mark, between = re.escape(form.decimal), re.escape(form.thousands)
    whole = rf"(?:[1-9][0-9]{{0,2}}(?:{between}[0-9]{{3}})+|[0-9]+)" if form.thousands else "[0-9]+"
    number = rf"(?:(?:{whole}(?:{mark}[0-9]*)?|{mark}[0-9]+)(?:[eE][+-]?[0-9]+)?|(?i:inf(?:inity)?))"
    before = rf"(?:{re.escape(form.before.strip())} ?)?" if form.before else ""
    after = rf"(?: ?{re.escape(form.after.strip())}){'' if re.search(_SHARE, form.after) else '?'}" if form.after else ""
    inner = "[+-]?" if form.before else ""
    return re.compile(rf"(?P<sign>[+-]?){before}(?P<inner>{inner})(?P<number>{number}){after}")


_PLAIN = _pattern(PLAIN)


def is_code(cell: str) -> bool:
    """Whether a cell looks like a number, but begins with a 0 as postcodes and keys do."""
    return _CODE.fullmatch(cell) is not None


@dataclass(frozen=True)
class Forms:
    """How the numbers of a column may be written.

    Attributes:
        fitting: the forms that read every cell, the simplest first; any two of them differ in some cell.
        decimal: the decimal mark, where there is a single fitting form, and cells show its mark.
        example: a cell in which two fitting forms differ.
        best: the form that reads most of the cells.
        wrong: the cells that it cannot read.
        numbers: of the cells, in each form that was tried, None where one cannot be read.
    """

    fitting: tuple[NumberForm, ...]
    decimal: str | None = None
    example: str = ""
    best: NumberForm = PLAIN
    wrong: tuple[str, ...] = ()
    numbers: Mapping[NumberForm, Mapping[str, float | None]] = field(default_factory=dict)


def forms_of(cells: Collection[str], mark: str | None = None, thousands: str | None = None) -> Forms:
    """Return how the numbers of a column may be written.

    Args:
        cells: all different ones that have a value.
        mark: the decimal mark, where it is known.
        thousands: what stands between groups of three digits, where it is known; empty for nothing.
    """
    found: dict[NumberForm, dict[str, float | None]] = {}
    for form in _candidates(cells, mark, thousands):
        numbers = {cell: number_of(cell, form) for cell in cells}
        if numbers not in found.values():
            found[form] = numbers
    unread = {form: [cell for cell, number in numbers.items() if number is None] for form, numbers in found.items()}
    best = min(found, key=lambda form: len(unread[form]))
    fitting = tuple(form for form in found if not unread[form])
    if len(fitting) == 1:
        return Forms(fitting, _shown(fitting[0], cells), best=best, numbers=found)
    example = next((cell for cell in cells if len({found[form][cell] for form in fitting}) > 1), "")
    return Forms(fitting, None, example, best, tuple(unread[best]), found)


def _candidates(cells: Collection[str], given: str | None, thousands: str | None) -> Iterable[NumberForm]:
    """Yield the forms whose marks the cells have, the simplest first."""
    text = "\n".join(cells).translate(_ALIKE)
    groups = {found[1] for found in _GROUPS.finditer(text)}
    plain = replace(PLAIN, **_units(cells))
    given = given or {",": ".", ".": ","}.get(thousands or "")
    decimals = [given] if given else [".", ","] if "," in text else ["."]
    for between in [""] if thousands == "" else ["", thousands] if thousands else ["", *(mark for mark in MARKS if mark in groups)]:
        for mark in decimals if between != "." or given else [","]:
            if mark != between:
                form = replace(plain, decimal=mark, thousands=between)
                yield PLAIN if form == PLAIN else form


def _units(cells: Collection[str]) -> dict[str, str]:
    """Return what stands before or after numbers, where it is one thing: a per cent in every cell, or a currency."""
    before = [found[1] for cell in cells if (found := _BEFORE.match(cell))]
    after = [found[1] for cell in cells if (found := _AFTER.search(cell))]
    if len({each.strip() for each in (*before, *after)}) != 1:
        return {}
    return {**({"before": max(before)} if before else {}), **({"after": max(after)} if after else {})}


def _shown(form: NumberForm, cells: Iterable[str]) -> str | None:
    is_shown = form.thousands in (",", ".") or any(form.decimal in cell for cell in cells)
    return form.decimal if is_shown else None
