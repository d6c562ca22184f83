"""Samples against the exact joint distribution, reconstructions against the data, and who can draw at all."""

import math
from itertools import product

import pytest
import torch

from gamelearn.errors import GamelearnError
from gamelearn.game import Game
from gamelearn.sampling import ancestral, drawing_player, reconstruct
from tests.support import game_of

SMALL = """
    name: small
    variables:
      a: {type: categorical, classes: 3}
      b: {type: binary, shape: [2]}
      t: {type: real, shape: [2]}
    data: {streams: {rows: [b, t]}}
    players:
      maker: {factors: {a: free, b | a: {net: linear}}}
      reader: {factors: {a | b: {net: linear}}}
      teller: {factors: {t | b: {net: linear}}}
    utilities:
      maker: E[rows(b), reader(a | b)] log maker(b | a)
      reader: E[maker(a, b)] log reader(a | b)
      teller: E[rows(b, t)] log teller(t | b)
    train: {rounds: 1}
    """
COUNT = 20_000


class SplitStreams:
    """One split of one stream."""

    def __init__(self, **columns: torch.Tensor) -> None:
        self.columns = columns
        self.asked: list[tuple[str, str]] = []

    def split(self, stream: str, split: str, *, rows: int):  # type: ignore[no-untyped-def]
        self.asked.append((stream, split))
        length = len(next(iter(self.columns.values())))
        for first in range(0, length, min(rows, 3)):
            yield {name: value[first : first + min(rows, 3)] for name, value in self.columns.items()}


@pytest.fixture
def game() -> Game:
    made = game_of(SMALL)
    with torch.no_grad():
        for parameter in made.players["maker"].parameters():
            parameter.copy_(torch.linspace(-1.5, 1.5, parameter.numel()).reshape(parameter.shape))
    return made


def joint(game: Game) -> dict[tuple[int, ...], float]:
    """Return the probability of every value of (a, b) by enumeration."""
    maker = game.players["maker"]
    found = {}
    for a, *b in product(range(3), range(2), range(2)):
        values = {"a": torch.tensor([a]), "b": torch.tensor([b], dtype=torch.float64)}
        with torch.no_grad():
            log_a = maker.distribution("a", {}, 1).log_prob(values["a"]).sum()
            log_b = maker.distribution("b | a", {"a": values["a"]}, 1).log_prob(values["b"]).sum()
        found[a, *b] = math.exp(float(log_a + log_b))
    return found


def test_frequencies_of_joint_draws_are_the_probabilities(game: Game) -> None:
    exact = joint(game)
    assert sum(exact.values()) == pytest.approx(1)
    drawn = ancestral(game, count=COUNT, seed=3)
    rows = [(int(a), *map(int, b)) for a, b in zip(drawn["a"], drawn["b"], strict=True)]
    for value, probability in exact.items():
        error = math.sqrt(probability * (1 - probability) / COUNT)
        assert abs(rows.count(value) / COUNT - probability) < 4 * error


def test_means_of_leaves_are_the_conditional_expectations(game: Game) -> None:
    drawn, means = ancestral(game, count=50, seed=3), ancestral(game, count=50, seed=3, decide="mean")
    assert torch.equal(drawn["a"], means["a"])
    expected = game.players["maker"].distribution("b | a", {"a": drawn["a"]}, 50).mean()
    torch.testing.assert_close(means["b"], expected)
    assert set(drawn["b"].unique().tolist()) == {0.0, 1.0}


def test_equal_seeds_give_equal_samples_and_others_do_not(game: Game) -> None:
    first, again, other = (ancestral(game, count=100, seed=seed)["b"] for seed in (0, 0, 1))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert torch.equal(ancestral(game, count=10, seed=0)["b"], first[:10])


def test_a_free_leaf_has_a_mean_for_every_row() -> None:
    lone = game_of(SMALL.replace("a: free, b | a: {net: linear}", "a: uniform, b: free").replace("maker(b | a)", "maker(b)"))
    means = ancestral(lone, "maker", count=5, decide="mean")
    assert means["a"].shape == (5, 3)
    assert means["b"].shape == (5, 2)


def test_the_player_with_most_variables_is_chosen(game: Game) -> None:
    assert drawing_player(game.graph)[0] == "maker"
    assert [factor.label for factor in drawing_player(game.graph, "maker")[1]] == ["a", "b | a"]


def test_a_player_that_cannot_draw_is_told_why(game: Game) -> None:
    with pytest.raises(GamelearnError, match=r"'teller' cannot draw .* 't' .*; players that can: 'maker'"):
        ancestral(game, "teller")
    with pytest.raises(GamelearnError, match=r"unknown player 'makr'.*did you mean 'maker'"):
        ancestral(game, "makr")


def test_nobody_can_draw() -> None:
    circle = SMALL.replace("a: free", "a | b: {net: linear}").replace("E[maker(a, b)]", "E[rows(b), maker(a | b)]")
    with pytest.raises(GamelearnError) as raised:
        ancestral(game_of(circle))
    lines = str(raised.value).split("\n")
    assert lines[0] == "no player can draw all its variables without givens:"
    assert [line.split(":")[0] for line in lines[1:]] == ["'maker'", "'reader'", "'teller'"]


def test_reconstructions_are_means_at_codes_drawn_from_the_data(game: Game) -> None:
    data = torch.tensor([[0, 0], [0, 1], [1, 0], [1, 1], [0, 1]], dtype=torch.float64)
    streams = SplitStreams(b=data, t=data)
    game._streams = streams  # type: ignore[assignment]
    with torch.no_grad():
        for parameter in game.players["reader"].parameters():
            parameter.copy_(torch.tensor([-50.0, 50.0, -50.0]) if parameter.dim() == 1 else torch.zeros_like(parameter))
    found = reconstruct(game, 4, split="test")
    assert list(found) == ["b"]
    assert torch.equal(found["b"].data, data[:4])
    always = game.players["maker"].distribution("b | a", {"a": torch.ones(4, dtype=torch.int64)}, 4).mean()
    torch.testing.assert_close(found["b"].mean, always)
    drawn = {tuple(map(int, row)) for row in found["b"].drawn}
    assert drawn <= set(product((0, 1), repeat=2))
    assert not torch.equal(found["b"].drawn, found["b"].mean)
    assert found["b"].title == "maker.0: maker(b | a)"
    assert streams.asked == [("rows", "test")]


def test_a_game_that_scores_no_data_given_a_code_reconstructs_nothing() -> None:
    lone = game_of(SMALL.replace("log maker(b | a)", "log maker(a)"))
    assert reconstruct(lone, 4, split="test") == {}


CHOICES = """
    name: choices
    variables:
      a: {type: binary, shape: [2]}
      b: {type: binary, shape: [2]}
      t: {type: binary, shape: [2]}
    data: {streams: {some: [b], rows: [b, t]}}
    players:
      maker: {factors: {a: free, b | a: {net: linear}, t | a: {net: linear}}}
      reader: {factors: {a | b: {net: linear}, "a | b, t": {net: linear}}}
    stages:
      first:
        utilities:
          maker: E[rows(b, t), reader(a | b, t)] log maker(t | a)
          reader: E[maker(a, b, t)] log reader(a | b, t) + log reader(a | b)
        train: {rounds: 1}
      last:
        utilities:
          maker:
            - E[some(b), reader(a | b)] log maker(b | a)
            - E[rows(b, t), reader(a' | b, t), maker(t' | a'), reader(a | b, t')] log maker(b | a)
            - E[rows(b, t), reader(a | b, t)] log maker(b | a)
        train: {rounds: 1}
    """


def test_of_several_terms_the_one_with_most_data_and_fewest_draws_is_taken_of_the_last_stage_that_has_one() -> None:
    game = game_of(CHOICES)
    values = torch.tensor([[0, 1], [1, 0]], dtype=torch.float64)
    game._streams = SplitStreams(b=values, t=1 - values)  # type: ignore[assignment]
    found = reconstruct(game, 2, split="test")
    assert {name: each.title for name, each in found.items()} == {"b": "maker.2: maker(b | a)", "t": "maker.0: maker(t | a)"}
