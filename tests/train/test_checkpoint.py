"""Checkpoints: what is written is what is read, and damage is found and named."""

import json
import os
from pathlib import Path
from typing import Any

import pytest
import torch

from gamelearn.errors import RunError
from gamelearn.train.checkpoint import (
    MANIFEST,
    DamagedCheckpoint,
    checkpoint_name,
    list_checkpoints,
    newest_intact,
    read_checkpoint,
    set_aside_newer,
    write_checkpoint,
)
from gamelearn.train.flatten import flatten, unflatten
from gamelearn.train.schedule import Progress
from gamelearn.train.state import OptimizerState, TrainingState
from tests.train.test_resume import content
from tests.train.tiny import THREE_STAGES, Recorder, trainer_of


def state_of(rounds: int = 4) -> TrainingState:
    trainer = trainer_of(THREE_STAGES, observers=[Recorder(stop_after=rounds)])
    trainer.run()
    return trainer.state()


@pytest.fixture(scope="module")
def state() -> TrainingState:
    return state_of()


def at(state: TrainingState, rounds: int) -> TrainingState:
    return TrainingState(Progress(round=rounds), state.stage, state.players, state.optimizers, state.averages)


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def heard(folder: Path) -> tuple[TrainingState, list[str]]:
    said: list[str] = []
    return newest_intact(folder, said.append), said


def flip(path: Path, place: int) -> None:
    data = bytearray(path.read_bytes())
    data[place] ^= 1
    path.write_bytes(bytes(data))


def test_what_is_read_is_what_was_written(tmp_path: Path, state: TrainingState) -> None:
    path = write_checkpoint(tmp_path, state, keep=2)
    assert path == tmp_path / "round-000000004"
    assert content(read_checkpoint(path)) == content(state)
    assert read_checkpoint(path).progress == state.progress


def test_the_files_of_a_checkpoint(tmp_path: Path, state: TrainingState) -> None:
    path = write_checkpoint(tmp_path, state, keep=2)
    kinds = [f"{kind}-{name}.safetensors" for kind in ("ema", "optimizer", "player") for name in ("decoder", "encoder")]
    assert names(path) == ["MANIFEST.json", *kinds, "state.json"]
    manifest = json.loads((path / MANIFEST).read_text())
    assert sorted(manifest["files"]) == [*kinds, "state.json"]
    assert all(entry["bytes"] == (path / name).stat().st_size for name, entry in manifest["files"].items())


def test_tensors_that_share_memory_or_lie_otherwise(tmp_path: Path) -> None:
    whole = torch.arange(24.0).reshape(1, 2, 3, 4)
    tensors = {"a": whole, "b": whole[:, 1], "c": whole.to(memory_format=torch.channels_last), "d": torch.tensor(3), "e": whole.half()}
    path = write_checkpoint(tmp_path, TrainingState(Progress(round=1), "main", {"p": tensors}), keep=1)
    read = read_checkpoint(path).players["p"]
    assert all(torch.equal(read[name], each) and read[name].dtype == each.dtype for name, each in tensors.items())


def test_nested_optimizer_state(tmp_path: Path) -> None:
    kept: dict[str, Any] = {"w": {"history": [torch.ones(2), (1, 0.1, None)], "by_number": {3: torch.zeros(1)}, "on": True, "name": "x"}}
    state = TrainingState(Progress(round=1), "main", {}, {"p": OptimizerState("own", ({"betas": (0.9, 0.1), "k": 7},), kept)})
    read = read_checkpoint(write_checkpoint(tmp_path, state, keep=1)).optimizers["p"]
    assert read.groups == ({"betas": (0.9, 0.1), "k": 7},)
    assert isinstance(read.parameters["w"]["history"][1], tuple)
    assert torch.equal(read.parameters["w"]["by_number"][3], torch.zeros(1))
    assert (read.parameters["w"]["on"], read.parameters["w"]["name"]) == (True, "x")


def test_state_that_no_checkpoint_can_hold_is_refused() -> None:
    with pytest.raises(TypeError, match="a is object"):
        flatten(object(), "a", {})
    with pytest.raises(RunError, match="cannot be read"):
        unflatten({"tensor": "gone"}, {})


EVERY_FILE = ["player-decoder.safetensors", "optimizer-encoder.safetensors", "ema-decoder.safetensors", "state.json"]


@pytest.mark.parametrize("name", EVERY_FILE)
def test_one_flipped_bit_is_found_and_named(tmp_path: Path, state: TrainingState, name: str) -> None:
    path = write_checkpoint(tmp_path, state, keep=2)
    for place in (0, (path / name).stat().st_size // 2, -1):
        flip(path / name, place)
        with pytest.raises(DamagedCheckpoint, match=rf"{name} is damaged: its hash is not the manifest's"):
            read_checkpoint(path)
        flip(path / name, place)
    read_checkpoint(path)


def test_a_flipped_bit_of_the_manifest_is_found_or_harmless(tmp_path: Path, state: TrainingState) -> None:
    path = write_checkpoint(tmp_path, state, keep=2)
    found = 0
    for place in range(0, (path / MANIFEST).stat().st_size, 7):
        flip(path / MANIFEST, place)
        try:
            assert content(read_checkpoint(path)) == content(state)
        except DamagedCheckpoint:
            found += 1
        flip(path / MANIFEST, place)
    assert found > 10


def test_a_file_cut_short_or_gone_is_named(tmp_path: Path, state: TrainingState) -> None:
    path = write_checkpoint(tmp_path, state, keep=2)
    file = path / "player-encoder.safetensors"
    data = file.read_bytes()
    file.write_bytes(data[:-1])
    with pytest.raises(DamagedCheckpoint, match=rf"player-encoder.safetensors is damaged: it has {len(data) - 1} bytes, .* {len(data)}"):
        read_checkpoint(path)
    file.unlink()
    with pytest.raises(DamagedCheckpoint, match=r"player-encoder.safetensors cannot be read: No such file"):
        read_checkpoint(path)
    (path / MANIFEST).unlink()
    with pytest.raises(DamagedCheckpoint, match=r"MANIFEST.json cannot be read"):
        read_checkpoint(path)


@pytest.mark.parametrize(
    "text", ["[]", "{}", '{"format": 2, "files": {"state.json": 1}}', '{"format": 1, "files": {"state.json": 1, "../x": 1}}', "{"]
)
def test_another_manifest_is_refused(tmp_path: Path, state: TrainingState, text: str) -> None:
    path = write_checkpoint(tmp_path, state, keep=2)
    (path / MANIFEST).write_text(text)
    with pytest.raises(DamagedCheckpoint, match=r"MANIFEST.json"):
        read_checkpoint(path)


def test_the_newest_intact_one_is_taken_and_the_damage_is_said(tmp_path: Path, state: TrainingState) -> None:
    for rounds in (1, 2, 3):
        write_checkpoint(tmp_path, at(state, rounds), keep=5)
    assert heard(tmp_path)[0].progress.round == 3
    assert heard(tmp_path)[1] == []
    flip(tmp_path / checkpoint_name(3) / "state.json", 5)
    (tmp_path / checkpoint_name(2) / "player-encoder.safetensors").unlink()
    found, said = heard(tmp_path)
    assert found.progress.round == 1
    assert [line.split(":")[0] for line in said] == [
        "DAMAGED CHECKPOINT",
        "DAMAGED CHECKPOINT",
        "the newest intact checkpoint is taken in its place",
    ]
    assert "round-000000003/state.json is damaged" in said[0].replace(os.sep, "/")


def test_none_intact_and_none_at_all(tmp_path: Path, state: TrainingState) -> None:
    with pytest.raises(RunError, match=r"there is no checkpoint in .* yet"):
        heard(tmp_path / "nowhere")
    flip(write_checkpoint(tmp_path, state, keep=1) / "state.json", 5)
    with pytest.raises(RunError, match=r"every checkpoint in .* is damaged:\n.*state.json is damaged"):
        heard(tmp_path)


def test_only_the_newest_stay(tmp_path: Path, state: TrainingState) -> None:
    for rounds in (1, 2, 3, 4):
        write_checkpoint(tmp_path, at(state, rounds), keep=2)
    assert names(tmp_path) == [checkpoint_name(3), checkpoint_name(4)]
    write_checkpoint(tmp_path, at(state, 5), keep=1)
    assert names(tmp_path) == [checkpoint_name(5)]


def test_what_is_older_stays_until_the_new_one_is_read_back_whole(
    tmp_path: Path, state: TrainingState, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_checkpoint(tmp_path, at(state, 1), keep=1)
    rename = Path.rename

    def bad_disk(path: Path, target: Path) -> Path:
        moved = rename(path, target)
        if moved.name == checkpoint_name(2):
            flip(moved / "player-decoder.safetensors", -1)
        return moved

    monkeypatch.setattr(Path, "rename", bad_disk)
    with pytest.raises(DamagedCheckpoint):
        write_checkpoint(tmp_path, at(state, 2), keep=1)
    monkeypatch.undo()
    assert heard(tmp_path)[0].progress.round == 1


def test_a_write_that_is_interrupted_leaves_no_checkpoint(tmp_path: Path, state: TrainingState, monkeypatch: pytest.MonkeyPatch) -> None:
    write_checkpoint(tmp_path, at(state, 1), keep=1)
    written: list[int] = []

    def fsync(descriptor: int) -> None:
        written.append(descriptor)
        if len(written) == 4:
            raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", fsync)
    with pytest.raises(KeyboardInterrupt):
        write_checkpoint(tmp_path, at(state, 2), keep=1)
    monkeypatch.undo()
    assert len(names(tmp_path)) == 2
    assert [path.name for path in list_checkpoints(tmp_path)] == [checkpoint_name(1)]
    assert heard(tmp_path)[0].progress.round == 1
    write_checkpoint(tmp_path, at(state, 2), keep=1)
    assert names(tmp_path) == [checkpoint_name(2)]


def test_every_file_and_folder_is_synced(tmp_path: Path, state: TrainingState, monkeypatch: pytest.MonkeyPatch) -> None:
    synced: list[str] = []
    fsync = os.fsync

    def watched(descriptor: int) -> None:
        synced.append(Path(f"/proc/self/fd/{descriptor}").readlink().name)
        fsync(descriptor)

    if not Path("/proc/self/fd").is_dir():
        pytest.skip("no /proc here")
    monkeypatch.setattr(os, "fsync", watched)
    path = write_checkpoint(tmp_path, state, keep=1)
    assert set(names(path)) <= set(synced)
    assert synced[-1] == tmp_path.name


def test_a_checkpoint_of_the_same_round_is_replaced(tmp_path: Path, state: TrainingState) -> None:
    flip(write_checkpoint(tmp_path, state, keep=2) / "state.json", 3)
    write_checkpoint(tmp_path, state, keep=2)
    assert heard(tmp_path)[1] == []
    assert names(tmp_path) == [checkpoint_name(4)]


def test_damaged_ones_can_be_set_aside(tmp_path: Path, state: TrainingState) -> None:
    for rounds in (1, 2):
        write_checkpoint(tmp_path, at(state, rounds), keep=2)
    assert set_aside_newer(tmp_path, 1) == [tmp_path / f"damaged-{checkpoint_name(2)}"]
    assert list_checkpoints(tmp_path) == [tmp_path / checkpoint_name(1)]
    write_checkpoint(tmp_path, at(state, 2), keep=2)
    assert set_aside_newer(tmp_path, 1) == [tmp_path / f"damaged-{checkpoint_name(2)}"]


def test_a_disk_that_refuses_is_told(tmp_path: Path, state: TrainingState) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(RunError, match=r"cannot write the checkpoint .*round-000000004: "):
        write_checkpoint(tmp_path / "file", state, keep=1)
