"""Evaluations on disk. This file writes some, in the same folder."""

import json
from pathlib import Path

import pytest

from gamelearn.errors import RunError
from gamelearn.metrics.evaluation import Evaluation
from gamelearn.metrics.metric import Block, Figure, MetricResult, Table
from gamelearn.metrics.store import EvaluationFile, read_evaluations, title_of


def found(value: float = 0.5) -> Evaluation:
    block = Block("complete", {"accuracy": Figure(value, 7, 0.1)}, Table(("class", "IoU"), (("class 0", value), ("class 1", None))))
    return Evaluation("faces", "segmentation", {"count": 7}, "train", 1, 0.12345, MetricResult((block,), ("a note",)))


def test_what_was_found_is_on_disk_at_once(tmp_path: Path) -> None:
    file = EvaluationFile(tmp_path, "round-1", {"round": 1})
    file.add(found())
    assert file.path == tmp_path / "evaluation" / "round-1.json"
    assert len(json.loads(file.path.read_text())["results"]) == 1
    file.add(found(0.25))
    stored = json.loads(file.path.read_text())
    assert file.path.read_text() == file.text()
    assert stored["round"] == 1
    assert [each["blocks"][0]["figures"]["accuracy"] for each in stored["results"]] == [
        {"value": 0.5, "count": 7, "error": 0.1},
        {"value": 0.25, "count": 7, "error": 0.1},
    ]
    assert stored["results"][0]["blocks"][0]["table"] == {"columns": ["class", "IoU"], "rows": [["class 0", 0.5], ["class 1", None]]}
    assert [path.name for path in file.path.parent.iterdir()] == ["round-1.json"]


def test_no_evaluation_replaces_another(tmp_path: Path) -> None:
    files = [EvaluationFile(tmp_path, "round-1", {"which": number}) for number in range(3)]
    for file in files:
        file.add(found())
    assert [file.path.name for file in files if file.path] == ["round-1.json", "round-1-2.json", "round-1-3.json"]
    assert sorted(each["which"] for each in read_evaluations(tmp_path)) == [0, 1, 2]


def test_what_is_no_number_is_null(tmp_path: Path) -> None:
    file = EvaluationFile(tmp_path, "round-1", {})
    file.add(found(float("inf")))
    file.add(found(float("nan")))
    values = [each["blocks"][0]["figures"]["accuracy"]["value"] for each in json.loads(file.text())["results"]]
    assert values == [None, None]


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "evaluation").write_text("in the way")
    with pytest.raises(RunError, match=r"cannot write '.*evaluation': "):
        EvaluationFile(tmp_path, "round-1", {}).add(found())


def test_a_name_that_is_only_reserved_is_no_evaluation(tmp_path: Path) -> None:
    EvaluationFile(tmp_path, "round-1", {"which": 0}).add(found())
    (tmp_path / "evaluation" / "round-1-2.json").touch()
    assert [each["which"] for each in read_evaluations(tmp_path)] == [0]


def test_a_damaged_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "evaluation").mkdir()
    (tmp_path / "evaluation" / "round-1.json").write_text("{")
    with pytest.raises(RunError, match=r"round-1\.json cannot be read"):
        read_evaluations(tmp_path)


def test_a_title_says_round_and_splits() -> None:
    assert title_of(12, ["validation"]) == "round-000000012-validation"
