"""The command `sample`. This file draws from a trained game."""

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gamelearn.cli.guard import echo, say
from gamelearn.cli.options import Device, Plugins, Untrusted
from gamelearn.cli.runs import find_run
from gamelearn.errors import GamelearnError

if TYPE_CHECKING:
    import torch
    from numpy.typing import NDArray

    from gamelearn.game import Game

Decide = Literal["draw", "mean"]
_SWEEPS = 100


def sample(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or a game's name below runs/ (its newest run).")],
    player: Annotated[str | None, typer.Option("--player", help="Who draws.  [default: who can draw most variables]")] = None,
    sampler: Annotated[
        str | None, typer.Option("--sampler", help="Draw from the limit of this chain instead; 'automatic' follows from the factors.")
    ] = None,
    sweeps: Annotated[int | None, typer.Option("--sweeps", min=1, help="How many sweeps the chain makes.  [default: 100]")] = None,
    after: Annotated[
        str | None, typer.Option("--after", metavar="HALF_STEP", help="With which half-step it ends: end, mixture, or a draw of its sweep.")
    ] = None,
    count: Annotated[int, typer.Option("--count", min=1, help="How many samples.")] = 64,
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal samples.")] = 0,
    means: Annotated[bool, typer.Option("--means/--draws", help="Expectations of what is drawn last, or draws of it.")] = True,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where to.  [default: RUN/samples]")] = None,
    checkpoint: Annotated[
        int | None, typer.Option("--checkpoint", metavar="ROUND", min=0, help="Which one.  [default: the newest]")
    ] = None,
    device: Device = None,
    plugin: Plugins = None,
    untrusted: Untrusted = False,
) -> None:
    """Draw from a trained game, as arrays and as pictures of what is an image.

    One player draws all its variables, each from the ones before; with --sampler, or where no player can, a Gibbs chain runs to its
    limit. Averaged weights are taken where there are any. Arrays hold values as the files of the training do, so that infer takes
    them as given; expectations of bits and classes are their probabilities.

    \b
    gamelearn sample digits-vae
    gamelearn sample runs/digits-vae/3 --count 256 --seed 1 --draws
    gamelearn sample digits-vae --checkpoint 1000 --out pictures
    gamelearn sample mnist-lvae --sampler limit --sweeps 1000 --after mixture
    """
    from gamelearn.run import Run
    from gamelearn.sampling import is_drawn_by_one
    from gamelearn.train.device import choose_device

    folder = find_run(run, untrusted=untrusted)
    game = Run(folder, say=say).game(checkpoint, device=choose_device(device), plugins=plugin or (), untrusted=untrusted)
    chain = {"--sampler": sampler, "--sweeps": sweeps, "--after": after}
    used = [name for name, value in chain.items() if value is not None]
    if used and player is not None:
        raise GamelearnError(f"{used[0]} belongs to a chain, --player to a player that draws by itself: leave one out")
    decide: Decide = "mean" if means else "draw"
    if used or (player is None and not is_drawn_by_one(game.graph)):
        title, values = _limit(game, sampler, sweeps, after, count, seed, decide)
    else:
        title, values = _joint(game, player, count, seed, decide)
    if checkpoint is not None:
        title = f"round-{checkpoint:09d}-{title}"
    for path in _write(game, values, out or folder / "samples", title):
        echo(str(path))


def _joint(game: "Game", player: str | None, count: int, seed: int, decide: "Decide") -> "tuple[str, dict[str, torch.Tensor]]":
    from gamelearn.sampling import ancestral, drawing_player

    drawing, _ = drawing_player(game.graph, player)
    return f"{decide}s-{drawing}-seed-{seed}", ancestral(game, drawing, count, seed=seed, decide=decide)


def _limit(
    game: "Game", sampler: str | None, sweeps: int | None, after: str | None, count: int, seed: int, decide: "Decide"
) -> "tuple[str, dict[str, torch.Tensor]]":
    from gamelearn.gibbs.choice import choose_sampler
    from gamelearn.sampling import limiting

    name = choose_sampler(game.graph, sampler).sampler.name
    values = limiting(game, count, sampler=name, sweeps=sweeps or _SWEEPS, after=after, seed=seed, decide=decide)
    ends = f"-after-{re.sub(r'[^A-Za-z0-9]+', '-', after).strip('-')}" if after else ""
    return f"{decide}s-{name}-sweeps-{sweeps or _SWEEPS}{ends}-seed-{seed}", values


def _write(game: "Game", values: "dict[str, torch.Tensor]", folder: Path, title: str) -> list[Path]:
    from gamelearn.disk import write_whole
    from gamelearn.files.writers import class_names, write_archive
    from gamelearn.report.pictures import image_variables, save_grid, to_pixels

    images = {name: variable for name, variable in image_variables(game.graph).items() if name in values}
    drawn = {name: _own(game, name, value) for name, value in values.items()}
    named = class_names({name: game.graph.variables[name] for name in values}, game.readings or {})
    arrays = folder / f"{title}.npz"
    write_whole(arrays, lambda file: write_archive(file, drawn | named))
    return [arrays, *(save_grid(to_pixels(values[name], each), folder / f"{title}-{name}.png") for name, each in images.items())]


def _own(game: "Game", name: str, drawn: "torch.Tensor") -> "NDArray[Any]":
    """Return what was drawn in the user's own values; probabilities of bits and classes stay what they are."""
    from gamelearn.data.reading import Reading
    from gamelearn.files.writers import own_values

    variable, values = game.graph.variables[name], drawn.cpu().numpy()
    is_probability = (variable.type == "categorical" and drawn.is_floating_point()) or (
        variable.type == "binary" and bool(((drawn != 0) & (drawn != 1)).any())
    )
    return values if is_probability else own_values(values, variable, (game.readings or {}).get(name, Reading()))
