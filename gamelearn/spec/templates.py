"""Parts of a spec that are written once and stand for many: one for every column of a table, or for every group of columns.

In a template `{column}`, `{group}` and `{others}` are filled in. `{others}` are all other columns of what `each` names, as a group
of their own. What the instances give is joined: maps by their keys, lists one after the other. This file fills in templates.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from gamelearn.errors import Position, nearest, quoted
from gamelearn.options import Mistake, Path, mistakes_of
from gamelearn.spec.columns import ColumnsError, Table, made_node
from gamelearn.spec.node import Node, Text, dotted
from gamelearn.spec.schema import Template

TEMPLATES = "templates"
_PLACEHOLDER = re.compile(r"\{(\w*)\}")
_EACH = re.compile(r"(column|group) of ([A-Za-z_]\w*)")
_COLUMN = "column"
_GROUP = "group"
_OTHERS = "others"


@dataclass(frozen=True)
class Filled:
    """What a template became: the names of what `each` stands for, the players, and the lines of the file that it has."""

    name: str
    each: str
    members: tuple[str, ...]
    players: tuple[str, ...]
    file: str
    lines: range

    def __str__(self) -> str:
        """Return a sentence for people."""
        players = f" became {len(self.players)} players: {', '.join(self.players)}" if self.players else " is filled in"
        return f"template {self.name!r}{players} ({self.each}, {len(self.members)})"


def expand_templates(tree: Node, tables: Mapping[str, Table]) -> tuple[Node, tuple[Filled, ...]]:
    """Return a spec's tree with its templates filled in, and what became of each.

    Args:
        tree: a spec whose tables have been expanded.
        tables: by name.

    Raises:
        ColumnsError: a template names what is not there, or gives what the spec has already.
    """
    templates = tree.find((TEMPLATES,))
    if templates is None:
        return tree, ()
    assert isinstance(tree.value, dict)
    tree = replace(tree, value={key: node for key, node in tree.value.items() if key != TEMPLATES})
    if not isinstance(templates.value, dict):
        raise ColumnsError([Mistake((TEMPLATES,), "expected a map of templates by name")])
    found: list[Mistake] = []
    filled: list[Filled] = []
    for name, node in templates.value.items():
        try:
            instances = _instances(name, node, tables)
        except ColumnsError as error:
            found += error.mistakes
            continue
        joined = _Joined(tree, (TEMPLATES, name))
        tree = joined.add(instances)
        found += joined.mistakes
        filled.append(_filled(name, node, instances))
    if found:
        raise ColumnsError(found)
    return tree, tuple(filled)


@dataclass
class _Instances:
    """The parts of a spec that a template stands for, with the groups that `{others}` named."""

    each: str
    members: tuple[str, ...]
    parts: list[Node] = field(default_factory=list)
    groups: dict[str, list[str]] = field(default_factory=dict)


@dataclass(frozen=True)
class _Binding:
    """What placeholders stand for at some place of a template."""

    table: Table
    scope: tuple[str, ...]
    column: str | None = None
    group: str | None = None

    @property
    def names(self) -> dict[str, str]:
        bound = {_COLUMN: self.column, _GROUP: self.group}
        return {name: value for name, value in bound.items() if value is not None}

    def others(self) -> tuple[str, list[str]]:
        """Return the group of the other columns, by its name."""
        own = (self.column,) if self.column else self.table.groups[self.group or ""]
        return f"{self.table.name}_but_{self.column or self.group}", [each for each in self.scope if each not in own]


def _instances(name: str, node: Node, tables: Mapping[str, Table]) -> _Instances:
    path: Path = (TEMPLATES, name)
    try:
        options = Template.model_validate(node.plain())
    except ValidationError as error:
        raise ColumnsError([each.below(path) for each in mistakes_of(error)]) from None
    bindings = _bindings(options.each, tables, (*path, "each"))
    assert isinstance(node.value, dict)
    body = replace(node, value={key: child for key, child in node.value.items() if key != "each"})
    known = (_COLUMN, _GROUP, _OTHERS) if bindings[0].group else (_COLUMN, _OTHERS)
    _check_placeholders(body, known, path)
    made = _Instances(options.each, tuple(each.column or each.group or "" for each in bindings))
    filler = _Filler(made.groups)
    made.parts = [filler.fill(body, binding, path) for binding in bindings]
    if filler.mistakes:
        raise ColumnsError(list(dict.fromkeys(filler.mistakes)))
    return made


def _bindings(each: str, tables: Mapping[str, Table], path: Path) -> list[_Binding]:
    found = _EACH.fullmatch(each.strip())
    if found is None:
        raise ColumnsError([Mistake(path, f"expected 'column of NAME' or 'group of NAME', got {each!r}")])
    kind, name = found.groups()
    groups = {group: Table(group, columns, {}) for table in tables.values() for group, columns in table.groups.items()}
    known = {**tables, **({} if kind == _GROUP else groups)}
    if name not in known:
        what = f"unknown table {name!r}; known: {quoted(known) or 'none: a variable NAME: {columns: ...} is one'}"
        raise ColumnsError([Mistake(path, what, nearest(name, known), offset=each.index(name))])
    table = known[name]
    if kind == _COLUMN:
        return [_Binding(table, table.columns, column=column) for column in table.columns]
    if not table.groups:
        raise ColumnsError([Mistake(path, f"the table {name!r} has no groups: add 'groups' to it")])
    return [_Binding(table, table.columns, group=group) for group in table.groups]


def _texts(node: Node, path: Path) -> Iterator[tuple[Path, str, bool]]:
    """Yield every key and text below a node, with its path and whether it is a key."""
    for part, child in node.children.items():
        if isinstance(part, str):
            yield (*path, part), part, True
        yield from _texts(child, (*path, part))
    if isinstance(node.value, str):
        yield path, node.value, False


def _check_placeholders(body: Node, known: Sequence[str], path: Path) -> None:
    wrong, used = [], set()
    for place, text, on_key in _texts(body, path):
        for found in _PLACEHOLDER.finditer(text):
            used.add(found[1])
            if found[1] not in known:
                names = quoted(f"{{{name}}}" for name in known)
                hint = nearest(found[1], known)
                suggestion = f"{{{hint}}}" if hint else None
                wrong.append(Mistake(place, f"unknown placeholder {found[0]!r}; known: {names}", suggestion, on_key, found.start()))
    if wrong:
        raise ColumnsError(wrong)
    if not used:
        names = " or ".join(f"'{{{name}}}'" for name in known if name != _OTHERS)
        raise ColumnsError([Mistake(path, f"nothing in this template names {names}: it says the same each time", on_key=True)])


def _is_open(text: str, binding: _Binding) -> bool:
    """Whether a text stands for every column of a group."""
    return binding.column is None and f"{{{_COLUMN}}}" in text


class _Filler:
    """Fills in placeholders; what names every column of a group is repeated for each of them."""

    def __init__(self, groups: dict[str, list[str]]) -> None:
        self.groups = groups
        self.mistakes: list[Mistake] = []

    def fill(self, node: Node, binding: _Binding, path: Path) -> Node:
        """Return a node with its placeholders filled in."""
        if isinstance(node.value, dict):
            entries: dict[str, Node] = {}
            for key, child in node.value.items():
                for inner in _opened(binding, _is_open(key, binding)):
                    name = self._text(child.key, inner, (*path, key), on_key=True) if child.key else None
                    filled = replace(self.fill(child, inner, (*path, key)), key=name)
                    entries[name.value if name else key] = filled
            return replace(node, value=entries)
        if isinstance(node.value, tuple):
            return replace(node, value=tuple(self._items(node.value, binding, path)))
        if isinstance(node.value, str) and node.text:
            text = self._text(node.text, binding, path, on_key=False)
            return replace(node, value=text.value, text=text)
        return node

    def _items(self, items: Sequence[Node], binding: _Binding, path: Path) -> Iterator[Node]:
        for index, item in enumerate(items):
            is_open = any(_is_open(text, binding) for _, text, _ in _texts(item, ()))
            for inner in _opened(binding, is_open):
                yield self.fill(item, inner, (*path, index))

    def _text(self, text: Text, binding: _Binding, path: Path, *, on_key: bool) -> Text:
        value, origins, last = "", list[int](), 0
        for found in _PLACEHOLDER.finditer(text.value):
            name = self._name(found, binding, path, on_key)
            value += text.value[last : found.start()] + name
            origins += [*range(last, found.start()), *[found.start()] * len(name)]
            last = found.end()
        if not last:
            return text
        return Text(value + text.value[last:], text.raw, text.style, text.position, (text, (*origins, *range(last, len(text.value)))))

    def _name(self, found: re.Match[str], binding: _Binding, path: Path, on_key: bool) -> str:
        if found[1] == _OTHERS:
            group, columns = binding.others()
            self.groups[group] = columns
            if columns:
                return group
            what = f"there are no other columns than those of {binding.column or binding.group!r}"
        elif found[1] in binding.names:
            return binding.names[found[1]]
        else:
            what = "'{column}' stands for every column of the group: write it in a key, or in an item of a list"
        self.mistakes.append(Mistake(path, what, on_key=on_key, offset=found.start()))
        return found[1]


def _opened(binding: _Binding, is_open: bool) -> Sequence[_Binding]:
    if not is_open:
        return [binding]
    return [replace(binding, column=column) for column in binding.table.groups[binding.group or ""]]


class _Joined:
    """A spec to which instances of a template are added."""

    def __init__(self, tree: Node, template: Path) -> None:
        self.tree, self.template = tree, template
        self.mistakes: list[Mistake] = []

    def add(self, instances: _Instances) -> Node:
        """Return the spec with the instances, and the groups that they name."""
        for part in instances.parts:
            self.tree = self._join(self.tree, part, ())
        variables = self.tree.find(("variables",))
        assert variables is not None
        for name, columns in instances.groups.items():
            same = variables.children.get(name)
            if same is not None and same.plain() != columns:
                self._clash(("variables", name))
            variables = variables.with_child(name, made_node(columns, instances.parts[0], key=name))
        return self.tree.with_child("variables", variables)

    def _join(self, base: Node, more: Node, path: Path) -> Node:
        if isinstance(base.value, tuple) and isinstance(more.value, tuple):
            return replace(base, value=base.value + more.value)
        if not (isinstance(base.value, dict) and isinstance(more.value, dict)):
            if base.plain() != more.plain():
                self._clash(path)
            return base
        merged = dict(base.value)
        for key, child in more.value.items():
            if key not in merged:
                merged[key] = child
            elif path == ("players",):
                self._clash((*path, key))
            else:
                merged[key] = self._join(merged[key], child, (*path, key))
        return replace(base, value=merged)

    def _clash(self, path: Path) -> None:
        what = f"gives {dotted(path)!r}, which the spec or another instance has already"
        if not any(each.what.endswith("has already") for each in self.mistakes):
            self.mistakes.append(Mistake(self.template, what, on_key=True))


def _filled(name: str, node: Node, instances: _Instances) -> Filled:
    found = [part.find(("players",)) for part in instances.parts]
    players = [player for each in found if each for player in each.children]
    lines = [each.line for each in _positions(node)]
    return Filled(name, instances.each, instances.members, tuple(map(str, players)), node.position.file, range(min(lines), max(lines) + 1))


def _positions(node: Node) -> Iterator[Position]:
    yield node.position
    for child in node.children.values():
        yield from _positions(child)
