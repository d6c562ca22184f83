"""The command `sample` with chains. This file draws from a small run."""

from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from gamelearn.cli.main import app
from gamelearn.errors import RunError
from gamelearn.run import Run

SPEC = """
name: small
variables:
  x: {type: binary, shape: [1, 8, 8]}
  z: {type: binary, shape: [4]}
data: {dataset: {type: digits, binarize: 0.5}, streams: {images: [x]}}
players:
  prior: {factors: {z: uniform}}
  decoder: {factors: {x | z: {net: linear}}}
  encoder: {factors: {z | x: {net: linear}}}
samplers:
  limit: {start: "prior(z), decoder(x | z)", sweep: "encoder(z | x), decoder(x | z)"}
utilities:
  decoder: E[images(x), encoder(z | x)] log decoder(x | z)
  encoder: E[prior(z), decoder(x | z)] log encoder(z | x)
train: {rounds: 2, batch: 8}
"""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("sample")
    (folder / "small.yaml").write_text(SPEC)
    made = CliRunner().invoke(app, ["train", str(folder / "small.yaml"), "--run", str(folder / "run"), "--device", "cpu"])
    assert made.exit_code == 0, made.output
    return folder / "run"


def sample(run: Path, *arguments: str) -> tuple[int, str, dict[str, np.ndarray]]:
    result = CliRunner().invoke(app, ["sample", str(run), "--device", "cpu", "--count", "6", *arguments])
    arrays = [Path(line) for line in result.stdout.splitlines() if line.endswith(".npz")]
    values = dict(np.load(arrays[0])) if arrays else {}
    return result.exit_code, result.output, values


def test_a_game_that_no_player_draws_alone_is_sampled_by_its_chain(run: Path) -> None:
    code, output, values = sample(run)
    assert (code, set(values)) == (0, {"x", "z"})
    assert "/means-limit-sweeps-100-seed-0-x.png" in output
    assert 0 < values["x"].min() < values["x"].max() < 1  # expectations
    assert set(np.unique(values["z"])) <= {0, 1}


def test_the_chain_is_the_one_that_is_named(run: Path) -> None:
    _, _, limit = sample(run, "--sampler", "limit", "--draws", "--sweeps", "3")
    _, _, half = sample(run, "--sampler", "limit", "--draws", "--sweeps", "3", "--after", "encoder(z | x)")
    _, _, longer = sample(run, "--sampler", "limit", "--draws", "--sweeps", "4")
    assert set(np.unique(limit["x"])) <= {0, 1}
    assert (half["z"] == limit["z"]).all()
    assert not (half["x"] == limit["x"]).all()
    assert not (longer["z"] == limit["z"]).all()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--sampler", "limt"], "unknown sampler 'limt'; known: 'limit', 'automatic'; did you mean 'limit'?"),
        (["--after", "decoder"], "the sampler 'limit' has no half-step 'decoder'; known: 'end', 'mixture', 'encoder(z | x)', 'decoder(x | z)'"),
        (["--player", "prior", "--sweeps", "3"], "--sweeps belongs to a chain, --player to a player that draws by itself: leave one out"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_a_line(run: Path, arguments: list[str], message: str) -> None:
    code, output, _ = sample(run, *arguments)
    assert (code, output.strip()) == (2, message)


def test_from_python_the_same_chain_is_drawn(run: Path) -> None:
    values = Run(run).sample(6)
    assert {name: len(value) for name, value in values.items()} == {"x": 6, "z": 6}
    with pytest.raises(RunError, match="unknown split 'tst'; known: 'train', 'validation', 'test'"):
        Run(run).evaluate(splits=["tst"])
