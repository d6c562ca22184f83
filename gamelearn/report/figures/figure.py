"""What a figure is: rows of pictures with their labels, and a caption that says where they come from.

This file defines figures with what is asked of them.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from gamelearn.errors import DataError, GamelearnError, quoted
from gamelearn.game import Game
from gamelearn.graph.model import Graph, Sampler, Variable
from gamelearn.graph.samplers import automatic_sampler
from gamelearn.report.pictures import Pixels, image_variables, to_pixels
from gamelearn.sampling import first_rows

SPLITS = ("validation", "train")
"""Where data comes from if nothing is said: the first that has rows."""


class NotSupported(GamelearnError):
    """A figure that a game does not have; the message says what the game lacks."""


@dataclass(frozen=True, kw_only=True)
class Request:
    """What is asked of every figure.

    Attributes:
        count: how many columns; of a matrix also how many rows.
        seed: of all noise.
        split: `train`, `validation` or `test`; None for validation, or train where that has no rows.
        hide: `[VARIABLE=]PATTERN`, what the in-painting hides; None for a square in the middle.
        sampler: the chain; None for the one that fits.
        sweeps: of the chain; None for the figure's own number.
        variables: the hidden variables or groups that t-SNE embeds; empty for every one, each by itself.
        points: how many codes of each kind t-SNE embeds; None for the figure's own number.
        perplexity: of t-SNE; None for the figure's own.
        origin: a few words about the game and its checkpoint, for the caption.
    """

    count: int = 8
    seed: int = 0
    split: str | None = None
    hide: str | None = None
    sampler: str | None = None
    sweeps: int | None = None
    variables: tuple[str, ...] = ()
    points: int | None = None
    perplexity: float | None = None
    origin: str = ""


@dataclass(frozen=True)
class Row:
    """A row of pictures, each `(height, width, 3)`; None leaves a place empty."""

    label: str
    cells: tuple[Pixels | None, ...]


@dataclass(frozen=True)
class Figure:
    """A figure: `columns` is empty or has a label for each cell of the longest row."""

    rows: tuple[Row, ...]
    caption: str
    columns: tuple[str, ...] = ()


@dataclass(frozen=True)
class Data:
    """Rows of a split, by variable, each `(rows, *shape)`."""

    values: dict[str, torch.Tensor]
    split: str

    @property
    def rows(self) -> int:
        """How many there are."""
        return len(next(iter(self.values.values())))


def row_of(label: str, values: torch.Tensor, variable: Variable) -> Row:
    """Return a row of pictures of values, `(count, *shape)`, or of class probabilities, `(count, classes, *shape)`."""
    return Row(label, tuple(to_pixels(values, variable)))


def read_data(game: Game, stream: str, request: Request) -> Data:
    """Return the first rows of a stream, without data noise.

    Raises:
        DataError: the split that is asked for has no rows, or none has; or the data cannot be read.
    """
    splits = SPLITS if request.split is None else (request.split,)
    for split in splits[:-1]:
        try:
            return Data(first_rows(game, stream, request.count, split), split)
        except DataError:
            continue
    return Data(first_rows(game, stream, request.count, splits[-1]), splits[-1])


def images_of(graph: Graph) -> dict[str, Variable]:
    """Return the variables that are images.

    Raises:
        NotSupported: there is none.
    """
    found = image_variables(graph)
    if not found:
        raise NotSupported(f"no variable of {graph.name!r} is an image; its variables: {quoted(graph.variables)}")
    return found


def hidden_variables(graph: Graph) -> set[str]:
    """Return the variables that no stream shows."""
    shown = {name for stream in graph.streams.values() for name in stream.variables}
    return set(graph.variables) - shown


def chain_called(graph: Graph, name: str) -> Sampler:
    """Return the chain of this name, which is a sampler's or the automatic one's."""
    return graph.samplers[name] if name in graph.samplers else automatic_sampler(graph)


def caption_of(what: str, request: Request, facts: Sequence[str]) -> str:
    """Return a caption: what is shown, then where it comes from.

    >>> caption_of("x | z at drawn codes.", Request(seed=3, origin="digits, round 10"), ["test split"])
    'x | z at drawn codes. From digits, round 10; test split; seed 3.'
    """
    parts = [*([request.origin] if request.origin else []), *facts, f"seed {request.seed}"]
    return f"{what} From {'; '.join(parts)}."
