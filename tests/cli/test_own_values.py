"""Arrays of every kind, in the user's own values: what is answered or sampled may be given back, and is measured as evaluate does."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

from gamelearn.cli.main import app
from gamelearn.data.dataset import split_rows
from gamelearn.files.evidence import named_files, open_evidence
from gamelearn.inference import infer
from gamelearn.run import Run
from gamelearn.sampling import limiting

SPEC = """
name: kinds
variables:
  d: {type: real, shape: [2]}
  x: {type: real, shape: [1, 4, 4]}
  b: {type: binary, shape: [3]}
  s: {type: categorical, classes: 2, shape: [4, 4]}
  t: {type: categorical, classes: 3}
  q: {type: categorical, classes: 3}
  k: {type: count}
data:
  dataset:
    type: npz
    path: a.npz
    test: 0.3
    fields: {d: {scale: 4095}, b: {scale: 2, binarize: 60}, s: {values: [255, 0]}, q: {values: [10, 20, 40]}}
  streams: {rows: [d, x, b, s, t, q, k]}
players:
  start: {factors: {d: free, x: free, b: free, k: free}}
  p: {factors: {s | x: {net: linear}, t | d: {net: linear}, q | t: {net: linear}}}
utilities:
  start: E[rows(d, x, b, k)] log start(d, x, b, k)
  p: E[rows(d, x, s, t, q)] log p(s | x) + log p(t | d) + log p(q | t)
train: {rounds: 150, batch: 32, threads: 1, optimizer: {lr: 0.05}}
evaluate: {t: {type: accuracy, variable: t, given: [d]}, q: {type: accuracy, variable: q, given: [t]}}
"""
ROWS = 100
NAMES = "dxbstqk"


def arrays() -> dict[str, Any]:
    rng = np.random.default_rng(1)
    kind, labels = rng.integers(0, 3, ROWS), rng.integers(0, 2, (ROWS, 4, 4))
    return {
        "d": (kind[:, None] * 1300 + 300 + rng.normal(0, 200, (ROWS, 2))).astype(np.uint16),
        "x": (30 + labels * 190 + rng.integers(-20, 20, labels.shape)).astype(np.uint8),
        "b": np.where(rng.random((ROWS, 3)) < 0.3, 150.0, 20.0),
        "s": np.where(labels == 1, 0, 255).astype(np.uint8),
        "t": np.array(["oak", "ash", "elm"])[kind],
        "q": np.array([10, 20, 40])[kind],
        "k": rng.poisson(3, ROWS),
    }


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("kinds")
    np.savez(folder / "a.npz", **arrays())
    (folder / "kinds.yaml").write_text(SPEC)
    called("train", str(folder / "kinds.yaml"), "--run", str(folder / "run"))
    return folder / "run"


def called(*arguments: str) -> str:
    made = CliRunner().invoke(app, [*arguments, "--device", "cpu"])
    assert made.exit_code == 0, made.output
    return made.output


def read_back(run: Path, file: Path) -> dict[str, torch.Tensor]:
    """Return an archive as evidence, in the values of the game."""
    game = Run(run).game()
    named, notices = named_files([str(file)], game.graph.variables, "--given", game.readings)
    assert notices == []
    (block,) = open_evidence(game.graph.variables, named, {}, {}, rows=None, seed=0, resize=False, readings=game.readings).blocks(99)
    return {name: torch.from_numpy(values) for name, values in block.given.items()}


def assert_same(found: dict[str, torch.Tensor], expected: dict[str, torch.Tensor]) -> None:
    assert set(found) == set(expected) == set(NAMES)
    for name, values in expected.items():
        assert torch.allclose(found[name].double(), values.double(), rtol=1e-5, atol=1e-5), name


def test_what_is_answered_may_be_given_back(run: Path, folder: Path) -> None:
    called("infer", str(run), "--rows", "9", "--out", "out", "--save", "decided,mean,deviation,drawn", "--seed", "2")
    expected = infer(Run(run).game(), rows=9, seed=2)
    answer = dict(np.load("out/inferred.npz", allow_pickle=False))
    counts = {**expected.decided, "k": expected.drawn["k"][0]}  # a mean count is no count
    np.savez("back.npz", **{name: answer[name] for name in NAMES if name != "k"}, k=answer["k.drawn"][:, 0])
    assert_same(read_back(run, Path("back.npz")), counts)
    assert set(np.unique(answer["s"])) <= {0, 255}
    assert set(answer["t"]) <= {"ash", "elm", "oak"}
    assert set(answer["q.drawn"].ravel()) <= {10, 20, 40}
    assert answer["d"].mean() == pytest.approx(arrays()["d"].mean(), rel=0.2)
    assert np.allclose(answer["d.deviation"], expected.deviation["d"].numpy() * 4095, rtol=1e-4)
    assert np.allclose(answer["t.mean"], expected.mean["t"].numpy(), atol=1e-6)
    assert answer["t.classes"].tolist() == ["ash", "elm", "oak"] == json.loads(Path("out/inferred.json").read_text())["classes"]["t"]


def test_what_is_sampled_may_be_given_back(run: Path, folder: Path) -> None:
    called("sample", str(run), "--draws", "--count", "9", "--out", "drawn", "--seed", "3")
    (file,) = Path("drawn").glob("*.npz")
    assert_same(read_back(run, file), limiting(Run(run).game(), 9, seed=3))


@pytest.mark.parametrize(("variable", "given"), [("t", "d"), ("q", "t")])
def test_infer_tells_what_evaluate_tells_of_the_same_rows(run: Path, folder: Path, variable: str, given: str) -> None:
    rows = split_rows(ROWS, 0.1, 0.3, 0)["test"].numpy()
    np.savez("given.npz", **{given: arrays()[given][rows]})
    np.savez("truth.npz", **{name: arrays()[name][rows] for name in NAMES})  # what is not wanted is not read
    told = Run(run).evaluate([variable], splits=["test"])[0].result.blocks[0].figures["accuracy"].value
    called("infer", str(run), "--given", "given.npz", "--truth", "truth.npz", "--want", variable, "--out", "out")
    errors = json.loads(Path("out/inferred.json").read_text())["errors"][variable]
    assert errors["accuracy"]["value"] == pytest.approx(told)
    assert told > 0.8


def test_a_folder_of_photographs_is_labelled(run: Path, folder: Path) -> None:
    """Label maps hold the user's values, at the size of the photographs; of what is no array there is a table by file."""
    Path("photos").mkdir()
    labels = np.zeros((4, 4), np.uint8)
    labels[:, 2:] = 1
    for name, size in (("a.png", (8, 12)), ("b.jpg", (12, 8)), ("c.png", (4, 4))):
        image = np.zeros(size, np.uint8) + 30
        image[:, size[1] // 2 :] = 220
        Image.fromarray(image).save(Path("photos") / name, quality=100)
    said = called("infer", str(run), "--given", "x=photos", "--resize", "--want", "s,t,k", "--full-size", "--out", "out")
    maps = {path.name: np.asarray(Image.open(path)) for path in Path("out/s").iterdir()}
    assert {name: each.shape for name, each in maps.items()} == {"a.png": (8, 12), "b.png": (12, 8), "c.png": (4, 4)}
    assert "label maps of 's' hold 254 where the photograph was cut off" in said
    assert np.array_equal(maps["a.png"], np.repeat([[254] * 2 + [255] * 4 + [0] * 4 + [254] * 2], 8, 0))
    assert np.array_equal(maps["c.png"], np.where(labels == 1, 0, 255))
    answer = dict(np.load("out/inferred.npz", allow_pickle=False))
    lines = [line.split(",") for line in Path("out/inferred.csv").read_text().splitlines()]
    assert lines[0] == ["file", "t", "t probability", "k", "k deviation"]
    assert [line[:2] for line in lines[1:]] == [[name, kind] for name, kind in zip(("a.png", "b.jpg", "c.png"), answer["t"], strict=True)]
    assert answer["row.names"].tolist() == ["a", "b", "c"]
    called("infer", str(run), "--given", "s=out/s", "--resize", "--hide", "s=left", "--out", "again")
    for wrong, what in (
        (["--given", "x=photos", "--resize", "--want", "t"], "no label map is wanted that could be written at the size of its photograph"),
        (["--rows", "2", "--want", "s"], "label maps have the size of a photograph where photographs are given"),
    ):
        made = CliRunner().invoke(app, ["infer", str(run), "--full-size", *wrong])
        assert (made.exit_code, what in made.output) == (2, True), made.output


def test_values_that_the_training_did_not_have_are_told(run: Path, folder: Path) -> None:
    wrong: tuple[tuple[str, Any, str], ...] = (
        ("s", np.full((2, 4, 4), 7, np.uint8), "'s' is categorical: expected one of 255, 0, as in the training, got 7"),
        ("t", np.array(["oak", "fir"]), "'t' is categorical: expected one of ash, elm, oak, as in the training, got fir"),
        ("q", np.array([10, 30]), "expected one of 10, 20, 40, as in the training, got 30"),
    )
    for name, values, what in wrong:
        np.savez("wrong.npz", **{name: values})
        made = CliRunner().invoke(app, ["infer", str(run), "--given", "wrong.npz"])
        assert (made.exit_code, what in made.output) == (2, True), made.output


def test_values_are_translated_in_python_by_one_call(run: Path) -> None:
    found = Run(run).infer(rows=3, want=["s", "d"])
    s, d = Run(run).reading("s"), Run(run).reading("d")
    assert set(np.unique(s.encoded(found.decided["s"].numpy(), "categorical"))) <= {0, 255}
    back = d.decoded(d.encoded(found.decided["d"].numpy(), "real"), "real")
    assert np.allclose(back, found.decided["d"].numpy(), atol=1e-6)
