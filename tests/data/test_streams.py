"""Batches, their order, `take`, `balance`, `except`, what stands in. This file tests streams from specs to tensors."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor

from gamelearn.data import csv_file, digits, mnist, npz
from gamelearn.data.dataset import DataSet
from gamelearn.data.folder import DataAbsent, DataFolder
from gamelearn.data.streams import Streams, open_streams
from gamelearn.errors import DataError
from gamelearn.registry import DATASETS
from gamelearn.spec.schema import Data, Variable

REGISTERED_BY = (csv_file, digits, mnist, npz)

VARIABLES = {
    "x": Variable(type="binary", shape=(1, 8, 8)),
    "c": Variable(type="categorical", classes=10),
    "row": Variable(type="real"),
    "label": Variable(type="categorical", classes=3),
    "flag": Variable(type="binary"),
}
DIGITS = {"type": "digits", "binarize": 0.5}
ROWS = 30


def opened(folder: DataFolder, data: Mapping[str, Any], variables: Mapping[str, Variable] = VARIABLES, **others: Any) -> Streams:
    settings: dict[str, Any] = {"seed": 0, "device": "cpu", "dtype": torch.float32, **others}
    return open_streams(Data.model_validate(data), variables, folder=folder, **settings)


@pytest.fixture
def numbered(folder: DataFolder) -> DataFolder:
    """A data root with 30 rows that hold their own number, which modulo 3 is their label."""
    np.savez(folder.root / "rows.npz", row=np.arange(float(ROWS)), label=np.arange(ROWS) % 3)
    return folder


def rows_data(streams: Mapping[str, Any], **others: Any) -> dict[str, Any]:
    return {"dataset": {"type": "npz", "path": "rows.npz", "validation": 0.0, "test": 0.0}, "streams": streams, **others}


def shown(streams: Streams, stream: str) -> list[int]:
    return sorted(int(row) for part in streams.split(stream, "train") for row in part["row"])


def rows_of(streams: Streams, position: int, rows: int = 8, **others: Any) -> list[int]:
    return streams.batch("all", position, rows, noise_key=(), columns=["row"], **others)["row"].int().tolist()


def test_a_batch_has_the_types_shapes_and_dtype(folder: DataFolder) -> None:
    streams = opened(folder, {"dataset": DIGITS, "streams": {"images": ["x", "c"]}}, dtype=torch.float64)
    batch = streams.batch("images", 0, 7, noise_key=("key",))
    assert {name: (tuple(value.shape), value.dtype) for name, value in batch.items()} == {
        "x": ((7, 1, 8, 8), torch.float64),
        "c": ((7,), torch.int64),
    }
    assert list(streams.batch("images", 0, 7, noise_key=("key",), columns=["c"])) == ["c"]
    assert streams.length("images") == 1437
    assert streams.names == ("images",)


@pytest.mark.parametrize("memory_limit", [2**30, 0])
def test_batches_follow_each_other_through_epochs(numbered: DataFolder, memory_limit: int) -> None:
    streams = opened(numbered, rows_data({"all": ["row", "label"]}), memory_limit=memory_limit)
    walked = [row for position in range(15) for row in rows_of(streams, position)]
    epochs = [walked[start : start + ROWS] for start in range(0, 120, ROWS)]
    assert all(sorted(epoch) == list(range(ROWS)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 4
    assert rows_of(streams, 2) == walked[16:24]
    streams.close()


@pytest.mark.parametrize("jumps", [[0, 1, 2, 3], [0, 0, 1, 1], [5, 2, 9, 2]])
def test_reading_ahead_or_in_parts_changes_nothing(numbered: DataFolder, monkeypatch: pytest.MonkeyPatch, jumps: list[int]) -> None:
    monkeypatch.setattr("gamelearn.data.streams._PART_ROWS", 7)
    data = rows_data({"all": ["row", "label"]})
    held, read = opened(numbered, data), opened(numbered, data, memory_limit=0)
    for position in jumps:
        first, second = (each.batch("all", position, 7, noise_key=("key",)) for each in (held, read))
        assert all(torch.equal(first[name], second[name]) for name in ("row", "label"))
        assert torch.equal(first["label"], first["row"].long() % 3)
    read.close()


def test_data_in_memory_is_read_once_and_other_data_again(numbered: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []
    original = DataSet.read

    def counted(self: DataSet, field: str, split: str, rows: Tensor) -> Tensor:
        read.append(field)
        return original(self, field, split, rows)

    monkeypatch.setattr(DataSet, "read", counted)
    size = ROWS * (4 + 8)
    for limit, reads in ((size, ["row", "label"]), (size - 1, [])):
        read.clear()
        streams = opened(numbered, rows_data({"all": ["row", "label"], "again": ["row"]}), memory_limit=limit)
        assert read == reads
        rows_of(streams, 0)
        assert (read == reads) == bool(reads)
        streams.close()


def test_a_shorter_stream_is_used_whole(numbered: DataFolder) -> None:
    streams = opened(numbered, rows_data({"all": ["row"]}))
    assert (streams.rows("all", 8), streams.rows("all", 99)) == (8, ROWS)
    assert sorted(rows_of(streams, 0, 99)) == sorted(rows_of(streams, 1, 99)) == list(range(ROWS))


def test_parts_of_a_batch_are_its_rows(numbered: DataFolder) -> None:
    streams = opened(numbered, rows_data({"all": ["row"]}))
    assert rows_of(streams, 6, 5) + rows_of(streams, 7, 5) == rows_of(streams, 3, 10)


def test_the_order_depends_on_seed_ordinal_and_stream_alone(numbered: DataFolder) -> None:
    data = rows_data({"all": ["row"], "more": ["row"]})
    streams = opened(numbered, data)
    assert rows_of(streams, 1) == rows_of(opened(numbered, rows_data({"all": ["row"]})), 1)
    assert rows_of(streams, 1) != rows_of(opened(numbered, data, seed=1), 1)
    assert rows_of(streams, 1) != rows_of(streams, 1, ordinal=1)
    assert rows_of(streams, 1, ordinal=1) == rows_of(streams, 1, ordinal=1)
    assert rows_of(streams, 1) != streams.batch("more", 1, 8, noise_key=())["row"].int().tolist()


@pytest.mark.parametrize("memory_limit", [2**30, 0])
def test_training_batches_have_noise_by_key_and_row(folder: DataFolder, memory_limit: int) -> None:
    data = {"dataset": {**DIGITS, "flip": 0.1}, "streams": {"images": ["x"]}}
    streams = opened(folder, data, memory_limit=memory_limit)
    clean = opened(folder, {"dataset": DIGITS, "streams": {"images": ["x"]}}).batch("images", 0, 40, noise_key=())["x"]
    noisy = streams.batch("images", 0, 40, noise_key=("a",))["x"]
    assert 0.05 < (noisy != clean).float().mean() < 0.15
    assert torch.equal(noisy, streams.batch("images", 0, 40, noise_key=("a",))["x"])
    assert not torch.equal(noisy, streams.batch("images", 0, 40, noise_key=("b",))["x"])
    assert torch.equal(noisy[20:], streams.batch("images", 1, 20, noise_key=("a",), first_row=20)["x"])
    streams.close()


def test_other_splits_have_no_noise_and_come_in_order(folder: DataFolder) -> None:
    data = {"dataset": {**DIGITS, "flip": 0.5}, "streams": {"images": {"variables": ["x", "c"], "take": 10}}}
    streams = opened(folder, data)
    parts = list(streams.split("images", "test", rows=100))
    assert [len(part["c"]) for part in parts] == [100, 80]
    data_set = DATASETS["digits"].build(folder, 0, binarize=0.5)
    assert torch.equal(torch.cat([part["x"] for part in parts]), data_set.read("x", "test", torch.arange(180)))
    assert sum(len(part["c"]) for part in streams.split("images", "train")) == 10


def test_an_empty_split_is_an_error(numbered: DataFolder) -> None:
    with pytest.raises(DataError, match="data set 'npz' has no rows in its split 'test' that stream 'all' could show"):
        next(opened(numbered, rows_data({"all": ["row"]})).split("all", "test"))


def test_take_is_nested_and_keyed_by_the_data_seed(numbered: DataFolder) -> None:
    taken = {"few": {"variables": ["row"], "take": 5}, "many": {"variables": ["row"], "take": 12}}
    streams = opened(numbered, rows_data(taken))
    few, many = shown(streams, "few"), shown(streams, "many")
    assert (len(few), len(many)) == (5, 12)
    assert set(few) < set(many)
    assert few == shown(opened(numbered, rows_data(taken), seed=9), "few")
    assert few != shown(opened(numbered, rows_data(taken, seed=9)), "few")


@pytest.mark.parametrize("variables", [["row", "label"], ["row"]])
def test_balance_takes_as_many_of_each_class(numbered: DataFolder, variables: list[str]) -> None:
    streams = opened(numbered, rows_data({"few": {"variables": variables, "take": 12, "balance": "label"}}))
    rows = shown(streams, "few")
    assert [sum(row % 3 == label for row in rows) for label in range(3)] == [4, 4, 4]
    assert len(set(rows)) == 12


def test_except_leaves_out_the_rows_of_another_stream(numbered: DataFolder) -> None:
    some = {
        "rest": {"variables": ["row"], "except": "more", "take": 10},
        "more": {"variables": ["row"], "except": "few", "take": 6},
        "few": {"variables": ["row"], "take": 6},
    }
    streams = opened(numbered, rows_data(some))
    few, more, rest = (set(shown(streams, name)) for name in ("few", "more", "rest"))
    assert not few & more
    assert not more & rest
    assert (len(few), len(more), len(rest)) == (6, 6, 10)


def test_except_of_a_stream_without_take_leaves_the_others(numbered: DataFolder) -> None:
    streams = opened(numbered, rows_data({"few": {"variables": ["row"], "take": 6}, "rest": {"variables": ["row"], "except": "few"}}))
    assert sorted(shown(streams, "few") + shown(streams, "rest")) == list(range(ROWS))


@pytest.mark.parametrize(
    ("stream", "what"),
    [
        ({"take": 31}, "takes 31 rows, of which 30 are left: data set 'npz' has 30 training rows"),
        ({"take": 33, "balance": "label"}, "takes 33 rows, of which 30 are left"),
        ({"take": 15, "balance": "few"}, "takes 5 rows of each class of 'few', but class 1 has 1 in data set 'npz'"),
    ],
)
def test_what_cannot_be_taken_is_said(numbered: DataFolder, stream: dict[str, Any], what: str) -> None:
    np.savez(numbered.root / "rows.npz", row=np.arange(30.0), label=np.arange(30) % 3, few=np.array([0] * 28 + [1, 2]))
    variables = {**VARIABLES, "few": Variable(type="categorical", classes=3)}
    with pytest.raises(DataError, match=what):
        opened(numbered, rows_data({"all": {"variables": ["row"], **stream}}), variables)


def test_a_row_with_a_missing_cell_is_left_out_where_it_matters(folder: DataFolder) -> None:
    (folder.root / "a.csv").write_text("row,label,flag\n0,a,1\n1,,0\n2,c,\n3,b,0\n,a,1\n")
    data = {
        "dataset": {"type": "csv", "path": "a.csv", "validation": 0.0, "test": 0.0},
        "streams": {"both": ["row", "label"], "alone": ["row"], "without": {"variables": ["row"], "except": "both"}},
    }
    for limit in (0, 2**30):
        streams = opened(folder, data, memory_limit=limit)
        assert [shown(streams, name) for name in ("both", "alone", "without")] == [[0, 2, 3], [0, 1, 2, 3], [1]]
        batch = streams.batch("both", 0, 10, noise_key=())
        assert sorted(zip(batch["row"].tolist(), batch["label"].tolist(), strict=True)) == [(0, 0), (2, 2), (3, 1)]
        streams.close()


def test_a_stream_without_rows_is_an_error(folder: DataFolder) -> None:
    (folder.root / "a.csv").write_text("row,flag\n1.5,\n,0\n")
    data = {"dataset": {"type": "csv", "path": "a.csv", "validation": 0.0, "test": 0.0}, "streams": {"both": ["row", "flag"]}}
    with pytest.raises(DataError, match="stream 'both' has no rows: data set 'csv' has 2 training rows, 0 of them with no missing cell"):
        opened(folder, data)


def test_several_data_sets_each_have_their_streams(numbered: DataFolder) -> None:
    data = {
        "datasets": {
            "numbers": {"type": "npz", "path": "rows.npz", "test": 0.0, "validation": 0.0},
            "digits": DIGITS,
            "unused": {"type": "mnist"},
        },
        "streams": {"rows": {"variables": ["row"], "dataset": "numbers"}, "images": {"variables": {"x": "x"}, "dataset": "digits"}},
    }
    streams = opened(numbered, data)
    assert streams.taken == {"numbers": "npz", "digits": "digits"}
    assert (streams.length("rows"), streams.length("images")) == (ROWS, 1437)
    assert streams.notices == ()


def test_one_field_may_be_shown_as_two_variables_with_their_own_noise(folder: DataFolder) -> None:
    data = {"dataset": {**DIGITS, "flip": 0.2}, "streams": {"images": {"variables": {"x": "x", "y": "x"}}}}
    batch = opened(folder, data, {**VARIABLES, "y": VARIABLES["x"]}).batch("images", 0, 8, noise_key=())
    assert not torch.equal(batch["x"], batch["y"])


def test_another_data_set_stands_in_for_an_absent_one_loudly(folder: DataFolder) -> None:
    absent = {"type": "npz", "path": "gone.npz"}
    streams = opened(folder, {"dataset": absent, "otherwise": DIGITS, "streams": {"images": ["x"]}})
    assert streams.taken == {"dataset": "digits"}
    (notice,) = streams.notices
    assert notice.startswith("data set 'npz' is absent, 'digits' is taken instead: 'gone.npz' is missing")
    with pytest.raises(DataAbsent, match=r"'gone.npz' is missing"):
        opened(folder, {"dataset": absent, "streams": {"images": ["x"]}})


def test_nothing_stands_in_for_a_damaged_data_set(folder: DataFolder) -> None:
    (folder.root / "a.npz").write_bytes(b"damaged")
    with pytest.raises(DataError, match="is damaged"):
        opened(folder, {"dataset": {"type": "npz", "path": "a.npz"}, "otherwise": DIGITS, "streams": {"images": ["x"]}})


def test_the_data_set_is_taken_where_it_is_there(numbered: DataFolder) -> None:
    data = rows_data({"images": {"variables": {"row": "row"}}})
    assert opened(numbered, data).taken == {"dataset": "npz"}


def test_all_misfits_of_opened_data_are_said_at_once(numbered: DataFolder) -> None:
    with pytest.raises(DataError) as caught:
        opened(numbered, rows_data({"all": {"variables": {"flag": "row", "x": "label", "row": "rowe"}}}))
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines] == [f"data.streams.all.variables.{name}" for name in ("flag", "x", "row")]
    assert [line.split(": ", 1)[1] for line in lines] == [
        (
            "variable 'flag' is binary of shape (), field 'row' of data set 'npz' is real of shape ():"
            " it holds 2, which is none of 0 .. 1, among more than 2 different numbers: add fields: {row: {binarize: 0.5}}"
        ),
        "variable 'x' is binary of shape (1, 8, 8), field 'label' of data set 'npz' is categorical with 3 classes of shape (): its rows have the shape ()",
        "data set 'npz' has no field 'rowe'; it has 'label', 'row'; did you mean 'row'?",
    ]


def test_what_is_known_without_opening_is_said_before(folder: DataFolder) -> None:
    with pytest.raises(DataError, match="field 'x' of data set 'mnist' is real of shape \\(1, 28, 28\\)"):
        opened(folder, {"dataset": {"type": "mnist"}, "streams": {"images": ["x"]}})


@pytest.mark.parametrize("memory_limit", [2**30, 0])
def test_wrong_values_never_reach_a_player(numbered: DataFolder, monkeypatch: pytest.MonkeyPatch, memory_limit: int) -> None:
    monkeypatch.setattr("gamelearn.data.fitting.wrong_values", lambda *others: None)
    np.savez(numbered.root / "rows.npz", row=np.full(30, np.inf), label=np.arange(30) % 3)
    with pytest.raises(DataError, match="field 'row' of data set 'npz' is real of shape \\(\\): expected finite numbers, got inf"):
        opened(numbered, rows_data({"all": ["row"]}), memory_limit=memory_limit).batch("all", 0, 4, noise_key=())
