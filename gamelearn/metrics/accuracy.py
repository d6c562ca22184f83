"""How well a game tells a class label, such as the digit in an image, from what is shown with it.

    log-loss = mean of -log p(c | given)     calibration error = sum over bins b of n_b / n |accuracy_b - confidence_b|

Source: Guo, Pleiss, Sun and Weinberger, "On calibration of modern neural networks", 2017, eq. 5. This file registers the metric.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Annotated

import numpy as np
import torch
from pydantic import Field

from gamelearn.data.words import counted
from gamelearn.errors import EvidenceError, quoted
from gamelearn.game import Game
from gamelearn.graph.model import Graph, Variable, unknown
from gamelearn.metrics.chain import Asker, ChainOptions, ChainQuestion, answers
from gamelearn.metrics.confusion import Confusion, class_name
from gamelearn.metrics.jackknife import GroupedSums, Sums, ratio
from gamelearn.metrics.label_maps import drawn_variables, read_blocks
from gamelearn.metrics.metric import Block, Context, Metric, MetricError, MetricResult, Table
from gamelearn.options import Listed
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import MetricOptions, Name, Positive


class AccuracyOptions(MetricOptions):
    """The options of `accuracy`."""

    variable: Name | None = None
    """The class label; by default the first that a stream shows with other variables and a player draws."""
    given: Listed[Name] | None = None
    """What is given; by default all that the stream shows with it."""
    stream: Name | None = None
    """The stream whose rows are classified; by default the first that shows all of these."""
    bins: Annotated[int, Field(ge=2, le=1000)] = 15
    """Into how many bins of equal width the largest probability, from 0 to 1, is divided for the calibration error."""
    count: Positive | None = None
    """How many rows, the first of the split; by default all."""
    chain: ChainOptions = ChainOptions()
    """The chain that infers the class."""


@dataclass(frozen=True)
class Label:
    """A class label, what is given to tell it, and the stream that shows them."""

    stream: str
    variable: Variable
    given: tuple[str, ...]

    @property
    def classes(self) -> int:
        """The number of classes, 2 of a binary variable."""
        return self.variable.classes or 2


@METRICS.register("accuracy", options=AccuracyOptions)
class Accuracy(Metric):
    """Accuracy, log-loss and calibration of a class label inferred from what is shown with it, with precision and recall by class.

    The label is a categorical or binary variable of shape []; the class of largest marginal probability is decided. Where a player
    draws it from all that matters of what is given, and no sampler is named, its conditional tells the probabilities, else a chain.
    Beside them stands the best that can be done without looking: deciding always for the class that is most frequent among the rows,
    with the classes' shares as probabilities. The splits other than train are read whole, whatever the stream takes.

    Args:
        variable: the label.
        given: what is given.
        stream: which shows them.
        bins: of the calibration error.
        count: of rows.
        chain: which infers.
    """

    reads_chain = ChainOptions.keys()

    def __init__(
        self,
        *,
        variable: str | None,
        given: tuple[str, ...] | None,
        stream: str | None,
        bins: int,
        count: int | None,
        chain: ChainOptions,
    ) -> None:
        self._variable, self._given, self._stream = variable, given, stream
        self._bins, self._count, self._chain = bins, count, chain

    def misfit(self, graph: Graph) -> str | None:
        try:
            found = self._find(graph)
            answers(graph, self._chain.sampler, ChainQuestion(found.given, (), [found.variable.name], conditional=True))
        except (MetricError, EvidenceError) as error:
            return str(error)
        return None

    def compute(self, game: Game, context: Context) -> MetricResult:
        found = self._find(game.graph)
        name = found.variable.name
        asker = Asker(game, context, self._chain, ChainQuestion(found.given, (), [name], conditional=True))
        told = Scores(found.classes, self._bins)
        for first, rows in read_blocks(game, found.stream, context, f"accuracy of {name}", count=self._count):
            answer = asker.ask({each: rows[each] for each in found.given}, {}, first)
            told.add(rows[name].long(), _by_class(answer.mean[name], found.variable))
        names = game.streams().class_names(found.stream, name)
        facts = {"count": told.rows, "variable": name, "given": list(found.given), "bins": self._bins, **asker.facts()}
        return MetricResult(told.blocks(f"{name} given {', '.join(found.given)}", names), (*asker.notes(), *told.notes()), facts)

    def _find(self, graph: Graph) -> Label:
        return find_label(graph, variable=self._variable, given=self._given, stream=self._stream)


def _by_class(mean: torch.Tensor, variable: Variable) -> torch.Tensor:
    """Return probabilities `(rows, classes)`; of a binary variable `mean` is the probability of 1."""
    return mean if variable.classes else torch.stack([1 - mean, mean], 1)


class Scores:
    """What probabilities of classes say of the true ones.

    Args:
        classes: their number.
        bins: of the calibration error.
    """

    def __init__(self, classes: int, bins: int) -> None:
        self._confusion = Confusion(classes)
        self._bins = GroupedSums((bins, 3))
        self._losses = GroupedSums((3,))

    @property
    def rows(self) -> int:
        """How many rows were added."""
        return self._confusion.rows

    def add(self, truth: torch.Tensor, probabilities: torch.Tensor) -> None:
        """Add rows: true classes, int64 `(rows)`, with the probabilities of all classes, `(rows, classes)`."""
        confidence, decided = probabilities.max(1)
        self._confusion.add(truth, decided)
        own = probabilities.gather(1, truth[:, None])[:, 0].cpu().double().numpy()
        possible = own > 0
        self._losses.add(np.stack([-np.log(np.where(possible, own, 1)), ~possible, np.ones_like(own)], 1))
        self._add_to_bins(confidence.cpu().double().numpy(), (decided == truth).cpu().double().numpy())

    def _add_to_bins(self, confidence: Sums, correct: Sums) -> None:
        bins = self._bins.total.shape[0]
        chosen = np.clip(np.ceil(confidence * bins).astype(int) - 1, 0, bins - 1)  # bin b is (b / bins, (b + 1) / bins]
        values = np.zeros((len(confidence), bins, 3))
        values[np.arange(len(confidence)), chosen] = np.stack([np.ones_like(confidence), confidence, correct], 1)
        self._bins.add(values)

    def blocks(self, title: str, names: Sequence[str]) -> tuple[Block, ...]:
        """Return the figures with the table of the classes, whose names are `names` where they are known, and the trivial ones."""
        figures = {
            "accuracy": self._confusion.accuracy(),
            "log-loss": self._losses.figure(_log_loss),
            "calibration error": self._bins.figure(calibration_error),
        }
        trivial = {"accuracy": self._confusion.figure(_largest_share), "log-loss": self._confusion.figure(_entropy_of_shares)}
        return Block(title, figures, _table(self._confusion.matrix, names)), Block("always the most frequent class", trivial)

    def notes(self) -> list[str]:
        """Return what a reader has to know."""
        impossible = int(self._losses.total[1])
        told = f"the log-loss is infinite: the true class of {counted(impossible, 'row')} has the probability 0"
        return [told] if impossible else []


def calibration_error(sums: Sums) -> float:
    """Return the expected calibration error from `(bins, 3)`: rows, sum of confidences, correct decisions."""
    return float(np.abs(sums[:, 2] - sums[:, 1]).sum() / sums[:, 0].sum())


def _log_loss(sums: Sums) -> float:
    """Return the log-loss from the sum of the finite ones, the number of infinite ones and that of all."""
    return float("inf") if sums[1] else ratio(float(sums[0]), float(sums[2]))


def _largest_share(matrix: Sums) -> float:
    return ratio(float(matrix.sum(1).max()), float(matrix.sum()))


def _entropy_of_shares(matrix: Sums) -> float:
    true = matrix.sum(1)
    shares = true[true > 0] / true.sum()
    return float(-(shares * np.log(shares)).sum())


def _table(matrix: Sums, names: Sequence[str]) -> Table:
    """Return precision, recall and support of every class that occurs or is decided."""
    rows: list[tuple[str | float | None, ...]] = []
    for index in np.flatnonzero(matrix.sum(0) + matrix.sum(1)).tolist():
        correct, decided, true = (float(each) for each in (matrix[index, index], matrix[:, index].sum(), matrix[index].sum()))
        rows.append((class_name(index, names), correct / decided if decided else None, correct / true if true else None, true, decided))
    return Table(("class", "precision", "recall", "support", "decided"), tuple(rows))


def find_label(graph: Graph, *, variable: str | None = None, given: Sequence[str] | None = None, stream: str | None = None) -> Label:
    """Return the first class label that a stream shows together with other variables, and that a player draws.

    Args:
        graph: the game.
        variable: the label, a categorical or binary variable of shape [].
        given: what is given; by default all other variables of the stream.
        stream: which shows them.

    Raises:
        MetricError: there is none.
    """
    for name in (*([variable] if variable else []), *(given or ())):
        if name not in graph.variables:
            raise MetricError(unknown("variable", name, graph.variables))
    if stream is not None and stream not in graph.streams:
        raise MetricError(unknown("stream", stream, graph.streams))
    for found in _candidates(graph, given):
        if variable in (None, found.variable.name) and stream in (None, found.stream):
            return found
    raise MetricError(_needs(graph, variable, given, stream))


def _candidates(graph: Graph, given: Sequence[str] | None) -> Iterator[Label]:
    drawn = drawn_variables(graph)
    for stream, options in graph.streams.items():
        for name in options.variables:
            label = graph.variables[name]
            others = tuple(each for each in options.variables if each != name and (given is None or each in given))
            is_label = label.type in ("categorical", "binary") and not label.shape and name in drawn
            if is_label and others and len(others) >= len(set(given or ())):
                yield Label(stream, label, others)


def _needs(graph: Graph, variable: str | None, given: Sequence[str] | None, stream: str | None) -> str:
    asked = [
        *([f"variable {variable!r}"] if variable else []),
        *([f"given {quoted(given)}"] if given else []),
        *([f"stream {stream!r}"] if stream else []),
    ]
    what = "needs a stream that shows a class label, a categorical or binary variable of shape [] that a player draws, with what is given"
    shown = [f"{name} shows {quoted(each.variables)}" for name, each in graph.streams.items()]
    return f"{what}{' (asked for: ' + ', '.join(asked) + ')' if asked else ''}; the streams of this game: {'; '.join(shown) or 'none'}"
