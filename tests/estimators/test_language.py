"""How `gradient:` is read and planned. This file looks at graphs with their plans."""

from collections.abc import Mapping

import pytest
import torch

from gamelearn.graph.build import GraphError
from gamelearn.graph.gradients import dependent_draws, redrawn, weighed_draws
from gamelearn.graph.model import Graph, Term
from gamelearn.losses import reached_parameters
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import DrawStep, EvaluateStep, LogStep, NoiseStep, RedrawStep
from gamelearn.players.player import Distribution, Player
from gamelearn.plugins import load_builtins
from gamelearn.registry import PLAYERS, Entry
from gamelearn.spec.kinds import PlayerOptions
from tests.estimators.games import CLASSES, LADDER, LATER_DRAWS, REALS
from tests.support import game_of, graph_of


def term_of(graph: Graph, player: str) -> Term:
    (term,) = graph.stages["main"].utilities[player]
    return term


def read(text: str, estimator: str) -> Graph:
    return graph_of(text.replace("ESTIMATOR", estimator))


def test_what_depends_on_the_owner_is_redrawn() -> None:
    ladder = read(LADDER, "gregor")
    assert redrawn(ladder, term_of(ladder, "encoder")) == {"z0", "z1"}
    assert redrawn(ladder, term_of(ladder, "decoder")) == {"z1"}  # through the score that the encoder shares
    later = read(LATER_DRAWS, "gregor")
    assert redrawn(later, term_of(later, "encoder")) == {"z", "x'", "z'"}


def test_reinforce_weighs_the_draws_that_the_owner_parameterises() -> None:
    later = read(LATER_DRAWS, "reinforce")
    term = term_of(later, "encoder")
    assert [str(each) for each in dependent_draws(later, term)] == ["encoder(z | x)", "decoder(x' | z)", "encoder(z' | x')"]
    assert [str(each) for each in weighed_draws(later, term)] == ["encoder(z | x)", "encoder(z' | x')"]
    assert not redrawn(later, term)
    (turn,) = (turn for turn in make_plan(later, "main").turns if turn.player == "encoder")
    assert not any(isinstance(step, RedrawStep) for step in turn.steps)


def test_a_draw_of_a_sampler_depends_on_nobody() -> None:
    text = """
        name: sampled
        variables: {x: {type: binary}, z: {type: binary}}
        players:
          decoder: {factors: {z: uniform, x | z: {net: linear}}}
          encoder: {factors: {z | x: {net: linear}}}
        samplers: {chain: {start: "decoder(x, z)", sweep: "encoder(z | x), decoder(x | z)", sweeps: 2}}
        utilities:
          decoder: {term: "E[chain(x, z)] log decoder(x, z)", GRADIENT}
          encoder: E[decoder(x, z)] log encoder(z | x)
        train: {rounds: 1}
        """
    plain = graph_of(text.replace(", GRADIENT", ""))
    assert not dependent_draws(plain, term_of(plain, "decoder"))
    with pytest.raises(GraphError, match="nothing to estimate"):
        graph_of(text.replace("GRADIENT", "gradient: reinforce"))


def test_redrawn_values_have_the_noise_of_the_plain_draws() -> None:
    plan = make_plan(read(CLASSES, "straight_through"), "main")
    (drawn,) = (step for step in plan.phases[0].completion if isinstance(step, DrawStep))
    (noise,) = (step for step in plan.phases[0].completion if isinstance(step, NoiseStep))
    assert (drawn.noise, drawn.kind, drawn.repeat) == (noise.noise, noise.kind, noise.repeat)


def test_relaxed_classes_have_noise_of_their_own() -> None:
    plan = make_plan(read(CLASSES, "gumbel"), "main")
    (noise,) = (step for step in plan.phases[0].completion if isinstance(step, NoiseStep))
    assert noise.by_class
    assert noise.noise.endswith(" by class")


def test_a_term_with_a_gradient_shares_nothing_redrawn_with_one_without() -> None:
    text = CLASSES.replace(
        "encoder: {term:",
        'encoder:\n        - {term: "E[images(x), encoder(c | x)] log encoder(c | x)", draws: constant}\n        - {term:',
    )
    plan = make_plan(read(text, "straight_through"), "main", closed=False)
    (turn,) = (turn for turn in plan.turns if turn.player == "encoder")
    logs = [step for step in turn.steps if isinstance(step, LogStep) and str(step.factor) == "encoder(c | x)"]
    assert len({step.value for step in logs}) == 2  # the plain draw, the redrawn one
    assert sum(isinstance(step, EvaluateStep) and step.player == "encoder" for step in turn.steps) == 1


def test_two_estimators_in_a_utility_are_apart() -> None:
    text = CLASSES.replace(
        "encoder: {term:",
        'encoder:\n        - {term: "E[images(x), encoder(c | x)] log decoder(x | c)", gradient: {type: gumbel, temperature: 0.3}}\n        - {term:',
    )
    (turn,) = (turn for turn in make_plan(read(text, "gumbel"), "main").turns if turn.player == "encoder")
    redrawing = [step for step in turn.steps if isinstance(step, RedrawStep)]
    assert [str(step.estimator) for step in redrawing] == ["gumbel (temperature 0.3)", "gumbel (temperature 0.5)"]


def test_a_second_turn_draws_anew() -> None:
    text = CLASSES.replace("schedule: {mode: parallel}", "schedule: {order: [encoder, decoder, encoder]}")
    noises = [
        [(step.noise, step.repeat) for step in phase.completion if isinstance(step, NoiseStep)]
        for phase in make_plan(read(text, "straight_through"), "main").phases
    ]
    assert [[repeat for _, repeat in each] for each in noises] == [[0], [], [1]]


def test_the_family_of_a_draw_learns() -> None:
    """The scale of the encoder is reached through its draw alone."""
    text = REALS.replace('log decoder(x, z) - log encoder(z | x)", gradient', 'log decoder(x, z)", gradient')
    game = game_of(text.replace("ESTIMATOR", "pathwise").replace("decoder(x, z) - log encoder(z | x)", "decoder(x, z)"))
    reached = reached_parameters(game.players, game.plans["main"].turns)["encoder"]
    assert "families.z-given-x.log_scale" in [name for name, _ in reached]


def test_a_common_utility_may_hold_constants() -> None:
    assert not read(CLASSES, "reinforce").warnings
    with pytest.raises(GraphError, match="it is a constant"):
        read(
            CLASSES.replace(
                "decoder: E[images(x), encoder(c | x)] log decoder(x, c)", "decoder: E[images(x), encoder(c | x)] log decoder(x | c)"
            ),
            "reinforce",
        )


class OwnOptions(PlayerOptions):
    pass


class Own(Player):
    """A type with distributions of its own."""

    def distribution(self, factor: str, values: Mapping[str, torch.Tensor], rows: int) -> Distribution:
        raise NotImplementedError


OWN = """
    name: own
    variables: {x: {type: real}, c: {type: categorical, classes: 3}, r: {type: real}}
    data: {streams: {points: [x]}}
    players:
      painter: {type: test_own, factors: [x | c, x | r, r | x]}
      reader: {factors: {c | x: {net: linear}, r | x: {net: linear}}}
    utilities:
      painter: TERM
      reader: {term: "E[points(x), reader(DRAWN | x)] log painter(x | DRAWN)", gradient: ESTIMATOR}
    train: {rounds: 1}
    """


@pytest.fixture
def _own_type(monkeypatch: pytest.MonkeyPatch) -> None:
    load_builtins()
    monkeypatch.setitem(PLAYERS._entries, "test_own", Entry("test_own", Own, OwnOptions))


PLAIN = "E[points(x), reader(DRAWN | x)] log painter(x | DRAWN)"


@pytest.mark.usefixtures("_own_type")
def test_a_player_of_its_own_type_cannot_read_weights_of_classes() -> None:
    text = OWN.replace("TERM", PLAIN)
    with pytest.raises(GraphError, match=r"a player of type 'test_own' cannot read in painter\(x \| c\): take 'reinforce'"):
        read(text.replace("DRAWN", "c"), "straight_through")
    for drawn, estimator in (("c", "reinforce"), ("r", "pathwise")):
        graph = read(text.replace("DRAWN", drawn), estimator)
        assert [each.target for each in dependent_draws(graph, term_of(graph, "reader"))] == [drawn]


@pytest.mark.usefixtures("_own_type")
def test_a_player_of_its_own_type_has_no_pathwise_draws() -> None:
    text = OWN.replace("TERM", '{term: "E[points(x), painter(r | x)] log painter(x | r)", gradient: pathwise}').replace("DRAWN", "r")
    with pytest.raises(GraphError, match=r"a player of type 'test_own' is not reparameterised; for it there is 'reinforce'"):
        read(text, "pathwise")
