"""Joint draws of the image with all else that a game knows, by three ways, as vectors.

    decoder    the player that generates everything draws a row
    encoder    a row of the data, and what it does not show drawn by the other players
    limiting   the state of a Gibbs chain

This file makes the vectors.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch.nn import functional

from gamelearn.errors import GamelearnError, quoted
from gamelearn.factor_draws import draw_factor
from gamelearn.game import Game
from gamelearn.graph.completion import Incomparable, TooManyWays, best_way, find_ways
from gamelearn.graph.model import Factor, Graph, Variable
from gamelearn.metrics.generated import BLOCK
from gamelearn.metrics.images import Array, FeatureSpace, row_count
from gamelearn.metrics.metric import MetricError
from gamelearn.sampling import Values, drawing_player

Parts = dict[str, Array]
"""By variable `(rows, width)`."""


@dataclass(frozen=True)
class Joint:
    """The variables of a joint distribution.

    Attributes:
        generator: the player that generates everything.
        variables: that are compared, the image first.
        inferring: the factors that draw what the data do not show, in the order of drawing.
    """

    generator: str
    variables: tuple[str, ...]
    inferring: tuple[Factor, ...]


def find_joint(graph: Graph, image: Variable, stream: str, names: Sequence[str] | None) -> Joint:
    """Return the joint distribution of the image with what generates it.

    Args:
        graph: the game.
        image: that the stream shows.
        stream: whose rows are completed.
        names: the other variables; None for all that the generator draws.

    Raises:
        MetricError: no player generates everything, or no other players infer it.
    """
    try:
        player, factors = drawing_player(graph)
    except GamelearnError as error:
        raise MetricError(f"needs a player that generates everything: {error}") from None
    targets = [factor.target for factor in factors]
    shown = set(graph.streams[stream].variables)
    if image.name not in targets or len(targets) < 2:
        raise MetricError(f"needs a player that generates {image.name!r} with its code; {player!r} draws {quoted(targets)}")
    chosen = [name for name in (targets if names is None else names) if name != image.name]
    if unknown := [name for name in chosen if name not in targets]:
        raise MetricError(f"needs variables that {player!r} draws, {quoted(targets)}; it does not draw {quoted(unknown)}")
    hidden = [name for name in chosen if name not in shown]
    if not hidden:
        raise MetricError(f"needs a variable that {player!r} draws but the stream {stream!r} does not show")
    return Joint(player, (image.name, *chosen), _inferring(graph, player, hidden, shown))


def _inferring(graph: Graph, generator: str, hidden: Sequence[str], shown: set[str]) -> tuple[Factor, ...]:
    """Return the factors of the other players that draw the hidden variables from what is shown, the most informed ones."""
    others = [factor for name, player in graph.players.items() if name != generator for factor in player.factors.values()]
    try:
        found = find_ways(hidden, shown, lambda name: [each for each in others if each.target == name])
        if not found:
            raise MetricError(
                f"needs players beside {generator!r} that infer {quoted(hidden)} from {quoted(sorted(shown))}; there are none"
            )
        return best_way(found)
    except TooManyWays:
        raise MetricError(f"needs fewer ways to infer {quoted(hidden)}: name fewer 'variables'") from None
    except Incomparable as error:
        raise MetricError(f"needs one way to infer {quoted(hidden)}: {quoted(map(str, error.factors))} read different variables") from None


def infer_joint(game: Game, joint: Joint, rows: Values, seed: int) -> Values:
    """Return rows of data with what they do not show drawn by the players that infer it."""
    parts: list[Values] = []
    with torch.no_grad():
        for first in range(0, row_count(rows), BLOCK):
            values = {name: value[first : first + BLOCK] for name, value in rows.items()}
            for factor in joint.inferring:
                values[factor.target] = draw_factor(game, factor, values, ("joint",), row_count(values), seed, first)
            parts.append(values)
    return {name: torch.cat([part[name] for part in parts]) for name in joint.variables}


class JointSpace:
    """The vectors of a joint distribution: the features of the image, the values of the others, classes one-hot.

    Args:
        graph: with the variables.
        space: of the image.
        joint: its variables.
    """

    def __init__(self, graph: Graph, space: FeatureSpace, joint: Joint) -> None:
        self._space, self._variables = space, [graph.variables[name] for name in joint.variables]

    def parts(self, values: Values) -> Parts:
        """Return the vectors of each variable."""
        return {each.name: self._vectors(each, values[each.name]) for each in self._variables}

    def _vectors(self, variable: Variable, value: torch.Tensor) -> Array:
        if variable.name == self._space.variable.name:
            return self._space.features(value)
        plain = functional.one_hot(value, variable.classes or 2) if variable.type == "categorical" else value
        return plain.reshape(len(plain), -1).cpu().double().numpy()


def vector_width(variable: Variable) -> int:
    """Return the width of a variable's vectors, other than the image's."""
    return variable.elements * (variable.classes or 1)


def scales_of(parts: Parts) -> dict[str, float]:
    """Return what each variable's vectors are divided by to have a total variance of 1; what does not vary is left as it is."""
    totals = {name: float(each.var(0, ddof=1).sum()) for name, each in parts.items()}
    return {name: total**0.5 if total > 0 else 1.0 for name, total in totals.items()}


def joined(parts: Parts, scales: Mapping[str, float]) -> Array:
    """Return the scaled vectors of all variables side by side, `(rows, width)`."""
    return np.concatenate([parts[name] / scale for name, scale in scales.items()], 1)
