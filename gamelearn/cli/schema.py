"""The command `schema`. This file prints the JSON schema of specs."""

from pathlib import Path
from typing import Annotated

import typer

from gamelearn.cli.guard import echo
from gamelearn.cli.options import Plugins
from gamelearn.disk import write_whole


def schema(
    output: Annotated[Path | None, typer.Option("--output", "-o", metavar="FILE", help="Write it to a file instead.")] = None,
    plugin: Plugins = None,
) -> None:
    """Print the JSON schema of a spec, by which editors complete and check its keys.

    A spec names it in its first line: # yaml-language-server: $schema=schema.json

    \b
    gamelearn schema --output schema.json
    gamelearn schema --plugin my_networks.py
    """
    from gamelearn.plugins import load_builtins, load_plugins
    from gamelearn.spec.json_schema import schema_text

    load_builtins()
    load_plugins(plugin or ())
    text = schema_text()
    if output is None:
        echo(text, nl=False)
        return
    echo(str(write_whole(output, text)))
