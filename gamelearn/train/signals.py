"""Interrupts: the first one lets the round end, the second one stops at once. This file listens to signals while a training runs."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

_SIGNALS = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))  # Windows has no SIGHUP


@contextmanager
def stopping_by_signal(stop: Callable[[str], None]) -> Iterator[None]:
    """Call `stop` with the signal's name at the first SIGINT or SIGTERM; a second SIGINT raises KeyboardInterrupt.

    Outside of the main thread, where Python allows no handlers, nothing is changed. A signal that is ignored stays so (`nohup` ignores
    SIGHUP). The former handlers are restored.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    heard: list[int] = []

    def handle(number: int, frame: FrameType | None) -> None:
        if number == signal.SIGINT and signal.SIGINT in heard:
            raise KeyboardInterrupt
        heard.append(number)
        stop(signal.Signals(number).name)

    heeded = [number for number in _SIGNALS if signal.getsignal(number) is not signal.SIG_IGN]
    former = {number: signal.signal(number, handle) for number in heeded}
    try:
        yield
    finally:
        for number, handler in former.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)
