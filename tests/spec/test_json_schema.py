"""This file tests the JSON schema: that it is current, accepts what the loader accepts, and refuses common mistakes."""

import json
import subprocess
import sys
from functools import cache
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from gamelearn.shipped import shipped_specs, specs_folder
from gamelearn.spec.source import parse_source, read_source


@cache
def generated() -> str:
    """Generate the schema in a process of its own, where no test has registered anything."""
    return subprocess.run(
        [sys.executable, "-m", "gamelearn.spec.json_schema"], capture_output=True, text=True, check=True, encoding="utf-8"
    ).stdout


@cache
def validator() -> Any:
    schema = json.loads(generated())
    jsonschema.Draft202012Validator.check_schema(schema)
    return jsonschema.Draft202012Validator(schema)


def test_the_file_is_current() -> None:
    written = (specs_folder() / "schema.json").read_text(encoding="utf-8")
    assert written == generated(), "specs/schema.json is old: write it anew with `python -m gamelearn.spec.json_schema > specs/schema.json`"


@pytest.mark.parametrize("path", shipped_specs().values(), ids=lambda path: path.stem)
def test_a_shipped_spec_is_accepted(path: Path) -> None:
    validator().validate(read_source(path).plain())
    assert path.read_text().startswith("# yaml-language-server: $schema=schema.json\n")


REST = """
name: game
variables: {x: {type: binary, shape: [4]}, z: {type: real}, all: [x, z]}
players:
  p: {factors: {z: standard, x | z: {net: mlp, family: {type: bernoulli}}}}
"""
ACCEPTED = [
    "utilities: {p: 'E[a(x)] log p(x)'}",
    "utilities: {p: ['E[a(x)] log p(x)', {term: 'E[a(x)] log p(x)', weight: 2}]}",
    "utilities: {p: {fit: 'E[a(x)] log p(x)', other: {term: 'E[a(x)] log p(x)', draws: constant}}}",
    "utilities: {p: {term: 'E[a(x)] log p(x)', weight: 0.1}}",
    "data: {dataset: {type: digits}, streams: {a: [x], b: {variables: [x], take: 3}, c: {variables: {x: y}, except: a}}}",
    "samplers: {s: {start: 'p(x)', sweep: ['p(x | z)', 'p(z)'], sweeps: 2}}",
    "train: {batch: 3}",
    "train: {batch: {default: 3, a: 5}, optimizer: {type: sgd, lr: 0.1}}",
    "stages: {one: {utilities: {p: 'E[a(x)] log p(x)'}, train: {rounds: 3}, schedule: {mode: parallel}}}",
    "presets: {quick: {train: {rounds: 3}, players: {p: {factors: {x | z: {hidden: [3]}}}}}, none: {players: null}}",
    "schedule: {order: [p, p]}",
    "derive: symmetric",
    "derive: {rule: symmetric, factors: ['p(x | z)'], consistency: true}",
    "stages: {one: {derive: {factors: ['p(x | z)']}, train: {rounds: 3}}}",
    "derive: {consistency: true}\nstages: {one: {train: {rounds: 3}}, two: {derive: none, utilities: {p: 'E[a(x)] log p(x)'}}}",
]
REFUSED = [
    "utilities: {p: 5}",
    "utilities: {p: {term: 'E[a(x)] log p(x)', wieght: 0.1}}",
    "utilities: {p: []}",
    "train: {rouns: 3}",
    "train: {rounds: ten}",
    "train: {optimizer: {type: sgdd}}",
    "stages: {one: {train: {rounds: 3}}}",
    "nonsense: 3",
    "data: {streams: {'a b': [x]}}",
    "samplers: {s: {start: 'p(x)'}}",
    "presets: {quick: {trian: {}}}",
    "presets: {quick: {train: {rouns: 2}}}",
    "schedule: {mode: both}",
    "derive: symetric",
    "derive: {rule: other}",
    "derive: {factors: 'p(x | z)'}",
    "stages: {one: {derive: [symmetric]}}",
]


@pytest.mark.parametrize("text", ACCEPTED)
def test_the_short_forms_are_accepted(text: str) -> None:
    validator().validate(parse_source(REST + text, "f").plain())


@pytest.mark.parametrize("text", REFUSED)
def test_mistakes_are_refused(text: str) -> None:
    assert not validator().is_valid(parse_source(REST + text, "f").plain())


@pytest.mark.parametrize(
    "right", ["standard", "free", "[trunk.a, {net: mlp}]", "{scores: [free], family: {type: bernoulli}}", "{scores: free}"]
)
def test_right_hand_sides_are_accepted(right: str) -> None:
    validator().validate(parse_source(REST.replace("z: standard", f"z: {right}"), "f").plain())


@pytest.mark.parametrize(
    "right", ["5", "{net: mpl}", "{net: mlp, hiden: [3]}", "[]", "{family: {type: bernoulli}}", "{net: mlp, hidden: [x]}"]
)
def test_wrong_right_hand_sides_are_refused(right: str) -> None:
    assert not validator().is_valid(parse_source(REST.replace("z: standard", f"z: {right}"), "f").plain())


def test_a_file_that_extends_another_may_hold_less() -> None:
    validator().validate({"extends": "base.yaml", "players": {"p": {"factors": {"x | z": {"hidden": [3]}}}}, "train": {"rounds": 3}})
    assert not validator().is_valid({"extends": "base.yaml", "trian": {}})
    assert not validator().is_valid({"name": "game"})


def test_options_are_described() -> None:
    network = validator().schema["$defs"]["network-mlp"]
    assert network["description"]
    assert network["properties"]["inputs"]["description"] == "The variables it reads; by default the givens of its factor."
    assert network["properties"]["net"]["const"] == "mlp"
