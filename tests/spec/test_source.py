"""This file tests how text becomes a tree: values, places, and everything that is refused."""

import re
import sys
from pathlib import Path

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from gamelearn.errors import Problem, SpecError
from gamelearn.options import Path as SpecPath
from gamelearn.spec.node import Text, walk
from gamelearn.spec.source import MAX_BYTES, MAX_DEPTH, MAX_NODES, SPLIT_FORMULA, parse_source, read_source

SPECS = sorted((Path(__file__).parents[2] / "specs").glob("*.yaml"))


def refusals(text: str) -> list[str]:
    with pytest.raises(SpecError) as caught:
        parse_source(text, "f")
    return str(caught.value).splitlines()


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a: 1e-4", {"a": 1e-4}),
        ("a: no\nb: ~\nc:", {"a": "no", "b": None, "c": None}),
        ("a: '1'\nb: \"1\"", {"a": "1", "b": "1"}),
        ("a: [1, {b: c}, []]\nd: {}", {"a": [1, {"b": "c"}, []], "d": {}}),
        ("- a\n- b: 1\n  c: 2", ["a", {"b": 1, "c": 2}]),
        ("a: &b [1, 2]\nc: *b", {"a": [1, 2], "c": [1, 2]}),
        ("---\na: 1\n...\n", {"a": 1}),
        ("%YAML 1.2\n---\na: 1", {"a": 1}),
        ("\ufeffa: 1", {"a": 1}),
        ("a: 2026-01-01", {"a": "2026-01-01"}),
        ("s | x, z: 1\nz1 | z0, x: [decoder(z1 | z0), trunk.s1]", {"s | x, z": 1, "z1 | z0, x": ["decoder(z1 | z0)", "trunk.s1"]}),
        ("u: E[images(x), encoder(z | x)] log decoder(x, z)", {"u": "E[images(x), encoder(z | x)] log decoder(x, z)"}),
        ("u: E[a(x), b(x' | s)] log c(x')", {"u": "E[a(x), b(x' | s)] log c(x')"}),
        ("{a: 'f(x, y)', b: \"g(x, y)\"}", {"a": "f(x, y)", "b": "g(x, y)"}),
        ("a: |\n  b\n  c\n", {"a": "b\nc\n"}),
        ("5", 5),
        ("a: b\r\nc: d\r\n", {"a": "b", "c": "d"}),
        ("a: 'tab\tin text' # and\tcomment", {"a": "tab\tin text"}),
    ],
)
def test_a_text_is_read(text: str, value: object) -> None:
    assert parse_source(text, "f").plain() == value


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_a_shipped_spec_reads_as_pyyaml_reads_it(path: Path) -> None:
    """Where the scalars of YAML 1.1 and 1.2 agree, PyYAML is the oracle; `1e-4` is the one exception here."""

    def as_old(value: object) -> object:
        if isinstance(value, dict):
            return {key: as_old(item) for key, item in value.items()}
        if isinstance(value, list):
            return [as_old(item) for item in value]
        return float(value) if isinstance(value, str) and re.fullmatch(r"\d+e-?\d+", value) else value

    assert read_source(path).plain() == as_old(yaml.safe_load(path.read_text()))


@pytest.mark.parametrize(
    ("text", "path", "on_key", "offset", "place"),
    [
        ("a: b", ("a",), True, 0, (1, 1)),
        ("a: b", ("a",), False, 0, (1, 4)),
        ("a: b", (), False, 0, (1, 1)),
        ("a:\n  - b\n  - cde", ("a", 1), False, 2, (3, 7)),
        ("{a: {b: c}}", ("a", "b"), False, 0, (1, 9)),
        ("{a: {b: c}}", ("a",), False, 0, (1, 5)),
        ("ab | c: d", ("ab | c",), True, 5, (1, 6)),
        ("'ab | c': d", ("ab | c",), True, 5, (1, 7)),
        ("a: 'b''c'", ("a",), False, 2, (1, 8)),
        ("a: 'b''c'", ("a",), False, 1, (1, 6)),
        ('a: "b\\x41c"', ("a",), False, 2, (1, 10)),
        ('a: "b\\n\\u00e9c"', ("a",), False, 3, (1, 14)),
        ('a: "b \\\n  c"', ("a",), False, 2, (2, 3)),
        ("a: b c\n  d e", ("a",), False, 4, (2, 3)),
        ("a: b c\n  d e", ("a",), False, 6, (2, 5)),
        ("a: b\n\n  d", ("a",), False, 2, (3, 3)),
        ("a: |\n  bc\n  de\n", ("a",), False, 4, (3, 4)),
        ("a: >-\n  bc\n  de\n", ("a",), False, 3, (3, 3)),
        ("a: | # comment\n\n  bc\n", ("a",), False, 2, (3, 4)),
        ("a: bc", ("a",), False, 2, (1, 6)),
        ("a: bc", ("a",), False, 99, (1, 6)),
        ("a: b\r\nc: d e", ("c",), False, 2, (2, 6)),
        ("a: ä\nb: 'äö'", ("b",), False, 1, (2, 6)),
        ("a:", ("a",), False, 0, (1, 3)),
        ("a: &n bc\nd: *n", ("d",), False, 1, (1, 8)),
    ],
)
def test_a_character_is_found(text: str, path: SpecPath, on_key: bool, offset: int, place: tuple[int, int]) -> None:
    steps, is_found = walk(parse_source(text, "f"), path)
    assert is_found
    node = steps[-1][1] if steps else parse_source(text, "f")
    position = node.place(offset, on_key=on_key)
    assert (position.file, position.line, position.column) == ("f", *place)


@given(st.text(alphabet="ab |'(\"\\é\n", max_size=30), st.sampled_from(["'", '"']))
def test_every_visible_character_of_a_quoted_text_is_found(value: str, quote: str) -> None:
    quoted = value.replace("\n", " ").strip()
    raw = "'" + quoted.replace("'", "''") + "'" if quote == "'" else yaml.dump(quoted, default_style='"', width=10**6, allow_unicode=True)
    node = parse_source(f"key: {raw}", "f")
    line = f"key: {raw}"
    assert isinstance(node.children["key"].text, Text)
    for offset, character in enumerate(quoted):
        if not character.isspace() and character not in "\"\\'":
            assert line[node.children["key"].place(offset).column - 1] == character


def test_find_and_walk() -> None:
    tree = parse_source("a: [x, {b: 1}]", "f")
    found = tree.find(("a", 1, "b"))
    assert found is not None
    assert found.value == 1
    assert found.key_position is not None
    assert found.key_position.column == 9
    assert tree.find(("a", 2)) is None
    assert tree.find(("a", 0, "b")) is None
    assert tree.find(()) is tree
    steps, is_found = walk(tree, ("a", "variables", "x"))
    assert ([part for part, _ in steps], is_found) == (["a", 0], True)
    steps, is_found = walk(tree, ("a", 1, "absent"))
    assert ([part for part, _ in steps], is_found) == (["a", 1], False)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f:1:1: the file is empty"),
        ("# only a comment\n", "f:1:1: the file is empty"),
        ("a: 1\nb: 2\na: 3", "f:3:1: a: the key 'a' stands here twice, first on line 1 column 1"),
        ("1: a", "f:1:1: a key is a text, got 1: quote it"),
        ("true: a", "f:1:1: a key is a text, got true: quote it"),
        ("null: a", "f:1:1: a key is a text, got null: quote it"),
        ("? [a]\n: b", "f:1:3: a key is a text, got a list: quote it"),
        ("? {a: b}\n: b", "f:1:3: a key is a text, got a map: quote it"),
        ("a: &b c\n*b : d", "f:2:1: an alias cannot be a key: write the key out"),
        ("<<: {a: b}", "f:1:1: merge keys ('<<') are not part of the language: write the keys out"),
        ("a: !!str 5", "f:1:4: a: tags ('!') are not part of the language"),
        ("a: !!python/object/apply:os.system [ls]", "f:1:4: a: tags ('!') are not part of the language"),
        ("a: !x {b: c}", "f:1:4: a: tags ('!') are not part of the language"),
        ("a: 1\n---\nb: 2", "f:2:1: a second document begins here ('---'): a spec is one document"),
        ("a: &a [*a]", "f:1:8: the alias '*a' stands inside its own anchor '&a'"),
        ("a: *b", "f:1:4: unknown alias '*b'; known: none"),
        ("a: &name 1\nb: *nmae", "f:2:4: unknown alias '*nmae'; known: '*name'; did you mean '*name'?"),
        ("a:\tb", "f:1:3: a tab cannot stand here: use spaces"),
        ("a:\n\tb: 1", "f:2:1: a tab cannot stand here: use spaces"),
        ("a: x\x07y", "f:1:5: a control character (code 7) cannot stand in a spec"),
        ("a: 1\nb: \x00", "f:2:4: a control character (code 0) cannot stand in a spec"),
        ('a: "b\\0"', "f:1:6: a: an escape gives a control character (code 0)"),
        ('a: "\\ud800"', "f:1:5: a: an escape gives a control character (code 55296)"),
        ('a: "\\UFFFFFFFF"', "f:1:7: a number in this escape or directive is out of range"),
        ("%YAML " + "9" * 5000 + ".1\n---\na: 1", "f:1:7: a number in this escape or directive is out of range"),
        ("a: b: c", "f:1:5: this ':' makes a key where none can stand: quote the text, or check the indentation"),
        ("a:\n  b: 1\n c: 2", "f:3:2: this line is indented unlike the lines above it"),
        ("a: [1, 2", "f:1:9: the '[' of line 1 needs ',' or ']' here, got the end of the file"),
        ("a: {b: 1\nc: 2", "f:2:2: the '{' of line 1 needs ',' or '}' here, got ':'"),
        ("a: 'b\n", "f:1:4: the quote that opens here is never closed"),
        ("a: - b", "f:1:4: a list cannot begin here: put each '-' on a line of its own below the key"),
        ("a: @b", "f:1:4: '@' cannot begin a value: quote it"),
        ("a: [b]]", "f:1:7: a ']' that closes nothing: quote the text"),
        ("a: 'b' c", "f:1:8: text after the end of a value: quote the whole value, or check the indentation"),
        ("a: 1e999", "f:1:4: a: the number is too large or has too many digits; write infinity as .inf"),
        ("a:\n  b:\n    - " + "9" * 30, "f:3:7: a.b[0]: the whole number is too large: at most 9223372036854775807 can be read"),
        ("a" * 501 + ": b", "f:1:1: the key has more than 500 characters"),
    ],
)  # fmt: skip
def test_a_text_is_refused(text: str, message: str) -> None:
    assert refusals(text) == [message]


@pytest.mark.parametrize(
    ("text", "places"),
    [
        ("a: {start: decoder(x, z)}", ["1:12: a.start"]),
        ("a: [decoder(x, z)]", ["1:5: a[0]"]),
        ("a: [decoder(x, z, y), encoder(z | x), f(a, b)]", ["1:5: a[0]", "1:39: a[4]"]),
        ("a: {decoder(x, z): b}", ["1:5: a"]),
        ("a: {z1 | z0, x: uniform}", ["1:5: a.z1 | z0"]),
        ("a: {b: E[images(x), encoder(z | x)] log decoder(x, z)}", ["1:8: a.b"]),
        ("a: [E[images(x)] log decoder(x)]", ["1:5: a[0]"]),
        ("a: {term: E[images(x)] log decoder(x), weight: 0.1}", ["1:11: a.term"]),
        ("a:\n  - {b: f(x,\n    y)}", ["2:9: a[0].b"]),
        ("a: [x | y, f(g(x, y), z)]", ["1:12: a[1]"]),
        ("a: [f(x, y), 'g(x, y)', [h(x, y)]]", ["1:5: a[0]", "1:26: a[3][0]"]),
    ],
)
def test_a_split_formula_is_seen_once(text: str, places: list[str]) -> None:
    assert refusals(text) == [f"f:{place}: {SPLIT_FORMULA}" for place in places]


def test_the_message_of_a_split_formula() -> None:
    assert SPLIT_FORMULA == "a comma splits a formula inside [ ]: quote it or give it its own line"


def test_all_problems_are_told_at_once() -> None:
    assert refusals("a: !x 1\nb: f\na: 2\n1: 3\n[") == [
        "f:1:4: a: tags ('!') are not part of the language",
        "f:3:1: a: the key 'a' stands here twice, first on line 1 column 1",
        "f:4:1: a key is a text, got 1: quote it",
        "f:5:1: '[' cannot stand here: check the indentation",
    ]


NESTED = "\n".join(f"b{i}: &x{i} {'[' * 40}*x{i - 1}{']' * 40}" for i in range(1, 100))
HOSTILE = {
    "aliases": "a0: &a0 [x]\n" + "\n".join(f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 12)),
    "alias in itself": "&a [*a]",
    "deep by aliases": f"a: &x0 []\n{NESTED}",
    "deep lists": "[" * 100_000,
    "deep maps": "{a: " * 60_000,
    "deep blocks": "- " * 100_000,
    "deep keys": "? " * 100_000,
    "many items": "[" + "a, " * 80_000 + "]",
    "many keys": "".join(f"k{i}: 1\n" for i in range(20_000)),
    "many lines": "a\n" * 130_000 + "b: [",
    "many words": "a " * 130_000 + ": {",
    "open quote": '"' + "a " * 130_000,
    "comment": "#" * 260_000,
    "many directives": "%a b\n" * 50_000,
    "large": "a" * 100_000_000,
    "long key": "a" * 200_000 + ": b",
    "split formulas": "[" + "f(x, y), " * 4_000 + "]",
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE.keys())
def test_a_hostile_text_is_refused_at_once(text: str) -> None:
    """The bound is on calls of functions, about a second's worth, which does not depend on the machine."""
    calls = 0

    def count(*_: object) -> None:
        nonlocal calls
        calls += 1

    sys.setprofile(count)
    try:
        problems = refusals(text)
    finally:
        sys.setprofile(None)
    assert problems
    assert calls < 10_000_000


@pytest.mark.parametrize("depth", [MAX_DEPTH, MAX_DEPTH + 1])
def test_the_depth_is_bounded(depth: int) -> None:
    text = "[" * depth + "]" * depth
    if depth <= MAX_DEPTH:
        parse_source(text, "f")
    else:
        assert refusals(text) == ["f:1:51: more than 50 levels inside each other"]


@pytest.mark.parametrize("items", [MAX_NODES - 1, MAX_NODES])
def test_the_number_of_values_is_bounded(items: int) -> None:
    text = "- a\n" * items
    if items < MAX_NODES:
        assert len(parse_source(text, "f").children) == items
    else:
        assert refusals(text) == [f"f:{items}:3: more than 10000 values, with the aliases expanded"]


@given(st.text(max_size=200) | st.text(alphabet="ab:,[]{}()&*!|>'\"-? \n\t%#E=<~1.", max_size=60))
def test_any_text_is_read_or_refused(text: str) -> None:
    problems: tuple[Problem, ...] = ()
    try:
        parse_source(text, "f").plain()
    except SpecError as error:
        problems = error.problems or (Problem("", "an error without a problem"),)
    assert all(each.position is not None and each.position.line >= 1 and each.position.column >= 1 for each in problems)


def test_a_file_is_named_as_it_was_given(tmp_path: Path) -> None:
    (tmp_path / "a.yaml").write_text("a: [")
    with pytest.raises(SpecError) as caught:
        read_source(tmp_path / "a.yaml")
    assert str(caught.value).startswith(f"{tmp_path / 'a.yaml'}:1:5: ")


def test_files_that_cannot_be_read(tmp_path: Path) -> None:
    (tmp_path / "latin").write_bytes("a: 1\nb: Gr\xfc\xdf".encode("latin-1"))
    (tmp_path / "wide").write_bytes("a: 1".encode("utf-16"))
    (tmp_path / "empty").touch()
    (tmp_path / "large").write_bytes(b"#" * (MAX_BYTES + 1))
    expected = {
        "latin": "2:6: the file is not UTF-8 (byte 0xfc): save it as UTF-8",
        "wide": "1:1: the file is not UTF-8 (byte 0xff): save it as UTF-8",
        "empty": "1:1: the file is empty",
        "large": "1:1: the file is larger than 256 KiB, the most that a spec may have",
        "absent": "1:1: there is no such file",
        ".": "1:1: this is not a file",
    }
    for name, message in expected.items():
        with pytest.raises(SpecError) as caught:
            read_source(tmp_path / name)
        assert str(caught.value) == f"{tmp_path / name}:{message}"


def test_a_large_file_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as file:
        file.truncate(2**40)
    with pytest.raises(SpecError, match="larger than 256 KiB"):
        read_source(path)


def test_a_name_that_no_file_can_have() -> None:
    with pytest.raises(SpecError, match=r"no such file|cannot be read"):
        read_source("a\0b")
    with pytest.raises(SpecError, match=r"no such file|cannot be read"):
        read_source("a" * 5000)
