"""The command `explain`. This file shows what a game will do."""

from enum import StrEnum
from typing import Annotated

import typer

from gamelearn.cli.guard import echo
from gamelearn.cli.options import Plugins, Preset, Spec, Untrusted, Values, only_overrides, refuse_unreadable


class ExplainFormat(StrEnum):
    """What `explain` can print."""

    text = "text"
    mermaid = "mermaid"
    latex = "latex"
    json = "json"
    yaml = "yaml"


def explain(
    spec: Spec,
    values: Values = None,
    form: Annotated[
        ExplainFormat, typer.Option("--format", help="How to print it; mermaid has the graph alone, yaml the utilities.")
    ] = ExplainFormat.text,
    preset: Preset = None,
    plugin: Plugins = None,
    untrusted: Untrusted = False,
) -> None:
    """Show the utilities as in the paper, the players, the graph, and the plan of every round.

    \b
    gamelearn explain digits-vae
    gamelearn explain my_game.yaml --format latex
    gamelearn explain my_game.yaml --format yaml
    gamelearn explain my_game.yaml schedule.mode=parallel
    """
    refuse_unreadable(spec)
    from gamelearn.game import check
    from gamelearn.report.explain import explain as explanation

    checked = check(spec, preset=preset, overrides=only_overrides(values or ()), plugins=plugin or (), untrusted=untrusted)
    echo(explanation(checked, form.value), nl=False)
