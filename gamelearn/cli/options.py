"""Arguments and options that several commands have. This file declares them, and takes arguments apart."""

import re
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gamelearn.errors import GamelearnError

Plugins = Annotated[list[str] | None, typer.Option("--plugin", metavar="FILE_OR_MODULE", help="Load a plugin; may be repeated.")]
Preset = Annotated[str | None, typer.Option("--preset", metavar="NAME", help="Take one of the spec's presets.")]
Untrusted = Annotated[
    bool, typer.Option("--untrusted", help="The spec is somebody else's: refuse paths out of its folder and the data root, bound all sizes.")
]


class TextOrJson(StrEnum):
    """The formats of what prints a table."""

    text = "text"
    json = "json"


TableFormat = Annotated[TextOrJson, typer.Option("--format", help="How to print it.")]

_OVERRIDE = re.compile(r"[A-Za-z_][\w.-]*=")


def specs_and_overrides(arguments: list[str]) -> tuple[list[str], list[str]]:
    """Return the arguments that name specs, then those that set values, `key=value`."""
    overrides = [each for each in arguments if _OVERRIDE.match(each) and not Path(each).exists()]
    return [each for each in arguments if each not in overrides], overrides


def one_spec(arguments: list[str]) -> tuple[str, list[str]]:
    """Return the one spec and the overrides of the arguments.

    Raises:
        GamelearnError: there is no spec, or more than one.
    """
    specs, overrides = specs_and_overrides(arguments)
    if not specs:
        raise GamelearnError("name a spec: a file, or a shipped one that 'gamelearn list specs' lists")
    if len(specs) > 1:
        raise GamelearnError(f"one spec at a time, got {' and '.join(map(repr, specs))}; a value is set by key=value, without spaces")
    return specs[0], overrides
