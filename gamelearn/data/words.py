"""Words of messages about data: counts and lists. This file writes them."""

from collections.abc import Sequence

from gamelearn.errors import first_of

_MOST_NAMED = 10


def counted(number: int, one: str, many: str | None = None) -> str:
    """Return a number with what it counts.

    >>> counted(1, "row"), counted(2000, "row"), counted(3, "class", "classes")
    ('1 row', '2,000 rows', '3 classes')

    Args:
        number: how many.
        one: the word for one.
        many: the word for several; by default with an s.
    """
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"


def listed(problems: Sequence[str]) -> str:
    """Return problems line by line, of many the first ten with the number of the others."""
    return "".join(f"\n  {each}" for each in first_of(problems, most=_MOST_NAMED))
