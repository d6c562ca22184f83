"""Variables from the columns of a table, and templates. This file compares what they become with specs that are written by hand."""

from pathlib import Path

import pytest

from gamelearn.cli.check import check as check_command
from gamelearn.errors import SpecError
from gamelearn.game import CheckedSpec, check
from gamelearn.report.explain import explain
from gamelearn.spec.source import MAX_NODES
from gamelearn.spec.templates import Filled
from tests.test_specs_bad import FOLDER

HEAD = """\
name: flowers
{variables}
data:
  dataset: {{type: csv, path: flowers.csv}}
  streams: {{rows: {rows}}}
players:
  start: {{factors: {{table: free}}}}
"""
TAIL = """\
utilities:
  start: E[rows({rows})] log start(table)
"""
BY_COLUMN = """\
templates:
  conditionals:
    each: column of table
    players:
      "of_{column}":
        factors: {"{column} | {others}": {net: linear}}
    utilities:
      "of_{column}": E[rows(table)] log of_{column}({column} | {others})
    samplers:
      chain:
        start: ["start({column})"]
        sweep: ["of_{column}({column} | {others})"]
train: {rounds: 3}
"""
BY_GROUP = """\
templates:
  conditionals:
    each: group of table
    players:
      "{group}":
        factors:
          "{column} | {others}": {net: linear}
    utilities:
      "{group}":
        - E[rows(table)] log {group}({column} | {others})
    schedule: {order: ["{group}"]}
schedule: {order: [start]}
train: {rounds: 3}
"""
CSV = "leaf size (cm),kind,old,n\n" + "\n".join(f"{row / 7},{'abc'[row % 3]},{row % 2},{row}" for row in range(40))
GROUPS = "variables: {table: {columns: '*', groups: {sizes: [leaf*, n], others: rest}}}"
WHOLE = "variables: {table: {columns: '*'}}"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "flowers.csv").write_text(CSV)
    return tmp_path


def written(folder: Path, text: str, name: str = "spec.yaml") -> Path:
    path = folder / name
    path.write_text(text)
    return path


def spec_of(variables: str, templates: str) -> str:
    return HEAD.format(variables=variables, rows="[table]") + TAIL.format(rows="table") + templates


def players_of(checked: CheckedSpec) -> dict[str, list[str]]:
    return {name: [str(each) for each in player.factors] for name, player in checked.graph.players.items()}


def test_variables_have_the_names_and_types_of_the_columns(folder: Path) -> None:
    checked = check(written(folder, spec_of(WHOLE, BY_COLUMN)))
    types = {name: (each.type, each.classes) for name, each in checked.graph.variables.items()}
    assert types == {"leaf_size_cm": ("real", None), "kind": ("categorical", 3), "old": ("binary", None), "n": ("real", None)}
    assert checked.graph.groups["table"] == ("leaf_size_cm", "kind", "old", "n")
    assert tuple(checked.graph.streams["rows"].variables) == ("leaf_size_cm", "kind", "old", "n")


BY_HAND = """\
name: flowers
variables:
  leaf_size_cm: {type: real}
  kind: {type: categorical, classes: 3}
  old: {type: binary}
  n: {type: real}
  table: [leaf_size_cm, kind, old, n]
data:
  dataset: {type: csv, path: flowers.csv}
  streams: {rows: [leaf_size_cm, kind, old, n]}
players:
  start: {factors: {table: free}}
  of_leaf_size_cm: {factors: {"leaf_size_cm | kind, old, n": {net: linear}}}
  of_kind: {factors: {"kind | leaf_size_cm, old, n": {net: linear}}}
  of_old: {factors: {"old | leaf_size_cm, kind, n": {net: linear}}}
  of_n: {factors: {"n | leaf_size_cm, kind, old": {net: linear}}}
utilities:
  start: E[rows(table)] log start(table)
  of_leaf_size_cm: E[rows(table)] log of_leaf_size_cm(leaf_size_cm | kind, old, n)
  of_kind: E[rows(table)] log of_kind(kind | leaf_size_cm, old, n)
  of_old: E[rows(table)] log of_old(old | leaf_size_cm, kind, n)
  of_n: E[rows(table)] log of_n(n | leaf_size_cm, kind, old)
samplers:
  chain:
    start: [start(leaf_size_cm), start(kind), start(old), start(n)]
    sweep:
      - of_leaf_size_cm(leaf_size_cm | kind, old, n)
      - of_kind(kind | leaf_size_cm, old, n)
      - of_old(old | leaf_size_cm, kind, n)
      - of_n(n | leaf_size_cm, kind, old)
train: {rounds: 3}
"""


def explained(checked: CheckedSpec) -> list[str]:
    """Return the explanation from the utilities on, without the groups of other columns."""
    lines = explain(checked).partition("\nUtilities\n")[2].splitlines()
    return [line for line in lines if "table_but_" not in line]


def test_a_template_becomes_what_would_be_written_by_hand(folder: Path) -> None:
    made = check(written(folder, spec_of(WHOLE, BY_COLUMN)))
    by_hand = check(written(folder, BY_HAND, "by_hand.yaml"))
    assert explained(made) == explained(by_hand)
    assert players_of(made) == players_of(by_hand)
    assert made.graph.variables == by_hand.graph.variables
    assert set(made.graph.samplers) == {"chain"}


def test_in_the_template_of_a_group_what_names_the_column_is_repeated(folder: Path) -> None:
    checked = check(written(folder, spec_of(GROUPS, BY_GROUP)))
    found = players_of(checked)
    assert set(found) == {"start", "sizes", "others"}
    assert found["sizes"] == ["leaf_size_cm | kind, old, n", "n | leaf_size_cm, kind, old"]
    assert found["others"] == ["kind | leaf_size_cm, old, n", "old | leaf_size_cm, kind, n"]
    [stage] = checked.graph.stages.values()
    assert {player: len(terms) for player, terms in stage.utilities.items()} == {"start": 1, "sizes": 2, "others": 2}
    assert [turn.player for turn in checked.plans["main"].turns] == ["start", "sizes", "others"]


def test_the_resolved_spec_needs_neither_template_nor_table(folder: Path) -> None:
    checked = check(written(folder, spec_of(GROUPS, BY_GROUP)))
    resolved = written(folder, checked.file.resolved_text(), "resolved.yaml")
    (folder / "flowers.csv").unlink()
    again = check(resolved)
    assert again.plans == checked.plans
    assert again.spec == checked.spec
    assert again.file.expansion.templates == ()


def test_presets_and_overrides_come_before_templates(folder: Path) -> None:
    path = written(folder, spec_of(WHOLE, BY_COLUMN) + "presets: {small: {variables: {table: {columns: [kind, old, n]}}}}\n")
    assert set(check(path, preset="small").graph.players) == {"start", "of_kind", "of_old", "of_n"}
    checked = check(path, overrides=["variables.table.except=[kind, n]"])
    assert set(checked.graph.players) == {"start", "of_leaf_size_cm", "of_old"}


@pytest.mark.parametrize(("groups", "sizes"), [(1, [4]), (2, [2, 2]), (3, [1, 1, 2]), (4, [1, 1, 1, 1])])
def test_a_number_of_groups_divides_the_columns_evenly(folder: Path, groups: int, sizes: list[int]) -> None:
    text = f"variables: {{table: {{columns: '*', groups: {groups}}}}}"
    checked = check(written(folder, spec_of(text, BY_COLUMN)))
    made = [checked.graph.groups[f"table_{index + 1}"] for index in range(groups)]
    assert [len(each) for each in made] == sizes
    assert [column for each in made for column in each] == list(checked.graph.groups["table"])


def test_a_mistake_in_a_template_is_told_once_at_its_line_and_character() -> None:
    path = FOLDER / "template_formula.yaml"
    with pytest.raises(SpecError) as caught:
        check(path)
    [problem] = caught.value.problems
    assert problem.position is not None
    line = path.read_text().split("\n")[problem.position.line - 1]
    assert line[problem.position.column - 1 :].startswith("noise")
    assert problem.what.endswith("(in a template; 4 more like this)")


def test_a_table_that_is_absent_is_said_at_the_data_set(tmp_path: Path) -> None:
    path = written(tmp_path, spec_of(WHOLE, BY_COLUMN))
    with pytest.raises(SpecError, match=r"spec.yaml:4:12: data.dataset: the columns of the table cannot be read: 'flowers.csv' is missing"):
        check(path)


def test_the_table_that_stands_in_tells_the_columns(folder: Path) -> None:
    text = spec_of(WHOLE, BY_COLUMN).replace("path: flowers.csv}", "path: absent.csv}\n  otherwise: {type: csv, path: flowers.csv}")
    assert "of_kind" in check(written(folder, text)).graph.players


def test_what_would_be_larger_than_a_spec_may_be_is_refused(folder: Path) -> None:
    names = [f"c{index}" for index in range(120)]
    (folder / "flowers.csv").write_text("\n".join(",".join(each) for each in (names, ["1"] * 120, ["2"] * 120)))
    with pytest.raises(SpecError, match=f"more than the {MAX_NODES} values"):
        check(written(folder, spec_of(WHOLE, BY_COLUMN)))


@pytest.mark.parametrize(
    ("columns", "taken", "told"),
    [
        ('"*"', ["leaf_size_cm", "kind", "n"], ["'day' holds dates", "'unit' has one value, 'kg'", "'n' becomes 40 classes"]),
        ("[leaf*, kind, day]", ["leaf_size_cm", "kind", "day"], []),
        ('["*", day]', ["leaf_size_cm", "kind", "day", "n"], ["'unit' has one value, 'kg'", "'n' becomes 40 classes"]),
    ],
)
def test_columns_that_teach_nothing_are_left_out_unless_named_and_it_is_said(
    folder: Path, capsys: pytest.CaptureFixture[str], columns: str, taken: list[str], told: list[str]
) -> None:
    lines = [f"{row / 7},{'abc'[row % 3]},kg,2024-01-{row % 28 + 1:02},{row} m" for row in range(40)]
    (folder / "flowers.csv").write_text("\n".join(["leaf size (cm),kind,unit,day,n", *lines]))
    path = written(folder, spec_of(f"variables: {{table: {{columns: {columns}}}}}", BY_COLUMN))
    check_command([str(path)])
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("NOTICE")]
    assert sorted(check(path).graph.groups["table"]) == sorted(taken)
    assert len(said) == len(told)
    assert all(any(what in line for line in said) for what in told)


def test_check_and_explain_say_what_became_of_them(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(folder, spec_of(GROUPS, BY_GROUP))
    check_command([str(path)])
    said = capsys.readouterr().out
    assert "'table' stands for 4 columns in 2 groups: sizes, others" in said
    assert "template 'conditionals' became 2 players: sizes, others (group of table, 2)" in said
    text = explain(check(path))
    assert "Tables and templates" in text
    assert "leaf_size_cm | kind, old, n; n | leaf_size_cm, kind, old" in text


def test_a_template_that_gives_no_player_says_so() -> None:
    filled = Filled("t", "column of table", ("a",), (), "f", range(1, 2))
    assert str(filled) == "template 't' is filled in (column of table, 1)"


@pytest.mark.parametrize("name", ["wine", "iris", "diabetes", "linnerud"])
def test_the_shipped_template_fits_any_table(name: str) -> None:
    checked = check("cancer-table", overrides=[f"data.dataset.name={name}"])
    columns = checked.graph.groups["table"]
    assert set(checked.graph.players) == {"start", *(f"of_{column}" for column in columns)}
    assert all(each.shape == () for each in checked.graph.variables.values())
