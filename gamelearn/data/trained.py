"""The data of a run as they were when it was trained, though its files have changed since.

Every row has a key of 8 bytes, by its content or the name of its file. A run keeps the keys of the rows of each split, so that rows
that were there stay in their split and in their place there, whatever was added, removed or moved. Classes keep their numbers
by name, numbers their units. This file restores them.
"""

import os
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from hashlib import blake2b
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from gamelearn.data.binding import Binding
from gamelearn.data.dataset import SPLITS, ArrayColumn, Column, DataSet, Field
from gamelearn.data.reading import Reading
from gamelearn.data.words import counted
from gamelearn.errors import DataError, quoted

Keys = NDArray[np.uint64]
"""`(rows)`, 8 bytes for each."""

_ROWS = 4096
_READ = 512
"""How many bytes of a file are looked at in two places, to see whether it is the same."""
_STATE = "state"
_OTHER = "data set {!r} has changed since the training"
_ADVICE = "Take the former data, or train a new run"


def _column_then(column: Column, now: Reading, then: Reading) -> Column | None:
    """Return a column with the classes, or the unit, of the training; None where its unit cannot be another."""
    if column.field.type in ("binary", "categorical"):
        return TrainedColumn(column, now, then)
    if not isinstance(column, ArrayColumn) or column.plain is None or not then.mean:
        return None
    mean, deviation = (np.reshape(each, column.field.shape) for each in (then.mean, then.deviation))
    return column.plain.scaled(mean, deviation)


class TrainedColumn(Column):
    """A column with the classes of the training.

    Args:
        column: as it is now.
        now: how its files write it now.
        then: how they did; its classes are known by the same names, as far as they are there.
    """

    def __init__(self, column: Column, now: Reading, then: Reading) -> None:
        names, former = _names(now, column.field), _names(then, column.field)
        classes = len(former) if column.field.type == "categorical" else column.field.classes
        super().__init__(replace(column.field, classes=classes), present=column.present, disturb=column.disturb)
        self._column = column
        self._classes = torch.tensor([former.index(name) if name in former else -1 for name in names])

    def read(self, rows: Tensor) -> Tensor:
        """Return the values of `rows`, as they would have been read in the training; -1 is a class that there was not."""
        values = self._column.read(rows)
        return self._classes[values.long()].to(values.dtype)


def _names(reading: Reading, field: Field) -> list[str]:
    """Return what classes are called, or what stands for them; numbers in one form, however they are written."""
    names = reading.standing or tuple(map(str, range(field.classes or 2)))
    return [key if isinstance(key := reading.key(name), str) else f"{key:.15g}" for name in names]


def row_keys(data_set: DataSet, fields: Collection[str]) -> dict[str, Keys] | None:
    """Return the keys of the rows of each split, with the states of the files of rows under `SPLIT.state`, if they have any.

    Args:
        fields: those whose content tells rows apart.

    Returns:
        None where the data set's options tell all of its rows.
    """
    if data_set.files:
        names = [np.frombuffer(os.fsencode(name), np.uint8) for name in data_set.files]
        found = {"": np.array([hashed(name[None])[0] for name in names]), f".{_STATE}": _states(data_set.files.values())}
    elif data_set.keeps_rows:
        parts = [_keys(data_set, name) for name in sorted(fields)]
        found = {"": parts[0] if len(parts) == 1 else hashed(np.stack(parts, 1))}
    else:
        return None
    return {f"{split}{part}": keys[rows.numpy()] for split, rows in data_set.splits.items() for part, keys in found.items()}


def _keys(data_set: DataSet, name: str) -> Keys:
    """Return the keys of all rows by one field: classes count by their names, whatever their numbers are."""
    column, reading = data_set.columns[name], data_set.readings.get(name, Reading())
    parts = torch.arange(sum(map(len, data_set.splits.values()))).split(_ROWS)
    if column.field.type in ("binary", "categorical"):
        names = np.array([hashed(np.frombuffer(each.encode(), np.uint8)[None])[0] for each in _names(reading, column.field)])
        keys = np.concatenate([hashed(names[column.written(part).astype(np.int64)]) for part in parts])
    else:
        keys = np.concatenate([hashed(column.written(part)) for part in parts])
    return keys if column.present is None else np.where(column.present.numpy(), keys, np.uint64(0))


def _states(files: Collection[Sequence[Path]]) -> Keys:
    """Return the keys of the sizes of each row's files, with what is in the middle and at the end of each."""
    return np.array([hashed(np.frombuffer(b"".join(map(_state, each)), np.uint8)[None])[0] for each in files])


def _state(file: Path) -> bytes:
    size = file.stat().st_size
    with file.open("rb") as content:
        content.seek(size // 2)
        middle = content.read(_READ)
        content.seek(max(size - _READ, 0))
        return b"%d " % size + middle + content.read(_READ)


def hashed(values: NDArray[Any]) -> Keys:
    """Return a key for each row of an array, by its content."""
    flat = np.ascontiguousarray(values).reshape(len(values), -1)
    digests = b"".join(blake2b(row.tobytes(), digest_size=8).digest() for row in flat.view(np.uint8))
    return np.frombuffer(digests, np.uint64)


def restore_trained(bindings: Iterable[Binding], readings: Mapping[str, Reading], rows: Mapping[str, Keys]) -> list[str]:
    """Give data sets the rows, classes and units of the training; return what is to be told.

    Args:
        bindings: the streams with their data sets as they are now, whose fields have the types of variables; these are changed in place.
        readings: how files wrote variables then.
        rows: what `row_keys` returned then, below the names of data sets; nothing where that is not known.

    Raises:
        DataError: most of the rows are gone, or classes have other names, or units differ and nothing tells the rows.
    """
    sets: dict[str, tuple[Binding, dict[str, str]]] = {}
    for each in bindings:
        shown = sets.setdefault(each.name, (each, {}))[1]
        for variable, field in each.fields.items():
            shown.setdefault(field, variable)
    return [notice for name, (each, shown) in sets.items() for notice in _restore(name, each.label, each.data_set, shown, readings, rows)]


def _restore(
    name: str, label: str, data_set: DataSet, shown: Mapping[str, str], readings: Mapping[str, Reading], rows: Mapping[str, Keys]
) -> list[str]:
    """Give a data set the rows, classes and units of the training.

    Args:
        shown: its fields that streams show, each with its variable.
    """
    trained = {key.removeprefix(f"{name}."): keys for key, keys in rows.items() if key.startswith(f"{name}.")}
    now = row_keys(data_set, shown) if trained else None
    notices = _restore_rows(data_set, trained, now) if now else []
    for field, variable in shown.items():
        if variable not in readings or field not in data_set.readings:
            continue
        then, reading, kind = readings[variable], data_set.readings[field], data_set.fields[field]
        if (difference := then.difference(reading)) or _names(then, kind) != _names(reading, kind):
            column = _column_then(data_set.columns[field], reading, then)
            if not now or column is None or _renamed(then, reading, kind):
                raise DataError(f"{_OTHER.format(label)}: {variable!r}: {difference or _difference(then, reading, kind)}. {_ADVICE}")
            data_set.columns[field] = column
            data_set.readings = {**data_set.readings, field: then}
    gone, length = (sum(map(len, parts)) for parts in ([rows[rows < 0] for rows in data_set.splits.values()], data_set.splits.values()))
    if gone > length / 2:
        raise DataError(f"{_OTHER.format(label)}: of its {counted(length, 'row')} {gone:,} are gone or changed. {_ADVICE}")
    return [f"data set {label!r}: {notice}" for notice in notices]


def _difference(then: Reading, now: Reading, field: Field) -> str:
    return f"its values were {quoted(_names(then, field))}, now {quoted(_names(now, field))}"


def _renamed(then: Reading, now: Reading, field: Field) -> bool:
    """Whether a class has gone while another has come: it may be the same by another name."""
    before, after = set(_names(then, field)), set(_names(now, field))
    return bool(before - after) and bool(after - before)


def _restore_rows(data_set: DataSet, trained: Mapping[str, Keys], now: Mapping[str, Keys]) -> list[str]:
    """Give a data set the rows of the training; one that is gone leaves its place empty."""
    if all(np.array_equal(trained[split], now[split]) for split in SPLITS):
        return _changed(trained, now)
    places: dict[int, list[int]] = {}
    rows = torch.cat([data_set.splits[split] for split in SPLITS]).tolist()
    for row, key in sorted(zip(rows, np.concatenate([now[split] for split in SPLITS]).tolist(), strict=True), reverse=True):
        places.setdefault(key, []).append(row)
    splits = {split: torch.tensor([_taken(places, key) for key in trained[split].tolist()], dtype=torch.int64) for split in SPLITS}
    gone, new = sum(int((each < 0).sum()) for each in splits.values()), sum(map(len, places.values()))
    data_set.splits = splits
    told = []
    if gone:
        told.append(
            f"{counted(gone, 'row')} of the training {'is' if gone == 1 else 'are'} gone or changed: the others stay in their splits"
        )
    if new:
        told.append(
            f"{counted(new, 'row')} {'is' if new == 1 else 'are'} new since the training: no split has {'it' if new == 1 else 'them'}"
        )
    return told + _changed(trained, now)


def _taken(places: dict[int, list[int]], key: int) -> int:
    found = places.get(key)
    return found.pop() if found else -1


def _changed(trained: Mapping[str, Keys], now: Mapping[str, Keys]) -> list[str]:
    """Return what is to be told of files that have the names of the training, and another content."""
    states: list[dict[int, int]] = []
    for each in (trained, now):
        pairs = [(each[split], each[f"{split}.{_STATE}"]) for split in SPLITS if f"{split}.{_STATE}" in each]
        states.append({key: state for keys, values in pairs for key, state in zip(keys.tolist(), values.tolist(), strict=True)})
    changed = sum(states[1].get(key, state) != state for key, state in states[0].items())
    return [f"{counted(changed, 'file')} changed since the training: what is measured is about other images"] if changed else []
