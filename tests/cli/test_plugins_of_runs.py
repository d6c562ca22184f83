"""What a run remembers of how it was trained: its plugins, presets and overrides; and the command that is named next."""

import json
import shlex
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

PLUGIN = '''
from torch import nn
from gamelearn.networks.mlp import Linear
from gamelearn.registry import NETWORKS
from gamelearn.spec.kinds import NetworkOptions


class MineOptions(NetworkOptions):
    """A linear map has no options."""


@NETWORKS.register("mine", options=MineOptions)
class Mine(Linear):
    """A linear map."""
'''


def test_a_run_remembers_its_plugins(folder: Path, spawn: Callable[..., CompletedProcess[str]]) -> None:
    (folder / "elsewhere").mkdir()
    (plugin := folder / "elsewhere/my_plugin.py").write_text(PLUGIN)
    text = (
        (folder / "small.yaml")
        .read_text()
        .replace("x | z: {net: linear}", "x | z: {net: mine}")
        .replace("# A small", "require: [my_plugin]\n#")
    )
    (folder / "small.yaml").write_text(text)
    trained = spawn("train", "small.yaml", "--plugin", "elsewhere/my_plugin.py")
    assert trained.returncode == 0, trained.stderr
    assert trained.stdout.splitlines()[-1] == "next: gamelearn sample runs/small/1"
    assert (told := spawn("sample", "small")).returncode == 0, told.stderr
    assert "NOTICE" not in told.stderr
    assert (told := spawn("train", "small.yaml", "--resume", "train.rounds=6")).returncode == 0, told.stderr
    refused = spawn("sample", "small", "--untrusted")
    assert refused.returncode == 2
    assert refused.stderr == (
        "the run runs/small/1 was trained with the plugin 'my_plugin', which is not loaded for an untrusted run: "
        f"if you trust it, name it by --plugin {plugin.resolve()}\n"
    )
    assert spawn("sample", "small", "--untrusted", "--plugin", str(plugin)).returncode == 0
    plugin.write_text(PLUGIN + "\n# another\n")
    plugin.rename(folder / "my_plugin.py")
    gone = spawn("report", "small")
    assert gone.returncode == 0
    assert "which is no longer at" in (folder / "runs/small/1/report.html").read_text()
    assert f"'my_plugin', which is no longer at {plugin.resolve()}: say by --plugin FILE where it is" in spawn("evaluate", "small").stderr
    told = spawn("infer", "small", "--rows", "2", "--plugin", "my_plugin.py")
    assert told.returncode == 0, told.stderr
    assert f"NOTICE: the plugin 'my_plugin' ({(folder / 'my_plugin.py').resolve()}) has changed since the run was trained" in told.stderr


def test_a_run_that_goes_on_keeps_its_preset_and_overrides(run: Callable[..., Any], folder: Path) -> None:
    assert run("train", "small.yaml", "train.seed=3", "--preset", "long", "train.batch=8").exit_code == 0
    for rounds, options in ((8, ()), (9, ("--run", "runs/small/1")), (10, ())):
        told = run("train", "small.yaml", "--resume", f"train.rounds={rounds}", *options)
        assert told.exit_code == 0, told.output
        resolved = (folder / "runs/small/1/spec.resolved.yaml").read_text()
        assert "seed: 3" in resolved
        assert "batch: 8" in resolved
        assert f"rounds: {rounds}" in resolved
    refused = run("train", "small.yaml", "--resume", "train.rounds=11", "train.batch=16")
    assert refused.exit_code == 2
    assert "train.batch.default: 8 in the run, 16 now" in refused.stderr
    again = run("train", "--resume", "--run", "runs/small/1", "train.rounds=12")
    assert again.exit_code == 0, again.output
    assert run("train", "small.yaml", "--resume").stderr.startswith("the run is finished: 12 rounds are done, train.rounds is 12")
    record = json.loads((folder / "runs/small/1/environment.json").read_text())
    assert [record["overrides"], *(each["overrides"] for each in record["resumed"])] == [
        ["train.seed=3", "train.batch=8"], ["train.rounds=8"], ["train.rounds=9"], ["train.rounds=10"], ["train.rounds=12"]
    ]  # fmt: skip


DISCRIMINATIVE = """\
name: reader
variables: {x: {type: binary, shape: [1, 8, 8]}, c: {type: categorical, classes: 10}}
data: {dataset: {type: digits, binarize: 0.5}, streams: {rows: [x, c]}}
players:
  reader: {factors: {c | x: {net: linear}}}
utilities: {reader: "E[rows(x, c)] log reader(c | x)"}
train: {rounds: 2, batch: 8}
"""


@pytest.mark.parametrize(("text", "command"), [(None, "sample"), (DISCRIMINATIVE, "report")])
def test_the_command_that_is_named_next_works(run: Callable[..., Any], folder: Path, text: str | None, command: str) -> None:
    if text:
        (folder / "small.yaml").write_text(text)
    told = run("train", "small.yaml", "--run", "runs/a name's 1")
    following = told.stdout.splitlines()[-1].removeprefix("next: gamelearn ")
    assert shlex.split(following) == [command, "runs/a name's 1"]
    assert run(*shlex.split(following)).exit_code == 0


@pytest.mark.parametrize("name", ["my-game", "faces.2", "007", "1e3", "true", "null", "on", "0x1f", "2026-01-01", "1.5"])
def test_what_init_writes_can_be_explained(run: Callable[..., Any], name: str) -> None:
    told = run("init", name)
    for following in told.stdout.strip().split("; next: ")[1].split(", ")[:1]:
        done = run(*shlex.split(following)[1:])
        assert done.exit_code == 0, done.output
