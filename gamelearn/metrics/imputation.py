"""How well a game fills in missing cells of a table, beside scikit-learn's imputers on the same cells.

This file registers the metric.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated

import numpy as np
import torch
from pydantic import Field

from gamelearn import noise
from gamelearn.errors import EvidenceError
from gamelearn.graph.model import Graph, Variable, unknown
from gamelearn.metrics.chain import Asker, ChainOptions, ChainQuestion, answers
from gamelearn.metrics.imputation_scores import CONSTANT, GAME, ITERATIVE, Scored
from gamelearn.metrics.imputers import Cells, Guesses, Masks, constant_guesses, iterative_guesses
from gamelearn.metrics.label_maps import drawn_variables, read_blocks
from gamelearn.metrics.metric import Context, Metric, MetricError, MetricResult
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import MetricOptions, Name, Positive

if TYPE_CHECKING:
    from gamelearn.game import Game

_CHAINS = 39


class ImputationOptions(MetricOptions):
    """The options of `imputation`."""

    stream: Name | None = None
    """The stream whose rows are filled in; by default the first that shows two or more scalars of which players draw some."""
    missing: Annotated[float, Field(gt=0, le=1)] = 0.3
    """The probability of each cell to be missing, independently."""
    coverage: Annotated[float, Field(gt=0, lt=1)] = 0.9
    """The part of the truth that intervals of draws ought to hold; the nearest that the number of chains allows."""
    rounds: Positive = 10
    """How many rounds IterativeImputer makes at most."""
    count: Positive = 256
    """How many rows, the first of the split (all, if it has fewer)."""
    chain: ChainOptions = ChainOptions()
    """The chain that fills in; by default with 39 chains, whose last states are the draws."""


@METRICS.register("imputation", options=ImputationOptions)
class Imputation(Metric):
    """Errors of missing cells that a game fills in, beside the mean (or most frequent value) and scikit-learn's IterativeImputer.

    Cells that players draw are missing at random; the game fills in the mean of its conditionals along the chain (of classes and bits
    the most probable value), given all other cells of the row. Errors of counts and reals are in standard deviations of the training rows. From
    M draws x_1 .. x_M of a cell y, in rising order, the continuous ranked probability score is

        CRPS = mean_i |x_i - y| - sum_(i < j) |x_i - x_j| / (M (M - 1)),

    and the interval from x_k to x_(M + 1 - k) holds y with probability 1 - 2 k / (M + 1) if y is drawn as the x_i are, whatever their
    distribution. Both are told of IterativeImputer with `sample_posterior`, too.

    Source: Gneiting and Raftery, "Strictly proper scoring rules, prediction, and estimation", 2007; Ferro, "Fair scores for
    ensemble forecasts", 2014.

    Args:
        stream: whose rows are filled in.
        missing: the probability of a cell to be missing.
        coverage: of the intervals.
        rounds: of IterativeImputer.
        count: of rows.
        chain: which fills in.
    """

    reads_chain = ChainOptions.keys()

    def __init__(self, *, stream: str | None, missing: float, coverage: float, rounds: int, count: int, chain: ChainOptions) -> None:
        self._stream, self._missing, self._coverage, self._rounds, self._count = stream, missing, coverage, rounds, count
        self._chain = chain.model_copy(update={"chains": chain.chains or _CHAINS})

    def misfit(self, graph: Graph) -> str | None:
        try:
            found = _find(graph, self._stream)
            hidden = [each.name for each in found.drawn]
            answers(graph, self._chain.sampler, ChainQuestion(found.given, hidden, hidden))
        except (MetricError, EvidenceError) as error:
            return str(error)
        return None

    def compute(self, game: "Game", context: Context) -> MetricResult:
        found = _find(game.graph, self._stream)
        filled = self._fill(game, context, found)
        train = _numpy([rows for _, rows in read_blocks(game, found.stream, context, "training rows", count=None, split="train")])
        draws, seed = self._chain.chains or _CHAINS, noise.integer(("imputation", context.seed, "draws"))
        draws = context.chain.get("chains", draws)
        methods = {
            GAME: filled.guesses,
            ITERATIVE: iterative_guesses(found.variables, train, filled.cells, filled.hidden, rounds=self._rounds, draws=draws, seed=seed),
            CONSTANT: constant_guesses(found.drawn, train, filled.rows),
        }
        deviations = {name: float(cells.std()) or 1.0 for name, cells in train.items()}
        scored = Scored(found.drawn, filled.cells, filled.hidden, methods, deviations)
        blocks = [*scored.blocks(self._coverage)]
        cells = sum(int(mask.sum()) for mask in filled.hidden.values())
        facts = {"count": filled.rows, "missing": self._missing, "cells": cells, **filled.asker.facts()}
        return MetricResult(tuple(blocks), tuple(filled.asker.notes()), facts)

    def _fill(self, game: "Game", context: Context, found: "_Found") -> "_Filled":
        """Hide cells and let the game fill them in, block by block."""
        names = [each.name for each in found.drawn]
        asker = Asker(game, context, self._chain, ChainQuestion(found.given, names, names))
        cells, masks, answers = [], [], []
        for first, rows in read_blocks(game, found.stream, context, "imputation", count=self._count):
            count = len(rows[names[0]])
            hide = {name: self._mask(name, count, first, context.seed) for name in names}
            answer = asker.ask(rows, {name: mask.to(game.device) for name, mask in hide.items()}, first)
            cells.append(rows)
            masks.append(hide)
            answers.append(answer)
        values = _numpy([each.decided for each in answers])
        draws = {name: np.concatenate([each.drawn[name].cpu().double().numpy() for each in answers], 1) for name in names}
        hidden = {name: np.concatenate([each[name].numpy() for each in masks]) for name in names}
        hidden |= {name: np.zeros_like(hidden[names[0]]) for name in found.given}
        return _Filled(_numpy(cells), hidden, Guesses(dict(values), draws), asker)

    def _mask(self, name: str, rows: int, first: int, seed: int) -> torch.Tensor:
        return noise.uniform(("imputation", seed, name), rows, first_row=first) < self._missing


@dataclass(frozen=True)
class _Filled:
    """The rows with their masks, and what the game filled in."""

    cells: Cells
    hidden: Masks
    guesses: Guesses
    asker: Asker

    @property
    def rows(self) -> int:
        """The number of rows."""
        return len(next(iter(self.cells.values())))


@dataclass(frozen=True)
class _Found:
    """A stream's scalars: those that players draw, and the others, which are given."""

    stream: str
    variables: tuple[Variable, ...]
    drawn: tuple[Variable, ...]

    @property
    def given(self) -> list[str]:
        """The names of those that no player draws."""
        return [each.name for each in self.variables if each not in self.drawn]


def _find(graph: Graph, stream: str | None) -> _Found:
    if stream is not None and stream not in graph.streams:
        raise MetricError(unknown("stream", stream, graph.streams))
    targets = drawn_variables(graph)
    for name in graph.streams if stream is None else [stream]:
        shown = tuple(graph.variables[each] for each in graph.streams[name].variables)
        drawn = tuple(each for each in shown if each.name in targets)
        if len(shown) > 1 and drawn and not any(each.shape for each in shown):
            return _Found(name, shown, drawn)
    raise MetricError("needs a stream that shows two or more scalar variables, the columns of a table, of which players draw some")


def _numpy(blocks: Sequence[Mapping[str, torch.Tensor]]) -> Cells:
    return {name: np.concatenate([block[name].cpu().double().numpy() for block in blocks]) for name in blocks[0]}
