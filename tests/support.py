"""Small games and data for the tests. This file builds them from text, without a data folder."""

import textwrap
from collections.abc import Mapping
from typing import Any

import torch

from gamelearn import noise
from gamelearn.game import Game, compile_game
from gamelearn.graph.build import build_graph
from gamelearn.graph.model import Graph
from gamelearn.losses import Values, complete, owned_by
from gamelearn.networks.port import Port
from gamelearn.plan.steps import Plan
from gamelearn.plugins import load_builtins
from gamelearn.registry import FAMILIES, NETWORKS
from gamelearn.sources import RoundSource
from gamelearn.spec.schema import Spec
from gamelearn.spec.source import parse_source


def network_of(name: str, inputs: tuple[Port, ...], outputs: tuple[Port, ...], **options: object) -> Any:
    """Return a network with the schema's defaults for all options but those given."""
    load_builtins()
    return NETWORKS[name].build(inputs, outputs, **{**NETWORKS.options_of({"net": name}).own_options(), **options})


def family_of(name: str, shape: tuple[int, ...], **options: object) -> Any:
    """Return a family with the schema's defaults for all options but those given."""
    load_builtins()
    return FAMILIES[name].build(shape, **{**FAMILIES.options_of({"type": name}).own_options(), **options})


def graph_of(text: str) -> Graph:
    """Return the graph of a spec given as text."""
    load_builtins()
    return build_graph(Spec.model_validate(parse_source(textwrap.dedent(text), "test.yaml").plain()))


def game_of(text: str, *, dtype: torch.dtype = torch.float64) -> Game:
    """Return a compiled game of a spec given as text."""
    return compile_game(graph_of(text), dtype=dtype)


class TableStreams:
    """Streams over tensors held in memory; a batch is drawn with replacement, keyed like the real ones."""

    def __init__(self, tables: Mapping[str, Mapping[str, torch.Tensor]]) -> None:
        self.tables = tables

    def rows(self, stream: str, wanted: int) -> int:
        return wanted

    def batch(self, stream: str, position: int, rows: int, *, noise_key: tuple[object, ...], ordinal: int = 0) -> dict[str, torch.Tensor]:
        table = self.tables[stream]
        length = len(next(iter(table.values())))
        chosen = (noise.uniform(("table", stream, ordinal, position), rows) * length).long()
        return {name: values[chosen] for name, values in table.items()}


def source_of(
    game: Game, tables: Mapping[str, Mapping[str, torch.Tensor]], *, rows: int, round_number: int, stage: str = "main"
) -> RoundSource:
    """Return the batches and noise of one round."""
    return RoundSource(
        TableStreams(tables),  # type: ignore[arg-type]
        {"default": rows},
        seed=0,
        stage=stage,
        round_number=round_number,
        position=round_number,
        device=game.device,
        dtype=game.dtype,
    )


def round_gradients(game: Game, plan: Plan, source: RoundSource) -> list[tuple[float, dict[str, torch.Tensor]]]:
    """Run a round without moving anybody; return the loss of every player's turn and the gradients of this player."""
    from gamelearn.losses import objectives

    made = iter(objectives(game.runner(), plan.turns))
    found = []
    values: Values = {}
    for phase in plan.phases:
        values = complete(game.runner(), phase.completion, values, source)
        for turn in phase.turns:
            for owner in turn.owners:
                game.players[owner].zero_grad(set_to_none=True)
            with owned_by(turn.owners, game.players):
                loss, _ = next(made)(values)
                loss.backward()
            for owner in turn.owners:
                player = game.players[owner]
                gradients = {name: each.grad.clone() for name, each in player.named_parameters() if each.grad is not None}
                found.append((float(loss.detach()), gradients))
                player.zero_grad(set_to_none=True)
    return found


def place_of(plan: Plan, player: str) -> int:
    """Return the place of a player's first turn among what `round_gradients` returns."""
    return [part.player for turn in plan.turns for part in turn.parts].index(player)
