"""One tree from several: the base that a file extends, the file, a preset, the command line; the later one wins.

Maps merge, lists replace, a map whose `net` or `type` changes is replaced whole, and `null` removes what an earlier one
said. This file merges the trees.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path as FilePath

from gamelearn.errors import Position, Problem, SpecError, nearest, quoted
from gamelearn.options import describe
from gamelearn.shipped import shipped_specs, spec_key
from gamelearn.spec.kinds import TAGS, OptimizerOptions, PlayerOptions
from gamelearn.spec.node import Node, Text
from gamelearn.spec.paths import expand_environment, is_inside
from gamelearn.spec.source import MAX_DEPTH, parse_source, read_text

_LENGTHS = ("rounds", "epochs", "minutes")
_IMPLIED_TYPES = {model.model_fields["type"].default for model in (OptimizerOptions, PlayerOptions)}
_LONGEST_CHAIN = 20
_MOST_NAMED = 10
_MOST_PRESETS = 50

Presets = str | Sequence[str] | None
"""One preset, several in order, or none."""


@dataclass(frozen=True)
class Composed:
    """A file with its bases: the merged tree without `extends` and `presets`, the presets, and the file's own text.

    `ground` is the merged tree of the bases alone, None where the file extends none.
    """

    tree: Node
    presets: Mapping[str, Node]
    text: str
    ground: Node | None = None


def merge(base: Node, over: Node, *, keep_nulls: bool = False) -> Node:
    """Return two maps as one; what `over` says wins.

    A `null` of `over` removes what `base` has; where `base` has nothing, or with `keep_nulls`, it stays. A length of training
    (`rounds`, `epochs`, `minutes`) takes the place of another one.
    """
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)) or _changes_kind(base.value, over.value):
        return over
    merged = dict(base.value)
    for key, child in over.value.items():
        if key not in merged:
            merged[key] = child
        elif child.value is None and not keep_nulls:
            del merged[key]
        else:
            below = _without_length(merged[key], child) if key == "train" else merged[key]
            merged[key] = merge(below, child, keep_nulls=keep_nulls)
    return replace(over, value=merged)


def _without_length(base: Node, over: Node) -> Node:
    """Return training values without their length, if `over` sets one."""
    if not (isinstance(base.value, dict) and isinstance(over.value, dict)):
        return base
    if all(name not in over.value or over.value[name].value is None for name in _LENGTHS):
        return base
    return replace(base, value={name: child for name, child in base.value.items() if name not in _LENGTHS})


def _changes_kind(base: dict[str, Node], over: dict[str, Node]) -> bool:
    for tag in TAGS:
        if tag in over:
            new = over[tag].value
            same = new == base[tag].value if tag in base else new in _IMPLIED_TYPES
            if not same and new is not None:
                return True
    return False


def read_composed(path: FilePath | str, *, untrusted: bool = False) -> Composed:
    """Read a spec file with everything that it extends.

    Raises:
        SpecError: a file cannot be read, extends itself, or extends what is not there.
    """
    text = read_text(path)
    tree = _map_of_spec(parse_source(text, str(path)))
    layers = [tree]
    seen = [FilePath(path).resolve()]
    while isinstance(tree.value, dict) and (extends := tree.value.get("extends")):
        base = _base_path(extends, FilePath(extends.position.file), FilePath(path).parent if untrusted else None)
        _check_chain(extends, base, seen)
        seen.append(base.resolve())
        tree = _map_of_spec(parse_source(read_text(base), str(base)))
        layers.insert(0, tree)
    presets = [_presets(layer) for layer in layers]
    merged, ground = _drop(layers[0]), None
    for layer in layers[1:]:
        ground, merged = merged, merge(merged, _drop(layer))
    return Composed(merged, _merged_presets(presets), text, ground)


def _map_of_spec(tree: Node) -> Node:
    if isinstance(tree.value, dict):
        return tree
    raise SpecError(
        [Problem("", f"a spec is a map of 'name', 'variables', 'players' and so on, got {describe(tree.plain())}", position=tree.position)]
    )


def _drop(tree: Node) -> Node:
    assert isinstance(tree.value, dict)
    return replace(tree, value={key: node for key, node in tree.value.items() if key not in ("extends", "presets")})


def _base_path(extends: Node, file: FilePath, fence: FilePath | None) -> FilePath:
    """Find the file that `extends` names: beside its own file, else among the shipped specs."""
    if not isinstance(extends.value, str):
        raise _problem("extends", f"expected the path of another spec, got {describe(extends.plain())}", extends.position)
    name, problem = expand_environment(extends.value)
    if problem:
        raise _problem("extends", problem, extends.position)
    path = file.parent / name
    if path.is_file():
        if fence is not None and not is_inside(path, fence):
            raise _problem("extends", f"{name!r} lies outside of the spec's folder, which an untrusted spec may not read", extends.position)
        return path
    shipped = shipped_specs()
    if spec_key(name) in shipped:
        return shipped[spec_key(name)]
    beside = sorted(other.name for other in file.parent.glob("*.y*ml"))
    what = f"there is no file {name!r} beside {file.name!r}, and no shipped spec of this name; beside it: {quoted(beside[:_MOST_NAMED])}"
    raise _problem("extends", what, extends.position, nearest(name, [*beside, *shipped]))


def _check_chain(extends: Node, base: FilePath, seen: list[FilePath]) -> None:
    if base.resolve() in seen:
        chain = " -> ".join(path.name for path in [*seen, base])
        raise _problem("extends", f"the files extend each other in a circle: {chain}", extends.position)
    if len(seen) >= _LONGEST_CHAIN:
        raise _problem("extends", f"more than {_LONGEST_CHAIN} files extend each other", extends.position)


def _problem(where: str, what: str, position: Position, suggestion: str | None = None) -> SpecError:
    return SpecError([Problem(where, what, suggestion, position)])


def _presets(tree: Node) -> dict[str, Node]:
    presets = tree.find(("presets",))
    if presets is None:
        return {}
    if not isinstance(presets.value, dict):
        raise _problem("presets", f"expected a map of presets, got {describe(presets.plain())}", presets.position)
    if len(presets.value) > _MOST_PRESETS:
        raise _problem("presets", f"more than {_MOST_PRESETS} presets", presets.position)
    wrong = [(name, node) for name, node in presets.value.items() if not isinstance(node.value, dict | None)]
    if wrong:
        raise SpecError(
            Problem(f"presets.{name}", f"expected a map of values over the spec's, got {describe(node.plain())}", position=node.position)
            for name, node in wrong
        )
    return presets.value


def _merged_presets(layers: Iterable[dict[str, Node]]) -> dict[str, Node]:
    """Merge the presets of all files by name; their nulls stay, to remove what the spec says."""
    merged: dict[str, Node] = {}
    for presets in layers:
        for name, preset in presets.items():
            merged[name] = merge(merged[name], preset, keep_nulls=True) if name in merged else preset
    return {name: preset for name, preset in merged.items() if isinstance(preset.value, dict)}


def preset_names(preset: Presets) -> tuple[str, ...]:
    """Return the presets that are asked for, in order.

    >>> preset_names(None), preset_names("quick"), preset_names(["quick", "small"])
    ((), ('quick',), ('quick', 'small'))
    """
    return () if preset is None else (preset,) if isinstance(preset, str) else tuple(preset)


def chosen_preset(presets: Mapping[str, Node], name: str, file: str) -> Node:
    """Return a preset by name.

    Raises:
        SpecError: there is none of this name.
    """
    if name in presets:
        return presets[name]
    known = f"known: {quoted(presets)}" if presets else "the spec has none"
    raise _problem("presets", f"unknown preset {name!r}; {known}", Position(file, 1, 1), nearest(name, presets))


def read_override(argument: str) -> Node:
    """Read `key=value` of the command line as a tree; the key is a dotted path, the value YAML on one line.

    A key with a dot in it cannot be addressed, nor an item of a list. An empty value is null, which removes.

    Raises:
        SpecError: the argument has another form; its place is the argument itself.

    >>> read_override("train.rounds=5").plain()
    {'train': {'rounds': 5}}
    """
    key, equals, _ = argument.partition("=")
    parts = key.split(".")
    if not equals or not all(part.strip() == part != "" for part in parts):
        what = "expected key=value with a dotted path as key, such as train.rounds=100"
        raise _problem("", what, Position(argument, 1, 1))
    if len(parts) > MAX_DEPTH:
        raise _problem("", f"the key has more than {MAX_DEPTH} parts", Position(argument, 1, 1))
    blank = " " * (len(key) + 1)
    value = argument[len(blank) :]
    node = parse_source(blank + (value if value.strip() else "null"), argument)
    for index in reversed(range(len(parts))):
        column = 1 + sum(len(part) + 1 for part in parts[:index])
        position = Position(argument, 1, column)
        text = Text(parts[index], parts[index], "", position)
        node = Node({parts[index]: replace(node, key=text)}, position)
    return node


def apply_override(tree: Node, override: Node) -> Node:
    """Return the tree with an override merged.

    Raises:
        SpecError: the override's path goes through a list, which can only be replaced whole.
    """
    at, over, path = tree, override, ""
    while isinstance(over.value, dict) and len(over.value) == 1:
        [(key, over)] = over.value.items()
        path = f"{path}.{key}".removeprefix(".")
        if key not in at.children:
            break
        at = at.children[key]
        if isinstance(at.value, tuple) and isinstance(over.value, dict):
            raise _problem(path, "this is a list, which is replaced whole: give it all its items in [ ]", override.position)
    return merge(tree, override)
