"""How well a game completes what is hidden of a variable, beside means, interpolation and a linear regression.

This file registers the metric.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import AfterValidator, Field

from gamelearn.errors import EvidenceError, quoted
from gamelearn.game import Game
from gamelearn.graph.model import Graph, Variable, unknown
from gamelearn.metrics.chain import Asker, ChainOptions, ChainQuestion, answers
from gamelearn.metrics.jackknife import GroupedSums, Sums, ratio
from gamelearn.metrics.label_maps import drawn_variables, read_blocks
from gamelearn.metrics.linear import LinearFilling, columns_of, encode, interpolate
from gamelearn.metrics.metric import Block, Context, Figure, Metric, MetricError, MetricResult
from gamelearn.options import Listed
from gamelearn.patterns import checked_pattern, hidden_pattern
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import MetricOptions, Name, Positive

_MOST_COLUMNS = 2048

Rows = Mapping[str, torch.Tensor]


class CompletionOptions(MetricOptions):
    """The options of `completion`."""

    variable: Name | None = None
    """What is completed; by default the first variable that a stream shows and a player draws."""
    hide: Listed[Annotated[str, AfterValidator(checked_pattern)]] | None = None
    """What is hidden, one pass for each: `last:8`, `gap:8`, `steps:0.5`, `right`, `square:24`, `all`, ... By default `right`, of a scalar `all`."""
    given: Listed[Name] = ()
    """Other variables that are given whole."""
    pieces: Listed[Name] = ()
    """The variable with some that are given, where they follow each other along the last axis: interpolation goes over them all."""
    stream: Name | None = None
    """The stream whose rows are completed; by default the first that shows the variable with all that is given."""
    count: Positive = 256
    """How many rows, the first of the split (all, if it has fewer)."""
    penalty: Annotated[float, Field(gt=0)] = 0.01
    """Of the linear regression: what is added to the variance of each element that it reads."""
    chain: ChainOptions = ChainOptions()
    """The chain that completes."""


@METRICS.register("completion", options=CompletionOptions)
class Completion(Metric):
    """The error of hidden elements that are inferred, beside that of filling them by means, interpolation and ridge regression.

    Of real and count variables it is the mean squared error of what is decided; of binary ones that of the probability (the Brier
    score); of categorical ones the share of wrong classes. The baselines learn from the training rows of the stream: `mean` fills
    in the mean of the element (the most frequent class), `interpolation` a straight line along the last axis between what is visible (the
    nearest visible value at the ends), `ridge` the linear regression on all that is visible or given, which is fitted for every
    pattern. Above 1 the ratio says that the game loses to it.

    Args:
        variable: what is completed.
        hide: patterns.
        given: other variables that are given.
        pieces: of one series, in order.
        stream: which shows them.
        count: of rows.
        penalty: of the regression.
        chain: which infers.
    """

    by_default = False
    reads_chain = ChainOptions.keys()

    def __init__(
        self,
        *,
        variable: str | None,
        hide: tuple[str, ...] | None,
        given: tuple[str, ...],
        pieces: tuple[str, ...],
        stream: str | None,
        count: int,
        penalty: float,
        chain: ChainOptions,
    ) -> None:
        self._variable, self._hide, self._given, self._stream = variable, hide, given, stream
        self._pieces, self._count, self._penalty, self._chain = pieces, count, penalty, chain

    def misfit(self, graph: Graph) -> str | None:
        try:
            variable, _ = self._find(graph)
            self._check_pieces(graph, variable)
            for text in self._patterns(variable):
                hidden_pattern(text, variable.shape, 1)
                answers(graph, self._chain.sampler, self._asked(variable, text))
        except (MetricError, EvidenceError) as error:
            return str(error)
        return None

    def compute(self, game: Game, context: Context) -> MetricResult:
        variable, stream = self._find(game.graph)
        shown = [variable, *(game.graph.variables[name] for name in self._given)]
        linear = self._fit(game, context, stream, shown)
        passes = []
        for text in self._patterns(variable):
            asker = Asker(game, context, self._chain, self._asked(variable, text))
            each = _Pass(text, shown, asker, linear, self._pieces or (variable.name,))
            for first, rows in read_blocks(game, stream, context, f"completion, {each.title}", count=self._count):
                each.add(rows, first, context.seed)
            passes.append(each)
        notes = [f"{each.title}: {note}" for each in passes for note in each.asker.notes()]
        if not linear.regresses:
            notes.append(f"no ridge regression: it would read more than {_MOST_COLUMNS} numbers")
        facts = {"variable": variable.name, "stream": stream, "training_rows": linear.filling.rows, "count": passes[0].rows}
        return MetricResult(
            tuple(each.block() for each in passes), tuple(notes), {**facts, **{each.title: each.asker.facts() for each in passes}}
        )

    def _find(self, graph: Graph) -> tuple[Variable, str]:
        """Return the variable with the stream that shows it."""
        for name in (*([self._variable] if self._variable else []), *self._given):
            if name not in graph.variables:
                raise MetricError(unknown("variable", name, graph.variables))
        if self._stream is not None and self._stream not in graph.streams:
            raise MetricError(unknown("stream", self._stream, graph.streams))
        drawn = drawn_variables(graph)
        for name, stream in graph.streams.items():
            for each in stream.variables:
                fits = self._variable in (None, each) and each in drawn and each not in self._given
                if fits and self._stream in (None, name) and set(self._given) <= set(stream.variables):
                    return graph.variables[each], name
        what = repr(self._variable) if self._variable else "a variable that a player draws"
        raise MetricError(f"needs a stream that shows {what}{f' with {quoted(self._given)}' if self._given else ''}, to be completed")

    def _check_pieces(self, graph: Graph, variable: Variable) -> None:
        known = (variable.name, *self._given)
        if self._pieces and (variable.name not in self._pieces or not set(self._pieces) <= set(known)):
            raise MetricError(
                f"'pieces' are {variable.name!r} with some of what is given, {quoted(self._given) or 'nothing'}; got {quoted(self._pieces)}"
            )
        shapes = {graph.variables[name].shape[:-1] for name in self._pieces}
        if len(shapes) > 1 or any(not graph.variables[name].shape for name in self._pieces):
            raise MetricError(f"the pieces {quoted(self._pieces)} do not follow each other: their shapes differ before the last axis")

    def _patterns(self, variable: Variable) -> tuple[str, ...]:
        return self._hide or (("right",) if variable.shape else ("all",))

    def _asked(self, variable: Variable, text: str) -> ChainQuestion:
        own = [variable.name]
        return ChainQuestion(self._given, own, own, split=[] if text == "all" else own)

    def _fit(self, game: Game, context: Context, stream: str, shown: Sequence[Variable]) -> "_Baselines":
        baselines = _Baselines(shown, self._penalty)
        for _, rows in read_blocks(game, stream, context, "completion, training rows", count=None, split="train"):
            baselines.filling.add(baselines.columns(rows))
        return baselines


class _Baselines:
    """What fills without the game: means of columns, and the regression where it is not too large."""

    def __init__(self, shown: Sequence[Variable], penalty: float) -> None:
        sizes = [each.elements * ((each.classes or 2) if each.type == "categorical" else 1) for each in shown]
        self.regresses = sum(sizes) <= _MOST_COLUMNS
        self._shown = shown if self.regresses else shown[:1]
        self.own = sizes[0]
        self.filling = LinearFilling(sum(sizes), penalty) if self.regresses else LinearFilling(sizes[0], None)

    def columns(self, rows: Rows) -> NDArray[np.float64]:
        """Return what the regression reads, `(rows, columns)`, the completed variable first."""
        return np.concatenate([encode(rows[each.name], each) for each in self._shown], 1)


class _Pass:
    """One pattern over all rows."""

    def __init__(self, text: str, shown: Sequence[Variable], asker: Asker, baselines: _Baselines, pieces: Sequence[str]) -> None:
        self.title = f"{shown[0].name} {text}"
        self._text, self._variable, self._given, self._baselines = text, shown[0], shown[1:], baselines
        self.asker = asker
        self._pieces = [each for name in pieces for each in shown if each.name == name]
        steps = bool(self._variable.shape) and self._variable.type in ("real", "count")
        self._methods = ("game", "mean", *(["interpolation"] if steps else []), *(["ridge"] if baselines.regresses else []))
        self._sums = GroupedSums((1 + len(self._methods),))

    @property
    def rows(self) -> int:
        """How many rows were completed."""
        return self._sums.rows

    def add(self, rows: Rows, first: int, seed: int) -> None:
        """Infer the hidden part of a block, and compare."""
        name, variable = self._variable.name, self._variable
        mask = torch.from_numpy(hidden_pattern(self._text, variable.shape, len(rows[name]), first, seed)).to(rows[name].device)
        known = {each: rows[each] for each in (name, *(given.name for given in self._given))}
        answer = self.asker.ask(known, {name: mask}, first)
        own = answer.mean[name].reshape(len(mask), -1).cpu().double().numpy()
        truth, hidden = encode(rows[name], variable), columns_of(mask, variable)
        filled = {"game": own, **self._filled(rows, truth, hidden)}
        errors = [self._errors(filled[method], truth, hidden) for method in self._methods]
        self._sums.add(np.stack([mask.reshape(len(mask), -1).sum(1).cpu().double().numpy(), *errors], 1))

    def _filled(self, rows: Rows, truth: NDArray[np.float64], hidden: NDArray[np.bool_]) -> dict[str, NDArray[np.float64]]:
        base, made = self._baselines, {}
        mean = base.filling.mean[: base.own]
        made["mean"] = np.broadcast_to(mean, truth.shape)
        if "interpolation" in self._methods:
            made["interpolation"] = self._interpolated(rows, hidden, mean)
        if "ridge" in self._methods:
            columns = base.columns(rows)
            unseen = np.zeros(columns.shape, dtype=bool)
            unseen[:, : base.own] = hidden
            made["ridge"] = base.filling.fill(columns, unseen)[:, : base.own]
        return made

    def _interpolated(self, rows: Rows, hidden: NDArray[np.bool_], mean: NDArray[np.float64]) -> NDArray[np.float64]:
        """Return the variable, `(rows, columns)`, interpolated within the series that its pieces make."""
        shape = (len(hidden), *self._variable.shape)
        values = [rows[each.name].cpu().double().numpy() for each in self._pieces]
        own = [each.name for each in self._pieces].index(self._variable.name)
        masks = [hidden.reshape(shape) if index == own else np.zeros(value.shape, dtype=bool) for index, value in enumerate(values)]
        means = [np.broadcast_to(mean.reshape(shape[1:]), shape) if index == own else value for index, value in enumerate(values)]
        made = interpolate(*(np.concatenate(each, axis=-1) for each in (values, masks, means)))
        start = sum(value.shape[-1] for value in values[:own])
        return made[..., start : start + shape[-1]].reshape(len(hidden), -1)

    def _errors(self, filled: NDArray[np.float64], truth: NDArray[np.float64], hidden: NDArray[np.bool_]) -> NDArray[np.float64]:
        """Return the summed error of each row's hidden elements, `(rows)`."""
        if self._variable.type != "categorical":
            return np.where(hidden, (filled - truth) ** 2, 0).sum(1)
        shape = (len(truth), self._variable.classes or 2, -1)
        wrong = filled.reshape(shape).argmax(1) != truth.reshape(shape).argmax(1)
        return (wrong & hidden.reshape(shape)[:, 0]).sum(1).astype(np.float64)

    def block(self) -> Block:
        """Return the error of every method, and the game's as a multiple of the others'."""
        what = "error rate" if self._variable.type == "categorical" else "MSE"
        figures: dict[str, Figure] = {}
        for index, method in enumerate(self._methods, start=1):
            figures[what if method == "game" else f"{what} by {method}"] = self._of(index, 0)
        for index, method in enumerate(self._methods[1:], start=2):
            figures[f"{what} / that by {method}"] = self._of(1, index)
        return Block(self.title, figures)

    def _of(self, part: int, whole: int) -> Figure:
        def statistic(sums: Sums) -> float:
            return ratio(sums[part], sums[whole])

        return self._sums.figure(statistic)
