"""How probable a game finds the data: importance-sampled log-likelihood, evidence lower bound with its parts, effective sample size.

This file registers the metric.
"""

from collections.abc import Sequence
from math import log, sqrt

import numpy as np
import torch

from gamelearn.game import Game
from gamelearn.graph.model import Graph
from gamelearn.metrics.jackknife import GroupedSums, Sums
from gamelearn.metrics.label_maps import read_blocks
from gamelearn.metrics.metric import Block, Context, Figure, Metric, MetricError, MetricResult
from gamelearn.metrics.models import LatentModel, ModelOptions, Proposed, find_model, propose, total
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import Positive


class LikelihoodOptions(ModelOptions):
    """The options of `likelihood`."""

    samples: Positive = 64
    """K, how many draws from the proposal each row has."""
    count: Positive = 256
    """How many rows, the first of the split (all, if it has fewer)."""


@METRICS.register("likelihood", options=LikelihoodOptions)
class Likelihood(Metric):
    """Log-likelihood of the data by importance sampling, the evidence lower bound and its parts, in nats, and how good a proposal the encoder is.

    With K draws z_k from q(z | x) for each row and weights w_k = p(x, z_k) / q(z_k | x):

        log-likelihood   log 1/K sum_k w_k           a lower bound in expectation, which grows with K to log p(x)
        ELBO             1/K sum_k log w_k           the bound of K = 1: reconstruction - rate
        reconstruction   1/K sum_k log p(x | z_k)
        rate             1/K sum_k log q(z_k | x) / p(z_k), by hidden variable the part of its two factors
        effective samples   (sum_k w_k)^2 / (K sum_k w_k^2), between 1/K and 1

    Source: Burda, Grosse and Salakhutdinov, "Importance weighted autoencoders", 2016.

    Args:
        stream: whose rows are observed.
        model: the players that make them.
        proposal: the players that infer the hidden variables.
        samples: K.
        count: of rows.
    """

    reads_chain = ()

    def __init__(
        self, *, stream: str | None, model: tuple[str, ...] | None, proposal: tuple[str, ...] | None, samples: int, count: int
    ) -> None:
        self._stream, self._model, self._proposal, self._samples, self._count = stream, model, proposal, samples, count

    def misfit(self, graph: Graph) -> str | None:
        try:
            self._find(graph)
        except MetricError as error:
            return str(error)
        return None

    def compute(self, game: Game, context: Context) -> MetricResult:
        model = self._find(game.graph)
        names = (*_HEAD, *map(_rate_of, model.hidden))
        sums, efficiencies = GroupedSums((len(names) + 1,)), []
        for first, rows in read_blocks(game, model.stream, context, "likelihood", count=self._count):
            proposed = propose(game, model, rows, samples=self._samples, seed=context.seed, first_row=first)
            found = _row_figures(model, proposed)
            efficiencies.append(found["effective samples"].numpy())
            sums.add(torch.stack([torch.ones_like(found["ELBO"]), *(found[name] for name in names)], 1).numpy())
        dimensions = sum(game.graph.variables[name].elements for name in model.observed)
        figures = _figures(sums, names, np.concatenate(efficiencies), dimensions=dimensions, samples=self._samples)
        facts = {**model.facts(), "samples": self._samples, "count": sums.rows}
        return MetricResult((Block(model.title(), figures),), self._notes(game.graph, model, figures), facts)

    def _find(self, graph: Graph) -> LatentModel:
        return find_model(graph, stream=self._stream, model=self._model, proposal=self._proposal)

    def _notes(self, graph: Graph, model: LatentModel, figures: dict[str, Figure]) -> tuple[str, ...]:
        notes = [f"the log-likelihood is a lower bound from K = {self._samples} samples a row: it grows with K"]
        if self._samples > 1 and figures["effective samples, median"].value < 2 / self._samples:
            notes.append(
                "few samples carry the weight in most rows: the bound is loose, and its Monte-Carlo error too small; take more samples"
            )
        if densities := [name for name in model.observed if graph.variables[name].type == "real"]:
            notes.append(f"{', '.join(densities)}: real, so that these are densities, which change with the scale of the data")
        return tuple(notes)


_HEAD = ("log-likelihood", "ELBO", "reconstruction", "rate", "gap", "effective samples", "variance")


def _rate_of(variable: str) -> str:
    return f"rate of {variable}"


def _row_figures(model: LatentModel, proposed: Proposed) -> dict[str, torch.Tensor]:
    """Return what each row gives, `(rows,)` each, with the rate of every hidden variable under its own name."""
    weights = proposed.log_weights
    samples = weights.shape[1]
    likelihood, elbo = weights.logsumexp(1) - log(samples), weights.mean(1)
    shares = torch.softmax(weights, 1).square().sum(1).nan_to_num(1.0)  # no weight at all counts as one sample
    rates = {name: (proposed.proposal[name] - proposed.model[name]).mean(1) for name in model.hidden}
    reconstruction = total({name: proposed.model[name] for name in model.observed}).mean(1)
    variance = (shares - 1 / samples).clamp_min(0) * samples / max(samples - 1, 1)
    head = (likelihood, elbo, reconstruction, total(rates), likelihood - elbo, 1 / (samples * shares), variance)
    found = {name: each.cpu() for name, each in zip(_HEAD, head, strict=True)}
    return {**{_rate_of(name): each.cpu() for name, each in rates.items()}, **found}


def _figures(sums: GroupedSums, names: Sequence[str], efficiencies: Sums, *, dimensions: int, samples: int) -> dict[str, Figure]:
    """Return the figures of all rows; one sample tells nothing of the spread of samples."""
    means = {name: sums.figure(lambda each, at=index: float(each[at] / each[0])) for index, name in enumerate(names, 1)}  # type: ignore[misc]
    bits, variance = -1 / (log(2) * dimensions), names.index("variance") + 1
    figures = {"log-likelihood": means["log-likelihood"]}
    if samples > 1:
        figures["Monte-Carlo error"] = sums.figure(lambda each: _error_of_mean(each, variance))
    figures["log-likelihood, bits per dimension"] = _scaled(means["log-likelihood"], bits)
    figures["ELBO"] = means["ELBO"]
    figures["ELBO, bits per dimension"] = _scaled(means["ELBO"], bits)
    figures |= {"log-likelihood - ELBO": means["gap"], "reconstruction": means["reconstruction"], "rate": means["rate"]}
    figures |= {name: means[name] for name in names[len(_HEAD) :]}
    figures["effective samples"] = means["effective samples"]
    figures["effective samples, median"] = Figure(float(np.median(efficiencies)), sums.rows)
    figures["effective samples, worst"] = Figure(float(efficiencies.min()), sums.rows)
    return figures


def _error_of_mean(sums: Sums, variance: int) -> float:
    """Return the standard error of the mean log-likelihood that comes from the draws alone (delta method, row by row)."""
    return sqrt(max(float(sums[variance]), 0.0)) / float(sums[0])


def _scaled(figure: Figure, factor: float) -> Figure:
    return Figure(factor * figure.value, figure.count, None if figure.error is None else abs(factor) * figure.error)
