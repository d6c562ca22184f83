"""Total variation between enumerated joints, against sums by hand. This file compares them."""

from typing import Any

import numpy as np
import pytest
import torch

from gamelearn.analysis.kernel import TableChain
from gamelearn.game import Game
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.metrics.metric import MetricResult
from gamelearn.metrics.total_variation import TotalVariation
from tests.metrics.maps import context
from tests.metrics.small import LADDER, NO_PRIOR, REALS, data_of, exact_logs, model_of, table_game
from tests.metrics.test_cross_ratio import tables
from tests.metrics.test_likelihood import hidden_states
from tests.support import game_of

OPTIONS: dict[str, Any] = {"stream": None, "model": None, "proposal": None, "sampler": None, "states": 1024, "count": None}


def measured(game: Game, **options: Any) -> MetricResult:
    return TotalVariation(**{**OPTIONS, **options}).compute(game, context())


def by_hand(game: Game) -> dict[str, float]:
    """Return the distances between model and encoder by loops over states."""
    shown = data_of(game)
    every = {"x": torch.tensor(list(np.ndindex(2, 2, 2)), dtype=game.dtype)}
    scored, inferred = exact_logs(game, model_of(game), hidden_states(game, "images"), every)
    model = scored.exp()
    data = torch.tensor([float((shown["x"] == x).all(1).double().mean()) for x in every["x"]])
    encoder = data[:, None] * inferred.exp()
    assert float(model.sum()) == pytest.approx(1)
    return {"encoder - model": float((model - encoder).abs().sum() / 2), "data - model": float((model.sum(1) - data).abs().sum() / 2)}


def test_distances_are_the_sums_over_states() -> None:
    game = table_game(LADDER)
    joint, observed = measured(game).blocks
    expected = by_hand(game)
    assert joint.figures["encoder - model"].value == pytest.approx(expected["encoder - model"])
    assert observed.figures["data - model"].value == pytest.approx(expected["data - model"])
    assert 0.1 < expected["data - model"] < expected["encoder - model"] < 1
    assert joint.figures["encoder - model"].error is not None


def test_the_limit_is_that_of_the_enumerated_chain() -> None:
    game = table_game(LADDER)
    sampler = choose_sampler(game.graph).sampler
    chain = TableChain(game.graph, game.players, sampler, given={}, known={}, dtype=game.dtype)
    limit, states = chain.limit(), chain.states()
    order = [((states["x"] * torch.tensor([4, 2, 1])).sum(1), (states["z0"] * torch.tensor([2, 1])).sum(1), states["z1"])]
    place = torch.stack([x * 12 + z0 * 3 + z1 for x, z0, z1 in order]).long().flatten()
    every = {"x": torch.tensor(list(np.ndindex(2, 2, 2)), dtype=game.dtype)}
    model = exact_logs(game, model_of(game), hidden_states(game, "images"), every)[0].exp().flatten()
    found = measured(game)
    assert found.facts["sampler"] == sampler.name
    assert found.facts["states"] == 96
    assert found.blocks[0].figures["model - limit"].value == pytest.approx(float((model[place] - limit).abs().sum() / 2))
    assert found.blocks[0].figures["model - limit"].value > 0.05
    assert found.blocks[0].figures["model - limit"].error is None


def test_compatible_conditionals_have_the_model_as_limit() -> None:
    game, joint = tables(1.0)
    with torch.no_grad():
        game.players["decoder"].get_parameter("free.z").copy_(
            joint.logsumexp(0)[:, None].view_as(game.players["decoder"].get_parameter("free.z"))
        )
    figures = measured(game).blocks[0].figures
    assert figures["model - limit"].value < 1e-9
    assert figures["encoder - model"].value == pytest.approx(measured(game).blocks[1].figures["data - model"].value)
    assert measured(tables(0.5)[0]).blocks[0].figures["model - limit"].value > 0.05


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            LADDER,
            {"states": 95},
            "needs a game of at most 95 joint states ('states'); this one has 2^3 of 'x' times 2^2 of 'z0' times 3^1 of 'z1'",
        ),
        (LADDER, {"states": 96}, None),
        (LADDER, {"sampler": "limit"}, "unknown sampler 'limit'"),
        (REALS, {}, "needs binary and categorical variables, to enumerate their states; 'x' is real, 'z' is real"),
        (NO_PRIOR, {}, "needs a player that makes what a stream shows"),
    ],
)
def test_what_does_not_fit_is_told(text: str, options: dict[str, Any], message: str | None) -> None:
    reason = TotalVariation(**{**OPTIONS, **options}).misfit(game_of(text).graph)
    assert reason is None if message is None else reason is not None and message in reason


def test_without_a_limit_the_others_are_measured() -> None:
    text = LADDER.replace("utilities:", "samplers: {codes: {start: decoder(z), sweep: 'decoder(x | z), encoder(z | x)'}}\n    utilities:")
    assert "limit" in " ".join(measured(table_game(text)).blocks[0].figures)
    game = table_game(LADDER)
    with torch.no_grad():  # codes are copied, and so are images: two stationary distributions or more
        for player in game.players.values():
            for each in player.parameters():
                each.zero_()
    assert measured(game).blocks[0].figures["model - limit"].value < 1e-9
