"""What is read ahead, once, in another thread. This file tests the prefetching."""

import threading
from collections.abc import Callable, Iterator

import pytest

from gamelearn.data.prefetch import Prefetch


class Reader:
    """Reads positions, and remembers which."""

    def __init__(self) -> None:
        self.read: list[int] = []
        self.threads: set[str] = set()

    def __call__(self, position: int) -> Callable[[], int]:
        def job() -> int:
            self.read.append(position)
            self.threads.add(threading.current_thread().name)
            if position == 99:
                raise ValueError("damaged")
            return position * 10

        return job


@pytest.fixture
def prefetch() -> Iterator[Prefetch[int]]:
    made: Prefetch[int] = Prefetch()
    yield made
    made.close()


def test_the_next_is_read_once(prefetch: Prefetch[int]) -> None:
    reader = Reader()
    assert [prefetch.get("slot", position, reader) for position in (0, 1, 1, 2)] == [0, 10, 10, 20]
    prefetch.close()
    assert reader.read[:3] == [0, 1, 2]
    assert len(reader.read) == len(set(reader.read))
    assert threading.current_thread().name not in reader.threads


def test_a_jump_reads_what_is_asked_for(prefetch: Prefetch[int]) -> None:
    assert [prefetch.get("slot", position, Reader()) for position in (0, 7, 3)] == [0, 70, 30]


def test_slots_are_apart(prefetch: Prefetch[int]) -> None:
    reader, other = Reader(), Reader()
    assert prefetch.get("slot", 4, reader) == 40
    assert prefetch.get("other", 5, other) == 50
    assert 5 in other.read


def test_a_failure_is_raised_where_the_value_is_asked_for(prefetch: Prefetch[int]) -> None:
    reader = Reader()
    assert prefetch.get("slot", 98, reader) == 980
    with pytest.raises(ValueError, match="damaged"):
        prefetch.get("slot", 99, reader)
