"""Plain scalars as the core schema of YAML 1.2 reads them (https://yaml.org/spec/1.2.2/#103-core-schema).

`1e-4` is a number, `no` is text, `2026-01-01` is text. This file converts such texts to values, or back.
"""

import re
from math import isinf, isnan

Scalar = str | int | float | bool | None

_WORDS: dict[str, Scalar] = {
    **dict.fromkeys(("", "~", "null", "Null", "NULL"), None),
    **dict.fromkeys(("true", "True", "TRUE"), True),
    **dict.fromkeys(("false", "False", "FALSE"), False),
    **dict.fromkeys((".inf", ".Inf", ".INF", "+.inf", "+.Inf", "+.INF"), float("inf")),
    **dict.fromkeys(("-.inf", "-.Inf", "-.INF"), float("-inf")),
    **dict.fromkeys((".nan", ".NaN", ".NAN"), float("nan")),
}
_INTEGERS = ((re.compile(r"[-+]?[0-9]+"), 10), (re.compile(r"0o[0-7]+"), 8), (re.compile(r"0x[0-9a-fA-F]+"), 16))
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_LONGEST_NUMBER = 100
_LARGEST = 2**63 - 1


def read_plain(text: str) -> Scalar:
    """Return the value of a plain scalar.

    Raises:
        ValueError: a number that is too long or too large; the message says so.

    >>> [read_plain(text) for text in ("1e-4", "0o17", "no", "~", ".5")]
    [0.0001, 15, 'no', None, 0.5]
    """
    if text in _WORDS:
        return _WORDS[text]
    if text[0] not in "+-.0123456789":
        return text
    for pattern, base in _INTEGERS:
        if pattern.fullmatch(text):
            return _integer(text, base)
    return _float(text) if _FLOAT.fullmatch(text) else text


def _integer(text: str, base: int) -> int:
    value = int(text, base) if len(text) <= _LONGEST_NUMBER else _LARGEST + 1
    if abs(value) > _LARGEST:
        raise ValueError(f"the whole number is too large: at most {_LARGEST} can be read")
    return value


def _float(text: str) -> float:
    value = float(text) if len(text) <= _LONGEST_NUMBER else float("inf")
    if isinf(value):
        raise ValueError("the number is too large or has too many digits; write infinity as .inf")
    return value


def write_scalar(value: Scalar, *, plain: re.Pattern[str]) -> str:
    """Return a scalar as YAML text that reads as the same value; a string is quoted unless it matches `plain`."""
    if isinstance(value, str):
        is_plain = plain.fullmatch(value) is not None and isinstance(_read_or_none(value), str)
        return value if is_plain else _double_quoted(value)
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, float) and (isinf(value) or isnan(value)):
        return ".nan" if isnan(value) else ".inf" if value > 0 else "-.inf"
    return repr(value)


def _read_or_none(text: str) -> Scalar:
    try:
        return read_plain(text)
    except ValueError:
        return None


def _double_quoted(text: str) -> str:
    return '"' + "".join(map(_escaped, text)) + '"'


def _escaped(character: str) -> str:
    code = ord(character)
    if character in '"\\':
        return "\\" + character
    if character == "\n":
        return "\\n"
    if 0x20 <= code < 0x7F or (0xA1 <= code < 0x2000 and character.isprintable()):
        return character
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
