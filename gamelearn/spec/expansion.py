"""What columns and templates of a spec stand for, before the spec is validated.

It is a pure function of the tree and the columns of its tables, after presets and overrides. This file expands trees.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from gamelearn.errors import Problem
from gamelearn.options import Mistake
from gamelearn.spec.columns import ColumnsError, Table, expand_columns
from gamelearn.spec.kinds import DatasetOptions, TableColumn
from gamelearn.spec.node import Node
from gamelearn.spec.paths import resolve_paths
from gamelearn.spec.source import MAX_BYTES, MAX_NODES
from gamelearn.spec.templates import TEMPLATES, Filled, expand_templates

_LINE_BYTES = 16


@dataclass(frozen=True)
class Expansion:
    """The tables of a spec, and what became of its templates."""

    tables: tuple[Table, ...] = ()
    templates: tuple[Filled, ...] = ()

    def sentences(self) -> tuple[str, ...]:
        """Return for people what was made of columns and templates."""
        tables = (
            f"{table.name!r} stands for {len(table.columns)} columns"
            + (f" in {len(table.groups)} groups: {', '.join(table.groups)}" if table.groups else f": {', '.join(table.columns)}")
            for table in self.tables
        )
        notes = (f"NOTICE: {table.name!r}: {note}" for table in self.tables for note in table.notes)
        return (*tables, *notes, *map(str, self.templates))

    def told_once(self, problems: Iterable[Problem]) -> list[Problem]:
        """Return problems without those that a template has for another of its instances at the same place."""
        told: list[Problem] = []
        more: dict[int, int] = {}
        places: dict[object, int] = {}
        for each in problems:
            key = (each.position, each.severity) if self._is_of_template(each) else len(told)
            if key in places:
                more[places[key]] = more.get(places[key], 0) + 1
            else:
                places[key] = len(told)
                told.append(each)
        return [
            replace(each, what=f"{each.what} (in a template; {more[index]} more like this)") if index in more else each
            for index, each in enumerate(told)
        ]

    def _is_of_template(self, problem: Problem) -> bool:
        place = problem.position
        return place is not None and any(place.file == each.file and place.line in each.lines for each in self.templates)


NOTHING_EXPANDED = Expansion()


class Expander:
    """Expands the trees of one spec, reading each of its tables once.

    Args:
        folder: of the spec.
        untrusted: whether files outside of it and of the data root are refused.
    """

    def __init__(self, folder: FilePath, *, untrusted: bool) -> None:
        self._folder, self._untrusted = folder, untrusted
        self._known: dict[str, Sequence[TableColumn] | None] = {}

    def expanded(self, tree: Node) -> tuple[Node, Expansion]:
        """Return a tree without tables and templates, and what these stood for.

        Raises:
            ColumnsError: what is wrong with them.
        """
        tree, tables = expand_columns(tree, self._read)
        tree, templates = expand_templates(tree, tables)
        if (tables or templates) and max(_size(tree)[0] / MAX_NODES, _size(tree)[1] / MAX_BYTES) > 1:
            what = f"columns and templates make more than the {MAX_NODES} values or {MAX_BYTES // 1024} KiB that a spec may have"
            raise ColumnsError([Mistake((TEMPLATES if templates else "variables",), what, on_key=True)])
        return tree, Expansion(tuple(tables.values()), templates)

    def expanded_if_sound(self, tree: Node) -> Node:
        """Return an expanded tree; the tree itself where there is nothing to expand, or it has mistakes."""
        try:
            made, expansion = self.expanded(resolve_paths(tree, self._folder)[0])
        except ColumnsError:
            return tree
        return made if expansion.tables or expansion.templates else tree

    def _read(self, options: DatasetOptions) -> Sequence[TableColumn] | None:
        key = repr(options)
        if key not in self._known:
            self._known[key] = options.table(self._folder, untrusted=self._untrusted)
        return self._known[key]


def _size(node: Node) -> tuple[int, int]:
    """Return how many values a tree has, and about how many bytes as YAML."""
    nodes, size = 1, _LINE_BYTES + (len(node.key.value) if node.key else 0) + (len(node.value) if isinstance(node.value, str) else 0)
    for child in node.children.values():
        below = _size(child)
        nodes, size = nodes + below[0] + (child.key is not None), size + below[1]
    return nodes, size
