"""Counter-based random numbers: the same key and row always give the same noise, on any device, in any split of a batch.

A key is hashed to the 128-bit key of numpy's Philox generator (Salmon et al., "Parallel random numbers: as easy as
1, 2, 3", 2011); a row of the batch is a position of its counter. So nothing is stored to resume, and a draw does not change
when another is added. This file turns keys into noise.
"""

import hashlib
from collections.abc import Iterable
from math import prod

import numpy as np
import torch

_WORDS_PER_COUNT = 4  # Philox4x64 gives four 64-bit words per count, each worth two 32-bit floats


def _generator(key: Iterable[object]) -> tuple[np.random.Philox, np.random.Generator]:
    text = "\x1f".join(f"{type(part).__name__}:{part}" for part in key)
    digest = hashlib.blake2b(text.encode(), digest_size=16).digest()
    bits = np.random.Philox(key=np.frombuffer(digest, dtype=np.uint64))
    return bits, np.random.Generator(bits)


def uniform(key: Iterable[object], rows: int, shape: tuple[int, ...] = (), *, first_row: int = 0) -> torch.Tensor:
    """Return uniform noise in [0, 1), float32, of shape `(rows, *shape)`, for the rows from `first_row` on.

    >>> whole = uniform(("seed", 1), rows=4, shape=(3,))
    >>> bool((uniform(("seed", 1), rows=2, shape=(3,), first_row=2) == whole[2:]).all())
    True
    """
    width = prod(shape)
    counts = -(-width // (2 * _WORDS_PER_COUNT))
    bits, generator = _generator(key)
    if first_row:
        bits.advance(first_row * counts)
    padded = generator.random((rows, counts * 2 * _WORDS_PER_COUNT), dtype=np.float32)
    return torch.from_numpy(padded)[:, :width].reshape(rows, *shape)


def normal(key: Iterable[object], rows: int, shape: tuple[int, ...] = (), *, first_row: int = 0) -> torch.Tensor:
    """Return standard normal noise, float32, of shape `(rows, *shape)`, by the inverse distribution function."""
    noise = uniform(key, rows, shape, first_row=first_row)
    return torch.special.ndtri((noise + 2.0**-25).clamp_max(1 - 2.0**-24))


def permutation(key: Iterable[object], length: int) -> torch.Tensor:
    """Return a permutation of `range(length)`, int64."""
    return torch.from_numpy(_generator(key)[1].permutation(length))


def integer(key: Iterable[object]) -> int:
    """Return a 63-bit integer, to seed a generator of another library."""
    return int(_generator(key)[1].integers(2**63 - 1))
