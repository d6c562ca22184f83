"""One run at one checkpoint, as it stands in a comparison. This file opens it."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch

from gamelearn.errors import RunError, Say
from gamelearn.game import Game
from gamelearn.run import Run
from gamelearn.run_folder import METRICS, read_environment
from gamelearn.train.changes import plain_values
from gamelearn.train.metrics_file import read_metrics

_SEEDS = ("train", "seed")


@dataclass(frozen=True)
class Logged:
    """What was logged after a round.

    Attributes:
        round: its number.
        seconds: since the training began.
        updates: how many turns all players have taken together.
        utilities: by player, in nats per row.
    """

    round: int
    seconds: float
    updates: int
    utilities: Mapping[str, float]


@dataclass(frozen=True)
class Entry:
    """A run at a checkpoint.

    Attributes:
        run: the run.
        game: with the parameters of the checkpoint.
        asked: the round that was asked for; None for the newest checkpoint.
        round: of the checkpoint.
        seconds: of training, up to the checkpoint.
        updates: how many turns all players have taken together, up to the checkpoint.
        weights: `ema` or `last`, those that the game has.
        values: all values of its spec, but the seeds.
        seed: of the training.
        logged: what was logged up to the checkpoint.
    """

    run: Run
    game: Game
    asked: int | None
    round: int
    seconds: float
    updates: int
    weights: str
    values: Mapping[str, Any]
    seed: int
    logged: tuple[Logged, ...] = field(repr=False)

    @property
    def folder(self) -> Path:
        """The run's folder."""
        return self.run.path

    @property
    def parameters(self) -> int:
        """How many parameters all players have together."""
        return sum(each.numel() for player in self.game.players.values() for each in player.parameters())

    @property
    def taken(self) -> dict[str, str]:
        """The types of the data sets that the run was trained on, by name, as it has recorded; empty where it has not."""
        return dict(read_environment(self.folder).get("data_sets") or {})

    @property
    def stood_in(self) -> tuple[str, ...]:
        """The data sets in whose place the run was trained on another one."""
        return tuple(self.game.stood_in or ())


def open_entry(
    folder: Path,
    asked: int | None,
    *,
    say: Say,
    weights: Literal["ema", "last"] | None = None,
    device: torch.device | str = "cpu",
    plugins: Iterable[str] = (),
    untrusted: bool = False,
) -> Entry:
    """Open a run at a checkpoint.

    Args:
        folder: of the run.
        asked: the round of the checkpoint; None for the newest that is whole.
        say: is told what the user has to know.
        weights: `ema` or `last`; by default the averaged ones where there are any.
        device: where its game runs.
        plugins: files or modules that the spec needs.
        untrusted: whether the run is somebody else's.

    Raises:
        RunError: there is no such run or checkpoint.
        SpecError: the spec is damaged, or needs a plugin that is not loaded.
    """
    run = Run(folder, say)
    state = run.state(asked)
    game = run.game(state, weights=weights, device=device, plugins=plugins, untrusted=untrusted)
    assert game.checked is not None
    taken = "ema" if state.averages and weights != "last" else "last"
    rounds, logged = state.progress.round, _logged(run, game)
    before = tuple(each for each in logged if each.round <= rounds)
    updates = _updates_at(rounds, logged, len(game.plans[state.stage].turns))
    values, elapsed = without_seeds(plain_values(game.checked.spec)), state.progress.elapsed
    return Entry(run, game, asked, rounds, elapsed, updates, taken, values, game.graph.seed, before)


def without_seeds(values: Mapping[str, Any]) -> dict[str, Any]:
    """Return the plain values of a spec without the seeds of its training."""
    section, key = _SEEDS
    stages = values.get("stages") or {}
    kept = {name: {**stage, section: _without(stage.get(section) or {}, key)} for name, stage in stages.items()}
    return {**values, section: _without(values[section], key), "stages": kept or values.get("stages")}


def _without(values: Mapping[str, Any], key: str) -> dict[str, Any]:
    return {name: value for name, value in values.items() if name != key}


def _logged(run: Run, game: Game) -> list[Logged]:
    path = run.path / METRICS
    found: list[Logged] = []
    for row in read_metrics(path, run.say) if path.is_file() else []:
        before = found[-1] if found else Logged(0, 0.0, 0, {})
        plan = game.plans.get(row["stage"])
        if plan is None:
            raise RunError(f"{path} is damaged: the game has no stage {row['stage']!r}")
        updates = before.updates + (row["round"] - before.round) * len(plan.turns)
        found.append(Logged(row["round"], row["seconds"], updates, row["utilities"]))
    return found


def _updates_at(rounds: int, logged: Sequence[Logged], turns: int) -> int:
    """Return the updates after a round: between two lines they grow evenly, since the last round of a stage is always logged.

    Args:
        rounds: the round.
        logged: all lines, also later ones.
        turns: of a round of the stage that the round is in.
    """
    before = next((each for each in reversed(logged) if each.round <= rounds), Logged(0, 0.0, 0, {}))
    return before.updates + turns * (rounds - before.round)
