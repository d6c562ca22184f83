"""What every registered metric must do; a new one is tested here without being listed."""

import json
from typing import Any

import pytest

from gamelearn.game import Game, load
from gamelearn.metrics.metric import Context, Metric, MetricResult
from gamelearn.plugins import load_builtins
from gamelearn.registry import METRICS
from tests.metrics.digits import DIGITS, digits_in
from tests.metrics.labels import CLASSIFIER, labels_in
from tests.metrics.maps import THREE, context, game_in
from tests.metrics.small import LADDER, table_game
from tests.support import game_of

load_builtins()

COUNT = 8
OPTIONS: dict[str, dict[str, Any]] = {
    "class_frequencies": {"sweeps": 2},
    "likelihood": {"samples": 4},
    "segmentation": {"chain": {"sweeps": 2}},
    "consistency": {"sweeps": 2},
    "coverage": {"sweeps": 2},
    "frechet": {"sweeps": 2},
    "nearest_neighbour": {"sweeps": 2},
    "imputation": {"chain": {"sweeps": 2, "chains": 3}},
    "completion": {"chain": {"sweeps": 2}, "hide": ["right", "steps:0.4"]},
}
"""Options that make a metric quick, or that it needs."""
NAMES = pytest.mark.parametrize("name", METRICS.names)

EMPTY = """
    name: empty
    variables: {x: {type: real}}
    players: {one: {factors: {x: standard}}, two: {factors: {x: free}}}
    utilities: {two: "E[one(x)] log two(x)"}
    train: {rounds: 1}
    """


@pytest.fixture(scope="module")
def games(tmp_path_factory: pytest.TempPathFactory) -> tuple[Game, ...]:
    """Small games of several kinds, the richest first; a metric that fits none of them needs one of its own here."""
    maps, labels, digits = (tmp_path_factory.mktemp(name) for name in ("maps", "labels", "digits"))
    table = load("cancer-table", "data.dataset.name=wine", "data.dataset.test=0.1")
    return game_in(maps, THREE), labels_in(labels, CLASSIFIER), digits_in(digits, DIGITS), table, table_game(LADDER, rows=COUNT)


@pytest.fixture
def game(name: str, games: tuple[Game, ...]) -> Game:
    """The first game that a metric fits."""
    return next((each for each in games if metric_of(name).misfit(each.graph) is None), games[0])


def metric_of(name: str) -> Metric:
    options: Any = METRICS.options_of({"type": name, **OPTIONS.get(name, {})})
    metric: Metric = METRICS[name].build(**options.own_options())
    return metric


def measured(name: str, game: Game, asked: Context) -> MetricResult:
    metric = metric_of(name)
    assert metric.misfit(game.graph) is None, f"add a game that {name!r} fits"
    return metric.compute(game, asked)


@NAMES
def test_figures_have_values_counts_and_errors(name: str, game: Game) -> None:
    result = measured(name, game, context(count=COUNT))
    assert result.blocks
    for block in result.blocks:
        assert block.figures
        for figure in block.figures.values():
            assert figure.count == COUNT
            assert figure.value == figure.value  # it is a number
            assert figure.error is None or figure.error >= 0
        assert block.table is None or all(len(row) == len(block.table.columns) for row in block.table.rows)
    assert len({block.title for block in result.blocks}) == len(result.blocks)


@NAMES
def test_a_result_can_be_stored(name: str, game: Game) -> None:
    plain = measured(name, game, context(count=COUNT)).plain()
    assert json.loads(json.dumps(plain, allow_nan=False)) == plain


@NAMES
def test_equal_seeds_give_equal_figures(name: str, game: Game) -> None:
    first, second = (measured(name, game, context(count=COUNT, seed=3)) for _ in range(2))
    assert first == second


@NAMES
def test_nothing_learns_meanwhile(name: str, game: Game) -> None:
    before = {key: each.clone() for player in game.players.values() for key, each in player.state_dict().items()}
    measured(name, game, context(count=COUNT))
    after = {key: each for player in game.players.values() for key, each in player.state_dict().items()}
    assert all(after[key].equal(each) for key, each in before.items())
    assert all(each.grad is None for player in game.players.values() for each in player.parameters())


@NAMES
def test_a_metric_that_says_so_does_not_look_at_the_split(name: str, game: Game) -> None:
    first, second = (measured(name, game, context(split, COUNT)) for split in ("train", "validation"))
    assert (first == second) == (not metric_of(name).uses_split)


@NAMES
def test_what_does_not_fit_is_said(name: str) -> None:
    reason = metric_of(name).misfit(game_of(EMPTY).graph)
    assert reason is not None
    assert reason.startswith(("needs ", "no chain "))


@NAMES
def test_progress_reaches_its_end(name: str, game: Game) -> None:
    told: list[tuple[int, int | None]] = []
    asked = Context("validation", COUNT, 0, {}, lambda title, done, total: told.append((done, total)))
    measured(name, game, asked)
    assert (COUNT, COUNT) in told


@NAMES
def test_the_summary_is_a_sentence(name: str) -> None:
    assert METRICS[name].summary.endswith(".")
