"""The shipped games of labelled, unlabelled and unpaired data. This file compares their utilities with the paper's, and looks at their streams."""

from collections import Counter

import numpy as np
import pytest
import torch

from gamelearn.game import CheckedSpec, check, load
from gamelearn.shipped import shipped_specs
from gamelearn.spec.load import load_spec

Terms = dict[str, dict[str, float]]

MNIST = ("decoder(x, z0, z1)", "encoder(z0, z1 | x)")
DIGITS = ("decoder(x, c, l, z1)", "encoder(c, l, z1 | x)")
COMPLETED = "E[labelled(x, c), encoder(l, z1 | c, x)]"

EQUATION_12 = {
    "decoder": {
        "E[pairs(x, z)] log decoder(x, z)": 1,
        "E[images(x), encoder(z | x)] log decoder(x, z)": 1,
        "E[codes(z)] log decoder(z)": 1,
    },
    "encoder": {"E[pairs(x, z)] log encoder(z | x)": 1, "E[codes(z), decoder(x | z)] log encoder(z | x)": 1},
}
EQUATION_3_WITH_PAIRS = {
    "decoder": {"E[pairs(x, t)] log decoder(x | t)": 1, "E[images(x), encoder(t | x)] log decoder(x | t)": 1},
    "encoder": {"E[pairs(x, t)] log encoder(t | x)": 1, "E[thumbnails(t), decoder(x | t)] log encoder(t | x)": 1},
}
EQUATION_17 = {
    "decoder": {"E[labelled(x, c), encoder(l | x), encoder(z1 | z0, x)] log decoder(x, z0, z1)": 1},
    "encoder": {"E[decoder(x, z0, z1)] log encoder(z0, z1 | x)": 1},
}


def equation_16(joint: str, posterior: str, weight: float) -> Terms:
    """Return eqs 13 and 16 for a model with the given joint distribution and posterior."""
    return {
        "decoder": {f"{COMPLETED} log {joint}": 1, f"E[images(x), {posterior}] log {joint}": 1},
        "encoder": {f"E[{joint}] log {posterior}": 1, "E[labelled(x, c)] log encoder(c | x)": weight},
    }


def equation_31(joint: str, posterior: str, alpha: float) -> Terms:
    """Return the evidence lower bound of appendix C, whose first two terms both players have."""
    bound: dict[str, float] = {
        f"{COMPLETED} log {joint} - log encoder(l, z1 | c, x)": 1,
        f"E[images(x), {posterior}] log {joint} - log {posterior}": 1,
    }
    return {"decoder": bound, "encoder": {**bound, "E[labelled(x, c)] log encoder(c | x)": alpha}}


def terms(checked: CheckedSpec, stage: str) -> Terms:
    utilities = checked.graph.stages[stage].utilities
    return {player: {str(each.formula): each.weight for each in found} for player, found in utilities.items()}


@pytest.mark.parametrize(
    ("name", "stage", "expected"),
    [
        ("digits-labels", "main", EQUATION_12),
        ("digits-prior", "main", EQUATION_3_WITH_PAIRS),
        ("mnist-labels", "main", EQUATION_17),
        ("digits-semi", "game", equation_16(*DIGITS, 1)),
        ("mnist-semi", "game", equation_16(*MNIST, 10)),
        ("digits-semi-elbo", "game", equation_31(*DIGITS, 10)),
        ("mnist-semi-elbo", "game", equation_31(*MNIST, 10)),
    ],
)
def test_the_utilities_are_those_of_the_paper(name: str, stage: str, expected: Terms) -> None:
    assert terms(check(name), stage) == expected


def test_the_quick_preset_of_equation_17_plays_it_too() -> None:
    assert terms(check("mnist-labels", preset="quick"), "game") == EQUATION_17


def test_equation_3_is_derived_too() -> None:
    derived = terms(check("digits-prior", overrides=["utilities=", "derive=symmetric"]), "main")
    assert derived == EQUATION_3_WITH_PAIRS


def test_the_encoder_of_equation_17_sees_no_label() -> None:
    graph = check("mnist-labels").graph
    (term,) = graph.stages["main"].utilities["encoder"]
    assert not [draw for draw in term.draws if type(draw).__name__ == "StreamDraw"]


@pytest.mark.parametrize("name", ["digits-semi", "digits-supervised", "mnist-semi", "mnist-supervised"])
def test_labels_are_of_all_classes_alike(name: str) -> None:
    labelled = load_spec(shipped_specs()[name]).data.streams["labelled"]
    assert (labelled.take, labelled.balance) == (100, "c")


def test_both_ways_of_learning_see_the_same_labelled_images() -> None:
    semi, alone = (load(name).streams() for name in ("digits-semi", "digits-supervised"))
    (mine,), (theirs,) = (list(each.split("labelled", "train")) for each in (semi, alone))
    assert torch.equal(mine["x"], theirs["x"])
    assert torch.equal(mine["c"], theirs["c"])
    assert torch.bincount(mine["c"]).tolist() == [10] * 10
    assert semi.length("images") > 1000


def test_an_evaluated_split_is_whole_whatever_the_stream_takes() -> None:
    rows = sum(len(each["c"]) for each in load("digits-semi").streams().split("labelled", "test"))
    assert rows == 539


@pytest.mark.parametrize("number", [100, 600, 3000])
@pytest.mark.parametrize("name", ["mnist-semi", "mnist-semi-elbo", "mnist-supervised"])
def test_presets_set_the_number_of_labels(name: str, number: int) -> None:
    spec = load_spec(shipped_specs()[name], preset=[f"labels-{number}", "quick"])
    assert spec.data.streams["labelled"].take == number


@pytest.mark.parametrize("data", ["digits", "mnist"])
def test_the_classifier_alone_has_the_network_of_the_encoder(data: str) -> None:
    semi, alone = (load(f"{data}-{each}") for each in ("semi", "supervised"))
    encoder = Counter(each.shape for each in semi.players["encoder"].parameters())
    classifier = Counter(each.shape for each in alone.players["classifier"].parameters())
    assert classifier <= encoder
    assert classifier[torch.Size([10])] == encoder[torch.Size([10])] == 1


def test_unpaired_images_and_thumbnails_are_not_of_the_same_rows() -> None:
    streams = load("digits-prior").streams()
    assert streams.length("pairs") == 60
    assert streams.length("images") == 500
    assert streams.length("thumbnails") == 1078 - 500


def test_thumbnails_are_means_of_cells() -> None:
    grey = [f"variables.{name}={{type: real, shape: [1, {side}, {side}]}}" for name, side in (("x", 8), ("t", 4))]
    streams = load("digits-prior", "data.dataset.binarize=", *grey).streams()
    (rows,) = streams.split("pairs", "train")
    assert 0 < rows["t"].min() + 0.01 < rows["t"].max() <= 1
    expected = torch.nn.functional.avg_pool2d(rows["x"], 2)
    np.testing.assert_allclose(rows["t"], expected, atol=1e-6)
