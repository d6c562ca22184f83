"""Divergences in closed form, in place of two log-likelihoods whose expectation they are. This file tests where, and that they are right."""

from typing import Any

import pytest
import torch

from gamelearn import noise
from gamelearn.graph.gradients import closed_forms
from gamelearn.graph.model import Graph
from gamelearn.losses import reached_parameters
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import DivergenceStep, LogStep
from gamelearn.plugins import load_builtins
from gamelearn.registry import FAMILIES
from tests.estimators.games import CLASSES, LADDER, QUADRATIC, hierarchy, sharp
from tests.estimators.test_exactness import compared
from tests.support import graph_of

load_builtins()
OFFERED = [entry.name for entry in FAMILIES if "divergence" in entry.options.offers]  # type: ignore[attr-defined]


def pairs(graph: Graph, player: str) -> list[str]:
    """Return the divergences of a player's term, as text."""
    (term,) = graph.stages["main"].utilities[player]
    return [f"{term.score[drawn][1]} from {term.score[scored][1]}" for scored, drawn in closed_forms(graph, term)]


def test_the_ladder_has_one_for_each_layer() -> None:
    graph = graph_of(LADDER.replace("ESTIMATOR", "gregor"))
    expected = ["encoder(z0 | x) from decoder(z0)", "encoder(z1 | z0, x) from decoder(z1 | z0)"]
    assert pairs(graph, "decoder") == pairs(graph, "encoder") == expected
    for turn in make_plan(graph, "main").turns:
        assert sum(isinstance(step, DivergenceStep) for step in turn.steps) == 2
        assert [str(step.factor) for step in turn.steps if isinstance(step, LogStep)] == ["decoder(x | z1)"]


def test_a_common_utility_has_the_same_form_for_both() -> None:
    graph = graph_of(CLASSES.replace("ESTIMATOR", "reinforce"))
    assert pairs(graph, "decoder") == pairs(graph, "encoder") == ["encoder(c | x) from decoder(c)"]


UTILITY = 'decoder: {term: "E[images(x), encoder(z | x)] log decoder(x, z) - log encoder(z | x)", gradient: ESTIMATOR}'


@pytest.mark.parametrize(
    "utility",
    [
        UTILITY.replace("gradient: ESTIMATOR", "draws: constant"),
        UTILITY.replace("gradient: ESTIMATOR", 'gradient: ESTIMATOR, samples: 2, weights: "log decoder(x, z)"'),
        UTILITY.replace("[images(x), encoder(z | x)]", "[images(x), decoder(z)]"),
        UTILITY.replace(" - log encoder(z | x)", ""),
    ],
    ids=["constant draws", "weights", "drawn from another", "one side alone"],
)
def test_where_there_is_none(utility: str) -> None:
    assert UTILITY in LADDER
    graph = graph_of(LADDER.replace(UTILITY, utility).replace("ESTIMATOR", "gregor"))
    assert pairs(graph, "decoder") == []
    assert len(pairs(graph, "encoder")) == 2


REVERSE = """
    name: reverse
    variables: {x: {type: binary}, z0: {type: binary}, z1: {type: binary}}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z1 | z0: {net: linear}}}
      encoder: {factors: {z1 | x: {net: linear}, z0 | z1: {net: linear}}}
    samplers: {chain: {start: encoder(z0 | z1), sweep: encoder(z0 | z1), sweeps: 1}}
    utilities: {decoder: &elbo {term: "E[DRAWS] log decoder(z1 | z0) - log encoder(z1 | x)", gradient: reinforce}, encoder: *elbo}
    schedule: {mode: parallel}
    train: {rounds: 1}
    """


@pytest.mark.parametrize("last", ["encoder", "chain"])
def test_there_is_none_for_a_variable_from_which_its_givens_are_drawn(last: str) -> None:
    """With z0 drawn from z1, given z0 the draw of z1 is not from encoder(z1 | x); with z0 from another copy it is."""
    reverse, other = f"images(x), encoder(z1 | x), {last}(z0 | z1)", f"images(x, x'), encoder(z1' | x'), {last}(z0 | z1'), encoder(z1 | x)"
    assert pairs(graph_of(REVERSE.replace("DRAWS", reverse)), "encoder") == []
    assert pairs(graph_of(REVERSE.replace("DRAWS", other)), "encoder") == ["encoder(z1 | x) from decoder(z1 | z0)"]


@pytest.mark.parametrize("closed", [False, True], ids=["sampled", "closed forms"])
@pytest.mark.parametrize("seed", range(4, 10))
def test_lower_bounds_in_any_order_of_layers_are_those_of_enumeration(seed: int, closed: bool) -> None:
    game = sharp(hierarchy(seed), "")
    for player in game.players:
        found = compared(game, player, closed=closed, rounds=20)
        assert float(found.exact[1:].abs().max()) > 0.05
        assert found.score < 5


def test_they_lower_the_spread_and_the_bias() -> None:
    game = sharp(QUADRATIC, "straight_through")
    sampled, closed = (compared(game, "encoder", closed=each) for each in (False, True))
    assert closed.spread < sampled.spread
    gumbel = sharp(LADDER, "gumbel")
    assert compared(gumbel, "encoder", closed=True).bias < 0.5 * compared(gumbel, "encoder").bias


def test_parameters_are_reached_through_a_divergence_alone() -> None:
    """The free prior of the decoder stands in no log-likelihood."""
    game = sharp(CLASSES, "reinforce")
    reached = dict(reached_parameters(game.players, game.plans["main"].turns)["decoder"])
    assert "free.c" in reached


@pytest.mark.parametrize("name", OFFERED)
def test_divergences_are_the_expectation_that_they_stand_for(name: str) -> None:
    options: Any = FAMILIES.options_of({"type": name})
    classes = 4 if "categorical" in options.variable_types else None
    ours, theirs = (FAMILIES[name].build((2,), classes=classes, **options.own_options()) for _ in range(2))
    with torch.no_grad():
        for scale in (each for family in (theirs,) for each in family.parameters()):
            scale.add_(0.7)
    raw, other = (noise.normal((each,), 1, (options.channels(classes), 2)) for each in ("ours", "theirs"))
    rows = 200_000
    made = (noise.normal if options.noise == "normal" else noise.uniform)(("draw",), rows, (2,))
    drawn = ours.draw(raw.expand(rows, *raw.shape[1:]), made)
    with torch.no_grad():
        found = ours.log_prob(raw.expand(rows, *raw.shape[1:]), drawn) - theirs.log_prob(other.expand(rows, *other.shape[1:]), drawn)
        divergence = ours.divergence(raw, theirs, other)[0]
    assert float(((found.mean(0) - divergence).abs() / (found.std(0) / rows**0.5)).max()) < 4.5
    assert float(divergence.min()) > 0
    assert float(ours.divergence(raw, ours, raw).detach().abs().max()) < 1e-6


def test_a_normal_whose_scale_is_an_output_has_it_too() -> None:
    family = FAMILIES["normal"].build((2,), scale="output", initial=0.5, floor=0.01)
    raw, other = (noise.normal((each,), 5, (2, 2)) for each in ("ours", "theirs"))
    normals = [torch.distributions.Normal(each[:, 0], family.scale(each)) for each in (raw, other)]
    torch.testing.assert_close(family.divergence(raw, family, other), torch.distributions.kl_divergence(*normals))
