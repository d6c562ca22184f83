"""How commands end: messages without tracebacks, the right stream, the right exit status."""

import errno
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner

from gamelearn.cli.guard import guarded
from gamelearn.errors import GamelearnError, RunError, TrainingError
from tests.cli.conftest import COMMAND, ROOT

Spawn = Callable[..., subprocess.CompletedProcess[str]]


def ended(error: BaseException) -> tuple[int, str]:
    """Return the exit status and stderr of a command that fails with an error."""
    app = typer.Typer()

    @app.command()
    @guarded
    def fail() -> None:
        raise error

    result = CliRunner().invoke(app, [])
    assert result.stdout == ""
    return result.exit_code, result.stderr


def test_errors_have_their_own_exit_status() -> None:
    assert ended(GamelearnError("one\ntwo")) == (2, "one\ntwo\n")
    assert ended(TrainingError("not finite")) == (1, "not finite\n")
    assert ended(KeyboardInterrupt()) == (130, "interrupted\n")
    assert ended(typer.Exit(7)) == (7, "")


def test_what_the_machine_refuses_is_one_line_and_status_1() -> None:
    full = OSError(errno.ENOSPC, "No space left on device", "runs/x")
    assert ended(full) == (1, "No space left on device: runs/x; free some space, or write to another disk\n")
    assert ended(MemoryError())[1].startswith("out of memory; less at once needs less memory")
    assert ended(RuntimeError("can't allocate memory: you tried to allocate 9 bytes"))[0] == 1
    read = RunError("x cannot be read")
    for cause, status in ((PermissionError(errno.EACCES, "Permission denied"), 1), (FileNotFoundError(errno.ENOENT, "No such file"), 2)):
        read.__cause__ = cause
        assert ended(read) == (status, "x cannot be read\n")


def test_an_unexpected_error_is_short_and_keeps_its_traceback_in_a_file() -> None:
    status, text = ended(ZeroDivisionError("what\nnow"))
    assert status == 1
    first, second = text.splitlines()
    assert first == "unexpected error: ZeroDivisionError: what now"
    path = Path(second.rpartition(" ")[2])
    written = path.read_text()
    path.unlink()
    assert written.startswith("Traceback")
    assert "ZeroDivisionError: what\nnow" in written


def test_a_process_keeps_stdout_and_stderr_apart(spawn: Spawn) -> None:
    done = spawn("check", "none.yaml", "small.yaml")
    assert done.returncode == 2
    assert done.stdout == "small.yaml: good: 2 variables, 2 players, 580 parameters, 1 stage\n"
    assert done.stderr.startswith("none.yaml: there is no such file")
    assert "Traceback" not in done.stderr


def test_wrong_use_ends_with_2(spawn: Spawn) -> None:
    done = spawn("explain", "small.yaml", "--fromat", "text")
    assert done.returncode == 2
    assert "--format" in done.stderr
    assert done.stdout == ""


def test_a_reader_that_goes_away_is_no_error() -> None:
    code = f"{sys.executable} -c 'from gamelearn.cli.main import main; main()' schema | head -c 10"
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(["bash", "-c", code], capture_output=True, text=True, check=False, env=environment)
    assert done.stderr == ""
    assert len(done.stdout) == 10


def test_a_training_that_is_interrupted_keeps_a_checkpoint_and_goes_on(folder: Path, spawn: Spawn) -> None:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    arguments = ["train", "small.yaml", "train.rounds=1000000", "--run", "one"]
    process = subprocess.Popen(
        [*COMMAND, *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),  # it may be ignored where the tests run
    )
    deadline = time.monotonic() + 120
    while not ((folder / "one/metrics.jsonl").is_file() and (folder / "one/metrics.jsonl").read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    stdout, stderr = process.communicate(timeout=120)
    assert process.returncode == 130
    assert "stopped by SIGINT after round" in stdout
    assert stderr == ""
    assert list((folder / "one/checkpoints").glob("round-*"))


@pytest.mark.parametrize("command", ["--help", "train --help", "check --help"])
def test_help_imports_nothing_heavy(command: str, spawn: Spawn) -> None:
    code = f"""
import sys
sys.argv = ["gamelearn", *{command.split()!r}]
from gamelearn.cli.main import main
try:
    main()
except SystemExit as end:
    assert end.code in (0, None)
print(sorted({{"torch", "numpy", "networkx", "PIL", "yaml"}} & set(sys.modules)))
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, env={**os.environ, "PYTHONPATH": str(ROOT)}
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "[]"
