"""The smaller commands: `explain`, `list`, `schema`, `init`, `data`, help and version."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from gamelearn import plugins
from gamelearn.cli.main import app
from gamelearn.registry import DATASETS, NETWORKS
from gamelearn.shipped import shipped_specs

Run = Callable[..., Any]
COMMANDS = (
    "check",
    "explain",
    "train",
    "sample",
    "infer",
    "evaluate",
    "compare",
    "ablate",
    "figures",
    "report",
    "list",
    "schema",
    "init",
    "data",
)


def test_help_lists_every_command_with_its_summary(run: Run) -> None:
    result = run("--help")
    assert result.exit_code == 0
    assert [command.name for command in app.registered_commands] == list(COMMANDS)
    for command in app.registered_commands:
        assert command.callback is not None
        assert f"  {command.name} " in result.stdout
        assert "..." not in result.stdout.split("Commands:")[1]


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_examples_with_its_own_name(run: Run, command: str) -> None:
    result = run(command, "--help")
    assert result.exit_code == 0
    assert result.stdout.count(f"\n  gamelearn {command}") >= 2


def test_no_arguments_show_the_help(run: Run) -> None:
    result = run()
    assert "Commands:" in result.output
    assert result.exit_code == 2


def test_the_version_is_the_package_s(run: Run) -> None:
    assert run("--version").stdout.startswith("gamelearn 0.")


@pytest.mark.parametrize(
    ("form", "piece"),
    [
        ("text", "L_decoder = E_{images(x)} E_{encoder(z | x)} [ log decoder(z) + log decoder(x | z) ]"),
        ("mermaid", "flowchart LR"),
        ("latex", r"\mathbb{E}_{\pi(x)}"),
        ("json", '"name": "small"'),
    ],
)
def test_explain_prints_every_format(run: Run, form: str, piece: str) -> None:
    result = run("explain", "small.yaml", "--format", form)
    assert result.exit_code == 0
    assert piece in result.stdout
    assert result.stderr == ""


def test_explain_takes_values(run: Run) -> None:
    assert "parallel: decoder, encoder" in run("explain", "small.yaml", "schedule.mode=parallel").stdout
    result = run("explain", "small.yaml", "other.yaml")
    assert (result.exit_code, result.stderr) == (2, "expected key=value after the spec, without spaces, got 'other.yaml'\n")


def test_shipped_specs_are_listed_with_their_first_line(run: Run) -> None:
    lines = run("list", "specs").stdout.splitlines()
    assert [line.split()[0] for line in lines] == list(shipped_specs())
    rows = json.loads(run("list", "specs", "--format", "json").stdout)
    assert all(row["summary"] and "schema" not in row["summary"] for row in rows)
    assert all(Path(row["path"]).is_file() for row in rows)


def test_networks_are_listed_with_their_options(run: Run) -> None:
    rows = {row["name"]: row for row in json.loads(run("list", "networks", "--format", "json").stdout)}
    assert set(rows) == set(NETWORKS.names)
    hidden = next(option for option in rows["mlp"]["options"] if option["name"] == "hidden")
    assert (hidden["required"], hidden["default"]) == (False, [256])
    assert rows["mlp"]["summary"] in run("list", "networks").stdout


@pytest.mark.parametrize("kind", ["families", "datasets", "players", "optimizers", "schedules", "metrics", "estimators", "features"])
def test_every_registry_can_be_listed(run: Run, kind: str) -> None:
    rows = json.loads(run("list", kind, "--format", "json").stdout)
    assert rows
    assert all(row["summary"] for row in rows)
    assert run("list", kind).stdout.startswith(rows[0]["name"])


def test_a_plugin_s_names_are_listed(run: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(DATASETS, "_entries", dict(DATASETS._entries))
    monkeypatch.setattr(plugins, "_loaded", dict(plugins._loaded))
    (folder / "listed_plugin.py").write_text(
        '"""A data set."""\n'
        "from gamelearn.registry import DATASETS\n"
        "from gamelearn.spec.kinds import DatasetOptions\n"
        '@DATASETS.register("listed_by_test", options=DatasetOptions)\n'
        'class Listed:\n    """Nothing at all."""\n'
    )
    assert "listed_by_test  Nothing at all." in run("list", "datasets", "--plugin", "listed_plugin.py").stdout


def test_the_schema_is_printed_or_written(run: Run, folder: Path) -> None:
    printed = run("schema").stdout
    assert json.loads(printed)["title"] == "gamelearn spec"
    assert run("schema", "--output", "schema.json").stdout == "schema.json\n"
    assert (folder / "schema.json").read_text() == printed
    assert run("schema", "--output", "new/schema.json").exit_code == 0, "a folder that is missing is made"
    result = run("schema", "--output", "schema.json/schema.json")
    assert (result.exit_code, result.stderr) == (2, "cannot write 'schema.json/schema.json': File exists\n")


def test_init_writes_a_spec_that_is_good(run: Run, folder: Path) -> None:
    assert run("init").stdout.startswith("wrote my-game.yaml; next: ")
    assert "good: 2 variables, 2 players" in run("check", "my-game.yaml").stdout
    assert run("init", "faces").exit_code == 0
    assert "name: faces\n" in (folder / "faces.yaml").read_text()


def test_init_overwrites_nothing(run: Run, folder: Path) -> None:
    before = (folder / "small.yaml").read_text()
    result = run("init", "small")
    assert (result.exit_code, result.stderr.split(":")[0]) == (2, "'small.yaml' exists and is not overwritten")
    assert (folder / "small.yaml").read_text() == before
    assert run("init", "../small").exit_code == 2


def test_data_says_what_a_data_set_holds(run: Run) -> None:
    result = run("data", "digits")
    assert result.stdout.splitlines()[:4] == [
        "digits: digits",
        "  x: real of shape (1, 8, 8)",
        "  c: categorical with 10 classes of shape ()",
        "  rows: train 1,437, validation 180, test 180",
    ]
    (report,) = json.loads(run("data", "small.yaml", "--format", "json").stdout)
    assert report["fields"]["x"] == {"type": "binary", "shape": [1, 8, 8], "classes": None, "names": []}


def test_data_says_where_files_were_found(run: Run, folder: Path) -> None:
    (folder / "table.csv").write_text("a,b\n" + "1.5,0\n2.5,1\n" * 10)
    text = (folder / "small.yaml").read_text().replace("{type: digits, binarize: 0.5}", "{type: csv, path: table.csv}")
    (folder / "table.yaml").write_text(text.replace("images: [x]", "images: {variables: {x: a}}"))
    result = run("data", "table.yaml")
    assert result.stdout.endswith("table.csv\n")


def test_data_that_is_absent_or_unknown_is_said(run: Run) -> None:
    result = run("data", "digit")
    assert result.exit_code == 2
    assert result.stderr.endswith("did you mean 'digits'?\n")
    assert "the data set 'csv' needs options (the key 'path' is missing)" in run("data", "csv").stderr
