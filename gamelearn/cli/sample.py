"""The command `sample`. This file draws from a trained game."""

from typing import Annotated

import typer


def sample(run: Annotated[str, typer.Argument(metavar="RUN")]) -> None:
    """Sample."""
