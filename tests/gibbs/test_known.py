"""Answers read all that is known and matters. This file compares them with enumerated tables."""

from collections.abc import Mapping
from functools import partial
from itertools import product
from math import log
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gamelearn.analysis.kernel import TableChain
from gamelearn.errors import EvidenceError
from gamelearn.game import Game
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.graph.model import Sampler
from gamelearn.graph.samplers import NoSampler, automatic_sampler
from gamelearn.inference import infer
from gamelearn.players.player import FamilyDistribution, Player
from gamelearn.registry import FAMILIES, PLAYERS, Entry
from gamelearn.spec.kinds import PlayerOptions
from tests.support import game_of

RIGHT = {"x1": 0.99, "x2": 0.84}
"""How often each bit equals the class, whatever the other: the best accuracy is 0.99 given both and 0.84 given x2."""

BITS = """
    name: bits
    variables: {x1: {type: binary}, x2: {type: binary}, c: {type: binary}}
    data: {streams: {rows: [x1, x2, c]}}
    players:
      p: {factors: {x1: free, x2: free, c | x2: {net: linear}}}
      r: {factors: {"c | x1, x2": {net: linear}}}
    samplers:
      full: {start: "p(x1, x2), p(c | x2)", sweep: "p(x1, x2), r(c | x1, x2)"}
      weak: {start: "p(x1, x2), p(c | x2)", sweep: "p(x1, x2), p(c | x2)"}
    utilities: {p: "E[rows(x1, x2, c)] log p(x1, x2, c)", r: "E[rows(x1, x2, c)] log r(c | x1, x2)"}
    train: {rounds: 1}
    """
AUTOMATIC = BITS.replace("      full:", "      #full:")
TWICE = BITS.replace('p(x1, x2), r(c | x1, x2)"}', 'p(x1, x2), r(c | x1, x2), p(c | x2)"}').replace("      weak:", "      #weak:")
IGNORED = "the chain 'weak' ignores 'x1', on which 'c' depends: the answer is not what follows from all that is given"


def bits(text: str) -> Game:
    """Return the game with the conditionals of the table: log odds are linear, as the bits are independent given the class."""
    game = game_of(text)
    odds = {name: 2 * log(right / (1 - right)) for name, right in RIGHT.items()}
    with torch.no_grad():
        for player, read in (("p", ["x2"]), ("r", ["x1", "x2"])):
            network = next(iter(game.players[player].networks.values()))  # type: ignore[operator]
            weight, bias = network.parameters()
            weight.copy_(torch.tensor([[odds[name] for name in read]]))
            bias.fill_(-sum(odds[name] for name in read) / 2)
    return game


@pytest.mark.parametrize(
    ("text", "question", "taken", "accuracy", "notice", "warnings"),
    [
        (BITS, {}, "full", 0.99, "the chain is 'full': the sampler 'weak' ignores 'x1', on which 'c' depends", ()),
        (BITS, {"want": None}, "full", 0.99, "the chain is 'full': the sampler 'weak' ignores 'x1', on which 'c' depends", ()),
        (AUTOMATIC, {}, "automatic", 0.99, "the chain is 'automatic': the sampler 'weak' ignores 'x1', on which 'c' depends", ()),
        (TWICE, {}, "automatic", 0.99, "the chain is 'automatic': the sampler 'full' ignores 'x1', on which 'c' depends", ()),
        (BITS, {"sampler": "full"}, "full", 0.99, None, ()),
        (BITS, {"sampler": "weak"}, "weak", 0.84, None, (IGNORED,)),
    ],
)
def test_the_best_accuracy_is_reached(text: str, question: dict[str, Any], taken: str, accuracy: float, notice: str | None, warnings: tuple[str, ...]) -> None:  # fmt: skip
    rows = torch.tensor(list(product((0, 1), repeat=3)))
    found = infer(bits(text), {"x1": rows[:, 0], "x2": rows[:, 1]}, **{"want": ["c"], "sweeps": 4, **question})
    assert (found.sampler, found.notice, found.warnings) == (taken, notice, warnings)
    weights = [torch.where(rows[:, index] == rows[:, 2], RIGHT[name], 1 - RIGHT[name]) for index, name in enumerate(("x1", "x2"))]
    right = found.decided["c"] == rows[:, 2]
    assert float((0.5 * weights[0] * weights[1])[right].sum()) == pytest.approx(accuracy)


@pytest.mark.parametrize("known", ["c", "x2"])
def test_what_no_player_reads_is_said_to_be_ignored(known: str) -> None:
    """No conditional of x1 reads the class, though the class depends on it."""
    found = infer(bits(BITS), {known: torch.zeros(2)}, want=["x1"], sweeps=4)
    said = [each.split(":")[0] for each in found.warnings if "ignores" in each]
    assert said == (["the chain 'weak' ignores 'c', on which 'x1' depends"] if known == "c" else [])


def test_where_no_chain_reads_it_all_the_question_is_refused() -> None:
    text = BITS.replace('"c | x1, x2": {net: linear}', "c | x1: {net: linear}").replace("c | x1, x2", "c | x1").replace("full:", "#full:")
    text = text.replace("log p(x1, x2, c)", "log p(x1, x2) + log p(c | x2)")
    with pytest.raises(EvidenceError) as caught:
        infer(game_of(text), {"x1": torch.zeros(2), "x2": torch.zeros(2)}, want=["c"])
    assert str(caught.value).startswith(
        "no chain answers this: the sampler 'weak' ignores 'x1', on which 'c' depends; no chain follows from the factors"
    )
    assert str(caught.value).endswith("; to take a sampler all the same, name it")


CODE = """
    name: code
    variables: {z: {type: binary}, x: {type: binary, shape: [2]}, y: {type: binary}}
    data: {streams: {rows: [x, y]}}
    players:
      d: {factors: {z: free, y | z: {net: linear}, "x | y, z": {net: linear}}}
      e: {factors: {"z | x, y": {net: linear}}}
    samplers:
      full: {start: "d(z, y, x)", sweep: "e(z | x, y), d(y | z), d(x | y, z)"}
      prior: {start: "d(z, y, x)", sweep: "d(z), d(y | z), d(x | y, z)"}
    utilities: {d: "E[rows(x, y), e(z | x, y)] log d(x, y, z)", e: "E[d(x, y, z)] log e(z | x, y)"}
    train: {rounds: 1}
    """


@pytest.mark.parametrize("known", ["x", "y"])
def test_what_the_answer_is_made_of_reads_what_is_known(known: str) -> None:
    """The code is drawn from its prior by one sampler, whatever is known of the image, or of the class that is made of the code."""
    given = {"x": torch.tensor([[1.0, 0.0]]), "y": torch.ones(1)}[known]
    hide = {"x": torch.tensor([False, True])} if known == "x" else None
    game = game_of(CODE)
    asked = partial(infer, game, {known: given}, hide=hide, want=["x"], sweeps=4)
    told = {"x": "ignores 'x', on which 'z', 'y' depend", "y": "ignores 'y', on which 'z' depends"}[known]
    assert (asked().sampler, asked().notice) == ("full", f"the chain is 'full': the sampler 'prior' {told}")
    assert f"the chain 'prior' {told}: the answer is not what follows from all that is given" in asked(sampler="prior").warnings


def test_a_code_that_the_known_is_not_made_of_may_be_drawn_from_its_prior() -> None:
    """Given the class, an image is drawn from a code that does not depend on the class until an image is seen."""
    game = game_of(CODE.replace("y | z: {net: linear}", "y: free").replace("d(y | z)", "d(y)"))
    found = infer(game, {"y": torch.ones(1)}, want=["x"], sweeps=4)
    assert (found.sampler, found.notice, [each for each in found.warnings if "ignores" in each]) == ("prior", None, [])


class OfTable(Player):
    """Conditionals of one table, `(2, 2, 2, 2)`: the probabilities of a, b, c, d."""

    table: np.ndarray[Any, Any]

    def distribution(self, factor: str, values: Mapping[str, Tensor], rows: int) -> FamilyDistribution:
        target, givens = self.factors[factor].target, self.factors[factor].givens
        axes = {name: "abcd".index(name) for name in (target, *givens)}
        joint = np.moveaxis(self.table.sum(tuple(set(range(4)) - set(axes.values())), keepdims=True), list(axes.values()), range(len(axes)))
        joint = joint.reshape([2] * len(axes))
        one = torch.as_tensor(joint[1] / joint.sum(0))[tuple(values[name].long() for name in givens)]
        return FamilyDistribution(FAMILIES["bernoulli"].build(()), torch.logit(one).expand(rows).unsqueeze(1))


def random_game(generator: np.random.Generator) -> str:
    """Return a game of four bits, a player each, with random factors and samplers, whose chains can be started."""
    order = [str(each) for each in generator.permutation(list("abcd"))]
    labels: dict[str, list[str]] = {}
    for index, name in enumerate(order):
        sets = [some(generator, order[:index], 0), *(some(generator, [each for each in order if each != name], 1) for _ in range(2))]
        labels[name] = list(dict.fromkeys(f"{name} | {', '.join(givens)}" if givens else name for givens in sets))
    start = ", ".join(f"p{name}({own[0]})" for name, own in labels.items())
    twice = [[str(each) for each in generator.permutation(order)] + some(generator, order, 0) for _ in range(2)]
    sweeps = [", ".join(f"p{name}({generator.choice(labels[name])})" for name in names) for names in twice]
    players = "".join(f"\n      p{name}: {{type: test_of_table, factors: {own}}}" for name, own in labels.items())
    utilities = "".join(f'\n      p{name}: "E[rows(a, b, c, d)] log p{name}({own[0]})"' for name, own in labels.items())
    return f"""
    name: random
    variables: {{{", ".join(f"{name}: {{type: binary}}" for name in "abcd")}}}
    data: {{streams: {{rows: [a, b, c, d]}}}}
    players:{players}
    samplers:{"".join(f'{chr(10)}      s{number}: {{start: "{start}", sweep: "{sweep}"}}' for number, sweep in enumerate(sweeps))}
    utilities:{utilities}
    train: {{rounds: 1}}
    """


def some(generator: np.random.Generator, names: list[str], least: int) -> list[str]:
    """Return some of the names, at random."""
    return sorted(str(each) for each in generator.permutation(names)[: generator.integers(least, len(names) + 1)])


def test_random_games_ignore_nothing_in_silence(monkeypatch: pytest.MonkeyPatch) -> None:
    """What the limit of the chosen chain ignores is said, or ignored by all others of the game; what is said is so."""
    monkeypatch.setitem(PLAYERS._entries, "test_of_table", Entry("test_of_table", OfTable, PlayerOptions))
    generator = np.random.default_rng(0)
    found = []
    for _ in range(25):
        OfTable.table = generator.dirichlet(np.full(16, 0.5)).reshape(2, 2, 2, 2).clip(1e-3)
        game = game_of(random_game(generator))
        wanted, *known = (str(each) for each in generator.permutation(list("abcd"))[: generator.integers(3, 5)])
        try:
            choice = choose_sampler(game.graph, fixed=set(known), want={wanted})
        except EvidenceError:
            found.append("refused")
            continue
        said = {name for name in known for each in choice.warnings if repr(name) in each.split("on which")[0]}
        silent = ignored(game, choice.sampler, known, wanted) - said
        assert said <= ignored(game, choice.sampler, known, wanted)
        for sampler in all_chains(game) if silent else ():
            assert silent <= ignored(game, sampler, known, wanted)
        found += ["said"] * len(said) + ["read"] * (len(known) - len(said | silent))
    counts = {each: found.count(each) for each in ("refused", "said", "read")}
    assert min(counts.values()) > 3, counts


def all_chains(game: Game) -> list[Sampler]:
    try:
        return [*game.graph.samplers.values(), automatic_sampler(game.graph)]
    except NoSampler:
        return [*game.graph.samplers.values()]


def ignored(game: Game, sampler: Sampler, known: list[str], wanted: str) -> set[str]:
    """Return the known bits that never move the probability of a wanted one in the limit of a chain."""
    answers = np.zeros([2] * len(known))
    for values in product((0, 1), repeat=len(known)):
        given = {name: torch.tensor(value, dtype=game.dtype) for name, value in zip(known, values, strict=True)}
        chain = TableChain(game.graph, game.players, sampler, given=given, known={}, dtype=game.dtype)
        answers[values] = float((chain.limit() * chain.states()[wanted]).sum())
    return {name for index, name in enumerate(known) if np.ptp(answers, axis=index).max() < 1e-9}
