"""Accuracy of a class label. This file compares its figures with scikit-learn's on probabilities that are asked for directly."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn.metrics import accuracy_score, log_loss, precision_recall_fscore_support

from gamelearn import noise
from gamelearn.game import Game
from gamelearn.inference import infer
from gamelearn.metrics.accuracy import Accuracy, Scores
from gamelearn.metrics.chain import ChainOptions
from gamelearn.metrics.evaluation import default_metrics
from gamelearn.metrics.metric import Block
from tests.metrics.labels import BINARY, BY_CODES, CLASSIFIER, labels_in
from tests.metrics.maps import context
from tests.support import game_of


@pytest.fixture
def game(tmp_path: Path) -> Callable[..., Game]:
    return lambda text, size=3.0: labels_in(tmp_path, text, size)


def metric(**options: Any) -> Accuracy:
    chain = ChainOptions(**options.pop("chain", {}))
    return Accuracy(**{"variable": None, "given": None, "stream": None, "bins": 15, "count": None, "chain": chain, **options})


def rows_of(game: Game, split: str) -> dict[str, torch.Tensor]:
    parts = list(game.streams().split("labelled", split))
    return {name: torch.cat([part[name] for part in parts]) for name in parts[0]}


def check(block: Block, truth: torch.Tensor, probabilities: torch.Tensor) -> None:
    """Compare all figures of a block with scikit-learn's, and the calibration error with its formula."""
    labels = list(range(probabilities.shape[1]))
    decided = probabilities.argmax(1)
    values = {name: figure.value for name, figure in block.figures.items()}
    assert values["accuracy"] == pytest.approx(accuracy_score(truth, decided))
    assert values["log-loss"] == pytest.approx(log_loss(truth, probabilities.numpy(), labels=labels), rel=1e-5)
    assert values["calibration error"] == pytest.approx(by_bins(truth, probabilities, 15), rel=1e-5)
    precision, recall, _, support = precision_recall_fscore_support(truth, decided, labels=labels, zero_division=np.nan)
    assert block.table is not None
    told = {int(str(row[0]).split()[1]): row[1:] for row in block.table.rows}
    for label in labels:
        if label not in told:
            assert not support[label]
            assert not (decided == label).any()
            continue
        mine = [np.nan if cell is None else float(cell) for cell in told[label]]
        assert mine == pytest.approx([precision[label], recall[label], support[label], int((decided == label).sum())], nan_ok=True)


def by_bins(truth: torch.Tensor, probabilities: torch.Tensor, bins: int) -> float:
    """Return the expected calibration error as it is defined, bin by bin."""
    confidence, decided = probabilities.double().max(1)
    total = 0.0
    for number in range(bins):
        inside = (confidence > number / bins) & (confidence <= (number + 1) / bins)
        if inside.any():
            total += float(inside.double().mean() * ((decided == truth)[inside].double().mean() - confidence[inside].mean()).abs())
    return total


def test_a_classifier_is_measured_on_the_whole_split(game: Callable[..., Game]) -> None:
    made = game(CLASSIFIER)
    rows = rows_of(made, "validation")
    with torch.no_grad():
        probabilities = made.players["classifier"].distribution("c | x", {"x": rows["x"]}, len(rows["x"])).mean()
    result = metric().compute(made, context())
    first, trivial = result.blocks
    check(first, rows["c"], probabilities)
    assert first.title == "c given x"
    assert first.figures["accuracy"].count == result.facts["count"] == 120  # 0.3 of 400 rows, though the stream takes 20
    assert metric().compute(made, context("train")).facts["count"] == 20
    assert result.facts["exact"] is True
    share = float((rows["c"] == rows["c"].mode().values).double().mean())
    assert trivial.figures["accuracy"].value == pytest.approx(share)
    shares = np.bincount(rows["c"], minlength=4) / 120
    assert trivial.figures["log-loss"].value == pytest.approx(log_loss(rows["c"], np.tile(shares, (120, 1)), labels=range(4)))


def test_a_game_without_a_classifier_is_asked_by_a_chain(game: Callable[..., Game]) -> None:
    made = game(BY_CODES)
    rows = rows_of(made, "validation")
    asked: dict[str, Any] = {"sweeps": 7, "burn_in": 1, "chains": 2}
    result = metric(chain=asked).compute(made, context(seed=5))
    check(result.blocks[0], rows["c"], infer(made, {"x": rows["x"]}, want=["c"], seed=5, **asked).mean["c"])
    assert "exact" not in result.facts
    assert result.facts["chain"]["sweeps"] == 7


CODES = 'codes: {start: "encoder(z | x), reader(c | z)", sweep: "encoder(z | x), reader(c | z)"}'
EARLY = 'early: {start: encoder(z | x), sweep: "encoder(z | x), classifier(c | x)", after: encoder(z | x)}'


@pytest.mark.parametrize("sampler", [CODES, EARLY])
def test_a_conditional_goes_before_chains_that_are_not_named(game: Callable[..., Game], sampler: str) -> None:
    """The one sampler draws the class from a code, the other ends before it draws the class."""
    text = BY_CODES.replace("  reader:", "  classifier: {factors: {c | x: {net: linear}}}\n  reader:", 1)
    text = text.replace("utilities:", f"samplers:\n  {sampler}\nutilities:\n  classifier: E[labelled(x, c)] log classifier(c | x)")
    made = game(text)
    rows = rows_of(made, "validation")
    with torch.no_grad():
        probabilities = made.players["classifier"].distribution("c | x", {"x": rows["x"]}, len(rows["x"])).mean()
    result = metric().compute(made, context())
    check(result.blocks[0], rows["c"], probabilities)
    assert (result.facts["sampler"], result.facts["exact"], result.notes) == ("classifier(c | x)", True, ())
    name = sampler.split(":")[0]
    named = metric(chain={"sampler": name}).compute(made, context())
    assert named.facts["sampler"] == name
    assert ("exact" in named.facts) == (name == "early")
    if name == "codes":
        check(named.blocks[0], rows["c"], infer(made, {"x": rows["x"]}, want=["c"], sampler=name).mean["c"])


def test_a_prior_is_no_conditional_of_what_is_given(game: Callable[..., Game]) -> None:
    """Nobody draws the class from the numbers: its prior decides, which is said."""
    players = BY_CODES.replace("c | z: {net: linear}", "c: free").split("utilities:")[0] + "  painter: {factors: {x | c: {net: linear}}}\n"
    players += "  prior: {factors: {z: uniform}}\n"
    terms = {"encoder": "E[labelled(x), prior(z)] log encoder(z | x)", "reader": "E[labelled(c)] log reader(c)"}
    terms |= {"painter": "E[labelled(x, c)] log painter(x | c)"}
    text = players + "utilities:\n" + "".join(f'  {name}: "{term}"\n' for name, term in terms.items()) + "train: {rounds: 5, batch: 20}\n"
    result = metric().compute(game(text), context())
    assert result.facts["sampler"] == "reader(c)"
    assert result.notes == (
        "the chain 'reader(c)' ignores 'x', on which 'c' depends: the answer is not what follows from all that is given",
    )


def test_a_binary_label_has_two_classes(game: Callable[..., Game]) -> None:
    made = game(BINARY)
    rows = rows_of(made, "validation")
    with torch.no_grad():
        one = made.players["classifier"].distribution("b | x", {"x": rows["x"]}, len(rows["x"])).mean()
    check(metric().compute(made, context()).blocks[0], rows["b"].long(), torch.stack([1 - one, one], 1))


def test_errors_are_those_of_means() -> None:
    probabilities = noise.uniform(("accuracy",), 50, (3,)) + 0.01
    probabilities /= probabilities.sum(1, keepdim=True)
    truth = (noise.uniform(("truth",), 50) * 3).long()
    scores = Scores(3, 15)
    scores.add(truth[:20], probabilities[:20])
    scores.add(truth[20:], probabilities[20:])
    figures = scores.blocks("c", ())[0].figures
    correct = (probabilities.argmax(1) == truth).double()
    losses = -probabilities.double().gather(1, truth[:, None]).log()[:, 0]
    assert figures["accuracy"].error == pytest.approx(float(correct.std() / 50**0.5))
    assert figures["log-loss"].error == pytest.approx(float(losses.std() / 50**0.5))
    check(scores.blocks("c", ())[0], truth, probabilities)


def test_a_true_class_of_probability_zero_is_said() -> None:
    scores = Scores(2, 5)
    scores.add(torch.tensor([0, 1, 1]), torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]]))
    assert scores.blocks("c", ())[0].figures["log-loss"].value == float("inf")
    assert scores.notes() == ["the log-loss is infinite: the true class of 1 row has the probability 0"]


def test_certain_and_right_is_calibrated_and_certain_and_wrong_is_not() -> None:
    certain = torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    right, wrong = Scores(2, 10), Scores(2, 10)
    right.add(torch.tensor([0, 1]), certain)
    wrong.add(torch.tensor([1, 0]), certain)
    assert right.blocks("c", ())[0].figures["calibration error"].value == 0
    assert wrong.blocks("c", ())[0].figures["calibration error"].value == 1


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"variable": "q"}, "unknown variable 'q'"),
        ({"stream": "q"}, "unknown stream 'q'"),
        ({"stream": "all"}, "needs a stream that shows a class label"),
        ({"variable": "x"}, "(asked for: variable 'x'); the streams of this game: labelled shows 'x', 'c'; all shows 'x'"),
        ({"given": ("z",)}, "needs a stream"),
    ],
)
def test_what_does_not_fit_is_said(game: Callable[..., Game], options: dict[str, Any], said: str) -> None:
    reason = metric(**options).misfit(game(BY_CODES).graph)
    assert reason is not None
    assert said in reason


def test_it_is_measured_by_default_where_there_is_a_label(game: Callable[..., Game]) -> None:
    assert "accuracy" in [each.name for each in default_metrics(game(CLASSIFIER).graph)]


def test_a_label_that_nobody_draws_is_none() -> None:
    graph = game_of(
        CLASSIFIER.replace("c | x: {net: linear}", "x | c: {net: linear}").replace("log classifier(c | x)", "log classifier(x | c)")
    ).graph
    assert (metric().misfit(graph) or "").startswith("needs a stream")
