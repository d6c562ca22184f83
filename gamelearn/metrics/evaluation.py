"""The metrics of a game, one after the other.

A spec names them under `evaluate`; where it does not, those of the registry are taken that fit the game. This file measures.
"""

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from pydantic import ValidationError

from gamelearn.errors import EvidenceError, nearest, quoted
from gamelearn.game import Game
from gamelearn.gibbs.choice import check_sampler_name
from gamelearn.gibbs.counts import whole_number
from gamelearn.graph.model import Graph
from gamelearn.metrics.chain import chain_values
from gamelearn.metrics.kept import KeptRows
from gamelearn.metrics.metric import Context, Metric, MetricError, MetricResult
from gamelearn.options import mistakes_of
from gamelearn.plugins import load_builtins
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import MetricOptions

ANY_SPLIT = "train"
KEPT_BYTES = 2**28
"""How many bytes of generated rows an evaluation keeps at most for the metrics that look at the same ones."""


@dataclass(frozen=True)
class ChosenMetric:
    """A metric with its name, options, and the options' model."""

    name: str
    options: MetricOptions
    metric: Metric


@dataclass(frozen=True)
class Evaluation:
    """What one metric found on one split (None for a metric that uses none)."""

    name: str
    type: str
    options: Mapping[str, Any]
    split: str | None
    seed: int
    seconds: float
    result: MetricResult

    def plain(self) -> dict[str, Any]:
        """Return the evaluation as plain values."""
        head = {"name": self.name, "type": self.type, "options": dict(self.options), "split": self.split, "seed": self.seed}
        return {**head, "seconds": round(self.seconds, 3), **self.result.plain()}


def usual_split(games: Iterable[Game]) -> str:
    """Return the split on which games are measured where none is named: `validation`, or `train` if one of them has no rows there."""
    with_data = [game for game in games if game.graph.streams]
    return "validation" if all(game.streams().has_rows("validation") for game in with_data) else "train"


def evaluate(game: Game, chosen: Sequence[ChosenMetric], splits: Sequence[str], context: Context) -> Iterator[Evaluation]:
    """Yield what each metric finds on each split, as soon as it is found.

    Args:
        game: with its players; its data is opened.
        chosen: by `choose_metrics`.
        splits: some of `train`, `validation`, `test`; a metric that uses none is measured once.
        context: what the user asks; its split is replaced, and the metrics share their generated rows.

    Raises:
        MetricError: what the user asks is of the wrong type, or the chain has no such value.
        DataError: a split has no rows, or cannot be read.
        EvidenceError: the chain's values do not fit the game.
    """
    context = replace(_checked(game.graph, context), kept=KeptRows(most=KEPT_BYTES))
    for each in chosen:
        for split in splits if each.metric.uses_split else [None]:
            began = time.perf_counter()
            result = each.metric.compute(game, replace(context, split=split or ANY_SPLIT))
            options = each.options.model_dump(mode="json", exclude={"type"})
            yield Evaluation(each.name, each.options.type, options, split, context.seed, time.perf_counter() - began, result)


def _checked(graph: Graph, context: Context) -> Context:
    """Return what the user asks, its numbers and the values of the chain as Python's own; a sampler is one of the game, used or not."""
    try:
        count = None if context.count is None else whole_number("count", context.count, 1)
        seed = whole_number("seed", context.seed)
    except EvidenceError as error:
        raise MetricError(str(error)) from None
    chain = chain_values(context.chain)
    if "sampler" in chain:
        check_sampler_name(graph, chain["sampler"])
    return replace(context, count=count, seed=seed, chain=chain)


def unused_values(chosen: Sequence[ChosenMetric], chain: Mapping[str, Any]) -> list[str]:
    """Return the names of the values of a chain that none of the metrics looks at; none if any metric does not say."""
    read: set[str] = set()
    for each in chosen:
        if each.metric.reads_chain is None:
            return []
        read.update(each.metric.reads_chain)
    return [name for name in chain if name not in read]


def choose_metrics(game: Game, names: Sequence[str] | None = None) -> tuple[ChosenMetric, ...]:
    """Return metrics of a game.

    Args:
        game: whose spec may name some.
        names: some of those that the spec names, or of the registry; by default all that the spec names, or if there are none, all of
            the registry that fit the game.

    Raises:
        MetricError: a name is not known, or a metric does not fit the game, with what it needs.
    """
    load_builtins()
    named = {name: _built(name, options) for name, options in _named(game).items()}
    if names is None:
        chosen = tuple(named.values()) or default_metrics(game.graph)
    else:
        chosen = tuple(named[name] if name in named else _registered(name, list(named)) for name in dict.fromkeys(names))
    wrong = [f"{each.name!r} does not fit this game: {reason}" for each in chosen if (reason := each.metric.misfit(game.graph))]
    if wrong:
        raise MetricError("\n".join(wrong))
    return chosen


def _named(game: Game) -> Mapping[str, MetricOptions]:
    return game.checked.spec.evaluate if game.checked else {}


def _built(name: str, options: MetricOptions) -> ChosenMetric:
    return ChosenMetric(name, options, METRICS[options.type].build(**options.own_options()))


def _registered(name: str, named: Sequence[str]) -> ChosenMetric:
    if name not in METRICS:
        known = [*named, *(each for each in METRICS.names if each not in named)]
        hint = nearest(name, known)
        raise MetricError(f"unknown metric {name!r}; known: {quoted(known)}" + (f"; did you mean {hint!r}?" if hint else ""))
    try:
        options: MetricOptions = METRICS[name].options.model_validate({"type": name})  # type: ignore[assignment]
    except ValidationError as error:
        needs = "; ".join(each.what for each in mistakes_of(error))
        raise MetricError(
            f"the metric {name!r} has no defaults for all its options: {needs}; name it under 'evaluate' in the spec"
        ) from None
    return _built(name, options)


def default_metrics(graph: Graph) -> tuple[ChosenMetric, ...]:
    """Return the metrics of the registry that fit a game with their default options.

    Raises:
        MetricError: none fits, with what each needs.
    """
    reasons, found = [], []
    for name in METRICS.names:
        if not getattr(METRICS[name].build, "by_default", True):
            continue
        try:
            each = _registered(name, [])
        except MetricError:
            continue
        reason = each.metric.misfit(graph)
        if reason:
            reasons.append(f"{name!r} {reason}")
        else:
            found.append(each)
    if not found:
        raise MetricError("\n".join(["no metric fits this game:", *reasons]))
    return tuple(found)
