"""The command `check`: every mistake on stderr, a line for what is good, and the exit status."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

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
