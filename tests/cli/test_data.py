"""The command `data` where a data set is absent, and with values and presets. This file runs it on small specs."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]
DIGITS = "dataset: {type: digits, binarize: 0.5}"
ABSENT = "dataset: {type: npz, path: none.npz}"


def with_data(folder: Path, text: str) -> None:
    path = folder / "small.yaml"
    path.write_text(path.read_text().replace(DIGITS, text), encoding="utf-8")


def test_an_absent_data_set_is_said_and_no_failure_where_another_is_taken(run: Run, folder: Path) -> None:
    with_data(folder, f"{ABSENT}\n  otherwise: {{type: digits, binarize: 0.5}}")
    result = run("data", "small.yaml")
    assert (result.exit_code, result.stderr) == (0, "")
    lines = result.stdout.splitlines()
    assert lines[0] == "dataset: npz"
    assert lines[1].startswith("  absent, so 'otherwise' is taken: 'none.npz' is missing")
    assert lines[2:4] == ["otherwise: digits", "  x: binary of shape (1, 8, 8)"]
    absent, taken = json.loads(run("data", "small.yaml", "--format", "json").stdout)
    assert (absent["name"], absent["type"], absent["absent"].split(":")[0]) == ("dataset", "npz", "'none.npz' is missing")
    assert (taken["name"], taken["rows"]["train"]) == ("otherwise", 1437)


@pytest.mark.parametrize(
    ("data", "messages"),
    [
        (ABSENT, ["dataset (npz): 'none.npz' is missing"]),
        (
            f"{ABSENT}\n  otherwise: {{type: npz, path: neither.npz}}",
            ["dataset (npz): 'none.npz' is missing", "otherwise (npz): 'neither.npz' is missing"],
        ),
    ],
)
def test_it_fails_where_no_data_set_is_there(data: str, messages: list[str], run: Run, folder: Path) -> None:
    with_data(folder, data)
    result = run("data", "small.yaml")
    assert result.exit_code == 2
    assert [line.split(":", 1)[0] + ":" + line.split(":")[1] for line in result.stderr.splitlines()] == messages


def test_a_damaged_data_set_is_a_failure_though_another_is_there(run: Run, folder: Path) -> None:
    (folder / "none.npz").write_text("no archive", encoding="utf-8")
    with_data(folder, f"{ABSENT}\n  otherwise: {{type: digits, binarize: 0.5}}")
    result = run("data", "small.yaml")
    assert result.exit_code == 2
    assert "is damaged, or no file of arrays" in result.stderr


def test_values_and_presets_change_the_data(run: Run, folder: Path) -> None:
    preset = "presets: {other: {data: {dataset: {validation: 0.5}}}}\n"
    path = folder / "small.yaml"
    path.write_text(path.read_text().replace("presets:\n  long: {train: {rounds: 6}}\n", preset), encoding="utf-8")

    def validation(*arguments: str) -> int:
        (report,) = json.loads(run("data", "small.yaml", *arguments, "--format", "json").stdout)
        return int(report["rows"]["validation"])

    assert validation() == 180
    assert validation("--preset", "other") in (898, 899)
    assert validation("data.dataset.validation=0.3") in (539, 540)
    assert validation("data.dataset.validation=0.3", "--preset", "other") in (539, 540)


def test_values_and_presets_belong_to_a_spec(run: Run) -> None:
    for arguments in (("a=1",), ("--preset", "quick")):
        result = run("data", "digits", *arguments)
        assert (result.exit_code, result.stderr) == (2, "'digits' is a data set: key=value and --preset belong to a spec\n")
    result = run("data", "small.yaml", "other.yaml")
    assert (result.exit_code, result.stderr) == (2, "expected key=value after the spec, without spaces, got 'other.yaml'\n")


def test_names_of_classes_and_what_is_not_read_are_said(run: Run, pictures: Path) -> None:
    (pictures / "cats/notes.txt").touch()
    (pictures / ".ipynb_checkpoints").mkdir()
    lines = run("data", "pictures.yaml").stdout.splitlines()
    assert lines[1:4] == [
        "  x: real of shape (3, 4, 4)",
        "  c: categorical with 2 classes of shape (): 'cats', 'dogs'",
        "  rows: train 16, validation 2, test 2",
    ]
    assert lines[-1] == f"  NOTICE: 1 file is not read (not named as images): {Path('d/cats/notes.txt')}"
    (report,) = json.loads(run("data", "pictures.yaml", "--format", "json").stdout)
    assert (report["fields"]["c"]["names"], len(report["notices"])) == (["cats", "dogs"], 1)


def test_everything_is_read_once_if_asked(run: Run, pictures: Path) -> None:
    result = run("data", "pictures.yaml", "--verify")
    assert (result.exit_code, result.stdout.splitlines()[-1]) == (0, "  verified: everything was read once, nothing is damaged")
    for index in range(6):
        for name in ("cats", "dogs"):
            file = pictures / name / f"{index}.png"
            file.write_bytes(b"")
    result = run("data", "pictures.yaml", "--verify")
    lines = result.stderr.splitlines()
    assert result.exit_code == 2
    assert lines[0] == "dataset (images): 12 things are wrong:"
    assert sum("is damaged" in line and ".png" in line for line in lines) == 10
    assert lines[-1] == "  and 2 more"


def test_what_training_would_refuse_is_found(run: Run, pictures: Path) -> None:
    (pictures / "cats").rename(pictures / "train")
    (pictures / "dogs").rename(pictures / "val")
    result = run("data", "pictures.yaml")
    expected = "pictures.yaml:7:23: data.streams.rows[1]: data set 'images' has no field 'c'; it has 'x'"
    assert (result.exit_code, result.stderr.splitlines()[0]) == (2, expected)
    assert "rows: train 9, validation 10, test 1" in result.stdout
    result = run("data", "small.yaml", "data.streams={images: {variables: [x], take: 1500}}")
    assert (result.exit_code, "1500" in result.stderr or "1,500" in result.stderr) == (2, True)
