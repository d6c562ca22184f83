"""Interrupts while a training runs."""

import os
import signal
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from gamelearn.train.signals import stopping_by_signal
from tests.train.tiny import ONE_STAGE, Recorder, trainer_of


@pytest.fixture(autouse=True)
def heeded() -> Iterator[None]:
    """SIGINT as in a terminal, also where the tests themselves run in the background."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


class Interrupt(Recorder):
    """Sends a signal to its own process in a round."""

    def __init__(self, number: int, times: int = 1) -> None:
        super().__init__()
        self.number, self.times = number, times

    def after_round(self, event: Any) -> None:
        super().after_round(event)
        if event.round == 2:
            for _ in range(self.times):
                os.kill(os.getpid(), self.number)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_the_first_signal_ends_the_training_after_the_round(number: signal.Signals) -> None:
    before = signal.getsignal(number)
    interrupt = Interrupt(number)
    trainer = trainer_of(ONE_STAGE, observers=[interrupt])
    assert trainer.run().round == 2
    assert interrupt.ends == ["stopped"]
    assert trainer.stop_reason == number.name
    assert signal.getsignal(number) is before


def test_a_second_sigint_stops_at_once() -> None:
    before = signal.getsignal(signal.SIGINT)
    interrupt = Interrupt(signal.SIGINT, times=2)
    with pytest.raises(KeyboardInterrupt):
        trainer_of(ONE_STAGE, observers=[interrupt]).run()
    assert interrupt.ends == ["failed"]
    assert signal.getsignal(signal.SIGINT) is before


def test_a_second_sigterm_does_not() -> None:
    interrupt = Interrupt(signal.SIGTERM, times=2)
    trainer_of(ONE_STAGE, observers=[interrupt]).run()
    assert interrupt.ends == ["stopped"]


def test_handlers_are_there_only_inside() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with stopping_by_signal(lambda reason: None):
        assert signal.getsignal(signal.SIGTERM) is not before
    assert signal.getsignal(signal.SIGTERM) is before


@pytest.mark.parametrize("number", [signal.SIGHUP, signal.SIGINT, signal.SIGTERM])
def test_a_signal_that_is_ignored_stays_so(number: signal.Signals) -> None:
    before = signal.signal(number, signal.SIG_IGN)
    try:
        interrupt = Interrupt(number)
        assert trainer_of(ONE_STAGE, observers=[interrupt]).run().round == 4
        assert interrupt.ends == ["finished"]
        assert signal.getsignal(number) is signal.SIG_IGN
    finally:
        signal.signal(number, before)


def test_another_thread_leaves_them_alone() -> None:
    before = signal.getsignal(signal.SIGINT)
    seen: list[Any] = []

    def work() -> None:
        with stopping_by_signal(lambda reason: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
