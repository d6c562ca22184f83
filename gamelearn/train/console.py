"""What a person sees of a training: a bar on a terminal, a plain line now and then elsewhere. This file shows the progress."""

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn

from gamelearn.train.events import End, RoundEvent
from gamelearn.train.loop import Trainer

_BAR_SECONDS = 0.25
_LINE_SECONDS = 5.0
_SHARE_OF_ELAPSED = 0.02  # lines grow rarer in a long training


class ConsoleObserver:
    """Shows each player's utility, rounds per second, and the time that the stage still takes.

    Args:
        console: where to write; on a terminal one bar moves, elsewhere a plain line is written every few seconds.
    """

    def __init__(self, console: Console) -> None:
        self._console = console
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._trainer: Trainer | None = None
        self._began = self._shown = (0, 0.0)

    def begin(self, trainer: Trainer) -> None:
        self._trainer = trainer
        self._began = self._shown = (trainer.progress.round, trainer.progress.elapsed)
        if self._console.is_terminal:
            columns = (TextColumn("{task.fields[stage]}"), BarColumn(bar_width=20), TextColumn("{task.description}"))
            self._bar = Progress(*columns, console=self._console, auto_refresh=False, transient=True)
            self._task = self._bar.add_task("the first round is being played", stage=trainer.stage.name, total=None)
            self._bar.start()
            self._bar.refresh()

    def after_round(self, event: RoundEvent) -> None:
        waited = event.progress.elapsed - self._shown[1]
        least = _BAR_SECONDS if self._bar else max(_LINE_SECONDS, _SHARE_OF_ELAPSED * event.progress.elapsed)
        is_new = event.round == self._began[0] + 1
        if waited < least and not (is_new or event.is_last):
            return
        line = self._line(event)
        self._shown = (event.round, event.progress.elapsed)
        if self._bar and self._task is not None:
            total, done = _extent(event)
            self._bar.update(self._task, description=line, stage=event.stage, total=total, completed=done, refresh=True)
        if not self._bar or event.is_last:
            self._console.print(f"{event.stage}: {line}", markup=False, highlight=False, soft_wrap=True)

    def _line(self, event: RoundEvent) -> str:
        rounds, seconds = event.round - self._shown[0], event.progress.elapsed - self._shown[1]
        rate = rounds / seconds if seconds > 0 else 0.0
        of = f"/{event.progress.began + event.length.rounds}" if event.length.rounds is not None else ""
        utilities = "  ".join(f"{player} {value:.4g}" for player, value in event.utilities.items())
        remaining = _remaining(event, rate)
        parts = [f"round {event.round}{of}", utilities, f"{rate:.3g} rounds/s"]
        return "  ".join([*parts, f"{_clock(remaining)} left"] if remaining is not None and not event.is_last else parts)

    def end(self, why: End) -> None:
        if self._bar:
            self._bar.stop()
            self._bar = None


def _extent(event: RoundEvent) -> tuple[float | None, float]:
    """Return the length of the stage with how much of it is done: in rounds, or in seconds."""
    if event.length.rounds is not None:
        return event.length.rounds, event.progress.done
    return event.length.seconds, event.progress.seconds


def _remaining(event: RoundEvent, rate: float) -> float | None:
    total, done = _extent(event)
    if total is None:
        return None
    left = max(0.0, total - done)
    if event.length.rounds is None:
        return left
    return left / rate if rate > 0 else None


def _clock(seconds: float) -> str:
    """Return a time as hours, minutes and seconds.

    >>> _clock(3723.4)
    '1:02:03'
    """
    minutes, rest = divmod(int(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}" if minutes >= 60 else f"{minutes}:{rest:02d}"
