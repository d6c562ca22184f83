"""Players with one utility have their gradients from one evaluation. This file tests which do, and that nothing else changes."""

import pytest
import torch

from gamelearn.graph.gradients import common_utilities
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import EvaluateStep
from gamelearn.train.loop import Trainer
from tests.estimators.games import LADDER, sharp
from tests.support import graph_of, round_gradients
from tests.test_oracles import tables_of
from tests.train.tiny import LengthStreams

SEQUENCE = LADDER.replace("schedule: {mode: parallel}", "schedule: {mode: sequence}")


@pytest.mark.parametrize(
    ("text", "estimator", "expected"),
    [
        (LADDER, "gregor", (("decoder", "encoder"),)),
        (LADDER, "reinforce", (("decoder", "encoder"),)),
        (LADDER, "gumbel", (("decoder",), ("encoder",))),  # its draws have other values
        (SEQUENCE, "gregor", (("decoder",), ("encoder",))),  # each moves before the next one's gradient
        (LADDER.replace("gradient: ESTIMATOR", "gradient: ESTIMATOR, weight: 0.5", 1), "gregor", (("decoder",), ("encoder",))),
        (LADDER.replace("gradient: ESTIMATOR", "gradient: ESTIMATOR, samples: 2", 1), "gregor", (("decoder",), ("encoder",))),
        (LADDER.replace("gradient: ESTIMATOR", "gradient: reinforce", 1), "gregor", (("decoder",), ("encoder",))),  # another estimator
    ],
)
def test_equal_terms_of_parallel_players_are_one(text: str, estimator: str, expected: tuple[tuple[str, ...], ...]) -> None:
    graph = graph_of(text.replace("ESTIMATOR", estimator))
    assert common_utilities(graph.stages["main"]) == expected
    assert tuple(turn.owners for turn in make_plan(graph, "main").turns) == expected


def test_every_network_is_evaluated_once() -> None:
    plan = make_plan(graph_of(LADDER.replace("ESTIMATOR", "gregor")), "main")
    networks = [(step.player, step.network) for step in plan.turns[0].steps if isinstance(step, EvaluateStep)]
    assert len(networks) == len(set(networks)) == plan.evaluations


def test_both_players_move_by_the_gradients_of_their_own() -> None:
    text = LADDER.replace("train: {rounds: 1}", "train: {rounds: 1, batch: 7, optimizer: {type: sgd, lr: 0.1}}")
    game = sharp(text, "gregor")
    plan = make_plan(game.graph, "main", share=False)
    before = {name: {key: each.detach().clone() for key, each in player.named_parameters()} for name, player in game.players.items()}
    trainer = Trainer(game, streams=LengthStreams(tables_of(game)))  # type: ignore[arg-type]
    source = trainer.stage._source(trainer.progress)
    gradients = dict(zip(trainer.stage.plan.stage.order, (found for _, found in round_gradients(game, plan, source)), strict=True))
    trainer.run()
    for name, player in game.players.items():
        assert gradients[name]
        for key, each in player.named_parameters():
            moved = before[name][key] - 0.1 * gradients[name][key] if key in gradients[name] else before[name][key]
            torch.testing.assert_close(each.detach(), moved, rtol=1e-10, atol=1e-12)
