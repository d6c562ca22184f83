"""Which elements of an image or a series are hidden, said in a word: the patterns of `--hide x=square:24` and of the evaluation.

Most patterns are about pixels: all colours of a pixel are hidden together. Those of steps are about the last axis: all that
stands at a step is hidden together. This file turns a pattern's text into masks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gamelearn import noise
from gamelearn.errors import EvidenceError, nearest, quoted
from gamelearn.options import mistake

Mask = NDArray[np.bool_]
_HALVES = ("left", "right", "top", "bottom")
_RUNS = ("first", "last", "gap")
_SHARES = ("random", "steps")
_OF_IMAGES = ("square", "top", "bottom")
_KNOWN = ("square:SIDE", *_HALVES, "random:SHARE", "first:STEPS", "last:STEPS", "gap:STEPS", "steps:SHARE", "all")
_WANTED = {
    "square": "a side of at least 1 pixel, such as square:24",
    "random": "a share between 0 and 1, such as random:0.5",
    "steps": "a share between 0 and 1, such as steps:0.5",
    **{word: f"a number of steps, at least 1, such as {word}:8" for word in _RUNS},
}


@dataclass(frozen=True)
class _Pattern:
    """A pattern's word with its number, 0 where it has none."""

    word: str
    number: float = 0.0


def hidden_pattern(text: str, shape: tuple[int, ...], rows: int, first_row: int = 0, seed: int = 0) -> Mask:
    """Return which elements of a block of images or series a pattern hides: bool, `(rows, *shape)`, True where hidden.

    >>> hidden_pattern("square:2", (4, 4), 1)[0].astype(int).tolist()
    [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]
    >>> hidden_pattern("last:2", (5,), 1)[0].astype(int).tolist()
    [0, 0, 0, 1, 1]

    Args:
        text: `square:24` (a square in the middle, its side in pixels), `left`, `right`, `top`, `bottom` (half of the image,
            the smaller half where the size is odd), or `random:0.5` (each pixel with this probability, row by row anew); of steps
            along the last axis `first:8`, `last:8`, `gap:8` (so many in the middle) or `steps:0.5` (each with this probability, row
            by row anew); `all`.
        shape: of one image, `(height, width)` or `(colours, height, width)`, or of one series, `(steps)` or `(channels, steps)`.
            A series without channels has the patterns that need no height; patterns of steps, and `all`, go with any shape.
        rows: of the block.
        first_row: the block's first row among all; blocks give what one call gives.
        seed: of `random` and `steps`.

    Raises:
        EvidenceError: the text is no pattern, or does not fit the shape.
    """
    pattern = _parse(text)
    if pattern.word == "all":
        return np.ones((rows, *shape), dtype=np.bool_)
    _check_shape(text, pattern, shape)
    along = shape[-1:] if len(shape) == 1 or pattern.word in (*_RUNS, "steps") else shape[-2:]
    if pattern.word in _SHARES:
        hidden = (noise.uniform(("pattern", seed), rows, along, first_row=first_row) < pattern.number).numpy()
    else:
        fixed = _run(text, pattern, shape[-1]) if pattern.word in _RUNS else _fixed(text, pattern, *along)
        hidden = np.broadcast_to(fixed, (rows, *along))
    spread = hidden.reshape(rows, *[1] * (len(shape) - len(along)), *along)
    return np.broadcast_to(spread, (rows, *shape)).copy()


def checked_pattern(text: str) -> str:
    """Return a text that is a pattern (used as a pydantic validator)."""
    try:
        check_pattern(text)
    except EvidenceError as error:
        raise mistake(str(error)) from None
    return text


def _check_shape(text: str, pattern: _Pattern, shape: tuple[int, ...]) -> None:
    if pattern.word in _OF_IMAGES and len(shape) not in (2, 3):
        raise EvidenceError(f"the pattern {text!r} hides pixels of an image, (height, width) or (colours, height, width), not of {shape}")
    if not shape:
        raise EvidenceError(f"the pattern {text!r} hides a part, and a scalar has none: 'all' hides it whole")
    if len(shape) > 3 and pattern.word not in (*_RUNS, "steps"):
        raise EvidenceError(
            f"the pattern {text!r} hides a part of an image or a series, not of {shape}; patterns of steps go with any shape"
        )


def check_pattern(text: str) -> None:
    """Check that a text is a pattern.

    Raises:
        EvidenceError: it is not; the message lists what is.
    """
    _parse(text)


def _run(text: str, pattern: _Pattern, steps: int) -> Mask:
    """Return the mask `(steps)` of some neighbouring steps."""
    number = int(pattern.number)
    if number > steps:
        raise EvidenceError(f"the pattern {text!r} does not fit into {steps} steps, the length of the last axis")
    start = {"first": 0, "last": steps - number, "gap": (steps - number) // 2}[pattern.word]
    hidden = np.zeros(steps, dtype=np.bool_)
    hidden[start : start + number] = True
    return hidden


def _fixed(text: str, pattern: _Pattern, *along: int) -> Mask:
    """Return the mask, `(height, width)` or `(steps)`, of a pattern that is the same in every row."""
    height, width = along[0], along[-1]
    hidden = np.zeros(along, dtype=np.bool_)
    if pattern.word == "square":
        side = int(pattern.number)
        if side > min(height, width):
            raise EvidenceError(f"the pattern {text!r} does not fit into an image of {height} x {width} pixels")
        top, left = (height - side) // 2, (width - side) // 2
        hidden[top : top + side, left : left + side] = True
        return hidden
    half_height, half_width = slice(0, height // 2), slice(0, width // 2)
    lower, right = slice(height - height // 2, height), slice(width - width // 2, width)
    places = {"left": (..., half_width), "right": (..., right), "top": (half_height,), "bottom": (lower,)}
    hidden[places[pattern.word]] = True
    return hidden


def _parse(text: str) -> _Pattern:
    word, colon, number = text.partition(":")
    if word in (*_HALVES, "all") and not colon:
        return _Pattern(word)
    if word in ("square", *_RUNS) and number.isascii() and number.isdigit() and int(number) > 0:
        return _Pattern(word, int(number))
    if word in _SHARES and (share := _share(number)) is not None:
        return _Pattern(word, share)
    if word in _WANTED:
        raise EvidenceError(f"{text!r} is no pattern: {word!r} needs {_WANTED[word]}")
    hint = nearest(word, (*_WANTED, *_HALVES, "all"))
    raise EvidenceError(f"{text!r} is no pattern; known: {quoted(_KNOWN)}" + (f"; did you mean {hint!r}?" if hint else ""))


def _share(number: str) -> float | None:
    try:
        share = float(number)
    except ValueError:
        return None
    return share if 0 < share < 1 else None
