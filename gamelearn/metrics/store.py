"""Evaluations of a run on disk: `RUN/evaluation/round-000001000-validation.json`, one file for each time that the run is evaluated.

A file is made when the first figure is there, under a name that no other has, and replaced as more are found; so an
interrupted evaluation keeps what it has, and no evaluation replaces another. This file writes them.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from gamelearn.disk import write_whole, writing
from gamelearn.errors import RunError
from gamelearn.game import Game
from gamelearn.metrics.evaluation import Evaluation
from gamelearn.train.environment import environment

FOLDER = "evaluation"


class EvaluationFile:
    """A new file of a run's evaluations.

    Args:
        run: the run's folder.
        title: what the file's name begins with; a number follows where the name is taken.
        facts: plain values about the run that stand at the head.
    """

    def __init__(self, run: Path, title: str, facts: Mapping[str, Any]) -> None:
        self._folder, self._title, self._facts = run / FOLDER, title, dict(facts)
        self._found: list[dict[str, Any]] = []
        self.path: Path | None = None

    def add(self, found: Evaluation) -> None:
        """Add what was found, on disk at once.

        Raises:
            RunError: the file cannot be written.
        """
        self._found.append(found.plain())
        if self.path is None:
            with writing(self._folder):
                self.path = self._reserved()
        write_whole(self.path, self.text())

    def text(self) -> str:
        """Return the file's text."""
        return json.dumps({**self._facts, "results": self._found}, indent=1, ensure_ascii=False, allow_nan=False) + "\n"

    def _reserved(self) -> Path:
        """Make an empty file whose name is new."""
        self._folder.mkdir(parents=True, exist_ok=True)
        for path in self._names():
            try:
                path.open("x").close()
            except FileExistsError:
                continue
            return path
        raise AssertionError("there are names without end")

    def _names(self) -> Iterator[Path]:
        yield self._folder / f"{self._title}.json"
        number = 2
        while True:
            yield self._folder / f"{self._title}-{number}.json"
            number += 1


def title_of(round_number: int, splits: Sequence[str]) -> str:
    """Return what the name of an evaluation's file begins with.

    >>> title_of(1000, ["train", "validation"])
    'round-000001000-train-validation'
    """
    return "-".join([f"round-{round_number:09d}", *splits])


def origin_of(run: Path, game: Game, round_number: int, weights: str, count: int | None, chain: Mapping[str, Any]) -> dict[str, Any]:
    """Return what stands at the head of a file: where its figures come from, what was asked of them.

    Args:
        run: the run's folder.
        game: of the run.
        round_number: of the checkpoint.
        weights: `ema` or `last`.
        count: how many images or samples were asked for; None where that was left to each metric.
        chain: the values of a chain that were asked for.
    """
    taken = game.streams().taken if game.graph.streams else {}
    head = {"game": game.graph.name, "run": str(run), "round": round_number, "weights": weights}
    return {**head, "asked": {"count": count, "chain": dict(chain)}, **environment(game.device, taken)}


def read_evaluations(run: Path) -> list[dict[str, Any]]:
    """Return all evaluations of a run, in the order of their files' names; empty files are names that were reserved.

    Raises:
        RunError: a file is damaged.
    """
    found = []
    for path in sorted((run / FOLDER).glob("*.json")):
        try:
            text = path.read_text(encoding="utf-8")
            found += [json.loads(text)] if text else []
        except (OSError, ValueError) as error:
            raise RunError(f"{path} cannot be read: {error}") from None
    return found
