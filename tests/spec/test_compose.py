"""This file tests how several trees become one: merging, `extends`, presets, overrides."""

from pathlib import Path
from typing import Any

import pytest

from gamelearn.errors import SpecError
from gamelearn.spec.compose import apply_override, chosen_preset, merge, read_composed, read_override
from gamelearn.spec.source import parse_source
from gamelearn.spec.write import write_yaml


def merged(base: str, over: str) -> Any:
    return merge(parse_source(base, "base"), parse_source(over, "over")).plain()


@pytest.mark.parametrize(
    ("base", "over", "result"),
    [
        ("{a: 1}", "{b: 2}", {"a": 1, "b": 2}),
        ("{a: {b: 1, c: 2}}", "{a: {c: 3}}", {"a": {"b": 1, "c": 3}}),
        ("{a: [1, 2]}", "{a: [3]}", {"a": [3]}),
        ("{a: 1}", "{a: {b: 2}}", {"a": {"b": 2}}),
        ("{a: {b: 2}}", "{a: 1}", {"a": 1}),
        ("{a: 1, b: 2}", "{a: null}", {"b": 2}),
        ("{a: {b: 1, c: 2}}", "{a: {b: ~}}", {"a": {"c": 2}}),
        ("{b: 2}", "{a: null}", {"b": 2, "a": None}),
        ("{a: {net: mlp, hidden: [3]}}", "{a: {net: conv, depth: 2}}", {"a": {"net": "conv", "depth": 2}}),
        ("{a: {net: mlp, hidden: [3]}}", "{a: {net: mlp, skip: true}}", {"a": {"net": "mlp", "hidden": [3], "skip": True}}),
        ("{a: {net: mlp, hidden: [3]}}", "{a: {hidden: [4]}}", {"a": {"net": "mlp", "hidden": [4]}}),
        ("{a: {type: adam, lr: 1}}", "{a: {type: sgd}}", {"a": {"type": "sgd"}}),
        ("{a: {lr: 1}}", "{a: {type: sgd}}", {"a": {"type": "sgd"}}),
        ("{a: {lr: 1}}", "{a: {type: adam}}", {"a": {"lr": 1, "type": "adam"}}),
        ("{a: {scores: [free]}}", "{a: {net: mlp}}", {"a": {"net": "mlp"}}),
        ("{a: {type: normal, floor: 1}}", "{a: {type: null}}", {"a": {"floor": 1}}),
    ],
)
def test_maps_merge(base: str, over: str, result: object) -> None:
    assert merged(base, over) == result


def test_merging_keeps_the_order_of_the_base() -> None:
    assert list(merged("{a: 1, b: 2, c: 3}", "{d: 4, b: 5}")) == ["a", "b", "c", "d"]


def test_merging_keeps_the_places() -> None:
    tree = merge(parse_source("a:\n  b: 1", "base"), parse_source("a: {c: 2}", "over"))
    assert [str(child.position) for child in tree.children["a"].children.values()] == ["base:2:6", "over:1:8"]


def write(folder: Path, **files: object) -> Path:
    for name, content in files.items():
        (folder / f"{name}.yaml").write_text(content if isinstance(content, str) else write_yaml(content))
    return folder / f"{next(reversed(files))}.yaml"


def test_a_file_extends_another(tmp_path: Path) -> None:
    path = write(
        tmp_path,
        root="{name: root, a: {x: 1, y: 2}, presets: {p: {a: {x: 10, y: null}}, q: {a: 1}, r: {a: 2}}}",
        middle="{extends: root.yaml, name: middle, a: {z: 3}, presets: {p: {a: {z: null}}, q: null}}",
        leaf="{extends: middle.yaml, name: leaf, a: {x: null}, presets: {p: {a: {x: null}}}}",
    )
    composed = read_composed(path)
    assert composed.tree.plain() == {"name": "leaf", "a": {"y": 2, "z": 3}}
    assert {name: preset.plain() for name, preset in composed.presets.items()} == {
        "p": {"a": {"x": None, "y": None, "z": None}},
        "r": {"a": 2},
    }
    assert composed.text == path.read_text()
    assert composed.tree.position.file == str(path)


def test_a_base_lies_relative_to_its_file(tmp_path: Path) -> None:
    (tmp_path / "below").mkdir()
    write(tmp_path / "below", base="{a: 1}")
    write(tmp_path, middle="{extends: below/base.yaml}")
    assert read_composed(write(tmp_path / "below", leaf="{extends: ../middle.yaml, b: 2}")).tree.plain() == {"a": 1, "b": 2}


def test_a_shipped_spec_can_be_a_base(tmp_path: Path) -> None:
    assert read_composed(write(tmp_path, leaf="{extends: digits-vae, name: mine}")).tree.plain()["name"] == "mine"


def refusal(path: Path, **options: bool) -> str:
    with pytest.raises(SpecError) as caught:
        read_composed(path, **options)
    return str(caught.value).replace(f"{path.parent}/", "")


def test_bases_that_are_refused(tmp_path: Path) -> None:
    write(tmp_path, other="a: 1", two="extends: one.yaml")
    cases = {
        "extends: absent.yaml": "one.yaml:1:10: extends: there is no file 'absent.yaml' beside 'one.yaml', and no shipped spec of this name;",
        "extends: othr.yaml": "did you mean 'other.yaml'?",
        "extends: 3": "one.yaml:1:10: extends: expected the path of another spec, got 3",
        "extends: [other.yaml]": "one.yaml:1:10: extends: expected the path of another spec, got a list",
        "extends: one.yaml": "extends: the files extend each other in a circle: one.yaml -> one.yaml",
        "extends: two.yaml": "two.yaml:1:10: extends: the files extend each other in a circle: one.yaml -> two.yaml -> one.yaml",
        "extends: ${env:GAMELEARN_TEST_UNSET}": "extends: the environment variable 'GAMELEARN_TEST_UNSET' is not set",
        "[a]": "one.yaml:1:1: a spec is a map of 'name', 'variables', 'players' and so on, got a list",
        "a: 1\npresets: 3": "one.yaml:2:10: presets: expected a map of presets, got 3",
        "presets: {" + ", ".join(f"p{i}: {{}}" for i in range(51)) + "}": "one.yaml:1:10: presets: more than 50 presets",
        "a: 1\npresets: {p: 3}": "one.yaml:2:14: presets.p: expected a map of values over the spec's, got 3",
    }
    for text, message in cases.items():
        assert message in refusal(write(tmp_path, one=text)), text


def test_a_long_chain_is_refused(tmp_path: Path) -> None:
    for index in range(30):
        write(tmp_path, **{f"s{index}": f"extends: s{index + 1}.yaml"})
    assert "more than 20 files extend each other" in refusal(tmp_path / "s0.yaml")


def test_a_base_with_a_mistake_is_named(tmp_path: Path) -> None:
    assert refusal(write(tmp_path, base="a: [", leaf="extends: base.yaml")).startswith("base.yaml:1:5: ")


def test_the_environment_can_name_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GAMELEARN_TEST_BASE", "base")
    assert read_composed(write(tmp_path, base="a: 1", leaf="extends: '${env:GAMELEARN_TEST_BASE}.yaml'")).tree.plain() == {"a": 1}


def test_an_untrusted_spec_stays_in_its_folder(tmp_path: Path) -> None:
    (tmp_path / "inner").mkdir()
    write(tmp_path, base="a: 1")
    path = write(tmp_path / "inner", leaf="extends: ../base.yaml")
    assert read_composed(path).tree.plain() == {"a": 1}
    assert "lies outside of the spec's folder" in refusal(path, untrusted=True)


def test_a_preset_is_chosen_by_name() -> None:
    presets = {"quick": parse_source("{}", "f"), "paper": parse_source("{}", "f")}
    assert chosen_preset(presets, "quick", "f") is presets["quick"]
    with pytest.raises(SpecError) as caught:
        chosen_preset(presets, "quikc", "f")
    assert str(caught.value) == "f:1:1: presets: unknown preset 'quikc'; known: 'quick', 'paper'; did you mean 'quick'?"
    with pytest.raises(SpecError, match="the spec has none"):
        chosen_preset({}, "quick", "f")


@pytest.mark.parametrize(
    ("argument", "tree"),
    [
        ("train.rounds=5", {"train": {"rounds": 5}}),
        ("a=b", {"a": "b"}),
        ("a.b.c=[1, x]", {"a": {"b": {"c": [1, "x"]}}}),
        ("a={b: {c: 1e-4}}", {"a": {"b": {"c": 1e-4}}}),
        ("a=", {"a": None}),
        ("a=null", {"a": None}),
        ("a='5'", {"a": "5"}),
        ("a=x=y", {"a": "x=y"}),
        ("players.p.factors.z1 | z0, x=uniform", {"players": {"p": {"factors": {"z1 | z0, x": "uniform"}}}}),
        ("utilities.p=E[a(x), b(z | x)] log c(x)", {"utilities": {"p": "E[a(x), b(z | x)] log c(x)"}}),
    ],
)
def test_an_override_is_read(argument: str, tree: object) -> None:
    assert read_override(argument).plain() == tree


def test_the_places_of_an_override() -> None:
    tree = read_override("train.rounds=five")
    node = tree.find(("train", "rounds"))
    assert node is not None
    assert str(node.key_position) == "train.rounds=five:1:7"
    assert str(node.place()) == "train.rounds=five:1:14"


@pytest.mark.parametrize("argument", ["train.rounds", "=5", ".a=5", "a.=5", "a..b=5", " a=5", "", "."])
def test_an_override_of_another_form_is_refused(argument: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_override(argument)
    what = "expected key=value with a dotted path as key, such as train.rounds=100"
    assert str(caught.value) == f"{argument}:1:1: {what}"


@pytest.mark.parametrize(
    ("argument", "message"),
    [
        ("a=[1", "a=[1:1:5: the '[' of line 1 needs ',' or ']' here, got the end of the file"),
        ("a={start: f(x, y)}", "a={start: f(x, y)}:1:11: start: a comma splits a formula inside [ ]: quote it or give it its own line"),
    ],
)
def test_the_value_of_an_override_is_checked(argument: str, message: str) -> None:
    with pytest.raises(SpecError) as caught:
        read_override(argument)
    assert str(caught.value) == message


def test_an_override_that_is_too_deep() -> None:
    with pytest.raises(SpecError, match="more than 50 parts"):
        read_override(".".join("a" * 1000) + "=1")


def test_overrides_merge() -> None:
    tree = parse_source("{a: {b: 1, c: {d: [1, 2]}}, e: 2}", "f")
    for argument in ("a.b=5", "a.c.d=[3]", "e=", "g.h=1"):
        tree = apply_override(tree, read_override(argument))
    assert tree.plain() == {"a": {"b": 5, "c": {"d": [3]}}, "g": {"h": 1}}


def test_an_item_of_a_list_cannot_be_overridden() -> None:
    with pytest.raises(SpecError) as caught:
        apply_override(parse_source("a: {b: [1, 2]}", "f"), read_override("a.b.0=3"))
    assert str(caught.value) == "a.b.0=3:1:1: a.b: this is a list, which is replaced whole: give it all its items in [ ]"
