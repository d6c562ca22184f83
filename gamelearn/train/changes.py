"""What may change when a run goes on: how long it is, and what is written meanwhile.

Everything else would make another run of it. This file compares specs.
"""

from collections.abc import Collection, Iterator
from pathlib import Path as FilePath
from typing import Any

from gamelearn.errors import RunError, SpecError
from gamelearn.spec.node import dotted
from gamelearn.spec.paths import is_path_option
from gamelearn.spec.schema import Spec, merge_options
from gamelearn.spec.source import parse_source

_Path = tuple[str | int, ...]
LENGTHS = ("rounds", "epochs", "minutes")
_FREE = (*LENGTHS, "log", "checkpoint", "samples")
MISSING = object()


def check_changes(before: Spec, now: Spec, known: Collection[str] = ()) -> None:
    """Check that a run can go on with a spec.

    Args:
        before: the run's.
        now: the other.
        known: the data sets whose rows the run knows, by name: their files may lie elsewhere.

    Raises:
        RunError: the specs differ in more than lengths, `log`, `checkpoint` and `samples`; all differences are listed.
    """
    lines = [
        f"  {dotted(path)}: {_shown(old)} in the run, {_shown(new)} now"
        for path, old, new in changes(before, now)
        if not (_may_change(path) or (is_path_option(path) and (path[-2] in known or _is_end(old, new))))
    ]
    if lines:
        head = "the spec is not the run's; on resume only lengths ('rounds', 'epochs', 'minutes'), 'log', 'checkpoint' and 'samples' may differ:"
        raise RunError("\n".join([head, *lines, "set these back, or start a new run"]))


def text_changes(before: str, now: str) -> list[str]:
    """Return the differences of two resolved specs, a line each, except lengths, what is written meanwhile, and where data lie."""
    if before == now:
        return []
    try:
        old, new = (_fixed(parse_source(text, "the resolved spec").plain()) for text in (before, now))
    except SpecError as error:
        return [f"  one of both cannot be read: {error}"]
    found = differences(old, new)
    return [f"  {dotted(path)}: {_shown(was)} in the checkpoint, {_shown(value)} in the run" for path, was, value in found]


def _fixed(value: Any, path: _Path = ()) -> Any:
    """Return the values of a tree that may not change."""
    if not isinstance(value, dict):
        return value
    below = {key: (*path, key) for key in value}
    kept = {key: _fixed(value[key], at) for key, at in below.items() if not (_may_change(at) or is_path_option(at))}
    return {key: each for key, each in kept.items() if key != "train" or each}


def changes(before: Spec, now: Spec) -> list[tuple[_Path, Any, Any]]:
    """Return the paths at which two specs differ, with both values."""
    return list(differences(plain_values(before), plain_values(now)))


def plain_values(spec: Spec) -> dict[str, Any]:
    """Return all values of a spec, those that were left out included, as JSON has them."""
    values = spec.model_dump(mode="json", by_alias=True)
    values["train"]["optimizer"] = merge_options(spec.train.optimizer, {}).model_dump(mode="json")
    return values


def differences(before: Any, now: Any, path: _Path = ()) -> Iterator[tuple[_Path, Any, Any]]:
    """Yield the paths at which two trees of plain values differ, with both values; `MISSING` where one has none."""
    if isinstance(before, dict) and isinstance(now, dict):
        for key in {**before, **now}:
            yield from differences(before.get(key, MISSING), now.get(key, MISSING), (*path, key))
    elif isinstance(before, list) and isinstance(now, list) and len(before) == len(now):
        for index, (old, new) in enumerate(zip(before, now, strict=True)):
            yield from differences(old, new, (*path, index))
    elif before != now:
        yield path, before, now


def _is_end(old: Any, new: Any) -> bool:
    """Whether a path of a run of version 0.1, which was made whole, is a relative one that was written."""
    whole, parts = FilePath(str(old)), [part for part in FilePath(str(new)).parts if part != ".."]
    return whole.is_absolute() and bool(parts) and list(whole.parts[-len(parts) :]) == parts


def _may_change(path: _Path) -> bool:
    if path[0] == "evaluate":
        return True
    inner = path[2:] if path[0] == "stages" else path
    return len(inner) > 1 and inner[0] == "train" and inner[1] in _FREE


def _shown(value: Any) -> str:
    return "missing" if value is MISSING else repr(value)
