"""The command `evaluate`. This file runs it on a small game."""

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gamelearn.data.progress import say_progress
from gamelearn.data.streams import Streams
from gamelearn.game import Game
from tests.metrics.maps import SUPERVISED, THREE, write_maps

Run = Callable[..., Any]
NAMED = "evaluate:\n  labels: {type: segmentation, hide: {}, count: 4}\n  dreams: {type: class_frequencies, sweeps: 2, count: 3}\n"


@pytest.fixture
def trained(run: Run, folder: Path) -> Path:
    """A run of the three-player game, whose spec names metrics."""
    write_maps(folder)
    (folder / "three.yaml").write_text(THREE + NAMED)
    assert run("train", "three.yaml", "--run", "runs/three/1").exit_code == 0
    return folder / "runs/three/1"


def stored(run: Path) -> dict[str, Any]:
    return {path.stem: json.loads(path.read_text()) for path in sorted((run / "evaluation").iterdir())}


def test_the_metrics_of_the_spec_are_printed_and_kept(run: Run, trained: Path) -> None:
    result = run("evaluate", "three")
    assert result.exit_code == 0, result.stderr
    assert "labels on validation" in result.stdout
    assert "within a factor of two of the data" in result.stdout
    assert result.stdout.endswith("runs/three/1/evaluation/round-000000005-validation.json\n")
    (found,) = stored(trained).values()
    assert (found["game"], found["round"], found["weights"]) == ("three", 5, "last")
    assert [each["name"] for each in found["results"]] == ["labels", "dreams"]
    assert found["results"][0]["blocks"][0]["figures"]["accuracy"]["count"] == 4
    assert found["data_sets"] == {"dataset": "npz"}


def test_json_is_what_is_kept(run: Run, trained: Path) -> None:
    result = run(
        "evaluate", "three", "--metric", "labels", "--split", "train", "--split", "test", "--count", "2", "--seed", "3", "--format", "json"
    )
    assert result.exit_code == 0, result.stderr
    printed = json.loads(result.stdout)
    assert stored(trained) == {"round-000000005-train-test": printed}
    assert [(each["split"], each["seed"]) for each in printed["results"]] == [("train", 3), ("test", 3)]
    assert printed["results"][0]["blocks"][0]["figures"]["accuracy"]["count"] == 2
    assert result.stderr.endswith("round-000000005-train-test.json\n")


def test_a_second_evaluation_stands_beside_the_first(run: Run, trained: Path) -> None:
    for sweeps in ("2", "3"):
        assert run("evaluate", "three", "--metric", "labels", "--sweeps", sweeps, "--burn-in", "0", "--chains", "1").exit_code == 0
    first, second = (stored(trained)[name]["results"][0] for name in ("round-000000005-validation", "round-000000005-validation-2"))
    others = {"burn_in": 0, "thin": 1, "chains": 1, "estimate": "conditionals"}
    assert first["facts"]["complete"]["chain"] == {"sweeps": 2, **others}
    assert second["facts"]["complete"]["chain"] == {"sweeps": 3, **others}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--metric", "label"), "unknown metric 'label'; known: 'labels', 'dreams', 'accuracy', 'baselines',"),
        (("--checkpoint", "4"), "has no checkpoint 'round-000000004'; it has round-000000005"),
        (("--weights", "ema"), "has no averaged weights ('train.ema' is not set): take weights 'last'"),
        (("--sampler", "limits"), "unknown sampler 'limits'"),
        (("--metric", "baselines", "--sampler", "limits"), "unknown sampler 'limits'"),
        (("--device", "cdu"), "there is no device 'cdu' here"),
        (("--split", "tes"), "unknown split 'tes'; known: 'train', 'validation', 'test'; did you mean 'test'?\n"),
        (("--weights", "last_"), "unknown weights 'last_'; known: 'ema', 'last'; did you mean 'last'?\n"),
        (("--estimate", "count"), "unknown estimate 'count'; known: 'conditionals', 'counts'; did you mean 'counts'?\n"),
    ],
)
def test_mistakes_are_told(run: Run, trained: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run("evaluate", "three", *arguments)
    assert (result.exit_code, result.stdout) == (2, "")
    assert message in result.stderr
    assert not (trained / "evaluation").exists()


BARE = """\
name: bare
variables: {x: {type: real}}
players: {one: {factors: {x: standard}}, two: {factors: {x: free}}}
utilities: {two: "E[one(x)] log two(x)"}
train: {rounds: 1}
"""


def test_a_metric_that_does_not_fit_says_what_it_needs(run: Run, folder: Path) -> None:
    (folder / "bare.yaml").write_text(BARE)
    assert run("train", "bare.yaml", "--run", "runs/bare/1").exit_code == 0
    result = run("evaluate", "bare", "--metric", "segmentation")
    assert result.exit_code == 2
    assert result.stderr.startswith("'segmentation' does not fit this game: needs a stream that shows a categorical variable of shape ")
    result = run("evaluate", "bare")
    assert result.exit_code == 2
    assert result.stderr.startswith("no metric fits this game:\n'accuracy' needs ")


def test_images_are_measured_where_the_spec_names_nothing(run: Run, folder: Path) -> None:
    assert run("train", "small.yaml", "--run", "runs/small/1").exit_code == 0
    result = run("evaluate", "small", "--format", "json", "--count", "20", "--sweeps", "2")
    assert {"coverage", "frechet", "nearest_neighbour"} <= {each["name"] for each in json.loads(result.stdout)["results"]}


def test_metrics_that_fit_are_measured_where_the_spec_names_none(run: Run, folder: Path) -> None:
    write_maps(folder)
    (folder / "supervised.yaml").write_text(SUPERVISED)
    assert run("train", "supervised.yaml", "--run", "runs/s/1").exit_code == 0
    result = run("evaluate", "s", "--format", "json", "--count", "3")
    assert {"baselines", "segmentation"} <= {each["name"] for each in json.loads(result.stdout)["results"]}


def test_metrics_may_change_when_a_run_goes_on(run: Run, trained: Path) -> None:
    result = run("train", "three.yaml", "--resume", "--run", str(trained), "train.rounds=6", "evaluate.labels.count=2")
    assert result.exit_code == 0, result.stderr
    found = json.loads(run("evaluate", "three", "--metric", "labels", "--format", "json").stdout)
    assert found["results"][0]["blocks"][0]["figures"]["accuracy"]["count"] == 2


def test_progress_of_the_data_is_shown_when_they_are_opened(run: Run, trained: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    opened = Game.streams

    def slowly(game: Game) -> Streams:
        if game._streams is None:
            say_progress("maps: decoded", 5000, 5000)
        return opened(game)

    monkeypatch.setattr(Game, "streams", slowly)
    commands = (
        ("evaluate", "three", "--metric", "labels", "--count", "1"),
        ("figures", "three", "--count", "1", "--sweeps", "1"),
        ("report", "three"),
    )
    shutil.rmtree(trained / "figures", ignore_errors=True)
    for command in commands:
        result = run(*command)
        assert result.exit_code == 0, result.output
        assert result.stderr.count("maps: decoded: 5,000 of 5,000\n") == 1
        shutil.rmtree(trained / "figures", ignore_errors=True)


@pytest.mark.parametrize(
    ("metric", "notice"),
    [
        ("dreams", "NOTICE: no metric that is measured looks at --burn-in, --chains\n"),
        ("baselines", "NOTICE: no metric that is measured looks at --sweeps, --burn-in, --chains\n"),
        ("labels", ""),
    ],
)
def test_values_of_the_chain_without_effect_are_told(run: Run, trained: Path, metric: str, notice: str) -> None:
    result = run("evaluate", "three", "--metric", metric, "--count", "2", "--sweeps", "2", "--chains", "1", "--burn-in", "0")
    assert (result.exit_code, result.stderr) == (0, notice)
