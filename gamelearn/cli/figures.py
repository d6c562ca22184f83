"""The command `figures`. This file draws the paper's figures from a trained game."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gamelearn.cli.choices import Split, Weights, chosen, chosen_weights
from gamelearn.cli.data_progress import data_progress
from gamelearn.cli.guard import echo, say
from gamelearn.cli.options import DataPaths, Device, Plugins, Untrusted, data_paths
from gamelearn.cli.runs import find_run
from gamelearn.errors import GamelearnError

if TYPE_CHECKING:
    from gamelearn.game import Game
    from gamelearn.report.figures.make import Drawn
    from gamelearn.run import Run

FOLDER = "figures"


class FigureName(StrEnum):
    """The figures that there are."""

    transfer = "transfer"
    reconstructions = "reconstructions"
    samples = "samples"
    inpainting = "inpainting"
    tsne = "tsne"


ON_REQUEST = (FigureName.tsne,)
"""The figures that are drawn only if they are named."""


def figures(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or a game's name below runs/ (its newest run).")],
    figure: Annotated[
        list[str] | None,
        typer.Option(
            "--figure",
            metavar="NAME",
            help="transfer, reconstructions, samples, inpainting or tsne; may be repeated.  [default: all that fit, but tsne]",
        ),
    ] = None,
    split: Annotated[
        str | None,
        typer.Option("--split", metavar="SPLIT", help="Whose data: train, validation or test.  [default: validation, else train]"),
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How many columns.")] = 8,
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal figures.")] = 0,
    hide: Annotated[
        str | None,
        typer.Option("--hide", metavar="[VARIABLE=]PATTERN", help="What inpainting hides, such as square:24, left, random:0.5."),
    ] = None,
    sampler: Annotated[str | None, typer.Option("--sampler", help="The chain of samples, inpainting and tsne.")] = None,
    sweeps: Annotated[int | None, typer.Option("--sweeps", min=1, help="Of that chain.  [default: 100; inpainting: the sampler's]")] = None,
    variable: Annotated[
        list[str] | None,
        typer.Option("--variable", metavar="NAME", help="What tsne embeds; may be repeated.  [default: each hidden variable by itself]"),
    ] = None,
    points: Annotated[int | None, typer.Option("--points", min=2, help="How many codes of each kind tsne embeds.  [default: 300]")] = None,
    perplexity: Annotated[float | None, typer.Option("--perplexity", min=1.0, help="Of tsne.  [default: 30]")] = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where to.  [default: RUN/figures]")] = None,
    checkpoint: Annotated[
        int | None, typer.Option("--checkpoint", metavar="ROUND", min=0, help="Which one.  [default: the newest]")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="WHICH", help="ema (averaged) or last.  [default: averaged, where there are any]")
    ] = None,
    device: Device = None,
    plugin: Plugins = None,
    data: DataPaths = None,
    untrusted: Untrusted = False,
) -> None:
    """Draw the paper's figures from a trained game, as PNG sheets.

    transfer: images drawn with the code of one row of data and what is shown of another (Fig. 3). reconstructions: data beside what
    the players make of its code (Fig. 4). samples: joint draws of a chain at its limit (Fig. 4). inpainting: what is inferred of
    images with a hidden part (Fig. 5). tsne: codes from the prior, from data, at the limit of a chain, embedded together (Fig. 10).

    \b
    gamelearn figures celeba-seg
    gamelearn figures celeba-seg --figure inpainting --hide square:24 --split test
    gamelearn figures runs/celeba-seg/2 --figure samples --sweeps 1000 --count 10 --seed 1
    gamelearn figures digits-vae --figure tsne --variable z1 --points 500 --split train
    """
    where = None if split is None else str(chosen(Split, "split", split))
    names = [str(chosen(FigureName, "figure", each)) for each in figure] if figure else None
    which = chosen_weights(weights)
    from gamelearn.report.figures.figure import Request
    from gamelearn.report.figures.make import draw_figures
    from gamelearn.run import Run
    from gamelearn.train.device import choose_device

    opened = Run(find_run(run, untrusted=untrusted), say=say)
    taken: Literal["ema", "last"] | None = None if which is None else "ema" if which == Weights.ema else "last"
    options = {"device": choose_device(device), "plugins": plugin or (), "untrusted": untrusted, "data": data_paths(data)}
    game, origin = game_of(opened, checkpoint, taken, **options)
    request = Request(
        count=count,
        seed=seed,
        split=where,
        hide=hide,
        sampler=sampler,
        sweeps=sweeps,
        variables=tuple(dict.fromkeys(variable or ())),
        points=points,
        perplexity=perplexity,
        origin=origin,
    )
    tell(draw_figures(game, out or opened.path / FOLDER, request, names), asked=bool(names))


def game_of(run: "Run", checkpoint: int | None, weights: Literal["ema", "last"] | None, **options: Any) -> "tuple[Game, str]":
    """Return the game of a run's checkpoint, with the words for its captions; absent data that another stands in for is said."""
    state = run.state(checkpoint)
    game = run.game(state, weights=weights, **options)
    with data_progress():
        notices = game.streams().notices if game.graph.streams else ()
    for notice in notices:
        say(f"NOTICE: {notice}")
    averaged = ", averaged weights" if state.averages and weights != "last" else ""
    return game, f"{game.graph.name}, round {state.progress.round}{averaged}"


def tell(drawn: "Drawn", *, asked: bool) -> None:
    """Print the files, then why other figures were not drawn.

    Args:
        drawn: what was drawn.
        asked: whether the figures were asked for by name, so that each that is not drawn is an error.

    Raises:
        GamelearnError: nothing was drawn, or not all that was asked for.
    """
    for path in drawn.paths.values():
        echo(str(path))
    reasons = "\n".join(f"not drawn: {name}: {reason}" for name, reason in drawn.reasons.items())
    if drawn.reasons and (asked or not drawn.paths):
        raise GamelearnError(reasons)
    if reasons:
        say(reasons)
