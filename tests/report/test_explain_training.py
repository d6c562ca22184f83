"""What an explanation says of presets, stages' training, constant draws and half-steps. This file reads explanations of a staged game."""

import json
from pathlib import Path

import pytest

from gamelearn.game import check
from gamelearn.graph.samplers import find_half_steps
from gamelearn.report.explain import explain
from gamelearn.report.formulas import WIDTH

STAGED = """\
name: staged
variables:
  x: {type: binary, shape: [4]}
  z0: {type: binary, shape: [2]}
  z1: {type: binary, shape: [2]}
  z: [z0, z1]
data: {dataset: {type: npz, path: none.npz}, streams: {images: [x], some: {variables: [x], take: 9}}}
players:
  decoder: {factors: {z0: uniform, z1: uniform, "x | z": {net: linear}}}
  encoder: {factors: {z0 | x: {net: linear}, "z1 | z0, x": {net: linear}}}
samplers:
  limit: {start: "decoder(x, z)", sweep: ["encoder(z | x)", "decoder(x | z)"], sweeps: 1}
stages:
  first:
    utilities: {decoder: "E[images(x), encoder(z | x)] log decoder(x | z)"}
    train: {epochs: 2.5, optimizer: {lr: 1e-2, schedule: {type: constant, warmup: 7}}}
  second:
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x | z)
      encoder:
        prior: E[decoder(x, z)] log encoder(z | x)
        again: {term: "E[some(x), encoder(z | x), decoder(x' | z)] log encoder(z | x')", draws: constant, weight: 3}
    train: {rounds: 1, optimizers: {encoder: {type: sgd, lr: 0.5, momentum: 0.25}}}
  third:
    utilities: {encoder: "E[decoder(x, z)] log encoder(z | x)"}
    train: {minutes: 90}
    optimizer: keep
train: {rounds: 1234, batch: {default: 1024, some: 9}, optimizer: {clip: 7}}
presets:
  quick: {stages: {first: {train: {rounds: 2000}}}}
  slow: {train: {optimizer: {lr: 1e-5}}}
"""


def explained(folder: Path, form: str, *presets: str, text: str = STAGED) -> str:
    path = folder / "staged.yaml"
    path.write_text(text, encoding="utf-8")
    return explain(check(path, preset=presets or None), form)  # type: ignore[arg-type]


def section(text: str, title: str) -> list[str]:
    return text.split(f"\n{title}\n{'-' * len(title)}\n")[1].split("\n\n")[0].splitlines()


def test_every_stage_says_how_long_it_runs_and_how_its_players_learn(tmp_path: Path) -> None:
    assert section(explained(tmp_path, "text"), "Training") == [
        "first: 2.5 epochs, batches of 1,024 (some 9)",
        "  decoder  adam, lr 0.01, schedule constant (warmup 7), clip 7",
        "second: 1 round, batches of 1,024 (some 9)",
        "  decoder  adam, lr 0.001, clip 7",
        "  encoder  sgd, lr 0.5, momentum 0.25",
        "third: 90 minutes, batches of 1,024 (some 9), optimizers go on from the stage before",
        "  encoder  adam, lr 0.001, clip 7",
    ]


def test_players_with_equal_optimizers_share_a_line_and_a_single_stage_has_no_name(tmp_path: Path) -> None:
    single = STAGED.split("stages:")[0] + (
        "utilities:\n  decoder: E[images(x), encoder(z | x)] log decoder(x | z)\n  encoder: E[decoder(x, z)] log encoder(z | x)\n"
        "train: {rounds: 10}\n"
    )
    text = explained(tmp_path, "text", text=single)
    assert section(text, "Training") == ["10 rounds, batches of 128", "  decoder, encoder  adam, lr 0.001"]
    assert text.startswith("staged\n\n")


def test_averages_precision_and_compilation_are_told_where_they_differ_from_the_defaults(tmp_path: Path) -> None:
    text = STAGED.replace("train: {epochs: 2.5,", "train: {epochs: 2.5, ema: 0.999, precision: bf16, compile: true,")
    first, second = (section(explained(tmp_path, "text", text=text), "Training")[line] for line in (0, 2))
    assert first == "first: 2.5 epochs, batches of 1,024 (some 9), ema 0.999, precision bf16, compiled"
    assert second == "second: 1 round, batches of 1,024 (some 9)"
    latex = explained(tmp_path, "latex", text=text).splitlines()
    assert "% utilities, stage first: 2.5 epochs, batches of 1,024 (some 9), ema 0.999, precision bf16, compiled" in latex
    stages = [stage["training"] for stage in json.loads(explained(tmp_path, "json", text=text))["stages"]]
    assert [stages[0][name] for name in ("ema", "precision", "compile")] == [0.999, "bf16", True]
    assert [stages[1][name] for name in ("ema", "precision", "compile")] == [None, "fp32", False]


@pytest.mark.parametrize(
    ("presets", "line"),
    [
        ((), "no preset taken; there are quick, slow"),
        (("quick",), "preset taken: quick"),
        (("slow", "quick"), "presets taken: slow, quick"),
    ],
)
def test_the_presets_that_were_taken_are_named(presets: tuple[str, ...], line: str, tmp_path: Path) -> None:
    text = explained(tmp_path, "text", *presets)
    assert text.splitlines()[:3] == ["staged", line, ""]
    assert ("first: 2,000 rounds, " in text) == ("quick" in presets)
    assert json.loads(explained(tmp_path, "json", *presets))["presets"] == list(presets)


def test_constant_draws_are_marked(tmp_path: Path) -> None:
    text = explained(tmp_path, "text")
    assert text.count("are constants in") == 1
    assert "  draws of encoder are constants in: again" in text.splitlines()
    terms = {
        (stage["name"], term["name"]): (term["constant_draws"], term["weight"])
        for stage in json.loads(explained(tmp_path, "json"))["stages"]
        for each in stage["utilities"]
        for term in each["terms"]
    }
    assert {place for place, (is_constant, _) in terms.items() if is_constant} == {("second", "again")}
    assert terms["second", "again"][1] == 3


def test_the_training_is_data_too(tmp_path: Path) -> None:
    first, second, third = (stage["training"] for stage in json.loads(explained(tmp_path, "json"))["stages"])
    assert (first["rounds"], first["epochs"], second["rounds"], third["minutes"]) == (None, 2.5, 1, 90)
    assert first["batch"] == {"default": 1024, "some": 9}
    assert second["optimizers"]["encoder"]["momentum"] == 0.25
    assert [each["keeps_optimizer"] for each in (first, second, third)] == [False, False, True]


def test_latex_says_the_training_in_comments(tmp_path: Path) -> None:
    lines = explained(tmp_path, "latex").splitlines()
    assert "% utilities, stage second: 1 round, batches of 1,024 (some 9)" in lines
    assert "% encoder: sgd, lr 0.5, momentum 0.25" in lines
    assert "% encoder: its draws are constants in the term again" in lines


def test_half_steps_have_the_names_that_samples_may_end_after(tmp_path: Path) -> None:
    lines = section(explained(tmp_path, "text"), "Samplers")
    assert lines[0].endswith(", 1 sweep where a utility calls it")
    assert lines[-2:] == [
        "  half-steps  encoder(z0, z1 | x), decoder(x | z0, z1)",
        "  result      the state after the last half-step, a draw from decoder(x | z0, z1)",
    ]
    (sampler,) = json.loads(explained(tmp_path, "json"))["samplers"]
    graph = check(tmp_path / "staged.yaml").graph
    assert sampler["half_steps"] == [
        name for each in sampler["half_steps"] for name in find_half_steps(graph, graph.samplers["limit"], each)
    ]


def test_a_chain_that_ends_early_names_that_half_step(tmp_path: Path) -> None:
    early = STAGED.replace("sweeps: 1}", 'sweeps: 1, after: "encoder(z | x)"}')
    assert "  result      the state after the half-step, a draw from encoder(z0, z1 | x)" in explained(tmp_path, "text", text=early)


def test_the_lines_keep_to_the_width(tmp_path: Path) -> None:
    many = STAGED.split("presets:")[0] + "presets:\n" + "".join(f"  preset_number_{each}: {{}}\n" for each in range(20))
    assert max(map(len, explained(tmp_path, "text", text=many).splitlines())) <= WIDTH
