"""Arrays that are read block by block: order, types, damage, memory. This file tests .npy and .npz."""

import tracemalloc
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from gamelearn.data.archives import array_heads
from gamelearn.errors import DataError
from gamelearn.files.arrays import ArraySource, open_npy, open_npz
from tests.files.games import PICTURES, everything


def saved(path: Path, array: NDArray[Any]) -> ArraySource:
    """Return an array that was written as the file's name says."""
    if path.suffix == ".npy":
        np.save(path, array, allow_pickle=False)
        return open_npy(path)
    save: Callable[..., None] = np.savez_compressed if path.stem == "packed" else np.savez
    save(path, other=np.zeros(3), a=array)
    return open_npz(path, "a")


FILES = ["a.npy", "packed.npz", "stored.npz"]


@pytest.mark.parametrize("size", [1, 3, 7, 100])
@pytest.mark.parametrize("name", FILES)
def test_blocks_of_any_size_give_all_rows_in_order(tmp_path: Path, name: str, size: int) -> None:
    source = saved(tmp_path / name, PICTURES)
    assert (source.rows, source.shape, source.head.dtype) == (7, (7, 4, 6, 3), np.dtype(np.uint8))
    for _ in range(2):
        assert np.array_equal(everything(source, size), PICTURES)


@pytest.mark.parametrize("name", FILES)
def test_foreign_orders_of_bytes_and_empty_rows_of_a_vector(tmp_path: Path, name: str) -> None:
    values = np.arange(5, dtype=">f8")
    found = everything(saved(tmp_path / name, values), 2)
    assert found.tolist() == [0, 1, 2, 3, 4]
    assert found.dtype.isnative


@pytest.mark.parametrize("name", FILES)
def test_fortran_order_is_read(tmp_path: Path, name: str) -> None:
    assert np.array_equal(everything(saved(tmp_path / name, np.asfortranarray(PICTURES)), 2), PICTURES)


@pytest.mark.parametrize("name", FILES)
def test_rows_of_a_block_lie_one_after_the_other_in_memory(tmp_path: Path, name: str) -> None:
    assert all(block.flags.c_contiguous for block in saved(tmp_path / name, np.asfortranarray(PICTURES)).blocks(2))


@pytest.mark.parametrize(("at_once", "stretches"), [(1, [2, 2, 2, 1]), (72 * 5, [4, 3]), (2**20, [7])])
def test_fortran_order_is_read_in_stretches_as_long_as_memory_allows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_once: int, stretches: list[int]
) -> None:
    """A row has 72 bytes; every stretch goes through the whole file."""
    source = saved(tmp_path / "a.npy", np.asfortranarray(PICTURES))
    monkeypatch.setattr("gamelearn.files.arrays._AT_ONCE", at_once)
    copied: list[int] = []

    def native(part: NDArray[Any]) -> NDArray[Any]:
        copied.append(len(part))
        return part

    monkeypatch.setattr("gamelearn.files.arrays.native", native)
    assert np.array_equal(everything(source, 2), PICTURES)
    assert copied == stretches


class Trap:
    """What runs code when it is unpickled."""

    sprung = False

    def __reduce__(self) -> tuple[Any, ...]:
        return setattr, (Trap, "sprung", True)


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    array = np.array([Trap()], dtype=object)
    np.save(tmp_path / "a.npy", array)
    np.savez(tmp_path / "a.npz", a=array)
    with pytest.raises(DataError, match=r"a.npy is of type object, shape \(1,\): expected rows .*; of texts save array.astype\(str\)"):
        open_npy(tmp_path / "a.npy")
    with pytest.raises(DataError, match=r"a.npz: the array 'a' is of type object"):
        open_npz(tmp_path / "a.npz", "a")
    assert not Trap.sprung


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.array(3.0), "shape \\(\\): expected rows"),
        (np.zeros((0, 4)), "is empty"),
        (np.array([1j]), "type complex128"),
        (np.zeros(2, [("age", "f4"), ("town", "i4")]), "has the fields 'age', 'town': save each as"),
    ],
)
@pytest.mark.parametrize("name", FILES)
def test_rows_of_numbers_are_expected(tmp_path: Path, name: str, array: NDArray[Any], message: str) -> None:
    with pytest.raises(DataError, match=message):
        saved(tmp_path / name, array)


def test_an_array_that_is_not_there_is_told(tmp_path: Path) -> None:
    saved(tmp_path / "packed.npz", PICTURES)
    assert list(array_heads(tmp_path / "packed.npz")) == ["other", "a"]
    with pytest.raises(DataError, match=r"has no array 'othr'; it has 'a', 'other'; did you mean 'other'\?"):
        open_npz(tmp_path / "packed.npz", "othr")


@pytest.mark.parametrize("content", [b"", b"nonsense", b"PK\x03\x04nonsense", b"\x93NUMPY\x01\x00\xff"])
def test_what_is_no_file_of_arrays_is_told_in_a_line(tmp_path: Path, content: bytes) -> None:
    for name in ("a.npy", "a.npz"):
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name} is damaged, or no file of arrays: [^\n]+$"):
            open_npy(tmp_path / name) if name == "a.npy" else open_npz(tmp_path / name, "a")


def test_a_file_that_was_cut_off_is_refused_before_it_is_read(tmp_path: Path) -> None:
    saved(tmp_path / "a.npy", PICTURES)
    content = (tmp_path / "a.npy").read_bytes()
    (tmp_path / "a.npy").write_bytes(content[:-1])
    with pytest.raises(DataError, match=r"its head says \(7, 4, 6, 3\) of uint8, which is not the size of its data"):
        open_npy(tmp_path / "a.npy")


def test_a_head_that_says_too_much_is_refused_before_it_is_read(tmp_path: Path) -> None:
    saved(tmp_path / "a.npy", PICTURES)
    head = (tmp_path / "a.npy").read_bytes().replace(b"(7, 4, 6, 3)", b"(9, 4, 6, 3)")
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr("a.npy", head)
    with pytest.raises(DataError, match=r"the head of 'a.npy' says \(9, 4, 6, 3\) of uint8"):
        open_npz(tmp_path / "a.npz", "a")


def test_a_wrong_byte_is_found_at_the_end(tmp_path: Path) -> None:
    source = saved(tmp_path / "stored.npz", PICTURES)
    content = bytearray(source.path.read_bytes())
    place = content.index(PICTURES.tobytes()[:20]) + 200
    content[place] ^= 1
    source.path.write_bytes(content)
    blocks = source.blocks(2)
    with pytest.raises(DataError, match=r"stored.npz is damaged, or no file of arrays: Bad CRC-32"):
        list(blocks)


@pytest.mark.parametrize("name", ["packed.npz", "a.npy"])
def test_memory_holds_a_block_not_the_file(tmp_path: Path, name: str) -> None:
    """The array has 32 MB, a block a quarter of one."""
    source = saved(tmp_path / name, np.zeros((4096, 1024), np.float64))
    tracemalloc.start()
    try:
        total = sum(float(block.sum()) for block in source.blocks(32))
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert total == 0
    assert peak < 4 * 2**20


@pytest.mark.parametrize(
    ("name", "content", "why"),
    [
        ("readme.txt", b"about these arrays", "is no array"),
        ("a.npy", b"no array", r"is damaged or no array \([^\n]+\)"),
    ],
)
def test_a_member_that_is_no_array_is_named(tmp_path: Path, name: str, content: bytes, why: str) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as archive:
        archive.writestr(name, content)
    expected = "expected arrays alone, as numpy.savez writes them, each a member that ends in .npy"
    with pytest.raises(DataError, match=rf"^\S*a.npz holds '{name}', which {why}: {expected}$"):
        array_heads(tmp_path / "a.npz")
