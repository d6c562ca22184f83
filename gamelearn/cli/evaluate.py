"""The command `evaluate`. This file measures how good a trained game is."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from gamelearn.cli.choices import Split, Weights, chosen, chosen_estimate, chosen_weights
from gamelearn.cli.data_progress import data_progress
from gamelearn.cli.guard import echo, say
from gamelearn.cli.options import DataPaths, Device, Plugins, TableFormat, TextOrJson, Untrusted, data_paths
from gamelearn.cli.runs import find_run
from gamelearn.errors import visible

if TYPE_CHECKING:
    from gamelearn.game import Game
    from gamelearn.metrics.evaluation import ChosenMetric, Evaluation


def evaluate(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A run's folder, or a game's name below runs/ (its newest run).")],
    metric: Annotated[
        list[str] | None, typer.Option("--metric", metavar="NAME", help="Of the spec's 'evaluate', or a known one; may be repeated.")
    ] = None,
    split: Annotated[
        list[str] | None,
        typer.Option("--split", metavar="SPLIT", help="train, validation or test; may be repeated.  [default: validation, else train]"),
    ] = None,
    count: Annotated[int | None, typer.Option("--count", min=1, help="How many images or samples.  [default: as the metric says]")] = None,
    seed: Annotated[int, typer.Option("--seed", help="Equal seeds give equal figures.")] = 0,
    checkpoint: Annotated[
        int | None, typer.Option("--checkpoint", metavar="ROUND", min=0, help="Which one.  [default: the newest]")
    ] = None,
    weights: Annotated[
        str | None, typer.Option("--weights", metavar="WHICH", help="ema or last.  [default: averaged ones where there are any]")
    ] = None,
    sampler: Annotated[
        str | None, typer.Option("--sampler", metavar="NAME", help="The chain; 'automatic' follows from the factors.")
    ] = None,
    sweeps: Annotated[int | None, typer.Option("--sweeps", min=1, help="How many sweeps of the chain count.")] = None,
    burn_in: Annotated[int | None, typer.Option("--burn-in", min=0, help="How many sweeps come before.")] = None,
    thin: Annotated[int | None, typer.Option("--thin", min=1, help="Every sweep of so many counts.")] = None,
    chains: Annotated[int | None, typer.Option("--chains", min=1, help="How many chains each image has.")] = None,
    estimate: Annotated[
        str | None,
        typer.Option("--estimate", metavar="HOW", help="What a chain averages: conditionals (probabilities), or counts (of draws)."),
    ] = None,
    form: TableFormat = TextOrJson.text,
    device: Device = None,
    plugin: Plugins = None,
    data: DataPaths = None,
    untrusted: Untrusted = False,
) -> None:
    """Measure how good a trained game is, by the metrics of its spec, or by those that fit it.

    Data come without noise. The figures are printed and kept in RUN/evaluation/, in a new file each time. Of the values of the
    chain, those that are left out are as the metric and the sampler say.

    \b
    gamelearn evaluate nuclei-unet
    gamelearn evaluate celeba-seg --metric segmentation --split train --split test
    gamelearn evaluate runs/celeba-seg/2 --count 64 --sweeps 20 --chains 4 --format json
    gamelearn evaluate celeba-seg --metric class_frequencies --sweeps 300 --weights last
    """
    values = {"sampler": sampler, "sweeps": sweeps, "burn_in": burn_in, "thin": thin, "chains": chains}
    chain = {name: value for name, value in {**values, "estimate": chosen_estimate(estimate)}.items() if value is not None}
    named = [str(chosen(Split, "split", each)) for each in dict.fromkeys(split or ())]
    which = chosen_weights(weights)
    from gamelearn.metrics.evaluation import choose_metrics, usual_split
    from gamelearn.metrics.store import origin_of
    from gamelearn.run import Run
    from gamelearn.train.device import choose_device

    opened = Run(find_run(run, untrusted=untrusted), say=say)
    taken: Literal["ema", "last"] | None = None if which is None else "ema" if which == Weights.ema else "last"
    state = opened.state(checkpoint)
    game = opened.game(
        state,
        weights=taken,
        device=choose_device(device),
        plugins=plugin or (),
        untrusted=untrusted,
        data=data_paths(data),
    )
    metrics = choose_metrics(game, metric)
    if game.graph.streams:
        with data_progress():
            game.streams()
    averaged = bool(state.averages) and taken != "last"
    facts = origin_of(opened.path, game, state.progress.round, "ema" if averaged else "last", count, chain)
    _evaluate(opened.path, game, facts, metrics, named or [usual_split([game])], count, seed, chain, form)


def _evaluate(
    folder: Path,
    game: "Game",
    facts: dict[str, Any],
    chosen: "tuple[ChosenMetric, ...]",
    splits: list[str],
    count: int | None,
    seed: int,
    chain: dict[str, Any],
    form: TextOrJson,
) -> None:
    from gamelearn.cpu import tune_allocator
    from gamelearn.metrics.evaluation import evaluate, unused_values
    from gamelearn.metrics.metric import Context
    from gamelearn.metrics.store import EvaluationFile, title_of

    if game.device.type == "cpu":
        tune_allocator()
    for notice in game.streams().notices if game.graph.streams else ():
        say(f"NOTICE: {notice}")
    if unused := unused_values(chosen, chain):
        say(f"NOTICE: no metric that is measured looks at {', '.join('--' + name.replace('_', '-') for name in unused)}")
    file = EvaluationFile(folder, title_of(facts["round"], splits), facts)
    bar = _Bar()
    try:
        for found in evaluate(game, chosen, splits, Context(splits[0], count, seed, chain, bar.tell)):
            file.add(found)
            bar.clear()
            if form == TextOrJson.text:
                _print(found)
    finally:
        bar.clear()
    if form == TextOrJson.json:
        echo(file.text(), nl=False)
    (say if form == TextOrJson.json else echo)(str(file.path))


class _Bar:
    """A bar on a terminal, nothing elsewhere; it is cleared before anything is printed."""

    def __init__(self) -> None:
        from rich.progress import Progress

        from gamelearn.cli.terminal import Terminal

        console = Terminal(stderr=True)
        self._bar = Progress(console=console, transient=True) if console.is_terminal else None
        self._task = self._bar.add_task("", total=None) if self._bar else None

    def tell(self, title: str, done: int, total: int | None) -> None:
        """Show how far a metric is."""
        from rich.markup import escape

        if self._bar and self._task is not None:
            self._bar.start()
            self._bar.update(self._task, description=escape(visible(title)), completed=done, total=total)

    def clear(self) -> None:
        """Take the bar away."""
        if self._bar:
            self._bar.stop()


def _print(found: "Evaluation") -> None:
    from gamelearn.cli.terminal import Terminal
    from gamelearn.metrics.tables import tables_of

    console = Terminal()
    for table in tables_of(found):
        console.print(table)
    for note in found.result.notes:
        console.print(note, highlight=False, soft_wrap=True)
