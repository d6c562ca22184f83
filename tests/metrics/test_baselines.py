"""Trivial segmentations. This file compares them with counting by hand."""

from collections import Counter
from itertools import product
from math import log

import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score

from gamelearn.game import Game
from gamelearn.metrics import label_maps
from gamelearn.metrics.baselines import Baselines, ClassCounts
from tests.metrics.maps import CLASSES, SIDE, SUPERVISED, context, game_in, split_of

LEVELS = 4


@pytest.fixture(scope="module")
def game(tmp_path_factory: pytest.TempPathFactory) -> Game:
    return game_in(tmp_path_factory.mktemp("maps"), SUPERVISED)


def metric(**options: object) -> Baselines:
    return Baselines(**{"variable": None, "image": None, "stream": None, "levels": LEVELS, "count": 1000, **options})  # type: ignore[arg-type]


def colour_of(pixel: torch.Tensor) -> tuple[int, ...]:
    return tuple(min(LEVELS - 1, int(value * LEVELS)) for value in pixel.tolist())


def decisions_by_hand(game: Game) -> dict[str, torch.Tensor]:
    """Return the three decisions for the validation images, pixel by pixel in plain Python."""
    train, images = split_of(game, "train"), split_of(game, "validation")["x"]
    places: Counter[tuple[int, int, int]] = Counter()
    colours: Counter[tuple[tuple[int, ...], int]] = Counter()
    for row, i, j in product(range(len(train["s"])), range(SIDE), range(SIDE)):
        label = int(train["s"][row, i, j])
        places[i, j, label] += 1
        colours[colour_of(train["x"][row, :, i, j]), label] += 1
    totals = [sum(n for (_, each), n in colours.items() if each == label) for label in range(CLASSES)]
    found = {name: torch.zeros(len(images), SIDE, SIDE, dtype=torch.int64) for name in ("position", "colour", "position and colour")}
    classes = range(CLASSES)
    for row, i, j in product(range(len(images)), range(SIDE), range(SIDE)):
        colour = colour_of(images[row, :, i, j])
        seen = any(colours[colour, label] for label in classes)
        found["position"][row, i, j] = max(classes, key=lambda label: places[i, j, label])
        found["colour"][row, i, j] = max(classes, key=lambda label: colours[colour, label] if seen else totals[label])
        found["position and colour"][row, i, j] = max(
            classes,
            key=lambda label: log(places[i, j, label] + 0.5) + log((colours[colour, label] + 0.5) / (totals[label] + 0.5 * LEVELS**3)),
        )
    return found


def test_decisions_are_those_of_counting_by_hand(game: Game) -> None:
    truth = split_of(game, "validation")["s"].flatten().numpy()
    blocks = {block.title: block.figures for block in metric().compute(game, context()).blocks}
    by_hand = decisions_by_hand(game)
    assert set(blocks) == set(by_hand)
    for name, decided in by_hand.items():
        assert blocks[name]["accuracy"].value == pytest.approx(accuracy_score(truth, decided.flatten().numpy()))
        assert blocks[name]["mean IoU"].value == pytest.approx(jaccard_score(truth, decided.flatten().numpy(), average="macro"))
    values = [blocks[name]["accuracy"].value for name in ("position", "colour", "position and colour")]
    assert len(set(values)) == 3


def test_a_new_colour_is_the_most_frequent_class() -> None:
    counts = ClassCounts(3, (1, 3), 1, 4)
    counts.add(torch.tensor([[[0.1, 0.1, 0.4]]]), torch.tensor([[[1, 1, 2]]]))
    assert counts.by_colour(torch.tensor([[[0.9, 0.4, 0.1]]])).tolist() == [[[1, 2, 1]]]


def test_colours_outside_the_range_are_cut() -> None:
    counts = ClassCounts(2, (1, 2), 1, 4)
    counts.add(torch.tensor([[[-3.0, 5.0]]]), torch.tensor([[[0, 1]]]))
    assert counts.by_colour(torch.tensor([[[0.0, 1.0]]])).tolist() == [[[0, 1]]]


def test_blocks_change_nothing_and_all_training_images_count(game: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = metric().compute(game, context(count=5))
    monkeypatch.setattr(label_maps, "ROWS", 4)
    parts = metric().compute(game, context(count=5))
    assert [block.figures for block in parts.blocks] == [block.figures for block in whole.blocks]
    assert parts.blocks[0].figures["accuracy"].count == 5
    assert parts.facts["count"] == parts.blocks[0].figures["accuracy"].count
    assert parts.facts["training_rows"] == game.streams().length("pairs") == 72


def test_too_many_levels_are_refused(game: Game) -> None:
    reason = metric(levels=1000).misfit(game.graph)
    assert reason is not None
    assert "make 3,000,000,000 counts: set fewer levels" in reason
    assert metric().misfit(game.graph) is None
