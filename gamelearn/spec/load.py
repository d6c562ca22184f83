"""From a file, or the name of a shipped spec, to a checked spec: `extends`, presets, overrides, and every mistake at once.

Nothing that a spec names is imported; names are looked up in the registries. This file reads specs.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path as FilePath

from gamelearn.errors import Problem, SpecError, nearest, quoted
from gamelearn.options import Mistake, Path
from gamelearn.plugins import load_builtins, missing_plugin
from gamelearn.shipped import shipped_specs, spec_key
from gamelearn.spec.additions import explain_additions, explain_order, with_base_name, without_consequences
from gamelearn.spec.columns import ColumnsError
from gamelearn.spec.compose import Composed, Presets, apply_override, chosen_preset, merge, preset_names, read_composed, read_override
from gamelearn.spec.expansion import NOTHING_EXPANDED, Expander, Expansion
from gamelearn.spec.limits import size_mistakes
from gamelearn.spec.node import Node, dotted, walk
from gamelearn.spec.paths import resolve_paths
from gamelearn.spec.repair import repair, validate_tree
from gamelearn.spec.schema import NAME_OF_GAME, Data, Spec
from gamelearn.spec.sections import with_section
from gamelearn.spec.templates import TEMPLATES
from gamelearn.spec.write import write_yaml

_MOST_MISTAKES = 200
_USING_STREAMS: tuple[Path, ...] = (("utilities",), ("stages",), ("data", "streams"), ("evaluate",))
"""The sections that name streams."""


@dataclass(frozen=True)
class SpecFile:
    """A spec with the places of everything in it.

    Attributes:
        spec: the spec; where there are mistakes, what is left without them, to look for more.
        tree: the spec's tree after `extends`, presets and overrides.
        text: the text of the file itself.
        path: the file.
        mistakes: what is wrong with it; empty in a spec that may be used.
        problems: the mistakes with their places.
        presets: the names of its presets.
        bases: the trees that something was laid over: the file's own below presets and overrides, that of the file it extends.
        taken: the names of the presets that were taken, in order.
        expansion: what columns and templates of the spec stand for.
    """

    spec: Spec
    tree: Node = field(repr=False)
    text: str = field(repr=False)
    path: FilePath
    mistakes: tuple[Mistake, ...] = ()
    problems: tuple[Problem, ...] = ()
    presets: tuple[str, ...] = ()
    bases: tuple[Node, ...] = field(default=(), repr=False)
    taken: tuple[str, ...] = ()
    expansion: Expansion = field(default=NOTHING_EXPANDED)

    def with_base_name(self, mistake: Mistake) -> Mistake:
        """Return a mistake about a name that was added to a base with the name there that was probably meant."""
        for base in self.bases:
            mistake = with_base_name(base, mistake)
        return mistake

    def added_streams(self) -> set[str]:
        """Return the streams that presets and overrides add to this file's own.

        Where these leave all sections alone that name streams, they are those that this file adds to the one that it extends: what a
        preset no longer uses of them is no mistake of the preset.
        """
        own = self.bases[0]
        is_own = all(self.tree.find(path) == own.find(path) for path in _USING_STREAMS)
        known = [base.find(("data", "streams")) for base in (self.bases if is_own else self.bases[:1])]
        return {name for name in self.spec.data.streams if any(each is None or name not in each.children for each in known)}

    def locate(self, mistakes: Iterable[Mistake], severity: str = "error") -> list[Problem]:
        """Return mistakes, of very many the first ones, with their places in the file."""
        known = dict(zip(self.mistakes, self.problems, strict=True))
        return self.expansion.told_once(
            known.get(each) or locate_in(self.tree, each, severity) for each in islice(mistakes, _MOST_MISTAKES)
        )

    def resolved_text(self) -> str:
        """Return the spec as one YAML text without `extends` and presets, which loads to an equal spec."""
        return write_yaml(self.tree.plain())


def load_spec(path_or_name: FilePath | str, *, preset: Presets = None, overrides: Iterable[str] = (), untrusted: bool = False) -> Spec:
    """Read and check the spec in a file, or a shipped spec by name.

    Raises:
        SpecError: all mistakes of the spec, with their places; formulas are checked in the graph.
        PluginError: an installed plugin cannot be loaded.
    """
    file = load_source(path_or_name, preset=preset, overrides=overrides, untrusted=untrusted)
    if file.problems:
        raise SpecError(file.problems)
    return file.spec


def load_source(
    path_or_name: FilePath | str, *, preset: Presets = None, overrides: Iterable[str] = (), untrusted: bool = False
) -> SpecFile:
    """Read a spec with the places of everything in it; a spec with mistakes is returned if enough of it can be read.

    Args:
        path_or_name: a file, or the name of a shipped spec (`mnist-lvae`).
        preset: the name of one of the spec's presets, or several in order: the later one wins.
        overrides: `key=value` texts, the key a dotted path.
        untrusted: refuse paths outside of the spec's folder and the data root, and sizes that would fill the memory.

    Raises:
        SpecError: all mistakes of the spec, where too little of it can be read to go on.
        PluginError: an installed plugin cannot be loaded.
    """
    load_builtins()
    path = find_spec(path_or_name)
    return lay_over(path, read_composed(path, untrusted=untrusted), preset=preset, overrides=overrides, untrusted=untrusted)


def lay_over(
    path: FilePath,
    composed: Composed,
    *,
    preset: Presets = None,
    overrides: Iterable[str] = (),
    untrusted: bool = False,
    with_presets: bool = True,
) -> SpecFile:
    """Return a spec from a file that has been read: with presets and overrides laid over it, as `load_source` does.

    Args:
        path: the file.
        composed: what `read_composed` read there.
        with_presets: whether the presets that are not taken are looked at too.

    Raises:
        SpecError: all mistakes of the spec, where too little of it can be read to go on.
    """
    problems, taken = list[Problem](), preset_names(preset)
    tree = _merged(path, composed, taken, overrides, problems)
    tree = Node(tree.value, composed.tree.position)
    tree, wrong_paths = resolve_paths(tree, path.absolute().parent, untrusted=untrusted)
    expander = Expander(path.absolute().parent, untrusted=untrusted)
    tree, expansion = _expanded(tree, expander, [*problems, *wrong_paths])
    found = _Findings(problems + wrong_paths)
    bases = tuple(map(expander.expanded_if_sound, (composed.tree, *([composed.ground] if composed.ground else []))))
    spec, tree = _checked(tree, bases, [(name, composed.presets[name]) for name in taken], untrusted, found)
    ground = _mended(bases[0]) if found.problems else bases[0]
    for name in composed.presets if with_presets else ():
        if ground and name not in taken:
            preset_tree = composed.presets[name]
            plain = bases[0] is composed.tree
            merged = merge(ground, preset_tree) if plain else expander.expanded_if_sound(merge(composed.tree, preset_tree))
            found.add_preset(name, ground, merged, preset_tree)
    if spec is None or problems or wrong_paths:
        raise SpecError(expansion.told_once(found.problems))
    every = tuple(composed.presets)
    return SpecFile(spec, tree, composed.text, path, tuple(found.mistakes), tuple(found.problems), every, bases, taken, expansion)


def read_name(
    path_or_name: FilePath | str, *, preset: Presets = None, overrides: Iterable[str] = (), untrusted: bool = False
) -> str | None:
    """Return the name that a spec gives its game, before anything else in it is looked at; None if it gives none that is allowed.

    Raises:
        SpecError: the file cannot be read, or has no such preset.
    """
    path = find_spec(path_or_name)
    node = _merged(path, read_composed(path, untrusted=untrusted), preset_names(preset), overrides, []).find(("name",))
    return node.value if node and isinstance(node.value, str) and re.fullmatch(NAME_OF_GAME, node.value) else None


def _merged(path: FilePath, composed: Composed, presets: Iterable[str], overrides: Iterable[str], problems: list[Problem]) -> Node:
    tree = composed.tree
    for name in presets:
        tree = merge(tree, chosen_preset(composed.presets, name, str(path)))
    for argument in overrides:
        tree = _overridden(tree, argument, problems)
    return tree


def _expanded(tree: Node, expander: Expander, problems: list[Problem]) -> tuple[Node, Expansion]:
    try:
        return expander.expanded(tree)
    except ColumnsError as error:
        mistakes = _misspelt_sections(tree) or error.mistakes
        raise SpecError([*problems, *(locate_in(tree, each) for each in mistakes)]) from None


def _misspelt_sections(tree: Node) -> list[Mistake]:
    """Return unknown keys of the whole spec and of its data, without which there is no table to find."""
    data = tree.find(("data",))
    found = Spec.unknown_keys(tree.children, (TEMPLATES,))
    return found + [each.below(("data",)) for each in (Data.unknown_keys(data.children) if data else ())]


def find_spec(path_or_name: FilePath | str) -> FilePath:
    """Return the file of a spec: a path, or else a shipped spec's name.

    Raises:
        SpecError: there is neither; the shipped specs are listed.
    """
    text, path = str(path_or_name), FilePath(path_or_name)
    shipped = shipped_specs()
    try:
        if path.is_file():
            return path
        if spec_key(text) in shipped:
            return shipped[spec_key(text)]
        if path.exists():
            return path
        beside = [str(other) for other in path.parent.glob("*.y*ml")]
    except (OSError, ValueError):
        beside = []
    what = f"there is no such file, and no shipped spec of this name; shipped: {quoted(shipped) or 'none'}"
    raise SpecError([Problem(text, what, nearest(spec_key(text), shipped) or nearest(text, beside))])


class _Findings:
    """The mistakes and their problems, in step; problems without a mistake come first."""

    def __init__(self, problems: list[Problem]) -> None:
        self.problems = problems
        self.mistakes: list[Mistake] = []
        self.known: set[tuple[Path, str]] = set()

    def add(self, tree: Node, mistakes: Iterable[Mistake]) -> None:
        """Add what is not known yet; a value that is wrong twice is told once."""
        wrong = {problem.where for problem in self.problems}
        told = {(problem.where, problem.what) for problem in self.problems}
        for each in mistakes:
            problem = locate_in(tree, each)
            self.known.add((each.path, each.what))
            if (problem.where, problem.what) not in told and (each.on_key or problem.where not in wrong):
                told.add((problem.where, problem.what))
                self.mistakes.append(each)
                self.problems.append(problem)

    def add_preset(self, name: str, tree: Node, merged: Node, preset: Node) -> None:
        """Check a preset that is not taken, merged with the spec's tree: what is wrong with it and not with the spec."""
        _, mistakes = validate_tree(merged)
        for each in map(with_section, explain_additions(tree, merged, without_consequences(mistakes[:_MOST_MISTAKES]))):
            if (each.path, each.what) not in self.known:
                self.mistakes.append(each.below(("presets", name)))
                self.problems.append(locate_in(preset, each, prefix=("presets", name)))


def _overridden(tree: Node, argument: str, problems: list[Problem]) -> Node:
    try:
        return apply_override(tree, read_override(argument))
    except SpecError as error:
        problems += error.problems
        return tree


def _checked(
    tree: Node, bases: Iterable[Node], presets: Sequence[tuple[str, Node]], untrusted: bool, found: _Findings
) -> tuple[Spec | None, Node]:
    """Return the spec of a tree, as much as there is without its mistakes, and the tree of that.

    `bases` are what it was laid over, `presets` those that were.
    """
    spec, mistakes = validate_tree(tree)
    mistakes = without_consequences(mistakes[:_MOST_MISTAKES])
    for base in bases:
        mistakes = explain_additions(base, tree, mistakes)
    mistakes = explain_order(presets, tree, mistakes)
    mistakes = [with_section(each) for each in mistakes]
    found.add(tree, [*mistakes, *_missing_plugins(tree)])
    if spec is None:
        mended = repair(tree, mistakes, merge)
        if mended is None:
            return None, tree
        spec, tree = mended
    if untrusted:
        found.add(tree, size_mistakes(spec, tree.plain()))
    return spec, tree


def _mended(tree: Node) -> Node | None:
    """Return a tree without its mistakes; None where they cannot be mended without a guess."""
    spec, mistakes = validate_tree(tree)
    mended = None if spec else repair(tree, mistakes, merge)
    return tree if spec else mended[1] if mended else None


def _missing_plugins(tree: Node) -> Iterator[Mistake]:
    required = tree.find(("require",))
    for index, node in required.children.items() if required else ():
        if isinstance(node.value, str) and (missing := missing_plugin(node.value)):
            yield Mistake(("require", index), *missing)


def locate_in(tree: Node, mistake: Mistake, severity: str = "error", *, prefix: tuple[str, ...] = ()) -> Problem:
    """Return a mistake as a problem, at the place where its path ends in the tree."""
    steps, _ = walk(tree, mistake.path)
    node = steps[-1][1] if steps else tree
    where = (*prefix, *(child.key.value if child.key and isinstance(part, str) else part for part, child in steps))
    position = node.place(mistake.offset, on_key=mistake.on_key)
    return Problem(dotted(where), mistake.what, mistake.suggestion, position, severity)
