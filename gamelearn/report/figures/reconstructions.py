"""Data beside what a player makes of the hidden code of the same data (Fig. 4 of the paper, upper rows). This file draws it."""

from gamelearn.errors import DataError
from gamelearn.game import Game
from gamelearn.graph.model import Variable
from gamelearn.report.figures.figure import SPLITS, Figure, NotSupported, Request, Row, caption_of, images_of, row_of
from gamelearn.sampling import Reconstruction, reconstruct


def draw_reconstructions(game: Game, request: Request) -> Figure:
    """Return rows of data for every image, then rows of their reconstructions: means, of label maps draws.

    Raises:
        NotSupported: no term scores an image of the data given something drawn from it.
        DataError: the data cannot be read.
    """
    images = images_of(game.graph)
    found, split = _reconstructed(game, request)
    found = {name: found[name] for name in images if name in found}
    if not found:
        what = "no term is like 'E[stream(x), player(z | x)] log player(x | z)' with an image 'x'"
        raise NotSupported(f"nothing can be reconstructed: {what}")
    data = [row_of(f"{name}, data", each.data, images[name]) for name, each in found.items()]
    made = [_made(each, images[name]) for name, each in found.items()]
    factors = ", ".join(each.title.partition(": ")[2] for each in found.values())
    caption = caption_of(f"Data, then {factors} at codes drawn from the data.", request, [f"{split} split"])
    return Figure((*data, *made), caption)


def _made(found: Reconstruction, variable: Variable) -> Row:
    if variable.type == "categorical":
        return row_of(f"{variable.name}, drawn", found.drawn, variable)
    return row_of(f"{variable.name}, mean", found.mean, variable)


def _reconstructed(game: Game, request: Request) -> tuple[dict[str, Reconstruction], str]:
    splits = SPLITS if request.split is None else (request.split,)
    for split in splits[:-1]:
        try:
            return reconstruct(game, request.count, split=split, seed=request.seed), split
        except DataError:
            continue
    return reconstruct(game, request.count, split=splits[-1], seed=request.seed), splits[-1]
