"""Run folders: made, resumed, opened again."""

import io
import json
import os
import re
import signal
import subprocess
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from rich.console import Console

from gamelearn import training as module
from gamelearn.errors import DataError, RunError
from gamelearn.game import Game, load
from gamelearn.run import Run
from gamelearn.train.observers import CheckpointObserver
from gamelearn.training import train
from tests.train.tiny import ONE_STAGE, THREE_STAGES, loaded, parameters_of, spec_in

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(module, "tune_allocator", lambda: True)


def said_by(game: Game, **options: Any) -> tuple[Run, str]:
    console = Console(file=io.StringIO(), width=400)
    run = train(game, console=console, **options)
    assert isinstance(console.file, io.StringIO)
    return run, console.file.getvalue()


def test_what_a_run_folder_holds(tmp_path: Path) -> None:
    def draw(game: Game, folder: Path, rounds: int) -> list[Path]:
        (folder / "x.png").write_bytes(b"")
        return [folder / "x.png"]

    run, text = said_by(loaded(tmp_path, "train.rounds=3"), pictures=draw, overrides=["train.rounds=3"])
    assert run.path == Path("runs/tiny/1")
    expected = {"spec.yaml", "spec.resolved.yaml", "environment.json", "metrics.jsonl", "rows.safetensors", "checkpoints", "samples"}
    assert {path.name for path in run.path.iterdir()} - {"tensorboard"} == expected
    assert (run.path / "spec.yaml").read_text() == spec_in(tmp_path).read_text()
    assert run.spec() == load(run.path / "spec.resolved.yaml").checked.spec  # type: ignore[union-attr]
    assert run.spec().train.rounds == 3
    assert [path.name for path in run.checkpoints] == ["round-000000003"]
    assert run.drawn == tuple(run.pictures) == (run.path / "samples" / "x.png",)
    assert [line["round"] for line in run.metrics()] == [1, 3]
    assert (run.environment["device"], run.environment["data_sets"]) == ("cpu", {"dataset": "npz"})
    assert run.environment["overrides"] == ["train.rounds=3"]
    assert run.environment["versions"]["torch"] == torch.__version__
    assert "training in runs/tiny/1 on cpu" in text
    assert "finished after 3 rounds: runs/tiny/1" in text
    assert "picture: runs/tiny/1/samples/x.png" in text


def test_without_a_console_nothing_is_printed(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    train(loaded(tmp_path))
    assert capfd.readouterr() == ("", "")


def test_runs_are_numbered(tmp_path: Path) -> None:
    assert [str(train(loaded(tmp_path)).path) for _ in range(2)] == ["runs/tiny/1", "runs/tiny/2"]
    Path("runs/tiny/7").mkdir()
    assert str(train(loaded(tmp_path)).path) == "runs/tiny/8"


def test_a_folder_may_be_named(tmp_path: Path) -> None:
    assert train(loaded(tmp_path), run_folder="deep/there").path == Path("deep/there")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (["other.txt"], "mine is not empty and holds no run: give another folder"),
        (["spec.resolved.yaml"], "mine holds a run that ended before its first checkpoint: remove it, or give another folder"),
        (
            ["spec.resolved.yaml", "checkpoints/round-000000001/state.json"],
            "mine already holds a run: say --resume to go on with it, or give another",
        ),
    ],
)
def test_a_folder_that_holds_something_is_refused(tmp_path: Path, content: list[str], message: str) -> None:
    for name in content:
        (tmp_path / "mine" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "mine" / name).write_text("")
    with pytest.raises(RunError, match=re.escape(message)):
        train(loaded(tmp_path), run_folder="mine")
    assert sorted(path.name for path in (tmp_path / "mine").rglob("*") if path.is_file()) == sorted(Path(name).name for name in content)


def test_no_folder_is_made_where_the_training_cannot_begin(tmp_path: Path) -> None:
    game = loaded(tmp_path)
    (tmp_path / "tiny.npz").unlink()
    with pytest.raises(Exception, match=r"tiny\.npz"):
        train(game)
    assert not Path("runs").exists()


def test_a_stand_in_for_the_data_is_said_loudly(tmp_path: Path) -> None:
    text = ONE_STAGE.replace(
        "dataset: {type: npz", "dataset: {type: npz, path: gone.npz, fields: {x: {binarize: 0.5}}}\n      otherwise: {type: npz"
    )
    run, said = said_by(loaded(tmp_path, text=text))
    assert "NOTICE: " in said
    assert "gone.npz" in said
    assert run.environment["data_sets"] == {"dataset": "npz"}


STAND_IN = ONE_STAGE.replace("shape: [4]", "shape: [1, 8, 8]").replace(
    "dataset: {type: npz, path: tiny.npz, fields: {x: {binarize: 0.5}}}",
    "dataset: {type: npz, path: late.npz, fields: {x: {binarize: 0.5}}}\n      otherwise: {type: digits, binarize: 0.5}",
)


def test_a_run_keeps_to_the_data_that_stood_in_when_the_others_appear(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.setenv("GAMELEARN_DATA", str(root))
    run = train(loaded(tmp_path, text=STAND_IN))
    assert run.environment["otherwise"] == ["dataset"]
    np.savez(root / "late.npz", x=np.zeros((20, 1, 8, 8), np.float32))
    assert load(spec_in(tmp_path, STAND_IN)).streams().taken == {"dataset": "npz"}
    streams = run.game().streams()
    assert streams.taken == {"dataset": "digits"}
    assert streams.notices == ("data set 'digits' is taken, on which the run was trained in place of 'npz'",)
    longer, said = said_by(loaded(tmp_path, "train.rounds=6", text=STAND_IN), resume=True)
    assert "NOTICE: data set 'digits' is taken, on which the run was trained" in said
    assert longer.environment["resumed"][0]["data_sets"] == {"dataset": "digits"}


def test_what_stands_in_may_be_of_the_same_type(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = tmp_path / "root"
    root.mkdir()
    monkeypatch.setenv("GAMELEARN_DATA", str(root))
    options = "fields: {x: {binarize: 0.5}}}"
    text = ONE_STAGE.replace(
        f"{{type: npz, path: tiny.npz, {options}",
        f"{{type: npz, path: late.npz, {options}\n      otherwise: {{type: npz, path: tiny.npz, {options}",
    )
    run = train(loaded(tmp_path, text=text))
    rows = run.game().streams().length("images")
    np.savez(root / "late.npz", x=np.zeros((50, 4), np.float32))
    assert load(spec_in(tmp_path, text)).streams().length("images") != rows
    assert run.game().streams().length("images") == rows
    assert run.game().streams().stood_in == ("dataset",)


def test_nothing_stands_in_for_the_data_that_a_run_was_trained_on(tmp_path: Path) -> None:
    np.savez(tmp_path / "late.npz", x=np.zeros((20, 1, 8, 8), np.float32))
    run = train(loaded(tmp_path, text=STAND_IN))
    (tmp_path / "late.npz").unlink()
    with pytest.raises(DataError, match=r"the run was trained on data set 'npz', which is absent now: '.*late\.npz' is missing"):
        run.game().streams()
    (run.path / "environment.json").write_text('{"otherwise": "abc"}')
    with pytest.raises(RunError, match=r"environment\.json is damaged"):
        run.game()
    for damaged in ("[]", "{", ""):
        (run.path / "environment.json").write_text(damaged)
        with pytest.warns(UserWarning, match=r"environment\.json .*; it counts as absent, so it is not known how the run's data were read"):
            assert run.game().stood_in is None
    (run.path / "environment.json").unlink()
    assert run.game().streams().taken == {"dataset": "digits"}


def test_resuming_a_finished_run_says_what_to_raise(tmp_path: Path) -> None:
    train(loaded(tmp_path))
    with pytest.raises(
        RunError, match=r"the run is finished: 4 rounds are done, train.rounds is 4; to go on, raise it, such as train.rounds=8"
    ):
        train(loaded(tmp_path), resume=True)
    with pytest.raises(RunError, match=r"train.rounds is 2; to go on, raise it, such as train.rounds=8"):
        train(loaded(tmp_path, "train.rounds=2"), resume=True)


def test_the_key_of_the_last_stage_is_named(tmp_path: Path) -> None:
    train(loaded(tmp_path, text=THREE_STAGES))
    with pytest.raises(RunError, match=r"stages\.together\.train\.rounds is 3; .* stages\.together\.train\.rounds=6"):
        train(loaded(tmp_path, text=THREE_STAGES), resume=True)


def test_a_run_that_is_made_longer_is_the_longer_run(tmp_path: Path) -> None:
    train(loaded(tmp_path))
    longer, said = said_by(loaded(tmp_path, "train.rounds=9"), resume=True)
    whole = train(loaded(tmp_path, "train.rounds=9"))
    assert longer.path == Path("runs/tiny/1")
    assert "resuming in runs/tiny/1 on cpu" in said
    assert ", after round 4" in said
    first, second = parameters_of(longer.game()), parameters_of(whole.game())
    assert all(torch.equal(first[name], second[name]) for name in second)
    assert longer.spec().train.rounds == 9
    assert [each["after_round"] for each in longer.environment["resumed"]] == [4]
    assert [{**line, "seconds": 0} for line in longer.metrics()] == [{**line, "seconds": 0} for line in whole.metrics()]


def test_training_from_the_resolved_spec_gives_the_same_bits(tmp_path: Path) -> None:
    first = train(loaded(tmp_path, "train.seed=3"))
    again = train(load(first.path / "spec.resolved.yaml"))
    one, two = parameters_of(first.game()), parameters_of(again.game())
    assert all(torch.equal(one[name], two[name]) for name in one)


def test_what_may_not_change_is_listed(tmp_path: Path) -> None:
    train(loaded(tmp_path))
    free = ("train.rounds=9", "train.log.rounds=3", "train.checkpoint.keep=5", "train.samples.rounds=3")
    with pytest.raises(RunError) as caught:
        train(loaded(tmp_path, *free, "train.seed=3", "train.batch=6", "players.decoder.frozen=false"), resume=True)
    head, *lines, advice = str(caught.value).splitlines()
    assert head.startswith("the spec is not the run's; on resume only lengths")
    assert lines == ["  train.batch.default: 5 in the run, 6 now", "  train.seed: 0 in the run, 3 now"]
    assert advice == "set these back, or start a new run"
    assert train(loaded(tmp_path, *free), resume=True).metrics()[-1]["round"] == 9


def test_minutes_may_take_the_place_of_rounds(tmp_path: Path) -> None:
    train(loaded(tmp_path))
    run = train(loaded(tmp_path, "train.rounds=null", "train.epochs=2"), resume=True)
    assert run.state().progress.round == 7  # 16 rows in the training split, 5 in a batch


def test_the_length_of_a_stage_that_is_over_has_no_effect(tmp_path: Path) -> None:
    train(loaded(tmp_path, text=THREE_STAGES))
    changed = ("stages.turns.train.rounds=30", "stages.together.train.rounds=4")
    run, said = said_by(loaded(tmp_path, *changed, text=THREE_STAGES), resume=True)
    assert "NOTICE: stage 'turns' is over, so its new length has no effect" in said
    assert run.state().progress.done == 4


def test_nothing_to_resume(tmp_path: Path) -> None:
    with pytest.raises(RunError, match=r"there is nothing to resume: no run of 'tiny' in runs/tiny"):
        train(loaded(tmp_path), resume=True)
    with pytest.raises(RunError, match="there is no run folder mine"):
        train(loaded(tmp_path), run_folder="mine", resume=True)


def test_a_damaged_checkpoint_is_said_and_the_one_before_taken(tmp_path: Path) -> None:
    run = train(loaded(tmp_path, "train.checkpoint.rounds=3"))
    (run.checkpoints[-1] / "state.json").write_text("{}")
    resumed, said = said_by(loaded(tmp_path, "train.rounds=5"), resume=True)
    assert "DAMAGED CHECKPOINT: runs/tiny/1/checkpoints/round-000000004/state.json is damaged" in said
    assert "the newest intact checkpoint is taken in its place: runs/tiny/1/checkpoints/round-000000003" in said
    assert "the damaged checkpoint is set aside: runs/tiny/1/checkpoints/damaged-round-000000004" in said
    assert resumed.state().progress.round == 5
    whole = train(loaded(tmp_path, "train.rounds=5"))
    assert all(torch.equal(each, parameters_of(whole.game())[name]) for name, each in parameters_of(resumed.game()).items())


def test_a_run_is_opened(tmp_path: Path) -> None:
    trained = loaded(tmp_path, "train.checkpoint.rounds=3")
    train(trained)
    run = Run(Path("runs/tiny/1"))
    last, first = parameters_of(run.game()), parameters_of(run.game(3))
    assert all(torch.equal(each, parameters_of(trained)[name]) for name, each in last.items())
    assert any(not torch.equal(each, first[name]) for name, each in last.items())
    for same in ("round-000000003", run.checkpoints[0]):
        assert all(torch.equal(each, first[name]) for name, each in parameters_of(run.game(same)).items())
    with pytest.raises(RunError, match=r"has no checkpoint 'round-000000002'; it has round-000000003, round-000000004"):
        run.game(2)
    with pytest.raises(RunError, match=r"has no averaged weights \('train.ema' is not set\): take weights 'last'"):
        run.game(weights="ema")


def test_averaged_weights_are_taken_where_there_are_any(tmp_path: Path) -> None:
    game = loaded(tmp_path, "train.ema=0.5")
    run = train(game)
    averages = {f"{player}.{name}": each for player, tensors in run.state().averages.items() for name, each in tensors.items()}
    for weights in (None, "ema"):
        assert all(torch.equal(each, averages[name]) for name, each in parameters_of(run.game(weights=weights)).items())
    assert all(torch.equal(each, parameters_of(game)[name]) for name, each in parameters_of(run.game(weights="last")).items())


def test_samples_of_a_run(tmp_path: Path) -> None:
    samples = train(loaded(tmp_path)).sample(3)
    assert {name: tuple(value.shape) for name, value in samples.items()} == {"z": (3, 2), "x": (3, 4)}


def test_damage_is_a_warning_where_nobody_listens(tmp_path: Path) -> None:
    run = train(loaded(tmp_path, "train.checkpoint.rounds=3"))
    (run.checkpoints[-1] / "state.json").unlink()
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        Run(run.path).state()
    assert [str(each.message).split(":")[0] for each in caught] == [
        "DAMAGED CHECKPOINT",
        "the newest intact checkpoint is taken in its place",
    ]


def test_what_is_no_run_is_told(tmp_path: Path) -> None:
    train(loaded(tmp_path))
    with pytest.raises(RunError, match=r"runs/tiny is no run: .* it holds the runs runs/tiny/1"):
        Run(Path("runs/tiny"))
    with pytest.raises(RunError, match="there is no run folder runs/tiny/2"):
        Run(Path("runs/tiny/2"))
    (tmp_path / "runs/tiny/1/metrics.jsonl").unlink()
    with pytest.raises(RunError, match=r"has no metrics\.jsonl"):
        Run(Path("runs/tiny/1")).metrics()


TERMINATED = """
import os, signal, sys
from rich.console import Console
from gamelearn.game import load
from gamelearn.training import train
from gamelearn.train.metrics_file import MetricsObserver

after_round = MetricsObserver.after_round

def interrupted(self, event):
    after_round(self, event)
    if event.round == 3:
        os.kill(os.getpid(), getattr(signal, sys.argv[2]))

MetricsObserver.after_round = interrupted
run = train(load(sys.argv[1], "train.rounds=100000"), run_folder="mine", console=Console())
sys.exit(0 if run.stopped_by == sys.argv[2] else 1)
"""


def test_a_terminated_process_leaves_a_checkpoint(tmp_path: Path) -> None:
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", TERMINATED, str(spec_in(tmp_path)), signal.SIGTERM.name]
    done = subprocess.run(command, capture_output=True, text=True, check=False, env=surroundings)
    assert done.returncode == 0, done.stderr
    assert "stopped by SIGTERM after round 3; to go on: --resume --run mine" in done.stdout
    assert "checkpoint: mine/checkpoints/round-000000003" in done.stdout
    resumed = train(loaded(tmp_path), run_folder="mine", resume=True)
    whole = train(loaded(tmp_path))
    assert all(torch.equal(each, parameters_of(whole.game())[name]) for name, each in parameters_of(resumed.game()).items())


def test_metrics_are_whole_json(tmp_path: Path) -> None:
    run = train(loaded(tmp_path))
    lines = (run.path / "metrics.jsonl").read_text().splitlines()
    assert [json.loads(line)["round"] for line in lines] == [1, 4]


def test_a_failed_training_keeps_its_last_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game = loaded(tmp_path, "train.checkpoint.rounds=2")
    after_round = CheckpointObserver.after_round

    def spoil(self: CheckpointObserver, event: Any) -> None:
        after_round(self, event)
        if event.round == 3:
            with torch.no_grad():
                next(game.players["decoder"].parameters()).fill_(torch.nan)

    monkeypatch.setattr(CheckpointObserver, "after_round", spoil)
    with pytest.raises(Exception, match="stage 'main', round 4, player 'decoder'"):
        train(game)
    assert [path.name for path in Run(Path("runs/tiny/1")).checkpoints] == ["round-000000002"]


def test_a_run_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot make the run folder '.*file/run': Not a directory; give another one by --run"):
        train(load("digits-vae", "train.rounds=1"), run_folder=tmp_path / "file" / "run")
