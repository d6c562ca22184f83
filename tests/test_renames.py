"""A misspelt name in a shipped spec is refused, found where it stands, and put right by the suggestion.

In every shipped spec, every name is misspelt in turn, each time by one edit (a letter inserted, deleted, replaced, or swapped with
the next; two of these for each name): all keys, and in values and formulas the variables, groups, players, streams, networks and
their heads, and data sets. Of very many names some are tried, chosen by a seed. Left out are misspellings that leave nothing to
refuse without the data's files:

- names that nothing has to refer to: of presets, stages, metrics, samplers and terms, but where an extending spec or a preset
  changes a part of one, or removes it;
- fields that data sets list, which add to those of their files (that `check` finds them where the file is there is tested with it);
- misspellings that give another name of the same kind (`z0` for `z1`), or no name at all (a letter alone, deleted).

A misspelt definition (of a variable, player, stream, network or head) may be reported at any use of the old name; the suggestion
is then the new one. This file misspells.
"""

import random
import re
import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from gamelearn.errors import Problem, SpecError, edit_distance
from gamelearn.game import check
from gamelearn.plugins import load_builtins
from gamelearn.registry import DATASETS, NETWORKS
from gamelearn.spec.compose import read_composed
from gamelearn.spec.node import Node, Text
from gamelearn.spec.source import parse_source

SPECS = sorted((Path(__file__).resolve().parents[1] / "specs").glob("*.yaml"))
TEMPLATED = ("cancer_table", "wine_table")
"""Their names are made by templates: what these say of mistakes, the bad specs show."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LEAST_RIGHT = 0.95
MANY = 300
SAMPLED = 60
"""Of a spec with many names, or with those of a base, so many misspellings are tried, chosen by a seed."""
NAME = re.compile(r"[A-Za-z_]\w*")
WORDS = {"E", "log", "uniform", "standard", "free"}
Place = tuple[str, int, int]


@dataclass(frozen=True)
class Token:
    """A name in a spec: where it stands, as `(file, line, column)` with numbers from 1, and what it is a name of."""

    name: str
    place: Place
    kind: str
    is_definition: bool = False
    key: tuple[str, Place] | None = None
    """The factor's key that it is a part of, with its place, where it is laid over others: there a key names a factor as a whole."""


@dataclass(frozen=True)
class Names:
    """The names of every kind, and the spec that a file or one of its presets is laid over."""

    of: dict[str, set[str | int]]
    base: Node | None = field(default=None, repr=False)

    def is_known(self, path: tuple[str | int, ...]) -> bool:
        """Whether the base has something at a path."""
        return self.base is not None and self.base.find(path) is not None


DEFINITIONS = {
    ("variables", None): "variable",
    ("players", None): "player",
    ("data", "streams", None): "stream",
    ("samplers", None): "sampler",
    ("players", None, "networks", None): "network",
    ("players", None, "networks", None, "outputs", None): "head",
}
FACTOR = ("players", None, "factors", None)
TERMS = {("utilities", None, None), ("stages", None, "utilities", None, None)}
UNREFERRED = {("presets", None), ("stages", None), ("templates", None), ("samplers", None), ("evaluate", None), *TERMS}
UNREFERRED |= {("data", name, "fields", None) for name in ("dataset", "otherwise")}


def matches(path: tuple[str | int, ...], pattern: tuple[str | None, ...]) -> bool:
    return len(path) == len(pattern) and all(wanted in (part, None) for part, wanted in zip(path, pattern, strict=True))


def place_of(text: Text, offset: int = 0) -> Place:
    position = text.at(offset)
    return Path(position.file).name, position.line, position.column


def tokens_of(path: Path) -> list[Token]:
    """Return every name of a spec and of those that it extends; its own come first."""
    trees, composed = [parse_source(path.read_text(encoding="utf-8"), str(path))], read_composed(path)
    while extends := trees[-1].find(("extends",)):
        base = path.parent / str(extends.value)
        trees.append(parse_source(base.read_text(encoding="utf-8"), str(base)))
    names = {
        kind: {part[-1] for tree in trees for part, _ in walk(tree, ()) if matches(part, pattern)} for pattern, kind in DEFINITIONS.items()
    }
    derived = any(tree.find(("derive",)) for tree in trees)  # then a stream is used by whatever name it has
    found = [token for tree in trees for token in tokens(tree, Names(names, composed.ground), Names(names, composed.tree))]
    return [token for token in found if not (derived and token.kind == "stream" and token.is_definition)]


def tokens(tree: Node, own: Names, of_presets: Names) -> Iterator[Token]:
    """Find every name of a file that could be misspelt."""
    for path, node in walk(tree, ()):
        is_preset = path[0] == "presets" and len(path) > 2
        inside, names = (path[2:], of_presets) if is_preset else (path, own)
        yield from key_tokens(inside, node, names)
        yield from value_tokens(inside[2:] if inside[0] == "stages" and len(inside) > 2 else inside, node, names)


def walk(node: Node, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    for part, child in node.children.items():
        yield (*path, part), child
        yield from walk(child, (*path, part))


def key_tokens(path: tuple[str | int, ...], node: Node, names: Names) -> Iterator[Token]:
    if node.key is None or (any(matches(path, pattern) for pattern in UNREFERRED) and not is_reference(path, node, names)):
        return
    place = place_of(node.key)
    kind = next((kind for pattern, kind in DEFINITIONS.items() if matches(path, pattern)), None)
    if matches(path, FACTOR):
        for token in words(node.key, names):
            yield replace(token, key=(node.key.value, place)) if names.base else token
    elif matches(path, ("utilities", None)) or matches(path, ("stages", None, "utilities", None)):
        yield Token(node.key.value, place, "player")
    else:
        yield Token(node.key.value, place, kind or "key", kind is not None and not names.is_known(path))


def is_reference(path: tuple[str | int, ...], node: Node, names: Names) -> bool:
    """Whether a name that nothing has to refer to changes what is there; a whole term, sampler or stage may be meant as another one."""
    if any(matches(path, pattern) for pattern in TERMS):
        return path[-1] in ("term", "weight", "draws", "gradient", "samples", "weights") or (names.is_known(path) and node.value is None)
    is_whole = {"stages": "utilities", "samplers": "sweep"}.get(str(path[0])) in node.children
    return names.is_known(path) and not is_whole


def value_tokens(path: tuple[str | int, ...], node: Node, names: Names) -> Iterator[Token]:
    if node.text is None or not isinstance(node.value, str):
        return
    place = place_of(node.text)
    if path[-1] == "draws":
        return
    if path[-1] == "gradient":
        yield Token(node.value, place, "estimator")
        return
    if path[-1] == "net":
        yield Token(node.value, place, "net")
    elif path in (("data", "dataset", "type"), ("data", "otherwise", "type")):
        yield Token(node.value, place, "data set")
    elif matches(path, ("schedule", "order", None)):
        yield Token(node.value, place, "player")
    elif (
        path[0] in ("utilities", "samplers")
        or path[:2] == ("data", "streams")
        or (path[0] in ("variables", "players") and (isinstance(path[-1], int) or "outputs" in path or matches(path, FACTOR)))
    ):
        yield from words(node.text, names)


def words(text: Text, names: Names) -> Iterator[Token]:
    """Find the names in a formula, or in the key or right-hand side of a factor."""
    for match in NAME.finditer(text.value):
        if match[0] not in WORDS:
            kind = next(kind for kind in ("variable", "player", "stream", "sampler", "network", "head") if match[0] in names.of[kind])
            yield Token(match[0], place_of(text, match.start()), kind)


def misspellings(token: Token, seed: str) -> list[str]:
    """Return misspellings of two kinds, chosen by the seed."""
    chance = random.Random(f"{seed} {token}")
    name, letter = token.name, chance.choice(LETTERS)
    place, swapped = chance.randrange(len(name)), chance.randrange(max(1, len(name) - 1))
    found = [
        name[:place] + letter + name[place:],
        name[:place] + name[place + 1 :],
        name[:place] + letter + name[place + 1 :],
        name[:swapped] + name[swapped : swapped + 2][::-1] + name[swapped + 2 :],
    ]
    return chance.sample(found, 2)


def problems_of(text: str, path: Path) -> tuple[Problem, ...]:
    """Return the mistakes of a spec, or else what it is warned of."""
    path.write_text(text, encoding="utf-8")
    try:
        return check(path).warnings
    except SpecError as error:
        return error.problems


def replaced(lines: list[str], token: Token, name: str) -> str:
    line, start = token.place[1] - 1, token.place[2] - 1
    assert lines[line].startswith(token.name, start)
    changed = lines[line][:start] + name + lines[line][start + len(token.name) :]
    return "\n".join([*lines[:line], changed, *lines[line + 1 :]])


def copied(spec: Path, folder: Path) -> Path:
    """Copy a spec, with the others that it may extend, into a folder; return the copy."""
    for each in SPECS:
        shutil.copy(each, folder)
    return folder / spec.name


def cases_of(found: list[Token], spec: Path) -> list[tuple[Token, str]]:
    """Return names of the spec itself with their misspellings, of very many some."""
    known = {*(token.name for token in found), *NETWORKS.names, *DATASETS.names}
    own = list(dict.fromkeys(token for token in found if token.place[0] == spec.name))  # an alias brings its anchor's names again
    is_whole = all(token.place[0] == spec.name for token in found)
    cases = [(token, name) for token in own for name in misspellings(token, spec.name) if name not in known and NAME.fullmatch(name)]
    return cases if is_whole and len(cases) <= MANY else random.Random(spec.name).sample(cases, min(SAMPLED, len(cases)))


@pytest.mark.parametrize("spec", [each for each in SPECS if each.stem not in TEMPLATED], ids=lambda path: path.stem)
def test_a_misspelt_name_is_refused_where_it_stands_with_the_right_suggestion(spec: Path, tmp_path: Path) -> None:
    load_builtins()
    path, text = copied(spec, tmp_path), spec.read_text(encoding="utf-8")
    found = tokens_of(path)
    usual = problems_of(text, path)
    accepted, misplaced, unhelpful = [], [], []
    cases = cases_of(found, path)
    for token, name in cases:
        case = f"{token.place[1]}:{token.place[2]}: {token.kind} {token.name!r} as {name!r}"
        problems = [each for each in problems_of(replaced(text.split("\n"), token, name), path) if each not in usual]
        uses = {other.place for other in found if token.is_definition and other.name == token.name}
        places = {(Path(each.position.file).name, each.position.line, each.position.column) for each in problems if each.position}
        said = f"{case}: {'; '.join(map(str, problems))}".replace(f"{path}:", "")
        if not problems:
            accepted.append(case)
        elif not places <= {token.place, *moved(uses, token, name)} | ({token.key[1]} if token.key else set()):
            misplaced.append(said)
        elif any(each.suggestion not in right(token, name) and not is_as_near(each.suggestion, token, name) for each in problems):
            unhelpful.append(said)
    own = len({token for token in found if token.place[0] == spec.name})
    assert len(cases) > min(SAMPLED - 1, own // 2)
    assert not accepted, "\n".join(accepted)
    assert not misplaced, "\n".join(misplaced)
    assert len(unhelpful) <= (1 - LEAST_RIGHT) * len(cases), "\n".join([f"{len(unhelpful)} of {len(cases)}:", *unhelpful])


def right(token: Token, name: str) -> tuple[str, ...]:
    """Return what may be suggested for a misspelt name."""
    return (name,) if token.is_definition else (token.name, token.key[0]) if token.key else (token.name,)


def is_as_near(suggestion: str | None, token: Token, name: str) -> bool:
    """Whether nothing in a misspelt name speaks for the right one: another is as near, or no letter is left of it."""
    if suggestion is None:
        return set(name).isdisjoint(token.name)
    return edit_distance(suggestion, name) <= edit_distance(token.name, name) and shared(suggestion, name) >= shared(token.name, name)


def shared(first: str, second: str) -> int:
    """Return how many letters two names have in common."""
    return sum((Counter(first) & Counter(second)).values())


def moved(places: set[Place], token: Token, name: str) -> set[Place]:
    """Return where places stand after a token before them on their line has changed its length."""
    file, line, column = token.place
    shift = len(name) - len(token.name)
    return {(each[0], each[1], each[2] + shift * (each[:2] == (file, line) and each[2] > column)) for each in places}
