"""Observers that write: metrics, checkpoints, TensorBoard's files, pictures.

None of them changes how a training goes. This file defines what is written beside the loop.
"""

import json
import os
import warnings
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

import torch

from gamelearn.train.averages import averaged_weights
from gamelearn.train.checkpoint import write_checkpoint
from gamelearn.train.events import End, RoundEvent
from gamelearn.train.loop import Trainer
from gamelearn.train.schedule import Progress

if TYPE_CHECKING:
    from gamelearn.game import Game

Pictures = Callable[["Game", Path, int], Sequence[Path]]
"""Draws pictures of a game after a round into a folder; returns the files."""

_SECONDS = 60


def is_logged(event: RoundEvent, every: int) -> bool:
    """Return whether a round is logged: every so many rounds of a stage, its first one, its last one."""
    return event.is_first or event.is_last or event.progress.done % every == 0


class MetricsObserver:
    """Writes one JSON line per logged round to a file.

    A line has round, stage, utilities, terms, per_element, gradient_norms, learning_rates by player, in nats, and seconds since
    the training began. On resume, lines of rounds after the checkpoint are cut off: they will be played again.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._file: TextIO | None = None
        self._every = 1
        self._trainer: Trainer | None = None

    def begin(self, trainer: Trainer) -> None:
        self._trainer = trainer
        lines = _kept_lines(self._path, trainer) if self._path.exists() else []
        temporary = self._path.with_suffix(".unfinished")
        temporary.write_text("".join(lines))
        temporary.replace(self._path)
        self._file = self._path.open("a")

    def after_round(self, event: RoundEvent) -> None:
        assert self._trainer is not None
        assert self._file is not None
        if is_logged(event, self._trainer.stage.train.log.rounds):
            self._file.write(json.dumps(metrics_of(event)) + "\n")
            self._file.flush()

    def end(self, why: End) -> None:
        if self._file:
            os.fsync(self._file.fileno())
            self._file.close()
            self._file = None


def metrics_of(event: RoundEvent) -> dict[str, Any]:
    """Return the numbers of a round, as they are logged."""
    return {
        "round": event.round,
        "stage": event.stage,
        "utilities": event.utilities,
        "terms": event.terms,
        "per_element": event.per_element,
        "gradient_norms": event.gradient_norms,
        "learning_rates": event.learning_rates,
        "seconds": round(event.progress.elapsed, 3),
    }


def read_metrics(path: Path) -> list[dict[str, Any]]:
    """Return the logged rounds of a file, in order; a last line that was not finished is left out."""
    return [values for _, values in _lines(path)]


def _lines(path: Path) -> list[tuple[str, dict[str, Any]]]:
    found = []
    for line in path.read_text().splitlines(keepends=True):
        try:
            values = json.loads(line)
        except ValueError:
            break
        if not line.endswith("\n") or not isinstance(values, dict) or not isinstance(values.get("round"), int):
            break
        found.append((line, values))
    return found


def _kept_lines(path: Path, trainer: Trainer) -> list[str]:
    """Return the lines up to where the training goes on, as a training that was not interrupted would have written them."""
    progress = trainer.progress
    found = [(line, values["round"]) for line, values in _lines(path) if values["round"] <= progress.round]
    if found and found[-1][1] == progress.round and not _is_due(trainer, progress):
        found.pop()  # it was logged as the last round of a stage that has been made longer
    return [line for line, _ in found]


def _is_due(trainer: Trainer, progress: Progress) -> bool:
    is_last = progress.done == 0 or trainer.stage.length.is_over(progress)
    return is_last or progress.done == 1 or progress.done % trainer.stage.train.log.rounds == 0


class CheckpointObserver:
    """Writes a checkpoint every so many rounds or minutes, at the end of every stage, and when the training ends or is stopped.

    Attributes:
        path: the one that was written last.
    """

    def __init__(self, folder: Path) -> None:
        self.path: Path | None = None
        self._folder = folder
        self._trainer: Trainer | None = None
        self._round = 0
        self._elapsed = 0.0

    def begin(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._round, self._elapsed = trainer.progress.round, trainer.progress.elapsed

    def after_round(self, event: RoundEvent) -> None:
        assert self._trainer is not None
        options = self._trainer.stage.train.checkpoint
        by_rounds = options.rounds is not None and event.round % options.rounds == 0
        by_time = options.minutes is not None and event.progress.elapsed - self._elapsed >= options.minutes * _SECONDS
        if by_rounds or by_time or event.is_last:
            self._write()

    def end(self, why: End) -> None:
        if why != "failed" and self._trainer is not None and self._trainer.progress.round != self._round:
            self._write()

    def _write(self) -> None:
        assert self._trainer is not None
        trainer = self._trainer
        self.path = write_checkpoint(self._folder, trainer.state(), keep=trainer.stage.train.checkpoint.keep)
        self._round, self._elapsed = trainer.progress.round, trainer.progress.elapsed


class TensorBoardObserver:
    """Writes the logged numbers for TensorBoard, where the package is installed; elsewhere it does nothing."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._writer: Any = None
        self._trainer: Trainer | None = None

    def begin(self, trainer: Trainer) -> None:
        self._trainer = trainer
        if find_spec("tensorboard") is None:
            return
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                from torch.utils.tensorboard import SummaryWriter
            except ImportError:
                return
        self._writer = SummaryWriter(str(self._folder), purge_step=trainer.progress.round + 1)

    def after_round(self, event: RoundEvent) -> None:
        assert self._trainer is not None
        if self._writer is None or not is_logged(event, self._trainer.stage.train.log.rounds):
            return
        for kind in ("utilities", "gradient_norms", "learning_rates"):
            for player, value in getattr(event, kind).items():
                self._writer.add_scalar(f"{kind}/{player}", value, event.round)
        for player, terms in event.terms.items():
            for name, value in terms.items():
                self._writer.add_scalar(f"terms/{player}.{name}", value, event.round)

    def end(self, why: End) -> None:
        if self._writer is not None:
            self._writer.close()
            self._writer = None


class PicturesObserver:
    """Has pictures drawn every so many rounds and at the end, from the averaged weights where there are any.

    Attributes:
        paths: the pictures that were drawn last.
    """

    def __init__(self, folder: Path, pictures: Pictures) -> None:
        self.paths: tuple[Path, ...] = ()
        self._folder, self._pictures = folder, pictures
        self._trainer: Trainer | None = None
        self._round: int | None = None

    def begin(self, trainer: Trainer) -> None:
        self._trainer = trainer

    def after_round(self, event: RoundEvent) -> None:
        assert self._trainer is not None
        every = self._trainer.stage.train.samples.rounds
        if every is not None and event.round % every == 0:
            self._draw()

    def end(self, why: End) -> None:
        if why != "failed" and self._trainer is not None and self._trainer.progress.round != self._round:
            self._draw()

    def _draw(self) -> None:
        assert self._trainer is not None
        trainer = self._trainer
        self._folder.mkdir(parents=True, exist_ok=True)
        with torch.no_grad(), averaged_weights(trainer.game.players, trainer.stage.averages):
            self.paths = tuple(self._pictures(trainer.game, self._folder, trainer.progress.round))
        self._round = trainer.progress.round
