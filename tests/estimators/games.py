"""Games with gradients through draws. This file writes their specs."""

import torch

from gamelearn.game import Game
from tests.support import game_of

LADDER = """
    name: ladder
    variables:
      x: {type: binary, shape: [3]}
      z0: {type: binary, shape: [2]}
      z1: {type: binary, shape: [2]}
      z: [z0, z1]
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z0: free, z1 | z0: {net: mlp, hidden: [4], skip: true}, x | z1: {net: mlp, hidden: [4]}}}
      encoder:
        networks:
          trunk: {net: mlp, hidden: [5], inputs: [x], outputs: {s0: z0, s1: z1}}
        factors: {z0 | x: trunk.s0, "z1 | z0, x": ["decoder(z1 | z0)", trunk.s1]}
    utilities:
      decoder: {term: "E[images(x), encoder(z | x)] log decoder(x, z) - log encoder(z | x)", gradient: ESTIMATOR}
      encoder: {term: "E[images(x), encoder(z | x)] log decoder(x, z) - log encoder(z | x)", gradient: ESTIMATOR}
    schedule: {mode: parallel}
    train: {rounds: 1}
    """

CLASSES = """
    name: classes
    variables:
      x: {type: binary, shape: [3]}
      c: {type: categorical, classes: 3, shape: [2]}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {c: free, x | c: {net: mlp, hidden: [4]}}}
      encoder: {factors: {c | x: {net: mlp, hidden: [5]}}}
    utilities:
      decoder: E[images(x), encoder(c | x)] log decoder(x, c) - log encoder(c | x)
      encoder: {term: "E[images(x), encoder(c | x)] log decoder(x, c) - log encoder(c | x)", gradient: ESTIMATOR}
    schedule: {mode: parallel}
    train: {rounds: 1}
    """

LATER_DRAWS = """
    name: later-draws
    variables:
      x: {type: binary, shape: [3]}
      z: {type: binary, shape: [2]}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {x | z: {net: mlp, hidden: [4]}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [5]}}}
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x | z)
      encoder: {term: "E[images(x), encoder(z | x), decoder(x' | z), encoder(z' | x')] log decoder(x | z') + log encoder(z | x')", gradient: ESTIMATOR}
    train: {rounds: 1}
    """

QUADRATIC = """
    name: quadratic
    variables:
      x: {type: real, shape: [2]}
      z: {type: binary, shape: [3]}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z: free, x | z: {net: linear, family: {type: normal, scale: 0.8}}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [5]}}}
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z) - log encoder(z | x)
      encoder: {term: "E[images(x), encoder(z | x)] log decoder(x, z) - log encoder(z | x)", gradient: ESTIMATOR}
    train: {rounds: 1}
    """


LINEAR = """
    name: linear
    variables:
      x: {type: binary, shape: [3]}
      c: {type: categorical, classes: 3, shape: [2]}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {c: free}}
      encoder: {factors: {c | x: {net: mlp, hidden: [5]}}}
    utilities:
      decoder: E[images(x), encoder(c | x)] log decoder(c)
      encoder: {term: "E[images(x), encoder(c | x)] log decoder(c) - log encoder(c | x)", gradient: ESTIMATOR}
    train: {rounds: 1}
    """


REALS = """
    name: reals
    variables:
      x: {type: real, shape: [2]}
      z: {type: real}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z: standard, x | z: {net: mlp, hidden: [4], family: {type: normal, scale: 0.5}}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [5]}}}
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z) - log encoder(z | x)
      encoder: {term: "E[images(x), encoder(z | x)] log decoder(x, z) - log encoder(z | x)", gradient: ESTIMATOR}
    train: {rounds: 1}
    """


WAKE_SLEEP = """
    name: reweighted-wake-sleep
    variables:
      x: {type: binary, shape: [3]}
      z0: {type: binary}
      z1: {type: binary, shape: [2]}
      z: [z0, z1]
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z0: free, z1 | z0: {net: linear}, x | z1: {net: mlp, hidden: [4]}}}
      encoder: {factors: {z0 | x: {net: mlp, hidden: [4]}, "z1 | x, z0": {net: mlp, hidden: [4]}}}
    utilities:
      decoder: {term: "E[images(x), encoder(z | x)] log decoder(x, z)", samples: SAMPLES, weights: "log decoder(x, z) - log encoder(z | x)"}
      encoder:
        - {term: "E[images(x), encoder(z | x)] log encoder(z | x)", samples: SAMPLES, weights: "log decoder(x, z) - log encoder(z | x)", draws: constant}
        - {term: "E[decoder(x, z)] log encoder(z | x)", weight: 0.5}
    train: {rounds: 1}
    """


def sharp(text: str, estimator: str, *, factor: float = 2.5) -> Game:
    """Return a game whose parameters are larger than at the start, so that utilities are far from linear in the draws."""
    game = game_of(text.replace("ESTIMATOR", estimator))
    with torch.no_grad():
        for player in game.players.values():
            for index, parameter in enumerate(player.parameters()):
                spread = 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(index), dtype=parameter.dtype)
                parameter.mul_(factor).add_(spread)
    return game
