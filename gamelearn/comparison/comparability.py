"""Which figures may not stand beside each other: other data, other options, other numbers of images. This file looks for them."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from gamelearn.comparison.entry import Entry
from gamelearn.comparison.groups import Group, data_sets
from gamelearn.comparison.measuring import Result, figures_of
from gamelearn.spec.node import dotted
from gamelearn.train.changes import MISSING, differences

_MOST = 6
_OF_THE_GAME = ("model", "proposal", "inferring")
"""Facts that name factors of the game: what was measured, not how."""


@dataclass(frozen=True)
class Faults:
    """What may not be compared.

    Attributes:
        metrics: whose figures may not be.
        lines: why, a sentence each, with other things to know about the data.
    """

    metrics: frozenset[str]
    lines: tuple[str, ...]


def find_faults(groups: Sequence[Group], results: Sequence[Sequence[Sequence[Result]]], split: str) -> Faults:
    """Return the metrics whose figures may not be compared between the runs, with the reasons.

    That is so if the data sets differ (of the training split: the streams, too), or one run's data stood in for others; if the
    options of the metric differ, or the facts that it tells of its settings; or if the figures come from other numbers of images.

    Args:
        groups: of runs.
        results: of every run of every group.
        split: on which they were measured.
    """
    entries = [(group.label, entry) for group in groups for entry in group.entries]
    flat = [{each["name"]: each for each in own} for results_of in results for own in results_of]
    names = list(dict.fromkeys(name for each in flat for name in each))
    lines, wrong = list(_data_faults(entries, split)), set[str]()
    if lines:
        wrong.update(names)
        lines = [f"NOT COMPARABLE: the figures of {', '.join(names) or 'all runs'} come from different data: {'; '.join(lines)}"]
    for name in names:
        if reasons := _setting_faults([(label, each[name]) for (label, _), each in zip(entries, flat, strict=True) if name in each]):
            wrong.add(name)
            lines.append(f"NOT COMPARABLE: {name} was not measured in the same way: {'; '.join(reasons)}")
    lines += dict.fromkeys(_stand_ins(entries))
    return Faults(frozenset(wrong), tuple(lines))


def _data_faults(entries: Sequence[tuple[str, Entry]], split: str) -> Iterator[str]:
    label, first = entries[0]
    seen = set()
    for other, entry in entries[1:]:
        for path, mine, theirs in differences(_data(first, split), _data(entry, split)):
            if path not in seen:
                seen.add(path)
                yield f"{dotted(path)} is {_shown(mine)} in {label}, {_shown(theirs)} in {other}"


def _data(entry: Entry, split: str) -> dict[str, Any]:
    data = {name: value for name, value in entry.values["data"].items() if name != "streams" or split == "train"}
    return {"data": data, "taken": data_sets(entry)["taken"], "stood in": sorted(entry.stood_in)}


def _setting_faults(found: Sequence[tuple[str, Result]]) -> list[str]:
    label, first = found[0]
    reasons: dict[str, str] = {}
    for other, result in found[1:]:
        for path, mine, theirs in differences(_settings(first), _settings(result)):
            reasons.setdefault(dotted(path), f"{dotted(path)} is {_shown(mine)} in {label}, {_shown(theirs)} in {other}")
    listed = list(reasons.values())
    return [*listed[:_MOST], *([f"and {len(listed) - _MOST} more"] if len(listed) > _MOST else [])]


def _settings(result: Result) -> dict[str, Any]:
    """Return how a figure was measured; facts that are fractions may be results themselves, others name the factors of the game."""
    counts = {", ".join(key[1:]): figure["count"] for key, figure in figures_of([result]).items()}
    facts = {name: value for name, value in result.get("facts", {}).items() if name not in _OF_THE_GAME}
    return {"options": result["options"], "facts": _without_numbers(facts), "count": counts}


def _without_numbers(values: Any) -> Any:
    if isinstance(values, Mapping):
        return {name: _without_numbers(value) for name, value in values.items() if not isinstance(value, float)}
    return values


def _stand_ins(entries: Sequence[tuple[str, Entry]]) -> Iterator[str]:
    for label, entry in entries:
        if entry.stood_in:
            taken = data_sets(entry)["taken"]
            which = ", ".join(f"{taken.get(name, 'another one')!r} stood in for {name!r}" for name in entry.stood_in)
            yield f"{label} was trained, and is measured, on data that stand in for others: {which}"


def _shown(value: Any) -> str:
    return "missing" if value is MISSING else repr(value)
