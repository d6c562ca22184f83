"""Whether a game dreams of all classes as often as they occur: class frequencies of the chain's samples against the data's.

This file registers the metric.
"""

from collections.abc import Sequence

import numpy as np
import torch

from gamelearn.data.words import counted
from gamelearn.errors import EvidenceError
from gamelearn.game import Game
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.graph.model import Graph, Variable, unknown
from gamelearn.metrics.confusion import class_name
from gamelearn.metrics.jackknife import GroupedSums, Sums, ratio
from gamelearn.metrics.label_maps import ROWS, drawn_variables, read_blocks
from gamelearn.metrics.metric import Block, Context, Figure, Metric, MetricError, MetricResult, Table
from gamelearn.registry import METRICS
from gamelearn.sampling import limiting
from gamelearn.spec.kinds import MetricOptions, Name, Positive

_FACTOR = 2.0


class ClassFrequenciesOptions(MetricOptions):
    """The options of `class_frequencies`."""

    variable: Name | None = None
    """A categorical variable; by default the first that a stream shows and a player draws."""
    sampler: Name | None = None
    """The sampler, or `automatic`; by default the last declared one, else the automatic one."""
    sweeps: Positive = 100
    """How many sweeps each chain makes."""
    after: str | None = None
    """With which half-step it ends: `end`, `mixture`, or a draw of its sweep; by default as the sampler says."""
    count: Positive = 256
    """How many samples, each from a chain of its own."""


@METRICS.register("class_frequencies", options=ClassFrequenciesOptions)
class ClassFrequencies(Metric):
    """Class shares of samples of a Gibbs chain against those of the data, with the ratio for every class.

    A share is that of all elements of the variable. The data are all rows of the training split. Factors are those of the classes that
    occur there; one that the samples lack is infinitely too rare. The share of the samples that is of other classes is told apart.

    Args:
        variable: a categorical one.
        sampler: of the chain.
        sweeps: of each chain.
        after: the half-step with which it ends.
        count: of samples.
    """

    uses_split = False
    reads_chain = ("sampler", "sweeps")

    def __init__(self, *, variable: str | None, sampler: str | None, sweeps: int, after: str | None, count: int) -> None:
        self._variable, self._sampler, self._sweeps, self._after, self._count = variable, sampler, sweeps, after, count

    def misfit(self, graph: Graph) -> str | None:
        try:
            variable, _ = self._find(graph)
            choose_sampler(graph, self._sampler, want={variable.name})
        except (MetricError, EvidenceError) as error:
            return str(error)
        return None

    def compute(self, game: Game, context: Context) -> MetricResult:
        variable, stream = self._find(game.graph)
        sampler, sweeps = context.chain.get("sampler", self._sampler), context.chain.get("sweeps", self._sweeps)
        chosen = choose_sampler(game.graph, sampler, want={variable.name}).sampler
        count = context.count or self._count
        data, samples = GroupedSums((variable.classes or 2,)), GroupedSums((variable.classes or 2,))
        for _, rows in read_blocks(game, stream, context, "class frequencies, data", count=None, split="train"):
            data.add(_counts(rows[variable.name], variable))
        for first in range(0, count, ROWS):
            drawn = limiting(
                game, min(ROWS, count - first), sampler=chosen.name, sweeps=sweeps, after=self._after, seed=context.seed, first_row=first
            )
            samples.add(_counts(drawn[variable.name], variable))
            context.progress("class frequencies, samples", samples.rows, count)
        title = f"{variable.name} after {counted(sweeps, 'sweep')}"
        used = {"sampler": chosen.name, "sweeps": sweeps, "after": self._after or chosen.after, "count": count}
        facts = {"variable": variable.name, **used, "data_rows": data.rows}
        block = _block(title, data, samples, game.streams().class_names(stream, variable.name))
        return MetricResult((block,), (_verdict(data.total, samples.total),), facts)

    def _find(self, graph: Graph) -> tuple[Variable, str]:
        if self._variable is not None and self._variable not in graph.variables:
            raise MetricError(unknown("variable", self._variable, graph.variables))
        drawn = drawn_variables(graph)
        for name, stream in graph.streams.items():
            for variable in (graph.variables[each] for each in stream.variables):
                if variable.type == "categorical" and variable.name in drawn and self._variable in (None, variable.name):
                    return variable, name
        which = f"{self._variable!r} is none" if self._variable else "this game has none"
        raise MetricError(f"needs a categorical variable that a stream shows and a player draws; {which}")


def _counts(values: torch.Tensor, variable: Variable) -> Sums:
    """Return how often each class occurs in each row, `(rows, classes)`."""
    classes, rows = variable.classes or 2, len(values)
    index = torch.arange(rows, device=values.device)[:, None] * classes + values.reshape(rows, -1)
    return torch.bincount(index.flatten(), minlength=rows * classes).view(rows, classes).cpu().double().numpy()


def _block(title: str, data: GroupedSums, samples: GroupedSums, names: Sequence[str]) -> Block:
    true = shares(data.total)
    figures = {
        "largest factor": samples.figure(lambda sums: float(factors(sums, data.total).max())),
        "classes within a factor of two": Figure(float((factors(samples.total, data.total) <= _FACTOR).sum()), samples.rows),
        "share of other classes": samples.figure(lambda sums: float(shares(sums)[data.total == 0].sum())),
        "total variation": samples.figure(lambda sums: float(np.abs(shares(sums) - true).sum() / 2)),
    }
    occurring = np.flatnonzero(data.total + samples.total).tolist()
    rows = tuple(_row(class_name(index, names), index, samples, float(true[index])) for index in occurring)
    return Block(title, figures, Table(("class", "share of data", "share of samples", "±", "samples / data"), rows))


def _row(name: str, index: int, samples: GroupedSums, share: float) -> tuple[str | float | None, ...]:
    own = samples.figure(lambda sums: float(shares(sums)[index]))
    return (name, share, own.value, own.error, ratio(own.value, share))


def shares(counts: Sums) -> Sums:
    """Return the share of every class."""
    return counts / counts.sum()


def factors(samples: Sums, data: Sums) -> Sums:
    """Return by what factor each class that the data have is too frequent or too rare in the samples, at least 1.

    Args:
        samples: counts by class.
        data: counts by class.
    """
    own, true = shares(samples)[data > 0], shares(data)[data > 0]
    with np.errstate(divide="ignore"):
        return np.maximum(own / true, true / own)


def _verdict(data: Sums, samples: Sums) -> str:
    off, of = int((factors(samples, data) > _FACTOR).sum()), int((data > 0).sum())
    which = f"{off} of {counted(of, 'class', 'classes')} {'is' if off == 1 else 'are'} not" if off else "the only class is"
    return f"{which if off or of == 1 else f'all {of} classes are'} within a factor of two of the data"
