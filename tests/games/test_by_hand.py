"""The engine against the ladder VAE in plain torch: equal losses and gradients over ten rounds of learning (oracle (a))."""

import itertools

import pytest
import torch
from torch import nn

from gamelearn.game import Game, compile_game
from gamelearn.graph.build import build_graph
from gamelearn.losses import Values, complete, owned_by
from gamelearn.noise import uniform
from gamelearn.plan.steps import DrawStep, Plan
from gamelearn.plugins import load_builtins
from gamelearn.shipped import shipped_specs
from gamelearn.spec.load import load_spec
from games.tutorial import by_hand
from tests.support import source_of

ROWS, ROUNDS, LEARNING_RATE = 6, 10, 1e-3


def ladder(mode: str) -> Game:
    """Return the shipped ladder game in double precision."""
    load_builtins()
    order = [] if mode == "parallel" else ["schedule.order=[decoder, encoder]"]
    removed = ["schedule.order=null"] if mode == "parallel" else []
    spec = load_spec(shipped_specs()["mnist-lvae"], overrides=[f"schedule.mode={mode}", *order, *removed])
    return compile_game(build_graph(spec), dtype=torch.float64)


def matched(game: Game) -> tuple[tuple[by_hand.LadderDecoder, by_hand.LadderEncoder], list[dict[str, str]]]:
    """Return the twin with the game's parameters, and for each player the twin's name of every parameter."""
    twin = by_hand.LadderDecoder().double(), by_hand.LadderEncoder().double()
    names = []
    for player, module in zip(("decoder", "encoder"), twin, strict=True):
        ours = dict(game.players[player].named_parameters())
        pairs = {name: _twin_name(name) for name in ours}
        theirs = dict(module.named_parameters())
        assert sorted(pairs.values()) == sorted(theirs)
        with torch.no_grad():
            for name, other in pairs.items():
                theirs[other].copy_(ours[name])
        names.append(pairs)
    return twin, names


def _twin_name(name: str) -> str:
    for ours, theirs in {
        "networks.z1_given_z0.network.trunk.": "prior.",
        "networks.z1_given_z0.network.heads.0.": "prior.4.",
        "networks.z1_given_z0.network.skips.0.": "prior_skip.",
        "networks.x_given_z1.network.layers.": "image.",
        "networks.trunk.network.trunk.layers.": "features.",
        "networks.trunk.network.bottom.": "d1.",
        "networks.trunk.network.top.trunk.": "d0.",
        "networks.trunk.network.top.heads.0.": "d0.4.",
        "networks.trunk.network.skip.": "d0_skip.",
    }.items():
        if name.startswith(ours):
            return theirs + name.removeprefix(ours)
    raise AssertionError(f"no twin for {name}")


def noises_of(game: Game, plan: Plan, number: int) -> tuple[torch.Tensor, ...]:
    """Return the noise that the engine takes in a round: the encoder's z0 and z1, then the decoder's z0, z1 and x."""
    steps = [step for phase in plan.phases for step in phase.completion if isinstance(step, DrawStep)]
    by_factor = {str(step.factor): step for step in steps}
    labels = ["encoder(z0 | x)", "encoder(z1 | z0, x)", "decoder(z0)", "decoder(z1 | z0)", "decoder(x | z1)"]
    found = []
    for label in labels:
        step = by_factor[label]
        shape = game.graph.variables[step.factor.target].shape
        found.append(uniform((0, "main", number, step.repeat, step.noise), ROWS, shape).double())
    return tuple(found)


@pytest.mark.parametrize("mode", ["sequence", "parallel"])
def test_ten_rounds_agree_with_the_twin(mode: str) -> None:
    game = ladder(mode)
    plan = game.plans["main"]
    twin, names = matched(game)
    images = (uniform(("images",), 40, (1, 28, 28)) > 0.6).double()
    engine_optimizers = {name: torch.optim.SGD(player.parameters(), LEARNING_RATE) for name, player in game.players.items()}
    twin_optimizers = torch.optim.SGD(twin[0].parameters(), LEARNING_RATE), torch.optim.SGD(twin[1].parameters(), LEARNING_RATE)
    for number in range(ROUNDS):
        source = source_of(game, {"images": {"x": images}}, rows=ROWS, round_number=number)
        column = next(step for step in plan.phases[0].completion if not isinstance(step, DrawStep))
        x = source.column(column)  # type: ignore[arg-type]
        losses = by_hand.one_round(twin, twin_optimizers, x, noises_of(game, plan, number), mode)
        objectives, values, moving = iter(game.objectives("main")), Values(), []
        for phase in plan.phases:
            values = complete(game.runner(), phase.completion, values, source)
            for index, turn in enumerate(phase.turns):
                with owned_by(turn.player, game.players):
                    engine_optimizers[turn.player].zero_grad()
                    loss, _ = next(objectives)(values)
                    loss.backward()
                player_index = ("decoder", "encoder").index(turn.player)
                assert float(loss.detach()) == pytest.approx(losses[player_index], rel=1e-6), (number, turn.player)
                _compare(game.players[turn.player], twin[player_index], names[player_index])
                moving.append((index, turn.player))
            while moving:
                engine_optimizers[moving.pop(0)[1]].step()
    for player, module, pairs in zip(("decoder", "encoder"), twin, names, strict=True):
        for name, parameter in game.players[player].named_parameters():
            torch.testing.assert_close(parameter, dict(module.named_parameters())[pairs[name]], rtol=1e-6, atol=1e-9)


def _compare(player: nn.Module, module: nn.Module, pairs: dict[str, str]) -> None:
    theirs = dict(module.named_parameters())
    for name, parameter in player.named_parameters():
        other = theirs[pairs[name]]
        assert parameter.grad is not None
        assert other.grad is not None
        torch.testing.assert_close(parameter.grad, other.grad, rtol=1e-6, atol=1e-9)


def test_the_other_player_is_untouched() -> None:
    game = ladder("sequence")
    images = (uniform(("images",), 40, (1, 28, 28)) > 0.6).double()
    source = source_of(game, {"images": {"x": images}}, rows=ROWS, round_number=0)
    before = {name: value.clone() for name, value in itertools.chain(*(player.state_dict().items() for player in game.players.values()))}
    values = complete(game.runner(), game.plans["main"].phases[0].completion, Values(), source)
    with owned_by("decoder", game.players):
        game.objectives("main")[0](values)[0].backward()
    assert all(parameter.grad is None for parameter in game.players["encoder"].parameters())
    after = dict(itertools.chain(*(player.state_dict().items() for player in game.players.values())))
    assert all(torch.equal(value, after[name]) for name, value in before.items())
