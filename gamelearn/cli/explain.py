"""The command `explain`. This file shows what a game will do."""

from enum import StrEnum
from typing import Annotated

import typer

from gamelearn.cli.options import Plugins, Preset, Untrusted, one_spec


class ExplainFormat(StrEnum):
    """What `explain` can print."""

    text = "text"
    mermaid = "mermaid"
    latex = "latex"
    json = "json"


def explain(
    arguments: Annotated[list[str], typer.Argument(metavar="SPEC [KEY=VALUE]...", help="A spec, then values to set in it.")],
    format: Annotated[ExplainFormat, typer.Option("--format", help="How to print it; mermaid has the graph alone.")] = ExplainFormat.text,
    preset: Preset = None,
    plugin: Plugins = None,
    untrusted: Untrusted = False,
) -> None:
    """Show the utilities as in the paper, the players, the graph, and the plan of every round.

    \b
    gamelearn explain digits-vae
    gamelearn explain my_game.yaml --format latex
    gamelearn explain my_game.yaml schedule.mode=parallel
    """
    from gamelearn.game import check
    from gamelearn.report.explain import explain as explanation

    spec, overrides = one_spec(arguments)
    checked = check(spec, preset=preset, overrides=overrides, plugins=plugin or (), untrusted=untrusted)
    typer.echo(explanation(checked, format.value), nl=False)
