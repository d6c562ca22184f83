"""The command `compare`. This file puts runs beside each other."""

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from gamelearn.cli.choices import Weights, chosen, chosen_split, chosen_weights
from gamelearn.cli.data_progress import data_progress
from gamelearn.cli.guard import echo, say
from gamelearn.cli.options import Device, Plugins, TableFormat, TextOrJson, Untrusted
from gamelearn.cli.runs import find_run_at

if TYPE_CHECKING:
    from gamelearn.comparison.compare import Comparison

FOLDER = Path("comparison")

Metrics = Annotated[
    list[str] | None, typer.Option("--metric", metavar="NAME", help="May be repeated.  [default: those that are common to all runs]")
]
SplitOption = Annotated[
    str | None, typer.Option("--split", metavar="SPLIT", help="train, validation or test.  [default: validation, else train]")
]
Count = Annotated[int | None, typer.Option("--count", min=1, help="How many images or samples.  [default: as each metric says]")]
Seed = Annotated[int, typer.Option("--seed", help="Of the noise of measuring; equal seeds give equal figures.")]


class By(StrEnum):
    """Whether runs that differ in nothing but the seed are one column."""

    game = "game"
    run = "run"


def compare(
    runs: Annotated[
        list[str],
        typer.Argument(metavar="RUN...", help="Runs' folders or games' names (their newest runs), with @ROUND for a checkpoint."),
    ],
    metric: Metrics = None,
    split: SplitOption = None,
    count: Count = None,
    seed: Seed = 0,
    by: Annotated[str, typer.Option("--by", metavar="WHAT", help="game: runs that differ in the seed alone are one column; run.")] = "game",
    baseline: Annotated[
        str | None, typer.Option("--baseline", metavar="COLUMN", help="By which the others are divided.  [default: the first]")
    ] = None,
    out: Annotated[Path, typer.Option("--out", metavar="DIR", help="Where compare.png and compare.json go.")] = FOLDER,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="WHICH", help="ema or last.  [default: averaged ones where there are any]")
    ] = None,
    form: TableFormat = TextOrJson.text,
    device: Device = None,
    plugin: Plugins = None,
    untrusted: Untrusted = False,
) -> None:
    """Put runs beside each other: one table, one sheet of figures, and in what their specs differ.

    Runs of one game that differ in the seed alone are one column, with the spread over seeds. Figures of earlier evaluations are
    taken where the same was asked; else they are measured, and kept in RUN/evaluation/.

    \b
    gamelearn compare mnist-lvae mnist-lvae-elbo
    gamelearn compare runs/digits-vae/1 runs/digits-vae/2 runs/digits-vae/3 --by run
    gamelearn compare runs/mnist-lvae/1@1000 runs/mnist-lvae-elbo/1@950 --metric frechet --split test --out pictures
    """
    where, how = chosen_split(split), str(chosen(By, "--by", by))
    which = chosen_weights(weights)
    found_runs = [find_run_at(each, untrusted=untrusted) for each in runs]
    from gamelearn.comparison.compare import compare as compare_groups
    from gamelearn.comparison.entry import open_entry
    from gamelearn.comparison.files import write_comparison
    from gamelearn.comparison.groups import form_groups
    from gamelearn.comparison.measuring import Question
    from gamelearn.train.device import choose_device

    taken: Literal["ema", "last"] | None = None if which is None else "ema" if which == Weights.ema else "last"
    question = Question(tuple(dict.fromkeys(metric)) if metric else None, where, count, seed)
    where_to = choose_device(device)
    with data_progress():
        entries = [
            open_entry(path, at, say=say, weights=taken, device=where_to, plugins=plugin or (), untrusted=untrusted)
            for path, at in found_runs
        ]
        groups = form_groups(entries, "run" if how == By.run else "game")
        found = compare_groups(groups, question, baseline=baseline, say=say)
    tell(found, write_comparison(found, out), form)


def tell(found: "Comparison", files: list[Path], form: TextOrJson) -> None:
    """Print a comparison, then the files that were written."""
    import json

    if form == TextOrJson.json:
        echo(json.dumps(found.plain(), indent=1, ensure_ascii=False))
    else:
        _print(found)
    for path in files:
        (say if form == TextOrJson.json else echo)(str(path))


def _print(found: "Comparison") -> None:
    from gamelearn.cli.terminal import Terminal
    from gamelearn.comparison.tables import legend, tables_of

    console = Terminal()
    tables = list(tables_of(found, console.width))
    differences = tables.pop() if found.differences else None
    for table in tables:
        console.print(table)
    for line in (*legend(found), *found.notices):
        console.print(line, highlight=False, soft_wrap=True)
    if differences is not None:
        console.print(differences)
