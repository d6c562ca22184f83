"""The logged rounds of a run: damaged lines are left out and named, the rest is kept."""

import errno
import json
import os
from pathlib import Path
from typing import Any

import pytest

from gamelearn.train.metrics_file import MetricsObserver, read_metrics
from tests.train.test_observers import old_line
from tests.train.tiny import ONE_STAGE, Recorder, trainer_of

EVERY_ROUND = ("rounds: 4", "rounds: 6, log: {rounds: 1}")


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("metrics") / "metrics.jsonl"
    trainer_of(ONE_STAGE, EVERY_ROUND, observers=[MetricsObserver(path)]).run()
    return path.read_bytes()


def read(path: Path, content: bytes) -> tuple[list[dict[str, Any]], list[str]]:
    path.write_bytes(content)
    said: list[str] = []
    return read_metrics(path, said.append), said


def flipped(content: bytes, bit: int) -> bytes:
    data = bytearray(content)
    data[bit // 8] ^= 1 << bit % 8
    return bytes(data)


def test_every_flipped_bit_costs_its_line_alone_and_is_named(tmp_path: Path, written: bytes) -> None:
    path = tmp_path / "metrics.jsonl"
    whole, said = read(path, written)
    assert ([row["round"] for row in whole], said) == ([1, 2, 3, 4, 5, 6], [])
    ends = {len(b"".join(written.splitlines(keepends=True)[:count])) - 1 for count in range(1, 7)}
    for bit in range(0, 8 * len(written), 5):
        found, said = read(path, flipped(written, bit))
        is_in_key = all(row in whole for row in [{key: value for key, value in each.items() if key in whole[0]} for each in found])
        assert is_in_key, bit  # no value is another one: what is left is what was written
        lost = 6 - len(found)
        assert lost <= (2 if bit // 8 in ends else 1), bit
        assert len(said) == (1 if lost and bit // 8 != len(written) - 1 else 0), bit


def test_lines_are_named_by_their_numbers(tmp_path: Path, written: bytes) -> None:
    lines = written.splitlines(keepends=True)
    lines[1], lines[3] = b"\xff\xfe\n", b"null\n"
    found, said = read(tmp_path / "metrics.jsonl", b"".join(lines))
    assert [row["round"] for row in found] == [1, 3, 5, 6]
    assert said == [f"WARNING: {tmp_path}/metrics.jsonl: lines 2, 4 are damaged and left out; 4 logged rounds are sound"]


def test_a_line_on_its_way_is_left_out_and_one_that_lacks_its_end_alone_is_read(tmp_path: Path, written: bytes) -> None:
    assert [len(read(tmp_path / "m", written[:-cut])[0]) for cut in (1, 2, 40)] == [6, 5, 5]
    assert read(tmp_path / "m", written[:-40])[1] == []


def test_of_lines_without_a_check_sum_those_out_of_order_are_left_out(tmp_path: Path) -> None:
    rounds = (1, 2, 4099, 4, 5, 1, 6)
    found, said = read(tmp_path / "m", "".join(old_line(number) + "\n" for number in rounds).encode())
    assert [row["round"] for row in found] == [1, 2, 4, 5, 6]
    assert "lines 3, 6 are damaged" in said[0]


@pytest.mark.parametrize("key", ["round", "stage", "utilities", "seconds"])
@pytest.mark.parametrize("value", [None, [], True, {"encoder": "1"}])
def test_a_line_without_the_form_of_one_is_damaged(tmp_path: Path, key: str, value: Any) -> None:
    found, said = read(tmp_path / "m", (json.dumps({**json.loads(old_line(3)), key: value}) + "\n").encode())
    assert (found, len(said)) == ([], 1)


@pytest.mark.parametrize("line", range(6))
def test_a_resume_keeps_every_sound_line(tmp_path: Path, written: bytes, line: int) -> None:
    path, said = tmp_path / "metrics.jsonl", list[str]()
    stopped = trainer_of(ONE_STAGE, EVERY_ROUND, observers=[Recorder(stop_after=4)])
    stopped.run()
    lines = written.splitlines(keepends=True)
    lines[line] = flipped(lines[line], 100)
    path.write_bytes(b"".join(lines))
    trainer_of(ONE_STAGE, EVERY_ROUND, state=stopped.state(), observers=[MetricsObserver(path, said.append)]).run()
    assert [row["round"] for row in read_metrics(path)] == [each for each in range(1, 7) if each - 1 != line or line >= 4]
    assert f"line {line + 1} is damaged" in said[0]


@pytest.mark.parametrize("cut", [True, False])
def test_a_line_that_cannot_be_written_waits_for_the_next(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cut: bool) -> None:
    path, said, write = tmp_path / "metrics.jsonl", list[str](), os.write
    calls: list[int] = []

    def full(descriptor: int, data: Any) -> int:
        calls.append(len(data))
        if len(calls) in (3, 5):
            return write(descriptor, data[:20])
        if len(calls) in (4, 6):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(descriptor, data)

    def cannot(*arguments: Any) -> None:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    monkeypatch.setattr(os, "write", full)
    if not cut:
        monkeypatch.setattr(os, "ftruncate", cannot)
    trainer_of(ONE_STAGE, EVERY_ROUND, observers=[MetricsObserver(path, said.append)]).run()
    heard: list[str] = []
    assert [row["round"] for row in read_metrics(path, heard.append)] == [1, 2, 3, 4, 5, 6]
    assert len(heard) == (0 if cut else 1)
    (text,) = said
    assert "metrics.jsonl cannot be written: No space left on device; free some space" in text
