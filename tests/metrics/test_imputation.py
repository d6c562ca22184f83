"""Filling in missing cells. This file compares figures with closed forms, and with scikit-learn's imputers called directly."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.impute import SimpleImputer

from gamelearn.game import Game, load
from gamelearn.graph.model import Variable
from gamelearn.metrics.chain import ChainOptions
from gamelearn.metrics.imputation import Imputation
from gamelearn.metrics.imputation_scores import CONSTANT, GAME, Scored, crps, interval
from gamelearn.metrics.imputers import Guesses, constant_guesses, iterative_guesses
from gamelearn.metrics.metric import MetricResult
from gamelearn.training import train
from tests.metrics.maps import context

SLOPE, NOISE = 0.8, 0.6
SPEC = """\
name: pairs
variables: {x: {type: real}, y: {type: real}, c: {type: categorical, classes: 2}}
data: {dataset: {type: csv, path: pairs.csv, validation: 0.45, columns: {c: categorical}}, streams: {rows: [x, y, c]}}
players:
  of_x: {factors: {"x | y": {net: linear, family: {type: normal, scale: 0.6}}}}
  of_y: {factors: {"y | x": {net: linear, family: {type: normal, scale: 0.6}}}}
  of_c: {factors: {c: free}}
  start: {factors: {x: standard}}
utilities:
  of_x: E[rows(x, y)] log of_x(x | y)
  of_y: E[rows(x, y)] log of_y(y | x)
  of_c: E[rows(c)] log of_c(c)
train: {rounds: 1}
"""


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Game:
    """A game whose conditionals are those of the two standard normals, with correlation 0.8, that its data are drawn from."""
    folder = tmp_path_factory.mktemp("pairs")
    generator = np.random.default_rng(0)
    x = generator.normal(size=600)
    y = SLOPE * x + NOISE * generator.normal(size=600)
    lines = [f"{a},{b},{int(a > 1)}" for a, b in zip(x, y, strict=True)]
    (folder / "pairs.csv").write_text("\n".join(["x,y,c", *lines]))
    (folder / "pairs.yaml").write_text(SPEC)
    game = load(folder / "pairs.yaml")
    with torch.no_grad():
        for player in ("of_x", "of_y"):
            for parameter in game.players[player].parameters():
                parameter.fill_(SLOPE if parameter.dim() == 2 else 0.0)
        for parameter in game.players["of_c"].parameters():
            parameter.copy_(torch.tensor([1.0, -1.0]).reshape(parameter.shape))
    return game


def measured(game: Game, **options: Any) -> MetricResult:
    chain = ChainOptions(**{"sweeps": 6, "burn_in": 6, **options.pop("chain", {})})
    given = {"stream": None, "missing": 0.4, "coverage": 0.9, "rounds": 10, "count": 1000, **options}
    return Imputation(**given, chain=chain).compute(game, context())


def test_right_conditionals_fill_in_with_the_error_and_the_coverage_of_theory(exact: Game) -> None:
    result = measured(exact)
    numbers, classes = result.blocks
    figures = numbers.figures
    both_missing = 0.4
    rmse = np.sqrt((1 - both_missing) * NOISE**2 + both_missing)
    crps_of_normal = ((1 - both_missing) * NOISE + both_missing) / np.sqrt(np.pi)
    for name, expected in (("RMSE", rmse), ("CRPS", crps_of_normal), ("coverage of 90 % intervals", 0.9)):
        figure = figures[name]
        assert figure.error is not None
        assert 0 < figure.error < 0.08
        assert abs(figure.value - expected) < 4.5 * figure.error, name
    assert abs(figures["RMSE by mean"].value - 1) < 0.15
    assert figures["RMSE ratio to mean"].value < 0.9
    assert figures["RMSE ratio to IterativeImputer"].value == pytest.approx(
        figures["RMSE"].value / figures["RMSE by IterativeImputer"].value
    )
    assert classes.figures["accuracy"].value == classes.figures["accuracy by most frequent"].value > 0.7


def test_the_coverage_is_that_which_was_asked_for(exact: Game) -> None:
    scored = measured(exact, coverage=0.5, chain={"chains": 3}).blocks[0].figures
    name = "coverage of 50 % intervals"
    assert abs(scored[name].value - 0.5) < 4.5 * (scored[name].error or 0)


def test_two_chains_have_the_interval_that_they_allow(exact: Game) -> None:
    assert "coverage of 33.3 % intervals" in measured(exact, chain={"chains": 2}, count=20).blocks[0].figures


def test_the_fair_score_is_that_of_its_definition() -> None:
    generator = np.random.default_rng(1)
    draws, truth = generator.normal(size=(7, 5)), generator.normal(size=5)
    pairs = sum(np.abs(draws[i] - draws[j]) for i in range(7) for j in range(i)) / (7 * 6)
    assert crps(draws, truth) == pytest.approx(np.abs(draws - truth).mean(0) - pairs)


@pytest.mark.parametrize(
    ("count", "coverage", "expected"), [(39, 0.9, 0.9), (19, 0.9, 0.9), (3, 0.5, 0.5), (2, 0.9, 1 / 3), (99, 0.5, 0.5)]
)
def test_intervals_hold_another_draw_with_their_probability(count: int, coverage: float, expected: float) -> None:
    draws = np.random.default_rng(2).exponential(size=(count + 1, 20_000))
    low, high, nominal = interval(draws[:-1], coverage)
    assert nominal == pytest.approx(expected)
    held = ((low <= draws[-1]) & (draws[-1] <= high)).mean()
    assert abs(held - expected) < 4.5 * np.sqrt(expected * (1 - expected) / 20_000)


COLUMNS = (Variable("x", "real", ()), Variable("b", "binary", ()), Variable("c", "categorical", (), 3))


def table(rows: int, seed: int = 0) -> dict[str, np.ndarray]:
    generator = np.random.default_rng(seed)
    c = generator.integers(0, 3, rows)
    x = 2.0 * c + generator.normal(0, 0.2, rows)
    return {"x": 5 + x, "b": (c == 1).astype(float), "c": c.astype(float)}


def test_constants_are_those_of_simple_imputer() -> None:
    train = table(50)
    guesses = constant_guesses(COLUMNS, train, 4).values
    for name, strategy in (("x", "mean"), ("b", "most_frequent"), ("c", "most_frequent")):
        imputer = SimpleImputer(strategy=strategy).fit(train[name][:, None])
        assert guesses[name] == pytest.approx(imputer.transform(np.full((4, 1), np.nan))[:, 0])


def test_classes_are_imputed_from_the_other_columns() -> None:
    train, cells = table(200), table(100, seed=1)
    hidden = {"x": np.zeros(100, bool), "b": np.zeros(100, bool), "c": np.arange(100) < 50}
    guesses = iterative_guesses(COLUMNS, train, cells, hidden, rounds=10, draws=3, seed=0)
    assert (guesses.values["c"][:50] == cells["c"][:50]).mean() > 0.9
    assert (guesses.values["c"][50:] == cells["c"][50:]).all()
    assert guesses.values["x"] == pytest.approx(cells["x"])
    assert guesses.draws["x"].shape == (3, 100)


def test_numbers_are_imputed_by_a_regression_whose_draws_spread() -> None:
    train, cells = table(200), table(100, seed=1)
    hidden = {"x": np.ones(100, bool), "b": np.zeros(100, bool), "c": np.zeros(100, bool)}
    guesses = iterative_guesses(COLUMNS, train, cells, hidden, rounds=10, draws=30, seed=0)
    error = guesses.values["x"] - cells["x"]
    assert np.sqrt((error**2).mean()) < 0.35 < cells["x"].std()
    assert 0.1 < guesses.draws["x"].std(0).mean() < 0.4


def test_errors_are_in_standard_deviations_of_the_training_rows() -> None:
    hidden = {"x": np.array([True, False, True])}
    cells, wrong = {"x": np.array([1.0, 2.0, 3.0])}, {"x": np.array([5.0, 99.0, 3.0])}
    scored = Scored(COLUMNS[:1], cells, hidden, {GAME: Guesses(wrong, {}), CONSTANT: Guesses(cells, {})}, {"x": 2.0})
    [block] = scored.blocks(0.9)
    assert block.figures["RMSE"].value == pytest.approx(np.sqrt((2.0**2 + 0) / 2))
    assert block.table is not None
    [(name, *figures)] = block.table.rows
    assert name == "x"
    assert figures == pytest.approx([2, np.sqrt(2), 0])


def test_the_shipped_game_beats_the_mean(tmp_path: Path) -> None:
    game = load("cancer-table", "data.dataset.name=iris", "train.rounds=40")
    train(game, run_folder=tmp_path / "run")
    chain = ChainOptions(sweeps=5, burn_in=3)
    metric = Imputation(stream=None, missing=0.3, coverage=0.9, rounds=5, count=45, chain=chain)
    figures = metric.compute(game, context("test")).blocks[0].figures
    assert figures["RMSE ratio to mean"].value + 2 * (figures["RMSE ratio to mean"].error or 0) < 1
