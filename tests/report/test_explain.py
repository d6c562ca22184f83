"""Explanations of the ladder and of a three-player game, in every format."""

import json
from pathlib import Path

import pytest

from gamelearn.errors import GamelearnError
from gamelearn.game import CheckedSpec, check
from gamelearn.report.explain import explain
from gamelearn.report.formulas import WIDTH, symbol_latex

LADDER = """\
name: ladder
variables:
  x: {type: binary, shape: [1, 4, 4]}
  z0: {type: binary, shape: [2]}
  z1: {type: binary, shape: [3]}
  z: [z0, z1]
data: {dataset: {type: npz, path: none.npz}, streams: {images: [x]}}
players:
  decoder:
    factors:
      z0: uniform
      z1 | z0: {net: mlp, hidden: [5], skip: true}
      x | z1: {net: mlp, hidden: [7]}
  encoder:
    networks:
      trunk: {net: mlp, hidden: [5], inputs: [x], outputs: {s0: z0, s1: z1}}
    factors:
      z0 | x: trunk.s0
      z1 | z0, x: [decoder(z1 | z0), trunk.s1]
utilities:
  decoder: E[images(x), encoder(z | x)] log decoder(x, z)
  encoder: E[decoder(x, z)] log encoder(z | x)
samplers:
  limit: {start: "decoder(x, z)", sweep: "encoder(z | x), decoder(x | z)"}
train: {rounds: 1}
"""

SEGMENTATION = """\
name: segmentation
variables:
  x: {type: real, shape: [3, 4, 4]}
  s: {type: categorical, classes: 3, shape: [4, 4]}
  z1: {type: binary, shape: [2]}
  z2: {type: binary, shape: [3]}
  z: [z1, z2]
data: {dataset: {type: npz, path: none.npz}, streams: {pairs: [x, s], images: [x]}}
players:
  prior: {factors: {z1: uniform, z2: uniform}}
  segmenter:
    factors:
      s | x, z: {net: linear}
  painter:
    factors:
      x | s, z2: {net: linear}
  encoder:
    factors:
      z1 | s: {net: linear}
      z2 | x, s: {net: linear}
stages:
  first:
    utilities:
      painter: E[pairs(x, s), encoder(z2 | x, s)] log painter(x | s, z2)
  game:
    schedule: {mode: parallel}
    utilities:
      segmenter:
        - E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z)
        - {term: "E[pairs(x, s), encoder(z | x, s), painter(x' | s, z2)] log segmenter(s | x', z)", weight: 0.5}
      painter: E[pairs(x, s), encoder(z | x, s)] log painter(x | s, z2)
      encoder: E[prior(z), pairs(s), painter(x | s, z2)] log encoder(z2 | x, s)
train: {rounds: 1}
"""


def checked(text: str, folder: Path) -> CheckedSpec:
    path = folder / "game.yaml"
    path.write_text(text)
    return check(path)


@pytest.fixture
def ladder(tmp_path: Path) -> CheckedSpec:
    return checked(LADDER, tmp_path)


@pytest.fixture
def segmentation(tmp_path: Path) -> CheckedSpec:
    return checked(SEGMENTATION, tmp_path)


def section(text: str, title: str) -> str:
    """Return one section of the text, without its title."""
    return text.split(f"{title}\n{'-' * len(title)}\n")[1].split("\n\n\n")[0]


def test_utilities_are_the_paper_s_formulas(ladder: CheckedSpec) -> None:
    text = explain(ladder, "text")
    assert (
        "L_decoder = E_{images(x)} E_{encoder(z0 | x) encoder(z1 | z0, x)}\n"
        "            [ log decoder(z0) + log decoder(z1 | z0) + log decoder(x | z1) ]\n"
    ) in text
    assert (
        "L_encoder = E_{decoder(z0) decoder(z1 | z0) decoder(x | z1)}\n            [ log encoder(z0 | x) + log encoder(z1 | z0, x) ]\n"
    ) in text


def test_factors_say_what_they_are_made_of(ladder: CheckedSpec) -> None:
    text = " ".join(explain(ladder, "text").split())
    assert "decoder(z0) bernoulli: uniform, no parameters" in text
    assert (
        "encoder(z1 | z0, x) bernoulli: raw outputs of decoder(z1 | z0) = decoder.z1_given_z0 (mlp, hidden [5], skip true)"
        " + encoder.trunk.s1 (mlp, hidden [5])"
    ) in text


def test_players_show_their_parameters_and_whom_they_depend_on(ladder: CheckedSpec) -> None:
    first = (2 * 5 + 5) + (5 * 3 + 3) + 2 * 3
    second = (3 * 7 + 7) + (7 * 16 + 16)
    trunk = (16 * 5 + 5) + (5 * 5 + 5)
    text = explain(ladder, "text")
    assert f"decoder: {first + second} parameters\n" in text
    assert f"encoder: {trunk} parameters\n" in text
    assert f"z1_given_z0  {first} (mlp, z0 -> z1)" in text
    assert f"{trunk} (mlp, x -> z0, z1)" in text
    assert "depends also on  decoder" in text
    assert f"all players: {first + second + trunk} parameters" in text


def test_the_plan_numbers_its_steps_and_counts_what_sharing_saves(ladder: CheckedSpec) -> None:
    plan = section(explain(ladder, "text"), "Plan of a round")
    assert "network evaluations per round: 7, without sharing 10\n" in plan
    assert "    [2] evaluate encoder.trunk from [1]\n" in plan
    assert "    [5] draw encoder(z1 | z0, x) from [4], [2].s1, noise n2\n" in plan
    assert "    decoder.0 = [6] + [8] + [10]\n" in plan
    assert "    encoder.0 = [17] + [18]\n" in plan


def test_every_input_of_a_step_is_an_earlier_one(segmentation: CheckedSpec) -> None:
    for stage in json.loads(explain(segmentation, "json"))["stages"]:
        seen: set[str] = set()
        for phase in stage["plan"]["phases"]:
            for step in [*phase["completion"], *(step for turn in phase["turns"] for step in turn["steps"])]:
                assert {each.split(".")[0] for each in step["inputs"]} <= seen
                seen.add(f"[{step['number']}]")


def test_a_shared_step_names_its_terms(segmentation: CheckedSpec) -> None:
    plan = explain(segmentation, "text")
    assert "draw encoder(z1 | s) from" in plan
    assert "(shared by segmenter.0, segmenter.1)" in plan
    data = json.loads(explain(segmentation, "json"))["stages"][1]["plan"]
    steps = {step["title"]: step for step in data["phases"][0]["completion"] if step["kind"] == "draw"}
    assert steps["encoder(z2 | x, s)"]["terms"] == ["segmenter.0", "segmenter.1", "painter.0"]
    assert data["evaluations"] < data["evaluations_unshared"]


def test_what_a_turn_evaluates_again_with_gradient_is_its_own(segmentation: CheckedSpec) -> None:
    (phase,) = json.loads(explain(segmentation, "json"))["stages"][1]["plan"]["phases"]
    without = [step["terms"] for step in phase["completion"] if step["title"] == "painter.x_given_s_z2"]
    assert without == [["segmenter.1"], ["encoder.0"]]
    (painter,) = (turn for turn in phase["turns"] if turn["players"] == ["painter"])
    assert [step["terms"] for step in painter["steps"]] == [["painter.0"]] * 2


def test_two_turns_of_a_player_have_noise_of_their_own(tmp_path: Path) -> None:
    text = explain(checked(LADDER.replace("train:", "schedule: {order: [encoder, decoder, encoder]}\ntrain:"), tmp_path), "text")
    plan = section(text, "Plan of a round")
    assert "move encoder, turn 2 of the round, with its gradient" in plan
    draws = [line.split("noise ")[1] for line in plan.splitlines() if "noise" in line]
    assert len(draws) == len(set(draws)) == 8


def test_weights_stages_and_warnings_are_shown(segmentation: CheckedSpec) -> None:
    text = explain(segmentation, "text")
    assert "Utilities, stage 'first'" in text
    assert "+ 0.5 · E_{pairs(x, s)} E_{encoder(z1 | s) encoder(z2 | x, s)} E_{painter(x' | s, z2)}" in text
    assert "parallel: segmenter, painter, encoder move all at once" in text


def test_a_sampler_names_its_last_half_step(ladder: CheckedSpec) -> None:
    assert "the state after the last half-step, a draw from decoder(x | z1)" in explain(ladder, "text")
    (sampler,) = json.loads(explain(ladder, "json"))["samplers"]
    assert sampler["last"] == "decoder(x | z1)"
    assert sampler["sweep"] == ["encoder(z0 | x)", "encoder(z1 | z0, x)", "decoder(x | z1)"]


@pytest.mark.parametrize("text", [LADDER, SEGMENTATION], ids=["ladder", "segmentation"])
def test_text_is_readable_at_100_columns(text: str, tmp_path: Path) -> None:
    assert max(map(len, explain(checked(text, tmp_path), "text").splitlines())) <= WIDTH


def test_a_warning_is_told(tmp_path: Path) -> None:
    apart = SEGMENTATION.replace("{pairs: [x, s], images: [x]}", "{pairs: [s], images: [x]}").replace("pairs(x, s)", "pairs(s), images(x)")
    text = explain(checked(apart, tmp_path), "text")
    assert "Warnings\n--------\n" in text
    assert "no stream shows 'x' and 's' together" in " ".join(text.split()) or "no stream shows 's' and 'x' together" in " ".join(
        text.split()
    )


def test_latex_has_expectations_over_data_and_players(ladder: CheckedSpec, segmentation: CheckedSpec) -> None:
    latex = explain(ladder, "latex")
    assert (
        r"L_{\mathrm{decoder}} &= \mathbb{E}_{\pi(x)}\mathbb{E}_{\mathrm{encoder}(z_{0} \mid x)\,\mathrm{encoder}(z_{1} \mid z_{0}, x)}"
        r" \bigl[ \log \mathrm{decoder}(z_{0})"
    ) in latex
    assert r"\mathbb{E}_{\pi_{\mathrm{pairs}}(x, s)}" in explain(segmentation, "latex")
    assert latex.count("{") == latex.count("}")
    assert latex.count(r"\begin{align*}") == latex.count(r"\end{align*}") == 2


@pytest.mark.parametrize(("name", "latex"), [("x", "x"), ("z12'", "z_{12}'"), ("left_eye", r"\mathit{left\_eye}"), ("x_1", "x_{1}")])
def test_variables_in_latex(name: str, latex: str) -> None:
    assert symbol_latex(name) == latex


def test_mermaid_draws_variables_factors_and_streams(ladder: CheckedSpec) -> None:
    lines = [line.strip() for line in explain(ladder, "mermaid").splitlines()]
    assert lines[0] == "flowchart LR"
    assert 'v_x(("x"))' in lines
    assert 's_images[("images")]' in lines
    assert 'f_encoder_1["z1 | z0, x"]' in lines
    for edge in ("s_images --> v_x", "v_z0 --> f_encoder_1", "v_x --> f_encoder_1", "f_encoder_1 --> v_z1"):
        assert edge in lines
    assert sum("-->" in line for line in lines) == 1 + (1 + 2 + 2) + (2 + 3)


def test_an_unknown_format_is_refused(ladder: CheckedSpec) -> None:
    with pytest.raises(GamelearnError, match="unknown format 'html'; known: 'text', 'mermaid', 'latex', 'json', 'yaml'"):
        explain(ladder, "html")  # type: ignore[arg-type]
