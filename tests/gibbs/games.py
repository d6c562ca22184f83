"""Small games whose players disagree, so that a chain's limit depends on the order of its sweep. This file builds them."""

import torch

from gamelearn.game import Game
from tests.support import game_of

THREE = """
    name: three
    variables:
      x: {type: categorical, classes: 3, shape: [2]}
      s: {type: binary, shape: [2]}
      z: {type: binary, shape: []}
    data: {streams: {pairs: [x, s]}}
    players:
      prior: {factors: {z: uniform}}
      segmenter: {factors: {s | z: {net: mlp, hidden: [4]}, "s | x, z": {net: mlp, hidden: [4]}}}
      painter: {factors: {"x | s, z": {net: mlp, hidden: [4]}}}
      encoder: {factors: {"z | x, s": {net: mlp, hidden: [4]}}}
    samplers:
      pair: {start: segmenter(s | z), sweep: "painter(x | s, z), segmenter(s | x, z)", sweeps: 2}
      limit: {start: "prior(z), segmenter(s | z)", sweep: "painter(x | s, z), segmenter(s | x, z), encoder(z | x, s)"}
      turned: {start: "prior(z), segmenter(s | z), painter(x | s, z)", sweep: "encoder(z | x, s), segmenter(s | x, z), painter(x | s, z)"}
      half: {start: "prior(z), segmenter(s | z)", sweep: "painter(x | s, z), segmenter(s | x, z), encoder(z | x, s)", after: "painter(x | s, z)"}
      again: {start: "segmenter(s | z), painter(x | s, z), segmenter(s | x, z)", sweep: "painter(x | s, z), segmenter(s | x, z)", sweeps: 1}
      mixed: {start: "prior(z), segmenter(s | z)", sweep: "painter(x | s, z), segmenter(s | x, z), encoder(z | x, s)", after: mixture}
    utilities:
      segmenter:
        - E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z)
        - E[pairs(x, s), encoder(z | x, s), painter(x' | s, z)] log segmenter(s | x', z)
      painter:
        - E[pairs(x, s), encoder(z | x, s)] log painter(x | s, z)
        - E[pairs(x, s), encoder(z | x, s), segmenter(s' | x, z)] log painter(x | s', z)
      encoder: E[prior(z), pair(x, s | z)] log encoder(z | x, s)
    train: {rounds: 1, batch: 20000}
    """


def decisive(game: Game, factor: float = 3.0) -> Game:
    """Return the game with larger parameters: its conditionals differ clearly, and no state is impossible."""
    with torch.no_grad():
        for player in game.players.values():
            for parameter in player.parameters():
                parameter.mul_(factor)
    return game


def three() -> Game:
    """Return a game of three variables with 72 joint states."""
    return decisive(game_of(THREE))
