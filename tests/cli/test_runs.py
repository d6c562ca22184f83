"""Which run a user means, and what is said where there is none. This file looks for runs."""

from pathlib import Path

import pytest

from gamelearn.cli.runs import MARK, find_run
from gamelearn.errors import RunError

HEAD = f"neither a folder with a {MARK}, nor a name below runs"


def make(*names: str) -> None:
    for name in names:
        Path(name).mkdir(parents=True)
        (Path(name) / MARK).touch()


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("runs/nosuch", f"there is no run 'runs/nosuch': {HEAD}; runs there: 'game', 'group/first', 'mine'"),
        ("runs/mien", f"there is no run 'runs/mien': {HEAD}; runs there: 'game', 'group/first', 'mine'; did you mean 'mine'?"),
        ("gme", f"there is no run 'gme': {HEAD}; runs there: 'game', 'group/first', 'mine'; did you mean 'game'?"),
        ("runs", f"runs is no run: it has no {MARK}; it holds the runs runs/mine"),
        ("group", f"runs/group is no run: it has no {MARK}; it holds the runs runs/group/first"),
        ("elsewhere", f"elsewhere is no run: it has no {MARK}; it holds the runs elsewhere/one, elsewhere/two"),
    ],
)
def test_runs_that_a_user_named_are_told(name: str, message: str) -> None:
    make("runs/game/1", "runs/mine", "runs/group/first", "elsewhere/two", "elsewhere/one")
    Path("runs/other").mkdir()
    (Path("runs") / "notes.txt").touch()
    with pytest.raises(RunError) as caught:
        find_run(name)
    assert str(caught.value) == message


def test_there_may_be_no_runs() -> None:
    with pytest.raises(RunError, match=r"runs there: none$"):
        find_run("game")
