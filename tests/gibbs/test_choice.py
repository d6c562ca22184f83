"""Which chain answers which question. This file asks with whole variables, parts of them, and blocks of rows."""

import pytest
import torch

from gamelearn.errors import EvidenceError
from gamelearn.game import Game
from gamelearn.gibbs.chain import GibbsChain
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.inference import infer
from gamelearn.sampling import limiting
from tests.gibbs.games import THREE, decisive
from tests.support import game_of, graph_of

READING = 'reading: {start: "prior(z), segmenter(s | z)", sweep: "segmenter(s | x, z), encoder(z | x, s)"}'
SHORT = "short: {start: segmenter(s | z), sweep: segmenter(s | z)}"


def declaring(*samplers: str) -> str:
    """Return the game with further samplers, declared after its own."""
    return THREE.replace("    utilities:\n", "".join(f"      {each}\n" for each in samplers) + "    utilities:\n")


@pytest.fixture(scope="module")
def game() -> Game:
    return decisive(game_of(declaring(SHORT, READING)))


X = torch.tensor([[2, 0], [1, 1], [0, 2], [2, 2], [2, 0], [1, 1], [0, 2], [2, 2]])


NOTHING: frozenset[str] = frozenset()


def test_of_two_samplers_that_fit_the_last_declared_one_is_chosen() -> None:
    first, second = (READING.replace("reading", name) for name in ("first", "second"))
    for samplers in ((first, second), (second, first)):
        chosen = choose_sampler(graph_of(declaring(*samplers)), fixed={"x"}, want={"s"})
        assert chosen.sampler.name == samplers[-1].split(":")[0]


@pytest.mark.parametrize(("known", "chosen"), [({"x"}, "reading"), ({"z"}, "short"), ({"s"}, "mixed"), (NOTHING, "mixed")])
def test_samplers_that_do_not_fit_are_passed_over(game: Game, known: set[str], chosen: str) -> None:
    want = {"x"} if known == {"s"} else NOTHING
    assert choose_sampler(game.graph, fixed=known, want=want).sampler.name == chosen


def test_joint_draws_come_from_the_last_declared_sampler_that_reads_nothing(game: Game) -> None:
    drawn, mixed, half = (limiting(game, 50, sampler=name, sweeps=2) for name in (None, "mixed", "half"))
    assert all(bool((drawn[name] == mixed[name]).all()) for name in drawn)
    assert not all(bool((drawn[name] == half[name]).all()) for name in drawn)


def test_a_variable_that_is_hidden_in_other_rows_is_answered_by_the_same_chain(game: Game) -> None:
    """In the first rows nothing is hidden: asked for alone they would get a chain that reads x."""
    hide = torch.zeros(8, 2, dtype=torch.bool)
    hide[4:, 0] = True
    whole = infer(game, {"x": X}, hide={"x": hide}, want=["x", "s", "z"], sweeps=5, seed=2)
    assert whole.sampler == "mixed"
    assert infer(game, {"x": X[:4]}, hide={"x": hide[:4]}, sweeps=5).sampler == "reading"
    for rows in (slice(0, 4), slice(4, 8)):
        part = infer(
            game, {"x": X[rows]}, hide={"x": hide[rows]}, want=["x", "s", "z"], sweeps=5, seed=2, first_row=rows.start, partly=["x"]
        )
        assert part.sampler == "mixed"
        assert set(part.diagnostics) == set(whole.diagnostics)
        for name in ("x", "s", "z"):
            assert torch.allclose(part.mean[name], whole.mean[name][rows], atol=1e-12)
            assert bool((part.drawn[name] == whole.drawn[name][:, rows]).all())
    assert bool((infer(game, {"x": X}, want=["x"], sweeps=2, partly=["x"]).decided["x"] == X).all())


def refuse(*arguments: object, **options: object) -> None:
    raise AssertionError("something was drawn")


@pytest.mark.parametrize(
    ("sampler", "z", "hide", "message"),
    [
        ("short", True, [True, False], "the sampler 'short' does not draw 'x'"),
        ("short", True, [True, True], "the sampler 'short' does not draw 'x'"),
        ("reading", False, [True, False], "the sampler 'reading' reads 'x', which no draw of it gives: it has to be given whole"),
    ],
)
def test_what_is_hidden_in_part_has_to_be_drawn(
    game: Game, monkeypatch: pytest.MonkeyPatch, sampler: str, z: bool, hide: list[bool], message: str
) -> None:
    """Else the hidden part would never be drawn, and the known one ignored; nothing is drawn before that is found."""
    monkeypatch.setattr(GibbsChain, "__init__", refuse)
    given = {"x": X, "z": torch.zeros(8)} if z else {"x": X}
    with pytest.raises(EvidenceError) as caught:
        infer(game, given, hide={"x": torch.tensor(hide)}, want=["s"], sampler=sampler)
    assert str(caught.value) == message


LABELS = """
    name: labels
    variables: {x: {type: binary, shape: [2]}, s: {type: binary, shape: [2]}}
    data: {streams: {pairs: [x, s]}}
    players: {segmenter: {factors: {s: free}}}
    samplers: {labels: {start: segmenter(s), sweep: segmenter(s)}}
    utilities: {segmenter: "E[pairs(x, s)] log segmenter(s)"}
    train: {rounds: 1}
    """


def test_where_nothing_draws_what_is_hidden_in_part_all_reasons_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(GibbsChain, "__init__", refuse)
    with pytest.raises(EvidenceError) as caught:
        infer(game_of(LABELS), {"x": torch.zeros(3, 2)}, hide={"x": torch.tensor([True, False])}, want=["s"])
    assert str(caught.value) == (
        "no chain answers this: the sampler 'labels' does not draw 'x'; the chain of the most informed factors does not draw 'x'"
    )
