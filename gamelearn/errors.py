"""What can go wrong, and how it is said.

Every error that a user can cause is a `GamelearnError`; the command line prints it without a traceback. A spec's
errors are `Problem`s, each with its place in the file, and are raised all at once as one `SpecError`. This file
defines the errors, with the search for the nearest known name.
"""

import re
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, field

Say = Callable[[str], None]
"""Tells the user something."""

_MOST_NAMED = 40
_MOST_LINES = 20
_STEERING = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ud800-\udfff]")
_MOST_EDITS = 8
_MOST_CELLS = 20_000


class GamelearnError(Exception):
    """An error whose message is meant for the user."""

    exit_status = 2


class DataError(GamelearnError):
    """A data set that is absent, damaged, or does not fit the variables of the game."""


class RunError(GamelearnError):
    """A run folder or a checkpoint that cannot be read, resumed or written."""


class PluginError(GamelearnError):
    """A plugin that cannot be found or loaded."""


class EvidenceError(GamelearnError):
    """What is said to be known does not fit the variables of the game, or no chain answers the question."""


class TrainingError(GamelearnError):
    """A failure while training, such as a loss that is not finite."""

    exit_status = 1


@dataclass(frozen=True, order=True)
class Position:
    """A place in a text file; `line` and `column` count from 1."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(frozen=True)
class Problem:
    """One mistake of a spec: where, what, and the nearest known name if there is one.

    `where` is the dotted path of the place in the spec (`players.decoder.factors`).
    """

    where: str
    what: str
    suggestion: str | None = None
    position: Position | None = field(default=None, compare=False)
    severity: str = "error"

    def __str__(self) -> str:
        place = f"{self.position}: " if self.position else ""
        where = f"{self.where}: " if self.where else ""
        kind = "warning: " if self.severity == "warning" else ""
        hint = f"; did you mean {self.suggestion!r}?" if self.suggestion else ""
        return f"{place}{kind}{where}{self.what}{hint}"


class SpecError(GamelearnError):
    """All problems of a spec at once, in the order of their places in the file."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(problems, key=_place))
        super().__init__("\n".join(str(problem) for problem in self.problems))


def _place(problem: Problem) -> tuple[str, int, int]:
    position = problem.position
    return (position.file, position.line, position.column) if position else ("", 0, 0)


def nearest(name: str, known: Iterable[str], unlikely: Container[str] = ()) -> str | None:
    """Return the known name closest to `name` in edits (insert, delete, replace, swap), or None if none is close.

    A name without any letter of `name` is not close. Of names that are equally close, the unlikely ones come last, then those of another length.
    The work is bounded: of very many long names those are compared that differ from `name` in the shortest part.

    >>> nearest("encodr", ["decoder", "encoder"])
    'encoder'
    >>> nearest("optimiser", ["x", "z"]) is None
    True
    >>> nearest("m", ["x", "z"]) is None
    True
    """
    limit = min(1 + len(name) // 4, _MOST_EDITS)
    wanted, letters = name.lower(), set(name.lower())
    close = [
        (*_differing(wanted, other.lower()), other)
        for other in known
        if abs(len(name) - len(other)) <= limit and not letters.isdisjoint(other.lower())
    ]
    close.sort(key=lambda each: max(len(each[0]), len(each[1])))
    ranked, cells = [], 0
    for first, second, other in close:
        cells += len(first) * min(len(second), 2 * limit + 1)
        if cells > _MOST_CELLS:
            break
        if (edits := edit_distance(first, second, limit)) <= limit:
            ranked.append((edits, other in unlikely, abs(len(name) - len(other)), -_common_prefix(name, other), other))
    return min(ranked)[-1] if ranked else None


def edit_distance(first: str, second: str, limit: int | None = None) -> int:
    """Return the Damerau-Levenshtein distance (adjacent swaps count one) between two names; if it is above the limit, any number above."""
    limit = max(len(first), len(second)) if limit is None else limit
    before: list[int] = []
    row = list(range(len(second) + 1))
    for i, a in enumerate(first, 1):
        older, before, row = before, row, [i] + [limit + 1] * len(second)
        for j in range(max(1, i - limit), min(len(second), i + limit) + 1):  # what lies farther off the diagonal takes more edits
            b = second[j - 1]
            cost = min(before[j] + 1, row[j - 1] + 1, before[j - 1] + (a != b))
            if i > 1 and j > 1 and a == second[j - 2] and first[i - 2] == b:
                cost = min(cost, older[j - 2] + 1)
            row[j] = cost
        if min(row) > limit and min(before) > limit:
            break
    return row[-1]


def _differing(first: str, second: str) -> tuple[str, str]:
    """Return two names without what they begin and end with alike."""
    begin = _common_prefix(first, second)
    first, second = first[begin:], second[begin:]
    end = _common_prefix(first[::-1], second[::-1])
    return first[: len(first) - end], second[: len(second) - end]


def _common_prefix(first: str, second: str) -> int:
    low, high = 0, min(len(first), len(second))
    while low < high:
        middle = (low + high + 1) // 2
        low, high = (middle, high) if first[low:middle] == second[low:middle] else (low, middle - 1)
    return low


def visible(text: str) -> str:
    """Return a text for a terminal, on which characters that steer it are written out; lines and tabs stay.

    >>> visible("a\x1b[2Jb")
    'a\\\\u001b[2Jb'
    """
    return _STEERING.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def quoted(names: Iterable[str]) -> str:
    """Return the names, quoted and separated by commas; of very many the first ones."""
    every = list(names)
    rest = [f"and {len(every) - _MOST_NAMED} more"] if len(every) > _MOST_NAMED else []
    return ", ".join([*(repr(name) for name in every[:_MOST_NAMED]), *rest])


def first_of(lines: Iterable[str], what: str = "", *, most: int = _MOST_LINES) -> tuple[str, ...]:
    """Return lines; of very many the first ones, with how many more there are.

    >>> first_of("abcde", "letters", most=2)
    ('a', 'b', 'and 3 more letters')
    """
    every = tuple(lines)
    rest = (f"and {len(every) - most:,} more {what}".rstrip(),) if len(every) > most else ()
    return (*every[:most], *rest)
