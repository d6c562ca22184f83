"""Mutual information of codes with rows, against scikit-learn, enumeration and a closed form. This file compares figures."""

import math
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import mutual_info_score

from gamelearn.game import Game
from gamelearn.metrics.metric import MetricResult
from gamelearn.metrics.models import draw_factors
from gamelearn.metrics.mutual_information import MutualInformation
from tests.metrics.maps import context
from tests.metrics.small import LABELLED, LADDER, REALS, REVERSE, data_of, exact_logs, model_of, table_game
from tests.metrics.test_cross_ratio import tables
from tests.metrics.test_likelihood import hidden_states


def measured(game: Game, **options: Any) -> MetricResult:
    values = {"stream": None, "model": None, "proposal": None, "samples": 16, "active": 0.01, "units": 64, "count": 256, **options}
    return MutualInformation(**values).compute(game, context())


def information(probabilities: torch.Tensor) -> float:
    """Return the information of the columns about the rows by scikit-learn's mutual information of a table of counts."""
    return float(mutual_info_score(None, None, contingency=(1e7 * probabilities).round().long().numpy()))


def marginals(game: Game, stream: str = "images") -> dict[str, list[torch.Tensor]]:
    """Return by hidden variable and unit q(z_j | x), `(rows, classes)`, summed over all other hidden variables."""
    hidden = hidden_states(game, stream)
    inferred = exact_logs(game, model_of(game, stream=stream), hidden, data_of(game, stream))[1].exp()
    found = {}
    for name, values in hidden.items():
        classes = game.graph.variables[name].classes or 2
        units = values.reshape(len(values), -1).long().T
        found[name] = [torch.stack([inferred[:, unit == each].sum(1) for each in range(classes)], 1) for unit in units]
    return found


def figures_of(result: MetricResult) -> dict[str, dict[str, float]]:
    return {block.title: {name: each.value for name, each in block.figures.items()} for block in result.blocks}


def test_units_that_read_the_row_alone_are_exact() -> None:
    game = table_game(LADDER)
    result = measured(game)
    expected = [information(each) for each in marginals(game)["z0"]]
    block = result.blocks[0]
    assert block.table is not None
    assert [row[0] for row in block.table.rows] == ["z0[0]", "z0[1]"]
    assert [row[1] for row in block.table.rows] == pytest.approx(expected, abs=1e-5)
    assert min(expected) > 0.005
    found = figures_of(result)["z0"]
    assert (found["sum"], found["mean"], found["largest"]) == pytest.approx((sum(expected), sum(expected) / 2, max(expected)), abs=1e-5)
    assert found["units"] == 2
    assert result.notes[0] == "informations of 20 rows are at most log 20 = 3.00 nats"


@pytest.mark.parametrize(
    ("text", "stream", "name", "factor"),
    [(LADDER, "images", "z1", 3.0), (REVERSE, "images", "z0", 8.0), (LABELLED, "images", "z", 3.0)],
)
def test_units_below_others_are_averaged_over_them(text: str, stream: str, name: str, factor: float) -> None:
    game = table_game(text, factor=factor)
    expected = sum(information(each) for each in marginals(game, stream)[name])
    result = measured(game, samples=300, stream=stream)
    found = figures_of(result)[name]["sum"]
    assert expected > 0.01
    assert found == pytest.approx(expected, rel=0.15)
    assert f"{name}: the other hidden variables that it depends on are averaged over 300 draws a row" in result.notes


def test_the_correction_removes_most_of_the_bias_of_few_draws() -> None:
    game = table_game(LADDER, rows=200, factor=3.0)
    expected = sum(information(each) for each in marginals(game)["z1"])
    few = figures_of(measured(game, samples=4))["z1"]["sum"]
    many = figures_of(measured(game, samples=200))["z1"]["sum"]
    assert many == pytest.approx(expected, rel=0.1)
    assert abs(few - expected) < 0.3 * expected


def test_two_draws_are_corrected_by_their_unbiased_variance() -> None:
    game = table_game(LADDER, rows=30, factor=3.0)
    rows, model = data_of(game, "images"), model_of(game)
    draws = draw_factors(game, model.proposal, rows, rows=30, samples=range(2), key=(0, "proposal"))
    with torch.no_grad():
        conditional = next(each for each in model.proposal if each.target == "z1")
        given = {name: draws[name] for name in conditional.givens}
        mean = game.players["encoder"].distribution(conditional.label, given, 60).mean().double()
    by_class = mean.reshape(30, 2, 3)  # rows, draws, classes
    share, variance = by_class.mean(1), by_class.var(1) / 2
    entropies = (torch.special.entr(share) + variance / share / 2).sum(1)
    expected = torch.special.entr(share.mean(0)).sum() - entropies.mean()
    assert figures_of(measured(game, samples=2))["z1"]["sum"] == pytest.approx(float(expected))


def test_a_code_that_is_ignored_has_none() -> None:
    game = table_game(LADDER)
    with torch.no_grad():
        for name, each in game.players["encoder"].named_parameters():
            if "bias" not in name:
                each.zero_()
    found = figures_of(measured(game, samples=200))
    assert found["z0"]["largest"] == pytest.approx(0, abs=1e-12)
    assert found["z0"]["active units"] == 0
    assert abs(found["z1"]["largest"]) < 0.01
    assert figures_of(measured(table_game(LADDER), active=0.001))["z0"]["active units"] == 2


def test_a_code_that_names_the_class_has_its_entropy() -> None:
    game, _ = tables(1.0)
    layer = next(each for each in game.players["encoder"].modules() if isinstance(each, torch.nn.Linear))
    with torch.no_grad():
        layer.weight.copy_(50 * torch.eye(3, 4, dtype=game.dtype))
        layer.weight[0, 3] = 50
    x = data_of(game)["x"]
    expected = mutual_info_score(x.numpy(), np.where(x.numpy() == 3, 0, x.numpy()))
    assert figures_of(measured(game))["z"]["sum"] == pytest.approx(expected)


def test_real_units_have_the_information_of_their_mixture() -> None:
    game = table_game(REALS, rows=150)
    shown = data_of(game)["x"]
    with torch.no_grad():
        means = game.players["encoder"].distribution("z | x", {"x": shown}, 150).mean().numpy()
    grid = np.linspace(means.min() - 5, means.max() + 5, 4001)
    mixture = np.exp(-0.5 * ((grid - means[:, None]) / 0.6) ** 2).mean(0) / (0.6 * math.sqrt(2 * math.pi))
    entropy = -(mixture * np.log(mixture)).sum() * (grid[1] - grid[0])
    expected = entropy - 0.5 * math.log(2 * math.pi * math.e * 0.36)
    figure = measured(game, samples=16).blocks[0].figures["sum"]
    assert expected > 0.1
    assert figure.value == pytest.approx(expected, abs=4.5 / math.sqrt(150 * 16))


DEEP = """
    name: deep
    variables: {x: {type: real, shape: [2]}, y: {type: real}, z: {type: real}}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z: standard, y | z: {net: linear}, x | y: {net: linear}}}
      encoder:
        factors:
          y | x: {net: linear, family: {type: normal, scale: 0.5}}
          z | y: {net: linear, family: {type: normal, scale: 0.5}}
    utilities:
      decoder: E[images(x), encoder(y, z | x)] log decoder(x, y, z)
      encoder: E[decoder(x, y, z)] log encoder(y, z | x)
    train: {rounds: 1}
    """


def test_real_units_below_others_are_mixtures_of_their_draws() -> None:
    """z given x is normal, too, with both spreads added."""
    game = table_game(DEEP, rows=60, factor=1.0)
    shown = data_of(game)["x"]
    with torch.no_grad():
        y = game.players["encoder"].distribution("y | x", {"x": shown}, 60).mean()
        means = game.players["encoder"].distribution("z | y", {"y": y}, 60).mean().numpy()
        both = game.players["encoder"].distribution("z | y", {"y": torch.tensor([0.0, 1.0], dtype=game.dtype)}, 2).mean()
    spread = math.sqrt(0.25 + (0.5 * float(both[1] - both[0])) ** 2)
    grid = np.linspace(means.min() - 5, means.max() + 5, 4001)
    mixture = np.exp(-0.5 * ((grid - means[:, None]) / spread) ** 2).mean(0) / (spread * math.sqrt(2 * math.pi))
    expected = -(mixture * np.log(mixture)).sum() * (grid[1] - grid[0]) - 0.5 * math.log(2 * math.pi * math.e * spread**2)
    assert figures_of(measured(game, samples=12))["z"]["sum"] == pytest.approx(expected, abs=0.12)


def test_large_variables_have_no_table_of_units() -> None:
    assert measured(table_game(LADDER), units=1).blocks[0].table is None


def test_blocks_of_rows_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    for text in (LADDER, REALS):
        whole = figures_of(measured(table_game(text)))
        with monkeypatch.context() as patch:
            patch.setattr("gamelearn.metrics.label_maps.ROWS", 7)
            split = figures_of(measured(table_game(text)))
        for title, each in whole.items():
            assert split[title] == pytest.approx(each, rel=1e-9)
