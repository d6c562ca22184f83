"""Processor time of a round of several games beside each other, in one interleaved run.

    python benchmarks/round_costs.py digits-vae digits-elbo digits-vae:parallel digits-vae:encoder-twice
    GAMELEARN_DATA=... python benchmarks/round_costs.py mnist-lvae mnist-lvae-elbo --set train.batch=64 --block 1

Each game is SPEC, or SPEC:PRESET. They take turns, block of rounds by block of rounds, in one thread. The table gives the median of a round in
milliseconds, and the ratio to the first game's in the same turn: median and quartiles. This file measures what rounds cost.
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from rich.console import Console
from rich.table import Table

from gamelearn.cpu import tune_allocator
from gamelearn.game import load
from gamelearn.train.loop import Trainer

WARM_UP = 3


def player_of(name: str, values: list[str], rounds: int) -> Callable[[], None]:
    """Return what plays a block of rounds of a game."""
    spec, _, preset = name.partition(":")
    trainer = Trainer(load(spec, *values, preset=[preset] if preset else None))

    def play() -> None:
        for _ in range(rounds):
            trainer.stage.play(trainer.progress)
            trainer.progress = trainer.progress.after_round(trainer.stage.plan, 0.0)

    return play


def measured(names: list[str], values: list[str], turns: int, rounds: int) -> dict[str, list[float]]:
    """Return the milliseconds of a round by game, one number for each turn."""
    players = {name: player_of(name, values, rounds) for name in names}
    found: dict[str, list[float]] = {name: [] for name in names}
    for turn in range(WARM_UP + turns):
        for name, play in players.items():
            before = time.process_time()
            play()
            if turn >= WARM_UP:
                found[name].append(1000 * (time.process_time() - before) / rounds)
    return found


def main() -> None:
    """Measure the games that the command line names, and print the table."""
    parser = argparse.ArgumentParser(description="Processor time of a round of several games.")
    parser.add_argument("games", nargs="+", metavar="SPEC[:PRESET]")
    parser.add_argument("--set", nargs="*", default=[], metavar="KEY=VALUE", dest="values", help="over every spec")
    parser.add_argument("--turns", type=int, default=30)
    parser.add_argument("--block", type=int, default=10, help="rounds of a turn")
    arguments = parser.parse_args()
    torch.set_num_threads(1)
    tune_allocator()
    found = measured(arguments.games, arguments.values, arguments.turns, arguments.block)
    table = Table("game", "ms a round", "ratio to the first", "quartiles")
    for name, times in found.items():
        ratios = [mine / first for mine, first in zip(times, found[arguments.games[0]], strict=True)]
        low, middle, high = statistics.quantiles(ratios, n=4)
        table.add_row(name, f"{statistics.median(times):.2f}", f"{middle:.3f}", f"{low:.3f} to {high:.3f}")
    Console().print(table)


if __name__ == "__main__":
    main()
