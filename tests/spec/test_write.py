"""This file tests that what is written as YAML reads as the same values."""

from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gamelearn.spec.source import parse_source
from gamelearn.spec.write import write_yaml

CHARACTERS = st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff", include_characters="\n\t")
TEXTS = st.text(CHARACTERS, max_size=20) | st.sampled_from(
    ["no", "1", "~", "E[a(x)] log b(x)", "z | x, y", "a: b", "a #b", "- a", "'", '"', "<<", "x'"]
)
KEYS = TEXTS.filter(lambda text: text != "<<")
SCALARS = st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | TEXTS
VALUES = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4), max_leaves=20)


@given(VALUES)
def test_what_is_written_is_read_again(value: Any) -> None:
    read = parse_source(write_yaml(value), "f").plain()
    assert read == value
    assert repr(read) == repr(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"a": {"type": "binary", "shape": [1, 2]}}, "a:\n  type: binary\n  shape: [1, 2]\n"),
        ({"a": ["E[b(x), c(z | x)] log d(x')"]}, "a:\n  - E[b(x), c(z | x)] log d(x')\n"),
        ({"a": {"b": {"c": 1}}}, "a:\n  b: {c: 1}\n"),
        ({"train": {"lr": 1e-4, "compile": False, "ema": None}}, "train:\n  lr: 0.0001\n  compile: false\n  ema: null\n"),
        ({"z1 | z0, x": ["decoder(z1 | z0)", {"net": "mlp"}]}, "z1 | z0, x:\n  - decoder(z1 | z0)\n  - {net: mlp}\n"),
        ({"a": [], "b": {}, "c": ""}, 'a: []\nb: {}\nc: ""\n'),
        ([["a", 1], {"b": [2]}], "- - a\n  - 1\n- b: [2]\n"),
    ],
)
def test_it_reads_well(value: Any, text: str) -> None:
    assert parse_source(text, "f").plain() == value
    assert yaml.safe_load(write_yaml(value)) == value
    assert write_yaml(value) == text


def test_a_long_collection_takes_a_block() -> None:
    assert write_yaml({"a": {"b": list(range(100))}}).count("\n") > 100


def test_a_long_key_is_read_again() -> None:
    value = {"é€" * 240: {"a": [1]}}
    assert parse_source(write_yaml(value), "f").plain() == value
