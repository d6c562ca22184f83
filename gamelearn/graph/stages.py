"""The stages of the training: their utilities, schedules and training values.

This file reads what a spec says of `utilities`, `stages`, `schedule`, `train`.
"""

from collections.abc import Mapping

from pydantic_core import PydanticCustomError

from gamelearn.errors import nearest, quoted
from gamelearn.graph.model import Stage, Term
from gamelearn.graph.terms import Context, build_term
from gamelearn.options import Path
from gamelearn.spec.schema import NamedTerm, Schedule, Spec, Train, merged_train

MAIN = "main"


def build_stages(spec: Spec, context: Context) -> dict[str, Stage]:
    """Return the stages in playing order; a spec with `utilities` has one, named `main`."""
    if spec.stages is None:
        _check_train(spec.train, context, ("train",))
        utilities = _utilities(spec.utilities or {}, context, ("utilities",))
        return {MAIN: _stage(MAIN, utilities, spec.schedule, ("schedule",), spec.train, context)}
    return {name: _build_stage(name, spec, context) for name in spec.stages}


def _build_stage(name: str, spec: Spec, context: Context) -> Stage:
    options = (spec.stages or {})[name]
    path: Path = ("stages", name)
    train = spec.train
    try:
        train = merged_train(spec.train, options.train)
    except PydanticCustomError as error:
        context.scope.mistakes += [each.below((*path, "train")) for each in (error.context or {})["mistakes"]]
    _check_train(train, context, (*path, "train"))
    utilities = _utilities(options.utilities, context, (*path, "utilities"))
    place = (*path, "schedule") if options.schedule else ("schedule",)
    return _stage(name, utilities, options.schedule or spec.schedule, place, train, context, keep=options.optimizer == "keep")


def _stage(
    name: str, utilities: dict[str, tuple[Term, ...]], schedule: Schedule, path: Path, train: Train, context: Context, *, keep: bool = False
) -> Stage:
    order = schedule.order
    if order is not None and schedule.mode == "parallel":
        context.scope.report((*path, "order"), "an 'order' belongs to mode 'sequence': in parallel every player moves once", on_key=True)
    for index, player in enumerate(order or ()):
        if player not in context.players:
            what = f"unknown player {player!r}; known: {quoted(context.players)}"
            hint = nearest(player, [each for each in context.players if each not in (order or ())]) or nearest(player, context.players)
            context.scope.report((*path, "order", index), what, hint)
        elif player not in utilities:
            context.scope.report((*path, "order", index), f"the player {player!r} has no utility in stage {name!r}, so it has no turn")
    resting = [player for player in utilities if order is not None and player not in order]
    if resting and schedule.mode == "sequence":
        context.scope.report(
            (*path, "order"), f"the order leaves out {quoted(resting)}, which the utilities of stage {name!r} move", on_key=True
        )
    return Stage(name, utilities, schedule, train, keep)


def _utilities(utilities: Mapping[str, tuple[NamedTerm, ...]], context: Context, path: Path) -> dict[str, tuple[Term, ...]]:
    found: dict[str, tuple[Term, ...]] = {}
    if not utilities:
        context.scope.report(path, "no player has a utility", on_key=True)
    for player, named in utilities.items():
        place = (*path, player)
        if player not in context.players:
            what = f"unknown player {player!r}; known: {quoted(context.players)}"
            hint = nearest(player, [each for each in context.players if each not in utilities]) or nearest(player, context.players)
            context.scope.report(place, what, hint, on_key=True)
            continue
        terms = [build_term(each, player, context, place) for each in named]
        found[player] = tuple(term for term in terms if term is not None)
    return found


def _check_train(train: Train, context: Context, path: Path) -> None:
    for stream in train.batch:
        if stream != "default" and stream not in context.streams:
            what = f"unknown stream {stream!r}; known: {quoted(context.streams)}"
            context.scope.report((*path, "batch", stream), what, nearest(stream, context.streams), on_key=True)
    for player in train.optimizers:
        place: Path = (*path, "optimizers", player)
        if player not in context.players:
            what = f"unknown player {player!r}; known: {quoted(context.players)}"
            context.scope.report(place, what, nearest(player, context.players), on_key=True)
        try:
            train.optimizer_of(player)
        except PydanticCustomError as error:
            context.scope.mistakes += [each.below(place) for each in (error.context or {})["mistakes"]]
    if not (train.rounds or train.epochs or train.minutes):
        context.scope.report(path, "how long? 'train' needs one of 'rounds', 'epochs', 'minutes'", on_key=True)
