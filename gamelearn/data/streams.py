"""Streams: what the data sets show to the players, in batches.

Data that fits into memory lives on the device as one tensor per field; other data is read ahead by a thread. This file opens
the data sets of a spec as streams.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial

import torch
from torch import Tensor

from gamelearn.data.binding import Binding, OpenDataSet, bind, data_set_of, data_sets_of, field_mistakes, field_notices, label_of, misfitted
from gamelearn.data.checks import wrong_values
from gamelearn.data.dataset import SPLITS, DataSet
from gamelearn.data.folder import DamagedFiles, DataAbsent, DataFolder
from gamelearn.data.look import problems_of
from gamelearn.data.order import Order
from gamelearn.data.prefetch import Prefetch
from gamelearn.data.reading import Reading
from gamelearn.data.selection import complete_rows, select_rows
from gamelearn.data.trained import Keys, restore_trained, row_keys
from gamelearn.errors import DataError, quoted
from gamelearn.options import Mistake
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import DatasetOptions
from gamelearn.spec.schema import Data, Variable

_SPLIT_ROWS = 1024
_PART_ROWS = 512


@dataclass(frozen=True)
class Classes:
    """A field of a data set that has one class for each row.

    Attributes:
        field: its name.
        names: of all classes; their numbers where the data set has no names.
        values: `(rows)` int64, -1 where a row has none.
    """

    field: str
    names: tuple[str, ...]
    values: Tensor


class Streams:
    """The opened streams of a game.

    Attributes:
        taken: the type of the data set that was opened, by the data set's name ('dataset' where there is one).
        stood_in: the names of the data sets in whose place `otherwise` was opened.
        notices: what the user has to be told loudly: that a data set was absent and which one stands in for it.
    """

    def __init__(
        self,
        bindings: Mapping[str, Binding],
        rows: Mapping[str, Tensor],
        *,
        seed: int,
        device: torch.device,
        dtype: torch.dtype,
        memory_limit: int,
        taken: Mapping[str, str],
        stood_in: Collection[str],
        notices: Sequence[str],
    ) -> None:
        self.taken = dict(taken)
        self.stood_in = tuple(stood_in)
        self.notices = tuple(notices)
        self._bindings = dict(bindings)
        self._rows = dict(rows)
        self._seed = seed
        self._device = device
        self._dtype = dtype
        self._orders: dict[tuple[str, int], Order] = {}
        self._prefetch: Prefetch[dict[str, Tensor]] | None = None
        small = _small(tuple(bindings.values()), memory_limit)
        self._resident = {key: _read_all(binding, key[1], device, dtype) for key, binding in small.items()}

    @property
    def names(self) -> tuple[str, ...]:
        """The streams, as the spec orders them."""
        return tuple(self._bindings)

    def length(self, stream: str) -> int:
        """Return how many training rows a stream has."""
        return len(self._rows[stream])

    def rows(self, stream: str, wanted: int) -> int:
        """Return the rows of a batch: `wanted`, or all rows of a shorter stream."""
        return min(wanted, self.length(stream))

    def batch(
        self,
        stream: str,
        position: int,
        rows: int,
        *,
        noise_key: tuple[object, ...],
        first_row: int = 0,
        columns: Sequence[str] | None = None,
        ordinal: int = 0,
    ) -> dict[str, Tensor]:
        """Return a batch of training rows with the data sets' noise.

        It holds elements `position * rows .. (position + 1) * rows - 1` of an endless concatenation of permutations keyed by
        (seed, stream, ordinal, epoch).

        Args:
            position: which batch, from 0 on.
            rows: how many rows; a shorter stream is used whole.
            noise_key: the key of `gamelearn.noise` that belongs to the batch.
            first_row: the global row of the batch's first one, where a batch is shared by several processes.
            columns: the variables to return; by default all of the stream.
            ordinal: 0 for the rows that all terms share; another draw of the stream (`pairs(x')`) has another ordinal.

        Returns:
            A tensor `(rows, *shape)` per variable, on the device: floats in the streams' dtype, classes int64.

        Raises:
            DataError: a file cannot be read.
        """
        names = tuple(columns or self._bindings[stream].fields)
        values = self._values(stream, ordinal, position, self.rows(stream, rows), names)
        binding = self._bindings[stream]
        return {
            name: binding.data_set.perturb(binding.fields[name], value, (*noise_key, stream, ordinal, name), first_row)
            for name, value in values.items()
        }

    def split(self, stream: str, split: str, *, rows: int = _SPLIT_ROWS) -> Iterator[dict[str, Tensor]]:
        """Yield the rows of a split in order, without data noise, in batches of which the last may be shorter.

        Of the split train these are the stream's own rows; of the others all rows without a missing cell.

        Raises:
            DataError: the split has no rows, or a file cannot be read.
        """
        binding = self._bindings[stream]
        chosen = self._rows[stream] if split == "train" else complete_rows(binding, split)
        if not len(chosen):
            others = [each for each in SPLITS if each != split and binding.data_set.length(each)]
            has = f"; it has some in {quoted(others)}" if others else ""
            raise DataError(f"data set {binding.label!r} has no rows in its split {split!r} that stream {stream!r} could show{has}")
        for part in chosen.split(rows):
            yield self._place_all(_read(binding, split, part, tuple(binding.fields)))

    def training_rows(self, variable: str, *, rows: int = _SPLIT_ROWS) -> Iterator[Tensor]:
        """Yield a variable in all training rows that any stream shows it in, each row once, without data noise, `(rows, *shape)`.

        Raises:
            DataError: a file cannot be read.
        """
        found: dict[tuple[str, str], list[str]] = {}
        for stream, binding in self._bindings.items():
            if variable in binding.fields:
                found.setdefault((binding.label, binding.fields[variable]), []).append(stream)
        for streams in found.values():
            binding = self._bindings[streams[0]]
            for part in torch.cat([self._rows[stream] for stream in streams]).unique().split(rows):
                yield self._place(_read(binding, "train", part, (variable,))[variable])

    def has_rows(self, split: str) -> bool:
        """Whether the data set of some stream has rows in a split."""
        return any(binding.data_set.length(split) for binding in self._bindings.values())

    def class_names(self, stream: str, variable: str) -> tuple[str, ...]:
        """Return what the data set calls the classes of a variable that a stream shows; nothing where it has no names for them."""
        binding = self._bindings[stream]
        return tuple(binding.data_set.class_names.get(binding.fields[variable], ()))

    def readings(self) -> dict[str, Reading]:
        """Return how files write the values of variables, as the first stream that shows them has it."""
        found: dict[str, Reading] = {}
        for binding in self._bindings.values():
            for name, field in binding.fields.items():
                if field in binding.data_set.readings:
                    found.setdefault(name, binding.data_set.readings[field])
        return found

    def row_keys(self) -> dict[str, Keys]:
        """Return the keys of the rows of all data sets that have any, by data set and split."""
        shown: dict[str, set[str]] = {}
        for binding in self._bindings.values():
            shown.setdefault(binding.name, set()).update(binding.fields.values())
        sets = {binding.name: binding.data_set for binding in self._bindings.values()}
        found = {name: row_keys(data_set, shown[name]) or {} for name, data_set in sets.items()}
        return {f"{name}.{part}": keys for name, each in found.items() for part, keys in each.items()}

    def lacking_text(self, stream: str) -> str:
        """Return for people how many training rows a stream leaves out since they lack a value."""
        binding = self._bindings[stream]
        lacking = int((binding.data_set.splits["train"] >= 0).sum()) - len(complete_rows(binding, "train"))
        return f"; {lacking:,} {'lacks' if lacking == 1 else 'lack'} a value" if lacking else ""

    def classes(self, stream: str, split: str, rows: int) -> "Classes | None":
        """Return the classes of the first rows of a split, whether or not the stream shows them.

        They are the first field of the stream's data set that has one class for each row.

        Args:
            stream: whose rows, in the order of `split`.
            split: `train`, `validation` or `test`.
            rows: how many; fewer if the split has fewer.

        Returns:
            None where the data set has no such field.

        Raises:
            DataError: a file cannot be read.
        """
        binding = self._bindings[stream]
        found = [name for name, field in binding.data_set.fields.items() if field.type == "categorical" and field.shape == ()]
        if not found:
            return None
        chosen = (self._rows[stream] if split == "train" else complete_rows(binding, split))[:rows]
        values, present = binding.data_set.read(found[0], split, chosen), binding.data_set.present(found[0], split)
        known = values if present is None else values.where(present[chosen], torch.tensor(-1))
        numbers = map(str, range(binding.data_set.fields[found[0]].classes or 0))
        return Classes(found[0], tuple(binding.data_set.class_names.get(found[0], numbers)), known)

    def close(self) -> None:
        """End the thread that reads ahead, if there is one."""
        if self._prefetch:
            self._prefetch.close()
            self._prefetch = None

    def _values(self, stream: str, ordinal: int, position: int, rows: int, names: tuple[str, ...]) -> dict[str, Tensor]:
        binding = self._bindings[stream]
        if all((binding.label, field) in self._resident for field in binding.fields.values()):
            index = self._index(stream, ordinal, position, rows).to(self._device)
            return {name: self._resident[binding.label, binding.fields[name]][index] for name in names}

        def job(position: int) -> partial[dict[str, Tensor]]:
            return partial(_read, binding, "train", self._index(stream, ordinal, position, rows), names)

        self._prefetch = self._prefetch or Prefetch()
        return self._place_all(self._prefetch.get((stream, ordinal, rows, names), position, job))

    def _index(self, stream: str, ordinal: int, position: int, rows: int) -> Tensor:
        order = self._orders.get((stream, ordinal))
        if order is None:
            order = self._orders[stream, ordinal] = Order(("order", self._seed, stream, ordinal), self.length(stream))
        return self._rows[stream][order.rows(position * rows, rows)]

    def _place_all(self, values: Mapping[str, Tensor]) -> dict[str, Tensor]:
        return {name: self._place(value) for name, value in values.items()}

    def _place(self, values: Tensor) -> Tensor:
        return values.to(self._device, self._dtype if values.is_floating_point() else values.dtype)


def _small(bindings: Sequence[Binding], memory_limit: int) -> dict[tuple[str, str], Binding]:
    """Return the fields (data set, field) of the data sets that, as far as streams show them, fit into memory."""
    shown = {(binding.label, field): binding for binding in bindings for field in binding.fields.values()}
    sizes: dict[str, int] = {}
    for (label, field), binding in shown.items():
        size = binding.data_set.fields[field].bytes * binding.data_set.length("train")
        sizes[label] = sizes.get(label, 0) + size
    return {key: binding for key, binding in shown.items() if sizes[key[0]] <= memory_limit}


def _read_all(binding: Binding, field: str, device: torch.device, dtype: torch.dtype) -> Tensor:
    """Return a field of all training rows on the device, read in parts that a processor's cache can hold."""
    kind, length = binding.data_set.fields[field], binding.data_set.length("train")
    held = torch.empty((length, *kind.shape), dtype=dtype if kind.dtype.is_floating_point else kind.dtype, device=device)
    present = binding.data_set.present(field, "train")
    for rows in torch.arange(length).split(_PART_ROWS):
        try:
            values = binding.data_set.read(field, "train", rows)
        except DamagedFiles:
            raise DamagedFiles([*problems_of(binding.data_set)]) from None
        _check(binding, field, values if present is None else values[present[rows]])
        held[rows[0] : rows[-1] + 1] = values.to(device)
    return held


def _read(binding: Binding, split: str, rows: Tensor, names: tuple[str, ...]) -> dict[str, Tensor]:
    values = {name: binding.data_set.read(binding.fields[name], split, rows) for name in names}
    for name, value in values.items():
        _check(binding, binding.fields[name], value)
    return values


def _check(binding: Binding, field: str, values: Tensor) -> None:
    if wrong := wrong_values(binding.data_set.fields[field], values):
        raise DataError(f"field {field!r} of data set {binding.label!r} is {binding.data_set.fields[field]}: {wrong}")


def open_streams(
    data: Data,
    variables: Mapping[str, Variable],
    *,
    folder: DataFolder,
    seed: int,
    device: torch.device | str,
    dtype: torch.dtype,
    memory_limit: int = 2**30,
    stood_in: Collection[str] | None = None,
    readings: Mapping[str, Reading] | None = None,
    rows: Mapping[str, Keys] | None = None,
) -> Streams:
    """Open the data sets of a spec, compare their fields with the variables, and return the streams.

    Args:
        data: the spec's `data`.
        variables: the game's variables by name, without groups.
        folder: where data files are looked for.
        seed: the seed of the order of rows (`data.seed` is the one of splits and `take`).
        device: where batches are to lie.
        dtype: the type of floating-point batches.
        memory_limit: the size in bytes up to which a data set is held on the device.
        stood_in: the names of the data sets in whose place a run was trained on `otherwise`: so it is now; of the others none is
            replaced. None where no run has been trained.
        readings: how files wrote variables when a run was trained on them; None where that is not known.
        rows: what `Streams.row_keys` returned then; None where that is not known.

    Raises:
        DataAbsent: a data set is absent, and no other stands in for it.
        DataError: a data set is damaged, does not fit the variables (all misfits are listed), or is not that of the training.
    """
    _raise_all(field_mistakes(data, variables))
    opened, notices = _open_data_sets(data, folder, stood_in)
    bindings, mistakes = bind(data, variables, opened)
    notices += [f"data set {each.label!r}: {notice}" for each in opened.values() for notice in each.data_set.notices]
    if not mistakes:
        notices += restore_trained(bindings.values(), readings or {}, rows or {})
    _raise_all([*mistakes, *misfitted(data, variables, bindings, opened)])
    for each in opened.values():
        each.data_set.bound()
    return Streams(
        bindings,
        select_rows(data.streams, bindings, data.seed),
        seed=seed,
        device=torch.device(device),
        dtype=dtype,
        memory_limit=memory_limit,
        taken={name: each.options.type for name, each in opened.items()},
        stood_in=[name for name, each in opened.items() if each.options is data.otherwise],
        notices=[*notices, *field_notices(bindings.values())],
    )


class DataMisfit(DataError):
    """Data that does not fit the variables; `mistakes` have their paths below `data`."""

    def __init__(self, text: str, mistakes: Sequence[Mistake]) -> None:
        super().__init__(text)
        self.mistakes = tuple(mistakes)


def _raise_all(mistakes: Iterator[Mistake] | Sequence[Mistake]) -> None:
    found = list(mistakes)
    lines = [
        f"data.{'.'.join(map(str, each.path))}: {each.what}" + (f"; did you mean {each.suggestion!r}?" if each.suggestion else "")
        for each in found
    ]
    if lines:
        raise DataMisfit("\n".join(lines), found)


def _open_data_sets(data: Data, folder: DataFolder, stood_in: Collection[str] | None) -> tuple[dict[str, OpenDataSet], list[str]]:
    opened: dict[str, OpenDataSet] = {}
    notices: list[str] = []
    used = {data_set_of(data, stream) for stream in data.streams.values()}
    for name in data_sets_of(data):
        if name not in used:
            continue
        was_replaced = None if stood_in is None else name in stood_in
        data_set, options = _open_data_set(data, name, folder, was_replaced, notices)
        opened[name] = OpenDataSet(data_set, options, label_of(data, name, options.type))
    return opened, notices


def _open_data_set(
    data: Data, name: str, folder: DataFolder, was_replaced: bool | None, notices: list[str]
) -> tuple[DataSet, DatasetOptions]:
    """Open the data set of a name, or the one that stands in for it: always the same one for a run."""
    options, stand_in = data_sets_of(data)[name], data.otherwise
    if stand_in and was_replaced:
        notices.append(f"data set {stand_in.type!r} is taken, on which the run was trained in place of {options.type!r}")
        return _build(stand_in, folder, data.seed), stand_in
    try:
        return _build(options, folder, data.seed), options
    except DataAbsent as error:
        if was_replaced is False:
            where = f"; say where it is now by --data {name}=PATH" if "path" in type(options).model_fields else ""
            raise DataAbsent(f"the run was trained on data set {options.type!r}, which is absent now: {error}{where}") from None
        if stand_in is None:
            raise
        notices.append(f"data set {options.type!r} is absent, {stand_in.type!r} is taken instead: {error}")
        return _build(stand_in, folder, data.seed), stand_in


def _build(options: DatasetOptions, folder: DataFolder, seed: int) -> DataSet:
    return DATASETS[options.type].build(folder, seed, **options.own_options())
