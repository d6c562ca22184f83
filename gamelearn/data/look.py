"""What training would refuse in data sets, found from the names and heads of files, or by reading everything once.

This file looks at data before they are opened.
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import torch

from gamelearn.data.binding import data_set_of, data_sets_of, label_of, misfits
from gamelearn.data.checks import wrong_values
from gamelearn.data.dataset import SPLITS, DataSet, Field
from gamelearn.data.folder import DamagedFiles, DataAbsent, DataFolder
from gamelearn.data.progress import say_progress
from gamelearn.errors import DataError
from gamelearn.options import Mistake, Path
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import DatasetOptions
from gamelearn.spec.schema import Data, Stream, Variable

_AT_ONCE = 64


def look_at_data(data: Data, variables: Mapping[str, Variable], folder: DataFolder) -> tuple[list[Mistake], list[Mistake]]:
    """Return what is wrong with the data sets that streams show, and which are absent, each with its path below `data`.

    One that is absent counts as the one that is taken in its place.

    Args:
        data: the spec's `data`.
        variables: the game's variables by name, without groups.
        folder: where data files are looked for.
    """
    wrong, absent = list[Mistake](), list[Mistake]()
    for name, options in data_sets_of(data).items():
        streams = {stream: each for stream, each in data.streams.items() if data_set_of(data, each) == name}
        path: Path = ("dataset",) if data.dataset else ("datasets", name)
        taken = {path: options} if data.otherwise is None else {path: options, ("otherwise",): data.otherwise}
        for place, each in taken.items() if streams else ():
            try:
                fields = _found_fields(each, folder)
            except DataAbsent as error:
                missing = Mistake(place, f"data set {each.type!r} is absent, so that files were not looked at: {error}")
                continue
            except DataError as error:
                wrong.append(Mistake(place, str(error)))
            else:
                wrong += _misfits(streams, variables, fields or {}, label_of(data, name, each.type), each)
            break
        else:
            absent += [missing] if streams else []
    return wrong, absent


def _found_fields(options: DatasetOptions, folder: DataFolder) -> Mapping[str, Field] | None:
    build: Any = DATASETS[options.type].build
    return build.found_fields(options, folder)


def _misfits(
    streams: Mapping[str, Stream], variables: Mapping[str, Variable], fields: Mapping[str, Field], label: str, options: DatasetOptions
) -> Iterator[Mistake]:
    """Find the variables that fields do not fit; a type or a number of classes that is not known is that of the variable."""
    for stream, each in streams.items() if fields else ():
        shown = {field: variables[name] for name, field in each.variables.items() if field in fields and name in variables}
        known = {**fields, **{field: _completed(fields[field], variable) for field, variable in shown.items()}}
        yield from (found.below(("streams", stream)) for found in misfits(each, variables, known, label, options))


def _completed(field: Field, variable: Variable) -> Field:
    if field.type:
        return replace(field, classes=field.classes or (variable.classes if field.type == "categorical" else None))
    sides, wanted = (sorted(side for side in shape if side > 1) for shape in (field.shape, variable.shape))
    return Field(variable.type, variable.shape if sides == wanted else field.shape, variable.classes)


def problems_of(data_set: DataSet) -> Iterator[str]:
    """Read everything once, and yield what cannot be read and what is no value of its field, a sentence each."""
    yield from data_set.damage()
    for split in SPLITS:
        for name, field in data_set.fields.items() if data_set.length(split) else ():
            present = data_set.present(name, split)
            for rows in torch.arange(data_set.length(split)).split(_AT_ONCE):
                try:
                    values = data_set.read(name, split, rows)
                except DamagedFiles as error:
                    yield from error.problems
                else:
                    wrong = wrong_values(field, values if present is None else values[present[rows]])
                    yield from [f"field {name!r} is {field}: {wrong}"] if wrong else []
                say_progress(f"{split} {name}: rows read", int(rows[-1]) + 1, data_set.length(split))
