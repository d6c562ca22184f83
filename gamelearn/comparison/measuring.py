"""Figures of runs: those that an earlier evaluation kept, else measured now. This file finds them."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from gamelearn.comparison.entry import Entry
from gamelearn.errors import RunError, Say
from gamelearn.metrics.evaluation import ChosenMetric, choose_metrics, evaluate, usual_split
from gamelearn.metrics.metric import Context, MetricError
from gamelearn.metrics.store import EvaluationFile, origin_of, read_evaluations, title_of

Result = dict[str, Any]
"""What one metric found, as the files of evaluations have it."""


@dataclass(frozen=True)
class Question:
    """What is asked of every run.

    Attributes:
        metrics: their names; None for those that are common to all runs.
        split: `train`, `validation` or `test`; None for `validation`, or `train` where a game has no rows there.
        count: how many images or samples; None leaves it to each metric.
        seed: of the noise of measuring.
    """

    metrics: tuple[str, ...] | None
    split: str | None
    count: int | None
    seed: int

    def split_of(self, entries: Sequence[Entry]) -> str:
        """Return the split on which runs are measured."""
        return self.split or usual_split([entry.game for entry in entries])

    def settled(self, entries: Sequence[Entry]) -> "Question":
        """Return the question with the split of these runs."""
        return replace(self, split=self.split_of(entries))


def common_metrics(entries: Sequence[Entry], question: Question) -> tuple[tuple[str, ...], str]:
    """Return the names of the metrics to measure, and where there are none, why not.

    Raises:
        MetricError: a metric that is named does not fit a run; all such runs are listed.
    """
    if question.metrics is not None:
        _check_fit(entries, question.metrics)
        return question.metrics, ""
    found: list[tuple[str, ...]] = []
    for entry in entries:
        try:
            found.append(tuple(each.name for each in choose_metrics(entry.game)))
        except MetricError:
            return (), f"no metric is common to all runs: none fits {entry.folder}, as 'gamelearn evaluate' explains"
    common = tuple(name for name in found[0] if all(name in others for others in found))
    each = "; ".join(f"{entry.folder} has {', '.join(names)}" for entry, names in zip(entries, found, strict=True))
    return common, "" if common else f"no metric is common to all runs: {each}"


def _check_fit(entries: Sequence[Entry], names: Sequence[str]) -> None:
    wrong = []
    for entry in entries:
        try:
            choose_metrics(entry.game, names)
        except MetricError as error:
            wrong.append(f"{entry.folder}: {error}")
    if wrong:
        raise MetricError("\n".join(wrong))


def measure(entry: Entry, names: Sequence[str], question: Question, say: Say) -> list[Result]:
    """Return what metrics say of a run; what is measured now is kept in the run's folder, as `gamelearn evaluate` does.

    An earlier figure is taken if metric, options, split, seed, count, checkpoint and weights are the same, and no values of a chain were
    given.

    Args:
        entry: the run at its checkpoint.
        names: of metrics that fit it.
        question: the split, the count and the seed.
        say: is told what is measured.

    Raises:
        DataError: the split has no rows, or cannot be read.
        RunError: the figures cannot be kept, or earlier ones are damaged.
    """
    if not names:
        return []
    chosen = choose_metrics(entry.game, names)
    kept = _kept(entry, question)
    found = {each.name: _among(kept, each, question) for each in chosen}
    absent = [each for each in chosen if found[each.name] is None]
    if absent:
        say(f"measuring {', '.join(each.name for each in absent)} of {entry.folder} at round {entry.round}")
        found |= _measured(entry, absent, question)
    return [result for result in found.values() if result is not None]


def _measured(entry: Entry, chosen: Sequence[ChosenMetric], question: Question) -> dict[str, Result]:
    """Measure a run now, keep what is found, and give the memory of its data back: other runs have data of their own."""
    origin = origin_of(entry.folder, entry.game, entry.round, entry.weights, question.count, {})
    split = question.split_of([entry])
    file = EvaluationFile(entry.folder, title_of(entry.round, [split]), origin)
    context = Context(split, question.count, question.seed, {}, lambda title, done, total: None)
    found = {}
    for new in evaluate(entry.game, chosen, [split], context):
        file.add(new)
        found[new.name] = new.plain()
    entry.game.close_streams()
    return found


def _kept(entry: Entry, question: Question) -> list[Result]:
    wanted = {"round": entry.round, "weights": entry.weights, "asked": {"count": question.count, "chain": {}}}
    files = read_evaluations(entry.folder)
    return [result for file in files if wanted.items() <= file.items() for result in file.get("results", ())]


def _among(kept: Sequence[Result], metric: ChosenMetric, question: Question) -> Result | None:
    """Return the newest result of the same question."""
    options = json.loads(json.dumps(metric.options.model_dump(mode="json", exclude={"type"})))
    split = question.split if metric.metric.uses_split else None
    wanted = {"name": metric.name, "type": metric.options.type, "options": options, "split": split, "seed": question.seed}
    return next((each for each in reversed(kept) if wanted.items() <= each.items()), None)


def figures_of(results: Sequence[Result]) -> dict[tuple[str, str, str], dict[str, Any]]:
    """Return all figures of results by metric, block and name, each with `value`, `count` and `error`.

    Raises:
        RunError: a result has not the form of one.
    """
    try:
        return {
            (result["name"], block["title"], name): figure
            for result in results
            for block in result["blocks"]
            for name, figure in block["figures"].items()
        }
    except (KeyError, TypeError, AttributeError) as error:
        raise RunError(f"an evaluation is damaged: {type(error).__name__}: {error}") from None
