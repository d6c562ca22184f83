"""Small latent variable games whose data is held in memory, so that everything about them can be enumerated. This file builds them."""

from collections.abc import Iterator

import torch

from gamelearn.game import Game
from gamelearn.metrics.models import LatentModel, find_model, log_factors, total
from tests.support import TableStreams, game_of

HEAD = """
    name: small
    variables:
      x: {type: binary, shape: [3]}
      z0: {type: binary, shape: [2]}
      z1: {type: categorical, classes: 3}
      z: [z0, z1]
    data: {streams: {images: [x]}}
    train: {rounds: 1}
    players:
      decoder: {factors: {z0: free, z1 | z0: {net: mlp, hidden: [4]}, x | z1: {net: mlp, hidden: [4]}}}
    """
UTILITIES = """
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z)
      encoder: E[decoder(x, z)] log encoder(z | x)
    """
LADDER = (
    HEAD
    + """
      encoder:
        networks: {trunk: {net: mlp, hidden: [5], inputs: [x], outputs: {s0: z0, s1: z1}}}
        factors: {z0 | x: trunk.s0, "z1 | z0, x": ["decoder(z1 | z0)", trunk.s1]}
    """
    + UTILITIES
)
REVERSE = HEAD + "  encoder: {factors: {z1 | x: {net: mlp, hidden: [4]}, z0 | z1: {net: mlp, hidden: [4]}}}\n" + UTILITIES

LABELLED = """
    name: labelled
    variables:
      x: {type: binary, shape: [3]}
      c: {type: categorical, classes: 3}
      z: {type: binary, shape: [2]}
    data: {streams: {pairs: [x, c], images: [x]}}
    players:
      decoder: {factors: {c: free, z: uniform, "x | c, z": {net: mlp, hidden: [4]}}}
      encoder: {factors: {c | x: {net: mlp, hidden: [4]}, "z | x, c": {net: mlp, hidden: [4]}}}
    utilities:
      decoder: E[pairs(x, c), encoder(z | x, c)] log decoder(x, c, z)
      encoder: E[decoder(x, c, z)] log encoder(c, z | x)
    train: {rounds: 1}
    """

REALS = """
    name: reals
    variables:
      x: {type: real, shape: [2]}
      z: {type: real}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z: standard, x | z: {net: linear, family: {type: normal, scale: 0.5}}}}
      encoder: {factors: {z | x: {net: linear, family: {type: normal, scale: 0.6}}}}
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z)
      encoder: E[decoder(x, z)] log encoder(z | x)
    train: {rounds: 1}
    """

NO_PRIOR = """
    name: no-prior
    variables: {x: {type: binary, shape: [3]}, z: {type: categorical, classes: 3, shape: [2]}}
    data: {streams: {images: [x], codes: [z]}}
    players:
      decoder: {factors: {x | z: {net: mlp, hidden: [4]}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [4]}}}
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x | z)
      encoder: E[codes(z), decoder(x | z)] log encoder(z | x)
    train: {rounds: 1}
    """


class SplitStreams(TableStreams):
    """Streams whose splits are their rows; of the training split the second half is the first one again."""

    def split(self, stream: str, split: str, *, rows: int) -> Iterator[dict[str, torch.Tensor]]:
        length = len(next(iter(self.tables[stream].values())))
        chosen = torch.arange(length) % (length // 2) if split == "train" else torch.arange(length)
        table = {name: value[chosen] for name, value in self.tables[stream].items()}
        for first in range(0, length, rows):
            yield {name: value[first : first + rows] for name, value in table.items()}


def table_game(text: str, *, rows: int = 20, factor: float = 2.0, dtype: torch.dtype = torch.float64) -> Game:
    """Return a game whose conditionals differ clearly, with random data."""
    game = game_of(text, dtype=dtype)
    with torch.no_grad():
        for player in game.players.values():
            for index, parameter in enumerate(player.parameters()):
                spread = torch.randn(parameter.shape, generator=torch.Generator().manual_seed(index), dtype=parameter.dtype)
                parameter.mul_(factor).add_(0.5 * spread)
    return with_data(game, rows)


def with_data(game: Game, rows: int) -> Game:
    """Give a game random data, the same at every call."""
    generator = torch.Generator().manual_seed(7)
    made = {}
    for name, variable in game.graph.variables.items():
        if variable.type == "real":
            made[name] = torch.randn((rows, *variable.shape), generator=generator, dtype=torch.float64).to(game.dtype)
        else:
            value = torch.randint(variable.classes or 2, (rows, *variable.shape), generator=generator)
            made[name] = value if variable.type == "categorical" else value.to(game.dtype)
    tables = {name: {each: made[each] for each in stream.variables} for name, stream in game.graph.streams.items()}
    game._streams = SplitStreams(tables)  # type: ignore[assignment]
    return game


def data_of(game: Game, stream: str = "images") -> dict[str, torch.Tensor]:
    """Return the rows of a stream."""
    return next(game.streams().split(stream, "validation", rows=10_000))


def model_of(game: Game, *, stream: str | None = None, prior: bool = True) -> LatentModel:
    return find_model(game.graph, stream=stream, model=None, proposal=None, prior=prior)


@torch.no_grad()
def exact_logs(game: Game, model: LatentModel, hidden: dict[str, torch.Tensor], shown: dict[str, torch.Tensor]) -> torch.Tensor:
    """Return log p(x, z) and log q(z | x) of all rows at all given values of the hidden variables, `(2, rows, values)`."""
    rows, values = len(next(iter(shown.values()))), len(next(iter(hidden.values())))
    joint = {name: each.repeat_interleave(values, 0) for name, each in shown.items()}
    joint |= {name: each.repeat(rows, *[1] * (each.dim() - 1)) for name, each in hidden.items()}
    return torch.stack([total(log_factors(game, factors, joint)).view(rows, values) for factors in (model.factors, model.proposal)])
