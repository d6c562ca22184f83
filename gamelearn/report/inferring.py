"""Answers about many rows, from files to files, block by block: arrays, pictures, diagnostics, errors where the truth is known.

This file asks a game about files of evidence.
"""

import json
from collections.abc import Callable, Iterable, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass, field
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from gamelearn.disk import write_whole
from gamelearn.errors import EvidenceError
from gamelearn.files.evidence import Block, EvidenceFiles
from gamelearn.files.ranges import Ranges
from gamelearn.files.whole_folder import whole_folder
from gamelearn.files.writers import ArchiveWriter, write_images
from gamelearn.game import Game
from gamelearn.gibbs.choice import Choice, choose_sampler
from gamelearn.gibbs.diagnostics import Diagnosis, pooled
from gamelearn.gibbs.evidence import any_in_part
from gamelearn.graph.model import Variable
from gamelearn.inference import Inference, disagreement, infer, wanted_variables
from gamelearn.metrics.chain import used_values
from gamelearn.metrics.metric import Figure
from gamelearn.report.inferred_errors import InferredErrors, Judged, judged
from gamelearn.report.inferred_sheets import InferredSheets
from gamelearn.report.pictures import image_variables, palette, to_pixels

Kept = Literal["decided", "mean", "deviation", "drawn"]
KEPT: tuple[Kept, ...] = ("decided", "mean", "deviation", "drawn")
_MOST_IN_PALETTE = 256
_ARRAYS, _TABLE, _SUMMARY = "inferred.npz", "inferred.csv", "inferred.json"


@dataclass(frozen=True)
class Question:
    """What is asked about every row.

    Attributes:
        want: variables or groups; None for all that are not wholly given and that the chain draws.
        chain: `sampler`, `sweeps`, `burn_in`, `thin`, `chains`, `estimate`, as in `gamelearn.inference.infer`; what is left out is as
            the sampler says.
        seed: of the noise.
        block: how many rows are held in memory at a time.
    """

    want: tuple[str, ...] | None
    chain: Mapping[str, Any]
    seed: int
    block: int


@dataclass(frozen=True)
class Output:
    """What is written, and where.

    Attributes:
        folder: where to, new or empty; None for the next number in `numbered_in`.
        numbered_in: the folder of numbered answers.
        keep: which of the results are written as arrays.
        images: whether images are written one by one.
        facts: what else the summary tells, as plain values.
        show: what sheets and images show: what is decided, or the state at its end of the first chain of every row, which is a
            joint draw of all variables.
    """

    folder: Path | None
    numbered_in: Path
    keep: tuple[Kept, ...]
    images: bool
    facts: Mapping[str, Any]
    show: Literal["decided", "drawn"] = "decided"


@dataclass(frozen=True)
class Answer:
    """What was written, with what is to be said of it.

    Attributes:
        paths: the files and folders.
        rows: how many rows were answered.
        sampler: the chain that was run.
        chain: the values with which it was run: `sweeps`, `burn_in`, `thin`, `chains`, `estimate`.
        diagnostics: by variable that the chain drew.
        errors: by wanted variable whose truth is known.
        warnings: what makes the answer doubtful.
        notice: which declared samplers were passed over, and why; None where none was.
    """

    paths: tuple[Path, ...]
    rows: int
    sampler: str
    chain: Mapping[str, Any]
    diagnostics: Mapping[str, Diagnosis]
    errors: Mapping[str, Mapping[str, Figure]]
    warnings: tuple[str, ...] = field(default=())
    notice: str | None = None

    def plain(self) -> dict[str, Any]:
        """Return the answer as plain values."""
        return {
            "paths": [str(path) for path in self.paths],
            "rows": self.rows,
            "sampler": self.sampler,
            "chain": dict(self.chain),
            "diagnostics": {name: _plain(each) for name, each in self.diagnostics.items()},
            "errors": {name: {title: each.plain() for title, each in figures.items()} for name, figures in self.errors.items()},
            "warnings": list(self.warnings),
            "notice": self.notice,
        }


def _plain(diagnosis: Diagnosis) -> dict[str, float | int | None]:
    return {key: value if isfinite(value) else None for key, value in asdict(diagnosis).items()}


def infer_files(
    game: Game,
    evidence: EvidenceFiles,
    question: Question,
    output: Output,
    progress: Callable[[float], None],
    warn: Callable[[str], None] | None = None,
) -> Answer:
    """Answer a question about every row of files, into a folder that appears when all is done.

    The folder holds `inferred.npz` (decided values under the names of their variables, others as `s.mean`, first axis the rows;
    `s.drawn` is `(rows, chains, *shape)`), `inferred.csv` (where a table was given: the table with its missing cells filled in, as far as they
    are wanted), `inferred.json` (the answer), a sheet `sheet-s.png` of the first rows of every wanted
    image, and a folder of PNG files for each where they are asked for.

    Args:
        game: with its players.
        evidence: what is known.
        question: what is asked.
        output: what is written, and where.
        progress: is told how many rows are done, with the share of those in work.
        warn: is told every warning as soon as it is known; the answer has all of them.

    Raises:
        DataError: a file is damaged.
        EvidenceError: a value does not fit its variable, or no chain answers the question.
        RunError: the folder holds something, or cannot be written.
    """
    choice, want = _understood(game, evidence, question)
    sampler = choice.sampler
    chain = used_values(sampler, question.chain)
    meter = _Meter(chain["burn_in"] + chain["sweeps"] * chain["thin"], progress)
    warnings, ranges = _Warnings(warn), Ranges(evidence)
    options: dict[str, Any] = {**question.chain, "sampler": sampler, "want": want, "seed": question.seed, "block": question.block}
    with (
        whole_folder(output.folder, output.numbered_in) as (part, place),
        closing(_Recorder(game, evidence, want, output, part)) as recorder,
    ):
        warnings.add(choice.warnings)
        for block in evidence.blocks(question.block):
            warnings.add(ranges.look(block))
            options |= {"rows": block.rows, "first_row": block.first_row}
            recorder.add(block, infer(game, block.given, hide=block.hide, partly=evidence.hide, progress=meter.moved, **options))
        paths = [place / name for name in (*recorder.finish(), _SUMMARY)]
        warnings.add(recorder.warnings())
        answer = recorder.answer(choice, chain, paths, warnings.found)
        summary = json.dumps({**output.facts, "show": output.show, **answer.plain()}, indent=2, allow_nan=False)
        write_whole(part / _SUMMARY, f"{summary}\n")
    return answer


def _understood(game: Game, evidence: EvidenceFiles, question: Question) -> tuple[Choice, tuple[str, ...]]:
    """Return the chain that answers, with the variables that are asked for."""
    graph, fixed = game.graph, evidence.fixed
    want = wanted_variables(graph, question.want, fixed)
    own = {factor.target for player in graph.players.values() for factor in player.factors.values() if factor.family is None}
    split = frozenset(name for name in own & evidence.hide.keys() if any(map(any_in_part, evidence.hide[name].blocks(question.block))))
    free, named = frozenset(evidence.hide), question.chain.get("sampler")
    choice = choose_sampler(graph, named, fixed=fixed, free=free, split=split, want=frozenset(want))
    if question.want is None:
        want = tuple(name for name in graph.variables if name in choice.sampler.targets and name not in fixed)
    for name in evidence.truth:
        if name not in want:
            raise EvidenceError(f"the truth of {name!r} is given, but {name!r} is not wanted: leave one out, or add the other")
    if not want:
        raise EvidenceError("everything is given: hide a part, or give less")
    return choice, want


class _Warnings:
    """Tells warnings, and keeps them."""

    def __init__(self, tell: Callable[[str], None] | None) -> None:
        self.found: list[str] = []
        self._tell = tell

    def add(self, texts: Iterable[str]) -> None:
        for text in texts:
            self.found.append(text)
            if self._tell:
                self._tell(text)


class _Meter:
    """Counts sweeps of rows as parts of rows."""

    def __init__(self, sweeps: int, tell: Callable[[float], None]) -> None:
        self._sweeps, self._tell, self._moves = sweeps, tell, 0

    def moved(self, rows: int) -> None:
        self._moves += rows
        self._tell(self._moves / self._sweeps)


class _Recorder:
    """Writes answers block by block, and keeps what is told of all of them."""

    def __init__(self, game: Game, evidence: EvidenceFiles, want: tuple[str, ...], output: Output, folder: Path) -> None:
        self._variables = {name: game.graph.variables[name] for name in want}
        self._evidence, self._keep, self._folder, self._show = evidence, output.keep, folder, output.show
        self._archive = ArchiveWriter(folder / _ARRAYS, evidence.rows)
        self._diagnoses: dict[str, list[Diagnosis]] = {}
        self._errors = {name: InferredErrors(variable) for name, variable in self._variables.items()}
        pictures = image_variables(game.graph)
        shown = [name for name in want if name in pictures]
        self._sheets = InferredSheets(game.graph, [name for name in evidence.given if name in pictures], shown, output.show)
        self._images = [name for name in shown if output.images and (self._variables[name].classes or 0) <= _MOST_IN_PALETTE]

    def add(self, block: Block, found: Inference) -> None:
        """Write one block."""
        decided = {name: value.cpu().numpy() for name, value in found.decided.items()}
        self._archive.append({key: array for name in self._variables for key, array in self._arrays(name, found)})
        known = {name: value.cpu().numpy() for name, value in found.known.items()}
        judgements: dict[str, Judged] = {}
        for name, variable in self._variables.items():
            if found_truth := judged(variable, block, known[name]):
                judgements[name] = found_truth
                self._errors[name].add(found_truth, decided[name])
            if self._evidence.table and not variable.shape:
                self._evidence.table.fill(variable, block.first_row, decided[name], known[name])
        names = [self._evidence.name(block.first_row + row) for row in range(block.rows)]
        shown = {name: value[0].cpu().numpy() for name, value in found.drawn.items()} if self._show == "drawn" else decided
        self._sheets.add(block, shown, judgements, names)
        for name in self._images:
            variable = self._variables[name]
            write_images(self._folder / name, names, file_pixels(shown[name], variable), palette_of(variable))
        for name, diagnosis in found.diagnostics.items():
            self._diagnoses.setdefault(name, []).append(diagnosis)

    def _arrays(self, name: str, found: Inference) -> Iterable[tuple[str, np.ndarray[Any, Any]]]:
        """Return what is kept of one variable, each with its name in the archive."""
        variable = self._variables[name]
        for kind in self._keep:
            values: Mapping[str, torch.Tensor] = getattr(found, kind)
            if name not in values:
                continue
            array = values[name].cpu().numpy()
            if kind == "drawn":
                array = array.swapaxes(0, 1)
            is_value = kind in ("decided", "drawn")
            yield (name if kind == "decided" else f"{name}.{kind}"), array.astype(_stored_type(variable) if is_value else np.float32)

    def finish(self) -> list[str]:
        """Write what was waiting for the last block; return the names of all files and folders."""
        self._archive.finish()
        tables = [_TABLE] if self._evidence.table else []
        if self._evidence.table:
            self._evidence.table.write(self._folder / _TABLE)
        return [_ARRAYS, *tables, *self._sheets.save(self._folder), *self._images]

    def warnings(self) -> list[str]:
        """Return what makes the answers about all blocks doubtful."""
        untold = [name for name in self._evidence.truth if not self._errors[name].elements]
        return [
            *(disagreement(name, each) for name, each in self._diagnostics().items() if each.is_alarming),
            *(f"no error of {name!r} is told: where it was inferred, its truth is missing" for name in untold),
        ]

    def answer(self, choice: Choice, chain: Mapping[str, Any], paths: Iterable[Path], warnings: Iterable[str]) -> Answer:
        """Return what is told of all blocks."""
        errors = {name: each.figures() for name, each in self._errors.items() if each.elements}
        name, rows = choice.sampler.name, self._evidence.rows
        return Answer(tuple(paths), rows, name, chain, self._diagnostics(), errors, tuple(warnings), choice.notice)

    def _diagnostics(self) -> dict[str, Diagnosis]:
        return {name: pooled(each) for name, each in self._diagnoses.items()}

    def close(self) -> None:
        """Close what may be open after an error."""
        self._archive.close()


def _stored_type(variable: Variable) -> np.dtype[Any]:
    """Return the type of a variable's values in a file."""
    if variable.type == "categorical":
        return np.min_scalar_type((variable.classes or 2) - 1)
    return np.dtype(np.uint8 if variable.type == "binary" else np.float32)


def file_pixels(values: np.ndarray[Any, Any], variable: Variable) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Return images as they are stored in files: classes, grey values or colours."""
    if variable.type == "categorical":
        return values.astype(np.uint8)
    pixels = to_pixels(torch.from_numpy(values), variable)
    return pixels if len(variable.shape) == 3 and variable.shape[0] == 3 else np.ascontiguousarray(pixels[..., 0])


def palette_of(variable: Variable) -> np.ndarray[Any, np.dtype[np.uint8]] | None:
    """Return the colours in which a label map is stored; None for another image."""
    return palette(variable.classes or 2) if variable.type == "categorical" else None
