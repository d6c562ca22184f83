"""Answers about scalars as a table of text, in the words and units of the training.

Where a table was given it is that table with its missing cells filled in, as far as they are wanted; where the rows have the
names of files, a line for each file. This file writes that table.
"""

from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path

import numpy as np

from gamelearn.data.reading import Reading
from gamelearn.files.evidence import EvidenceFiles
from gamelearn.files.source import Array
from gamelearn.files.tables import FILE, reading_for
from gamelearn.files.writers import RowTable
from gamelearn.graph.model import Variable
from gamelearn.inference import Inference


class InferredRows:
    """The table of an answer, written block by block.

    Args:
        path: of the table.
        evidence: what is known.
        variables: the wanted ones, by name.
        readings: how files write them.
    """

    def __init__(self, path: Path, evidence: EvidenceFiles, variables: Mapping[str, Variable], readings: Mapping[str, Reading]) -> None:
        self._path, self._evidence, self._variables = path, evidence, variables
        self._scalars = {
            name: reading_for(each, readings[name].titles or (name,), readings) for name, each in variables.items() if not each.shape
        }
        self._new: RowTable | None = None

    def _head(self) -> list[str]:
        titles = [(f"{each.titles[0]}", f"{each.titles[0]} {self._beside(name)}") for name, each in self._scalars.items()]
        return [FILE, *chain.from_iterable(titles)]

    def _beside(self, name: str) -> str:
        return "deviation" if self._variables[name].type in ("real", "count") else "probability"

    def add(self, first_row: int, found: Inference, known: Mapping[str, Array]) -> None:
        """Add the rows of a block."""
        decided = {name: found.decided[name].cpu().numpy() for name in self._variables}
        if self._evidence.table:
            for name, variable in self._variables.items():
                self._evidence.table.fill(variable, first_row, decided[name], known[name])
        elif self._evidence.files and self._scalars:
            self._new = self._new or RowTable(self._path, self._head())
            cells = [self._cells(name, decided[name], found) for name in self._scalars]
            files = self._evidence.files[first_row : first_row + found.rows]
            self._new.append([file.name, *chain.from_iterable(row)] for file, *row in zip(files, *cells, strict=True))

    def _cells(self, name: str, decided: Array, found: Inference) -> Iterator[tuple[str, str]]:
        """Yield for each row what is decided, with its probability or standard deviation."""
        variable, reading = self._variables[name], self._scalars[name]
        if variable.type in ("real", "count"):
            beside = found.deviation[name].cpu().numpy() * reading.unit(())
        else:
            mean = found.mean[name].cpu().numpy()
            beside = mean.max(1) if variable.type == "categorical" else np.maximum(mean, 1 - mean)
        for value, number in zip(decided.tolist(), beside.tolist(), strict=True):
            yield reading.text(round(value) if variable.type == "count" else value), f"{number:.6g}"

    def finish(self) -> bool:
        """Write what was waiting for the last block; return whether there is a table."""
        if self._evidence.table:
            self._evidence.table.write(self._path)
        self.close()
        return bool(self._evidence.table or self._new)

    def close(self) -> None:
        """Close what may be open after an error."""
        if self._new:
            self._new.close()
