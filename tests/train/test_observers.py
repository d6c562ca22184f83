"""What is written while a training runs."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from rich.console import Console

from gamelearn.game import Game
from gamelearn.train import observers as module
from gamelearn.train.checkpoint import list_checkpoints, round_of
from gamelearn.train.console import ConsoleObserver
from gamelearn.train.metrics_file import MetricsObserver, read_metrics
from gamelearn.train.observers import CheckpointObserver, PicturesObserver, TensorBoardObserver
from tests.train.tiny import ONE_STAGE, THREE_STAGES, Recorder, StepClock, parameters_of, trainer_of

LONG = ("rounds: 4", "rounds: 12, log: {rounds: 5}")


def test_a_line_per_logged_round(tmp_path: Path) -> None:
    path, recorder = tmp_path / "metrics.jsonl", Recorder()
    trainer_of(ONE_STAGE, LONG, observers=[MetricsObserver(path), recorder]).run()
    lines = read_metrics(path)
    assert [line["round"] for line in lines] == [1, 5, 10, 12]
    event = recorder.events[4]
    assert lines[1] == {
        "round": 5,
        "stage": "main",
        "utilities": event.utilities,
        "terms": event.terms,
        "per_element": event.per_element,
        "gradient_norms": event.gradient_norms,
        "learning_rates": {"decoder": 0.05, "encoder": 0.05},
        "seconds": lines[1]["seconds"],
    }
    assert list(event.terms["encoder"]) == ["0", "1"]


def test_each_stage_is_logged_from_its_first_to_its_last_round(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    trainer_of(THREE_STAGES, observers=[MetricsObserver(path)]).run()
    assert [(line["stage"], line["round"]) for line in read_metrics(path)] == [
        *(("alone", 1), ("alone", 2), ("turns", 3), ("turns", 4), ("turns", 5), ("together", 6), ("together", 7), ("together", 8))
    ]


def test_lines_are_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"

    class Look(Recorder):
        def after_round(self, event: Any) -> None:
            assert [line["round"] for line in read_metrics(path)] == [1, 2, 3, 4][: event.round]

    trainer_of(ONE_STAGE, ("rounds: 4", "rounds: 4, log: {rounds: 1}"), observers=[MetricsObserver(path), Look()]).run()


def old_line(number: int) -> str:
    """A line as version 0.1 wrote it, without a check sum."""
    maps = {key: dict[str, float]() for key in ("utilities", "terms", "per_element", "gradient_norms", "learning_rates")}
    return json.dumps({"round": number, "stage": "main", **maps, "seconds": 0.5, "old": True})


@pytest.mark.parametrize("torn", ["", '{"round": 9, "sta', old_line(9)])
def test_lines_after_the_checkpoint_and_torn_ones_are_cut_off(tmp_path: Path, torn: str) -> None:
    path, every = tmp_path / "metrics.jsonl", ("rounds: 4", "rounds: 4, log: {rounds: 1}")
    stopped = trainer_of(ONE_STAGE, every, observers=[Recorder(stop_after=2)])
    stopped.run()
    path.write_text("".join(old_line(number) + "\n" for number in (1, 2, 3, 4)) + torn)
    said: list[str] = []
    trainer_of(ONE_STAGE, every, state=stopped.state(), observers=[MetricsObserver(path, said.append)]).run()
    assert said == ["metrics.jsonl: 2 logged rounds after round 2 are taken out: they are played again"]
    assert [(line["round"], "old" in line) for line in read_metrics(path)] == [(1, True), (2, True), (3, False), (4, False)]


def test_a_training_from_the_start_begins_a_new_file(tmp_path: Path) -> None:
    path = tmp_path / "metrics.jsonl"
    path.write_text(old_line(1) + "\n")
    trainer_of(ONE_STAGE, observers=[MetricsObserver(path)]).run()
    assert [len(line) for line in read_metrics(path)] == [8, 8]


def test_numbers_are_fetched_only_for_logged_rounds(tmp_path: Path) -> None:
    recorder = Recorder()
    trainer_of(ONE_STAGE, LONG, observers=[MetricsObserver(tmp_path / "metrics.jsonl"), recorder]).run()
    assert [event.round for event in recorder.events if "utilities" in vars(event)] == [1, 5, 10, 12]


def rounds_in(folder: Path) -> list[int]:
    return [round_of(path) for path in list_checkpoints(folder)]


def test_checkpoints_by_rounds_and_at_the_end(tmp_path: Path) -> None:
    long = ("rounds: 4", "rounds: 7, checkpoint: {rounds: 3, keep: 9}")
    observer = CheckpointObserver(tmp_path)
    trainer_of(ONE_STAGE, long, observers=[observer]).run()
    assert rounds_in(tmp_path) == [3, 6, 7]
    assert observer.path == list_checkpoints(tmp_path)[-1]


def test_checkpoints_by_minutes(tmp_path: Path) -> None:
    long = ("rounds: 4", "rounds: 7, checkpoint: {minutes: 0.5, keep: 9}")
    trainer_of(ONE_STAGE, long, observers=[CheckpointObserver(tmp_path)], clock=StepClock(11.0)).run()
    assert rounds_in(tmp_path) == [3, 6, 7]  # 33 and 66 seconds


def test_a_checkpoint_after_every_stage(tmp_path: Path) -> None:
    trainer_of(THREE_STAGES, ("log: {rounds: 2}", "checkpoint: {keep: 9}"), observers=[CheckpointObserver(tmp_path)]).run()
    assert rounds_in(tmp_path) == [2, 5, 8]


def test_a_checkpoint_when_stopped_and_none_when_failed(tmp_path: Path) -> None:
    trainer_of(ONE_STAGE, observers=[CheckpointObserver(tmp_path / "stopped"), Recorder(stop_after=2)]).run()
    assert rounds_in(tmp_path / "stopped") == [2]
    observer = CheckpointObserver(tmp_path / "failed")
    observer.begin(trainer_of(ONE_STAGE))
    observer.end("failed")
    assert rounds_in(tmp_path / "failed") == []


def shown(text: str, *replacements: tuple[str, str], terminal: bool, step: float) -> str:
    console = Console(file=io.StringIO(), force_terminal=terminal, width=200, color_system=None)
    trainer_of(text, *replacements, observers=[ConsoleObserver(console)], clock=StepClock(step)).run()
    assert isinstance(console.file, io.StringIO)
    return console.file.getvalue()


def test_plain_lines_now_and_then() -> None:
    lines = shown(ONE_STAGE, LONG, terminal=False, step=2.0).splitlines()
    assert [line.split("  ")[0] for line in lines] == [f"main: round {number}/12" for number in (1, 4, 7, 10, 12)]
    assert lines[1].endswith("  0.5 rounds/s  0:16 left")
    assert "  decoder -" in lines[1]
    assert "  encoder -" in lines[1]
    assert lines[-1].endswith("  0.5 rounds/s")


def test_a_line_ends_every_stage_and_names_it() -> None:
    lines = shown(THREE_STAGES, terminal=False, step=0.001).splitlines()
    assert [line.split("  ")[0] for line in lines] == ["alone: round 1/2", "alone: round 2/2", "turns: round 5/5", "together: round 8/8"]


def test_a_time_budget_is_counted_down() -> None:
    lines = shown(ONE_STAGE, ("rounds: 4", "minutes: 1"), terminal=False, step=10.0).splitlines()
    assert lines[1].startswith("main: round 2  ")
    assert lines[1].endswith("  0.1 rounds/s  0:40 left")


def test_a_bar_on_a_terminal() -> None:
    text = shown(ONE_STAGE, LONG, terminal=True, step=2.0)
    assert "the first round is being played" in text
    assert "round 12/12" in text
    assert "━" in text
    assert "\x1b[?25h" in text  # the cursor is shown again


def test_tensorboard_where_it_is_installed(tmp_path: Path) -> None:
    pytest.importorskip("tensorboard")
    trainer_of(ONE_STAGE, LONG, observers=[TensorBoardObserver(tmp_path)]).run()
    data = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert all(tag in data for tag in (b"utilities/decoder", b"terms/encoder.1", b"gradient_norms/encoder", b"learning_rates/decoder"))


def test_without_tensorboard_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch.utils.tensorboard", None)
    trainer_of(ONE_STAGE, LONG, observers=[TensorBoardObserver(tmp_path)]).run()
    monkeypatch.setattr(module, "find_spec", lambda name: None)
    trainer_of(ONE_STAGE, LONG, observers=[TensorBoardObserver(tmp_path)]).run()
    assert list(tmp_path.iterdir()) == []


def test_pictures_by_rounds_and_at_the_end_from_the_averaged_weights(tmp_path: Path) -> None:
    drawn: list[tuple[int, dict[str, torch.Tensor]]] = []

    def draw(game: Game, folder: Path, rounds: int) -> list[Path]:
        assert folder.is_dir()
        assert not torch.is_grad_enabled()
        drawn.append((rounds, parameters_of(game)))
        return [folder / f"{rounds}.png"]

    observer = PicturesObserver(tmp_path / "samples", draw)
    trainer = trainer_of(ONE_STAGE, ("rounds: 4", "rounds: 5, ema: 0.5, samples: {rounds: 2}"), observers=[observer])
    trainer.run()
    assert [rounds for rounds, _ in drawn] == [2, 4, 5]
    assert observer.paths == (tmp_path / "samples" / "5.png",)
    for name, each in drawn[-1][1].items():
        player, _, key = name.partition(".")
        assert torch.equal(each, trainer.stage.averages[player][key])


def test_pictures_do_not_change_the_training(tmp_path: Path) -> None:
    def meddle(game: Game, folder: Path, rounds: int) -> list[Path]:
        torch.rand(3)
        return []

    watched = trainer_of(
        ONE_STAGE, ("rounds: 4", "rounds: 4, ema: 0.5, samples: {rounds: 1}"), observers=[PicturesObserver(tmp_path, meddle)]
    )
    plain = trainer_of(ONE_STAGE, ("rounds: 4", "rounds: 4, ema: 0.5"))
    watched.run()
    plain.run()
    assert all(torch.equal(each, parameters_of(plain.game)[name]) for name, each in parameters_of(watched.game).items())
