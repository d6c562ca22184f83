"""A run whose columns are read as its variables have them: measured, asked, sampled and resumed alike."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gamelearn.data.dataset import split_rows

SPEC = """
name: t
variables:
  age: {type: real}
  flag: {type: categorical, classes: 2}
  grade: {type: categorical, classes: 4}
  smokes: {type: binary}
  visits: {type: count}
  old: {type: real, shape: [1]}
data:
  dataset: {type: csv, path: t.csv, standardise: true, validation: 0.1, test: 0.3}
  streams: {rows: [age, flag, grade, smokes, visits, old]}
players:
  start: {factors: {age: free, visits: free, old: free}}
  of: {factors: {flag | age: {net: linear}, grade | age: {net: linear}, smokes | age: {net: linear}}}
utilities:
  start: E[rows(age, visits, old)] log start(age, visits, old)
  of: E[rows(age, flag, grade, smokes)] log of(flag | age) + log of(grade | age) + log of(smokes | age)
train: {rounds: 60, batch: 32, threads: 1, optimizer: {lr: 0.1}}
evaluate:
  flag: {type: accuracy, variable: flag, given: [age]}
  grade: {type: accuracy, variable: grade, given: [age]}
  smokes: {type: accuracy, variable: smokes, given: [age]}
"""
TITLES = "age,flag,grade,smokes,visits,old"
RNG = np.random.default_rng(0)
AGES = RNG.uniform(0, 80, 120)
LINES = [f"{age:.2f},{int(age > 40)},{int(age // 20) + 1},{'yes' if age > 25 else 'no'},{RNG.poisson(2)},{int(age > 60)}" for age in AGES]


def write(name: str, lines: list[str], titles: str = TITLES) -> None:
    Path(name).write_text("\n".join([titles, *lines, ""]))


@pytest.fixture
def trained(folder: Path, run: Callable[..., Any], monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    monkeypatch.chdir(folder)
    Path("t.yaml").write_text(SPEC)
    write("t.csv", LINES)

    def called(*arguments: str) -> Any:
        made = run(*arguments, "--device", "cpu")
        assert made.exit_code == 0, made.output
        return made

    called("train", "t.yaml")
    return called


def accuracies(called: Callable[..., Any]) -> dict[str, float]:
    found = json.loads(called("evaluate", "t", "--split", "test", "--format", "json").stdout)["results"]
    return {each["name"]: each["blocks"][0]["figures"]["accuracy"]["value"] for each in found}


def test_what_is_measured_is_what_is_answered(trained: Callable[..., Any]) -> None:
    told = accuracies(trained)
    rows = split_rows(len(LINES), 0.1, 0.3, 0)["test"].tolist()
    write("given.csv", [LINES[row].split(",")[0] for row in rows], "age")
    write("truth.csv", [",".join(LINES[row].split(",")[1:4]) for row in rows], "flag,grade,smokes")
    trained("infer", "t", "--given", "given.csv", "--truth", "truth.csv", "--want", "flag,grade,smokes", "--out", "out")
    errors = json.loads(Path("out/inferred.json").read_text())["errors"]
    assert {name: errors[name]["accuracy"]["value"] for name in told} == pytest.approx(told)
    assert min(told["flag"], told["smokes"]) > 0.8
    titles, *answers = [line.split(",") for line in Path("out/inferred.csv").read_text().splitlines()]
    true = [dict(zip(TITLES.split(","), LINES[row].split(","), strict=True)) for row in rows]
    found = [dict(zip(titles, answer, strict=True)) for answer in answers]
    for name, figure in told.items():
        assert np.mean([one[name] == other[name] for one, other in zip(found, true, strict=True)]) == pytest.approx(figure), name


def test_samples_are_in_the_users_values(trained: Callable[..., Any]) -> None:
    trained("sample", "t", "--draws", "--count", "40", "--out", "drawn")
    (file,) = Path("drawn").glob("*.npz")
    drawn = np.load(file)
    assert set(drawn["grade"].ravel().tolist()) <= {1, 2, 3, 4}
    trained("infer", "t", "--given", f"grade={file}", "--want", "smokes", "--out", "again")


def test_rows_that_are_added_change_nothing(trained: Callable[..., Any]) -> None:
    """Of two, one has a new grade, and one a new flag, which no longer looks binary."""
    before = accuracies(trained)
    write("t.csv", ["81.5,1,5,yes,3,1", "12.5,2,1,no,3,0", *LINES[::-1]])
    assert accuracies(trained) == before
    said = trained("train", "t.yaml", "train.rounds=70", "--resume").output
    assert "2 rows are new since the training: no split has them" in said
