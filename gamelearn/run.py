"""Runs: a folder with all that belongs to one training, and what can be done with it afterwards.

    runs/<name>/<n>/  spec.yaml  spec.resolved.yaml  environment.json  metrics.jsonl  checkpoints/  samples/

`gamelearn.training` makes the folder. This file opens it.
"""

import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from gamelearn.data.dataset import SPLITS
from gamelearn.data.reading import Reading
from gamelearn.errors import RunError, Say
from gamelearn.game import Game, load
from gamelearn.inference import Inference, infer
from gamelearn.metrics.evaluation import Evaluation, choose_metrics, evaluate
from gamelearn.metrics.metric import Context
from gamelearn.run_folder import (
    CHECKPOINTS,
    ENVIRONMENT,
    IDENTITY,
    METRICS,
    RESOLVED,
    SAMPLES,
    load_plugins_of,
    read_environment,
    read_json,
    read_readings_of,
    recall_data,
    refuse_links,
    why_no_run,
)
from gamelearn.sampling import ancestral, is_drawn_by_one, limiting
from gamelearn.spec.load import load_source
from gamelearn.spec.schema import Spec
from gamelearn.train.changes import text_changes
from gamelearn.train.checkpoint import checkpoint_name, list_checkpoints, newest_intact, read_checkpoint
from gamelearn.train.metrics_file import read_metrics
from gamelearn.train.state import TrainingState, restore_averages, restore_players


def warn(text: str) -> None:
    """Issue a warning."""
    warnings.warn(text, stacklevel=3)


@dataclass
class Run:
    """A run folder.

    Args:
        path: the folder.
        say: is told what the user has to know, such as that a checkpoint is damaged; by default a warning is issued.
        stopped_by: what stopped the training before its end: the name of a signal; None where it is not known to have been stopped.
        drawn: the pictures that the training drew last.

    Raises:
        RunError: the folder is not there, or is no run.
    """

    path: Path
    say: Say = field(default=warn, repr=False)
    stopped_by: str | None = None
    drawn: tuple[Path, ...] = ()

    def __post_init__(self) -> None:
        self.path = Path(self.path)
        if not (self.path / RESOLVED).is_file():
            raise RunError(why_no_run(self.path))

    @property
    def checkpoints(self) -> list[Path]:
        """The checkpoints, the oldest first."""
        return list_checkpoints(self.path / CHECKPOINTS)

    @property
    def pictures(self) -> list[Path]:
        """All pictures that were drawn while training."""
        return sorted((self.path / SAMPLES).glob("*.png"))

    @property
    def environment(self) -> dict[str, Any]:
        """What the run ran with."""
        return read_json(self.path / ENVIRONMENT)

    def spec(self) -> Spec:
        """Return the run's spec, resolved.

        Raises:
            SpecError: it is damaged, or needs a plugin that is not loaded.
        """
        load_plugins_of(self.path)
        return load_source(self.path / RESOLVED).spec

    def reading(self, variable: str) -> Reading:
        """Return how the files of the training write a variable: `decoded` and `encoded` translate its values from and to them.

        Raises:
            RunError: the record is damaged.
        """
        return (read_readings_of(self.path) or {}).get(variable, Reading())

    def metrics(self) -> list[dict[str, Any]]:
        """Return the logged rounds, in order; damaged lines are left out, with a message to `say`.

        Raises:
            RunError: there is no file of metrics.
        """
        path = self.path / METRICS
        if not path.is_file():
            raise RunError(f"the run {self.path} has no {METRICS}: nothing was logged")
        return read_metrics(path, self.say)

    def state(self, checkpoint: int | str | Path | None = None) -> TrainingState:
        """Return what a checkpoint holds, by default the newest that is whole.

        Args:
            checkpoint: a number of rounds, the name of a checkpoint, or its folder.

        Raises:
            RunError: there is no such checkpoint (those that there are, are listed), or it is damaged.
        """
        state = self._named(checkpoint) if checkpoint is not None else newest_intact(self.path / CHECKPOINTS, self.say)
        if misfits := self.misfits(state):
            self.say("\n".join([f"WARNING: {misfits[0]}", *misfits[1:]]))
        return state

    def _named(self, checkpoint: int | str | Path) -> TrainingState:
        path = Path(checkpoint_name(checkpoint)) if isinstance(checkpoint, int) else Path(checkpoint)
        if not path.is_dir():
            path = self.path / CHECKPOINTS / path.name
        try:
            if path.is_dir():
                return read_checkpoint(path)
        except RunError:
            if path.is_dir():
                raise
        raise RunError(
            f"the run {self.path} has no checkpoint {path.name!r}; it has {', '.join(each.name for each in self.checkpoints) or 'none'}"
        )

    def misfits(self, state: TrainingState) -> list[str]:
        """Return why a checkpoint is not of this run, or not of its spec as it is now; empty where it is, or was not recorded."""
        if state.origin is None:
            return []
        name = f"{self.path / CHECKPOINTS / checkpoint_name(state.progress.round)}"
        own = read_environment(self.path, lambda text: None).get(IDENTITY, state.origin.run)
        if own != state.origin.run:
            return [f"the checkpoint {name} is of another run: remove it, or, if it is this one's, {IDENTITY!r} from {ENVIRONMENT}"]
        changed = text_changes(state.origin.spec, (self.path / RESOLVED).read_text(encoding="utf-8", errors="replace"))
        return (
            [f"{self.path / RESOLVED} is not the spec that the checkpoint {name} was trained with, which it holds:", *changed]
            if changed
            else []
        )

    def game(
        self,
        checkpoint: int | str | Path | TrainingState | None = None,
        *,
        weights: Literal["ema", "last"] | None = None,
        device: torch.device | str = "cpu",
        plugins: Iterable[str] = (),
        untrusted: bool = False,
        data: Mapping[str, str] | None = None,
    ) -> Game:
        """Return the game with the parameters of a checkpoint, by default the newest that is whole; its data are those that it was trained on.

        Args:
            checkpoint: a number of rounds, the name of a checkpoint, its folder, or what `state` returned.
            weights: `ema`, the averaged ones, or `last`; by default the averaged ones where there are any.
            device: where the game runs.
            plugins: files or modules that the spec needs.
            untrusted: whether the run is somebody else's.
            data: where the files of data sets are now, by the names of these ('dataset' where there is one).

        Raises:
            SpecError: the spec is damaged, or needs a plugin that is not loaded.
            RunError: there is no such checkpoint, it is damaged, or has no averaged weights; or an untrusted run holds a link.
        """
        if untrusted:
            refuse_links(self.path)
        load_plugins_of(self.path, plugins, untrusted=untrusted, say=self.say)
        game = load(self.path / RESOLVED, device=device, untrusted=untrusted)
        recall_data(game, self.path, self.say)
        game.moved = {name: str(Path(path).absolute()) for name, path in (data or {}).items()}
        state = checkpoint if isinstance(checkpoint, TrainingState) else self.state(checkpoint)
        restore_players(game.players, state.players)
        if weights == "ema" and not state.averages:
            raise RunError(f"the run {self.path} has no averaged weights ('train.ema' is not set): take weights 'last'")
        if weights != "last" and state.averages:
            named = {name: {key: each.data for key, each in player.named_parameters()} for name, player in game.players.items()}
            restore_averages({name: tensors for name, tensors in named.items() if tensors}, state.averages)
        return game

    def sample(self, count: int = 64, *, player: str | None = None, seed: int = 0) -> dict[str, torch.Tensor]:
        """Draw from the newest checkpoint: one player draws all, or else the chain of the last declared sampler, to its limit.

        See `gamelearn.sampling.ancestral` and `gamelearn.sampling.limiting`.
        """
        game = self.game()
        if player is None and not is_drawn_by_one(game.graph):
            return limiting(game, count, seed=seed)
        return ancestral(game, player, count, seed=seed)

    def infer(
        self,
        given: Mapping[str, Any] | None = None,
        *,
        checkpoint: int | str | Path | None = None,
        weights: Literal["ema", "last"] | None = None,
        device: torch.device | str = "cpu",
        **question: Any,
    ) -> Inference:
        """Answer what the unknown variables are; see `gamelearn.inference.infer` for the question's arguments.

        Args:
            given: by variable an array `(rows, *shape)`.
            checkpoint: as for `game`.
            weights: as for `game`.
            device: where the chains run.
            question: `hide`, `want`, `rows`, `sampler`, `sweeps`, `burn_in`, `thin`, `chains`, `estimate`, `seed`, ...
        """
        return infer(self.game(checkpoint, weights=weights, device=device), given, **question)

    def evaluate(
        self,
        metrics: Sequence[str] | None = None,
        *,
        splits: Sequence[str] = ("validation",),
        count: int | None = None,
        seed: int = 0,
        chain: Mapping[str, Any] | None = None,
        checkpoint: int | str | Path | None = None,
        weights: Literal["ema", "last"] | None = None,
        device: torch.device | str = "cpu",
    ) -> list[Evaluation]:
        """Measure how good the game is; see `gamelearn.metrics.evaluation`.

        Args:
            metrics: some of those that the spec names, or of the registry; by default the spec's, else all that fit.
            splits: some of `train`, `validation`, `test`.
            count: how many images or samples; by default as each metric says.
            seed: of all noise.
            chain: values of a chain that go over the metrics' own, such as `sweeps`.
            checkpoint: as for `game`.
            weights: as for `game`.
            device: where the game runs.

        Raises:
            MetricError: a name is not known, or a metric does not fit the game.
            DataError: a split has no rows, or cannot be read.
        """
        if wrong := [each for each in splits if each not in SPLITS] or ([] if splits else ["none"]):
            raise RunError(f"unknown split {wrong[0]!r}; known: {', '.join(map(repr, SPLITS))}")
        game = self.game(checkpoint, weights=weights, device=device)
        context = Context(splits[0], count, seed, chain or {}, lambda title, done, total: None)
        return list(evaluate(game, choose_metrics(game, metrics), splits, context))
