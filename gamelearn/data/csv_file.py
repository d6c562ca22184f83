"""A table in a text file: one row per line, its first line the names of the columns. This file makes columns fields."""

import codecs
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

import pydantic
from pydantic import AfterValidator, BeforeValidator, WithJsonSchema

from gamelearn.data.cells import (
    Cells,
    TableField,
    bits_of,
    doubts,
    inferred_kind,
    left_out,
    missing_marks,
    number_form,
    usual_decimal,
)
from gamelearn.data.checks import check_columns
from gamelearn.data.dataset import (
    ArrayColumn,
    DataSet,
    Field,
    FittedColumn,
    SplitOptions,
    field_name,
    split_rows,
    standardised,
    standardised_columns,
    standardised_readings,
    table_columns,
)
from gamelearn.data.folder import DataFolder
from gamelearn.data.numbers import NumberForm
from gamelearn.data.reading import Reading, sorted_levels
from gamelearn.data.text_table import TextTable, read_table
from gamelearn.errors import DataError, first_of, nearest, quoted
from gamelearn.options import Listed, Options, mistake
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import Name, TableColumn

ColumnType = Literal["binary", "categorical", "count", "real"]


class ColumnOptions(Options):
    """How columns of a table become a field."""

    column: str | None = None
    """The column; by default the one named as the field."""
    columns: Listed[str] | None = None
    """Several columns of one type, which become a field of shape (columns,)."""
    type: ColumnType | None = None
    """By default that of the variable it is bound to; of `columns: "*"` 0 and 1 (or false and true) are binary, other numbers real, texts categorical."""
    levels: Listed[str] | None = None
    """The classes of a categorical field in order, or the words for 0 and 1; by default all that occur, sorted."""


def _separator(text: str) -> str:
    if text in '"\r\n':
        raise mistake(f"{text!r} has a meaning of its own in a table, and cannot divide cells")
    return text


def _encoding(name: str) -> str:
    with suppress(UnicodeError):
        try:
            b"text".decode(name)
        except LookupError:
            raise mistake(f"unknown encoding {name!r}; known are utf-8, latin-1, cp1252, utf-16 and others that Python has") from None
    return codecs.lookup(name).name


def _as_cell(value: Any) -> Any:
    return str(value) if isinstance(value, int | float) and not isinstance(value, bool) else value


Cell = Annotated[str, BeforeValidator(_as_cell), WithJsonSchema({"type": ["string", "number"]})]


def _column_options(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


_COLUMN_SCHEMA = {"anyOf": [{"enum": list(get_args(ColumnType))}, ColumnOptions.model_json_schema()]}


class CsvOptions(SplitOptions):
    """The options of `csv`."""

    path: str
    """The file, beside the spec or in the data root."""
    columns: dict[Name, Annotated[ColumnOptions, BeforeValidator(_column_options), WithJsonSchema(_COLUMN_SCHEMA)]] = {}
    """What differs from what is inferred: a type, or a map. Columns that are not named are fields under their own names."""
    separator: Annotated[str, pydantic.Field(min_length=1, max_length=1), AfterValidator(_separator)] | None = None
    """The character between cells; by default found from the first lines."""
    encoding: Annotated[str, AfterValidator(_encoding)] | None = None
    """How the file writes letters, such as `latin-1`, `cp1252` or `utf-16`; by default UTF-8, or what the first bytes of the file say."""
    decimal: Literal[".", ","] | None = None
    """The decimal mark; by default found from each column, and where that leaves it open from the others."""
    thousands: Literal["", ",", ".", " ", "'"] | None = None
    """What stands between groups of three digits; by default found, as the decimal mark is. Any space is one, any apostrophe too."""
    standardise: bool = False
    """Whether real fields are less their mean and divided by their standard deviation, those of the training rows."""
    missing: Listed[Cell] = ()
    """Cells that are missing, beside the usual ones, in letters of any case; a number, however it is written."""

    def table(self, spec_folder: Path, *, untrusted: bool) -> tuple[TableColumn, ...]:
        """Return the columns of the file with their types, for which all cells are read."""
        options = {name: getattr(self, name) for name in ("path", "columns", "separator", "encoding", "decimal", "thousands", "missing")}
        return read_columns(DataFolder(spec_folder, untrusted=untrusted), **options).table


@DATASETS.register("csv", options=CsvOptions)
class Csv(DataSet):
    """The columns of a table in a text file, whose first line names them; cells may be missing.

    A cell is missing if it is empty, a dash, `NA`, `N/A`, `NaN`, `NaT`, `<NA>`, `null`, `none`, `nil`, `?` or an error of a
    spreadsheet (`#N/A`, `#DIV/0!`), in letters of any case; `missing` adds others. A line without cells is a row if the table
    has one column.

    Numbers may have a decimal comma, thousands (`1,200`, `1'200`), a typographic minus, and one per cent sign or currency,
    which are left out: `50 %` is 50. Answers are written likewise. Numbers that begin with a 0, such as `01067`, are classes.
    What is doubtful is a notice: a column that is almost numeric, or has a class for nearly every row, a number that could
    be another one.

    A column without a value or with one alone, dates, times, and numbers of rows without a title are left out of `columns: "*"`
    where neither `columns` here nor there names them. A column that a variable of another type shows is read as the variable has it,
    unless `columns` here gives its type. A column whose name is no name of a spec gets one: `sepal length (cm)`
    becomes the field `sepal_length_cm`; one in other letters becomes `column_3` if it is the third.

    Args:
        path: the file, beside the spec or in the data root.
        columns: what differs from what is inferred, by field.
        separator: the character between cells, None to find it.
        encoding: of the file, None for UTF-8 or what its first bytes say.
        decimal: the decimal mark, None to find it.
        thousands: what stands between groups of three digits, None to find it.
        standardise: whether real fields have mean 0 and standard deviation 1 over the training rows.
        missing: cells that are missing beside the usual ones.

    Raises:
        DataAbsent: there is no such file.
        DataError: the file is no table, a line has too few or too many cells, or a cell does not fit its field's type.
    """

    may_miss: ClassVar[bool] = True
    keeps_rows: ClassVar[bool] = True

    def __init__(
        self,
        folder: DataFolder,
        seed: int,
        *,
        path: str,
        columns: Mapping[str, ColumnOptions],
        separator: str | None,
        encoding: str | None,
        decimal: str | None,
        thousands: str | None,
        standardise: bool,
        missing: Sequence[str],
        validation: float,
        test: float,
    ) -> None:
        read = read_columns(
            folder, path, columns, separator=separator, encoding=encoding, decimal=decimal, thousands=thousands, missing=missing
        )
        fields = read.columns
        self._read, self._standardise = read, standardise
        splits = split_rows(next(iter(fields.values())).length, validation, test, seed)
        self.readings = standardised_readings(read.readings, fields, splits["train"]) if standardise else read.readings
        self.notices = read.notices
        super().__init__(standardised_columns(fields, splits["train"]) if standardise else fields, splits)

    def read_as(self, field: str, wanted: Field) -> FittedColumn | None:
        """Return columns read as a variable has them."""
        fitted = self._read.sources[field].read_as(wanted) if field in self._read.sources else None
        if fitted and self.fields[field].type == "categorical" != wanted.type:  # what is said of its classes is no longer true
            self._read.notes.pop(field, None)
            self.notices = self._read.notices
        return fitted and (standardised(fitted, self.splits["train"]) if self._standardise else fitted)

    def bound(self) -> None:
        """Forget the cells."""
        self._read.sources.clear()


@dataclass(frozen=True)
class CsvColumns:
    """The columns of a table in a file, by field.

    Attributes:
        columns: what they hold.
        readings: how they are written.
        notes: what is to be said of some.
        left_out: those that `columns: "*"` leaves out.
        notices: what is to be said of the whole table.
        sources: their cells.
    """

    columns: dict[str, ArrayColumn] = field(default_factory=dict)
    readings: dict[str, Reading] = field(default_factory=dict)
    notes: dict[str, str] = field(default_factory=dict)
    left_out: set[str] = field(default_factory=set)
    table_notices: tuple[str, ...] = ()
    sources: dict[str, TableField] = field(default_factory=dict)

    @property
    def notices(self) -> tuple[str, ...]:
        """All that is to be said."""
        return (*self.table_notices, *first_of(self.notes.values(), "notices of columns"))

    @property
    def table(self) -> tuple[TableColumn, ...]:
        """The columns as variables would be declared for them."""
        return tuple(
            replace(each, note=self.notes.get(each.name, ""), is_left_out=each.name in self.left_out)
            for each in table_columns({name: column.field for name, column in self.columns.items()})
        )


def read_columns(
    folder: DataFolder,
    path: str,
    columns: Mapping[str, ColumnOptions],
    *,
    separator: str | None,
    encoding: str | None,
    decimal: str | None,
    thousands: str | None,
    missing: Sequence[str],
) -> CsvColumns:
    """Return the columns of a table in a file.

    Raises:
        DataError: as `Csv`.
    """
    file = folder.need(path)
    folder.check_size(file)
    table = read_table(file, separator, encoding)
    options, renamed = _all_options(table, columns)
    cells = {name: _cells(file, name, table, each, missing, decimal, thousands) for name, each in options.items()}
    usual = decimal or usual_decimal(cells.values())
    found = CsvColumns(table_notices=(*table.notices, *renamed))
    for name, each in options.items():
        _add(found, file, name, each, cells[name], usual, table, is_asked=name in columns)
    check_columns(str(file), found.columns, len(next(iter(table.cells.values()))))
    return found


def _all_options(table: TextTable, given: Mapping[str, ColumnOptions]) -> tuple[dict[str, ColumnOptions], list[str]]:
    """Return the options of all fields, with what is to be said of columns that have got names of their own."""
    names = _field_names(table, given)
    titles = {name: title for title, name in names.items()}
    given = {
        name: each if each.columns or each.column or name not in titles else each.model_copy(update={"column": titles[name]})
        for name, each in given.items()
    }
    used = {column for name, options in given.items() for column in _columns_of(name, options)}
    inferred = {name: ColumnOptions(column=title) for title, name in names.items() if title not in used}
    renamed = [
        f"{title!r} is the field {name!r}" for title, name in names.items() if name in inferred and name not in (title, field_name(title))
    ]
    notices = [f"titles that give no name, or that of another: {', '.join(first_of(renamed, 'titles'))}"] if renamed else []
    return {**inferred, **given}, notices


def _field_names(table: TextTable, given: Mapping[str, ColumnOptions]) -> dict[str, str]:
    """Return the name of each column's field, by title: its own, or one that keeps most of its letters, or `column_3`."""
    elsewhere = {name for name, each in given.items() if each.columns or each.column}
    taken = {title for title in table.cells if field_name(title) == title} | elsewhere
    names = {}
    for number, title in enumerate(table.cells, start=1):
        name = field_name(title)
        letters = sum(map(str.isalpha, title))
        kept = sum(each.isalpha() and each.isascii() for each in name)
        if name in elsewhere or (name != title and (name in taken or 2 * kept < letters)):
            name = next(each for each in (f"column_{number}{'_' * more}" for more in range(number + 1)) if each not in taken)
        taken.add(name)
        names[title] = name
    return names


def _columns_of(name: str, options: ColumnOptions) -> tuple[str, ...]:
    return options.columns or (options.column or name,)


def _cells(
    file: Path,
    name: str,
    table: TextTable,
    options: ColumnOptions,
    missing: Sequence[str],
    decimal: str | None,
    thousands: str | None,
) -> Cells:
    columns = _columns_of(name, options)
    for column in columns:
        if column not in table.cells:
            hint = nearest(column, table.cells)
            suffix = f"; did you mean {hint!r}?" if hint else ""
            raise DataError(f"{file} has no column {column!r}; it has {quoted(table.cells)}{suffix}")
    texts = [cell for column in columns for cell in table.cells[column]]
    is_unnamed = columns[0] == next(iter(table.cells)) and table.titles[columns[0]] in ("", "Unnamed: 0")
    marks = missing_marks(texts, missing, options.levels or ())
    return Cells(", ".join(columns), texts, marks, is_unnamed, decimal, thousands)


def _add(
    found: CsvColumns, file: Path, name: str, options: ColumnOptions, cells: Cells, usual: str | None, table: TextTable, *, is_asked: bool
) -> None:
    """Add a field, with how it is written and what is to be said of it."""
    form, note = number_form(cells, usual, table.separator)
    kind = options.type or inferred_kind(cells, form)
    levels = _levels(kind, options, cells, form)
    if reason := "" if is_asked else left_out(cells, kind):
        found.left_out.add(name)
        note = f"column {cells.title!r} {reason}: left out where it is not named"
    elif kind == "categorical":
        note = "" if options.type else doubts(cells, levels)
    if note:
        found.notes[name] = note
    shape = (len(options.columns),) if options.columns else ()
    source = TableField(file, name, _columns_of(name, options), shape, options.type, options.levels or (), cells, form, table)
    found.sources[name] = source
    found.columns[name], found.readings[name] = source.column(kind, shape, levels)


def _levels(kind: str, options: ColumnOptions, cells: Cells, form: NumberForm) -> tuple[str, ...]:
    """Return the words for classes, or for 0 and 1, in their order."""
    if kind not in ("binary", "categorical"):
        return ()
    return options.levels or (bits_of(cells, form) if kind == "binary" else sorted_levels(cells.held, form))
