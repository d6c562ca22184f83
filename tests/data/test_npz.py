"""Arrays of a numpy archive as fields, and archives that are not what they say. This file tests their data set."""

import io
import struct
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from gamelearn.data.dataset import DataSet, Field
from gamelearn.data.folder import DataFolder
from gamelearn.data.npz import Npz, NpzOptions
from gamelearn.errors import DataError
from gamelearn.options import mistakes_of


def open_arrays(folder: DataFolder, arrays: dict[str, Any], **options: Any) -> DataSet:
    np.savez_compressed(folder.root / "a.npz", **arrays)
    return open_file(folder, **options)


def open_file(folder: DataFolder, **options: Any) -> DataSet:
    given = NpzOptions.model_validate({"type": "npz", "path": "a.npz", "validation": 0.0, "test": 0.0, **options})
    return Npz(folder, 0, **given.own_options())


def everything(data: DataSet, field: str) -> NDArray[Any]:
    return data.read(field, "train", torch.arange(data.length("train"))).numpy()


PICTURES = np.random.default_rng(0).integers(0, 256, (5, 4, 6, 3), dtype=np.uint8)


def test_types_are_inferred(folder: DataFolder) -> None:
    data = open_arrays(
        folder,
        {
            "picture": PICTURES,
            "flag": np.array([True, False, True, True, False]),
            "label": np.array([[0, 6], [1, 1], [2, 0], [0, 0], [0, 0]], dtype=np.int16),
            "height": np.linspace(-1, 1, 5),
            "name": np.array(list("abcde")),
            "about": np.array("a scalar"),
            "version": np.array(3),
        },
    )
    assert data.fields == {
        "picture": Field("real", (3, 4, 6)),
        "flag": Field("binary", ()),
        "label": Field("categorical", (2,), 7),
        "height": Field("real", ()),
    }
    assert np.array_equal(everything(data, "picture"), PICTURES.transpose(0, 3, 1, 2) / np.float32(255))
    assert everything(data, "flag").tolist() == [1, 0, 1, 1, 0]
    assert everything(data, "label")[0].tolist() == [0, 6]


@pytest.mark.parametrize(
    ("array", "options", "field", "first"),
    [
        (np.array([3, 4], np.uint8), {"type": "real"}, Field("real", ()), 3 / 255),
        (np.array([3, 4]), {"type": "real"}, Field("real", ()), 3),
        (np.array([3.0, 4.0]), {"scale": 2.0}, Field("real", ()), 1.5),
        (np.array([3, 4]), {"type": "count"}, Field("count", ()), 3),
        (np.array([1, 0]), {"type": "binary"}, Field("binary", ()), 1),
        (np.array([1, 0]), {"classes": 5}, Field("categorical", (), 5), 1),
        (np.array([0, 0]), {}, Field("categorical", (), 2), 0),
        (np.array([128, 127], np.uint8), {"binarize": 0.5}, Field("binary", ()), 1),
        (np.array([0.2, 0.7]), {"binarize": 0.5}, Field("binary", ()), 0),
        (np.ones((2, 4, 5, 1), np.float32), {"channels_last": True}, Field("real", (1, 4, 5)), np.ones((1, 4, 5))),
        (PICTURES[:2], {"channels_last": False, "type": "real"}, Field("real", (4, 6, 3)), PICTURES[0] / np.float32(255)),
        (PICTURES[:2], {"type": "categorical", "classes": 256}, Field("categorical", (4, 6, 3), 256), PICTURES[0]),
        (np.asfortranarray(np.arange(6.0).reshape(2, 3)), {}, Field("real", (3,)), [0, 1, 2]),
        (np.array([1.5, 2], ">f8"), {}, Field("real", ()), 1.5),
    ],
)
def test_options_say_otherwise(folder: DataFolder, array: NDArray[Any], options: dict[str, Any], field: Field, first: Any) -> None:
    data = open_arrays(folder, {"x": array}, fields={"x": options})
    assert data.fields["x"] == field
    assert np.allclose(everything(data, "x")[0], first)


def test_a_field_may_have_another_name_than_its_array(folder: DataFolder) -> None:
    data = open_arrays(folder, {"train images": np.zeros((4, 2)), "other": np.zeros(3)}, fields={"x": {"array": "train images"}})
    assert data.fields == {"x": Field("real", (2,))}


@pytest.mark.parametrize(
    ("array", "options", "what"),
    [
        (np.array([0.0, np.nan]), {}, "'x' is real of shape \\(\\): expected finite numbers, got nan in row 1"),
        (np.array([0, 5]), {"classes": 5}, "with 5 classes of shape \\(\\): expected a class in 0 .. 4, got 5"),
        (np.array([0, -1]), {}, "expected a class in 0 .. 1, got -1"),
        (np.array([0, 2]), {"type": "binary"}, "expected 0 or 1, got 2"),
        (np.array([0.5, 2]), {"type": "count"}, "expected whole numbers from 0 on, got 0.5"),
        (np.array([0.5, 2]), {"type": "categorical"}, "holds float64: expected whole numbers"),
        (np.array(["a", "b"]), {}, "the array 'x' is of type <U1, shape \\(2,\\): expected rows of numbers"),
        (np.array(3), {}, "shape \\(\\): expected rows of numbers"),
        (np.zeros((2, 4)), {"channels_last": True}, "needs rows of shape \\(height, width, colours\\), got \\(4,\\)"),
        (np.zeros((2, 4)), {"array": "X"}, "has no array 'X'; it has 'x'; did you mean 'x'"),
    ],
)
def test_what_does_not_fit_is_refused(folder: DataFolder, array: NDArray[Any], options: dict[str, Any], what: str) -> None:
    with pytest.raises(DataError, match=what):
        open_arrays(folder, {"x": array}, fields={"x": options})


def test_arrays_of_different_lengths_are_refused(folder: DataFolder) -> None:
    with pytest.raises(DataError, match=r"differ in their rows \('x' 3, 'y' 4\): list those that belong together under 'fields'"):
        open_arrays(folder, {"x": np.zeros(3), "y": np.zeros(4)})


def test_an_archive_without_numbers_is_refused(folder: DataFolder) -> None:
    with pytest.raises(DataError, match="has no array of numbers"):
        open_arrays(folder, {"x": np.array(["a"])})


def test_objects_are_never_unpickled(folder: DataFolder) -> None:
    np.savez(folder.root / "a.npz", x=np.array([{"a": 1}], dtype=object))
    with pytest.raises(DataError, match="the array 'x' is of type object"):
        open_file(folder, fields={"x": {}})


def write_member(path: Path, content: bytes) -> None:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("x.npy", content)


def npy_head(shape: tuple[int, ...]) -> bytes:
    stream = io.BytesIO()
    np.lib.format.write_array_header_1_0(stream, {"descr": "|u1", "fortran_order": False, "shape": shape})
    return stream.getvalue()


LONG_HEAD = b"\x93NUMPY\x02\x00" + struct.pack("<I", 2**20) + b" " * 2**20


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (npy_head((2**35,)), "unpacks to 34,359,738,368 bytes; at most 17,179,869,184 are read"),
        (npy_head((4,)) + b"123", "is not the size of its data"),
        (npy_head((4,)) + b"12345", "is not the size of its data"),
        (npy_head((-4,)) + b"1234", "has the shape \\(-4,\\)"),
        (LONG_HEAD, "is damaged or no numpy archive"),
        (b"no numpy", "is damaged or no numpy archive"),
    ],
)
def test_a_head_that_lies_is_refused(folder: DataFolder, content: bytes, what: str) -> None:
    write_member(folder.root / "a.npz", content)
    with pytest.raises(DataError, match=what):
        open_file(folder)


@pytest.mark.parametrize("keep", [0, 30, 200])
def test_a_damaged_archive_is_named(folder: DataFolder, keep: int) -> None:
    np.savez_compressed(folder.root / "a.npz", x=np.arange(1000.0))
    path = folder.root / "a.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"a\.npz is damaged or no numpy archive"):
        open_file(folder)


def test_flipped_bits_are_found(folder: DataFolder) -> None:
    np.savez(folder.root / "a.npz", x=np.arange(1000.0))
    path = folder.root / "a.npz"
    content = bytearray(path.read_bytes())
    content[4000] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="Bad CRC-32"):
        open_file(folder)


def test_an_unknown_key_of_an_array_is_found() -> None:
    with pytest.raises(ValidationError) as caught:
        NpzOptions.model_validate({"type": "npz", "path": "a", "fields": {"x": {"clases": 3}}})
    (found,) = mistakes_of(caught.value)
    assert (found.path, found.suggestion) == (("fields", "x", "clases"), "classes")
