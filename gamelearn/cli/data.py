"""The command `data`. This file tells what data sets hold."""

import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gamelearn.cli.options import Plugins, TableFormat, TextOrJson, Untrusted
from gamelearn.errors import GamelearnError, nearest, quoted

if TYPE_CHECKING:
    from gamelearn.data.folder import DataFolder
    from gamelearn.spec.kinds import DatasetOptions


def data(
    name: Annotated[str, typer.Argument(metavar="SPEC|NAME", help="A spec, or the name of a data set (gamelearn list datasets).")],
    form: TableFormat = TextOrJson.text,
    plugin: Plugins = None,
    untrusted: Untrusted = False,
) -> None:
    """Say what the data sets of a spec hold: fields, rows of each split, where it was found. Downloads what is missing.

    \b
    gamelearn data mnist-lvae
    gamelearn data digits
    """
    from gamelearn.plugins import load_builtins, load_plugins

    load_builtins()
    load_plugins(plugin or ())
    reports = []
    failures = []
    for title, options, folder, seed in _data_sets(name, untrusted):
        try:
            reports.append(_report(title, options, folder, seed))
        except GamelearnError as error:
            failures.append(f"{title} ({options.type}): {error}")
    if form == TextOrJson.json:
        typer.echo(json.dumps(reports, indent=2))
    else:
        for report in reports:
            _print(report)
    if failures:
        raise GamelearnError("\n".join(failures))


def _data_sets(name: str, untrusted: bool) -> Iterator[tuple[str, "DatasetOptions", "DataFolder", int]]:
    """Yield title, options, folder and data seed of every data set that a name stands for."""
    from gamelearn.data.folder import DataFolder
    from gamelearn.shipped import shipped_specs, spec_key

    if not Path(name).is_file() and spec_key(name) not in shipped_specs():
        yield name, _options_by_name(name), DataFolder(Path.cwd(), untrusted=untrusted), 0
        return
    from gamelearn.game import check

    checked = check(name, untrusted=untrusted)
    given = checked.spec.data
    folder = DataFolder(Path(checked.file.path).parent, untrusted=untrusted)
    sets = {"dataset": given.dataset, "otherwise": given.otherwise, **given.datasets}
    if not any(sets.values()):
        raise GamelearnError(f"{name!r} has no data sets")
    for title, options in sets.items():
        if options is not None:
            yield title, options, folder, given.seed


def _options_by_name(name: str) -> "DatasetOptions":
    from pydantic_core import PydanticCustomError

    from gamelearn.registry import DATASETS
    from gamelearn.shipped import shipped_specs

    if name not in DATASETS.names:
        known = [*DATASETS.names, *shipped_specs()]
        hint = nearest(name, known)
        what = f"{name!r} is neither a file, nor a shipped spec, nor a data set; data sets: {quoted(DATASETS.names)}"
        raise GamelearnError(what + (f"; did you mean {hint!r}?" if hint else ""))
    try:
        return DATASETS.options_of({"type": name})
    except PydanticCustomError as error:
        needs = "; ".join(each.what for each in (error.context or {})["mistakes"])
        raise GamelearnError(f"the data set {name!r} needs options ({needs}): name a spec that has it") from None


def _report(title: str, options: "DatasetOptions", folder: "DataFolder", seed: int) -> dict[str, Any]:
    from gamelearn.data.dataset import SPLITS, DataSet
    from gamelearn.registry import DATASETS

    watched, found = _watched(folder)
    opened: DataSet = DATASETS[options.type].build(watched, seed, **options.own_options())
    return {
        "name": title,
        "type": options.type,
        "fields": {name: {"type": each.type, "shape": list(each.shape), "classes": each.classes} for name, each in opened.fields.items()},
        "rows": {split: opened.length(split) for split in SPLITS},
        "megabytes": round(opened.bytes / 1e6, 1),
        "found": list(dict.fromkeys(found)),
    }


def _watched(folder: "DataFolder") -> tuple["DataFolder", list[str]]:
    """Return a folder that notes the files that it gives, and the list of them."""
    from gamelearn.data.folder import DataFolder

    found: list[str] = []

    class Watched(DataFolder):
        def find(self, relative: str | Path) -> Path | None:
            path = super().find(relative)
            found.extend([str(path)] if path else [])
            return path

        def download(self, relative: str, urls: Sequence[str], verify: Callable[[Path], None]) -> Path:
            path = super().download(relative, urls, verify)
            found.append(str(path))
            return path

    return Watched(folder.spec_folder, folder.root, folder.untrusted), found


def _print(report: dict[str, Any]) -> None:
    typer.echo(f"{report['name']}: {report['type']}")
    for name, field in report["fields"].items():
        classes = f" with {field['classes']} classes" if field["classes"] else ""
        typer.echo(f"  {name}: {field['type']}{classes} of shape {tuple(field['shape'])}")
    typer.echo("  rows: " + ", ".join(f"{split} {rows:,}" for split, rows in report["rows"].items()))
    typer.echo(f"  as tensors: {report['megabytes']:,} MB")
    for path in report["found"] or ["installed with a package, no file of its own"]:
        typer.echo(f"  found: {path}")
