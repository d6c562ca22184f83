"""This file tests the whole way from a file to a spec: order of composition, every mistake at once, the resolved text."""

from pathlib import Path
from typing import Any

import pytest

from gamelearn.errors import SpecError
from gamelearn.options import Mistake
from gamelearn.options import Path as SpecPath
from gamelearn.shipped import shipped_specs
from gamelearn.spec.load import SpecFile, find_spec, load_source, load_spec
from gamelearn.spec.node import Node

GAME = """\
name: game
variables:
  x: {type: binary, shape: [4]}
  c: {type: categorical, classes: 3}
  z: {type: binary, shape: [2]}
  all: [x, z]
data:
  dataset: {type: npz, path: rows.npz}
  streams:
    images: [x]
    pairs: {variables: [x, c], take: 10}
players:
  decoder:
    factors:
      z: uniform
      x | z: {net: mlp, hidden: [3, 4]}
  encoder:
    networks:
      trunk: {net: mlp, hidden: [5], inputs: [x], outputs: {a: z}}
    factors:
      z | x: [trunk.a, free]
utilities:
  decoder: E[images(x), encoder(z | x)] log decoder(x, z)
  encoder:
    - E[decoder(x, z)] log encoder(z | x)
samplers:
  limit:
    start: decoder(x, z)
    sweep: encoder(z | x), decoder(x | z)
train: {rounds: 10, batch: 8, optimizer: {type: adam, lr: 1e-3}}
presets:
  quick: {train: {rounds: 2}}
  long: {train: {rounds: null, epochs: 3}}
"""


@pytest.fixture
def game(tmp_path: Path) -> Path:
    (tmp_path / "game.yaml").write_text(GAME)
    return tmp_path / "game.yaml"


def edited(game: Path, *edits: tuple[str, str]) -> Path:
    text = GAME
    for old, new in edits:
        assert old in text
        text = text.replace(old, new, 1)
    game.write_text(text)
    return game


def problems(path: Path, **options: Any) -> list[str]:
    try:
        found = [str(each) for each in load_source(path, **options).problems]
    except SpecError as error:
        found = str(error).splitlines()
    return [each.replace(f"{path}:", "") for each in found]


def test_a_spec_is_loaded(game: Path) -> None:
    file = load_source(game)
    assert isinstance(file, SpecFile)
    assert (file.mistakes, file.problems, file.text, file.path) == ((), (), GAME, game)
    assert (file.spec.name, file.spec.train.rounds, file.spec.train.batch) == ("game", 10, {"default": 8})
    assert load_spec(game) == file.spec


def test_the_order_of_composition(game: Path, tmp_path: Path) -> None:
    leaf = tmp_path / "leaf.yaml"
    leaf.write_text("{extends: game.yaml, train: {batch: 16, seed: 3}, presets: {quick: {train: {seed: 4, ema: 0.9}}}}")

    def train(**options: Any) -> tuple[Any, ...]:
        read = load_spec(leaf, **options).train
        return read.rounds, read.batch["default"], read.seed, read.ema

    assert train() == (10, 16, 3, None)
    assert train(preset="quick") == (2, 16, 4, 0.9)
    assert train(preset="quick", overrides=["train.seed=5", "train.batch=32"]) == (2, 32, 5, 0.9)
    assert train(preset="quick", overrides=["train.ema="]) == (2, 16, 4, None)
    assert load_spec(leaf, preset="long").train.epochs == 3


@pytest.mark.parametrize("shown", ["[every]", "[c, all]", "{variables: [all, c], take: 5}"])
def test_a_stream_of_groups_shows_their_variables(game: Path, shown: str) -> None:
    spec = load_spec(edited(game, ("  all: [x, z]\n", "  every: [all, c]\n  all: [x, z]\n"), ("images: [x]", f"images: {shown}")))
    assert spec.data.streams["images"].variables == {"x": "x", "z": "z", "c": "c"}


def test_a_variable_that_a_stream_lists_twice_through_groups_is_told_at_its_place(game: Path) -> None:
    with pytest.raises(SpecError, match=r"game.yaml:10:17: data.streams.images\[1\]: 'x' stands here twice"):
        load_spec(edited(game, ("images: [x]", "images: [x, all]")))


def test_groups_of_groups_take_no_time_that_doubles_with_each(game: Path) -> None:
    nested = "".join(f"  g{index}: [g{index + 1}, g{index + 2}]\n" for index in range(60))
    spec = load_spec(edited(game, ("  all: [x, z]\n", f"  all: [x, z]\n{nested}  g60: [x]\n  g61: [z]\n"), ("images: [x]", "images: [g0]")))
    assert sorted(spec.data.streams["images"].variables) == ["x", "z"]


@pytest.mark.parametrize("preset", [None, "quick", "long"])
def test_the_resolved_text_loads_to_an_equal_spec(game: Path, tmp_path: Path, preset: str | None) -> None:
    (tmp_path / "rows.npz").touch()
    file = load_source(game, preset=preset, overrides=["train.optimizer.lr=1e-5", "data.streams.pairs.take=3"])
    (tmp_path / "elsewhere").mkdir()
    resolved = tmp_path / "elsewhere" / "resolved.yaml"
    resolved.write_text(file.resolved_text())
    again = load_source(resolved)
    assert again.spec == file.spec
    assert again.resolved_text() == file.resolved_text()
    assert file.spec.train.optimizer.lr == 1e-5


@pytest.mark.parametrize("name", list(shipped_specs()))
def test_a_shipped_spec_loads_by_name_with_each_of_its_presets(name: str, tmp_path: Path) -> None:
    for preset in (None, *load_source(name).presets):
        file = load_source(name, preset=preset)
        assert file.problems == ()
        (tmp_path / "resolved.yaml").write_text(file.resolved_text())
        assert load_spec(tmp_path / "resolved.yaml") == file.spec
        assert load_source(name, preset=preset, untrusted=True).problems == ()


def test_a_spec_is_a_file_or_shipped(game: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    shipped = shipped_specs()["mnist-lvae"]
    for name in ("mnist-lvae", "mnist_lvae", "mnist_lvae.yaml", "specs/mnist_lvae.yaml"):
        assert find_spec(name) == shipped
    (tmp_path / "mnist-lvae").mkdir()
    assert find_spec("mnist-lvae") == shipped
    (tmp_path / "mnist_lvae.yaml").write_text(GAME)
    assert find_spec("mnist_lvae.yaml") == Path("mnist_lvae.yaml")
    assert find_spec(game) == game


def test_a_spec_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(SpecError) as caught:
        load_source("mnist-lvea")
    assert str(caught.value).startswith("mnist-lvea: there is no such file, and no shipped spec of this name; shipped: '")
    assert str(caught.value).endswith("; did you mean 'mnist-lvae'?")
    (tmp_path / "game.yaml").touch()
    with pytest.raises(SpecError, match=r"did you mean '.*game.yaml'"):
        load_source(tmp_path / "gmae.yaml")
    with pytest.raises(SpecError, match="this is not a file"):
        load_source(tmp_path)
    with pytest.raises(SpecError):
        load_source("a\0b")


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("rounds: 10", "roundz: 10", "30:9: train.roundz: unknown key 'roundz'; known: 'rounds', 'epochs', "),
        ("rounds: 10", "rounds: ten", "30:17: train.rounds: expected a whole number, got 'ten'"),
        ("rounds: 10", "rounds: 0", "30:17: train.rounds: must be greater than 0, got 0"),
        ("rounds: 10", "rounds: 10, minutes: .inf", "30:30: train.minutes: expected a finite number, got inf"),
        ("type: adam", "type: adm", "did you mean 'adam'?"),
        ("type: binary", "type: bianry", "3:13: variables.x.type: 'bianry' is not one of 'binary', 'categorical', 'count', 'real'; did you mean 'binary'?"),
        ("shape: [4]", "shape: [4, no]", "3:32: variables.x.shape[1]: expected a whole number, got 'no'"),
        ("  x: {", "  x y: {", "3:3: variables.x y: 'x y' is not a name: letters, digits and _"),
        ("all: [x, z]", "all: [x, z z]", "6:12: variables.all[1]: 'z z' is not a name: letters, digits and _"),
        ("name: game", "name: my game", "1:7: name: 'my game' is not a name: letters, digits, '_', '-' and '.'"),
        ("name: game\n", "", "1:1: the key 'name' is missing"),
        ("utilities:", "utilites:", "did you mean 'utilities'?"),
        ("    factors:\n      z: u", "    factros:\n      z: u", "14:5: players.decoder.factros: unknown key 'factros'; known: "),
        ("hidden: [3, 4]", "hiden: [3, 4]", "16:25: players.decoder.factors.x | z.hiden: unknown key 'hiden'; known: "),
        ("net: mlp, hidden: [3", "net: mpl, hidden: [3", "16:20: players.decoder.factors.x | z.net: unknown network 'mpl'; known: "),
        ("net: mlp, hidden: [3", "nte: mlp, hidden: [3", "16:15: players.decoder.factors.x | z.nte: unknown key 'nte'; 'net' names one of the networks "),
        ("type: npz", "typ: npz", "8:13: data.dataset.typ: unknown key 'typ'; 'type' names one of the data sets '"),
        ("type: npz", "kind: npz", "8:12: data.dataset: the key 'type' is missing: it names one of the data sets '"),
        ("{net: mlp, hidden: [3, 4]}", "{scroes: [free]}", "16:15: players.decoder.factors.x | z.scroes: unknown key 'scroes'; 'scores' lists"),
        ("hidden: [3, 4]", "faimly: {type: bernoulli}", "16:25: players.decoder.factors.x | z.faimly: unknown key 'faimly'; 'family' holds the family"),
        ("hidden: [3, 4]", "family: {tipe: bernoulli}", "16:34: players.decoder.factors.x | z.family.tipe: unknown key 'tipe'; 'type' names one of the families "),
        ("take: 10", "take: 0", "11:38: data.streams.pairs.take: must be greater than 0, got 0"),
        ("take: 10", "except: 5", "11:40: data.streams.pairs.except: expected text, got 5"),
        ("[x, c]", "[x, 5]", "11:28: data.streams.pairs.variables[1]: expected the name of a variable, got 5"),
        ("[x, c]", "[x, x]", "11:28: data.streams.pairs.variables[1]: 'x' stands here twice"),
        ("images: [x]", "images: [x y]", "10:14: data.streams.images[0]: 'x y' is not a name: letters, digits and _"),
        ("    start:", "    strat:", "28:5: samplers.limit.strat: unknown key 'strat'; known: 'start', 'sweep', 'sweeps', 'after', 'burn_in', 'thin', 'chains'; did"),
        ("    - E[", "    - 5\n    - E[", "25:7: utilities.encoder[0]: "),
        ("quick: {train: {rounds: 2}", "quick: {train: {rouns: 2}", "32:19: presets.quick.train.rouns: unknown key 'rouns'; known: "),
        ("quick: {train: {rounds: 2}", "quick: {trian: {rounds: 2}", "32:11: presets.quick.trian: unknown key 'trian'; known: "),
        ("rounds: null", "minutes: 2", "33:17: presets.long.train: one of 'rounds', 'epochs', 'minutes' sets the length, got"),
        ("name: game", "name: game\nrounds: 3", "2:1: rounds: unknown key 'rounds'; "),
        ("name: game", "name: game\nrounds: 3", "'rounds' belongs in 'train'"),
        ("rounds: 10", "lr: 0.1", "'lr' belongs in 'train.optimizer'"),
        ("rounds: 10", "streams: {}", "'streams' belongs in 'data'"),
        ("rounds: 10", "variables: {}", "'variables' belongs at the top, without indentation"),
        ("rounds: 10", "rounds: 10, '${env:X}': 3", "unknown key '${env:X}'"),
        ("name: game", "name: '${env:X}'", "1:8: name: '${...}' is read in paths alone"),
    ],
)  # fmt: skip
def test_a_mistake_is_told_with_its_place(game: Path, old: str, new: str, message: str) -> None:
    found = problems(edited(game, (old, new)))
    assert len(found) == 1, found
    assert message in found[0]


def test_all_mistakes_are_told_at_once_in_the_order_of_the_file(game: Path) -> None:
    edited(game, ("type: binary", "type: bianry"), ("take: 10", "tak: 10"), ("rounds: 10", "rounds: 1.5"), ("rounds: 2", "rounds: 0"))
    found = problems(game, overrides=["train.optimizer.lr=-1", "train.sede=1", "x"])
    assert [each.split(": ")[0:2] for each in found] == [
        ["3:13", "variables.x.type"],
        ["11:32", "data.streams.pairs.tak"],
        ["30:17", "train.rounds"],
        ["32:27", "presets.quick.train.rounds"],
        ["train.optimizer.lr=-1:1:20", "train.optimizer.lr"],
        ["train.sede=1:1:7", "train.sede"],
        ["x:1:1", "expected key=value with a dotted path as key, such as train.rounds=100"],
    ]


def test_a_mistake_in_a_base_is_placed_there(game: Path, tmp_path: Path) -> None:
    edited(game, ("rounds: 10", "rounds: ten"))
    (tmp_path / "leaf.yaml").write_text("{extends: game.yaml, train: {batch: x}}")
    with pytest.raises(SpecError) as caught:
        load_spec(tmp_path / "leaf.yaml")
    assert [str(each.position) for each in caught.value.problems] == [f"{game}:30:17", f"{tmp_path / 'leaf.yaml'}:1:37"]


@pytest.mark.parametrize(
    ("old", "new", "check"),
    [
        ("rounds: 10", "roundz: 10", lambda spec: spec.train.rounds == 10),
        ("rounds: 10", "nonsense: 10", lambda spec: spec.train.rounds is None),
        ("rounds: 10", "rounds: ten", lambda spec: spec.train.rounds is None),
        ("type: binary", "type: bianry", lambda spec: spec.variables["x"].type == "binary"),
        ("net: mlp, hidden: [3", "net: mpl, hidden: [3", lambda spec: spec.players["decoder"].factors["x | z"].scores[0].network.net == "mlp"),
        ("utilities:", "utilites:", lambda spec: set(spec.utilities) == {"decoder", "encoder"}),
        ("net: mlp, hidden: [3", "nte: mlp, hidden: [3", lambda spec: spec.players["decoder"].factors["x | z"].scores[0].network.net == "mlp"),
        ("    networks:", "    netwroks:", lambda spec: set(spec.players["encoder"].networks) == {"trunk"}),
        ("hidden: [3, 4]", "hidden: [3, -4]", lambda spec: -4 not in spec.players["decoder"].factors["x | z"].scores[0].network.hidden),
        ("rounds: 2}", "rounds: -2}", lambda spec: spec.train.rounds == 10),
    ],
)  # fmt: skip
def test_what_is_left_of_a_spec_with_a_mistake_can_be_looked_at(game: Path, old: str, new: str, check: Any) -> None:
    file = load_source(edited(game, (old, new)))
    assert check(file.spec)
    assert len(file.mistakes) == len(file.problems) == 1
    assert file.locate(file.mistakes) == list(file.problems)
    with pytest.raises(SpecError) as caught:
        load_spec(game)
    assert caught.value.problems == file.problems


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("type: binary, shape: [4]", "type: nonsense, shape: [4]"),
        ("  x: {", "  x y: {"),
        ("name: game\n", ""),
        ("      z: uniform", "      z: 5"),
    ],
)
def test_a_spec_that_cannot_be_mended_without_a_guess_is_refused(game: Path, old: str, new: str) -> None:
    with pytest.raises(SpecError) as caught:
        load_source(edited(game, (old, new)))
    assert len(caught.value.problems) == 1


@pytest.mark.parametrize(
    ("mistake", "place"),
    [
        (Mistake(("utilities", "decoder"), "w", offset=12), "23:24: utilities.decoder: w"),
        (Mistake(("utilities", "decoder", 0, "term"), "w", offset=12), "23:24: utilities.decoder: w"),
        (Mistake(("utilities", "encoder", 0), "w", offset=2), "25:9: utilities.encoder[0]: w"),
        (Mistake(("variables", "all", "members", 1), "w"), "6:12: variables.all[1]: w"),
        (Mistake(("data", "streams", "images", "variables", "x"), "w", on_key=True), "10:14: data.streams.images[0]: w"),
        (Mistake(("data", "streams", "pairs", "variables", "c"), "w"), "11:28: data.streams.pairs.variables[1]: w"),
        (Mistake(("players", "decoder", "factors", "x | z"), "w", on_key=True, offset=4), "16:11: players.decoder.factors.x | z: w"),
        (Mistake(("players", "encoder", "factors", "z | x", "scores", 1), "w"), "21:24: players.encoder.factors.z | x[1]: w"),
        (Mistake(("samplers", "limit", "sweep", 0), "w", offset=16), "29:28: samplers.limit.sweep: w"),
        (Mistake((), "w"), "1:1: w"),
        (Mistake(("stages",), "w", "s"), "1:1: w; did you mean 's'?"),
    ],
)
def test_a_mistake_found_later_is_located(game: Path, mistake: Mistake, place: str) -> None:
    [problem] = load_source(game).locate([mistake])
    assert str(problem) == f"{game}:{place}"
    [warning] = load_source(game).locate([mistake], "warning")
    assert warning.severity == "warning"
    assert str(warning).startswith(f"{game}:{place.split(': ')[0]}: warning: ")


def test_a_mistake_below_a_mended_key_is_located_as_written(game: Path) -> None:
    file = load_source(edited(game, ("utilities:", "utilites:")))
    [problem] = file.locate([Mistake(("utilities", "decoder"), "w", offset=2)])
    assert str(problem) == f"{game}:23:14: utilites.decoder: w"


def test_the_number_of_mistakes_is_bounded(game: Path) -> None:
    assert len(problems(edited(game, ("images: [x]", f"images: [{'x, ' * 5000}]")))) == 200


def test_an_unknown_preset(game: Path) -> None:
    assert problems(game, preset="quik") == ["1:1: presets: unknown preset 'quik'; known: 'quick', 'long'; did you mean 'quick'?"]


def test_required_plugins(game: Path) -> None:
    assert problems(edited(game, ("name: game", "name: game\nrequire: [absent]"))) == [
        "2:11: require[0]: the plugin 'absent' is not loaded; loaded: 'games'; load more with --plugin FILE_OR_MODULE, or install them"
    ]
    assert problems(edited(game, ("name: game", "name: game\nrequire: [games]"))) == []
    assert "did you mean 'games'?" in problems(edited(game, ("name: game", "name: game\nrequire: [game]")))[0]


def test_a_spec_imports_nothing(game: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    (tmp_path / "evil.py").write_text("raise SystemExit('imported')")
    for name in ("evil", "evil.py", "./evil.py"):
        assert len(problems(edited(game, ("name: game", f"name: game\nrequire: ['{name}']")))) == 1
        assert len(problems(edited(game, ("net: mlp", f"net: '{name}'")))) == 1


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("shape: [4]", "shape: [10000, 10000]", "3:6: variables.x: has 100000000 elements; an untrusted spec may have 10000000"),
        ("classes: 3", "classes: 3, shape: [5000000]", "4:6: variables.c: has 15000000 elements; an untrusted spec may have 10000000"),
        ("batch: 8", "batch: 1000001", "30:28: train.batch: an untrusted spec may ask for at most 1000000 rows in a batch, got 1000001"),
        ("batch: 8", "batch: {default: 8, images: 2000000}", "30:49: train.batch.images: an untrusted spec may ask for at most"),
        ("hidden: [3, 4]", "hidden: [3, 65537]", "16:37: players.decoder.factors.x | z.hidden[1]: an untrusted spec may ask for at most 65536 as a"),
        ("hidden: [5]", "hidden: [1000000]", "19:34: players.encoder.networks.trunk.hidden[0]: an untrusted spec may ask for at most 65536"),
        ("path: rows.npz", "path: ../rows.npz", "8:30: data.dataset.path: '../rows.npz' lies outside of the spec's folder and the data root"),
        ("path: rows.npz", "path: /etc/passwd", "8:30: data.dataset.path: '/etc/passwd' lies outside of the spec's folder and the data root"),
    ],
)  # fmt: skip
def test_an_untrusted_spec_is_bounded(game: Path, old: str, new: str, message: str) -> None:
    edited(game, (old, new))
    assert problems(game) == []
    [found] = problems(game, untrusted=True)
    assert found.startswith(message)


def test_the_tree_has_neither_bases_nor_presets(game: Path, tmp_path: Path) -> None:
    (tmp_path / "leaf.yaml").write_text("{extends: game.yaml}")
    tree = load_source(tmp_path / "leaf.yaml").tree
    assert isinstance(tree, Node)
    assert {"extends", "presets"} & tree.children.keys() == set()


PATHS: list[SpecPath] = [("train", "rounds"), ("players", "decoder", "factors"), ("utilities",)]


@pytest.mark.parametrize("path", PATHS, ids=str)
@pytest.mark.parametrize("value", ["5", "text", "[]", "{}", "null", "[[1]]", "{a: {b: c}}", "true", ".nan", "[{net: mlp}]", "{term: 5}"])
def test_any_value_anywhere_is_read_or_refused(game: Path, path: SpecPath, value: str) -> None:
    try:
        found = load_source(game, overrides=[f"{'.'.join(map(str, path))}={value}"]).problems
    except SpecError as error:
        found = error.problems
        if not found:
            raise
    assert all(each.what and each.position for each in found)


@pytest.mark.parametrize(
    ("argument", "length"), [("train.minutes=2", "minutes"), ("train={epochs: 3}", "epochs"), ("train.rounds=7", "rounds")]
)
def test_a_length_takes_the_place_of_another(argument: str, length: str) -> None:
    train = load_spec("digits-vae", overrides=[argument]).train
    assert [name for name in ("rounds", "epochs", "minutes") if getattr(train, name) is not None] == [length]
    assert train.checkpoint.minutes == 10.0


def test_presets_are_taken_in_order(tmp_path: Path) -> None:
    text = find_spec("digits-vae").read_text() + "  small: {train: {batch: 8}}\n"
    (tmp_path / "spec.yaml").write_text(text)

    def train(*presets: str) -> tuple[float | None, int]:
        spec = load_spec(tmp_path / "spec.yaml", preset=presets)
        return spec.train.rounds, spec.train.batch["default"]

    assert (train(), train("quick", "small"), train("quick", "paper"), train("paper", "quick")) == (
        (8000, 128),
        (1000, 8),
        (40000, 128),
        (1000, 128),
    )
