"""Which elements of an image are hidden, said in a word: the patterns of `--hide x=square:24` and of the evaluation.

A pattern is about pixels: all colours of a pixel are hidden together. This file turns a pattern's text into masks.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from gamelearn import noise
from gamelearn.errors import EvidenceError, nearest, quoted

Mask = NDArray[np.bool_]
_HALVES = ("left", "right", "top", "bottom")
_KNOWN = ("square:SIDE", *_HALVES, "random:SHARE")


@dataclass(frozen=True)
class _Pattern:
    """A pattern's word with its number, 0 where it has none."""

    word: str
    number: float = 0.0


def hidden_pattern(text: str, shape: tuple[int, ...], rows: int, first_row: int = 0, seed: int = 0) -> Mask:
    """Return which elements of a block of images a pattern hides: bool, `(rows, *shape)`, True where hidden.

    >>> hidden_pattern("square:2", (4, 4), 1)[0].astype(int).tolist()
    [[0, 0, 0, 0], [0, 1, 1, 0], [0, 1, 1, 0], [0, 0, 0, 0]]

    Args:
        text: `square:24` (a square in the middle, its side in pixels), `left`, `right`, `top`, `bottom` (half of the image,
            the smaller half where the size is odd), or `random:0.5` (each pixel with this probability, row by row anew).
        shape: of one image, `(height, width)` or `(colours, height, width)`.
        rows: of the block.
        first_row: the block's first row among all; blocks give what one call gives.
        seed: of `random`.

    Raises:
        EvidenceError: the text is no pattern, or does not fit the shape.
    """
    pattern = _parse(text)
    if len(shape) not in (2, 3):
        raise EvidenceError(f"the pattern {text!r} hides pixels of an image, (height, width) or (colours, height, width), not of {shape}")
    height, width = shape[-2:]
    if pattern.word == "random":
        pixels = (noise.uniform(("pattern", seed), rows, (height, width), first_row=first_row) < pattern.number).numpy()
    else:
        pixels = np.broadcast_to(_fixed(text, pattern, height, width), (rows, height, width))
    if len(shape) == 3:
        pixels = pixels[:, None]
    return np.broadcast_to(pixels, (rows, *shape)).copy()


def check_pattern(text: str) -> None:
    """Check that a text is a pattern.

    Raises:
        EvidenceError: it is not; the message lists what is.
    """
    _parse(text)


def _fixed(text: str, pattern: _Pattern, height: int, width: int) -> Mask:
    """Return the mask `(height, width)` of a pattern that is the same in every row."""
    hidden = np.zeros((height, width), dtype=np.bool_)
    if pattern.word == "square":
        side = int(pattern.number)
        if side > min(height, width):
            raise EvidenceError(f"the pattern {text!r} does not fit into an image of {height} x {width} pixels")
        top, left = (height - side) // 2, (width - side) // 2
        hidden[top : top + side, left : left + side] = True
        return hidden
    half_height, half_width = slice(0, height // 2), slice(0, width // 2)
    lower, right = slice(height - height // 2, height), slice(width - width // 2, width)
    whole = slice(None)
    places = {"left": (whole, half_width), "right": (whole, right), "top": (half_height, whole), "bottom": (lower, whole)}
    hidden[places[pattern.word]] = True
    return hidden


def _parse(text: str) -> _Pattern:
    word, colon, number = text.partition(":")
    if word in _HALVES and not colon:
        return _Pattern(word)
    if word == "square" and number.isascii() and number.isdigit() and int(number) > 0:
        return _Pattern(word, int(number))
    if word == "random" and (share := _share(number)) is not None:
        return _Pattern(word, share)
    if word in ("square", "random"):
        wanted = "a side of at least 1 pixel, such as square:24" if word == "square" else "a share between 0 and 1, such as random:0.5"
        raise EvidenceError(f"{text!r} is no pattern: {word!r} needs {wanted}")
    hint = nearest(word, ("square", "random", *_HALVES))
    raise EvidenceError(f"{text!r} is no pattern; known: {quoted(_KNOWN)}" + (f"; did you mean {hint!r}?" if hint else ""))


def _share(number: str) -> float | None:
    try:
        share = float(number)
    except ValueError:
        return None
    return share if 0 < share < 1 else None
