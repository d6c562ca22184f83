"""Games with gradients through draws. This file writes their specs."""

import random

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

PAST_A_SAMPLER = """
    name: past-a-sampler
    variables:
      x: {type: binary, shape: [2]}
      z: {type: binary, shape: [2]}
      y: {type: binary, shape: [2]}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {x | y: {net: mlp, hidden: [4]}, y | z: {net: linear}, "y | z, x": {net: linear}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [5]}}}
    samplers: {chain: {start: decoder(y | z), sweep: "decoder(x | y), decoder(y | z, x)", sweeps: 2}}
    utilities:
      decoder: E[images(x), encoder(z | x), chain(x', y' | z)] log decoder(x | y')
      encoder: {term: "E[images(x), encoder(z | x), chain(x', y' | z)] log decoder(x | y') - log encoder(z | x)", gradient: ESTIMATOR}
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


HIERARCHY = """
    name: hierarchy
    variables:
      x: {type: binary, shape: [3]}
      VARIABLES
    data: {streams: {images: [x]}}
    players: {decoder: {factors: {DECODER}}, encoder: {factors: {ENCODER}}}
    utilities: {decoder: &elbo {term: "E[images(x), DRAWS] SCORE", gradient: reinforce}, encoder: *elbo}
    schedule: {mode: parallel}
    train: {rounds: 1}
    """


def hierarchy(seed: int) -> str:
    """Return a lower bound of two or three layers, whose encoder draws them in any order, each from any that are there."""
    chosen = random.Random(seed)
    layers = ["z0", "z1", "z2"][: chosen.choice([2, 3])]
    encoded = chosen.sample(layers, len(layers))

    def labels(order: list[str], known: list[str]) -> list[str]:
        read = [[each for each in [*known, *order[:place]] if chosen.random() < 0.7] for place in range(len(order))]
        return [f"{name} | {', '.join(givens)}" if givens else name for name, givens in zip(order, read, strict=True)]

    keys = {"decoder": labels([*layers, "x"], []), "encoder": labels(encoded, ["x"])}
    logs = {player: [f"log {player}({key})" for key in own] for player, own in keys.items()}
    text = HIERARCHY.replace(
        "VARIABLES", "\n      ".join(f"{name}: {{type: binary, shape: [{min(2, place + 1)}]}}" for place, name in enumerate(layers))
    )
    for player, own in keys.items():
        text = text.replace(player.upper(), ", ".join(f'"{key}": {"{net: mlp, hidden: [3]}" if "|" in key else "free"}' for key in own))
    text = text.replace("DRAWS", ", ".join(f"encoder({key})" for key in keys["encoder"]))
    return text.replace("SCORE", " - ".join([" + ".join(logs["decoder"]), *logs["encoder"]]))


def sharp(text: str, estimator: str, *, factor: float = 2.5) -> Game:
    """Return a game whose parameters are larger than at the start, so that utilities are far from linear in the draws."""
    game = game_of(text.replace("ESTIMATOR", estimator))
    with torch.no_grad():
        for player in game.players.values():
            for index, parameter in enumerate(player.parameters()):
                spread = 0.3 * torch.randn(parameter.shape, generator=torch.Generator().manual_seed(index), dtype=parameter.dtype)
                parameter.mul_(factor).add_(spread)
    return game
