"""The log-likelihood of single conditionals of trained runs, on rows of a split that a stream shows whole.

    python benchmarks/log_likelihoods.py runs/digits-prior/1 --stream pairs --factor "decoder: x | t" --factor "encoder: t | x"

A factor is PLAYER: TARGET | GIVENS, as in the spec; targets and givens are shown by the stream. Nats per row, mean and standard error over
rows. This file measures what `gamelearn evaluate` has no metric for: games without hidden variables.
"""

import argparse
from pathlib import Path

import torch

from gamelearn.analysis.exact import log_likelihood
from gamelearn.metrics.models import bound_of
from gamelearn.run import Run


def main() -> None:
    """Measure the factors that the command line names, and print a line for each run and factor."""
    parser = argparse.ArgumentParser(description="Log-likelihoods of single conditionals.")
    parser.add_argument("runs", nargs="+", type=Path, metavar="RUN")
    parser.add_argument("--factor", action="append", required=True, metavar="PLAYER: TARGET | GIVENS")
    parser.add_argument("--stream", required=True)
    parser.add_argument("--split", default="test")
    parser.add_argument("--plugin", action="append", default=[])
    arguments = parser.parse_args()
    for folder in arguments.runs:
        game = Run(folder).game(plugins=arguments.plugin)
        for text in arguments.factor:
            player, label = (part.strip() for part in text.split(":"))
            bound = bound_of(game.graph.factor(player, label))
            with torch.no_grad():
                parts = [log_likelihood(bound, rows, game.players) for rows in game.streams().split(arguments.stream, arguments.split)]
            found = torch.cat(parts).double()
            error = float(found.std()) / len(found) ** 0.5
            print(f"{folder}: log {player}({label}) {float(found.mean()):.2f} ± {error:.2f} ({len(found)} rows)")


if __name__ == "__main__":
    main()
