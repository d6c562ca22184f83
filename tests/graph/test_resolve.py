"""Which factors a call means (rule 3)."""

import pytest

from gamelearn.graph.build import GraphError
from gamelearn.graph.model import PlayerDraw
from tests.support import graph_of

BASE = """
    name: resolve
    variables:
      x: {{type: binary}}
      y: {{type: binary}}
      a: {{type: binary}}
      b: {{type: binary}}
      g: [a, b]
    players:
      p: {{factors: {{{factors}}}}}
      q: {{factors: {{x: uniform, y: uniform, a: uniform, b: uniform}}}}
    utilities:
      p: "E[q(x, y, a, b)] log p({call})"
    train: {{rounds: 1}}
    """


def factors(*keys: str) -> str:
    return ", ".join(f'"{key}": {{net: mlp}}' for key in keys)


def resolved(call: str, *keys: str) -> list[str]:
    graph = graph_of(BASE.format(factors=factors(*keys), call=call))
    (term,) = graph.stages["main"].utilities["p"]
    return [bound.factor.label for _, bound in term.score]


@pytest.mark.parametrize(
    ("call", "keys", "expected"),
    [
        ("x | y", ["x | y", "x | y, a"], ["x | y"]),
        ("x | y, a", ["x | y", "x | y, a"], ["x | y, a"]),
        ("x | a, y", ["x | y, a"], ["x | y, a"]),
        ("x, y | a", ["x | y", "y | a"], ["y | a", "x | y"]),
        ("x, y | a", ["x | y, a", "y | a", "x | a"], ["y | a", "x | y, a"]),
        ("x | g", ["x | a, b"], ["x | a, b"]),
        ("x | g", ["x | a"], ["x | a"]),
        ("x | y, g", ["x | y, a"], ["x | y, a"]),
        ("x | g", ["x | a", "x | a, b"], ["x | a, b"]),
        ("g | x", ["a | x", "b | a, x"], ["a | x", "b | a, x"]),
        ("g | x", ["a | b, x", "b | x"], ["b | x", "a | b, x"]),
    ],
)
def test_a_call_means(call: str, keys: list[str], expected: list[str]) -> None:
    assert resolved(call, *keys) == expected


@pytest.mark.parametrize(
    ("call", "keys", "message"),
    [
        ("x | y, a", ["x | y"], "no factor of 'p' reads 'a' here"),
        ("x | y, g", ["x | y"], "no factor of 'p' reads 'a', 'b' here"),
        ("x, y | a", ["x | y, a", "y | x, a"], "that can be ordered"),
        ("x, y | a, b", ["x | a, b", "y | x, a", "y | x, b"], "ambiguous"),
        ("b | x", ["x | y"], "does not draw 'b'; its factors: x | y"),
    ],
)
def test_a_call_is_refused(call: str, keys: list[str], message: str) -> None:
    with pytest.raises(GraphError) as caught:
        resolved(call, *keys)
    assert any(message in mistake.what for mistake in caught.value.mistakes)


def test_primes_bind_formal_to_actual() -> None:
    text = BASE.format(factors=factors("x | y"), call="x' | y").replace("q(x, y, a, b)", "q(x, y, a, b), q(x')")
    (term,) = graph_of(text).stages["main"].utilities["p"]
    assert str(term.score[0][1]) == "p(x' | y)"
    assert isinstance(term.draws[1], PlayerDraw)
    assert term.draws[1].factors[0].target == "x'"
