"""Which metrics are measured, on what. This file chooses and measures them."""

import json
from dataclasses import replace
from math import inf, nan
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gamelearn.errors import EvidenceError
from gamelearn.game import Game, load
from gamelearn.gibbs.diagnostics import pooled
from gamelearn.metrics.baselines import Baselines
from gamelearn.metrics.evaluation import choose_metrics, evaluate, unused_values, usual_split
from gamelearn.metrics.metric import Metric, MetricError
from tests.metrics.maps import SUPERVISED, THREE, context, game_in
from tests.support import game_of

NAMED = """\
evaluate:
  halves: {type: segmentation, hide: {x: left}, count: 3, chain: {sweeps: 2}}
  dreams: {type: class_frequencies, sweeps: 2, count: 5}
"""


@pytest.fixture
def named(tmp_path: Path) -> Game:
    return game_in(tmp_path, THREE, NAMED)


def test_the_spec_names_metrics_with_their_options(named: Game) -> None:
    chosen = choose_metrics(named)
    assert [(each.name, each.options.type) for each in chosen] == [("halves", "segmentation"), ("dreams", "class_frequencies")]
    found = list(evaluate(named, chosen, ["train", "validation"], context()))
    assert [(each.name, each.split) for each in found] == [("halves", "train"), ("halves", "validation"), ("dreams", None)]
    assert [block.title for block in found[0].result.blocks] == ["complete", "hidden: x left"]
    assert found[0].result.blocks[0].figures["accuracy"].count == 3
    assert found[0].result != found[1].result
    assert found[2].result.blocks[0].figures["largest factor"].count == 5


def test_metrics_are_chosen_by_name_from_the_spec_or_the_registry(named: Game) -> None:
    chosen = choose_metrics(named, ["dreams", "baselines", "dreams"])
    assert [each.name for each in chosen] == ["dreams", "baselines"]


def test_without_names_those_that_fit_are_taken(tmp_path: Path) -> None:
    assert {"baselines", "class_frequencies", "segmentation"} <= {each.name for each in choose_metrics(game_in(tmp_path, THREE))}
    names = {each.name for each in choose_metrics(game_in(tmp_path, SUPERVISED))}
    assert {"baselines", "segmentation"} <= names
    assert "class_frequencies" not in names


def test_an_unknown_metric_is_told(named: Game) -> None:
    with pytest.raises(
        MetricError, match=r"unknown metric 'dream'; known: 'halves', 'dreams', .*'segmentation'.*; did you mean 'dreams'\?"
    ):
        choose_metrics(named, ["dream"])


CODES = """
    name: codes
    variables: {x: {type: binary, shape: [3]}, z: {type: binary, shape: [2]}}
    data: {streams: {rows: [x]}}
    players: {decoder: {factors: {z: uniform, "x | z": {net: linear}}}, encoder: {factors: {"z | x": {net: linear}}}}
    utilities: {decoder: "E[rows(x), encoder(z | x)] log decoder(x, z)", encoder: "E[decoder(x, z)] log encoder(z | x)"}
    train: {rounds: 1}
    """


def test_all_metrics_that_do_not_fit_are_told(tmp_path: Path) -> None:
    game = game_in(tmp_path, SUPERVISED)
    with pytest.raises(MetricError, match="'class_frequencies' does not fit this game: no chain answers this"):
        choose_metrics(game, ["segmentation", "class_frequencies"])
    with pytest.raises(MetricError) as caught:
        choose_metrics(game_of(CODES), ["segmentation", "class_frequencies"])
    assert [line.split(" does not fit this game: needs a ")[0] for line in str(caught.value).splitlines()] == [
        "'segmentation'",
        "'class_frequencies'",
    ]


@pytest.mark.parametrize(
    ("asked", "message"),
    [
        ({"chain": {"sweep": 3}}, "chain.sweep: unknown key 'sweep'; known: 'sampler', 'sweeps', 'burn_in', 'thin', 'chains', 'estimate'; did you mean 'sweeps'?"),
        ({"chain": {"sweeps": "ten"}}, "chain.sweeps: expected a whole number, got 'ten'"),
        ({"chain": {"sweeps": 2.5}}, "chain.sweeps: expected a whole number, got 2.5"),
        ({"chain": {"chains": True, "thin": 0}}, "chain.thin: must be greater than 0, got 0\nchain.chains: expected a whole number, got true"),
        ({"chain": {"chains": torch.tensor(True)}}, "chain.chains: expected a whole number, got tensor(True)"),
        ({"chain": {"chains": torch.tensor(1.5)}}, "chain.chains: expected a whole number, got tensor(1.5000)"),
        ({"chain": {"chains": np.True_}}, "chain.chains: expected a whole number, got true"),
        ({"chain": {"burn_in": np.int64(-1)}}, "chain.burn_in: must be at least 0, got -1"),
        ({"chain": {"estimate": "count"}}, "chain.estimate: 'count' is not one of 'conditionals', 'counts'; did you mean 'counts'?"),
        ({"chain": ["sweeps"]}, "'chain' must be a map with 'sampler', 'sweeps', 'burn_in', 'thin', 'chains', 'estimate', got a list"),
        ({"count": 1.5}, "'count' must be a whole number of at least 1, got 1.5"),
        ({"seed": "a"}, "'seed' must be a whole number, got 'a'"),
    ],
)  # fmt: skip
def test_what_is_asked_is_checked_before_anything_is_measured(named: Game, asked: dict[str, Any], message: str) -> None:
    with pytest.raises(MetricError) as caught:
        next(evaluate(named, choose_metrics(named), ["train"], replace(context(), **asked)))
    assert str(caught.value) == message


def test_values_of_the_chain_may_be_those_of_numpy_or_torch_or_left_out(named: Game) -> None:
    chosen = choose_metrics(named, ["halves", "dreams"])
    plain, *others = (
        [each.result for each in evaluate(named, chosen, ["validation"], context(sweeps=sweeps, sampler=None))]
        for sweeps in (3, np.int32(3), np.array(3), torch.tensor(3), torch.tensor([3]))
    )
    assert all(other == plain for other in others)
    assert plain[1].facts["sweeps"] == 3
    unsaid = list(evaluate(named, chosen, ["validation"], context(sweeps=None)))
    assert [each.result for each in unsaid] == [each.result for each in evaluate(named, chosen, ["validation"], context())]


@pytest.mark.parametrize("metric", ["halves", "dreams", "baselines"])
def test_a_sampler_is_one_of_the_game_whatever_is_measured(named: Game, metric: str) -> None:
    chosen = choose_metrics(named, [metric])
    with pytest.raises(EvidenceError, match="unknown sampler 'nonsense'; known: 'limit', 'automatic'"):
        next(evaluate(named, chosen, ["train"], context(sampler="nonsense")))
    assert next(evaluate(named, chosen, ["train"], context(sampler="automatic", count=2))).name == metric


def test_values_that_no_metric_looks_at_are_found(named: Game) -> None:
    chain = {"sampler": "automatic", "sweeps": 2, "burn_in": 1, "thin": 1, "chains": 2, "estimate": "counts"}
    others = ["burn_in", "thin", "chains", "estimate"]
    found = {name: unused_values(choose_metrics(named, [name]), chain) for name in ("halves", "dreams", "baselines")}
    assert found == {"halves": [], "dreams": others, "baselines": list(chain)}
    assert unused_values(choose_metrics(named, ["dreams", "baselines"]), chain) == others
    assert unused_values(choose_metrics(named), chain) == []


def test_nothing_is_said_of_a_metric_that_does_not_say_what_it_looks_at(named: Game, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Baselines, "reads_chain", Metric.reads_chain)
    assert unused_values(choose_metrics(named, ["dreams", "baselines"]), {"chains": 2}) == []


@pytest.mark.parametrize("value", [inf, nan])
def test_a_record_can_be_written_whatever_the_chains_do(named: Game, monkeypatch: pytest.MonkeyPatch, value: float) -> None:
    monkeypatch.setattr("gamelearn.metrics.chain.pooled", lambda found: replace(pooled(found), r_hat=value, r_hat_high=value))
    (found,) = evaluate(named, choose_metrics(named, ["halves"]), ["validation"], context())
    told = json.loads(json.dumps(found.plain(), allow_nan=False))
    mixing = told["facts"]["hidden: x left"]["mixing"]["s"]
    assert (mixing["r_hat"], mixing["r_hat_high"]) == (None, None)
    assert mixing["ess"] >= 1


def test_values_of_the_record_are_plain(named: Game) -> None:
    (found, *_) = evaluate(named, choose_metrics(named), ["validation"], context(seed=3))
    plain = found.plain()
    assert (plain["name"], plain["type"], plain["split"], plain["seed"]) == ("halves", "segmentation", "validation", 3)
    assert plain["options"]["hide"] == {"x": "left"}
    assert plain["blocks"][0]["figures"]["accuracy"]["count"] == 3
    assert plain["blocks"][0]["table"]["columns"][0] == "class"


def test_without_validation_rows_a_game_is_measured_on_its_training_rows(tmp_path: Path) -> None:
    with_rows = game_in(tmp_path, THREE)
    without = load(tmp_path / "game.yaml", "data.dataset.validation=0", "data.dataset.test=0.2")
    assert usual_split([with_rows]) == "validation"
    assert usual_split([with_rows, without]) == "train"
