"""Files are written whole or not at all, and what the machine refuses is told in one line."""

import errno
import os
import re
import threading
from pathlib import Path

import pytest
import torch

from gamelearn.disk import MachineError, is_refused, refusal, write_whole
from gamelearn.errors import DataError, RunError


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_file_is_made_with_its_folder_or_replaced(tmp_path: Path) -> None:
    path = tmp_path / "deep/file"
    for content in ("ä\n", b"\x00", lambda file: file.write(b"called")):
        assert write_whole(path, content) == path
    assert path.read_bytes() == b"called"
    assert names(path.parent) == ["file"]


@pytest.mark.parametrize("call", ["fsync", "replace"])
def test_what_was_there_stays_when_the_disk_refuses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    path = write_whole(tmp_path / "file", "old")

    def full(*arguments: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(os, call, full)
    with pytest.raises(MachineError, match=r"^cannot write '.*/file': No space left on device; free some space, or write to another disk$"):
        write_whole(path, "new")
    assert path.read_text() == "old"
    assert names(tmp_path) == ["file"]


def test_a_content_that_fails_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError):
        write_whole(tmp_path / "file", lambda file: file.write(b"half") / 0)
    assert names(tmp_path) == []


def test_file_and_folder_are_synced_before_and_after_the_renaming(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[str] = []
    replace = os.replace

    def synced(descriptor: int) -> None:
        happened.append("folder" if Path(f"/proc/self/fd/{descriptor}").is_dir() else "file")

    def replaced(old: Path, new: Path) -> None:
        happened.append("renamed")
        replace(old, new)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "replace", replaced)
    write_whole(tmp_path / "file", "text")
    assert happened == ["file", "renamed", "folder"]


def test_a_file_system_that_cannot_sync_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def cannot(descriptor: int) -> None:
        raise OSError(errno.EINVAL, "Invalid argument")

    monkeypatch.setattr(os, "fsync", cannot)
    assert write_whole(tmp_path / "file", "text").read_text() == "text"


def test_pipes_are_written_in_place_and_links_followed(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    heard: list[str] = []
    reader = threading.Thread(target=lambda: heard.append((tmp_path / "pipe").read_text()))
    reader.start()
    write_whole(tmp_path / "pipe", "text")
    reader.join()
    assert heard == ["text"]
    assert (tmp_path / "pipe").is_fifo()
    (tmp_path / "real").write_text("old")
    (tmp_path / "link").symlink_to("real")
    write_whole(tmp_path / "link", "new")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "real").read_text() == "new"


def test_a_wrong_path_is_a_mistake_and_no_refusal(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write '.*/file/in': ") as caught:
        write_whole(tmp_path / "file" / "in", "")
    assert not isinstance(caught.value, MachineError)
    assert not is_refused(caught.value)


def test_a_refusal_is_seen_through_the_errors_that_it_causes() -> None:
    error = DataError("cannot be read")
    error.__cause__ = OSError(errno.EIO, os.strerror(errno.EIO), "data.csv")
    assert is_refused(error)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (MemoryError(), "out of memory; less at once needs less memory: a smaller 'train.batch'"),
        (torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB"), r"out of memory \(CUDA out of memory"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried to allocate 9 bytes"), "out of memory"),
        (PermissionError(errno.EACCES, "Permission denied", "x"), "Permission denied: x; change the permissions"),
    ],
)
def test_refusals_are_told_with_what_to_try(error: Exception, told: str) -> None:
    text = refusal(error)
    assert text is not None
    assert "\n" not in text
    assert re.match(told, text)


def test_memory_that_is_really_lacking_is_recognised() -> None:
    with pytest.raises(RuntimeError) as caught:
        torch.empty(2**60)
    assert refusal(caught.value)
    assert refusal(RuntimeError("shapes differ")) is None
