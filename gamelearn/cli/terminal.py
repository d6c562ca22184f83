"""What is printed: names from data are shown as they are written, so that neither markup nor control characters in them act.

This file makes the consoles of all commands.
"""

import os
import sys
from typing import Any

from rich.console import Console
from rich.text import Text

from gamelearn.errors import visible


class Terminal(Console):
    """A console without markup and emoji codes, on which control characters are written out."""

    def render_str(self, text: str, **options: Any) -> Text:
        return super().render_str(visible(text), **{**options, "markup": False, "emoji": False})


class LastingTerminal(Terminal):
    """A console that falls silent when its reader has gone: the training goes on."""

    def on_broken_pipe(self) -> None:
        sys.stdout = open(os.devnull, "w")  # noqa: PTH123, SIM115 - it lasts as long as the process
        self.quiet = True
