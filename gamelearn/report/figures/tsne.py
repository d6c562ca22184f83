"""Embeddings of hidden variables: codes drawn from the prior, from data, at the limit of a chain (Figs 2 and 10 of the paper).

For each variable all codes are embedded together by t-SNE (van der Maaten and Hinton, "Visualizing data using t-SNE", 2008), in one panel
for each kind of code, coloured by class. This file draws the panels.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import matplotlib
import numpy as np
import torch
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as Canvas
from matplotlib.lines import Line2D
from numpy.typing import NDArray

from gamelearn import noise
from gamelearn.game import Game
from gamelearn.graph.model import Variable
from gamelearn.report.curves import plain_text
from gamelearn.report.figures.codes import Codes, draw_codes
from gamelearn.report.figures.figure import Figure, NotSupported, Request, Row, caption_of
from gamelearn.report.pictures import Pixels, palette

_PERPLEXITY = 30.0
_POINTS = 300
_PANEL = (3.6, 3.6)
_DPI = 100
_LEGEND_ROWS = 14
_GREY = (150, 150, 150)
_ROOM = 3  # the perplexity is about a number of neighbours: with fewer points all are neighbours of all


@dataclass(frozen=True)
class Space:
    """What the codes of some variables are as vectors, and which distance is between them."""

    vectors: Mapping[str, NDArray[np.float32]]
    metric: str


def draw_tsne(game: Game, request: Request) -> Figure:
    """Return a row for each hidden variable: panels of the prior, of data, of the limiting distribution, embedded together.

    Raises:
        NotSupported: no player draws hidden variables from data, or there are too few codes.
        EvidenceError: a variable that is asked for is not hidden, or unknown; or the sampler does not fit.
        DataError: the data cannot be read.
    """
    count = request.points or _POINTS
    codes = draw_codes(game, request, count)
    perplexity = request.perplexity or _PERPLEXITY
    total = sum(len(next(iter(kind.values()))) for kind in codes.kinds.values())
    if total < _ROOM * perplexity:
        raise NotSupported(f"{total} codes are too few for a perplexity of {perplexity:g}: take {_ROOM} times as many, or a lower one")
    rows: list[Row] = []
    for title, names in codes.rows.items():
        space = space_of({kind: {name: values[name] for name in names} for kind, values in codes.kinds.items()}, game.graph.variables)
        classes = classes_of(codes, space)
        embedded = embed(space, perplexity, request.seed)
        limits = _limits(list(embedded.values()))
        panels = [_panel(embedded[kind], classes[kind], len(codes.classes), limits) for kind in codes.kinds]
        rows.append(Row(title, (*panels, _legend(codes.classes) if codes.classes and not rows else None)))
    return Figure(tuple(rows), _caption(codes, request, perplexity), (*codes.kinds, "classes" if codes.classes else ""))


def space_of(codes: Mapping[str, Mapping[str, torch.Tensor]], variables: Mapping[str, Variable]) -> Space:
    """Return codes as vectors, classes one-hot; the distance is Hamming's unless a variable is real or a count.

    Args:
        codes: by kind and variable `(count, *shape)`.
        variables: of the game.

    Returns:
        By kind `(count, width)`.
    """
    names = next(iter(codes.values()))
    discrete = all(variables[name].type in ("binary", "categorical") for name in names)
    vectors = {
        kind: np.concatenate([_flat(value, variables[name]) for name, value in values.items()], axis=1) for kind, values in codes.items()
    }
    return Space(vectors, "hamming" if discrete else "euclidean")


def _flat(values: torch.Tensor, variable: Variable) -> NDArray[np.float32]:
    array = values.detach().cpu()
    if variable.type == "categorical":
        array = torch.nn.functional.one_hot(array, variable.classes or 2)
    return np.asarray(array.reshape(len(array), -1).float().numpy(), np.float32)


def classes_of(codes: Codes, space: Space) -> dict[str, NDArray[np.int64]]:
    """Return the class of every code, -1 where it has none.

    It is the code's own where the sample has one; else what a classifier says of the image that was drawn with it; else that of the
    nearest code of data.

    Args:
        codes: with the classes of the data.
        space: the codes as vectors, with their distance.

    Returns:
        By kind `(count)`.
    """
    data, labels = space.vectors[codes.data], codes.labels[codes.data]
    known = labels >= 0
    found = {}
    for kind, vectors in space.vectors.items():
        if kind in codes.labels:
            found[kind] = codes.labels[kind]
        elif kind in codes.judged:
            found[kind] = codes.judged[kind]
        elif known.any():
            found[kind] = labels[known][nearest_rows(vectors, data[known], space.metric)]
        else:
            found[kind] = np.full(len(vectors), -1)
    return found


def nearest_rows(vectors: NDArray[np.float32], others: NDArray[np.float32], metric: str) -> NDArray[np.int64]:
    """Return for every vector the number of the nearest of the others, the first of several that are equally near."""
    from sklearn.metrics import pairwise_distances_argmin

    return np.asarray(pairwise_distances_argmin(vectors, others, metric=metric), np.int64)


def embed(space: Space, perplexity: float, seed: int) -> dict[str, NDArray[np.float32]]:
    """Return the embedding of all vectors in the plane, by kind `(count, 2)`; equal seeds give equal ones."""
    from sklearn.manifold import TSNE

    joined = np.concatenate(list(space.vectors.values()))
    state = noise.integer(("tsne", seed)) % 2**32
    method = TSNE(metric=space.metric, perplexity=perplexity, init="random", random_state=state)
    ends = np.cumsum([len(each) for each in space.vectors.values()])[:-1]
    return dict(zip(space.vectors, np.split(method.fit_transform(joined), ends), strict=True))


def _limits(parts: Sequence[NDArray[np.float32]]) -> tuple[float, float]:
    """Return the least and the largest coordinate, with a margin, so that all panels have one scale."""
    joined = np.concatenate(parts)
    margin = 0.03 * float(np.ptp(joined)) or 1.0
    return float(joined.min()) - margin, float(joined.max()) + margin


def _panel(points: NDArray[np.float32], classes: NDArray[np.int64], count: int, limits: tuple[float, float]) -> Pixels:
    """Return points as a picture, coloured by class; those of no class are grey."""
    canvas = Canvas(figsize=_PANEL, dpi=_DPI)
    axes = canvas.add_axes((0.01, 0.01, 0.98, 0.98))
    axes.scatter(points[:, 0], points[:, 1], s=10, c=_colours_of(count)[classes], linewidths=0)
    axes.set(xlim=limits, ylim=limits, xticks=[], yticks=[])
    return _pixels(canvas)


def _colours_of(count: int) -> NDArray[np.float64]:
    """Return a colour for each class, then one for none."""
    many = palette(count + 1)[1:] / 255
    few = np.array(matplotlib.colormaps["tab10"].colors)[:count]  # type: ignore[attr-defined]
    return np.concatenate([few if count <= len(few) else many, np.array([_GREY]) / 255])


def _legend(names: Sequence[str]) -> Pixels:
    """Return a picture that tells which colour is which class."""
    canvas = Canvas(figsize=_PANEL, dpi=_DPI)
    handles = [Line2D([], [], color=colour, marker="o", linestyle="") for colour in _colours_of(len(names))[:-1]]
    canvas.legend(
        handles, [plain_text(name) for name in names], loc="upper left", frameon=False, ncols=1 + (len(names) - 1) // _LEGEND_ROWS
    )
    return _pixels(canvas)


def _pixels(canvas: Canvas) -> Pixels:
    drawn = FigureCanvasAgg(canvas)
    drawn.draw()
    return np.ascontiguousarray(np.asarray(drawn.buffer_rgba())[..., :3])


def _caption(codes: Codes, request: Request, perplexity: float) -> str:
    distance = f"t-SNE of all panels of a row together, perplexity {perplexity:g}"
    what = f"{distance}. {'. '.join(codes.facts)}. {_colours(codes)}"
    return caption_of(what, request, [f"{codes.split} split"])


def _colours(codes: Codes) -> str:
    if codes.field is None:
        return "The data set has no classes to colour by."
    rest = [kind for kind in codes.kinds if kind not in codes.labels]
    own = f"of {' and '.join(kind for kind in codes.kinds if kind in codes.labels)} their own"
    judged = ", ".join(kind for kind in rest if kind in codes.judged)
    others = " and ".join(kind for kind in rest if kind not in codes.judged)
    parts = [own]
    if judged:
        parts.append(f"of {judged.replace(', ', ' and ')} that of the image drawn with the code, by {codes.classifier}")
    if others:
        parts.append(f"of {others} that of the nearest code of data")
    return f"Colours are classes {codes.field!r}: {', '.join(parts)}."
