"""Learning any set of conditional distributions jointly, as a game, from a file that reads like the paper.

    import gamelearn

    game = gamelearn.load("digits-vae", "train.rounds=1000")
    run = gamelearn.train_game(game)
    run.sample(64)
    run.infer({"x": images}, hide={"x": mask})

The names below are imported when they are first used, so that `import gamelearn` costs nothing. This file lists what is public.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from gamelearn.errors import GamelearnError, SpecError
    from gamelearn.game import Game, check, load
    from gamelearn.inference import Inference, infer
    from gamelearn.run import Run
    from gamelearn.training import train as train_game

__all__ = ["Game", "GamelearnError", "Inference", "Run", "SpecError", "check", "infer", "load", "train_game"]

_HOMES = {
    "Game": ("gamelearn.game", "Game"),
    "GamelearnError": ("gamelearn.errors", "GamelearnError"),
    "Inference": ("gamelearn.inference", "Inference"),
    "Run": ("gamelearn.run", "Run"),
    "SpecError": ("gamelearn.errors", "SpecError"),
    "check": ("gamelearn.game", "check"),
    "infer": ("gamelearn.inference", "infer"),
    "load": ("gamelearn.game", "load"),
    "train_game": ("gamelearn.training", "train"),  # `gamelearn.train` is the package of the training loop
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'gamelearn' has no attribute {name!r}")
    module, attribute = _HOMES[name]
    return getattr(import_module(module), attribute)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
