"""Rows of the data as files, such as `infer --given` reads: images and label maps as PNG, scalars as a table, others as arrays.

This file writes them.
"""

import math
from functools import partial
from pathlib import Path
from typing import Any

import torch
from numpy.typing import NDArray

from gamelearn.data.reading import Reading
from gamelearn.data.text_table import table_text
from gamelearn.disk import write_whole, writing
from gamelearn.errors import DataError
from gamelearn.files.tables import reading_for
from gamelearn.files.writers import own_values, write_archive, write_images
from gamelearn.game import Game
from gamelearn.graph.model import Variable
from gamelearn.report.pictures import file_pixels, has_pixels, image_variables, palette_of
from gamelearn.sampling import first_rows

_TABLE = "table.csv"


def export_rows(game: Game, folder: Path, split: str, count: int) -> list[Path]:
    """Write the first rows of a split into a new folder, in the values of the user's own files.

    Args:
        game: its streams tell which variables are shown; of several streams the one that shows most is first, and another adds
            the variables that only it shows, of rows of its own.
        folder: is made: `NAME/0.png` of images, `table.csv` of scalars, `NAME.npz` of all others.
        split: `train`, `validation` or `test`.
        count: how many rows; fewer if the split has fewer.

    Returns:
        What was written: files, and folders of images.

    Raises:
        DataError: the folder is there already, or the split has no rows.
        RunError: it cannot be written.
    """
    if folder.exists():
        raise DataError(f"{folder} exists already: name a folder that is made for the rows")
    streams = game.streams()
    shown: dict[str, torch.Tensor] = {}
    for stream in sorted(streams.names, key=lambda name: -len(game.graph.streams[name].variables)):
        if not shown.keys() >= set(game.graph.streams[stream].variables):
            shown = {**first_rows(game, stream, count, split), **shown}
    readings, pictures = streams.readings(), image_variables(game.graph)
    written, table = list[Path](), dict[str, list[str]]()
    with writing(folder):
        folder.mkdir(parents=True)
        for name, values in ((name, each.cpu().numpy()) for name, each in shown.items()):
            variable, reading = game.graph.variables[name], readings.get(name, Reading())
            if name in pictures and _is_drawable(values, variable, reading):
                pixels = list(file_pixels(values, variable, reading))
                write_images(folder / name, list(map(str, range(len(values)))), pixels, palette_of(variable, reading))
                written.append(folder / name)
            elif len((spelt := reading_for(variable, (name,), readings)).titles) == math.prod(variable.shape):
                for element, cells in enumerate(values.reshape(len(values), -1).T):
                    table[spelt.titles[element]] = [spelt.text(float(value), element) for value in cells]
            else:
                array = own_values(values, variable, reading)
                written.append(write_whole(folder / f"{name}.npz", partial(write_archive, arrays={name: array})))
    separator = next((each.separator for each in readings.values() if each.separator), ",")
    if table:
        written.append(write_whole(folder / _TABLE, table_text([[*table], *zip(*table.values(), strict=True)], separator)))
    return written


def _is_drawable(values: NDArray[Any], variable: Variable, reading: Reading) -> bool:
    """Return whether 8 bits hold an image."""
    if variable.type == "categorical":
        return has_pixels(variable, reading)
    return not reading.mean and bool((values.min() >= 0) and (values.max() <= 1))
