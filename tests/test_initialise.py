"""Networks that begin matched to the first batch (`init: data`)."""

from typing import Any

import pytest
import torch

from gamelearn.game import Game
from gamelearn.initialise import initialise_from_data, waiting_networks
from gamelearn.networks.initial import SPREAD
from gamelearn.noise import uniform
from gamelearn.train.loop import Trainer
from tests.support import TableStreams, game_of, source_of

TEXT = """
    name: begin
    variables:
      x: {type: binary, shape: [6]}
      z: {type: binary, shape: [4]}
      w: {type: binary, shape: [3]}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z: uniform, x | z: {net: mlp, hidden: [8]}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [8], skip: true, init: data}}}
      late: {factors: {w | x: {net: linear, init: data}}}
      early: {factors: {w: uniform}}
    stages:
      start:
        utilities: {decoder: "E[images(x), encoder(z | x)] log decoder(x, z)"}
      game:
        utilities:
          encoder: E[decoder(x, z)] log encoder(z | x)
          late: E[decoder(x, z), early(w)] log late(w | x)
    train: {rounds: 1, batch: 200, optimizer: {type: sgd, lr: 1e-12}, ema: 0.9}
    """


def images(game: Game) -> dict[str, dict[str, torch.Tensor]]:
    return {"images": {"x": (uniform(("x",), 50, (6,)) > 0.4).to(game.dtype)}}


def spread(game: Game, player: str, network: str, x: torch.Tensor) -> torch.Tensor:
    with torch.no_grad():
        (raw,) = game.players[player].networks[network](x)  # type: ignore[operator, index]
    result: torch.Tensor = raw.flatten(1).std(0, correction=0)
    return result


def test_a_network_waits_for_the_first_stage_that_evaluates_it() -> None:
    game = game_of(TEXT)
    start, late = game.plans["start"], game.plans["game"]
    assert waiting_networks(game.graph, [], start) == {("encoder", "z_given_x")}
    assert waiting_networks(game.graph, [start], late) == {("late", "w_given_x")}


def test_it_is_matched_to_the_data_that_it_is_first_given() -> None:
    game = game_of(TEXT)
    source = source_of(game, images(game), rows=200, round_number=0, stage="start")
    plan = game.plans["start"]
    done = initialise_from_data(game.runner(), plan, source, waiting_networks(game.graph, [], plan))
    x = source.column(next(step for step in plan.phases[0].completion if step.key == "images.x"))  # type: ignore[arg-type]
    assert done == {("encoder", "z_given_x")}
    torch.testing.assert_close(spread(game, "encoder", "z_given_x", x), torch.full((4,), SPREAD, dtype=game.dtype))


@pytest.mark.parametrize("stage", ["start", "game"])
def test_training_begins_with_it_once(stage: str) -> None:
    game = game_of(TEXT)
    before = {name: each.clone() for name, each in game.players["late"].state_dict().items()}
    streams: Any = TableStreams(images(game))
    trainer = Trainer(game, streams=streams)
    trainer.stage.play(trainer.progress)
    x = images(game)["images"]["x"]
    begun = spread(game, "encoder", "z_given_x", x)
    assert float((begun / SPREAD - 1).abs().max()) < 0.2
    assert all(torch.equal(each, before[name]) for name, each in game.players["late"].state_dict().items())
    if stage == "game":
        trainer.progress = trainer.progress.after_round(trainer.stage.plan, 0.0)
        trainer._next_stage()
        trainer.stage.play(trainer.progress)
        torch.testing.assert_close(spread(game, "encoder", "z_given_x", x), begun)
        assert float((spread(game, "late", "w_given_x", x) / SPREAD - 1).abs().max()) < 0.3
        weight = "networks.w_given_x.network.heads.0.weight"
        torch.testing.assert_close(trainer.stage.averages["late"][weight], dict(game.players["late"].named_parameters())[weight])
