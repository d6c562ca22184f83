"""Observers that write: checkpoints, TensorBoard's files, pictures.

None of them changes how a training goes, and only a checkpoint that is lost at the end makes it fail. This file defines what is written beside the loop.
"""

import warnings
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch

from gamelearn.disk import MachineError, refusal
from gamelearn.errors import GamelearnError, Say
from gamelearn.train.averages import averaged_weights
from gamelearn.train.checkpoint import write_checkpoint
from gamelearn.train.events import End, Observer, RoundEvent
from gamelearn.train.failures import step_not_finite
from gamelearn.train.loop import Trainer
from gamelearn.train.metrics_file import is_logged
from gamelearn.train.state import Origin

if TYPE_CHECKING:
    from gamelearn.game import Game

Pictures = Callable[["Game", Path, int], Sequence[Path]]
"""Draws pictures of a game after a round into a folder; returns the files."""

_SECONDS = 60


class CheckpointObserver:
    """Writes a checkpoint every N rounds or minutes, at the end of every stage, and when the training ends or is stopped.

    One that cannot be written is tried again when the next is due, or after a minute of training.

    Args:
        folder: of all checkpoints of the run.
        origin: what is kept in each of them of the run.
        before: is called before one is written.
        say: takes messages about what cannot be written.

    Attributes:
        path: the one that was written last.
    """

    def __init__(
        self, folder: Path, origin: Origin | None = None, *, before: Callable[[], None] = lambda: None, say: Say = warnings.warn
    ) -> None:
        self.path: Path | None = None
        self._folder, self._origin, self._before, self._say = folder, origin, before, say
        self._trainer: Trainer | None = None
        self._round = 0
        self._elapsed = 0.0
        self._failure: tuple[float, Exception] | None = None
        self._has_kept_old = False

    def begin(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._round, self._elapsed = trainer.progress.round, trainer.progress.elapsed

    def after_round(self, event: RoundEvent) -> None:
        assert self._trainer is not None
        options, elapsed = self._trainer.stage.train.checkpoint, event.progress.elapsed
        by_rounds = options.rounds is not None and event.round % options.rounds == 0
        by_time = options.minutes is not None and elapsed - self._elapsed >= options.minutes * _SECONDS
        again = self._failure is not None and elapsed - self._failure[0] >= _SECONDS
        if again or event.is_last or by_rounds or (by_time and self._failure is None):
            self._write()

    def end(self, why: End) -> None:
        if why == "failed" or self._trainer is None or self._trainer.progress.round == self._round:
            return
        self._write()
        if self._failure:
            what = f"the last checkpoint, of round {self._trainer.progress.round}, was not written"
            raise MachineError(f"{what}: {refusal(self._failure[1]) or self._failure[1]}") from self._failure[1]

    def _write(self) -> None:
        """Write a checkpoint; remember why, if the disk or the memory does not do it."""
        assert self._trainer is not None
        trainer = self._trainer
        _check_finite(trainer)
        self._before()
        try:
            state = replace(trainer.state(), origin=self._origin)
            self.path = write_checkpoint(self._folder, state, keep=trainer.stage.train.checkpoint.keep, say=self._say_pruning)
        except Exception as error:
            if not (isinstance(error, GamelearnError) or refusal(error)):
                raise
            if self._failure is None:
                self._say(f"WARNING: {refusal(error) or error}; the training goes on, and the checkpoint is tried again")
            self._failure = trainer.progress.elapsed, error
            return
        if self._failure:
            self._say(f"checkpoints are written again: {self.path}")
        self._failure = None
        self._round, self._elapsed = trainer.progress.round, trainer.progress.elapsed

    def _say_pruning(self, text: str) -> None:
        if not self._has_kept_old:
            self._say(text)
        self._has_kept_old = True


def _check_finite(trainer: Trainer) -> None:
    for name, learner in trainer.stage.learners.items():
        if error := step_not_finite(name, stage=trainer.stage.name, round_number=trainer.progress.round, parameters=learner.parameters):
            raise error


class TolerantObserver:
    """An observer whose failures do not end the training; the first is a warning.

    Args:
        observer: the one that may fail.
        what: what it does, for the warning.
        say: takes the message about the first failure.
    """

    def __init__(self, observer: Observer, what: str, say: Say) -> None:
        self._observer, self._what, self._say = observer, what, say
        self._has_failed = False

    def begin(self, trainer: Trainer) -> None:
        self._attempt(lambda: self._observer.begin(trainer))

    def after_round(self, event: RoundEvent) -> None:
        self._attempt(lambda: self._observer.after_round(event))

    def end(self, why: End) -> None:
        self._attempt(lambda: self._observer.end(why))

    def _attempt(self, call: Callable[[], None]) -> None:
        try:
            call()
        except Exception as error:
            if not self._has_failed:
                reason = refusal(error) or (str(error) if isinstance(error, GamelearnError) else f"{type(error).__name__}: {error}")
                self._say(f"WARNING: {self._what} failed: {reason}; the training goes on")
            self._has_failed = True


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
