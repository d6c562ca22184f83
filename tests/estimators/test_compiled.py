"""Losses with gradients through draws, through torch.compile. This file compares them with the plain ones."""

from collections.abc import Iterator

import pytest
import torch

from gamelearn.losses import Objective, Values, complete, objectives, owned_by
from gamelearn.plan.round import make_plan
from gamelearn.registry import ESTIMATORS
from tests.estimators.games import CLASSES, LADDER, REALS, WAKE_SLEEP, sharp
from tests.support import source_of
from tests.test_oracles import tables_of

BOUND = 'gradient: ESTIMATOR, samples: 3, weights: "log decoder(x, z) - log encoder(z | x)"'
CASES = {
    "gregor": (LADDER, "gregor"),
    "straight_through": (CLASSES, "straight_through"),
    "gumbel": (CLASSES, "gumbel"),
    "reinforce": (LADDER, "reinforce"),
    "pathwise": (REALS, "pathwise"),
    "importance-weighted bound": (LADDER.replace("gradient: ESTIMATOR", BOUND), "gregor"),
    "reweighted wake-sleep": (WAKE_SLEEP.replace("SAMPLES", "3"), ""),
}


@pytest.fixture(autouse=True)
def fresh_compiler() -> Iterator[None]:
    torch.compiler.reset()
    yield
    torch.compiler.reset()


@pytest.mark.parametrize("name", CASES)
def test_compiled_losses_and_gradients_are_the_plain_ones(name: str) -> None:
    game = sharp(*CASES[name])
    plan = make_plan(game.graph, "main")
    values = Values()
    for phase in plan.phases:
        values = complete(game.runner(), phase.completion, values, source_of(game, tables_of(game), rows=20, round_number=0))

    def gradients(objective: Objective, *, compiled: bool) -> tuple[torch.Tensor, dict[str, torch.Tensor]]:
        loss = torch.compile(objective, backend="eager") if compiled else objective
        with owned_by(objective.turn.player, game.players):
            value = loss(values)[0]
            value.backward()
        player = game.players[objective.turn.player]
        found = {key: each.grad.clone() for key, each in player.named_parameters() if each.grad is not None}
        player.zero_grad(set_to_none=True)
        return value.detach(), found

    for objective in objectives(game.runner(), plan.turns):
        plain = gradients(objective, compiled=False)
        assert max(float(each.abs().max()) for each in plain[1].values()) > 0.01
        torch.testing.assert_close(gradients(objective, compiled=True), plain)


def test_every_estimator_is_compiled_here() -> None:
    assert set(ESTIMATORS.names) <= {estimator for _, estimator in CASES.values()}
