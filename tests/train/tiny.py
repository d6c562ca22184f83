"""Tiny games for the tests of training. This file writes them as specs, with their data."""

import textwrap
from pathlib import Path
from typing import Any

import numpy as np
import torch

from gamelearn import noise
from gamelearn.game import Game, load
from gamelearn.train.events import End, RoundEvent
from gamelearn.train.loop import Trainer
from gamelearn.train.state import TrainingState
from tests.support import TableStreams, game_of

ONE_STAGE = """
    name: tiny
    variables:
      x: {type: binary, shape: [4]}
      z: {type: binary, shape: [2]}
    data:
      dataset: {type: npz, path: tiny.npz, fields: {x: {binarize: 0.5}}}
      streams: {images: [x]}
    players:
      decoder: {factors: {z: uniform, x | z: {net: mlp, hidden: [3]}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [3]}}}
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z)
      encoder:
        - E[decoder(x, z)] log encoder(z | x)
        - {term: "E[decoder(x, z), decoder(x' | z)] log encoder(z | x')", weight: 0.5}
    schedule: {mode: sequence}
    train: {rounds: 4, batch: 5, optimizer: {lr: 0.05}}
    """

THREE_STAGES = """
    name: staged
    variables:
      x: {type: binary, shape: [4]}
      z: {type: binary, shape: [2]}
    data:
      dataset: {type: npz, path: tiny.npz, fields: {x: {binarize: 0.5}}}
      streams: {images: [x]}
    players:
      decoder: {factors: {z: free, x | z: {net: mlp, hidden: [3]}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [3]}}}
    stages:
      alone:
        utilities:
          decoder: E[images(x), encoder(z | x)] log decoder(x | z)
        train: {epochs: 0.5, optimizer: {type: sgd, momentum: 0.9, lr: 0.1}}
      turns:
        utilities:
          decoder: E[images(x), encoder(z | x)] log decoder(x, z)
          encoder: E[decoder(x, z)] log encoder(z | x)
        schedule: {mode: sequence, order: [encoder, decoder, encoder]}
        train: {rounds: 3, ema: 0.9}
      together:
        utilities:
          decoder: E[images(x), encoder(z | x)] log decoder(x, z)
          encoder: E[decoder(x, z)] log encoder(z | x)
        schedule: {mode: parallel}
        optimizer: keep
        train: {rounds: 3, ema: 0.8}
    train:
      batch: 5
      optimizer: {type: adam, lr: 0.05, schedule: {type: linear, warmup: 1}, clip: 0.5}
      optimizers: {encoder: {type: sgd, momentum: 0.5, lr: 0.1}}
      log: {rounds: 2}
    """


def images(rows: int = 20) -> torch.Tensor:
    return noise.uniform(("tiny images",), rows, (4,))


def spec_in(folder: Path, text: str = ONE_STAGE, name: str = "spec.yaml") -> Path:
    """Write a spec with its data into a folder; return its path."""
    np.savez(folder / "tiny.npz", x=images().numpy())
    path = folder / name
    path.write_text(textwrap.dedent(text))
    return path


def loaded(folder: Path, *overrides: str, text: str = ONE_STAGE) -> Game:
    return load(spec_in(folder, text), *overrides)


class LengthStreams(TableStreams):
    """Tables that know their length."""

    def length(self, stream: str) -> int:
        return len(next(iter(self.tables[stream].values())))

    def rows(self, stream: str, wanted: int) -> int:
        return min(wanted, self.length(stream))


def trainer_of(text: str, *replacements: tuple[str, str], dtype: torch.dtype = torch.float64, **options: Any) -> Trainer:
    """Return a trainer of a game whose data is in memory."""
    for old, new in replacements:
        assert old in text
        text = text.replace(old, new)
    game = game_of(text, dtype=dtype)
    streams: Any = LengthStreams({"images": {"x": (images() > 0.5).to(game.dtype)}})
    return Trainer(game, streams=streams, **options)


def parameters_of(game: Game) -> dict[str, torch.Tensor]:
    """Return a copy of all parameters by `player.name`."""
    return {
        f"{player}.{name}": each.detach().clone() for player, module in game.players.items() for name, each in module.named_parameters()
    }


class Recorder:
    """An observer that keeps what it hears, and may act on it."""

    def __init__(self, stop_after: int | None = None) -> None:
        self.events: list[RoundEvent] = []
        self.ends: list[End] = []
        self.states: list[TrainingState] = []
        self.stop_after = stop_after
        self.trainer: Trainer | None = None

    def begin(self, trainer: Trainer) -> None:
        self.trainer = trainer

    def after_round(self, event: RoundEvent) -> None:
        assert self.trainer is not None
        self.events.append(event)
        if event.round == self.stop_after:
            self.trainer.stop("recorder")

    def end(self, why: End) -> None:
        self.ends.append(why)


class StepClock:
    """A clock that goes on by one step at every look."""

    def __init__(self, step: float) -> None:
        self.now, self.step = 0.0, step

    def __call__(self) -> float:
        self.now += self.step
        return self.now
