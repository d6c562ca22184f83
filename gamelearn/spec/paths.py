"""Paths in a spec: the options of data sets that name files or folders.

They alone may read the environment, as `${env:NAME}` or `${env:NAME:-default}`. A relative path that exists beside the file
that says it becomes relative to the spec's folder, so that a project may move; others are looked up below the data root when the
data is opened. A run says where the folder of its spec was, seen from the run and as a whole path. This file resolves paths.
"""

import json
import os
import re
from dataclasses import replace
from pathlib import Path as FilePath

import pooch

from gamelearn.errors import Problem
from gamelearn.options import Path
from gamelearn.spec.node import Node, dotted

RESOLVED, ENVIRONMENT = "spec.resolved.yaml", "environment.json"
"""The files of a run that have its spec, and where that was."""
SPEC_FOLDERS = "spec_folders"
PATH_OPTIONS = ("path", "root", "folder", "file")
_VARIABLE = re.compile(r"\$\{env:([A-Za-z_]\w*)(?::-([^{}]*))?\}")
_ELSEWHERE = "'${...}' is read in paths alone: 'extends' and the options 'path', 'root', 'folder', 'file' of a data set"


def data_root() -> FilePath:
    """Return the folder of downloaded data: `GAMELEARN_DATA`, else `gamelearn` in the user's cache."""
    given = os.environ.get("GAMELEARN_DATA")
    return FilePath(given).expanduser() if given else FilePath(pooch.os_cache("gamelearn"))


def spec_folders(path: FilePath, *, untrusted: bool = False) -> tuple[FilePath, ...]:
    """Return the folders in which the relative paths of a spec are looked up, in order.

    They are its own and, before that of the resolved spec of a run, those where the run's spec was; an untrusted run is not believed.
    """
    folder = path.absolute().parent
    if untrusted or path.name != RESOLVED:
        return (folder,)
    try:
        facts = json.loads((folder / ENVIRONMENT).read_text(encoding="utf-8"))
        return (*(folder / each for each in facts.get(SPEC_FOLDERS, ()) if isinstance(each, str)), folder)
    except (OSError, ValueError, AttributeError, TypeError):  # what is damaged is told by who needs it
        return (folder,)


def plain_folders(spec: FilePath, run: FilePath) -> list[str]:
    """Return the folders in which the relative paths of a spec are looked up, as the record of a run has them."""
    folders = [each.resolve() for each in spec_folders(spec)]
    return [*dict.fromkeys(text for each in folders for text in (os.path.relpath(each, run.resolve()), str(each)))]


def resolve_paths(tree: Node, folder: FilePath, *, untrusted: bool = False) -> tuple[Node, list[Problem]]:
    """Return the tree with its paths resolved, and what is wrong with them.

    Args:
        tree: of the spec.
        folder: of the spec, to which paths become relative.
        untrusted: whether paths must stay inside the spec's folder or the data root.
    """
    problems: list[Problem] = []
    return _resolved(tree, (), (folder, untrusted), problems), problems


def _resolved(node: Node, path: Path, fence: tuple[FilePath, bool], problems: list[Problem]) -> Node:
    if isinstance(node.value, dict):
        return replace(node, value={key: _resolved(child, (*path, key), fence, problems) for key, child in node.value.items()})
    if isinstance(node.value, tuple):
        return replace(node, value=tuple(_resolved(child, (*path, index), fence, problems) for index, child in enumerate(node.value)))
    if not isinstance(node.value, str):
        return node
    if is_path_option(path):
        value, problem = _path(node.value, node.position.file, *fence)
    else:
        value, problem = node.value, _ELSEWHERE if "${" in node.value else None
    if problem:
        problems.append(Problem(dotted(path), problem, position=node.place(max(node.value.find("${"), 0))))
    return replace(node, value=value)


def is_path_option(path: Path) -> bool:
    """Return whether the value at a path of the spec is the path of a file or folder."""
    if not path or path[-1] not in PATH_OPTIONS:
        return False
    return path[:-1] in (("data", "dataset"), ("data", "otherwise")) or (len(path) == 4 and path[:2] == ("data", "datasets"))


def _path(text: str, written_in: str, folder: FilePath, untrusted: bool) -> tuple[str, str | None]:
    value, problem = expand_environment(text)
    if problem:
        return value, problem
    try:
        value = str(FilePath(value).expanduser()) if value.startswith("~") else value
    except RuntimeError:
        return value, f"the home folder in {value!r} is not known"
    beside = FilePath(written_in).parent if _exists(FilePath(written_in)) else FilePath.cwd()
    if not FilePath(value).is_absolute() and not _same(beside, folder) and _exists(beside / value):
        value = os.path.relpath((beside / value).resolve(), folder.resolve())
    roots = (folder,) if _exists(folder / value) else (folder, data_root())
    if untrusted and not any(is_inside(root / value, root) for root in roots):
        return value, f"{value!r} lies outside of the spec's folder and the data root, which an untrusted spec may not read"
    return value, None


def _same(one: FilePath, other: FilePath) -> bool:
    return one.absolute() == other.absolute()


def _exists(path: FilePath) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):  # a name that no file can have
        return False


def expand_environment(text: str) -> tuple[str, str | None]:
    """Return a text with its environment variables in place, and what is wrong with it, if anything."""
    unset = [found[1] for found in _VARIABLE.finditer(text) if found[1] not in os.environ and found[2] is None]
    if unset:
        return text, f"the environment variable {unset[0]!r} is not set, and has no default (${{env:{unset[0]}:-default}})"
    expanded = _VARIABLE.sub(lambda found: os.environ.get(found[1], found[2] or ""), text)
    if "${" in _VARIABLE.sub("", text):
        return text, "expected '${env:NAME}' or '${env:NAME:-default}' after '${'"
    return expanded, None


def is_inside(path: FilePath, folder: FilePath) -> bool:
    """Return whether a path leads into a folder, links followed."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, ValueError, RuntimeError):
        return False
