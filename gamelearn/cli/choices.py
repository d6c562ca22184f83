"""Names that options take, such as those of splits. This file finds the one that is meant."""

from enum import StrEnum
from typing import TypeVar

from gamelearn.errors import GamelearnError, nearest, quoted

Choice = TypeVar("Choice", bound=StrEnum)


class Split(StrEnum):
    """The splits of a data set."""

    train = "train"
    validation = "validation"
    test = "test"


class Weights(StrEnum):
    """Which of a run's weights."""

    ema = "ema"
    last = "last"


class Estimate(StrEnum):
    """What a chain averages."""

    conditionals = "conditionals"
    counts = "counts"


def chosen(kind: type[Choice], what: str, text: str) -> Choice:
    """Return the choice of a name.

    >>> chosen(Split, "split", "test")
    <Split.test: 'test'>

    Args:
        kind: the choices that there are.
        what: what messages call one of them.
        text: the name.

    Raises:
        GamelearnError: there is no such choice; the known ones are listed.
    """
    known = [each.value for each in kind]
    if text in known:
        return kind(text)
    hint = nearest(text, known)
    raise GamelearnError(f"unknown {what} {text!r}; known: {quoted(known)}" + (f"; did you mean {hint!r}?" if hint else ""))


def chosen_split(text: str | None) -> str | None:
    """Return the split that `--split` names, None where it is left out.

    Raises:
        GamelearnError: there is no such split.
    """
    return None if text is None else str(chosen(Split, "split", text))


def chosen_weights(text: str | None) -> Weights | None:
    """Return the weights that `--weights` names, None where it is left out.

    Raises:
        GamelearnError: there are no such weights.
    """
    return None if text is None else chosen(Weights, "weights", text)


def chosen_estimate(text: str | None) -> str | None:
    """Return the estimate that `--estimate` names, None where it is left out.

    Raises:
        GamelearnError: there is no such estimate.
    """
    return None if text is None else str(chosen(Estimate, "estimate", text))
