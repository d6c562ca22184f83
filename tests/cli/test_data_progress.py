"""How far long work on data is, as commands show it. This file tests the lines that stand where no terminal is."""

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
