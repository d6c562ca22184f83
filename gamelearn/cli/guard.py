"""How commands end: what a user can set right is said in a line or more on stderr, never as a traceback.

Exit status: 0 done, 1 failed while running (what the machine refuses, such as room on the disk, is such a failure), 2 a mistake in
what was given, 130 interrupted, 141 the reader of the output has gone. This file turns errors into messages.
"""

import functools
import os
import sys
import tempfile
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import ParamSpec

import typer

from gamelearn.disk import is_refused, refusal
from gamelearn.errors import GamelearnError, visible

Parameters = ParamSpec("Parameters")

_INTERRUPTED = 130
_BROKEN_PIPE = 141


def guarded(command: Callable[Parameters, None]) -> Callable[Parameters, None]:
    """Return a command that reports its errors, then ends with their exit status."""

    @functools.wraps(command)
    def run(*arguments: Parameters.args, **options: Parameters.kwargs) -> None:
        try:
            command(*arguments, **options)
            sys.stdout.flush()
        except (typer.Exit, typer.Abort, typer.BadParameter):
            raise
        except GamelearnError as error:
            say(str(error))
            raise typer.Exit(1 if is_refused(error) else error.exit_status) from None
        except KeyboardInterrupt:
            say("interrupted")
            raise typer.Exit(_INTERRUPTED) from None
        except BrokenPipeError:
            _forget_stdout()
            raise typer.Exit(_BROKEN_PIPE) from None
        except Exception as error:
            say(refusal(error) or _unexpected(error))
            raise typer.Exit(1) from None

    return run


def say(text: str) -> None:
    """Print a message to stderr."""
    typer.echo(visible(text), err=True)


def echo(text: str, *, nl: bool = True) -> None:
    """Print a result to stdout; control characters of names in it are written out."""
    typer.echo(visible(text), nl=nl)


def _unexpected(error: Exception) -> str:
    """Return a short message for an error that is no user's mistake; its traceback goes to a file."""
    what = f"{type(error).__name__}: {' '.join(str(error).split())[:300]}".rstrip(": ")
    try:
        number, name = tempfile.mkstemp(prefix="gamelearn-error-", suffix=".txt")
        with os.fdopen(number, "w", encoding="utf-8") as file:
            file.write("".join(traceback.format_exception(error)))
    except OSError:
        return f"unexpected error: {what}"
    return f"unexpected error: {what}\nthis is a fault of gamelearn or of a plugin; the full traceback is in {Path(name)}"


def _forget_stdout() -> None:
    """Let nothing more be written to a pipe that nobody reads, at the interpreter's end included."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):  # a stream without a file, such as a test's
        return
