"""A comparison: groups of runs, a row for every figure, what differs, and what may not be compared. This file makes one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from gamelearn.comparison.comparability import Faults, find_faults
from gamelearn.comparison.groups import Difference, Group, find_differences
from gamelearn.comparison.measuring import Question, Result, common_metrics, figures_of, measure
from gamelearn.comparison.statistics import Cell, Ratio, cell_of, ratio_of
from gamelearn.errors import GamelearnError, Say, nearest, quoted


@dataclass(frozen=True)
class Row:
    """One figure of all groups.

    Attributes:
        metric: its name; empty for the facts of the training.
        block: of the metric's result.
        name: of the figure.
        cells: by group.
        ratios: to the baseline, by group; None where a ratio means nothing, and for the baseline itself.
        is_comparable: whether the groups' figures may be compared.
    """

    metric: str
    block: str
    name: str
    cells: tuple[Cell, ...]
    ratios: tuple[Ratio | None, ...]
    is_comparable: bool = True

    @property
    def title(self) -> str:
        """The figure's whole name."""
        return ", ".join(each for each in (self.metric, self.block, self.name) if each)

    def plain(self) -> dict[str, Any]:
        """Return the row as plain values."""
        cells = [{**cell.plain(), "ratio": ratio and ratio.plain()} for cell, ratio in zip(self.cells, self.ratios, strict=True)]
        head = {"metric": self.metric, "block": self.block, "figure": self.name, "comparable": self.is_comparable}
        return {**head, "cells": cells}


@dataclass(frozen=True)
class Comparison:
    """Groups of runs beside each other.

    Attributes:
        groups: the columns.
        baseline: the number of the group that the others are divided by.
        question: what was measured.
        rows: the figures.
        differences: of the groups' specs.
        notices: what a reader of the table has to know, such as figures that may not be compared.
    """

    groups: tuple[Group, ...]
    baseline: int
    question: Question
    rows: tuple[Row, ...]
    differences: tuple[Difference, ...]
    notices: tuple[str, ...]

    def plain(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        groups = [{"label": group.label, "runs": [_run(entry) for entry in group.entries]} for group in self.groups]
        labels = [group.label for group in self.groups]
        asked = {"split": self.question.split, "count": self.question.count, "seed": self.question.seed}
        differences = [{"key": each.key, "values": dict(zip(labels, each.values, strict=True))} for each in self.differences]
        rows = [row.plain() for row in self.rows]
        head = {**asked, "baseline": labels[self.baseline], "groups": groups}
        return {**head, "rows": rows, "differences": differences, "notices": list(self.notices)}


def _run(entry: Any) -> dict[str, Any]:
    return {"run": str(entry.folder), "game": entry.game.graph.name, "round": entry.round, "seed": entry.seed, "weights": entry.weights}


def compare(groups: Sequence[Group], question: Question, *, baseline: str | None, say: Say) -> Comparison:
    """Compare groups of runs; figures that were not measured before are measured, and kept in the runs' folders.

    Args:
        groups: at least one.
        question: what is measured.
        baseline: the label of the group that the others are divided by; by default the first.
        say: is told what is measured.

    Raises:
        GamelearnError: there is no group of the baseline's name.
        MetricError: a metric that is asked for does not fit a run.
        DataError: the split has no rows, or cannot be read.
    """
    base = _baseline(groups, baseline)
    entries = [entry for group in groups for entry in group.entries]
    question = question.settled(entries)
    names, reason = common_metrics(entries, question)
    results = [[measure(entry, names, question, say) for entry in group.entries] for group in groups]
    faults = find_faults(groups, results, question.split_of(entries))
    rows = tuple(_rows(groups, results, base, faults))
    notices = (*([reason] if reason else []), *_repeated(groups), *faults.lines)
    return Comparison(tuple(groups), base, question, rows, find_differences(groups), notices)


def _baseline(groups: Sequence[Group], label: str | None) -> int:
    labels = [group.label for group in groups]
    if label is None:
        return 0
    if label not in labels:
        hint = nearest(label, labels)
        what = f"there is no column {label!r} to be the baseline; there are {quoted(labels)}"
        raise GamelearnError(what + (f"; did you mean {hint!r}?" if hint else ""))
    return labels.index(label)


def _repeated(groups: Sequence[Group]) -> Iterator[str]:
    for group in groups:
        for seed in sorted({seed for seed in group.seeds if group.seeds.count(seed) > 1}):
            yield f"{group.label} has seed {seed} {group.seeds.count(seed)} times: its spread is not one over seeds"


def _rows(groups: Sequence[Group], results: Sequence[Sequence[Sequence[Result]]], base: int, faults: Faults) -> Iterator[Row]:
    for name in ("rounds", "seconds", "parameters"):
        attribute = {"rounds": "round"}.get(name, name)
        cells = tuple(cell_of([float(getattr(entry, attribute)) for entry in group.entries]) for group in groups)
        yield Row("", "training", name, cells, _ratios(groups, cells, base))
    figures = [[figures_of(each) for each in own] for own in results]
    keys = dict.fromkeys(key for own in figures for each in own for key in each)
    for metric, block, name in keys:
        found = tuple(_cell([each.get((metric, block, name)) for each in own]) for own in figures)
        is_comparable = metric not in faults.metrics and len({cell.count for cell in found if cell.mean is not None}) <= 1
        ratios = _ratios(groups, found, base) if is_comparable else (None,) * len(groups)
        yield Row(metric, block, name, found, ratios, is_comparable)


def _cell(figures: Sequence[dict[str, Any] | None]) -> Cell:
    counts = {figure["count"] for figure in figures if figure}
    error = figures[0]["error"] if figures[0] else None
    values = [figure["value"] if figure else None for figure in figures]
    return cell_of(values, error=error, count=counts.pop() if len(counts) == 1 else None)


def _ratios(groups: Sequence[Group], cells: Sequence[Cell], base: int) -> tuple[Ratio | None, ...]:
    pairs = [group.seeds == groups[base].seeds and len(set(group.seeds)) == len(group.seeds) for group in groups]
    return tuple(None if index == base else ratio_of(cell, cells[base], paired=pairs[index]) for index, cell in enumerate(cells))
