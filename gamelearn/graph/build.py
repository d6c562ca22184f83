"""From a spec to a graph, with every mistake of it at once.

This file runs the parts of the reading in order.
"""

from collections.abc import Mapping
from dataclasses import replace

from gamelearn.errors import quoted
from gamelearn.graph.checks import check_graph
from gamelearn.graph.factors import build_players
from gamelearn.graph.model import Graph
from gamelearn.graph.samplers import build_sampler
from gamelearn.graph.stages import build_stages
from gamelearn.graph.symbols import Scope, build_scope
from gamelearn.graph.terms import Context
from gamelearn.graph.uses import names_in_use
from gamelearn.options import Mistake
from gamelearn.spec.formula import RESERVED
from gamelearn.spec.schema import Data, Spec


class GraphError(Exception):
    """The mistakes of a game whose spec is well formed."""

    def __init__(self, mistakes: tuple[Mistake, ...], warnings: tuple[Mistake, ...]) -> None:
        super().__init__("; ".join(each.what for each in mistakes))
        self.mistakes, self.warnings = mistakes, warnings


def build_graph(spec: Spec) -> Graph:
    """Return the game that a spec describes.

    Raises:
        GraphError: the game has mistakes; all of them, with their paths in the spec.
    """
    scope = build_scope(spec.variables, names_in_use(spec))
    players = build_players(spec.players, scope)
    context = Context(scope, players, spec.data.streams)
    _check_names(spec, scope)
    _check_streams(spec, scope)
    for name, options in spec.samplers.items():
        if sampler := build_sampler(name, options, context):
            context.samplers[name] = sampler
        else:
            scope.doubtful.add(name)
    stages = build_stages(spec, context)
    graph = Graph(
        spec.name, scope.variables, scope.groups, players, spec.data.streams, context.samplers, stages, data_types=_data_types(spec.data)
    )
    if not scope.mistakes:
        check_graph(graph, spec, scope)
    if scope.mistakes:
        raise GraphError(tuple(scope.mistakes), tuple(scope.warnings))
    return replace(graph, warnings=tuple(scope.warnings))


def _data_types(data: Data) -> dict[str, str]:
    """Return the type of the data set of each stream, where it can be told."""
    known = dict(data.datasets)
    only = data.dataset or (next(iter(known.values())) if len(known) == 1 else None)
    found = {name: only if stream.dataset is None else known.get(stream.dataset) for name, stream in data.streams.items()}
    return {name: each.type for name, each in found.items() if each is not None}


def _check_names(spec: Spec, scope: Scope) -> None:
    """Players, streams and samplers share one namespace: a formula names all three."""
    seen: dict[str, str] = {}
    kinds: dict[str, Mapping[str, object]] = {"player": spec.players, "stream": spec.data.streams, "sampler": spec.samplers}
    places = {"player": ("players",), "stream": ("data", "streams"), "sampler": ("samplers",)}
    for kind, names in kinds.items():
        for name in names:
            path = (*places[kind], name)
            if name in RESERVED:
                scope.report(path, f"{name!r} is a reserved word", on_key=True)
            if name in seen:
                scope.report(path, f"{name!r} is already the name of a {seen[name]}", on_key=True)
                scope.doubtful.add(name)
            seen[name] = kind
    if "default" in spec.data.streams:
        what = "'default' cannot be the name of a stream: in 'batch' it stands for all that are not named"
        scope.report(("data", "streams", "default"), what, on_key=True)


def _check_streams(spec: Spec, scope: Scope) -> None:
    for name, stream in spec.data.streams.items():
        path = ("data", "streams", name)
        before = len(scope.mistakes)
        if not stream.variables:
            scope.report(path, f"the stream {name!r} shows no variable", on_key=True)
        for variable in stream.variables:
            if variable in scope.unclear:
                scope.doubtful.add(name)
            elif variable in scope.groups:
                what = f"{variable!r} is a group, which has no field of its own: name its variables, {quoted(scope.groups[variable])}"
                scope.report((*path, "variables", variable), what, on_key=True)
            elif variable not in scope.variables:
                hint = scope.nearest(variable, scope.variables, stream.variables)
                what = f"unknown variable {variable!r}; known: {quoted(scope.variables)}"
                scope.report((*path, "variables", variable), what, hint, on_key=True)
        if len(scope.mistakes) > before:
            scope.doubtful.add(name)
