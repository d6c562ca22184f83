"""Rows that a game generates. This file compares them with samples drawn by hand, and tests which rows of data stand beside them."""

from pathlib import Path

import pytest
import torch

from gamelearn.errors import DataError
from gamelearn.game import Game
from gamelearn.metrics import generated
from gamelearn.metrics.generated import LIMITING, RANDOM_CODE, Generation, generated_rows
from gamelearn.metrics.images import chosen_rows, data_rows
from gamelearn.metrics.metric import MetricError
from gamelearn.sampling import Values, ancestral, limiting
from tests.metrics.digits import DIGITS, digits_in
from tests.metrics.maps import THREE, game_in


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Game:
    return digits_in(tmp_path_factory.mktemp("digits"), DIGITS)


def rows_of(game: Game, source: str, count: int = 20, decided: tuple[str, ...] = ()) -> Values:
    return generated_rows(game, source, count, seed=3, sampler=None, sweeps=4, decided=decided)


def test_drawn_rows_are_the_samples(digits: Game) -> None:
    assert equal(rows_of(digits, RANDOM_CODE), ancestral(digits, count=20, seed=3))
    assert equal(rows_of(digits, LIMITING), limiting(digits, 20, sweeps=4, seed=3))


def equal(one: Values, other: Values) -> bool:
    return one.keys() == other.keys() and all(value.equal(other[name]) for name, value in one.items())


@pytest.mark.parametrize("source", [RANDOM_CODE, LIMITING])
def test_a_decided_image_is_the_mean_given_the_code_cut_at_a_half(digits: Game, source: str) -> None:
    drawn, decided = rows_of(digits, source), rows_of(digits, source, decided=("x",))
    assert decided["z"].equal(drawn["z"])
    if source == RANDOM_CODE:
        with torch.no_grad():
            mean = digits.players["decoder"].distribution("x | z", drawn, 20).mean()
        assert decided["x"].equal((mean > 0.5).float())
    assert set(decided["x"].unique().tolist()) == {0.0, 1.0}
    assert not decided["x"].equal(drawn["x"])


@pytest.mark.parametrize("source", [RANDOM_CODE, LIMITING])
def test_blocks_change_nothing_and_fewer_rows_are_the_first_of_more(digits: Game, source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = rows_of(digits, source, decided=("x",))
    monkeypatch.setattr(generated, "BLOCK", 7)
    assert equal(rows_of(digits, source, decided=("x",)), whole)
    assert equal(rows_of(digits, source, 5, decided=("x",)), {name: value[:5] for name, value in whole.items()})


def test_a_real_image_is_decided_by_its_mean(tmp_path: Path) -> None:
    game = digits_in(tmp_path, DIGITS.replace("x: {type: binary", "x: {type: real").replace(", binarize: 0.5", ""))
    decided = rows_of(game, RANDOM_CODE, decided=("x",))
    with torch.no_grad():
        mean = game.players["decoder"].distribution("x | z", decided, 20).mean()
    torch.testing.assert_close(decided["x"], mean)


def test_sources_that_a_game_has(digits: Game, tmp_path: Path) -> None:
    both, chain = Generation(None, None, 4, True), Generation((RANDOM_CODE,), None, 4, True)
    assert both.sources_of(digits.graph, "x") == (RANDOM_CODE, LIMITING)
    three = game_in(tmp_path, THREE)
    assert both.sources_of(three.graph, "x") == (LIMITING,)
    with pytest.raises(MetricError, match="needs a way to generate 'x': 'random_code' draws 'z' from the player 'prior', not 'x'"):
        chain.sources_of(three.graph, "x")


def test_chosen_rows_are_the_same_rows_of_the_split_whatever_their_number(digits: Game) -> None:
    few, many = (chosen_rows(digits, "images", "validation", count)["x"] for count in (10, 1000))
    assert few.equal(many[:10])
    [all_rows] = digits.streams().split("images", "validation")
    assert len(many) == len(all_rows["x"]) == 180
    assert many.flatten(1).sum(0).equal(all_rows["x"].flatten(1).sum(0))
    assert not many.equal(all_rows["x"])


def test_rows_of_the_training_split_stand_beside_others_of_it(digits: Game) -> None:
    shown, others = data_rows(digits, "images", "train", 700)
    whole = chosen_rows(digits, "images", "train", 1400)["x"]
    assert torch.cat([shown["x"], others["x"]]).equal(whole)
    assert [len(each["x"]) for each in data_rows(digits, "images", "train", 5000)] == [718, 718]
    assert [len(each["x"]) for each in data_rows(digits, "images", "test", 5000)] == [180, 180]


def test_one_image_is_not_enough(digits: Game) -> None:
    with pytest.raises(MetricError, match="needs two images or more, of the split 'validation'"):
        data_rows(digits, "images", "validation", 1)


def test_a_split_without_rows_says_where_rows_are(tmp_path: Path) -> None:
    game = digits_in(tmp_path, DIGITS.replace("binarize: 0.5", "binarize: 0.5, validation: 0"))
    with pytest.raises(
        DataError, match="no rows in its split 'validation' that stream 'images' could show; it has some in 'train', 'test'"
    ):
        data_rows(game, "images", "validation", 10)


LATE = "samplers: {late: {start: decoder(z), sweep: ['decoder(x | z)', encoder(z | x)], after: AFTER}}\n"


@pytest.mark.parametrize(("after", "sweeps"), [("end", 1), ("mixture", 3)])
def test_expectations_stand_beside_the_draws_that_they_are_of(tmp_path: Path, after: str, sweeps: int) -> None:
    game = digits_in(tmp_path, DIGITS + LATE.replace("AFTER", after))
    drawn = limiting(game, 20, sweeps=sweeps, seed=3)
    meant = limiting(game, 20, sweeps=sweeps, seed=3, decide="mean", means=("x",))
    both = limiting(game, 20, sweeps=sweeps, seed=3, decide="mean", means=("x",), beside=True)
    assert equal(both, {**drawn, "mean of x": meant["x"]})
    assert not drawn["x"].equal(meant["x"])
    assert meant["x"].unique().numel() > 100  # expectations, of which a chain of one sweep has some too
    drawn, meant = ancestral(game, count=20), ancestral(game, count=20, decide="mean", means=("x",))
    both = ancestral(game, count=20, decide="mean", means=("x",), beside=True)
    assert equal(both, {**drawn, "mean of x": meant["x"]})
