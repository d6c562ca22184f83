"""The commands of README's section Start, in their order, in an empty folder; and rows of data written as files that are evidence again."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from gamelearn.cli.main import app
from gamelearn.files.evidence import named_files, open_evidence
from gamelearn.game import load
from gamelearn.report.exporting import export_rows
from gamelearn.sampling import first_rows

README = Path(__file__).resolve().parents[1] / "README.md"
STAGES = ("start", "shapes", "appearance", "alone", "game")  # each says its own rounds, which `train.rounds` does not change
SHORT = {
    "train": ("train.batch=4", "train.samples.count=4", *(f"stages.{stage}.train.rounds=1" for stage in STAGES)),
    "evaluate": ("--count", "4", "--sweeps", "1"),
}
"""What makes the long commands short; all else is as it is written."""


def start_commands() -> list[list[str]]:
    section = README.read_text(encoding="utf-8").split("\n## Start\n")[1].split("\n## ")[0]
    lines = [line for block in re.findall(r"```sh\n(.*?)```", section, re.DOTALL) for line in block.splitlines()]
    return [shlex.split(part, comments=True) for line in lines for part in line.split("#")[0].split("&&")]


@pytest.mark.slow
def test_the_commands_of_the_start_work_in_an_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    commands = start_commands()
    assert [words[:2] for words in commands[:3]] == [["pip", "install"], ["gamelearn", "train"], ["gamelearn", "data"]]
    assert [words[1] for words in commands[3:]] == ["infer", "infer", "infer", "sample", "evaluate", "report"]
    for _, name, *arguments in commands[1:]:
        done = CliRunner().invoke(app, [name, *arguments, *SHORT.get(name, ())])
        assert done.exit_code == 0, (name, arguments, done.output)
    assert len(list(tmp_path.glob("rows/*/*.png"))) == 16
    assert (tmp_path / "runs/celeba-seg/1/report.html").is_file()


@pytest.mark.parametrize("spec", ["digits-vae", "digits-semi", "wine-table", "rotor-series", "moons-flow"])
def test_exported_rows_are_the_rows_again(tmp_path: Path, spec: str) -> None:
    game = load(spec)
    paths = export_rows(game, tmp_path / "rows", "test", 5)
    streams, variables = game.streams(), game.graph.variables
    given = [str(path) if path.suffix == ".csv" else f"{path.stem}={path}" for path in paths]
    files, _ = named_files(given, variables, "--given", streams.readings())
    evidence = open_evidence(variables, given=files, hide={}, truth={}, rows=None, seed=0, resize=False, readings=streams.readings())
    largest = max(streams.names, key=lambda name: len(game.graph.streams[name].variables))
    expected = first_rows(game, largest, 5, "test")
    (block,) = evidence.blocks(64)
    assert set(block.given) >= set(expected)
    for name, values in expected.items():
        error = 1 / 255 if variables[name].type == "real" and name in ("x",) and variables[name].shape else 1e-4
        assert np.allclose(block.given[name], values.numpy(), atol=error, rtol=1e-4), name
    assert all(torch.is_tensor(each) for each in expected.values())
