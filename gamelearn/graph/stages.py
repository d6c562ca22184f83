"""The stages of the training: their utilities, schedules and training values.

This file reads what a spec says of `utilities`, `derive`, `stages`, `schedule`, `train`.
"""

from collections.abc import Iterable, Mapping
from dataclasses import replace

from pydantic_core import PydanticCustomError

from gamelearn.errors import quoted
from gamelearn.graph.derive import derive_utilities
from gamelearn.graph.model import Stage, Term
from gamelearn.graph.terms import Context, build_term
from gamelearn.options import Path
from gamelearn.spec.schema import Schedule, Spec, Train, merged_train
from gamelearn.spec.utilities import Derive, NamedTerm, is_deriving, named_terms

MAIN = "main"


def build_stages(spec: Spec, context: Context) -> dict[str, Stage]:
    """Return the stages in playing order; a spec with `utilities` has one, named `main`."""
    _check_streams(spec.train, spec.train.batch, context, ("train",))
    _check_optimizers(spec.train, spec.train.optimizers, context, ("train",))
    if spec.stages is None:
        _check_length({MAIN: spec.train}, context, {MAIN: ("train",)})
        written = spec.utilities or {}
        derived = _derived(written, spec.derive, context, ("derive",), is_own=True)
        utilities = _utilities(written, derived, context, ("utilities",), ("derive",))
        _check_schedule(MAIN, spec.schedule, _movers(written, derived), context, ("schedule",))
        return {MAIN: Stage(MAIN, utilities, spec.schedule, spec.train)}
    if not spec.stages:
        context.scope.report(("stages",), "there is no stage", on_key=True)
    trains = {name: _train(name, spec, context) for name in spec.stages}
    lengths = {name: train for name, train in trains.items() if train}
    _check_length(lengths, context, {name: ("stages", name, "train") for name in lengths})
    return {name: _build_stage(name, spec, train or spec.train, context) for name, train in trains.items()}


def _train(name: str, spec: Spec, context: Context) -> Train | None:
    """Return the training values of a stage; None, and mistakes noted, if they are wrong."""
    over, path = (spec.stages or {})[name].train, ("stages", name, "train")
    try:
        train = merged_train(spec.train, over)
    except PydanticCustomError as error:
        context.scope.mistakes += [each.below(path) for each in (error.context or {})["mistakes"]]
        return None
    _check_streams(train, train.batch if "batch" in over else (), context, path)
    _check_optimizers(train, train.optimizers if over.keys() & {"optimizer", "optimizers"} else (), context, path)
    return train


def _build_stage(name: str, spec: Spec, train: Train, context: Context) -> Stage:
    options = (spec.stages or {})[name]
    path: Path = ("stages", name)
    place: Path = (*path, "derive") if options.derive else ("derive",)
    derived = _derived(options.utilities, options.derive or spec.derive, context, place, is_own=options.derive is not None)
    utilities = _utilities(options.utilities, derived, context, (*path, "utilities"), place)
    movers = _movers(options.utilities, derived)
    schedule = options.schedule or _inherited(spec.schedule, movers, context)
    _check_schedule(name, schedule, movers, context, (*path, "schedule") if options.schedule else ("schedule",))
    return Stage(name, utilities, schedule, train, options.optimizer == "keep")


def _inherited(schedule: Schedule, utilities: Mapping[str, object], context: Context) -> Schedule:
    """Return the top-level schedule for a stage: players that rest in it have no turn."""
    if schedule.order is None:
        return schedule
    order = tuple(player for player in schedule.order if player in utilities or player not in context.players)
    return schedule.model_copy(update={"order": order})


def _check_schedule(stage: str, schedule: Schedule, utilities: Mapping[str, object], context: Context, path: Path) -> None:
    if schedule.order is not None and schedule.mode == "parallel":
        what = "an 'order' belongs to mode 'sequence': in parallel every player moves once"
        context.scope.report((*path, "order"), what, on_key=True)
    elif schedule.order is not None and utilities:
        _check_order(stage, schedule.order, utilities, context, (*path, "order"))


def _check_order(name: str, order: tuple[str, ...], utilities: Mapping[str, object], context: Context, path: Path) -> None:
    """Check that an order names the players that have utilities; a misspelt name is not held against the others."""
    unknown = [player for player in (*order, *utilities) if player not in context.players]
    for index, player in enumerate(order):
        if player not in context.players:
            hint = context.scope.nearest(player, context.players, order)
            context.scope.report((*path, index), f"unknown player {player!r}; known: {quoted(context.players) or 'none'}", hint)
        elif player not in utilities and not unknown:
            context.scope.report((*path, index), f"the player {player!r} has no utility in stage {name!r}, so it has no turn")
    resting = [player for player in utilities if player not in order]
    if resting and not unknown:
        what = f"the order leaves out {quoted(resting)}, which the utilities of stage {name!r} move"
        context.scope.report(path, what, on_key=True)


def _check_length(trains: Mapping[str, Train], context: Context, paths: Mapping[str, Path]) -> None:
    """Check that every stage has a length; where none has one, it is missing at the top."""
    missing = [name for name, train in trains.items() if not (train.rounds or train.epochs or train.minutes)]
    what = "how long? 'train' needs one of 'rounds', 'epochs', 'minutes'"
    if missing and len(missing) == len(trains):
        context.scope.report(("train",), what, on_key=True)
    else:
        for name in missing:
            context.scope.report(paths[name], what, on_key=True)


_Formulas = Mapping[str, tuple[str, ...]]


def _derived(written: Mapping[str, object], derive: Derive | None, context: Context, path: Path, *, is_own: bool) -> _Formulas | None:
    """Return the formulas that a rule gives, by player; None where it cannot be asked, since the game has mistakes.

    Args:
        written: the written utilities.
        derive: the rule.
        path: where it stands.
        is_own: whether it stands beside these utilities, and not at the top for several stages.
    """
    if not is_deriving(derive) or derive is None:
        return {}
    if context.scope.mistakes:
        return None
    found = derive_utilities(derive, written, context, path)
    if context.scope.mistakes:
        return None
    if is_own and not found:
        why = "'utilities' holds a utility of every player that learns" if written else "no player learns"
        context.scope.report(path, f"the rule {derive.rule!r} has nothing to derive: {why}", on_key=True)
        return None
    return found


def _movers(written: Mapping[str, object], derived: _Formulas | None) -> dict[str, object]:
    """Return the players with utilities; none where they are not known."""
    return {} if derived is None else {**written, **derived}


def _utilities(
    written: Mapping[str, tuple[NamedTerm, ...]], derived: _Formulas | None, context: Context, path: Path, derive_path: Path
) -> dict[str, tuple[Term, ...]]:
    """Return the terms of every player that has any, those of a rule in the players' order."""
    if not written and derived == {}:
        context.scope.report(path, "no player has a utility", on_key=True)
    for player in written:
        if player not in context.players:
            what = f"unknown player {player!r}; known: {quoted(context.players) or 'none'}"
            hint = context.scope.nearest(player, context.players, written)
            context.scope.report((*path, player), what, hint, on_key=True)
    found = {player: _terms(named, player, context, (*path, player)) for player, named in written.items() if player in context.players}
    for player, formulas in (derived or {}).items():
        terms = _terms(named_terms(formulas), player, context, derive_path)
        found[player] = tuple(replace(term, derived=True, path=derive_path) for term in terms)
    return {player: found[player] for player in (context.players if derived else found) if player in found}


def _terms(named: tuple[NamedTerm, ...], player: str, context: Context, path: Path) -> tuple[Term, ...]:
    terms = [build_term(each, player, context, path) for each in named]
    return tuple(term for term in terms if term is not None)


def _check_streams(train: Train, names: Iterable[str], context: Context, path: Path) -> None:
    for stream in names:
        if stream != "default" and stream not in context.streams:
            what = f"unknown stream {stream!r}; known: {quoted(context.streams) or 'none'}"
            hint = context.scope.nearest(stream, context.streams, train.batch)
            context.scope.report((*path, "batch", stream), what, hint, on_key=True)


def _check_optimizers(train: Train, names: Iterable[str], context: Context, path: Path) -> None:
    for player in names:
        place: Path = (*path, "optimizers", player)
        if player not in context.players:
            what = f"unknown player {player!r}; known: {quoted(context.players) or 'none'}"
            hint = context.scope.nearest(player, context.players, train.optimizers)
            context.scope.report(place, what, hint, on_key=True)
        try:
            train.optimizer_of(player)
        except PydanticCustomError as error:
            context.scope.mistakes += [each.below(place) for each in (error.context or {})["mistakes"]]
