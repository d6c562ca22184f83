"""What a metric is: it looks at a trained game, with data of a split where it needs some, and returns named figures.

A result has blocks, one for each thing that was looked at (complete images, images with a hidden part). Every figure says how
many images or samples it comes from. This file defines metrics with their results.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from math import isfinite
from typing import TYPE_CHECKING, Any, ClassVar

from gamelearn.errors import GamelearnError
from gamelearn.graph.model import Graph
from gamelearn.metrics.kept import KeptRows

if TYPE_CHECKING:
    from gamelearn.game import Game

Progress = Callable[[str, int, int | None], None]
"""Is told what is being done, how many images or samples are done, and of how many (None where that is not known)."""


class MetricError(GamelearnError):
    """A metric that does not fit the game; the message says what it needs."""


@dataclass(frozen=True)
class Figure:
    """One number.

    Attributes:
        value: it may be infinite (a ratio to nothing).
        count: from how many images or samples.
        error: its standard error over them; None where there is none.
    """

    value: float
    count: int
    error: float | None = None

    def plain(self) -> dict[str, Any]:
        """Return the figure as plain values; what is not finite is None."""
        return {"value": finite(self.value), "count": self.count, "error": finite(self.error)}


@dataclass(frozen=True)
class Table:
    """Figures by row, such as one row per class; None where there is none, such as the accuracy of a class that does not occur."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str | float | None, ...], ...]

    def plain(self) -> dict[str, Any]:
        """Return the table as plain values."""
        rows = [[finite(cell) if isinstance(cell, float) else cell for cell in row] for row in self.rows]
        return {"columns": list(self.columns), "rows": rows}


@dataclass(frozen=True)
class Block:
    """What was found of one thing that was looked at."""

    title: str
    figures: Mapping[str, Figure]
    table: Table | None = None

    def plain(self) -> dict[str, Any]:
        """Return the block as plain values."""
        figures = {name: figure.plain() for name, figure in self.figures.items()}
        return {"title": self.title, "figures": figures, "table": self.table.plain() if self.table else None}


@dataclass(frozen=True)
class MetricResult:
    """What a metric found.

    Attributes:
        blocks: in the order in which they are shown.
        notes: sentences that a reader of the figures has to know.
        facts: plain values for the record, such as the sampler that was run.
    """

    blocks: tuple[Block, ...]
    notes: tuple[str, ...] = ()
    facts: Mapping[str, Any] = field(default_factory=dict)

    def plain(self) -> dict[str, Any]:
        """Return the result as plain values."""
        return {"blocks": [block.plain() for block in self.blocks], "notes": list(self.notes), "facts": dict(self.facts)}


@dataclass(frozen=True)
class Context:
    """What the user asks of every metric at once; the device is the game's.

    Attributes:
        split: `train`, `validation` or `test`; what does not use it gets `train`.
        count: how many images or samples; None leaves it to the metric's own options.
        seed: of all noise.
        chain: values of a chain that go over the metric's own: `sampler`, `sweeps`, `burn_in`, `thin`, `chains`, `estimate`.
        progress: is told how far a metric is.
        kept: generated rows of the same game, for all metrics of one evaluation; None where every metric generates its own.
    """

    split: str
    count: int | None
    seed: int
    chain: Mapping[str, Any]
    progress: Progress
    kept: KeptRows | None = None


class Metric(ABC):
    """The base of every metric; its constructor takes the metric's own options by name."""

    by_default: ClassVar[bool] = True
    """Whether it is measured, with its default options, where a spec names no metrics and it fits the game."""
    uses_split: ClassVar[bool] = True
    """Whether the figures depend on the split; if not, they are measured once for all splits."""

    reads_chain: ClassVar[tuple[str, ...] | None] = None
    """Which of the context's values of a chain it looks at; None where it does not say."""

    @abstractmethod
    def misfit(self, graph: Graph) -> str | None:
        """Return what the metric needs that the game does not have; None if it fits."""

    @abstractmethod
    def compute(self, game: "Game", context: Context) -> MetricResult:
        """Return what is found.

        Raises:
            MetricError: the metric does not fit the game.
            DataError: the split has no rows, or cannot be read.
        """


def finite(value: float | None) -> float | None:
    """Return a number, None if it is infinite or no number, as JSON has neither."""
    return value if value is not None and isfinite(value) else None
