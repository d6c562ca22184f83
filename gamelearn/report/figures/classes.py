"""Classes of generated images: what a feature network that tells classes apart says of them. This file asks the network."""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from gamelearn.game import Game
from gamelearn.graph.model import Variable
from gamelearn.metrics.images import FeatureSpace, find_image, opened_type
from gamelearn.metrics.metric import MetricError

_HALF = 0.5


@dataclass(frozen=True)
class Judge:
    """A classifier of the images of one variable; its classes are those of the data set, in their order.

    Attributes:
        space: the feature network with the variable.
        class_names: as the data set calls its classes, or where it only numbers them, as the classifier does.
    """

    space: FeatureSpace
    class_names: tuple[str, ...]

    @property
    def variable(self) -> Variable:
        """The image."""
        return self.space.variable

    @property
    def name(self) -> str:
        """The name of the feature network."""
        return self.space.name

    def classes(self, means: torch.Tensor) -> NDArray[np.int64]:
        """Return the most probable classes, `(count)`, of images given by their expectations, `(count, *shape)`; bits are cut at 1/2."""
        images = (means > _HALF).to(means.dtype) if self.variable.type == "binary" else means
        return np.asarray(self.space.probabilities(images).argmax(1), np.int64)


def find_judge(game: Game, stream: str, classes: tuple[str, ...]) -> Judge | None:
    """Return the classifier that is made for the images that a stream shows, as `frechet` chooses its features.

    Args:
        game: with its data.
        stream: which shows the images.
        classes: the names of the classes of the stream's data set.

    Returns:
        None where the stream shows no image, no network suits it, or the one that does tells other classes apart.
    """
    for name in game.graph.streams[stream].variables:
        try:
            variable, _ = find_image(game.graph, name)
            space = FeatureSpace(game, variable, stream, None)
        except MetricError:
            continue
        names = common_names(space, classes, opened_type(game, stream))
        return Judge(space, names) if names else None
    return None


def common_names(space: FeatureSpace, classes: tuple[str, ...], data_set: str | None) -> tuple[str, ...]:
    """Return the names of the classes if the network's are those of the data set, else nothing."""
    if space.class_names == classes:
        return classes
    are_numbered = classes == tuple(map(str, range(len(space.class_names))))
    return space.class_names if are_numbered and data_set in space.network.data_sets else ()
