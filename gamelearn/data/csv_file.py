"""A table in a text file: one row per line, its first line the names of the columns. This file makes columns fields."""

import csv
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal, get_args

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray
from pydantic import BeforeValidator, WithJsonSchema

from gamelearn.data.dataset import (
    ArrayColumn,
    DataSet,
    Field,
    SplitOptions,
    check_columns,
    field_name,
    split_rows,
    standardised_columns,
    standardised_readings,
    table_columns,
)
from gamelearn.data.folder import DataFolder
from gamelearn.data.reading import MISSING, Reading, number_of, sorted_levels
from gamelearn.errors import DataError, nearest, quoted
from gamelearn.options import Listed, Options
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import Name, TableColumn

_SEPARATORS = ",;\t|"
_SAMPLE_CHARACTERS = 2**13

ColumnType = Literal["binary", "categorical", "count", "real"]


class ColumnOptions(Options):
    """How columns of a table become a field."""

    column: str | None = None
    """The column; by default the one named as the field."""
    columns: Listed[str] | None = None
    """Several columns of one type, which become a field of shape (columns,)."""
    type: ColumnType | None = None
    """By default 0 and 1 (or false and true) are binary, other numbers real, text is categorical."""
    levels: Listed[str] | None = None
    """The classes of a categorical field in order; by default all that occur, sorted."""


def _column_options(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


_COLUMN_SCHEMA = {"anyOf": [{"enum": list(get_args(ColumnType))}, ColumnOptions.model_json_schema()]}


class CsvOptions(SplitOptions):
    """The options of `csv`."""

    path: str
    """The file, beside the spec or in the data root."""
    columns: dict[Name, Annotated[ColumnOptions, BeforeValidator(_column_options), WithJsonSchema(_COLUMN_SCHEMA)]] = {}
    """What differs from what is inferred: a type, or a map. Columns that are not named are fields under their own names."""
    separator: Annotated[str, pydantic.Field(min_length=1, max_length=1)] | None = None
    """The character between cells; by default found from the first lines."""
    standardise: bool = False
    """Whether real fields are less their mean and divided by their standard deviation, those of the training rows."""
    missing: Listed[str] = MISSING
    """The cells that are missing, in letters of any case."""

    def table(self, spec_folder: Path, *, untrusted: bool) -> tuple[TableColumn, ...]:
        """Return the columns of the file with their types, for which all cells are read."""
        read = read_columns(DataFolder(spec_folder, untrusted=untrusted), self.path, self.columns, self.separator, self.missing)
        return table_columns({name: column.field for name, column in read.columns.items()})


@DATASETS.register("csv", options=CsvOptions)
class Csv(DataSet):
    """The columns of a table in a text file, whose first line names them; cells may be missing.

    A cell is missing if it is empty, `NA`, `N/A`, `NaN`, `null`, `none` or `?`, in letters of any case, unless `missing` lists other
    texts. A column whose name is no name of a spec gets one: `sepal length (cm)` becomes the field `sepal_length_cm`.

    Args:
        path: the file, beside the spec or in the data root.
        columns: what differs from what is inferred, by field.
        separator: the character between cells, None to find it.
        standardise: whether real fields have mean 0 and standard deviation 1 over the training rows.
        missing: the cells that are missing, in letters of any case.

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
        standardise: bool,
        missing: Sequence[str],
        validation: float,
        test: float,
    ) -> None:
        read = read_columns(folder, path, columns, separator, missing)
        fields = read.columns
        splits = split_rows(next(iter(fields.values())).length, validation, test, seed)
        self.readings = standardised_readings(read.readings, fields, splits["train"]) if standardise else read.readings
        super().__init__(standardised_columns(fields, splits["train"]) if standardise else fields, splits)


@dataclass(frozen=True)
class CsvColumns:
    """The columns of a table in a file, by field, with how they are written."""

    columns: dict[str, ArrayColumn]
    readings: dict[str, Reading]


def read_columns(
    folder: DataFolder, path: str, columns: Mapping[str, ColumnOptions], separator: str | None, missing: Sequence[str]
) -> CsvColumns:
    """Return the columns of a table in a file.

    Raises:
        DataError: as `Csv`.
    """
    file = folder.need(path)
    folder.check_size(file)
    table = read_table(file, separator)
    lacking = frozenset(each.lower() for each in missing)
    made = {name: _column(file, name, table, options, lacking) for name, options in _all_options(file, table, columns).items()}
    fields = {name: column for name, (column, _) in made.items()}
    check_columns(str(file), fields, len(next(iter(table.values()))))
    return CsvColumns(fields, {name: replace(reading, missing=tuple(missing)) for name, (_, reading) in made.items()})


def _all_options(file: Path, table: Mapping[str, list[str]], given: Mapping[str, ColumnOptions]) -> dict[str, ColumnOptions]:
    given = {name: _with_column(name, options, table) for name, options in given.items()}
    used = {column for name, options in given.items() for column in _columns_of(name, options)}
    inferred: dict[str, ColumnOptions] = {}
    for column in table:
        if column not in used:
            name = field_name(column)
            if name in inferred:
                other = inferred[name].column or name
                raise DataError(f"{file}: the columns {other!r} and {column!r} would both be the field {name!r}: name them under 'columns'")
            inferred[name] = ColumnOptions(column=column)
    return {**inferred, **given}


def _with_column(name: str, options: ColumnOptions, table: Collection[str]) -> ColumnOptions:
    """Return options that name their column, which may be one that gets the field's name."""
    if options.columns or options.column or name in table:
        return options
    found = [column for column in table if field_name(column) == name]
    return options.model_copy(update={"column": found[0]}) if len(found) == 1 else options


def _columns_of(name: str, options: ColumnOptions) -> tuple[str, ...]:
    return options.columns or (options.column or name,)


def read_table(file: Path, separator: str | None) -> dict[str, list[str]]:
    """Return the cells of each column, stripped of spaces.

    Raises:
        DataError: the file is no table; it names the line.
    """
    try:
        with file.open(newline="", encoding="utf-8-sig") as text:
            reader = csv.reader(text, _dialect(text.read(_SAMPLE_CHARACTERS), separator), strict=True)
            text.seek(0)
            names = [name.strip() for name in next(reader, [])]
            _check_names(file, names)
            rows = [_checked_row(file, reader.line_num, row, names) for row in reader if row]
    except (csv.Error, UnicodeDecodeError) as error:
        raise DataError(f"{file} is no table of text: {error}") from None
    except OSError as error:
        raise DataError(f"{file} cannot be read: {error.strerror}") from None
    if not rows:
        raise DataError(f"{file} has no rows below its first line")
    return {name: [row[index].strip() for row in rows] for index, name in enumerate(names)}


def _dialect(sample: str, separator: str | None) -> type[csv.Dialect]:
    class Chosen(csv.excel):
        delimiter = separator or _sniffed(sample)
        skipinitialspace = True

    return Chosen


def _sniffed(sample: str) -> str:
    try:
        return csv.Sniffer().sniff(sample, delimiters=_SEPARATORS).delimiter
    except csv.Error:
        return csv.excel.delimiter


def _check_names(file: Path, names: Sequence[str]) -> None:
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise DataError(f"{file}: the first line names the columns {quoted(twice)} twice")
    if not names or not all(names):
        raise DataError(f"{file}: the first line has to name every column, got {quoted(names) or 'nothing'}")


def _checked_row(file: Path, line: int, row: list[str], names: Sequence[str]) -> list[str]:
    if len(row) != len(names):
        raise DataError(f"{file}:{line}: expected {len(names)} cells as in the first line, got {len(row)}")
    return row


def _column(
    file: Path, name: str, table: Mapping[str, list[str]], options: ColumnOptions, lacking: frozenset[str]
) -> tuple[ArrayColumn, Reading]:
    """Return a column, with how it is written."""
    columns = _columns_of(name, options)
    for column in columns:
        if column not in table:
            hint = nearest(column, table)
            suffix = f"; did you mean {hint!r}?" if hint else ""
            raise DataError(f"{file} has no column {column!r}; it has {quoted(table)}{suffix}")
    cells = [cell for column in columns for cell in table[column]]
    is_missing = [cell.lower() in lacking for cell in cells]
    held = [cell for cell, without in zip(cells, is_missing, strict=True) if not without]
    kind = options.type or _inferred(held)
    levels = _levels(held, options) if kind == "categorical" else None
    values = _numbers(file, name, kind, cells, levels, lacking).reshape(len(columns), -1).T
    shape = (len(columns),) if options.columns else ()
    missing = np.array(is_missing).reshape(len(columns), -1).any(axis=0)
    present = torch.from_numpy(~missing) if missing.any() else None
    field = Field(kind, shape, len(levels) if levels else None)
    texts = levels or (_bits(held) if kind == "binary" else ())
    return ArrayColumn(field, values.reshape(-1, *shape), present=present), Reading(tuple(columns), tuple(texts))


def _bits(cells: Sequence[str]) -> tuple[str, ...]:
    """Return how a column says 0 and 1."""
    found = {number_of(cell): cell for cell in sorted(set(cells), reverse=True)}
    of_words = any(cell.isalpha() for cell in found.values())
    return found.get(0.0, "false" if of_words else "0"), found.get(1.0, "true" if of_words else "1")


def _inferred(cells: Sequence[str]) -> str:
    numbers = {number_of(cell) for cell in set(cells)}
    if None in numbers:
        return "categorical"
    return "binary" if numbers <= {0.0, 1.0} else "real"


def _levels(cells: Sequence[str], options: ColumnOptions) -> tuple[str, ...]:
    return options.levels or sorted_levels(cells)


def _numbers(
    file: Path, name: str, kind: str, cells: Sequence[str], levels: tuple[str, ...] | None, lacking: frozenset[str]
) -> NDArray[np.float64]:
    known: dict[str, float] = {level: float(index) for index, level in enumerate(levels or ())}
    known = {text: number for text in set(cells) if (number := known.get(text) if levels is not None else number_of(text)) is not None}
    wrong = [cell for cell in cells if cell not in known and cell.lower() not in lacking]
    if wrong:
        expected = f"one of the levels {quoted(levels)}" if levels is not None else "a number"
        raise DataError(f"{file}: field {name!r} is {kind}: expected {expected}, got {wrong[0]!r}; there are {len(wrong)} such cells")
    return np.array([0.0 if cell.lower() in lacking else known[cell] for cell in cells])
