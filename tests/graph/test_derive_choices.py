"""Which factors, samplers and rows the rule `derive: symmetric` takes, one choice at a time. This file compares formulas."""

import pytest

from tests.graph.derived_games import HELMHOLTZ, LADDER, PARTLY, TABLE, built, compare, formulas, refused, spec_of


def test_what_is_drawn_after_a_given_does_not_keep_a_factor_from_completing() -> None:
    text = """
    data: {streams: {rows: [y, c, s]}}
    players:
      t: {frozen: true, factors: {x | y: {net: linear}, y | x: {net: linear}, c | y: {net: linear}}}
      a: {factors: {s | x: {net: linear}}}
    """
    compare(text, {"a": ["E[rows(y, s), t(x | y)] log a(s | x)"]})


def test_a_sampler_that_draws_from_the_player_does_not_complete_its_rows() -> None:
    text = """
    data: {streams: {rows: [x, y]}}
    players:
      p: {factors: {x | c: {net: linear}, "c | x, y": {net: linear}}}
      q: {frozen: true, factors: {"c | x, y": {net: linear}}}
    samplers: {own: {start: "p(c | x, y)", sweep: "p(c | x, y)", sweeps: 1}}
    """
    compare(text, {"p": ["E[rows(x, y), q(c | x, y)] log p(x | c) + log p(c | x, y)"]})


STARTED = TABLE.rstrip() + '\n      start: {frozen: true, factors: {"c | x, y": {net: linear}, "s | x, y": {net: linear}}}\n'


def test_a_sampler_that_draws_what_is_known_does_not_fit() -> None:
    chain = 'samplers: {rest: {start: "start(c, s | x, y)", sweep: ["pc(c | x, y, s)", "ps(s | x, y, c)"], sweeps: 3}}'
    with_chain, without = (built({**spec_of(f"{text}    {chain}"), "derive": "symmetric"}) for text in (STARTED, STARTED))
    assert formulas(without, "px")[1] == "E[most(x, y, c), ps(s | x, y, c)] log px(x | y, s, c)"
    assert formulas(with_chain, "px") == formulas(without, "px")


def test_a_sampler_whose_givens_are_not_known_does_not_fit() -> None:
    text = (
        TABLE.replace("most: [x, y, c]", "half: [x, y]")
        + 'samplers: {one: {start: "pc(c | x, y, s)", sweep: "pc(c | x, y, s)", sweeps: 1}}'
    )
    assert len(refused(text)) == 2


APART = """
    data: {streams: {images: [x]}}
    players:
      r: {factors: {z0: uniform}}
      p: {factors: {x | z0: {net: linear}}}
      q: {factors: {z0 | x: {net: linear}}}
    """


def test_a_sampler_without_givens_completes_no_row() -> None:
    written = {"p": ["E[images(x), q(z0 | x)] log p(x | z0)"], "q": ["E[r(z0), p(x | z0)] log q(z0 | x)"]}
    compare(APART, written)
    compare(APART + 'samplers: {blind: {start: "r(z0)", sweep: "r(z0)", sweeps: 1}}', written)


def test_a_sampler_that_disregards_what_is_known_does_not_fit() -> None:
    text = LADDER.replace("data: {streams: {images: [x]}}", PARTLY).rstrip()
    text += "\n      r: {frozen: true, factors: {z1 | z0: {net: linear}, x | z1: {net: linear}}}\n"
    text += '    samplers: {blind: {start: "r(z1 | z0)", sweep: "r(z1 | z0)", sweeps: 1}}'
    graph = built({**spec_of(text), "derive": "symmetric", "utilities": {"q": HELMHOLTZ["q"]}})
    assert formulas(graph, "p")[0] == "E[labelled(x, z0), q(z1 | x, z0)] log p(x, z)"


def test_a_sampler_over_other_factors_than_those_named_is_not_called() -> None:
    text = """
    data: {streams: {pairs: [x, s]}}
    players:
      r: {factors: {z0: uniform}}
      a: {factors: {s | z0: {net: linear}, "s | x, z0": {net: linear}}}
      p: {factors: {x | s: {net: linear}}}
      q: {factors: {z0 | s: {net: linear}}}
    samplers: {pair: {start: "a(s | z0)", sweep: ["p(x | s)", "a(s | x, z0)"], sweeps: 1}}
    """
    written = {"a": ["E[pairs(s), q(z0 | s)] log a(s | z0)"], "q": ["E[r(z0), a(s | z0)] log q(z0 | s)"]}
    compare(text, written, derive={"factors": ["a(s | z0)", "q(z0 | s)"]}, also={"p": {"frozen": True}})
    whole = built({**spec_of(text), "derive": "symmetric"})
    assert formulas(whole, "q") == ["E[r(z0), pair(x, s | z0)] log q(z0 | s)"]


def test_samplers_that_fit_equally_well_are_refused() -> None:
    text = APART.replace("x | z0: {net: linear}", "x | z0: {net: linear}, y | z0: {net: linear}").replace("[x]", "[x, y]")
    samplers = "samplers: {one: {start: p(x | z0), sweep: p(x | z0), sweeps: 1}, two: {start: p(x | z0), sweep: p(x | z0), sweeps: 2}}"
    (message,) = refused(f"{text}{samplers}")
    assert "the samplers 'one', 'two' fit equally well to complete rows of z0" in message


def test_consistency_redraws_each_variable_that_the_score_reads() -> None:
    text = """
    data: {streams: {rows: [x, y, c]}}
    players:
      p: {factors: {x | c: {net: linear}, y | c: {net: linear}}}
      q: {factors: {"c | x, y": {net: linear}}}
      r: {factors: {"x | y, c": {net: linear}}}
    """
    written = {
        "p": ["E[rows(x, y, c)] log p(x, y | c)", "E[rows(x, y), q(c | x, y)] log p(x, y | c)"],
        "q": [f"E[{draws}] log q(c | x, y)" for draws in ("rows(x, y, c)", "rows(y, c), r(x | y, c)", "rows(x, c), p(y | c)")],
        "r": [f"E[{draws}] log r(x | y, c)" for draws in ("rows(x, y, c)", "rows(x, c), p(y | c)", "rows(x, y), q(c | x, y)")],
    }
    compare(text, written, derive={"consistency": True})


def test_consistency_leaves_an_observed_target_to_score() -> None:
    text = """
    data: {streams: {rows: [x, y]}}
    players:
      p: {factors: {x | z0: {net: linear}, z0 | x: {net: linear}}}
      q: {frozen: true, factors: {z0 | x: {net: linear}, x | y: {net: linear}, y | x: {net: linear}}}
    """
    compare(text, {"p": ["E[rows(x), q(z0 | x)] log p(x | z0) + log p(z0 | x)"]}, derive={"consistency": True})


def test_consistency_redraws_nothing_that_disregards_what_is_known() -> None:
    text = """
    data: {streams: {rows: [x, y, c, s]}}
    players:
      p: {factors: {c | s: {net: linear}, x | c: {net: linear}}}
      a: {factors: {y | c: {net: linear}}}
    """
    compare(text, {"p": ["E[rows(x, c, s)] log p(x, c | s)"], "a": ["E[rows(y, c)] log a(y | c)"]}, derive={"consistency": True})


CONDITIONED = """
    data: {streams: {labelled: [x, c], images: [x]}}
    players:
      r: {factors: {z0: uniform}}
      p: {frozen: true, factors: {"x | z0, c": {net: linear}}}
      q: {factors: {"z0 | x, c": {net: linear}}}
    """


def test_generated_rows_that_cannot_be_completed_are_left_out_where_others_can() -> None:
    compare(CONDITIONED, {"q": ["E[labelled(c), r(z0), p(x | z0, c)] log q(z0 | x, c)"]})


def test_a_generated_variable_is_not_scored_given_data_that_it_has_nothing_to_do_with() -> None:
    (message,) = refused(APART.replace("p: {factors: {x | z0: {net: linear}}}", "p: {frozen: true, factors: {y | z0: {net: linear}}}"))
    assert "q(z0 | x) would learn that 'z0' has nothing to do with 'x': no other player relates them" in message
    assert message.endswith("with a term such as 'E[r(z0), p(y | z0), PLAYER(x | y, z0)] log q(z0 | x)'")


def test_hidden_variables_that_a_score_does_not_read_are_not_drawn() -> None:
    text = """
    data: {streams: {masks: [s]}}
    players:
      r: {factors: {z0: uniform, z1: uniform}}
      p: {factors: {"s | z": {net: linear}}}
      q: {factors: {z0 | s: {net: linear}}}
      b: {factors: {z1 | s: {net: linear}}}
      t: {frozen: true, factors: {s | z0: {net: linear}}}
    """
    graph = built(
        {**spec_of(text), "derive": {"factors": ["t(s | z0)", "q(z0 | s)", "b(z1 | s)"]}, "utilities": {"b": [], "p": []}}
        | {"utilities": {"b": "E[r(z), p(s | z)] log b(z1 | s)", "p": "E[masks(s), q(z0 | s), b(z1 | s)] log p(s | z)"}}
    )
    assert formulas(graph, "q") == ["E[r(z0), t(s | z0)] log q(z0 | s)"]


def test_calls_are_joined_where_they_mean_the_same() -> None:
    text = """
    data: {streams: {images: [x]}}
    players:
      p: {factors: {y: uniform, s: uniform, c: uniform, "x | y, s, c": {net: linear}}}
      q: {factors: {y | x: {net: linear}, c | x: {net: linear}}}
      r: {factors: {s | x: {net: linear}}}
    """
    graph = compare(
        text,
        {
            "p": ["E[images(x), q(y, c | x), r(s | x)] log p(x, y, s, c)"],
            "q": ["E[p(x, y, s, c)] log q(y, c | x)"],
            "r": ["E[p(x, y, s, c)] log r(s | x)"],
        },
    )
    assert formulas(graph, "p") == ["E[images(x), q(y, c | x), r(s | x)] log p(x, y, s, c)"]


def test_calls_are_not_joined_where_that_means_other_factors() -> None:
    text = """
    data: {streams: {rows: [x, y]}}
    players: {p: {factors: {x | y: {net: linear}, y | x: {net: linear}, y: free}}}
    """
    graph = compare(text, {"p": ["E[rows(x, y)] log p(x | y) + log p(y | x)"]})
    assert formulas(graph, "p") == ["E[rows(x, y)] log p(x | y) + log p(y | x)"]


def test_calls_are_not_joined_over_two_copies_of_a_variable() -> None:
    text = """
    data: {streams: {rows: [x, s, y]}}
    players:
      a: {factors: {"s | x, z0": {net: linear}}}
      q: {frozen: true, factors: {z0 | x: {net: linear}, x | y: {net: linear}}}
    """
    data = "E[rows(x, s), q(z0 | x)] log a(s | x, z0)"
    graph = compare(text, {"a": [data, "E[rows(x, s, y), q(z0 | x), q(x' | y)] log a(s | x', z0)"]}, derive={"consistency": True})
    assert len(formulas(graph, "a")) == 2


@pytest.mark.parametrize("rule", ["symmetric", {}, {"rule": "symmetric"}, {"consistency": False}])
def test_the_rule_may_be_written_in_several_ways(rule: object) -> None:
    compare(LADDER, HELMHOLTZ, derive=rule)


TWO_ENCODERS = """
    data: {streams: {both: [x, y], xs: [x]}}
    players:
      p: {factors: {z0: uniform, x | z0: {net: linear}, y | z0: {net: linear}}}
      q: {factors: {z0 | x: {net: linear}, "z0 | x, y": {net: linear}}}
    """
SEVERAL_OF_P = ["E[both(x, y), q(z0 | x, y)] log p(x, y, z0)", "E[xs(x), q(z0 | x)] log p(x, z0)"]


def test_a_factor_that_completes_rows_is_scored_beside_the_most_informed_one() -> None:
    compare(TWO_ENCODERS, {"p": SEVERAL_OF_P, "q": ["E[p(x, y, z0)] log q(z0 | x, y)", "E[p(x, z0)] log q(z0 | x)"]})
    unused = TWO_ENCODERS.replace(", xs: [x]", "")
    compare(unused, {"p": SEVERAL_OF_P[:1], "q": ["E[p(x, y, z0)] log q(z0 | x, y)"]})


def test_it_is_scored_on_the_rows_of_the_data_that_show_it() -> None:
    text = """
    data: {streams: {all: [x, y, c], xs: [x]}}
    players:
      p: {factors: {c: uniform, x | c: {net: linear}, "y | x, c": {net: linear}}}
      q: {factors: {c | x: {net: linear}, "c | x, y": {net: linear}}}
    """
    written = {
        "p": ["E[all(x, y, c)] log p(x, y, c)", "E[xs(x), q(c | x)] log p(x, c)"],
        "q": ["E[all(x, y, c)] log q(c | x, y)", "E[all(x, c)] log q(c | x)"],
    }
    compare(text, written)


@pytest.mark.parametrize(
    ("factors", "is_added"),
    [
        ('z0 | x: {net: linear}, "z0 | x, y": ["q(z0 | x)", {net: linear, inputs: [y]}]', False),
        ('z0 | x: a.one, "z0 | x, y": [a.two, {net: linear, inputs: [y]}]', True),
        ('z0 | x: [a.one, a.two], "z0 | x, y": [a.one, {net: linear, inputs: [y]}]', True),
        ('z0 | x: a.one, "z0 | x, y": [a.one, {net: linear, inputs: [y]}]', False),
    ],
    ids=["a share", "another head", "one head more", "the same head"],
)
def test_what_a_more_informed_factor_trains_is_not_scored_again(factors: str, is_added: bool) -> None:
    text = TWO_ENCODERS.replace('z0 | x: {net: linear}, "z0 | x, y": {net: linear}', factors)
    if "a." in factors:
        text = text.replace("q: {factors", "q: {networks: {a: {net: linear, inputs: [x], outputs: {one: z0, two: z0}}}, factors")
        text = text if "two" in factors else text.replace(", two: z0", "")
    found = formulas(built({**spec_of(text), "derive": "symmetric", "utilities": {}}), "q")
    assert found == ["E[p(x, y, z0)] log q(z0 | x, y)", *(["E[p(x, z0)] log q(z0 | x)"] if is_added else [])]


def test_a_factor_of_a_sampler_and_one_with_a_share_in_another_are_scored_too() -> None:
    text = """
    data: {streams: {pairs: [x, s]}}
    players:
      r: {factors: {z0: uniform}}
      a: {factors: {s | z0: {net: linear}, "s | x, z0": {net: linear}}}
      p: {factors: {"x | s, z0": {net: linear}}}
      q: {factors: {"z0 | x, s": {net: linear}}}
    samplers: {pair: {start: "a(s | z0)", sweep: ["p(x | s, z0)", "a(s | x, z0)"], sweeps: 1}}
    """
    data = "E[pairs(x, s), q(z0 | x, s)]"
    assert formulas(built({**spec_of(text), "derive": "symmetric"}), "a") == [f"{data} log a(s | x, z0)", f"{data} log a(s | z0)"]
    text = """
    data: {streams: {both: [x, y]}}
    players:
      p: {factors: {z0: uniform, z1 | z0: {net: linear}, "z1 | z0, y": {net: linear}, x | z1: {net: linear}}}
      q: {factors: {z0 | x: {net: linear}, "z1 | z0, x": ["p(z1 | z0)", {net: linear, inputs: [x]}]}}
    """
    written = {
        "p": ["E[both(x, y), q(z | x)] log p(x, z | y)", "E[both(x), q(z | x)] log p(z1 | z0)"],
        "q": ["E[both(y), p(x, z | y)] log q(z | x)"],
    }
    compare(text, written)


def test_a_factor_that_no_row_trains_is_refused_with_the_term_to_write() -> None:
    text = """
    data: {streams: {both: [x, y]}}
    players:
      p: {factors: {"x | y, z0": {net: linear}}}
      q: {factors: {z0 | y: {net: linear}, x | y: {net: linear}}}
    """
    (message,) = refused(text)
    assert message == (
        "the utility of 'q' cannot be derived: q(z0 | y) completes rows for other players, and no row has 'z0', 'y' for 'q' to learn it from; "
        "write it under 'utilities', with a term such as 'E[both(x, y), PLAYER(z0 | x, y)] log q(z0 | y)' beside 'E[both(x, y)] log q(x | y)'"
    )
