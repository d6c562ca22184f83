"""Derived utilities as `check`, `explain` and `train` tell them. This file reads what they print."""

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from gamelearn.cli.main import app
from gamelearn.game import CheckedSpec, check
from gamelearn.graph.model import Graph
from gamelearn.report.explain import explain
from gamelearn.spec.source import parse_source
from gamelearn.spec.write import write_yaml
from tests.test_run import said_by
from tests.train.tiny import ONE_STAGE, loaded, parameters_of

DERIVED = ONE_STAGE[: ONE_STAGE.index("utilities:")] + "derive: symmetric\n    " + ONE_STAGE[ONE_STAGE.index("schedule:") :]
WRITTEN = DERIVED.replace(
    "derive: symmetric",
    "utilities: {decoder: 'E[images(x), encoder(z | x)] log decoder(x, z)', encoder: 'E[decoder(x, z)] log encoder(z | x)'}",
)
TERMS = ["decoder: E[images(x), encoder(z | x)] log decoder(x, z)", "encoder: E[decoder(x, z)] log encoder(z | x)"]


def terms_of(graph: Graph) -> list[tuple[str, str, str, float, str, bool]]:
    return [
        (name, term.player, term.name, term.weight, str(term.formula), term.constant_draws)
        for name, stage in graph.stages.items()
        for terms in stage.utilities.values()
        for term in terms
    ]


def pasted(checked: CheckedSpec, folder: Path) -> Graph:
    """Return the game with the utilities that `explain` prints in place of what the spec says of them."""
    plain = checked.file.tree.plain()
    printed = parse_source(explain(checked, "yaml"), "printed").plain()
    plain.pop("derive", None)
    if "stages" in printed:
        for name, stage in plain["stages"].items():
            stage.pop("derive", None)
            stage["utilities"] = printed["stages"][name]["utilities"]
    else:
        plain["utilities"] = printed["utilities"]
    path = folder / "pasted.yaml"
    path.write_text(write_yaml(plain), encoding="utf-8")
    return check(path).graph


def test_what_is_derived_can_be_pasted_into_the_spec(tmp_path: Path) -> None:
    checked = check("digits-vae", overrides=["utilities=", "derive=symmetric"])
    assert explain(checked, "yaml") == "utilities:\n" + "".join(f"  {each}\n" for each in TERMS)
    assert terms_of(pasted(checked, tmp_path)) == terms_of(checked.graph)


def test_written_utilities_are_printed_with_their_weights_and_names(tmp_path: Path) -> None:
    checked = check("celeba-seg")
    assert terms_of(pasted(checked, tmp_path)) == terms_of(checked.graph)
    assert "\n        again:\n          term: E[pairs(s), encoder(z1 | s), shaper(s' | z1)] log encoder(z1 | s')\n" in explain(
        checked, "yaml"
    )


def test_explain_marks_what_is_derived() -> None:
    checked = check("digits-vae", overrides=["utilities.decoder=", "derive=symmetric"])
    text = explain(checked, "text")
    assert text.count("  derived, in the syntax of specs:\n") == 1
    assert f"  derived, in the syntax of specs:\n    {TERMS[0].removeprefix('decoder: ')}\n" in text
    assert "% decoder: derived: 0\n" in explain(checked, "latex")
    utilities = json.loads(explain(checked, "json"))["stages"][0]["utilities"]
    assert [(each["player"], [term["derived"] for term in each["terms"]]) for each in utilities] == [
        ("decoder", [True]),
        ("encoder", [False]),
    ]


def test_check_and_train_print_what_is_derived(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    loaded(tmp_path, text=DERIVED)
    monkeypatch.chdir(tmp_path)
    lines = [f"derived: {each}" for each in TERMS]
    assert CliRunner().invoke(app, ["check", "spec.yaml"]).output.splitlines()[:-1] == lines
    (report,) = json.loads(CliRunner().invoke(app, ["check", "spec.yaml", "--format", "json"]).output)["specs"]
    assert report["derived"] == [dict(zip(("stage", "player", "term"), ("main", *each.split(": ")), strict=True)) for each in TERMS]
    assert CliRunner().invoke(app, ["train", "spec.yaml", "--device", "cpu"]).output.splitlines()[:2] == lines
    assert "derived" not in CliRunner().invoke(app, ["check", "digits-vae"]).output


def test_the_stage_of_a_derived_term_is_named(tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(
        "extends: digits_vae\nutilities: null\nderive: symmetric\nstages: {one: {train: {rounds: 1}}, two: {derive: none, utilities: "
        '{decoder: "E[images(x), encoder(z | x)] log decoder(x, z)"}, schedule: {order: [decoder]}}}\n'
    )
    output = CliRunner().invoke(app, ["check", str(path)]).output.splitlines()
    assert output[:-1] == [f"derived: one: {each}" for each in TERMS]


def test_a_run_keeps_the_rule_and_is_trained_to_the_same_bits(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    derived, _ = said_by(loaded(tmp_path, text=DERIVED))
    assert "\nderive: symmetric\n" in (derived.path / "spec.resolved.yaml").read_text(encoding="utf-8")
    written, _ = said_by(loaded(tmp_path, text=WRITTEN))
    again, _ = said_by(loaded(tmp_path, text=(derived.path / "spec.resolved.yaml").read_text(encoding="utf-8")))
    one, two, three = (parameters_of(run.game()) for run in (derived, written, again))
    assert one.keys() == two.keys()
    assert all(one[name].equal(two[name]) and one[name].equal(three[name]) for name in one)
