"""Which variables of a game are a label map with its image. This file finds them, among what the streams show."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from gamelearn.errors import quoted
from gamelearn.graph.model import Graph, Variable, unknown
from gamelearn.metrics.metric import Context, MetricError

if TYPE_CHECKING:
    from gamelearn.game import Game

ROWS = 64
"""How many images are held in memory at a time."""


@dataclass(frozen=True)
class Labelled:
    """A label map, the images that are shown with it, and the stream that shows them."""

    stream: str
    labels: Variable
    images: tuple[Variable, ...]

    @property
    def classes(self) -> int:
        """The number of classes."""
        return self.labels.classes or 2


def find_labelled(
    graph: Graph, *, variable: str | None = None, given: Sequence[str] | None = None, stream: str | None = None, drawn: bool
) -> Labelled:
    """Return the first label map that a stream shows together with images of its size.

    Args:
        graph: the game.
        variable: the label map, a categorical variable `(height, width)`.
        given: the images, binary or real variables `(height, width)` or `(colours, height, width)`; by default all that there are.
        stream: which shows them.
        drawn: whether some player has to draw the label map.

    Raises:
        MetricError: there is none.
    """
    for name in (*([variable] if variable else []), *(given or ())):
        if name not in graph.variables:
            raise MetricError(unknown("variable", name, graph.variables))
    if stream is not None and stream not in graph.streams:
        raise MetricError(unknown("stream", stream, graph.streams))
    targets = drawn_variables(graph)
    for found in _candidates(graph, given):
        if variable in (None, found.labels.name) and stream in (None, found.stream) and (found.labels.name in targets or not drawn):
            return found
    raise MetricError(_needs(graph, variable, given, stream, drawn))


def drawn_variables(graph: Graph) -> frozenset[str]:
    """Return the variables that some player draws."""
    return frozenset(factor.target for player in graph.players.values() for factor in player.factors.values())


def _candidates(graph: Graph, given: Sequence[str] | None) -> Iterator[Labelled]:
    for name, stream in graph.streams.items():
        shown = [graph.variables[each] for each in stream.variables]
        for labels in shown:
            if labels.type == "categorical" and len(labels.shape) == 2:
                images = tuple(each for each in shown if _is_image(each, labels.shape) and (given is None or each.name in given))
                if images and len(images) >= len(given or ()):
                    yield Labelled(name, labels, images)


def _is_image(variable: Variable, size: tuple[int, ...]) -> bool:
    return variable.type in ("binary", "real") and len(variable.shape) in (2, 3) and variable.shape[-2:] == size


def _needs(graph: Graph, variable: str | None, given: Sequence[str] | None, stream: str | None, drawn: bool) -> str:
    labels = f"a categorical variable of shape (height, width){' that a player draws' if drawn else ''}"
    image = "a binary or real image of its size, (height, width) or (colours, height, width)"
    asked = [
        *([f"variable {variable!r}"] if variable else []),
        *([f"given {quoted(given)}"] if given else []),
        *([f"stream {stream!r}"] if stream else []),
    ]
    what = f"needs a stream that shows {labels} together with {image}"
    shown = {name: None for each in graph.streams.values() for name in each.variables}
    has = "; ".join(_described(graph.variables[name]) for name in shown) or "nothing"
    return f"{what}{' (asked for: ' + ', '.join(asked) + ')' if asked else ''}; the streams of this game show {has}"


def _described(variable: Variable) -> str:
    classes = f" with {variable.classes} classes" if variable.classes else ""
    return f"{variable.name!r}, {variable.type}{classes} of shape {variable.shape}"


def read_blocks(
    game: "Game", stream: str, context: Context, title: str, *, count: int | None, split: str | None = None
) -> Iterator[tuple[int, dict[str, torch.Tensor]]]:
    """Yield the first rows of a split, block by block, each with the number of its first row; tell the progress after each.

    Args:
        game: its data is opened.
        stream: which is read, without data noise.
        context: its count goes over `count`.
        title: what is being done.
        count: how many rows; None for all.
        split: in place of the context's; then all its rows are read, whatever the context counts.

    Raises:
        DataError: the split has no rows, or cannot be read.
    """
    wanted = count if split else context.count or count
    first = 0
    for batch in game.streams().split(stream, split or context.split, rows=ROWS):
        rows = len(next(iter(batch.values())))
        taken = rows if wanted is None else min(rows, wanted - first)
        yield first, {name: value[:taken] for name, value in batch.items()}
        first += taken
        context.progress(title, first, wanted)
        if first == wanted:
            return
