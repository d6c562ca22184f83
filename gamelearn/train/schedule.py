"""How long the stages are, and how far a run has come.

A round consumes `plan.repeats` batches of every stream, so an epoch is a pass over the longest stream that the stage reads.
This file measures the length of training.
"""

import dataclasses
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil, inf
from typing import Any, Protocol

from gamelearn.errors import RunError
from gamelearn.graph.model import Graph, Stage
from gamelearn.graph.stages import MAIN
from gamelearn.options import Mistake, Path
from gamelearn.plan.steps import DEFAULT_ROWS, ColumnStep, Plan
from gamelearn.train.learning_rates import needs_rounds

_SECONDS = 60


class Lengths(Protocol):
    """What a schedule needs to know of the data."""

    def length(self, stream: str) -> int:
        """Return how many training rows a stream has."""

    def rows(self, stream: str, wanted: int) -> int:
        """Return the rows of a batch: `wanted`, or all rows of a shorter stream."""


@dataclass(frozen=True)
class Progress:
    """How far a run has come; a run needs nothing else, beside parameters and optimizers, to go on.

    Attributes:
        stage: the index of the stage, in playing order.
        round: how many rounds are done, through all stages.
        began: how many were done when the stage began.
        position: how many batches of each stream are consumed.
        seconds: spent in this stage.
        elapsed: seconds spent in all.
    """

    stage: int = 0
    round: int = 0
    began: int = 0
    position: int = 0
    seconds: float = 0.0
    elapsed: float = 0.0

    @property
    def done(self) -> int:
        """How many rounds of the stage are done."""
        return self.round - self.began

    def after_round(self, plan: Plan, seconds: float) -> "Progress":
        """Return the progress after a round of a plan that took so many seconds."""
        return dataclasses.replace(
            self,
            round=self.round + 1,
            position=self.position + plan.repeats,
            seconds=self.seconds + seconds,
            elapsed=self.elapsed + seconds,
        )

    def next_stage(self) -> "Progress":
        """Return the progress at the beginning of the next stage."""
        return dataclasses.replace(self, stage=self.stage + 1, began=self.round, seconds=0.0)

    def to_json(self) -> dict[str, Any]:
        """Return the progress as plain values."""
        return dataclasses.asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "Progress":
        """Return the progress that `to_json` wrote.

        Raises:
            RunError: a value is missing, unknown, or no number.
        """
        fields = {each.name: each.type for each in dataclasses.fields(cls)}
        if set(values) != set(fields) or not all(isinstance(value, int | float) for value in values.values()):
            raise RunError(f"the progress of a checkpoint has the numbers {', '.join(fields)}, got {dict(values)}")
        whole = {name: int(values[name]) for name, kind in fields.items() if kind is int}
        return cls(**whole, seconds=float(values["seconds"]), elapsed=float(values["elapsed"]))


@dataclass(frozen=True)
class StageLength:
    """When a stage ends: after so many rounds, or after so many seconds (the other one is None)."""

    rounds: int | None = None
    seconds: float | None = None

    def is_over(self, progress: Progress) -> bool:
        """Return whether the stage that the progress is in has come to its end."""
        rounds = inf if self.rounds is None else self.rounds
        return progress.done >= rounds or progress.seconds >= (inf if self.seconds is None else self.seconds)


def streams_read(plan: Plan) -> dict[str, int]:
    """Return the streams that a round of a plan reads, each with the number of different batches per repeat."""
    columns = [step for phase in plan.phases for step in phase.completion if isinstance(step, ColumnStep)]
    return {step.stream: 1 + max(each.ordinal for each in columns if each.stream == step.stream) for step in columns}


def batch_rows(batch: Mapping[str, int], stream: str) -> int:
    """Return the rows of a stream's batch, as the batch sizes with their default say."""
    return batch.get(stream, batch[DEFAULT_ROWS])


def rounds_of_epochs(epochs: float, plan: Plan, streams: Lengths | None) -> int:
    """Return how many rounds show the longest stream so many times, at least one: `ceil(epochs * rows / (batch * repeats))`.

    Raises:
        RunError: the plan reads no stream.
    """
    read = streams_read(plan)
    if not read or streams is None:
        raise RunError(f"stage {plan.stage.name!r} reads no stream, so it has no epochs: give its length in 'rounds' or 'minutes'")
    batch = plan.stage.train.batch
    sizes = [(streams.length(name), streams.rows(name, batch_rows(batch, name))) for name in read]
    rows, size = max(sizes, key=lambda each: (each[0], -each[1]))
    return max(1, ceil(epochs * rows / (size * plan.repeats)))


def stage_length(plan: Plan, streams: Lengths | None) -> StageLength:
    """Return when a stage ends.

    Raises:
        RunError: its length is in epochs, and it reads no stream.
    """
    train = plan.stage.train
    if train.minutes is not None:
        return StageLength(seconds=train.minutes * _SECONDS)
    if train.epochs is not None:
        return StageLength(rounds=rounds_of_epochs(train.epochs, plan, streams))
    return StageLength(rounds=train.rounds)


def schedule_mistakes(graph: Graph) -> list[Mistake]:
    """Return the learning-rate schedules that need to know a number of rounds which a time budget does not give."""
    return [
        Mistake(
            (*path, "schedule"), f"a {kind!r} schedule needs to know the number of rounds, which a stage that ends by 'minutes' does not"
        )
        for stage in graph.stages.values()
        for path, kind in _without_length(stage)
    ]


def _without_length(stage: Stage) -> Iterable[tuple[Path, str]]:
    place: Path = ("train",) if stage.name == MAIN else ("stages", stage.name, "train")
    train = stage.train
    if train.minutes is None:
        return
    for player in stage.utilities:
        options = train.optimizer_of(player)
        if needs_rounds(options) and options.schedule is not None:
            own = "schedule" in train.optimizers.get(player, {})
            yield (*place, "optimizers", player) if own else (*place, "optimizer"), options.schedule.type
