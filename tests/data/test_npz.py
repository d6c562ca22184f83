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
            "units": np.array(["m", "kg"]),
            "day": np.zeros(5, "M8[D]"),
        },
    )
    assert data.fields == {
        "picture": Field("real", (3, 4, 6)),
        "flag": Field("binary", ()),
        "label": Field("categorical", (2,), 7),
        "height": Field("real", ()),
        "name": Field("categorical", (), 5),
    }
    assert data.class_names == {"name": tuple("abcde")}
    (notice,) = data.notices
    assert notice == "arrays that are left out: 'units' (has 2 rows, not 5)"
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
    arrays = {"train images": np.zeros((4, 2)), "other": np.zeros(3), "label": np.arange(4)}
    data = open_arrays(folder, arrays, fields={"x": {"array": "train images"}})
    assert data.fields == {"train images": Field("real", (2,)), "label": Field("categorical", (), 4), "x": Field("real", (2,))}
    assert data.notices == ["arrays that are left out: 'other' (has 3 rows, not 4)"]


@pytest.mark.parametrize(
    ("array", "options", "what"),
    [
        (np.array([0.0, np.inf]), {"type": "real"}, "'x' is real: expected finite numbers, got inf in row 1"),
        (np.array([0, 5]), {"classes": 5}, "'x' is categorical: it holds 5, which is none of 0 .. 4, among 2 different numbers"),
        (np.array([0, -1]), {"classes": 2}, "'x' is categorical: -1 may be one of its 2 classes, or say that there is none"),
        (np.array([0, 2, 3]), {"type": "binary"}, "it holds 2, which is none of 0 .. 1, among more than 2 different numbers"),
        (np.array([0.5, 2]), {"type": "count"}, "expected whole numbers from 0 on, got 0.5"),
        (np.array([7, 0]), {"type": "categorical", "values": [0, 255]}, "it holds 7, which is none of 0, 255"),
        (np.array([7, 0]), {"values": ["a", "b"]}, "field 'x' holds numbers, 'a' under 'values' is none"),
        (np.array(["a", "c"]), {"type": "categorical", "values": ["a", "b"]}, "it holds 'c', which is none of 'a', 'b'"),
        (np.array([0, 1]), {"missing": "x", "array": "n"}, "has no array 'n'"),
        (np.array([0, 2]), {"missing": "x"}, "the array 'x' says which rows have no value: expected true and false, got int64"),
        (np.array([1j, 2]), {}, "the array 'x' is of type complex128, shape \\(2,\\): expected rows of numbers or texts"),
        (np.zeros(2, [("a", "f4"), ("b", "i4")]), {}, "the array 'x' has the fields 'a', 'b': save each as an array of its own"),
        (np.zeros((2, 0)), {}, "the array 'x' has rows without elements: its shape is \\(2, 0\\)"),
        (np.array(3), {}, "shape \\(\\): expected rows of numbers"),
        (np.zeros((2, 4)), {"channels_last": True}, "needs rows of shape \\(height, width, colours\\), got \\(4,\\)"),
        (np.zeros((2, 4)), {"array": "X"}, "has no array 'X'; it has 'x'; did you mean 'x'"),
    ],
)
def test_what_does_not_fit_is_refused(folder: DataFolder, array: NDArray[Any], options: dict[str, Any], what: str) -> None:
    with pytest.raises(DataError, match=what):
        open_arrays(folder, {"x": array}, fields={"x": options})


def test_arrays_of_different_lengths_are_refused(folder: DataFolder) -> None:
    with pytest.raises(DataError, match=r"differ in their rows \('x' 3, 'y' 4\): list one of those that belong together under 'fields'"):
        open_arrays(folder, {"x": np.zeros(3), "y": np.zeros(4)})


def test_an_archive_without_values_is_refused(folder: DataFolder) -> None:
    with pytest.raises(DataError, match="has no array with rows of numbers or texts"):
        open_arrays(folder, {"x": np.array("a")})


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
        (npy_head((2**35,)), "is not the size of its data"),
        (npy_head((4,)) + b"123", "is not the size of its data"),
        (npy_head((4,)) + b"12345", "is not the size of its data"),
        (npy_head((-4,)) + b"1234", "has the shape \\(-4,\\)"),
        (LONG_HEAD, "which is damaged or no array"),
        (b"no numpy", "holds 'x.npy', which is damaged or no array"),
    ],
)
def test_a_head_that_lies_is_refused(folder: DataFolder, content: bytes, what: str) -> None:
    write_member(folder.root / "a.npz", content)
    with pytest.raises(DataError, match=what):
        open_file(folder)


def test_an_archive_that_unpacks_to_too_much_is_refused(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamelearn.data.folder._TRUSTED_BYTES", 7999)
    with pytest.raises(DataError, match="unpacks to 8,000 bytes; at most 7,999 are read"):
        open_arrays(folder, {"x": np.zeros(1000)})


def test_what_file_managers_add_to_an_archive_is_no_array(folder: DataFolder) -> None:
    np.savez(folder.root / "a.npz", x=np.zeros(3))
    with zipfile.ZipFile(folder.root / "a.npz", "a") as archive:
        for name in ("__MACOSX/._x.npy", ".DS_Store", "folder/"):
            archive.writestr(name, b"no array")
    assert open_file(folder).fields == {"x": Field("real", ())}


def test_an_archive_is_listed_once_however_many_arrays_it_has(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the time would grow with the square of their number: 20,000 took 11 seconds."""
    listings: list[zipfile.ZipFile] = []
    infolist = zipfile.ZipFile.infolist

    def listed(archive: zipfile.ZipFile) -> list[zipfile.ZipInfo]:
        listings.append(archive)
        return infolist(archive)

    monkeypatch.setattr(zipfile.ZipFile, "infolist", listed)
    assert len(open_arrays(folder, {f"a{index}": np.zeros(2) for index in range(50)}).fields) == 50
    assert len(listings) == 1


@pytest.mark.parametrize("keep", [0, 30, 200])
def test_a_damaged_archive_is_named(folder: DataFolder, keep: int) -> None:
    np.savez_compressed(folder.root / "a.npz", x=np.arange(1000.0))
    path = folder.root / "a.npz"
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(DataError, match=r"a\.npz is damaged, or no file of arrays"):
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
