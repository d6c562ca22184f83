"""The command `infer`. This file asks a trained game what it does not know of files of rows."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gamelearn.cli.choices import Weights, chosen, chosen_estimate, chosen_weights
from gamelearn.cli.guard import echo, say
from gamelearn.cli.options import Device, Plugins, TableFormat, TextOrJson, Untrusted
from gamelearn.cli.runs import find_run
from gamelearn.errors import GamelearnError, nearest, quoted

if TYPE_CHECKING:
    from gamelearn.files.evidence import EvidenceFiles
    from gamelearn.game import Game
    from gamelearn.report.inferring import Answer, Kept

_BLOCK = 64


class Shown(StrEnum):
    """What of an image is shown: the decision, or a draw."""

    decided = "decided"
    drawn = "drawn"


def infer(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or a game's name below runs/ (its newest run).")],
    given: Annotated[
        list[str] | None,
        typer.Option(
            "--given",
            metavar="[VAR=]FILE",
            help="What is known: .npz, .npz:array, .npy, an image, a folder of images, or a table, .csv or .csv:column.",
        ),
    ] = None,
    hide: Annotated[
        list[str] | None,
        typer.Option(
            "--hide",
            metavar="VAR=MASK",
            help="What is not: a file, or square:SIDE, left, right, top, bottom, random:SHARE (of pixels), first:N, last:N, gap:N, steps:SHARE (of steps), all.",
        ),
    ] = None,
    truth: Annotated[
        list[str] | None, typer.Option("--truth", metavar="[VAR=]FILE", help="What is right, to tell the error.  [default: what is hidden]")
    ] = None,
    want: Annotated[
        list[str] | None, typer.Option("--want", metavar="VAR,VAR", help="Variables or groups.  [default: all not wholly given]")
    ] = None,
    rows: Annotated[int | None, typer.Option("--rows", min=1, help="How many, where nothing is given.")] = None,
    resize: Annotated[
        bool, typer.Option("--resize", help="Bring images of another size to the variable's, though the training did not.")
    ] = False,
    sampler: Annotated[
        str | None,
        typer.Option("--sampler", metavar="NAME", help="The chain; 'automatic' follows from the factors.  [default: the last that fits]"),
    ] = None,
    sweeps: Annotated[int | None, typer.Option("--sweeps", min=1, help="How many sweeps count.  [default: the sampler's]")] = None,
    burn_in: Annotated[int | None, typer.Option("--burn-in", min=0, help="How many come before.  [default: the sampler's]")] = None,
    thin: Annotated[int | None, typer.Option("--thin", min=1, help="Every sweep of so many counts.  [default: the sampler's]")] = None,
    chains: Annotated[int | None, typer.Option("--chains", min=1, help="How many each row has.  [default: the sampler's]")] = None,
    estimate: Annotated[
        str | None, typer.Option("--estimate", metavar="HOW", help="What is averaged: conditionals (probabilities), or counts (of draws).")
    ] = None,
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal answers.")] = 0,
    checkpoint: Annotated[
        int | None, typer.Option("--checkpoint", metavar="ROUND", min=0, help="Which one.  [default: the newest]")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="WHICH", help="ema or last.  [default: averaged ones where there are any]")
    ] = None,
    block: Annotated[int, typer.Option("--block", min=1, help="How many rows are in memory at a time.")] = _BLOCK,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="A new folder.  [default: RUN/inferred/NUMBER]")] = None,
    save: Annotated[str, typer.Option("--save", metavar="WHAT,WHAT", help="As arrays: decided, mean, deviation, drawn.")] = "decided",
    images: Annotated[bool, typer.Option("--images", help="Also write the images one by one, as PNG.")] = False,
    full_size: Annotated[
        bool, typer.Option("--full-size", help="Write label maps as PNG at the size of the photographs that are given.")
    ] = False,
    show: Annotated[
        str, typer.Option("--show", metavar="WHAT", help="In sheets and by --images: decided, or drawn, a joint draw of all variables.")
    ] = "decided",
    form: TableFormat = TextOrJson.text,
    device: Device = None,
    plugin: Plugins = None,
    untrusted: Untrusted = False,
) -> None:
    """Infer what is not known from what is, row by row: whole variables, or hidden parts of them.

    Files may be larger than memory. Arrays, images, label maps and tables are read as those of the training were; arrays are
    (rows, colours, height, width) or colours last. Of a folder every image is a row, in the order of names. A mask is true where the
    value is hidden, for each row or for all alike; of images what is not black is hidden. Missing cells of a table are hidden, and
    filled in by inferred.csv.

    The folder that is written holds inferred.npz (decided values under the names of the variables, as the files of the training
    write them, others as in s.mean; s.drawn is (rows, chains, ...)), inferred.json, a sheet of the first rows of every image, and
    where images were given inferred.csv: for each file what was inferred of scalars. It appears when all is done.

    \b
    gamelearn infer celeba-seg --given x=faces.npz --want s
    gamelearn infer celeba-seg --given x=faces/ --resize --hide x=square:24 --want s,x --images
    gamelearn infer celeba-seg --given x=faces.npz --hide x=masks.npz --truth s=labels.npz --sweeps 50 --chains 4
    gamelearn infer celeba-seg --given s=map.png --save decided,drawn
    gamelearn infer celeba-seg --given x=photos/ --resize --want s --full-size
    gamelearn infer celeba-seg --given s=map.png --show drawn --images
    gamelearn infer celeba-seg --rows 64 --burn-in 100 --show drawn
    gamelearn infer wine-table --given wines.csv
    """
    values = {"sampler": sampler, "sweeps": sweeps, "burn_in": burn_in, "thin": thin, "chains": chains}
    chain = {name: value for name, value in {**values, "estimate": chosen_estimate(estimate)}.items() if value is not None}
    kept, shown, which = _kept(save), chosen(Shown, "value of --show", show), chosen_weights(weights)
    files = {"given": given or [], "hide": hide or [], "truth": truth or []}
    from gamelearn.report.inferring import Output, Question, infer_files

    game, folder, facts = _opened(run, checkpoint, which, device, plugin or [], untrusted)
    evidence = _evidence(game, files, rows, seed, resize)
    wanted = _wanted(want) if want else None
    told: dict[str, Any] = {**facts, **files, "seed": seed}
    what: Literal["decided", "drawn"] = "drawn" if shown == Shown.drawn else "decided"
    output = Output(out, folder / "inferred", kept, images or full_size, told, what, full_size)
    with _progress(evidence.rows) as progress:
        answer = infer_files(game, evidence, Question(wanted, chain, seed, block), output, progress, lambda text: say(f"WARNING: {text}"))
    if answer.notice:
        say(f"NOTICE: {answer.notice}")
    _tell(answer, form)


def _opened(
    run: str, checkpoint: int | None, weights: Weights | None, device: str | None, plugins: list[str], untrusted: bool
) -> "tuple[Game, Path, dict[str, Any]]":
    """Return the game of a run, the run's folder, and what is told of both."""
    from gamelearn.cpu import tune_allocator
    from gamelearn.run import Run
    from gamelearn.train.device import choose_device

    opened = Run(find_run(run, untrusted=untrusted), say=say)
    state = opened.state(checkpoint)
    taken: Literal["ema", "last"] | None = None if weights is None else "ema" if weights == Weights.ema else "last"
    game = opened.game(state, weights=taken, device=choose_device(device), plugins=plugins, untrusted=untrusted)
    if game.device.type == "cpu":
        tune_allocator()
    used = "ema" if state.averages and taken != "last" else "last"
    return game, opened.path, {"game": game.graph.name, "run": str(opened.path), "round": state.progress.round, "weights": used}


def _evidence(game: "Game", files: dict[str, list[str]], rows: int | None, seed: int, resize: bool) -> "EvidenceFiles":
    from gamelearn.files.evidence import named_files, open_evidence

    variables = game.graph.variables
    named = {}
    for option, texts in files.items():
        named[option], notices = named_files(texts, variables, f"--{option}", game.readings)
        for notice in notices:
            say(notice)
    return open_evidence(variables, **named, rows=rows, seed=seed, resize=resize, readings=game.readings)


def _wanted(texts: list[str]) -> tuple[str, ...]:
    names = [[name.strip() for name in text.split(",")] for text in texts]
    for text, each in zip(texts, names, strict=True):
        if "" in each:
            raise GamelearnError(f"--want {text!r} has an empty name: expected names with a comma between them, such as x,s")
    return tuple(name for each in names for name in each)


def _kept(text: str) -> "tuple[Kept, ...]":
    from gamelearn.report.inferring import KEPT

    names = [name.strip() for name in text.split(",")]
    for name in names:
        if name not in KEPT:
            hint = nearest(name, KEPT)
            raise GamelearnError(f"--save cannot save {name!r}; it can {quoted(KEPT)}" + (f"; did you mean {hint!r}?" if hint else ""))
    return tuple(kind for kind in KEPT if kind in names)


@contextmanager
def _progress(rows: int) -> Iterator[Callable[[float], None]]:
    """Show on a terminal how many rows are done and how long the others take; nothing elsewhere."""
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from gamelearn.cli.terminal import Terminal

    console = Terminal(stderr=True)
    columns = (TextColumn("rows"), MofNCompleteColumn(), BarColumn(), TimeRemainingColumn(elapsed_when_finished=True))
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        task = bar.add_task("", total=rows)
        yield lambda done: bar.update(task, completed=done)


def _tell(answer: "Answer", form: TextOrJson) -> None:
    from gamelearn.cli.terminal import Terminal
    from gamelearn.report.inferred_tables import tables_of

    if form == TextOrJson.json:
        echo(json.dumps(answer.plain(), indent=2, allow_nan=False))
    else:
        for table in tables_of(answer):
            Terminal().print(table)
    if form == TextOrJson.text:
        for path in answer.paths:
            echo(str(path))
