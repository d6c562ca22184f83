"""Variables that stand for the columns of a table, in place of a list of them.

`table: {columns: "*"}` under `variables` becomes a variable per column, with its type, and the group `table` of all of them;
`groups` divides it. A stream may then show the table by its name. This file reads such variables.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from fnmatch import translate
from itertools import zip_longest
from typing import Any

from pydantic import ValidationError
from pydantic_core import PydanticCustomError

from gamelearn.errors import DataError, first_of, nearest, quoted
from gamelearn.options import Mistake, Path, mistakes_of
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import DatasetOptions, TableColumn
from gamelearn.spec.node import Node, Text
from gamelearn.spec.schema import Columns

REST = "rest"
_WILDCARDS = re.compile(r"[*?[]")
_MOST_SUGGESTIONS = 20
ReadTable = Callable[[DatasetOptions], Sequence[TableColumn] | None]
"""Reads the columns of a data set; None where it is no table."""


@dataclass(frozen=True)
class Table:
    """The columns that a name under `variables` stands for, with the groups that divide them, in order.

    `notes` are what is to be said of them, and of those that are left out.
    """

    name: str
    columns: tuple[str, ...]
    groups: Mapping[str, tuple[str, ...]]
    notes: tuple[str, ...] = ()


class ColumnsError(Exception):
    """Mistakes of a spec whose tables cannot be read, each with its path."""

    def __init__(self, mistakes: Sequence[Mistake]) -> None:
        super().__init__(mistakes)
        self.mistakes = tuple(mistakes)


def expand_columns(tree: Node, read: ReadTable) -> tuple[Node, dict[str, Table]]:
    """Return a spec's tree with variables, groups and streams in place of the names of tables, and what these stand for.

    Args:
        tree: a spec, after presets and overrides.
        read: reads a table's columns.

    Raises:
        ColumnsError: a table cannot be read, a pattern matches no column, or groups do not divide the columns.
    """
    variables = tree.find(("variables",))
    declared = {name: node for name, node in (variables.children.items() if variables else ()) if "columns" in node.children}
    if variables is None or not declared:
        return _with_streams(tree), {}
    found: list[Mistake] = []
    tables: dict[str, Table] = {}
    types: dict[str, TableColumn] = {}
    for name in map(str, declared):
        try:
            table, known = _table(tree, name, declared[name], read)
        except ColumnsError as error:
            found += error.mistakes
            continue
        found += _clashes(table, variables, [*tables.values()])
        tables[name] = table
        types |= {column: known[column] for column in table.columns}
    if found:
        raise ColumnsError(found)
    tree = tree.with_child("variables", replace(variables, value=_variables(variables, tables, types)))
    return _with_streams(tree), tables


def _clashes(table: Table, variables: Node, others: Sequence[Table]) -> list[Mistake]:
    taken = {name for name in variables.children if name != table.name}
    taken |= {name for other in others for name in (*other.columns, *other.groups)}.difference(table.columns)
    path = ("variables", table.name, "columns")
    wrong = [name for name in (*table.columns, *table.groups) if name in taken or name == table.name]
    wrong += sorted(table.groups.keys() & set(table.columns))
    what = "the table's columns and groups need names of their own, which other variables have too: "
    return [Mistake(path, f"{what}{quoted(dict.fromkeys(wrong))}")] if wrong else []


def _table(tree: Node, name: str, node: Node, read: ReadTable) -> tuple[Table, dict[str, TableColumn]]:
    path: Path = ("variables", name)
    try:
        options = Columns.model_validate(node.plain())
    except ValidationError as error:
        raise ColumnsError([each.below(path) for each in mistakes_of(error)]) from None
    known = {column.name: column for column in _columns(tree, path, options.dataset, read)}
    left_out, named = set(_matching(known, options.except_, (*path, "except"))), set(options.columns)
    meant = [each for each in _matching(known, options.columns, (*path, "columns")) if each not in left_out]
    chosen = {each: None for each in meant if not known[each].is_left_out or each in named}
    notes = [known[each].note for each in meant if known[each].note and not (known[each].is_left_out and each in chosen)]
    if not chosen:
        raise ColumnsError([Mistake((*path, "columns"), "no column is left")])
    groups = _groups(name, tuple(chosen), options.groups, (*path, "groups"))
    return Table(name, tuple(chosen), groups, first_of(notes, "notices of columns")), known


def _columns(tree: Node, path: Path, name: str | None, read: ReadTable) -> Sequence[TableColumn]:
    """Return the columns of the data set that a table names, or of the only one; of what stands in for it where it is absent."""
    places = _places(tree, path, name)
    reasons: list[Mistake] = []
    for place in places:
        found = tree.find(place)
        assert found is not None
        try:
            columns = read(DATASETS.options_of(found.plain()))
        except PydanticCustomError as error:
            raise ColumnsError([each.below(place) for each in (error.context or {})["mistakes"]]) from None
        except DataError as error:
            reasons.append(Mistake(place, f"the columns of the table cannot be read: {error}"))
            continue
        if columns is None:
            kind = found.plain().get("type")
            raise ColumnsError([Mistake((*path, "columns"), f"the data set {kind!r} is no table, of which columns could be taken")])
        return columns
    raise ColumnsError(reasons)


def _places(tree: Node, path: Path, name: str | None) -> list[Path]:
    data = tree.find(("data",))
    several = data.find(("datasets",)) if data else None
    known = [each for each in several.children if isinstance(each, str)] if several else []
    if data and "dataset" in data.children and name is None:
        return [("data", each) for each in ("dataset", "otherwise") if each in data.children]
    if name in known or (name is None and len(known) == 1):
        return [("data", "datasets", name or known[0])]
    if name is not None:
        raise ColumnsError(
            [Mistake((*path, "dataset"), f"unknown data set {name!r}; known: {quoted(known) or 'none'}", nearest(name, known))]
        )
    what = f"columns of which data set? add 'dataset', one of {quoted(known)}" if known else "there is no data set whose columns these are"
    raise ColumnsError([Mistake((*path, "columns"), what)])


def _matching(known: Mapping[str, Any], patterns: Sequence[str], path: Path) -> list[str]:
    """Return the columns that any of the patterns matches, in the order of the table."""
    found = {each: _matched(known, each) for each in patterns}
    unmatched = [each for each in found if not found[each]]
    if unmatched:
        what = f"columns: {quoted(known)}"
        hints = [nearest(each, known) for each in unmatched[:_MOST_SUGGESTIONS]]
        hinted = zip_longest(unmatched, hints)
        raise ColumnsError([Mistake(path, f"no column matches {each!r}; {what}", hint) for each, hint in hinted])
    chosen = {column for columns in found.values() for column in columns}
    return [column for column in known if column in chosen]


def _matched(known: Mapping[str, Any], pattern: str) -> list[str]:
    matches = re.compile(translate(pattern)).match
    others = [column for column in known if matches(column)] if _WILDCARDS.search(pattern) else []
    return [*([pattern] if pattern in known else []), *others]


def _groups(
    name: str, columns: Sequence[str], groups: int | Mapping[str, tuple[str, ...]] | None, path: Path
) -> dict[str, tuple[str, ...]]:
    if groups is None:
        return {}
    if isinstance(groups, int):
        return _equal_groups(name, columns, groups, path)
    every = dict.fromkeys(columns)
    made = {group: tuple(_matching(every, patterns, (*path, group))) for group, patterns in groups.items() if patterns != (REST,)}
    owners: dict[str, list[str]] = {column: [] for column in columns}
    for group, members in made.items():
        for column in members:
            owners[column].append(group)
    left = tuple(column for column in columns if not owners[column])
    made = {group: made.get(group, left) for group in groups}
    wrong = [
        Mistake((*path, some[1]), f"the column {column!r} is in the group {some[0]!r} too")
        for column, some in owners.items()
        if len(some) > 1
    ]
    rest = [group for group in groups if groups[group] == (REST,)]
    if len(rest) > 1:
        wrong.append(Mistake((*path, rest[1]), f"the group {rest[0]!r} has the rest already"))
    elif rest and not left:
        wrong.append(Mistake((*path, rest[0]), "no column is left for this group"))
    elif left and not rest:
        wrong.append(Mistake(path, f"{quoted(left)} {'is' if len(left) == 1 else 'are'} in no group: add it, or a group 'NAME: {REST}'"))
    if wrong:
        raise ColumnsError(wrong)
    return made


def _equal_groups(name: str, columns: Sequence[str], count: int, path: Path) -> dict[str, tuple[str, ...]]:
    """Divide columns, in their order, into so many groups whose sizes differ by one at most."""
    if count > len(columns):
        raise ColumnsError([Mistake(path, f"{count} groups of {len(columns)} columns would leave some empty")])
    bounds = [index * len(columns) // count for index in range(count + 1)]
    return {f"{name}_{index + 1}": tuple(columns[bounds[index] : bounds[index + 1]]) for index in range(count)}


def _variables(variables: Node, tables: Mapping[str, Table], types: Mapping[str, TableColumn]) -> dict[str, Node]:
    assert isinstance(variables.value, dict)
    made: dict[str, Node] = {}
    for name, node in variables.value.items():
        if name not in tables:
            made[name] = node
            continue
        table, place = tables[name], node.children["columns"]
        for column in table.columns:
            made.setdefault(column, made_node(_declaration(types[column]), place, key=column))
        for group, members in table.groups.items():
            made[group] = made_node(list(members), place, key=group)
        made[name] = replace(made_node(list(table.groups or table.columns), place), key=node.key)
    return made


def _declaration(column: TableColumn) -> dict[str, Any]:
    shape = {"shape": list(column.shape)} if column.shape else {}
    return {"type": column.type, **shape, **({"classes": column.classes} if column.classes else {})}


def made_node(value: Any, at: Node, *, key: str | None = None) -> Node:
    """Return plain values as nodes that all stand where another node does."""
    text = None if key is None else Text(key, key, "", at.position)
    if isinstance(value, dict):
        return Node({name: made_node(item, at, key=name) for name, item in value.items()}, at.position, text)
    if isinstance(value, list):
        return Node(tuple(made_node(item, at) for item in value), at.position, text)
    return Node(value, at.position, text, at.text)


def _with_streams(tree: Node) -> Node:
    """Return the tree with variables in place of the groups that streams list; a group with mistakes stays, as they are told there."""
    variables, streams = tree.find(("variables",)), tree.find(("data", "streams"))
    if variables is None or streams is None or not isinstance(streams.value, dict):
        return tree
    members = _members(variables)
    made = {}
    for name, stream in streams.value.items():
        shown = stream.children.get("variables", stream)
        if isinstance(shown.value, tuple):
            items = [column for item in shown.value for column in _shown(item, members)]
            shown = replace(shown, value=tuple(items))
            stream = stream.with_child("variables", shown) if isinstance(stream.value, dict) else shown
        made[name] = stream
    data = tree.children["data"]
    return tree.with_child("data", data.with_child("streams", replace(streams, value=made)))


def _members(variables: Node) -> dict[str, Sequence[str]]:
    """Return the variables of each group without mistakes, of groups inside it theirs."""
    children = {str(name): node for name, node in variables.children.items()}
    groups = {name: [str(each.value) for each in node.value] for name, node in children.items() if isinstance(node.value, tuple)}
    found: dict[str, Sequence[str]] = {name: [name] for name in children if name not in groups}
    while ready := [name for name, listed in groups.items() if name not in found and listed and all(each in found for each in listed)]:
        found |= {name: [*dict.fromkeys(each for member in groups[name] for each in found[member])] for name in ready}
    return {name: found[name] for name in groups if name in found}


def _shown(item: Node, members: Mapping[str, Sequence[str]]) -> list[Node]:
    if isinstance(item.value, str) and item.value in members:
        return [replace(made_node(column, item), text=item.text) for column in members[item.value]]
    return [item]
