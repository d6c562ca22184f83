"""Embeddings of codes: what is drawn from what, the distances, the classes. This file tests them on small games."""

from pathlib import Path
from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch

from gamelearn.errors import EvidenceError
from gamelearn.game import Game, check, load
from gamelearn.metrics.images import FeatureSpace
from gamelearn.report.figures.classes import common_names, find_judge
from gamelearn.report.figures.codes import DATA, LIMIT, PRIOR, Codes, draw_codes, find_encoding
from gamelearn.report.figures.figure import NotSupported, Request
from gamelearn.report.figures.make import draw_figures
from gamelearn.report.figures.tsne import Space, classes_of, draw_tsne, embed, nearest_rows, space_of
from gamelearn.sampling import first_rows, limiting
from tests.metrics.maps import SUPERVISED, THREE, game_in
from tests.support import graph_of

LABELLED = """
name: labelled
variables:
  x: {type: binary, shape: [1, 8, 8]}
  c: {type: categorical, classes: 10}
  z: {type: binary, shape: [6]}
data:
  dataset: {type: digits, binarize: 0.5}
  streams: {images: [x], labelled: {variables: [x, c], take: 100}}
players:
  decoder: {factors: {c: uniform, z: uniform, "x | c, z": {net: linear}}}
  encoder: {factors: {"c | x": {net: linear}, "z | c, x": {net: linear}}}
utilities:
  decoder: E[images(x), encoder(c, z | x)] log decoder(x, c, z)
  encoder: E[decoder(x, c, z)] log encoder(c, z | x)
train: {rounds: 1}
"""


@pytest.fixture(scope="module")
def digits() -> Game:
    return load("digits-vae")


@pytest.fixture(scope="module")
def labelled(tmp_path_factory: pytest.TempPathFactory) -> Game:
    path = tmp_path_factory.mktemp("labelled") / "labelled.yaml"
    path.write_text(LABELLED)
    return load(path)


def test_codes_come_from_the_prior_from_data_and_from_the_chain(digits: Game) -> None:
    codes = draw_codes(digits, Request(sweeps=2, split="train"), 40)
    assert list(codes.kinds) == [PRIOR, DATA, LIMIT]
    assert codes.rows == {"z0": ("z0",), "z1": ("z1",)}
    assert all(values[name].shape == (40, size) for values in codes.kinds.values() for name, size in (("z0", 12), ("z1", 40)))
    facts = ["posterior: encoder(z0 | x), encoder(z1 | z0, x) for rows of images", "prior: decoder(z0), decoder(z1 | z0)"]
    assert codes.facts == (*facts, "limiting: the chain 'automatic' after 2 sweeps")
    known = digits.streams().classes("images", "train", 40)
    assert known is not None
    assert codes.labels[DATA].tolist() == known.values.tolist()
    assert set(codes.labels) == {DATA}


def test_a_uniform_prior_gives_fair_bits(digits: Game) -> None:
    bits = draw_codes(digits, Request(sweeps=1), 2000).kinds[PRIOR]["z0"]
    assert float((bits.mean(0) - 0.5).abs().max()) < 4.5 * 0.5 / 2000**0.5


def test_a_sample_with_a_class_of_its_own_keeps_it(labelled: Game) -> None:
    codes = draw_codes(labelled, Request(sweeps=1), 300)
    assert codes.rows == {"z": ("z",)}
    assert set(codes.labels) == {PRIOR, DATA, LIMIT}
    shares = np.bincount(codes.labels[PRIOR], minlength=10) / 300
    assert np.abs(shares - 0.1).max() < 4.5 * (0.1 * 0.9 / 300) ** 0.5
    assert find_encoding(labelled.graph, ("z",)).stream == "labelled"


def test_codes_of_images_are_the_encoders_though_the_decoder_draws_them_from_the_label() -> None:
    graph = check("digits-semi").graph
    found = find_encoding(graph, ("z1",))
    assert {factor.player for factor in found.factors} == {"encoder"}
    assert found.stream == "labelled"


def test_the_class_of_a_sample_is_that_of_the_nearest_code_of_data() -> None:
    generator = np.random.default_rng(0)
    data, others = (generator.integers(0, 2, (50, 12)).astype(np.float32) for _ in range(2))
    distances = (others[:, None, :] != data[None, :, :]).sum(2)
    found = nearest_rows(others, data, "hamming")
    assert (distances[np.arange(50), found] == distances.min(1)).all()
    labels = generator.integers(-1, 3, 50)
    codes = Codes({}, {DATA: labels}, {}, {}, DATA, ("a", "b", "c"), "c", "train", ())
    classes = classes_of(codes, Space({DATA: data, PRIOR: others}, "hamming"))
    assert (classes[DATA] == labels).all()
    known = np.flatnonzero(labels >= 0)
    nearest = known[distances[:, known].argmin(1)]
    best = distances[:, known].min(1)
    unique = (distances[:, known] == best[:, None]).sum(1) == 1
    assert unique.any()
    assert (classes[PRIOR][unique] == labels[nearest][unique]).all()
    assert (classes[PRIOR] >= 0).all()


def test_the_class_of_a_generated_image_is_the_classifiers(digits: Game) -> None:
    judge = find_judge(digits, "images", tuple("0123456789"))
    assert judge is not None
    shown = first_rows(digits, "images", 180, "validation")["x"]
    known = digits.streams().classes("images", "validation", 180)
    assert known is not None
    assert (judge.classes(shown * 0.6 + 0.1) == known.values.numpy()).mean() > 0.9  # expectations are cut at 1/2 before
    codes = draw_codes(digits, Request(sweeps=2), 30)
    for kind, made in ((PRIOR, _prior_images(digits, codes)), (LIMIT, _limiting_images(digits))):
        assert codes.judged[kind].tolist() == judge.classes(made).tolist()
        space = Space({each: values["z1"].numpy() for each, values in codes.kinds.items()}, "hamming")
        assert classes_of(codes, space)[kind].tolist() == codes.judged[kind].tolist()


def _prior_images(game: Game, codes: Codes) -> torch.Tensor:
    factor = next(each for each in game.graph.players["decoder"].factors.values() if each.target == "x")
    with torch.no_grad():
        return game.players["decoder"].distribution(factor.label, codes.kinds[PRIOR], 30).mean()


def _limiting_images(game: Game) -> torch.Tensor:
    return limiting(game, 30, sweeps=2, decide="mean")["x"]


@pytest.mark.parametrize(
    ("spec", "classes", "found"),
    [
        ("digits-vae", "0123456789", "0123456789"),
        ("digits-vae", "abcdefghij", None),  # the data set tells other classes apart
        ("digits-vae", "01234", None),
        ("digits-vae", "", None),
    ],
)
def test_a_classifier_judges_only_the_classes_that_it_knows(spec: str, classes: str, found: str | None) -> None:
    judge = find_judge(load(spec), "images", tuple(classes))
    assert (judge and judge.class_names) == (found and tuple(found))


def test_numbered_classes_are_named_by_the_classifier_that_is_made_for_them() -> None:
    network = SimpleNamespace(data_sets=("fashion_mnist",))
    space = cast(FeatureSpace, SimpleNamespace(class_names=("shirt", "coat"), network=network))
    assert common_names(space, ("0", "1"), "fashion_mnist") == ("shirt", "coat")
    assert common_names(space, ("shirt", "coat"), "npz") == ("shirt", "coat")
    assert common_names(space, ("0", "1"), "npz") == ()
    assert common_names(space, ("0", "1", "2"), "fashion_mnist") == ()


def test_without_classes_all_have_none() -> None:
    codes = Codes({}, {DATA: np.full(4, -1)}, {}, {}, DATA, (), None, "train", ())
    classes = classes_of(codes, Space({DATA: np.zeros((4, 2), np.float32), LIMIT: np.ones((3, 2), np.float32)}, "hamming"))
    assert {kind: each.tolist() for kind, each in classes.items()} == {DATA: [-1] * 4, LIMIT: [-1] * 3}


def test_the_distance_is_hammings_where_all_is_discrete() -> None:
    graph = graph_of(
        """
        name: mixed
        variables: {b: {type: binary, shape: [2]}, c: {type: categorical, classes: 3}, r: {type: real, shape: [2]}}
        players: {one: {factors: {b: uniform, c: uniform, r: standard}}, two: {factors: {b: free}}}
        utilities: {two: "E[one(b)] log two(b)"}
        train: {rounds: 1}
        """
    )
    b, c, r = torch.tensor([[0.0, 1.0]]), torch.tensor([2]), torch.tensor([[0.5, -1.0]])
    discrete = space_of({DATA: {"b": b, "c": c}}, graph.variables)
    assert (discrete.metric, discrete.vectors[DATA].tolist()) == ("hamming", [[0, 1, 0, 0, 1]])
    mixed = space_of({DATA: {"b": b, "r": r}}, graph.variables)
    assert (mixed.metric, mixed.vectors[DATA].tolist()) == ("euclidean", [[0, 1, 0.5, -1]])


def test_the_embedding_keeps_clusters_together_and_repeats() -> None:
    generator = np.random.default_rng(0)
    centres = generator.integers(0, 2, (2, 40))
    both = {kind: (centres[np.arange(30) % 2] ^ (generator.random((30, 40)) < 0.03)).astype(np.float32) for kind in (PRIOR, DATA)}
    found = embed(Space(both, "hamming"), 10.0, seed=1)
    joined, side = np.concatenate([found[PRIOR], found[DATA]]), np.arange(60) % 2
    distances = np.linalg.norm(joined[:, None] - joined[None], axis=2) + np.diag(np.full(60, np.inf))
    assert (side[distances.argmin(1)] == side).mean() > 0.95
    assert (embed(Space(both, "hamming"), 10.0, seed=1)[DATA] == found[DATA]).all()
    assert not (embed(Space(both, "hamming"), 10.0, seed=2)[DATA] == found[DATA]).all()


def test_the_figure(digits: Game, tmp_path: Path) -> None:
    request = Request(sweeps=1, points=40, perplexity=10.0, variables=("z",), origin="digits")
    figure = draw_tsne(digits, request)
    assert figure.columns == (PRIOR, DATA, LIMIT, "classes")
    assert [(row.label, len(row.cells)) for row in figure.rows] == [("z", 4)]
    judged = "of prior and limiting that of the image drawn with the code, by small_digit_classifier"
    colours = f"Colours are classes 'c': of posterior their own, {judged}. From digits; validation"
    assert "perplexity 10" in figure.caption
    assert colours in figure.caption
    prior, posterior = figure.rows[0].cells[:2]
    assert prior is not None
    assert posterior is not None
    assert not (prior == posterior).all()
    assert draw_figures(digits, tmp_path, request, ["tsne"]).paths == {"tsne": tmp_path / "tsne.png"}


def test_what_is_left_out_is_said(tmp_path: Path) -> None:
    game = game_in(tmp_path, THREE)
    codes = draw_codes(game, Request(sweeps=1), 5)
    assert (codes.field, codes.classes) == (None, ())
    assert "prior: prior(z)" in codes.facts


@pytest.mark.parametrize(
    ("request_", "message"),
    [
        (Request(variables=("x",)), "'x' is shown by a stream, it is no code; hidden are 'z0', 'z1'"),
        (Request(variables=("z2",)), "unknown variable 'z2'; known: .*"),
        (Request(sampler="limt"), "unknown sampler 'limt'"),
    ],
)
def test_what_cannot_be_embedded_is_an_error(digits: Game, request_: Request, message: str) -> None:
    with pytest.raises(EvidenceError, match=message):
        draw_codes(digits, request_, 5)


def test_a_game_without_codes_has_no_embedding(digits: Game, tmp_path: Path) -> None:
    with pytest.raises(NotSupported, match="no player draws a hidden variable from what a stream shows"):
        draw_codes(game_in(tmp_path, SUPERVISED), Request(), 5)
    with pytest.raises(NotSupported, match="15 codes are too few for a perplexity of 30"):
        draw_tsne(digits, Request(points=5, sweeps=1))
