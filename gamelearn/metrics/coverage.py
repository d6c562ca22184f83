"""Whether a game generates all classes of images: shares of a classifier's classes among generated images against the data's.

This file registers the metric.
"""

import numpy as np

from gamelearn.game import Game
from gamelearn.graph.model import Graph
from gamelearn.metrics.class_frequencies import factors, shares
from gamelearn.metrics.confusion import class_name
from gamelearn.metrics.generated import Generation, title_of
from gamelearn.metrics.images import Array, FeatureSpace, ImageOptions, find_image, image_misfit, row_count
from gamelearn.metrics.jackknife import GroupedSums, Sums, ratio
from gamelearn.metrics.metric import Block, Context, Figure, Metric, MetricResult, Table
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import FeatureOptions

_LEAST = 0.1


class CoverageOptions(ImageOptions):
    """The options of `coverage`."""


@METRICS.register("coverage", options=CoverageOptions)
class Coverage(Metric):
    """Shares of a classifier's classes among generated images, against those among images of the split, by source.

    The feature network has to tell classes apart; an image counts for its most probable class. `classes covered` is how many of the
    classes of the data have at least a tenth of their share there, `effective classes` the exponential of the entropy of the shares,
    `largest factor` by what factor the worst class is too frequent or too rare, `mean confidence` the mean of the largest probability:
    of images that are none of the classes it is low. Standard errors are over generated images; the data's shares are taken as they are.

    Args:
        variable: the image.
        features: the classifier.
        images: `decided` or `drawn`.
        sources: of generated images.
        sampler: of `limiting`.
        sweeps: of `limiting`.
        count: of images.
    """

    reads_chain = ("sampler", "sweeps")

    def __init__(
        self,
        *,
        variable: str | None,
        features: FeatureOptions | None,
        images: str,
        sources: tuple[str, ...] | None,
        sampler: str | None,
        sweeps: int,
        count: int,
    ) -> None:
        self._variable, self._features, self._count = variable, features, count
        self._generation = Generation(sources, sampler, sweeps, images == "decided")

    def misfit(self, graph: Graph) -> str | None:
        return image_misfit(graph, self._variable, self._features, self._generation, classes=True)

    def compute(self, game: Game, context: Context) -> MetricResult:
        variable, stream = find_image(game.graph, self._variable)
        space = FeatureSpace(game, variable, stream, self._features)
        sources = self._generation.sources_of(game.graph, variable.name)
        shown, _ = space.data_rows(context.split, context.count or self._count)
        data = _counts(space.probabilities(shown[variable.name]))
        blocks = []
        for source in sources:
            made = self._generation.rows(game, context, source, variable.name, row_count(shown), "coverage")
            counted = _counts(space.probabilities(made[variable.name]))
            title = title_of(source, self._generation.chain(context)["sweeps"])
            blocks.append(_block(title, counted, data.total[:-1], space.class_names))
        blocks.append(Block("data", _own_figures(data)))
        facts = {"variable": variable.name, "features": space.name, "count": row_count(shown)}
        return MetricResult(tuple(blocks), (), {**facts, **self._generation.facts(game, context, sources)})


def _counts(probabilities: Array) -> GroupedSums:
    """Return sums over images: how often each class is the most probable one, then its probability."""
    rows, classes = probabilities.shape
    values = np.zeros((rows, classes + 1))
    values[np.arange(rows), probabilities.argmax(1)] = 1
    values[:, -1] = probabilities.max(1)
    sums = GroupedSums((classes + 1,))
    sums.add(values)
    return sums


def _own_figures(counted: GroupedSums) -> dict[str, Figure]:
    return {
        "effective classes": counted.figure(lambda sums: effective_classes(sums[:-1])),
        "mean confidence": counted.figure(lambda sums: float(sums[-1] / sums[:-1].sum())),
    }


def effective_classes(counts: Sums) -> float:
    """Return the exponential of the entropy of shares: the number of equally frequent classes that are as diverse.

    >>> round(effective_classes(np.array([5.0, 5.0, 0.0])), 6)
    2.0
    """
    own = shares(counts)
    return float(np.exp(-(own[own > 0] * np.log(own[own > 0])).sum()))


def covered_classes(counts: Sums, data: Sums) -> int:
    """Return how many of the classes that the data have, have at least a tenth of their share there."""
    return int(((data > 0) & (shares(counts) >= _LEAST * shares(data))).sum())


def _block(title: str, counted: GroupedSums, data: Sums, names: tuple[str, ...]) -> Block:
    figures = {
        "classes covered": Figure(covered_classes(counted.total[:-1], data), counted.rows),
        **_own_figures(counted),
        "largest factor": counted.figure(lambda sums: float(factors(sums[:-1], data).max())),
        "total variation": counted.figure(lambda sums: float(np.abs(shares(sums[:-1]) - shares(data)).sum() / 2)),
    }
    rows = []
    for index, true in enumerate(shares(data).tolist()):
        own = counted.figure(lambda sums, index=index: float(shares(sums[:-1])[index]))  # type: ignore[misc]
        factor = ratio(own.value, true) if true or own.value else None
        rows.append((class_name(index, () if names[index] == str(index) else names), true, own.value, own.error, factor))
    return Block(title, figures, Table(("class", "share of data", "share of images", "±", "images / data"), tuple(rows)))
