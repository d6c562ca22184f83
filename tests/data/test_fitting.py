"""Arrays that are read as their variables have them: what fits, what is told, what is refused. This file tests both through streams."""

from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from gamelearn.data import npz
from gamelearn.data.folder import DataFolder
from gamelearn.data.streams import Streams, open_streams
from gamelearn.errors import DataError
from gamelearn.spec.schema import Data, Variable

REGISTERED_BY = (npz,)
NAN = float("nan")
BINARY, COUNT, REAL = (Variable(type=kind) for kind in ("binary", "count", "real"))
TWO, THREE, FOUR = (Variable(type="categorical", classes=classes) for classes in (2, 3, 4))
GREY = Variable(type="real", shape=(1, 4, 5))
COLOURED = Variable(type="real", shape=(3, 4, 5))
LABELS = Variable(type="categorical", classes=3, shape=(2, 2))
BYTES = np.random.default_rng(0).integers(0, 256, (6, 4, 5, 3), dtype=np.uint8)
K = np.array([0, 1, 2, 0, 1, 2])
EVEN = K % 2
ONE_HOT = np.eye(3)[K]


def opened(
    folder: DataFolder, arrays: dict[str, Any], variables: dict[str, Variable], streams: Any = None, fields: Any = None, **others: Any
) -> Streams:
    np.savez(folder.root / "a.npz", **arrays)
    dataset = {"type": "npz", "path": "a.npz", "validation": 0.0, "test": 0.0, "fields": fields or {}, **others}
    data = Data.model_validate({"dataset": dataset, "streams": streams or {"all": list(variables)}})
    return open_streams(data, variables, folder=folder, seed=0, device="cpu", dtype=torch.float32)


def values(streams: Streams, stream: str, name: str) -> NDArray[Any]:
    return torch.cat([part[name] for part in streams.split(stream, "train")]).numpy()


@pytest.mark.parametrize(
    ("array", "variable", "wanted", "told"),
    [
        (EVEN, BINARY, EVEN, None),
        (EVEN.astype(">f8"), BINARY, EVEN, None),
        (EVEN > 0, BINARY, EVEN, None),
        (255 * EVEN.astype(np.uint8), BINARY, EVEN, "its numbers 0, 255 are read as 0 and 1, in this order"),
        (2 * EVEN - 1, BINARY, EVEN, "its numbers -1, 1 are read as 0 and 1, in this order"),
        (np.array(["False", "True"])[EVEN], BINARY, EVEN, "'False' is read as 0, 'True' as 1"),
        (np.array(["1", "0"])[EVEN], BINARY, 1 - EVEN, "'0' is read as 0, '1' as 1"),
        (EVEN > 0, TWO, EVEN, None),
        (EVEN.astype(np.float16), REAL, EVEN, None),
        (EVEN > 0, REAL, EVEN, None),
        (K, REAL, K, None),
        (K, COUNT, K, None),
        (K.astype(float), COUNT, K, None),
        (K.astype(np.int8), FOUR, K, None),
        (K.astype(np.uint64), THREE, K, None),
        (K.astype(float), THREE, K, None),
        (K + 1, THREE, K, "its numbers 1, 2, 3 are read as classes 0, 1, 2, in this order"),
        (np.array([30, 10, 20])[K], THREE, np.array([2, 0, 1])[K], "its numbers 10, 20, 30 are read as classes 0, 1, 2"),
        (np.array([0.5, -2, 2**40])[K], THREE, np.array([1, 0, 2])[K], "its numbers -2, 0.5, 1099511627776 are read as"),
        (np.array(["ham", "spam", "eggs"])[K], THREE, np.array([1, 2, 0])[K], None),
        (np.array([b"ham ", b"spam", b"eggs"])[K], THREE, np.array([1, 2, 0])[K], None),
        (np.array(["10", "9", "11"])[K], THREE, np.array([1, 0, 2])[K], None),
        (np.array(["1.5", "2", "-3"])[K], REAL, np.array([1.5, 2, -3])[K], None),
        (K[:, None], THREE, K, None),
        (K[:, None], Variable(type="categorical", classes=3, shape=(1,)), K[:, None], None),
        (K, Variable(type="real", shape=(1,)), K[:, None], None),
        (K.astype(np.uint8), REAL, K / 255, "bytes are divided by 255: 'scale' says otherwise"),
        (BYTES[..., 0], GREY, BYTES[:, None, :, :, 0] / 255, None),
        (BYTES[..., :1], GREY, BYTES[:, None, :, :, 0] / 255, None),
        (BYTES, COLOURED, np.moveaxis(BYTES, -1, 1) / 255, None),
        (np.moveaxis(BYTES, -1, 1), COLOURED, np.moveaxis(BYTES, -1, 1) / 255, None),
        (BYTES, Variable(type="categorical", classes=256, shape=(4, 5, 3)), BYTES, None),
        (np.asfortranarray(BYTES / 2), COLOURED, np.moveaxis(BYTES, -1, 1) / 2, None),
        (np.array(["1970-01-02", "1970-01-05"], "M8[D]")[EVEN], REAL, [1, 4, 1, 1, 4, 1], "dates are read as days since 1970"),
    ],
)
def test_the_variable_says_what_an_array_is(
    folder: DataFolder, array: NDArray[Any], variable: Variable, wanted: Any, told: str | None
) -> None:
    streams = opened(folder, {"y": array}, {"y": variable})
    assert np.allclose(values(streams, "all", "y"), wanted, rtol=1e-6)
    assert len(streams.notices) == (told is not None)
    assert told is None or streams.notices[0].startswith(f"data set 'npz': field 'y': {told}")
    reading = streams.readings()["y"]
    given = values(streams, "all", "y")
    written = reading.encoded(given, variable.type)
    assert written.shape == array.shape
    assert np.allclose(reading.decoded(written, variable.type), given, rtol=1e-6)
    assert np.allclose(reading.decoded(array, variable.type), given, rtol=1e-6)


@pytest.mark.parametrize(
    ("array", "variable", "what"),
    [
        (BYTES[..., 0], Variable(type="binary", shape=(4, 5)), "among more than 2 different numbers: add fields: {y: {binarize: 0.5}}"),
        (K, BINARY, "it holds 2, which is none of 0 .. 1, among more than 2 different numbers: add fields: {y: {binarize: 0.5}}"),
        (np.array([-1, 0, 1])[K], BINARY, "it holds -1, which is none of 0 .. 1"),
        (np.full(6, 7), BINARY, "it holds 7, which is none of 0 .. 1, among 1 different number: add fields: {y: {values: [NUMBER, ...]}}"),
        (
            np.array([-1, 0, 1])[K],
            THREE,
            "-1 may be one of its 3 classes, or say that there is none: add fields: {y: {values: [0, 1, 2] if",
        ),
        (np.array([-1, 1])[EVEN], TWO, "values: [-1, 1] if not"),
        (np.arange(6) + 10, THREE, "it holds 10, which is none of 0 .. 2, among more than 3 different numbers"),
        (np.array([1, 5])[EVEN], THREE, "it holds 5, which is none of 0 .. 2, among 2 different numbers: add fields: {y: {values: [NUMBER"),
        (np.array([2**53, 2**53 + 1])[EVEN], TWO, "it holds 9.00719925474099e+15, and numbers from 2**53 on may stand for others"),
        (np.array(["", "NA"])[EVEN], TWO, "it holds 0 different texts beside the marks of missing values"),
        (np.array([0.5, 1, 2])[K], FOUR, "it holds 0.5, which is none of 0 .. 3"),
        (np.array([0, 2**64 - 1], np.uint64)[EVEN], THREE, "it holds 1.84467440737096e+19, which is none of 0 .. 2"),
        (np.array(["a", "b"])[EVEN], THREE, "it holds 2 different texts, 'a', 'b': add fields: {y: {values: [TEXT, ...]}}"),
        (np.array(list("abcdef")), THREE, "it holds 6 different texts, 'a', 'b', 'c', 'd', 'e', ..."),
        (np.array(["1.5", "x"])[EVEN], REAL, "it holds 'x', which is no number"),
        (np.array([b"\xe9", b"\xe8"])[EVEN], TWO, "its bytes are no text in UTF-8"),
        (np.array([1, -1])[EVEN], COUNT, "expected whole numbers from 0 on, got -1 in row 1, counted from 0"),
        (np.array([1.5, 2])[EVEN], COUNT, "expected whole numbers from 0 on, got 1.5"),
        (np.array([0, np.inf])[EVEN], REAL, "expected finite numbers, got inf in row 1"),
        (np.zeros(6, "M8[D]"), THREE, "it holds dates, or durations, which only a real variable can be"),
        (ONE_HOT, THREE, "its rows have the shape (3,): if they are one-hot, save array.argmax(-1)"),
        (np.zeros((6, 20)), GREY, "its rows have the shape (20,): set shape: [20]"),
        (np.zeros((6, 2)), REAL, "its rows have the shape (2,)"),
        (
            np.zeros(6, complex),
            REAL,
            "has no field 'y'; it has 'x'; the array 'y' is of type complex128, shape (6,): expected rows of numbers",
        ),
        (np.zeros(5), REAL, "has no field 'y'; it has 'x'; the array 'y' has 5 rows, not 6"),
        (np.array([{}] * 6), REAL, "has no field 'y'; it has 'x'; the array 'y' is of type object"),
    ],
)
def test_what_does_not_fit_is_refused_with_the_reason(folder: DataFolder, array: NDArray[Any], variable: Variable, what: str) -> None:
    with pytest.raises(DataError) as caught:
        opened(folder, {"x": np.zeros(6), "y": array}, {"y": variable}, fields={"x": {}})
    (line,) = str(caught.value).splitlines()
    assert line.startswith("data.streams.all.variables.y: ")
    assert what in line


@pytest.mark.parametrize(
    ("array", "variable", "options", "wanted", "why"),
    [
        (np.array([0, NAN, 2])[K], REAL, {}, [0, 2, 0, 2], "2 of 6 rows have no value (NaN)"),
        (np.array([0, NAN, 1])[K], BINARY, {}, [0, 1, 0, 1], "(NaN)"),
        (np.array([0, NAN, 1])[K], TWO, {}, [0, 1, 0, 1], "(NaN or -1)"),
        (np.array([0, -1, 1])[K], TWO, {}, [0, 1, 0, 1], "(-1)"),
        (np.array([10, -1, 30])[K], TWO, {}, [0, 1, 0, 1], "(-1)"),
        (np.array([10, -1, 30])[K], TWO, {"values": [30, 10]}, [1, 0, 1, 0], "(-1)"),
        (np.array([0, -1, 1])[K], THREE, {"values": [0, 1, 2]}, [0, 1, 0, 1], "(-1)"),
        (np.array(["b", "NA", "a"])[K], TWO, {}, [1, 0, 1, 0], "(a mark of missing values)"),
        (np.array(["1", "", "3"])[K], COUNT, {}, [1, 3, 1, 3], "(a mark of missing values)"),
        (np.array(["1970-01-02", "NaT", "1970-01-04"], "M8[s]")[K], REAL, {}, [1, 3, 1, 3], "(NaT)"),
        (np.array([5, 255, 6])[K], COUNT, {"missing": "gone"}, [5, 6, 5, 6], "(masked)"),
        (np.array([0, 255, 1], np.uint8)[K], BINARY, {"missing": "gone"}, [0, 1, 0, 1], "(masked)"),
        (np.array([0, 255, 1])[K], TWO, {"missing": "each"}, [0, 1, 0, 1], "(masked or -1)"),
        (np.where(np.arange(24).reshape(6, 2, 2) % 12 == 4, -1, 1), LABELS, {}, np.ones((4, 2, 2)), "2 of 6 rows have no value in some element"),
    ],
)  # fmt: skip
def test_rows_without_a_value_are_left_out(
    folder: DataFolder, array: NDArray[Any], variable: Variable, options: Any, wanted: Any, why: str
) -> None:
    gone = np.zeros((6, 3), int) if options.get("missing") == "each" else np.zeros(6, bool)
    gone[[1, 4]] = True
    arrays = {"x": np.arange(6.0), "y": array, "gone": gone, "each": gone}
    streams = opened(folder, arrays, {"x": REAL, "y": variable}, {"both": ["x", "y"], "all": ["x"]}, {"y": options})
    assert np.array_equal(values(streams, "both", "y"), wanted)
    assert values(streams, "both", "x").tolist() == [0, 2, 3, 5]
    assert values(streams, "all", "x").tolist() == [0, 1, 2, 3, 4, 5]
    assert streams.lacking_text("both") == "; 2 lack a value"
    assert any(why in notice and "streams that show it leave them out" in notice for notice in streams.notices)


def test_an_option_says_otherwise_than_the_variable(folder: DataFolder) -> None:
    arrays = {"y": np.array([7, 8], np.uint8)[EVEN]}
    bits = opened(folder, arrays, {"y": BINARY}, fields={"y": {"binarize": 0.03}})
    assert values(bits, "all", "y").tolist() == EVEN.tolist()
    assert values(opened(folder, arrays, {"y": REAL}, fields={"y": {"scale": 1}}), "all", "y").tolist() == arrays["y"].tolist()
    named = opened(folder, {"y": np.array(["no", "yes"])[EVEN]}, {"y": TWO}, fields={"y": {"values": ["yes", "no"]}})
    assert values(named, "all", "y").tolist() == (1 - EVEN).tolist()
    assert named.class_names("all", "y") == ("yes", "no")
    with pytest.raises(
        DataError, match=r"'y' is binary of shape \(\), field 'y' .* is count of shape \(\): add fields: {y: {type: binary}}"
    ):
        opened(folder, {"y": EVEN}, {"y": BINARY}, fields={"y": {"type": "count"}})


def test_one_field_may_be_two_variables_of_different_types(folder: DataFolder) -> None:
    streams = {"one": ["y"], "two": {"variables": {"n": "y"}}, "three": {"variables": {"m": "y", "y": "y"}, "take": 4, "balance": "y"}}
    found = opened(folder, {"y": np.array([10, 20])[EVEN]}, {"y": TWO, "n": COUNT, "m": REAL}, streams)
    assert values(found, "one", "y").tolist() == EVEN.tolist()
    assert values(found, "two", "n").tolist() == np.array([10, 20])[EVEN].tolist()
    assert np.array_equal(values(found, "three", "m"), 10 + 10 * values(found, "three", "y"))
    assert sorted(values(found, "three", "y")) == [0, 0, 1, 1]
    assert {name: each.values for name, each in found.readings().items()} == {"y": (10.0, 20.0), "n": (), "m": ()}


def test_a_class_that_only_test_rows_have_is_a_class(folder: DataFolder) -> None:
    array = np.where(np.arange(40) == 7, "rare", np.where(np.arange(40) % 2, "a", "z"))
    for seed in range(20):
        streams = opened(folder, {"y": array}, {"y": THREE}, test=0.3)
        assert streams.class_names("all", "y") == ("a", "rare", "z"), seed


def test_an_empty_archive_has_no_rows_to_show(folder: DataFolder) -> None:
    with pytest.raises(DataError, match="stream 'all' has no rows"):
        opened(folder, {"y": np.zeros((0, 4), np.int32)}, {"y": Variable(type="real", shape=(4,))})
