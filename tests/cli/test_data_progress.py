"""How far long work on data is, as commands show it. This file tests the lines that stand where no terminal is."""

import re

import pytest

from gamelearn.cli.data_progress import data_progress
from gamelearn.data.progress import say_progress


def told(capsys: pytest.CaptureFixture[str], total: int, step: int) -> list[str]:
    with data_progress():
        for done in range(0, total + step, step):
            say_progress("faces: decoded", min(done, total), total)
    say_progress("faces: decoded", 1, total)  # nobody listens any more
    found = capsys.readouterr()
    assert found.out == ""
    return found.err.splitlines()


def test_a_line_stands_for_every_tenth(capsys: pytest.CaptureFixture[str]) -> None:
    lines = told(capsys, 30_000, 256)
    assert lines[:2] == ["faces: decoded: 0 of 30,000", "faces: decoded: 3,072 of 30,000"]
    assert lines[-1] == "faces: decoded: 30,000 of 30,000"
    assert len(lines) == 11


def test_few_steps_are_not_worth_a_word(capsys: pytest.CaptureFixture[str]) -> None:
    assert told(capsys, 1999, 256) == []


def test_the_bar_of_a_terminal_moves(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """A bar shows once more, at its end, how far it has come."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm")
    with data_progress():
        for done in (0, 300, 700):
            say_progress("faces: decoded", done, 1000)
        say_progress("masks: decoded", 5, 50)
    shown = re.sub("\x1b\\[[0-9;?]*[A-Za-z]", "", capsys.readouterr().err)
    assert re.search(r"faces: decoded +700/1000", shown)
    assert re.search(r"masks: decoded +5/50", shown)
