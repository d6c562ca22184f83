"""Several samples per row, and their weights, against exact enumeration of all their chains. This file compares gradients."""

import math

import pytest
import torch

from gamelearn.analysis.exact import log_likelihood
from gamelearn.game import Game
from gamelearn.losses import Values, complete, owned_by
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import ColumnStep, DrawStep, LogStep, NoiseStep
from tests.estimators.games import CLASSES, LADDER, REALS, WAKE_SLEEP, sharp
from tests.estimators.test_exactness import Comparison, compared, flat
from tests.support import graph_of, round_gradients, source_of
from tests.test_oracles import exact_gradients, tables_of


def weighted(samples: int) -> str:
    return WAKE_SLEEP.replace("SAMPLES", str(samples))


@pytest.mark.parametrize("samples", [2, 3])
@pytest.mark.parametrize("player", ["decoder", "encoder"])
def test_reweighted_wake_sleep_is_that_of_the_enumerated_chains(player: str, samples: int) -> None:
    found = compared(sharp(weighted(samples), ""), player)
    assert float(found.exact[1:].abs().max()) > 0.1
    assert found.score < 4.5


def test_the_number_of_samples_matters() -> None:
    """So that the test above would see weights over other rows, or none."""
    found, other = (compared(sharp(weighted(each), ""), "decoder") for each in (2, 3))
    assert Comparison(found.samples, other.exact).score > 10


@pytest.mark.parametrize("estimator", ["reinforce", "straight_through", "gumbel"])
def test_samples_without_weights_have_the_same_expectation_and_less_spread(estimator: str) -> None:
    """The baseline of `reinforce` is then the mean of the other samples of the same datum."""
    text = CLASSES.replace("gradient: ESTIMATOR", "gradient: ESTIMATOR, samples: 4")
    many, one = (compared(sharp(each, estimator), "encoder", rows=250) for each in (text, CLASSES))
    off = (many.samples.mean(0) - one.samples.mean(0)).abs()
    error = ((many.samples.var(0) + one.samples.var(0)) / len(one.samples)).sqrt()
    assert float((off / (error + 1e-12)).max()) < 4.5
    assert many.spread < 0.8 * one.spread
    assert estimator != "reinforce" or many.score < 4.5


def test_samples_repeat_the_columns_and_draw_anew() -> None:
    game = sharp(LADDER.replace("gradient: ESTIMATOR", "samples: 3, gradient: reinforce"), "")
    plan = make_plan(game.graph, "main")
    source = source_of(game, tables_of(game), rows=40, round_number=0)
    values = complete(game.runner(), plan.phases[0].completion, Values(), source)
    (column,) = (values[step.key] for step in plan.phases[0].completion if isinstance(step, ColumnStep))
    drawn = [values[step.key] for step in plan.phases[0].completion if isinstance(step, DrawStep)]
    assert column.shape[0] == 40
    assert all(each.shape[0] == 120 for each in drawn)
    assert any(not torch.equal(each[0::3], each[1::3]) for each in drawn)
    assert torch.equal(values["images.x x3"], column.repeat_interleave(3, 0))


def test_a_chain_without_a_stream_has_samples_of_the_batch() -> None:
    text = weighted(2).replace(
        'E[decoder(x, z)] log encoder(z | x)", weight: 0.5',
        'E[decoder(x, z)] log encoder(z | x)", samples: 3, weights: log decoder(x | z1)',
    )
    game = sharp(text, "")
    plan = make_plan(game.graph, "main")
    values = Values()
    source = source_of(game, tables_of(game), rows=10, round_number=0)
    for phase in plan.phases:
        values = complete(game.runner(), phase.completion, values, source)
    prior = next(key for key in values if key.startswith("decoder(z0) for default x3"))
    assert values[prior].shape == (30,)


def test_weights_of_others_are_completed_and_those_that_are_scored_are_not_computed_twice() -> None:
    plan = make_plan(sharp(weighted(2), "").graph, "main")
    completed = {str(step.factor) for step in plan.phases[0].completion if isinstance(step, LogStep)}
    scored = {str(step.factor) for step in plan.turns[0].steps if isinstance(step, LogStep)}
    assert completed == {"encoder(z0 | x)", "encoder(z1 | x, z0)"}
    assert scored == {"decoder(z0)", "decoder(z1 | z0)", "decoder(x | z1)"}


def test_weights_at_redrawn_values_are_those_of_the_draws() -> None:
    """With gradients and equal weights and score this is the importance-weighted bound; its value does not depend on the estimator."""
    formula = '"log decoder(x, z) - log encoder(z | x)"'
    text = LADDER.replace("gradient: ESTIMATOR", f"samples: 5, weights: {formula}, GRADIENT")
    losses = []
    for gradient in ("straight_through", "gregor"):
        game = sharp(text.replace("GRADIENT", f"gradient: {gradient}"), "")
        plan = make_plan(game.graph, "main", share=False)
        made = round_gradients(game, plan, source_of(game, tables_of(game), rows=50, round_number=0))
        losses.append([loss for loss, _ in made])
    assert losses[0] == pytest.approx(losses[1], rel=1e-12)
    assert losses[0][0] == pytest.approx(losses[0][1], rel=1e-12)


def exact_bound(game: Game, samples: int) -> torch.Tensor:
    """Return the importance-weighted bound of the decoder by a sum over all pairs or triples of codes, with its graph."""
    (term,) = game.graph.stages["main"].utilities["decoder"]
    codes = {"z0": torch.arange(8) // 4 % 2, "z1": torch.stack([torch.arange(8) // 2 % 2, torch.arange(8) % 2], 1)}
    rows = tables_of(game)["images"]["x"]
    values = {name: each.to(game.dtype).repeat(len(rows), *[1] * (each.dim() - 1)) for name, each in codes.items()}
    values["x"] = rows.repeat_interleave(8, 0)
    scores = torch.stack([sign * log_likelihood(bound, values, game.players) for sign, bound in term.weights])
    inferred = torch.stack([each for (sign, _), each in zip(term.weights, scores, strict=True) if sign < 0]).sum(0).view(-1, 8)
    picked = torch.cartesian_prod(*[torch.arange(8)] * samples)
    weights = scores.sum(0).view(-1, 8)[:, picked].logsumexp(2) - math.log(samples)
    return (-inferred[:, picked].sum(2)).exp().mul(weights).sum(1).mean()


@pytest.mark.parametrize("samples", [2, 3])
def test_weights_give_the_gradient_of_the_importance_weighted_bound(samples: int) -> None:
    """Of a player that the draws do not depend on: grad E[log 1/K sum_k w_k] = E[sum_k w_k / sum_j w_j grad log w_k]."""
    game = sharp(weighted(samples), "")
    found = compared(game, "decoder")
    with owned_by("decoder", game.players):
        bound = exact_bound(game, samples)
        bound.backward()
    gradients = {name: -each.grad for name, each in game.players["decoder"].named_parameters() if each.grad is not None}
    exact = flat(-float(bound.detach()), {name: gradients[name] for name in exact_gradients(game, "decoder")[1]})
    assert float(exact[1:].abs().max()) > 0.1
    assert Comparison(found.samples, exact).score < 4.5
    torch.testing.assert_close(found.exact, exact)


def test_a_term_is_a_bound_where_the_weights_hold_its_score() -> None:
    stage = sharp(weighted(2), "").graph.stages["main"]
    assert [[term.is_bound for term in terms] for terms in stage.utilities.values()] == [[True], [False, False]]


def grid_bound(game: Game) -> torch.Tensor:
    """Return the importance-weighted bound of two samples by a sum over a grid of both real codes, with its graph."""
    (term,) = game.graph.stages["main"].utilities["encoder"]
    rows, points = tables_of(game)["images"]["x"], torch.linspace(-8, 8, 401, dtype=game.dtype)
    values = {"x": rows.repeat_interleave(len(points), 0), "z": points.repeat(len(rows))}
    logs = [(sign, log_likelihood(bound, values, game.players).view(len(rows), -1)) for sign, bound in term.weights]
    ratio = torch.stack([sign * each for sign, each in logs]).sum(0)
    density = next(each for sign, each in logs if sign < 0).exp() * (points[1] - points[0])
    both = torch.logaddexp(ratio[:, :, None], ratio[:, None, :]) - math.log(2)
    return (density[:, :, None] * density[:, None, :] * both).sum((1, 2)).mean()


def test_weights_with_a_pathwise_gradient_give_that_of_the_bound_for_the_encoder_too() -> None:
    formula = '"log decoder(x, z) - log encoder(z | x)"'
    text = REALS.replace(
        "decoder: E[images(x), encoder(z | x)] log decoder(x, z) - log encoder(z | x)",
        "decoder: E[images(x), encoder(z | x)] log decoder(x, z)",
    )
    game = sharp(text.replace("gradient: ESTIMATOR", f"gradient: pathwise, samples: 2, weights: {formula}"), "", factor=1.5)
    plan = make_plan(game.graph, "main")
    index = [turn.player for turn in plan.turns].index("encoder")
    made = [round_gradients(game, plan, source_of(game, tables_of(game), rows=1000, round_number=each))[index] for each in range(40)]
    with owned_by("encoder", game.players):
        bound = grid_bound(game)
        bound.backward()
    exact = {name: -each.grad for name, each in game.players["encoder"].named_parameters() if each.grad is not None}
    found = torch.stack([flat(loss, {name: each[name] for name in exact}) for loss, each in made])
    assert float(torch.cat([each.flatten() for each in exact.values()]).abs().max()) > 0.1
    assert Comparison(found, flat(-float(bound.detach()), exact)).score < 4.5


def test_noise_of_samples_is_that_of_the_plain_samples() -> None:
    """The decoder of CLASSES draws without a gradient."""
    plain = "decoder: E[images(x), encoder(c | x)] log decoder(x, c) - log encoder(c | x)"
    text = CLASSES.replace(plain, 'decoder: {term: "E[images(x), encoder(c | x)] log decoder(x, c)", samples: 2}')
    text = text.replace("gradient: ESTIMATOR", "gradient: straight_through, samples: 2")
    plan = make_plan(graph_of(text), "main")
    (drawn,) = (step for step in plan.phases[0].completion if isinstance(step, DrawStep))
    (noise,) = (step for step in plan.phases[0].completion if isinstance(step, NoiseStep))
    assert drawn.noise == noise.noise
    assert noise.samples == 2
