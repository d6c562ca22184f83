"""The allocator is tuned in a process of its own, so that no other test runs with it."""

import ctypes
import subprocess
import sys
from typing import Any

import pytest

from gamelearn import cpu

TWICE = "import sys; from gamelearn.cpu import tune_allocator; print(tune_allocator(), tune_allocator(), 'torch' in sys.modules)"


def test_glibc_is_tuned_and_may_be_tuned_twice() -> None:
    done = subprocess.run([sys.executable, "-c", TWICE], capture_output=True, text=True, check=True)
    expected = sys.platform == "linux" and hasattr(ctypes.CDLL(None), "gnu_get_libc_version")
    assert done.stdout.split() == [str(expected), str(expected), "False"]


def test_another_system_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    monkeypatch.setattr(ctypes, "CDLL", lambda _: pytest.fail("looked for a C library"))
    assert not cpu.tune_allocator()


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(_: str) -> Any:
        raise OSError

    monkeypatch.setattr(ctypes, "CDLL", missing)
    assert not cpu.tune_allocator()
