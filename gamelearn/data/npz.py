"""Arrays in a numpy archive as the fields of a data set. This file makes a data set of them."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any, ClassVar, Literal

import numpy as np
import pydantic
from numpy.typing import NDArray

from gamelearn.data.archives import ArrayHead, array_heads, head_of, read_arrays
from gamelearn.data.dataset import DataSet, Field, FittedColumn, Misread, SplitOptions, split_rows
from gamelearn.data.fitting import RawArray, distinct, fit, is_picture, number_range, texts
from gamelearn.data.folder import DataFolder
from gamelearn.data.reading import Reading
from gamelearn.errors import DataError, first_of
from gamelearn.options import Listed, Options
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import Name

_MOST_CLASSES = 2**31
_MOST_DISTINCT = 1000
_MOST_NAMED = 10


class ArrayOptions(Options):
    """How one array of an archive becomes a field."""

    array: str | None = None
    """The array; by default the one named as the field."""
    type: Literal["binary", "categorical", "count", "real"] | None = None
    """By default that of the variable that it is bound to."""
    classes: Annotated[int, pydantic.Field(ge=2)] | None = None
    """The number of classes; by default that of the variable."""
    values: Listed[int | float | str] | None = None
    """What stands for the classes, or for 0 and 1, in their order, such as [0, 255]; by default what the array holds, sorted."""
    scale: Annotated[float, pydantic.Field(gt=0)] | None = None
    """What numbers are divided by: by default 255 for bytes of a real or binarised field, 1 for the rest."""
    binarize: float | None = None
    """The threshold on the scaled numbers, from which on they are 1: the field is then binary."""
    channels_last: bool | None = None
    """Whether the last axis is the colours, to be moved before height and width; by default if the variable has them first."""
    missing: str | None = None
    """An array of true and false with as many rows: where one of a row is true, the row has no value."""

    @property
    def kind(self) -> str | None:
        """The type that the options fix, if they do."""
        return "binary" if self.binarize is not None else self.type or ("categorical" if self.classes else None)


class NpzOptions(SplitOptions):
    """The options of `npz`."""

    path: str
    """The archive, beside the spec or in the data root."""
    fields: dict[Name, ArrayOptions] = {}
    """What differs from what the variables say, by field. Arrays that are not named are fields under their own names."""


@DATASETS.register("npz", options=NpzOptions)
class Npz(DataSet):
    """Arrays of a numpy archive (.npz), each a field of as many rows as its first axis has.

    A field is read as the variable that it is bound to. Rows have no value where a number is NaN, a class is -1, a date is NaT, or a
    text is one that is missing in a `csv`; if one element has none, the row has none.

    Args:
        path: the archive, beside the spec or in the data root.
        fields: what differs, by field.

    Raises:
        DataAbsent: there is no such file.
        DataError: it is damaged or too large, the arrays differ in their rows, or a value does not fit its field's type.
    """

    keeps_rows: ClassVar[bool] = True
    may_miss: ClassVar[bool] = True

    def __init__(
        self,
        folder: DataFolder,
        seed: int,
        *,
        path: str,
        fields: Mapping[str, ArrayOptions] | None = None,
        validation: float = 0.1,
        test: float = 0.1,
    ) -> None:
        file, listed = folder.need(path), dict(fields or {})
        heads, length, left_out = _look(file, folder, listed)
        needed = {name: head for name, head in heads.items() if name not in left_out}
        _check_total(file, folder, needed.values())
        arrays = read_arrays(file, needed)
        chosen = {**{name: ArrayOptions() for name in needed}, **listed}
        self._raws = {name: _raw(file, name, options, arrays) for name, options in chosen.items()}
        fitted = {}
        for name, raw in self._raws.items():
            try:
                fitted[name] = _natural(raw)
            except Misread as error:
                if name in listed and raw.type:
                    raise DataError(f"{file}: field {name!r} is {raw.type}: {error}") from None
        self.left_out = left_out
        self.readings = {name: each.reading for name, each in fitted.items()}
        self.field_notices = {name: each.notices for name, each in fitted.items() if each.notices}
        self.notices = _notices(heads, left_out)
        super().__init__({name: each.column for name, each in fitted.items()}, split_rows(length, validation, test, seed))

    def read_as(self, field: str, wanted: Field) -> FittedColumn | None:
        """Return an array read as a variable has it."""
        return fit(self._raws[field], wanted) if field in self._raws else None

    @classmethod
    def found_fields(cls, options: NpzOptions, folder: DataFolder) -> Mapping[str, Field]:
        """Return the arrays that can be fields, without the types that variables give them."""
        file = folder.need(options.path)
        heads, _, left_out = _look(file, folder, options.fields)
        named = {name: each.array or name for name, each in options.fields.items()}
        return {
            name: Field("", heads[array].shape[1:])
            for name, array in {**{each: each for each in heads}, **named}.items()
            if array not in left_out
        }


def _look(file: Path, folder: DataFolder, listed: Mapping[str, ArrayOptions]) -> tuple[Mapping[str, ArrayHead], int, dict[str, str]]:
    """Return the heads of all arrays, the number of rows, and why arrays are no fields."""
    folder.check_size(file)
    heads = array_heads(file)
    named = {array for name, options in listed.items() for array in (options.array or name, options.missing) if array}
    length = _common_length(file, {name: head_of(file, name) for name in sorted(named)} or _deciding(heads))
    return heads, length, {name: why for name, head in heads.items() if (why := head.misfit or _other_rows(head, length))}


def _deciding(heads: Mapping[str, ArrayHead]) -> dict[str, ArrayHead]:
    """Return the arrays whose rows are those of the data set: those of numbers, if there are some."""
    readable = {name: head for name, head in heads.items() if not head.misfit}
    return {name: head for name, head in readable.items() if head.is_rows_of_numbers} or readable


def _common_length(file: Path, heads: Mapping[str, ArrayHead]) -> int:
    lengths = {name: head.shape[0] for name, head in heads.items()}
    if not lengths:
        raise DataError(f"{file} has no array with rows of numbers or texts")
    if len(set(lengths.values())) > 1:
        shown = ", ".join(first_of((f"{name!r} {length}" for name, length in lengths.items()), most=_MOST_NAMED))
        raise DataError(f"{file}: the arrays differ in their rows ({shown}): list one of those that belong together under 'fields'")
    return lengths.popitem()[1]


def _other_rows(head: ArrayHead, length: int) -> str | None:
    return None if head.shape[0] == length else f"has {head.shape[0]:,} rows, not {length:,}"


def _check_total(file: Path, folder: DataFolder, heads: Iterable[ArrayHead]) -> None:
    total = sum(head.size for head in heads)
    if total > folder.byte_limit:
        raise DataError(f"{file} unpacks to {total:,} bytes; at most {folder.byte_limit:,} are read{folder.why_limited}")


def _notices(heads: Mapping[str, ArrayHead], left_out: Mapping[str, str]) -> list[str]:
    told = [f"{name!r} ({why})" for name, why in left_out.items() if heads[name].shape]
    return [f"arrays that are left out: {', '.join(first_of(told, most=_MOST_NAMED))}"] if told else []


def _raw(file: Path, name: str, options: ArrayOptions, arrays: Mapping[str, NDArray[Any]]) -> RawArray:
    values, listed = arrays[options.array or name], options.values or ()
    if options.channels_last and values.ndim != 4:
        raise DataError(f"{file}: field {name!r}: 'channels_last' needs rows of shape (height, width, colours), got {values.shape[1:]}")
    is_text = values.dtype.kind in "US"
    if not is_text and (wrong := [each for each in listed if isinstance(each, str)]):
        raise DataError(f"{file}: field {name!r} holds numbers, {wrong[0]!r} under 'values' is none")
    given = Reading(
        levels=tuple(map(str, listed)) if is_text else (),
        values=() if is_text else tuple(float(each) for each in listed),
        scale=options.scale,
        threshold=options.binarize,
    )
    absent = None if options.missing is None else _absent(file, options.missing, arrays[options.missing])
    return RawArray(values, given, options.kind, options.classes, options.channels_last, absent)


def _absent(file: Path, name: str, mask: NDArray[Any]) -> NDArray[np.bool_]:
    if mask.dtype.kind not in "biu" or not np.isin(mask, (0, 1)).all():
        raise DataError(f"{file}: the array {name!r} says which rows have no value: expected true and false, got {mask.dtype}")
    return np.asarray(mask.reshape(len(mask), -1).astype(np.bool_).any(1))


def _natural(raw: RawArray) -> FittedColumn:
    """Return an array as the field that it is where no variable says more.

    Raises:
        Misread: it is none.
    """
    field = _field(raw)
    try:
        return fit(raw, field)
    except Misread:
        if raw.type or raw.given.values or raw.values.dtype.kind not in "iu":
            raise
        return fit(raw, Field("real", field.shape))


def _field(raw: RawArray) -> Field:
    values, shape = raw.values, raw.values.shape[1:]
    if raw.channels_last or (raw.channels_last is None and raw.type != "categorical" and is_picture(values)):
        shape = (shape[-1], *shape[:-1])
    kind = raw.type or _inferred(raw)
    return Field(kind, shape, (raw.classes or _classes(raw)) if kind == "categorical" else None)


def _inferred(raw: RawArray) -> str:
    values = raw.values
    if values.dtype.kind in "mM":
        raise Misread("holds dates, which are read where a real variable shows them")
    if values.dtype.kind == "f" or is_picture(values):
        return "real"
    if values.dtype.kind in "bUS":
        return "binary" if values.dtype.kind == "b" else "categorical"
    low, high = number_range(raw)
    return "categorical" if raw.given.values or (low >= -1 and high < _MOST_CLASSES) else "real"


def _classes(raw: RawArray) -> int:
    if listed := raw.given.values or raw.given.levels:
        return len(listed)
    if raw.values.dtype.kind in "US":
        return max(2, len(texts(raw)))
    low, high = number_range(raw)
    found = distinct(raw, _MOST_DISTINCT) if raw.values.dtype.kind == "f" else set()
    are_classes = -1 <= low <= high < _MOST_CLASSES and all(each == int(each) for each in found)
    return max(2, int(high) + 1 if are_classes else len(found))
