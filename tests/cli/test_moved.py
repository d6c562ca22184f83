"""A project that moves, and data that change, between a training and what comes after it."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

SPEC = """
name: t
variables: {table: {columns: "*"}}
data:
  dataset: {type: csv, path: ../data/t.csv, standardise: true, validation: 0.2, test: 0.2}
  streams: {rows: [table]}
players: {start: {factors: {table: free}}, of: {factors: {"town | age": {net: linear}}}}
utilities: {start: "E[rows(table)] log start(table)", of: "E[rows(table)] log of(town | age)"}
train: {rounds: 20, batch: 16, threads: 1, optimizer: {lr: 0.05}}
"""
RNG = np.random.default_rng(0)
LINES = [f"{RNG.normal(30 + 20 * (town == 'Ulm'), 5):.2f},{town}" for town in RNG.choice(["Bonn", "Ulm"], 80)]


def write(path: Path, lines: list[str]) -> None:
    path.write_text("\n".join(["age,town", *lines, ""]))


@pytest.fixture
def project(folder: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project with a run, moved since."""
    for name in ("old/specs", "old/data"):
        (folder / name).mkdir(parents=True)
    (folder / "old/specs/t.yaml").write_text(SPEC)
    write(folder / "old/data/t.csv", LINES)
    monkeypatch.chdir(folder / "old")
    made = run("train", "specs/t.yaml", "--device", "cpu")
    assert made.exit_code == 0, made.output
    (folder / "old").rename(folder / "new")
    monkeypatch.chdir(folder / "new")
    return folder / "new"


def accuracy(run: Callable[..., Any], place: str, *arguments: str) -> tuple[Any, str]:
    """Return the figures of the conditional on the test split, with what was said."""
    made = run("evaluate", place, "--metric", "accuracy", "--split", "test", "--device", "cpu", "--format", "json", *arguments)
    assert made.exit_code == 0, made.output
    return [each["blocks"] for each in json.loads(made.stdout)["results"]], made.stderr


def test_a_run_moves_with_its_project(project: Path, run: Callable[..., Any]) -> None:
    assert "../data/t.csv" in (project / "runs/t/1/spec.resolved.yaml").read_text()
    before, _ = accuracy(run, "t")
    resumed = run("train", "specs/t.yaml", "train.rounds=25", "--resume", "--device", "cpu")
    assert resumed.exit_code == 0, resumed.output
    again = run("train", "runs/t/1/spec.resolved.yaml", "--run", "again", "--device", "cpu")
    assert again.exit_code == 0, again.output
    shutil.move(project / "runs/t/1", project.parent / "alone")
    assert accuracy(run, "../alone", "--checkpoint", "20")[0] == before, "the whole path of the spec's folder is known since the resume"


def test_data_may_be_elsewhere(project: Path, run: Callable[..., Any]) -> None:
    before, _ = accuracy(run, "t")
    (project / "data").rename(project / "tables")
    lost = run("evaluate", "t", "--device", "cpu")
    assert (lost.exit_code, "'../data/t.csv' is missing: looked for" in lost.output) == (2, True)
    assert lost.output.rstrip().endswith("; say where it is now by --data dataset=PATH")
    assert ".." not in lost.output.partition("looked for")[2], "each place is named once, and plainly"
    assert accuracy(run, "t", "--data", "dataset=tables/t.csv")[0] == before
    resumed = run("train", "--resume", "--run", "runs/t/1", "train.rounds=25", "--data", "dataset=tables/t.csv", "--device", "cpu")
    assert resumed.exit_code == 0, resumed.output
    write(project / "other.csv", [f"{float(line.split(',')[0]) + 100},{line.split(',')[1]}" for line in LINES])
    for arguments, what in (
        (["dataset=other.csv"], "data set 'csv' has changed since the training: of its 80 rows 80 are gone or changed"),
        (["dateset=tables/t.csv"], "unknown data set 'dateset'; known: 'dataset'; did you mean 'dataset'?"),
        (["dataset=absent.csv"], "--data 'dataset=absent.csv': there is no file or folder 'absent.csv'"),
        (["tables/t.csv"], "--data expects NAME=PATH, such as dataset=table.csv, got 'tables/t.csv'"),
    ):
        refused = run("evaluate", "t", "--device", "cpu", "--data", *arguments)
        assert (refused.exit_code, what in refused.output) == (2, True), refused.output


def test_rows_that_are_added_change_neither_figures_nor_training(project: Path, run: Callable[..., Any]) -> None:
    before, said = accuracy(run, "t")
    assert "NOTICE" not in said
    shutil.copytree(project / "runs/t/1", project / "copy")
    resume = ["train", "--resume", "train.rounds=30", "--device", "cpu", "--run"]
    assert run(*resume, "copy").exit_code == 0
    write(project / "data/t.csv", ["55,Aachen", "12,Bonn", *LINES[::-1]])
    after, said = accuracy(run, "t")
    assert "NOTICE: data set 'csv': 2 rows are new since the training: no split has them" in said
    assert after == before
    resumed = run(*resume, "runs/t/1")
    assert resumed.exit_code == 0, resumed.output
    assert "2 rows are new since the training" in resumed.output
    for name in ("player-of.safetensors", "player-start.safetensors"):
        written = [(place / "checkpoints/round-000000030" / name).read_bytes() for place in (project / "copy", project / "runs/t/1")]
        assert written[0] == written[1], name
