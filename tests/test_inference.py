"""Answers of a game to questions. This file asks small ones."""

from typing import Any

import numpy as np
import pytest
import torch

from gamelearn.errors import EvidenceError
from gamelearn.game import Game
from gamelearn.gibbs.chain import GibbsChain
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.gibbs.evidence import read_evidence
from gamelearn.inference import infer
from gamelearn.plan.sampler import Move, plan_sampler
from gamelearn.players.player import Distribution
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


def swept(
    game: Game, given: dict[str, torch.Tensor], sweeps: int, *, chains: int, seed: int
) -> list[dict[str, tuple[torch.Tensor, torch.Tensor]]]:
    """Return by sweep and variable the expectation of the conditional with the draw, `(chains, rows, ...)`, of a chain run by hand."""
    evidence = read_evidence(game.graph.variables, given, device=game.device, dtype=game.dtype)
    plan = plan_sampler(game.graph, choose_sampler(game.graph, "automatic", fixed=evidence.fixed).sampler, evidence.fixed)
    chain = GibbsChain(game.runner(), plan, evidence, chains=chains, seed=seed)
    state = chain.start()
    found = []
    for number in range(sweeps):
        told: dict[str, tuple[torch.Tensor, torch.Tensor]] = {}

        def watch(move: Move, distribution: Distribution, drawn: torch.Tensor, told: Any = told) -> None:
            told[move.variable] = (distribution.mean().unflatten(0, (chains, -1)), drawn.unflatten(0, (chains, -1)))

        state = chain.sweep(state, number, watch)
        found.append(told)
    return found


@pytest.mark.parametrize("thin", [1, 2, 3])
@pytest.mark.parametrize("estimate", ["conditionals", "counts"])
def test_the_mean_is_that_of_every_thin_th_sweep_after_the_burn_in(game: Game, x: torch.Tensor, estimate: str, thin: int) -> None:
    found = infer(game, {"x": x}, want=["s", "z", "c"], sweeps=3, burn_in=2, thin=thin, chains=2, estimate=estimate, seed=4)  # type: ignore[arg-type]
    by_hand = swept(game, {"x": x}, 2 + 3 * thin, chains=2, seed=4)
    counted = by_hand[2 + thin - 1 :: thin]
    assert len(counted) == 3
    for name in ("s", "z", "c"):
        means, draws = (torch.stack([each[name][place] for each in counted]) for place in (0, 1))
        if estimate == "counts":
            means = draws if name != "s" else torch.nn.functional.one_hot(draws, 3).movedim(-1, 3).to(game.dtype)
        torch.testing.assert_close(found.mean[name], means.mean((0, 1)), atol=1e-5, rtol=1e-5)
        assert bool((found.drawn[name] == draws[-1]).all())
    torch.testing.assert_close(
        found.deviation["c"], torch.stack([each["c"][1] for each in counted]).flatten(0, 1).std(0, correction=0), atol=1e-4, rtol=1e-4
    )


def ordered(arrays: dict[str, Any], order: Any) -> dict[str, Any]:
    """Return arrays whose first (F) or last (C) axis runs fastest in memory."""
    return {name: np.array(array, order=order) for name, array in arrays.items()}


@pytest.mark.parametrize("chains", [1, 2])
def test_arrays_in_the_order_of_fortran_are_the_same_arrays(game: Game, x: torch.Tensor, chains: int) -> None:
    values = {"x": x.numpy(), "s": np.arange(7 * 16).reshape(7, 4, 4) % 3}
    hide = {"x": np.arange(7 * 16).reshape(7, 1, 4, 4) % 5 < 2, "s": np.arange(7 * 16).reshape(7, 4, 4) % 7 < 4}
    for hidden in (hide, {}):
        plain, turned = (
            infer(game, ordered(values, order), hide=ordered(hidden, order), want=["z", *hidden], sweeps=3, chains=chains, block=4)
            for order in "CF"
        )
        for name in plain.mean:
            assert bool((plain.mean[name] == turned.mean[name]).all())
            assert bool((plain.drawn[name] == turned.drawn[name]).all())


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"sweeps": "ten"}, "'sweeps' must be a whole number of at least 1, got 'ten'"),
        ({"sweeps": 2.5}, "'sweeps' must be a whole number of at least 1, got 2.5"),
        ({"burn_in": [4]}, "'burn_in' must be a whole number of at least 0, got a list"),
        ({"thin": 0}, "'thin' must be at least 1, got 0"),
        ({"chains": True}, "'chains' must be a whole number of at least 1, got true"),
        ({"block": 0.5}, "'block' must be a whole number of at least 1, got 0.5"),
        ({"seed": "a"}, "'seed' must be a whole number, got 'a'"),
        ({"first_row": -3}, "'first_row' must be at least 0, got -3"),
        ({"rows": "2"}, "'rows' must be a whole number, got '2'"),
        ({"estimate": "x"}, "unknown estimate 'x'; known: 'conditionals', 'counts'"),
        ({"estimate": 1}, "unknown estimate 1; known: 'conditionals', 'counts'"),
        ({"sampler": 3}, "'sampler' must be the name of one, got 3; known: 'pair', 'limit', 'turned', 'half', 'again', 'mixed', 'automatic'"),
        ({"want": "xs"}, "'want' must be a list of names, such as ['x'], got 'xs'"),
        ({"want": [3]}, "'want' must be a list of names, such as ['x'], got a list"),
        ({"given": np.zeros((2, 2))}, "'given' must be a map of arrays by variable, such as {'x': ...}, got ndarray"),
        ({"hide": np.zeros((2, 2))}, "'hide' must be a map of arrays by variable, such as {'x': ...}, got ndarray"),
        ({"given": {1234: np.zeros((2, 2))}}, "unknown variable '1234'; known: 'x', 's', 'z'"),
    ],
)  # fmt: skip
def test_arguments_of_another_type_are_told_by_name(asked: dict[str, Any], message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        infer(three(), **{"rows": 2, **asked})
    assert str(caught.value) == message


@pytest.mark.parametrize("make", [np.int64, np.array, torch.tensor, lambda value: torch.tensor([value])])
def test_whole_numbers_may_be_those_of_numpy_or_torch(make: Any) -> None:
    counts = {"rows": 4, "sweeps": 2, "burn_in": 1, "thin": 2, "chains": 2, "block": 3, "seed": 5, "first_row": 1}
    plain = infer(three(), **counts)  # type: ignore[arg-type]
    same = infer(three(), **{name: make(value) for name, value in counts.items()})
    assert all(bool((plain.drawn[name] == same.drawn[name]).all()) for name in ("x", "s", "z"))
