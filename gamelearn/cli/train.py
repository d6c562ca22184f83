"""The command `train`. This file starts, or resumes, the training of a game."""

from typing import Annotated

import typer

from gamelearn.cli.options import Plugins, Preset, Untrusted


def train(
    arguments: Annotated[list[str], typer.Argument(metavar="SPEC [KEY=VALUE]...")],
    preset: Preset = None,
    plugin: Plugins = None,
    untrusted: Untrusted = False,
) -> None:
    """Train a game."""
