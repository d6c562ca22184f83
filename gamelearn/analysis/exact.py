"""Utilities of small discrete games by enumeration, without a plan and without noise: the oracle of the engine.

    U = E[draws] log score = sum over all values of the draws of  p(draws) * log score

A term with weights has those of the samples of a row in place of the log, or the log of their mean where it is a bound. The score carries a
gradient. `p(draws)` carries none, as for the draws of training (eq. 5), unless the term has `gradient:`; then it
carries that of the whole expectation, but for samplers. This file enumerates a term's chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from math import log

import torch

from gamelearn.analysis.kernel import TableChain
from gamelearn.analysis.tables import MOST_STATES, all_values
from gamelearn.graph.model import Bound, Graph, PlayerDraw, SamplerDraw, StreamDraw, Term
from gamelearn.players.player import Player


@dataclass(frozen=True)
class States:
    """Every value of the variables drawn so far, `(states, *shape)` each, with their probabilities, `(states,)`."""

    values: Mapping[str, torch.Tensor]
    probabilities: torch.Tensor
    rows: Mapping[tuple[str, int], torch.Tensor]
    """For a stream that was read (with its number of primes), the row of each state, `(states,)`."""

    def expand(self, choices: int) -> "States":
        """Return every state paired with each of so many choices; their number varies fastest."""
        repeat = {name: value.repeat_interleave(choices, 0) for name, value in self.values.items()}
        rows = {key: value.repeat_interleave(choices, 0) for key, value in self.rows.items()}
        if len(self.probabilities) * choices > MOST_STATES:
            raise ValueError(f"more than {MOST_STATES} states: enumeration is for small games")
        return States(repeat, self.probabilities.repeat_interleave(choices, 0), rows)


def exact_utility(
    graph: Graph, players: Mapping[str, Player], term: Term, tables: Mapping[str, Mapping[str, torch.Tensor]], dtype: torch.dtype
) -> torch.Tensor:
    """Return the exact value of a term, a scalar with a graph to the parameters of the score, with `gradient:` also to those of its draws.

    Args:
        graph: the game.
        players: its modules.
        term: one of its terms.
        tables: for every stream the values that it shows, by variable, `(rows, *shape)`; each row is equally likely.
        dtype: of binary values.

    Raises:
        ValueError: a variable cannot be enumerated, there are too many states, or the term has weights beside `gradient`.
    """
    if term.weights and term.gradient:
        raise ValueError(f"the weights of {term.title!r} have no gradient, so its draws have no exact one")
    copies = range(term.samples if term.weights else 1)
    states = States({}, torch.ones(1, dtype=dtype), {})
    with torch.set_grad_enabled(term.gradient is not None):
        for draw in term.draws:
            if isinstance(draw, StreamDraw):
                states = _read(states, draw, tables[draw.stream])
        for copy in copies:
            for draw in term.draws:
                if isinstance(draw, PlayerDraw):
                    for bound in draw.factors:
                        states = _draw(states, _copy(bound, copy, term), graph, players, dtype)
                elif isinstance(draw, SamplerDraw):
                    states = _call(states, _copy_call(draw, copy, term), graph, players, dtype)
    scores = torch.stack([_score(term.score, states, copy, term, players) for copy in copies])
    weights = torch.stack([_score(term.weights, states, copy, term, players) for copy in copies]).detach()
    values = (weights.softmax(0) * scores).sum(0)
    if term.is_bound:
        values = values + (weights.logsumexp(0) - log(len(copies)) - values).detach()
    return (states.probabilities * values).sum()


def _score(signed: tuple[tuple[int, Bound], ...], states: States, copy: int, term: Term, players: Mapping[str, Player]) -> torch.Tensor:
    """Return the score of one of the samples in every state, `(states,)`."""
    logs = (sign * log_likelihood(_copy(bound, copy, term), states.values, players) for sign, bound in signed)
    return sum(logs, torch.zeros_like(states.probabilities))


def _copied(name: str, copy: int, term: Term) -> str:
    """Return the name of a variable in one of the samples of a row; what streams show is common to them."""
    shown = {actual for draw in term.draws if isinstance(draw, StreamDraw) for _, actual, _ in draw.columns}
    return name if name in shown or copy == 0 else f"{name}#{copy}"


def _copy(bound: Bound, copy: int, term: Term) -> Bound:
    return Bound(
        bound.factor, _copied(bound.target, copy, term), tuple((each, _copied(actual, copy, term)) for each, actual in bound.givens)
    )


def _copy_call(draw: SamplerDraw, copy: int, term: Term) -> SamplerDraw:
    return replace(draw, binding=tuple((name, _copied(actual, copy, term)) for name, actual in draw.binding))


def log_likelihood(bound: Bound, values: Mapping[str, torch.Tensor], players: Mapping[str, Player]) -> torch.Tensor:
    """Return the log-likelihood of a factor at values of a formula's variables, summed over the elements, `(batch,)`."""
    givens = {name: values[actual] for name, actual in bound.givens}
    target = values[bound.target]
    elementwise = players[bound.factor.player].distribution(bound.factor.label, givens, len(target)).log_prob(target)
    return elementwise.flatten(1).sum(1) if elementwise.dim() > 1 else elementwise


def _read(states: States, draw: StreamDraw, table: Mapping[str, torch.Tensor]) -> States:
    for variable, actual, primes in draw.columns:
        key = (draw.stream, primes)
        length = len(table[variable])
        if key not in states.rows:
            number = len(states.probabilities)
            wider = states.expand(length)
            rows = {**wider.rows, key: torch.arange(length).repeat(number)}
            states = States(wider.values, wider.probabilities / length, rows)
        states = States({**states.values, actual: table[variable][states.rows[key]]}, states.probabilities, states.rows)
    return states


def _draw(states: States, bound: Bound, graph: Graph, players: Mapping[str, Player], dtype: torch.dtype) -> States:
    choices = all_values(graph.variables[bound.factor.target], dtype)
    number = len(states.probabilities)
    wider = states.expand(len(choices))
    values = {**wider.values, bound.target: choices.repeat(number, *[1] * (choices.dim() - 1))}
    probabilities = wider.probabilities * log_likelihood(bound, values, players).exp()
    return States(values, probabilities, wider.rows)


def _call(states: States, draw: SamplerDraw, graph: Graph, players: Mapping[str, Player], dtype: torch.dtype) -> States:
    """Return the states with those of a sampler's call, by the matrices of its half-steps, without gradient."""
    sampler, actual = graph.samplers[draw.sampler], dict(draw.binding)
    parts = []
    for row in range(len(states.probabilities)):
        given = {name: states.values[actual[name]][row] for name in sampler.givens}
        chain = TableChain(graph, players, sampler, given=given, known={}, dtype=dtype)
        parts.append((chain.states(), chain.distribution(sampler.sweeps or 1)))
    wider = states.expand(len(parts[0][1]))
    drawn = {actual[name]: torch.cat([table[name] for table, _ in parts]) for name in sampler.targets}
    probabilities = torch.cat([distribution for _, distribution in parts]).to(dtype)
    return States({**wider.values, **drawn}, wider.probabilities * probabilities, wider.rows)
