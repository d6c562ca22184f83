"""The default player type: each factor is a sum of scores, read by a family.

This file holds the modules of such a player; how it was wired is decided in the graph.
"""

from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from gamelearn.graph.model import Factor, FreeScore, NetworkScore, Variable
from gamelearn.players.player import FamilyDistribution, Player
from gamelearn.registry import PLAYERS
from gamelearn.spec.kinds import ConditionalOptions

_TAKEN = {*dir(nn.ModuleDict()), *dir(nn.ParameterDict())}


def module_name(label: str) -> str:
    """Return a factor's label as the name of a module; no two labels have one, and none is an attribute of PyTorch's.

    >>> module_name("z1 | z0, x"), module_name("values")
    ('z1-given-z0-x', 'values-')
    """
    return untaken(label.replace(" | ", "-given-").replace(", ", "-"))


def untaken(name: str) -> str:
    """Return a name as that of a module: with a mark if PyTorch uses it itself."""
    return f"{name}-" if name in _TAKEN else name


@PLAYERS.register("conditional", options=ConditionalOptions)
class Conditional(Player):
    """Factors whose raw outputs are sums of networks' heads, free parameters and other factors' raw outputs (eqs 2, 15).

    Args:
        factors: by label.
        variables: by name.
        networks: by name, each a module that maps variables' values to raw outputs per head.
        families: by factor label.
        free: by factor label, the shape `(channels, *shape)` of raw outputs that are parameters; they begin at 0.
    """

    def __init__(
        self,
        factors: Mapping[str, Factor],
        variables: Mapping[str, Variable],
        *,
        networks: Mapping[str, nn.Module],
        families: Mapping[str, nn.Module],
        free: Mapping[str, tuple[int, ...]],
    ) -> None:
        super().__init__(factors, variables)
        self.networks = nn.ModuleDict({untaken(name): network for name, network in networks.items()})
        self.families = nn.ModuleDict({module_name(label): family for label, family in families.items()})
        self.free = nn.ParameterDict({module_name(label): nn.Parameter(torch.zeros(shape)) for label, shape in free.items()})
        self._scores: dict[str, tuple[Any, ...]] = {}
        self._players: Mapping[str, Player] = {}

    def connect(self, players: Mapping[str, Player], scores: Mapping[str, tuple[Any, ...]]) -> None:
        """Tell the player where shared scores are found: the players by name, and each factor's flat scores by label."""
        self._players, self._scores = players, dict(scores)

    def evaluate(self, network: str, inputs: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        """Return the raw outputs of every head of a network, each `(batch, channels, *shape)`."""
        return self.network(network)(*inputs)

    def network(self, name: str) -> nn.Module:
        """Return a network by its name in the spec."""
        return self.networks[untaken(name)]

    def family(self, label: str) -> Any:
        """Return the family of a factor."""
        return self.families[module_name(label)]

    def free_scores(self, label: str, rows: int) -> torch.Tensor:
        """Return a factor's free raw outputs for a batch."""
        parameter = self.free[module_name(label)]
        taken = parameter if torch.is_grad_enabled() else parameter.detach()  # a view of a parameter requires gradients even then
        return taken.expand(rows, *parameter.shape)

    def scores(self, factor: str, values: Mapping[str, torch.Tensor], rows: int) -> torch.Tensor:
        """Return the sum of a factor's scores, `(rows, channels, *shape)`."""
        parts = [_score(self._players[score.player], score, values, rows) for score in self._scores[factor]]
        if parts:
            return sum(parts[1:], start=parts[0])
        like = next((value for value in values.values() if value.is_floating_point()), torch.zeros(()))
        return zero_raw(self.factors[factor], self.variables[self.factors[factor].target], rows, like)

    def distribution(self, factor: str, values: Mapping[str, torch.Tensor], rows: int) -> FamilyDistribution:
        """Return the distribution of one factor given values by name."""
        return FamilyDistribution(self.family(factor), self.scores(factor, values, rows))


def _score(player: Any, score: Any, values: Mapping[str, torch.Tensor], rows: int) -> torch.Tensor:
    match score:
        case NetworkScore():
            network = player.network(score.network)
            heads = [port.name for port in network.outputs]
            return player.evaluate(score.network, tuple(values[port.name] for port in network.inputs))[heads.index(score.head)]
        case FreeScore():
            return player.free_scores(score.factor, rows)
        case _:
            return player.scores(score.factor, values, rows)


def zero_raw(factor: Factor, variable: Variable, rows: int, like: torch.Tensor) -> torch.Tensor:
    """Return raw outputs of zero, `(rows, channels, *shape)`, for a factor without scores, of the kind of `like`."""
    channels = factor.family.channels(variable.classes) if factor.family else 1
    return like.new_zeros((rows, channels, *variable.shape))
