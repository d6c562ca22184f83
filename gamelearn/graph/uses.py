"""The names that a spec refers to, as opposed to those that it defines. This file collects them for the errors' suggestions."""

import re
from collections.abc import Iterator
from typing import Any

from gamelearn.spec.schema import Spec

_NAME = re.compile(r"[A-Za-z_]\w*")
_REFERRING = ("factors", "utilities", "batch", "optimizers")


def names_in_use(spec: Spec) -> frozenset[str]:
    """Return every name that a formula, a list or a value of the spec refers to, of whatever kind."""
    shown = {name for stream in spec.data.streams.values() for name in stream.variables}
    texts = _texts(spec.model_dump(exclude={"name", "require"}), "")
    return frozenset(name for text in texts for name in _NAME.findall(text)) | shown


def _texts(value: Any, place: str) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        if place in _REFERRING:
            yield from value
        for key, item in value.items():
            yield from _texts(item, key)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _texts(item, "")
