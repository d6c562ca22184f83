"""Answers about many rows, from files to files, block by block: arrays, pictures, diagnostics, errors where the truth is known.

This file asks a game about files of evidence.
"""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass, field, replace
from math import isfinite
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from gamelearn.data.label_maps import image_size, restored_labels
from gamelearn.data.reading import Reading
from gamelearn.disk import write_whole
from gamelearn.errors import EvidenceError, Say
from gamelearn.files.evidence import Block, EvidenceFiles
from gamelearn.files.ranges import Ranges
from gamelearn.files.whole_folder import whole_folder
from gamelearn.files.writers import ROW_NAMES, ArchiveWriter, class_names, own_values, write_images
from gamelearn.game import Game
from gamelearn.gibbs.choice import Choice, choose_sampler
from gamelearn.gibbs.diagnostics import Diagnosis, pooled
from gamelearn.gibbs.evidence import any_in_part
from gamelearn.graph.model import Variable
from gamelearn.inference import Inference, disagreement, infer, wanted_variables
from gamelearn.metrics.chain import used_values
from gamelearn.metrics.metric import Figure
from gamelearn.report.inferred_errors import InferredErrors, Judged, judged, unit_text
from gamelearn.report.inferred_rows import InferredRows
from gamelearn.report.inferred_sheets import InferredSheets
from gamelearn.report.pictures import MOST_CLASSES, Pixels, file_pixels, has_pixels, image_variables, palette_of, standing

Kept = Literal["decided", "mean", "deviation", "drawn"]
KEPT: tuple[Kept, ...] = ("decided", "mean", "deviation", "drawn")
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
        full_size: whether label maps among these have the sizes of the photographs that are given.
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
    full_size: bool = False


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
        units: by variable of these whose unit is not that of its files, what one unit is there.
        classes: the names of the classes, by wanted variable that has some.
        warnings: what makes the answer doubtful.
        notice: which declared samplers were passed over, and why; None where none was.
    """

    paths: tuple[Path, ...]
    rows: int
    sampler: str
    chain: Mapping[str, Any]
    diagnostics: Mapping[str, Diagnosis]
    errors: Mapping[str, Mapping[str, Figure]]
    units: Mapping[str, str] = field(default_factory=dict)
    classes: Mapping[str, Sequence[str]] = field(default_factory=dict)
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
            "units": dict(self.units),
            "classes": {name: list(names) for name, names in self.classes.items()},
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
    warn: Say | None = None,
) -> Answer:
    """Answer a question about every row of files, into a folder that appears when all is done.

    The folder holds `inferred.npz` (decided values under the names of their variables, others as `s.mean`, first axis the rows;
    `s.drawn` is `(rows, chains, *shape)`; the names of rows as `row.names`, of classes as `s.classes`), `inferred.csv`
    (`gamelearn.report.inferred_rows`), `inferred.json` (the answer), a sheet `sheet-s.png` of the first rows of every wanted
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
    evidence = replace(evidence, truth={name: source for name, source in evidence.truth.items() if name in want})
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
        warnings.add([*evidence.notices, *recorder.warnings()])
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
    if evidence.truth and not evidence.truth.keys() & set(want):
        name = next(iter(evidence.truth))
        raise EvidenceError(f"the truth of {name!r} is given, but {name!r} is not wanted: leave one out, or add the other")
    if not want:
        raise EvidenceError("everything is given: hide a part, or give less")
    return choice, want


class _Warnings:
    """Tells warnings, and keeps them."""

    def __init__(self, tell: Say | None) -> None:
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
        self._readings = {name: (game.readings or {}).get(name, Reading()) for name in want}
        self._evidence, self._keep, self._folder, self._show = evidence, output.keep, folder, output.show
        self._archive = ArchiveWriter(folder / _ARRAYS, evidence.rows)
        self._rows = InferredRows(folder / _TABLE, evidence, self._variables, self._readings)
        self._diagnoses: dict[str, list[Diagnosis]] = {}
        self._errors = {name: InferredErrors(variable) for name, variable in self._variables.items()}
        pictures = image_variables(game.graph)
        shown = [name for name in want if name in pictures]
        self._sheets = InferredSheets(game.graph, [name for name in evidence.given if name in pictures], shown, output.show)
        self._too_many = [name for name in shown if output.images and not has_pixels(self._variables[name], self._readings[name])]
        self._images = [name for name in shown if output.images and name not in self._too_many]
        self._photographs = _photographs(evidence, [self._variables[name] for name in self._images]) if output.full_size else ()
        self._cut_off: dict[str, int] = {}

    def add(self, block: Block, found: Inference) -> None:
        """Write one block."""
        decided = {name: value.cpu().numpy() for name, value in found.decided.items()}
        names = [self._evidence.name(block.first_row + row) for row in range(block.rows)]
        arrays = {key: array for name in self._variables for key, array in self._arrays(name, found)}
        self._archive.append(arrays | ({ROW_NAMES: np.array(names, self._evidence.name_type)} if self._evidence.names else {}))
        known = {name: value.cpu().numpy() for name, value in found.known.items()}
        judgements: dict[str, Judged] = {}
        for name, variable in self._variables.items():
            if found_truth := judged(variable, block, known[name]):
                judgements[name] = found_truth
                self._errors[name].add(found_truth, decided[name])
        self._rows.add(block.first_row, found, known)
        shown = {name: value[0].cpu().numpy() for name, value in found.drawn.items()} if self._show == "drawn" else decided
        self._sheets.add(block, shown, judgements, names)
        for name in self._images:
            variable, reading = self._variables[name], self._readings[name]
            pixels = list(file_pixels(shown[name], variable, reading))
            if variable.type == "categorical" and self._photographs:
                pixels = self._restored(name, block.first_row, pixels)
            write_images(self._folder / name, names, pixels, palette_of(variable, reading))
        for name, diagnosis in found.diagnostics.items():
            self._diagnoses.setdefault(name, []).append(diagnosis)

    def _restored(self, name: str, first_row: int, labels: Sequence[Pixels]) -> list[Pixels]:
        """Return label maps at the sizes of their photographs; what was cut off of these holds what stands for no class."""
        used = standing(self._variables[name], self._readings[name])
        outside = next((each for each in reversed(range(MOST_CLASSES)) if each not in used), None)
        files = self._photographs[first_row : first_row + len(labels)]
        restored = [restored_labels(each.astype(np.int64), image_size(file), -1) for each, file in zip(labels, files, strict=True)]
        if any((each < 0).any() for each in restored):
            if outside is None:
                raise EvidenceError(f"{name!r} has {MOST_CLASSES} classes, which leaves no value for what is cut off of photographs")
            self._cut_off[name] = outside
        return [np.where(each < 0, outside or 0, each).astype(np.uint8) for each in restored]

    def _arrays(self, name: str, found: Inference) -> Iterable[tuple[str, np.ndarray[Any, Any]]]:
        """Return what is kept of one variable, in the user's own values, each with its name in the archive."""
        variable, reading = self._variables[name], self._readings[name]
        for kind in self._keep:
            values: Mapping[str, torch.Tensor] = getattr(found, kind)
            if name not in values:
                continue
            array = values[name].cpu().numpy()
            if kind in ("decided", "drawn") or (kind == "mean" and variable.type in ("real", "count")):
                array = _own(array.swapaxes(0, 1), variable, reading) if kind == "drawn" else own_values(array, variable, reading)
            elif kind == "deviation":
                array = array * reading.unit(variable.shape)
            is_value = kind in ("decided", "drawn")
            yield (name if kind == "decided" else f"{name}.{kind}"), array if is_value else array.astype(np.float32)

    def finish(self) -> list[str]:
        """Write what was waiting for the last block; return the names of all files and folders."""
        self._archive.finish(class_names(self._variables, self._readings))
        tables = [_TABLE] if self._rows.finish() else []
        return [_ARRAYS, *tables, *self._sheets.save(self._folder), *self._images]

    def warnings(self) -> list[str]:
        """Return what makes the answers about all blocks doubtful."""
        cut = [f"label maps of {name!r} hold {value} where the photograph was cut off" for name, value in self._cut_off.items()]
        unwritten = [f"no PNG file holds the classes of {name!r}: they are in {_ARRAYS} alone" for name in self._too_many]
        untold = [name for name in self._evidence.truth if not self._errors[name].elements]
        return [
            *cut,
            *unwritten,
            *(disagreement(name, each) for name, each in self._diagnostics().items() if each.is_alarming),
            *(f"there is no error of {name!r}: its truth is missing wherever it was inferred" for name in untold),
        ]

    def answer(self, choice: Choice, chain: Mapping[str, Any], paths: Iterable[Path], warnings: Iterable[str]) -> Answer:
        """Return what is told of all blocks."""
        errors = {name: each.figures() for name, each in self._errors.items() if each.elements}
        units = {name: text for name in errors if (text := unit_text(self._variables[name], self._readings[name]))}
        classes = {name: each.levels for name, each in self._readings.items() if each.levels}
        name, rows = choice.sampler.name, self._evidence.rows
        return Answer(tuple(paths), rows, name, chain, self._diagnostics(), errors, units, classes, tuple(warnings), choice.notice)

    def _diagnostics(self) -> dict[str, Diagnosis]:
        return {name: pooled(each) for name, each in self._diagnoses.items()}

    def close(self) -> None:
        """Close what may be open after an error."""
        self._archive.close()
        self._rows.close()


def _photographs(evidence: EvidenceFiles, shown: Iterable[Variable]) -> Sequence[Path]:
    """Return the photographs whose sizes label maps are to have.

    Raises:
        EvidenceError: none are given, or no label map is to be written.
    """
    if not any(each.type == "categorical" for each in shown):
        raise EvidenceError("no label map is wanted that could be written at the size of its photograph")
    if not evidence.photographs:
        raise EvidenceError("label maps have the size of a photograph where photographs are given, as a folder of images")
    return evidence.photographs


def _own(draws: np.ndarray[Any, Any], variable: Variable, reading: Reading) -> np.ndarray[Any, Any]:
    """Return draws `(rows, chains, *shape)` in the user's own values."""
    own = own_values(draws.reshape(-1, *variable.shape), variable, reading)
    return own.reshape(*draws.shape[:2], *own.shape[1:])
