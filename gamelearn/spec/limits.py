"""The sizes that an untrusted spec may ask for. This file checks them."""

from collections.abc import Iterator
from math import prod
from typing import Any

from gamelearn.options import Mistake, Path
from gamelearn.spec.schema import Spec, Variable

MAX_ELEMENTS = 10_000_000
MAX_BATCH = 1_000_000
MAX_WIDTH = 65_536


def size_mistakes(spec: Spec, plain: Any) -> list[Mistake]:
    """Return a mistake for every size of a spec, or of its plain tree, that is out of bounds."""
    return [*_variables(spec), *_batches(plain, ()), *_networks(plain, ())]


def _variables(spec: Spec) -> Iterator[Mistake]:
    for name, variable in spec.variables.items():
        if isinstance(variable, Variable) and (elements := prod(variable.shape) * (variable.classes or 1)) > MAX_ELEMENTS:
            yield Mistake(("variables", name), f"has {elements} elements; an untrusted spec may have {MAX_ELEMENTS}")


def _batches(value: Any, path: Path) -> Iterator[Mistake]:
    for key, item in _children(value):
        if key == "batch" and path[-1:] == ("train",):
            yield from _larger(item, (*path, key), MAX_BATCH, "rows in a batch")
        else:
            yield from _batches(item, (*path, key))


def _networks(value: Any, path: Path) -> Iterator[Mistake]:
    if isinstance(value, dict) and "net" in value:
        yield from _larger(value, path, MAX_WIDTH, "as a size of a network")
    else:
        for key, item in _children(value):
            yield from _networks(item, (*path, key))


def _larger(value: Any, path: Path, most: int, what: str) -> Iterator[Mistake]:
    if isinstance(value, int | float) and value > most:
        yield Mistake(path, f"an untrusted spec may ask for at most {most} {what}, got {value}")
    for key, item in _children(value):
        yield from _larger(item, (*path, key), most, what)


def _children(value: Any) -> list[tuple[str | int, Any]]:
    if isinstance(value, dict):
        return list(value.items())
    return list(enumerate(value)) if isinstance(value, list) else []
