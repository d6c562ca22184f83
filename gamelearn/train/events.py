"""What the loop tells its observers: one event after every round, with numbers that are fetched when they are read.

The values of a round stay tensors on their device until an observer asks for a float, so an observer that does not log costs no
synchronisation. This file defines events with the protocol of observers.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Protocol

import torch

from gamelearn.plan.steps import Turn
from gamelearn.train.schedule import Progress, StageLength

if TYPE_CHECKING:
    from gamelearn.train.loop import Trainer

End = Literal["finished", "stopped", "failed"]


@dataclass(frozen=True)
class TurnRecord:
    """What one turn computed, on the device of the game.

    Attributes:
        turn: of the plan.
        loss: a scalar, in nats; minus the utility.
        terms: the value of every term, unweighted, `(terms,)`.
        norm: the norm of the gradient before clipping, a scalar.
        learning_rate: of the step.
    """

    turn: Turn
    loss: torch.Tensor
    terms: torch.Tensor
    norm: torch.Tensor
    learning_rate: float


@dataclass(frozen=True)
class RoundEvent:
    """A round that was played.

    Where a player moved several times, its values are means over its turns.

    Attributes:
        progress: after the round.
        stage: the stage's name.
        length: when the stage ends.
        records: of every turn, in order.
        rows: the rows of each stream that the round read.
        is_last: whether the stage ends with this round.
    """

    progress: Progress
    stage: str
    length: StageLength
    records: tuple[TurnRecord, ...]
    rows: Mapping[str, int]
    is_last: bool

    @property
    def round(self) -> int:
        """How many rounds are done, through all stages."""
        return self.progress.round

    @property
    def is_first(self) -> bool:
        """Whether the stage began with this round."""
        return self.progress.done == 1

    @cached_property
    def utilities(self) -> dict[str, float]:
        """The utility of every player that moved: the weighted sum of its terms, in nats per row."""
        return {player: -self._mean([float(record.loss) for record in records]) for player, records in self._by_player.items()}

    @cached_property
    def terms(self) -> dict[str, dict[str, float]]:
        """The value of every term by player and name, unweighted, in nats per row."""
        found = {}
        for player, records in self._by_player.items():
            columns = zip(*(record.terms.tolist() for record in records), strict=True)
            names = [term.term.name for term in records[0].turn.terms]
            found[player] = {name: self._mean(values) for name, values in zip(names, columns, strict=True)}
        return found

    @cached_property
    def per_element(self) -> dict[str, dict[str, float]]:
        """The value of every term per element of the variables that it scores, in nats."""
        elements = {
            player: {term.term.name: term.elements for term in records[0].turn.terms} for player, records in self._by_player.items()
        }
        return {player: {name: value / elements[player][name] for name, value in terms.items()} for player, terms in self.terms.items()}

    @cached_property
    def gradient_norms(self) -> dict[str, float]:
        """The norm of every player's gradient, before clipping."""
        return {player: self._mean([float(record.norm) for record in records]) for player, records in self._by_player.items()}

    @property
    def learning_rates(self) -> dict[str, float]:
        """The learning rate of every player that moved."""
        return {record.turn.player: record.learning_rate for record in self.records}

    @cached_property
    def _by_player(self) -> dict[str, list[TurnRecord]]:
        found: dict[str, list[TurnRecord]] = {}
        for record in self.records:
            found.setdefault(record.turn.player, []).append(record)
        return found

    @staticmethod
    def _mean(values: list[float] | tuple[float, ...]) -> float:
        return values[0] if len(values) == 1 else sum(values) / len(values)


class Observer(Protocol):
    """Something that is told how a training goes; it may ask the trainer to stop."""

    def begin(self, trainer: "Trainer") -> None:
        """Hear that the training begins, or goes on."""

    def after_round(self, event: RoundEvent) -> None:
        """Hear of a round that was played."""

    def end(self, why: End) -> None:
        """Hear that the training is over: finished, stopped after a whole round, or failed."""
