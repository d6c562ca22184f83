"""This file tests paths in a spec: the environment, what they are relative to, where an untrusted one may lead."""

from pathlib import Path

import pytest

from gamelearn.spec.paths import data_root, expand_environment, resolve_paths
from gamelearn.spec.source import parse_source, read_source


@pytest.fixture(autouse=True)
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SET", "value")
    monkeypatch.setenv("EMPTY", "")
    monkeypatch.delenv("UNSET", raising=False)
    monkeypatch.setenv("GAMELEARN_DATA", str(tmp_path / "data"))


@pytest.mark.parametrize(
    ("text", "expanded"),
    [
        ("plain", "plain"),
        ("${env:SET}", "value"),
        ("${env:SET}/a/${env:SET}", "value/a/value"),
        ("${env:SET:-other}", "value"),
        ("${env:UNSET:-other}", "other"),
        ("${env:UNSET:-}", ""),
        ("${env:EMPTY:-other}", ""),
        ("$SET", "$SET"),
    ],
)
def test_the_environment_is_expanded(text: str, expanded: str) -> None:
    assert expand_environment(text) == (expanded, None)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("${env:UNSET}", "the environment variable 'UNSET' is not set, and has no default (${env:UNSET:-default})"),
        ("${SET}", "expected '${env:NAME}' or '${env:NAME:-default}' after '${'"),
        ("${env:SET", "expected '${env:NAME}' or '${env:NAME:-default}' after '${'"),
        ("${env:}", "expected '${env:NAME}' or '${env:NAME:-default}' after '${'"),
        ("${env:SET:-${env:SET}}", "expected '${env:NAME}' or '${env:NAME:-default}' after '${'"),
    ],
)
def test_what_cannot_be_expanded(text: str, what: str) -> None:
    assert expand_environment(text)[1] == what


@pytest.mark.parametrize(
    "place",
    ["{dataset: {type: a, path: %s}}", "{datasets: {d: {root: %s}}}", "{otherwise: {folder: %s}}", "{dataset: {file: %s}}"],
)
def test_paths_of_data_sets_read_the_environment(place: str) -> None:
    tree, problems = resolve_paths(parse_source("data: " + place % "'${env:SET}/x'", "f"), Path())
    assert problems == []
    assert "value/x" in str(tree.plain())


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("name: '${env:SET}'", "f:1:8: name"),
        ("data: {dataset: {type: 'a${env:SET}'}}", "f:1:26: data.dataset.type"),
        ("data: {dataset: {deep: {path: '${env:SET}'}}}", "f:1:32: data.dataset.deep.path"),
        ("players: {p: {path: '${env:SET}'}}", "f:1:22: players.p.path"),
        ("require: ['${x}']", "f:1:12: require[0]"),
    ],
)
def test_nothing_else_reads_the_environment(text: str, place: str) -> None:
    _, problems = resolve_paths(parse_source(text, "f"), Path())
    what = "'${...}' is read in paths alone: 'extends' and the options 'path', 'root', 'folder', 'file' of a data set"
    assert list(map(str, problems)) == [f"{place}: {what}"]


def resolved(folder: Path, path: str, *, untrusted: bool = False) -> tuple[str, list[str]]:
    (folder / "spec.yaml").write_text(f"data: {{dataset: {{path: '{path}'}}}}")
    tree, problems = resolve_paths(read_source(folder / "spec.yaml"), folder, untrusted=untrusted)
    return tree.plain()["data"]["dataset"]["path"], [each.what for each in problems]


def test_what_lies_beside_the_file_stays_relative(tmp_path: Path) -> None:
    (tmp_path / "faces").mkdir()
    assert resolved(tmp_path, "faces") == ("faces", [])
    assert resolved(tmp_path, "../faces") == ("../faces", [])
    assert resolved(tmp_path, "absent") == ("absent", [])
    assert resolved(tmp_path, "/absent") == ("/absent", [])


def test_a_path_of_the_command_line_is_relative_to_the_current_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "faces").mkdir()
    monkeypatch.chdir(tmp_path)
    tree, _ = resolve_paths(parse_source("data: {dataset: {path: faces}}", "data.dataset.path=faces"), tmp_path / "specs")
    assert tree.plain()["data"]["dataset"]["path"] == "../faces"


def test_a_path_of_a_base_becomes_relative_to_the_spec(tmp_path: Path) -> None:
    for name in ("base", "base/faces", "specs"):
        (tmp_path / name).mkdir()
    (tmp_path / "base" / "spec.yaml").write_text("data: {dataset: {path: faces}}")
    tree, _ = resolve_paths(read_source(tmp_path / "base" / "spec.yaml"), tmp_path / "specs")
    assert tree.plain()["data"]["dataset"]["path"] == "../base/faces"


def test_a_path_may_begin_at_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert resolved(tmp_path, "~/faces") == (str(tmp_path / "faces"), [])


def test_an_untrusted_path_stays_inside(tmp_path: Path) -> None:
    folder, data = tmp_path / "spec", tmp_path / "data"
    folder.mkdir()
    data.mkdir()
    (folder / "faces").mkdir()
    (folder / "link").symlink_to("/etc")
    for inside in ("faces", "absent/x", str(data / "x"), "a/../b"):
        assert resolved(folder, inside, untrusted=True)[1] == [], inside
    for outside in ("../other", "/etc/passwd", "link/passwd", "~/x", "a/../../b", "${env:SET}/../../../x"):
        [what] = resolved(folder, outside, untrusted=True)[1]
        assert "lies outside of the spec's folder and the data root" in what
        assert resolved(folder, outside)[1] == []


def test_a_path_that_no_file_can_have(tmp_path: Path) -> None:
    long = "a" * 5000
    assert resolved(tmp_path, long) == (long, [])


def test_the_data_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert data_root() == tmp_path / "data"
    monkeypatch.delenv("GAMELEARN_DATA")
    assert data_root().name == "gamelearn"
