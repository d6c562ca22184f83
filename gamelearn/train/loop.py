"""The training loop: plays round after round, stage after stage, and tells the observers.

Logging, checkpoints and pictures are observers. This file holds the loop.
"""

import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from gamelearn.data.streams import Streams
from gamelearn.errors import Problem, RunError, SpecError, TrainingError
from gamelearn.spec.node import dotted
from gamelearn.train.averages import Averages
from gamelearn.train.events import End, Observer, RoundEvent
from gamelearn.train.schedule import Progress, schedule_mistakes, stage_length
from gamelearn.train.signals import stopping_by_signal
from gamelearn.train.stage import StageTraining
from gamelearn.train.state import TrainingState, restore_averages, restore_players

if TYPE_CHECKING:
    from gamelearn.game import Game


class Trainer:
    """Trains a game, from the beginning or from a saved state.

    A run that is stopped after any round and resumed from its state has the same parameters, optimizers, averages and values as
    one that was not.

    Args:
        game: its players are moved in place.
        streams: the open data; by default the game's own, if it has streams.
        state: where to go on from.
        observers: are told of every round, in order.
        clock: gives seconds.

    Raises:
        SpecError: a learning-rate schedule needs a number of rounds that its stage does not have.
        RunError: the state belongs to another game, or no compiler works for `compile`.
        DataError: the data cannot be opened.
    """

    def __init__(
        self,
        game: "Game",
        *,
        streams: Streams | None = None,
        state: TrainingState | None = None,
        observers: Sequence[Observer] = (),
        clock: Callable[[], float] = time.perf_counter,
    ) -> None:
        _check_schedules(game)
        self.game = game
        self.progress = Progress()
        self.stop_reason: str | None = None
        self._streams = streams or (game.streams() if game.graph.streams else None)
        self.observers = list(observers)
        self._clock = clock
        self._lengths = {name: stage_length(plan, self._streams) for name, plan in game.plans.items()}
        if state is not None:
            self._check_stage(state)
            restore_players(game.players, state.players)
            self.progress = state.progress
        self.stage = self._enter(self.progress, {})
        if state is not None:
            self._restore(state)

    def _check_stage(self, state: TrainingState) -> None:
        names = list(self._lengths)
        if state.progress.stage >= len(names) or names[state.progress.stage] != state.stage:
            raise RunError(f"the checkpoint is in stage {state.stage!r}, number {state.progress.stage + 1}; the game's stages are {names}")

    def _restore(self, state: TrainingState) -> None:
        restore_averages(self.stage.averages, state.averages)
        for name, saved in state.optimizers.items():
            if name not in self.stage.learners:
                raise RunError(f"the checkpoint has an optimizer of {name!r}, who does not move in stage {state.stage!r}")
            self.stage.learners[name].restore(saved)

    @property
    def is_finished(self) -> bool:
        """Whether the last stage is over."""
        return self.progress.stage == len(self._lengths) - 1 and self.stage.length.is_over(self.progress)

    def state(self) -> TrainingState:
        """Return the state after the last round; its tensors are the game's own and move with it."""
        players = {name: player.state_dict() for name, player in self.game.players.items()}
        return TrainingState(self.progress, self.stage.name, players, self.stage.optimizers(), self.stage.averages)

    def stop(self, reason: str = "stop") -> None:
        """Ask the training to end after the round that is being played."""
        self.stop_reason = reason

    def run(self) -> Progress:
        """Train to the end of the last stage, or until it is asked to stop; return how far it came.

        Raises:
            TrainingError: a loss, a gradient or a parameter is not finite.
            KeyboardInterrupt: at a second SIGINT.
        """
        with stopping_by_signal(self.stop):
            try:
                for observer in self.observers:
                    observer.begin(self)
                why = self._play()
            except BaseException as error:
                # data that cannot be read, or a lack of memory, leave the state as the last round left it: it is worth a checkpoint
                is_whole = isinstance(error, Exception) and not isinstance(error, TrainingError) and not self.stage.has_moved
                self._end("stopped" if is_whole else "failed")
                raise
            if failures := self._end(why):
                raise failures[0]
        return self.progress

    def _end(self, why: End) -> list[Exception]:
        """Tell all observers that the training is over; return what went wrong with them."""
        failures = []
        for observer in self.observers:
            try:
                observer.end(why)
            except Exception as error:
                failures.append(error)
        return failures

    def _play(self) -> End:
        before = self._clock()
        while not self.is_finished:
            if self.stop_reason is not None:
                return "stopped"
            if self.stage.length.is_over(self.progress):
                self._next_stage()
            records = self.stage.play(self.progress)
            now = self._clock()
            self.progress = self.progress.after_round(self.stage.plan, now - before)
            before = now
            is_last = self.stage.length.is_over(self.progress)
            event = RoundEvent(self.progress, self.stage.name, self.stage.length, records, self.stage.rows, is_last)
            for observer in self.observers:
                observer.after_round(event)
        return "finished"

    def _next_stage(self) -> None:
        progress = self.progress.next_stage()
        stage = self._enter(progress, self.stage.averages)
        if stage.plan.stage.keep_optimizer:
            stage.keep(self.stage.optimizers())
        self.progress, self.stage = progress, stage  # at once: a checkpoint may be asked for if a stage cannot begin

    def _enter(self, progress: Progress, averages: Averages) -> StageTraining:
        name = list(self._lengths)[progress.stage]
        return StageTraining(self.game, name, streams=self._streams, length=self._lengths[name], averages=averages)


def _check_schedules(game: "Game") -> None:
    mistakes = schedule_mistakes(game.graph)
    if mistakes and game.checked:
        raise SpecError(game.checked.file.locate(mistakes))
    if mistakes:
        raise SpecError(Problem(dotted(each.path), each.what) for each in mistakes)
