"""Images of a game, of the data or generated, in the space of a feature network.

This file finds the variable with its features.
"""

from typing import Annotated, Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from pydantic import BeforeValidator, Field, SerializeAsAny

from gamelearn import noise
from gamelearn.data.binding import data_set_of
from gamelearn.errors import GamelearnError
from gamelearn.features.choice import NoFeatures, build_features, check_features, suitable_features
from gamelearn.features.network import Shape
from gamelearn.game import Game
from gamelearn.graph.model import Graph, Variable, unknown
from gamelearn.metrics.generated import GeneratedOptions, Generation
from gamelearn.metrics.label_maps import drawn_variables
from gamelearn.metrics.metric import MetricError
from gamelearn.registry import FEATURES
from gamelearn.sampling import Values
from gamelearn.spec.kinds import FeatureOptions, Name, feature_options

Array = NDArray[np.float64]
Features = Annotated[SerializeAsAny[FeatureOptions] | None, BeforeValidator(feature_options)]
_BLOCK = 512
_KEY = ("metrics", "rows of data")


class ImageOptions(GeneratedOptions):
    """The options of metrics of generated images."""

    variable: Name | None = None
    """The image: a binary or real variable, `(height, width)` or `(channels, height, width)`; by default the first that a stream shows
    and a player draws."""
    features: Features = None
    """The [feature network](#feature-networks); by default the one that is made for the variable's shape and data set."""
    images: Literal["decided", "drawn"] = "decided"
    """`decided`: the mean of the image's last conditional, of a binary variable cut at 1/2, as in the paper; `drawn`: a draw from it."""
    count: Annotated[int, Field(ge=2)] = 1000
    """How many images of the data, and as many of each source; fewer, if the split has fewer."""


def find_image(graph: Graph, variable: str | None) -> tuple[Variable, str]:
    """Return the image with the stream that shows it: of several, the one that shows the fewest variables.

    Raises:
        MetricError: there is none.
    """
    if variable is not None and variable not in graph.variables:
        raise MetricError(unknown("variable", variable, graph.variables))
    drawn = drawn_variables(graph)
    for each in (graph.variables[name] for stream in graph.streams.values() for name in stream.variables):
        if each.type in ("binary", "real") and len(each.shape) in (2, 3) and each.name in drawn and variable in (None, each.name):
            showing = [name for name, stream in graph.streams.items() if each.name in stream.variables]
            return each, min(showing, key=lambda name: len(graph.streams[name].variables))
    which = f"{variable!r} is none" if variable else "this game has none"
    shapes = "of shape (height, width) or (channels, height, width)"
    raise MetricError(f"needs an image, a binary or real variable {shapes} that a stream shows and a player draws; {which}")


def image_shape(variable: Variable) -> Shape:
    """Return channels, height and width of an image."""
    channels, height, width = variable.shape if len(variable.shape) == 3 else (1, *variable.shape)
    return channels, height, width


def find_features(graph: Graph, variable: Variable, stream: str, options: FeatureOptions | None, data_set: str | None = None) -> Any:
    """Return the options of the feature network for a variable.

    Args:
        graph: the game.
        variable: the image.
        stream: which shows it.
        options: of the one that is named.
        data_set: the type of the data set that was opened; by default the one that the spec names.

    Raises:
        MetricError: none suits.
    """
    shape = image_shape(variable)
    try:
        chosen = options or suitable_features(shape, data_set or graph.data_types.get(stream))
        check_features(chosen, shape)
    except NoFeatures as error:
        raise MetricError(str(error)) from None
    return chosen


def image_misfit(
    graph: Graph, variable: str | None, features: FeatureOptions | None, generation: Generation, *, classes: bool = False
) -> str | None:
    """Return what a metric of generated images needs that the game does not have; None if it fits.

    Args:
        graph: the game.
        variable: the image, as the metric's options name it.
        features: the feature network, as the options name it.
        generation: how images are generated.
        classes: whether the network has to tell classes apart.
    """
    try:
        image, stream = find_image(graph, variable)
        chosen = find_features(graph, image, stream, features)
        if classes and not FEATURES[chosen.type].build.class_names:  # type: ignore[attr-defined]
            return f"needs a feature network that tells classes apart; {chosen.type!r} does not"
        generation.sources_of(graph, image.name)
    except GamelearnError as error:
        return str(error)
    return None


class FeatureSpace:
    """The features of one image variable of a game.

    Args:
        game: its data is opened.
        variable: the image.
        stream: which shows it.
        options: of the feature network; None for the one that suits the data.

    Raises:
        MetricError: none suits.
    """

    def __init__(self, game: Game, variable: Variable, stream: str, options: FeatureOptions | None) -> None:
        chosen = find_features(game.graph, variable, stream, options, opened_type(game, stream))
        self.variable, self.name = variable, chosen.type
        self._game, self._stream, self._shape = game, stream, image_shape(variable)
        self.network = build_features(chosen).to(game.device)

    @property
    def class_names(self) -> tuple[str, ...]:
        """The names of the classes that the network tells apart."""
        return self.network.class_names

    def features(self, values: torch.Tensor) -> Array:
        """Return the features `(rows, width)` of values of the variable, `(rows, *shape)`, which are cut to the network's range."""
        return self._applied(self.network.features, values)

    def probabilities(self, values: torch.Tensor) -> Array:
        """Return the probabilities of the classes, `(rows, classes)`, of values as for `features`."""
        return self._applied(self.network.probabilities, values)

    def data_rows(self, split: str, count: int) -> tuple[Values, Values]:
        """Return rows of a split with other training rows, as the function `data_rows` does.

        Raises:
            MetricError: the split has fewer than two rows, or values that the network does not read.
            DataError: the split has no rows, or cannot be read.
        """
        found = data_rows(self._game, self._stream, split, count)
        if self.network.range:
            least, most = (float(part) for part in found[0][self.variable.name].aminmax())
            low, high = self.network.range
            if least < low or most > high:
                raise MetricError(
                    f"needs images with values from {low:g} to {high:g} for the feature network {self.name!r}, and {self.variable.name!r} has"
                    f" values from {least:.3g} to {most:.3g}: scale the data, or name other 'features' ('pixels' reads any)"
                )
        return found

    @torch.no_grad()
    def _applied(self, function: Any, values: torch.Tensor) -> Array:
        cut = values.clamp(*self.network.range) if self.network.range else values
        parts = [function(part.reshape(-1, *self._shape).float()).cpu() for part in cut.split(_BLOCK)]
        return torch.cat(parts).double().numpy()


def opened_type(game: Game, stream: str) -> str | None:
    """Return the type of the data set that a stream shows, the one that stands in where one does."""
    if game.checked is None:
        return None
    data = game.checked.spec.data
    name = data_set_of(data, data.streams[stream])
    return game.streams().taken.get(name) if name else None


def chosen_rows(game: Game, stream: str, split: str, count: int) -> Values:
    """Return rows of a split without data noise, always the same: those of the smallest keyed numbers, in their order.

    Fewer rows are the first of more; the seed of an evaluation has no part in it.

    Returns:
        By variable a tensor `(rows, *shape)`, of `count` rows or all that there are.

    Raises:
        DataError: the split has no rows, or cannot be read.
    """
    kept: Values = {}
    keys, first = torch.empty(0), 0
    for batch in game.streams().split(stream, split):
        rows = row_count(batch)
        keys = torch.cat([keys, noise.uniform((*_KEY, stream), rows, first_row=first)])
        first += rows
        order = keys.argsort(stable=True)[:count]
        kept = {name: torch.cat([kept[name], value])[order.to(value.device)] if kept else value[order] for name, value in batch.items()}
        keys = keys[order]
    return kept


def data_rows(game: Game, stream: str, split: str, count: int) -> tuple[Values, Values]:
    """Return rows of a split, with as many other training rows to compare them with, or as many as there are.

    Of the training split itself both are disjoint parts.

    Raises:
        MetricError: the split has fewer than two rows.
        DataError: the split has no rows, or cannot be read.
    """
    if split == "train":
        both = chosen_rows(game, stream, split, 2 * count)
        rows = count if row_count(both) == 2 * count else row_count(both) // 2
        found = _part(both, 0, rows), _part(both, rows, 2 * rows)
    else:
        shown = chosen_rows(game, stream, split, count)
        found = shown, chosen_rows(game, stream, "train", row_count(shown))
    if min(map(row_count, found)) < 2:
        raise MetricError(f"needs two images or more, of the split {split!r} and as many others of the training split")
    return found


def _part(values: Values, first: int, end: int) -> Values:
    return {name: value[first:end] for name, value in values.items()}


def row_count(values: Values) -> int:
    """Return how many rows there are."""
    return len(next(iter(values.values())))
