"""Ownership (rule 7) over every shipped spec: a turn moves its player alone, without a trace in parameters, gradients or buffers of others."""

from typing import Any

import pytest
import torch

from gamelearn.game import Game, load
from gamelearn.graph.model import Variable
from gamelearn.noise import uniform
from gamelearn.shipped import shipped_specs
from gamelearn.train.loop import Trainer
from tests.support import TableStreams

CASES = [(name, preset) for name in shipped_specs() for preset in (None, "quick")]


def state(game: Game, player: str) -> dict[str, torch.Tensor]:
    return {name: value.clone() for name, value in game.players[player].state_dict().items()}


def tables(game: Game) -> dict[str, dict[str, torch.Tensor]]:
    """Return four random rows for every stream: classes, or bits, which serve as real values too."""
    return {
        stream: {name: rows(game.graph.variables[name], (stream, name)) for name in options.variables}
        for stream, options in game.graph.streams.items()
    }


def rows(variable: Variable, key: tuple[str, str]) -> torch.Tensor:
    noise = uniform(key, 4, variable.shape)
    return (noise * (variable.classes or 2)).long() if variable.type == "categorical" else (noise > 0.5).float()


@pytest.mark.parametrize(("name", "preset"), CASES)
def test_a_turn_leaves_no_trace_in_others(name: str, preset: str | None) -> None:
    game = load(name, "train.batch=2", "schedule.mode=sequence", preset=preset)
    streams: Any = TableStreams(tables(game))
    trainer = Trainer(game, streams=streams)
    stage = trainer.stage
    moved: list[str] = []
    last: dict[str, dict[str, torch.Tensor]] = {}
    step = stage._step

    def watched_step(turn: Any, *rest: Any) -> Any:
        others = [other for other in game.players if other != turn.player]
        grown = {other: [each for each in game.players[other].parameters() if each.grad is not None] for other in others}
        assert not any(grown.values())
        before = {player: state(game, player) for player in game.players}
        if moved:  # nothing has moved since the last step, neither by completing nor by taking gradients
            assert all(torch.equal(last[player][key], value) for player in before for key, value in before[player].items())
        record = step(turn, *rest)
        for player in game.players:
            now = state(game, player)
            same = all(torch.equal(now[key], value) for key, value in before[player].items())
            assert same == (player != turn.player), player
        moved.append(turn.player)
        last.update({player: state(game, player) for player in game.players})
        return record

    stage._step = watched_step  # type: ignore[assignment]
    stage.play(trainer.progress)
    assert moved == list(stage.plan.stage.order)
    assert all(each.requires_grad for player in game.players.values() for each in player.parameters())
