"""Lengths of stages, and how far a run has come."""

import json

import pytest

from gamelearn.errors import RunError, SpecError
from gamelearn.train.schedule import Progress, StageLength, rounds_of_epochs, schedule_mistakes, stage_length, streams_read
from tests.support import game_of, graph_of
from tests.train.tiny import ONE_STAGE, THREE_STAGES, trainer_of

TWO_STREAMS = """
    name: two
    variables:
      x: {type: binary, shape: [2]}
      y: {type: binary, shape: [2]}
    data:
      streams: {pairs: [x, y], images: [x], unread: [x]}
    players:
      painter: {factors: {x | y: {net: mlp, hidden: [2]}}}
      reader: {factors: {y | x: {net: mlp, hidden: [2]}}}
    utilities:
      painter: E[pairs(x, y)] log painter(x | y)
      reader:
        - E[pairs(x, y)] log reader(y | x)
        - E[images(x), reader(y | x), painter(x' | y)] log reader(y | x')
    schedule: {order: [reader, painter, reader]}
    train: {rounds: 1, batch: {default: 10, images: 30}}
    """


class Lengths:
    def __init__(self, **lengths: int) -> None:
        self.lengths = lengths

    def length(self, stream: str) -> int:
        return self.lengths[stream]

    def rows(self, stream: str, wanted: int) -> int:
        return min(wanted, self.lengths[stream])


@pytest.mark.parametrize(
    ("epochs", "lengths", "rounds"),
    [
        (1, {"pairs": 100, "images": 60}, 5),  # 100 rows, 2 batches of 10 in a round
        (1, {"pairs": 101, "images": 60}, 6),
        (1, {"pairs": 100, "images": 600}, 10),  # 600 rows, 2 batches of 30
        (2.5, {"pairs": 100, "images": 60}, 13),
        (0.001, {"pairs": 100, "images": 60}, 1),
        (1, {"pairs": 4, "images": 3}, 1),  # a short stream is used whole
    ],
)
def test_epochs_are_passes_over_the_longest_stream_that_is_read(epochs: float, lengths: dict[str, int], rounds: int) -> None:
    plan = game_of(TWO_STREAMS).plans["main"]
    assert plan.repeats == 2
    assert rounds_of_epochs(epochs, plan, Lengths(unread=10**6, **lengths)) == rounds


def test_streams_that_no_term_draws_from_are_not_read() -> None:
    assert streams_read(game_of(TWO_STREAMS).plans["main"]) == {"pairs": 1, "images": 1}


def test_epochs_need_a_stream() -> None:
    text = ONE_STAGE.replace("E[images(x), encoder(z | x)] log decoder(x, z)", "E[encoder(z | x)] log decoder(x, z)")
    text = text.replace("encoder(z | x)]", "decoder(x, z)]").replace("rounds: 4", "epochs: 2")
    with pytest.raises(RunError, match=r"stage 'main' reads no stream, so it has no epochs: give its length in 'rounds' or 'minutes'"):
        stage_length(game_of(text).plans["main"], Lengths(images=5))


@pytest.mark.parametrize(("given", "length"), [("rounds: 4", StageLength(rounds=4)), ("minutes: 0.5", StageLength(seconds=30.0))])
def test_rounds_and_minutes(given: str, length: StageLength) -> None:
    assert stage_length(game_of(ONE_STAGE.replace("rounds: 4", given)).plans["main"], None) == length


def test_a_stage_ends_by_its_own_rounds_or_seconds() -> None:
    assert not StageLength(rounds=3).is_over(Progress(round=12, began=10, seconds=1e9))
    assert StageLength(rounds=3).is_over(Progress(round=13, began=10))
    assert not StageLength(seconds=30).is_over(Progress(round=10**9, seconds=29.9, elapsed=31))
    assert StageLength(seconds=30).is_over(Progress(seconds=30))


def test_progress_through_rounds_and_stages() -> None:
    plan = game_of(TWO_STREAMS).plans["main"]
    progress = Progress().after_round(plan, 1.5).after_round(plan, 2.0)
    assert progress == Progress(stage=0, round=2, began=0, position=4, seconds=3.5, elapsed=3.5)
    assert progress.next_stage() == Progress(stage=1, round=2, began=2, position=4, seconds=0.0, elapsed=3.5)
    assert progress.next_stage().after_round(plan, 1.0).done == 1


def test_progress_survives_json() -> None:
    progress = Progress(1, 30, 20, 60, 0.1 + 0.2, 7.0)
    assert Progress.from_json(json.loads(json.dumps(progress.to_json()))) == progress


@pytest.mark.parametrize("values", [{}, {**Progress().to_json(), "more": 1}, {**Progress().to_json(), "round": "one"}])
def test_other_json_is_refused(values: dict[str, object]) -> None:
    with pytest.raises(RunError, match="progress of a checkpoint"):
        Progress.from_json(values)


def test_a_schedule_without_the_length_it_needs_is_found() -> None:
    graph = graph_of(THREE_STAGES.replace("epochs: 0.5", "minutes: 1").replace("train: {rounds: 3, ema: 0.9}", "train: {minutes: 2}"))
    places = [(each.path, each.what[:20]) for each in schedule_mistakes(graph)]
    assert places == [(("stages", "turns", "train", "optimizer", "schedule"), "a 'linear' schedule ")]


def test_it_is_an_error_before_anything_is_trained() -> None:
    with pytest.raises(SpecError, match=r"train\.optimizer\.schedule: a 'cosine' schedule needs to know the number of rounds"):
        trainer_of(ONE_STAGE, ("rounds: 4", "minutes: 1"), ("lr: 0.05", "lr: 0.05, schedule: {type: cosine}"))
