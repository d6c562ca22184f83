"""Codes of a game's hidden variables: from the prior, from rows of data with their classes, at the limit of a chain.

This file draws the codes.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from gamelearn.data.words import counted
from gamelearn.errors import DataError, EvidenceError, quoted
from gamelearn.factor_draws import draw_factor, expectation
from gamelearn.game import Game
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.graph.model import Factor, Graph, Player, unknown
from gamelearn.graph.resolve import ResolutionError, resolve_factors
from gamelearn.graph.symbols import Expanded
from gamelearn.report.figures.classes import find_judge
from gamelearn.report.figures.figure import SPLITS, NotSupported, Request, hidden_variables
from gamelearn.sampling import first_rows, limiting

PRIOR, DATA, LIMIT = "prior", "posterior", "limiting"
_SWEEPS = 100
_Values = dict[str, torch.Tensor]


@dataclass(frozen=True)
class Codes:
    """Codes with their classes.

    Attributes:
        kinds: by kind and variable, `(count, *shape)`.
        labels: by kind the classes `(count)`, -1 where there is none; those of the data, and of samples that have a class of their own.
        judged: by kind the classes `(count)` that a classifier gives to the images that were drawn with the codes.
        rows: the variables of each row of the figure, by title.
        data: the kind that is drawn from data.
        classes: their names.
        field: of the data set that has the classes; None where none has.
        split: of the data.
        facts: which factors or chains drew which codes, and what is left out.
        classifier: the feature network whose classes `judged` has; empty where no code is judged.
    """

    kinds: Mapping[str, _Values]
    labels: Mapping[str, NDArray[np.int64]]
    judged: Mapping[str, NDArray[np.int64]]
    rows: Mapping[str, tuple[str, ...]]
    data: str
    classes: tuple[str, ...]
    field: str | None
    split: str
    facts: tuple[str, ...]
    classifier: str = ""


@dataclass(frozen=True)
class Encoding:
    """A stream, and the factors of one player that draw hidden variables from what it shows."""

    stream: str
    factors: tuple[Factor, ...]

    @property
    def targets(self) -> tuple[str, ...]:
        """What is drawn."""
        return tuple(factor.target for factor in self.factors)


def draw_codes(game: Game, request: Request, count: int) -> Codes:
    """Draw so many codes of every kind that the game has.

    Args:
        game: with its players; its data is opened.
        request: the variables, the seed, the split, the chain.
        count: of codes; of the data fewer, if it has fewer rows.

    Raises:
        NotSupported: no player draws hidden variables from data, and from nothing or at the limit of a chain.
        EvidenceError: a variable that is asked for is unknown, or not hidden; or the sampler does not fit.
        DataError: the data cannot be read.
    """
    rows = _rows(game.graph, request.variables)
    names = tuple(dict.fromkeys(name for each in rows.values() for name in each))
    encoding = find_encoding(game.graph, names)
    split, shown, (field, classes, labels) = _read(game, encoding.stream, request, count)
    posterior = _drawn(game, encoding.factors, shown, (DATA,), request.seed)
    judge = find_judge(game, encoding.stream, classes)
    image, classes = (judge.variable.name, judge.class_names) if judge else (None, classes)
    facts = [f"{DATA}: {', '.join(map(str, encoding.factors))} for rows of {encoding.stream}"]
    kinds, own, judged = dict[str, _Values](), {DATA: labels}, dict[str, NDArray[np.int64]]()
    variable = _variable_of(game.graph, encoding.stream, field)
    for kind, values, fact in (_prior(game, names, image, request, count), _limit(game, names, image, request, count)):
        facts.append(f"{kind}: {fact}")
        if values is None:
            continue
        kinds[kind] = {name: values[name] for name in names}
        if variable is not None and variable in values:
            own[kind] = values[variable].cpu().numpy().astype(np.int64)
        elif judge and image in values:
            judged[kind] = judge.classes(values[judge.variable.name])
    if not kinds:
        raise NotSupported(f"there is nothing to compare the codes of data with; {'; '.join(facts[1:])}")
    kinds[DATA] = {name: posterior[name] for name in names}
    kinds = {kind: kinds[kind] for kind in (PRIOR, DATA, LIMIT) if kind in kinds}
    return Codes(kinds, own, judged, rows, DATA, classes, field, split, tuple(facts), judge.name if judge and judged else "")


def _rows(graph: Graph, asked: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Return the variables of each row: those that are asked for, a group in one row; by default every hidden one that is drawn from data."""
    hidden = hidden_variables(graph)
    for name in asked:
        if name not in graph.variables and name not in graph.groups:
            raise EvidenceError(unknown("variable", name, {**graph.variables, **graph.groups}))
        if shown := [each for each in graph.groups.get(name, (name,)) if each not in hidden]:
            raise EvidenceError(f"{quoted(shown)} is shown by a stream, it is no code; hidden are {quoted(sorted(hidden)) or 'none'}")
    if asked:
        return {name: graph.groups.get(name, (name,)) for name in asked}
    names = [name for name in graph.variables if name in hidden and _encodings(graph, (name,))]
    if not names:
        raise NotSupported("no player draws a hidden variable from what a stream shows")
    return {name: (name,) for name in names}


def find_encoding(graph: Graph, names: Sequence[str]) -> Encoding:
    """Return the factors of one player that draw all these hidden variables from what a stream shows.

    The stream shows as much as any; the factors read as much of it as any: a decoder that reads the label alone infers nothing of the image.

    Raises:
        NotSupported: there are none.
    """
    found = _encodings(graph, names)
    if not found:
        raise NotSupported(f"no player draws {quoted(names)} from what one stream shows")
    return max(found, key=lambda each: (len(graph.streams[each.stream].variables), len(_read_of(graph, each))))


def _read_of(graph: Graph, encoding: Encoding) -> set[str]:
    """Return what the factors of an encoding read of its stream."""
    return {given for factor in encoding.factors for given in factor.givens}.intersection(graph.streams[encoding.stream].variables)


def _encodings(graph: Graph, names: Sequence[str]) -> list[Encoding]:
    found = []
    for stream, node in graph.streams.items():
        givens = tuple(Expanded(name, name, 0, "known", 0) for name in node.variables)
        for player in graph.players.values():
            unseen = tuple(dict.fromkeys(factor.target for factor in player.factors.values() if factor.target not in node.variables))
            for targets in (tuple(names), unseen):
                factors = _resolved(player, targets, givens) if set(names) <= set(targets) else ()
                if factors and any(given in node.variables for factor in factors for given in factor.givens):
                    found.append(Encoding(stream, factors))
                    break
    return found


def _resolved(player: Player, targets: tuple[str, ...], givens: tuple[Expanded, ...]) -> tuple[Factor, ...]:
    try:
        return resolve_factors(player, targets, givens)
    except ResolutionError:
        return ()


def _read(
    game: Game, stream: str, request: Request, count: int
) -> tuple[str, _Values, tuple[str | None, tuple[str, ...], NDArray[np.int64]]]:
    """Return the split that was taken, the rows of the stream, and the field of the classes with their names and each row's own."""
    for split in SPLITS if request.split is None else (request.split,):
        try:
            shown = first_rows(game, stream, count, split)
        except DataError:
            if request.split is not None or split == SPLITS[-1]:
                raise
            continue
        rows = len(next(iter(shown.values())))
        found = game.streams().classes(stream, split, rows)
        if found is None:
            return split, shown, (None, (), np.full(rows, -1))
        return split, shown, (found.field, found.names, found.values.numpy())
    raise AssertionError("one split is tried at least")


def _variable_of(graph: Graph, stream: str, field: str | None) -> str | None:
    """Return the variable that stands for the field of the classes, in any stream."""
    streams = (graph.streams[stream], *graph.streams.values())
    return next((name for each in streams for name, own in each.variables.items() if own == field), None) if field else None


def _drawn(game: Game, factors: Sequence[Factor], given: Mapping[str, torch.Tensor], key: tuple[str, ...], seed: int) -> _Values:
    values, rows = dict(given), len(next(iter(given.values())))
    with torch.no_grad():
        for factor in factors:
            values[factor.target] = draw_factor(game, factor, values, ("codes", *key), rows, seed)
    return values


def _prior(game: Game, names: Sequence[str], image: str | None, request: Request, count: int) -> tuple[str, _Values | None, str]:
    """Return codes of the player that draws them, and most else, from nothing, with the expectation of an image that is drawn with them.

    The fact says which factors drew the codes, or that there are none.
    """
    found: list[tuple[Factor, ...]] = []
    for player in game.graph.players.values():
        own = tuple(dict.fromkeys(factor.target for factor in player.factors.values()))
        found += [factors for targets in (own, tuple(names)) if set(names) <= set(targets) and (factors := _resolved(player, targets, ()))]
    if not found:
        return PRIOR, None, f"no player draws {quoted(names)} from nothing"
    factors = max(found, key=len)
    values: _Values = {}
    expected: _Values = {}
    with torch.no_grad():
        for factor in factors:
            values[factor.target] = draw_factor(game, factor, values, ("codes", PRIOR), count, request.seed)
            if factor.target == image:
                expected[image] = expectation(game, factor, values, count)
    needed = ", ".join(str(factor) for factor in _ancestors(factors, names))
    return PRIOR, {**values, **expected}, needed


def _ancestors(factors: Sequence[Factor], names: Sequence[str]) -> Iterator[Factor]:
    wanted = set(names)
    for factor in reversed(factors):
        wanted.update(factor.givens if factor.target in wanted else ())
    yield from (factor for factor in factors if factor.target in wanted)


def _limit(game: Game, names: Sequence[str], image: str | None, request: Request, count: int) -> tuple[str, _Values | None, str]:
    """Return codes at the limit of a chain, with the expectation of an image; the fact says which chain, or why there is none."""
    sweeps = request.sweeps or _SWEEPS
    try:
        sampler = choose_sampler(game.graph, request.sampler).sampler
        if lacking := [name for name in names if name not in sampler.targets]:
            raise EvidenceError(f"the sampler {sampler.name!r} does not draw {quoted(lacking)}")
        means = () if image is None else (image,)
        values = limiting(game, count, sampler=sampler.name, sweeps=sweeps, seed=request.seed, decide="mean", means=means)
    except EvidenceError as error:
        if request.sampler is not None:
            raise
        return LIMIT, None, f"left out: {error}"
    return LIMIT, values, f"the chain {sampler.name!r} after {counted(sweeps, 'sweep')}"
