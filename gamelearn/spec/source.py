"""From the text of a YAML file to a tree that knows where everything stands.

The language is YAML with the scalars of its version 1.2, without tags, merge keys and several documents. Size, depth and
aliases are bounded before anything is built, so that no file can exhaust the memory. This file reads text into nodes.
"""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path as FilePath

from yaml.error import Mark
from yaml.events import (
    AliasEvent,
    CollectionEndEvent,
    CollectionStartEvent,
    DocumentStartEvent,
    Event,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceStartEvent,
)

from gamelearn.errors import Position, Problem, SpecError, nearest, quoted
from gamelearn.spec.node import LINE_BREAK, Node, Text, dotted
from gamelearn.spec.scalars import read_plain
from gamelearn.spec.syntax import SyntaxProblem, events

MAX_BYTES = 256 * 1024
MAX_DEPTH = 50
MAX_NODES = 10_000
MAX_KEY = 500
SPLIT_FORMULA = "a comma splits a formula inside [ ]: quote it or give it its own line"

_PROPERTIES = re.compile(r"([&!]\S*\s+)+")
_FORBIDDEN = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def read_source(path: FilePath | str) -> Node:
    """Read a YAML file.

    Raises:
        SpecError: there is no such file, it is too large, not UTF-8, or not the YAML that specs are written in.
    """
    return parse_source(read_text(path), str(path))


def read_text(path: FilePath | str) -> str:
    """Return the text of a spec file.

    Raises:
        SpecError: there is no such file, it is too large, or it is not UTF-8.
    """
    file = FilePath(path)
    try:
        if not file.is_file():
            raise _refused(path, "this is not a file" if file.exists() else "there is no such file")
        if file.stat().st_size > MAX_BYTES:
            raise _refused(path, f"the file is larger than {MAX_BYTES // 1024} KiB, the most that a spec may have")
        with file.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        raise _refused(path, f"the file cannot be read: {getattr(error, 'strerror', None) or error}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        *lines, last = data[: error.start].split(b"\n")
        what = f"the file is not UTF-8 (byte 0x{data[error.start]:02x}): save it as UTF-8"
        raise _refused(path, what, len(lines) + 1, len(last.decode(errors="replace")) + 1) from None


def _refused(path: FilePath | str, what: str, line: int = 1, column: int = 1) -> SpecError:
    return SpecError([Problem("", what, position=Position(str(path), line, column))])


def parse_source(text: str, file: str) -> Node:
    """Read a YAML text; `file` is named in the places of its nodes.

    Raises:
        SpecError: the text is not the YAML that specs are written in; all that is wrong, unless the grammar stops the reading.

    >>> parse_source("{a: 1e-4, b: no}", "example").plain()
    {'a': 0.0001, 'b': 'no'}
    """
    text = text.removeprefix("\ufeff")
    if len(text) > MAX_BYTES:
        raise _refused(file, f"the text is longer than {MAX_BYTES // 1024} KiB, the most that a spec may have")
    if match := _FORBIDDEN.search(text):
        *lines, last = LINE_BREAK.split(text[: match.start()])
        raise _refused(file, f"a control character (code {ord(match[0])}) cannot stand in a spec", len(lines) + 1, len(last) + 1)
    return _Composer(text, file).document()


class _Stop(Exception):
    """A problem after which reading goes no further."""


class _Composer:
    """Builds nodes from events, and collects the problems."""

    def __init__(self, text: str, file: str) -> None:
        self.text, self.file = text, file
        self.events: Iterator[Event] = events(text)
        self.problems: list[Problem] = []
        self.anchors: dict[str, tuple[Node, int] | None] = {}
        self.path: tuple[str | int, ...] = ()
        self.last: tuple[ScalarEvent, tuple[str | int, ...]] | None = None
        self.nodes = self.depth = 0

    def document(self) -> Node:
        node = None
        try:
            node = self._document()
        except _Stop:
            pass
        except SyntaxProblem as error:
            self._syntax(error)
        if node is None or self.problems:
            raise SpecError(self.problems)
        return node

    def _document(self) -> Node:
        next(self.events)  # the start of the stream
        if not isinstance(next(self.events), DocumentStartEvent):
            raise self._stop("the file is empty", Position(self.file, 1, 1))
        node = self._node(next(self.events), None)
        next(self.events)  # the end of the document
        event = next(self.events)
        if isinstance(event, DocumentStartEvent):
            raise self._stop("a second document begins here ('---'): a spec is one document", self._position(event))
        return node

    def _node(self, event: Event, formula: "_FlowFormula | None") -> Node:
        position = self._position(event)
        if isinstance(event, AliasEvent):
            return self._alias(event.anchor or "", position)
        assert isinstance(event, NodeEvent)
        before = self._count(1, position)
        if event.anchor:
            self.anchors[event.anchor] = None
        if getattr(event, "tag", None):
            self._report("tags ('!') are not part of the language", position)
        build = self._scalar if isinstance(event, ScalarEvent) else self._collection
        node = build(event, position, formula)
        if event.anchor:
            self.anchors[event.anchor] = (node, self.nodes - before)
        return node

    def _collection(self, event: Event, position: Position, formula: "_FlowFormula | None") -> Node:
        if self.depth >= MAX_DEPTH:
            raise self._stop(f"more than {MAX_DEPTH} levels inside each other", position)
        self.depth += 1
        assert isinstance(event, CollectionStartEvent)
        brackets = self.text[_start(event).index] in "[{" or event.anchor or event.tag
        inner = (_FlowFormula() if brackets else formula) if event.flow_style else None
        build = self._map if isinstance(event, MappingStartEvent) else self._list
        node = Node(build(inner), position)
        self.depth -= 1
        return node

    def _list(self, formula: "_FlowFormula | None") -> tuple[Node, ...]:
        nodes: list[Node] = []
        above = self.path
        while not isinstance(event := next(self.events), CollectionEndEvent):
            self.path = (*above, len(nodes))
            nodes.append(self._node(event, formula))
        self.path = above
        return tuple(nodes)

    def _map(self, formula: "_FlowFormula | None") -> dict[str, Node]:
        nodes: dict[str, Node] = {}
        above = self.path
        while not isinstance(event := next(self.events), CollectionEndEvent):
            key = self._key(event, formula)
            self.path = (*above, key.value) if key else above
            value_event = next(self.events)
            if formula and isinstance(event, ScalarEvent) and "|" in event.value and not event.style and _is_absent(value_event):
                self._split(formula, self._position(event))
            value = self._node(value_event, formula)
            if key and key.value in nodes:
                first = nodes[key.value].key_position or key.position
                self._report(f"the key {key.value!r} stands here twice, first on line {first.line} column {first.column}", key.position)
            elif key:
                nodes[key.value] = replace(value, key=key)
            self.path = above
        return nodes

    def _key(self, event: Event, formula: "_FlowFormula | None") -> Text | None:
        """Read a key; None when it is no text, which is reported."""
        position = self._position(event)
        if isinstance(event, AliasEvent):
            self._report("an alias cannot be a key: write the key out", position)
            return None
        node = self._node(event, formula)
        if not isinstance(event, ScalarEvent) or node.text is None:
            kind = "a list" if isinstance(event, SequenceStartEvent) else "a map"
            self._report(f"a key is a text, got {kind}: quote it", position)
            return None
        if not isinstance(node.value, str):
            self._report(f"a key is a text, got {event.value or 'nothing'}: quote it", position)
        elif node.value == "<<" and not event.style:
            self._report("merge keys ('<<') are not part of the language: write the keys out", position)
        elif len(node.value) > MAX_KEY:
            self._report(f"the key has more than {MAX_KEY} characters", position)
        return node.text

    def _scalar(self, event: Event, position: Position, formula: "_FlowFormula | None") -> Node:
        assert isinstance(event, ScalarEvent)
        text = self._text(event, position)
        self.last = (event, self.path)
        if event.style:
            if match := _FORBIDDEN.search(event.value):
                self._report(f"an escape gives a control character (code {ord(match[0])})", text.at(match.start()))
            return Node(event.value, position, text=text)
        if formula and formula.opens(event.value):
            self._report(SPLIT_FORMULA, position)
        try:
            return Node(read_plain(event.value), position, text=text)
        except ValueError as error:
            self._report(str(error), position)
            return Node(None, position, text=text)

    def _text(self, event: ScalarEvent, position: Position) -> Text:
        """Return the text of a scalar, without an anchor before it."""
        raw = self.text[_start(event).index : _end(event).index]
        if properties := _PROPERTIES.match(raw):
            position = Text(raw, raw, "", position).at(properties.end())
            raw = raw[properties.end() :]
        return Text(event.value, raw, event.style or "", position)

    def _alias(self, name: str, position: Position) -> Node:
        if name not in self.anchors:
            known = quoted(f"*{each}" for each in self.anchors) or "none"
            hint = nearest(name, self.anchors)
            raise self._stop(f"unknown alias '*{name}'; known: {known}", position, f"*{hint}" if hint else None)
        anchored = self.anchors[name]
        if anchored is None:
            raise self._stop(f"the alias '*{name}' stands inside its own anchor '&{name}'", position)
        node, size = anchored
        self._count(size, position)
        if self.depth + _height(node) > MAX_DEPTH:
            raise self._stop(f"more than {MAX_DEPTH} levels inside each other", position)
        return node

    def _count(self, nodes: int, position: Position) -> int:
        before = self.nodes
        self.nodes += nodes
        if self.nodes > MAX_NODES:
            raise self._stop(f"more than {MAX_NODES} values, with the aliases expanded", position)
        return before

    def _split(self, formula: "_FlowFormula", position: Position) -> None:
        if not formula.is_open:
            self._report(SPLIT_FORMULA, position)

    def _syntax(self, error: SyntaxProblem) -> None:
        """Report where the grammar stops; `E[` inside brackets is a formula that wants quotes."""
        if self.last and _end(self.last[0]).index == error.index and self.text[error.index : error.index + 1] == "[":
            event, self.path = self.last
            if re.search(r"\bE$", event.value):
                self._report(SPLIT_FORMULA, self._position(event))
                return
        self.path = ()
        self._report(error.what, Position(self.file, error.line + 1, error.column + 1))

    def _position(self, event: Event) -> Position:
        mark = _start(event)
        return Position(self.file, mark.line + 1, mark.column + 1)

    def _report(self, what: str, position: Position, suggestion: str | None = None) -> None:
        self.problems.append(Problem(dotted(self.path), what, suggestion, position))

    def _stop(self, what: str, position: Position, suggestion: str | None = None) -> _Stop:
        self.path = ()
        self._report(what, position, suggestion)
        return _Stop()


class _FlowFormula:
    """Follows the parentheses of the plain scalars in one `[ ]` or `{ }`: a comma inside them splits a formula."""

    def __init__(self) -> None:
        self.unclosed = 0

    @property
    def is_open(self) -> bool:
        return self.unclosed > 0

    def opens(self, piece: str) -> bool:
        """Take the next piece; return whether it is the first of a split formula."""
        was_open = self.is_open
        balance = piece.count("(") - piece.count(")")
        self.unclosed = max(0, self.unclosed + balance)
        return not was_open and balance != 0


def _start(event: Event) -> Mark:
    assert isinstance(event.start_mark, Mark)  # every event of the pure Python parser has its marks
    return event.start_mark


def _end(event: Event) -> Mark:
    assert isinstance(event.end_mark, Mark)
    return event.end_mark


def _is_absent(event: Event) -> bool:
    return isinstance(event, ScalarEvent) and _start(event).index == _end(event).index


def _height(node: Node) -> int:
    return 1 + max(map(_height, node.children.values()), default=0) if isinstance(node.value, dict | tuple) else 0
