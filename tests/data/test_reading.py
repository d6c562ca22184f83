"""What arrays of files mean as values of a field, and values as arrays again. This file tests readings of arrays."""

from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gamelearn.data.reading import Reading

NAN, INF = float("nan"), float("inf")
IMAGES = np.arange(2 * 3 * 4 * 5).reshape(2, 3, 4, 5)
LAST = Reading(written=(4, 5, 3), shape=(3, 4, 5), channels_last=True)
GREY = Reading(threshold=0.5, white=16)
NAMES = Reading(levels=("ham", "no", "spam"), texts=True)


@pytest.mark.parametrize(
    ("reading", "kind", "raw", "wanted"),
    [
        (Reading(), "real", np.array([0, 51, 255], np.uint8), [0, 0.2, 1]),
        (Reading(scale=1.0), "real", np.array([0, 51, 255], np.uint8), [0, 51, 255]),
        (Reading(), "real", np.array([1.5, NAN, 1e300], ">f8"), [1.5, NAN, INF]),
        (Reading(), "real", np.array([1.5, 2], np.float16), [1.5, 2]),
        (Reading(scale=4095.0), "real", np.array([0, 4095], np.uint16), [0, 1]),
        (Reading(mean=(40.0,), deviation=(10.0,)), "real", np.array([[45], [30]]), [[0.5], [-1]]),
        (Reading(), "real", np.array(["1.5", "NA", "x"]), [1.5, NAN, INF]),
        (Reading(), "real", np.array(["1970-01-03", "NaT"], "M8[s]"), [2, NAN]),
        (Reading(), "real", np.array([36, "NaT"], "m8[h]"), [1.5, NAN]),
        (Reading(), "count", np.array([255, 1], np.uint8), [255, 1]),
        (Reading(), "binary", np.array([255, 1], np.uint8), [255, 1]),
        (Reading(threshold=0.5), "binary", np.array([127, 128], np.uint8), [0, 1]),
        (Reading(threshold=0.5), "binary", np.array([0.4, 0.5, NAN]), [0, 1, NAN]),
        (Reading(threshold=0.5, scale=255.0), "binary", np.array([False, True]), [0, 1]),
        (GREY, "binary", np.array([7, 8]), [0, 1]),
        (GREY, "binary", np.array([0.4, 0.6, 16.0]), [0, 1, 16]),
        (Reading(values=(0.0, 255.0)), "binary", np.array([255, 0, 7]), [1, 0, INF]),
        (Reading(levels=("False", "True")), "binary", np.array(["True", "False ", "", "maybe"]), [1, 0, NAN, INF]),
        (Reading(), "categorical", np.array([0.0, 2.0, NAN, 0.5, INF, -1]), [0, 2, -1, -2, -2, -1]),
        (Reading(), "categorical", np.array([3, -1, -7]), [3, -1, -7]),
        (Reading(), "categorical", np.array([3, 2**64 - 1, 2**63], np.uint64), [3, -2, -2]),
        (Reading(values=(255.0, 0.0)), "categorical", np.array([[0, 255, 7]], np.uint8), [[1, 0, -2]]),
        (Reading(values=(10.0, 30.0, 20.0)), "categorical", np.array([20.0, NAN, -1, 10, 31]), [2, -1, -1, 0, -2]),
        (Reading(values=(-1.0, 1.0)), "categorical", np.array([1, -1]), [1, 0]),
        (Reading(levels=("1", "2")), "categorical", np.array([2, 1]), [1, 0]),
        (Reading(levels=("cat", "dog")), "categorical", np.array([1, 0]), [1, 0]),
        (NAMES, "categorical", np.array([b"spam ", b"", b"egg", b"\xff"]), [2, -1, -2, -2]),
        (NAMES, "categorical", np.array([2, 0]), [2, 0]),
        (LAST, "real", np.moveaxis(IMAGES, 1, -1), IMAGES),
        (LAST, "real", IMAGES, IMAGES),
        (Reading(written=(4, 5), shape=(1, 4, 5)), "real", IMAGES[:, 0], IMAGES[:, :1]),
        (Reading(written=(1,), shape=()), "categorical", np.array([[1], [0]]), [1, 0]),
    ],
)
def test_files_are_read_as_their_reading_says(reading: Reading, kind: str, raw: NDArray[Any], wanted: Any) -> None:
    found = reading.decoded(raw, kind)
    assert found.dtype == (np.int64 if kind == "categorical" else np.float32)
    assert np.allclose(found, wanted, rtol=1e-6, equal_nan=True)
    assert found.shape == np.shape(wanted)


@pytest.mark.parametrize(
    ("reading", "kind", "values", "wanted"),
    [
        (Reading(values=(255.0, 0.0)), "categorical", [0, 1, -1], [255, 0, -1]),
        (Reading(values=(0.5, 1.5)), "categorical", [1, 0], [1.5, 0.5]),
        (NAMES, "categorical", [2, 0, -1], ["spam", "ham", ""]),
        (Reading(levels=("cat", "dog")), "categorical", [1, 0], [1, 0]),
        (Reading(levels=("1", "2")), "categorical", [1, 0], [2, 1]),
        (Reading(), "categorical", [1, 0], [1, 0]),
        (Reading(values=(0.0, 255.0)), "binary", [1.0, 0.0], [255, 0]),
        (Reading(threshold=0.5, scale=255.0), "binary", [1.0, 0.0], [True, False]),
        (GREY, "binary", [1.0, 0.0], [True, False]),
        (Reading(), "binary", [1.0, 0.0], [1, 0]),
        (Reading(scale=4095.0), "real", [1.0, 0.5], [4095, 2047.5]),
        (Reading(mean=(40.0,), deviation=(10.0,), scale=2.0), "real", [[0.5], [-1.0]], [[90], [60]]),
        (Reading(), "count", [3.0, 0.0], [3, 0]),
        (LAST, "real", IMAGES / 7, np.moveaxis(IMAGES, 1, -1) / 7),
        (Reading(written=(1,), shape=(), values=(1.0, 2.0)), "categorical", [1, 0], [[2], [1]]),
    ],
)
def test_values_are_written_as_they_were_read(reading: Reading, kind: str, values: Any, wanted: Any) -> None:
    given = np.asarray(values, np.int64 if kind == "categorical" else np.float32)
    written = reading.encoded(given, kind)
    assert written.shape == np.shape(wanted)
    assert written.tolist() == wanted if written.dtype.kind == "U" else np.allclose(written, wanted)
    assert np.allclose(reading.decoded(written, kind), given, rtol=1e-6)
