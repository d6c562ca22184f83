"""How far generated images are from images of the data, as sets. This file registers the metric."""

from gamelearn.game import Game
from gamelearn.graph.model import Graph
from gamelearn.metrics.frechet_distance import frechet_figure
from gamelearn.metrics.generated import Generation, title_of
from gamelearn.metrics.images import FeatureSpace, ImageOptions, find_image, image_misfit, row_count
from gamelearn.metrics.metric import Block, Context, Metric, MetricResult
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import FeatureOptions

_NAME = "Frechet distance"


class FrechetOptions(ImageOptions):
    """The options of `frechet`."""


@METRICS.register("frechet", options=FrechetOptions)
class Frechet(Metric):
    """The Frechet distance between features of generated images and of images of the split, by source.

    It is that between normal distributions with their means m and covariances S, in the features' unit squared:

        |m1 - m2|^2 + tr(S1) + tr(S2) - 2 tr((S1^(1/2) S2 S1^(1/2))^(1/2))

    Both sets have equally many images, those of the data always the same. At finite counts the distance is biased upwards: `real data`
    is that between the images of the split and as many others of the training data, which no source can be expected to undercut.
    Standard errors are over the images of both sets, by the delete-a-group jackknife with 20 groups.

    Args:
        variable: the image.
        features: the feature network.
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
        return image_misfit(graph, self._variable, self._features, self._generation)

    def compute(self, game: Game, context: Context) -> MetricResult:
        variable, stream = find_image(game.graph, self._variable)
        space = FeatureSpace(game, variable, stream, self._features)
        sources = self._generation.sources_of(game.graph, variable.name)
        shown, others = space.data_rows(context.split, context.count or self._count)
        real = space.features(shown[variable.name])
        blocks = []
        for source in sources:
            made = self._generation.rows(game, context, source, variable.name, row_count(shown), "Frechet distance")
            figure = frechet_figure(space.features(made[variable.name]), real)
            blocks.append(Block(title_of(source, self._generation.chain(context)["sweeps"]), {_NAME: figure}))
        blocks.append(Block("real data", {_NAME: frechet_figure(space.features(others[variable.name]), real)}))
        facts = {"variable": variable.name, "features": space.name, "count": row_count(shown), "real_count": row_count(others)}
        return MetricResult(tuple(blocks), (), {**facts, **self._generation.facts(game, context, sources)})
