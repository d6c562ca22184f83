"""Small games of two players with images of 8x8 pixels. This file builds them with parameters that are known."""

from pathlib import Path

import numpy as np
import torch
from torch.nn import functional

from gamelearn import noise
from gamelearn.game import Game, load

DIGITS = """\
name: digits
variables:
  x: {type: binary, shape: [1, 8, 8]}
  z: {type: binary, shape: [6]}
data: {dataset: {type: digits, binarize: 0.5}, streams: {images: [x]}}
players:
  decoder: {factors: {z: uniform, x | z: {net: linear}}}
  encoder: {factors: {z | x: {net: linear}}}
utilities:
  decoder: E[images(x), encoder(z | x)] log decoder(x, z)
  encoder: E[decoder(x, z)] log encoder(z | x)
train: {rounds: 5, batch: 32}
"""

AGREED = DIGITS.replace("shape: [6]", "shape: [1]").replace(
    "{type: digits, binarize: 0.5}", "{type: npz, path: x.npz, validation: 0.4, fields: {x: {type: binary}}}"
)
ROWS = 3000


def digits_in(folder: Path, text: str) -> Game:
    """Write a spec; return its game, with parameters so large that its conditionals differ clearly."""
    path = folder / "game.yaml"
    path.write_text(text)
    game = load(path)
    with torch.no_grad():
        for player in game.players.values():
            for parameter in player.parameters():
                parameter.mul_(3)
    return game


def agreed_in(folder: Path) -> Game:
    """Return a game whose encoder is the posterior of its decoder, and whose data are drawn from the decoder.

    With one bit z and p(x = 1 | z) = sigmoid(b + w z), the posterior's logit is the sum of w x - softplus(b + w) + softplus(b).
    """
    weight = 1.5 * noise.normal(("weight",), 64)
    bias = noise.normal(("bias",), 64)
    z = (noise.uniform(("z",), ROWS) < 0.5).float()
    x = (noise.uniform(("x",), ROWS, (64,)) < torch.sigmoid(bias + weight * z[:, None])).float()
    np.savez(folder / "x.npz", x=x.view(-1, 1, 8, 8).numpy())
    game = digits_in(folder, AGREED)
    set_linear(game, "decoder", weight[:, None], bias)
    set_linear(game, "encoder", weight[None], (functional.softplus(bias) - functional.softplus(bias + weight)).sum()[None])
    return game


def set_linear(game: Game, player: str, weight: torch.Tensor, bias: torch.Tensor) -> None:
    """Set the one linear layer of a player."""
    with torch.no_grad():
        for name, each in game.players[player].named_parameters():
            each.copy_((bias if "bias" in name else weight).view_as(each))


def set_image(game: Game, image: torch.Tensor) -> None:
    """Make the decoder of a game of digits generate one image alone."""
    set_linear(game, "decoder", torch.zeros(64, 6), 40 * (image.flatten() - 0.5))
