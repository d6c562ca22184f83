"""Seconds per round of the game of `specs/celeba_seg.yaml` (eq. 18) beside the same round by hand, in one interleaved run.

    python benchmarks/segmentation_rounds.py --batch 16 --threads 2
    python benchmarks/segmentation_rounds.py --spec my_faces.yaml --preset none --device cuda --batch 64

A round moves the segmenter, the painter and the encoder once each, in sequence, with everything that it takes: batch, noise,
draws, gradients, optimizers. Two programs take turns, round by round, with networks of the same kinds and sizes: the engine, and thirty
lines of plain torch that draw and evaluate what the engine's plan does. The table gives the median, the quartiles, and the engine's time
as a ratio to the other's in the same round (median and quartiles of the ratios); below it stand the losses of the first round, which
begin with equal parameters and differ by chance alone. This file measures the cost of the engine.
"""

import argparse
import copy
import statistics
import sys
import time
from collections.abc import Callable, Mapping

import torch
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn import functional

from gamelearn.cpu import tune_allocator
from gamelearn.errors import GamelearnError
from gamelearn.game import Game, load
from gamelearn.graph.model import Stage
from gamelearn.spec.schema import Train
from gamelearn.train.device import choose_device, describe_device
from gamelearn.train.optimizers import build_optimizer
from gamelearn.train.schedule import Progress, stage_length
from gamelearn.train.stage import StageTraining

Round = Callable[[], tuple[float, ...]]
"""Plays a round; returns the losses of segmenter, painter and encoder."""

TERMS = {
    "segmenter": [
        "E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z)",
        "E[pairs(x, s), encoder(z | x, s), painter(x' | s, z2)] log segmenter(s | x', z)",
    ],
    "painter": [
        "E[pairs(x, s), encoder(z | x, s)] log painter(x | s, z2)",
        "E[pairs(x, s), encoder(z | x, s), segmenter(s' | x, z)] log painter(x | s', z2)",
    ],
    "encoder": ["E[prior(z), pair(x, s | z)] log encoder(z | x, s)"],
}
"""What the round by hand computes."""


def engine(game: Game, stage: str) -> Round:
    """Return the engine's round of a stage."""
    streams = game.streams()
    training = StageTraining(game, stage, streams=streams, length=stage_length(game.plans[stage], streams), averages={})
    progress = Progress(stage=list(game.plans).index(stage))

    def play() -> tuple[float, ...]:
        nonlocal progress
        records = training.play(progress)
        progress = progress.after_round(training.plan, 0.0)
        return tuple(float(record.loss) for record in records)

    return play


class Networks:
    """The networks of a game, called with plain tensors.

    Args:
        game: whose networks are copied, with their parameters.
    """

    def __init__(self, game: Game) -> None:
        self.classes = game.graph.variables["s"].classes or 2
        self.code1, self.code2 = (game.graph.variables[name].shape for name in ("z1", "z2"))
        self.shape = self._of(game, "segmenter", {"z1"})
        self.unet = self._of(game, "segmenter", {"x", "z2"})
        self.painter = self._of(game, "painter", {"s", "z2"})
        self.encoder1 = self._of(game, "encoder", {"s"})
        self.encoder2 = self._of(game, "encoder", {"x", "s"})
        family = game.players["painter"].family("x | s, z2")  # type: ignore[operator]
        self.floor, self.initial = family.floor, family.initial

    @staticmethod
    def _of(game: Game, player: str, inputs: set[str]) -> nn.Module:
        wired = [each for each in game.players[player].networks.values() if {port.name for port in each.inputs} == inputs]  # type: ignore[operator]
        if len(wired) != 1 or not wired[0].spatial:
            raise GamelearnError(f"the round by hand needs one network of {player!r} that reads {sorted(inputs)} as images")
        made: nn.Module = copy.deepcopy(wired[0].network)
        return made

    def one_hot(self, s: Tensor) -> Tensor:
        """Return a label map `(batch, height, width)` as planes `(batch, classes, height, width)`."""
        return torch.zeros(len(s), self.classes, *s.shape[1:], device=s.device).scatter_(1, s.unsqueeze(1), 1.0)

    def segmenter_logits(self, shape: Tensor, x: Tensor, z2: Tensor) -> Tensor:
        """Return the logits of segmenter(s | x, z), given those of segmenter(s | z1)."""
        return shape + self.unet(x, z2)[0]

    def painted(self, s: Tensor, z2: Tensor) -> tuple[Tensor, Tensor]:
        """Return mean and standard deviation of painter(x | s, z2)."""
        mean, raw = self.painter(self.one_hot(s), z2)[0].unflatten(1, (2, 3)).unbind(1)
        return mean, self.floor + (self.initial - self.floor) * torch.exp(4 * torch.tanh(raw / 4))

    def codes(self, x: Tensor, s: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of encoder(z | x, s)."""
        planes = self.one_hot(s)
        return self.encoder1(planes)[0].view(-1, *self.code1), self.encoder2(x, planes)[0].view(-1, *self.code2)


def draw_bits(logits: Tensor) -> Tensor:
    """Return bits with the probabilities of the logits."""
    return (torch.rand_like(logits) < torch.sigmoid(logits)).to(logits.dtype)


def draw_classes(logits: Tensor) -> Tensor:
    """Return classes by the inverse distribution function, which is much faster than `torch.multinomial`."""
    *probabilities, _ = torch.softmax(logits, 1).unbind(1)
    noise, edge = torch.rand_like(logits[:, 0]), torch.zeros_like(logits[:, 0])
    drawn = torch.zeros_like(noise, dtype=torch.int64)
    for probability in probabilities:
        edge = edge + probability
        drawn += noise >= edge
    return drawn


def draw_image(mean: Tensor, scale: Tensor) -> Tensor:
    """Return a draw of independent normals."""
    return mean + scale * torch.randn_like(mean)


def classes_loss(logits: Tensor, s: Tensor) -> Tensor:
    """Return minus the log-likelihood per row."""
    return functional.cross_entropy(logits, s, reduction="sum") / len(s)


def bits_loss(logits: Tensor, z: Tensor) -> Tensor:
    """Return minus the log-likelihood per row."""
    return functional.binary_cross_entropy_with_logits(logits, z, reduction="sum") / len(z)


def image_loss(painted: tuple[Tensor, Tensor], x: Tensor) -> Tensor:
    """Return minus the log-likelihood per row."""
    mean, scale = painted
    return -torch.distributions.Normal(mean, scale, validate_args=False).log_prob(x).sum() / len(x)


class ByHand:
    """The three-player round in plain torch.

    Args:
        networks: of the players.
        data: images with their label maps.
        batch: rows.
        sweeps: of the chain of eq. 18c.
        train: the stage's values: optimizers, clipping, averaged weights.
    """

    def __init__(self, networks: Networks, data: Mapping[str, Tensor], batch: int, sweeps: int, train: Train) -> None:
        self.nets, self.data, self.batch, self.sweeps = networks, data, batch, sweeps
        owned = {
            "segmenter": (networks.shape, networks.unet),
            "painter": (networks.painter,),
            "encoder": (networks.encoder1, networks.encoder2),
        }
        self.parameters = {name: [each for net in nets for each in net.parameters()] for name, nets in owned.items()}
        self.optimizers = {name: build_optimizer(train.optimizer_of(name), parameters) for name, parameters in self.parameters.items()}
        self.clips = {name: train.optimizer_of(name).clip for name in owned}
        self.ema = train.ema
        self.averages = {name: [each.detach().clone() for each in parameters] for name, parameters in self.parameters.items()}

    def play(self) -> tuple[float, ...]:
        """Move all three players once; return their losses."""
        rows = torch.randint(len(self.data["s"]), (self.batch,), device=self.data["s"].device)
        x, s = self.data["x"][rows], self.data["s"][rows]
        with torch.no_grad():
            z1, z2 = (draw_bits(logits) for logits in self.nets.codes(x, s))
            repainted = draw_image(*self.nets.painted(s, z2))
        first = self._move("segmenter", lambda: self._segmenter_loss(x, s, z1, z2, repainted))
        with torch.no_grad():
            segmented = draw_classes(self.nets.segmenter_logits(self.nets.shape(z1)[0], x, z2))
        second = self._move("painter", lambda: image_loss(self.nets.painted(s, z2), x) + image_loss(self.nets.painted(segmented, z2), x))
        with torch.no_grad():
            dream = self._dream(z1, z2)
        third = self._move("encoder", lambda: self._encoder_loss(*dream))
        return first, second, third

    def _segmenter_loss(self, x: Tensor, s: Tensor, z1: Tensor, z2: Tensor, repainted: Tensor) -> Tensor:
        shape = self.nets.shape(z1)[0]
        return sum(
            (classes_loss(self.nets.segmenter_logits(shape, each, z2), s) for each in (x, repainted)), torch.zeros((), device=x.device)
        )

    def _dream(self, like1: Tensor, like2: Tensor) -> tuple[Tensor, ...]:
        """Draw codes from the prior, then image and label map by the chain."""
        z1, z2 = (torch.randint_like(each, 2) for each in (like1, like2))
        shape = self.nets.shape(z1)[0]
        s = draw_classes(shape)
        for _ in range(self.sweeps):
            x = draw_image(*self.nets.painted(s, z2))
            s = draw_classes(self.nets.segmenter_logits(shape, x, z2))
        return x, s, z1, z2

    def _encoder_loss(self, x: Tensor, s: Tensor, z1: Tensor, z2: Tensor) -> Tensor:
        logits1, logits2 = self.nets.codes(x, s)
        return bits_loss(logits1, z1) + bits_loss(logits2, z2)

    def _move(self, player: str, loss_of: Callable[[], Tensor]) -> float:
        for name, parameters in self.parameters.items():
            for parameter in parameters:
                parameter.requires_grad_(name == player)
        optimizer = self.optimizers[player]
        optimizer.zero_grad()
        loss = loss_of()
        loss.backward()
        if clip := self.clips[player]:
            nn.utils.clip_grad_norm_(self.parameters[player], clip)
        optimizer.step()
        if self.ema:
            torch._foreach_lerp_(self.averages[player], [each.detach() for each in self.parameters[player]], 1 - self.ema)
        return float(loss.detach())


def check_terms(stage: Stage) -> None:
    """Check that the stage is what is written by hand."""
    found = {player: [str(term.formula) for term in terms] for player, terms in stage.utilities.items()}
    weights = {term.weight for terms in stage.utilities.values() for term in terms}
    if found != TERMS or weights != {1.0} or stage.schedule.mode != "sequence" or list(stage.order) != list(TERMS):
        raise GamelearnError(
            f"the stage {stage.name!r} is not the game of eq. 18 that is written by hand: {found}; take another --preset or --stage"
        )


def programs(spec: str, preset: str | None, stage: str, batch: int, device: torch.device) -> dict[str, Round]:
    """Return the round of every program."""
    turns = f"schedule={{mode: sequence, order: [{', '.join(TERMS)}]}}"
    game = load(spec, f"train.batch={batch}", turns, preset=preset, device=device)
    stages = game.graph.stages
    if stage not in stages:
        raise GamelearnError(f"{spec} has no stage {stage!r}; its stages: {', '.join(stages)}")
    check_terms(stages[stage])
    parts = list(game.streams().split("pairs", "train"))
    data = {name: torch.cat([part[name] for part in parts]) for name in ("x", "s")}
    by_hand = ByHand(Networks(game), data, batch, game.graph.samplers["pair"].sweeps or 1, stages[stage].train)
    return {"engine": engine(game, stage), "by hand": by_hand.play}


def measure(rounds: Mapping[str, Round], number: int, device: torch.device) -> tuple[dict[str, list[float]], dict[str, tuple[float, ...]]]:
    """Return the seconds of every round of every program, played in turns after two to warm up, and the losses of the first."""
    seconds: dict[str, list[float]] = {name: [] for name in rounds}
    losses: dict[str, tuple[float, ...]] = {}
    for turn in range(number + 2):
        for name, play in rounds.items():
            start = time.perf_counter()
            found = play()
            if device.type == "cuda":
                torch.cuda.synchronize(device)
            losses.setdefault(name, found)
            if turn >= 2:
                seconds[name].append(time.perf_counter() - start)
    return seconds, losses


def quartiles(values: list[float], scale: float = 1.0, digits: int = 0) -> str:
    """Return the median with the quartiles."""
    low, middle, high = (f"{scale * each:.{digits}f}" for each in statistics.quantiles(values, n=4))
    return f"{middle} ({low}-{high})"


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spec", default="celeba-seg")
    parser.add_argument("--preset", default="paper", help="whose stage is the game of eq. 18; 'none' for none")
    parser.add_argument("--stage", default="game")
    parser.add_argument("--batch", type=int, nargs="+", default=[16])
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--device", default="cpu")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    tune_allocator()
    device = choose_device(options.device)
    title = f"torch {torch.__version__}, {describe_device(device)}, {options.rounds} rounds"
    table = Table("batch", "program", "ms per round", "engine's time / its", "first losses", title=title)
    for batch in options.batch:
        torch.manual_seed(0)
        preset = None if options.preset == "none" else options.preset
        seconds, losses = measure(programs(options.spec, preset, options.stage, batch, device), options.rounds, device)
        for name, times in seconds.items():
            ratios = [ours / theirs for ours, theirs in zip(seconds["engine"], times, strict=True)]
            shown = " ".join(f"{each:.0f}" for each in losses[name])
            table.add_row(str(batch), name, quartiles(times, 1e3), quartiles(ratios, digits=3), shown)
    Console().print(table)


if __name__ == "__main__":
    try:
        main()
    except GamelearnError as error:
        sys.exit(str(error))
