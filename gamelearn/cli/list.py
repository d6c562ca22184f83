"""The command `list`. This file tells which names a spec may use."""

import json
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gamelearn.cli.guard import echo
from gamelearn.cli.options import Plugins, TableFormat, TextOrJson

if TYPE_CHECKING:
    from gamelearn.options import Options
    from gamelearn.registry import Entry, Registry


class Kind(StrEnum):
    """What can be listed."""

    specs = "specs"
    networks = "networks"
    families = "families"
    datasets = "datasets"
    players = "players"
    metrics = "metrics"
    optimizers = "optimizers"
    schedules = "schedules"
    estimators = "estimators"
    features = "features"


def list_names(
    kind: Annotated[Kind, typer.Argument(help="What to list.")],
    form: TableFormat = TextOrJson.text,
    plugin: Plugins = None,
) -> None:
    """List the shipped specs, or the names that a spec may use, with their options and defaults.

    \b
    gamelearn list specs
    gamelearn list networks
    gamelearn list datasets --format json
    """
    from gamelearn.plugins import load_builtins, load_plugins

    load_builtins()
    load_plugins(plugin or ())
    rows = list(_specs() if kind == Kind.specs else _entries(_registry(kind)))
    if form == TextOrJson.json:
        echo(json.dumps(rows, indent=2, ensure_ascii=False, default=str))
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for row in rows:
        echo(f"{row['name'].ljust(width)}  {row['summary']}")
        for option in row.get("options", []):
            default = "required" if option["required"] else f"default {option['default']}"
            echo(f"{' ' * width}    {option['name']}: {option['description']} ({default})")


def _specs() -> Iterator[dict[str, Any]]:
    from gamelearn.shipped import shipped_specs

    for name, path in shipped_specs().items():
        yield {"name": name, "summary": _header(path), "path": str(path)}


def _header(path: Path) -> str:
    """Return the first comment of a spec that is meant for people."""
    for line in path.read_text(encoding="utf-8").splitlines():
        if line.startswith("#") and "yaml-language-server" not in line:
            return line.lstrip("# ").rstrip()
    return ""


def _registry(kind: Kind) -> "Registry":
    from gamelearn.registry import DATASETS, ESTIMATORS, FAMILIES, FEATURES, LEARNING_RATES, METRICS, NETWORKS, OPTIMIZERS, PLAYERS

    return {
        Kind.networks: NETWORKS,
        Kind.families: FAMILIES,
        Kind.datasets: DATASETS,
        Kind.players: PLAYERS,
        Kind.metrics: METRICS,
        Kind.optimizers: OPTIMIZERS,
        Kind.schedules: LEARNING_RATES,
        Kind.estimators: ESTIMATORS,
        Kind.features: FEATURES,
    }[kind]


def _entries(registry: "Registry") -> Iterator[dict[str, Any]]:
    for entry in sorted(registry, key=lambda each: each.name):
        yield {"name": entry.name, "summary": entry.summary, "options": _options(entry, registry.tag)}


def _options(entry: "Entry", tag: str) -> list[dict[str, Any]]:
    wiring = {tag, "inputs", "outputs"}
    return [_option(entry.options, name) for name in entry.options.model_fields if name not in wiring]


def _option(model: "type[Options]", name: str) -> dict[str, Any]:
    field = model.model_fields[name]
    description = " ".join((field.description or "").split()).rstrip(".")
    default = None if field.is_required() else _written(field.get_default(call_default_factory=True))
    return {"name": field.alias or name, "description": description, "required": field.is_required(), "default": default}


def _written(value: Any) -> Any:
    """Return a default as a spec would write it."""
    from gamelearn.options import Options

    if isinstance(value, Options):
        return value.model_dump(exclude_defaults=True)
    if value is None:
        return "none"
    return list(value) if isinstance(value, tuple) else str(value).lower() if isinstance(value, bool) else value
