"""What the tests of the commands share: commands in this process and in their own, in a folder with a small spec.

This file defines the fixtures.
"""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image
from typer.testing import CliRunner

from gamelearn.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
COMMAND = (sys.executable, "-c", "from gamelearn.cli.main import main; main()")

SMALL = """\
# A small game.
name: small
variables:
  x: {type: binary, shape: [1, 8, 8]}
  z: {type: binary, shape: [4]}
data:
  dataset: {type: digits, binarize: 0.5}
  streams: {images: [x]}
players:
  decoder:
    factors:
      z: uniform
      x | z: {net: linear}
  encoder:
    factors:
      z | x: {net: linear}
utilities:
  decoder: E[images(x), encoder(z | x)] log decoder(x, z)
  encoder: E[decoder(x, z)] log encoder(z | x)
train: {rounds: 4, batch: 16}
presets:
  long: {train: {rounds: 6}}
"""


PICTURES = """\
name: pictures
variables:
  x: {type: real, shape: [3, 4, 4]}
  c: {type: categorical, classes: 2}
data:
  dataset: {type: images, path: d, size: 4}
  streams: {rows: [x, c]}
players:
  p: {factors: {c | x: {net: linear}}}
utilities:
  p: E[rows(x, c)] log p(c | x)
train: {rounds: 2, batch: 4, threads: 1}
"""


@pytest.fixture
def pictures(folder: Path) -> Path:
    """The folder `d` of 10 images in each of two classes, with the spec `pictures.yaml` beside it."""
    (folder / "pictures.yaml").write_text(PICTURES)
    for kind, name in enumerate(("cats", "dogs")):
        (folder / "d" / name).mkdir(parents=True)
        for index in range(10):
            Image.new("RGB", (6, 5), (100 * kind + index, 0, 0)).save(folder / "d" / name / f"{index}.png")
    return folder / "d"


@pytest.fixture(scope="session")
def small_spec() -> str:
    """The text of `small.yaml`."""
    return SMALL


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of its own to work in, with `small.yaml`."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    (tmp_path / "small.yaml").write_text(SMALL)
    return tmp_path


@pytest.fixture
def run() -> Callable[..., Any]:
    """Run a command in this process; the result has exit_code, stdout and stderr."""

    def call(*arguments: str) -> Any:
        result = CliRunner().invoke(app, list(arguments))
        assert "Traceback" not in result.output
        return result

    return call


@pytest.fixture
def spawn() -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run a command in a process of its own."""

    def call(*arguments: str) -> subprocess.CompletedProcess[str]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        return subprocess.run([*COMMAND, *arguments], capture_output=True, text=True, check=False, env=environment)

    return call
