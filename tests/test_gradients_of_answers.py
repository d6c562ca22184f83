"""Answers without gradients, where a conditional's mean or draw is a parameter itself."""

from collections.abc import Iterator, Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, ClassVar

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from gamelearn.factor_draws import draw_factor, expectation
from gamelearn.game import Game, load
from gamelearn.graph.model import Factor, Variable
from gamelearn.inference import infer
from gamelearn.metrics.evaluation import choose_metrics, evaluate
from gamelearn.players.player import Player
from gamelearn.registry import METRICS, PLAYERS, Entry
from gamelearn.sampling import ancestral, limiting, reconstruct
from gamelearn.spec.kinds import PlayerOptions
from tests.metrics.maps import context

TEXT = """\
name: free
variables: {{x: {{type: real, shape: [1, 4, 4]}}, s: {{type: categorical, classes: 2, shape: [4, 4]}}, r: {{type: real}}, n: {{type: count}}, z: {{type: binary, shape: [2]}}}}
data:
  dataset: {{type: npz, path: free.npz, fields: {{x: {{type: real}}, s: {{type: categorical, classes: 2}}, r: {{type: real}}, n: {{type: count}}}}}}
  streams: {{rows: [x, s], pairs: [r, n]}}
players:
  still: {still}
  other: {{factors: {{s | x: {{net: linear}}, z | x: {{net: linear}}, z: free, n: free}}}}
utilities:
  still: ["E[rows(x)] log still(x)", "E[pairs(r)] log still(r)", "E[pairs(r), other(z)] log still(r | z)"]
  other: ["E[rows(x, s)] log other(s | x)", "E[pairs(n)] log other(n)", "E[still(x), other(z)] log other(z | x)"]
train: {{rounds: 1, batch: 4}}
"""
FREE = '{factors: {x: free, r: free, "r | z": {net: linear}}}'
OWN = "{type: test_still, factors: [x, r, r | z]}"


class Still(Player):
    """Every variable is its parameter, with certainty."""

    def __init__(self, factors: Mapping[str, Factor], variables: Mapping[str, Variable]) -> None:
        super().__init__(factors, variables)
        self.values = nn.ParameterList(nn.Parameter(torch.ones(variables[each.target].shape)) for each in factors.values())

    def distribution(self, factor: str, values: Mapping[str, Tensor], rows: int) -> Any:
        parameter = self.values[list(self.factors).index(factor)]
        return Stuck(parameter.expand(rows, *parameter.shape))


class Stuck:
    def __init__(self, value: Tensor) -> None:
        self.value = value

    def log_prob(self, value: Tensor) -> Tensor:
        return -((value - self.value) ** 2)

    def draw(self, noise: Tensor) -> Tensor:
        return self.value

    mean = decide = lambda self: self.value

    def given(self, value: Tensor, known: Tensor) -> "Stuck":
        return self


class StillOptions(PlayerOptions):
    has_given: ClassVar[bool] = True


@pytest.fixture(params=[FREE, OWN])
def game(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Game:
    monkeypatch.setitem(PLAYERS._entries, "test_still", Entry("test_still", Still, StillOptions))
    generator = np.random.default_rng(0)
    x = generator.random((40, 1, 4, 4)).astype(np.float32)
    np.savez(tmp_path / "free.npz", x=x, s=(x[:, 0] > 0.5).astype(np.int64), r=x[:, 0, 0, 0], n=generator.poisson(2, 40))
    (tmp_path / "free.yaml").write_text(TEXT.format(still=request.param))
    return load(tmp_path / "free.yaml")


def tensors_of(answer: Any) -> Iterator[Tensor]:
    if isinstance(answer, Tensor):
        yield answer
    elif isinstance(answer, Mapping):
        for each in answer.values():
            yield from tensors_of(each)
    elif hasattr(answer, "__dataclass_fields__"):
        for each in fields(answer):
            yield from tensors_of(getattr(answer, each.name))


X = torch.zeros(3, 1, 4, 4)
ASKED: dict[str, Any] = {
    "nothing known": lambda game: infer(game, rows=3, sweeps=2),
    "a part known": lambda game: infer(game, {"x": X}, hide={"x": X[0] == 1}, partly=["x"], want=["x", "r"], sweeps=2),
    "counts": lambda game: infer(game, rows=3, sweeps=2, estimate="counts"),
    "draws of a player": lambda game: ancestral(game, "still", 3),
    "means of a player": lambda game: ancestral(game, "still", 3, decide="mean"),
    "draws of a chain": lambda game: limiting(game, 3, sweeps=2),
    "means of a chain": lambda game: limiting(game, 3, sweeps=2, decide="mean"),
    "reconstruction": lambda game: reconstruct(game, 3, split="train"),
    "a factor's draw": lambda game: draw_factor(game, game.graph.factor("still", "x"), {}, ("test",), 3, 0),
    "a factor's mean": lambda game: expectation(game, game.graph.factor("still", "x"), {}, 3),
}


@pytest.mark.parametrize("asked", ASKED)
def test_answers_require_no_gradients(game: Game, asked: str) -> None:
    answer = list(tensors_of(ASKED[asked](game)))
    assert answer
    assert not any(each.requires_grad for each in answer)


def test_every_metric_that_fits_is_measured(game: Game) -> None:
    built = {name: METRICS[name].build(**METRICS.options_of({"type": name}).own_options()) for name in METRICS.names}
    names = [name for name, metric in built.items() if metric.misfit(game.graph) is None]
    assert {"segmentation", "completion", "imputation"} <= set(names)
    found = list(evaluate(game, choose_metrics(game, names), ["train"], context(count=8, sweeps=2)))
    assert [each.name for each in found] == names
