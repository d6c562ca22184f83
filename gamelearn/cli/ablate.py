"""The command `ablate`. This file trains variants of a spec, to compare them."""

from pathlib import Path
from typing import Annotated

import typer

from gamelearn.cli.choices import chosen_split
from gamelearn.cli.compare import Count, Metrics, SplitOption, tell
from gamelearn.cli.data_progress import data_progress
from gamelearn.cli.guard import say
from gamelearn.cli.options import (
    Device,
    Plugins,
    Preset,
    Spec,
    TableFormat,
    TextOrJson,
    Untrusted,
    Values,
    only_overrides,
    refuse_unreadable,
)
from gamelearn.cli.train import lasting_console
from gamelearn.errors import GamelearnError

_SEEDS = 3


def ablate(
    spec: Spec,
    values: Values = None,
    variant: Annotated[
        list[str] | None,
        typer.Option("--variant", metavar="V", help="A preset of the spec, or key=value,.., or NAME:key=value,..; may be repeated."),
    ] = None,
    preset: Preset = None,
    seeds: Annotated[int | None, typer.Option("--seeds", metavar="N", min=1, help="Train with seeds 0 to N - 1.  [default: 3]")] = None,
    seed: Annotated[list[int] | None, typer.Option("--seed", help="Train with this seed; may be repeated.")] = None,
    points: Annotated[int, typer.Option("--points", min=1, help="Measure at so many checkpoints of each run, at equal distances.")] = 5,
    metric: Metrics = None,
    split: SplitOption = None,
    count: Count = None,
    out: Annotated[Path | None, typer.Option("--out", metavar="DIR", help="Where all goes.  [default: runs/NAME-ablation]")] = None,
    form: TableFormat = TextOrJson.text,
    device: Device = None,
    plugin: Plugins = None,
    untrusted: Untrusted = False,
) -> None:
    """Train variants of a spec, each with several seeds, and compare them: one table, one sheet of curves.

    The spec as it is (base) comes first. Runs go to DIR/VARIANT/SEED. Those that are there are not trained again, and what was
    stopped goes on: say the same once more. The sheet has utilities and metrics over rounds, seconds and updates of players.

    \b
    gamelearn ablate digits-vae --preset quick --variant parallel --variant encoder-twice --seeds 3
    gamelearn ablate digits-vae train.rounds=500 --variant slow:train.optimizer.lr=3e-4 --seed 0 --seed 5
    gamelearn ablate my_game.yaml --variant train.batch=64 --points 10 --metric segmentation --out runs/batches
    """
    where = chosen_split(split)
    if seeds is not None and seed:
        raise GamelearnError("give --seeds N, or each one by --seed, not both")
    refuse_unreadable(spec)
    overrides = only_overrides(values or ())
    from gamelearn.comparison.ablating import measure_all
    from gamelearn.comparison.ablation import Ablation, train_all
    from gamelearn.comparison.ablation_sheet import draw_ablation
    from gamelearn.comparison.files import write_json
    from gamelearn.comparison.measuring import Question
    from gamelearn.comparison.variants import read_variants
    from gamelearn.game import check
    from gamelearn.train.device import choose_device

    checked = check(spec, preset=preset, overrides=overrides, plugins=plugin or (), untrusted=untrusted)
    ablation = Ablation(
        spec=spec,
        presets=tuple(preset or ()),
        overrides=tuple(overrides),
        variants=read_variants(variant or (), checked.file.presets),
        seeds=tuple(dict.fromkeys(seed)) if seed else tuple(range(seeds or _SEEDS)),
        points=points,
        folder=out or Path("runs") / f"{checked.graph.name}-ablation",
        device=choose_device(device),
        plugins=tuple(plugin or ()),
        untrusted=untrusted,
    )
    with data_progress():
        trained = train_all(ablation, say=say, console=lasting_console(stderr=form == TextOrJson.json))
    question = Question(tuple(dict.fromkeys(metric)) if metric else None, where, count, 0)
    found = measure_all(ablation, trained, question, say=say)
    sheet = draw_ablation(list(trained), found.lines, ablation.folder / "ablation.png")
    tell(found.comparison, [write_json(found.plain(), ablation.folder / "ablation.json"), sheet], form)
