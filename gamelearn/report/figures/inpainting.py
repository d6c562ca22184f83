"""Images with a hidden part: what a chain infers of them, and of all that is shown with them (Fig. 5 of the paper).

This file asks the questions, to draw the answers.
"""

from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from gamelearn.data.words import counted
from gamelearn.errors import EvidenceError, quoted
from gamelearn.game import Game
from gamelearn.graph.model import Graph, Sampler, Variable, unknown
from gamelearn.inference import SWEEPS, Inference, infer
from gamelearn.patterns import hidden_pattern
from gamelearn.report.figures.figure import Data, Figure, NotSupported, Request, Row, caption_of, chain_called, images_of, read_data, row_of
from gamelearn.report.pictures import Pixels, to_pixels

_SHARE = 3 / 8
_TILES = 16
_TILE_GREYS = (112, 160)


@dataclass(frozen=True)
class _Question:
    """An image with its stream, what is hidden of it, and what else the stream shows: to be inferred, or given since nobody draws it."""

    image: Variable
    stream: str
    pattern: str
    inferred: tuple[str, ...]
    given: tuple[str, ...]


def draw_inpainting(game: Game, request: Request) -> Figure:
    """Return rows: images with a hidden part, what is inferred of the other images beside their truth, the images made whole.

    Hidden parts are shown as tiles. Of label maps the classes of largest marginal probability are shown, of other images the
    means of their marginals.

    Raises:
        NotSupported: no image can be inferred.
        EvidenceError: what is to be hidden does not fit the image, or the sampler that is asked for does not fit.
        DataError: the data cannot be read.
    """
    question = _question(game.graph, request.hide)
    data = read_data(game, question.stream, request)
    hidden = hidden_pattern(question.pattern, question.image.shape, data.rows, seed=request.seed)
    found = _answer(game, question, data, hidden, request)
    images = images_of(game.graph)
    name = question.image.name
    visible = [_tiled(cell, mask) for cell, mask in zip(to_pixels(data.values[name], question.image), hidden, strict=True)]
    rows = [Row(f"{name}, a part hidden", tuple(visible))]
    for other in question.inferred:
        if other in images:
            rows.append(row_of(f"{other}, inferred", found.decided[other], images[other]))
            rows.append(row_of(f"{other}, truth", data.values[other], images[other]))
    rows.append(row_of(f"{name}, in-painted", _made_whole(found, question.image), question.image))
    rows.append(row_of(f"{name}, truth", data.values[name], question.image))
    return Figure(tuple(rows), _caption(game.graph, question, found, data, request), _columns(game.graph, question, found, data))


def _question(graph: Graph, hide: str | None) -> _Question:
    """Choose the image: the one that is named, else one that is no label map, and is shown with most other variables."""
    images = images_of(graph)
    name, equals, pattern = (hide or "").rpartition("=")
    drawn = {factor.target for player in graph.players.values() for factor in player.factors.values()}
    if equals and name not in graph.variables:
        raise EvidenceError(f"what is hidden: {unknown('variable', name, images)}")
    fitting = [
        (key, stream)
        for key, stream in graph.streams.items()
        if any(each in stream.variables and each in drawn for each in ([name] if equals else images))
    ]
    if (equals and name not in images) or not fitting:
        named = repr(name) if equals else "no variable"
        raise NotSupported(f"{named} is an image that a stream shows and a player draws; images: {quoted(images)}")
    stream, shown = max(fitting, key=lambda each: len(each[1].variables))
    candidates = [each for each in images if each in shown.variables and each in drawn]
    chosen = images[name] if equals else images[min(candidates, key=lambda each: images[each].type == "categorical")]
    others = [each for each in shown.variables if each != chosen.name]
    inferred, given = (tuple(each for each in others if (each in drawn) == wanted) for wanted in (True, False))
    return _Question(chosen, stream, pattern or _square(chosen), inferred, given)


def _square(image: Variable) -> str:
    return f"square:{max(1, round(min(image.shape[-2:]) * _SHARE))}"


def _answer(game: Game, question: _Question, data: Data, hidden: NDArray[np.bool_], request: Request) -> Inference:
    name = question.image.name
    given = {each: data.values[each] for each in (name, *question.given)}
    try:
        return infer(
            game,
            given,
            hide={name: hidden},
            want=[*question.inferred, name],
            sampler=request.sampler,
            sweeps=request.sweeps,
            seed=request.seed,
        )
    except EvidenceError as error:
        if request.sampler is not None or request.sweeps is not None:
            raise
        raise NotSupported(str(error)) from None


def _made_whole(found: Inference, image: Variable) -> torch.Tensor:
    return found.decided[image.name] if image.type == "categorical" else found.mean[image.name]


def _tiled(cell: Pixels, hidden: NDArray[np.bool_]) -> Pixels:
    """Return a picture with tiles of two greys where it is hidden."""
    height, width = hidden.shape[-2:]
    mask = hidden.reshape(-1, height, width).any(axis=0)
    side = max(1, min(height, width) // _TILES)
    tiles = (np.arange(height)[:, None] // side + np.arange(width) // side) % 2
    greys = np.array(_TILE_GREYS, np.uint8)[tiles]
    return np.where(np.expand_dims(mask, 2), greys[..., None], cell)


def _columns(graph: Graph, question: _Question, found: Inference, data: Data) -> tuple[str, ...]:
    """Return labels of the columns: what was inferred of single numbers beside the truth."""
    single = [name for name in question.inferred if graph.variables[name].elements == 1]
    return tuple(
        "\n".join(f"{name}: {found.decided[name][row].item():.3g} ({data.values[name][row].item():.3g})" for name in single)
        for row in range(data.rows if single else 0)
    )


def _caption(graph: Graph, question: _Question, found: Inference, data: Data, request: Request) -> str:
    chain = chain_called(graph, found.sampler)
    hidden = f"{question.image.name} with {question.pattern} hidden"
    told = f", {', '.join(question.given)} given" if question.given else ""
    others = ", ".join(name for name in question.inferred if found.decided.get(name) is not None)
    numbers = " (in brackets: the truth)" if any(graph.variables[name].elements == 1 for name in question.inferred) else ""
    what = f"{hidden}{told}: {f'{others}, and ' if others else ''}the hidden part inferred by {_chains(chain, request)}{numbers}."
    return caption_of(what, request, [f"{data.split} split", *found.warnings])


def _chains(chain: Sampler, request: Request) -> str:
    """Return which chains were run, for a caption."""
    sweeps = counted(request.sweeps or chain.sweeps or SWEEPS, "sweep")
    each = f"{counted(chain.chains, 'chain')} of {sweeps} each" if chain.chains > 1 else f"a chain of {sweeps}"
    return f"the sampler {chain.name!r}, {each}{f', after {chain.burn_in:,} of burn-in' if chain.burn_in else ''}"
