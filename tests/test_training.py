"""What keeps a run whole: its own checkpoints, and trainings that outlive what fails beside them."""

import errno
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from gamelearn.data.streams import Streams
from gamelearn.disk import MachineError
from gamelearn.errors import DataError, RunError, TrainingError
from gamelearn.run import Run
from gamelearn.train import checkpoint as checkpoints
from gamelearn.train import observers
from gamelearn.train.checkpoint import write_checkpoint
from gamelearn.train.learner import Learner
from gamelearn.train.observers import CheckpointObserver, PicturesObserver, TolerantObserver
from gamelearn.training import train
from tests.test_run import said_by
from tests.train.tiny import ONE_STAGE, THREE_STAGES, Recorder, StepClock, loaded, parameters_of, trainer_of

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def full(*arguments: Any, **options: Any) -> Any:
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def same_bits(first: Run, second: Run) -> bool:
    one, two = parameters_of(first.game()), parameters_of(second.game())
    return all(torch.equal(one[name], two[name]) for name in two)


# checkpoints of the run


def test_a_checkpoint_of_another_run_is_noticed(tmp_path: Path) -> None:
    first, second = train(loaded(tmp_path)), train(loaded(tmp_path))
    shutil.rmtree(second.checkpoints[-1])
    shutil.copytree(first.checkpoints[-1], second.path / "checkpoints" / first.checkpoints[-1].name)
    message = r"the checkpoint runs/tiny/2/checkpoints/round-000000004 is of another run"
    with pytest.warns(UserWarning, match=message):
        second.game()
    with pytest.raises(RunError, match=message):
        train(loaded(tmp_path, "train.rounds=9"), resume=True)


def test_another_spec_than_the_checkpoints_is_noticed(tmp_path: Path) -> None:
    run = train(loaded(tmp_path))
    resolved = run.path / "spec.resolved.yaml"
    resolved.write_text(resolved.read_text().replace("seed: 0", "seed: 3") + "\n# a comment\n" if "seed" in resolved.read_text() else "")
    resolved.write_text(resolved.read_text() or (run.checkpoints[-1] / "spec.resolved.yaml").read_text().replace("lr: 0.05", "lr: 0.5"))
    line = r"train\.optimizer\.lr: 0\.05 in the checkpoint, 0\.5 in the run"
    with pytest.warns(
        UserWarning, match=rf"is not the spec that the checkpoint .*round-000000004 was trained with, which it holds:(.|\n)*{line}"
    ):
        run.game()
    with pytest.raises(RunError, match=line):
        train(loaded(tmp_path, "train.rounds=9", "train.optimizer.lr=0.5"), resume=True)


def test_what_may_change_and_old_checkpoints_without_a_spec_are_no_others(tmp_path: Path) -> None:
    more = ("train.checkpoint.keep=9", "train.log.rounds=1", "train.samples.rounds=2")
    run = train(loaded(tmp_path))
    train(loaded(tmp_path, "train.rounds=9", *more), resume=True)
    assert [len(Run(run.path).misfits(run.state(rounds))) for rounds in (4, 9)] == [0, 0]
    origin = {rounds: run.state(rounds).origin for rounds in (4, 9)}
    assert {each.run for each in origin.values() if each} == {run.environment["run"]}
    trainer = trainer_of(ONE_STAGE, observers=[CheckpointObserver(tmp_path / "old")])
    trainer.run()
    assert checkpoints.newest_intact(tmp_path / "old", print).origin is None


def test_a_checkpoint_that_is_pruned_while_it_is_read_gives_way_to_the_newest(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = train(loaded(tmp_path, "train.rounds=6", "train.checkpoint.rounds=2", "train.checkpoint.keep=3"))
    two, four, six = run.checkpoints
    six.rename(tmp_path / "later")
    read = checkpoints._verified_file

    def prunes(path: Path, entry: Any) -> bytes:
        if path.parent == four and path.name == "state.json" and (tmp_path / "later").exists():
            (tmp_path / "later").rename(six)
            shutil.rmtree(four)
        return read(path, entry)

    monkeypatch.setattr(checkpoints, "_verified_file", prunes)
    said: list[str] = []
    assert Run(run.path, said.append).state().progress.round == 6
    assert said == []
    shutil.move(two, tmp_path / "later")
    two.mkdir()

    def gone(path: Path) -> dict[str, Any]:
        path.rmdir()
        raise checkpoints.DamagedCheckpoint("no manifest")

    monkeypatch.setattr(checkpoints, "_manifest", gone)
    with pytest.raises(RunError, match="has no checkpoint 'round-000000002'; it has round-000000006"):
        run.state(2)


def test_a_checkpoint_is_read_once(tmp_path: Path) -> None:
    run = train(loaded(tmp_path))
    state = run.state()
    shutil.rmtree(run.path / "checkpoints")
    assert run.game(state).players


# what fails beside the training


def test_data_that_cannot_be_read_leave_a_checkpoint_and_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = train(loaded(tmp_path, text=THREE_STAGES), run_folder="whole")
    batch = Streams.batch
    for round_number, position in enumerate((1, 2, 4, 6, 8, 9, 10), 1):  # a round of the second stage reads two batches

        def damaged(self: Streams, stream: str, at: int, *arguments: Any, number: int = position, **options: Any) -> Any:
            if at == number:
                raise DataError("the image d/007.png is damaged")
            return batch(self, stream, at, *arguments, **options)

        with monkeypatch.context() as patch:
            patch.setattr(Streams, "batch", damaged)
            with pytest.raises(
                DataError, match=r"^the training stopped: the image d/007.png is damaged; .*round-\d+ is kept; .* --resume --run"
            ) as caught:
                train(loaded(tmp_path, text=THREE_STAGES), run_folder=f"run{position}")
        assert f"round-{round_number:09d} is kept" in str(caught.value)
        assert same_bits(train(loaded(tmp_path, text=THREE_STAGES), run_folder=f"run{position}", resume=True), whole)


def test_a_lack_of_memory_is_told_and_leaves_a_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def lacking(self: Streams, stream: str, at: int, *arguments: Any, **options: Any) -> Any:
        if at == 3:
            raise RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes")
        return batch(self, stream, at, *arguments, **options)

    batch = Streams.batch
    monkeypatch.setattr(Streams, "batch", lacking)
    with pytest.raises(MachineError, match=r"^the training stopped: out of memory \(.*\); less .*round-000000003 is kept"):
        train(loaded(tmp_path))


def test_a_failure_in_the_middle_of_a_round_leaves_no_checkpoint(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    step = Learner.step

    def fail(self: Learner, number: int, norm: torch.Tensor) -> float:
        if number == 2 and self.name == "encoder":
            raise MemoryError
        return step(self, number, norm)

    monkeypatch.setattr(Learner, "step", fail)
    with pytest.raises(MachineError, match=r"out of memory; .*; there is no checkpoint yet"):
        train(loaded(tmp_path))


def test_a_checkpoint_that_fails_is_tried_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def sometimes(folder: Path, state: Any, **options: Any) -> Path:
        asked.append(state.progress.round)
        if state.progress.round in (2, 4):
            full()
        return write_checkpoint(folder, state, **options)

    monkeypatch.setattr(observers, "write_checkpoint", sometimes)
    run, said = said_by(loaded(tmp_path, "train.rounds=7", "train.checkpoint.rounds=2"))
    assert asked == [2, 4, 6, 7]
    assert said.count("WARNING: ") == 1
    assert (
        "No space left on device; free some space, or write to another disk; the training goes on, and the checkpoint is tried again"
        in said
    )
    assert "checkpoints are written again: runs/tiny/1/checkpoints/round-000000006" in said
    assert run.state().progress.round == 7


def test_a_failed_checkpoint_is_due_again_after_a_minute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def refused(folder: Path, state: Any, **options: Any) -> Path:
        asked.append(state.progress.round)
        return full()

    monkeypatch.setattr(observers, "write_checkpoint", refused)
    observer = CheckpointObserver(tmp_path, say=lambda text: None)
    with pytest.raises(MachineError, match="the last checkpoint, of round 7, was not written: No space left"):
        trainer_of(ONE_STAGE, ("rounds: 4", "rounds: 7, checkpoint: {minutes: 0.5}"), observers=[observer], clock=StepClock(16.0)).run()
    assert asked == [2, 6, 7, 7]  # 32 s; a minute later; the last round; the end


def test_a_last_checkpoint_that_fails_is_a_failure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        observers,
        "write_checkpoint",
        lambda folder, state, **options: full() if state.progress.round > 2 else write_checkpoint(folder, state, **options),
    )
    with pytest.raises(
        MachineError, match=r"^the training stopped: the last checkpoint, of round 4, was not written: No space.*/round-000000002 is kept"
    ):
        said_by(loaded(tmp_path, "train.checkpoint.rounds=2"))
    assert [line["round"] for line in Run(Path("runs/tiny/1")).metrics()] == [1, 4]


def test_a_pruning_that_fails_is_said_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "rmtree", full)
    run, said = said_by(loaded(tmp_path, "train.checkpoint.rounds=1", "train.checkpoint.keep=1"))
    assert run.state().progress.round == 4
    assert said.count("cannot be removed: No space") == 1


@pytest.mark.parametrize(
    "error", [OSError(errno.ENOSPC, "No space left on device"), MemoryError(), DataError("damaged"), ZeroDivisionError()]
)
def test_pictures_that_fail_do_not_end_a_training(tmp_path: Path, error: Exception) -> None:
    def draw(*arguments: Any) -> list[Path]:
        raise error

    run, said = said_by(loaded(tmp_path, "train.samples.rounds=1"), pictures=draw)
    assert run.state().progress.round == 4
    assert said.count("WARNING: drawing pictures failed: ") == 1


def test_an_output_that_cannot_be_written_ends_no_training(tmp_path: Path) -> None:
    from rich.console import Console

    class Full:
        def write(self, text: str) -> int:
            return full()

        def flush(self) -> None:
            full()

    run = train(loaded(tmp_path), console=Console(file=Full()))  # type: ignore[arg-type]
    assert run.state().progress.round == 4


@pytest.mark.parametrize("value", [torch.inf, torch.nan])
@pytest.mark.parametrize("rounds", [2, 4])
def test_a_step_to_infinity_is_met_before_its_checkpoint(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: float, rounds: int
) -> None:
    step = Learner.step

    def leap(self: Learner, number: int, norm: torch.Tensor) -> float:
        rate = step(self, number, norm)
        if number + 1 == rounds and self.name == "encoder":
            with torch.no_grad():
                next(iter(self.parameters.values())).view(-1)[0] = value
        return rate

    monkeypatch.setattr(Learner, "step", leap)
    with pytest.raises(
        TrainingError, match=rf"^stage 'main', round {rounds}, player 'encoder': its step made parameters infinite or NaN"
    ) as caught:
        train(loaded(tmp_path, "train.checkpoint.rounds=1"))
    assert "parameter 'networks." in str(caught.value)
    assert "1 of " in str(caught.value)
    assert Run(Path("runs/tiny/1")).state().progress.round == rounds - 1


def test_facts_that_are_equal_are_left_alone_and_damaged_ones_replaced(tmp_path: Path) -> None:
    run = train(loaded(tmp_path, "train.rounds=9", "train.checkpoint.rounds=4"))
    shutil.rmtree(run.checkpoints[-1])
    before = {name: (run.path / name).stat().st_ino for name in ("spec.yaml", "spec.resolved.yaml")}
    identity = run.environment["run"]
    (run.path / "environment.json").write_text("")
    _, said = said_by(loaded(tmp_path, "train.rounds=9", "train.checkpoint.rounds=4"), resume=True)
    assert "WARNING: runs/tiny/1/environment.json cannot be read" in said
    assert said.count("WARNING") == 1
    assert before == {name: (run.path / name).stat().st_ino for name in before}
    assert (run.environment["run"], [each["after_round"] for each in run.environment["resumed"]]) == (identity, [8])


def test_what_is_refused_touches_nothing(tmp_path: Path) -> None:
    run = train(loaded(tmp_path, "train.checkpoint.rounds=2"))
    (run.checkpoints[-1] / "state.json").write_text("{}")
    before = {path: (path.stat().st_ino, path.read_bytes()) for path in run.path.rglob("*") if path.is_file()}
    with pytest.raises(RunError, match="the spec is not the run's"):
        train(loaded(tmp_path, "train.rounds=9", "train.batch=3"), resume=True)
    data = (tmp_path / "tiny.npz").read_bytes()
    game = loaded(tmp_path, "train.rounds=9")
    (tmp_path / "tiny.npz").unlink()
    with pytest.raises(DataError):
        train(game, resume=True)
    (tmp_path / "tiny.npz").write_bytes(data)
    assert before == {path: (path.stat().st_ino, path.read_bytes()) for path in run.path.rglob("*") if path.is_file()}


def test_metrics_are_synced_before_their_checkpoint_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        happened.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    def written(*arguments: Any, **options: Any) -> Path:
        happened.append("checkpoint")
        return write_checkpoint(*arguments, **options)

    monkeypatch.setattr(os, "fsync", watched)
    monkeypatch.setattr(observers, "write_checkpoint", written)
    train(loaded(tmp_path, "train.checkpoint.rounds=2"))
    assert [happened[index - 1] for index, each in enumerate(happened) if each == "checkpoint"] == ["metrics.jsonl"] * 2


def test_an_observer_that_is_spared_still_hears_the_rest(tmp_path: Path) -> None:
    said: list[str] = []
    heard = Recorder()

    class Failing(Recorder):
        def begin(self, trainer: Any) -> None:
            raise ValueError("no")

    trainer_of(ONE_STAGE, observers=[TolerantObserver(Failing(), "this", said.append), heard]).run()
    assert said == ["WARNING: this failed: ValueError: no; the training goes on"]
    assert len(heard.events) == 4
    assert json.dumps(heard.ends) == '["finished"]'
    assert PicturesObserver(tmp_path, lambda *arguments: []).paths == ()
