"""The tables of comparisons: they fit the terminal, and names stay whole. This file lays out made-up comparisons."""

import io

import pytest
from rich.console import Console

from gamelearn.comparison.compare import Comparison, Row
from gamelearn.comparison.groups import Difference
from gamelearn.comparison.statistics import cell_of, ratio_of
from gamelearn.comparison.tables import cell_text, legend, ratio_text, tables_of
from tests.comparison.test_ratios import comparison, row

NAMES = ("distance in small_digit_classifier", "log-likelihood, bits per dimension")


def printed(found: Comparison, width: int) -> list[str]:
    """Return the text of every table."""
    texts = []
    for table in tables_of(found, width):
        file = io.StringIO()
        Console(width=width, file=file).print(table)
        texts.append(file.getvalue())
    return texts


def columns(count: int) -> Comparison:
    rows = [row("frechet", "random code", name, [[12.345 + index, 13.5, 14.25] for index in range(count)]) for name in NAMES]
    return comparison([f"digits-vae@{1000 * (index + 1)}" for index in range(count)], rows)


@pytest.mark.parametrize(("width", "count", "tables"), [(120, 2, 1), (80, 2, 1), (120, 4, 1), (80, 4, 3), (80, 1, 1)])
def test_names_are_whole_and_lines_fit(width: int, count: int, tables: int) -> None:
    texts = printed(columns(count), width)
    assert len(texts) == tables
    for text in texts:
        assert all(name in text for name in NAMES)
        assert max(map(len, text.splitlines())) <= width
        assert "digits-vae@1000" in text  # the baseline
    for index in range(count):
        assert sum(f"digits-vae@{1000 * (index + 1)}" in text for text in texts) == (tables if index == 0 else 1)


def test_the_baseline_stands_in_every_part_and_no_column_is_lost() -> None:
    found = columns(5)
    found = Comparison(found.groups, 4, found.question, found.rows, (), ())
    texts = printed(found, 80)
    assert all("digits-vae@5000" in text for text in texts)
    assert [sum(f"digits-vae@{1000 * index}" in text for text in texts) for index in range(1, 5)] == [1, 1, 1, 1]


def test_ratios_stand_beside_the_figures_or_below_them() -> None:
    found = columns(2)
    wide, narrow = printed(found, 120)[0], printed(found, 80)[0]
    ratio = ratio_text(found.rows[0].ratios[1])
    assert ratio
    assert f"│ {ratio} │" in wide
    assert "× " not in wide
    assert f"× {ratio} │" in narrow
    assert "× ratio" in narrow


def test_a_terminal_that_is_too_narrow_for_names_still_shows_all_figures() -> None:
    found = columns(3)
    for text, index in zip(printed(found, 56), (1, 2), strict=True):
        assert max(map(len, text.splitlines())) <= 56
        assert f"× {ratio_text(found.rows[0].ratios[index])} │" in text
        assert cell_text(found.rows[1].cells[index]) in text


def test_what_differs_is_a_row_for_each_column_where_these_are_many() -> None:
    found = columns(4)
    values = tuple(f"[{index}, {index}]" for index in range(4))
    found = Comparison(found.groups, 0, found.question, found.rows, (Difference("schedule.order", values),), ())
    narrow, wide = printed(found, 80)[-1], printed(found, 140)[-1]
    assert all(value in narrow for value in values)
    assert "value" in narrow
    assert "value" not in wide


def test_large_spreads_are_plain_numbers() -> None:
    assert cell_text(cell_of([100.0, 300.0, 500.0])) == "300 ± 200"
    assert cell_text(cell_of([0.5], error=0.01234)) == "0.5 (0.012)"


def test_the_legend_tells_both_kinds_of_spreads() -> None:
    first, second, third = cell_of([1.0, 2.0]), cell_of([2.0, 5.0]), cell_of([2.0, 5.0])
    ratios = (None, ratio_of(second, first, paired=True), ratio_of(third, first, paired=False))
    found = comparison(["a", "b", "c"], [Row("m", "", "x", (first, second, third), ratios)])
    line = next(each for each in legend(found) if each.startswith("the spread of a ratio"))
    assert line == (
        "the spread of a ratio is the standard deviation of the ratios of equal seeds; where seeds differ, it is propagated from both spreads"
    )
    found = comparison(["a", "c"], [Row("m", "", "x", (first, third), (None, ratios[2]))])
    assert "the spread of a ratio is propagated from both spreads" in legend(found)
