"""Small games of numbers with a class label, and their data. This file writes them into a folder."""

from pathlib import Path

import numpy as np
import torch

from gamelearn.game import Game, load

ROWS, CLASSES = 400, 4

HEAD = """\
name: {name}
variables:
  x: {{type: real, shape: [3]}}
  c: {{type: categorical, classes: 4}}
  z: {{type: binary, shape: [3]}}
data:
  dataset: {{type: npz, path: labels.npz, validation: 0.3, fields: {{x: {{type: real}}, c: {{type: categorical, classes: 4}}}}}}
  streams: {{labelled: {{variables: [x, c], take: 20, balance: c}}, all: [x]}}
"""

CLASSIFIER = (
    HEAD.format(name="classifier").replace("  z: {type: binary, shape: [3]}\n", "")
    + """\
players:
  classifier: {factors: {c | x: {net: linear}}}
utilities:
  classifier: E[labelled(x, c)] log classifier(c | x)
train: {rounds: 5, batch: 20}
"""
)

BY_CODES = (
    HEAD.format(name="by-codes")
    + """\
players:
  encoder: {factors: {z | x: {net: linear}}}
  reader: {factors: {c | z: {net: linear}}}
utilities:
  encoder: {term: "E[labelled(x, c), encoder(z | x)] log reader(c | z)", gradient: gregor}
  reader: E[labelled(x, c), encoder(z | x)] log reader(c | z)
train: {rounds: 5, batch: 20}
"""
)

BINARY = """\
name: binary
variables:
  x: {type: real, shape: [3]}
  b: {type: binary}
data:
  dataset: {type: npz, path: labels.npz, fields: {x: {type: real}, b: {type: binary}}}
  streams: {labelled: [b, x]}
players:
  classifier: {factors: {b | x: {net: linear}}}
utilities:
  classifier: E[labelled(x, b)] log classifier(b | x)
train: {rounds: 5, batch: 20}
"""


def labels_in(folder: Path, text: str, size: float = 3.0) -> Game:
    """Write data and a spec; return the game, with parameters so large that its conditionals differ clearly."""
    generator = np.random.default_rng(0)
    c = generator.choice(CLASSES, ROWS, p=[0.4, 0.3, 0.2, 0.1])
    centres = generator.normal(0, 1, (CLASSES, 3))
    x = (centres[c] + generator.normal(0, 0.7, (ROWS, 3))).astype(np.float32)
    np.savez(folder / "labels.npz", x=x, c=c.astype(np.int64), b=(c > 1))
    path = folder / "game.yaml"
    path.write_text(text)
    game = load(path)
    with torch.no_grad():
        for player in game.players.values():
            for parameter in player.parameters():
                parameter.mul_(size)
    return game
