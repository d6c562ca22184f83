"""A compiled game: its graph, its players as modules, the plan of every stage.

`load` reads a spec file into one; `compile_game` builds one from a graph. This file is the only one that knows all the parts.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import torch

from gamelearn.data.binding import field_mistakes, with_paths
from gamelearn.data.folder import DataFolder
from gamelearn.data.look import look_at_data
from gamelearn.data.reading import Reading
from gamelearn.data.streams import DataMisfit, Streams, open_streams
from gamelearn.data.trained import Keys
from gamelearn.errors import DataError, Problem, SpecError
from gamelearn.graph.build import GraphError, build_graph
from gamelearn.graph.checks import stray_streams
from gamelearn.graph.model import Graph
from gamelearn.losses import Objective, Runner, objectives
from gamelearn.options import Mistake
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import Plan
from gamelearn.players.build import BuildError, build_players, try_shapes
from gamelearn.players.player import Player
from gamelearn.plugins import load_builtins, load_plugins
from gamelearn.registry import METRICS
from gamelearn.spec.compose import Presets, read_composed
from gamelearn.spec.load import SpecFile, find_spec, lay_over
from gamelearn.spec.paths import spec_folders
from gamelearn.spec.schema import Spec, Variable
from gamelearn.train.schedule import schedule_mistakes

_Tried = dict[str, list[Mistake]]
"""What was wrong with the shapes of players that have been tried: a preset tries again those alone that it changes."""


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
        untrusted: whether paths outside the spec's folder and the data root are refused.
        stood_in: of a run, the names of the data sets in whose place it was trained on `otherwise`; None for a game of no run.
        readings: of a run, how files wrote its variables when it was trained; None where that is not known.
        rows: of a run, the keys of the rows that it was trained on (`gamelearn.data.trained`); None where that is not known.
        moved: where the files of data sets are now, by the names of these.
    """

    graph: Graph
    players: dict[str, Player]
    plans: dict[str, Plan]
    device: torch.device
    dtype: torch.dtype
    checked: CheckedSpec | None = None
    untrusted: bool = False
    stood_in: Collection[str] | None = None
    readings: Mapping[str, Reading] | None = None
    rows: Mapping[str, Keys] | None = None
    moved: Mapping[str, str] = field(default_factory=dict)
    _streams: Streams | None = field(default=None, repr=False)

    def runner(self, *, half: bool = False) -> Runner:
        """Return what runs the steps of a plan; `half` computes networks in bfloat16."""
        return Runner(self.players, self.graph.variables, self.device, self.dtype, half)

    def objectives(self, stage: str, *, half: bool = False) -> tuple[Objective, ...]:
        """Return the objective of every turn of a stage's round, in order."""
        return objectives(self.runner(half=half), self.plans[stage].turns)

    def streams(self, *, memory_limit: int = 2**30) -> Streams:
        """Return the open data, opened at the first call.

        Args:
            memory_limit: the size in bytes up to which a data set is held on the device.

        Raises:
            DataError: a data set is absent, damaged, or does not fit the variables.
        """
        if self._streams is None:
            if self.checked is None:
                raise ValueError("a game that was compiled without a spec file has no data of its own: pass streams")
            spec = self.checked.spec
            own, *others = spec_folders(Path(self.checked.file.path), untrusted=self.untrusted)
            named = tuple(map(Path, self.moved.values()))
            folder = DataFolder(own, untrusted=self.untrusted, others=tuple(others), named=named)
            try:
                self._streams = open_streams(
                    with_paths(spec.data, self.moved),
                    plain_variables(spec),
                    folder=folder,
                    seed=self.graph.seed,
                    device=self.device,
                    dtype=self.dtype,
                    memory_limit=memory_limit,
                    stood_in=self.stood_in,
                    readings=self.readings,
                    rows=self.rows,
                )
            except DataMisfit as error:
                problems = self.checked.file.locate([each.below(("data",)) for each in error.mistakes])
                raise DataError("\n".join(map(str, problems))) from None
        return self._streams

    def close_streams(self) -> None:
        """Give the memory of the data back; the next call of `streams` opens them again."""
        if self._streams is not None:
            self._streams.close()
            self._streams = None


def check(
    path: str | Path,
    *,
    preset: Presets = None,
    overrides: Sequence[str] = (),
    plugins: Iterable[str] = (),
    untrusted: bool = False,
    look: bool = False,
) -> CheckedSpec:
    """Read a spec and look for every mistake that can be found without reading data or training.

    Args:
        path: a file, or the name of a shipped spec.
        preset: one of the spec's presets, or several in order; without it, and without overrides, each of them is checked too.
        overrides: `key=value`.
        plugins: files or modules that register something.
        untrusted: refuse paths outside the spec's folder and the data root.
        look: whether the data's files are looked at: what is absent is a warning, and what does not fit the variables a mistake.

    Raises:
        SpecError: the spec has mistakes; all of them at once.
        PluginError: a plugin cannot be loaded.
    """
    load_builtins()
    load_plugins(plugins)
    tried: _Tried = {}
    file = find_spec(path)
    composed = read_composed(file, untrusted=untrusted)
    own, *others = spec_folders(Path(file), untrusted=untrusted)
    folder = DataFolder(own, untrusted=untrusted, others=tuple(others)) if look else None
    checked = _checked(lay_over(file, composed, preset=preset, overrides=overrides, untrusted=untrusted), tried, folder)
    if preset or overrides:  # values given for one training need not suit the presets it does not take
        return checked
    errors, warnings = list[Problem](), list(checked.warnings)
    for name in checked.file.presets:
        try:
            taken = _checked(lay_over(file, composed, preset=name, untrusted=untrusted, with_presets=False), tried, folder)
            warnings += [_of_preset(name, each) for each in taken.warnings if _is_stray(each) and each not in warnings]
        except SpecError as error:
            errors += [_of_preset(name, each) for each in error.problems]
    if errors:
        raise SpecError(errors)
    return replace(checked, warnings=tuple(warnings))


def _of_preset(name: str, problem: Problem) -> Problem:
    return replace(problem, where=f"presets.{name}.{problem.where}")


def _is_stray(problem: Problem) -> bool:
    return problem.where.startswith("data.streams.")


def _checked(file: SpecFile, tried: _Tried, folder: DataFolder | None) -> CheckedSpec:
    mistakes = list(file.mistakes)
    plans: dict[str, Plan] = {}
    strays: list[Mistake] = []
    try:
        graph = build_graph(file.spec)
        strays = stray_streams(graph, file.added_streams(), _named_in_metrics(file.spec))
        mistakes += shape_mistakes(graph, tried)
        plans = _plans(graph, mistakes)
        mistakes += _metric_mistakes(file.spec, graph)
    except GraphError as error:
        mistakes = [each for each in mistakes if each.path[:1] != ("presets",)]  # they may come from the graph's
        mistakes += [each for each in error.mistakes if not _is_explained(each, file.mistakes)]
    mistakes += _with_strays(file.spec, _data_mistakes(file.spec, mistakes), strays)
    absent: list[Mistake] = []
    if not mistakes and folder:
        mistakes, absent = _looked(file.spec, folder, tried)
    if mistakes:
        raise SpecError(file.locate(map(file.with_base_name, mistakes)))
    return CheckedSpec(file, graph, plans, tuple(file.locate([*graph.warnings, *strays, *absent], severity="warning")))


def _looked(spec: Spec, folder: DataFolder, tried: _Tried) -> tuple[list[Mistake], list[Mistake]]:
    """Return what is wrong with the files of the data, and which are absent; presets that leave the data as they are look no second time."""
    variables = plain_variables(spec)
    key = repr((spec.data, variables))
    if key in tried:
        return tried[key], []
    found = ([each.below(("data",)) for each in part] for part in look_at_data(spec.data, variables, folder))
    tried[key], absent = found
    return tried[key], absent


def _with_strays(spec: Spec, mistakes: list[Mistake], strays: Iterable[Mistake]) -> list[Mistake]:
    """Return mistakes of the data with misspelt streams in place of what lacks in the streams that were meant by them.

    A stream that nothing uses is a mistake only where its name is near another's, in which something lacks; else it stays a warning.
    """
    streams = spec.data.streams
    about = {each: {each.path[2], streams[str(each.path[2])].except_} for each in mistakes if each.path[1] == "streams"}
    meant = {each.suggestion for each in strays if each.suggestion}
    others = [each for each in mistakes if not about.get(each, set()) & meant]
    lacking = set[object]().union(*about.values())
    return [*others, *(each for each in strays if each.suggestion and each.suggestion in lacking)]


def _named_in_metrics(spec: Spec) -> set[str]:
    values = [value for options in spec.evaluate.values() for value in options.own_options().values()]
    return {str(each) for value in values for each in (value if isinstance(value, list | tuple) else [value])}


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


def shape_mistakes(graph: Graph, tried: _Tried | None = None) -> list[Mistake]:
    """Build the networks on the meta device, where nothing is computed, and run each factor once.

    Players that were tried before are not tried again, if their networks are the same, and those of players they share from.
    """
    tried = {} if tried is None else tried
    reached = {name: {name}.union(*map(graph.reach, player.factors.values())) for name, player in graph.players.items()}
    keys = {name: repr((graph.variables, [graph.players[each] for each in sorted(reached[name])])) for name in graph.players}
    new = [name for name in graph.players if keys[name] not in tried]
    needed = {name for each in new for name in reached[each]}
    with torch.device("meta"):
        try:
            players = build_players(_with_players(graph, needed))
        except BuildError as error:
            return list(error.mistakes)
        for name in new:
            tried[keys[name]] = try_shapes(_with_players(graph, {name}), players)
    return [each for key in keys.values() for each in tried[key]]


def _with_players(graph: Graph, names: Collection[str]) -> Graph:
    return replace(graph, players={name: player for name, player in graph.players.items() if name in names})


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
