"""All that a training needs to go on: progress, parameters, optimizers, averages.

Draws and the order of the data are functions of the round, so there is no generator's state. This file defines the state with
the way back into a game.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import nn

from gamelearn.errors import RunError, quoted
from gamelearn.train.schedule import Progress

Tensors = Mapping[str, torch.Tensor]


@dataclass(frozen=True)
class OptimizerState:
    """The state of one player's optimizer.

    Attributes:
        type: the optimizer's registered name.
        groups: the numbers of every parameter group.
        parameters: by parameter, what the optimizer keeps: tensors, numbers, lists or maps of them.
    """

    type: str
    groups: tuple[Mapping[str, Any], ...]
    parameters: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class Origin:
    """Where a checkpoint comes from.

    Attributes:
        run: what tells the run from all others.
        spec: the run's spec, resolved, as YAML.
    """

    run: str
    spec: str


@dataclass(frozen=True)
class TrainingState:
    """The state of a training after a whole round.

    Attributes:
        progress: how far it has come.
        stage: the name of the stage that it is in.
        players: parameters and buffers by player and name.
        optimizers: by player; those of the stage.
        averages: averaged weights by player and name; empty where the stage has no `ema`.
        origin: where it comes from; None where that was not recorded.
    """

    progress: Progress
    stage: str
    players: Mapping[str, Tensors]
    optimizers: Mapping[str, OptimizerState] = field(default_factory=dict)
    averages: Mapping[str, Tensors] = field(default_factory=dict)
    origin: Origin | None = None


@torch.no_grad()
def restore_players(players: Mapping[str, nn.Module], saved: Mapping[str, Tensors]) -> None:
    """Give the players saved parameters and buffers, in place.

    Raises:
        RunError: players or tensors are missing or too many, or their shapes differ; all of them are listed.
    """
    mine = {name: dict(player.state_dict()) for name, player in players.items()}
    problems = [f"player {name!r}: it is missing in the checkpoint" for name in mine if name not in saved and mine[name]]
    problems += [f"player {name!r}: the game has no such player" for name in saved if name not in mine]
    problems += [line for name in mine if name in saved for line in _misfits(f"player {name!r}", mine[name], saved[name])]
    _raise(problems)
    for name, tensors in mine.items():
        for key, tensor in tensors.items():
            tensor.copy_(saved[name][key])


def restore_averages(averages: Mapping[str, Tensors], saved: Mapping[str, Tensors]) -> None:
    """Give averages their saved values, in place; or parameters their averages.

    Raises:
        RunError: players or tensors are missing or too many, or their shapes differ; all of them are listed.
    """
    problems = [f"player {name!r}: its averaged weights are missing in the checkpoint" for name in averages if name not in saved]
    problems += [f"player {name!r}: the game has no such player with averaged weights" for name in saved if name not in averages]
    both = [name for name in averages if name in saved]
    problems += [line for name in both for line in _misfits(f"averages of {name!r}", averages[name], saved[name])]
    _raise(problems)
    with torch.no_grad():
        for name, tensors in averages.items():
            for key, tensor in tensors.items():
                tensor.copy_(saved[name][key])


def _misfits(owner: str, mine: Tensors, saved: Tensors) -> list[str]:
    missing = [key for key in mine if key not in saved]
    extra = [key for key in saved if key not in mine]
    differing = [key for key in mine if key in saved and mine[key].shape != saved[key].shape]
    found = [f"{owner}: the checkpoint lacks {quoted(missing)}"] if missing else []
    found += [f"{owner}: the game has no {quoted(extra)}"] if extra else []
    found += [f"{owner}: {key!r} is {tuple(mine[key].shape)} in the game, {tuple(saved[key].shape)} in the checkpoint" for key in differing]
    return found


def _raise(problems: list[str]) -> None:
    if problems:
        raise RunError("\n".join(["the checkpoint belongs to another game:", *problems]))
