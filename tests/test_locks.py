"""The lock of a run folder: one process trains into it, and others are told which."""

import errno
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gamelearn import run_folder
from gamelearn.errors import RunError
from gamelearn.run_folder import LOCK, locked
from gamelearn.training import train
from tests.test_run import said_by
from tests.train.tiny import loaded

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture(autouse=True)
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


HOLDER = """
import sys
from pathlib import Path
from gamelearn.run_folder import locked
with locked(Path(sys.argv[1]), print):
    print("held", flush=True)
    sys.stdin.read()
"""


@pytest.fixture
def held() -> Any:
    """A process that holds the lock of a folder."""
    found: list[subprocess.Popen[str]] = []

    def hold(folder: str) -> int:
        Path(folder).mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-c", HOLDER, folder]
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        found.append(subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment))
        assert found[-1].stdout is not None
        assert found[-1].stdout.readline() == "held\n"
        return found[-1].pid

    yield hold
    for process in found:
        process.kill()
        process.communicate()


def test_a_second_training_of_a_run_is_told_who_holds_it(tmp_path: Path, held: Callable[[str], int]) -> None:
    run = train(loaded(tmp_path))
    before = {path: path.stat().st_mtime_ns for path in run.path.rglob("*") if path.is_file()}
    pid = held(str(run.path))
    for options in ({"resume": True}, {"run_folder": run.path}):
        with pytest.raises(
            RunError, match=rf"^runs/tiny/1 is in training: process {pid} on \S+ since .* writes to it, and only one"
        ) as caught:
            train(loaded(tmp_path, "train.rounds=9"), **options)
        assert caught.value.exit_status == 2
        assert "remove" not in str(caught.value)
    assert before == {path: path.stat().st_mtime_ns for path in before}
    assert run.sample(1)  # to read needs no lock


def test_a_run_that_has_no_checkpoint_yet_is_not_to_be_removed_while_it_is_trained(tmp_path: Path, held: Callable[[str], int]) -> None:
    pid = held("mine")
    Path("mine/spec.resolved.yaml").write_text("")
    with pytest.raises(RunError, match=rf"mine is in training: process {pid} on"):
        train(loaded(tmp_path), run_folder="mine")


def test_of_two_that_begin_at_once_the_quicker_one_wins(
    tmp_path: Path, held: Callable[[str], int], monkeypatch: pytest.MonkeyPatch
) -> None:
    make = run_folder.make_run_folder
    monkeypatch.setattr("gamelearn.training.make_run_folder", lambda *arguments: (held("mine"), make(*arguments))[1])
    with pytest.raises(RunError, match="mine is in training"):
        train(loaded(tmp_path), run_folder="mine")


def test_a_process_that_was_killed_holds_no_lock(tmp_path: Path, held: Callable[[str], int]) -> None:
    run = train(loaded(tmp_path))
    os.kill(held(str(run.path)), signal.SIGKILL)
    assert (run.path / LOCK).is_file()
    assert train(loaded(tmp_path, "train.rounds=9"), resume=True).state().progress.round == 9
    assert not (run.path / LOCK).exists()


def test_where_there_are_no_locks_that_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def unsupported(descriptor: int, operation: int) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr("fcntl.flock", unsupported)
    _, said = said_by(loaded(tmp_path))
    assert "WARNING: runs/tiny/1 is on a file system without locks (No locks available): nothing keeps another training out" in said


def test_a_lock_is_taken_anew_where_its_holder_has_just_taken_the_file_away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import fcntl

    flock, times = fcntl.flock, list[int]()

    def late(descriptor: int, operation: int) -> None:
        times.append(descriptor)
        if len(times) == 1:
            (tmp_path / LOCK).unlink()
        flock(descriptor, operation)

    monkeypatch.setattr(fcntl, "flock", late)
    with locked(tmp_path, print):
        assert "process" in (tmp_path / LOCK).read_text()
    assert len(times) == 2
