"""Data that changed since a run was trained: what was there keeps its split, its class and its unit."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gamelearn.data import csv_file, images, npz
from gamelearn.data.folder import DataFolder
from gamelearn.data.streams import Streams, open_streams
from gamelearn.errors import DataError
from gamelearn.spec.schema import Data, Variable

REGISTERED_BY = (csv_file, images, npz)
RNG = np.random.default_rng(0)
LINES = [f"{RNG.normal(40, 9):.2f},{town},{number}" for number, town in enumerate(RNG.choice(["Bonn", "Ulm", "Wien"], 60))]
VARIABLES = {
    "age": Variable(type="real"),
    "town": Variable(type="categorical", classes=3),
    "id": Variable(type="real"),
}
STREAMS = {
    "few": {"variables": ["age", "town", "id"], "take": 12, "balance": "town"},
    "rest": {"variables": ["age", "town", "id"], "except": "few"},
}
TABLE = {"dataset": {"type": "csv", "path": "t.csv", "standardise": True}, "streams": STREAMS}


def write(lines: Sequence[str]) -> None:
    Path("t.csv").write_text("\n".join(["age,town,id", *lines, ""]))


def opened(folder: Path, former: Streams | None = None, data: Any = TABLE, variables: Any = VARIABLES) -> Streams:
    known: dict[str, Any] = {"readings": former.readings(), "rows": former.row_keys()} if former else {}
    place = DataFolder(folder, folder / "root")
    return open_streams(Data.model_validate(data), variables, folder=place, seed=0, device="cpu", dtype=torch.float32, **known)


def shown(streams: Streams) -> dict[str, list[tuple[float, ...]]]:
    """Return all rows of every stream and split, in order, as numbers of the training."""
    found = {}
    for stream in streams.names:
        for split in ("train", "validation", "test"):
            parts = list(streams.split(stream, split))
            values = {name: torch.cat([part[name] for part in parts]) for name in sorted(parts[0])}
            columns = [each.flatten(1) if each.dim() > 1 else each[:, None] for each in values.values()]
            found[f"{stream} {split}"] = [tuple(row) for row in torch.cat(columns, 1).tolist()]
    return found


@pytest.fixture
def former(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Streams:
    monkeypatch.chdir(tmp_path)
    write(LINES)
    return opened(tmp_path)


NEW = ["99.5,Aachen,100", "12.25,Wien,101"]


@pytest.mark.parametrize(
    ("lines", "told"),
    [
        (LINES, []),
        (LINES[::-1], []),
        ([*NEW, *LINES], ["2 rows are new since the training: no split has them"]),
        ([*LINES[30:], NEW[1], *LINES[:30]], ["1 row is new since the training: no split has it"]),
    ],
)
def test_rows_that_were_there_keep_their_place(tmp_path: Path, former: Streams, lines: list[str], told: list[str]) -> None:
    write(lines)
    now = opened(tmp_path, former)
    assert [notice.removeprefix("data set 'csv': ") for notice in now.notices] == told
    assert shown(now) == shown(former), "bit for bit"
    assert now.readings() == former.readings(), "a later resume compares with the first training"


def test_a_row_that_goes_moves_no_other(tmp_path: Path, former: Streams) -> None:
    before = shown(former)
    gone = {name: int(before[name][3][1] * former.readings()["id"].deviation[0] + former.readings()["id"].mean[0] + 0.5) for name in before}
    for name in ("rest train", "rest test"):
        write([line for line in LINES if not line.endswith(f",{gone[name]}")])
        now = opened(tmp_path, former)
        assert [notice.removeprefix("data set 'csv': ") for notice in now.notices] == [
            "1 row of the training is gone or changed: the others stay in their splits"
        ]
        after = shown(now)
        assert len(after[name]) == len(before[name]) - 1
        assert after[name] == [row for index, row in enumerate(before[name]) if index != 3]
        assert after["few train"] == before["few train"]


@pytest.mark.parametrize(
    ("lines", "what"),
    [
        ([line.replace("Ulm", "Ulm (Donau)") for line in LINES], "'town': its values were 'Bonn', 'Ulm', 'Wien', now 'Bonn', 'Ulm (Donau)', 'Wien'"),
        ([f"{float(line.split(',')[0]) + 5},{line.split(',', 1)[1]}" for line in LINES], "of its 60 rows 60 are gone or changed"),
    ],
)  # fmt: skip
def test_other_data_are_refused(tmp_path: Path, former: Streams, lines: list[str], what: str) -> None:
    write(lines)
    with pytest.raises(DataError, match="data set 'csv' has changed since the training") as caught:
        opened(tmp_path, former)
    assert what in str(caught.value)


def test_without_a_record_of_rows_other_units_are_refused(tmp_path: Path, former: Streams) -> None:
    write([*LINES, *NEW[1:]])
    data, place = Data.model_validate(TABLE), DataFolder(tmp_path, tmp_path / "root")
    with pytest.raises(DataError, match="'age': its mean and standard deviation were"):
        open_streams(data, VARIABLES, folder=place, seed=0, device="cpu", dtype=torch.float32, readings=former.readings())


def test_arrays_are_known_by_their_content(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    data = {"dataset": {"type": "npz", "path": "a.npz"}, "streams": {"rows": ["x", "c"]}}
    variables = {"x": Variable(type="real", shape=(4,)), "c": Variable(type="categorical", classes=3)}
    x, c = RNG.normal(size=(40, 4)).astype(np.float32), RNG.integers(0, 3, 40)
    np.savez("a.npz", x=x, c=c)
    former = opened(tmp_path, None, data, variables)
    order = RNG.permutation(40)
    np.savez("a.npz", x=np.concatenate([x[order], x[:5] + 1]).astype(np.float64), c=np.concatenate([c[order], c[:5]]).astype(np.uint8))
    now = opened(tmp_path, former, data, variables)
    assert shown(now) == shown(former)
    assert now.notices == ("data set 'npz': 5 rows are new since the training: no split has them",)


def test_images_are_known_by_their_names(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)

    def image(path: str, value: int) -> None:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.full((4, 4, 3), value, np.uint8)).save(path)

    for number in range(40):
        image(f"d/{'light' if number % 2 else 'dark'}/{number}.png", 200 if number % 2 else 20 + number)
    data = {"dataset": {"type": "images", "path": "d", "size": 4}, "streams": {"rows": ["x", "c"]}}
    variables = {"x": Variable(type="real", shape=(3, 4, 4)), "c": Variable(type="categorical", classes=2)}
    former = opened(tmp_path, None, data, variables)
    keys = former.row_keys()
    monkeypatch.setattr(former, "row_keys", lambda: keys)  # those of the files before they change
    image("d/amber/99.png", 128)
    image("d/dark/99.png", 20)
    image("d/dark/0.png", 21)
    now = opened(tmp_path, former, data, variables)
    assert [notice.split(": ", 1)[1] for notice in now.notices] == [
        "2 rows are new since the training: no split has them",
        "1 file changed since the training: what is measured is about other images",
    ]
    assert [[row[0] for row in rows] for rows in shown(now).values()] == [[row[0] for row in rows] for rows in shown(former).values()]
    (tmp_path / "d" / "light").rename("d/bright")
    with pytest.raises(DataError, match="'c': its values were 'dark', 'light', now 'amber', 'bright', 'dark'"):
        opened(tmp_path, former, data, variables)
