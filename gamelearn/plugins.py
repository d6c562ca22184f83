"""What fills the registries: the package's own modules, installed plugins, and files or modules that the user names.

A spec never names a module to import: it may only require that a plugin is loaded. This file loads plugins.
"""

import hashlib
import importlib
import pkgutil
import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass, field
from functools import partial
from importlib.machinery import PathFinder
from importlib.metadata import EntryPoint, entry_points
from importlib.util import find_spec, module_from_spec, spec_from_file_location
from pathlib import Path
from types import ModuleType

from gamelearn.errors import PluginError, nearest, quoted

GROUP = "gamelearn.plugins"
BUILTINS = (
    "gamelearn.families",
    "gamelearn.networks",
    "gamelearn.players",
    "gamelearn.estimators",
    "gamelearn.data",
    "gamelearn.features",
    "gamelearn.train.optimizers",
    "gamelearn.metrics",
)


@dataclass(frozen=True)
class Plugin:
    """A loaded plugin: its name, by which a spec may require it, and where it comes from; of a file, the hash of its text."""

    name: str
    origin: str
    sha256: str | None = field(default=None, compare=False)


_HOME, _SHIPPED = Path(__file__).resolve().parent.parent, "games"
_loaded: dict[str, Plugin] = {}
_kept: dict[str, ModuleType] = {}
_done: set[str] = set()


def loaded_plugins() -> tuple[Plugin, ...]:
    """Return the plugins that are loaded, in the order of loading."""
    return tuple(_loaded.values())


def load_builtins() -> None:
    """Import the package's own families, networks, player types, data sets, feature networks and all else that is registered, then the installed plugins.

    A second call does nothing.

    Raises:
        PluginError: an installed plugin cannot be imported.
    """
    if GROUP in _done:
        return
    for name in BUILTINS:
        if find_spec(name) is not None:
            _import_all(importlib.import_module(name))
    for point in sorted(entry_points(group=GROUP), key=lambda each: each.name):
        if point.name not in _loaded:
            _load(point.name, f"{point.value} ({_distribution(point)})", partial(_load_entry_point, point))
    _done.add(GROUP)


def load_plugins(names: Iterable[str]) -> None:
    """Import plugins that the user names: files that end in `.py`, or modules with dots in their names.

    A package is imported with all its modules. What is loaded already is not loaded again. In a spec's `require`, a file
    goes by its name without `.py`, a module by its own name.

    Raises:
        PluginError: a plugin cannot be found or imported.
    """
    for name in names:
        if name.endswith(".py"):
            _load_file(name)
        elif name not in _loaded:
            _load(name, name, partial(_import_module, name))


def hash_of(file: Path) -> str:
    """Return the hash of a plugin's text."""
    return hashlib.sha256(file.read_bytes()).hexdigest()


def missing_plugin(name: str) -> tuple[str, str | None] | None:
    """Return None if a plugin of this name is loaded; else what is wrong, and the nearest name."""
    if name in _loaded:
        return None
    what = f"the plugin {name!r} is not loaded; loaded: {_loaded_names()}; load more with --plugin FILE_OR_MODULE, or install them"
    return what, nearest(name, _loaded)


def _loaded_names() -> str:
    return quoted(_loaded) or "none"


def _load(name: str, origin: str, load: Callable[[], None]) -> None:
    try:
        load()
    except (Exception, SystemExit) as error:
        raise _failed(name, origin, _in_one_line(error)) from error
    _loaded[name] = Plugin(name, origin, hash_of(Path(origin)) if origin.endswith(".py") else None)


def _in_one_line(error: BaseException) -> str:
    text = " ".join(str(error).split())
    if isinstance(error, PluginError):
        return text
    return f"{type(error).__name__}: {text}" if text else type(error).__name__


def _failed(name: str, origin: str, cause: str) -> PluginError:
    place = f" ({origin})" if origin != name else ""
    return PluginError(f"the plugin {name!r}{place} cannot be loaded: {cause}; loaded: {_loaded_names()}")


def _load_entry_point(point: EntryPoint) -> None:
    with _beside(_HOME, _SHIPPED) if point.value == _SHIPPED else nullcontext():
        loaded = point.load()
        if isinstance(loaded, ModuleType):
            _import_all(loaded)


@contextmanager
def _beside(home: Path, name: str) -> Iterator[None]:
    """Let a package be imported from its own home, though the user has another of its name, which is put back afterwards."""
    found = PathFinder.find_spec(name, sys.path)
    theirs = _modules_of(name)
    others = [*(each.__spec__ for key, each in theirs.items() if key == name), *([found] if found else [])]
    if others and all(
        each and home / name in [Path(place).resolve() for place in each.submodule_search_locations or ()] for each in others
    ):
        yield
        return
    for key in theirs:
        del sys.modules[key]
    sys.path.insert(0, str(home))
    try:
        yield
    finally:
        sys.path.remove(str(home))
        _kept.update(_modules_of(name))
        for key in _modules_of(name):
            del sys.modules[key]
        sys.modules.update(theirs)


def _modules_of(package: str) -> dict[str, ModuleType]:
    return {name: module for name, module in sys.modules.items() if name.partition(".")[0] == package}


def _distribution(point: EntryPoint) -> str:
    return point.dist.name if point.dist else "installed"


def _import_module(name: str) -> None:
    try:
        module = importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name and (name == error.name or name.startswith(error.name + ".")):
            raise PluginError(f"there is no module {error.name!r} (a file is named by its path, which ends in .py)") from None
        raise
    _import_all(module)


def _import_all(module: ModuleType) -> None:
    """Import every module of a package; a module that is no package is imported already."""
    for name in _submodules(module):
        importlib.import_module(name)


def _submodules(module: ModuleType) -> Iterator[str]:
    if not hasattr(module, "__path__"):
        return
    for found in pkgutil.iter_modules(module.__path__, module.__name__ + "."):
        if found.name.rpartition(".")[2] == "__main__":
            continue
        yield found.name
        if found.ispkg:
            yield from _submodules(importlib.import_module(found.name))


def _load_file(name: str) -> None:
    file = Path(name)
    origin = str(file.resolve())
    known = _loaded.get(file.stem)
    if known and known.origin == origin:
        return
    if known:
        raise PluginError(f"two plugins are named {file.stem!r}: {known.origin} and {origin}; rename one")
    if not file.is_file():
        beside = [str(other) for other in file.parent.glob("*.py")]
        hint = nearest(name, beside)
        raise _failed(file.stem, name, "there is no such file" + (f"; did you mean {hint!r}?" if hint else ""))
    _load(file.stem, origin, partial(_import_file, file))


def _import_file(file: Path) -> None:
    module_name = f"gamelearn_plugin_{file.stem}"
    specification = spec_from_file_location(module_name, file)
    assert specification is not None  # the name ends in .py
    assert specification.loader is not None
    module = module_from_spec(specification)
    sys.modules[module_name] = module
    try:
        specification.loader.exec_module(module)
    except BaseException:
        del sys.modules[module_name]
        raise
