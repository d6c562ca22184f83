"""Chains that end after any half-step: each row takes all its variables from one. This file looks at rows."""

from collections.abc import Mapping, Sequence

import pytest
import torch

from gamelearn.game import Game
from gamelearn.gibbs.chain import GibbsChain
from gamelearn.gibbs.evidence import Evidence
from gamelearn.inference import infer
from gamelearn.losses import Values, complete, objectives, owned_by
from gamelearn.plan.round import make_plan
from gamelearn.plan.sampler import plan_sampler
from gamelearn.plan.steps import ChooseStep
from gamelearn.sampling import limiting
from tests.gibbs.games import THREE, decisive, three
from tests.support import game_of, source_of

ROWS = 600
Rows = Mapping[str, torch.Tensor]


def wide(rows: Rows) -> dict[str, torch.Tensor]:
    """Return rows whose values have one axis beside them, `(rows, elements)`."""
    return {name: value.reshape(len(value), -1) for name, value in rows.items()}


def matches(drawn: Rows, states: Sequence[Rows]) -> torch.Tensor:
    """Return which rows each of some states explains, in all variables that were drawn: bool `(states, rows)`."""

    def explained(state: Rows) -> torch.Tensor:
        return torch.stack([(value == wide(state)[name]).all(1) for name, value in wide(drawn).items()]).all(0)

    return torch.stack([explained(state) for state in states])


def check_rows(drawn: Rows, states: Sequence[Rows]) -> None:
    """Check that every row is as a whole one of the states, and that each of them is the only one to explain many rows."""
    found = matches(drawn, states)
    assert bool(found.any(0).all()), "a row mixes variables of several half-steps"
    alone = found & (found.sum(0) == 1)
    assert bool((alone.sum(1) > found.shape[1] / 30).all())


def test_rows_of_the_limit_are_of_one_half_step_each() -> None:
    game = three()
    ends = [limiting(game, ROWS, sampler="limit", sweeps=3, after=str(draw)) for draw in game.graph.samplers["limit"].sweep]
    check_rows(limiting(game, ROWS, sampler="limit", sweeps=3, after="mixture"), ends)


@pytest.mark.parametrize("block", [64, ROWS])
def test_rows_of_every_chain_of_inference_are_of_one_half_step_each(block: int) -> None:
    game = three()
    found = infer(game, rows=ROWS, sampler="mixed", want=["x", "s", "z"], sweeps=2, burn_in=1, chains=2, seed=5, block=block)
    chain = GibbsChain(game.runner(), plan_sampler(game.graph, game.graph.samplers["mixed"]), Evidence(ROWS, {}, {}), chains=2, seed=5)
    state = chain.start()
    for number in range(2):
        state = chain.sweep(state, number)
    states = [chain.sweep(state, 2, moves=moves) for moves in (1, 2, 3)]
    drawn = {name: value.flatten(0, 1) for name, value in found.drawn.items()}
    check_rows(drawn, states)
    halves = matches(drawn, states).view(3, 2, ROWS)
    clear = (halves.sum(0) == 1).all(0)
    first, second = halves.int().argmax(0)[:, clear]
    assert float((first == second).double().mean()) < 0.6  # chains choose for themselves


def mixing(encoder: str = "E[mixed(x, s, z)] log encoder(z | x, s)", mode: str = "sequence", sweeps: int = 2) -> str:
    """Return the game with calls of a mixture in the utilities of two players."""
    text = THREE.replace("E[prior(z), pair(x, s | z)] log encoder(z | x, s)", repr(encoder))
    text = text.replace("- E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z)", "- E[mixed(x, s, z)] log segmenter(s | x, z)")
    return text.replace(", after: mixture}", f", sweeps: {sweeps}, after: mixture}}").rstrip() + f"\n    schedule: {{mode: {mode}}}\n"


PAIRS = {"x": torch.tensor([[0, 1], [2, 2], [1, 0]]), "s": torch.tensor([[0.0, 1.0], [1.0, 1.0], [0.0, 0.0]], dtype=torch.float64)}


def test_rows_of_a_call_in_a_utility_are_of_one_half_step_each() -> None:
    game = decisive(game_of(mixing(mode="parallel")))
    (phase,) = make_plan(game.graph, "main").phases
    values = complete(game.runner(), phase.completion, {}, source_of(game, {"pairs": PAIRS}, rows=ROWS, round_number=0))
    chosen = [step for step in phase.completion if isinstance(step, ChooseStep)]
    assert [len(step.choices) for step in chosen] == [3, 3]  # of s and z: x is drawn in the first half-step
    drawn = {step.title: values[step.key] for step in chosen}
    check_rows(drawn, [{step.title: values[step.choices[half]] for step in chosen} for half in range(3)])


def test_calls_choose_for_themselves() -> None:
    both = "E[mixed(x, s, z), mixed(x', s', z')] log encoder(z | x, s) + log encoder(z' | x', s')"
    (phase,) = make_plan(decisive(game_of(mixing(both, mode="parallel"))).graph, "main").phases
    noises = [step.noise for step in phase.completion if isinstance(step, ChooseStep)]
    assert len(noises) == 4
    assert noises[0] == noises[1] != noises[2] == noises[3]


def losses_of_a_round(game: Game, *, share: bool, is_moving: bool) -> list[float]:
    """Return the losses of a round in which every player moves far, or stays."""
    plan = make_plan(game.graph, "main", share=share)
    made = iter(objectives(game.runner(), plan.turns))
    source = source_of(game, {"pairs": PAIRS}, rows=ROWS, round_number=0)
    values: Values = {}
    found = []
    for phase in plan.phases:
        values = complete(game.runner(), phase.completion, values, source)
        for turn in phase.turns:
            with owned_by(turn.player, game.players), torch.no_grad():
                found.append(float(next(made)(values)[0]))
                for parameter in game.players[turn.player].parameters():
                    parameter.mul_(-1.0 if is_moving else 1.0)
    return found


@pytest.mark.parametrize("sweeps", [1, 2])
def test_a_mixture_is_drawn_again_after_a_player_that_it_reaches_has_moved(sweeps: int) -> None:
    """What is shared between the turns of a round changes nothing: without sharing every turn draws for itself."""
    text = mixing(sweeps=sweeps)
    shared, apart = (losses_of_a_round(decisive(game_of(text)), share=share, is_moving=True) for share in (True, False))
    assert shared == pytest.approx(apart, rel=1e-12)
    still = losses_of_a_round(decisive(game_of(text)), share=True, is_moving=False)
    assert still[0] == pytest.approx(shared[0], rel=1e-12)
    assert abs(still[-1] - shared[-1]) > 0.01  # so a stale mixture would show


@pytest.mark.parametrize("sweeps", [1, 2])
def test_the_steps_of_a_mixture_carry_the_versions_of_the_players_that_it_reaches(sweeps: int) -> None:
    """After one sweep only the last half-steps reach them."""
    plan = make_plan(game_of(mixing(sweeps=sweeps)).graph, "main")
    keys = {
        turn.player: [step.key for step in phase.completion if isinstance(step, ChooseStep)]
        for phase in plan.phases
        for turn in phase.turns
    }
    assert [len(each) for each in keys.values()] == [2, 0, 2]
    assert all("@" not in key for key in keys["segmenter"])
    assert all(key.endswith("@painter1,segmenter1") for key in keys["encoder"])
