"""Rules that no other test would miss: ownership of what is read live, versions through inputs, normal draws, averages across stages."""

from typing import Any

import pytest
import torch

from gamelearn.errors import DataError
from gamelearn.losses import complete, reached_parameters
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import ColumnStep
from gamelearn.sources import RoundSource
from gamelearn.train.loop import Trainer
from tests.support import TableStreams, game_of, round_gradients, source_of
from tests.train.tiny import LengthStreams, Recorder, parameters_of

IMAGES = (torch.rand(20, 4, generator=torch.Generator().manual_seed(1)) > 0.5).double()


def streams_of(values: torch.Tensor = IMAGES) -> Any:
    return LengthStreams({"images": {"x": values}})


THROUGH_INPUTS = """
    name: stale
    variables: {x: {type: binary, shape: [4]}, z: {type: binary, shape: [3]}}
    data: {streams: {images: [x]}}
    players:
      encoder: {factors: {z | x: {net: linear}}}
      echo: {frozen: true, factors: {x | z: {net: linear}}}
      first: {factors: {x | z: ["echo(x | z)", {net: linear}]}}
      last: {factors: {x | z: ["echo(x | z)", {net: linear}], z | x: {net: linear}}}
    utilities:
      first: E[images(x), encoder(z | x), echo(x' | z)] log first(x' | z)
      encoder: E[images(x), last(z | x)] log encoder(z | x)
      last:
        - E[images(x), encoder(z | x), echo(x' | z)] log last(x' | z)
        - E[images(x), encoder(z | x), echo(x' | z)] log last(z | x')
    schedule: {order: [first, encoder, last]}
    train: {rounds: 4, batch: 16, optimizer: {lr: 0.3}}
    """


def test_a_draw_from_a_player_that_rests_is_made_again_where_its_inputs_moved() -> None:
    found = []
    for share in (True, False):
        game = game_of(THROUGH_INPUTS)
        game.plans["main"] = make_plan(game.graph, "main", share=share)
        Trainer(game, streams=streams_of()).run()
        found.append(parameters_of(game))
    for name, each in found[0].items():
        torch.testing.assert_close(each, found[1][name], rtol=1e-10, atol=1e-12)


LIVE = """
    name: live
    variables: {x: {type: real, shape: [4]}, z: {type: real, shape: [3]}}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z: free, x | z: {net: linear}}}
      encoder: {factors: {z | x: ["decoder(z)", {net: linear}]}}
    utilities:
      decoder: {term: "E[images(x), encoder(z | x), decoder(x' | z)] log decoder(x, z) - log encoder(z | x')", draws: constant}
      encoder: E[decoder(x, z)] log encoder(z | x)
    schedule: {mode: MODE}
    train: {rounds: 1, batch: 8, optimizer: {type: sgd, lr: 0.05}}
    """


def test_the_gradient_of_one_does_not_reach_what_another_owns() -> None:
    """In parallel a shared score without an input, read live, must not add to its owner's gradient."""
    trainer = Trainer(game_of(LIVE.replace("MODE", "parallel")), streams=streams_of())
    game = trainer.game
    before = parameters_of(game)
    expected = {}
    rounds = round_gradients(game, game.plans["main"], trainer.stage._source(trainer.progress))
    for turn, (_, gradients) in zip(game.plans["main"].turns, rounds, strict=True):
        expected.update({f"{turn.player}.{name}": -0.05 * each for name, each in gradients.items()})
    trainer.run()
    assert "decoder.free.z" in expected
    for name, each in parameters_of(game).items():
        torch.testing.assert_close(each - before[name], expected[name])


def test_nothing_is_differentiated_through_a_normal_draw() -> None:
    game = game_of(LIVE.replace("MODE", "parallel"))
    source = source_of(game, {"images": {"x": IMAGES}}, rows=8, round_number=0)
    values = complete(game.runner(), game.plans["main"].phases[0].completion, {}, source)
    assert all(not value.requires_grad for value in values.values())


def test_learned_scales_are_learned() -> None:
    trainer = Trainer(game_of(LIVE.replace("MODE", "sequence")), streams=streams_of())
    reached = reached_parameters(trainer.game.players, trainer.game.plans["main"].turns)
    scales = {f"{player}.{name}" for player, found in reached.items() for name, _ in found if name.endswith("log_scale")}
    assert scales == {f"{label}.log_scale" for label in ("decoder.families.z", "decoder.families.x-given-z", "encoder.families.z-given-x")}
    before = parameters_of(trainer.game)
    trainer.run()
    assert all(float(parameters_of(trainer.game)[name] - before[name]) != 0 for name in scales)


def test_primes_of_a_stream_are_other_rows_of_it() -> None:
    game = game_of(THROUGH_INPUTS)
    source = source_of(game, {"images": {"x": torch.arange(50.0).repeat(4, 1).T}}, rows=20, round_number=0)
    rows = [source.column(ColumnStep(f"images.x{ordinal}", "images", "x", ordinal, 0)) for ordinal in (0, 1)]
    assert not torch.equal(*rows)


class Listening(TableStreams):
    """Keeps the keys of the data noise."""

    def __init__(self) -> None:
        super().__init__({"images": {"x": IMAGES}})
        self.keys: list[tuple[object, ...]] = []

    def batch(self, *arguments: Any, noise_key: tuple[object, ...], **options: Any) -> dict[str, torch.Tensor]:
        self.keys.append(noise_key)
        return super().batch(*arguments, noise_key=noise_key, **options)


@pytest.mark.parametrize("change", [{}, {"seed": 1}, {"stage": "other"}, {"round_number": 1}, {"ordinal": 1}, {"repeat": 1}])
def test_data_noise_is_new_in_every_round_and_batch(change: dict[str, Any]) -> None:
    listening = Listening()
    for each in ({}, change):
        options = {"seed": 0, "stage": "main", "round_number": 0, "ordinal": 0, "repeat": 0, **each}
        step = ColumnStep("key", "images", "x", options.pop("ordinal"), options.pop("repeat"))
        streams: Any = listening
        RoundSource(streams, {"default": 4}, position=0, device=torch.device("cpu"), dtype=torch.float64, **options).column(step)
    first, second = listening.keys
    assert (first == second) == (not change)


def test_averages_go_on_from_stage_to_stage() -> None:
    text = LIVE.replace("    schedule: {mode: MODE}\n", "").replace("rounds: 1,", "rounds: 3, ema: 0.1,")
    utilities = text[text.index("    utilities:") : text.index("    train:")]
    indented = utilities.replace("\n", "\n    ").rstrip()
    text = text.replace(utilities, f"    stages:\n      one:\n    {indented}\n      two:\n    {indented}\n")

    class Follow(Recorder):
        def __init__(self) -> None:
            super().__init__()
            self.mine: dict[str, torch.Tensor] = {}

        def after_round(self, event: Any) -> None:
            super().after_round(event)
            assert self.trainer is not None
            now = parameters_of(self.trainer.game)
            decay = min(0.1, event.round / (9 + event.round))
            self.mine = {name: decay * self.mine.get(name, start[name]) + (1 - decay) * each for name, each in now.items()}

    follow = Follow()
    trainer = Trainer(game_of(text), streams=streams_of(), observers=[follow])
    start = parameters_of(trainer.game)
    trainer.run()
    assert trainer.stage.name == "two"
    for player, averages in trainer.stage.averages.items():
        for name, each in averages.items():
            torch.testing.assert_close(each, follow.mine[f"{player}.{name}"], rtol=1e-12, atol=1e-12)


class ShortStreams(TableStreams):
    """Streams whose batches are no longer than their tables."""

    def rows(self, stream: str, wanted: int) -> int:
        return min(wanted, len(next(iter(self.tables[stream].values()))))


def test_streams_of_one_chain_with_different_rows_are_refused() -> None:
    game = game_of("""
        name: unequal
        variables: {x: {type: binary, shape: [3]}, z: {type: binary, shape: [2]}}
        data: {streams: {images: [x], codes: [z]}}
        players: {decoder: {factors: {x | z: {net: linear}}}}
        utilities: {decoder: "E[images(x), codes(z)] log decoder(x | z)"}
        train: {rounds: 1, batch: 8}
        """)
    streams: Any = ShortStreams({"images": {"x": torch.zeros(9, 3).double()}, "codes": {"z": torch.zeros(1, 2).double()}})
    with pytest.raises(DataError, match=r"the term 'decoder.0' give batches of different rows: 'images' 8, 'codes' 1"):
        Trainer(game, streams=streams)
