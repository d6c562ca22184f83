"""Utilities of small discrete games by enumeration, without a plan and without noise: the oracle of the engine.

    U = E[draws] log score = sum over all values of the draws of  p(draws) * log score

`p(draws)` carries no gradient and the score does, as for the draws of training (eq. 5). This file enumerates a term's chain.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from itertools import product

import torch

from gamelearn.graph.model import Bound, Graph, PlayerDraw, StreamDraw, Term, Variable
from gamelearn.players.player import Player

MOST_STATES = 1_000_000


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


def all_values(variable: Variable, dtype: torch.dtype) -> torch.Tensor:
    """Return every value of a binary or categorical variable, `(values, *shape)`.

    Raises:
        ValueError: the variable is not discrete and finite.
    """
    if variable.type not in ("binary", "categorical"):
        raise ValueError(f"{variable.name!r} is {variable.type}: only binary and categorical variables can be enumerated")
    classes = variable.classes or 2
    if classes**variable.elements > MOST_STATES:
        raise ValueError(f"{variable.name!r} has more than {MOST_STATES} values")
    made = torch.tensor(list(product(range(classes), repeat=variable.elements)))
    return made.reshape(-1, *variable.shape).to(torch.int64 if variable.type == "categorical" else dtype)


def exact_utility(
    graph: Graph, players: Mapping[str, Player], term: Term, tables: Mapping[str, Mapping[str, torch.Tensor]], dtype: torch.dtype
) -> torch.Tensor:
    """Return the exact value of a term, a scalar with a graph to the parameters of the score.

    Args:
        graph: the game.
        players: its modules.
        term: one of its terms.
        tables: for every stream the values that it shows, by variable, `(rows, *shape)`; each row is equally likely.
        dtype: of binary values.

    Raises:
        ValueError: a variable cannot be enumerated, or there are too many states.
    """
    states = States({}, torch.ones(1, dtype=dtype), {})
    with torch.no_grad():
        for draw in term.draws:
            if isinstance(draw, StreamDraw):
                states = _read(states, draw, tables[draw.stream])
            elif isinstance(draw, PlayerDraw):
                for bound in draw.factors:
                    states = _draw(states, bound, graph, players, dtype)
            else:
                raise ValueError(f"the draws of the sampler {draw.sampler!r} cannot be enumerated")
    score = sum((sign * log_likelihood(bound, states.values, players) for sign, bound in term.score), torch.zeros((), dtype=dtype))
    return (states.probabilities * score).sum()


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
