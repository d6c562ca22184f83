"""A misspelt name in a shipped spec is refused, found where it stands, and put right by the suggestion.

In every shipped spec, every name is misspelt in turn, each time by one edit (a letter inserted, deleted, replaced, or swapped with
the next; two of these for each name): all keys, and in values and formulas the variables, groups, players, streams, networks and their heads, and data
sets. Left out are misspellings that leave nothing to refuse:

- names that nothing refers to: of presets, of stages, of metrics, and of samplers;
- misspellings that give another name of the same kind (`z0` for `z1`), or no name at all (a letter alone, deleted).

A misspelt definition (of a variable, player, stream, network or head) may be reported at any use of the old name; the suggestion
is then the new one. This file misspells.
"""

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import pytest

from gamelearn.errors import Problem, SpecError
from gamelearn.game import check
from gamelearn.plugins import load_builtins
from gamelearn.registry import DATASETS, NETWORKS
from gamelearn.spec.node import Node, Text
from gamelearn.spec.source import parse_source

SPECS = sorted((Path(__file__).resolve().parents[1] / "specs").glob("*.yaml"))
NOT_YET = ("celeba_", "nuclei_")
"""The segmentation games: a misspelt field of their data, or a network in a list of scores, still gives more than one message."""
LETTERS = "abcdefghijklmnopqrstuvwxyz"
LEAST_RIGHT = 0.95
NAME = re.compile(r"[A-Za-z_]\w*")
WORDS = {"E", "log", "uniform", "standard", "free"}
Place = tuple[int, int]


@dataclass(frozen=True)
class Token:
    """A name in a spec: where it stands, as `(line, column)` from 1, and what it is a name of."""

    name: str
    place: Place
    kind: str
    is_definition: bool = False
    key: tuple[str, Place] | None = None
    """The factor's key that it is a part of, with its place, in a preset: there a key names a factor as a whole."""


DEFINITIONS = {
    ("variables", None): "variable",
    ("players", None): "player",
    ("data", "streams", None): "stream",
    ("samplers", None): "sampler",
    ("players", None, "networks", None): "network",
    ("players", None, "networks", None, "outputs", None): "head",
}
FACTOR = ("players", None, "factors", None)
UNREFERRED = {("presets", None), ("stages", None), ("samplers", None), ("evaluate", None)}


def matches(path: tuple[str | int, ...], pattern: tuple[str | None, ...]) -> bool:
    return len(path) == len(pattern) and all(wanted in (part, None) for part, wanted in zip(path, pattern, strict=True))


def tokens(tree: Node) -> list[Token]:
    """Return every name of a spec that could be misspelt."""
    names = {kind: {path[-1] for path, _ in walk(tree, ()) if matches(path, pattern)} for pattern, kind in DEFINITIONS.items()}
    found: list[Token] = []
    for path, node in walk(tree, ()):
        inside = path[2:] if path[0] == "presets" and len(path) > 2 else path
        found += key_tokens(inside, node, names, is_preset=inside != path)
        found += value_tokens(inside[2:] if inside[0] == "stages" and len(inside) > 2 else inside, node, names)
    return found


def walk(node: Node, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Node]]:
    for part, child in node.children.items():
        yield (*path, part), child
        yield from walk(child, (*path, part))


def key_tokens(path: tuple[str | int, ...], node: Node, names: dict[str, set[str | int]], *, is_preset: bool) -> Iterator[Token]:
    if node.key is None or any(matches(path, pattern) for pattern in UNREFERRED):
        return
    position = node.key.at(0)
    kind = next((kind for pattern, kind in DEFINITIONS.items() if matches(path, pattern)), None)
    if matches(path, FACTOR):
        for token in words(node.key, names):
            yield replace(token, key=(node.key.value, (position.line, position.column))) if is_preset else token
    elif matches(path, ("utilities", None)) or matches(path, ("stages", None, "utilities", None)):
        yield Token(node.key.value, (position.line, position.column), "player")
    else:
        yield Token(node.key.value, (position.line, position.column), kind or "key", kind is not None and not is_preset)


def value_tokens(path: tuple[str | int, ...], node: Node, names: dict[str, set[str | int]]) -> Iterator[Token]:
    if node.text is None or not isinstance(node.value, str):
        return
    position = node.text.at(0)
    place = (position.line, position.column)
    if path[-1] == "draws":
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


def words(text: Text, names: dict[str, set[str | int]]) -> Iterator[Token]:
    """Find the names in a formula, or in the key or right-hand side of a factor."""
    for match in NAME.finditer(text.value):
        if match[0] not in WORDS:
            position = text.at(match.start())
            kind = next(kind for kind in ("variable", "player", "stream", "sampler", "network", "head") if match[0] in names[kind])
            yield Token(match[0], (position.line, position.column), kind)


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
    path.write_text(text, encoding="utf-8")
    try:
        check(path)
    except SpecError as error:
        return error.problems
    return ()


def replaced(lines: list[str], token: Token, name: str) -> str:
    line, start = token.place[0] - 1, token.place[1] - 1
    assert lines[line].startswith(token.name, start)
    changed = lines[line][:start] + name + lines[line][start + len(token.name) :]
    return "\n".join([*lines[:line], changed, *lines[line + 1 :]])


@pytest.mark.parametrize("spec", [each for each in SPECS if not each.stem.startswith(NOT_YET)], ids=lambda path: path.stem)
def test_a_misspelt_name_is_refused_where_it_stands_with_the_right_suggestion(spec: Path, tmp_path: Path) -> None:
    load_builtins()
    text = spec.read_text(encoding="utf-8")
    found = tokens(parse_source(text, spec.name))
    known = {*(token.name for token in found), *NETWORKS.names, *DATASETS.names}
    accepted, misplaced, unhelpful, total = [], [], [], 0
    for token in found:
        for name in misspellings(token, spec.name):
            if name in known or not NAME.fullmatch(name):
                continue
            total += 1
            case = f"{token.place[0]}:{token.place[1]}: {token.kind} {token.name!r} as {name!r}"
            problems = problems_of(replaced(text.split("\n"), token, name), tmp_path / spec.name)
            uses = {other.place for other in found if token.is_definition and other.name == token.name}
            places = {(each.position.line, each.position.column) for each in problems if each.position}
            said = f"{case}: {'; '.join(map(str, problems))}".replace(f"{tmp_path}/{spec.name}:", "")
            if not problems:
                accepted.append(case)
            elif not places <= {token.place, *moved(uses, token, name)} | ({token.key[1]} if token.key else set()):
                misplaced.append(said)
            elif any(each.suggestion not in right(token, name) for each in problems):
                unhelpful.append(said)
    assert total > len(found)
    assert not accepted, "\n".join(accepted)
    assert not misplaced, "\n".join(misplaced)
    assert len(unhelpful) <= (1 - LEAST_RIGHT) * total, "\n".join([f"{len(unhelpful)} of {total}:", *unhelpful])


def right(token: Token, name: str) -> tuple[str, ...]:
    """Return what may be suggested for a misspelt name."""
    return (name,) if token.is_definition else (token.name, token.key[0]) if token.key else (token.name,)


def moved(places: set[Place], token: Token, name: str) -> set[Place]:
    """Return where places stand after a token before them on their line has changed its length."""
    line, column = token.place
    shift = len(name) - len(token.name)
    return {(each[0], each[1] + shift * (each[0] == line and each[1] > column)) for each in places}
