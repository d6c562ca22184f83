"""Which rows of its data set a stream shows: `take`, `balance`, `except`, no missing cells. This file chooses them."""

from collections.abc import Mapping

import torch
from torch import Tensor

from gamelearn import noise
from gamelearn.data.binding import Binding
from gamelearn.data.words import counted
from gamelearn.errors import DataError
from gamelearn.spec.schema import Stream

_BINARY_CLASSES = 2


def complete_rows(binding: Binding, split: str) -> Tensor:
    """Return the rows of a split, in order, where every variable of a stream has a value."""
    whole = torch.ones(binding.data_set.length(split), dtype=torch.bool)
    for field in set(binding.fields.values()):
        present = binding.data_set.present(field, split)
        if present is not None:
            whole &= present
    return whole.nonzero().flatten()


def select_rows(streams: Mapping[str, Stream], bindings: Mapping[str, Binding], seed: int) -> dict[str, Tensor]:
    """Return the training rows that each stream shows, rising.

    `take` takes the first rows of one permutation of the split keyed by the data seed, the same for all streams of a data
    set, so that a longer `take` holds a shorter one.

    Args:
        streams: the streams' options, without a cycle of `except`.
        bindings: the data set and fields of each stream.
        seed: the data seed.

    Raises:
        DataError: a stream has no rows, or fewer than it takes.
    """
    chosen: dict[str, Tensor] = {}

    def choose(name: str) -> Tensor:
        if name not in chosen:
            stream, binding = streams[name], bindings[name]
            rows = complete_rows(binding, "train")
            if stream.except_:
                rows = rows[~torch.isin(rows, choose(stream.except_))]
            chosen[name] = _take(stream, binding, rows, seed) if stream.take else rows
            _check_some(binding, stream, len(chosen[name]))
        return chosen[name]

    return {name: choose(name) for name in streams}


def _check_some(binding: Binding, stream: Stream, count: int) -> None:
    if not count:
        left = f" once those of stream {stream.except_!r} are left out" if stream.except_ else ""
        raise DataError(f"stream {binding.stream!r} has no rows: data set {binding.label!r} has {_available(binding)}{left}")


def _available(binding: Binding) -> str:
    complete, length = len(complete_rows(binding, "train")), binding.data_set.length("train")
    return counted(length, "training row") + (f", {complete} of them with no missing cell" if complete < length else "")


def _take(stream: Stream, binding: Binding, rows: Tensor, seed: int) -> Tensor:
    take = stream.take or 0
    order = noise.permutation(("take", seed), binding.data_set.length("train"))
    shuffled = order[torch.isin(order, rows)]
    if take > len(shuffled):
        taken = f"takes {counted(take, 'row')}, of which {len(shuffled):,} are left"
        raise DataError(f"stream {binding.stream!r} {taken}: data set {binding.label!r} has {_available(binding)}")
    if not binding.balance:
        return shuffled[:take].sort().values
    return _balanced(binding, shuffled, take).sort().values


def _balanced(binding: Binding, shuffled: Tensor, take: int) -> Tensor:
    field = binding.balance or ""
    present = binding.data_set.present(field, "train")
    if present is not None:
        shuffled = shuffled[present[shuffled]]
    labels = binding.data_set.read(field, "train", shuffled).long()
    classes = binding.data_set.fields[field].classes or _BINARY_CLASSES
    each = take // classes
    parts = [shuffled[labels == label][:each] for label in range(classes)]
    for label, part in enumerate(parts):
        if len(part) < each:
            raise DataError(
                f"stream {binding.stream!r} takes {each} rows of each class of {field!r}, but class {label} has {len(part)} in"
                f" data set {binding.label!r}"
            )
    return torch.cat(parts)
