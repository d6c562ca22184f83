"""The training of a game into a run folder, from the beginning or from where the run stopped.

    runs/<name>/<n>/  spec.yaml  spec.resolved.yaml  environment.json  metrics.jsonl  checkpoints/  samples/

A resume refuses all that it can before it touches the run. One process at a time trains a run. This file trains a game into such a folder.
"""

import json
import uuid
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

import torch
from rich.console import Console

from gamelearn.cpu import tune_allocator
from gamelearn.data.reading import plain_readings
from gamelearn.data.streams import Streams
from gamelearn.data.words import counted
from gamelearn.disk import MachineError, refusal, write_whole
from gamelearn.errors import DataError, GamelearnError, RunError, Say
from gamelearn.game import CheckedSpec, Game
from gamelearn.run import Run, warn
from gamelearn.run_folder import (
    CHECKPOINTS,
    ENVIRONMENT,
    IDENTITY,
    METRICS,
    ORIGINAL,
    OTHERWISE,
    READINGS,
    RESOLVED,
    SAMPLES,
    TENSORBOARD,
    check_new_folder,
    locked,
    make_run_folder,
    newest_run,
    read_environment,
    read_rows_of,
    recall_data,
    refuse_links,
    refuse_locked,
    write_rows,
)
from gamelearn.spec.compose import Presets, preset_names
from gamelearn.spec.paths import SPEC_FOLDERS, plain_folders
from gamelearn.train.changes import LENGTHS, changes, check_changes
from gamelearn.train.checkpoint import list_checkpoints, newest_intact, set_aside_newer
from gamelearn.train.console import ConsoleObserver
from gamelearn.train.device import check_half, describe_device
from gamelearn.train.environment import environment
from gamelearn.train.events import Observer
from gamelearn.train.loop import Trainer
from gamelearn.train.metrics_file import MetricsObserver
from gamelearn.train.observers import CheckpointObserver, Pictures, PicturesObserver, TensorBoardObserver, TolerantObserver
from gamelearn.train.state import Origin, TrainingState


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
        RunError: the folder holds something else, there is nothing to resume, the run is finished, the spec or the checkpoint is not the
            run's, or another process trains it.
        DataError: the data cannot be opened or read; if that happens in the training, there is a checkpoint.
        TrainingError: a loss, a gradient or a parameter is not finite.
        MachineError: the machine refuses: space, permission, memory.
    """
    checked = game.checked
    if checked is None:
        raise ValueError("a run keeps its spec: load the game from a spec file")
    say = _say_to(console)
    write = partial(_write_facts, game=game, preset=preset, overrides=overrides)
    if resume:
        former = _former_run(game, run_folder, say)
        with locked(former.path, say):
            state = _state_to_go_on_from(former, checked, say)
            recall_data(game, former.path, say)
            trainer = _prepared(game, state, say)
            return _into(former.path, trainer, state, write, console, pictures)
    if run_folder is not None:
        refuse_locked(Path(run_folder))
        check_new_folder(Path(run_folder))
    trainer = _prepared(game, None, say)
    folder = make_run_folder(run_folder, game.graph.name)
    with locked(folder, say):
        check_new_folder(folder)  # again: another process may have been quicker
        return _into(folder, trainer, None, write, console, pictures)


def _into(
    folder: Path,
    trainer: Trainer,
    state: TrainingState | None,
    write: Callable[..., Origin],
    console: Console | None,
    pictures: Pictures | None,
) -> Run:
    """Train into a folder that this process alone writes to."""
    say, tell = _say_to(console), _say_to(console) if console else warn
    metrics = MetricsObserver(folder / METRICS, tell)
    if state:
        for moved in set_aside_newer(folder / CHECKPOINTS, state.progress.round):
            say(f"the damaged checkpoint is set aside: {moved}")
    origin = write(folder, state=state)
    checkpoints = CheckpointObserver(folder / CHECKPOINTS, origin, before=metrics.sync, say=tell)
    drawing = PicturesObserver(folder / SAMPLES, pictures) if pictures else None
    found: list[Observer] = [TolerantObserver(ConsoleObserver(console), "showing the progress", tell)] if console else []
    found += [metrics, checkpoints, TolerantObserver(TensorBoardObserver(folder / TENSORBOARD), "writing for TensorBoard", tell)]
    trainer.observers += [*found, TolerantObserver(drawing, "drawing pictures", tell)] if drawing else found
    say(
        f"{'resuming' if state else 'training'} in {folder} on {describe_device(trainer.game.device)}"
        + (f", after round {state.progress.round}" if state else "")
    )
    try:
        trainer.run()
    except Exception as error:
        if explained := _explained(error, folder):
            raise explained from error
        raise
    run = Run(folder, tell, None if trainer.is_finished else trainer.stop_reason, drawing.paths if drawing else ())
    _say_end(run, trainer, say)
    return run


def _explained(error: Exception, folder: Path) -> GamelearnError | None:
    """Return an error of the data or of the machine with what is kept, and how to go on; None for others."""
    kind = MachineError if refusal(error) or isinstance(error, MachineError) else DataError if isinstance(error, DataError) else None
    if kind is None:
        return None
    newest = list_checkpoints(folder / CHECKPOINTS)[-1:]
    kept = f"{newest[0]} is kept; to go on when that is mended: --resume --run {folder}" if newest else "there is no checkpoint yet"
    return kind(f"the training stopped: {refusal(error) or error}; {kept}")


def _say_to(console: Console | None) -> Say:
    """Return what prints to a console; a console that cannot print, as on a full disk, ends no training."""

    def say(text: str) -> None:
        if console is None:
            return
        try:
            console.print(text, markup=False, highlight=False, soft_wrap=True)
        except OSError:
            return

    return say


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


def _state_to_go_on_from(run: Run, checked: CheckedSpec, say: Say) -> TrainingState:
    """Return the newest checkpoint that is whole, if the run can go on from it with the spec."""
    state = newest_intact(run.path / CHECKPOINTS, say)
    if misfits := run.misfits(state):
        raise RunError("\n".join([*misfits, "set that right, or start a new run"]))
    before = run.spec()
    check_changes(before, checked.spec, {name.split(".")[0] for name in read_rows_of(run.path) or ()})
    over = list(checked.graph.stages)[: state.progress.stage]
    for path, _, _ in changes(before, checked.spec):
        if path[0] == "stages" and path[1] in over and path[3] in LENGTHS:
            say(f"NOTICE: stage {path[1]!r} is over, so its new length has no effect")
    return state


def _write_facts(folder: Path, game: Game, preset: Presets, overrides: Sequence[str], state: TrainingState | None) -> Origin:
    """Write the spec as it is and resolved, with what the run runs with; on resume the latter is added to what is there.

    Returns:
        What tells the run's checkpoints from those of others.
    """
    assert game.checked is not None
    former = read_environment(folder) if state else {}
    origin = Origin(
        former.get(IDENTITY) or (state.origin.run if state and state.origin else uuid.uuid4().hex), game.checked.file.resolved_text()
    )
    streams = game.streams() if game.graph.streams else None
    facts = {
        **environment(game.device, streams.taken if streams else {}),
        OTHERWISE: list(streams.stood_in if streams else ()),
        **({READINGS: plain_readings(readings)} if streams and (readings := streams.readings()) else {}),
        SPEC_FOLDERS: plain_folders(Path(game.checked.file.path), folder),
        "preset": list(preset_names(preset)),
        "overrides": list(overrides),
    }
    if state is None and streams and (rows := streams.row_keys()):
        write_rows(folder, rows)
    if state is not None:
        first = former or facts
        first[SPEC_FOLDERS] = list(dict.fromkeys([*facts[SPEC_FOLDERS], *first.get(SPEC_FOLDERS, [])]))
        facts = {**first, "resumed": [*first.get("resumed", []), {"after_round": state.progress.round, **facts}]}
    write_whole(folder / ENVIRONMENT, json.dumps({**facts, IDENTITY: origin.run}, indent=2) + "\n")
    for name, text in ((ORIGINAL, game.checked.file.text), (RESOLVED, origin.spec)):
        if not _holds(folder / name, text):
            write_whole(folder / name, text)
    return origin


def _holds(path: Path, text: str) -> bool:
    return path.is_file() and path.read_bytes() == text.encode()
