"""This file tests the scalars of YAML 1.2, read by us and, where they agree, by PyYAML."""

import math
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gamelearn.spec.scalars import Scalar, read_plain, write_scalar


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("", None), ("~", None), ("null", None), ("Null", None), ("NULL", None), ("nULL", "nULL"),
        ("true", True), ("True", True), ("TRUE", True), ("false", False), ("False", False), ("FALSE", False),
        ("yes", "yes"), ("no", "no"), ("on", "on"), ("off", "off"), ("y", "y"), ("n", "n"),
        ("0", 0), ("12", 12), ("-3", -3), ("+4", 4), ("007", 7), ("0o17", 15), ("0x1F", 31), ("0b11", "0b11"),
        ("1_000", "1_000"), ("1:30", "1:30"), ("-0o7", "-0o7"), ("9223372036854775807", 2**63 - 1),
        ("1e-4", 1e-4), ("1E5", 1e5), ("1e+2", 100.0), (".5", 0.5), (".5e3", 500.0), ("5.", 5.0), ("-1.5", -1.5), ("+.5", 0.5),
        (".", "."), ("e5", "e5"), ("1e", "1e"), ("-", "-"), ("1.2.3", "1.2.3"), ("1e-4x", "1e-4x"),
        (".inf", math.inf), ("-.INF", -math.inf), ("+.Inf", math.inf), ("inf", "inf"), ("nan", "nan"),
        ("2026-01-01", "2026-01-01"), ("=", "="), ("<<", "<<"), ("z0 | x", "z0 | x"),
    ],
)  # fmt: skip
def test_a_plain_scalar_is_read(text: str, value: Scalar) -> None:
    assert read_plain(text) == value
    assert type(read_plain(text)) is type(value)


def test_nan_is_a_number() -> None:
    assert isinstance(read_plain(".nan"), float)
    assert math.isnan(read_plain(".NaN"))  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["9223372036854775808", "9" * 5000, "1e999", "1." + "1" * 5000, "0x" + "f" * 5000])
def test_a_number_that_is_too_large_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="too large"):
        read_plain(text)


@given(st.none() | st.booleans() | st.integers(-(2**63) + 1, 2**63 - 1) | st.floats(allow_nan=False) | st.text())
def test_what_is_written_is_read_again(value: Scalar) -> None:
    text = write_scalar(value, plain=re.compile(r"[\w.+-]+"))
    if not text.startswith('"'):
        assert read_plain(text) == value


@pytest.mark.parametrize("text", ["no", "decoder", "v1.2-x"])
def test_a_text_that_reads_as_itself_needs_no_quotes(text: str) -> None:
    assert write_scalar(text, plain=re.compile(r"[\w.+-]+")) == text


@pytest.mark.parametrize("text", ["1", "true", "~", "", "1e5", ".nan", "9" * 30])
def test_a_text_that_reads_as_something_else_is_quoted(text: str) -> None:
    assert write_scalar(text, plain=re.compile(r"[\w.~+-]*")) == f'"{text}"'
