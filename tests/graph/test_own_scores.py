"""Raw outputs of a player type of its own, added to another player's factor."""

from collections.abc import Mapping
from typing import ClassVar, Literal

import pytest
import torch
from torch import nn

from gamelearn.graph.model import Factor, Variable
from gamelearn.players.player import Distribution, FamilyDistribution, Player
from gamelearn.registry import FAMILIES, PLAYERS, Entry
from gamelearn.spec.kinds import PlayerOptions
from tests.support import game_of, round_gradients, source_of

TEXT = """
    name: own
    variables: {x: {type: binary, shape: [3]}, z: {type: binary, shape: [2]}}
    data: {streams: {images: [x]}}
    players:
      table: {type: test_table, factors: [x | z]}
      decoder: {factors: {z: uniform, x | z: [table(x | z), {net: linear}]}}
      encoder: {factors: {z | x: {net: linear}}}
    utilities:
      table: E[images(x), encoder(z | x)] log table(x | z)
      decoder: E[images(x), encoder(z | x)] log decoder(x, z)
      encoder: E[decoder(x, z)] log encoder(z | x)
    train: {rounds: 1}
    """


class TableOptions(PlayerOptions):
    has_scores: ClassVar[bool] = True
    noise: ClassVar[Literal["uniform", "normal"]] = "uniform"


class Table(Player):
    """Logits that do not depend on the givens."""

    def __init__(self, factors: Mapping[str, Factor], variables: Mapping[str, Variable]) -> None:
        super().__init__(factors, variables)
        self.logits = nn.Parameter(torch.linspace(-2, 2, 3))
        self.family = FAMILIES["bernoulli"].build((3,))

    def scores(self, factor: str, values: Mapping[str, torch.Tensor], rows: int) -> torch.Tensor:
        return self.logits.expand(rows, 1, 3)

    def distribution(self, factor: str, values: Mapping[str, torch.Tensor], rows: int) -> Distribution:
        return FamilyDistribution(self.family, self.scores(factor, values, rows))


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PLAYERS._entries, "test_table", Entry("test_table", Table, TableOptions))


@pytest.mark.parametrize("mode", ["sequence", "parallel"])
def test_its_scores_are_added_and_only_its_own_terms_move_it(mode: str) -> None:
    game = game_of(TEXT.rstrip() + f"\n    schedule: {{mode: {mode}}}\n")
    factor = game.graph.players["decoder"].factors["x | z"]
    assert game.graph.reach(factor) == {"table", "decoder"}
    z = torch.zeros(4, 2, dtype=game.dtype)
    with torch.no_grad():
        (own,) = game.players["decoder"].networks["x_given_z"](z)  # type: ignore[operator, index]
        raw = game.players["decoder"].scores("x | z", {"z": z}, 4)
        torch.testing.assert_close(raw, own + game.players["table"].scores("x | z", {"z": z}, 4))
    x = (torch.rand(20, 3, generator=torch.Generator().manual_seed(0)) > 0.5).to(game.dtype)
    gradients = round_gradients(game, game.plans["main"], source_of(game, {"images": {"x": x}}, rows=50, round_number=0))
    assert sorted(gradients[0][1]) == ["logits"]
    assert all("logits" not in each for _, each in gradients[1:])
