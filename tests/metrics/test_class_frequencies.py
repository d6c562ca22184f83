"""Class frequencies of a chain's samples. This file compares them with a chain whose limit is known, and with numbers by hand."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gamelearn.data.npz import Npz
from gamelearn.game import Game
from gamelearn.metrics import class_frequencies
from gamelearn.metrics.class_frequencies import ClassFrequencies, factors
from gamelearn.metrics.evaluation import choose_metrics, evaluate
from gamelearn.metrics.metric import MetricResult
from gamelearn.sampling import limiting
from tests.metrics.maps import SUPERVISED, THREE, context, game_in, split_of


@pytest.fixture(scope="module")
def three(tmp_path_factory: pytest.TempPathFactory) -> Game:
    return game_in(tmp_path_factory.mktemp("three"), THREE)


def metric(**options: Any) -> ClassFrequencies:
    return ClassFrequencies(**{"variable": None, "sampler": None, "sweeps": 4, "after": None, "count": 50, **options})


def rows_of(result: MetricResult) -> dict[str, tuple[float, float, float, float]]:
    table = result.blocks[0].table
    assert table is not None
    return {str(row[0]): row[1:] for row in table.rows}  # type: ignore[misc]


def test_shares_are_those_of_the_samples_and_of_the_training_data(three: Game) -> None:
    result = metric().compute(three, context("validation", seed=2))
    samples, data = limiting(three, 50, sweeps=4, seed=2)["s"], split_of(three, "train")["s"]
    found = rows_of(result)
    for index in range(3):
        share, own = float((data == index).double().mean()), (samples == index).double().mean((1, 2))
        assert found[f"class {index}"][:2] == pytest.approx((share, float(own.mean())))
        assert found[f"class {index}"][2] == pytest.approx(float(own.std()) / 50**0.5)
        assert found[f"class {index}"][3] == pytest.approx(float(own.mean()) / share)
    assert result.blocks[0].figures["largest factor"].count == 50
    assert result.facts == {"variable": "s", "sampler": "limit", "sweeps": 4, "after": "end", "count": 50, "data_rows": 72}
    expected = sum(abs(row[0] - row[1]) for row in found.values()) / 2
    assert result.blocks[0].figures["total variation"].value == pytest.approx(expected)


def prior_only(game: Game, logits: list[float]) -> None:
    """Make the segmenter draw every pixel with the same probabilities, whatever it is given."""
    with torch.no_grad():
        for name, each in game.players["segmenter"].named_parameters():
            each.zero_()
            if "bias" in name:
                each.copy_(torch.tensor(logits).repeat_interleave(64))


def test_a_chain_with_the_frequencies_of_the_data_is_within_a_factor_of_two(tmp_path: Path) -> None:
    game = game_in(tmp_path, THREE)
    data = split_of(game, "train")["s"]
    prior_only(game, (torch.bincount(data.flatten(), minlength=3) / data.numel()).log().tolist())
    result = metric().compute(game, context())
    assert result.notes == ("all 3 classes are within a factor of two of the data",)
    figures = result.blocks[0].figures
    assert figures["classes within a factor of two"].value == 3
    assert 1 <= figures["largest factor"].value < 1.2
    for share, own, error, _ in rows_of(result).values():
        assert abs(own - share) < 4.5 * error


def test_a_class_that_is_not_dreamt_of_is_infinitely_too_rare(tmp_path: Path) -> None:
    game = game_in(tmp_path, THREE)
    prior_only(game, [0.0, 0.0, -50.0])
    result = metric().compute(game, context())
    figures = result.blocks[0].figures
    assert figures["largest factor"].value == float("inf")
    assert figures["classes within a factor of two"].value < 3
    assert result.notes == ("1 of 3 classes is not within a factor of two of the data",)
    assert result.plain()["blocks"][0]["figures"]["largest factor"]["value"] is None


def test_factors_by_hand() -> None:
    found = factors(np.array([2.0, 6.0, 0.0, 0.0, 2.0]), np.array([40.0, 40.0, 20.0, 0.0, 0.0]))
    assert found.tolist() == pytest.approx([2.0, 1.5, np.inf])


def test_classes_that_the_data_lack_are_told_apart(tmp_path: Path) -> None:
    game = game_in(tmp_path, THREE.replace("classes: 3", "classes: 4"))
    with torch.no_grad():
        for name, each in game.players["segmenter"].named_parameters():
            each.zero_()
            if "bias" in name:
                each.copy_(torch.tensor([0.0, 0.0, 0.0, 1.0]).repeat_interleave(64))
    figures = metric(count=400).compute(game, context()).blocks[0].figures
    expected = float(torch.tensor([0.0, 0.0, 0.0, 1.0]).softmax(0)[3])
    assert abs(figures["share of other classes"].value - expected) < 4.5 * (figures["share of other classes"].error or 0)
    assert np.isfinite(figures["largest factor"].value)


def test_blocks_of_samples_change_nothing(three: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = metric().compute(three, context())
    monkeypatch.setattr(class_frequencies, "ROWS", 8)
    assert metric().compute(three, context()).blocks == whole.blocks


def test_the_users_chain_goes_over_the_options(three: Game) -> None:
    result = metric().compute(three, context(count=20, sampler="automatic", sweeps=1))
    assert result.facts == {"variable": "s", "sampler": "automatic", "sweeps": 1, "after": "end", "count": 20, "data_rows": 72}
    assert result.blocks[0].title == "s after 1 sweep"
    assert result.blocks[0].figures["largest factor"].count == 20
    samples = limiting(three, 20, sampler="automatic", sweeps=1)["s"]
    assert rows_of(result)["class 1"][1] == pytest.approx(float((samples == 1).double().mean()))


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"variable": "x"}, "needs a categorical variable that a stream shows and a player draws; 'x' is none"),
        ({"variable": "t"}, "unknown variable 't'"),
        ({"sampler": "limits"}, "unknown sampler 'limits'"),
        ({}, None),
    ],
)
def test_what_does_not_fit_is_told(three: Game, options: dict[str, Any], message: str | None) -> None:
    reason = metric(**options).misfit(three.graph)
    assert reason is None if message is None else reason is not None and message in reason


def test_a_game_that_cannot_dream_is_told(tmp_path: Path) -> None:
    reason = metric().misfit(game_in(tmp_path, SUPERVISED).graph)
    assert reason is not None
    assert "reads 'x', which no draw of it gives" in reason


def test_tables_have_the_names_of_the_classes_where_the_data_knows_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game = game_in(tmp_path, THREE)
    monkeypatch.setattr(Npz, "class_names", {"s": ("sky", "sea", "sun"), "x": ("red",)})
    assert game.streams().class_names("pairs", "s") == ("sky", "sea", "sun")
    assert set(rows_of(metric().compute(game, context()))) == {"0 sky", "1 sea", "2 sun"}
    segmentation = next(evaluate(game, choose_metrics(game, ["segmentation"]), ["validation"], context(count=4))).plain()
    assert {row[0] for row in segmentation["blocks"][0]["table"]["rows"]} == {"0 sky", "1 sea", "2 sun"}


def test_a_field_may_have_another_name_than_the_variable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game = game_in(
        tmp_path,
        THREE.replace("s: {type: categorical, classes: 3}}}", "t: {array: s, classes: 3}}}").replace(
            "[x, s]}", "{variables: {x: x, s: t}}}"
        ),
    )
    monkeypatch.setattr(Npz, "class_names", {"t": ("sky", "sea", "sun")})
    assert game.streams().class_names("pairs", "s") == ("sky", "sea", "sun")
    assert game.streams().class_names("pairs", "x") == ()
