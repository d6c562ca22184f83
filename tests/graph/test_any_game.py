"""Games nobody would write: whatever a spec says, it is read or refused with its mistakes. This file makes games up."""

import re
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError

from gamelearn.game import compile_game
from gamelearn.graph.build import GraphError, build_graph
from gamelearn.graph.model import Bound, Graph, PlayerDraw, StreamDraw, Term
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import LogStep
from gamelearn.plugins import load_builtins
from gamelearn.spec.schema import Spec
from tests.support import round_gradients, source_of
from tests.test_plan import check_is_runnable

load_builtins()

VARIABLES: dict[str, Any] = {
    "a": {"type": "binary"},
    "b": {"type": "categorical", "classes": 3, "shape": [2]},
    "c": {"type": "real", "shape": [2]},
}
PLAYERS = ("p", "q")
NAME = re.compile(r"[A-Za-z_]\w*'*")
TABLE = {
    "a": torch.tensor([0.0, 1.0, 1.0], dtype=torch.float64),
    "b": torch.tensor([[0, 1], [2, 2], [1, 0]]),
    "c": torch.tensor([[0.5, -1.0], [2.0, 0.0], [-0.5, 0.3]], dtype=torch.float64),
}

PLAIN = st.sampled_from(["a", "b", "c", "a", "b", "c", "g", "h", "z"])
COPIES = st.builds(lambda name, primes: name + primes, PLAIN, st.sampled_from(["", "", "", "'", "''"]))
PLAYED = st.sampled_from(["p", "q", "p", "q", "p", "q", "r"])
CALLED = st.sampled_from(["p", "q", "p", "q", "s", "s", "t", "r"])


def listed(names: st.SearchStrategy[str], least: int = 1, most: int = 2) -> st.SearchStrategy[str]:
    return st.lists(names, min_size=least, max_size=most).map(", ".join)


def conditionals(names: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    return st.builds(lambda targets, givens: f"{targets} | {givens}" if givens else targets, listed(names), listed(names, 0))


CALLS = st.builds(lambda name, sides: f"{name}({sides})", CALLED, conditionals(COPIES))
TERMS = st.builds(
    lambda chain, first, sign, second: f"E[{chain}] log {first}" + (f" {sign} log {second}" if sign else ""),
    listed(CALLS, 1, 4),
    CALLS,
    st.sampled_from(["", "", "+", "-"]),
    CALLS,
)
NETWORKS = st.fixed_dictionaries({"net": st.just("linear")}, optional={"inputs": st.lists(PLAIN, max_size=2)})
SHARES = st.builds(lambda name, sides: f"{name}({sides})", PLAYED, conditionals(PLAIN))
SCORES = st.one_of(NETWORKS, NETWORKS, SHARES, st.sampled_from(["uniform", "standard", "free", "n.a", "n.b"]))
FAMILIES_MIXED = st.fixed_dictionaries(
    {"scores": st.lists(SCORES, min_size=1, max_size=2), "family": st.just({"type": "normal", "scale": "output"})}
)
SIDES = st.one_of(SCORES, SCORES, st.lists(SCORES, min_size=1, max_size=2), FAMILIES_MIXED)
FACTORS = st.dictionaries(conditionals(PLAIN), SIDES, min_size=1, max_size=4)
SHARED = st.just({"n": {"net": "linear", "inputs": ["c"], "outputs": {"a": "a", "b": "b"}}})
PLAYER = st.fixed_dictionaries({"factors": FACTORS}, optional={"networks": SHARED, "frozen": st.booleans()})
GROUPS = st.fixed_dictionaries({}, optional={name: st.lists(PLAIN, max_size=3) for name in ("g", "h")})
UTILITIES = st.dictionaries(PLAYED, st.one_of(TERMS, st.lists(TERMS, min_size=1, max_size=2)), min_size=1, max_size=3)
SAMPLER = st.fixed_dictionaries({"start": listed(CALLS), "sweep": listed(CALLS)}, optional={"sweeps": st.just(2)})
RULES = st.one_of(
    st.just("symmetric"),
    st.fixed_dictionaries({"consistency": st.booleans()}, optional={"factors": st.lists(CALLS, min_size=1, max_size=3)}),
)
STREAM = st.lists(PLAIN, min_size=1, max_size=3)


def with_plan(spec: dict[str, Any]) -> dict[str, Any]:
    """Return a spec with the utilities or stages of its plan at the top."""
    return {**{key: value for key, value in spec.items() if key != "plan"}, **spec["plan"]}


SPECS = st.fixed_dictionaries(
    {
        "variables": GROUPS.map(lambda groups: {**VARIABLES, **groups}),
        "players": st.dictionaries(st.sampled_from(PLAYERS), PLAYER, min_size=2),
        "data": st.fixed_dictionaries({"streams": st.fixed_dictionaries({"s": STREAM}, optional={"p": STREAM, "default": STREAM})}),
        "plan": st.one_of(
            st.fixed_dictionaries({"utilities": UTILITIES}),
            st.fixed_dictionaries({"stages": st.dictionaries(PLAIN, st.fixed_dictionaries({"utilities": UTILITIES}), max_size=2)}),
            st.fixed_dictionaries({"derive": RULES}, optional={"utilities": UTILITIES}),
            st.fixed_dictionaries(
                {"derive": RULES, "stages": st.dictionaries(PLAIN, st.fixed_dictionaries({"derive": RULES}), max_size=2)}
            ),
        ),
        "train": st.fixed_dictionaries(
            {"rounds": st.just(1)}, optional={"batch": st.fixed_dictionaries({"default": st.just(2), "s": st.just(1)})}
        ),
    },
    optional={
        "samplers": st.fixed_dictionaries({"t": SAMPLER}),
        "schedule": st.fixed_dictionaries(
            {"mode": st.sampled_from(["parallel", "sequence"])}, optional={"order": st.lists(PLAYED, max_size=3)}
        ),
    },
).map(with_plan)


@settings(max_examples=200)
@given(SPECS)
def test_any_spec_is_read_or_refused_with_its_mistakes(data: dict[str, Any]) -> None:
    error = refusal({"name": "any", **data})
    if isinstance(error, GraphError):
        assert error.mistakes
        assert all(each.what and each.offset >= 0 for each in error.mistakes)


def refusal(data: dict[str, Any]) -> Exception | None:
    """Return why a spec is refused, or None; nothing else may be raised."""
    try:
        graph = build_graph(Spec.model_validate(data))
        for stage in graph.stages:
            check_is_runnable(make_plan(graph, stage))
    except (ValidationError, GraphError) as error:
        return error
    return None


@st.composite
def factors(draw: st.DrawFn) -> dict[str, Any]:
    """Return factors of one player, each a network or parameters without an input, none twice."""
    made: dict[str, Any] = {}
    for target in draw(st.lists(st.sampled_from(list(VARIABLES)), min_size=1, max_size=4)):
        givens = draw(st.lists(st.sampled_from([name for name in VARIABLES if name != target]), unique=True, max_size=2))
        known = {(key.split(" | ")[0], frozenset(key.split(" | ")[1].split(", ") if " | " in key else ())) for key in made}
        if (target, frozenset(givens)) not in known:
            made[f"{target} | {', '.join(givens)}" if givens else target] = {"net": "linear"} if givens else "free"
    return made


def sides(key: str) -> tuple[str, list[str]]:
    target, _, givens = key.partition(" | ")
    return target, givens.split(", ") if givens else []


@st.composite
def sensible_terms(draw: st.DrawFn, players: dict[str, dict[str, Any]], owner: str) -> tuple[str, list[str]]:
    """Return a term whose draws and score name one factor each, exactly; with the factors in order."""
    drawn = {name: [name] for name in draw(st.sampled_from([["a", "b", "c"], ["a", "b"], ["c"], []]))}
    chain = [f"shown({', '.join(drawn)})"] if drawn else []
    meant = []
    for _ in range(draw(st.integers(0, 3))):
        choices = [(p, key) for p, made in players.items() for key in made if all(given in drawn for given in sides(key)[1])]
        player, key = draw(st.sampled_from(choices)) if choices else (None, "")
        if player is None:
            break
        target, givens = sides(key)
        actual = [draw(st.sampled_from(drawn[given])) for given in givens]
        copy = target + "'" * len(drawn.get(target, []))
        chain.append(f"{player}({copy} | {', '.join(actual)})" if actual else f"{player}({copy})")
        meant.append(f"{player}({key})")
        drawn.setdefault(target, []).append(copy)
    scored = [key for key in players[owner] if all(name in drawn for name in (sides(key)[0], *sides(key)[1]))]
    if not chain or not scored:
        return f"E[shown(a, b, c)] log {owner}({next(iter(players[owner]))})", [f"{owner}({next(iter(players[owner]))})"]
    key = draw(st.sampled_from(scored))
    target, givens = sides(key)
    copy = draw(st.sampled_from(drawn[target]))
    actual = [draw(st.sampled_from(drawn[given])) for given in givens]
    score = f"{owner}({copy} | {', '.join(actual)})" if actual else f"{owner}({copy})"
    return f"E[{', '.join(chain)}] log {score}", [*meant, f"{owner}({key})"]


@st.composite
def sensible_games(draw: st.DrawFn) -> tuple[dict[str, Any], dict[str, list[list[str]]]]:
    players = {name: draw(factors()) for name in PLAYERS}
    found = {name: draw(st.lists(sensible_terms(players, name), min_size=1, max_size=2)) for name in PLAYERS}
    spec = {
        "name": "sensible",
        "variables": VARIABLES,
        "data": {"streams": {"shown": list(VARIABLES)}},
        "players": {name: {"factors": made} for name, made in players.items()},
        "utilities": {name: [{"term": text, "draws": "constant"} for text, _ in made] for name, made in found.items()},
        "schedule": draw(st.sampled_from([{"mode": "parallel"}, {}, {"order": ["q", "p", "q"]}])),
        "train": {"rounds": 1},
    }
    return spec, {name: [meant for _, meant in made] for name, made in found.items()}


def resolved(graph: Graph, player: str) -> list[list[str]]:
    def labels(bounds: list[Bound]) -> list[str]:
        return [str(bound.factor) for bound in bounds]

    found = []
    for term in graph.stages["main"].utilities[player]:
        drawn = [bound for each in term.draws if isinstance(each, PlayerDraw) for bound in each.factors]
        found.append([*labels(drawn), *labels([bound for _, bound in term.score])])
    return found


@settings(max_examples=150)
@given(sensible_games())
def test_a_sensible_game_means_the_factors_that_it_names(game: tuple[dict[str, Any], dict[str, list[list[str]]]]) -> None:
    spec, meant = game
    graph = build_graph(Spec.model_validate(spec))
    assert {player: resolved(graph, player) for player in PLAYERS} == meant
    shared, apart = make_plan(graph, "main"), make_plan(graph, "main", share=False)
    for plan in (shared, apart):
        check_is_runnable(plan)
        assert all(len([step for step in turn.steps if isinstance(step, LogStep)]) >= 1 for turn in plan.turns)
    assert shared.evaluations <= apart.evaluations


@st.composite
def misread_games(draw: st.DrawFn) -> dict[str, Any]:
    """Return a sensible game with one name of a formula or of a factor's key replaced by another."""
    spec, _ = draw(sensible_games())
    places: list[tuple[dict[Any, Any], Any]] = [(term, "term") for terms in spec["utilities"].values() for term in terms]
    places += [(player["factors"], key) for player in spec["players"].values() for key in player["factors"]]
    where, key = draw(st.sampled_from(places))
    text = where[key] if key == "term" else key
    found = list(NAME.finditer(text))
    match = draw(st.sampled_from(found))
    changed = text[: match.start()] + draw(st.sampled_from([*VARIABLES, *PLAYERS, "shown", "b'"])) + text[match.end() :]
    if key == "term":
        where[key] = changed
    else:
        where[changed] = where.pop(key)
    return spec


@settings(max_examples=300)
@given(misread_games())
def test_a_game_with_a_wrong_name_is_refused_or_can_be_played(spec: dict[str, Any]) -> None:
    error = refusal(spec)
    if error is not None:
        assert isinstance(error, GraphError)
        assert error.mistakes
        return
    graph = build_graph(Spec.model_validate(spec))
    for player in PLAYERS:
        for term in graph.stages["main"].utilities[player]:
            check_is_scored_after_it_is_drawn(term)
            assert any(player in graph.reach(bound.factor) for _, bound in term.score)


def check_is_scored_after_it_is_drawn(term: Term) -> None:
    drawn: set[str] = set()
    for each in term.draws:
        if isinstance(each, StreamDraw):
            made = [actual for _, actual, _ in each.columns]
        else:
            assert isinstance(each, PlayerDraw)
            made = []
            for bound in each.factors:
                assert {actual for _, actual in bound.givens} <= drawn | set(made)
                made.append(bound.target)
        assert not drawn & set(made)
        drawn |= set(made)
    for _, bound in term.score:
        assert {bound.target, *(actual for _, actual in bound.givens)} <= drawn


@settings(max_examples=25)
@given(sensible_games())
def test_a_sensible_game_can_be_played_with_and_without_sharing(game: tuple[dict[str, Any], Any]) -> None:
    compiled = compile_game(build_graph(Spec.model_validate(game[0])), dtype=torch.float64)
    tables = {"shown": TABLE}
    rounds = [
        round_gradients(compiled, make_plan(compiled.graph, "main", share=share), source_of(compiled, tables, rows=3, round_number=0))
        for share in (True, False)
    ]
    for (loss, gradients), (other, others) in zip(*rounds, strict=True):
        assert loss == pytest.approx(other, rel=1e-9)
        assert gradients.keys() == others.keys()
