"""How many parameters the players have, network by network.

The players are built on the meta device, where a parameter has a shape and no memory. This file counts them.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import nn

from gamelearn.graph.model import Graph
from gamelearn.players.build import build_players
from gamelearn.players.conditional import Conditional, module_name
from gamelearn.players.player import Player


@dataclass(frozen=True)
class PlayerParameters:
    """A player's parameters: by network, by factor where they are free or belong to the family, and in total."""

    networks: Mapping[str, int]
    factors: Mapping[str, int]
    total: int


def count_parameters(graph: Graph) -> dict[str, PlayerParameters]:
    """Return the numbers of parameters of all players.

    Raises:
        BuildError: a network does not fit its variables.
    """
    with torch.device("meta"):
        players = build_players(graph)
    return {name: _count(player) for name, player in players.items()}


def _count(player: Player) -> PlayerParameters:
    if not isinstance(player, Conditional):
        return PlayerParameters({}, {}, _size(player))
    networks = {name.removesuffix("-"): _size(network) for name, network in player.networks.items()}
    factors = {label: _own_size(player, label) for label in player.factors}
    return PlayerParameters(networks, {label: size for label, size in factors.items() if size}, _size(player))


def _own_size(player: Conditional, label: str) -> int:
    name = module_name(label)
    free = player.free[name].numel() if name in player.free else 0
    return free + _size(player.families[name])


def _size(module: nn.Module) -> int:
    return sum(parameter.numel() for parameter in module.parameters())
