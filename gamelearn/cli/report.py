"""The command `report`. This file writes a run's page."""

from pathlib import Path
from typing import Annotated

import typer

from gamelearn.cli.figures import FOLDER, ON_REQUEST, FigureName, game_of
from gamelearn.cli.guard import echo, say
from gamelearn.cli.options import DataPaths, Device, Plugins, Untrusted, data_paths
from gamelearn.cli.runs import find_run
from gamelearn.errors import GamelearnError


def report(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or a game's name below runs/ (its newest run).")],
    figures: Annotated[bool, typer.Option("--figures/--no-figures", help="Draw the figures that are not there yet, or do not.")] = True,
    out: Annotated[Path | None, typer.Option("--out", metavar="FILE", help="Where to.  [default: RUN/report.html]")] = None,
    device: Device = None,
    plugin: Plugins = None,
    data: DataPaths = None,
    untrusted: Untrusted = False,
) -> None:
    """Write all about a run into one HTML page that needs no other file: the game, curves, pictures, figures, evaluations.

    What the run does not have is said on the page. Figures that are there are shown as they are: draw them anew by the command figures.

    \b
    gamelearn report celeba-seg
    gamelearn report runs/celeba-seg/2 --no-figures --out page.html
    """
    from gamelearn.report.page import write_page

    folder = find_run(run, untrusted=untrusted)
    absent = [str(name) for name in FigureName if name not in ON_REQUEST and not (folder / FOLDER / f"{name}.png").is_file()]
    reasons = _drawn(folder, absent, device, plugin or [], untrusted, data_paths(data)) if figures and absent else {}
    path = write_page(folder, out or folder / "report.html", reasons=reasons, plugins=plugin or (), untrusted=untrusted)
    echo(str(path))


def _drawn(folder: Path, names: list[str], device: str | None, plugins: list[str], untrusted: bool, data: dict[str, str]) -> dict[str, str]:
    """Draw the figures; return why some were not."""
    from gamelearn.report.figures.figure import Request
    from gamelearn.report.figures.make import draw_figures
    from gamelearn.run import Run
    from gamelearn.train.device import choose_device

    chosen = choose_device(device)
    try:
        game, origin = game_of(Run(folder, say=say), None, None, device=chosen, plugins=plugins, untrusted=untrusted, data=data)
        return draw_figures(game, folder / FOLDER, Request(origin=origin), names).reasons
    except GamelearnError as error:  # the page tells what can be told without a game
        return {"all": str(error)}
