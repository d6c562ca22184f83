"""The tables that come with scikit-learn. This file makes them data sets, which need no download."""

from collections.abc import Mapping
from contextlib import suppress
from functools import cache
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from gamelearn.data.dataset import (
    ArrayColumn,
    DataSet,
    Field,
    FittedColumn,
    Misread,
    SplitOptions,
    field_name,
    split_rows,
    standardised,
    standardised_columns,
    standardised_readings,
    table_columns,
)
from gamelearn.data.fitting import RawArray, fit
from gamelearn.data.folder import DataFolder
from gamelearn.data.reading import Reading
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import TableColumn

_COUNTED = ("Chins", "Situps", "Jumps")
_TARGET = "target"


class SklearnTableOptions(SplitOptions):
    """The options of `sklearn_table`."""

    name: Literal["breast_cancer", "diabetes", "iris", "linnerud", "wine"]
    """The table."""
    standardise: bool = True
    """Whether real fields are less their mean and divided by their standard deviation, those of the training rows."""

    def table(self, spec_folder: Path, *, untrusted: bool) -> tuple[TableColumn, ...]:
        """Return the columns of the table, which is a part of scikit-learn."""
        return table_columns(read_table(self.name)[1])


@DATASETS.register("sklearn_table", options=SklearnTableOptions)
class SklearnTable(DataSet):
    """A table that comes with scikit-learn: a field per column, and the target where there is one.

    Fields have the names of the columns, with `_` for what no name may have (`mean radius` becomes `mean_radius`). A column of two
    values is binary (1 for the larger), the exercises of `linnerud` are counts, other columns are real. A target of classes is
    the categorical field `target`, with the names of its classes; the others are columns. A variable of another type has a column
    read as its own.

    Source: the UCI Machine Learning Repository, Efron et al. (2004, diabetes), and SAS Institute (linnerud), by way of
    scikit-learn's `sklearn.datasets`.
    """

    def __init__(self, folder: DataFolder, seed: int, *, name: str, standardise: bool, validation: float, test: float) -> None:
        values, fields, names = read_table(name)
        self._name, self._standardise = name, standardise
        splits = split_rows(len(next(iter(values.values()))), validation, test, seed)
        columns = {each: ArrayColumn(field, values[each]) for each, field in fields.items()}
        readings = {each: Reading((each,), names.get(each, ())) for each in fields}
        self.readings = standardised_readings(readings, columns, splits["train"]) if standardise else readings
        super().__init__(standardised_columns(columns, splits["train"]) if standardise else columns, splits)

    def read_as(self, field: str, wanted: Field) -> FittedColumn | None:
        """Return a column read as a variable has it."""
        fitted = _read_as(self._name, field, wanted)
        return fitted and (standardised(fitted, self.splits["train"]) if self._standardise else fitted)

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field]:
        """Return all columns, which the name of the table tells."""
        return read_table(options.name)[1]

    @classmethod
    def declares_as(cls, options: Any, field: str, wanted: Field) -> bool:
        """Return whether a column can be read as a variable has it."""
        with suppress(Misread):
            return _read_as(options.name, field, wanted) is not None
        return False


def _read_as(name: str, field: str, wanted: Field) -> FittedColumn | None:
    values, _, names = read_table(name)
    levels = names.get(field, ())
    if field not in values or (levels and len(levels) != (2 if wanted.type == "binary" else wanted.classes)):
        return None
    return fit(RawArray(values[field], Reading((field,), levels)), wanted)


@cache
def read_table(name: str) -> tuple[dict[str, NDArray[Any]], dict[str, Field], dict[str, tuple[str, ...]]]:
    """Return the columns of a table, `(rows)` each, with their fields and the names of their classes."""
    from sklearn import datasets  # takes a second to load, so only where it is needed

    found = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    values = {field_name(column): found.data[:, index] for index, column in enumerate(found.feature_names)}
    fields = {column: _field(column, each) for column, each in values.items()}
    values = {column: each == each.max() if fields[column].type == "binary" else each for column, each in values.items()}
    if found.target.ndim == 2:
        more = {field_name(column): found.target[:, index] for index, column in enumerate(found.target_names)}
        return values | more, fields | {column: Field("real", ()) for column in more}, {}
    if name == "diabetes":
        return {**values, _TARGET: found.target}, {**fields, _TARGET: Field("real", ())}, {}
    classes = tuple(map(str, found.target_names))
    return {**values, _TARGET: found.target}, {**fields, _TARGET: Field("categorical", (), len(classes))}, {_TARGET: classes}


def _field(column: str, values: NDArray[Any]) -> Field:
    if column in _COUNTED:
        return Field("count", ())
    return Field("binary" if len(np.unique(values)) == 2 else "real", ())
