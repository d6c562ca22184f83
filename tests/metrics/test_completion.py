"""The error of what is completed. This file compares it with numbers by hand, and its baselines with those of scikit-learn."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.linear_model import Ridge

from gamelearn.game import Game
from gamelearn.metrics.completion import Completion
from gamelearn.metrics.linear import LinearFilling, interpolate
from gamelearn.metrics.metric import MetricResult
from gamelearn.patterns import hidden_pattern
from gamelearn.plugins import load_builtins
from gamelearn.registry import METRICS
from tests.metrics.maps import SUPERVISED, context, game_in, probabilities, split_of
from tests.support import graph_of

load_builtins()

PIECES = """\
name: pieces
variables:
  x: {type: real, shape: [3, 8, 8]}
  s: {type: categorical, classes: 3, shape: [8, 8]}
data:
  dataset: {type: npz, path: maps.npz, fields: {x: {type: real}, s: {type: categorical, classes: 3}}}
  streams: {pairs: [x, s]}
players:
  painter: {factors: {x | s: {net: linear}}}
utilities:
  painter: E[pairs(x, s)] log painter(x | s)
train: {rounds: 5, batch: 32}
"""


def metric(**options: Any) -> Completion:
    made: Any = METRICS.options_of({"type": "completion", **options})
    return Completion(**made.own_options())


@pytest.fixture(scope="module")
def painted(tmp_path_factory: pytest.TempPathFactory) -> Game:
    return game_in(tmp_path_factory.mktemp("painted"), PIECES)


def values(result: MetricResult, block: int = 0) -> dict[str, float]:
    return {name: figure.value for name, figure in result.blocks[block].figures.items()}


def test_the_error_of_the_game_is_that_of_its_conditional_mean(painted: Game) -> None:
    rows = split_of(painted, "test")
    found = values(metric(given=["s"], hide=["last:3"]).compute(painted, context("test")))
    with torch.no_grad():
        mean = painted.players["painter"].distribution("x | s", {"s": rows["s"]}, len(rows["s"])).mean()
    assert found["MSE"] == pytest.approx(float((mean - rows["x"])[..., 5:].square().mean()), rel=1e-5)
    train = split_of(painted, "train")["x"]
    assert found["MSE by mean"] == pytest.approx(float((train.mean(0) - rows["x"])[..., 5:].square().mean()), rel=1e-5)
    last = rows["x"][..., 4:5]
    assert found["MSE by interpolation"] == pytest.approx(float((last - rows["x"])[..., 5:].square().mean()), rel=1e-5)
    assert found["MSE / that by ridge"] == pytest.approx(found["MSE"] / found["MSE by ridge"])


def test_the_regression_is_that_of_scikit_learn_on_all_that_is_visible_or_given(painted: Game) -> None:
    train, rows = split_of(painted, "train"), split_of(painted, "test")
    hidden = hidden_pattern("gap:2", (3, 8, 8), 1)[0].reshape(-1)

    def read(split: dict[str, torch.Tensor]) -> tuple[np.ndarray, np.ndarray]:
        x = split["x"].reshape(len(split["x"]), -1).double().numpy()
        s = torch.nn.functional.one_hot(split["s"], 3).reshape(len(x), -1).double().numpy()
        return np.concatenate([x[:, ~hidden], s], 1), x[:, hidden]

    twin = Ridge(alpha=0.3 * len(train["x"])).fit(*read(train))
    inputs, truth = read(rows)
    found = values(metric(given=["s"], hide=["gap:2"], penalty=0.3).compute(painted, context("test")))
    assert found["MSE by ridge"] == pytest.approx(float(np.square(twin.predict(inputs) - truth).mean()), rel=1e-6)


def test_classes_are_counted_when_they_are_wrong(tmp_path: Path) -> None:
    game = game_in(tmp_path, SUPERVISED)
    rows, train = split_of(game, "test"), split_of(game, "train")
    found = values(metric(variable="s", given=["x"], hide=["all"]).compute(game, context("test")))
    assert found["error rate"] == pytest.approx(float((probabilities(game, rows["x"]).argmax(1) != rows["s"]).double().mean()))
    frequent = torch.nn.functional.one_hot(train["s"], 3).sum(0).argmax(-1)
    assert found["error rate by mean"] == pytest.approx(float((frequent != rows["s"]).double().mean()))
    assert "error rate by interpolation" not in found


def test_every_row_has_the_regression_of_its_own_pattern() -> None:
    generator = np.random.default_rng(0)
    data = generator.normal(size=(200, 4)) @ generator.normal(size=(4, 4))
    linear = LinearFilling(4, 0.1)
    linear.add(data[:120])
    linear.add(data[120:])
    hidden = generator.random((6, 4)) < 0.5
    hidden[0], hidden[1] = True, False
    filled = linear.fill(data[:6], hidden)
    assert (filled[~hidden] == data[:6][~hidden]).all()
    np.testing.assert_allclose(filled[0], data.mean(0))
    for row, mask, own in zip(data[2:6], hidden[2:], filled[2:], strict=True):
        if mask.any() and not mask.all():
            twin = Ridge(alpha=20.0).fit(data[:, ~mask], data[:, mask])
            np.testing.assert_allclose(own[mask], twin.predict(row[None, ~mask]).reshape(-1), rtol=1e-6)


def test_interpolation_is_straight_between_steps_and_constant_outside() -> None:
    line = np.array([[9.0, 1.0, 9.0, 9.0, 4.0, 9.0], [5.0] * 6])
    hidden = np.array([[1, 0, 1, 1, 0, 1], [1] * 6], dtype=bool)
    found = interpolate(line, hidden, np.full((2, 6), 7.0))
    np.testing.assert_allclose(found, [[1, 1, 2, 3, 4, 4], [7] * 6])


SERIES = """
    name: series
    variables: {a: {type: real, shape: [2, 4]}, b: {type: real, shape: [2, 5]}, c: {type: real, shape: [3, 4]}, d: {type: real}}
    data: {dataset: {type: npz, path: none.npz}, streams: {all: [a, b, c, d]}}
    players: {one: {factors: {"b | a, c, d": {net: linear}}}}
    utilities: {one: "E[all(a, b, c, d)] log one(b | a, c, d)"}
    train: {rounds: 1}
    """


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variable": "e"}, "unknown variable 'e'"),
        ({"variable": "a"}, "needs a stream that shows 'a', to be completed"),
        ({"stream": "some"}, "unknown stream 'some'"),
        (
            {"given": ["a", "c", "d"], "hide": ["square:2"], "variable": "b", "pieces": ["a", "c"]},
            "'pieces' are 'b' with some of what is given",
        ),
        ({"given": ["a", "c", "d"], "pieces": ["b", "c"]}, "their shapes differ before the last axis"),
        ({"given": ["a", "c", "d"], "pieces": ["b", "d"]}, "their shapes differ before the last axis"),
        ({"given": ["a", "c", "d"], "hide": ["last:6"]}, "does not fit into 5 steps"),
    ],
)
def test_what_does_not_fit_is_said(options: dict[str, Any], message: str) -> None:
    reason = metric(**options).misfit(graph_of(SERIES))
    assert reason is not None
    assert message in reason


def test_pieces_follow_each_other(tmp_path: Path) -> None:
    generator = np.random.default_rng(1)
    a, b = generator.normal(size=(40, 2, 4)).astype(np.float32), generator.normal(size=(40, 2, 3)).astype(np.float32)
    np.savez(tmp_path / "two.npz", a=a, b=b)
    (tmp_path / "game.yaml").write_text(
        """\
name: two
variables: {a: {type: real, shape: [2, 4]}, b: {type: real, shape: [2, 3]}}
data: {dataset: {type: npz, path: two.npz}, streams: {all: [a, b]}}
players: {one: {factors: {b | a: {net: linear}}}}
utilities: {one: "E[all(a, b)] log one(b | a)"}
train: {rounds: 1}
"""
    )
    from gamelearn.game import load

    game = load(tmp_path / "game.yaml")
    [rows] = list(game.streams().split("all", "test"))
    options = {"variable": "b", "given": ["a"], "hide": ["all"]}
    found = values(metric(**options, pieces=["a", "b"]).compute(game, context("test")))
    assert found["MSE by interpolation"] == pytest.approx(float((rows["a"][..., -1:] - rows["b"]).square().mean()), rel=1e-6)
    found = values(metric(**options, pieces=["b", "a"]).compute(game, context("test")))
    assert found["MSE by interpolation"] == pytest.approx(float((rows["a"][..., :1] - rows["b"]).square().mean()), rel=1e-6)
