"""What an ablation finds: its variants compared at the end, and curves of utilities and metrics along the training.

This file measures the runs.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gamelearn.comparison.ablation import Ablation, Points
from gamelearn.comparison.compare import Comparison, compare
from gamelearn.comparison.entry import Entry, open_entry
from gamelearn.comparison.groups import Group
from gamelearn.comparison.lines import Line, Point, line_of, utility_lines
from gamelearn.comparison.measuring import Question, common_metrics, figures_of, measure
from gamelearn.errors import Say
from gamelearn.train.checkpoint import list_checkpoints, round_of

_Trained = Mapping[str, tuple[Points, tuple[Path, ...]]]
_Curves = dict[str, list[Point]]


@dataclass(frozen=True)
class Findings:
    """What an ablation finds.

    Attributes:
        comparison: of the variants at the end of their training.
        lines: curves by what they show, one for each variant.
    """

    comparison: Comparison
    lines: Mapping[str, tuple[Line, ...]]

    def plain(self) -> dict[str, Any]:
        """Return the findings as plain values."""
        return {**self.comparison.plain(), "curves": {title: [line.plain() for line in lines] for title, lines in self.lines.items()}}


def measure_all(ablation: Ablation, trained: _Trained, question: Question, *, say: Say) -> Findings:
    """Measure the runs of an ablation at all of their points.

    Args:
        ablation: what was trained.
        trained: as `train_all` returns it.
        question: what is measured.
        say: is told what is measured.

    Raises:
        MetricError: a metric that is asked for does not fit a run.
        DataError: the split has no rows, or cannot be read.
    """
    groups = [Group(name, tuple(_opened(ablation, folder, None, say) for folder in folders)) for name, (_, folders) in trained.items()]
    entries = [entry for group in groups for entry in group.entries]
    question = question.settled(entries)
    found = compare(groups, question, baseline=None, say=say)
    names, _ = common_metrics(entries, question)
    lines: dict[str, tuple[Line, ...]] = utility_lines(groups)
    if names:
        curves = {
            name: [
                _along(ablation, folder, rounds, names, question, say)
                for folder, rounds in zip(folders, _rounds(points, folders), strict=True)
            ]
            for name, (points, folders) in trained.items()
        }
        lines |= _metric_lines(curves)
    return Findings(found, lines)


def _opened(ablation: Ablation, folder: Path, rounds: int | None, say: Say) -> Entry:
    return open_entry(folder, rounds, say=say, device=ablation.device, plugins=ablation.plugins, untrusted=ablation.untrusted)


def _rounds(points: Points, folders: Sequence[Path]) -> list[list[int]]:
    """Return the rounds of every run's points: by rounds those that all runs have, by time their own."""
    own = [points.chosen(map(round_of, list_checkpoints(folder / "checkpoints"))) for folder in folders]
    if points.every is None:
        return own
    common = sorted(set.intersection(*map(set, own)))
    return [common for _ in folders]


def _along(ablation: Ablation, folder: Path, rounds: Sequence[int], names: Sequence[str], question: Question, say: Say) -> _Curves:
    """Return the curve of every figure of a run."""
    curves: _Curves = {}
    for number in rounds:
        entry = _opened(ablation, folder, number, say)
        for key, figure in figures_of(measure(entry, names, question, say)).items():
            if figure["value"] is not None:
                point = Point(entry.round, entry.seconds, entry.updates, figure["value"])
                curves.setdefault(", ".join(key), []).append(point)
    return curves


def _metric_lines(curves: Mapping[str, Sequence[_Curves]]) -> dict[str, tuple[Line, ...]]:
    titles = dict.fromkeys(title for runs in curves.values() for run in runs for title in run)
    found: dict[str, tuple[Line, ...]] = {}
    for title in titles:
        lines = [line_of(label, _in_common([run.get(title, []) for run in runs])) for label, runs in curves.items()]
        found[title] = tuple(line for line in lines if line is not None)
    return {title: lines for title, lines in found.items() if lines}


def _in_common(runs: Sequence[Sequence[Point]]) -> list[list[Point]]:
    """Return points of runs that belong together: those at equal rounds, if any but the last are, else by their number."""
    common = set.intersection(*({point.rounds for point in points} for points in runs))
    if len(common) > 1 or all(len(points) == 1 for points in runs):
        return [[point for point in points if point.rounds in common] for points in runs]
    return [list(points) for points in runs]
