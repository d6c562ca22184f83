"""The files of a comparison: `compare.json` with its table, `compare.png` with its sheet. This file writes them."""

import json
from pathlib import Path
from typing import Any

from gamelearn.comparison.compare import Comparison
from gamelearn.comparison.sheet import draw_comparison
from gamelearn.disk import write_whole


def write_comparison(found: Comparison, folder: Path) -> list[Path]:
    """Write both files into a folder, which is made if it is missing; return them.

    Raises:
        GamelearnError: a file cannot be written.
    """
    return [write_json(found.plain(), folder / "compare.json"), draw_comparison(found, folder / "compare.png")]


def write_json(values: Any, path: Path) -> Path:
    """Write plain values as a JSON file; return the file.

    Raises:
        GamelearnError: it cannot be written.
    """
    return write_whole(path, json.dumps(values, indent=1, ensure_ascii=False, allow_nan=False) + "\n")
