"""Sheets of what was inferred: the first rows of every wanted image, beside what was given, the truth, the error.

Hidden elements are grey. This file draws them.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from gamelearn.files.evidence import Block
from gamelearn.graph.model import Graph, Variable
from gamelearn.report.inferred_errors import Judged
from gamelearn.report.pictures import Pixels, to_pixels
from gamelearn.report.sheets import save_sheet

_ROWS = 8
_HIDDEN = 128
_WRONG = (230, 30, 30)


class InferredSheets:
    """The columns of the sheets, collected until there are eight rows.

    Args:
        graph: of the game.
        given: the images that are given.
        wanted: the images that are inferred, each with a sheet of its own.
        show: what captions call the values that are shown, such as 'decided'.
    """

    def __init__(self, graph: Graph, given: Sequence[str], wanted: Sequence[str], show: str) -> None:
        self._graph, self._given, self._wanted, self._show = graph, given, wanted, show
        self._names: list[str] = []
        self._columns: dict[str, dict[str, list[Pixels]]] = {name: {} for name in wanted}

    def add(self, block: Block, shown: Mapping[str, NDArray[Any]], truths: Mapping[str, Judged], names: Sequence[str]) -> None:
        """Add the first rows of a block, if rows are missing.

        Args:
            block: the evidence.
            shown: by variable, `(rows, *shape)`.
            truths: by variable whose truth is known.
            names: of the rows.
        """
        rows = min(_ROWS - len(self._names), block.rows)
        if rows <= 0:
            return
        self._names += names[:rows]
        given = {name: self._shown(name, block.given[name][:rows], block.hide.get(name)) for name in self._given}
        for name in self._wanted:
            columns = {f"{other} given": given[other] for other in (*(each for each in given if each != name), name) if other in given}
            columns[f"{name} {self._show}"] = self._shown(name, shown[name][:rows])
            if name in truths:
                columns[f"{name} true"] = self._shown(name, truths[name].truth[:rows], ~truths[name].is_known)
                columns |= _error(self._graph.variables[name], shown[name][:rows], truths[name], rows)
            for caption, cells in columns.items():
                self._columns[name].setdefault(caption, []).append(cells)

    def _shown(self, name: str, values: NDArray[Any], hidden: NDArray[np.bool_] | None = None) -> Pixels:
        """Return values as pixels, grey where they are hidden (of several colours, where one is)."""
        variable = self._graph.variables[name]
        if hidden is None:
            return to_pixels(torch.from_numpy(values), variable)
        hidden = hidden[: len(values)]
        pixels = to_pixels(torch.from_numpy(np.where(hidden, np.zeros_like(values), values)), variable)
        pixels[_pixelwise(hidden, variable)] = _HIDDEN
        return pixels

    def save(self, folder: Path) -> list[str]:
        """Write the sheets; return the names of the files."""
        names = []
        for name, columns in self._columns.items():
            joined = [(caption, np.concatenate(cells)) for caption, cells in columns.items()]
            names.append(save_sheet(joined, folder / f"sheet-{name}.png", rows=self._names, title=f"{name} of {self._graph.name}").name)
        return names


def _error(variable: Variable, shown: NDArray[Any], judgement: Judged, rows: int) -> dict[str, Pixels]:
    """Return a column of errors: wrong classes in red, absolute differences of numbers."""
    where, truth = judgement.where[:rows], judgement.truth[:rows]
    if variable.type == "real":
        return {"absolute error": to_pixels(torch.from_numpy(np.where(where, np.abs(shown - truth), 0)), variable)}
    wrong = _pixelwise(where & (shown != truth), variable)
    pixels = np.zeros((*wrong.shape, 3), np.uint8)
    pixels[wrong] = _WRONG
    return {"wrong": pixels}


def _pixelwise(elements: NDArray[np.bool_], variable: Variable) -> NDArray[np.bool_]:
    """Return which pixels, `(rows, height, width)`, have any of some elements, `(rows, *shape)`."""
    return np.asarray(elements.reshape(len(elements), -1, *variable.shape[-2:]).any(1))
