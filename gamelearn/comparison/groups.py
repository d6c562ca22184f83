"""Which runs are repetitions of each other, and in what the others differ.

Runs whose specs are equal but for the seed, trained on the same data to the same round, are one group. This file forms groups.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from gamelearn.comparison.entry import Entry
from gamelearn.errors import RunError
from gamelearn.spec.node import dotted
from gamelearn.train.changes import MISSING, differences

By = Literal["game", "run"]
_WRAPPING = "term"  # a formula's term is an object of its own in the values of a spec


@dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed.

    Attributes:
        label: what it is called in tables.
        entries: the runs, each at its checkpoint, in the order of their seeds.
    """

    label: str
    entries: tuple[Entry, ...]

    @property
    def first(self) -> Entry:
        """The first of the runs."""
        return self.entries[0]

    @property
    def seeds(self) -> tuple[int, ...]:
        """The seeds of the runs, in their order."""
        return tuple(each.seed for each in self.entries)


@dataclass(frozen=True)
class Difference:
    """A key of the spec in which groups differ, with its value in each of them, as text."""

    key: str
    values: tuple[str, ...]


def form_groups(entries: Sequence[Entry], by: By) -> tuple[Group, ...]:
    """Return entries in groups, in the order of their first ones; the runs of a group are in the order of their seeds.

    Args:
        entries: at least one.
        by: `game` puts runs together that differ in nothing but the seed; `run` keeps all apart.

    Raises:
        RunError: a run is there twice at the same round.
    """
    found: dict[str, list[Entry]] = {}
    for number, entry in enumerate(entries):
        if any(entry.folder.resolve() == other.folder.resolve() and entry.round == other.round for other in entries[:number]):
            raise RunError(f"the run {entry.folder} is named twice at round {entry.round}")
        found.setdefault(str(number) if by == "run" else _identity(entry), []).append(entry)
    members = [tuple(sorted(each, key=lambda entry: entry.seed)) for each in found.values()]
    return tuple(Group(name, each) for name, each in zip(_labels(members), members, strict=True))


def _identity(entry: Entry) -> str:
    return json.dumps([entry.values, entry.round, entry.weights, data_sets(entry)], sort_keys=True)


def data_sets(entry: Entry) -> dict[str, Any]:
    """Return which data sets a run was trained on, as it has recorded, and which of them stand in for others."""
    return {"taken": entry.taken, "stood_in": list(entry.stood_in)}


def _labels(members: Sequence[tuple[Entry, ...]]) -> list[str]:
    """Return the shortest names that differ: the folder above the runs, with the runs' own, or their paths."""
    forms: tuple[Callable[[Iterable[Path]], str], ...] = (_parents, _parents_and_names, lambda paths: ", ".join(map(str, paths)))
    for form in forms:
        names = [form(entry.folder.resolve() for entry in each) + _round_of(each[0]) for each in members]
        if len(set(names)) == len(names):
            return names
    return names


def _parents(paths: Iterable[Path]) -> str:
    return ", ".join(dict.fromkeys(path.parent.name for path in paths))


def _parents_and_names(paths: Iterable[Path]) -> str:
    by_parent: dict[str, list[str]] = {}
    for path in paths:
        by_parent.setdefault(path.parent.name, []).append(path.name)
    return ", ".join(f"{parent}/{'+'.join(names)}" for parent, names in by_parent.items())


def _round_of(entry: Entry) -> str:
    return "" if entry.asked is None else f"@{entry.asked}"


def find_differences(groups: Sequence[Group]) -> tuple[Difference, ...]:
    """Return the keys in which the groups' specs differ, and the data where they differ."""
    trees = [{**group.first.values, "data sets": data_sets(group.first), "weights": group.first.weights} for group in groups]
    paths = dict.fromkeys(path for tree in trees[1:] for path, _, _ in differences(trees[0], tree))
    outer = [path for path in paths if not any(path[:end] in paths for end in range(1, len(path)))]
    found = {_key(path): tuple(_shown(_at(tree, path)) for tree in trees) for path in outer}
    return tuple(Difference(key, values) for key, values in found.items())


def _key(path: tuple[str | int, ...]) -> str:
    return dotted(tuple(part for part in path if part != _WRAPPING))


def _at(tree: Any, path: tuple[str | int, ...]) -> Any:
    for part in path:
        is_there = part in tree if isinstance(tree, dict) else isinstance(tree, list) and isinstance(part, int) and part < len(tree)
        if not is_there:
            return MISSING
        tree = tree[part]
    return tree


def _shown(value: Any) -> str:
    if value is MISSING:
        return "missing"
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
