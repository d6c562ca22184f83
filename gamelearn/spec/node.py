"""A YAML tree that knows where everything stands in its file. This file defines its nodes."""

import re
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

from gamelearn.errors import Position
from gamelearn.spec.scalars import Scalar

LINE_BREAK = re.compile("\r\n|[\r\n\x85\u2028\u2029]")
_HEX_DIGITS = {"x": 2, "u": 4, "U": 8}


@dataclass(frozen=True)
class Text:
    """The text of a key or a scalar: its value, and how it is written in the file.

    `style` is empty for a plain text, else the sign that opens it: a quote, `|` or `>`. A text that was made by filling in
    placeholders knows the text that it was made of, with the place there of each of its characters.
    """

    value: str
    raw: str
    style: str
    position: Position
    made_of: "tuple[Text, tuple[int, ...]] | None" = None

    def at(self, offset: int) -> Position:
        """Return the place in the file of a character of the value, counted from 0."""
        if self.made_of:
            written, origins = self.made_of
            return written.at(origins[offset] if offset < len(origins) else len(written.value))
        *lines, last = LINE_BREAK.split(self.raw[: min(self._places[min(offset, len(self.value))], len(self.raw))])
        column = len(last) + (1 if lines else self.position.column)
        return Position(self.position.file, self.position.line + len(lines), column)

    @cached_property
    def _places(self) -> list[int]:
        """Where in the raw text each character of the value stands, and its end: escapes are one character each, and line breaks change white space alone."""
        place, found = self.raw.find("\n") + 1 if self.style in ("|", ">") else len(self.style), []
        for character in self.value:
            if is_shown := not character.isspace():
                place = self._skip_space(place)
            found.append(place)
            if is_shown or self.raw[place : place + 1].isspace() or self.style == '"':
                place += self._width(place)
        return [*found, place]

    def _skip_space(self, place: int) -> int:
        while self.raw[place : place + 1].isspace() or self._is_escaped_break(place):
            place += 1
        return place

    def _is_escaped_break(self, place: int) -> bool:
        return self.style == '"' and self.raw[place : place + 1] == "\\" and self.raw[place + 1 : place + 2] in ("\n", "\r")

    def _width(self, place: int) -> int:
        if self.style == "'" and self.raw.startswith("''", place):
            return 2
        if self.style == '"' and self.raw.startswith("\\", place):
            return 2 + _HEX_DIGITS.get(self.raw[place + 1 : place + 2], 0)
        return 1


@dataclass(frozen=True)
class Node:
    """A map, a list or a scalar, with its place in the file.

    `key` is the text of its key in the map above it, `text` that of a scalar.
    """

    value: "dict[str, Node] | tuple[Node, ...] | Scalar"
    position: Position
    key: Text | None = None
    text: Text | None = None

    @property
    def key_position(self) -> Position | None:
        """Where the node's key stands, if it has one."""
        return self.key.position if self.key else None

    @cached_property
    def children(self) -> "dict[str | int, Node]":
        """The nodes of a map by key, or of a list by index."""
        if isinstance(self.value, dict):
            return dict(self.value.items())
        return dict(enumerate(self.value)) if isinstance(self.value, tuple) else {}

    def place(self, offset: int = 0, *, on_key: bool = False) -> Position:
        """Return the place of a character of the scalar, or of the key if `on_key`; else where the node begins."""
        text = self.key if on_key and self.key else self.text
        return text.at(offset) if text else self.position

    def plain(self) -> Any:
        """Return the node as dicts, lists and scalars."""
        if isinstance(self.value, dict):
            return {key: node.plain() for key, node in self.value.items()}
        return [node.plain() for node in self.value] if isinstance(self.value, tuple) else self.value

    def find(self, path: tuple[str | int, ...]) -> "Node | None":
        """Return the node at a path of keys and indices, or None."""
        node: Node | None = self
        for part in path:
            node = node.children.get(part) if node else None
        return node

    def with_child(self, key: str, child: "Node") -> "Node":
        """Return this map with a child set in its place, or added at the end."""
        assert isinstance(self.value, dict)
        return replace(self, value={**self.value, key: child})


def dotted(path: tuple[str | int, ...]) -> str:
    """Return a path as it appears in messages.

    >>> dotted(("utilities", "decoder", 0))
    'utilities.decoder[0]'
    """
    return "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path).removeprefix(".")


def walk(tree: Node, path: tuple[str | int, ...]) -> tuple[list[tuple[str | int, Node]], bool]:
    """Follow a path as far as the tree has it; return the steps taken and whether the last part of the path was one.

    Parts that the tree lacks are skipped: the schema brings what may be written in several ways into one form, so that its
    paths have parts that nobody wrote. A name also leads to the item of a list that is this name.
    """
    steps: list[tuple[str | int, Node]] = []
    node, is_found = tree, True
    for part in path:
        step = _step(node, part)
        is_found = step is not None
        if step:
            steps.append(step)
            node = step[1]
    return steps, is_found


def _step(node: Node, part: str | int) -> tuple[str | int, Node] | None:
    if part in node.children:
        return part, node.children[part]
    if isinstance(part, str) and isinstance(node.value, tuple):
        return next(((index, child) for index, child in enumerate(node.value) if child.value == part), None)
    return None
