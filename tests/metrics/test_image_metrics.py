"""Metrics of generated images. This file measures games whose images are known: one that agrees with its data, one that knows one image."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gamelearn import noise
from gamelearn.features.choice import build_features, suitable_features
from gamelearn.game import Game
from gamelearn.graph.model import Variable
from gamelearn.metrics.coverage import covered_classes
from gamelearn.metrics.evaluation import choose_metrics, default_metrics
from gamelearn.metrics.frechet_distance import frechet_figure
from gamelearn.metrics.images import FeatureSpace, chosen_rows, find_image
from gamelearn.metrics.joints import Joint, JointSpace, joined, scales_of, vector_width
from gamelearn.metrics.metric import Figure, MetricError, MetricResult
from gamelearn.metrics.nearest_neighbour import nearest_distances
from gamelearn.plugins import load_builtins
from gamelearn.registry import FEATURES, METRICS
from gamelearn.sampling import ancestral
from tests.metrics.digits import DIGITS, agreed_in, digits_in, set_image, set_linear
from tests.metrics.maps import THREE, context, game_in

load_builtins()


@pytest.fixture(scope="module")
def agreed(tmp_path_factory: pytest.TempPathFactory) -> Game:
    return agreed_in(tmp_path_factory.mktemp("agreed"))


@pytest.fixture(scope="module")
def digits(tmp_path_factory: pytest.TempPathFactory) -> Game:
    return digits_in(tmp_path_factory.mktemp("digits"), DIGITS)


def measured(name: str, game: Game, split: str = "validation", **options: Any) -> MetricResult:
    chosen: Any = METRICS.options_of({"type": name, "sweeps": 3, **options})
    metric = METRICS[name].build(**chosen.own_options())
    assert metric.misfit(game.graph) is None
    found: MetricResult = metric.compute(game, context(split, seed=1))
    return found


def figures_of(result: MetricResult, figure: str) -> dict[str, Figure]:
    return {block.title: block.figures[figure] for block in result.blocks if figure in block.figures}


def test_a_game_that_agrees_with_its_data_is_as_near_to_them_as_other_data(agreed: Game) -> None:
    found = figures_of(measured("frechet", agreed, features="pixels", images="drawn"), "Frechet distance")
    assert list(found) == ["random code", "limiting, 3 sweeps", "real data"]
    real = found["real data"]
    for each in found.values():
        assert each.count == 1000
        assert each.error is not None
        assert each.value == pytest.approx(real.value, abs=4 * (each.error + (real.error or 0)))
    decided = figures_of(measured("frechet", agreed, features="pixels"), "Frechet distance")
    assert decided["random code"].value > 2 * real.value  # means have less noise than draws


def test_the_distance_is_that_of_features_of_samples_and_of_fixed_rows(digits: Game) -> None:
    network = build_features(suitable_features((1, 8, 8), "digits"))
    mean = ancestral(digits, count=180, seed=1, decide="mean")["x"]
    data = chosen_rows(digits, "images", "validation", 180)["x"]
    made, shown = (network.features(each).double().numpy() for each in ((mean > 0.5).float(), data))
    result = measured("frechet", digits, sources=["random_code"])
    assert figures_of(result, "Frechet distance")["random code"].value == pytest.approx(frechet_figure(made, shown).value)
    assert result.facts["features"] == "small_digit_classifier"
    assert (result.facts["count"], result.facts["real_count"], result.facts["player"]) == (180, 180, "decoder")


def test_players_that_agree_have_equal_joints(agreed: Game) -> None:
    found = measured("consistency", agreed, features="pixels").blocks[0].figures
    real = found["encoder – encoder, other data"]
    pairs = {"decoder – limiting, 3 sweeps", "decoder – encoder", "limiting, 3 sweeps – encoder"}
    assert found.keys() == {*pairs, "encoder – encoder, other data"}
    for pair in pairs:
        assert found[pair].value == pytest.approx(real.value, abs=5 * ((found[pair].error or 0) + (real.error or 0)))


def test_an_encoder_that_takes_one_code_for_the_other_is_found_out_by_the_joint_alone(tmp_path: Path) -> None:
    game = agreed_in(tmp_path)
    with torch.no_grad():
        weight, bias = (each.clone() for each in game.players["encoder"].parameters())
    set_linear(game, "encoder", -weight, -bias)
    result = measured("consistency", game, features="pixels")
    found, table = result.blocks[0].figures, result.blocks[0].table
    real = found["encoder – encoder, other data"]
    assert found["decoder – encoder"].value > real.value + 10 * (real.error or 0)
    assert table is not None
    rows: dict[str, tuple[float, ...]] = {str(row[0]): row[1:] for row in table.rows}  # type: ignore[misc]
    assert table.columns == ("pair", "features of x", "z")
    for column in (0, 1):  # either variable alone is as it should be
        assert rows["decoder – encoder"][column] < 0.05


def test_every_variable_has_a_total_variance_of_one() -> None:
    generator = np.random.default_rng(0)
    parts = {"x": generator.normal(0, 5, (50, 3)), "z": generator.normal(0, 0.1, (50, 2)), "constant": np.ones((50, 1))}
    scales = scales_of(parts)
    found = joined(parts, scales).var(0, ddof=1)
    assert found.tolist() == pytest.approx([*(parts["x"].var(0, ddof=1) / scales["x"] ** 2), *found[3:]])
    assert (found[:3].sum(), found[3:5].sum(), found[5]) == pytest.approx((1, 1, 0))


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (
            DIGITS.replace("[1, 8, 8]", "[64]").replace(
                "type: digits, binarize: 0.5", "type: npz, path: x.npz, fields: {x: {type: binary}}"
            ),
            {},
            "needs an image, .*this game has none",
        ),
        (DIGITS, {"variable": "z"}, "'z' is none"),
        (DIGITS, {"variable": "y"}, "unknown variable 'y'"),
        (DIGITS, {"features": "digit_classifier"}, r"needs images of shape \(1, 28, 28\)"),
        (DIGITS, {"sampler": "limits", "sources": ["limiting"]}, "unknown sampler 'limits'"),
        (DIGITS, {"sampler": "limits"}, "unknown sampler 'limits'"),
        (DIGITS, {"sampler": "automatic"}, None),
    ],
)
def test_what_does_not_fit_is_told(text: str, options: dict[str, Any], message: str | None, tmp_path: Path) -> None:
    graph = digits_in(tmp_path, text).graph
    for name in ("frechet", "nearest_neighbour", "coverage", "consistency"):
        chosen: Any = METRICS.options_of({"type": name, **options})
        reason = METRICS[name].build(**chosen.own_options()).misfit(graph)
        if message is None:
            assert reason is None
        else:
            with pytest.raises(AssertionError, match=message):
                raise AssertionError(reason)


def test_what_fits_one_metric_alone_is_told(digits: Game, tmp_path: Path) -> None:
    assert "'pixels' does not" in reason_of("coverage", digits, features="pixels")
    assert "it does not draw 'y'" in reason_of("consistency", digits, variables=["y"])
    assert reason_of("consistency", game_in(tmp_path, THREE), features="pixels").startswith(
        "needs a player that generates 'x' with its code"
    )


def reason_of(name: str, game: Game, **options: Any) -> str:
    chosen: Any = METRICS.options_of({"type": name, **options})
    reason: str = METRICS[name].build(**chosen.own_options()).misfit(game.graph)
    return reason


def test_they_are_measured_by_default_where_a_feature_network_fits(digits: Game, tmp_path: Path) -> None:
    ours = {"consistency", "coverage", "frechet", "nearest_neighbour"}
    assert ours < {each.name for each in default_metrics(digits.graph)}
    assert ours.isdisjoint(each.name for each in default_metrics(game_in(tmp_path, THREE).graph))


def test_a_spec_names_them(tmp_path: Path) -> None:
    game = digits_in(tmp_path, DIGITS + "evaluate: {plain: {type: frechet, features: {type: pixels}, images: drawn}}\n")
    [chosen] = choose_metrics(game)
    assert chosen.metric.compute(game, context(count=20)).facts["features"] == "pixels"
    assert chosen.options.model_dump(mode="json")["features"] == {"type": "pixels"}


@pytest.fixture(scope="module")
def one_image(tmp_path_factory: pytest.TempPathFactory) -> Game:
    """A game that generates one training image alone, a 0."""
    game = digits_in(tmp_path_factory.mktemp("one"), DIGITS)
    set_image(game, chosen_rows(game, "images", "train", 1)["x"][0])
    return game


def test_a_game_of_one_image_covers_one_class(one_image: Game) -> None:
    result = measured("coverage", one_image)
    for title in ("random code", "limiting, 3 sweeps"):
        figures = next(block.figures for block in result.blocks if block.title == title)
        assert figures["classes covered"].value == 1
        assert figures["effective classes"].value == pytest.approx(1)
        assert figures["largest factor"].value == float("inf")
        assert figures["total variation"].value > 0.8
    data = result.blocks[-1].figures
    assert data["effective classes"].value > 9
    assert data["mean confidence"].value > 0.9


def test_the_shares_of_classes_are_those_of_the_classifier(digits: Game) -> None:
    network = build_features(suitable_features((1, 8, 8), "digits"))
    mean = ancestral(digits, count=180, seed=1, decide="mean")["x"]
    decided = network.probabilities((mean > 0.5).float())
    result = measured("coverage", digits, sources=["random_code"])
    table = result.blocks[0].table
    assert table is not None
    shares = torch.bincount(decided.argmax(1), minlength=10).double() / 180
    assert [row[2] for row in table.rows] == pytest.approx(shares.tolist())
    confidence = result.blocks[0].figures["mean confidence"]
    assert confidence.value == pytest.approx(float(decided.max(1).values.double().mean()))


def test_a_class_is_covered_by_a_tenth_of_its_share() -> None:
    data = np.array([50.0, 50.0, 100.0, 0.0])
    for rare, covered in ((4, 1), (6, 2)):
        assert covered_classes(np.array([rare, 0.0, 200 - rare, 0.0]), data) == covered


def test_classes_of_a_joint_are_one_hot(digits: Game) -> None:
    variable = Variable("c", "categorical", (2,), 3)
    graph = replace(digits.graph, variables={**digits.graph.variables, "c": variable})
    space = FeatureSpace(digits, digits.graph.variables["x"], "images", FEATURES.options_of({"type": "pixels"}))
    vectors = JointSpace(graph, space, Joint("decoder", ("x", "c"), ()))
    found = vectors.parts({"x": torch.zeros(2, 1, 8, 8), "c": torch.tensor([[0, 2], [1, 1]])})["c"]
    assert found.tolist() == [[1, 0, 0, 0, 0, 1], [0, 1, 0, 0, 1, 0]]
    assert found.shape[1] == vector_width(variable)


def test_the_error_of_a_ratio_has_those_of_both_means(digits: Game) -> None:
    result = measured("nearest_neighbour", digits, sources=["random_code"], count=30)
    own, data = (block.figures["distance in pixels"] for block in result.blocks)
    ratio = result.blocks[0].figures["ratio in pixels"]
    assert own.error is not None
    assert data.error is not None
    assert ratio.value == pytest.approx(own.value / data.value)
    assert ratio.error == pytest.approx(ratio.value * ((own.error / own.value) ** 2 + (data.error / data.value) ** 2) ** 0.5)


def test_a_game_that_repeats_a_training_image_is_found_out(one_image: Game) -> None:
    result = measured("nearest_neighbour", one_image)
    for title in ("random code", "limiting, 3 sweeps"):
        figures = next(block.figures for block in result.blocks if block.title == title)
        assert figures["copies"].value == 1
        assert figures["ratio in pixels"].value == figures["ratio in small_digit_classifier"].value == 0
    data = result.blocks[-1].figures
    assert data["copies"].value < 0.1
    assert data["distance in pixels"].value > 1


def test_distances_of_the_data_are_those_of_all_pairs(digits: Game) -> None:
    train = torch.cat([batch["x"] for batch in digits.streams().split("images", "train")]).flatten(1)
    for split in ("validation", "train"):
        rows = chosen_rows(digits, "images", split, 50)["x"].flatten(1)
        distances = torch.cdist(rows.double(), train.double()).sort(1).values[:, int(split == "train")]
        found = measured("nearest_neighbour", digits, split, count=50).blocks[-1].figures["distance in pixels"]
        assert found.value == pytest.approx(float(distances.mean()), abs=1e-4)
        assert found.error == pytest.approx(float(distances.std()) / 50**0.5, abs=1e-4)


SEMI = DIGITS.replace("  z:", "  c: {type: categorical, classes: 10}\n  z:").replace(
    "{images: [x]}", "{labelled: {variables: [x, c], take: 20}, images: {variables: [x], take: 300, except: labelled}}"
)


def test_images_are_those_of_the_stream_that_shows_least_and_training_images_those_of_all(tmp_path: Path) -> None:
    game = digits_in(tmp_path, SEMI)
    assert find_image(game.graph, None)[1] == "images"
    assert measured("frechet", game, features="pixels").facts["real_count"] == 180
    train = torch.cat([batch["x"] for name in ("labelled", "images") for batch in game.streams().split(name, "train")]).flatten(1)
    found = measured("nearest_neighbour", game, count=50)
    assert found.facts["training_rows"] == len(train) == 320
    rows = chosen_rows(game, "images", "validation", 50)["x"].flatten(1)
    nearest = torch.cdist(rows.double(), train.double()).min(1).values
    assert found.blocks[-1].figures["distance in pixels"].value == pytest.approx(float(nearest.mean()), abs=1e-4)


def test_a_row_that_two_streams_show_is_one_training_image(tmp_path: Path) -> None:
    game = digits_in(tmp_path, SEMI.replace(", take: 300, except: labelled", ""))
    found = measured("nearest_neighbour", game, "train", count=50)
    assert found.facts["training_rows"] == game.streams().length("images") == 1437
    assert found.blocks[-1].figures["distance in pixels"].value > 1


def test_values_that_a_network_does_not_read_are_told_and_pixels_are_taken_as_they_are(tmp_path: Path) -> None:
    images = 3 * noise.normal(("images",), 100, (1, 8, 8)) - 1
    np.savez(tmp_path / "x.npz", x=images.numpy())
    data_set = "type: npz, path: x.npz, validation: 0.5, fields: {x: {type: real}}"
    text = DIGITS.replace("x: {type: binary", "x: {type: real").replace("type: digits, binarize: 0.5", data_set)
    game = digits_in(tmp_path, text)
    for name in ("frechet", "coverage", "nearest_neighbour", "consistency"):
        with pytest.raises(
            MetricError, match=r"values from 0 to 1 .*'small_digit_classifier', and 'x' has values from -\d.* to \d.*'pixels'"
        ):
            measured(name, game, features="small_digit_classifier")
    shown = torch.cat([batch["x"] for batch in game.streams().split("images", "validation")])
    made = ancestral(game, count=50, seed=1, decide="mean")["x"]
    figures = figures_of(measured("frechet", game, features="pixels", sources=["random_code"]), "Frechet distance")
    expected = frechet_figure(*(each.flatten(1).double().numpy() for each in (made, shown)))
    assert figures["random code"].value == pytest.approx(expected.value)


def test_the_nearest_is_by_all_pairs() -> None:
    generator = np.random.default_rng(0)
    rows, asked = (generator.normal(size=(count, 5)).astype(np.float32) for count in (40, 7))
    pairs = np.linalg.norm(asked[:, None].astype(float) - rows[None], axis=2)
    np.testing.assert_allclose(nearest_distances(asked, rows, known=False), pairs.min(1), rtol=1e-6)
    own = np.linalg.norm(rows[:, None].astype(float) - rows[None], axis=2)
    np.testing.assert_allclose(nearest_distances(rows, rows, known=True), np.sort(own, 1)[:, 1], rtol=1e-6)
