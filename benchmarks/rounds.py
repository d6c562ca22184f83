"""Rounds per second of `specs/mnist_lvae.yaml` beside the same game by hand, in one interleaved run.

    GAMELEARN_DATA=... python benchmarks/rounds.py --batch 128 1024 --precision fp32 bf16 --threads 2

A round moves both players once, in sequence, with everything that it takes: batch, noise, draws, gradients, Adam. Three programs
take turns, round by round: the engine, `games/tutorial/by_hand.py` as it is, and the same with its weights laid out channels
last. The table gives the median, the quartiles, and the engine's time as a ratio to each program's in the same round (median of
the ratios). This file measures the cost of the engine.
"""

import argparse
import itertools
import os
import statistics
import sys
import time
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from gamelearn.cpu import tune_allocator
from gamelearn.errors import DataError
from gamelearn.game import load
from gamelearn.train.loop import Trainer
from games.tutorial import by_hand

Round = Callable[[], None]


def engine(batch: int, precision: str) -> Round:
    """Return the engine's round."""
    game = load("mnist-lvae", f"train.batch={batch}", f"train.precision={precision}")
    trainer = Trainer(game)

    def play() -> None:
        trainer.stage.play(trainer.progress)
        trainer.progress = trainer.progress.after_round(trainer.stage.plan, 0.0)

    return play


def twin(batch: int, precision: str, images: torch.Tensor, *, channels_last: bool) -> Round:
    """Return the hand-written round."""
    torch.manual_seed(0)
    players = by_hand.LadderDecoder(), by_hand.LadderEncoder()
    if channels_last:
        for player in players:
            player.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimizers = torch.optim.Adam(players[0].parameters(), lr=1e-4), torch.optim.Adam(players[1].parameters(), lr=1e-4)

    def play() -> None:
        x = images[torch.randint(len(images), (batch,))]
        x = torch.where(torch.rand_like(x) < 0.001, 1 - x, x)
        half = torch.autocast("cpu", torch.bfloat16) if precision == "bf16" else nullcontext()
        with half:
            by_hand.one_round(players, optimizers, x, by_hand.uniform_noises(batch))

    return play


def measure(programs: dict[str, Round], rounds: int) -> dict[str, list[float]]:
    """Return the seconds of every round of every program, played in turns, after two rounds to warm up."""
    seconds: dict[str, list[float]] = {name: [] for name in programs}
    for number, (name, play) in itertools.product(range(rounds + 2), programs.items()):
        start = time.perf_counter()
        play()
        if number >= 2:
            seconds[name].append(time.perf_counter() - start)
    return seconds


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--batch", type=int, nargs="+", default=[128, 1024])
    parser.add_argument("--precision", nargs="+", choices=["fp32", "bf16"], default=["fp32"])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--no-tuning", action="store_true", help="leave the C library's allocator as it is")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tuned = not options.no_tuning and tune_allocator()
    images = by_hand.read_images(Path(os.environ["GAMELEARN_DATA"]))
    title = f"torch {torch.__version__}, {options.threads} threads, {options.rounds} rounds, allocator tuned: {'yes' if tuned else 'no'}"
    table = Table("batch", "precision", "program", "rounds/s", "ms (quartiles)", "engine's time / its", title=title)
    for batch, precision in itertools.product(options.batch, options.precision):
        programs = {
            "engine": engine(batch, precision),
            "by hand": twin(batch, precision, images, channels_last=False),
            "by hand, channels last": twin(batch, precision, images, channels_last=True),
        }
        seconds = measure(programs, options.rounds)
        for name, times in seconds.items():
            low, middle, high = statistics.quantiles(times, n=4)
            ratio = statistics.median(ours / theirs for ours, theirs in zip(seconds["engine"], times, strict=True))
            cells = f"{1e3 * middle:.0f} ({1e3 * low:.0f}-{1e3 * high:.0f})"
            table.add_row(str(batch), precision, name, f"{1 / middle:.2f}", cells, f"{ratio:.2f}")
    Console().print(table)


if __name__ == "__main__":
    try:
        main()
    except DataError as error:
        sys.exit(str(error))
