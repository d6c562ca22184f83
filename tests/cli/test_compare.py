"""The command `compare`: which runs are one column, what differs, what is not comparable. This file runs it on small games."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gamelearn.data.streams import Streams
from tests.metrics.maps import THREE, write_maps

Run = Callable[..., Any]
NAMED = "evaluate:\n  labels: {type: segmentation, hide: {}, count: 4, chain: {sweeps: 2}}\n"
ACCURACY = ("labels", "complete", "accuracy")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs of the three-player game: two seeds, then another batch, with a checkpoint after round 2."""
    from gamelearn.game import load
    from gamelearn.training import train

    folder = tmp_path_factory.mktemp("runs")
    write_maps(folder)
    (folder / "three.yaml").write_text(THREE + NAMED)
    for number, values in enumerate((("train.seed=0",), ("train.seed=1",), ("train.batch=16",)), 1):
        game = load(folder / "three.yaml", *values, "train.checkpoint.rounds=2", "train.checkpoint.keep=9", "train.log.rounds=2")
        train(game, run_folder=folder / f"runs/three/{number}")
    return folder


@pytest.fixture
def runs(trained: Path, folder: Path) -> Path:
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    return folder / "runs/three"


@pytest.fixture
def without_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the picture out, which takes longer than all else."""
    monkeypatch.setattr("gamelearn.comparison.files.draw_comparison", lambda found, path: path)


def compared(run: Run, *arguments: str) -> dict[str, Any]:
    result = run("compare", *arguments, "--format", "json")
    assert result.exit_code == 0, result.output
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def cells(found: dict[str, Any], metric: str, block: str, name: str) -> list[Any]:
    return next(row["cells"] for row in found["rows"] if (row["metric"], row["block"], row["figure"]) == (metric, block, name))


@pytest.mark.usefixtures("runs")
def test_runs_of_one_spec_with_other_seeds_are_one_column(run: Run, folder: Path) -> None:
    found = compared(run, "runs/three/1", "runs/three/2", "runs/three/3")
    assert [(group["label"], [each["seed"] for each in group["runs"]]) for group in found["groups"]] == [
        ("three/1+2", [0, 1]),
        ("three/3", [0]),
    ]
    both, single = cells(found, *ACCURACY)
    stored = [json.loads((folder / f"runs/three/{number}/evaluation/round-000000005-validation.json").read_text()) for number in (1, 2, 3)]
    values = [each["results"][0]["blocks"][0]["figures"]["accuracy"]["value"] for each in stored]
    assert both["values"] == values[:2]
    assert both["mean"] == pytest.approx(np.mean(values[:2]))
    assert both["sd"] == pytest.approx(np.std(values[:2], ddof=1))
    assert single["ratio"]["value"] == pytest.approx(values[2] / np.mean(values[:2]))
    assert (single["sd"], single["error"] is not None) == (None, True)
    assert found["differences"] == [{"key": "train.batch.default", "values": {"three/1+2": "32", "three/3": "16"}}]
    assert found["notices"] == []
    assert json.loads((folder / "comparison/compare.json").read_text()) == found
    with Image.open(folder / "comparison/compare.png") as image:
        assert image.size[0] > 1000


@pytest.mark.usefixtures("runs", "without_sheet")
def test_rows_of_the_training(run: Run) -> None:
    found = compared(run, "runs/three/1@2", "runs/three/1", "--metric", "labels", "--baseline", "three@2")
    assert [group["label"] for group in found["groups"]] == ["three@2", "three"]
    assert [each["mean"] for each in cells(found, "", "training", "rounds")] == [2, 5]
    assert cells(found, "", "training", "rounds")[1]["ratio"]["value"] == 2.5
    early, late = (each["mean"] for each in cells(found, "", "training", "seconds"))
    assert 0 < early < late
    assert found["differences"] == []


@pytest.mark.usefixtures("runs", "without_sheet")
def test_runs_can_be_kept_apart(run: Run) -> None:
    found = compared(run, "runs/three/1", "runs/three/2", "--by", "run", "--baseline", "three/2")
    assert [group["label"] for group in found["groups"]] == ["three/1", "three/2"]
    first, second = cells(found, *ACCURACY)
    assert second["ratio"] is None
    assert first["ratio"]["value"] == pytest.approx(first["mean"] / second["mean"])


@pytest.mark.usefixtures("runs", "without_sheet")
def test_what_was_measured_is_not_measured_again(run: Run, folder: Path) -> None:
    assert run("evaluate", "runs/three/1", "--count", "3", "--sweeps", "3").exit_code == 0  # other sweeps: another question
    first = run("compare", "runs/three/1", "--count", "3")
    assert "measuring labels of runs/three/1 at round 5" in first.stderr
    second = run("compare", "runs/three/1", "--count", "3")
    assert "measuring" not in second.stderr
    assert second.stdout == first.stdout
    assert len(list((folder / "runs/three/1/evaluation").iterdir())) == 2
    for other in (("--seed", "1"), ("--split", "test")):
        assert "measuring labels" in run("compare", "runs/three/1", "--count", "3", *other).stderr


@pytest.mark.usefixtures("runs", "without_sheet")
def test_figures_of_an_evaluation_are_taken(run: Run) -> None:
    assert run("evaluate", "runs/three/1").exit_code == 0
    assert "measuring" not in run("compare", "runs/three/1").stderr


@pytest.mark.usefixtures("without_sheet")
@pytest.mark.parametrize(
    ("value", "reason"),
    [
        ("data.seed=7", "the figures of labels come from different data: data.seed is 0 in three, 7 in other"),
        ("evaluate.labels.count=3", "labels was not measured in the same way: options.count is 4 in three, 3 in other"),
    ],
)
def test_what_is_not_comparable_is_said(run: Run, trained: Path, runs: Path, value: str, reason: str) -> None:
    assert run("train", str(trained / "three.yaml"), value, "--run", "runs/other/1").exit_code == 0
    result = run("compare", str(runs / "1"), "runs/other/1")
    assert result.exit_code == 0, result.output
    assert f"NOT COMPARABLE: {reason}" in " ".join(result.stdout.split())
    assert "≠ accuracy" in result.stdout
    found = compared(run, str(runs / "1"), "runs/other/1")
    assert cells(found, *ACCURACY)[1]["ratio"] is None
    assert cells(found, "", "training", "parameters")[1]["ratio"]["value"] == 1


@pytest.mark.usefixtures("without_sheet")
def test_data_that_stand_in_for_others_are_told(run: Run, runs: Path) -> None:
    facts = runs / "3/environment.json"
    facts.write_text(json.dumps({**json.loads(facts.read_text()), "otherwise": ["dataset"]}))
    spec = runs / "3/spec.resolved.yaml"
    data = "  dataset: {type: npz, path: absent.npz, fields: {x: {type: real}, s: {type: categorical, classes: 3}}}\n"
    text = spec.read_text()
    begin, end = text.index("  dataset:"), text.index("  streams:")
    spec.write_text(text[:begin] + data + text[begin:end].replace("  dataset:", "  otherwise:") + text[end:])
    found = compared(run, "runs/three/1", "runs/three/3")
    assert any(
        each.startswith("three/3 was trained, and is measured, on data that stand in for others: 'npz'") for each in found["notices"]
    )
    assert any(each.startswith("NOT COMPARABLE: the figures of labels come from different data") for each in found["notices"])


def test_games_without_a_common_metric_are_compared_by_their_training(run: Run, folder: Path) -> None:
    for seed in ("0", "1"):
        assert run("train", "small.yaml", f"train.seed={seed}").exit_code == 0
    result = run("compare", "runs/small/1", "runs/small/2")
    assert result.exit_code == 0, result.output
    assert "seconds" in result.stdout
    assert (folder / "comparison/compare.png").is_file()


@pytest.mark.usefixtures("runs", "without_sheet")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("runs/three/1", "runs/three/1"), "the run runs/three/1 is named twice at round 5"),
        (("runs/three/1@3",), "has no checkpoint 'round-000000003'; it has round-000000002, round-000000004, round-000000005"),
        (("runs/three/1@x",), "expected a number of rounds after '@', such as runs/three/1@1000, got 'runs/three/1@x'"),
        (("three@2x",), "expected a number of rounds after '@'"),
        (("thre",), "there is no run 'thre'"),
        (("runs/three/1", "--metric", "label"), "runs/three/1: unknown metric 'label'"),
        (("runs/three/1", "--baseline", "thre"), "there is no column 'thre' to be the baseline; there are 'three'; did you mean 'three'?"),
        (("runs/three/1", "--by", "rn"), "unknown --by 'rn'; known: 'game', 'run'; did you mean 'run'?"),
        (("runs/three/1", "--split", "tes"), "unknown split 'tes'"),
        (("runs/three/1", "--weights", "ema"), "has no averaged weights"),
    ],
)
def test_what_is_wrong_is_said(run: Run, arguments: tuple[str, ...], message: str) -> None:
    result = run("compare", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


@pytest.mark.usefixtures("runs", "without_sheet")
def test_the_newest_run_of_a_game_is_taken_by_its_name(run: Run) -> None:
    found = compared(run, "three@4", "--metric", "labels")
    assert [(each["run"], each["round"]) for each in found["groups"][0]["runs"]] == [("runs/three/3", 4)]


def test_classes_of_rows_are_known_though_no_stream_shows_them(run: Run) -> None:
    from gamelearn.game import load

    streams: Streams = load("small.yaml").streams()
    found = streams.classes("images", "validation", 5)
    assert found is not None
    assert (found.field, found.names, len(found.values)) == ("c", tuple("0123456789"), 5)
    shown = load("small.yaml", "variables.c={type: categorical, classes: 10}", "data.streams.images=[x, c]").streams()
    assert found.values.equal(next(shown.split("images", "validation"))["c"][:5])
