"""Ablations: every variant of a spec trained with every seed, each in a folder of its own, `DIR/<variant>/<seed>/`.

What is trained already is not trained again, what was stopped goes on. This file trains the runs.
"""

import shutil
import signal
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from pathlib import Path

import torch
from rich.console import Console

from gamelearn.comparison.variants import Variant
from gamelearn.errors import GamelearnError, RunError, Say, TrainingError
from gamelearn.game import Game, load
from gamelearn.run import Run
from gamelearn.run_folder import RESOLVED, locked, recall_data
from gamelearn.train.changes import check_changes
from gamelearn.train.schedule import StageLength, stage_length
from gamelearn.training import train

_NEVER = 1_000_000
_SECONDS = 60
_SIGNAL_STATUS = 128


class Stopped(GamelearnError):
    """A signal that ended the training of a run; `exit_status` is the shell's for it."""

    def __init__(self, text: str, name: str) -> None:
        super().__init__(text)
        self.exit_status = _SIGNAL_STATUS + signal.Signals[name].value


@dataclass(frozen=True, kw_only=True)
class Ablation:
    """What is trained.

    Attributes:
        spec: a file, or the name of a shipped spec.
        presets: of the spec, for all variants.
        overrides: `key=value`, for all variants.
        variants: the spec as it is, then the others.
        seeds: of the training.
        points: how many checkpoints each run keeps, at equal distances, the last one at its end.
        folder: where the runs go.
        device: where they are trained.
        plugins: files or modules that the spec needs.
        untrusted: whether the spec is somebody else's.
    """

    spec: str
    presets: tuple[str, ...]
    overrides: tuple[str, ...]
    variants: tuple[Variant, ...]
    seeds: tuple[int, ...]
    points: int
    folder: Path
    device: torch.device | str = "cpu"
    plugins: tuple[str, ...] = ()
    untrusted: bool = False

    def run_folder(self, variant: Variant, seed: int) -> Path:
        """Return where the run of a variant with a seed goes."""
        return self.folder / variant.name / str(seed)

    def game(self, variant: Variant, seed: int, more: Iterable[str] = ()) -> Game:
        """Return the game of a variant with a seed.

        Raises:
            SpecError: the spec, with the variant's values, has mistakes.
            RunError: a stage has a seed of its own.
        """
        overrides = self.given(variant, seed, more)
        names = (*self.presets, *variant.presets)
        game = load(self.spec, *overrides, preset=names, plugins=self.plugins, device=self.device, untrusted=self.untrusted)
        if own := [name for name, stage in game.graph.stages.items() if stage.train.seed != seed]:
            raise RunError(
                f"stage {own[0]!r} has a seed of its own, so that its runs cannot have different ones: leave 'train.seed' out of it"
            )
        return game

    def given(self, variant: Variant, seed: int, more: Iterable[str] = ()) -> tuple[str, ...]:
        """Return all values that are laid over the spec and its presets."""
        return (*self.overrides, *variant.overrides, f"train.seed={seed}", *more)


@dataclass(frozen=True)
class Points:
    """When a run writes checkpoints: every so many rounds up to `last`, or every so many minutes (the other one is None)."""

    every: int | None
    last: int
    minutes: float | None
    keep: int

    @property
    def overrides(self) -> tuple[str, ...]:
        """The values of `train.checkpoint`."""
        rounds = [f"train.checkpoint.rounds={self.every}"] if self.every else []
        minutes = _NEVER if self.minutes is None else self.minutes
        return (*rounds, f"train.checkpoint.minutes={minutes}", f"train.checkpoint.keep={self.keep}")

    def chosen(self, rounds: Iterable[int]) -> list[int]:
        """Return the rounds of checkpoints that are points: those at equal distances, with the last one; by time, all."""
        found = sorted(rounds)
        if self.every is None:
            return found
        return [each for each in found if each % self.every == 0 or each == found[-1]]


def points_of(game: Game, points: int) -> Points:
    """Return when a game's run writes so many checkpoints at equal distances.

    Raises:
        RunError: some of its stages have a length in rounds, others in minutes.
        DataError: a length is in epochs, and the data cannot be opened.
    """
    streams = game.streams() if game.graph.streams else None
    lengths = [stage_length(plan, streams) for plan in game.plans.values()]
    keep = points + len(lengths)
    if all(each.rounds is not None for each in lengths):
        total = sum(each.rounds or 0 for each in lengths)
        return Points(ceil(total / points), total, None, keep)
    if all(each.seconds is not None for each in lengths):
        return Points(None, 0, _minutes(lengths) / points, keep)
    raise RunError("some stages have a length in rounds, others in minutes: for points at equal distances give them all in one of these")


def _minutes(lengths: Iterable[StageLength]) -> float:
    return sum(each.seconds or 0.0 for each in lengths) / _SECONDS


def train_all(ablation: Ablation, *, say: Say, console: Console | None = None) -> Mapping[str, tuple[Points, tuple[Path, ...]]]:
    """Train every variant with every seed, as far as they are not trained yet.

    The variants take turns, seed by seed: what else the machine does meanwhile falls on all of them.

    Args:
        ablation: what is trained.
        say: is told of each run.
        console: where the progress of a training is shown; by default nowhere.

    Returns:
        By the variant's name its points, with the folders of its runs in the order of the seeds.

    Raises:
        SpecError: a variant has mistakes; all variants are read before the first is trained.
        RunError: a folder holds another run.
        TrainingError: a loss or a gradient is not finite.
        Stopped: a signal ended the training; the same call goes on.
    """
    points = {each.name: points_of(ablation.game(each, ablation.seeds[0]), ablation.points) for each in ablation.variants}
    for seed in ablation.seeds:
        for variant in ablation.variants:
            _train_one(ablation, variant, seed, points[variant.name], say, console)
    folders = {each.name: tuple(ablation.run_folder(each, seed) for seed in ablation.seeds) for each in ablation.variants}
    return {name: (points[name], folders[name]) for name in folders}


def _train_one(ablation: Ablation, variant: Variant, seed: int, points: Points, say: Say, console: Console | None) -> None:
    folder, game = ablation.run_folder(variant, seed), ablation.game(variant, seed, points.overrides)
    resume = (folder / RESOLVED).is_file()
    if resume and not _goes_on(folder, game, say):
        with locked(folder, say):
            shutil.rmtree(folder)
        resume = False
    elif resume and _is_finished(folder, game, say):
        say(f"{variant.name}, seed {seed}: is there: {folder}")
        return
    say(f"{variant.name}, seed {seed}: {'goes on' if resume else 'training'}")
    presets, overrides = (*ablation.presets, *variant.presets), ablation.given(variant, seed, points.overrides)
    try:
        run = train(game, run_folder=folder, resume=resume, console=console, preset=presets, overrides=overrides)
    except TrainingError as error:
        raise TrainingError(f"variant {variant.name!r}, seed {seed}: {error}") from error
    if run.stopped_by:
        raise Stopped(f"stopped by {run.stopped_by} in variant {variant.name!r}, seed {seed}; the same command goes on", run.stopped_by)


def _goes_on(folder: Path, game: Game, say: Say) -> bool:
    """Whether a run has a checkpoint to go on from.

    Raises:
        RunError: it is the run of another spec.
    """
    assert game.checked is not None
    run = Run(folder, say)
    try:
        check_changes(run.spec(), game.checked.spec)
    except RunError as error:
        raise RunError(f"{folder} holds another run; give another --out, or remove it: {error}") from None
    return bool(run.checkpoints)


def _is_finished(folder: Path, game: Game, say: Say) -> bool:
    progress = Run(folder, say).state().progress
    recall_data(game, folder)
    last = list(game.plans.values())[-1]
    is_last = progress.stage == len(game.plans) - 1
    return is_last and stage_length(last, game.streams() if game.graph.streams else None).is_over(progress)
