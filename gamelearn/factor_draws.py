"""Draws and expectations of single factors of a game, without gradients. This file makes them."""

from collections.abc import Mapping

import torch

from gamelearn import noise
from gamelearn.game import Game
from gamelearn.graph.model import Factor
from gamelearn.players.player import Distribution


def draw_factor(
    game: Game, factor: Factor, values: Mapping[str, torch.Tensor], key: tuple[str, ...], rows: int, seed: int, first_row: int = 0
) -> torch.Tensor:
    """Return a draw from a factor, `(rows, *shape)`.

    Args:
        game: with its players.
        factor: one of the game's.
        values: its givens, each `(rows, *shape)`, among others.
        key: of the noise, beside the seed and the factor.
        rows: how many draws.
        seed: of the noise.
        first_row: the number of the first draw, which keys its noise.
    """
    given = {name: values[name] for name in factor.givens}
    return drawn_by(game, factor, game.players[factor.player].distribution(factor.label, given, rows), key, rows, seed, first_row)


def expectation(game: Game, factor: Factor, values: Mapping[str, torch.Tensor], rows: int) -> torch.Tensor:
    """Return the expectation of a factor, `(rows, *shape)`, of a categorical variable `(rows, classes, *shape)`; `values` has its givens."""
    given = {name: values[name] for name in factor.givens}
    return rows_of(game.players[factor.player].distribution(factor.label, given, rows).mean(), rows)


def drawn_by(
    game: Game, factor: Factor, distribution: Distribution, key: tuple[str, ...], rows: int, seed: int, first_row: int = 0
) -> torch.Tensor:
    """Return a draw from a factor whose distribution is known, `(rows, *shape)`; the arguments are those of `draw_factor`."""
    return drawn_from(game, distribution, factor_noise(game, factor, (seed, *key), rows, first_row=first_row))


def factor_noise(game: Game, factor: Factor, key: tuple[object, ...], rows: int, *, first_row: int = 0) -> torch.Tensor:
    """Return the noise of a draw from a factor, `(rows, *shape)`, uniform in [0, 1) or normal as the factor takes it.

    Args:
        game: with its device and dtype.
        factor: one of the game's, whose label is added to the key.
        key: of the noise.
        rows: how many.
        first_row: the number of the first row: blocks of rows have the noise that one call gives.
    """
    kind = factor.family.noise if factor.family is not None else game.graph.players[factor.player].options.noise
    make = noise.normal if kind == "normal" else noise.uniform
    made = make((*key, factor.label), rows, game.graph.variables[factor.target].shape, first_row=first_row)
    return made.to(device=game.device, dtype=game.dtype)


def drawn_from(game: Game, distribution: Distribution, made: torch.Tensor) -> torch.Tensor:
    """Return a draw made from noise, `(rows, *shape)`, in the dtype of the game (int64 for categorical variables)."""
    drawn = distribution.draw(made).detach()
    return drawn.to(game.dtype) if drawn.is_floating_point() else drawn


def rows_of(mean: torch.Tensor, rows: int) -> torch.Tensor:
    """Return an expectation, which may be a parameter itself, with a row for each of `rows`, where it may be the same for all."""
    mean = mean.detach()
    return mean if len(mean) == rows else mean.expand(rows, *mean.shape[1:])
