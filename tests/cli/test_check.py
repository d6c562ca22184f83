"""The command `check`: every mistake on stderr, a line for what is good, and the exit status."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

Run = Callable[..., Any]


def test_a_good_spec_is_summed_up(run: Run) -> None:
    result = run("check", "small.yaml")
    assert result.exit_code == 0
    assert result.stdout == "small.yaml: good: 2 variables, 2 players, 580 parameters, 1 stage\n"
    assert result.stderr == ""


def test_mistakes_have_their_places_and_go_to_stderr(run: Run, folder: Path) -> None:
    text = (folder / "small.yaml").read_text().replace("encoder(z | x)] log", "encodr(z | x)] log").replace("batch: 16", "bach: 16")
    (folder / "wrong.yaml").write_text(text)
    result = run("check", "wrong.yaml", "small.yaml")
    assert result.exit_code == 2
    lines = result.stderr.splitlines()
    assert len(lines) == 2
    assert lines[0].startswith("wrong.yaml:18:25: utilities.decoder: unknown player, stream or sampler 'encodr'")
    assert lines[0].endswith("did you mean 'encoder'?")
    assert lines[1].startswith("wrong.yaml:20:20: train.bach: unknown key 'bach'")
    assert result.stdout.startswith("small.yaml: good")


def test_values_are_set_and_checked(run: Run) -> None:
    assert run("check", "small.yaml", "train.batch=64", "--preset", "long").exit_code == 0
    result = run("check", "small.yaml", "train.bach=64")
    assert result.exit_code == 2
    assert "did you mean 'batch'?" in result.stderr


def test_values_need_not_suit_a_preset_that_is_not_taken(run: Run, folder: Path) -> None:
    text = (folder / "small.yaml").read_text().replace("rounds: 6", "rounds: null, epochs: 2")
    (folder / "small.yaml").write_text(text)
    assert run("check", "small.yaml", "train.rounds=3").exit_code == 0
    assert run("check", "small.yaml", "train.rounds=3", "--preset", "long").exit_code == 0


def test_json_holds_what_text_says(run: Run) -> None:
    result = run("check", "small.yaml", "none.yaml", "--format", "json")
    assert result.exit_code == 2
    good, absent = json.loads(result.stdout)["specs"]
    assert (good["ok"], good["parameters"], good["players"]) == (True, 580, 2)
    assert absent["problems"][0]["what"].startswith("there is no such file")


def test_warnings_are_shown(run: Run, folder: Path) -> None:
    text = (folder / "small.yaml").read_text()
    (folder / "own.yaml").write_text(text.replace("E[decoder(x, z)] log encoder(z | x)", "E[images(x), encoder(z | x)] log encoder(z | x)"))
    result = run("check", "own.yaml")
    assert result.exit_code == 0
    assert "own.yaml:19:25: warning: utilities.encoder: encoder(z | x) is drawn from 'encoder' itself" in result.stderr
    assert "good" in result.stdout


def test_only_values_are_no_spec(run: Run) -> None:
    result = run("check", "train.batch=3")
    assert (result.exit_code, result.stderr) == (2, "name a spec to check\n")


def test_absent_data_is_a_warning(run: Run, pictures: Path) -> None:
    pictures.rename(pictures.with_name("elsewhere"))
    result = run("check", "pictures.yaml")
    assert result.exit_code == 0
    what = "pictures.yaml:6:12: warning: data.dataset: data set 'images' is absent, so that files were not looked at: 'd' is missing: looked for"
    assert result.stderr.startswith(what)
    other = "data.otherwise={type: images, path: elsewhere, size: 4}"
    assert (run("check", "pictures.yaml", other).stderr, run("check", "pictures.yaml", other).exit_code) == ("", 0)
    assert (
        "warning: data.otherwise: data set 'images' is absent"
        in run("check", "pictures.yaml", other.replace("elsewhere", "nowhere")).stderr
    )


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        (
            "birds",
            "pictures.yaml:7:23: data.streams.rows[1]: variable 'c' is categorical with 2 classes of shape (), field 'c' of data set",
        ),
        ("", "pictures.yaml:6:12: data.dataset: {d} has no images: neither it nor its sub-folders have files that end in"),
        ("cats/deep", "pictures.yaml:6:12: data.dataset: {d}/cats has images in deeper folders alone, such as {d}/cats/deep/0.png"),
    ],
)
def test_files_that_do_not_fit_are_mistakes(changed: str, message: str, run: Run, pictures: Path) -> None:
    images = [*(pictures / "cats").iterdir()]
    (pictures / (changed or "../other")).mkdir()
    for file in images if changed else [*images, *(pictures / "dogs").iterdir()]:
        if changed != "birds" or file.stem == "0":
            file.rename(pictures / (changed or "../other") / file.name)
    result = run("check", "pictures.yaml")
    assert (result.exit_code, result.stderr.startswith(message.replace("{d}", str(pictures)))) == (2, True), result.stderr


def test_sizes_of_pairs_are_found_in_the_first_image(run: Run, pictures: Path) -> None:
    for name, target in (("cats", "images"), ("dogs", "labels")):
        (pictures / name).rename(pictures / target)
    text = Path("pictures.yaml").read_text().replace("{type: images, path: d, size: 4}", "{type: pairs, path: d}")
    text = text.replace("[x, c]", "[x, s]").replace("rows(x, c)", "rows(x, s)").replace("c: {type: categorical, classes: 2}", "S")
    text = text.replace("c | x", "s | x").replace("  S\n", "  s: {type: categorical, classes: 7, shape: [4, 4]}\n")
    Path("pictures.yaml").write_text(text)
    result = run("check", "pictures.yaml")
    assert result.exit_code == 2
    first, second = result.stderr.splitlines()
    assert first.endswith("variable 'x' is real of shape (3, 4, 4), field 'x' of data set 'pairs' is real of shape (3, 5, 6)")
    assert second.startswith(
        "pictures.yaml:7:23: data.streams.rows[1]: variable 's' is categorical with 7 classes of shape (4, 4), field 's'"
    )
    assert second.endswith("is categorical with 7 classes of shape (5, 6)")
    Path("pictures.yaml").write_text(text.replace("[3, 4, 4]", "[3, 5, 6]").replace("[4, 4]", "[5, 6]"))
    assert run("check", "pictures.yaml").stderr == ""  # the number of classes stands in no head


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": (9, 1, 8, 8)}, ""),
        ({"x": (9, 8, 8, 1), "id": (9,)}, ""),
        (
            {"x": (9, 64)},
            "small.yaml:8:22: data.streams.images[0]: variable 'x' is binary of shape (1, 8, 8), field 'x' of data set 'npz' is",
        ),
        ({"y": (9, 8, 8)}, "small.yaml:8:22: data.streams.images[0]: data set 'npz' has no field 'x'; it has 'y'"),
        ({"x": (9, 8, 8), "y": (8,)}, "small.yaml:7:12: data.dataset: {folder}/a.npz: the arrays differ in their rows ('x' 9, 'y' 8)"),
    ],
)
def test_heads_of_arrays_are_looked_at(arrays: dict[str, tuple[int, ...]], message: str, run: Run, folder: Path) -> None:
    np.savez("a.npz", **{name: np.zeros(shape) for name, shape in arrays.items()})  # type: ignore[arg-type]
    text = (folder / "small.yaml").read_text().replace("{type: digits, binarize: 0.5}", "{type: npz, path: a.npz}")
    (folder / "small.yaml").write_text(text)
    result = run("check", "small.yaml")
    assert result.exit_code == (2 if message else 0)
    assert result.stderr.startswith(message.replace("{folder}", str(folder))), result.stderr
    assert (run("data", "small.yaml").exit_code == 0) == (not message)


def test_a_misspelt_array_of_an_archive_is_told(run: Run, folder: Path) -> None:
    np.savez(folder / "bits.npz", x=np.zeros((9, 1, 8, 8), np.uint8))
    text = (folder / "small.yaml").read_text().replace("{type: digits, binarize: 0.5}", "{type: npz, path: bits.npz, fields: {xs: {}}}")
    (folder / "bits.yaml").write_text(text)
    result = run("check", "bits.yaml")
    assert (result.exit_code, "bits.npz has no array 'xs'; it has 'x'; did you mean 'x'?" in result.stderr) == (2, True), result.output
