"""The commands `train` and `sample`: what they say, what they leave, how a run is named and resumed."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from gamelearn.cli.runs import find_run
from gamelearn.errors import RunError

Run = Callable[..., Any]


def test_training_says_where_on_what_and_what_next(run: Run, folder: Path) -> None:
    result = run("train", "small.yaml")
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[0].startswith("device: ")
    assert lines[1] == "data: digits (images 1,437 rows)"
    assert lines[2].startswith("training in runs/small/1 on ")
    assert lines[-1] == "next: gamelearn sample runs/small/1"
    pictures = [line.removeprefix("picture: ") for line in lines if line.startswith("picture: ")]
    assert {Path(path).name for path in pictures} == {f"round-000000004-{title}-x.png" for title in ("data", "reconstructions", "samples")}
    assert all((folder / path).is_file() for path in pictures)
    assert result.stderr == ""


def test_presets_values_and_plugins_reach_the_run(run: Run, folder: Path) -> None:
    assert run("train", "small.yaml", "train.batch=8", "--preset", "long", "--run", "there", "--device", "cpu").exit_code == 0
    facts = json.loads((folder / "there/environment.json").read_text())
    assert (facts["preset"], facts["overrides"]) == (["long"], ["train.batch=8"])
    assert (folder / "there/checkpoints/round-000000006").is_dir()


def test_a_run_resumes_without_its_spec(run: Run, folder: Path) -> None:
    run("train", "small.yaml")
    original = (folder / "runs/small/1/spec.yaml").read_text()
    result = run("train", "--resume", "--run", "runs/small/1", "train.rounds=7")
    assert result.exit_code == 0, result.output
    assert "after round 4" in result.stdout
    assert (folder / "runs/small/1/checkpoints/round-000000007").is_dir()
    assert (folder / "runs/small/1/spec.yaml").read_text() == original
    again = run("train", "small.yaml", "--resume", "train.rounds=8")
    assert "resuming in runs/small/1" in again.stdout


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((), "name a spec: a file, or a shipped one that 'gamelearn list specs' lists"),
        (("--resume",), "name the spec, or the run to resume: gamelearn train --resume --run DIR"),
        (("small.yaml", "batch", "8"), "expected key=value after the spec, without spaces, got 'batch', '8'"),
        (("small.yaml", "--device", "gpu"), "there is no device 'gpu' here"),
        (("small.yaml", "--resume"), "there is nothing to resume"),
        (("--resume", "--run", "none"), "there is no run 'none'"),
        (("none",), "none: there is no such file, and no shipped spec of this name"),
        (("small.yaml", "--preset", "lon"), "did you mean 'long'?"),
    ],
)
def test_mistakes_are_said_before_anything_is_made(run: Run, folder: Path, arguments: tuple[str, ...], message: str) -> None:
    result = run("train", *arguments)
    assert result.exit_code == 2
    assert message in result.stderr
    assert not (folder / "runs").exists()


def test_samples_are_written_as_arrays_and_pictures(run: Run, folder: Path) -> None:
    run("train", "small.yaml")
    result = run("sample", "small", "--count", "9")
    assert result.stdout.splitlines() == [f"runs/small/1/samples/means-decoder-seed-0{end}" for end in (".npz", "-x.png")]
    with np.load(folder / "runs/small/1/samples/means-decoder-seed-0.npz") as arrays:
        assert arrays["x"].shape == (9, 1, 8, 8)
        assert set(np.unique(arrays["z"])) <= {0.0, 1.0}
        means = arrays["x"]
    with Image.open(folder / "runs/small/1/samples/means-decoder-seed-0-x.png") as image:
        assert image.size == (152, 152)
        pixels = np.array(image)
    assert pixels[2 + 50 + 3, 2 + 2 * 50 + 3, 0] == round(float(means[5, 0, 0, 0]) * 255)


def test_draws_seeds_and_folders_are_options(run: Run, folder: Path) -> None:
    run("train", "small.yaml")
    result = run("sample", "runs/small/1", "--draws", "--seed", "3", "--count", "5", "--out", "new/place", "--checkpoint", "4")
    assert result.exit_code == 0, result.output
    with np.load(folder / "new/place/round-000000004-draws-decoder-seed-3.npz") as arrays:
        assert set(np.unique(arrays["x"])) == {0.0, 1.0}
        first = arrays["x"]
    run("sample", "runs/small/1", "--draws", "--seed", "4", "--count", "5", "--out", "new/place")
    with np.load(folder / "new/place/draws-decoder-seed-4.npz") as arrays:
        assert not np.array_equal(arrays["x"], first)


def test_wrong_samples_are_explained(run: Run) -> None:
    run("train", "small.yaml")
    assert "it has round-000000004" in run("sample", "small", "--checkpoint", "3").stderr
    assert "players that can: 'decoder'" in run("sample", "small", "--player", "encoder").stderr
    result = run("sample", "smal")
    assert result.exit_code == 2
    assert result.stderr.endswith("did you mean 'small'?\n")


def test_a_run_is_named_by_its_folder_its_game_or_its_number(tmp_path: Path) -> None:
    for number in (2, 10, 9):
        (tmp_path / "runs/game" / str(number)).mkdir(parents=True)
        (tmp_path / "runs/game" / str(number) / "spec.resolved.yaml").touch()
    runs = tmp_path / "runs"
    assert find_run("game", runs) == runs / "game/10"
    assert find_run("game/2", runs) == runs / "game/2"
    assert find_run(str(runs / "game"), runs) == runs / "game/10"
    assert find_run(str(runs / "game/9"), runs) == runs / "game/9"
    with pytest.raises(RunError, match="runs there: 'game'"):
        find_run("other", runs)


def test_training_goes_on_when_the_reader_of_its_output_has_gone(folder: Path) -> None:
    command = [sys.executable, "-c", "from gamelearn.cli.main import main; main()", "train", "digits-vae", "train.rounds=30"]
    process = subprocess.Popen([*command, "--run", "piped"], cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    assert any(line.startswith(b"training in") for line in iter(process.stdout.readline, b""))
    process.stdout.close()
    process.wait(timeout=120)
    assert process.stderr is not None
    assert b"Traceback" not in process.stderr.read()
    process.stderr.close()
    assert (folder / "piped" / "checkpoints" / "round-000000030").is_dir()
