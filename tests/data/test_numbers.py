"""Numbers as tables write them. This file tests what is read as which number, and that answers read back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamelearn.data.numbers import MARKS, NumberForm, forms_of, is_code, number_of


@pytest.mark.parametrize(
    ("cells", "numbers"),
    [
        (["1,5", "2,25", "3"], [1.5, 2.25, 3]),
        (["1,234.5", "7"], [1234.5, 7]),
        (["1.234,5", "1.200", "7"], [1234.5, 1200, 7]),
        (["1.234.567", "0,5"], [1234567, 0.5]),
        (["1\u00a0200", "2\u202f300,5", "12"], [1200, 2300.5, 12]),
        (["1'200", "2’300.5"], [1200, 2300.5]),
        (["−5", "–3.5", "+2", "-0", ".5", "5.", "1e5", "1E-2"], [-5, -3.5, 2, 0, 0.5, 5, 1e5, 0.01]),
        (["50 %", "7,5%"], [50, 7.5]),
        (["€1,200", "-€5", "€-7.5", "3"], [1200, -5, -7.5, 3]),
        (["1.200,50 EUR", "3 EUR"], [1200.5, 3]),
        (["１２", "٣"], [12, 3]),
        (["inf", "-Infinity"], [float("inf"), -float("inf")]),
        (["0,250", "1,000"], [0.25, 1]),
        (["1,000", "1,000,000"], [1000, 1000000]),
    ],
)
def test_what_has_one_meaning_is_read(cells: list[str], numbers: list[float]) -> None:
    [form] = forms_of(cells).fitting
    assert [number_of(cell, form) for cell in cells] == numbers


@pytest.mark.parametrize(
    "cells",
    [["3_40"], ["(5)", "3"], ["1,5", "1.5"], ["50 %", "3"], ["€1", "$1"], ["12:30"], ["--5"], ["1 2"], ["0x1"], ["1,20,300"], ["nan"],
     ["5 kg"], ["10-20"], ["+49 171 123456"], ["1\u00b2"], [""], ["."], ["true"]],
)  # fmt: skip
def test_what_is_no_number_is_none(cells: list[str]) -> None:
    assert forms_of(cells).fitting == ()


@pytest.mark.parametrize(
    ("cells", "meanings"), [(["1,200", "3"], {1.2, 1200.0}), (["1.200"], {1.2, 1200.0}), (["1,200", "3.500"], {1.2, 1200.0})]
)
def test_what_has_two_meanings_has_two_forms_unless_a_mark_is_given(cells: list[str], meanings: set[float]) -> None:
    found = forms_of(cells)
    assert {number_of(cells[0], form) for form in found.fitting} == meanings
    assert (found.example, found.decimal) == (cells[0], None)
    for mark in (",", "."):
        [form] = forms_of(cells, mark).fitting
        assert form.decimal == mark
    assert len(forms_of(cells, thousands=",").fitting) < 2


def test_the_form_that_reads_most_cells_names_the_others() -> None:
    found = forms_of(["1,5", "2,5", "3", "4.5", "x"])
    assert (found.fitting, found.best.decimal, found.wrong) == ((), ",", ("4.5", "x"))


@given(
    number=st.one_of(st.integers(-(2**53), 2**53).map(float), st.floats(-1e12, 1e12)),
    decimal=st.sampled_from([".", ","]),
    thousands=st.sampled_from(["", *MARKS]),
    unit=st.sampled_from([{}, {"before": "€"}, {"after": " %"}, {"after": " EUR"}]),
)
def test_what_is_written_reads_back(number: float, decimal: str, thousands: str, unit: dict[str, str]) -> None:
    form = NumberForm(decimal, "" if thousands == decimal else thousands, **unit)
    assert number_of(form.written(number, whole=True), form) == round(number)
    assert number_of(form.written(number, whole=False), form) == pytest.approx(number, rel=1e-5, abs=1e-12)
    assert abs((number_of(form.written(number, whole=False), form) or 0.0) - number) <= max(0.5, abs(number) * 1e-15)


@pytest.mark.parametrize(
    ("number", "spread", "text"),
    [
        (20230005.25, 25.0, "20230005.25"),
        (1500123.4, 3e5, "1500123"),
        (41.23456, 10.0, "41.2346"),
        (-0.2, 1.0, "-0.2"),
        (1e-7, 1.0, "1e-07"),
    ],
)
def test_digits_follow_the_spread_of_the_column(number: float, spread: float, text: str) -> None:
    assert NumberForm().written(number, whole=False, spread=spread) == text


def test_numbers_that_begin_with_a_0_are_codes() -> None:
    assert [is_code(each) for each in ("01067", "-07", "0", "0.5", "10", "00")] == [True, True, False, False, False, True]
