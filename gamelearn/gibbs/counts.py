"""How long chains run, and how many: whole numbers that a user gives. This file checks them."""

from operator import index
from typing import Any

from gamelearn.errors import EvidenceError
from gamelearn.options import describe


def whole_number(name: str, value: Any, least: int | None = None) -> int:
    """Return a whole number, numpy's included, as Python's own.

    Args:
        name: of the argument, for the error.
        value: what was given.
        least: the smallest number allowed; None for no limit.

    Raises:
        EvidenceError: it is something else (True and False are no numbers), or too small.
    """
    number = _number(value)
    if number is None:
        limit = "" if least is None else f" of at least {least}"
        raise EvidenceError(f"{name!r} must be a whole number{limit}, got {describe(value)}")
    if least is not None and number < least:
        raise EvidenceError(f"{name!r} must be at least {least}, got {number}")
    return number


def _number(value: Any) -> int | None:
    try:
        return None if isinstance(value, bool) else index(value)
    except TypeError:
        return None
