"""The command `infer`, from files to files. This file asks a small run."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image
from typer.testing import CliRunner

from gamelearn.cli.main import app
from gamelearn.inference import Inference
from gamelearn.run import Run

SPEC = """
name: small
variables:
  x: {type: real, shape: [3, 8, 8]}
  s: {type: categorical, classes: 3, shape: [8, 8]}
  z1: {type: binary, shape: [4]}
  z2: {type: binary, shape: [2]}
  z: [z1, z2]
data:
  dataset: {type: npz, path: train.npz, fields: {x: {}, s: {classes: 3}}}
  streams: {pairs: [x, s]}
players:
  prior: {factors: {z1: uniform, z2: uniform}}
  painter: {factors: {"x | s, z": {net: linear}}}
  segmenter: {factors: {s | z1: {net: linear}, "s | x, z1": {net: linear}}}
  encoder: {factors: {"z1 | x, s": {net: linear}, "z2 | x, s": {net: linear}}}
utilities:
  painter: "E[pairs(x, s), encoder(z | x, s)] log painter(x | s, z)"
  segmenter: "E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z1) + log segmenter(s | z1)"
  encoder: "E[prior(z), segmenter(s | z1), painter(x | s, z)] log encoder(z | x, s)"
train: {rounds: 60, batch: 16, optimizer: {lr: 0.01}}
"""
ROWS = 7
RNG = np.random.default_rng(0)
LABELS = np.repeat(np.repeat(RNG.integers(0, 3, (64, 2, 2), dtype=np.uint8), 4, 1), 4, 2)
IMAGES = np.eye(3)[LABELS] * 200 + RNG.integers(0, 50, (64, 8, 8, 3))
IMAGES = IMAGES.astype(np.uint8)
MASKS = np.zeros((ROWS, 8, 8), bool)
for row in range(3, ROWS):  # the first rows hide nothing
    MASKS[row, row - 3 : row, 2:6] = True


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("infer")
    np.savez_compressed(folder / "train.npz", x=IMAGES, s=LABELS)
    (folder / "small.yaml").write_text(SPEC)
    made = CliRunner().invoke(app, ["train", str(folder / "small.yaml"), "--run", str(folder / "run"), "--device", "cpu"])
    assert made.exit_code == 0, made.output
    return folder / "run"


@pytest.fixture(autouse=True)
def files(folder: Path) -> Path:
    """A folder to work in, with files of seven rows."""
    np.savez_compressed("faces.npz", x=IMAGES[:ROWS])
    np.savez("labels.npz", s=LABELS[:ROWS])
    np.save("mask.npy", MASKS)
    for name, images in (("faces", IMAGES), ("maps", LABELS)):
        Path(name).mkdir()
        for row in range(ROWS):
            Image.fromarray(images[row]).save(Path(name) / f"face{row}.png")
    return folder


def call(run: Path, *arguments: str) -> Any:
    return CliRunner().invoke(app, ["infer", str(run), "--device", "cpu", *arguments])


def infer(run: Path, out: str, *arguments: str) -> dict[str, NDArray[Any]]:
    """Return the arrays of an answer."""
    result = call(run, "--out", out, *arguments)
    assert result.exit_code == 0, result.output
    with np.load(Path(out) / "inferred.npz", allow_pickle=False) as found:
        return dict(found)


def directly(run: Path, **question: Any) -> Inference:
    given = IMAGES[:ROWS].transpose(0, 3, 1, 2) / np.float32(255)
    return Run(run).infer({"x": given}, hide={"x": np.repeat(MASKS[:, None], 3, 1)}, **question)


HIDDEN = ("--given", "x=faces.npz", "--hide", "x=mask.npy", "--want", "s,x")
ALL = ("--save", "decided,mean,deviation,drawn")


def test_files_give_what_arrays_give(run: Path) -> None:
    found = infer(run, "out", *HIDDEN, *ALL, "--seed", "3", "--sweeps", "4", "--chains", "3", "--estimate", "counts")
    expected = directly(run, want=["s", "x"], seed=3, sweeps=4, chains=3, estimate="counts")
    assert set(found) == {"s", "s.mean", "s.drawn", "x", "x.mean", "x.deviation", "x.drawn"}
    assert [str(found[name].dtype) for name in ("s", "s.drawn", "x")] == ["uint8", "uint8", "float32"]
    assert np.array_equal(found["s"], expected.decided["s"].numpy())
    assert np.array_equal(found["s.drawn"], expected.drawn["s"].transpose(0, 1).numpy())
    for name in ("s", "x"):
        assert np.allclose(found[f"{name}.mean"], expected.mean[name].numpy(), atol=1e-6)
    assert np.allclose(found["x.deviation"], expected.deviation["x"].numpy(), atol=1e-6)
    assert np.allclose(found["x"].transpose(0, 2, 3, 1)[~MASKS] * 255, IMAGES[:ROWS][~MASKS], atol=1e-4)


@pytest.mark.parametrize("block", ["1", "2", "3", "100"])
def test_blocks_of_any_size_give_the_same(run: Path, block: str) -> None:
    """In the first blocks nothing is hidden: they are answered by the same chain all the same."""
    whole = infer(run, "whole", *HIDDEN, *ALL)
    parts = infer(run, "parts", *HIDDEN, *ALL, "--block", block)
    assert set(parts) == set(whole)
    for name, array in whole.items():
        assert np.allclose(parts[name], array, atol=1e-5), name
    said = [json.loads((Path(name) / "inferred.json").read_text()) for name in ("whole", "parts")]
    assert said[0]["errors"]["x"]["mean squared error"] == pytest.approx(said[1]["errors"]["x"]["mean squared error"], abs=1e-6)
    assert (Path("whole") / "sheet-x.png").read_bytes() == (Path("parts") / "sheet-x.png").read_bytes()


def test_the_answer_is_told_as_tables_or_json(run: Path) -> None:
    text = call(run, *HIDDEN, "--truth", "s=labels.npz")
    assert (text.exit_code, text.stderr) == (0, "")
    assert [line.split()[1] for line in text.stdout.splitlines() if line.startswith("│")] == [
        "x",
        "s",
        "z1",
        "z2",
        "s",
        "│",
        "│",
        "x",
        "│",
        "│",
    ]
    folder = run / "inferred" / "1"
    assert text.stdout.splitlines()[-4:] == [str(folder / name) for name in ("inferred.npz", "sheet-s.png", "sheet-x.png", "inferred.json")]
    result = call(run, *HIDDEN, "--truth", "s=labels.npz", "--format", "json")
    told = json.loads(result.stdout)
    assert told["paths"][0] == str(run / "inferred" / "2" / "inferred.npz")
    assert (told["rows"], set(told["diagnostics"]), set(told["errors"])) == (ROWS, {"x", "s", "z1", "z2"}, {"x", "s"})
    written = json.loads((run / "inferred" / "2" / "inferred.json").read_text())
    assert {key: written[key] for key in told} == told
    assert (written["round"], written["weights"], written["given"], written["hide"]) == (60, "last", ["x=faces.npz"], ["x=mask.npy"])


def test_errors_are_those_of_what_was_inferred(run: Path) -> None:
    found = infer(run, "out", *HIDDEN, "--truth", "s=labels.npz")
    errors = json.loads((Path("out") / "inferred.json").read_text())["errors"]
    assert errors["s"]["accuracy"]["value"] == pytest.approx((found["s"] == LABELS[:ROWS]).mean())
    difference = found["x"].transpose(0, 2, 3, 1) - IMAGES[:ROWS] / 255
    assert errors["x"]["mean squared error"]["value"] == pytest.approx((difference[MASKS] ** 2).mean(), rel=1e-4)
    assert errors["x"]["mean absolute error"]["value"] == pytest.approx(np.abs(difference[MASKS]).mean(), rel=1e-4)


def test_folders_of_images_come_in_and_go_out(run: Path) -> None:
    found = infer(run, "out", "--given", "x=faces", "--hide", "x=square:4", "--truth", "s=maps", "--images")
    assert set(found) == {"x", "s", "z1", "z2", "row.names"}
    assert found["row.names"].tolist() == [f"face{row}" for row in range(ROWS)]
    assert sorted(path.name for path in (Path("out") / "s").iterdir()) == [f"face{row}.png" for row in range(ROWS)]
    with Image.open("out/s/face2.png") as labels, Image.open("out/x/face2.png") as image:
        assert np.array_equal(np.array(labels), found["s"][2])
        assert np.array_equal(np.array(image), np.rint(found["x"][2].clip(0, 1) * 255).transpose(1, 2, 0))
    again = infer(run, "again", "--given", "x=out/x", "--given", "s=out/s", "--hide", "s=left")
    assert np.array_equal(again["s"][:, :, 4:], found["s"][:, :, 4:])


def test_an_answer_can_be_given_again(run: Path) -> None:
    found = infer(run, "out", "--given", "x=faces", "--hide", "x=square:4")
    np.save("first.npy", np.arange(4) == 0)
    again = infer(run, "again", "--given", "out/inferred.npz", "--hide", "z1=first.npy")
    assert set(again) == {"z1"}
    assert np.array_equal(again["z1"][:, 1:], found["z1"][:, 1:])


def test_the_sheet_shows_given_decided_truth_and_error(run: Path) -> None:
    found = infer(run, "out", *HIDDEN, "--truth", "s=labels.npz")
    with Image.open("out/sheet-s.png") as image:
        sheet = np.array(image).astype(int)
    red = (sheet == (230, 30, 30)).all(2)
    assert red.sum() == 36 * (found["s"] != LABELS[:ROWS]).sum()  # pixels are enlarged six times
    with Image.open("out/sheet-x.png") as image:
        grey = (np.array(image) == 128).all(2)
    assert 0 <= grey.sum() - 36 * MASKS.sum() < 20  # letters have some grey pixels


def test_nothing_has_to_be_given(run: Path) -> None:
    found = infer(run, "out", "--rows", "5", "--sweeps", "2")
    assert {name: array.shape for name, array in found.items()} == {"x": (5, 3, 8, 8), "s": (5, 8, 8), "z1": (5, 4), "z2": (5, 2)}
    assert sorted(path.name for path in Path("out").iterdir()) == ["inferred.json", "inferred.npz", "sheet-s.png", "sheet-x.png"]


def test_groups_can_be_wanted(run: Path) -> None:
    assert set(infer(run, "out", "--given", "x=faces.npz", "--want", "z", "--want", "s")) == {"z1", "z2", "s"}
    assert [path.name for path in Path("out").glob("*.png")] == ["sheet-s.png"]


def test_what_an_archive_holds_besides_variables_is_told(run: Path) -> None:
    np.savez("more.npz", x=IMAGES[:2], names=np.array(["a", "b"]))
    result = call(run, "--given", "more.npz", "--want", "s")
    assert (result.exit_code, result.stderr) == (0, "NOTICE: more.npz: 'names' is not read: no variable has this name\n")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--given", "x=face.npz"], "there is no file or folder 'face.npz'"),
        (["--given", "y=faces.npz"], "unknown variable 'y'; known: 'x', 's', 'z1', 'z2'"),
        (["--given", "x=faces.npz", "--want", "x"], "'x' is wanted and wholly given: hide a part, or do not want it"),
        (["--given", "x=faces.npz", "--want", "z", "--want", "s,,"], "--want 's,,' has an empty name: expected names with a comma between them, such as x,s\n"),
        (["--given", "x=faces.npz", "--want", ""], "--want '' has an empty name"),
        (["--given", "x=faces.npz", "--want", "q"], "unknown variable or group 'q'; known: 'x', 's', 'z1', 'z2', 'z'"),
        (["--given", "x=faces.npz", "--hide", "x=squar:3"], "there is no file or folder 'squar:3'; 'squar:3' is no pattern"),
        (["--given", "x=faces.npz", "--sampler", "limit"], "unknown sampler 'limit'; known: 'automatic'"),
        (["--given", "x=faces.npz", "--want", "z", "--truth", "s=labels.npz"], "the truth of 's' is given, but 's' is not wanted"),
        (["--given", "x=faces.npz", "--save", "mode"], "--save cannot save 'mode'; it can 'decided', 'mean', 'deviation', 'drawn'"),
        (["--given", "x=faces.npz", "--out", "faces"], "faces is not empty: results go into a new folder, so that nothing is lost"),
        (["--given", "x=large"], "large/face0.png has 16x16 pixels, 'x' 8x8 (height x width): resize it, or say --resize"),
        (["--given", "s=late.npy", "--block", "2"], "late.npy, row 6 (counted from 0): 's' is categorical: expected a class in 0 .. 2, got 3"),
        ([], "nothing is given: say by --rows how many rows are to be drawn"),
        (["--given", "x=faces.npz", "--hide", "x=square:0"], "there is no file or folder 'square:0'; 'square:0' is no pattern: 'square' needs a side"),
        (["--given", "x=faces.npz", "--show", "draw"], "unknown value of --show 'draw'; known: 'decided', 'drawn'; did you mean 'drawn'?"),
        (["--given", "x=faces.npz", "--weights", "emma"], "unknown weights 'emma'; known: 'ema', 'last'; did you mean 'ema'?"),
        (["--given", "s=faces"], "faces/face0.png is a coloured image (mode 'RGB'), such as a photograph: expected 8 bits"),
        (["--given", "x=one.npz", "--given", "s=labels.npz"], "one.npz:x has 1 row, labels.npz:s has 7\n"),
        (["--given", "x=one.npz", "--hide", "x=mask.npy"], "mask.npy has masks of 7 rows, 'x' has 1\n"),
        (["--given", "x=faces.npz", "--given", "s=labels.npz", "--given", "z1=z1.npy", "--given", "z2=z2.npy"], "everything is given: hide a part, or give less"),
    ],
)  # fmt: skip
def test_mistakes_are_told_in_a_line_and_nothing_is_written(run: Path, files: Path, arguments: list[str], message: str) -> None:
    Path("large").mkdir()
    Image.new("RGB", (16, 16)).save("large/face0.png")
    np.savez("one.npz", x=IMAGES[:1])
    np.save("late.npy", np.where(np.arange(ROWS)[:, None, None] == ROWS - 1, 3, LABELS[:ROWS]))
    np.save("z1.npy", np.zeros((ROWS, 4)))
    np.save("z2.npy", np.zeros((ROWS, 2)))
    before = sorted([*files.rglob("*"), *run.rglob("inferred/*")])
    result = call(run, *arguments)
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (2, "", 1)
    assert result.stderr.startswith(message)
    assert sorted([*files.rglob("*"), *run.rglob("inferred/*")]) == before


def test_images_are_resized_where_that_is_asked_for(run: Path) -> None:
    Path("large").mkdir()
    Image.fromarray(np.repeat(np.repeat(IMAGES[0], 2, 0), 2, 1)).save("large/face0.png")
    assert infer(run, "out", "--given", "x=large", "--resize", "--want", "s")["s"].shape == (1, 8, 8)


def test_a_joint_draw_can_be_shown(run: Path) -> None:
    """The last state of the first chain, the same for all variables, and nothing else changes."""
    arguments = (*HIDDEN, *ALL, "--images", "--chains", "2", "--sweeps", "3", "--truth", "s=labels.npz")
    decided = infer(run, "decided", *arguments)
    found = infer(run, "drawn", *arguments, "--show", "drawn")
    for name, array in decided.items():
        assert np.array_equal(array, found[name]), name
    for row in range(ROWS):
        with Image.open(f"drawn/s/{row}.png") as labels, Image.open(f"drawn/x/{row}.png") as image:
            assert np.array_equal(np.array(labels), found["s.drawn"][row, 0])
            assert np.array_equal(np.array(image), np.rint(found["x.drawn"][row, 0].clip(0, 1) * 255).transpose(1, 2, 0))
    assert not np.array_equal(found["s"], found["s.drawn"][:, 0])
    red = {}
    for name in ("decided", "drawn"):
        with Image.open(f"{name}/sheet-s.png") as image:
            red[name] = (np.array(image) == (230, 30, 30)).all(2).sum() // 36
    assert red == {"decided": (found["s"] != LABELS[:ROWS]).sum(), "drawn": (found["s.drawn"][:, 0] != LABELS[:ROWS]).sum()}
    said = [json.loads((Path(name) / "inferred.json").read_text()) for name in ("decided", "drawn")]
    assert [each["show"] for each in said] == ["decided", "drawn"]
    assert said[0]["errors"] == said[1]["errors"]


def test_the_record_has_the_values_that_were_used(run: Path) -> None:
    infer(run, "out", "--rows", "3", "--sweeps", "4")
    said = json.loads((Path("out") / "inferred.json").read_text())
    assert (said["rows"], said["sampler"]) == (3, "automatic")
    assert said["chain"] == {"sweeps": 4, "burn_in": 4, "thin": 1, "chains": 2, "estimate": "conditionals"}


@pytest.mark.parametrize(("sweeps", "is_told"), [("1", False), ("2", False), ("4", True)])
def test_of_few_sweeps_there_is_no_r_hat(run: Path, sweeps: str, is_told: bool) -> None:
    result = call(run, "--rows", "3", "--sweeps", sweeps, "--chains", "1", "--out", "out")
    assert result.exit_code == 0, result.output
    rows = [[cell.strip() for cell in line.split("│")[1:-1]] for line in result.stdout.splitlines() if line.startswith("│")]
    assert [row[0] for row in rows] == ["x", "s", "z1", "z2"]
    said = json.loads((Path("out") / "inferred.json").read_text())["diagnostics"]
    for name, hat, high, _, _, disagree in rows:
        assert [cell != "-" for cell in (hat, high, disagree)] == [is_told] * 3
        assert (said[name]["disagreeing"] is not None) == is_told
        assert is_told or said[name]["r_hat"] is said[name]["r_hat_high"] is None


def test_bytes_given_as_numbers_are_told(run: Path) -> None:
    np.save("x.npy", IMAGES[:ROWS].astype(np.float64))
    result = call(run, "--given", "x=x.npy", "--want", "s", "--block", "2", "--out", "out")
    assert result.exit_code == 0
    line, *others = result.stderr.splitlines()
    assert not [each for each in others if "images are expected" in each]
    assert line.startswith("WARNING: 'x': values of x.npy reach 2")
    assert line.endswith("images are expected in 0..1, divide by 255, unless the training data have such values too")
    assert json.loads((Path("out") / "inferred.json").read_text())["warnings"][0] == line.removeprefix("WARNING: ")
