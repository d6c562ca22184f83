"""The command `gamelearn`: a thin shell over the Python API.

Commands import what they need when they run, so that `gamelearn --help` is quick. This file gathers the commands.
"""

import os
import signal
import sys

import typer

from gamelearn.cli.ablate import ablate
from gamelearn.cli.check import check
from gamelearn.cli.compare import compare
from gamelearn.cli.data import data
from gamelearn.cli.evaluate import evaluate
from gamelearn.cli.explain import explain
from gamelearn.cli.figures import figures
from gamelearn.cli.guard import guarded
from gamelearn.cli.infer import infer
from gamelearn.cli.init import init
from gamelearn.cli.list import list_names
from gamelearn.cli.report import report
from gamelearn.cli.sample import sample
from gamelearn.cli.schema import schema
from gamelearn.cli.train import train

HELP = """Learn any set of conditional distributions jointly, as a game that is written in a YAML file.

SPEC is a file, or the name of a shipped spec (gamelearn list specs). RUN is a run's folder, or a name below runs/.
"""

app = typer.Typer(
    name="gamelearn",
    help=HELP,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120},
)
for _name, _command in (
    ("check", check),
    ("explain", explain),
    ("train", train),
    ("sample", sample),
    ("infer", infer),
    ("evaluate", evaluate),
    ("compare", compare),
    ("ablate", ablate),
    ("figures", figures),
    ("report", report),
    ("list", list_names),
    ("schema", schema),
    ("init", init),
    ("data", data),
):
    app.command(_name, short_help=(_command.__doc__ or "").split("\n")[0])(guarded(_command))


def _version(shown: bool) -> None:
    if shown:
        from importlib.metadata import version

        typer.echo(f"gamelearn {version('gamelearn')}")
        raise typer.Exit


@app.callback()
def _options(version: bool = typer.Option(False, "--version", callback=_version, is_eager=True, help="Print the version.")) -> None:
    pass


_options.__doc__ = None


def main() -> None:
    """Run the command line; end with its exit status.

    Threads that wait are put to sleep rather than left to spin: beside other programs spinning costs most of the speed.
    """
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # read when torch is imported
    try:
        app(args=sys.argv[1:], prog_name="gamelearn")
    finally:
        signal.signal(signal.SIGINT, signal.SIG_IGN)  # one Ctrl-C more would print a traceback of torch's own end
