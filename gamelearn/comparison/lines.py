"""Curves of groups of runs: the mean over seeds with its spread, over rounds, seconds or updates. This file computes them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any, Literal

from gamelearn.comparison.groups import Group

Axis = Literal["rounds", "seconds", "updates"]
AXES: Mapping[Axis, str] = {"rounds": "rounds", "seconds": "seconds of training", "updates": "updates of all players"}
_MOST_POINTS = 500


@dataclass(frozen=True)
class Point:
    """A value of one run, at a place of its training."""

    rounds: float
    seconds: float
    updates: float
    value: float


@dataclass(frozen=True)
class Line:
    """A curve of a group: at each place the mean over the runs of the place itself and of the value, with the value's spread.

    Attributes:
        label: of the group.
        runs: how many.
        at: by axis, where the points are.
        mean: of the values.
        spread: their standard deviation; 0 for a single run.
    """

    label: str
    runs: int
    at: Mapping[Axis, tuple[float, ...]]
    mean: tuple[float, ...]
    spread: tuple[float, ...]

    def plain(self) -> dict[str, Any]:
        """Return the curve as plain values."""
        places: dict[str, Any] = {name: list(values) for name, values in self.at.items()}
        spread = list(self.spread) if self.runs > 1 else None
        return {"label": self.label, "runs": self.runs, **places, "mean": list(self.mean), "sd": spread}


def line_of(label: str, runs: Sequence[Sequence[Point]]) -> Line | None:
    """Return the curve of runs whose points belong together by their number; None if a run has none.

    Args:
        label: of the group.
        runs: of each run its points; those that not all runs have are left out.
    """
    count = min((len(points) for points in runs), default=0)
    if not count:
        return None
    step = -(-count // _MOST_POINTS)
    chosen = range((count - 1) % step, count, step)  # the last one among them
    columns = [[points[index] for points in runs] for index in chosen]
    at: dict[Axis, tuple[float, ...]] = {
        "rounds": tuple(fmean(each.rounds for each in column) for column in columns),
        "seconds": tuple(fmean(each.seconds for each in column) for column in columns),
        "updates": tuple(fmean(each.updates for each in column) for column in columns),
    }
    values = [[each.value for each in column] for column in columns]
    spread = tuple(stdev(each) if len(each) > 1 else 0.0 for each in values)
    return Line(label, len(runs), at, tuple(map(fmean, values)), spread)


def utility_lines(groups: Sequence[Group]) -> dict[str, tuple[Line, ...]]:
    """Return the curves of every player's utility, in nats per row, at the rounds that all runs of a group have logged."""
    players = dict.fromkeys(player for group in groups for entry in group.entries for row in entry.logged for player in row.utilities)
    found = {player: [line for group in groups if (line := _utility_line(group, player))] for player in players}
    return {f"utility of {player}, nats per row": tuple(lines) for player, lines in found.items()}


def _utility_line(group: Group, player: str) -> Line | None:
    runs = [
        {row.round: Point(row.round, row.seconds, row.updates, row.utilities[player]) for row in entry.logged if player in row.utilities}
        for entry in group.entries
    ]
    common = sorted(set.intersection(*map(set, runs)))
    return line_of(group.label, [[points[rounds] for rounds in common] for points in runs])
