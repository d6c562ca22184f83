"""Checkpoints: folders of safetensors and JSON files with a manifest of their hashes.

    round-000001000/player-NAME.safetensors  optimizer-NAME.safetensors  ema-NAME.safetensors
                     spec.resolved.yaml  state.json  MANIFEST.json

A checkpoint is written to a temporary folder beside its place, synced, and renamed, so that what has the name of a checkpoint is
whole; the hashes tell what was damaged later. Nothing is pickled. This file writes checkpoints, to read them again.
"""

import hashlib
import json
import re
import shutil
import warnings
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import safetensors.torch
import torch
from safetensors import SafetensorError

from gamelearn.disk import cannot_write, refusal, sync_folder, sync_tree
from gamelearn.errors import RunError, Say
from gamelearn.spec.paths import RESOLVED
from gamelearn.train.flatten import flatten, unflatten
from gamelearn.train.schedule import Progress
from gamelearn.train.state import OptimizerState, Origin, TrainingState

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


def write_checkpoint(folder: Path, state: TrainingState, *, keep: int, say: Say = warnings.warn) -> Path:
    """Write a checkpoint, then remove all but the newest `keep`; return its path.

    What is older is removed only when the new one, read back, is whole. One of the same round is replaced.

    Args:
        folder: of all checkpoints of the run.
        state: of the training.
        keep: how many stay, at least one.
        say: takes messages about old ones that cannot be removed.

    Raises:
        RunError: it could not be written, or was not read back as written; a MachineError where the machine refuses.
    """
    path = folder / checkpoint_name(state.progress.round)
    temporary, replaced = folder / f"{_TEMPORARY}{path.name}", folder / f"{_TEMPORARY}replaced-{path.name}"
    try:
        if not folder.is_dir():
            folder.mkdir(parents=True)
            sync_folder(folder.parent)
        for left in (temporary, replaced):
            if left.exists():
                shutil.rmtree(left)
        temporary.mkdir()
        _write_files(temporary, _contents(state))
        if path.exists():
            path.rename(replaced)
        temporary.rename(path)
        sync_folder(folder)
    except OSError as error:
        with suppress(OSError):
            shutil.rmtree(temporary)  # on a full disk its room may be what the next one needs
        raise cannot_write(f"the checkpoint {path}", error) from error
    _verified(path)
    try:
        _prune(folder, path, keep)
    except OSError as error:
        say(f"WARNING: older checkpoints in {folder} cannot be removed: {refusal(error)}; they take up space, the training goes on")
    return path


def _prune(folder: Path, newest: Path, keep: int) -> None:
    others = [other for other in list_checkpoints(folder) if other != newest]
    for old in others[: max(0, len(others) - keep + 1)]:
        old.rename(folder / f"{_TEMPORARY}old-{old.name}")
    for left in folder.glob(f"{_TEMPORARY}*"):  # what was not finished, or is on its way out
        shutil.rmtree(left)


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
        **({"run": state.origin.run} if state.origin else {}),
    }
    if state.origin:
        files[RESOLVED] = state.origin.spec.encode()
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
    sync_tree(folder)


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
        origin = Origin(facts["run"], files[RESOLVED].decode()) if "run" in facts else None
        return TrainingState(Progress.from_json(facts["progress"]), facts["stage"], players, optimizers, averages, origin)
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


def newest_intact(folder: Path, say: Say) -> TrainingState:
    """Return the newest checkpoint that is whole; `say` is told of each newer one that is damaged.

    Raises:
        RunError: there is none, or all are damaged; then each is named with what is wrong.
    """
    damaged: dict[Path, str] = {}
    while left := [path for path in list_checkpoints(folder) if path not in damaged]:
        path = left[-1]
        try:
            state = read_checkpoint(path)
        except RunError as error:
            if path.is_dir():  # else a training has removed it since it was listed, and there is a newer one
                damaged[path] = str(error)
            continue
        for line in damaged.values():
            say(f"DAMAGED CHECKPOINT: {line}")
        if damaged:
            say(f"the newest intact checkpoint is taken in its place: {path}")
        return state
    if damaged:
        raise RunError("\n".join([f"every checkpoint in {folder} is damaged:", *damaged.values()]))
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
