"""A table of text: a file of cells, its first line the titles of the columns.

It knows separators, quotation marks, encodings, lines; what cells mean is left to others. This file handles tables of text.
"""

import codecs
import csv
import io
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from threading import Lock

from gamelearn.errors import DataError, quoted

SEPARATORS = "\t;|,"
"""What may stand between cells if no option says it: of several that fit all lines the first, as commas stand in texts too."""
UTF_8 = "utf-8"
_MARKS = ((codecs.BOM_UTF8, UTF_8), (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"))
_WORKBOOK = (b"PK\x03\x04", b"\xd0\xcf\x11\xe0")
_SAMPLE_LINES = 40
_limit = Lock()


@dataclass(frozen=True)
class TextTable:
    """The cells of a table.

    Attributes:
        cells: of each column by its title, without spaces around them; a column without a title is `column_3` where it is the third.
        titles: by the same names, as the first line has them.
        separator: what stands between cells.
        encoding: of the file.
        notices: what was left out, and what has no title.
    """

    cells: dict[str, list[str]]
    titles: dict[str, str]
    separator: str
    encoding: str
    notices: tuple[str, ...] = ()


def read_table(file: Path, separator: str | None = None, encoding: str | None = None, *, usual: tuple[str, str] = ("", "")) -> TextTable:
    """Return the cells of a table.

    Args:
        file: where it lies.
        separator: what stands between cells; None to find it from the first lines.
        encoding: of the file; None for UTF-8, or what the file's first bytes say.
        usual: separator and encoding of another table of the kind, which are tried if no option says them; empty if they are not known.

    Raises:
        DataError: the file is no table; it names the line.
    """
    try:
        raw = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    text, encoding = _decoded(file, raw, encoding, usual[1])
    with _long_cells(len(text)):
        if text.startswith("sep=") and len(first := text.partition("\n")[0].rstrip("\r")) == len("sep=,"):  # as Excel writes it
            separator, text = separator or first[-1], "\n".join(("", text.partition("\n")[2]))
        separator = separator or _found_separator(text, usual[0])
        lines = _rows(file, text, separator)
        _, header = next(((line, row) for line, row in lines if row), (0, []))
        titles = [title.strip() for title in header]
        _check_titles(file, titles)
        rows = [_fitted(file, line, row, titles, separator) for line, row in lines if len(titles) == 1 or not _is_blank(row)]
    if not rows:
        raise DataError(f"{file} has no rows below its first line")
    return _table([[row[index].strip() for row in rows] for index in range(len(titles))], titles, separator, encoding)


def table_text(rows: Iterable[Iterable[str]], separator: str = ",") -> str:
    """Return rows of cells as `read_table` reads them, a line each.

    >>> table_text([("town", "note"), ("Ulm", "a, b")])
    'town,note\\nUlm,"a, b"\\n'
    """
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=separator, lineterminator="\n").writerows(rows)
    return text.getvalue()


def _decoded(file: Path, raw: bytes, encoding: str | None, usual: str) -> tuple[str, str]:
    """Return the text of a file, with its encoding."""
    if raw.startswith(_WORKBOOK):
        raise DataError(f"{file} is no table of text but an archive or a workbook: save the table as CSV")
    marked = next((name for mark, name in _MARKS if raw.startswith(mark)), None)
    known = [each for each in ((encoding,) if encoding else (marked,) if marked else (UTF_8, usual)) if each]
    if b"\0" in raw:
        known.reverse()
    for each in known:
        try:
            text = raw.decode(each).removeprefix("\ufeff")
        except UnicodeError as error:
            start = getattr(error, "start", 0)
            line = raw.count(b"\n", 0, start) + 1
            wrong = f"{file}:{line}: byte 0x{raw[start]:02x} is no text in {each.upper()}"
            continue
        if "\0" in text:
            line = text.count("\n", 0, text.index("\0")) + 1
            wrong = f"{file}:{line}: the file has NUL characters, so it is no text in {each.upper()}"
            continue
        return text, each
    raise DataError(f"{wrong}: say its encoding, such as latin-1, cp1252 or utf-16-le (encoding: latin-1), or save it as UTF-8")


@contextmanager
def _long_cells(length: int) -> Iterator[None]:
    """Let the reader take cells of any length, which is a setting of the whole process: it is put back."""
    with _limit:
        before = csv.field_size_limit(max(length, csv.field_size_limit()))
        try:
            yield
        finally:
            csv.field_size_limit(before)


def _rows(file: Path, text: str, separator: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows, each with the line that it begins in."""
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=separator, skipinitialspace=separator != " ", strict=True)
    line = 1
    try:
        for row in reader:
            yield line, row
            line = reader.line_num + 1
    except csv.Error as error:
        what = "a quotation mark opens a cell and is never closed" if "end of data" in str(error) else str(error)
        raise DataError(f"{file}:{line} is no table of text: {what}") from None


def _found_separator(text: str, usual: str) -> str:
    """Return what divides the first line, and the lines below it into as many cells as it can."""
    sample = list(islice(io.StringIO(text, newline=""), _SAMPLE_LINES))
    found = {}
    for each in dict.fromkeys(usual + SEPARATORS):
        header, *rows = [row for row in csv.reader(sample, delimiter=each, skipinitialspace=each != " ") if not _is_blank(row)] or [[]]
        if len(header) > 1:
            found[each] = sum(len(row) == len(header) or not any(row[len(header) :] or ["x"]) for row in rows)
    return max(found, key=lambda each: found[each]) if found else usual or ","


def _is_blank(row: Sequence[str]) -> bool:
    return not row or (len(row) == 1 and not row[0].strip())


def _check_titles(file: Path, titles: Sequence[str]) -> None:
    twice = sorted(title for title, count in Counter(titles).items() if title and count > 1)
    if twice:
        raise DataError(f"{file}: the first line names the columns {quoted(twice)} twice")
    if not any(titles):
        raise DataError(f"{file}: the first line has to name the columns, got {quoted(titles) or 'nothing'}")


def _fitted(file: Path, line: int, row: list[str], titles: Sequence[str], separator: str) -> list[str]:
    """Return a row with a cell for each title; separators at its end that have nothing behind them do not count."""
    while len(row) > len(titles) and not row[-1].strip():
        row.pop()
    lacking = titles[len(row) :]
    if len(row) > len(titles) or (any(lacking) and row):
        raise DataError(
            f"{file}:{line}: expected {len(titles)} cells as in the first line, with {separator!r} between them, got {len(row)}"
        )
    return [*row, *[""] * len(lacking)]


def _table(columns: list[list[str]], titles: Sequence[str], separator: str, encoding: str) -> TextTable:
    cells: dict[str, list[str]] = {}
    written: dict[str, str] = {}
    empty = []
    for number, (title, column) in enumerate(zip(titles, columns, strict=True), start=1):
        name = title or f"column_{number}"
        while not title and name in titles:
            name += "_"
        if title or any(column):
            cells[name], written[name] = column, title
        else:
            empty.append(number)
    untitled = [name for name, title in written.items() if not title]
    notices = [f"column {', '.join(map(str, empty))} has neither title nor cells: left out"] if empty else []
    notices += [f"what has no title is called by its place: {quoted(untitled)}"] if untitled else []
    return TextTable(cells, written, separator, encoding, tuple(notices))
