"""This file tests plugins: the package's own, installed ones, files, modules, and what is said when one fails."""

import os
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import EntryPoint, EntryPoints
from pathlib import Path

import pytest

from gamelearn import plugins
from gamelearn.errors import PluginError
from gamelearn.plugins import Plugin, load_builtins, load_plugins, loaded_plugins, missing_plugin
from gamelearn.registry import DATASETS, FAMILIES, NETWORKS, OPTIMIZERS, PLAYERS

REGISTERS = """
from gamelearn.registry import {registry}
from gamelearn.spec.kinds import {options}

count = []

@{registry}.register("{name}", options={options})
class Member:
    "A member."

count.append(1)
"""


@pytest.fixture(autouse=True)
def separate(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Iterator[None]:
    """Undo what a test loads; the registries keep the names, which no other test uses."""
    load_builtins()
    monkeypatch.setattr(plugins, "_loaded", dict(plugins._loaded))
    monkeypatch.setattr(plugins, "_done", set(plugins._done))
    monkeypatch.syspath_prepend(tmp_path)
    modules = set(sys.modules)
    yield
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def write(path: Path, name: str, registry: str = "NETWORKS", options: str = "NetworkOptions") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(REGISTERS.format(name=name, registry=registry, options=options))
    return path


@pytest.fixture
def forget() -> Iterator[list[str]]:
    """Names of networks to take out of the registry again."""
    names: list[str] = []
    yield names
    for name in names:
        NETWORKS._entries.pop(name, None)


def test_the_packages_own_members_are_there_without_a_list() -> None:
    assert "conditional" in PLAYERS
    assert "bernoulli" in FAMILIES
    assert "mlp" in NETWORKS
    assert {"digits", "mnist", "npz"} <= set(DATASETS.names)
    assert "adam" in OPTIMIZERS


def test_the_shipped_games_are_an_installed_plugin() -> None:
    assert "games" in [plugin.name for plugin in loaded_plugins()]
    assert {"mnist_decoder", "mnist_ladder_trunk"} <= set(NETWORKS.names)


def test_nothing_is_loaded_by_importing_the_package() -> None:
    code = "import gamelearn.plugins, gamelearn.registry as r; print(len(r.NETWORKS.names))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "0\n"


def test_a_file_is_loaded_once(tmp_path: Path, forget: list[str]) -> None:
    forget.append("test_from_file")
    file = write(tmp_path / "my_plugin.py", "test_from_file")
    load_plugins([str(file)])
    load_plugins([str(file), str(tmp_path / "." / "my_plugin.py")])
    assert "test_from_file" in NETWORKS
    assert NETWORKS["test_from_file"].build.__module__ == "gamelearn_plugin_my_plugin"
    assert loaded_plugins()[-1] == Plugin("my_plugin", str(file))
    assert missing_plugin("my_plugin") is None


def test_a_module_is_loaded_by_its_name(tmp_path: Path, forget: list[str]) -> None:
    forget += ["test_from_module", "test_from_submodule"]
    write(tmp_path / "test_package" / "one.py", "test_from_module")
    write(tmp_path / "test_package" / "deep" / "two.py", "test_from_submodule")
    write(tmp_path / "test_package" / "__main__.py", "test_from_main")
    (tmp_path / "test_package" / "deep" / "__init__.py").touch()
    (tmp_path / "test_package" / "__init__.py").touch()
    load_plugins(["test_package", "test_package"])
    assert {"test_from_module", "test_from_submodule"} <= set(NETWORKS.names)
    assert "test_from_main" not in NETWORKS
    assert missing_plugin("test_package") is None


def test_two_files_of_one_name_are_refused(tmp_path: Path, forget: list[str]) -> None:
    forget += ["test_first", "test_second"]
    load_plugins([str(write(tmp_path / "a" / "same.py", "test_first"))])
    with pytest.raises(PluginError, match="two plugins are named 'same'"):
        load_plugins([str(write(tmp_path / "b" / "same.py", "test_second"))])


@pytest.mark.parametrize(
    ("text", "cause"),
    [
        ("import no_such_module_at_all", "ModuleNotFoundError: No module named 'no_such_module_at_all'"),
        ("raise ValueError('first\\nsecond')", "ValueError: first second"),
        ("raise ValueError", "ValueError"),
        ("raise SystemExit(3)", "SystemExit: 3"),
        ("def f(:", "SyntaxError: invalid syntax"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
    ],
)
def test_a_file_that_fails(tmp_path: Path, text: str, cause: str) -> None:
    file = tmp_path / "failing.py"
    file.write_text(text)
    for _ in range(2):
        with pytest.raises(PluginError) as caught:
            load_plugins([str(file)])
        message = str(caught.value)
        assert message.startswith(f"the plugin 'failing' ({file}) cannot be loaded: {cause}")
        assert "; loaded: 'games'" in message
        assert "\n" not in message
    assert "gamelearn_plugin_failing" not in sys.modules
    assert missing_plugin("failing") is not None


def test_a_name_that_is_taken(tmp_path: Path) -> None:
    with pytest.raises(PluginError, match="the network 'mlp' is registered twice"):
        load_plugins([str(write(tmp_path / "thief.py", "mlp"))])


def test_plugins_that_are_not_there(tmp_path: Path) -> None:
    (tmp_path / "my_nets.py").touch()
    with pytest.raises(PluginError, match=r"there is no such file; did you mean '.*my_nets.py'\?; loaded: 'games'"):
        load_plugins([str(tmp_path / "my_net.py")])
    with pytest.raises(
        PluginError, match=r"the plugin 'no_such.module' cannot be loaded: there is no module 'no_such' \(a file is named by"
    ):
        load_plugins(["no_such.module"])
    for name in ("", ".relative", "a b", "a/b"):
        with pytest.raises(PluginError):
            load_plugins([name])


def with_entry_points(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    points = EntryPoints(EntryPoint(name, value, plugins.GROUP) for name, value in values.items())
    monkeypatch.setattr(plugins, "entry_points", lambda group: points.select(group=group))
    plugins._done.clear()


def test_an_installed_plugin_is_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, forget: list[str]) -> None:
    forget.append("test_from_entry_point")
    write(tmp_path / "test_installed.py", "test_from_entry_point")
    with_entry_points(monkeypatch, mine="test_installed")
    load_builtins()
    load_builtins()
    assert "test_from_entry_point" in NETWORKS
    assert missing_plugin("mine") is None
    assert missing_plugin("test_installed") is not None


def test_an_installed_plugin_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    with_entry_points(monkeypatch, broken="no_such_module_of_mine")
    with pytest.raises(PluginError, match=r"the plugin 'broken' \(no_such_module_of_mine .*\) cannot be loaded: ModuleNotFoundError"):
        load_builtins()


def test_a_missing_plugin_is_told_with_what_is_loaded() -> None:
    missing = missing_plugin("gamse")
    assert missing is not None
    what, hint = missing
    assert what == "the plugin 'gamse' is not loaded; loaded: 'games'; load more with --plugin FILE_OR_MODULE, or install them"
    assert hint == "games"


THEIRS = """
import sys
order = sys.argv[1]
if order == "before":
    import games
    import games.mine
    assert games.X == 1
from gamelearn.game import check, load
check("celeba-seg")
load("digits-vae")
import games
import games.mine
assert (games.X, games.mine.Y) == (1, 2)
check("mnist-rvae")
"""


@pytest.mark.parametrize("order", ["before", "after"])
@pytest.mark.parametrize("script", [True, False])
def test_the_users_own_games_and_the_shipped_ones_do_not_hide_each_other(tmp_path: Path, order: str, script: bool) -> None:
    for name, text in {"games/__init__.py": "X = 1", "games/mine.py": "Y = 2", "specs/other.yaml": "", "ours.py": THEIRS}.items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text(text)
    root = str(Path(__file__).resolve().parents[1])
    command = ["ours.py"] if script else ["-c", THEIRS]
    done = subprocess.run(
        [sys.executable, *command, order],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        env={**os.environ, "PYTHONPATH": root},
    )
    assert done.returncode == 0, done.stderr
