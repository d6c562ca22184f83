"""Log cross-ratios of conditionals from one joint table, of others, and of linear normal ones. This file compares them."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from gamelearn.game import Game
from gamelearn.metrics.cross_ratio import CrossRatio, cross_ratios, neighbours_figure
from gamelearn.metrics.metric import MetricError, MetricResult
from tests.metrics.maps import context
from tests.metrics.small import LADDER, NO_PRIOR, REALS, data_of, model_of, table_game

TABLES = """
    name: tables
    variables: {x: {type: categorical, classes: 4}, z: {type: categorical, classes: 3}}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z: free, x | z: {net: linear}}}
      encoder: {factors: {z | x: {net: linear}}}
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z)
      encoder: E[decoder(x, z)] log encoder(z | x)
    train: {rounds: 1}
    """


def linear_of(game: Game, player: str) -> nn.Linear:
    found = [each for each in game.players[player].modules() if isinstance(each, nn.Linear)]
    assert len(found) == 1
    return found[0]


def tables(exponent: float) -> tuple[Game, torch.Tensor]:
    """Return a game whose conditionals are those of a joint table, but for the exponent of the encoder's, with the table's logarithm."""
    game = table_game(TABLES, rows=200)
    joint = torch.randn(4, 3, generator=torch.Generator().manual_seed(3), dtype=game.dtype).mul(1.5).flatten().log_softmax(0).view(4, 3)
    with torch.no_grad():
        for player, logits in (("decoder", joint), ("encoder", exponent * joint.T)):
            layer = linear_of(game, player)
            layer.weight.copy_(logits)
            layer.bias.zero_()
    return game, joint


def measured(game: Game, count: int = 256, seed: int = 0) -> MetricResult:
    return CrossRatio(stream=None, model=None, proposal=None, count=count).compute(game, context(seed=seed))


def test_conditionals_of_one_joint_table_have_equal_cross_ratios() -> None:
    result = measured(tables(1.0)[0])
    assert [block.title for block in result.blocks] == ["pairs of data", "pairs of model"]
    for block in result.blocks:
        assert block.figures["root mean square"].value < 1e-12
        assert block.figures["root mean square of model"].value > 0.5
        assert block.figures["correlation"].value == pytest.approx(1)


def test_incompatible_conditionals_are_seen_and_measured() -> None:
    """The encoder's logits are half of what they should be, and so are its cross-ratios."""
    for block in measured(tables(0.5)[0]).blocks:
        figures = block.figures
        assert figures["relative to model"].value == pytest.approx(0.5)
        assert figures["relative to proposal"].value == pytest.approx(1)
        assert figures["mean absolute"].value > 5 * (figures["mean absolute"].error or 0)
        assert figures["correlation"].value == pytest.approx(1)
        assert figures["mean absolute per dimension"].value == pytest.approx(figures["mean absolute"].value)


def test_cross_ratios_by_hand() -> None:
    game, joint = tables(0.7)
    x, z = torch.tensor([0, 1, 2, 3]), torch.tensor([0, 2, 1, 1])
    found = cross_ratios(game, model_of(game), {"x": x, "z": z})
    other_x, other_z = x.roll(-1), z.roll(-1)
    expected = joint[x, z] + joint[other_x, other_z] - joint[other_x, z] - joint[x, other_z]
    assert found[:, 0] == pytest.approx(expected.numpy())
    assert found[:, 1] == pytest.approx(0.7 * expected.numpy())


def normals(slope: float) -> Game:
    """Return p(z) = N(0, 1), p(x | z) = N(a z, 1/4) in two dimensions, and its posterior with a slope that is so many times the right one."""
    variance = 1 / (1 + 4 * (0.8**2 + 0.5**2))
    game = table_game(REALS.replace("scale: 0.6", f"scale: {math.sqrt(variance)!r}"), rows=100)
    with torch.no_grad():
        weights = torch.tensor([[0.8], [-0.5]], dtype=game.dtype)
        for player, weight in (("decoder", weights), ("encoder", slope * 4 * variance * weights.T)):
            layer = linear_of(game, player)
            layer.weight.copy_(weight)
            layer.bias.fill_(0.3 if player == "decoder" else -0.3 * 4 * variance * (0.8 - 0.5))
    return game


def test_a_normal_posterior_is_compatible_and_another_slope_is_not() -> None:
    for block in measured(normals(1.0)).blocks:
        assert block.figures["root mean square"].value < 1e-12 < 0.1 < block.figures["root mean square of proposal"].value
    for block in measured(normals(1.5)).blocks:
        assert block.figures["relative to model"].value == pytest.approx(0.5)


def test_what_depends_on_one_side_alone_cancels() -> None:
    game = table_game(LADDER)
    values = {**data_of(game), "z0": torch.ones(20, 2).double().tril(), "z1": torch.arange(20) % 3}
    before = cross_ratios(game, model_of(game), values)
    with torch.no_grad():
        game.players["decoder"].get_parameter("free.z0").add_(1.7)
    after = cross_ratios(game, model_of(game), values)
    assert after[:, 0] == pytest.approx(before[:, 0])
    assert np.abs(before).max() > 0.1


def test_a_game_without_a_prior_has_pairs_of_the_data() -> None:
    result = measured(table_game(NO_PRIOR))
    assert [block.title for block in result.blocks] == ["pairs of data"]
    assert result.notes == ("the model has no prior: its own pairs are not looked at",)
    assert result.blocks[0].figures["root mean square"].value > 0.1


def test_one_row_is_not_enough() -> None:
    with pytest.raises(MetricError, match="needs two rows at least"):
        measured(table_game(LADDER), count=1)


def test_the_error_of_neighbours_is_the_spread_over_seeds() -> None:
    game, _ = tables(0.5)
    found = [measured(game, 200, seed).blocks[1].figures["mean absolute"] for seed in range(60)]
    spread = float(np.std([each.value for each in found]))
    assert np.mean([each.error for each in found if each.error is not None]) == pytest.approx(spread, rel=0.3)


def test_the_error_of_independent_values_is_the_usual_one() -> None:
    values: Any = np.random.default_rng(0).normal(size=2000)
    found = neighbours_figure(np.stack([np.ones(2000), values], 1), lambda sums: float(sums[1] / sums[0]))
    assert found.error == pytest.approx(values.std() / 2000**0.5, rel=0.1)
    doubled = np.repeat(values, 2)
    found = neighbours_figure(np.stack([np.ones(4000), doubled], 1), lambda sums: float(sums[1] / sums[0]))
    assert found.error == pytest.approx(values.std() / 2000**0.5, rel=0.1)
