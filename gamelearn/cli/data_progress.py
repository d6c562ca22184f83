"""How far the first decoding of a data set is: a bar on a terminal, elsewhere a line for every tenth. This file shows it."""

from collections.abc import Iterator
from contextlib import contextmanager

from gamelearn.cli.guard import say
from gamelearn.errors import visible

_WIDTH = 20
_MANY = 2000
_LINES = 10


@contextmanager
def data_progress() -> Iterator[None]:
    """Show on stderr how far long work on data files is, while data are opened inside the `with`.

    Elsewhere than on a terminal what has fewer than 2,000 steps is quick enough to say nothing.
    """
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gamelearn.cli.terminal import Terminal
    from gamelearn.data.progress import told_of_progress

    console = Terminal(stderr=True)
    if not console.is_terminal:
        with told_of_progress(_Tenths().tell):
            yield
        return
    columns = (
        TextColumn("{task.description}", markup=False),
        MofNCompleteColumn(),
        BarColumn(_WIDTH),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=console, transient=True) as bar:
        tasks = {}

        def show(title: str, done: int, total: int) -> None:
            if title not in tasks:
                tasks[title] = bar.add_task(visible(title), total=total)
            bar.update(tasks[title], completed=done, total=total)

        with told_of_progress(show):
            yield


class _Tenths:
    """Says how much is done whenever another tenth is."""

    def __init__(self) -> None:
        self._said: dict[str, int] = {}

    def tell(self, title: str, done: int, total: int) -> None:
        tenth = done * _LINES // total
        if total >= _MANY and tenth != self._said.get(title):
            self._said[title] = tenth
            say(f"{title}: {done:,} of {total:,}")
