"""The formula language: what it reads, what it refuses, where it points."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamelearn.spec.formula import Call, Formula, FormulaError, Symbol, parse_chain, parse_factor, parse_term

NAMES = st.from_regex(r"\A[A-Za-z_][A-Za-z0-9_]{0,5}\Z").filter(lambda name: name not in ("E", "log"))
SYMBOLS = st.builds(Symbol, NAMES, st.integers(0, 3))
CALLS = st.builds(Call, NAMES, st.lists(SYMBOLS, min_size=1, max_size=3).map(tuple), st.lists(SYMBOLS, max_size=3).map(tuple))
FORMULAS = st.builds(
    Formula,
    st.lists(CALLS, min_size=1, max_size=3).map(tuple),
    st.lists(st.tuples(st.sampled_from([1, -1]), CALLS), min_size=1, max_size=3).map(lambda parts: ((1, parts[0][1]), *parts[1:])),
)


@given(FORMULAS)
def test_a_formula_reads_back_what_it_prints(formula: Formula) -> None:
    assert str(parse_term(str(formula))) == str(formula)


@given(FORMULAS)
def test_spaces_do_not_matter(formula: Formula) -> None:
    loose = str(formula).replace(",", "  ,\n").replace("(", " ( ").replace("[", " [\t")
    assert str(parse_term(loose)) == str(formula)


@given(st.text(max_size=60))
def test_any_text_is_read_or_refused_at_a_place_inside_it(text: str) -> None:
    offset = 0
    try:
        parse_term(text)
    except FormulaError as error:
        offset = error.offset
    assert 0 <= offset <= len(text)


@pytest.mark.parametrize(
    ("text", "offset", "message"),
    [
        ("E[a(x) log b(x)", 7, "expected ',' or ']' after a draw, got 'log'"),
        ("E(a(x)) log b(x)", 1, "expected '[' after 'E', got '('"),
        ("F[a(x)] log b(x)", 0, "expected 'E' at the start of a term, 'E[draws] log player(...)', got 'F'"),
        ("E[a(x)] b(x)", 8, "expected 'log' before what is scored, got 'b'"),
        ("E[a(x)] log b(x) c", 17, "unexpected 'c' after the end of the formula"),
        ("E[a(x | )] log b(x)", 8, "expected a variable, got ')'"),
        ("E[a(log)] log b(x)", 4, "'log' is reserved, it cannot be a variable"),
        ("E[a'(x)] log b(x)", 2, "a prime belongs to a variable, not to 'a'"),
        ("E[a(x)] log b(x) + c(x)", 19, "expected 'log' before what is scored, got 'c'"),
        ("E[a(x$)] log b(x)", 5, "expected ',', '|' or ')' after a variable, got '$'"),
        ("E[a(1x)] log b(x)", 4, "expected a variable, got '1'"),
        ("", 0, "expected 'E' at the start of a term, 'E[draws] log player(...)', got the end of the formula"),
    ],
)
def test_errors_point_at_the_place(text: str, offset: int, message: str) -> None:
    with pytest.raises(FormulaError) as caught:
        parse_term(text)
    assert (caught.value.offset, caught.value.what) == (offset, message)


def test_primes_are_copies() -> None:
    (call,) = parse_chain("painter(x'' | s', z)")
    assert [(symbol.name, symbol.primes) for symbol in (*call.targets, *call.givens)] == [("x", 2), ("s", 1), ("z", 0)]


def test_a_factor_has_no_primes() -> None:
    with pytest.raises(FormulaError, match="has a prime"):
        parse_factor("x' | z")
