"""How the source hangs together: layers, package files, module docstrings, nothing that runs foreign code.

This file holds the rules of the house as tests.
"""

import ast
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCES = sorted(path for package in ("gamelearn", "games") for path in (ROOT / package).rglob("*.py"))
PACKAGE_FILES = [path for path in SOURCES if path.name == "__init__.py" and path.parent.name != "gamelearn"]
MODULES = [path for path in SOURCES if path.name != "__init__.py"]

FORBIDDEN_MODULES = {"pickle", "cloudpickle", "dill", "marshal", "shelve"}
FORBIDDEN_NAMES = {"eval", "exec", "__import__"}
FORBIDDEN_ATTRIBUTES = {"torch.load", "yaml.load", "yaml.load_all", "yaml.full_load", "yaml.unsafe_load"}


def relative(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def run_python(code: str) -> subprocess.CompletedProcess[str]:
    """Run code in a new interpreter, from the root of the repository."""
    return subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)


def test_imports_go_one_way() -> None:
    done = run_python("import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))")
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.search(r"Contracts: \d+ kept, 0 broken", done.stdout)


@pytest.mark.parametrize("path", PACKAGE_FILES, ids=relative)
def test_a_package_file_is_one_docstring(path: Path) -> None:
    assert is_one_docstring_line(path.read_text())


def is_one_docstring_line(text: str) -> bool:
    tree = ast.parse(text)
    return len(tree.body) == 1 and ast.get_docstring(tree) is not None and text.count("\n") == 1


def test_a_second_statement_or_line_is_found() -> None:
    assert is_one_docstring_line('"""What scores are made of."""\n')
    assert not is_one_docstring_line('"""What scores are made of."""\nimport os\n')
    assert not is_one_docstring_line('"""What scores\nare made of."""\n')
    assert not is_one_docstring_line("")


@pytest.mark.parametrize("path", MODULES, ids=relative)
def test_a_module_says_what_its_file_does(path: Path) -> None:
    assert last_sentence_fault(path.read_text()) is None


def last_sentence_fault(text: str) -> str | None:
    """Return what is wrong with the end of a module's docstring, if anything."""
    paragraph = (ast.get_docstring(ast.parse(text)) or "").split("\n\n")[-1]
    sentence = re.split(r"(?<=[.!?:]) (?=[A-Z])", " ".join(paragraph.split()))[-1]
    if not sentence.startswith("This file "):
        return f"the docstring does not end with a sentence 'This file ...', but with {sentence!r}"
    return f"the file does two things: {sentence!r}" if " and " in sentence else None


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ('"""Noise. This file turns keys into noise."""', None),
        ('"""Noise.\n\nMore, etc. This file\nturns keys into noise.\n"""', None),
        ('"""Noise:\n\n    u < 1\n\nThis file turns keys into noise.\n"""', None),
        ('"""Noise. This file turns keys into noise and plots it."""', "two things"),
        ('"""Noise. This file turns keys. It does more."""', "does not end"),
        ("x = 1", "does not end"),
    ],
)
def test_a_wrong_docstring_is_found(text: str, fault: str | None) -> None:
    found = last_sentence_fault(text)
    assert (found is None) if fault is None else (found is not None and fault in found)


@pytest.mark.parametrize("path", SOURCES, ids=relative)
def test_a_source_cannot_run_what_a_file_holds(path: Path) -> None:
    assert list(unsafe_uses(ast.parse(path.read_text()))) == []


def unsafe_uses(tree: ast.AST) -> Iterator[str]:
    """Find everything in a module that could run code from a data file."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names if alias.name.split(".")[0] in FORBIDDEN_MODULES)
        elif isinstance(node, ast.ImportFrom) and node.module:
            names = [f"{node.module}.{alias.name}" for alias in node.names]
            yield from (name for name in names if name.split(".")[0] in FORBIDDEN_MODULES or name in FORBIDDEN_ATTRIBUTES)
        elif isinstance(node, ast.Name) and node.id in FORBIDDEN_NAMES:
            yield node.id
        elif isinstance(node, ast.Attribute) and ast.unparse(node) in FORBIDDEN_ATTRIBUTES:
            yield ast.unparse(node)
        elif isinstance(node, ast.keyword) and node.arg == "allow_pickle" and ast.unparse(node.value) != "False":
            yield "allow_pickle"


@pytest.mark.parametrize(
    ("code", "found"),
    [
        ("eval('1')", ["eval"]),
        ("run = exec", ["exec"]),
        ("import os, pickle", ["pickle"]),
        ("from pickle import loads", ["pickle.loads"]),
        ("from torch import load", ["torch.load"]),
        ("torch.load('a.pt')", ["torch.load"]),
        ("yaml.load(text, Loader=L)", ["yaml.load"]),
        ("numpy.load('a.npz', allow_pickle=True)", ["allow_pickle"]),
        ("numpy.load('a.npz', allow_pickle=False)", []),
        ("model.eval()", []),
        ("yaml.safe_load(text)", []),
    ],
)
def test_an_unsafe_use_is_found(code: str, found: list[str]) -> None:
    assert list(unsafe_uses(ast.parse(code))) == found


HELP = """
import sys
from gamelearn.cli.main import main
sys.argv = ["gamelearn", "--help"]
try:
    main()
except SystemExit as end:
    assert end.code in (0, None), end.code
print("heavy:", sorted({"torch", "numpy", "sklearn", "matplotlib"} & set(sys.modules)))
"""


def test_help_imports_no_torch() -> None:
    done = run_python(HELP)
    assert done.returncode == 0, done.stderr
    assert "train" in done.stdout
    assert done.stdout.rstrip().endswith("heavy: []")
