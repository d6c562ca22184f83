"""The command `ablate`: what is trained, what is not trained again, what is drawn. This file runs it on a small game."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gamelearn.game import load
from gamelearn.run import Run as OpenedRun
from gamelearn.train.checkpoint import list_checkpoints, round_of
from tests.metrics.maps import THREE, write_maps

Run = Callable[..., Any]
NAMED = "evaluate:\n  labels: {type: segmentation, hide: {}, count: 4, chain: {sweeps: 1}}\n"
PRESETS = "presets:\n  twice: {schedule: {mode: sequence, order: [segmenter, painter, encoder, encoder]}}\n"
COMMAND = ("ablate", "three.yaml", "train.rounds=6", "train.log.rounds=1", "--variant", "twice", "--seeds", "2", "--points", "3")


@pytest.fixture(autouse=True)
def spec(folder: Path) -> None:
    write_maps(folder)
    (folder / "three.yaml").write_text(THREE + NAMED + PRESETS)


@pytest.fixture
def without_sheet(monkeypatch: pytest.MonkeyPatch) -> None:
    """Leave the picture out, which takes longer than all else."""
    monkeypatch.setattr("gamelearn.comparison.ablation_sheet.draw_ablation", lambda labels, lines, path: path)


def ablated(run: Run, *more: str) -> tuple[dict[str, Any], str]:
    result = run(*COMMAND, *more, "--format", "json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout), result.stderr


def test_every_variant_is_trained_with_every_seed_and_measured_along_the_way(run: Run, folder: Path) -> None:
    found, said = ablated(run)
    home = folder / "runs/three-ablation"
    assert [(each["label"], [one["seed"] for one in each["runs"]]) for each in found["groups"]] == [("base", [0, 1]), ("twice", [0, 1])]
    for place in ("base/0", "base/1", "twice/0", "twice/1"):
        assert [round_of(each) for each in list_checkpoints(home / place / "checkpoints")] == [2, 4, 6]
    assert {each["key"] for each in found["differences"]} == {"schedule.order"}
    curves = json.loads((home / "ablation.json").read_text())["curves"]
    base, twice = curves["labels, complete, accuracy"]
    assert (base["rounds"], base["updates"], twice["updates"]) == ([2, 4, 6], [6, 12, 18], [8, 16, 24])
    assert base["seconds"] == sorted(base["seconds"])
    final = next(row for row in found["rows"] if row["figure"] == "accuracy")["cells"][0]
    assert (base["mean"][-1], base["sd"][-1]) == pytest.approx((final["mean"], final["sd"]))
    logged = [OpenedRun(home / f"twice/{seed}").metrics() for seed in (0, 1)]
    utility = curves["utility of encoder, nats per row"][1]
    values = [[row["utilities"]["encoder"] for row in rows] for rows in logged]
    assert utility["rounds"] == [row["round"] for row in logged[0]]
    assert utility["mean"] == pytest.approx(np.mean(values, axis=0))
    assert utility["sd"] == pytest.approx(np.std(values, axis=0, ddof=1))
    assert said.endswith("runs/three-ablation/ablation.json\nruns/three-ablation/ablation.png\n")
    with Image.open(home / "ablation.png") as image:
        assert image.size[0] > 1000


@pytest.mark.usefixtures("without_sheet")
def test_a_stopped_ablation_goes_on(run: Run, folder: Path) -> None:
    first, _ = ablated(run)
    home = folder / "runs/three-ablation"
    whole = (home / "twice/1/checkpoints/round-000000006/player-encoder.safetensors").read_bytes()
    shutil.rmtree(home / "twice/0")
    shutil.rmtree(home / "twice/1/checkpoints/round-000000006")
    shutil.rmtree(home / "base/1/checkpoints")
    second, said = ablated(run)
    for line in ("base, seed 0: is there", "base, seed 1: training", "twice, seed 0: training", "twice, seed 1: goes on"):
        assert line in said
    assert (home / "twice/1/checkpoints/round-000000006/player-encoder.safetensors").read_bytes() == whole
    assert _measured(second) == _measured(first)
    _, said = ablated(run)
    assert "training in" not in said
    assert "measuring" not in said


def _measured(found: dict[str, Any]) -> list[Any]:
    return [[cell["values"] for cell in row["cells"]] for row in found["rows"] if row["figure"] != "seconds"]


@pytest.mark.usefixtures("without_sheet")
def test_a_variant_is_the_spec_with_its_values(run: Run, folder: Path) -> None:
    formula = "utilities.encoder=E[prior(z), segmenter(s | z), painter(x | s, z)] log encoder(z | s, x)"
    more = ("--variant", f"written:{formula},train.batch=16", "--seed", "5", "--metric", "labels", "--points", "1", "--out", "here")
    result = run("ablate", "three.yaml", "train.rounds=2", *more)
    assert result.exit_code == 0, result.output
    trained = OpenedRun(folder / "here/written/5").spec()
    assert (trained.train.batch["default"], trained.train.seed, trained.train.rounds) == (16, 5, 2)
    assert OpenedRun(folder / "here/base/5").spec().train.batch["default"] == 32
    mine, theirs = (OpenedRun(folder / f"here/{name}/5").spec() for name in ("written", "base"))
    assert mine.utilities is not None
    assert theirs.utilities is not None
    assert mine.utilities["encoder"] != theirs.utilities["encoder"]
    assert "train.batch.default" in result.stdout


@pytest.mark.usefixtures("without_sheet")
def test_lengths_in_epochs_have_points_too(run: Run, folder: Path) -> None:
    result = run("ablate", "three.yaml", "train.epochs=2", "--variant", "twice", "--seeds", "1", "--points", "2", "--metric", "labels")
    assert result.exit_code == 0, result.output
    for name, repeats in (("base", 1), ("twice", 2)):
        last = load("three.yaml", "train.epochs=2", preset="twice" if name == "twice" else None)
        rows = last.streams().length("pairs")
        total = -(-2 * rows // (32 * repeats))
        found = [round_of(each) for each in list_checkpoints(folder / f"runs/three-ablation/{name}/0/checkpoints")]
        assert found == sorted({-(-total // 2), total} | {each for each in (2 * -(-total // 2),) if each <= total})


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("three.yaml",), "name the variants: --variant with one of the spec's presets ('twice'), or key=value"),
        (("three.yaml", "--variant", "twic"), "did you mean 'twice'?"),
        (("three.yaml", "--variant", "train.bach=3"), "train.bach"),
        (("three.yaml", "--variant", "twice", "--seeds", "2", "--seed", "1"), "give --seeds N, or each one by --seed, not both"),
        (("thre.yaml", "--variant", "twice"), "thre.yaml"),
        (("three.yaml", "--variant", "twice", "--split", "tes"), "unknown split 'tes'"),
    ],
)
def test_what_is_wrong_is_said_before_anything_is_trained(run: Run, folder: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run("ablate", *arguments)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())
    assert not (folder / "runs").exists()


@pytest.mark.usefixtures("without_sheet")
def test_a_folder_with_another_ablation_is_refused(run: Run) -> None:
    ablation = ("--variant", "twice", "--seeds", "1", "--points", "1", "--metric", "labels")
    assert run("ablate", "three.yaml", "train.rounds=1", *ablation).exit_code == 0
    result = run("ablate", "three.yaml", "train.rounds=1", "train.batch=8", *ablation)
    assert result.exit_code == 2
    assert "runs/three-ablation/base/0 holds another run; give another --out, or remove it" in result.stderr
    assert "train.batch.default: 32 in the run, 8 now" in result.stderr
