"""One stage of a training: its plan, its objectives, and the players that learn in it.

In parallel mode every gradient is taken, and found finite, before anybody moves; in sequence mode each player moves before the
next one's gradient is taken. This file plays the rounds of a stage.
"""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import torch
from torch import nn

from gamelearn.data.streams import Streams
from gamelearn.errors import DataError, TrainingError
from gamelearn.graph.model import StreamDraw
from gamelearn.initialise import initialise_from_data, waiting_networks
from gamelearn.losses import Objective, Values, complete, owned_by, reached_parameters
from gamelearn.plan.steps import ColumnStep, Phase, Turn
from gamelearn.players.conditional import untaken
from gamelearn.sources import RoundSource
from gamelearn.train.averages import Averages, move_averages, restart_averages, start_averages
from gamelearn.train.compiling import compiled
from gamelearn.train.events import TurnRecord
from gamelearn.train.failures import not_finite
from gamelearn.train.learner import Gradient, Learner, differentiate
from gamelearn.train.schedule import Progress, StageLength, batch_rows, streams_read
from gamelearn.train.state import OptimizerState

if TYPE_CHECKING:
    from gamelearn.game import Game


class StageTraining:
    """Plays the rounds of one stage.

    Args:
        game: with its players.
        name: of the stage.
        streams: the open data; None for a game without.
        length: of the stage.
        averages: of the stage before; where the stage has no `ema`, there are none afterwards.
    """

    def __init__(self, game: "Game", name: str, *, streams: Streams | None, length: StageLength, averages: Averages) -> None:
        self.name, self.length = name, length
        self.plan = game.plans[name]
        self.train = self.plan.stage.train
        self._game, self._streams = game, streams
        half = self.train.precision == "bf16"
        self._runner = game.runner(half=half)
        self._objectives = game.objectives(name, half=half)
        self._losses: tuple[nn.Module, ...] = compiled(self._objectives) if self.train.compile else self._objectives
        reached = reached_parameters(game.players, self.plan.turns)
        self.learners = {
            player: Learner(player, parameters, self.train.optimizer_of(player), length.rounds) for player, parameters in reached.items()
        }
        self.averages = (averages or start_averages(game.players)) if self.train.ema else {}
        self.rows = self._rows()
        self.has_moved = False
        """Whether a player has moved in a round that is not over."""

    def _rows(self) -> dict[str, int]:
        """Return the rows of each stream that a round reads."""
        if self._streams is None:
            return {}
        read = streams_read(self.plan)
        sizes = {name: self._streams.rows(name, batch_rows(self.train.batch, name)) for name in read}
        self._check_batches(sizes)
        return {name: size * self.plan.repeats for name, size in sizes.items()}

    def _check_batches(self, sizes: Mapping[str, int]) -> None:
        """Check that the streams of each chain have equal batches, also where one is too short for its own."""
        for terms in self.plan.stage.utilities.values():
            for term in terms:
                found = {draw.stream: sizes[draw.stream] for draw in term.draws if isinstance(draw, StreamDraw) and draw.stream in sizes}
                if len(set(found.values())) > 1:
                    listed = ", ".join(f"{name!r} {rows}" for name, rows in found.items())
                    raise DataError(
                        f"the streams of the term {term.title!r} give batches of different rows: {listed}; lower 'train.batch' to the least"
                    )

    def optimizers(self) -> dict[str, OptimizerState]:
        """Return the state of every player's optimizer."""
        return {name: learner.state() for name, learner in self.learners.items()}

    def keep(self, former: Mapping[str, OptimizerState]) -> None:
        """Go on with the optimizers of the stage before, for those parameters that are still reached."""
        for name, state in former.items():
            if name in self.learners:
                self.learners[name].keep(state)

    def play(self, progress: Progress) -> tuple[TurnRecord, ...]:
        """Play one round.

        Raises:
            TrainingError: a loss or a gradient is not finite; its player has not moved.
        """
        source = self._source(progress)
        for step in (step for phase in self.plan.phases for step in phase.completion if isinstance(step, ColumnStep)):
            source.column(step)  # data that cannot be read is met before anybody moves
        if progress.done == 0:
            self.has_moved = True
            self._initialise(source)
        remaining = iter(zip(self._objectives, self._losses, strict=True))
        values: Values = {}
        records: list[TurnRecord] = []
        for phase in self.plan.phases:
            values = complete(self._runner, phase.completion, values, source)
            objectives = [next(remaining) for _ in phase.turns]
            records += self._move(phase, objectives, values, progress)
            values = {ref: value for ref, value in values.items() if ref in phase.keep}
        self.has_moved = False
        return tuple(records)

    def _initialise(self, source: RoundSource) -> None:
        """Match the networks that begin here with `init: data` to the stage's first batch."""
        plans = list(self._game.plans.values())
        before = plans[: list(self._game.plans).index(self.name)]
        for player, network in initialise_from_data(self._runner, self.plan, source, waiting_networks(self._game.graph, before, self.plan)):
            if player in self.averages:
                restart_averages(self.averages[player], self._game.players[player], f"networks.{untaken(network)}.")

    def _source(self, progress: Progress) -> RoundSource:
        return RoundSource(
            self._streams,
            self.train.batch,
            seed=self.train.seed,
            stage=self.name,
            round_number=progress.round,
            position=progress.position,
            device=self._game.device,
            dtype=self._game.dtype,
        )

    def _move(self, phase: Phase, objectives: list[tuple[Objective, nn.Module]], values: Values, progress: Progress) -> list[TurnRecord]:
        """Take the gradients of a phase's turns at the same parameters, then move their players."""
        found: list[tuple[Turn, Gradient]] = []
        for turn, (_, loss) in zip(phase.turns, objectives, strict=True):
            with owned_by(turn.owners, self._game.players):
                gradients = differentiate([self.learners[owner] for owner in turn.owners], loss, values)
            found += zip(turn.parts, gradients, strict=True)
        if not _all_finite([gradient for _, gradient in found]):
            raise self._failure(phase.turns, [objective for objective, _ in objectives], found, values, progress)
        return [self._step(turn, gradient, progress) for turn, gradient in found]

    def _step(self, turn: Turn, gradient: Gradient, progress: Progress) -> TurnRecord:
        loss, terms, norm = gradient
        self.has_moved = True
        rate = self.learners[turn.player].step(progress.done, norm)
        if self.train.ema:
            move_averages(self.averages[turn.player], self._game.players[turn.player], self.train.ema, progress.round)
        return TurnRecord(turn, loss, terms, norm, rate)

    def _failure(
        self,
        turns: tuple[Turn, ...],
        objectives: list[Objective],
        found: list[tuple[Turn, Gradient]],
        values: Values,
        progress: Progress,
    ) -> TrainingError:
        turn, (loss, terms, norm) = next(each for each in found if not _all_finite([each[1]]))
        at = next(index for index, moved in enumerate(turns) if turn.player in moved.owners)
        return not_finite(
            turn,
            stage=self.name,
            round_number=progress.round + 1,
            loss=float(loss),
            terms=terms,
            norm=float(norm),
            gradients=self.learners[turn.player].gradients(),
            inputs={ref: values[ref] for ref in objectives[at].reads},
        )


def _all_finite(gradients: list[Gradient]) -> bool:
    """Return whether every loss and norm is finite: the one synchronisation of a phase."""
    return bool(torch.stack([each for loss, _, norm in gradients for each in (loss, norm.to(loss.dtype))]).isfinite().all())
