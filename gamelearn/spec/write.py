"""YAML text from a tree of plain values. This file writes it so that it reads as the same values."""

import re
from typing import Any

from gamelearn.spec.scalars import write_scalar

_WIDTH = 120
_WORD = re.compile(r"[A-Za-z_][\w./-]*")
_PHRASE = re.compile(r"[A-Za-z_](?:[\w.,()|'+*/=\[\] -]*[\w.)'\]])?")
_LONGEST_KEY = 1000


def write_yaml(value: Any) -> str:
    """Return plain dicts, lists and scalars as YAML, in blocks, with short collections on one line.

    >>> print(write_yaml({"variables": {"x": {"type": "binary", "shape": [2]}}, "terms": ["E[p(x)] log q(x)"]}), end="")
    variables:
      x: {type: binary, shape: [2]}
    terms:
      - E[p(x)] log q(x)
    """
    lines = _block(value, 0)
    return "\n".join(lines) + "\n"


def _block(value: Any, indent: int) -> list[str]:
    """Return the lines of a value that begins on a line of its own."""
    blanks = " " * indent
    if isinstance(value, dict) and value:
        return [line for key, item in value.items() for line in _entry(key, item, indent)]
    if isinstance(value, list) and value:
        return [line for item in value for line in _item(item, indent)]
    return [blanks + _inline(value)]


def _entry(key: str, item: Any, indent: int) -> list[str]:
    written = write_scalar(key, plain=_PHRASE)
    blanks = " " * indent
    inline = _one_line(item, _WIDTH - indent - len(written), indent=indent)
    if len(written) > _LONGEST_KEY:
        return [f"{blanks}? {written}", f"{blanks}:", *_block(item, indent + 2)]
    if inline is not None:
        return [f"{blanks}{written}: {inline}"]
    return [f"{blanks}{written}:", *_block(item, indent + 2)]


def _item(item: Any, indent: int) -> list[str]:
    inline = _one_line(item, _WIDTH - indent, indent=indent)
    if inline is not None:
        return [f"{' ' * indent}- {inline}"]
    first, *rest = _block(item, indent + 2)
    return [f"{' ' * indent}- {first[indent + 2 :]}", *rest]


def _one_line(value: Any, width: int, *, indent: int) -> str | None:
    """Return a value on one line, or None where blocks read better."""
    if not isinstance(value, dict | list) or not value:
        return _inline(value)
    items = list(value.values()) if isinstance(value, dict) else value
    is_short = indent > 0 and all(_is_flat(item) for item in items)
    inline = _inline(value) if is_short else ""
    return inline if is_short and len(inline) <= width else None


def _is_flat(value: Any) -> bool:
    if isinstance(value, list):
        return all(_is_flat(item) and not isinstance(item, list) for item in value)
    return not isinstance(value, dict) and (not isinstance(value, str) or _WORD.fullmatch(value) is not None)


def _inline(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{write_scalar(key, plain=_WORD)}: {_inline(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_inline, value)) + "]"
    return write_scalar(value, plain=_PHRASE)
