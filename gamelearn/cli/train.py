"""The command `train`. This file starts, or resumes, the training of a game."""

import shlex
import signal
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from gamelearn.cli.data_progress import data_progress
from gamelearn.cli.guard import echo, say
from gamelearn.cli.options import (
    DataPaths,
    Device,
    Plugins,
    Preset,
    Untrusted,
    Values,
    data_paths,
    only_overrides,
    refuse_unreadable,
    specs_and_overrides,
)
from gamelearn.cli.runs import find_run
from gamelearn.errors import GamelearnError

if TYPE_CHECKING:
    import torch
    from rich.console import Console

    from gamelearn.game import Game

_SIGNAL_STATUS = 128


def train(
    spec: Annotated[
        str | None, typer.Argument(metavar="SPEC", help="A file, or the name of a shipped spec. A run resumes without.")
    ] = None,
    values: Values = None,
    preset: Preset = None,
    run: Annotated[Path | None, typer.Option("--run", metavar="DIR", help="The run's folder.  [default: runs/NAME/NUMBER]")] = None,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the run stopped.")] = False,
    device: Device = None,
    plugin: Plugins = None,
    data: DataPaths = None,
    untrusted: Untrusted = False,
) -> None:
    """Train a game, into a folder of its own.

    Ctrl-C ends the round and writes a checkpoint; a second one stops at once. What is printed ends with the pictures' paths.

    \b
    gamelearn train digits-vae
    gamelearn train my_game.yaml train.rounds=500 train.optimizer.lr=1e-4
    gamelearn train mnist-lvae --preset quick --device cuda --run runs/first
    gamelearn train digits-vae --resume
    gamelearn train --resume --run runs/first train.rounds=9000
    """
    specs, more = specs_and_overrides([spec] if spec else [])
    overrides = more + only_overrides(values or ())
    if not specs and not resume:
        raise GamelearnError("name a spec: a file, or a shipped one that 'gamelearn list specs' lists")
    if not specs and run is None:
        raise GamelearnError("name the spec, or the run to resume: gamelearn train --resume --run DIR")
    if data and not resume:
        raise GamelearnError("--data is about the data of a run, with --resume: of a new one set the path, such as data.dataset.path=PATH")
    _train(specs[0] if specs else None, overrides, preset, run, resume, device, plugin or [], untrusted, data_paths(data))


def _train(
    spec: str | None,
    overrides: list[str],
    preset: list[str] | None,
    run_folder: Path | None,
    resume: bool,
    device_name: str | None,
    plugins: list[str],
    untrusted: bool,
    data: dict[str, str],
) -> None:
    if spec is not None:
        refuse_unreadable(spec)
    from gamelearn.game import load
    from gamelearn.report.pictures import write_pictures
    from gamelearn.report.spec_utilities import derived_lines
    from gamelearn.run_folder import load_plugins_of, read_taken
    from gamelearn.sampling import can_sample
    from gamelearn.train.device import choose_device
    from gamelearn.training import train as train_game

    device = choose_device(device_name)
    presets, kept = preset or [], list[str]()
    if resume and (former := _former_run(spec, overrides, presets, run_folder, untrusted)):
        load_plugins_of(former, plugins, untrusted=untrusted, say=say)
        run_folder, (before, kept) = former, read_taken(former)
        presets = [*before, *presets] if spec else presets
    if spec is not None:
        game = load(spec, *kept, *overrides, preset=presets, plugins=plugins, device=device, untrusted=untrusted)
    else:
        assert run_folder is not None
        game = _game_of_run(run_folder, overrides, preset, plugins, device, untrusted)
    game.moved = data
    for warning in game.checked.warnings if game.checked else ():
        say(str(warning))
    for line in derived_lines(game.graph):
        echo(line)
    echo(_device_line(device, device_name))
    if game.graph.streams and not resume:  # a run that goes on knows which data it was trained on
        with data_progress():
            game.streams()
    count = list(game.graph.stages.values())[-1].train.samples.count

    def pictures(game: "Game", folder: Path, round_number: int) -> list[Path]:
        return write_pictures(game, folder, round_number, count, game.graph.seed)

    done = train_game(
        game, run_folder=run_folder, resume=resume, console=lasting_console(), pictures=pictures, preset=preset, overrides=overrides
    )
    if done.stopped_by:
        raise typer.Exit(_SIGNAL_STATUS + signal.Signals[done.stopped_by].value)
    echo(f"next: gamelearn {'sample' if can_sample(game.graph) else 'report'} {shlex.quote(str(done.path))}")


def _former_run(spec: str | None, overrides: list[str], presets: list[str], run_folder: Path | None, untrusted: bool) -> Path | None:
    """Return the folder of the run that goes on; None where the spec has mistakes to tell first."""
    from gamelearn.run_folder import newest_run
    from gamelearn.spec.load import read_name

    if run_folder is None and spec is not None:
        name = read_name(spec, preset=presets, overrides=overrides, untrusted=untrusted)
        run_folder = newest_run(name) if name else None
    return find_run(str(run_folder), untrusted=untrusted) if run_folder else None


def lasting_console(*, stderr: bool = False) -> "Console":
    """Return a console that falls silent when its reader has gone: the training goes on."""
    from gamelearn.cli.terminal import LastingTerminal

    return LastingTerminal(stderr=stderr)


def _game_of_run(
    folder: Path, overrides: list[str], preset: list[str] | None, plugins: list[str], device: "torch.device", untrusted: bool
) -> "Game":
    """Load the game of a run from its resolved spec, with the original's text for the record."""
    from gamelearn.game import load

    if preset:
        raise GamelearnError("a run that is resumed without its spec has its preset already: leave --preset out, or name the spec")
    game = load(folder / "spec.resolved.yaml", *overrides, plugins=plugins, device=device, untrusted=untrusted)
    original = folder / "spec.yaml"
    if game.checked is None or not original.is_file():
        return game
    file = replace(game.checked.file, text=original.read_text(encoding="utf-8"))
    return replace(game, checked=replace(game.checked, file=file))


def _device_line(device: "torch.device", asked: str | None) -> str:
    from gamelearn.train.device import describe_device

    why = "--device says so" if asked else "no accelerator is there" if device.type == "cpu" else "the fastest that is there"
    return f"device: {describe_device(device)}, {why}"
