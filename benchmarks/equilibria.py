"""To which equilibria several starts lead: inside the exponential families, and outside.

    python benchmarks/equilibria.py --starts 4 --rounds 600

Two players, a painter `x | c` and a reader `c | x`, complete each other's data on the two moons. Their parameters begin at random, anew
for every start; each start is played twice, with other noise. A row of the table tells how far apart equilibria of different starts are,
beside how far apart noise alone would bring them: the standard deviations, of means over the times that a start is played, of the painter's
log-likelihood log p(x | c) averaged over all points, and point by point (root mean square over the points). Families with a
free table per moon: `normal` is exponential, `mixture_of_normals` is not; `coupling_flow` is a player type without raw scores. `joint`
says whether some points are shown with their moon; without, the names of the moons mean nothing, and exchanging them is another
equilibrium. This file measures where the guarantee of uniqueness ends.
"""

import argparse
import itertools
from pathlib import Path
from tempfile import TemporaryDirectory

import torch
from rich.console import Console
from rich.table import Table

from gamelearn.game import Game, load
from gamelearn.train.loop import Trainer

PAINTERS = {
    "normal": "{factors: {x | c: {net: linear, family: {type: normal, scale: output}}}}",
    "mixture_of_normals": "{factors: {x | c: {net: linear, family: {type: mixture_of_normals, components: 3}}}}",
    "coupling_flow": "{type: coupling_flow, factors: [x | c], layers: 4, hidden: 32}",
}
SPEC = """\
name: equilibria
variables:
  x: {{type: real, shape: [2]}}
  c: {{type: categorical, classes: 2}}
data:
  dataset: {{type: moons, points: 500}}
  streams:
    labelled: {{variables: [x, c], take: 200, balance: c}}
    points: {{variables: [x], except: labelled}}
players:
  painter: {painter}
  reader: {{factors: {{c: uniform, c | x: {{net: linear}}}}}}
utilities:
  painter:
    - E[points(x), reader(c | x)] log painter(x | c)
{joint_painter}
  reader:
    - "E[reader(c), painter(x | c)] log reader(c | x)"
{joint_reader}
train: {{rounds: {rounds}, batch: {{default: 200, labelled: 200, points: 200}}, seed: {seed}, threads: 1, optimizer: {{lr: 0.02, clip: 10.0, schedule: {{type: cosine}}}}}}
"""


def played(folder: Path, painter: str, *, joint: bool, start: int, seed: int, rounds: int) -> torch.Tensor:
    """Return log p(x | c) of all points in equilibrium, `(points)`, from a start with the noise of a seed."""
    terms = {"joint_painter": "    - E[labelled(x, c)] log painter(x | c)", "joint_reader": "    - E[labelled(x, c)] log reader(c | x)"}
    path = folder / "game.yaml"
    path.write_text(SPEC.format(painter=PAINTERS[painter], rounds=rounds, seed=seed, **(terms if joint else dict.fromkeys(terms, ""))))
    game = load(path)
    scatter(game, start)
    Trainer(game).run()
    return log_likelihood(game)


def scatter(game: Game, start: int) -> None:
    """Draw every parameter anew: normal, of deviation 1, in layers of networks divided by the root of their inputs."""
    generator = torch.Generator().manual_seed(start)
    with torch.no_grad():
        for player in game.players.values():
            for parameter in player.parameters():
                inputs = parameter.shape[1] if parameter.dim() > 1 and parameter.shape[1] > 2 else 1
                parameter.copy_(torch.randn(parameter.shape, generator=generator) / inputs**0.5)


@torch.no_grad()
def log_likelihood(game: Game) -> torch.Tensor:
    """Return log p(x | c) of every labelled and unlabelled point of all splits, `(points)`."""
    parts = [rows for split in ("train", "validation", "test") for rows in game.streams().split("labelled", split)]
    x, c = (torch.cat([rows[name] for rows in parts]) for name in ("x", "c"))
    logs = game.players["painter"].distribution("x | c", {"c": c}, len(x)).log_prob(x)
    return logs.reshape(len(x), -1).sum(1)


def apart(values: torch.Tensor) -> tuple[float, float]:
    """Return of runs `(starts, repeats, points)` the standard deviation of the starts' means, and that which noise alone would give them."""
    middle = values.mean(1)
    between = (middle - middle.mean(0)).square().mean().mul(len(middle) / (len(middle) - 1)).sqrt()
    within = (values - values.mean(1, keepdim=True)).square().sum(1).div((values.shape[1] - 1) * values.shape[1]).mean().sqrt()
    return float(between), float(within)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=4)
    parser.add_argument("--rounds", type=int, default=600)
    parser.add_argument("--painters", nargs="+", choices=list(PAINTERS), default=list(PAINTERS))
    parser.add_argument("--joint", nargs="+", choices=["yes", "no"], default=["yes", "no"])
    parser.add_argument("--repeats", type=int, default=2)
    options = parser.parse_args()
    columns = ("painter", "joint", "log p(x | c): each start's", "deviation: starts", "noise", "points' RMS: starts", "noise")
    table = Table(*columns, title=f"{options.starts} starts, {options.repeats} times each, {options.rounds} rounds")
    with TemporaryDirectory() as folder:
        for painter, joint in itertools.product(options.painters, options.joint):
            runs = [
                [
                    played(Path(folder), painter, joint=joint == "yes", start=start, seed=seed, rounds=options.rounds)
                    for seed in range(options.repeats)
                ]
                for start in range(options.starts)
            ]
            values = torch.stack([torch.stack(each) for each in runs])
            means = values.mean(2, keepdim=True)
            listed = " ".join(f"{float(each):.2f}" for each in means.mean(1).flatten().sort().values)
            cells = [f"{number:.3f}" for number in (*apart(means), *apart(values))]
            table.add_row(painter, joint, listed, *cells)
    Console().print(table)


if __name__ == "__main__":
    main()
