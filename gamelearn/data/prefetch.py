"""Reading ahead: while one batch is used, the next is read by a thread.

A value depends on its key alone, so what was read ahead is what would have been read. This file runs the thread.
"""

from collections.abc import Callable, Hashable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Generic, TypeVar

Value = TypeVar("Value")


class Prefetch(Generic[Value]):
    """Values by slot and position, of which the next in each slot is read ahead.

    A slot keeps the position that was asked for last, with the one after it.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="gamelearn-data")
        self._slots: dict[Hashable, dict[int, Future[Value]]] = {}

    def get(self, slot: Hashable, position: int, read: Callable[[int], Callable[[], Value]]) -> Value:
        """Return the value at `position` of `slot`, then begin to read the one after it.

        Args:
            read: `read(position)` prepares a job in this thread; the job reads the value in the other one.
        """
        held = self._slots.get(slot, {})
        kept = {each: held.get(each) or self._thread.submit(read(each)) for each in (position, position + 1)}
        self._slots[slot] = kept
        return kept[position].result()

    def close(self) -> None:
        """End the thread; what is being read is finished first."""
        self._slots.clear()
        self._thread.shutdown(cancel_futures=True)
