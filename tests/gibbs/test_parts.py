"""Variables of player types with distributions of their own, known in part. This file compares draws with closed forms."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any, ClassVar, Literal

import numpy as np
import pytest
import torch
from torch import Tensor

from gamelearn.errors import EvidenceError
from gamelearn.files.evidence import open_evidence
from gamelearn.game import shape_mistakes
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.inference import infer
from gamelearn.metrics.chain import ChainOptions
from gamelearn.metrics.completion import Completion
from gamelearn.metrics.segmentation import Segmentation
from gamelearn.players.player import Player
from gamelearn.registry import PLAYERS, Entry
from gamelearn.report.figures.figure import NotSupported, Request
from gamelearn.report.figures.inpainting import draw_inpainting
from gamelearn.report.inferring import Output, Question, infer_files
from gamelearn.spec.kinds import PlayerOptions
from tests.metrics.maps import SUPERVISED, game_in
from tests.support import game_of, graph_of

RHO = 0.995


class WholeOptions(PlayerOptions):
    noise: ClassVar[Literal["uniform", "normal"]] = "normal"


class PartsOptions(WholeOptions):
    has_given: ClassVar[bool] = True


class Pair(Player):
    """Two normals of mean 0 and deviation 1 with a correlation."""

    def distribution(self, factor: str, values: Mapping[str, Tensor], rows: int) -> "PairDistribution":
        return PairDistribution(torch.zeros(rows, 2), torch.ones(rows, 2), torch.full((rows,), RHO))


@dataclass
class PairDistribution:
    centre: Tensor
    scale: Tensor
    rho: Tensor

    def log_prob(self, value: Tensor) -> Tensor:
        scaled = (value - self.centre) / self.scale
        rest = (scaled[:, 1] - self.rho * scaled[:, 0]) / (1 - self.rho**2).sqrt()
        return -0.5 * (scaled[:, 0] ** 2 + rest**2)

    def draw(self, noise: Tensor) -> Tensor:
        second = self.rho * noise[:, 0] + (1 - self.rho**2).sqrt() * noise[:, 1]
        return self.centre + self.scale * torch.stack([noise[:, 0], second], 1)

    def mean(self) -> Tensor:
        return self.centre

    decide = mean

    def given(self, value: Tensor, known: Tensor) -> "PairDistribution":
        other = known.flip(1)
        centre = torch.where(other, RHO * value.flip(1), torch.zeros(()))
        return PairDistribution(centre, torch.where(other, (1 - RHO**2) ** 0.5, 1.0), torch.where(known.any(1), 0.0, self.rho))


class Lying(Pair):
    """What its options promise, its distribution has not."""

    def distribution(self, factor: str, values: Mapping[str, Tensor], rows: int) -> Any:
        return SimpleNamespace(log_prob=super().distribution(factor, values, rows).log_prob)


@pytest.fixture(autouse=True)
def registered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(PLAYERS._entries, "test_parts", Entry("test_parts", Pair, PartsOptions))
    monkeypatch.setitem(PLAYERS._entries, "test_lying", Entry("test_lying", Lying, PartsOptions))
    monkeypatch.setitem(PLAYERS._entries, "test_whole", Entry("test_whole", Pair, WholeOptions))


def text(kind: str) -> str:
    return f"""
    name: pair
    variables: {{x: {{type: real, shape: [2]}}, c: {{type: binary}}}}
    data: {{streams: {{rows: [x, c]}}}}
    players:
      p: {{type: {kind}, factors: [x]}}
      r: {{factors: {{c | x: {{net: linear}}}}}}
    utilities: {{p: "E[rows(x)] log p(x)", r: "E[rows(x, c)] log r(c | x)"}}
    train: {{rounds: 1}}
    """


X = np.array([[1.5, 0], [0, -1.0], [0, 0], [0.3, -0.4]])
HIDE = np.array([[0, 1], [1, 0], [1, 1], [0, 0]], dtype=bool)


@pytest.mark.parametrize("estimate", ["conditionals", "counts"])
def test_elements_are_drawn_given_those_that_are_known(estimate: Any) -> None:
    """With x0 = 1.5 the other has mean 1.5 rho and variance 1 - rho^2."""
    found = infer(game_of(text("test_parts"), dtype=torch.float32), {"x": X}, hide={"x": HIDE}, sweeps=4000, estimate=estimate)
    tight = 1.5 * RHO, (1 - RHO**2) ** 0.5
    mean, deviation = found.mean["x"].numpy(), found.deviation["x"].numpy()
    wanted = [[1.5, tight[0]], [-RHO, -1.0], [0, 0], [0.3, -0.4]]
    assert np.abs(mean - wanted).max(1).tolist() == pytest.approx([0, 0, 0, 0], abs=0.06)
    assert np.abs(mean - wanted)[[0, 1, 3]].max() < (1e-5 if estimate == "conditionals" else 0.01)
    assert deviation.tolist() == [pytest.approx(row, rel=0.1) for row in ([0, tight[1]], [tight[1], 0], [1, 1], [0, 0])]
    free = found.drawn["x"][:, 2]
    assert not bool((free == found.drawn["x"][:, 0]).any())


REASON = "draws 'x', which is known in part, from p(x): the player 'p' of type 'test_whole' cannot draw elements given the others"


def test_other_types_refuse_rows_that_are_known_in_part() -> None:
    game = game_of(text("test_whole"), dtype=torch.float32)
    for named in (None, "automatic"):
        with pytest.raises(EvidenceError, match=REASON.replace("(", r"\(").replace(")", r"\)")):
            infer(game, {"x": X}, hide={"x": HIDE}, sampler=named, want=["c"])
    whole = infer(game, {"x": X[2:]}, hide={"x": HIDE[2:]}, sweeps=2000)
    assert whole.mean["x"].numpy() == pytest.approx(np.array([[0, 0], [0.3, -0.4]]), abs=1e-6)
    assert float(whole.deviation["x"][0, 0]) == pytest.approx(1, rel=0.05)


@pytest.mark.parametrize("hide", ["steps:0.5", "mask.npy", "all"])
def test_files_are_refused_before_a_row_is_answered(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hide: str) -> None:
    """In the mask only the last row is known in part, after others that are not."""
    monkeypatch.chdir(tmp_path)
    np.save("x.npy", X.repeat(5, 0))
    np.save("mask.npy", np.arange(20)[:, None] + np.arange(2) >= 20)
    game = game_of(text("test_whole"), dtype=torch.float32)
    evidence = open_evidence(game.graph.variables, {"x": "x.npy"}, {"x": hide}, {}, rows=None, seed=0, resize=False)
    question, output = Question(None, {"sweeps": 2}, 0, 4), Output(tmp_path / "out", tmp_path, ("decided",), False, {})
    told: list[float] = []
    if hide == "all":
        assert infer_files(game, evidence, question, output, told.append).errors["x"]["elements"].value == 40
        return
    with pytest.raises(EvidenceError, match="cannot draw elements given the others"):
        infer_files(game, evidence, question, output, told.append)
    assert not told
    assert not (tmp_path / "out").exists()


def completion(hide: str) -> Completion:
    options: dict[str, Any] = {"given": (), "pieces": (), "stream": None, "count": 4, "penalty": 0.01, "chain": ChainOptions()}
    return Completion(variable="x", hide=(hide,), **options)


def test_metrics_that_hide_a_part_do_not_fit() -> None:
    for kind, hide, fits in (("test_whole", "steps:0.5", False), ("test_whole", "all", True), ("test_parts", "steps:0.5", True)):
        reason = completion(hide).misfit(graph_of(text(kind)))
        assert (reason is None) == fits, reason
        assert fits or REASON in str(reason)


def test_images_of_such_players_are_not_filled_in(tmp_path: Path) -> None:
    """The label map is inferred from the whole image all the same."""
    spec = SUPERVISED.replace("players:", "players:\n  painter: {type: coupling_flow, factors: [x]}", 1)
    spec = spec.replace("utilities:", 'utilities:\n  painter: "E[pairs(x)] log painter(x)"', 1)
    game = game_in(tmp_path, spec)
    options: dict[str, Any] = {"variable": None, "given": None, "stream": None, "count": 2, "chain": ChainOptions()}
    reason = Segmentation(hide=None, **options).misfit(game.graph)
    assert "from painter(x): the player 'painter' of type 'coupling_flow' cannot draw elements given the others" in str(reason)
    assert Segmentation(hide={}, **options).misfit(game.graph) is None
    with pytest.raises(NotSupported, match="cannot draw elements given the others"):
        draw_inpainting(game, Request(count=2, seed=0))


@pytest.mark.parametrize("kind", ["test_parts", "test_whole", "test_lying"])
def test_a_promise_that_is_not_kept_is_a_mistake(kind: str) -> None:
    said = [each.what for each in shape_mistakes(graph_of(text(kind)))]
    told = "the type 'test_lying' says that it has 'given', but the distribution of p(x) has not"
    assert said == ([told] if kind == "test_lying" else [])


def test_families_are_drawn_element_by_element() -> None:
    graph = graph_of(
        text("test_whole").replace(
            "{type: test_whole, factors: [x]}", "{factors: {x: {scores: [free], family: {type: mixture_of_normals}}}}"
        )
    )
    assert choose_sampler(graph, free={"x"}, split={"x"}).sampler.name == "automatic"
