"""How far long work on data files is, such as the first decoding of thousands of images.

Data are opened deep below what a user calls, so whoever wants to be told says so around the call; else nobody is told. This file
passes the word.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar

Tell = Callable[[str, int, int], None]
"""Is told what is being done, how many are done, and of how many."""

_LISTENER: ContextVar[Tell | None] = ContextVar("listener", default=None)


@contextmanager
def told_of_progress(tell: Tell) -> Iterator[None]:
    """Let `tell` be called while data are opened inside the `with`.

    >>> with told_of_progress(print):
    ...     say_progress("decoding", 256, 30000)
    decoding 256 30000
    """
    before = _LISTENER.set(tell)
    try:
        yield
    finally:
        _LISTENER.reset(before)


def say_progress(title: str, done: int, total: int) -> None:
    """Tell whoever listens how many of all are done."""
    if tell := _LISTENER.get():
        tell(title, done, total)
