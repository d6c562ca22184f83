"""The command `data`. This file tells what data sets hold."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gamelearn.cli.choices import Split, chosen
from gamelearn.cli.data_progress import data_progress
from gamelearn.cli.guard import echo, say
from gamelearn.cli.options import Plugins, Preset, TableFormat, TextOrJson, Untrusted, Values, only_overrides
from gamelearn.errors import GamelearnError, nearest, quoted

_ROWS = 8

if TYPE_CHECKING:
    from gamelearn.data.folder import DataFolder
    from gamelearn.game import CheckedSpec
    from gamelearn.spec.kinds import DatasetOptions


def data(
    name: Annotated[str, typer.Argument(metavar="SPEC|NAME", help="A spec, or the name of a data set (gamelearn list datasets).")],
    values: Values = None,
    form: TableFormat = TextOrJson.text,
    preset: Preset = None,
    export: Annotated[
        Path | None, typer.Option("--export", metavar="DIR", help="Write the first rows into a new folder, as files for infer --given.")
    ] = None,
    split: Annotated[
        str | None, typer.Option("--split", metavar="SPLIT", help="Of --export: train, validation or test.  [default: test]")
    ] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="Of --export: how many rows.  [default: 8]")] = None,
    plugin: Plugins = None,
    untrusted: Untrusted = False,
    verify: Annotated[bool, typer.Option("--verify", help="Read everything once, and name what is damaged.")] = False,
) -> None:
    """Say what the data sets of a spec hold: fields, rows of each split, where it was found. Downloads what is missing.

    Where the data set is absent and 'otherwise' is taken in its place, both are said; the exit status is 2 if neither is there, if
    the data do not fit the variables of the spec, or if --verify finds damage.

    \b
    gamelearn data my_game.yaml --verify
    gamelearn data mnist-lvae
    gamelearn data my_game.yaml data.dataset.path=elsewhere.npz --preset quick
    gamelearn data digits
    gamelearn data celeba-seg --export rows --split test --count 8
    """
    if export is None and (split or count):
        raise GamelearnError(f"{'--split' if split else '--count'} belongs to --export DIR, which writes rows of the data")
    where = str(chosen(Split, "split", split or "test"))
    from gamelearn.plugins import load_builtins, load_plugins

    load_builtins()
    load_plugins(plugin or ())
    if export is not None:
        _export(name, preset or [], only_overrides(values or ()), untrusted, export, where, count or _ROWS)
        return
    checked, sets = _data_sets(name, preset or [], only_overrides(values or ()), untrusted)
    with data_progress():
        reports, failures = _opened(sets, verify=verify)
        if checked and not failures:
            failures = _misfits(checked, untrusted)
    if form == TextOrJson.json:
        echo(json.dumps(reports, indent=2))
    else:
        for report in reports:
            _print(report)
    if failures:
        raise GamelearnError("\n".join(failures))


def _export(name: str, preset: list[str], overrides: list[str], untrusted: bool, folder: Path, split: str, count: int) -> None:
    from gamelearn.game import load
    from gamelearn.report.exporting import export_rows

    game = load(name, *overrides, preset=preset, untrusted=untrusted)
    if not game.graph.streams:
        raise GamelearnError(f"{name!r} has no streams, whose variables could be written")
    with data_progress():
        for notice in game.streams().notices:
            say(f"NOTICE: {notice}")
    for path in export_rows(game, folder, split, count):
        echo(str(path))


@dataclass(frozen=True)
class _Named:
    """A data set as a spec names it, before it is opened; `is_replaceable` where another is taken if it is absent."""

    title: str
    options: "DatasetOptions"
    folder: "DataFolder"
    seed: int
    is_replaceable: bool = False


def _misfits(checked: "CheckedSpec", untrusted: bool) -> list[str]:
    """Return what training would say when it opens the data sets for the variables of the spec."""
    import torch

    from gamelearn.game import Game

    try:
        Game(checked.graph, {}, {}, torch.device("cpu"), torch.float32, checked, untrusted).streams(memory_limit=-1).close()
    except GamelearnError as error:
        return [str(error)]
    return []


def _opened(sets: Sequence[_Named], *, verify: bool) -> tuple[list[dict[str, Any]], list[str]]:
    """Return what is said of each data set, and why others cannot be opened.

    One that is absent is no failure where the one that is taken in its place can be opened.
    """
    from gamelearn.data.folder import DataAbsent

    reports: list[dict[str, Any]] = []
    failures: list[str] = []
    absent: list[str] = []
    for each in sets:
        try:
            report, damage = _report(each, verify=verify)
            reports.append(report)
            failures += damage
        except GamelearnError as error:
            if each.is_replaceable and isinstance(error, DataAbsent):
                reports.append({"name": each.title, "type": each.options.type, "absent": str(error)})
                absent.append(f"{each.title} ({each.options.type}): {error}")
            else:
                failures.append(f"{each.title} ({each.options.type}): {error}")
    return (reports, [*absent, *failures]) if failures else (reports, [])


def _data_sets(name: str, preset: list[str], overrides: list[str], untrusted: bool) -> "tuple[CheckedSpec | None, list[_Named]]":
    """Return every data set that a name stands for, and the spec if it is one."""
    from gamelearn.data.folder import DataFolder
    from gamelearn.shipped import shipped_specs, spec_key

    if not Path(name).is_file() and spec_key(name) not in shipped_specs():
        named = _options_by_name(name)
        if preset or overrides:
            raise GamelearnError(f"{name!r} is a data set: key=value and --preset belong to a spec")
        return None, [_Named(name, named, DataFolder(Path.cwd(), untrusted=untrusted), 0)]
    from gamelearn.game import check

    checked = check(name, preset=preset, overrides=overrides, untrusted=untrusted)
    given = checked.spec.data
    folder = DataFolder(Path(checked.file.path).parent, untrusted=untrusted)
    sets = {"dataset": given.dataset, "otherwise": given.otherwise, **given.datasets}
    if not any(sets.values()):
        raise GamelearnError(f"{name!r} has no data sets")
    replaceable = ("dataset", *given.datasets) if given.otherwise is not None else ()
    return checked, [
        _Named(title, options, folder, given.seed, is_replaceable=title in replaceable) for title, options in sets.items() if options
    ]


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


def _report(named: _Named, *, verify: bool) -> tuple[dict[str, Any], list[str]]:
    """Return the report on a data set and, if it is to be verified, what is damaged in it."""
    from gamelearn.data.dataset import SPLITS, DataSet
    from gamelearn.data.look import problems_of
    from gamelearn.data.words import counted, listed
    from gamelearn.registry import DATASETS

    watched, found = _watched(named.folder)
    opened: DataSet = DATASETS[named.options.type].build(watched, named.seed, **named.options.own_options())
    names = opened.class_names
    report = {
        "name": named.title,
        "type": named.options.type,
        "fields": {
            name: {"type": each.type, "shape": list(each.shape), "classes": each.classes, "names": list(names.get(name, ()))}
            for name, each in opened.fields.items()
        },
        "rows": {split: opened.length(split) for split in SPLITS},
        "megabytes": round(opened.bytes / 1e6, 1),
        "found": list(dict.fromkeys(found)),
        "notices": list(opened.notices),
    }
    if not verify:
        return report, []
    report["problems"] = problems = list(problems_of(opened))
    many = counted(len(problems), "thing is", "things are")
    return report, [f"{named.title} ({named.options.type}): {many} wrong:{listed(problems)}"] if problems else []


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
    echo(f"{report['name']}: {report['type']}")
    if "absent" in report:
        echo(f"  absent, so 'otherwise' is taken: {report['absent']}")
        return
    for name, field in report["fields"].items():
        classes = f" with {field['classes']} classes" if field["classes"] else ""
        names = f": {quoted(field['names'])}" if field["names"] else ""
        echo(f"  {name}: {field['type']}{classes} of shape {tuple(field['shape'])}{names}")
    echo("  rows: " + ", ".join(f"{split} {rows:,}" for split, rows in report["rows"].items()))
    echo(f"  as tensors: {report['megabytes']:,} MB")
    for path in report["found"] or ["installed with a package, no file of its own"]:
        echo(f"  found: {path}")
    for notice in report["notices"]:
        echo(f"  NOTICE: {notice}")
    if report.get("problems") == []:
        echo("  verified: everything was read once, nothing is damaged")
