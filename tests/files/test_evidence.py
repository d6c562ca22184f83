"""Files of evidence together: rows, names, values, which file belongs to which variable. This file tests their opening."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from gamelearn.errors import DataError, EvidenceError
from gamelearn.files.evidence import EvidenceFiles, named_files, open_evidence
from tests.files.games import LABELS, MASKS, PICTURES, VARIABLES, write_pngs

UNIT = PICTURES.transpose(0, 3, 1, 2) / np.float32(255)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with files of all kinds."""
    monkeypatch.chdir(tmp_path)
    np.savez_compressed("x.npz", x=PICTURES)
    np.savez("both.npz", x=PICTURES, s=LABELS, about=np.array("text"))
    np.save("s.npy", LABELS)
    np.savez_compressed("mask.npz", MASKS)
    np.savez_compressed("nothing.npz", np.zeros((7, 4, 6), bool))
    write_pngs(tmp_path / "faces", PICTURES)
    write_pngs(tmp_path / "labels", LABELS)
    return tmp_path


def opened(given: dict[str, str], hide: dict[str, str] | None = None, truth: dict[str, str] | None = None, **options: Any) -> EvidenceFiles:
    return open_evidence(VARIABLES, given, hide or {}, truth or {}, **{"rows": None, "seed": 0, "resize": False, **options})


@pytest.mark.parametrize("size", [1, 2, 7, 64])
def test_blocks_hold_the_same_rows_of_all_files(size: int) -> None:
    found = opened({"x": "x.npz", "s": "labels"}, {"x": "mask.npz"}, {"s": "s.npy"})
    blocks = list(found.blocks(size))
    assert [block.first_row for block in blocks] == list(range(0, 7, size))
    assert sum(block.rows for block in blocks) == found.rows == 7
    for part, name, expected in (("given", "x", UNIT), ("given", "s", LABELS), ("hide", "x", np.repeat(MASKS[:, None], 3, 1)), ("truth", "s", LABELS)):  # fmt: skip
        assert np.array_equal(np.concatenate([getattr(block, part)[name] for block in blocks]), expected)


def test_a_mask_that_hides_nothing_leaves_the_variable_wholly_given() -> None:
    found = opened({"x": "x.npz", "s": "s.npy"}, {"x": "nothing.npz", "s": "left"})
    assert (set(found.fixed), set(found.hide)) == ({"x"}, {"s"})


def test_rows_are_named_by_images_or_by_numbers() -> None:
    assert [opened({"s": "labels", "x": "x.npz"}).name(row) for row in (0, 6)] == ["a", "g"]
    assert [opened({"x": "x.npz"}).name(row) for row in (0, 6)] == ["0", "6"]
    assert [opened({}, rows=1001).name(row) for row in (0, 1000)] == ["0000", "1000"]


def test_images_of_one_row_have_one_name(folder: Path) -> None:
    write_pngs(folder / "other", LABELS, "abcdefh")
    with pytest.raises(EvidenceError, match="the rows of faces and other have different names: 'g' stands beside 'h'"):
        opened({"x": "faces"}, truth={"s": "other"})
    assert opened({"x": "faces/a.png", "s": "labels/b.png"}).rows == 1


def test_a_table_that_names_files_stands_beside_these(folder: Path) -> None:
    for order, name in (("abcdefg", "right.csv"), ("gbcdefa", "wrong.csv")):
        (folder / name).write_text("file,c\n" + "".join(f"{each}.png,1\n" for each in order))
    assert opened({"x": "faces"}, truth={"c": "right.csv"}).name(0) == "a"
    with pytest.raises(EvidenceError, match=r"the rows of faces and wrong\.csv:c have different names: 'a' stands beside 'g'"):
        opened({"x": "faces"}, truth={"c": "wrong.csv"})
    assert opened({"c": "wrong.csv"}).names is None


@pytest.mark.parametrize(
    ("question", "message"),
    [
        ({"given": {"y": "x.npz"}}, "unknown variable 'y'; known: 'x', 'g'"),
        ({"given": {"x": "x.npz"}, "hide": {"s": "left"}}, "a part of 's' is hidden, but 's' is not given: give it, or leave its mask out"),
        ({"given": {}}, "nothing is given: say by --rows how many rows are to be drawn"),
        ({"given": {"x": "x.npz"}, "rows": 5}, "--rows says 5, but x.npz:x has 7 rows: leave --rows out"),
        ({"given": {"x": "x.npz", "s": "short.npy"}}, "x.npz:x has 7 rows, short.npy has 5"),
        ({"given": {"x": "x.npz"}, "truth": {"s": "short.npy"}}, "short.npy has the truth of 5 rows, but 7 are to be inferred"),
    ],
)
def test_files_that_do_not_fit_together(question: dict[str, Any], message: str) -> None:
    np.save("short.npy", LABELS[:5])
    with pytest.raises(EvidenceError) as caught:
        opened(**question)
    assert str(caught.value).startswith(message)


def test_hidden_values_may_be_anything_others_are_checked() -> None:
    spoilt = UNIT.astype(np.float32).copy()
    spoilt[5, 1, 2, 3] = np.inf
    mask = np.zeros((7, 4, 6), bool)
    np.save("spoilt.npy", spoilt)
    with pytest.raises(EvidenceError, match=r"spoilt.npy, row 5 \(counted from 0\): 'x' is real: expected finite numbers, got inf"):
        list(opened({"x": "spoilt.npy"}).blocks(2))
    mask[5, 2, 3] = True
    np.save("hidden.npy", mask)
    assert len(list(opened({"x": "spoilt.npy"}, {"x": "hidden.npy"}).blocks(2))) == 4


def test_what_is_no_number_is_missing_and_hidden() -> None:
    spoilt = UNIT.astype(np.float32).copy()
    spoilt[5, 1, 2, 3] = np.nan
    mask = np.zeros((7, 4, 6), bool)
    mask[0, 0, 0] = True
    np.save("spoilt.npy", spoilt)
    np.save("hidden.npy", mask)
    found = opened({"x": "spoilt.npy"}, {"x": "hidden.npy"})
    hidden = np.concatenate([block.hide["x"] for block in found.blocks(2)])
    assert np.argwhere(hidden).tolist() == [[0, 0, 0, 0], [0, 1, 0, 0], [0, 2, 0, 0], [5, 1, 2, 3]]
    assert found.notices == ["what is not a number in spoilt.npy is missing, and hidden"]
    assert opened({"x": "x.npz"}).notices == []


def test_the_end_of_an_archive_is_read_so_that_damage_is_found(folder: Path) -> None:
    np.savez("x.npz", x=PICTURES)
    content = bytearray((folder / "x.npz").read_bytes())
    content[content.index(PICTURES.tobytes()[:20]) + 200] ^= 1
    (folder / "x.npz").write_bytes(content)
    with pytest.raises(DataError, match=r"x.npz is damaged"):
        list(opened({"x": "x.npz"}).blocks(7))


def test_files_are_named_by_variable_or_by_the_arrays_of_an_archive() -> None:
    assert named_files(["x=x.npz", "s=s.npy"], VARIABLES, "--given") == ({"x": "x.npz", "s": "s.npy"}, [])
    assert named_files(["both.npz"], VARIABLES, "--given") == (
        {"x": "both.npz:x", "s": "both.npz:s"},
        ["NOTICE: both.npz: 'about' is not read: no variable has this name"],
    )


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        (["x=x.npz", "both.npz"], "--given names 'x' twice: 'x.npz' and 'both.npz:x'"),
        (["faces"], "--given 'faces': say which variable it is, such as x=faces; the known ones are 'x', 'g'"),
        (["mask.npz"], "mask.npz has no array that is named as a variable: it has 'arr_0'; the variables are 'x'"),
    ],
)
def test_texts_that_name_no_variable(texts: list[str], message: str) -> None:
    with pytest.raises(EvidenceError) as caught:
        named_files(texts, VARIABLES, "--given")
    assert str(caught.value).startswith(message)
