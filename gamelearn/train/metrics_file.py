"""The file `metrics.jsonl` of a run: one JSON line per logged round, with a check sum.

A line has round, stage, utilities, terms, per_element, gradient_norms, learning_rates by player, in nats, and seconds since the
training began; `crc` comes last. All readers read it here, so that a damaged line is left out, and named, in every place alike. This file handles such lines.
"""

import json
import os
import re
import warnings
import zlib
from bisect import bisect_left
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from gamelearn.disk import refusal, sync, write_whole
from gamelearn.errors import Say, first_of
from gamelearn.train.events import End, RoundEvent
from gamelearn.train.loop import Trainer
from gamelearn.train.schedule import Progress

_CHECKED = re.compile(rb'(\{.*), "crc": "([0-9a-f]{8})"\}')
_MAPS = ("utilities", "terms", "per_element", "gradient_norms", "learning_rates")


@dataclass(frozen=True)
class _Line:
    """A sound line: its number in the file from 1 on, its bytes, its values."""

    number: int
    text: bytes
    values: dict[str, Any]


def is_logged(event: RoundEvent, every: int) -> bool:
    """Return whether a round is logged: every `every`-th round of a stage, its first and its last."""
    return event.is_first or event.is_last or event.progress.done % every == 0


def metrics_of(event: RoundEvent) -> dict[str, Any]:
    """Return the numbers of a round, as they are logged."""
    return {
        "round": event.round,
        "stage": event.stage,
        **{name: getattr(event, name) for name in _MAPS},
        "seconds": round(event.progress.elapsed, 3),
    }


def line_of(values: dict[str, Any]) -> bytes:
    """Return the line of a round's numbers."""
    text = json.dumps(values).encode()
    return text[:-1] + b', "crc": "%08x"}\n' % zlib.crc32(text)


def read_metrics(path: Path, say: Say = warnings.warn) -> list[dict[str, Any]]:
    """Return the logged rounds of a file, in order; damaged lines are left out, with a message to `say`.

    A last line that is not finished is left out without a word: it may be on its way.
    """
    return [line.values for line in _sound_lines(path, say)]


def _sound_lines(path: Path, say: Say) -> list[_Line]:
    *whole, last = path.read_bytes().split(b"\n")
    if _CHECKED.fullmatch(last):
        whole.append(last)
    found = [_read_line(number, text) for number, text in enumerate(whole, 1) if text]
    sound = _in_order([line for line in found if line])
    kept = {line.number for line in sound}
    if damaged := [number for number, text in enumerate(whole, 1) if text and number not in kept]:
        named = ", ".join(first_of(map(str, damaged)))
        what = f"line {named} is" if len(damaged) == 1 else f"lines {named} are"
        say(f"WARNING: {path}: {what} damaged and left out; {len(sound)} logged rounds are sound")
    return sound


def _read_line(number: int, text: bytes) -> _Line | None:
    """Return a line if it is sound; one without a check sum, of version 0.1, if it has the form of one."""
    match = _CHECKED.fullmatch(text)
    if match and zlib.crc32(match[1] + b"}") != int(match[2], 16):
        return None
    try:
        values = json.loads(match[1] + b"}" if match else text)
    except ValueError:
        return None
    return _Line(number, text + b"\n", values) if _has_form(values) else None


def _has_form(values: Any) -> bool:
    return (
        isinstance(values, dict)
        and type(values.get("round")) is int
        and values["round"] > 0
        and isinstance(values.get("stage"), str)
        and type(values.get("seconds")) in (int, float)
        and all(isinstance(values.get(name), dict) and _holds_numbers(values[name]) for name in _MAPS)
    )


def _holds_numbers(value: Any) -> bool:
    return all(map(_holds_numbers, value.values())) if isinstance(value, dict) else type(value) in (int, float)


def _in_order(lines: Sequence[_Line]) -> list[_Line]:
    """Return the most lines whose rounds grow: a wrong number must not throw out all that come after it."""
    ends: list[int] = []  # the least last round of a growing series of each length
    lengths = []
    for line in lines:
        length = bisect_left(ends, line.values["round"])
        ends[length : length + 1] = [line.values["round"]]
        lengths.append(length)
    kept: list[_Line] = []
    for line, length in zip(reversed(lines), reversed(lengths), strict=True):
        is_next = length == len(ends) - 1 - len(kept)
        if is_next and (not kept or line.values["round"] < kept[-1].values["round"]):
            kept.append(line)
    return kept[::-1]


class MetricsObserver:
    """Writes one line per logged round to a file.

    On resume, lines of rounds after the checkpoint are cut off: they will be played again. A line that cannot be written is kept, and
    written with the next one.

    Args:
        path: of the file. What is there is read at once, so that a file that cannot be read is found before a run is touched.
        say: takes messages about damaged lines, and about the first line that cannot be written.
    """

    def __init__(self, path: Path, say: Say = warnings.warn) -> None:
        self._path, self._say = path, say
        self._found = _sound_lines(path, say) if path.exists() else []
        self._descriptor: int | None = None
        self._waiting = b""
        self._has_failed = False
        self._trainer: Trainer | None = None

    def begin(self, trainer: Trainer) -> None:
        self._trainer = trainer
        lines = list(_kept_lines(self._found, trainer))
        text = b"".join(line.text for line in lines)
        later = sum(line.values["round"] > trainer.progress.round for line in self._found)
        if later and trainer.progress.round:
            self._say(f"{self._path.name}: {later} logged rounds after round {trainer.progress.round} are taken out: they are played again")
        elif not lines and trainer.progress.round:
            self._say(f"WARNING: {self._path} has no round up to {trainer.progress.round}: the curves of this run begin later")
        if not (self._path.exists() and self._path.read_bytes() == text):
            write_whole(self._path, text)
        self._descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND)

    def after_round(self, event: RoundEvent) -> None:
        assert self._trainer is not None
        if is_logged(event, self._trainer.stage.train.log.rounds):
            self._waiting += line_of(metrics_of(event))
            self._write()

    def _write(self) -> None:
        """Write the lines that wait; if that fails, they go on waiting."""
        assert self._descriptor is not None
        begin = os.fstat(self._descriptor).st_size
        try:
            left = memoryview(self._waiting)
            while left:
                left = left[os.write(self._descriptor, left) :]
        except OSError as error:
            self._fail(error)
            self._cut(begin)
        else:
            self._waiting = b""

    def _cut(self, size: int) -> None:
        """Take half a line away; where that fails too, let it end, so that the next one is sound."""
        assert self._descriptor is not None
        try:
            os.ftruncate(self._descriptor, size)
        except OSError:
            self._waiting = b"\n" + self._waiting.lstrip(b"\n")

    def _fail(self, error: OSError) -> None:
        if not self._has_failed:
            self._say(f"WARNING: {self._path} cannot be written: {refusal(error)}; the training goes on, and the lines are tried again")
        self._has_failed = True

    def sync(self) -> None:
        """Have what was written on the disk: whoever finds the checkpoint of a round finds its line too."""
        try:
            if self._descriptor is not None:
                sync(self._descriptor)
        except OSError as error:
            self._fail(error)

    def end(self, why: End) -> None:
        if self._descriptor is not None:
            if self._waiting:
                self._write()
            self.sync()
            os.close(self._descriptor)
            self._descriptor = None


def _kept_lines(lines: Sequence[_Line], trainer: Trainer) -> Iterator[_Line]:
    """Yield the lines up to where the training goes on, as a training that was not interrupted would have written them."""
    progress = trainer.progress
    for line in lines:
        # the last one may have been logged as the end of a stage that has been made longer
        if line.values["round"] < progress.round or (line.values["round"] == progress.round and _is_due(trainer, progress)):
            yield line


def _is_due(trainer: Trainer, progress: Progress) -> bool:
    is_last = progress.done == 0 or trainer.stage.length.is_over(progress)
    return is_last or progress.done == 1 or progress.done % trainer.stage.train.log.rounds == 0
