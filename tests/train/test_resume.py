"""A training that is stopped and resumed after every round is the one that was not, bit for bit."""

from pathlib import Path
from typing import Any

import pytest
import torch

from gamelearn.registry import OPTIMIZERS
from gamelearn.train.checkpoint import newest_intact
from gamelearn.train.events import Observer
from gamelearn.train.loop import Trainer
from gamelearn.train.metrics_file import MetricsObserver, read_metrics
from gamelearn.train.observers import CheckpointObserver
from gamelearn.train.state import TrainingState
from tests.train.tiny import ONE_STAGE, THREE_STAGES, Recorder, loaded

PARALLEL = ONE_STAGE.replace("mode: sequence", "mode: parallel").replace("rounds: 4", "rounds: 4, ema: 0.9")
TURNS = ONE_STAGE.replace("mode: sequence", "mode: sequence, order: [encoder, decoder, encoder]")


def no_damage(text: str) -> None:
    raise AssertionError(text)


def play(folder: Path, run: str, text: str, *, stop_after: int | None = None, overrides: tuple[str, ...] = ()) -> Trainer:
    """Train, or go on with, a game that is built anew, as a new process would."""
    place = folder / run
    place.mkdir(exist_ok=True)
    checkpoints = place / "checkpoints"
    state = newest_intact(checkpoints, no_damage) if checkpoints.exists() else None
    observers: list[Observer] = [Recorder(stop_after), MetricsObserver(place / "metrics.jsonl"), CheckpointObserver(checkpoints)]
    trainer = Trainer(loaded(folder, *overrides, text=text), state=state, observers=observers)
    trainer.run()
    return trainer


def play_in_pieces(folder: Path, text: str, rounds: int, overrides: tuple[str, ...] = ()) -> Trainer:
    for stop_after in range(1, rounds):
        assert play(folder, "pieces", text, stop_after=stop_after, overrides=overrides).progress.round == stop_after
    return play(folder, "pieces", text, overrides=overrides)


def flat(value: Any) -> Any:
    """Return nested state with tensors as their dtype, shape and bytes."""
    if isinstance(value, torch.Tensor):
        return (str(value.dtype), tuple(value.shape), value.detach().contiguous().numpy().tobytes())
    if isinstance(value, dict):
        return {key: flat(item) for key, item in value.items()}
    return [flat(item) for item in value] if isinstance(value, list | tuple) else value


def content(state: TrainingState) -> dict[str, Any]:
    progress = {key: value for key, value in state.progress.to_json().items() if key not in ("seconds", "elapsed")}
    optimizers = {name: flat([each.type, each.groups, each.parameters]) for name, each in state.optimizers.items()}
    return {
        "progress": progress,
        "stage": state.stage,
        "players": flat(state.players),
        "optimizers": optimizers,
        "averages": flat(state.averages),
    }


def metrics(folder: Path, run: str) -> list[dict[str, Any]]:
    lines = read_metrics(folder / run / "metrics.jsonl")
    return [{key: value for key, value in line.items() if key != "seconds"} for line in lines]


@pytest.mark.parametrize(
    ("text", "rounds"), [(ONE_STAGE, 4), (PARALLEL, 4), (TURNS, 4), (THREE_STAGES, 8)], ids=["sequence", "parallel", "turns", "stages"]
)
def test_stopped_and_resumed_after_every_round(tmp_path: Path, text: str, rounds: int) -> None:
    whole = play(tmp_path, "whole", text)
    pieces = play_in_pieces(tmp_path, text, rounds)
    assert whole.progress.round == rounds
    assert content(pieces.state()) == content(whole.state())
    assert metrics(tmp_path, "pieces") == metrics(tmp_path, "whole")
    assert content(newest_intact(tmp_path / "pieces" / "checkpoints", no_damage)) == content(whole.state())


@pytest.mark.parametrize("optimizer", OPTIMIZERS.names)
def test_every_optimizer_resumes(tmp_path: Path, optimizer: str) -> None:
    options = {"sgd": ", momentum: 0.9, nesterov: true", "rmsprop": ", momentum: 0.5, centered: true", "adam": ", amsgrad: true"}
    overrides = (f"train.optimizer={{type: {optimizer}{options.get(optimizer, '')}}}",)
    whole = play(tmp_path, "whole", ONE_STAGE, overrides=overrides)
    assert whole.state().optimizers["decoder"].parameters  # there is state to lose
    assert content(play_in_pieces(tmp_path, ONE_STAGE, 4, overrides).state()) == content(whole.state())


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd"])
def test_fused_steps_resume(tmp_path: Path, optimizer: str) -> None:
    momentum = ", momentum: 0.9" if optimizer == "sgd" else ""
    overrides = (f"train.optimizer={{type: {optimizer}, fused: true{momentum}}}",)
    whole = play(tmp_path, "whole", ONE_STAGE, overrides=overrides)
    assert content(play_in_pieces(tmp_path, ONE_STAGE, 4, overrides).state()) == content(whole.state())


def test_another_seed_or_a_lost_state_would_be_seen(tmp_path: Path) -> None:
    whole = play(tmp_path, "whole", ONE_STAGE)
    other = play(tmp_path, "other", ONE_STAGE, overrides=("train.seed=1",))
    assert content(other.state()) != content(whole.state())
    play(tmp_path, "pieces", ONE_STAGE, stop_after=2)
    state = newest_intact(tmp_path / "pieces" / "checkpoints", no_damage)
    forgetful = Trainer(loaded(tmp_path), state=TrainingState(state.progress, state.stage, state.players))
    forgetful.run()
    assert content(forgetful.state())["players"] != content(whole.state())["players"]


def test_a_longer_stage_goes_on_as_if_it_had_been_so_from_the_start(tmp_path: Path) -> None:
    play(tmp_path, "pieces", ONE_STAGE, overrides=("train.rounds=3", "train.log.rounds=2"))
    assert [line["round"] for line in metrics(tmp_path, "pieces")] == [1, 2, 3]
    overrides = ("train.rounds=7", "train.log.rounds=2")
    longer = play(tmp_path, "pieces", ONE_STAGE, overrides=overrides)
    whole = play(tmp_path, "whole", ONE_STAGE, overrides=overrides)
    assert content(longer.state()) == content(whole.state())
    assert metrics(tmp_path, "pieces") == metrics(tmp_path, "whole")


def test_resuming_reads_no_batch_of_the_rounds_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    play(tmp_path, "pieces", ONE_STAGE, stop_after=3)
    state = newest_intact(tmp_path / "pieces" / "checkpoints", no_damage)
    game = loaded(tmp_path)
    streams = game.streams()
    batch, positions = streams.batch, []

    def watched(stream: str, position: int, *arguments: Any, **options: Any) -> Any:
        positions.append(position)
        return batch(stream, position, *arguments, **options)

    monkeypatch.setattr(streams, "batch", watched)
    Trainer(game, state=state).run()
    assert positions == [3]
