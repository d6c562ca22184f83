"""Appearance transfer: images drawn with the hidden code of one pair and what is shown of another (Fig. 3 of the paper).

A factor `x | s, z` of an image `x` is sought, with a given `s` that a stream shows beside it, and a hidden given `z` that a player
draws from them. This file finds it, to draw the matrix.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import torch

from gamelearn.factor_draws import draw_factor
from gamelearn.game import Game
from gamelearn.graph.model import Factor, Graph, Player, Variable
from gamelearn.graph.resolve import ResolutionError, resolve_factors
from gamelearn.graph.symbols import Expanded
from gamelearn.report.figures.figure import Data, Figure, NotSupported, Request, Row, caption_of, hidden_variables, images_of, read_data
from gamelearn.report.pictures import to_pixels

_WANTED = (
    "a factor 'x | s, z' of an image 'x', with a given 's' that a stream shows together with 'x', and a hidden given 'z' that a player "
    "draws from 'x'"
)


@dataclass(frozen=True)
class Transfer:
    """A factor of an image, the stream that shows it with some of its givens, and the factors that draw the other ones from these."""

    image: Factor
    stream: str
    shown: tuple[str, ...]
    code: tuple[Factor, ...]


def draw_transfer(game: Game, request: Request) -> Figure:
    """Return a matrix: images at the left, what is shown of others on top, the image's code with the other's givens between.

    On the diagonal every code meets its own givens again.

    Raises:
        NotSupported: the game has no such factor.
        DataError: the data cannot be read.
    """
    found = find_transfer(game.graph)
    data = read_data(game, found.stream, request)
    made = _matrix(game, found, data, request.seed)
    variable = game.graph.variables[found.image.target]
    sources = to_pixels(data.values[variable.name], variable)
    columns, header = _columns(game.graph, found, data)
    rows = [Row("", (source, *to_pixels(made[index], variable))) for index, source in enumerate(sources)]
    return Figure((*header, *rows), _caption(found, data, request), ("", *columns) if columns else ())


def find_transfer(graph: Graph) -> Transfer:
    """Return the factor that fits best: of an image rather than a label map, with a given that is an image, declared first.

    Raises:
        NotSupported: none fits.
    """
    images = images_of(graph)
    found = list(_candidates(graph, images))
    if not found:
        factors = [str(factor) for player in graph.players.values() for factor in player.factors.values() if factor.target in images]
        raise NotSupported(f"no image can be drawn with the code of another: needed is {_WANTED}; factors of images: {', '.join(factors)}")
    return min(found, key=lambda each: (images[each.image.target].type == "categorical", not any(name in images for name in each.shown)))


def _candidates(graph: Graph, images: dict[str, Variable]) -> Iterator[Transfer]:
    hidden = hidden_variables(graph)
    for factor in (factor for player in graph.players.values() for factor in player.factors.values() if factor.target in images):
        codes = tuple(name for name in factor.givens if name in hidden)
        shown = tuple(name for name in factor.givens if name not in hidden)
        stream = next((name for name, each in graph.streams.items() if {factor.target, *shown} <= set(each.variables)), None)
        if codes and shown and stream is not None and (code := _code(graph, codes, (factor.target, *shown), hidden)):
            yield Transfer(factor, stream, shown, code)


def _code(graph: Graph, codes: tuple[str, ...], known: tuple[str, ...], hidden: set[str]) -> tuple[Factor, ...]:
    """Return factors of one player that draw codes from known variables, of which the first is read; none if nobody can."""
    givens = tuple(Expanded(name, name, 0, "known", 0) for name in known)
    for player in graph.players.values():
        own = tuple(dict.fromkeys(factor.target for factor in player.factors.values() if factor.target in hidden))
        for targets in (codes, own):
            found = _resolved(player, targets, givens) if set(codes) <= set(targets) else ()
            if any(known[0] in factor.givens for factor in found):
                return found
    return ()


def _resolved(player: Player, targets: tuple[str, ...], givens: tuple[Expanded, ...]) -> tuple[Factor, ...]:
    try:
        return resolve_factors(player, targets, givens)
    except ResolutionError:
        return ()


def _matrix(game: Game, found: Transfer, data: Data, seed: int) -> torch.Tensor:
    """Return the means of the image's factor: row i has the code of row i of the data, column j the givens of row j."""
    image, values = found.image, dict(data.values)
    distribution = game.players[image.player].distribution
    with torch.no_grad():
        for factor in found.code:
            values[factor.target] = draw_factor(game, factor, values, ("transfer",), data.rows, seed)
        made = []
        for column in range(data.rows):
            shown = {name: values[name][column].expand_as(values[name]) for name in found.shown}
            given = {name: shown[name] if name in shown else values[name] for name in image.givens}
            made.append(distribution(image.label, given, data.rows).mean())
    return torch.stack(made, dim=1)


def _columns(graph: Graph, found: Transfer, data: Data) -> tuple[list[str], list[Row]]:
    """Return labels of the columns where a given is a single number, and a row of pictures for every given that is an image."""
    images = images_of(graph)
    single = [name for name in found.shown if name not in images and graph.variables[name].elements == 1]
    labels = [", ".join(f"{name} = {data.values[name][row].item():g}" for name in single) for row in range(data.rows)] if single else []
    header = [Row("", (None, *to_pixels(data.values[name], images[name]))) for name in found.shown if name in images]
    return labels, header


def _caption(found: Transfer, data: Data, request: Request) -> str:
    codes, shown = ", ".join(factor.target for factor in found.code), ", ".join(found.shown)
    drawn = ", ".join(map(str, found.code))
    what = f"Mean of {found.image}: {codes} drawn from {drawn} for the image at the left, {shown} of the column's row of data."
    return caption_of(what, request, [f"{data.split} split"])
