"""Terms in the syntax of specs. This file writes terms of single draws."""

from gamelearn.graph.formula_text import PlainTerm, move_of, pruned, term_formula
from gamelearn.graph.symbols import build_scope
from gamelearn.spec.schema import Spec
from tests.graph.derived_games import built, spec_of

TEXT = """
    data: {streams: {rows: [x, y]}}
    players:
      p: {factors: {x | z: {net: linear}, z0: free, z1: free}}
      q: {factors: {z0 | x: {net: linear}, z1 | x: {net: linear}, s | y: {net: linear}}}
    derive: none
    utilities: {p: "E[rows(x), q(z | x)] log p(x | z)", q: "E[p(z), p(x | z)] log q(z | x)"}
    """


def written(*names: tuple[str, dict[str, str]], columns: tuple[str, ...] = ("x", "y")) -> str:
    """Return a term with draws from q, each with other names of its variables, and the score of p."""
    plain = spec_of(TEXT)
    graph, scope = built(plain), build_scope(Spec.model_validate(plain).variables)
    moves = tuple(move_of(graph.factor("q", label)).renamed(copies) for label, copies in names)
    term = PlainTerm("rows", columns, moves, (move_of(graph.factor("p", "x | z0, z1")),))
    return term_formula(pruned(term), scope, graph.players)


def test_draws_of_one_player_are_one_call_with_the_name_of_a_group() -> None:
    assert written(("z0 | x", {}), ("z1 | x", {})) == "E[rows(x), q(z | x)] log p(x | z)"


def test_draws_that_read_two_copies_are_two_calls() -> None:
    twice = ("x", "x'")
    assert written(("z0 | x", {}), ("z1 | x", {"x": "x'"}), columns=twice) == "E[rows(x, x'), q(z0 | x), q(z1 | x')] log p(x | z)"


def test_what_the_score_does_not_depend_on_is_left_out() -> None:
    assert written(("z0 | x", {}), ("s | y", {}), ("z1 | x", {})) == "E[rows(x), q(z | x)] log p(x | z)"
