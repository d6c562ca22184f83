"""A compiled game: its graph, its players as modules, the plan of every stage.

`load` reads a spec file into one; `compile_game` builds one from a graph. This file is the only one that knows all the parts.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from gamelearn.data.binding import field_mistakes
from gamelearn.data.folder import DataFolder
from gamelearn.data.streams import DataMisfit, Streams, open_streams
from gamelearn.errors import DataError, Problem, SpecError
from gamelearn.graph.build import GraphError, build_graph
from gamelearn.graph.model import Graph
from gamelearn.losses import Objective, Runner, objectives
from gamelearn.options import Mistake
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import Plan
from gamelearn.players.build import BuildError, build_players, try_shapes
from gamelearn.players.player import Player
from gamelearn.plugins import load_builtins, load_plugins
from gamelearn.registry import METRICS
from gamelearn.spec.compose import Presets
from gamelearn.spec.load import SpecFile, load_source
from gamelearn.spec.schema import Spec, Variable
from gamelearn.train.schedule import schedule_mistakes

_Tried = dict[str, list[Mistake]]
"""What was wrong with the shapes of players that have been tried: presets that change no player need not try them again."""


@dataclass(frozen=True)
class CheckedSpec:
    """A spec without mistakes: the file, the graph, the plans, and what is worth a warning."""

    file: SpecFile
    graph: Graph
    plans: Mapping[str, Plan]
    warnings: tuple[Problem, ...] = ()

    @property
    def spec(self) -> Spec:
        """The validated spec."""
        return self.file.spec


@dataclass
class Game:
    """A game that can be trained and sampled.

    Args:
        graph: variables, factors, terms.
        players: modules by name, on `device` with parameters in `dtype`.
        plans: by stage.
        device: where values live.
        dtype: of values and parameters.
        checked: the spec that it was loaded from, if any.
    """

    graph: Graph
    players: dict[str, Player]
    plans: dict[str, Plan]
    device: torch.device
    dtype: torch.dtype
    checked: CheckedSpec | None = None
    untrusted: bool = False
    _streams: Streams | None = field(default=None, repr=False)

    def runner(self, *, half: bool = False) -> Runner:
        """Return what runs the steps of a plan; `half` computes networks in bfloat16."""
        return Runner(self.players, self.graph.variables, self.device, self.dtype, half)

    def objectives(self, stage: str, *, half: bool = False) -> tuple[Objective, ...]:
        """Return the objective of every turn of a stage's round, in order."""
        return objectives(self.runner(half=half), self.plans[stage].turns)

    def streams(self) -> Streams:
        """Return the open data, opened at the first call.

        Raises:
            DataError: a data set is absent, damaged, or does not fit the variables.
        """
        if self._streams is None:
            if self.checked is None:
                raise ValueError("a game that was compiled without a spec file has no data of its own: pass streams")
            spec = self.checked.spec
            folder = DataFolder(Path(self.checked.file.path).parent, untrusted=self.untrusted)
            try:
                self._streams = open_streams(
                    spec.data, plain_variables(spec), folder=folder, seed=self.graph.seed, device=self.device, dtype=self.dtype
                )
            except DataMisfit as error:
                problems = self.checked.file.locate([each.below(("data",)) for each in error.mistakes])
                raise DataError("\n".join(map(str, problems))) from None
        return self._streams


def check(
    path: str | Path,
    *,
    preset: Presets = None,
    overrides: Sequence[str] = (),
    plugins: Iterable[str] = (),
    untrusted: bool = False,
) -> CheckedSpec:
    """Read a spec and look for every mistake that can be found without data or training.

    Raises:
        SpecError: the spec has mistakes; all of them at once.
        PluginError: a plugin cannot be loaded.
    """
    load_builtins()
    load_plugins(plugins)
    tried: _Tried = {}
    checked = _checked(load_source(path, preset=preset, overrides=overrides, untrusted=untrusted), tried)
    if not preset and not overrides:  # values given for one training need not suit the presets it does not take
        found = [
            replace(problem, where=f"presets.{name}.{problem.where}")
            for name in checked.file.presets
            for problem in _problems(path, name, untrusted, tried)
        ]
        if found:
            raise SpecError(found)
    return checked


def _problems(path: str | Path, preset: str, untrusted: bool, tried: _Tried) -> tuple[Problem, ...]:
    try:
        _checked(load_source(path, preset=preset, untrusted=untrusted), tried)
    except SpecError as error:
        return error.problems
    return ()


def _checked(file: SpecFile, tried: _Tried) -> CheckedSpec:
    mistakes = list(file.mistakes)
    plans: dict[str, Plan] = {}
    try:
        graph = build_graph(file.spec)
        mistakes += _shape_mistakes_once(graph, tried)
        plans = _plans(graph, mistakes)
        mistakes += _metric_mistakes(file.spec, graph)
    except GraphError as error:
        mistakes = [each for each in mistakes if each.path[:1] != ("presets",)]  # they may come from the graph's
        mistakes += [each for each in error.mistakes if not _is_explained(each, file.mistakes)]
    mistakes += _data_mistakes(file.spec, mistakes)
    if mistakes:
        raise SpecError(file.locate(mistakes))
    return CheckedSpec(file, graph, plans, tuple(file.locate(graph.warnings, severity="warning")))


def _metric_mistakes(spec: Spec, graph: Graph) -> list[Mistake]:
    """Return why metrics that the spec names do not fit the game."""
    metrics = {name: METRICS[options.type].build(**options.own_options()) for name, options in spec.evaluate.items()}
    return [Mistake(("evaluate", name), reason) for name, metric in metrics.items() if (reason := metric.misfit(graph))]


def _data_mistakes(spec: Spec, known: Iterable[Mistake]) -> list[Mistake]:
    """Return what is wrong with the fields of the data, where the game knows the variables that they are for."""
    paths = {each.path for each in known}
    if any(path[:1] == ("data",) and path[:2] != ("data", "streams") for path in paths):
        return []
    found = [each.below(("data",)) for each in field_mistakes(spec.data, plain_variables(spec))]
    return [each for each in found if each.path not in paths]


def _is_explained(mistake: Mistake, known: Iterable[Mistake]) -> bool:
    """Whether a mistake of a section may come from another inside it: what was wrong there was left out."""
    return any(each.path[: len(mistake.path)] == mistake.path for each in known)


def _plans(graph: Graph, mistakes: list[Mistake]) -> dict[str, Plan]:
    mistakes += schedule_mistakes(graph)
    return {stage: make_plan(graph, stage) for stage in graph.stages}


def plain_variables(spec: Spec) -> dict[str, Variable]:
    """Return the variables of a spec without the groups."""
    return {name: each for name, each in spec.variables.items() if isinstance(each, Variable)}


def _shape_mistakes_once(graph: Graph, tried: _Tried) -> list[Mistake]:
    key = repr((graph.variables, graph.players))
    if key not in tried:
        tried[key] = shape_mistakes(graph)
    return tried[key]


def shape_mistakes(graph: Graph) -> list[Mistake]:
    """Build every network on the meta device, where nothing is computed, and run each factor once."""
    with torch.device("meta"):
        try:
            players = build_players(graph)
        except BuildError as error:
            return list(error.mistakes)
        return try_shapes(graph, players)


def compile_game(
    graph: Graph, *, device: torch.device | str = "cpu", dtype: torch.dtype = torch.float32, checked: CheckedSpec | None = None
) -> Game:
    """Build the players of a graph and the plan of every stage.

    The parameters depend on the seed of the first stage alone, network by network.

    Raises:
        BuildError: a network does not fit its variables.
    """
    device = torch.device(device)
    players = {name: player.to(device=device, dtype=dtype) for name, player in build_players(graph).items()}
    plans = {stage: make_plan(graph, stage) for stage in graph.stages}
    return Game(graph, players, plans, device, dtype, checked)


def load(
    path: str | Path,
    *overrides: str,
    preset: Presets = None,
    plugins: Iterable[str] = (),
    device: torch.device | str = "cpu",
    dtype: torch.dtype = torch.float32,
    untrusted: bool = False,
) -> Game:
    """Read, check and compile a spec.

    Args:
        path: a file, or the name of a shipped spec.
        overrides: `key=value`, such as `train.rounds=100`.
        preset: one of the spec's presets, or several in order.
        plugins: files or modules that register players, networks, families or data sets.
        device: where the game runs.
        dtype: of parameters and values.
        untrusted: refuse paths outside the spec's folder and the data root, and bound all sizes.

    Raises:
        SpecError: the spec has mistakes; all of them at once.
    """
    checked = check(path, preset=preset, overrides=overrides, plugins=plugins, untrusted=untrusted)
    game = compile_game(checked.graph, device=device, dtype=dtype, checked=checked)
    return replace(game, untrusted=untrusted)
