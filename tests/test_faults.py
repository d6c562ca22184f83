"""A resume whose every file operation fails once: the run stays whole, can be resumed, and ends in the same bits."""

import errno
import io
import json
import os
import shutil
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import torch
import yaml

from gamelearn.errors import GamelearnError
from gamelearn.run import Run
from gamelearn.training import train
from tests.train.tiny import loaded, parameters_of

_CALLS = ("open", "write", "replace", "rename", "fsync", "mkdir", "unlink", "rmdir", "ftruncate")
_LONGER = ("train.rounds=7", "train.checkpoint.rounds=2", "train.log.rounds=1")


class Gone(BaseException):
    """The process has ended: nothing that it would have done afterwards happens."""


class Faults:
    """Counts the operations on files that write, and lets one of them fail.

    Args:
        at: the number of the one that fails, from 1 on; 0 for none.
        kind: an errno, `exit`, or `half` for an exit after half a write. A full or read-only disk stays so.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch, at: int, kind: int | str) -> None:
        self.count, self._at, self._kind, self._is_gone = 0, at, kind, False
        self._write, self._open = os.write, io.open
        for name in _CALLS:
            monkeypatch.setattr(os, name, self._failing(name, getattr(os, name)))
        monkeypatch.setattr(io, "open", self._opened)

    def _failing(self, name: str, call: Callable[..., Any]) -> Callable[..., Any]:
        def attempt(*arguments: Any, **options: Any) -> Any:
            if name != "open" or arguments[1] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
                self._meet(lambda: self._write(arguments[0], bytes(arguments[1])[: len(arguments[1]) // 2]) if name == "write" else None)
            return call(*arguments, **options)

        return attempt

    def _opened(self, file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if not set(mode) & set("wxa"):
            return self._open(file, mode, *arguments, **options)
        self._meet(lambda: None)
        assert "b" in mode, f"{file} is written as text, which no fault reaches"
        return _Written(self, self._open(file, mode, buffering=0))

    def _meet(self, half: Callable[[], object]) -> None:
        if self._is_gone:
            raise Gone
        self.count += 1
        stays = self._kind in (errno.ENOSPC, errno.EROFS) and self.count > self._at > 0
        if self.count != self._at and not stays:
            return
        if isinstance(self._kind, int):
            raise OSError(self._kind, os.strerror(self._kind))
        self._is_gone = True
        if self._kind == "half":
            half()
        raise Gone


class _Written:
    """A file that was opened to be written."""

    def __init__(self, faults: Faults, file: Any) -> None:
        self._faults, self._file = faults, file

    def write(self, data: bytes) -> int:
        self._faults._meet(lambda: self._file.write(data[: len(data) // 2]))
        return self._file.write(data)

    def __enter__(self) -> "_Written":
        return self

    def __exit__(self, *error: object) -> None:
        self._file.close()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)


def resumed(folder: Path, run: str, faults: Callable[[], object] = lambda: None) -> Run:
    game = loaded(folder, *_LONGER)
    faults()
    return train(game, run_folder=run, resume=True)


def check_whole(folder: Path) -> None:
    for name in ("spec.yaml", "spec.resolved.yaml"):
        assert yaml.safe_load((folder / name).read_text())["players"], name
    assert json.loads((folder / "environment.json").read_text())["versions"]


@pytest.mark.parametrize(
    "kind",
    [
        errno.ENOSPC,
        "half",
        *(pytest.param(kind, marks=pytest.mark.slow) for kind in (errno.EROFS, errno.EIO, errno.EACCES, "exit")),
    ],
)
@pytest.mark.filterwarnings("ignore")
def test_every_operation_of_a_resume_may_fail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: int | str) -> None:
    monkeypatch.chdir(tmp_path)
    train(loaded(tmp_path, *_LONGER[1:]), run_folder="base")
    shutil.copytree("base", "whole")
    with monkeypatch.context() as patch:
        game = loaded(tmp_path, *_LONGER)
        counted = Faults(patch, 0, kind)
        train(game, run_folder="whole", resume=True)
    whole = parameters_of(Run(Path("whole")).game())
    assert counted.count > 40
    for at in range(1, counted.count + 1):
        shutil.copytree("base", "again")
        with monkeypatch.context() as patch, suppress(GamelearnError, Gone):
            resumed(tmp_path, "again", partial(Faults, patch, at, kind))
        check_whole(Path("again"))
        if Run(Path("again")).state().progress.round != 7:
            resumed(tmp_path, "again")
        found = parameters_of(Run(Path("again")).game())
        assert all(torch.equal(found[name], each) for name, each in whole.items()), at
        assert [line["round"] for line in Run(Path("again")).metrics()] == [1, 2, 3, 4, 5, 6, 7], at
        shutil.rmtree("again")
