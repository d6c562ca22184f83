"""Checkpoints: folders of safetensors and JSON files with a manifest of their hashes.

    round-000001000/player-NAME.safetensors  optimizer-NAME.safetensors  ema-NAME.safetensors  state.json  MANIFEST.json

A checkpoint is written to a temporary folder beside its place, synced, and renamed, so that what has the name of a checkpoint is
whole; the hashes tell what was damaged later. Nothing is pickled. This file writes checkpoints, to read them again.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from gamelearn.errors import RunError
from gamelearn.train.flatten import flatten, unflatten
from gamelearn.train.schedule import Progress
from gamelearn.train.state import OptimizerState, TrainingState

MANIFEST = "MANIFEST.json"
_STATE = "state.json"
_FORMAT = 1
_NAME = re.compile(r"round-(\d{9,})")
_TEMPORARY = ".unfinished-"


class DamagedCheckpoint(RunError):
    """A checkpoint whose files are not those that were written."""


def checkpoint_name(rounds: int) -> str:
    """Return the name of the folder of a checkpoint after so many rounds.

    >>> checkpoint_name(1000)
    'round-000001000'
    """
    return f"round-{rounds:09d}"


def round_of(checkpoint: Path) -> int:
    """Return after how many rounds a checkpoint was written, as its name says."""
    found = _NAME.fullmatch(checkpoint.name)
    if found is None:
        raise RunError(f"{checkpoint} is no checkpoint: its name is not like {checkpoint_name(1000)!r}")
    return int(found[1])


def list_checkpoints(folder: Path) -> list[Path]:
    """Return the checkpoints in a folder, the oldest first; folders that were not finished are none."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if path.is_dir() and _NAME.fullmatch(path.name)), key=round_of)


def write_checkpoint(folder: Path, state: TrainingState, *, keep: int) -> Path:
    """Write a checkpoint, then remove all but the newest `keep`; return its path.

    What is older is removed only when the new one, read back, is whole. One of the same round is replaced.

    Args:
        folder: of all checkpoints of the run.
        state: of the training.
        keep: how many stay, at least one.

    Raises:
        RunError: it could not be written, or was not read back as written.
    """
    path = folder / checkpoint_name(state.progress.round)
    temporary = folder / f"{_TEMPORARY}{path.name}"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        _clear(folder)
        temporary.mkdir()
        _write_files(temporary, _contents(state))
        if path.exists():
            path.rename(folder / f"{_TEMPORARY}replaced-{path.name}")
        temporary.rename(path)
        _sync(folder)
    except OSError as error:
        raise RunError(f"the checkpoint {path} could not be written: {error}") from error
    _verified(path)
    others = [other for other in list_checkpoints(folder) if other != path]
    for old in others[: max(0, len(others) - keep + 1)]:
        old.rename(folder / f"{_TEMPORARY}old-{old.name}")
    _clear(folder)
    return path


def _clear(folder: Path) -> None:
    """Remove what is no checkpoint: what was not finished, or is on its way out."""
    for path in folder.glob(f"{_TEMPORARY}*"):
        shutil.rmtree(path)


def _contents(state: TrainingState) -> dict[str, bytes]:
    """Return every file of a checkpoint but the manifest."""
    files = {f"player-{name}.safetensors": _tensor_file(tensors) for name, tensors in state.players.items()}
    files |= {f"ema-{name}.safetensors": _tensor_file(tensors) for name, tensors in state.averages.items()}
    optimizers = {}
    for name, optimizer in state.optimizers.items():
        tensors: dict[str, torch.Tensor] = {}
        groups = [flatten(dict(group), f"groups/{index}", tensors) for index, group in enumerate(optimizer.groups)]
        kept = {key: flatten(dict(value), key, tensors) for key, value in optimizer.parameters.items()}
        optimizers[name] = {"type": optimizer.type, "groups": groups, "parameters": kept}
        files[f"optimizer-{name}.safetensors"] = _tensor_file(tensors)
    facts = {
        "format": _FORMAT,
        "stage": state.stage,
        "progress": state.progress.to_json(),
        "players": list(state.players),
        "averages": list(state.averages),
        "optimizers": optimizers,
    }
    files[_STATE] = _json_file(facts)
    return files


def _tensor_file(tensors: Mapping[str, torch.Tensor]) -> bytes:
    # a clone, since safetensors refuses tensors that share memory
    return safetensors.torch.save({name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()})


def _json_file(value: Any) -> bytes:
    return (json.dumps(value, indent=1) + "\n").encode()


def _write_files(folder: Path, files: Mapping[str, bytes]) -> None:
    entries = {name: {"sha256": hashlib.sha256(data).hexdigest(), "bytes": len(data)} for name, data in files.items()}
    for name, data in {**files, MANIFEST: _json_file({"format": _FORMAT, "files": entries})}.items():
        with (folder / name).open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    _sync(folder)


def _sync(folder: Path) -> None:
    """Have the names in a folder written to the disk, where the system can."""
    if os.name != "posix":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def read_checkpoint(path: Path) -> TrainingState:
    """Read a checkpoint; every file's hash is compared with the manifest's.

    Raises:
        DamagedCheckpoint: a file is missing or is not the one that was written; it is named.
        RunError: there is no such checkpoint.
    """
    round_of(path)
    files = _verified(path)
    try:
        facts = json.loads(files[_STATE])
        players = {name: _tensors(files, f"player-{name}") for name in facts["players"]}
        averages = {name: _tensors(files, f"ema-{name}") for name in facts["averages"]}
        optimizers = {name: _optimizer(files, name, value) for name, value in facts["optimizers"].items()}
        return TrainingState(Progress.from_json(facts["progress"]), facts["stage"], players, optimizers, averages)
    except (KeyError, TypeError, AttributeError, ValueError, SafetensorError) as error:
        raise DamagedCheckpoint(f"{path / _STATE} cannot be read: {type(error).__name__}: {error}") from error


def _verified(path: Path) -> dict[str, bytes]:
    """Return every file that the manifest names, by name."""
    if not path.is_dir():
        raise RunError(f"there is no checkpoint {path}")
    entries = _manifest(path)
    return {name: _verified_file(path / name, entry) for name, entry in entries.items()}


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads((path / MANIFEST).read_bytes())
        entries: dict[str, Any] = manifest["files"]
        names_fit = all(Path(name).name == name for name in entries)
        if manifest["format"] == _FORMAT and names_fit and _STATE in entries:
            return entries
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise DamagedCheckpoint(f"{path / MANIFEST} cannot be read: {type(error).__name__}: {error}") from error
    raise DamagedCheckpoint(f"{path / MANIFEST} is damaged, or of a version of gamelearn that this one cannot read")


def _verified_file(path: Path, entry: Any) -> bytes:
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedCheckpoint(f"{path} cannot be read: {error.strerror}") from error
    expected = entry if isinstance(entry, dict) else {}
    if len(data) != expected.get("bytes"):
        raise DamagedCheckpoint(f"{path} is damaged: it has {len(data)} bytes, the manifest says {expected.get('bytes')}")
    if hashlib.sha256(data).hexdigest() != expected.get("sha256"):
        raise DamagedCheckpoint(f"{path} is damaged: its hash is not the manifest's")
    return data


def _tensors(files: Mapping[str, bytes], name: str) -> dict[str, torch.Tensor]:
    return safetensors.torch.load(files[f"{name}.safetensors"])


def _optimizer(files: Mapping[str, bytes], name: str, facts: Mapping[str, Any]) -> OptimizerState:
    tensors = _tensors(files, f"optimizer-{name}")
    groups = tuple(unflatten(group, tensors) for group in facts["groups"])
    return OptimizerState(facts["type"], groups, {key: unflatten(value, tensors) for key, value in facts["parameters"].items()})


def newest_intact(folder: Path, say: Callable[[str], None]) -> TrainingState:
    """Return the newest checkpoint that is whole; `say` is told of each newer one that is damaged.

    Raises:
        RunError: there is none, or all are damaged; then each is named with what is wrong.
    """
    found = list_checkpoints(folder)
    damaged: list[str] = []
    for path in reversed(found):
        try:
            state = read_checkpoint(path)
        except DamagedCheckpoint as error:
            damaged.append(str(error))
            continue
        for line in damaged:
            say(f"DAMAGED CHECKPOINT: {line}")
        if damaged:
            say(f"the newest intact checkpoint is taken in its place: {path}")
        return state
    if damaged:
        raise RunError("\n".join([f"every checkpoint in {folder} is damaged:", *damaged]))
    raise RunError(f"there is no checkpoint in {folder} yet")


def set_aside_newer(folder: Path, rounds: int) -> list[Path]:
    """Rename the checkpoints after more than so many rounds, which are damaged, so that they count no more; return them."""
    moved = []
    for path in list_checkpoints(folder):
        if round_of(path) > rounds:
            target = folder / f"damaged-{path.name}"
            if target.exists():
                shutil.rmtree(target)
            moved.append(path.rename(target))
    return moved
