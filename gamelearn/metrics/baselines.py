"""What a segmentation reaches without learning anything about shapes: from a pixel's position, its colour, or both.

This file registers the metric.
"""

from typing import Annotated

import torch
from pydantic import Field

from gamelearn.game import Game
from gamelearn.graph.model import Graph
from gamelearn.metrics.confusion import Confusion
from gamelearn.metrics.label_maps import Labelled, find_labelled, read_blocks
from gamelearn.metrics.metric import Block, Context, Metric, MetricError, MetricResult
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import MetricOptions, Name, Positive

_MOST_COUNTS = 2**25
_PRIOR = 0.5


class BaselinesOptions(MetricOptions):
    """The options of `baselines`."""

    variable: Name | None = None
    """The label map; by default the first that a stream shows with an image."""
    image: Name | None = None
    """The image; by default the first of its size that the stream shows with it."""
    stream: Name | None = None
    """The stream whose rows are segmented; by default the first that shows both."""
    levels: Annotated[int, Field(ge=2)] = 24
    """Into how many levels each colour, from 0 to 1, is divided."""
    count: Positive = 256
    """How many images are segmented, the first of the split (all, if it has fewer). The counts are those of all training images."""


@METRICS.register("baselines", options=BaselinesOptions)
class Baselines(Metric):
    """Accuracy and mean IoU of trivial segmentations, which any figure of a segmentation has to stand beside.

    They count, over the training split, how often each class c has each colour (values cut to 0 and 1, each channel in levels)
    and stands at each position. `position` decides for the most frequent class of the position, `colour` for that of the colour (of
    the training set, where the colour is new), `position and colour` for the largest of the naive Bayes probabilities

        p(c | position) p(colour | c)

    with 1/2 added to every count.

    Args:
        variable: the label map.
        image: with it.
        stream: which shows both.
        levels: of a colour.
        count: of images.
    """

    reads_chain = ()

    def __init__(self, *, variable: str | None, image: str | None, stream: str | None, levels: int, count: int) -> None:
        self._variable, self._image, self._stream, self._levels, self._count = variable, image, stream, levels, count

    def misfit(self, graph: Graph) -> str | None:
        try:
            self._find(graph)
        except MetricError as error:
            return str(error)
        return None

    def compute(self, game: Game, context: Context) -> MetricResult:
        found = self._find(game.graph)
        labels, image = found.labels.name, found.images[0].name
        counts = ClassCounts(found.classes, found.labels.shape, _channels(found), self._levels)
        for _, rows in read_blocks(game, found.stream, context, "baselines, counting", count=None, split="train"):
            counts.add(rows[image], rows[labels])
        deciders = {"position": counts.by_position, "colour": counts.by_colour, "position and colour": counts.by_both}
        confusions = {name: Confusion(found.classes) for name in deciders}
        for _, rows in read_blocks(game, found.stream, context, "baselines, deciding", count=self._count):
            for name, decide in deciders.items():
                confusions[name].add(rows[labels], decide(rows[image]).to(rows[labels].device))
        blocks = [Block(name, {"accuracy": each.accuracy(), "mean IoU": each.mean_iou()}) for name, each in confusions.items()]
        facts = {"levels": self._levels, "training_rows": counts.rows, "count": confusions["position"].rows}
        return MetricResult(tuple(blocks), (), facts)

    def _find(self, graph: Graph) -> Labelled:
        given = None if self._image is None else (self._image,)
        found = find_labelled(graph, variable=self._variable, given=given, stream=self._stream, drawn=False)
        size = self._levels ** _channels(found) * found.classes
        if size > _MOST_COUNTS:
            counts = f"{self._levels} 'levels' of {_channels(found)} channels and {found.classes} classes make {size:,} counts"
            raise MetricError(f"keeps at most {_MOST_COUNTS:,} counts; {counts}: set fewer levels")
        return found


def _channels(found: Labelled) -> int:
    image = found.images[0]
    return image.shape[0] if len(image.shape) == 3 else 1


class ClassCounts:
    """How often each class stands at each position, and has each colour.

    Args:
        classes: their number.
        size: height and width.
        channels: of the image.
        levels: of each channel.
    """

    def __init__(self, classes: int, size: tuple[int, ...], channels: int, levels: int) -> None:
        self.rows = 0
        self._classes, self._levels, self._channels = classes, levels, channels
        self._position = torch.zeros(classes, *size, dtype=torch.int64)
        self._colour = torch.zeros(levels**channels, classes, dtype=torch.int64)

    def add(self, image: torch.Tensor, labels: torch.Tensor) -> None:
        """Count images `(rows, channels, height, width)` or `(rows, height, width)` with label maps `(rows, height, width)`."""
        labels, colours = labels.cpu(), self._colours(image)
        self._position += torch.stack([(labels == each).sum(0) for each in range(self._classes)])
        pairs = (colours * self._classes + labels).flatten()
        self._colour += torch.bincount(pairs, minlength=self._colour.numel()).view_as(self._colour)
        self.rows += len(labels)

    def _colours(self, image: torch.Tensor) -> torch.Tensor:
        """Return the number of each pixel's colour, `(rows, height, width)`."""
        planes = image.cpu().reshape(len(image), self._channels, *image.shape[-2:])
        levels = (planes * self._levels).long().clamp(0, self._levels - 1)
        place = self._levels ** torch.arange(self._channels)
        return (levels * place.view(-1, 1, 1)).sum(1)

    def by_position(self, image: torch.Tensor) -> torch.Tensor:
        """Return the most frequent class of every position, `(rows, height, width)`."""
        return self._position.argmax(0).expand(len(image), -1, -1)

    def by_colour(self, image: torch.Tensor) -> torch.Tensor:
        """Return the most frequent class of every pixel's colour, of a new colour the most frequent of all."""
        best = torch.where(self._colour.sum(1) > 0, self._colour.argmax(1), self._colour.sum(0).argmax())
        return best[self._colours(image)]

    def by_both(self, image: torch.Tensor) -> torch.Tensor:
        """Return the class of largest naive Bayes probability."""
        colour = (self._colour + _PRIOR) / (self._colour.sum(0) + _PRIOR * len(self._colour))
        position = self._position + _PRIOR
        return (position.log() + colour.log()[self._colours(image)].movedim(-1, 1)).argmax(1)
