"""Small idx files. This file writes them for the tests."""

import gzip
import hashlib
import struct
from dataclasses import replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from gamelearn.data.idx import IdxSource

NAMES = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")


def idx_bytes(values: NDArray[np.uint8]) -> bytes:
    """Return the content of an idx file."""
    return struct.pack(f">HBB{values.ndim}I", 0, 8, values.ndim, *values.shape) + values.tobytes()


def small_arrays() -> list[NDArray[np.uint8]]:
    """Return training and test images with labels, 20 and 10 of each."""
    generator = np.random.default_rng(0)
    return [
        generator.integers(0, high, size, dtype=np.uint8) for high, size in ((256, (20, 28, 28)), (10, 20), (256, (10, 28, 28)), (10, 10))
    ]


def write_small(source: IdxSource, root: Path, *, packed: bool = True) -> IdxSource:
    """Write small files where `source` is looked for; return it with their hashes."""
    place = root / source.name
    place.mkdir(parents=True)
    hashes = []
    for name, values in zip(NAMES, small_arrays(), strict=True):
        content = idx_bytes(values)
        hashes.append(hashlib.sha256(content).hexdigest())
        path = place / (f"{name}.gz" if packed else name)
        path.write_bytes(gzip.compress(content) if packed else content)
    return replace(source, hashes=(hashes[0], hashes[1], hashes[2], hashes[3]))
