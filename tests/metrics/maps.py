"""Small games of images with label maps, and their data. This file writes them into a folder."""

from pathlib import Path

import numpy as np
import torch

from gamelearn.game import Game, load
from gamelearn.metrics.metric import Context

ROWS, SIDE, CLASSES = 90, 8, 3

HEAD = """\
name: {name}
variables:
  x: {{type: real, shape: [3, 8, 8]}}
  s: {{type: categorical, classes: 3, shape: [8, 8]}}
  z: {{type: binary, shape: [4]}}
data:
  dataset: {{type: npz, path: maps.npz, fields: {{x: {{type: real}}, s: {{type: categorical, classes: 3}}}}}}
  streams: {{pairs: [x, s]}}
"""

SUPERVISED = (
    HEAD.format(name="supervised").replace("  z: {type: binary, shape: [4]}\n", "")
    + """\
players:
  segmenter: {factors: {"s | x": {net: linear}}}
utilities:
  segmenter: E[pairs(x, s)] log segmenter(s | x)
train: {rounds: 5, batch: 32}
"""
)

THREE = (
    HEAD.format(name="three")
    + """\
players:
  prior: {factors: {z: uniform}}
  segmenter: {factors: {s | z: {net: linear}, "s | x, z": {net: linear}}}
  painter: {factors: {"x | s, z": {net: linear}}}
  encoder: {factors: {"z | x, s": {net: linear}}}
samplers:
  limit:
    start: prior(z), segmenter(s | z)
    sweep: painter(x | s, z), segmenter(s | x, z), encoder(z | x, s)
utilities:
  segmenter: E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z) + log segmenter(s | z)
  painter: E[pairs(x, s), encoder(z | x, s)] log painter(x | s, z)
  encoder: E[prior(z), segmenter(s | z), painter(x | s, z)] log encoder(z | x, s)
train: {rounds: 5, batch: 32}
"""
)


def write_maps(folder: Path) -> None:
    """Write `maps.npz`: images of three colours in stripes of different widths, one of them below alone, with noise, and which colour is where."""
    generator = np.random.default_rng(0)
    column = np.arange(SIDE)[None, None, :] + generator.integers(0, 9, (ROWS, 1, 1)) + np.zeros((1, SIDE, 1), dtype=int)
    s = column // generator.integers(1, 4, (ROWS, 1, 1)) % CLASSES
    s[:, : SIDE // 2][s[:, : SIDE // 2] == 2] = 0
    colours = np.array([[0.1, 0.2, 0.3], [0.8, 0.3, 0.2], [0.5, 0.9, 0.6]])
    x = colours[s].transpose(0, 3, 1, 2) + generator.normal(0, 0.35, (ROWS, 3, SIDE, SIDE))
    np.savez(folder / "maps.npz", x=x.clip(0, 1).astype(np.float32), s=s.astype(np.int64))


def game_in(folder: Path, text: str, more: str = "") -> Game:
    """Write data and a spec; return the game, with parameters so large that its conditionals differ clearly."""
    write_maps(folder)
    path = folder / "game.yaml"
    path.write_text(text + more)
    game = load(path)
    with torch.no_grad():
        for player in game.players.values():
            for parameter in player.parameters():
                parameter.mul_(3)
    return game


def split_of(game: Game, split: str) -> dict[str, torch.Tensor]:
    """Return all rows of a split."""
    parts = list(game.streams().split("pairs", split))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def context(split: str = "validation", count: int | None = None, seed: int = 0, **chain: object) -> Context:
    """Return what a user might ask; the progress is not told."""
    return Context(split, count, seed, chain, lambda title, done, total: None)


def probabilities(game: Game, x: torch.Tensor) -> torch.Tensor:
    """Return p(s | x) of the supervised game, `(rows, classes, height, width)`."""
    with torch.no_grad():
        return game.players["segmenter"].distribution("s | x", {"x": x}, len(x)).mean()
