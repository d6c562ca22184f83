"""Where runs lie and what is in their folders.

    runs/<name>/<n>/  spec.yaml  spec.resolved.yaml  environment.json  metrics.jsonl  checkpoints/  samples/

While a run is trained, `run.lock` keeps other processes out of it. `environment.json` records what later commands need: plugins, presets,
where the data lay, how their values were written; `rows.safetensors` the rows that they had. This file handles run folders.
"""

import errno
import json
import os
import socket
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import numpy as np
import safetensors.numpy
from safetensors import SafetensorError

from gamelearn.data.reading import Reading, read_readings
from gamelearn.data.trained import Keys
from gamelearn.disk import sync_folder, write_whole, writing
from gamelearn.errors import PluginError, RunError, Say
from gamelearn.game import Game
from gamelearn.plugins import load_builtins, load_plugins, loaded_plugins
from gamelearn.spec.paths import ENVIRONMENT as ENVIRONMENT
from gamelearn.spec.paths import RESOLVED as RESOLVED
from gamelearn.train.checkpoint import list_checkpoints

try:
    import fcntl
except ImportError:  # Windows
    fcntl = None  # type: ignore[assignment]

RUNS = Path("runs")
ORIGINAL, METRICS = "spec.yaml", "metrics.jsonl"
OTHERWISE = "otherwise"
READINGS = "readings"
ROWS = "rows.safetensors"
IDENTITY = "run"
"""What tells a run from all others, in its facts and in its checkpoints."""
LOCK = "run.lock"
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOTSUP, errno.ENOSYS, errno.EINVAL})
_CELLS = "cells"
CHECKPOINTS, SAMPLES, TENSORBOARD = "checkpoints", "samples", "tensorboard"


def numbered_runs(name: str) -> dict[int, Path]:
    """Return the runs of a game in the default place, by number."""
    folder = RUNS / name
    found = folder.iterdir() if folder.is_dir() else ()
    return {int(path.name): path for path in found if path.name.isdigit()}


def newest_run(name: str) -> Path:
    """Return the newest run of a game in the default place.

    Raises:
        RunError: there is none.
    """
    runs = [path for _, path in sorted(numbered_runs(name).items()) if (path / RESOLVED).is_file()]
    if not runs:
        raise RunError(f"there is nothing to resume: no run of {name!r} in {RUNS / name}; leave --resume out, or name the folder by --run")
    return runs[-1]


def make_run_folder(run_folder: str | Path | None, name: str) -> Path:
    """Make the run folder; without a path, the next number that is free.

    Raises:
        RunError: it cannot be made.
    """
    try:
        if run_folder is not None:
            folder = Path(run_folder)
            folder.mkdir(parents=True, exist_ok=True)
        else:
            folder = _make_next(name)
        sync_folder(folder.parent)
        return folder
    except OSError as error:
        where = run_folder if run_folder is not None else RUNS / name
        raise RunError(f"cannot make the run folder {str(where)!r}: {error.strerror or error}; give another one by --run") from None


def _make_next(name: str) -> Path:
    number = max(numbered_runs(name), default=0) + 1
    while True:
        folder = RUNS / name / str(number)
        try:
            folder.mkdir(parents=True)
        except FileExistsError:
            number += 1
        else:
            return folder


def check_new_folder(folder: Path) -> None:
    """Check that a new run can go into a folder.

    Raises:
        RunError: it holds a run, or anything else.
    """
    if (folder / RESOLVED).is_file():
        what = "already holds a run: say --resume to go on with it"
        what = what if list_checkpoints(folder / CHECKPOINTS) else "holds a run that ended before its first checkpoint: remove it"
        raise RunError(f"{folder} {what}, or give another folder")
    if folder.exists() and (not folder.is_dir() or any(path.name != LOCK for path in folder.iterdir())):
        raise RunError(f"{folder} is not empty and holds no run: give another folder, or one that does not exist yet")


@contextmanager
def locked(folder: Path, say: Say) -> Iterator[None]:
    """Be the only process that trains into a folder. The lock goes with the process, however that ends.

    Where the file system keeps no locks, `say` gets a warning, and nobody is kept out.

    Raises:
        RunError: another process holds the lock, which is named; or its file cannot be made.
    """
    descriptor = _taken(folder, os.O_RDWR | os.O_CREAT, say)
    if descriptor is None:
        yield
        return
    try:
        with suppress(OSError):  # who holds it is of use to others alone
            os.ftruncate(descriptor, 0)
            os.write(descriptor, f"process {os.getpid()} on {socket.gethostname()} since {time.strftime('%Y-%m-%d %H:%M:%S')}".encode())
        try:
            yield
        finally:
            with suppress(OSError):
                (folder / LOCK).unlink()
    finally:
        os.close(descriptor)


def refuse_locked(folder: Path) -> None:
    """Check that no process trains into a folder.

    Raises:
        RunError: one does; it is named.
    """
    if (folder / LOCK).is_file() and (descriptor := _taken(folder, os.O_RDONLY, lambda text: None)) is not None:
        os.close(descriptor)


def _taken(folder: Path, flags: int, say: Say) -> int | None:
    """Return the open lock of a folder; None where there are no locks."""
    path = folder / LOCK
    while fcntl is not None:
        with writing(path):
            descriptor = os.open(path, flags, 0o666)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            holder = os.read(descriptor, 200).decode(errors="replace") or "another process"
            os.close(descriptor)
            refused = error
        else:
            if path.exists() and os.path.samestat(os.fstat(descriptor), path.stat()):
                return descriptor
            os.close(descriptor)  # its holder has ended meanwhile, and has taken the file away
            continue
        if refused.errno in _NO_LOCKS:
            say(f"WARNING: {folder} is on a file system without locks ({refused.strerror}): nothing keeps another training out of it")
            return None
        raise RunError(f"{folder} is in training: {holder} writes to it, and only one process may")
    return None


def why_no_run(folder: Path) -> str:
    """Return why a folder is no run, and where there may be one."""
    if not folder.is_dir():
        return f"there is no run folder {folder}; runs are in {RUNS}/<name>/<n>, or where --run put them"
    inside = sorted(path.parent for path in folder.glob(f"*/{RESOLVED}"))
    hint = f"it holds the runs {', '.join(map(str, inside))}" if inside else "a run folder is one that 'gamelearn train' made"
    return f"{folder} is no run: it has no {RESOLVED}; {hint}"


def refuse_links(folder: Path) -> None:
    """Check that a run folder of somebody else holds plain files and folders only, so that nothing outside it is read, written or deleted.

    Raises:
        RunError: something in it, at any depth, is a link, or a pipe or another special file.
    """
    for place, folders, files in os.walk(folder):
        for path in (Path(place, name) for name in (*folders, *files)):
            if path.is_symlink():
                raise RunError(
                    f"{path} is a link to {str(path.readlink())!r}, which the folder of an untrusted run must not hold: remove it"
                )
            if not (path.is_dir() or path.is_file()):
                raise RunError(f"{path} is no plain file, which the folder of an untrusted run must not hold: remove it")


def read_json(path: Path) -> dict[str, Any]:
    """Read a file of facts.

    Raises:
        RunError: it is not there, or damaged.
    """
    try:
        values: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise RunError(f"{path} cannot be read: {error}") from error
    if not isinstance(values, dict):
        raise RunError(f"{path} is damaged: it holds no map")
    return values


def read_environment(folder: Path, say: Say | None = None) -> dict[str, Any]:
    """Return what a run ran with; nothing where that was not recorded, or where the record is damaged, with a message to `say`.

    Raises:
        RunError: the file cannot be read now, which may pass.
    """
    path = folder / ENVIRONMENT
    try:
        return read_json(path) if path.is_file() else {}
    except RunError as error:
        if isinstance(error.__cause__, OSError):
            raise
        if say:
            say(f"WARNING: {error}; it counts as absent, so it is not known how the run's data were read")
        return {}


def load_plugins_of(folder: Path, plugins: Iterable[str] = (), *, untrusted: bool = False, say: Say | None = None) -> None:
    """Load plugins that the user names, then the files and modules that a run was trained with; installed ones are loaded always.

    Args:
        folder: of the run.
        plugins: files or modules, in place of those of the run that have their names.
        untrusted: whether the run is somebody else's, so that what it names is not loaded.
        say: takes messages about plugins that have changed since.

    Raises:
        PluginError: a plugin is not where it was, cannot be loaded, or is one that only the user may name.
    """
    load_builtins()
    load_plugins(plugins)
    facts = read_environment(folder)
    recorded, hashes = (each if isinstance(each := facts.get(key), dict) else {} for key in ("plugins", "plugin_hashes"))
    for name, origin in recorded.items():
        loaded = next((each for each in loaded_plugins() if each.name == name), None)
        if loaded is None and (origin == name or str(origin).endswith(".py")):
            told = f"the run {folder} was trained with the plugin {name!r}"
            if untrusted:
                raise PluginError(f"{told}, which is not loaded for an untrusted run: if you trust it, name it by --plugin {origin}")
            if origin != name and not Path(origin).is_file():
                raise PluginError(f"{told}, which is no longer at {origin}: say by --plugin FILE where it is")
            load_plugins([origin])
            loaded = next(each for each in loaded_plugins() if each.name == name)
        if say and loaded and name in hashes and loaded.sha256 != hashes[name]:
            say(f"NOTICE: the plugin {name!r} ({loaded.origin}) has changed since the run was trained")


def read_taken(folder: Path) -> tuple[list[str], list[str]]:
    """Return the presets and the overrides by which a run's spec was loaded, in order, those of its resumptions included."""
    facts = read_environment(folder)
    every = [each for each in [facts, *_list(facts.get("resumed"))] if isinstance(each, dict)]
    presets, overrides = ([str(value) for each in every for value in _list(each.get(key))] for key in ("preset", "overrides"))
    return presets, overrides


def _list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else []


def read_readings_of(folder: Path) -> dict[str, Reading] | None:
    """Return how files wrote the variables of a run; None where that was not recorded.

    Raises:
        RunError: the record is damaged.
    """
    path, facts = folder / ENVIRONMENT, read_environment(folder)
    try:
        plain = facts.get(READINGS) or {name: _of_cells(each) for name, each in facts.get(_CELLS, {}).items()}
        return read_readings(plain) if plain else None
    except (TypeError, KeyError, AttributeError):
        raise RunError(f"{path} is damaged: {READINGS!r} does not say how values are written") from None


def _of_cells(cells: Mapping[str, Any]) -> dict[str, Any]:
    """Return a reading from what version 0.1 recorded of a column."""
    same = {key: cells[key] for key in ("levels", "missing")}
    return {"titles": [cells["column"]], "mean": [cells["mean"]], "deviation": [cells["deviation"]], **same}


def recall_data(game: Game, folder: Path, say: Say | None = None) -> None:
    """Tell a game of a run on which data it was trained.

    Raises:
        RunError: the record is damaged.
    """
    game.stood_in, game.readings, game.rows = read_stood_in(folder, say), read_readings_of(folder), read_rows_of(folder)


def read_rows_of(folder: Path) -> dict[str, Keys] | None:
    """Return the keys of the rows that a run was trained on; None where they were not recorded.

    Raises:
        RunError: the record is damaged.
    """
    path = folder / ROWS
    try:
        return dict(safetensors.numpy.load(path.read_bytes())) if path.is_file() else None
    except (OSError, SafetensorError) as error:
        raise RunError(f"{path} cannot be read: {error}") from None


def write_rows(folder: Path, rows: Mapping[str, Keys]) -> None:
    """Record the keys of the rows that a run is trained on.

    Raises:
        RunError: they cannot be written.
    """
    write_whole(folder / ROWS, safetensors.numpy.save({name: np.ascontiguousarray(keys) for name, keys in rows.items()}))


def read_stood_in(folder: Path, say: Say | None = None) -> tuple[str, ...] | None:
    """Return the names of the data sets in whose place a run was trained on `otherwise`; None where that was not recorded.

    Raises:
        RunError: the record is damaged.
    """
    path, names = folder / ENVIRONMENT, read_environment(folder, say).get(OTHERWISE)
    if names is not None and not (isinstance(names, list) and all(isinstance(name, str) for name in names)):
        raise RunError(f"{path} is damaged: {OTHERWISE!r} is no list of names")
    return None if names is None else tuple(names)
