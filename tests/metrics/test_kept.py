"""Rows that metrics of one evaluation share. This file tests that they are generated once, and that no figure changes."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from gamelearn.metrics import generated
from gamelearn.metrics.evaluation import choose_metrics, evaluate
from gamelearn.metrics.generated import Generation
from gamelearn.metrics.kept import KeptRows
from tests.metrics.digits import DIGITS, digits_in
from tests.metrics.maps import context

METRICS = """\
evaluate:
  near: {type: frechet, sweeps: 3}
  diverse: {type: coverage, sweeps: 3}
  copied: {type: nearest_neighbour, sweeps: 3}
  joint: {type: consistency, sweeps: 3, images: decided}
  draws: {type: consistency, sweeps: 3}
  longer: {type: coverage, sweeps: 4, sources: [limiting]}
"""


def counted(monkeypatch: pytest.MonkeyPatch) -> "Counter[tuple[str, int | None]]":
    """Count the chains and the ancestral draws that are run, by their sweeps."""
    calls: Counter[tuple[str, int | None]] = Counter()
    for name in ("limiting", "ancestral"):
        original = getattr(generated, name)

        def watched(*args: Any, original: Any = original, name: str = name, **options: Any) -> Any:
            calls[name, options.get("sweeps")] += 1
            return original(*args, **options)

        monkeypatch.setattr(generated, name, watched)
    return calls


def test_equal_rows_are_generated_once_in_an_evaluation_and_no_figure_changes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    game = digits_in(tmp_path, DIGITS + METRICS)
    chosen = choose_metrics(game)
    alone = [each.metric.compute(game, context(split, seed=3)) for each in chosen for split in ("validation", "test")]
    calls = counted(monkeypatch)
    assert [each.result for each in evaluate(game, chosen, ["validation", "test"], context(seed=3))] == alone
    assert calls == Counter({("ancestral", None): 1, ("limiting", 3): 1, ("limiting", 4): 1})


def test_another_evaluation_generates_rows_anew(tmp_path: Path) -> None:
    game = digits_in(tmp_path, DIGITS)
    chosen, asked = choose_metrics(game, ["frechet"]), context(sweeps=2)
    [before] = evaluate(game, chosen, ["validation"], asked)
    with torch.no_grad():
        for parameter in game.players["decoder"].parameters():
            parameter.mul_(-1)
    [after] = evaluate(game, chosen, ["validation"], asked)
    assert before.result.blocks[0].figures != after.result.blocks[0].figures


@pytest.mark.parametrize("change", [{"seed": 1}, {"chain": {"sweeps": 3}}, {"chain": {"sweeps": 2, "sampler": "limit"}}])
def test_rows_that_differ_are_not_taken_for_each_other(tmp_path: Path, change: dict[str, Any]) -> None:
    sampler = "samplers: {limit: {start: 'decoder(x, z)', sweep: ['decoder(x | z)', encoder(z | x)]}}\n"
    game = digits_in(tmp_path, DIGITS + sampler)
    generation = Generation(None, "automatic", 2, False)
    asked = replace(context(sweeps=2), kept=KeptRows(most=2**20))
    for each in (asked, replace(asked, **change), asked):
        rows = generation.rows(game, each, "limiting", "x", 9, "rows")
        plain = generation.rows(game, replace(each, kept=None), "limiting", "x", 9, "rows")
        assert all(rows[name].equal(value) for name, value in plain.items())


def rows_of(count: int) -> dict[str, torch.Tensor]:
    return {"x": torch.arange(4 * count, dtype=torch.float32).view(count, 4)}


def test_fewer_rows_are_the_first_of_more_and_more_are_made_again() -> None:
    kept, asked = KeptRows(most=2**20), list[int]()

    def make(count: int) -> dict[str, torch.Tensor]:
        asked.append(count)
        return rows_of(count)

    for count in (5, 3, 8, 6, 8):
        assert kept.first("key", count, make)["x"].equal(rows_of(count)["x"])
    assert asked == [5, 8]


def test_no_more_is_kept_than_fits_and_the_last_used_rows_stay() -> None:
    kept, made = KeptRows(most=3 * 16), list[str]()

    def take(key: str, count: int = 1) -> None:
        def make(rows: int) -> dict[str, torch.Tensor]:
            made.append(key)
            return rows_of(rows)

        assert len(kept.first(key, count, make)["x"]) == count
        assert kept.bytes <= 3 * 16

    for key in ("a", "b", "c", "a", "d", "a", "c", "b"):
        take(key)
    assert made == ["a", "b", "c", "d", "b"]
    take("e", 4)
    assert kept.bytes == 3 * 16
    take("e", 4)
    assert made[-2:] == ["e", "e"]
