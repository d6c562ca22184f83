"""The loop: whose gradient is taken where, who moves, what stops it."""

import functools
import re
from typing import Any

import pytest
import torch
from torch import nn

from gamelearn.errors import DataError, RunError, TrainingError
from gamelearn.losses import complete, owned_by
from gamelearn.train.averages import averaged_weights
from gamelearn.train.loop import Trainer
from gamelearn.train.schedule import Progress
from tests.support import game_of, round_gradients
from tests.train.tiny import ONE_STAGE, THREE_STAGES, Recorder, StepClock, parameters_of, trainer_of

SGD = ("optimizer: {lr: 0.05}", "optimizer: {type: sgd, lr: 0.05}")
PARALLEL = ("mode: sequence", "mode: parallel")
ONE_ROUND = ("rounds: 4", "rounds: 1")


def moved(trainer: Trainer) -> dict[str, torch.Tensor]:
    """Train, and return by how much each parameter has moved."""
    before = parameters_of(trainer.game)
    trainer.run()
    return {name: each - before[name] for name, each in parameters_of(trainer.game).items()}


def source_of_round(trainer: Trainer) -> Any:
    return trainer.stage._source(trainer.progress)


def test_in_parallel_every_gradient_is_taken_before_anybody_moves() -> None:
    trainer = trainer_of(ONE_STAGE, PARALLEL, SGD, ONE_ROUND)
    game = trainer.game
    expected = {}
    turns = game.plans["main"].turns
    for turn, (_, gradients) in zip(turns, round_gradients(game, game.plans["main"], source_of_round(trainer)), strict=True):
        expected.update({f"{turn.player}.{name}": -0.05 * each for name, each in gradients.items()})
    found = moved(trainer)
    assert set(found) == set(expected)
    for name, step in found.items():
        torch.testing.assert_close(step, expected[name])
        assert step.abs().max() > 0


def test_in_sequence_each_player_answers_the_moves_before_it() -> None:
    order = ("mode: sequence", "mode: sequence, order: [encoder, decoder, encoder]")
    trainer, by_hand = (trainer_of(ONE_STAGE, order, SGD, ONE_ROUND) for _ in range(2))
    trainer.run()
    game = by_hand.game
    objectives = iter(game.objectives("main"))
    values: dict[str, torch.Tensor] = {}
    source = source_of_round(by_hand)
    for phase in game.plans["main"].phases:
        values = complete(game.runner(), phase.completion, values, source)
        for turn in phase.turns:
            with owned_by(turn.player, game.players):
                next(objectives)(values)[0].backward()
            with torch.no_grad():
                for each in game.players[turn.player].parameters():
                    assert each.grad is not None
                    each.sub_(0.05 * each.grad)
                    each.grad = None
    expected = parameters_of(game)
    for name, value in parameters_of(trainer.game).items():
        torch.testing.assert_close(value, expected[name])
    assert [record.turn.player for record in played_records(order)] == ["encoder", "decoder", "encoder"]


def played_records(order: tuple[str, str]) -> tuple[Any, ...]:
    recorder = Recorder()
    trainer_of(ONE_STAGE, order, SGD, ONE_ROUND, observers=[recorder]).run()
    return recorder.events[0].records


def test_a_round_takes_as_many_batches_as_a_player_has_turns() -> None:
    trainer = trainer_of(ONE_STAGE, ("mode: sequence", "mode: sequence, order: [encoder, decoder, encoder]"))
    assert trainer.run() == Progress(
        stage=0, round=4, began=0, position=8, seconds=trainer.progress.seconds, elapsed=trainer.progress.elapsed
    )


def test_optimizers_hold_exactly_what_the_terms_reach() -> None:
    trainer = trainer_of(THREE_STAGES)
    assert list(trainer.stage.learners) == ["decoder"]
    learner = trainer.stage.learners["decoder"]
    held = {id(each) for group in learner.optimizer.param_groups for each in group["params"]}
    decoder = dict(trainer.game.players["decoder"].named_parameters())
    reached = {name for name in decoder if not name.startswith("free.")}  # log decoder(z) is in no term of this stage
    assert 0 < len(reached) < len(decoder)
    assert set(learner.parameters) == reached
    assert held == {id(decoder[name]) for name in reached}


def test_who_has_no_term_rests_and_what_no_term_reaches_stays() -> None:
    trainer = trainer_of(THREE_STAGES, observers=[Recorder(stop_after=2)])
    found = moved(trainer)
    assert trainer.progress.stage == 0
    resting = {name for name, step in found.items() if not step.any()}
    assert resting == {name for name in found if name.startswith(("encoder.", "decoder.free."))}


def test_a_frozen_player_stays() -> None:
    text = ONE_STAGE.replace("decoder: {factors", "decoder: {frozen: true, factors")
    text = text.replace("      decoder: E[images(x), encoder(z | x)] log decoder(x, z)\n", "")
    found = moved(trainer_of(text))
    assert {name.split(".")[0] for name, step in found.items() if step.any()} == {"encoder"}


def test_the_gradient_is_clipped_by_its_norm() -> None:
    clip = ("lr: 0.05", "type: sgd, lr: 2.0, clip: 0.01")
    recorder = Recorder()
    found = moved(trainer_of(ONE_STAGE, clip, ONE_ROUND, PARALLEL, observers=[recorder]))
    for player in ("decoder", "encoder"):
        length = torch.cat([step.flatten() for name, step in found.items() if name.startswith(player)]).norm()
        assert float(length) == pytest.approx(2.0 * 0.01, rel=1e-3)
        assert recorder.events[0].gradient_norms[player] > 0.1  # told as it was


def test_a_short_gradient_is_not_clipped() -> None:
    loose = moved(trainer_of(ONE_STAGE, SGD, ONE_ROUND))
    for name, step in moved(trainer_of(ONE_STAGE, ("lr: 0.05", "type: sgd, lr: 0.05, clip: 1000.0"), ONE_ROUND)).items():
        assert torch.equal(step, loose[name])


def test_the_rate_follows_the_schedule_within_each_stage() -> None:
    recorder = Recorder()
    trainer_of(THREE_STAGES, observers=[recorder]).run()
    decoders = [event.learning_rates["decoder"] for event in recorder.events]
    assert decoders == pytest.approx([0.1, 0.1] + 2 * [0.05 / 2, 0.05, 0.05 / 2])  # another type of optimizer has no schedule


def test_averages_are_exponential() -> None:
    class Follow(Recorder):
        """Keeps the averages as the formula gives them."""

        def begin(self, trainer: Trainer) -> None:
            super().begin(trainer)
            self.expected = parameters_of(trainer.game)

        def after_round(self, event: Any) -> None:
            assert self.trainer is not None
            done = event.round - 1
            decay = min(0.15, (1 + done) / (10 + done))
            now = parameters_of(self.trainer.game)
            self.expected = {name: decay * each + (1 - decay) * now[name] for name, each in self.expected.items()}

    follow = Follow()
    trainer = trainer_of(ONE_STAGE, ("rounds: 4", "rounds: 4, ema: 0.15"), observers=[follow])
    trainer.run()
    found = {f"{player}.{name}": each for player, tensors in trainer.stage.averages.items() for name, each in tensors.items()}
    assert set(found) == set(follow.expected)
    for name, each in found.items():
        torch.testing.assert_close(each, follow.expected[name])
        assert not torch.equal(each, parameters_of(trainer.game)[name])


def test_averaged_weights_are_lent() -> None:
    trainer = trainer_of(ONE_STAGE, ("rounds: 4", "rounds: 4, ema: 0.15"))
    trainer.run()
    before = parameters_of(trainer.game)
    with averaged_weights(trainer.game.players, trainer.stage.averages):
        lent = parameters_of(trainer.game)
    assert all(torch.equal(trainer.stage.averages[name.partition(".")[0]][name.partition(".")[2]], each) for name, each in lent.items())
    assert all(torch.equal(each, before[name]) for name, each in parameters_of(trainer.game).items())
    assert any(not torch.equal(each, before[name]) for name, each in lent.items())


def test_a_stage_without_ema_ends_the_averages() -> None:
    trainer = trainer_of(THREE_STAGES, ("train: {rounds: 3, ema: 0.8}", "train: {rounds: 3}"))
    trainer.run()
    assert trainer.stage.averages == {}


def steps_of(trainer: Trainer, player: str) -> set[float]:
    return {float(kept["step"]) for kept in trainer.stage.optimizers()[player].parameters.values() if "step" in kept}


def test_optimizers_start_afresh_unless_they_are_kept() -> None:
    kept = trainer_of(THREE_STAGES, ("rounds: 3, ema: 0.8", "rounds: 3"))
    kept.run()
    assert steps_of(kept, "decoder") == {6.0}
    fresh = trainer_of(THREE_STAGES, ("        optimizer: keep\n", ""), ("rounds: 3, ema: 0.8", "rounds: 3"))
    fresh.run()
    assert steps_of(fresh, "decoder") == {3.0}


def test_a_kept_optimizer_of_another_type_starts_afresh() -> None:
    trainer = trainer_of(THREE_STAGES, ("rounds: 3, ema: 0.8", "rounds: 3, optimizers: {decoder: {type: adamax}}"))
    trainer.run()
    assert steps_of(trainer, "decoder") == {3.0}


def test_what_observers_hear() -> None:
    recorder = Recorder()
    trainer_of(THREE_STAGES, observers=[recorder]).run()
    assert [(event.round, event.stage, event.is_first, event.is_last) for event in recorder.events] == [
        *((1, "alone", True, False), (2, "alone", False, True)),
        *((3, "turns", True, False), (4, "turns", False, False), (5, "turns", False, True)),
        *((6, "together", True, False), (7, "together", False, False), (8, "together", False, True)),
    ]
    assert recorder.ends == ["finished"]
    assert [event.rows for event in recorder.events[1:3]] == [{"images": 5}, {"images": 10}]
    event = recorder.events[2]
    assert list(event.utilities) == ["encoder", "decoder"]
    first, last = (float(record.loss) for record in event.records if record.turn.player == "encoder")
    assert event.utilities["encoder"] == pytest.approx(-(first + last) / 2)
    assert event.per_element["decoder"]["0"] == pytest.approx(event.terms["decoder"]["0"] / 6)


def test_a_utility_is_the_weighted_sum_of_its_terms() -> None:
    recorder = Recorder()
    trainer_of(ONE_STAGE, observers=[recorder]).run()
    for event in recorder.events:
        terms = event.terms["encoder"]
        assert event.utilities["encoder"] == pytest.approx(terms["0"] + 0.5 * terms["1"])


def test_a_training_that_is_asked_to_stop_ends_after_the_round() -> None:
    recorder = Recorder(stop_after=2)
    trainer = trainer_of(ONE_STAGE, observers=[recorder])
    assert trainer.run().round == 2
    assert recorder.ends == ["stopped"]
    assert not trainer.is_finished
    assert trainer.stop_reason == "recorder"


def test_a_stop_in_the_last_round_changes_nothing() -> None:
    recorder = Recorder(stop_after=4)
    trainer = trainer_of(ONE_STAGE, observers=[recorder])
    trainer.run()
    assert recorder.ends == ["finished"]
    assert trainer.is_finished


def test_minutes_are_counted_by_the_clock() -> None:
    trainer = trainer_of(ONE_STAGE, ("rounds: 4", "minutes: 1"), clock=StepClock(7.0))
    progress = trainer.run()
    assert (progress.round, progress.seconds) == (9, 63.0)  # the first round at which 60 seconds are over
    again = trainer_of(ONE_STAGE, ("rounds: 4", "minutes: 2"), clock=StepClock(7.0), state=trainer.state())
    assert again.run().round == 18


def poisoned(trainer: Trainer, player: str, value: float) -> dict[str, torch.Tensor]:
    """Spoil a weight of a player; return all parameters."""
    with torch.no_grad():
        next(trainer.game.players[player].parameters())[0, 0] = value
    return parameters_of(trainer.game)


@pytest.mark.parametrize("mode", ["parallel", "sequence"])
def test_a_loss_that_is_not_finite_stops_before_anybody_moves(mode: str) -> None:
    recorder = Recorder()
    trainer = trainer_of(ONE_STAGE, ("mode: sequence", f"mode: {mode}"), observers=[recorder])
    before = poisoned(trainer, "decoder", float("nan"))
    with pytest.raises(TrainingError) as caught:
        trainer.run()
    message = str(caught.value)
    assert message.startswith(
        "stage 'main', round 1, player 'decoder': the loss is nan; the player has not moved\n  term '0': nan (not finite)\n"
    )
    assert "  input images.x: shape (5, 4), min 0, max 1, mean 0." in message
    assert message.count("stage 'main'") == 1
    for name, each in parameters_of(trainer.game).items():
        torch.testing.assert_close(each, before[name], rtol=0, atol=0, equal_nan=True)
    assert recorder.ends == ["failed"]
    assert recorder.events == []


def test_the_term_that_is_not_finite_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    trainer = trainer_of(ONE_STAGE)
    objective = trainer.stage._objectives[1]
    value = objective._value
    bad = objective.turn.terms[1]
    monkeypatch.setattr(objective, "_value", lambda term, values: value(term, values) * (torch.inf if term is bad else 1))
    with pytest.raises(TrainingError, match=re.escape("player 'encoder': the loss is inf")) as caught:
        trainer.run()
    assert re.search(r"  term '0': -[\d.]+\n  term '1': -inf \(not finite\)\n", str(caught.value))


def test_a_gradient_that_is_not_finite_stops_before_the_player_moves() -> None:
    trainer = trainer_of(ONE_STAGE, PARALLEL)
    head = trainer.game.players["encoder"].get_submodule("networks")
    weight = next(module for module in head.modules() if isinstance(module, nn.Linear))
    weight.weight.register_hook(lambda gradient: gradient * torch.inf)
    before = parameters_of(trainer.game)
    with pytest.raises(TrainingError) as caught:
        trainer.run()
    assert re.match(
        r"stage 'main', round 1, player 'encoder': the loss is [\d.]+, but the norm of its gradient is (nan|inf);", str(caught.value)
    )
    assert "gradients that are not finite: 'networks." in str(caught.value)
    assert "(not finite)" not in str(caught.value)
    assert all(torch.equal(each, before[name]) for name, each in parameters_of(trainer.game).items())  # the decoder included


def test_the_round_of_a_failure_is_counted_through_all_stages() -> None:
    class Spoil(Recorder):
        def after_round(self, event: Any) -> None:
            assert self.trainer is not None
            if event.round == 3:
                poisoned(self.trainer, "encoder", float("inf"))

    with pytest.raises(TrainingError, match="stage 'turns', round 4, player 'encoder'"):
        trainer_of(THREE_STAGES, observers=[Spoil()]).run()


def test_half_precision_computes_networks_in_bfloat16_and_keeps_parameters() -> None:
    full = trainer_of(ONE_STAGE, dtype=torch.float32)
    half = trainer_of(ONE_STAGE, ("rounds: 4", "rounds: 4, precision: bf16"), dtype=torch.float32)
    for trainer in (full, half):
        trainer.run()
    exact, rounded = parameters_of(full.game), parameters_of(half.game)
    assert all(each.dtype == torch.float32 for each in rounded.values())
    assert any(not torch.equal(each, exact[name]) for name, each in rounded.items())
    seen = []
    module = half.stage._objectives[0].get_submodule("players.0.networks")
    linear = next(each for each in module.modules() if isinstance(each, nn.Linear))
    linear.register_forward_hook(lambda module, inputs, output: seen.append(output.dtype))
    half.stage.play(half.progress)
    assert set(seen) == {torch.bfloat16}


def test_compiled_losses_are_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    plain = trainer_of(ONE_STAGE)
    plain.run()
    monkeypatch.setattr(torch, "compile", functools.partial(torch.compile, backend="eager"))
    compiled = trainer_of(ONE_STAGE, ("rounds: 4", "rounds: 4, compile: true"))
    assert all(type(loss).__name__ == "OptimizedModule" for loss in compiled.stage._losses)
    compiled.run()
    expected = parameters_of(plain.game)
    for name, each in parameters_of(compiled.game).items():
        torch.testing.assert_close(each, expected[name])


def test_without_a_compiler_compile_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*arguments: object, **options: object) -> None:
        raise RuntimeError("no g++\nat all")

    monkeypatch.setattr(torch, "compile", lambda function, **options: fail)
    with pytest.raises(RunError, match=r"'train.compile' needs a compiler .*\(RuntimeError: no g\+\+\); install"):
        trainer_of(ONE_STAGE, ("rounds: 4", "rounds: 4, compile: true"))


def test_a_state_of_another_stage_is_refused() -> None:
    state = trainer_of(THREE_STAGES).state()
    with pytest.raises(RunError, match=r"the checkpoint is in stage 'alone', number 1; the game's stages are \['main'\]"):
        trainer_of(ONE_STAGE, state=state)


def test_a_state_of_another_game_is_refused_with_all_that_differs() -> None:
    state = trainer_of(ONE_STAGE).state()
    with pytest.raises(RunError, match="the checkpoint belongs to another game") as caught:
        trainer_of(ONE_STAGE.replace("x | z: {net: mlp, hidden: [3]}", "x | z: {net: mlp, hidden: [7]}"), state=state)
    assert "is (7, 2) in the game, (3, 2) in the checkpoint" in str(caught.value)
    assert len(str(caught.value).splitlines()) == 4  # both layers' weights, one bias
    with pytest.raises(RunError, match=r"player 'encoder': the checkpoint lacks 'networks.*skips.*'"):
        trainer_of(ONE_STAGE.replace("z | x: {net: mlp, hidden: [3]}", "z | x: {net: mlp, hidden: [3], skip: true}"), state=state)


def test_without_data_nothing_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    game = game_of(ONE_STAGE)

    def absent() -> None:
        raise DataError("absent")

    monkeypatch.setattr(game, "streams", absent)
    with pytest.raises(DataError, match="absent"):
        Trainer(game)
