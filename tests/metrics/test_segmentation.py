"""Segmentation of images by a game. This file compares its figures with scikit-learn's on decisions that are asked for directly."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, jaccard_score

from gamelearn.data.dataset import DataSet
from gamelearn.game import Game
from gamelearn.inference import infer
from gamelearn.metrics import label_maps
from gamelearn.metrics.chain import ChainOptions
from gamelearn.metrics.inpainting import mean_colour
from gamelearn.metrics.metric import Block
from gamelearn.metrics.segmentation import Segmentation
from gamelearn.patterns import hidden_pattern
from tests.metrics.maps import SUPERVISED, THREE, context, game_in, probabilities, split_of
from tests.support import game_of


@pytest.fixture(scope="module")
def supervised(tmp_path_factory: pytest.TempPathFactory) -> Game:
    return game_in(tmp_path_factory.mktemp("supervised"), SUPERVISED)


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Game:
    return game_in(tmp_path_factory.mktemp("three"), THREE)


def metric(**options: Any) -> Segmentation:
    chain = ChainOptions(**options.pop("chain", {}))
    return Segmentation(**{"variable": None, "given": None, "stream": None, "hide": {}, "count": 1000, "chain": chain, **options})


def values_of(block: Block) -> Mapping[str, float]:
    return {name: figure.value for name, figure in block.figures.items()}


def check(
    values: Mapping[str, float], truth: torch.Tensor, decided: torch.Tensor, where: np.ndarray | None = None, place: str = ""
) -> None:
    """Compare accuracy and mean IoU with scikit-learn's, over the pixels of `where`."""
    chosen = np.ones(truth.shape, dtype=bool) if where is None else where
    flat = truth.numpy()[chosen], decided.numpy()[chosen]
    assert values[f"accuracy{place}"] == pytest.approx(accuracy_score(*flat))
    assert values[f"mean IoU{place}"] == pytest.approx(jaccard_score(*flat, average="macro"))


def test_a_supervised_game_decides_by_its_probabilities(supervised: Game) -> None:
    rows = split_of(supervised, "validation")
    result = metric().compute(supervised, context())
    (block,) = result.blocks
    assert block.title == "complete"
    check(values_of(block), rows["s"], probabilities(supervised, rows["x"]).argmax(1))
    assert block.figures["accuracy"].count == len(rows["s"]) == 9
    used = {"sweeps": 1, "burn_in": 0, "thin": 1, "chains": 1, "estimate": "conditionals"}
    assert result.facts == {"count": 9, "complete": {"sampler": "automatic", "exact": True, "chain": used}}
    assert 0.1 < block.figures["accuracy"].value < 0.9


def test_a_game_that_does_not_draw_the_image_gets_it_filled(supervised: Game) -> None:
    rows = split_of(supervised, "train")
    result = metric(hide={"x": "random:0.4"}).compute(supervised, context("train", seed=3))
    hidden = hidden_pattern("random:0.4", (3, 8, 8), 72, 0, 3)
    decided = probabilities(supervised, mean_colour(rows["x"], torch.from_numpy(hidden))).argmax(1)
    values = values_of(result.blocks[1])
    check(values, rows["s"], decided)
    check(values, rows["s"], decided, hidden[:, 0], " inside")
    check(values, rows["s"], decided, ~hidden[:, 0], " outside")
    assert not [name for name in values if "MSE" in name]
    assert result.notes == (
        "hidden: x random:0.4: no player draws 'x': the hidden part is given, filled with the mean colour of what is visible",
    )


def test_a_chain_is_asked_for_what_is_hidden(three: Game) -> None:
    rows = split_of(three, "validation")
    chain = {"sweeps": 3, "burn_in": 1, "chains": 2}
    result = metric(hide={"x": "square:4"}, chain={"sweeps": 3, "burn_in": 9}).compute(three, context(seed=5, burn_in=1, chains=2))
    complete = infer(three, {"x": rows["x"]}, want=["s"], seed=5, **chain)  # type: ignore[arg-type]
    check(values_of(result.blocks[0]), rows["s"], complete.decided["s"])
    hidden = hidden_pattern("square:4", (3, 8, 8), 9)
    answer = infer(three, {"x": rows["x"]}, hide={"x": hidden}, want=["s", "x"], seed=5, **chain)  # type: ignore[arg-type]
    values = values_of(result.blocks[1])
    check(values, rows["s"], answer.decided["s"])
    check(values, rows["s"], answer.decided["s"], hidden[:, 0], " inside")
    filled, plain = answer.decided["x"], mean_colour(rows["x"], torch.from_numpy(hidden))
    squared, plainly = (float(((each - rows["x"])[torch.from_numpy(hidden)] ** 2).mean()) for each in (filled, plain))
    assert values["MSE of x"] == pytest.approx(squared, rel=1e-5)
    assert values["MSE ratio of x"] == pytest.approx(squared / plainly, rel=1e-5)
    assert result.facts["complete"]["sampler"] == "limit"
    assert result.facts["complete"]["chain"] == {**chain, "thin": 1, "estimate": "conditionals"}
    assert set(result.facts["complete"]["mixing"]) == {"s", "z"}


def test_a_part_of_the_label_map_can_be_known(three: Game) -> None:
    rows = split_of(three, "validation")
    result = metric(hide={"s": "left"}, chain={"sweeps": 2}).compute(three, context())
    values = values_of(result.blocks[1])
    assert values["accuracy outside"] == values["mean IoU outside"] == 1
    assert values["accuracy"] == pytest.approx((1 + values["accuracy inside"]) / 2)
    hidden = hidden_pattern("left", (8, 8), 9)
    answer = infer(three, {"x": rows["x"], "s": rows["s"]}, hide={"s": hidden}, want=["s"], sweeps=2)
    check(values, rows["s"], answer.decided["s"], hidden, " inside")


def test_blocks_of_images_change_nothing(three: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    made = metric(hide={"x": "random:0.5"}, chain={"sweeps": 2})
    whole = made.compute(three, context("train", 30))
    monkeypatch.setattr(label_maps, "ROWS", 7)
    parts = made.compute(three, context("train", 30))
    for one, other in zip(whole.blocks, parts.blocks, strict=True):
        assert values_of(other) == pytest.approx(values_of(one), rel=1e-5)
        assert other.figures["accuracy"].count == 30


def test_seeds_are_draws_of_their_own(three: Game) -> None:
    made = metric(chain={"sweeps": 1, "chains": 1, "burn_in": 0, "estimate": "counts"})
    first, same, other = (made.compute(three, context("train", seed=seed)) for seed in (0, 0, 1))
    assert first == same
    assert values_of(first.blocks[0]) != values_of(other.blocks[0])


def test_a_square_is_hidden_by_default(supervised: Game) -> None:
    blocks = metric(hide=None).compute(supervised, context()).blocks
    assert [block.title for block in blocks] == ["complete", "hidden: x square:3"]


def test_chains_that_disagree_are_told(tmp_path: Path) -> None:
    game = game_in(tmp_path, THREE)
    assert metric(chain={"sweeps": 20}).compute(game, context()).notes == ()
    copy_one_another(game)
    (note,) = metric(chain={"sweeps": 20, "chains": 4}).compute(game, context()).notes
    assert note.startswith("complete: chains of 'limit' disagree in 's': R-hat is ")


def copy_one_another(game: Game) -> None:
    """Let the first bit of z say whether all pixels are of class 1, and follow them: what a chain begins with, it keeps."""
    labels, code = (dict(game.players[name].named_parameters()) for name in ("segmenter", "encoder"))
    with torch.no_grad():
        for each in (*labels.values(), *code.values()):
            each.zero_()
        for name, each in labels.items():
            if "weight" in name:
                each[64:128, -4] = 40.0
            else:
                each[64:128] = -20.0
        for name, each in code.items():
            if "weight" in name:
                each[0, -128:-64] = 1.0
            else:
                each[0] = -32.0


def test_data_come_without_noise(supervised: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    """Noise that hides everything spoils the batches of the training, and changes no figure."""
    made = metric(hide={"x": "left"})
    clear = made.compute(supervised, context("train"))
    monkeypatch.setattr(DataSet, "perturb", lambda self, field, values, key, first_row: torch.zeros_like(values))
    batch = supervised.streams().batch("pairs", 0, 4, noise_key=("test",))
    assert float(batch["x"].abs().max()) == 0
    assert made.compute(supervised, context("train")) == clear
    check(
        values_of(clear.blocks[0]),
        split_of(supervised, "train")["s"],
        probabilities(supervised, split_of(supervised, "train")["x"]).argmax(1),
    )


def test_progress_is_told(supervised: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    told: list[tuple[str, int, int | None]] = []
    monkeypatch.setattr(label_maps, "ROWS", 4)
    asked = context(count=6)
    object.__setattr__(asked, "progress", lambda *facts: told.append(facts))
    metric().compute(supervised, asked)
    assert told == [("segmentation, complete", 4, 6), ("segmentation, complete", 6, 6)]


DIGITS = """
    name: digits
    variables: {x: {type: binary, shape: [1, 8, 8]}, z: {type: binary, shape: [4]}, c: {type: categorical, classes: 10}}
    data: {dataset: {type: digits, binarize: 0.5}, streams: {images: [x, c]}}
    players: {decoder: {factors: {z: uniform, "x | z": {net: linear}}}, encoder: {factors: {"z | x": {net: linear}, "c | x": {net: linear}}}}
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z)
      encoder: ["E[decoder(x, z)] log encoder(z | x)", "E[images(x, c)] log encoder(c | x)"]
    train: {rounds: 1}
    """


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({}, "needs a stream that shows a categorical variable of shape (height, width) that a player draws together with"),
        ({}, "the streams of this game show 'x', binary of shape (1, 8, 8); 'c', categorical with 10 classes of shape ()"),
        ({"variable": "c"}, "(asked for: variable 'c')"),
        ({"variable": "k"}, "unknown variable 'k'; known: 'x', 'z', 'c'"),
        ({"given": ("y",)}, "unknown variable 'y'"),
        ({"stream": "image"}, "unknown stream 'image'; known: 'images'; did you mean 'images'?"),
    ],
)
def test_a_game_without_label_maps_is_told_what_is_needed(options: dict[str, Any], message: str) -> None:
    reason = metric(**options).misfit(game_of(DIGITS).graph)
    assert reason is not None
    assert message in reason


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"hide": {"z": "left"}}, "cannot hide a part of 'z': what may be hidden is 'x', 's'"),
        ({"hide": {"x": "square:9"}}, "does not fit into an image of 8 x 8 pixels"),
        ({"chain": {"sampler": "limits"}}, "unknown sampler 'limits'"),
        ({}, None),
        ({"hide": {"x": "left", "s": "top"}}, None),
    ],
)
def test_options_that_do_not_fit_are_told(three: Game, options: dict[str, Any], message: str | None) -> None:
    reason = metric(**options).misfit(three.graph)
    assert reason is None if message is None else reason is not None and message in reason
