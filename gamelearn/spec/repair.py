"""A spec with mistakes made whole enough to look for more of them.

An unknown key takes the name that was probably meant, or goes; a wrong value of an option goes, so that its default holds. So
the mistakes of formulas can be reported together with those of the schema. This file repairs trees.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace

from pydantic import ValidationError

from gamelearn.options import Mistake, Options, Path, mistakes_of
from gamelearn.spec.node import Node, walk
from gamelearn.spec.schema import Spec

_ATTEMPTS = 4


def validate_tree(tree: Node) -> tuple[Spec | None, list[Mistake]]:
    """Return the spec of a tree, or its mistakes."""
    try:
        return Spec.model_validate(tree.plain()), []
    except ValidationError as error:
        return None, mistakes_of(error)


def repair(tree: Node, mistakes: Iterable[Mistake], merge: Callable[[Node, Node], Node]) -> tuple[Spec, Node] | None:
    """Return a spec, with its tree, that has none of the mistakes; None where one cannot be mended without a guess.

    `merge` lays what stands under a misspelt key over what its name has already.
    """
    for _ in range(_ATTEMPTS):
        edits = _edits(tree, mistakes)
        if edits is None:
            return None
        tree = _edited(tree, edits, merge, ())
        spec, mistakes = validate_tree(tree)
        if spec:
            return spec, tree
    return None


@dataclass
class _Edits:
    dropped: set[Path] = field(default_factory=set)
    renamed: dict[Path, str] = field(default_factory=dict)
    values: dict[Path, str] = field(default_factory=dict)


def _edits(tree: Node, mistakes: Iterable[Mistake]) -> _Edits | None:
    edits = _Edits()
    options = option_names()
    for each in mistakes:
        steps, is_found = walk(tree, each.path)
        path = tuple(part for part, _ in steps)
        if each.on_key and is_found and each.what.startswith("unknown key"):
            above = steps[-2][1] if len(steps) > 1 else tree
            if each.suggestion and not _stands_beside(above, each.suggestion):
                edits.renamed[path] = each.suggestion
            else:
                edits.dropped.add(path)
        elif each.suggestion and is_found and not each.on_key and not each.offset and isinstance(steps[-1][1].value, str):
            edits.values[path] = each.suggestion
        else:
            while path and path[-1] not in options:
                path = path[:-1] if isinstance(path[-1], int) else ()
            if not path or each.on_key:
                return None
            edits.dropped.add(path)
    return edits


def _stands_beside(above: Node, key: str) -> bool:
    """Whether a map has a key, and not from a map that it was laid over."""
    child = above.children.get(key)
    return child is not None and child.position.file == above.position.file and child.position >= above.position


def option_names() -> frozenset[str]:
    """Return the keys of all options models; other keys of a spec are its author's own names."""
    names: set[str] = set()
    models = [Options]
    while models:
        model = models.pop()
        names.update(model.keys())
        models += model.__subclasses__()
    return frozenset(names)


def _edited(node: Node, edits: _Edits, merge: Callable[[Node, Node], Node], path: Path) -> Node:
    if path in edits.values:
        return replace(node, value=edits.values[path])
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(_edited(child, edits, merge, (*path, index)) for index, child in enumerate(node.value)))
    if isinstance(node.value, dict):
        kept = [(key, child) for key, child in node.value.items() if (*path, key) not in edits.dropped]
        made: dict[str, Node] = {}
        for key, child in kept:
            name, edited = edits.renamed.get((*path, key), key), _edited(child, edits, merge, (*path, key))
            made[name] = merge(made[name], edited) if name in made else edited
        return replace(node, value=made)
    return node
