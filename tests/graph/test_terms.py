"""Terms, stages and samplers against the players, and what is worth a warning. This file reads formulas."""

import subprocess
import sys

import pytest

from gamelearn.graph.build import GraphError
from gamelearn.graph.model import Graph, PlayerDraw, SamplerDraw, StreamDraw
from tests.support import graph_of

HEAD = """
    name: terms
    variables:
      x: {type: binary, shape: [2]}
      s: {type: binary, shape: [2]}
      z1: {type: binary}
      z2: {type: binary}
      z: [z1, z2]
    data: {streams: {pairs: [x, s], images: [x]}}
    players:
      prior: {factors: {z1: uniform, z2: uniform}}
      painter: {factors: {"x | s, z2": {net: mlp}}}
      segmenter: {factors: {"s | z1": {net: mlp}, "s | x, z": [segmenter(s | z1), {net: mlp, inputs: [x, z2]}]}}
      encoder: {factors: {"z1 | s": {net: mlp}, "z2 | x, s": {net: mlp}}}
    samplers:
      pair: {start: "segmenter(s | z1)", sweep: ["painter(x | s, z2)", "segmenter(s | x, z)"], sweeps: 2}
"""
UTILITIES = {
    "painter": "E[pairs(x, s), encoder(z2 | x, s)] log painter(x | s, z2)",
    "segmenter": "E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z)",
    "encoder": "E[prior(z), segmenter(s | z1), painter(x | s, z2)] log encoder(z | x, s)",
}
OWN = "E[prior(z), segmenter(s | z1), painter(x | s, z2)] log painter(x | s, z2)"


def game(*, tail: str = "train: {rounds: 1}", **utilities: str) -> Graph:
    lines = "".join(f"      {player}: {text if text[0] == '{' else repr(text)}\n" for player, text in {**UTILITIES, **utilities}.items())
    return graph_of(HEAD + "    utilities:\n" + lines + f"    {tail}\n")


def test_draws_and_scores_are_resolved() -> None:
    graph = game(segmenter="E[pairs(x, s), encoder(z | x, s), painter(x' | s, z2)] log segmenter(s | x', z)")
    (term,) = graph.stages["main"].utilities["segmenter"]
    stream, encoder, painter = term.draws
    assert stream == StreamDraw("pairs", (("x", "x", 0), ("s", "s", 0)))
    assert isinstance(encoder, PlayerDraw)
    assert isinstance(painter, PlayerDraw)
    assert [str(bound) for bound in (*encoder.factors, *painter.factors)] == [
        "encoder(z1 | s)",
        "encoder(z2 | x, s)",
        "painter(x' | s, z2)",
    ]
    assert [(sign, str(bound)) for sign, bound in term.score] == [(1, "segmenter(s | x', z1, z2)")]


def test_a_call_of_a_sampler_is_resolved() -> None:
    graph = game(encoder="E[prior(z), pair(x, s | z)] log encoder(z | x, s)")
    (term,) = graph.stages["main"].utilities["encoder"]
    assert isinstance(term.draws[1], SamplerDraw)
    sampler = graph.samplers["pair"]
    assert (sampler.targets, sampler.givens, sampler.sweeps) == (("s", "x"), ("z1", "z2"), 2)


def test_a_utility_may_be_a_map_of_weighted_terms() -> None:
    data = "E[pairs(x, s), encoder(z2 | x, s)] log painter(x | s, z2)"
    terms = game(painter=f'{{data: "{data}", own: {{term: "{OWN}", weight: 0.5, draws: constant}}}}').stages["main"].utilities["painter"]
    assert [(term.title, term.weight, term.constant_draws) for term in terms] == [("painter.data", 1.0, False), ("painter.own", 0.5, True)]


@pytest.mark.parametrize(
    ("term", "message"),
    [
        ("E[pairs(x, s), encoder(z | x, s)] log encoder(z | x, s) + log painter(x | s, z2)", "log encoder(z1 | s), log encoder(z2 | x, s) do not depend"),
        ("E[pairs(x, s'), encoder(z | x, s)] log painter(x | s, z2)", "encoder(z | x, s) needs 's', which is not drawn before it; drawn before: \"s'\", 'x'"),
        ("E[pairs(x, s), encoder(z | x, s)] log painter(x' | s, z2)", "painter(x' | s, z2) needs \"x'\", which is not drawn before it"),
        ("E[pairs(x, s), prior(z), prior(z)] log painter(x | s, z2)", "'z1', 'z2' are drawn twice: a fresh copy carries a prime, \"z1'\", \"z2'\""),
        ("E[pairs(x, s), images(x)] log painter(x | s)", "no factor of 'painter' draws 'x' from these givens: 'x | s, z2' needs 'z2'"),
        ("E[pairs(x, s), pair(x', s' | z)] log painter(x | s, z2)", "pair(x', s' | z) needs 'z1', 'z2', which are not drawn before it"),
        ("E[prior(z), pair(x, s, s' | z)] log painter(x | s, z2)", "'s' and \"s'\" are copies of one variable: 'pair' takes one of them"),
        ("E[prior(z), pair(x | s, z)] log painter(x | s, z2)", "the sampler 'pair' draws 's', 'x': name exactly these"),
        ("E[pairs(x, s), prior(z)] log prior(z)", "log prior(z1), log prior(z2) do not depend on the parameters of 'painter': they are constants of this utility"),
    ],
)  # fmt: skip
def test_a_term_is_refused(term: str, message: str) -> None:
    with pytest.raises(GraphError) as caught:
        game(painter=term)
    assert message in str(caught.value)


def warnings(graph: Graph) -> list[str]:
    return [each.what for each in graph.warnings]


def test_own_draws_are_warned_of_unless_they_are_meant() -> None:
    assert warnings(game()) == []
    (warning,) = game(painter=OWN).warnings
    assert warning.what.startswith("painter(x | s, z2) is drawn from 'painter' itself: the gradient ignores that draw")
    assert warning.offset == OWN.index("painter")
    assert warnings(game(painter=f'{{term: "{OWN}", draws: constant}}')) == []


def test_parameters_that_no_term_reaches_are_warned_of() -> None:
    (warning,) = game(encoder="E[pairs(s), prior(z1)] log encoder(z1 | s)").warnings
    assert warning.what == "no term of 'encoder' scores this factor: its parameters stay as they begin"
    assert warning.path == ("players", "encoder", "factors", "z2 | x, s")


def test_a_factor_whose_network_another_factor_trains_is_not_warned_of() -> None:
    graph = game(segmenter="E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z)")  # its score shares that of s | z1
    assert warnings(graph) == []


def test_a_draw_that_only_shares_the_owners_parameters_is_no_own_draw() -> None:
    text = (
        HEAD.replace('"x | s, z2": {net: mlp}', '"x | s, z2": {net: mlp}, "s | z1": "segmenter(s | z1)"')
        + """
    utilities:
      painter: E[pairs(x, s), encoder(z2 | x, s)] log painter(x | s, z2)
      segmenter: E[prior(z), painter(s | z1)] log segmenter(s | z1)
      encoder: E[pairs(x, s), prior(z)] log encoder(z | x, s)
    train: {rounds: 1}
    """
    )
    assert warnings(graph_of(text)) == []


@pytest.mark.parametrize(
    ("streams", "coupled"),
    [("{a: [x, s]}", True), ("{a: [x], b: [s]}", False), ("{a: [x, s], b: [s], c: [x]}", True), ("{a: [x, s], b: [z1, z2]}", False)],
)
def test_uncoupled_streams_are_warned_of(streams: str, coupled: bool) -> None:
    fantasy = "E[prior(z), segmenter(s | z1), painter(x | s, z2)]"
    utilities = f"""
    utilities:
      painter: {{term: "{fantasy} log painter(x | s, z2)", draws: constant}}
      segmenter: {{term: "{fantasy} log segmenter(s | z1)", draws: constant}}
      encoder: "{fantasy} log encoder(z | x, s)"
    train: {{rounds: 1}}
    """
    found = warnings(graph_of(HEAD.replace("{pairs: [x, s], images: [x]}", streams) + utilities))
    assert bool(found) == (not coupled)
    assert all("every coupling of them is an equilibrium, so training does not identify one" in each for each in found)


STAGES = (
    HEAD
    + """
    train: {rounds: 100, batch: {default: 32, pairs: 8}, optimizer: {type: adam, lr: 0.1, clip: 2.0}, optimizers: {painter: {lr: 0.5}}, checkpoint: {minutes: 3}}
    schedule: {mode: parallel}
    stages:
      first:
        train: {epochs: 2, optimizer: {lr: 0.2}, batch: {images: 16}, checkpoint: {keep: 5}}
        utilities:
          painter: E[pairs(x, s), encoder(z2 | x, s)] log painter(x | s, z2)
          segmenter: E[pairs(s), encoder(z1 | s)] log segmenter(s | z1)
      second:
        schedule: {order: [encoder, segmenter, encoder]}
        optimizer: keep
        train: {optimizer: {type: sgd, lr: 1.0}, batch: 4}
        utilities:
          segmenter: E[pairs(s), encoder(z1 | s)] log segmenter(s | z1)
          encoder: E[pairs(s), prior(z)] log encoder(z1 | s)
    """
)


def test_stages_merge_their_values_over_the_top_level_ones() -> None:
    graph = graph_of(STAGES)
    first, second = graph.stages.values()
    assert (first.train.rounds, first.train.epochs, second.train.rounds) == (None, 2.0, 100)
    assert first.train.batch == {"default": 32, "pairs": 8, "images": 16}
    assert second.train.batch == {"default": 4}
    assert (first.train.checkpoint.minutes, first.train.checkpoint.keep) == (3.0, 5)
    assert (first.keep_optimizer, second.keep_optimizer) == (False, True)


def test_optimizers_merge_unless_the_type_changes() -> None:
    first, second = graph_of(STAGES).stages.values()
    assert [(each.type, each.lr, each.clip) for each in (first.train.optimizer_of("segmenter"), first.train.optimizer_of("painter"))] == [
        ("adam", 0.2, 2.0),
        ("adam", 0.5, 2.0),
    ]
    assert (second.train.optimizer.type, second.train.optimizer.lr, second.train.optimizer.clip) == ("sgd", 1.0, None)


def test_stages_have_their_own_order() -> None:
    first, second = graph_of(STAGES).stages.values()
    assert first.order == ("painter", "segmenter")
    assert (first.schedule.mode, second.schedule.mode) == ("parallel", "sequence")
    assert second.order == ("encoder", "segmenter", "encoder")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("train: {epochs: 2, ", "train: {epochs: 2, rounds: 3, ", "one of 'rounds', 'epochs', 'minutes' sets the length, got rounds and epochs"),
        ("train: {rounds: 100, ", "train: {", "how long? 'train' needs one of 'rounds', 'epochs', 'minutes'"),
        ("[encoder, segmenter, encoder]", "[encoder]", "the order leaves out 'segmenter', which the utilities of stage 'second' move"),
        ("[encoder, segmenter, encoder]", "[encoder, segmenter, painter]", "the player 'painter' has no utility in stage 'second', so it has no turn"),
        ("batch: {images: 16}", "batch: {image: 16}", "unknown stream 'image'; known: 'pairs', 'images'"),
        ("{type: sgd, lr: 1.0}", "{type: sgd, lr: 1.0, amsgrad: true}", "unknown key 'amsgrad'"),
    ],
)  # fmt: skip
def test_a_stage_is_refused(old: str, new: str, message: str) -> None:
    assert old in STAGES
    with pytest.raises(GraphError) as caught:
        graph_of(STAGES.replace(old, new))
    assert message in str(caught.value)
    assert len(caught.value.mistakes) == 1


def sampler_mistakes(sampler: str) -> list[str]:
    text = HEAD[: HEAD.index("    samplers:")] + f"    samplers: {{chain: {sampler}}}\n    utilities:\n"
    text += "".join(f"      {player}: {term}\n" for player, term in UTILITIES.items()) + "    train: {rounds: 1}\n"
    try:
        graph_of(text)
    except GraphError as error:
        return [each.what for each in error.mistakes]
    return []


@pytest.mark.parametrize(
    ("sampler", "message"),
    [
        ('{start: "prior(z), segmenter(s | z1)", sweep: "painter(x | s, z2), segmenter(s | x, z), encoder(z | x, s)"}', None),
        ('{start: "segmenter(s | z1)", sweep: "painter(x | s, z2), segmenter(s | x, z)"}', None),
        ('{start: "prior(z)", sweep: "painter(x | s, z2), segmenter(s | x, z), encoder(z | x, s)"}', "the sweep reads 's' before it draws it: the start has to draw it"),
        ('{start: "prior(z)", sweep: "segmenter(s | z1), encoder(z1 | s)"}', "the start draws 'z2', which no draw of the sweep draws again"),
        ('{start: "segmenter(s | z1)", sweep: "painter(x | s, z2), segmenter(s | x\', z)"}', "\"x'\" has a prime: a sampler draws the variables themselves"),
        ('{start: "pairs(s)", sweep: "painter(x | s, z2), segmenter(s | x, z)"}', "'pairs' is a stream: a sampler draws from players, 'prior', 'painter', 'segmenter', 'encoder'"),
        ('{start: "segmenter(s | z1, z2)", sweep: "segmenter(s | z1)"}', "no factor of 'segmenter' reads 'z2' here; its factors: s | z1; s | x, z1, z2"),
    ],
)  # fmt: skip
def test_samplers_are_checked(sampler: str, message: str | None) -> None:
    assert sampler_mistakes(sampler) == ([message] if message else [])


def test_a_graph_can_be_read_without_torch() -> None:
    code = "import sys, gamelearn.graph.build, gamelearn.plan; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
