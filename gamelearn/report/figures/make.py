"""All figures of a game: those that it supports, drawn into a folder, and why not the others. This file draws them."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from gamelearn.errors import DataError, EvidenceError, GamelearnError, nearest, quoted
from gamelearn.game import Game
from gamelearn.report.figures.figure import Figure, NotSupported, Request
from gamelearn.report.figures.inpainting import draw_inpainting
from gamelearn.report.figures.reconstructions import draw_reconstructions
from gamelearn.report.figures.samples import draw_samples
from gamelearn.report.figures.save import save_figure
from gamelearn.report.figures.transfer import draw_transfer
from gamelearn.report.figures.tsne import draw_tsne

FIGURES: Mapping[str, Callable[[Game, Request], Figure]] = {
    "transfer": draw_transfer,
    "reconstructions": draw_reconstructions,
    "samples": draw_samples,
    "inpainting": draw_inpainting,
    "tsne": draw_tsne,
}
ON_REQUEST = frozenset({"tsne"})
"""The figures that take long, and are drawn only if they are named."""


@dataclass
class Drawn:
    """The files that were written, by figure, and why others were not."""

    paths: dict[str, Path] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)


def draw_figures(game: Game, folder: Path, request: Request, names: Sequence[str] | None = None) -> Drawn:
    """Draw figures into a folder, which is made if it is missing.

    Args:
        game: with its players and data.
        folder: where `transfer.png` and the others go.
        request: what is asked of every figure.
        names: some of `FIGURES`; by default all but those of `ON_REQUEST`.

    Returns:
        What was drawn. What the game does not support, or the data does not allow, is not drawn, with the reason.

    Raises:
        GamelearnError: a name is unknown, or a file cannot be written.
    """
    for name in names or ():
        if name not in FIGURES:
            hint = nearest(name, FIGURES)
            raise GamelearnError(f"unknown figure {name!r}; known: {quoted(FIGURES)}" + (f"; did you mean {hint!r}?" if hint else ""))
    drawn = Drawn()
    for name in dict.fromkeys([each for each in FIGURES if each not in ON_REQUEST] if names is None else names):
        try:
            figure = FIGURES[name](game, request)
        except (NotSupported, EvidenceError, DataError) as error:
            drawn.reasons[name] = str(error)
            continue
        drawn.paths[name] = save_figure(figure, folder / f"{name}.png")
    return drawn
