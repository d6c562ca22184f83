"""What was logged while training, as curves over the rounds. This file draws them as SVG."""

import io
from collections.abc import Mapping, Sequence
from math import isfinite
from typing import Any

import matplotlib
from matplotlib.axes import Axes
from matplotlib.figure import Figure

Curve = tuple[Sequence[int], Sequence[float]]
"""Rounds, with a value for each."""

_SIZE = (7.5, 3.0)
_MOST_POINTS = 1000
_BEGINNING = 0.05
_MARGIN = 0.05
_STYLE: dict[Any, Any] = {"svg.hashsalt": "gamelearn", "svg.fonttype": "path", "font.size": 9}
_GREY = "0.4"


def logged_curves(rows: Sequence[Mapping[str, Any]], kind: str, player: str | None = None) -> dict[str, Curve]:
    """Return the logged numbers of one kind, a curve for each name.

    Args:
        rows: as `gamelearn.train.observers.read_metrics` returns them.
        kind: `utilities`, `gradient_norms` or `learning_rates`, whose names are players; or `terms` or `per_element`.
        player: whose terms, which are the names then; the terms of several stages are different ones.
    """
    several = player is not None and len({row.get("stage") for row in rows}) > 1
    found: dict[str, tuple[list[int], list[float]]] = {}
    for row in rows:
        values = row.get(kind, {})
        for name, value in (values.get(player, {}) if player else values).items():
            if isinstance(value, int | float) and isfinite(value):
                rounds, numbers = found.setdefault(f"{row.get('stage')}: {name}" if several else name, ([], []))
                rounds.append(row["round"])
                numbers.append(value)
    return {name: _thinned(curve) for name, curve in found.items()}


def _thinned(curve: Curve) -> Curve:
    """Return at most so many points, the last one among them."""
    step = -(-len(curve[0]) // _MOST_POINTS)
    return curve[0][::-1][::step][::-1], curve[1][::-1][::step][::-1]


def draw_curves(curves: Mapping[str, Curve], unit: str, *, stages: Mapping[str, int] | None = None, logarithmic: bool = False) -> bytes:
    """Return curves as an SVG picture.

    The axis of values is chosen without the first twentieth of the rounds, where they are often far away.

    Args:
        curves: at least one.
        unit: of the values, the name of their axis.
        stages: the round before each stage but the first, which a line marks.
        logarithmic: whether the axis of values is so, if all values are above 0.
    """
    with matplotlib.rc_context(_STYLE):
        figure = Figure(figsize=_SIZE, layout="constrained")
        axes = figure.add_subplot()
        for name, (rounds, values) in curves.items():
            axes.plot(rounds, values, label=plain_text(name), linewidth=1, marker="." if len(rounds) == 1 else None)
        for name, begin in (stages or {}).items():
            axes.axvline(begin, color=_GREY, linestyle="--", linewidth=1)
            axes.annotate(plain_text(name), (begin, 1), (2, -2), xycoords=("data", "axes fraction"), textcoords="offset points", va="top")
        scale_values(axes, curves, logarithmic=logarithmic)
        axes.set_xlabel("round")
        axes.set_ylabel(unit)
        axes.grid(color="0.93", zorder=0)
        axes.legend(frameon=False, loc="center left", bbox_to_anchor=(1.0, 0.5))
        written = io.BytesIO()
        figure.savefig(written, format="svg", metadata={"Date": None})
    return written.getvalue()


def plain_text(name: str) -> str:
    """Return a name in which nothing is taken for mathematics; one that begins with a low line would be left out of the legend."""
    return " " + name.replace("$", r"\$")


def scale_values(axes: Axes, curves: Mapping[str, Curve], *, logarithmic: bool) -> None:
    """Set the axis of values: logarithmic if that is asked for, and possible; else without the first twentieth of the curves."""
    last = max(rounds[-1] for rounds, _ in curves.values())
    later = [value for rounds, values in curves.values() for each, value in zip(rounds, values, strict=True) if each > last * _BEGINNING]
    if logarithmic and all(value > 0 for _, values in curves.values() for value in values):
        axes.set_yscale("log")
        return
    low, high = min(later), max(later)
    margin = (high - low) * _MARGIN or abs(high) * _MARGIN or 1.0
    axes.set_ylim(low - margin, high + margin)
