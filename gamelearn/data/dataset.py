"""What a data set is: named fields of the same rows, divided into train, validation and test.

A data set is built from its columns, one per field, and the rows of each split; a column may be held as an array or
decoded row by row. This file defines the data set with its columns.
"""

import re
import unicodedata
from abc import ABC, abstractmethod
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from math import prod
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, ClassVar

import numpy as np
import pydantic
import torch
from numpy.typing import NDArray
from pydantic import model_validator
from torch import Tensor

from gamelearn import noise
from gamelearn.data.folder import DataFolder
from gamelearn.data.reading import Reading
from gamelearn.options import mistake
from gamelearn.spec.kinds import DatasetOptions, TableColumn

SPLITS = ("train", "validation", "test")

Fraction = Annotated[float, pydantic.Field(ge=0, lt=1)]
Disturb = Callable[[Tensor, tuple[object, ...], int], Tensor]
"""Data noise: `(values, key, first_row) -> values` of the same type and shape."""


@dataclass(frozen=True)
class Field:
    """What a data set holds under one name: the type, the shape of one row's value, and the classes if it is categorical.

    >>> str(Field("categorical", (8, 8), 3))
    'categorical with 3 classes of shape (8, 8)'
    """

    type: str
    shape: tuple[int, ...]
    classes: int | None = None

    def __str__(self) -> str:
        return f"{self.type}{f' with {self.classes} classes' if self.classes else ''} of shape {self.shape}"

    @property
    def dtype(self) -> torch.dtype:
        """The type of its tensors: int64 for classes, float32 for the rest."""
        return torch.int64 if self.type == "categorical" else torch.float32

    @property
    def bytes(self) -> int:
        """The size of one row's value."""
        return prod(self.shape) * self.dtype.itemsize

    def has_form_of(self, other: "Field") -> bool:
        """Whether it is of another's type and shape, but for axes of one element."""
        return self.type == other.type and same_sides(self.shape, other.shape)


def same_sides(one: Sequence[int], other: Sequence[int]) -> bool:
    """Whether two shapes differ in axes of one element alone."""
    return [side for side in one if side > 1] == [side for side in other if side > 1]


class Column(ABC):
    """One field of every row of a data set.

    Args:
        field: what the column holds.
        present: `(rows)` bool, false where a row has no value; None where every row has one.
        disturb: data noise of training batches; None for none.
    """

    def __init__(self, field: Field, *, present: Tensor | None = None, disturb: Disturb | None = None) -> None:
        self.field = field
        self.present = present
        self.disturb = disturb

    @abstractmethod
    def read(self, rows: Tensor) -> Tensor:
        """Return the values of `rows` (int64), of shape `(rows, *field.shape)` in `field.dtype`."""

    def written(self, rows: Tensor) -> NDArray[Any]:
        """Return what tells `rows` from others, whatever the other rows are, `(rows, ...)`: by default their values."""
        return self.read(rows).numpy()


class ArrayColumn(Column):
    """A column held as one array, turned into the field's type when it is read.

    Args:
        values: `(rows, ...)` of any type that `convert` understands.
        convert: turns some rows of `values` into `(rows, *field.shape)`; by default they only change type.
    """

    def __init__(
        self,
        field: Field,
        values: NDArray[Any],
        *,
        convert: Callable[[NDArray[Any]], NDArray[Any]] | None = None,
        present: Tensor | None = None,
        disturb: Disturb | None = None,
    ) -> None:
        super().__init__(field, present=present, disturb=disturb)
        self._values = values
        self._convert = convert
        self.plain: ArrayColumn | None = None
        """The column before it was standardised."""

    @property
    def length(self) -> int:
        """The number of rows."""
        return len(self._values)

    def read(self, rows: Tensor) -> Tensor:
        """Return the values of `rows`, converted."""
        chosen = self._values[rows.numpy()]
        if self._convert:
            chosen = self._convert(chosen)
        wanted = np.int64 if self.field.type == "categorical" else np.float32
        return torch.from_numpy(np.ascontiguousarray(chosen, dtype=wanted))

    def written(self, rows: Tensor) -> NDArray[Any]:
        """Return the values of `rows`, those before they were standardised."""
        return (self.plain or self).read(rows).numpy()

    def standardised(self, rows: Tensor) -> "ArrayColumn":
        """Return the column less its mean, divided by its standard deviation, element by element.

        Args:
            rows: int64; the mean and the deviation are those of their present values. What is constant there is only centred.
        """
        return self.scaled(*self.scale(rows))

    def scaled(self, mean: NDArray[np.float64], deviation: NDArray[np.float64]) -> "ArrayColumn":
        """Return the column less a mean, divided by a deviation, `(*shape)` each."""
        values = (self._values.astype(np.float64) - mean) / deviation
        made = ArrayColumn(self.field, values, convert=self._convert, present=self.present, disturb=self.disturb)
        made.plain = self
        return made

    def scale(self, rows: Tensor) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Return the mean and the standard deviation of the present values of some rows, `(*shape)`: 1 where they are constant, 0 and 1 for no rows."""
        shown = rows if self.present is None else rows[self.present[rows]]
        if not len(shown):
            return np.zeros(self.field.shape), np.ones(self.field.shape)
        values = self._values[shown.numpy()].astype(np.float64)
        deviation = values.std(0)
        return values.mean(0), np.where(deviation > 0, deviation, 1.0)


class ReshapedColumn(Column):
    """A column with more axes of one element, or fewer."""

    def __init__(self, column: Column, shape: tuple[int, ...]) -> None:
        super().__init__(replace(column.field, shape=shape), present=column.present, disturb=column.disturb)
        self._column = column

    def read(self, rows: Tensor) -> Tensor:
        """Return the values of `rows`."""
        return self._column.read(rows).reshape(len(rows), *self.field.shape)


class Misread(ValueError):
    """Why a file holds no values of a field, as the end of a sentence.

    Args:
        what: the reason.
        remedy: the option that says how it is to be read, if one does.
    """

    def __init__(self, what: str, remedy: str | None = None) -> None:
        super().__init__(what)
        self.remedy = remedy


@dataclass(frozen=True)
class FittedColumn:
    """A column with how files write it, and what has to be told of it."""

    column: Column
    reading: Reading
    notices: tuple[str, ...] = ()


def standardised_columns(columns: Mapping[str, ArrayColumn], rows: Tensor) -> dict[str, ArrayColumn]:
    """Return columns of which the real ones are standardised by the statistics of some rows, those of training."""
    return {name: column.standardised(rows) if column.field.type == "real" else column for name, column in columns.items()}


def standardised_readings(readings: Mapping[str, Reading], columns: Mapping[str, ArrayColumn], rows: Tensor) -> dict[str, Reading]:
    """Return readings of which those of real fields have the statistics of some rows, as `standardised_columns` has."""
    made = dict(readings)
    for name, column in columns.items():
        if column.field.type == "real":
            mean, deviation = (tuple(map(float, np.ravel(each))) for each in column.scale(rows))
            made[name] = replace(readings[name], mean=mean, deviation=deviation)
    return made


def standardised(fitted: FittedColumn, rows: Tensor) -> FittedColumn:
    """Return a field as `standardised_columns` and `standardised_readings` have it."""
    if not isinstance(fitted.column, ArrayColumn):
        return fitted
    columns = {"": fitted.column}
    return replace(
        fitted, column=standardised_columns(columns, rows)[""], reading=standardised_readings({"": fitted.reading}, columns, rows)[""]
    )


def table_columns(fields: Mapping[str, Field]) -> tuple[TableColumn, ...]:
    """Return fields as the columns of a table."""
    return tuple(TableColumn(name, field.type, field.shape, field.classes) for name, field in fields.items())


def field_name(column: str) -> str:
    """Return the name of a column's field: letters lose their accents, and what is no letter of a to z, digit or `_` becomes `_`.

    >>> field_name("sepal length (cm)"), field_name("2nd"), field_name("Stärke")
    ('sepal_length_cm', '_2nd', 'Starke')
    """
    plain = "".join(each for each in unicodedata.normalize("NFKD", column) if not unicodedata.combining(each))
    name = re.sub(r"\W+", "_", plain, flags=re.ASCII)
    name = name if name == column else name.strip("_")
    return f"_{name}" if not name or name[0].isdigit() else name


class DataSet:
    """Named fields of the same rows, divided into the splits train, validation and test.

    A member of the kind registers a subclass whose constructor takes `(folder, seed, **options)` and hands the columns and
    the rows of each split to this one; rows of `read` and `present` count within the split.

    Args:
        columns: one column per field.
        splits: the rows of each split, int64; a split that is left out has no rows. A row of -1 has no values: it was in the split
            when a run was trained, and is gone.
    """

    may_miss: ClassVar[bool] = False
    """Whether a row may lack some of its values."""
    keeps_rows: ClassVar[bool] = False
    """Whether a run keeps which rows it was trained on, by their content, since the user may add some to the file, or take some away."""
    notices: Sequence[str] = ()
    """What the user has to be told loudly about the data that was found."""
    readings: Mapping[str, Reading] = MappingProxyType({})
    """How files write the values of a field; one that is left out is written as it is, in numbers."""
    files: Mapping[str, Sequence[Path]] = MappingProxyType({})
    """The files of each row, in order, by a name that does not change with other rows; empty where rows have no files of their own."""
    field_notices: Mapping[str, Sequence[str]] = MappingProxyType({})
    """What the user has to be told of a field, if a stream shows it."""
    left_out: Mapping[str, str] = MappingProxyType({})
    """Why what the files hold under a name is no field, as the end of a sentence."""

    def __init__(self, columns: Mapping[str, Column], splits: Mapping[str, Tensor]) -> None:
        self.columns = dict(columns)
        self.splits = {split: splits.get(split, torch.empty(0, dtype=torch.int64)) for split in SPLITS}

    def read_as(self, field: str, wanted: Field) -> "FittedColumn | None":
        """Return a field read as a variable has it, by default with its axes of one element; None where it cannot be, or there is none.

        The number of classes may differ, where those of a training say more.

        Raises:
            Misread: it holds no such values, or leaves open what they mean.
        """
        column = self.columns.get(field)
        if column is None or column.field.shape == wanted.shape or not column.field.has_form_of(wanted):
            return None
        reading = replace(self.readings.get(field, Reading()), written=column.field.shape, shape=wanted.shape)
        return FittedColumn(ReshapedColumn(column, wanted.shape), reading)

    def bound(self) -> None:
        """Forget what only `read_as` needs."""

    def add(self, name: str, fitted: "FittedColumn") -> None:
        """Add a column, or put it in the place of another."""
        self.columns[name] = fitted.column
        self.readings = {**self.readings, name: fitted.reading}
        self.field_notices = {**self.field_notices, name: fitted.notices}

    @property
    def fields(self) -> Mapping[str, Field]:
        """What the data set holds, by name."""
        return MappingProxyType({name: column.field for name, column in self.columns.items()})

    @property
    def class_names(self) -> Mapping[str, Sequence[str]]:
        """The names of the classes, in their order, by categorical field that has some."""
        return {name: each.levels for name, each in self.readings.items() if each.levels and self.fields[name].type == "categorical"}

    @property
    def bytes(self) -> int:
        """The size of all fields of all splits, held as tensors."""
        rows = sum(self.length(split) for split in SPLITS)
        return rows * sum(field.bytes for field in self.fields.values())

    def length(self, split: str) -> int:
        """Return the number of rows of a split."""
        return len(self.splits[split])

    def read(self, field: str, split: str, rows: Tensor) -> Tensor:
        """Return a field of some rows of a split.

        Args:
            rows: int64 `(rows)`, each in `0 .. length(split) - 1`.

        Returns:
            `(rows, *shape)`: float32 with 0 and 1 (binary), finite numbers (real) or whole numbers from 0 on (count); int64
            in `0 .. classes - 1` (categorical).

        Raises:
            DataError: a file cannot be read.
        """
        return self.columns[field].read(self.splits[split][rows])

    def present(self, field: str, split: str) -> Tensor | None:
        """Return `(length)` bool, which rows of the split have a value of the field; None where all have."""
        rows, mask = self.splits[split], self.columns[field].present
        here = None if bool((rows >= 0).all()) else rows >= 0
        return here if mask is None else mask[rows] if here is None else mask[rows] & here

    def perturb(self, field: str, values: Tensor, key: tuple[object, ...], first_row: int) -> Tensor:
        """Return values of a training batch with the data set's noise, in the same type and shape.

        Args:
            values: `(rows, *shape)`, on any device.
            key: the key of `gamelearn.noise` that belongs to the batch.
            first_row: the global row of the first of `values`.
        """
        disturb = self.columns[field].disturb
        return disturb(values, key, first_row) if disturb else values

    def damage(self) -> Sequence[str]:
        """Return what is wrong with files that `read` does not read, such as those behind a cache, a sentence each."""
        return ()

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field] | None:
        """Return all fields that a data set with these options has, or None where only the data itself can tell."""
        return None

    @classmethod
    def declares_as(cls, options: Any, field: str, wanted: Field) -> bool:
        """Return whether the options tell that `read_as` will do for a field of `declared_fields`, whatever its type."""
        return False

    @classmethod
    def found_fields(cls, options: Any, folder: DataFolder) -> Mapping[str, Field] | None:
        """Return all fields as far as names and heads of files tell (what they do not tell is '' or None), or None; raise a DataError."""
        if path := getattr(options, "path", None):
            folder.need(path)
        return cls.declared_fields(options)

    @classmethod
    def declared_names(cls, options: Any) -> Collection[str] | None:
        """Return the names of all fields, or None where the options do not list them."""
        return None


class SplitOptions(DatasetOptions):
    """The options of a data set without splits of its own."""

    validation: Fraction = 0.1
    """The fraction of the rows kept for validation."""
    test: Fraction = 0.1
    """The fraction of the rows kept for testing."""

    @model_validator(mode="after")
    def _some_left(self) -> "SplitOptions":
        if self.validation + self.test >= 1:
            raise mistake(f"validation {self.validation:g} and test {self.test:g} leave no rows to train on", path=("test",))
        return self


def split_rows(length: int, validation: float, test: float, seed: int) -> dict[str, Tensor]:
    """Return the rows of each split of `length` rows, each in rising order, by a permutation keyed by the data seed.

    >>> {split: len(rows) for split, rows in split_rows(100, validation=0.1, test=0.2, seed=0).items()}
    {'train': 70, 'validation': 10, 'test': 20}
    """
    order = noise.permutation(("split", seed), length)
    tested, validated = round(test * length), round(validation * length)
    parts = torch.tensor_split(order, [tested, tested + validated])
    return {"train": parts[2].sort().values, "validation": parts[1].sort().values, "test": parts[0].sort().values}
