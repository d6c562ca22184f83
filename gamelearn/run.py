"""Runs: a folder with all that belongs to one training, and what can be done with it afterwards.

    runs/<name>/<n>/  spec.yaml  spec.resolved.yaml  environment.json  metrics.jsonl  checkpoints/  samples/

This file trains a game into such a folder, to open it again.
"""

import json
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from rich.console import Console

from gamelearn.cpu import tune_allocator
from gamelearn.data.dataset import SPLITS
from gamelearn.data.reading import plain_readings
from gamelearn.data.streams import Streams
from gamelearn.data.words import counted
from gamelearn.errors import RunError
from gamelearn.game import CheckedSpec, Game, load
from gamelearn.inference import Inference, infer
from gamelearn.metrics.evaluation import Evaluation, choose_metrics, evaluate
from gamelearn.metrics.metric import Context
from gamelearn.plugins import load_builtins
from gamelearn.run_folder import (
    CHECKPOINTS,
    ENVIRONMENT,
    METRICS,
    ORIGINAL,
    OTHERWISE,
    READINGS,
    RESOLVED,
    SAMPLES,
    TENSORBOARD,
    check_new_folder,
    make_run_folder,
    newest_run,
    read_json,
    read_rows_of,
    recall_data,
    refuse_links,
    why_no_run,
    write_rows,
)
from gamelearn.sampling import ancestral, is_drawn_by_one, limiting
from gamelearn.spec.compose import Presets, preset_names
from gamelearn.spec.load import load_source
from gamelearn.spec.paths import SPEC_FOLDERS, plain_folders
from gamelearn.spec.schema import Spec
from gamelearn.train.changes import LENGTHS, changes, check_changes
from gamelearn.train.checkpoint import checkpoint_name, list_checkpoints, newest_intact, read_checkpoint, set_aside_newer
from gamelearn.train.console import ConsoleObserver
from gamelearn.train.device import check_half, describe_device
from gamelearn.train.environment import environment
from gamelearn.train.events import Observer
from gamelearn.train.loop import Trainer
from gamelearn.train.observers import CheckpointObserver, MetricsObserver, Pictures, PicturesObserver, TensorBoardObserver, read_metrics
from gamelearn.train.state import TrainingState, restore_averages, restore_players

Say = Callable[[str], None]


def _warn(text: str) -> None:
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
    say: Say = field(default=_warn, repr=False)
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
        load_builtins()
        return load_source(self.path / RESOLVED).spec

    def metrics(self) -> list[dict[str, Any]]:
        """Return the logged rounds, in order.

        Raises:
            RunError: there is no file of metrics.
        """
        path = self.path / METRICS
        if not path.is_file():
            raise RunError(f"the run {self.path} has no {METRICS}: nothing was logged")
        return read_metrics(path)

    def state(self, checkpoint: int | str | Path | None = None) -> TrainingState:
        """Return what a checkpoint holds, by default the newest that is whole.

        Args:
            checkpoint: a number of rounds, the name of a checkpoint, or its folder.

        Raises:
            RunError: there is no such checkpoint (those that there are, are listed), or it is damaged.
        """
        if checkpoint is None:
            return newest_intact(self.path / CHECKPOINTS, self.say)
        path = Path(checkpoint_name(checkpoint)) if isinstance(checkpoint, int) else Path(checkpoint)
        if not path.is_dir():
            path = self.path / CHECKPOINTS / path.name
        if not path.is_dir():
            raise RunError(
                f"the run {self.path} has no checkpoint {path.name!r}; it has {', '.join(each.name for each in self.checkpoints) or 'none'}"
            )
        return read_checkpoint(path)

    def game(
        self,
        checkpoint: int | str | Path | None = None,
        *,
        weights: Literal["ema", "last"] | None = None,
        device: torch.device | str = "cpu",
        plugins: Iterable[str] = (),
        untrusted: bool = False,
        data: Mapping[str, str] | None = None,
    ) -> Game:
        """Return the game with the parameters of a checkpoint, by default the newest that is whole; its data are those that it was trained on.

        Args:
            checkpoint: a number of rounds, the name of a checkpoint, or its folder.
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
        game = load(self.path / RESOLVED, device=device, plugins=plugins, untrusted=untrusted)
        recall_data(game, self.path)
        game.moved = {name: str(Path(path).absolute()) for name, path in (data or {}).items()}
        state = self.state(checkpoint)
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


def train(
    game: Game,
    *,
    run_folder: str | Path | None = None,
    resume: bool = False,
    console: Console | None = None,
    pictures: Pictures | None = None,
    preset: Presets = None,
    overrides: Sequence[str] = (),
) -> Run:
    """Train a game that was loaded from a spec, into a run folder.

    Args:
        game: its players are moved in place.
        run_folder: by default `runs/<name>/<n>` with the next number; to resume, the newest one.
        resume: go on from the folder's newest checkpoint that is whole.
        console: where progress is shown; by default nowhere.
        pictures: draws pictures into a folder, as `train.samples` says and at the end.
        preset: by which the spec was loaded, for the record.
        overrides: by which the spec was loaded, for the record.

    Returns:
        The run; `stopped_by` names the signal that ended the training early, with a checkpoint.

    Raises:
        RunError: the folder holds something else, there is nothing to resume, the run is finished, or the spec is not the run's.
        DataError: the data cannot be opened.
        TrainingError: a loss or a gradient is not finite.
    """
    checked = game.checked
    if checked is None:
        raise ValueError("a run keeps its spec: load the game from a spec file")
    say = _say_to(console)
    former = _former_run(game, run_folder, say) if resume else None
    state = former.state() if former else None
    if former and state:
        _check_goes_on(former, checked, state, say)
        recall_data(game, former.path)
    elif run_folder is not None:
        check_new_folder(Path(run_folder))
    trainer = _prepared(game, state, say)
    folder = former.path if former else make_run_folder(run_folder, game.graph.name)
    _write_facts(folder, game, preset, overrides, state)
    checkpoints = CheckpointObserver(folder / CHECKPOINTS)
    drawing = PicturesObserver(folder / SAMPLES, pictures) if pictures else None
    trainer.observers += _observers(folder, console, checkpoints, drawing)
    say(
        f"{'resuming' if state else 'training'} in {folder} on {describe_device(game.device)}"
        + (f", after round {state.progress.round}" if state else "")
    )
    trainer.run()
    run = Run(folder, say, None if trainer.is_finished else trainer.stop_reason, drawing.paths if drawing else ())
    _say_end(run, trainer, say)
    return run


def _say_to(console: Console | None) -> Say:
    if console is None:
        return lambda text: None
    return lambda text: console.print(text, markup=False, highlight=False, soft_wrap=True)


def _prepared(game: Game, state: TrainingState | None, say: Say) -> Trainer:
    """Return a trainer of the game, its data opened."""
    if game.device.type == "cpu":
        tune_allocator()
        if threads := max((stage.train.threads or 0 for stage in game.graph.stages.values()), default=0):
            torch.set_num_threads(threads)
    if any(stage.train.precision == "bf16" for stage in game.graph.stages.values()):
        check_half(game.device)
    if game.graph.streams:
        _say_data(game.streams(), say)
    trainer = Trainer(game, state=state)
    if state and trainer.is_finished:
        raise RunError(_finished(game, trainer))
    return trainer


def _say_data(streams: Streams, say: Say) -> None:
    taken = ", ".join(kind if name == "dataset" else f"{name}: {kind}" for name, kind in streams.taken.items())
    rows = ", ".join(f"{name} {counted(streams.length(name), 'row')}{streams.lacking_text(name)}" for name in streams.names)
    say(f"data: {taken} ({rows})")
    for notice in streams.notices:
        say(f"NOTICE: {notice}")


def _finished(game: Game, trainer: Trainer) -> str:
    name, train = trainer.stage.name, trainer.stage.train
    length = next(each for each in LENGTHS if getattr(train, each) is not None)
    own = (game.checked.spec.stages or {}).get(name) if game.checked else None
    key = f"stages.{name}.train.{length}" if own and length in own.train else f"train.{length}"
    value = getattr(train, length)
    more = 2 * max(value, trainer.progress.done) if length == "rounds" else 2 * value
    return f"the run is finished: {trainer.progress.round} rounds are done, {key} is {value:g}; to go on, raise it, such as {key}={more:g}"


def _observers(folder: Path, console: Console | None, checkpoints: CheckpointObserver, drawing: PicturesObserver | None) -> list[Observer]:
    found: list[Observer] = [ConsoleObserver(console)] if console else []
    found += [MetricsObserver(folder / METRICS), checkpoints, TensorBoardObserver(folder / TENSORBOARD)]
    return [*found, drawing] if drawing else found


def _say_end(run: Run, trainer: Trainer, say: Say) -> None:
    rounds = trainer.progress.round
    if run.stopped_by:
        say(f"stopped by {run.stopped_by} after round {rounds}; to go on: --resume --run {run.path}")
    else:
        say(f"finished after {rounds} rounds: {run.path}")
    newest = run.checkpoints[-1:]
    for kind, paths in (("checkpoint", newest), ("picture", run.drawn)):
        for path in paths:
            say(f"{kind}: {path}")


def _former_run(game: Game, run_folder: str | Path | None, say: Say) -> Run:
    run = Run(newest_run(game.graph.name) if run_folder is None else Path(run_folder), say)
    if game.untrusted:
        refuse_links(run.path)
    return run


def _check_goes_on(run: Run, checked: CheckedSpec, state: TrainingState, say: Say) -> None:
    """Check that the run can go on with the spec, and clear its folder of checkpoints that are damaged."""
    before = run.spec()
    check_changes(before, checked.spec, {name.split(".")[0] for name in read_rows_of(run.path) or ()})
    names = list(checked.graph.stages)
    over = names[: state.progress.stage]
    for path, _, _ in changes(before, checked.spec):
        if path[0] == "stages" and path[1] in over and path[3] in LENGTHS:
            say(f"NOTICE: stage {path[1]!r} is over, so its new length has no effect")
    for moved in set_aside_newer(run.path / CHECKPOINTS, state.progress.round):
        say(f"the damaged checkpoint is set aside: {moved}")


def _write_facts(folder: Path, game: Game, preset: Presets, overrides: Sequence[str], state: TrainingState | None) -> None:
    """Write the spec as it is and resolved, with what the run runs with; on resume the latter is added to what is there."""
    assert game.checked is not None
    (folder / ORIGINAL).write_text(game.checked.file.text, encoding="utf-8")
    (folder / RESOLVED).write_text(game.checked.file.resolved_text(), encoding="utf-8")
    streams = game.streams() if game.graph.streams else None
    facts = {
        **environment(game.device, streams.taken if streams else {}),
        OTHERWISE: list(streams.stood_in if streams else ()),
        **({READINGS: plain_readings(readings)} if streams and (readings := streams.readings()) else {}),
        SPEC_FOLDERS: plain_folders(Path(game.checked.file.path), folder),
        "preset": list(preset_names(preset)),
        "overrides": list(overrides),
    }
    path = folder / ENVIRONMENT
    if state is None and streams and (rows := streams.row_keys()):
        write_rows(folder, rows)
    if state is not None:
        first = read_json(path) if path.is_file() else facts
        first[SPEC_FOLDERS] = list(dict.fromkeys([*facts[SPEC_FOLDERS], *first.get(SPEC_FOLDERS, [])]))
        facts = {**first, "resumed": [*first.get("resumed", []), {"after_round": state.progress.round, **facts}]}
    path.write_text(json.dumps(facts, indent=2) + "\n", encoding="utf-8")
