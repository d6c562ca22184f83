"""A table of one's own, from the file to the file with its missing cells filled in. This file plays a small one."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SPEC = """
name: people
variables: {table: {columns: "*"}}
data:
  dataset: {type: csv, path: people.csv, standardise: true, validation: 0.1, test: 0.2, columns: {Groesse_cm: real}}
  streams: {rows: [table]}
players:
  start: {factors: {table: free}}
utilities: {start: "E[rows(table)] log start(table)"}
templates:
  each_column:
    each: column of table
    players: {"of_{column}": {factors: {"{column} | {others}": {net: linear}}}}
    utilities: {"of_{column}": "E[rows(table)] log of_{column}({column} | {others})"}
train: {rounds: 150, batch: 64, threads: 1, optimizer: {lr: 0.05}}
evaluate: {imputation: {type: imputation, count: 20}}
"""
RNG = np.random.default_rng(0)
KIND = RNG.integers(0, 2, 200)
SIZE = 160 + 20 * KIND + RNG.normal(0, 2, 200)


def write(path: Path, kinds: tuple[str, str] = ("kind", "Riese"), shift: float = 0.0) -> None:
    lines = [f"{size + shift:.1f},{kinds[kind]}" for size, kind in zip(SIZE, KIND, strict=True)]
    lines[3], lines[5] = ",Riese", "161,NA"
    path.write_text("\n".join(["Groesse (cm),Art", *lines, ""]))


@pytest.fixture
def trained(folder: Path, run: Callable[..., Any]) -> str:
    write(folder / "people.csv")
    (folder / "people.yaml").write_text(SPEC)
    made = run("train", "people.yaml", "--run", "r", "--device", "cpu")
    assert made.exit_code == 0, made.output
    assert "lack a value)" in made.output or "lacks a value)" in made.output
    return "r"


def test_a_table_is_filled_in_in_its_own_units_and_words(folder: Path, run: Callable[..., Any], trained: str) -> None:
    made = run("infer", trained, "--given", "people.csv", "--out", "o", "--device", "cpu")
    assert made.exit_code == 0, made.output
    with (folder / "o" / "inferred.csv").open() as file:
        rows = list(csv.reader(file))
    before = [line.split(",") for line in (folder / "people.csv").read_text().splitlines()]
    assert [row for index, row in enumerate(rows) if index not in (4, 6)] == [
        row for index, row in enumerate(before) if index not in (4, 6)
    ]
    assert rows[4][1] == "Riese"
    assert float(rows[4][0]) == pytest.approx(180, abs=3)
    assert rows[6] == ["161", "kind"]
    assert run("infer", trained, "--given", "o/inferred.csv", "--hide", "Art=all", "--out", "again", "--device", "cpu").exit_code == 0


def test_samples_come_from_the_chain_not_from_columns_by_themselves(folder: Path, run: Callable[..., Any], trained: str) -> None:
    made = run("sample", trained, "--out", "s", "--count", "200", "--draws", "--device", "cpu")
    assert made.exit_code == 0, made.output
    drawn = np.load(next((folder / "s").glob("*.npz")))
    assert abs(np.corrcoef(drawn["Groesse_cm"], drawn["Art"])[0, 1]) > 0.8
    assert run("sample", trained, "--player", "start", "--device", "cpu").exit_code == 0


@pytest.mark.parametrize(
    ("change", "what"),
    [
        ({"kinds": ("Zwerg", "Riese")}, "'Art': its values were 'Riese', 'kind', now 'Riese', 'Zwerg'"),
        ({"shift": 5.0}, "has changed since the training: of its 200 rows 168 are gone or changed"),
    ],
)
def test_a_table_that_changed_is_refused(folder: Path, run: Callable[..., Any], trained: str, change: Any, what: str) -> None:
    write(folder / "people.csv", **change)
    for arguments in (["evaluate", trained], ["train", "people.yaml", "--resume", "--run", trained, "train.rounds=160"]):
        made = run(*arguments, "--device", "cpu")
        assert made.exit_code == 2
        assert what in made.output
    assert run("infer", trained, "--rows", "2", "--device", "cpu").exit_code == 0, "the data are not needed for that"


def test_a_record_that_is_damaged_is_told(folder: Path, run: Callable[..., Any], trained: str) -> None:
    facts = json.loads((folder / "r" / "environment.json").read_text())
    (folder / "r" / "environment.json").write_text(json.dumps({**facts, "readings": {"Art": {"column": "Art"}}}))
    made = run("infer", trained, "--rows", "2", "--device", "cpu")
    assert made.exit_code == 2 or made.exit_code == 1
    assert "is damaged: 'readings' does not say how values are written" in made.output


def test_what_a_template_says_may_be_set_for_one_command(folder: Path, run: Callable[..., Any]) -> None:
    write(folder / "people.csv")
    (folder / "people.yaml").write_text(SPEC)
    key = "templates.each_column.players.of_{column}.factors.{column} | {others}"
    assert run("check", "people.yaml", f"{key}={{net: mlp, hidden: [8]}}").exit_code == 0
    wrong = run("check", "people.yaml", f"{key}.nat=mlp")
    assert wrong.exit_code == 2
    assert "unknown key 'nat'; known: " in wrong.output
    assert "did you mean 'net'?" in wrong.output


def test_a_german_table_of_several_columns_a_field_comes_back_as_it_was_written(folder: Path, run: Callable[..., Any]) -> None:
    lines = [
        f"{size:.1f} %;{size / 2:.2f} %;Köln {kind};kg;{20230000 + row}" for row, (size, kind) in enumerate(zip(SIZE, KIND, strict=True))
    ]
    lines = [line.replace(".", ",") for line in lines]
    (folder / "people.csv").write_bytes("\n".join(["größe;hälfte;ort;einheit;nr", *lines, ""]).encode("cp1252"))
    options = "standardise: true, encoding: cp1252, columns: {both: {columns: [größe, hälfte]}}"
    spec = SPEC.replace("standardise: true, validation: 0.1, test: 0.2, columns: {Groesse_cm: real}", options).replace(
        "rounds: 150", "rounds: 300"
    )
    (folder / "people.yaml").write_text(spec.partition("evaluate:")[0])
    left_out = "column 'einheit' has one value, 'kg': left out where it is not named"
    assert run("check", "people.yaml").stdout.splitlines()[:2] == [
        "'table' stands for 3 columns: ort, nr, both",
        f"NOTICE: 'table': {left_out}",
    ]
    assert left_out in run("data", "people.yaml").stdout
    assert left_out in run("train", "people.yaml", "--run", "r", "--device", "cpu").output
    (folder / "q.txt").write_bytes("größe;hälfte;ort;nr\n;-;Köln 1;\n160,0 %;;;20230100\n".encode("cp1252"))
    made = run("infer", "r", "--given", "q.txt", "--out", "o", "--device", "cpu")
    assert made.exit_code == 0, made.output
    title, first, second = (line.split(";") for line in (folder / "o" / "inferred.csv").read_bytes().decode("cp1252").splitlines())
    assert title == ["größe", "hälfte", "ort", "nr"]
    size, unit = first[0].split()
    assert unit == "%"
    assert float(size.replace(",", ".")) == pytest.approx(180, abs=5)
    assert float(first[1].replace(",", ".").removesuffix(" %")) == pytest.approx(90, abs=3)
    assert first[3].isdecimal()
    assert 20230000 <= int(first[3]) < 20230200
    assert (second[0], second[2], second[3]) == ("160,0 %", "Köln 0", "20230100")
    assert float(second[1].replace(",", ".").removesuffix(" %")) == pytest.approx(80, abs=3)
