"""Run folders of somebody else that hold links: under `--untrusted` nothing outside of them is read, written or deleted."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gamelearn.errors import RunError
from gamelearn.game import load
from gamelearn.run import Run
from gamelearn.training import train

PLACES = (
    "report.html", "samples", "samples/means-decoder-seed-0-x.png", "samples/round-000000004-secret.png", "figures", "figures/secret.png",
    "metrics.jsonl", "environment.json", "checkpoints", "checkpoints/round-000000002", "checkpoints/round-000000004/state.json",
    "checkpoints/.unfinished-x", "evaluation", "evaluation/round-000000004-validation.json", "inferred", "spec.yaml",
    "tensorboard", "notes/deep/er", "checkpoints/damaged-round-000000004",
)  # fmt: skip
COMMANDS = (
    ("report",), ("report", "--no-figures"), ("sample",), ("figures",), ("evaluate",), ("infer", "--rows", "2"), ("compare",),
    ("train", "--resume", "train.rounds=6", "--run"), ("train", "small.yaml", "train.rounds=6", "--resume", "--run"),
)  # fmt: skip


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory, small_spec: str) -> Path:
    home = tmp_path_factory.mktemp("trained")
    (home / "small.yaml").write_text(small_spec)
    return train(load(home / "small.yaml", "train.checkpoint.rounds=2"), run_folder=home / "run").path


def content(folder: Path) -> dict[str, tuple[int, bytes]]:
    return {str(path): (path.stat().st_mtime_ns, path.read_bytes() if path.is_file() else b"") for path in sorted(folder.rglob("*"))}


@pytest.mark.parametrize("place", PLACES)
def test_links_in_an_untrusted_run_are_refused_before_anything_is_read_or_written(
    trained: Path, folder: Path, run: Callable[..., Any], place: str
) -> None:
    secret, link = folder / "outside" / place, folder / "stranger" / place
    shutil.copytree(trained, folder / "stranger")
    link.parent.mkdir(parents=True, exist_ok=True)
    secret.parent.mkdir(parents=True)
    if link.exists():
        link.rename(secret)
    else:
        secret.mkdir() if "." not in place else secret.write_text("secret")
    link.symlink_to(secret)
    before = content(folder)
    for command in COMMANDS:
        told = run(*command, "stranger", "--untrusted")
        assert told.exit_code == 2
        assert (
            told.stderr == f"stranger/{place} is a link to {str(secret)!r}, which the folder of an untrusted run must not hold: remove it\n"
        )
    with pytest.raises(RunError, match="is a link to"):
        Run(folder / "stranger").game(untrusted=True)
    assert content(folder) == before


def test_links_to_nowhere_and_pipes_are_refused_and_what_the_user_named_is_not(
    trained: Path, folder: Path, run: Callable[..., Any]
) -> None:
    shutil.copytree(trained, folder / "stranger")
    (folder / "named").symlink_to(folder / "stranger")
    assert run("sample", "named", "--untrusted").exit_code == 0
    (folder / "stranger/a").symlink_to("nowhere")
    assert "stranger/a is a link to 'nowhere'" in run("sample", "stranger", "--untrusted").stderr
    assert run("sample", "stranger").exit_code == 0
    (folder / "stranger/a").unlink()
    os.mkfifo(folder / "stranger/samples/pipe")
    assert "stranger/samples/pipe is no plain file" in run("report", "named", "--untrusted").stderr.replace("named", "stranger")
