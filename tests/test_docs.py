"""The documentation says what the code does: specs in it pass the checks, commands parse, the plugin runs, links lead somewhere.

This file reads README.md with docs/*.md.
"""

import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import typer.main
from pydantic import ValidationError

from gamelearn.cli.main import app
from gamelearn.game import check
from gamelearn.options import Options, mistakes_of
from gamelearn.plugins import load_builtins
from gamelearn.registry import DATASETS, ESTIMATORS, FAMILIES, FEATURES, LEARNING_RATES, METRICS, NETWORKS, OPTIMIZERS, PLAYERS
from gamelearn.shipped import shipped_specs
from gamelearn.spec import reference
from gamelearn.spec.schema import Spec
from gamelearn.spec.source import parse_source

ROOT = Path(__file__).resolve().parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").glob("*.md"))]
CHEAP = ("check", "explain", "list", "schema")
FENCE = re.compile(r"^(?P<indent> *)```(?P<info>[^\n`]*)\n(?P<text>.*?)^(?P=indent)```$", re.MULTILINE | re.DOTALL)


@dataclass(frozen=True)
class Block:
    """A fenced block: its page and line, the first word after the fence, the rest of that line, its text."""

    page: str
    line: int
    language: str
    note: str
    text: str

    def __str__(self) -> str:
        return f"{self.page}:{self.line}"


def blocks_of(page: Path) -> Iterator[Block]:
    text = page.read_text(encoding="utf-8")
    for found in FENCE.finditer(text):
        language, _, note = found["info"].partition(" ")
        yield Block(page.name, text.count("\n", 0, found.start()) + 1, language, note, found["text"])


BLOCKS = [block for page in PAGES for block in blocks_of(page)]
YAML = [block for block in BLOCKS if block.language == "yaml"]
SPECS = [block for block in YAML if block.note in ("", "my_game.yaml")]
FRAGMENTS = [block for block in YAML if block.note == "fragment"]


def prose_of(page: Path) -> str:
    """Return a page without its fenced blocks."""
    return FENCE.sub("", page.read_text(encoding="utf-8"))


def test_the_reference_is_current() -> None:
    written = (ROOT / "docs/spec.md").read_text(encoding="utf-8")
    assert written == reference.reference_text(), "docs/spec.md is out of date: run `python -m gamelearn.spec.reference > docs/spec.md`"


def models_in(model: type[Options]) -> set[type[Options]]:
    """Return a model with all models that its fields hold."""
    found = {model}
    for field in model.model_fields.values():
        for inner in reference.models_in(field.annotation):
            found |= models_in(inner)
    return found


def registered_models() -> dict[str, type[Options]]:
    load_builtins()
    registries = (FAMILIES, NETWORKS, DATASETS, PLAYERS, OPTIMIZERS, LEARNING_RATES, METRICS, ESTIMATORS, FEATURES)
    entries = [entry for each in registries for entry in each]
    assert all(len(list(each)) > 0 for each in registries)
    return {f"{entry.options.__module__}.{entry.name}": entry.options for entry in entries}


def test_every_key_of_the_language_is_documented() -> None:
    roots: list[type[Options]] = [Spec, *registered_models().values()]
    models = {inner for model in roots for inner in models_in(model)}
    silent = [f"{model.__name__}.{name}" for model in models for name, field in model.model_fields.items() if not field.description]
    assert [name for name in silent if not name.startswith(INTERNAL) and not name.endswith(".type")] == []
    assert len(models) > 20


INTERNAL = ("NamedTerm.", "ChainPiece.", "Score.", "RightHandSide.")  # made by validators from what a spec holds


@pytest.mark.parametrize("block", YAML, ids=str)
def test_a_yaml_block_is_a_whole_spec_or_marked_as_a_fragment(block: Block) -> None:
    assert block in SPECS or block in FRAGMENTS, f"the mark {block.note!r} is not known"
    keys = parse_source(block.text, str(block)).plain()
    assert ("name" in keys and "players" in keys) == (block in SPECS)


@pytest.mark.parametrize("block", [block for block in SPECS if not block.note], ids=str)
def test_a_spec_in_the_documentation_passes_the_checks(block: Block, tmp_path: Path) -> None:
    path = tmp_path / "spec.yaml"
    path.write_text(block.text, encoding="utf-8")
    assert check(path).warnings == ()


@pytest.mark.parametrize("block", FRAGMENTS, ids=str)
def test_a_fragment_has_known_keys_with_fitting_values(block: Block) -> None:
    load_builtins()
    plain = parse_source(block.text, str(block)).plain()
    parts = [plain, *plain.pop("presets", {}).values()]
    assert [mistake for part in parts for mistake in mistakes_in(part)] == []


def mistakes_in(part: dict[str, Any]) -> list[str]:
    """Return what is wrong with a part of a spec, other than that it is a part."""
    try:
        Spec.model_validate(part)
    except ValidationError as error:
        return [each.what for each in mistakes_of(error) if each.path not in ((), ("utilities",)) or "missing" not in each.what]
    return []


def test_a_wrong_fragment_is_found() -> None:
    assert mistakes_in({"train": {"rounds": 10}}) == []
    assert len(mistakes_in({"train": {"round": 10}})) == 1
    assert len(mistakes_in({"trian": {}})) == 1


def command_lines() -> dict[str, tuple[str, ...]]:
    """Return every whole command line of `gamelearn` in the documentation and in the heads of the shipped specs, as words."""
    lines = [(str(block), line) for block in BLOCKS if block.language in ("sh", "console", "bash") for line in block.text.splitlines()]
    lines += [(path.name, line[1:]) for path in shipped_specs().values() for line in path.read_text().splitlines() if line.startswith("# ")]
    commands = [(place, part.strip().removeprefix("$ ")) for place, line in lines for part in line.split("&&")]
    chosen = [(place, command) for place, command in commands if command.startswith("gamelearn ")]
    return {f"{place}: {command}": tuple(shlex.split(command, comments=True)) for place, command in chosen}


def mentions() -> dict[str, tuple[str, ...]]:
    """Return the commands that are named in the prose, with placeholders in capitals."""
    found = [(page.name, text) for page in PAGES for text in re.findall(r"`(gamelearn [^`]*)`", prose_of(page))]
    return {f"{place}: {text}": tuple(text.split()) for place, text in found}


def command_of(name: str) -> Any:
    """Return a command, of click or of the copy of it that typer brings."""
    commands: dict[str, Any] = vars(typer.main.get_command(app))["commands"]
    assert name in commands
    return commands[name]


@pytest.mark.parametrize("words", command_lines().values(), ids=command_lines())
def test_a_command_line_parses(words: tuple[str, ...]) -> None:
    _, name, *arguments = words
    with command_of(name).make_context(name, list(arguments)) as context:
        assert context.params


@pytest.mark.parametrize("words", mentions().values(), ids=mentions())
def test_a_command_in_the_prose_exists_with_its_options(words: tuple[str, ...]) -> None:
    _, name, *arguments = words
    if name.isupper():
        return
    known = {option for parameter in command_of(name).params for option in parameter.opts}
    assert {word.strip("[]") for word in arguments if word.startswith(("--", "[--"))} <= known | {"--help"}


def test_the_readme_names_every_command() -> None:
    named = re.findall(r"^\| `gamelearn (\w+)", (ROOT / "README.md").read_text(encoding="utf-8"), re.MULTILINE)
    assert sorted(named) == sorted(vars(typer.main.get_command(app))["commands"])


def run_python(arguments: list[str], folder: Path) -> str:
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def run_gamelearn(arguments: list[str], folder: Path) -> str:
    return run_python(["-c", "from gamelearn.cli.main import main; main()", *arguments], folder)


CHEAP_LINES = {place: words for place, words in command_lines().items() if words[1] in CHEAP and not {"--plugin", "--export"} & set(words)}


@pytest.mark.parametrize("words", CHEAP_LINES.values(), ids=CHEAP_LINES)
def test_a_cheap_command_runs(words: tuple[str, ...]) -> None:
    assert run_gamelearn(list(words[1:]), ROOT)


@pytest.fixture
def plugin_folder(tmp_path: Path) -> Path:
    """Return a folder with the files of docs/extend.md."""
    named = {block.note: block.text for block in BLOCKS if block.page == "extend.md" and block.note.startswith("my_")}
    assert set(named) == {"my_plugin.py", "my_game.yaml"}
    for name, text in named.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    return tmp_path


def test_the_plugin_of_the_documentation_trains(plugin_folder: Path) -> None:
    lines = [words for words in command_lines().values() if "--plugin" in words or "my-rings" in words]
    assert [words[1] for words in lines] == ["check", "train", "sample"]
    for words in lines:
        short = ["train.rounds=12"] if words[1] == "train" else []
        run_gamelearn([*words[1:], *short], plugin_folder)
    metrics = next(plugin_folder.glob("runs/my-rings/*/metrics.jsonl")).read_text()
    assert "painter" in metrics
    assert "reader" in metrics


def test_python_blocks_run(plugin_folder: Path) -> None:
    blocks = [block for block in BLOCKS if block.language == "python" and not block.note]
    assert blocks
    for block in blocks:
        run_python(["-c", block.text], plugin_folder)


MIXTURE = """
import torch
from gamelearn.game import load
from gamelearn.noise import uniform

game = load("my_game.yaml", plugins=["my_plugin.py"], dtype=torch.float64)
painter = game.players["painter"]
side = torch.linspace(-12, 12, 481, dtype=torch.float64)
grid = torch.cartesian_prod(side, side)
ring = torch.full((len(grid),), 1)
with torch.no_grad():
    density = painter.distribution("x | c", {"c": ring}, len(grid)).log_prob(grid).exp()
    rows = 200_000
    drawn = painter.distribution("x | c", {"c": ring[:1].expand(rows)}, rows)
    sample = drawn.draw(uniform(("docs",), rows, (2,)).double())
    error = sample.std(0) / rows**0.5
assert abs(float(density.sum() * 0.05**2) - 1) < 1e-3, density.sum()
assert float(((sample.mean(0) - drawn.mean()[0]) / error).abs().max()) < 4.5
moment = (density[:, None] * grid.square()).sum(0) * 0.05**2
assert float(((sample.square().mean(0) - moment) / (sample.square().std(0) / rows**0.5)).abs().max()) < 4.5
known = torch.tensor([[True, False]])
for first in (-1.7, 0.4, 2.1):
    line = torch.stack([torch.full_like(side, first), side], 1)
    with torch.no_grad():
        along = painter.distribution("x | c", {"c": ring[: len(side)]}, len(side)).log_prob(line).exp()
        rest = drawn.given(line[:1].expand(rows, 2), known.expand(rows, 2))
        sample = rest.draw(uniform(("part",), rows, (2,)).double())[:, 1]
    expected = float((along * side).sum() / along.sum())
    assert abs(float(rest.mean()[0, 1]) - expected) < 1e-3, (first, expected)
    assert abs(float(sample.mean()) - expected) < 4.5 * float(sample.std()) / rows**0.5

laplace = game.players["reader"].family("r | x")
raw = torch.tensor([[0.3, -0.5]], dtype=torch.float64).expand(rows, 2)
value = torch.linspace(-20, 20, rows, dtype=torch.float64)
density = laplace.log_prob(raw, value).exp()
assert abs(float(torch.trapezoid(density, value)) - 1) < 1e-4
sample = laplace.draw(raw, uniform(("laplace",), rows).double())
for edge in (-1.0, 0.3, 1.0):
    expected = float(torch.trapezoid(density[value <= edge], value[value <= edge]))
    assert abs(float((sample <= edge).double().mean()) - expected) < 4.5 * 0.5 / rows**0.5, edge
"""


def test_the_plugin_of_the_documentation_draws_what_it_scores(plugin_folder: Path) -> None:
    run_python(["-c", MIXTURE], plugin_folder)


def anchors_of(page: Path) -> set[str]:
    headings = re.findall(r"^#+ (.*)$", prose_of(page), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def links() -> list[tuple[str, str]]:
    pages = {page: re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose_of(page))) for page in PAGES}
    return [(page.relative_to(ROOT).as_posix(), link) for page, found in pages.items() for link in dict.fromkeys(found)]


@pytest.mark.parametrize(("page", "link"), links())
def test_a_link_leads_somewhere(page: str, link: str) -> None:
    if re.match(r"https?://", link):
        return
    path, _, anchor = link.partition("#")
    target = (ROOT / page).parent / path if path else ROOT / page
    assert target.exists()
    assert not anchor or anchor in anchors_of(target)


def test_files_and_functions_of_the_architecture_exist() -> None:
    text = prose_of(ROOT / "docs/architecture.md")
    named = set(re.findall(r"`((?:gamelearn|games|specs|tests)/[\w./]*)`", text))
    assert len(named) > 10
    assert [name for name in named if not (ROOT / name).exists()] == []
    rows = re.findall(r"^\|[^|]*\| (.+?) \| `(gamelearn/[\w/]+\.py)`", text, re.MULTILINE)
    assert len(rows) >= 9
    for functions, file in rows:
        source = (ROOT / file).read_text(encoding="utf-8")
        for name in re.findall(r"`(?:\w+\.)*(\w+)\(", functions):
            assert re.search(rf"^ *(def|class) {name}\b", source, re.MULTILINE), f"{name} is not in {file}"


def test_the_layers_of_the_architecture_are_those_of_the_linter() -> None:
    [block] = [block for block in BLOCKS if block.page == "architecture.md" and "errors <" in block.text]
    shown = [layer.strip() for layer in " ".join(block.text.split()).split("<")]
    contracts = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["importlinter"]["contracts"]
    [layers] = [contract["layers"] for contract in contracts if contract["id"] == "layers"]
    assert shown == [re.sub(r"[()]", "", layer).replace(" | ", ", ") for layer in reversed(layers)]
