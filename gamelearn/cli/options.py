"""Arguments and options that several commands have. This file declares them."""

import re
from collections.abc import Iterable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from gamelearn.errors import GamelearnError, quoted

Plugins = Annotated[list[str] | None, typer.Option("--plugin", metavar="FILE_OR_MODULE", help="Load a plugin; may be repeated.")]
Preset = Annotated[
    list[str] | None, typer.Option("--preset", metavar="NAME", help="Take one of the spec's presets; may be repeated, the later one wins.")
]
Device = Annotated[str | None, typer.Option("--device", metavar="NAME", help="cpu, cuda, cuda:1 or mps.  [default: the fastest]")]
DataPaths = Annotated[
    list[str] | None,
    typer.Option("--data", metavar="NAME=PATH", help="Where the files of a data set are now; 'dataset' is its name where there is one."),
]
Untrusted = Annotated[
    bool,
    typer.Option("--untrusted", help="The spec is somebody else's: refuse paths out of its folder and the data root, bound all sizes."),
]


class TextOrJson(StrEnum):
    """The formats of what prints a table."""

    text = "text"
    json = "json"


TableFormat = Annotated[TextOrJson, typer.Option("--format", help="How to print it.")]

Spec = Annotated[str, typer.Argument(metavar="SPEC", help="A file, or the name of a shipped spec.")]
Values = Annotated[list[str] | None, typer.Argument(metavar="KEY=VALUE", help="Values to set, such as train.batch=64.")]

_OVERRIDE = re.compile(r"[A-Za-z_][\w-]*(\.[^=/\\]+)?=")


def specs_and_overrides(arguments: Iterable[str]) -> tuple[list[str], list[str]]:
    """Return the arguments that name specs, then those that set values, `key=value`."""
    specs: list[str] = []
    overrides: list[str] = []
    for each in arguments:
        (overrides if _OVERRIDE.match(each) and not Path(each).exists() else specs).append(each)
    return specs, overrides


def data_paths(texts: Iterable[str] | None) -> dict[str, str]:
    """Return the paths of data sets that an option gives, whole, by the names of these.

    Raises:
        GamelearnError: a text has another form, or names no file or folder.
    """
    found: dict[str, str] = {}
    for text in texts or ():
        name, equals, path = text.partition("=")
        if not (equals and name):
            raise GamelearnError(f"--data expects NAME=PATH, such as dataset=table.csv, got {text!r}")
        if not Path(path).exists():
            raise GamelearnError(f"--data {text!r}: there is no file or folder {path!r}")
        found[name] = str(Path(path).absolute())
    return found


def refuse_unreadable(spec: str) -> None:
    """Read a spec's text before anything heavy is imported, so that a file that is no YAML, or a trap, is refused at once.

    Raises:
        SpecError: there is no such spec, or its text cannot be read.
    """
    from gamelearn.spec.load import find_spec
    from gamelearn.spec.source import read_source

    read_source(find_spec(spec))


def only_overrides(arguments: Iterable[str]) -> list[str]:
    """Return arguments that all set values.

    Raises:
        GamelearnError: one of them does not.
    """
    others, overrides = specs_and_overrides(arguments)
    if others:
        raise GamelearnError(f"expected key=value after the spec, without spaces, got {quoted(others)}")
    return overrides
