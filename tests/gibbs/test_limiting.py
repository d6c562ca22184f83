"""Joint draws from the limit of a chain: blocks, expectations by hand, half-steps by name. This file draws them."""

import pytest
import torch

from gamelearn.errors import EvidenceError
from gamelearn.game import Game
from gamelearn.gibbs.chain import GibbsChain, State
from gamelearn.gibbs.evidence import Evidence
from gamelearn.plan.sampler import plan_sampler
from gamelearn.sampling import limiting
from tests.gibbs.games import decisive, three
from tests.support import game_of
from tests.test_inference import IMAGES

ROWS = 40


@pytest.fixture(scope="module")
def game() -> Game:
    return three()


@pytest.fixture(scope="module")
def images() -> Game:
    return decisive(game_of(IMAGES))


@pytest.mark.parametrize("decide", ["draw", "mean"])
@pytest.mark.parametrize("after", ["end", "mixture"])
def test_blocks_of_samples_change_nothing_and_repeat_nothing(images: Game, after: str, decide: str) -> None:
    asked = {"sweeps": 3, "after": after, "seed": 1, "decide": decide}
    whole = limiting(images, 11, **asked)  # type: ignore[arg-type]
    for block in (1, 4, 11):
        parts = limiting(images, 11, block=block, **asked)  # type: ignore[arg-type]
        assert all(torch.allclose(parts[name], value, atol=1e-9) for name, value in whole.items())
    later = limiting(images, 5, first_row=6, block=2, **asked)  # type: ignore[arg-type]
    assert all(torch.allclose(later[name], value[6:], atol=1e-9) for name, value in whole.items())
    assert len(whole["x"].flatten(1).unique(dim=0)) == 11
    assert all(len(value) == 11 for value in whole.values())


def by_hand(game: Game, sweeps: int) -> list[State]:
    """Return the states of the chain `limit` after its start and after each sweep."""
    chain = GibbsChain(game.runner(), plan_sampler(game.graph, game.graph.samplers["limit"]), Evidence(ROWS, {}, {}), chains=1, seed=0)
    states = [chain.start()]
    for number in range(sweeps):
        states.append(chain.sweep(states[-1], number))
    return states


@torch.no_grad()
def expectation(game: Game, player: str, label: str, **givens: torch.Tensor) -> torch.Tensor:
    return game.players[player].distribution(label, givens, ROWS).mean()


def expected(game: Game) -> dict[str, dict[str, torch.Tensor]]:
    """Return by half-step what three sweeps give: x and s, which a stream shows, as expectations, z as it was drawn."""
    _, first, second, third = by_hand(game, 3)
    x = expectation(game, "painter", "x | s, z", s=second["s"], z=second["z"])
    earlier_s = expectation(game, "segmenter", "s | x, z", x=second["x"], z=first["z"])
    later_s = expectation(game, "segmenter", "s | x, z", x=third["x"], z=second["z"])
    return {
        "painter(x | s, z)": {"x": x, "s": earlier_s, "z": second["z"]},
        "segmenter(s | x, z)": {"x": x, "s": later_s, "z": second["z"]},
        "encoder(z | x, s)": {"x": x, "s": later_s, "z": third["z"]},
    }


@pytest.mark.parametrize("after", ["painter(x | s, z)", "segmenter(s | x, z)", "encoder(z | x, s)", "end"])
def test_means_are_the_expectations_of_the_conditionals_that_were_drawn_last(game: Game, after: str) -> None:
    found = limiting(game, ROWS, sampler="limit", sweeps=3, after=after, decide="mean")
    wanted = expected(game)["encoder(z | x, s)" if after == "end" else after]
    assert found["x"].shape == (ROWS, 3, 2)
    assert set(found) == {"x", "s", "z"}
    for name, value in wanted.items():
        torch.testing.assert_close(found[name], value)
    assert bool(((found["s"] > 0) & (found["s"] < 1)).all())


def test_means_of_a_mixture_are_of_one_half_step_in_each_row(game: Game) -> None:
    """Of the one that the draws of the row are of."""
    found, drawn = (limiting(game, ROWS, sampler="limit", sweeps=3, after="mixture", decide=decide) for decide in ("mean", "draw"))
    halves = expected(game)
    draws = {after: limiting(game, ROWS, sampler="limit", sweeps=3, after=after) for after in halves}

    def rows_of(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> torch.Tensor:
        return torch.stack([(one[name] - other[name]).abs().reshape(ROWS, -1).amax(1) < 1e-9 for name in ("x", "s", "z")]).all(0)

    fits = torch.stack([rows_of(found, each) for each in halves.values()])
    assert bool(fits.any(0).all())
    assert bool((fits.sum(1) > 3).all())
    of_draws = torch.stack([rows_of(drawn, each) for each in draws.values()])
    assert bool((fits & of_draws).any(0).all())


TELLING = """
    name: telling
    variables:
      x: {type: binary, shape: [2]}
      s: {type: binary, shape: [2]}
      t: {type: binary, shape: [2]}
      z: {type: binary, shape: []}
      rest: [x, z]
    data: {streams: {pairs: [x, s, t]}}
    players:
      prior: {factors: {z: uniform}}
      painter: {factors: {"x | s, z": {net: mlp, hidden: [4]}}}
      segmenter: {factors: {s | z: {net: mlp, hidden: [4]}, "s | x, z": {net: mlp, hidden: [4]}, t | x: {net: mlp, hidden: [4]}, t | z: {net: mlp, hidden: [4]}}}
      encoder: {factors: {"z | x, s": {net: mlp, hidden: [4]}}}
    samplers:
      both: {start: prior(z), sweep: "segmenter(s | z), painter(x | s, z), segmenter(s | x, z), encoder(z | x, s)"}
      either: {start: "prior(z), segmenter(s | z)", sweep: "painter(x | s, z), segmenter(t | x), segmenter(s | x, z), encoder(z | x, s), segmenter(t | z)"}
      twice: {start: "prior(z), segmenter(s | z)", sweep: "painter(x | s, z), segmenter(s | x, z), painter(x | s, z), encoder(z | x, s), segmenter(s | x, z)"}
    utilities:
      painter: E[pairs(x, s), encoder(z | x, s)] log painter(x | s, z)
      segmenter: E[pairs(x, s, t), encoder(z | x, s)] log segmenter(s | x, z) + log segmenter(s | z) + log segmenter(t | x) + log segmenter(t | z)
      encoder: E[prior(z), segmenter(s | z), painter(x | s, z)] log encoder(z | x, s)
    train: {rounds: 1}
    """


@pytest.fixture(scope="module")
def telling() -> Game:
    return decisive(game_of(TELLING))


def test_draws_of_one_variable_are_told_apart_by_their_givens(telling: Game) -> None:
    chain = GibbsChain(
        telling.runner(), plan_sampler(telling.graph, telling.graph.samplers["both"]), Evidence(ROWS, {}, {}), chains=1, seed=0
    )
    state = chain.sweep(chain.sweep(chain.start(), 0), 1)
    places = {"segmenter(s | z)": 1, "segmenter(s | x, z)": 3, "segmenter(s | z, x)": 3, "segmenter(s | rest)": 3, "painter(x | z, s)": 2}
    states = []
    for after, moves in places.items():
        found = limiting(telling, ROWS, sampler="both", sweeps=3, after=after)
        states.append(chain.sweep(state, 2, moves=moves))
        assert all(bool((found[name] == states[-1][name]).all()) for name in ("x", "s", "z"))
    assert not bool((states[0]["s"] == states[1]["s"]).all())
    assert not bool((states[0]["x"] == states[1]["x"]).all())


@pytest.mark.parametrize(
    ("sampler", "after", "message"),
    [
        ("either", "segmenter(t | rest)", "the half-step 'segmenter(t | rest)' of the sampler 'either' may be 'segmenter(t | x)' or 'segmenter(t | z)': which is meant?"),
        ("twice", "painter(x | s, z)", "the half-step 'painter(x | s, z)' of the sampler 'twice' is drawn 2 times in a sweep: which is meant?"),
        ("both", "segmenter(s | x)", "the sampler 'both' has no half-step 'segmenter(s | x)'; known: 'end', 'mixture', 'segmenter(s | z)', "),
        ("both", "painter(s | x, z)", "the sampler 'both' has no half-step 'painter(s | x, z)'; known: "),
        ("both", "encoder(z | x, s", "the sampler 'both' has no half-step 'encoder(z | x, s'; known: "),
    ],
)  # fmt: skip
def test_a_half_step_is_named_so_that_it_is_one(telling: Game, sampler: str, after: str, message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        limiting(telling, 2, sampler=sampler, after=after)
    assert str(caught.value).startswith(message)


def test_one_of_the_draws_that_a_group_may_mean_can_be_named(telling: Game) -> None:
    x, z = (limiting(telling, ROWS, sampler="either", sweeps=2, after=f"segmenter(t | {given})") for given in "xz")
    assert not bool((x["t"] == z["t"]).all())


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"count": 2.5}, "'count' must be a whole number of at least 1, got 2.5"),
        ({"sweeps": "ten"}, "'sweeps' must be a whole number of at least 1, got 'ten'"),
        ({"sweeps": 0}, "'sweeps' must be at least 1, got 0"),
        ({"block": True}, "'block' must be a whole number of at least 1, got true"),
        ({"seed": None}, "'seed' must be a whole number, got nothing"),
        ({"sweeps": torch.tensor(True)}, "'sweeps' must be a whole number of at least 1, got tensor(True)"),
        ({"sweeps": torch.tensor([2, 3])}, "'sweeps' must be a whole number of at least 1, got tensor([2, 3])"),
        ({"sweeps": torch.tensor(2.0)}, "'sweeps' must be a whole number of at least 1, got tensor(2.)"),
        (
            {"sweeps": torch.tensor(2, device="meta")},
            "'sweeps' must be a whole number of at least 1, got tensor(..., device='meta', size=(), dtype=torch.int64)",
        ),
        (
            {"after": 3, "sampler": "limit"},
            "'after' must be one of 'end', 'mixture', 'painter(x | s, z)', 'segmenter(s | x, z)', 'encoder(z | x, s)', got 3",
        ),
        ({"first_row": -1}, "'first_row' must be at least 0, got -1"),
    ],
)
def test_counts_are_whole_numbers(game: Game, asked: dict[str, object], message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        limiting(game, **{"count": 2, **asked})  # type: ignore[arg-type]
    assert str(caught.value) == message
