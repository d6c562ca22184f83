"""What no module may do by itself: draw random numbers, move buffers.

Draws take their noise from the plan, so that a round can be played again; a buffer that moves would let a player change while it
completes the data of the others (rule 7 of the language). This file watches for both.
"""

from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import torch
from torch import nn
from torch.utils._python_dispatch import TorchDispatchMode

BufferStates = dict[str, tuple[int, int]]


class RandomWatch(TorchDispatchMode):
    """Notes the operations that take torch's own random numbers, by name, on any device."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.found: list[str] = []

    def __torch_dispatch__(
        self, func: Any, types: Iterable[type], args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if torch.Tag.nondeterministic_seeded in func.tags:
            self.found.append(func.overloadpacket.__name__.strip("_"))
        return func(*args, **(kwargs or {}))


def buffer_states(players: Mapping[str, nn.Module]) -> BufferStates:
    """Return for every buffer, by `player.name`, which tensor it is and how often it was changed in place."""
    return {f"{player}.{name}": (id(each), each._version) for player, module in players.items() for name, each in module.named_buffers()}


@contextmanager
def watched(players: Mapping[str, nn.Module]) -> Iterator[list[str]]:
    """Give a list that afterwards says what modules have done meanwhile that they must not."""
    misdeeds: list[str] = []
    before = buffer_states(players)
    with RandomWatch() as watch:
        yield misdeeds
    if watch.found:
        misdeeds.append(f"draws random numbers of its own ({watch.found[0]!r}), as dropout does: a round could not be played again")
    if moved := [name for name, state in buffer_states(players).items() if state != before.get(name)]:
        misdeeds.append(f"moves the buffer {moved[0]!r} when it is computed: players would change while they complete each other's data")
