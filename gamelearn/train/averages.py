"""Averaged weights: an exponential moving average (EMA) of every player's parameters.

    average <- average + (1 - d) (parameter - average),  d = min(decay, (1 + t) / (10 + t))

with t the rounds done through all stages: early on, when the parameters are far from good, less of them stays. This file keeps
the averages.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import torch
from torch import nn

Averages = dict[str, dict[str, torch.Tensor]]


def start_averages(players: Mapping[str, nn.Module]) -> Averages:
    """Return averages that begin at the players' parameters, by player and name; players without parameters have none."""
    named = {player: dict(module.named_parameters()) for player, module in players.items()}
    return {
        player: {name: parameter.detach().clone() for name, parameter in parameters.items()}
        for player, parameters in named.items()
        if parameters
    }


@torch.no_grad()
def move_averages(averages: Mapping[str, torch.Tensor], player: nn.Module, decay: float, rounds: int) -> None:
    """Move one player's averages towards its parameters, in place; `rounds` are done through all stages."""
    parameters = dict(player.named_parameters())
    weight = 1 - min(decay, (1 + rounds) / (10 + rounds))
    torch._foreach_lerp_(list(averages.values()), [parameters[name] for name in averages], weight)


@torch.no_grad()
def restart_averages(averages: Mapping[str, torch.Tensor], player: nn.Module, prefix: str) -> None:
    """Begin again at the parameters whose names have a prefix."""
    parameters = dict(player.named_parameters())
    for name, average in averages.items():
        if name.startswith(prefix):
            average.copy_(parameters[name])


@contextmanager
def averaged_weights(players: Mapping[str, nn.Module], averages: Mapping[str, Mapping[str, torch.Tensor]]) -> Iterator[None]:
    """Let the players have their averaged weights meanwhile; without averages, nothing changes."""
    named = [(dict(players[player].named_parameters()), tensors) for player, tensors in averages.items()]
    pairs = [(parameters[name], tensor) for parameters, tensors in named for name, tensor in tensors.items()]
    kept = [parameter.data for parameter, _ in pairs]
    try:
        for parameter, average in pairs:
            parameter.data = average
        yield
    finally:
        for (parameter, _), data in zip(pairs, kept, strict=True):
            parameter.data = data
