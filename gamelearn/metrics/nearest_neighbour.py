"""Whether a game repeats its training images: distances of generated images to the nearest of them. This file registers the metric."""

from math import hypot

import numpy as np
import torch
from numpy.typing import NDArray

from gamelearn.game import Game
from gamelearn.graph.model import Graph
from gamelearn.metrics.generated import Generation, title_of
from gamelearn.metrics.images import Array, FeatureSpace, ImageOptions, find_image, image_misfit, row_count
from gamelearn.metrics.metric import Block, Context, Figure, Metric, MetricResult
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import FeatureOptions


class NearestNeighbourOptions(ImageOptions):
    """The options of `nearest_neighbour`."""


@METRICS.register("nearest_neighbour", options=NearestNeighbourOptions)
class NearestNeighbour(Metric):
    """Distances of generated images to the nearest training image, beside those of images of the split, by source.

    The training images are those of all streams. Distances are Euclidean, of pixels and of features. `ratio` is the mean distance of generated images over that of the data's: well
    below 1, a game repeats its training images (or generates only what is common among them, which `coverage` tells).
    `copies` is the share of images with a training image that is equal in every pixel. An image of the training split is
    compared with all others. Standard errors are over images.

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
        shown, _ = space.data_rows(context.split, context.count or self._count)
        spaces = _Neighbours(game, space)
        real = spaces.distances(shown[variable.name], known=context.split == "train")
        blocks = []
        for source in sources:
            made = self._generation.rows(game, context, source, variable.name, row_count(shown), "nearest neighbour")
            found = spaces.distances(made[variable.name], known=False)
            blocks.append(Block(title_of(source, self._generation.chain(context)["sweeps"]), _figures(found, real)))
        blocks.append(Block("data", _figures(real, None)))
        facts = {"variable": variable.name, "features": space.name, "count": row_count(shown), "training_rows": spaces.rows}
        return MetricResult(tuple(blocks), (), {**facts, **self._generation.facts(game, context, sources)})


class _Neighbours:
    """All training images of all streams, by their pixels and by their features (once, where these are the pixels)."""

    def __init__(self, game: Game, space: FeatureSpace) -> None:
        self._space, name = space, space.variable.name
        pixels, features = [], []
        for images in game.streams().training_rows(name):
            pixels.append(_pixels(images.cpu().numpy()))
            if space.name != "pixels":
                features.append(space.features(images).astype(np.float32))
        self._known = {"pixels": np.concatenate(pixels), **({space.name: np.concatenate(features)} if features else {})}
        self.rows = len(self._known["pixels"])

    def distances(self, images: torch.Tensor, *, known: bool) -> dict[str, Array]:
        """Return the distance of each image to the nearest one, or where they are among the training images, to the nearest other one."""
        asked = {"pixels": _pixels(images.cpu().numpy()), self._space.name: self._space.features(images).astype(np.float32)}
        return {space: nearest_distances(asked[space], rows, known=known) for space, rows in self._known.items()}


def _pixels(values: Array) -> NDArray[np.float32]:
    return values.reshape(len(values), -1).astype(np.float32)


def nearest_distances(asked: NDArray[np.float32], rows: NDArray[np.float32], *, known: bool) -> Array:
    """Return the Euclidean distance of each vector to the nearest row.

    Args:
        asked: `(vectors, width)`.
        rows: `(rows, width)`.
        known: whether the vectors are among the rows: then the nearest one, itself or its equal, is left out.
    """
    from sklearn.neighbors import NearestNeighbors  # takes a second to load, so only where it is needed

    engine = NearestNeighbors(n_neighbors=2 if known else 1, algorithm="brute").fit(rows)
    nearest = engine.kneighbors(asked, return_distance=False)[:, -1]
    return np.linalg.norm(asked.astype(np.float64) - rows[nearest], axis=1)


def _figures(found: dict[str, Array], real: dict[str, Array] | None) -> dict[str, Figure]:
    figures: dict[str, Figure] = {}
    for space, distances in found.items():
        figures[f"distance in {space}"] = own = _mean(distances)
        if real is not None:
            figures[f"ratio in {space}"] = _ratio(own, _mean(real[space]))
    return {**figures, "copies": _mean((found["pixels"] == 0).astype(np.float64))}


def _mean(values: Array) -> Figure:
    return Figure(float(values.mean()), len(values), float(values.std(ddof=1) / len(values) ** 0.5))


def _ratio(own: Figure, real: Figure) -> Figure:
    """Return a ratio of independent means, its error to first order."""
    if not real.value:
        return Figure(float("inf") if own.value else 1.0, own.count)
    value = own.value / real.value
    return Figure(value, own.count, hypot(own.error or 0.0, value * (real.error or 0.0)) / real.value)
