"""The engine against exact enumeration (eqs 3, 12, 13 and 16, the ladder), against itself without sharing, and independence of draws."""

import pytest
import torch

from gamelearn.analysis.exact import exact_utility
from gamelearn.game import Game
from gamelearn.losses import Values, complete, owned_by
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import DrawStep
from tests.gibbs.games import THREE
from tests.support import game_of, round_gradients, source_of

VARIABLES = """
    name: small
    variables:
      x: {type: binary, shape: [3]}
      z: {type: categorical, classes: 3, shape: [2]}
    """

EQUATION_3 = (
    VARIABLES
    + """
    data: {streams: {images: [x], codes: [z]}}
    players:
      decoder: {factors: {x | z: {net: mlp, hidden: [4]}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [4]}}}
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x | z)
      encoder: E[codes(z), decoder(x | z)] log encoder(z | x)
    train: {rounds: 1}
    """
)

EQUATION_12 = (
    VARIABLES
    + """
    data: {streams: {pairs: [x, z], images: [x], codes: [z]}}
    players:
      decoder: {factors: {z: free, x | z: {net: mlp, hidden: [4]}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [4]}}}
    utilities:
      decoder:
        - E[pairs(x, z)] log decoder(x, z)
        - {term: "E[codes(z)] log decoder(z)", weight: 0.5}
        - E[images(x), encoder(z | x)] log decoder(x, z)
      encoder:
        - E[pairs(x, z)] log encoder(z | x)
        - E[codes(z), decoder(x | z)] log encoder(z | x)
    schedule: {mode: parallel}
    train: {rounds: 1}
    """
)

LADDER = """
    name: ladder
    variables:
      x: {type: binary, shape: [1, 2, 2]}
      z0: {type: binary, shape: [2]}
      z1: {type: binary, shape: [3]}
      z: [z0, z1]
    data: {streams: {images: [x]}}
    players:
      decoder:
        factors:
          z0: uniform
          z1 | z0: {net: mlp, hidden: [4], skip: true}
          x | z1: {net: mlp, hidden: [4]}
      encoder:
        networks:
          trunk: {net: mlp, hidden: [5], inputs: [x], outputs: {s0: z0, s1: z1}}
        factors:
          z0 | x: trunk.s0
          z1 | z0, x: [decoder(z1 | z0), trunk.s1]
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z)
      encoder: E[decoder(x, z)] log encoder(z | x)
    train: {rounds: 1}
    """

EQUATION_16 = """
    name: labels
    variables:
      x: {type: binary, shape: [3]}
      c: {type: categorical, classes: 3}
      l: {type: binary, shape: [2]}
      z1: {type: binary, shape: [2]}
    data: {streams: {labelled: [x, c], images: [x]}}
    players:
      decoder:
        factors:
          c: uniform
          l: uniform
          z1 | c, l: {net: mlp, hidden: [4], skip: true}
          x | z1: {net: mlp, hidden: [4]}
      encoder:
        networks:
          trunk: {net: mlp, hidden: [5], inputs: [x], outputs: {digit: c, style: l, bottom: z1}}
        factors:
          c | x: trunk.digit
          l | x: trunk.style
          z1 | c, l, x: ["decoder(z1 | c, l)", trunk.bottom]
    utilities:
      decoder:
        - E[labelled(x, c), encoder(l, z1 | c, x)] log decoder(x, c, l, z1)
        - E[images(x), encoder(c, l, z1 | x)] log decoder(x, c, l, z1)
      encoder:
        - {term: "E[labelled(x, c)] log encoder(c | x)", weight: 0.1}
        - E[decoder(x, c, l, z1)] log encoder(c, l, z1 | x)
    train: {rounds: 1}
    """

SHARED_TERM = LADDER.replace(
    "decoder: E[images(x), encoder(z | x)] log decoder(x, z)",
    "decoder: E[images(x), encoder(z | x)] log decoder(x, z) - log encoder(z | x)",
)
GAMES = {
    "eq. 3": EQUATION_3,
    "eq. 12": EQUATION_12,
    "eq. 13, ladder": LADDER,
    "eq. 16, ladder": EQUATION_16,
    "owner inside a foreign score": SHARED_TERM,
    "eq. 18": THREE,
    "eq. 18, mixed half-steps": THREE.replace("sweeps: 2}", "sweeps: 2, after: mixture}"),
}


def tables_of(game: Game) -> dict[str, dict[str, torch.Tensor]]:
    """Return seven correlated rows, of which every stream shows its variables."""
    generator = torch.Generator().manual_seed(7)
    rows = {}
    for name, variable in game.graph.variables.items():
        made = torch.randint(variable.classes or 2, (7, *variable.shape), generator=generator)
        rows[name] = made if variable.type == "categorical" else made.to(game.dtype)
    return {name: {each: rows[each] for each in stream.variables} for name, stream in game.graph.streams.items()}


def exact_gradients(game: Game, player: str) -> tuple[float, dict[str, torch.Tensor]]:
    """Return minus the exact utility of a player, with its gradient."""
    tables = tables_of(game)
    with owned_by(player, game.players):
        terms = game.graph.stages["main"].utilities[player]
        loss = -sum(term.weight * exact_utility(game.graph, game.players, term, tables, game.dtype) for term in terms)
        assert isinstance(loss, torch.Tensor)
        loss.backward()
    found = {name: each.grad.clone() for name, each in game.players[player].named_parameters() if each.grad is not None}
    game.players[player].zero_grad(set_to_none=True)
    return float(loss.detach()), found


@pytest.mark.parametrize("name", GAMES)
def test_monte_carlo_mean_lies_within_its_confidence_interval(name: str) -> None:
    game = game_of(GAMES[name])
    plan = make_plan(game.graph, "main")
    rounds = [round_gradients(game, plan, source_of(game, tables_of(game), rows=500, round_number=number)) for number in range(60)]
    for index, turn in enumerate(plan.turns):
        loss, gradients = exact_gradients(game, turn.player)
        samples = [
            torch.cat([torch.tensor([made[index][0]]).double(), *(each.flatten() for each in made[index][1].values())]) for made in rounds
        ]
        exact = torch.cat([torch.tensor([loss]).double(), *(gradients[key].flatten() for key in rounds[0][index][1])])
        stacked = torch.stack(samples)
        error = stacked.std(0) / len(samples) ** 0.5
        score = (stacked.mean(0) - exact).abs() / (error + 1e-12)
        assert set(gradients) == set(rounds[0][index][1])
        assert len(exact) > 10
        assert float(exact[1:].abs().max()) > 0.01  # a gradient of zero would pass anything
        assert float(score.max()) < 4.5


@pytest.mark.parametrize("name", GAMES)
@pytest.mark.parametrize("mode", ["parallel", "sequence"])
def test_sharing_does_not_change_gradients(name: str, mode: str) -> None:
    text = GAMES[name].replace("schedule: {mode: parallel}", "").rstrip() + f"\n    schedule: {{mode: {mode}}}\n"
    game = game_of(text)
    shared, apart = make_plan(game.graph, "main"), make_plan(game.graph, "main", share=False)
    assert (shared.evaluations < apart.evaluations) == (name not in ("eq. 3", "eq. 12"))  # these two have nothing in common to share
    found = [round_gradients(game, plan, source_of(game, tables_of(game), rows=50, round_number=3)) for plan in (shared, apart)]
    for (loss, gradients), (other_loss, other_gradients) in zip(*found, strict=True):
        assert loss == pytest.approx(other_loss, rel=1e-12)
        for key, gradient in gradients.items():
            torch.testing.assert_close(gradient, other_gradients[key], rtol=1e-10, atol=1e-12)


COPIES = """
    name: copies
    variables:
      x: {type: binary, shape: [4]}
      z: {type: binary, shape: [2]}
    players:
      prior: {factors: {z: uniform}}
      painter: {factors: {x | z: {net: mlp, hidden: [4]}}}
      encoder: {factors: {z | x: {net: mlp, hidden: [4]}}}
    utilities:
      painter: {term: "E[prior(z), painter(x | z), painter(x' | z)] log painter(x | z) + log painter(x' | z)", draws: constant}
      encoder: E[prior(z), painter(x | z)] log encoder(z | x)
    schedule: {mode: sequence, order: [encoder, painter, encoder]}
    train: {rounds: 1}
    """


def draws_of(game: Game, round_number: int = 0) -> list[dict[str, torch.Tensor]]:
    """Return the values of every draw, phase by phase, by key."""
    plan = make_plan(game.graph, "main")
    source = source_of(game, {}, rows=4000, round_number=round_number)
    found, values = [], Values()
    for phase in plan.phases:
        values = complete(game.runner(), phase.completion, values, source)
        found.append({step.key: values[step.key] for step in phase.completion if isinstance(step, DrawStep)})
    return found


def agreement(first: torch.Tensor, second: torch.Tensor) -> float:
    """Return the largest correlation of two draws' elements given equal inputs, in standard errors."""
    a, b = first - first.mean(0), second - second.mean(0)
    return float(((a * b).mean(0) / (a.std(0) * b.std(0)) * len(a) ** 0.5).abs().max())


def test_two_draws_of_one_conditional_in_a_chain_are_independent() -> None:
    game = game_of(COPIES)
    with torch.no_grad():  # without an input the copies have nothing in common but their noise
        for parameter in game.players["painter"].parameters():
            parameter.zero_()
    painted = [value for phase in draws_of(game) for key, value in phase.items() if key.startswith("painter(x |")]
    first, second = painted[-2:]
    assert agreement(first, first) > 50
    assert agreement(first, second) < 4.5


def test_two_turns_of_one_player_in_a_round_draw_independently() -> None:
    phases = draws_of(game_of(COPIES))
    first = next(value for key, value in phases[0].items() if key.startswith("prior(z)"))
    second = next(value for key, value in phases[2].items() if key.startswith("prior(z)"))
    assert agreement(first, second) < 4.5


def test_rounds_draw_independently_and_repeatably() -> None:
    game = game_of(COPIES)
    first, again, later = (next(iter(draws_of(game, number)[0].values())) for number in (0, 0, 1))
    assert torch.equal(first, again)
    assert agreement(first, later) < 4.5


def test_terms_of_one_turn_share_their_draws() -> None:
    game = game_of(EQUATION_12)
    steps = make_plan(game.graph, "main").phases[0].completion
    assert sum(isinstance(step, DrawStep) and str(step.factor) == "encoder(z | x)" for step in steps) == 1


def test_a_draw_is_made_again_after_a_player_it_reaches_has_moved() -> None:
    plan = make_plan(game_of(LADDER.rstrip() + "\n    schedule: {order: [encoder, decoder]}\n").graph, "main")
    after = [step for step in plan.phases[1].completion if isinstance(step, DrawStep)]
    assert {str(step.factor) for step in after} == {"encoder(z0 | x)", "encoder(z1 | z0, x)"}
    assert all("@encoder1" in step.key for step in after)
