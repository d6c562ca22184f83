"""Large and hostile specs: what is wrong with them is told in bounded time, counted in steps of the interpreter's processor time."""

import random
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from gamelearn.errors import SpecError, edit_distance, nearest
from gamelearn.game import check
from gamelearn.plugins import load_builtins
from gamelearn.spec.columns import ColumnsError, expand_columns
from gamelearn.spec.kinds import TableColumn
from gamelearn.spec.node import Text
from gamelearn.spec.source import parse_source

LIMIT = 8.0
"""Seconds of the processor, several times what each takes; all took 20 to over 100 before the work was bounded."""

COLUMNS = [TableColumn(f"gene_{index:05d}", "real", (), None) for index in range(40_000)]


def spec_text(names: Sequence[str], stream: Sequence[str], factors: Sequence[str], scored: Sequence[str]) -> str:
    return "\n".join(
        [
            "name: big",
            "variables:",
            *(f"  {name}: {{type: binary}}" for name in names),
            f"data: {{dataset: {{type: npz, path: none.npz}}, streams: {{rows: [{', '.join(stream)}]}}}}",
            "players:",
            "  a:",
            "    factors:",
            *(f"      {factor}: uniform" for factor in factors),
            "utilities:",
            f"  a: 'E[rows({names[0]})] log a({', '.join(scored)})'",
            "train: {rounds: 1}",
        ]
    )


def names_of(kind: str, count: int, length: int) -> list[str]:
    dice = random.Random(0)
    alphabet = {"same": "v", "random": "abcdefgh"}[kind]
    return ["".join(dice.choice(alphabet) for _ in range(length - 5)) + f"{index:05d}" for index in range(count)]


@pytest.mark.parametrize("kind", ["same", "random"])
@pytest.mark.parametrize(("count", "length"), [(110, 490), (1200, 60)])
@pytest.mark.parametrize("place", ["stream", "factors", "scored"])
def test_many_misspelt_long_names(tmp_path: Path, kind: str, count: int, length: int, place: str) -> None:
    names = names_of(kind, count, length)
    wrong = [name + "z" for name in names]
    parts = {"stream": names[:1], "factors": names[:1], "scored": names[:1], place: wrong}
    (tmp_path / "big.yaml").write_text(spec_text(names, **parts))
    start = time.process_time()
    with pytest.raises(SpecError) as caught:
        check(tmp_path / "big.yaml")
    assert time.process_time() - start < LIMIT
    assert 100 < len(caught.value.problems) <= 200
    assert caught.value.problems[0].suggestion == names[0]


@pytest.mark.parametrize("written", ["'%s'", '"%s"', ">\n    %s\n"])
def test_a_formula_of_thousands_of_names(tmp_path: Path, written: str) -> None:
    text = spec_text(["x", "y"], ["x"], ["x"], ["x"] * 9000)
    head, formula, tail = text.partition("'E[")[0], text.split("'")[1], text.split("'")[2]
    (tmp_path / "big.yaml").write_text(head + written % formula + tail)
    start = time.process_time()
    with pytest.raises(SpecError, match="the variable 'x' comes twice"):
        check(tmp_path / "big.yaml")
    assert time.process_time() - start < LIMIT


GROUPS = ", ".join(f"g{index}: 'gene_{index:03d}*'" for index in range(200))
LIST = ", ".join(f"gene_{index:05d}" for index in range(3000))


@pytest.mark.parametrize(
    ("table", "columns", "wrong"),
    [
        ('columns: "*", groups: 4000', 40_000, 0),
        (f"columns: 'gene_[01]*', groups: {{{GROUPS}}}", 20_000, 0),
        ('columns: "*", except: ["*1", "*2"]', 32_000, 0),
        (f"columns: [{LIST}]", 3000, 0),
        (f"columns: [{LIST.replace('gene', 'gena')}]", 0, 3000),
    ],
)
def test_tables_of_many_columns(table: str, columns: int, wrong: int) -> None:
    load_builtins()
    tree = parse_source(f"data: {{dataset: {{type: csv, path: a.csv}}, streams: {{rows: [t]}}}}\nvariables: {{t: {{{table}}}}}", "t.yaml")
    start = time.process_time()
    if wrong:
        with pytest.raises(ColumnsError) as caught:
            expand_columns(tree, lambda options: COLUMNS)
        assert len(caught.value.mistakes) == wrong
        assert caught.value.mistakes[7].suggestion == "gene_00007"
    else:
        assert len(expand_columns(tree, lambda options: COLUMNS)[1]["t"].columns) == columns
    assert time.process_time() - start < LIMIT


def test_a_column_whose_name_has_wildcards_is_named_by_itself() -> None:
    load_builtins()
    tree = parse_source("data: {dataset: {type: csv, path: a.csv}}\nvariables: {t: {columns: ['a[1]']}}", "t.yaml")
    known = [TableColumn(name, "real", (), None) for name in ("a1", "a[1]", "b")]
    assert expand_columns(tree, lambda options: known)[1]["t"].columns == ("a1", "a[1]")


def full_distance(first: str, second: str) -> int:
    """Return the distance by its recursion, cell by cell."""
    cells = {(i, 0): i for i in range(len(first) + 1)} | {(0, j): j for j in range(len(second) + 1)}
    for i, a in enumerate(first, 1):
        for j, b in enumerate(second, 1):
            cells[i, j] = min(cells[i - 1, j] + 1, cells[i, j - 1] + 1, cells[i - 1, j - 1] + (a != b))
            if min(i, j) > 1 and a == second[j - 2] and first[i - 2] == b:
                cells[i, j] = min(cells[i, j], cells[i - 2, j - 2] + 1)
    return cells[len(first), len(second)]


def test_bounded_distances_are_the_full_ones_up_to_the_bound() -> None:
    dice = random.Random(1)
    for _ in range(2000):
        first, second = ("".join(dice.choice("abc") for _ in range(dice.randrange(9))) for _ in range(2))
        exact, limit = full_distance(first, second), dice.randrange(6)
        assert edit_distance(first, second) == exact
        assert (bounded := edit_distance(first, second, limit)) == exact or min(bounded, exact) > limit
        close = nearest(first, [second])
        assert (close == second) == (exact <= 1 + len(first) // 4 and not set(first).isdisjoint(second))


def test_places_in_texts_with_escapes_are_those_of_one_character_after_the_other() -> None:
    raw = '"a\\u0062  c\n   d\\\\e\\"f"'
    text = Text('ab c d\\e"f'.replace(" c d", "  c d"), raw, '"', parse_source("a: 1", "f").position)
    columns = [(text.at(offset).line, text.at(offset).column) for offset in range(len(text.value) + 1)]
    assert columns == [(1, 2), (1, 3), (1, 9), (1, 10), (1, 11), (1, 12), (2, 4), (2, 5), (2, 7), (2, 8), (2, 10), (2, 11)]
