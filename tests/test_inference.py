"""Answers of a game to questions. This file asks small ones."""

from typing import Any

import numpy as np
import pytest
import torch

from gamelearn.errors import EvidenceError
from gamelearn.game import Game
from gamelearn.inference import infer
from gamelearn.sampling import limiting
from tests.gibbs.games import decisive, three
from tests.support import game_of

IMAGES = """
    name: images
    variables:
      x: {type: real, shape: [1, 4, 4]}
      s: {type: categorical, classes: 3, shape: [4, 4]}
      z: {type: binary, shape: [5]}
      c: {type: count, shape: []}
    data: {streams: {pairs: [x, s, c]}}
    players:
      prior: {factors: {z: uniform}}
      painter: {factors: {"x | s, z": {net: mlp, hidden: [8]}, "c | s": {net: mlp, hidden: [4]}}}
      segmenter: {factors: {s | z: {net: mlp, hidden: [8]}, "s | x, z": {net: mlp, hidden: [8]}}}
      encoder: {factors: {"z | x, s": {net: mlp, hidden: [8]}}}
    utilities:
      painter: "E[pairs(x, s, c), encoder(z | x, s)] log painter(x, c | s, z)"
      segmenter: "E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z) + log segmenter(s | z)"
      encoder: "E[prior(z), segmenter(s | z), painter(x | s, z)] log encoder(z | x, s)"
    train: {rounds: 1}
    """


@pytest.fixture(scope="module")
def game() -> Game:
    return decisive(game_of(IMAGES, dtype=torch.float32))


@pytest.fixture
def x() -> torch.Tensor:
    return torch.linspace(0, 1, 7 * 16).view(7, 1, 4, 4)


def test_every_kind_of_variable_is_decided(game: Game, x: torch.Tensor) -> None:
    found = infer(game, {"x": x}, sweeps=6)
    assert (found.sampler, set(found.decided)) == ("automatic", {"s", "z", "c"})
    assert (found.decided["s"].shape, found.decided["s"].dtype) == ((7, 4, 4), torch.int64)
    assert found.mean["s"].shape == (7, 3, 4, 4)
    assert torch.allclose(found.mean["s"].sum(1), torch.ones(7, 4, 4), atol=1e-5)
    assert bool((found.decided["s"] == found.mean["s"].argmax(1)).all())
    assert set(found.decided["z"].unique().tolist()) <= {0.0, 1.0}
    assert bool(((found.mean["z"] > 0.5) == (found.decided["z"] == 1)).all())
    assert found.drawn["s"].shape == (2, 7, 4, 4)
    assert set(found.deviation) == {"c"}
    assert set(found.diagnostics) == {"s", "z", "c"}


def test_known_elements_stay_as_given_and_hidden_ones_do_not_matter(game: Game, x: torch.Tensor) -> None:
    hide = torch.zeros(7, 1, 4, 4, dtype=torch.bool)
    for row in range(7):
        hide[row, 0, row % 4, :] = True
    found = infer(game, {"x": x}, hide={"x": hide}, want=["x", "s"], sweeps=5)
    assert bool((found.decided["x"][~hide] == x[~hide]).all())
    assert bool((found.mean["x"][~hide] == x[~hide]).all())
    assert bool((found.drawn["x"][:, ~hide] == x[~hide]).all())
    assert bool((found.deviation["x"][hide] > 0).all())
    assert bool((found.deviation["x"][~hide] < 1e-3).all())
    assert bool((found.known["x"] == ~hide).all())
    spoilt = torch.where(hide, torch.full_like(x, float("nan")), x)
    again = infer(game, {"x": spoilt}, hide={"x": hide}, want=["x", "s"], sweeps=5)
    assert bool((again.decided["x"] == found.decided["x"]).all())
    other = infer(game, {"x": x + hide.roll(1, 2) * 5}, hide={"x": hide}, want=["s"], sweeps=5)
    assert not torch.allclose(other.mean["s"], found.mean["s"])


def test_labels_can_be_known_in_part(game: Game) -> None:
    s = torch.arange(32).view(2, 4, 4) % 3
    hide = torch.zeros(4, 4, dtype=torch.bool)
    hide[1:3, 1:3] = True
    found = infer(game, {"s": s}, hide={"s": hide}, sweeps=4)
    assert set(found.decided) == {"x", "s", "z", "c"}
    assert bool((found.decided["s"][:, ~hide] == s[:, ~hide]).all())
    assert bool((found.mean["s"].gather(1, s.unsqueeze(1)).squeeze(1)[:, ~hide] == 1).all())


@pytest.mark.parametrize("block", [1, 3, 64])
def test_blocks_of_rows_change_nothing(game: Game, x: torch.Tensor, block: int) -> None:
    whole = infer(game, {"x": x}, want=["s"], sweeps=4, seed=5)
    parts = infer(game, {"x": x}, want=["s"], sweeps=4, seed=5, block=block)
    assert torch.allclose(parts.mean["s"], whole.mean["s"], atol=1e-6)
    later = infer(game, {"x": x[4:]}, want=["s"], sweeps=4, seed=5, first_row=4)
    assert torch.allclose(later.mean["s"], whole.mean["s"][4:], atol=1e-6)


def test_chains_and_seeds_are_draws_of_their_own(game: Game, x: torch.Tensor) -> None:
    found = infer(game, {"x": x}, want=["z"], chains=3, sweeps=2)
    assert not bool((found.drawn["z"][0] == found.drawn["z"][1]).all())
    fewer = infer(game, {"x": x}, want=["z"], chains=2, sweeps=2)
    assert bool((found.drawn["z"][:2] == fewer.drawn["z"]).all())
    other = infer(game, {"x": x}, want=["z"], chains=2, sweeps=2, seed=1)
    assert not bool((other.drawn["z"] == fewer.drawn["z"]).all())


def test_thinning_and_burn_in_count_the_sweeps_they_say(game: Game, x: torch.Tensor) -> None:
    moved: list[int] = []
    thin = infer(game, {"x": x}, want=["z"], sweeps=3, burn_in=2, thin=4, estimate="counts", progress=moved.append)
    assert moved == [7] * (2 + 3 * 4)
    last = infer(game, {"x": x}, want=["z"], sweeps=1, burn_in=13, thin=1, estimate="counts")
    assert bool((last.drawn["z"] == thin.drawn["z"]).all())
    assert torch.allclose(last.mean["z"], last.drawn["z"].mean(0))


COPIES = """
    name: copies
    variables:
      a: {type: binary, shape: []}
      b: {type: binary, shape: []}
    data: {streams: {pairs: [a, b]}}
    players:
      prior: {factors: {a: uniform}}
      one: {factors: {a | b: {net: linear}}}
      other: {factors: {b | a: {net: linear}}}
    utilities: {one: "E[pairs(a, b)] log one(a | b)", other: "E[pairs(a, b)] log other(b | a)"}
    train: {rounds: 1}
    """


@pytest.mark.parametrize(("strength", "is_stuck"), [(20.0, True), (1.0, False)])
def test_a_chain_that_does_not_mix_is_told(strength: float, is_stuck: bool) -> None:
    """Two bits that copy each other stay as they began."""
    game = game_of(COPIES)
    with torch.no_grad():
        for name in ("one", "other"):
            weight, bias = game.players[name].parameters()
            weight.fill_(strength)
            bias.fill_(-strength / 2)
    found = infer(game, rows=50, sweeps=40, chains=4)
    assert [warning.split(":")[0] for warning in found.warnings] == (
        ["chains disagree in 'a'", "chains disagree in 'b'"] if is_stuck else []
    )
    assert (found.diagnostics["a"].ess < 20) == is_stuck


def test_a_supervised_game_gives_its_conditional(x: torch.Tensor) -> None:
    text = (
        IMAGES[: IMAGES.index("    players:")]
        + """
    players:
      segmenter: {factors: {s | x: {net: mlp, hidden: [8]}, c | s: {net: mlp, hidden: [8]}, z | x: {net: mlp, hidden: [8]}}}
    utilities: {segmenter: "E[pairs(x, s, c)] log segmenter(s, c | x)"}
    train: {rounds: 1}
    """
    )
    game = game_of(text, dtype=torch.float32)
    found = infer(game, {"x": x}, want=["s"])
    assert torch.allclose(found.mean["s"], game.players["segmenter"].distribution("s | x", {"x": x}, 7).mean(), atol=1e-6)


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"given": {"x": 0}, "want": ["x"]}, "'x' is wanted and wholly given: hide a part, or do not want it"),
        ({"rows": 2, "want": ["q"]}, "unknown variable or group 'q'; known: 'x', 's', 'z'"),
        ({"rows": 2, "sampler": "pair"}, "the sampler 'pair' reads 'z', which no draw of it gives: it has to be given whole"),
        ({"given": {"z": 0}, "want": ["z", "x"], "hide": {"z": True}, "sampler": "pair"}, "the sampler 'pair' reads 'z'"),
        ({"rows": 2, "sampler": "limt"}, "unknown sampler 'limt'; known: 'pair', 'limit', 'turned', 'half', 'again', 'mixed', 'automatic'; did you mean 'limit'?"),
        ({"rows": 2, "burn_in": -1}, "'burn_in' must be at least 0, got -1"),
        ({"rows": 2, "estimate": "mode"}, "unknown estimate 'mode'; known: 'conditionals', 'counts'"),
    ],
)  # fmt: skip
def test_questions_that_have_no_answer_say_why(question: dict[str, Any], message: str) -> None:
    values = {"x": np.zeros((2, 2), int), "z": np.zeros(2)}
    for key in ("given", "hide"):
        question = {**question, **({key: {name: values[name] == 0 if key == "hide" else values[name] for name in question[key]}} if key in question else {})}  # fmt: skip
    with pytest.raises(EvidenceError) as caught:
        infer(three(), **question)
    assert str(caught.value).startswith(message)


def test_factors_that_cannot_be_compared_need_a_sampler() -> None:
    text = IMAGES.replace(
        'segmenter: {factors: {s | z: {net: mlp, hidden: [8]}, "s | x, z"', "segmenter: {factors: {s | z: {net: mlp, hidden: [8]}, s | x"
    )
    text = text.replace("log segmenter(s | x, z) + log segmenter(s | z)", "log segmenter(s | x) + log segmenter(s | z)")
    with pytest.raises(
        EvidenceError, match="'s' is drawn by 'segmenter\\(s \\| z\\)', 'segmenter\\(s \\| x\\)', neither of which reads all"
    ):
        infer(game_of(text), rows=2)


def test_joint_draws_end_with_the_half_step_that_is_asked_for() -> None:
    game = three()
    ends = {after: limiting(game, 300, sampler="limit", sweeps=3, after=after) for after in ("end", "painter(x | s, z)", "mixture")}
    two = limiting(game, 300, sampler="limit", sweeps=2)
    half = ends["painter(x | s, z)"]
    assert bool((half["s"] == two["s"]).all())  # of the third sweep only x has been drawn
    assert bool((half["x"] == ends["end"]["x"]).all())
    mixed = ends["mixture"]
    assert bool(((mixed["s"] == half["s"]) | (mixed["s"] == ends["end"]["s"])).all())
    assert not bool((mixed["z"] == half["z"]).all())
    assert not bool((mixed["z"] == ends["end"]["z"]).all())
    with pytest.raises(EvidenceError, match="has no half-step 'painter'; known: 'end', 'mixture', 'painter\\(x \\| s, z\\)'"):
        limiting(game, 2, sampler="limit", after="painter")
