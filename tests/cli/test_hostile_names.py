"""Games whose every name is one that Python, NumPy or PyTorch uses itself, and data whose names are markup: every command takes them."""

import csv
from collections.abc import Callable
from pathlib import Path
from string import Template
from typing import Any

import numpy as np
import pytest

from gamelearn.cli.terminal import Terminal
from gamelearn.errors import visible
from gamelearn.metrics.metric import Block, Figure, Table
from gamelearn.metrics.tables import _rows

NAMES = (
    "file", "allow_pickle", "self", "train", "type", "items", "forward", "keys", "parameters", "to", "values", "update", "pop", "training",
    "state_dict", "data", "device", "name", "args", "kwargs", "cls", "_modules", "__class__", "T_destination", "clear", "get",
    "lambda", "rows", "count", "seed", "given", "want", "game", "end", "mixture", "default", "dataset", "net", "outputs", "networks",
    "families", "free_", "factors", "ref", "round", "stage", "_", "copy", "half", "register_buffer", "compile", "ema", "label",
)  # fmt: skip

GAME = Template("""\
name: hostile
variables:
  $x: {type: binary, shape: [1, 4, 4]}
  $z: {type: binary, shape: [3]}
  $c: {type: categorical, classes: 2}
  $g: [$x, $c]
data:
  dataset: {type: npz, path: rows.npz}
  streams: {$s: {variables: {$x: pixels, $c: labels}}}
players:
  $p:
    networks: {$n: {net: linear, inputs: [$z], outputs: {$h: $x, $k: $c}}}
    factors: {$z: uniform, $x | $z: $n.$h, $c | $z: $n.$k}
  $q:
    factors: {"$z | $x, $c": {net: linear}, $c: free}
samplers: {$m: {start: "$p($g, $z)", sweep: "$q($z | $g), $p($g | $z)", sweeps: 2}}
stages:
  $a:
    train: {rounds: 2}
    utilities:
      $p: "E[$s($g), $q($z | $g)] log $p($g, $z)"
      $q: "E[$p($g, $z)] log $q($z | $g) + log $q($c)"
  $b:
    train: {rounds: 2}
    utilities:
      $p: "E[$s($g), $q($z | $g)] log $p($g, $z)"
      $q: "E[$p($g, $z)] log $q($z | $g) + log $q($c)"
train: {batch: 8, ema: 0.5}
presets:
  $r: {train: {seed: 1}}
""")


def named(first: int) -> dict[str, str]:
    roles = "xzcgspqnhkmabr"
    return {role: NAMES[(first + index) % len(NAMES)] for index, role in enumerate(roles)}


@pytest.mark.parametrize("first", range(0, len(NAMES), 6))
def test_every_command_takes_every_legal_name(run: Callable[..., Any], folder: Path, first: int) -> None:
    names = named(first)
    dice = np.random.default_rng(0)
    np.savez(folder / "rows.npz", pixels=dice.random((40, 1, 4, 4)) > 0.5, labels=dice.integers(0, 2, 40))
    (folder / "hostile.yaml").write_text(GAME.substitute(names))
    for command in (
        ("check", "hostile.yaml"),
        ("explain", "hostile.yaml"),
        ("data", "hostile.yaml"),
        ("train", "hostile.yaml", "--preset", names["r"]),
        ("train", "hostile.yaml", "--resume", f"stages.{names['b']}.train.rounds=4"),
        ("sample", "hostile", "--count", "5"),
        ("sample", "hostile", "--sampler", names["m"], "--draws", "--count", "5"),
        ("infer", "hostile", "--rows", "3", "--images", "--save", "decided,mean,deviation,drawn"),
        ("infer", "hostile", "--given", f"{names['c']}=rows.npz:labels", "--want", names["x"]),
        ("evaluate", "hostile", "--count", "8", "--sweeps", "2"),
        ("figures", "hostile", "--count", "2"),
        ("report", "hostile"),
    ):
        told = run(*command)
        assert told.exit_code == 0, (command, names, told.output)
    with np.load(next((folder / "runs/hostile/1/samples").glob("draws-*.npz"))) as arrays:
        assert set(arrays.files) == {names[role] for role in "xzc"}


HOSTILE = "[/b] [red]a[/red] :smile: \x1b[2J\x1b]0;title\x07 \u202eb $x^{$ <b>"


def test_names_from_data_are_shown_as_they_are_written(capsys: pytest.CaptureFixture[str]) -> None:
    terminal = Terminal(force_terminal=True, width=200, color_system="truecolor")
    block = Block(HOSTILE, {HOSTILE: Figure(0.5, 3)}, Table((HOSTILE, "b"), ((HOSTILE, 0.5),)))
    assert block.table
    terminal.print(_rows(HOSTILE, block.table))
    terminal.print(HOSTILE, highlight=False, soft_wrap=True)
    shown = capsys.readouterr().out
    assert shown.count("[/b] [red]a[/red] :smile: \\u001b[2J\\u001b]0;title\\u0007 \\u202eb $x^{$ <b>") == 4
    assert "\x1b[2J" not in shown
    assert "\x1b]" not in shown


def test_a_table_with_hostile_classes_and_columns(run: Callable[..., Any], folder: Path) -> None:
    dice = np.random.default_rng(0)
    with (folder / "rows.csv").open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(["height", "kind"])
        for _ in range(60):
            kind = int(dice.integers(0, 2))
            writer.writerow([f"{dice.normal() + 2 * kind:.3f}", (HOSTILE.replace("\x07", ""), "[b]plain")[kind]])
    (folder / "t.yaml").write_text("""\
name: t
variables: {t: {columns: "*"}}
data: {dataset: {type: csv, path: rows.csv}, streams: {rows: [t]}}
players:
  a: {factors: {kind: free, height | kind: {net: linear}}}
  b: {factors: {kind | height: {net: linear}}}
utilities: {a: "E[rows(t)] log a(t)", b: "E[rows(t)] log b(kind | height)"}
train: {rounds: 3, batch: 8}
""")
    for command in (("train", "t.yaml"), ("evaluate", "t"), ("sample", "t"), ("infer", "t", "--given", "rows.csv", "--hide", "kind=all"),
                    ("report", "t"), ("data", "t.yaml"), ("explain", "t.yaml")):  # fmt: skip
        told = run(*command)
        assert told.exit_code == 0, (command, told.output)
        assert "\x1b" not in told.output
        assert "\u202e" not in told.output
    page = (folder / "runs/t/1/report.html").read_text()
    assert "<b>" not in page.replace("<b></b>", "").split("<body", 1)[1].split("spec.yaml")[0]


def test_what_steers_a_terminal_is_written_out() -> None:
    assert visible("a\tb\nc\r\x1b\x9b\x7f\u2066\udc80é") == "a\tb\nc\\u000d\\u001b\\u009b\\u007f\\u2066\\udc80é"
