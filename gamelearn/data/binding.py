"""Which field of which data set a stream's variables stand for, with all that can be wrong about it.

What is known from the options alone is found without opening anything. This file binds variables to fields.
"""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from math import prod
from typing import Any

from gamelearn.data.dataset import DataSet, Field, Misread
from gamelearn.errors import DataError, nearest, quoted
from gamelearn.options import Mistake, Path
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import DatasetOptions
from gamelearn.spec.paths import PATH_OPTIONS
from gamelearn.spec.schema import Data, Stream, Variable

_ONE = "dataset"
_RETYPING = {"columns": ": add columns: {{{0}: {1}}}", "fields": ": add fields: {{{0}: {{type: {1}}}}}"}
_BINARY_CLASSES = 2


@dataclass(frozen=True)
class Binding:
    """A stream with its data set and, for each of its variables, the field that holds it.

    `label` is what messages call the data set; `balance` is the field whose classes are balanced, if any; `name` is the spec's for
    the data set, 'dataset' where there is one.
    """

    stream: str
    label: str
    data_set: DataSet
    fields: Mapping[str, str]
    balance: str | None = None
    name: str = _ONE


@dataclass(frozen=True)
class OpenDataSet:
    """A data set, the options it was opened with, and what messages call it."""

    data_set: DataSet
    options: DatasetOptions
    label: str


def data_sets_of(data: Data) -> dict[str, DatasetOptions]:
    """Return the options of the data sets by name; where there is one, its name is 'dataset'."""
    return {_ONE: data.dataset} if data.dataset else dict(data.datasets)


def with_paths(data: Data, paths: Mapping[str, str]) -> Data:
    """Return the data with other paths of data sets, by their names.

    Raises:
        DataError: there is no such data set, or it has no path.
    """
    known = data_sets_of(data)
    made = {}
    for name, path in paths.items():
        if name not in known:
            hint = nearest(name, known)
            raise DataError(f"unknown data set {name!r}; known: {quoted(known)}" + (f"; did you mean {hint!r}?" if hint else ""))
        option = next((each for each in PATH_OPTIONS if each in type(known[name]).model_fields), None)
        if option is None:
            raise DataError(f"data set {name!r}, of the type {known[name].type!r}, has no path that could be another")
        made[name] = known[name].model_copy(update={option: path})
    return data.model_copy(update={"dataset": made[_ONE]} if data.dataset and made else {"datasets": {**data.datasets, **made}})


def data_set_of(data: Data, stream: Stream) -> str | None:
    """Return the name of a stream's data set, None where it cannot be told."""
    names = tuple(data_sets_of(data))
    if stream.dataset is None:
        return names[0] if len(names) == 1 else None
    return stream.dataset if stream.dataset in data.datasets else None


def label_of(data: Data, name: str, kind: str) -> str:
    """Return what messages call a data set: its type where there is one, else its name."""
    return kind if data.dataset else name


def field_mistakes(data: Data, variables: Mapping[str, Variable]) -> list[Mistake]:
    """Return what is wrong with streams, as far as the spec alone tells, each with its path below `data`.

    Variables that the game does not have are left to the graph.
    """
    found: list[Mistake] = []
    for name, stream in data.streams.items():
        path: Path = ("streams", name)
        found += [each.below(path) for each in _source_mistakes(data, stream)]
        found += [each.below(path) for each in _declared_misfits(data, stream, variables)]
        found += [each.below(path) for each in _balance_mistakes(stream, variables)]
        found += [each.below(path) for each in _except_mistakes(data, name, stream)]
    return [*found, *_stand_in_mistakes(data, variables)]


def _source_mistakes(data: Data, stream: Stream) -> Iterator[Mistake]:
    known = quoted(data.datasets)
    if not data_sets_of(data):
        yield Mistake((), "there is no data set: add 'dataset' to 'data'")
    elif data.dataset and stream.dataset:
        yield Mistake(("dataset",), "there is one data set, which needs no name: leave this out, or list several under 'datasets'")
    elif stream.dataset is None and len(data.datasets) > 1:
        yield Mistake((), f"which data set? add 'dataset', one of {known}")
    elif stream.dataset and stream.dataset not in data.datasets:
        what = f"unknown data set {stream.dataset!r}; known: {known}"
        yield Mistake(("dataset",), what, nearest(stream.dataset, data.datasets))


def _declared_misfits(data: Data, stream: Stream, variables: Mapping[str, Variable]) -> Iterator[Mistake]:
    name = data_set_of(data, stream)
    options = data_sets_of(data).get(name or "")
    if name is not None and options is not None:
        yield from _misfits_of(options, stream, variables, label_of(data, name, options.type))


def _misfits_of(options: DatasetOptions, stream: Stream, variables: Mapping[str, Variable], label: str) -> Iterator[Mistake]:
    fields = declared_fields(options)
    if fields is not None:
        yield from misfits(stream, variables, fields, label, options)
        return
    names = declared_names(options)
    for path, _, field in _shown(stream, variables):
        if names is not None and field not in names:
            yield _unknown_field(path, field, label, names, {*variables, *stream.variables.values()})


def declared_fields(options: DatasetOptions | None) -> Mapping[str, Field] | None:
    """Return the fields that a data set's options tell of, None where only the data can."""
    if options is None:
        return None
    build: Any = DATASETS[options.type].build
    return build.declared_fields(options)


def declared_names(options: DatasetOptions) -> Collection[str] | None:
    """Return the names of the fields that a data set's options list, None where they list none."""
    build: Any = DATASETS[options.type].build
    return build.declared_names(options)


def misfits(
    stream: Stream, variables: Mapping[str, Variable], fields: Mapping[str, Field], label: str, options: DatasetOptions
) -> Iterator[Mistake]:
    """Find the variables, shown or balanced by a stream, that their fields do not fit, each with its path below the stream.

    Args:
        fields: those of the data set.
        label: what messages call the data set.
        options: the data set's options, for the hint.
    """
    for path, name, field in _shown(stream, variables):
        if field not in fields:
            yield _unknown_field(path, field, label, fields, {*variables, *stream.variables.values()})
        elif name in variables and not _fits(fields[field], _wish(variables[name]), field, options):
            hint = _hint(variables[name], field, fields[field], options)
            what = f"field {field!r} of data set {label!r} is {fields[field]}{hint}"
            yield Mistake(path, f"variable {name!r} is {_wish(variables[name])}, {what}")


def _fits(found: Field, wish: Field, name: str, options: DatasetOptions) -> bool:
    build: Any = DATASETS[options.type].build
    return (found.has_form_of(wish) and found.classes == wish.classes) or build.declares_as(options, name, wish)


def bind(data: Data, variables: Mapping[str, Variable], opened: Mapping[str, OpenDataSet]) -> tuple[dict[str, Binding], list[Mistake]]:
    """Return the streams with the fields that they show, each read as its variable has it, and what cannot be read so.

    Args:
        data: the spec's `data`, without mistakes that the spec alone tells.
        variables: the game's, by name.
        opened: the data sets by name; a field that two variables have differently becomes two. The number of its classes may be
            another than the variable's, until it is known what they were in a training.
    """
    wishes: dict[tuple[str, str], set[Field]] = {}
    for stream in data.streams.values():
        for _, name, field in _shown(stream, variables):
            if name in variables:
                wishes.setdefault((data_set_of(data, stream) or "", field), set()).add(_wish(variables[name]))
    bindings, mistakes = {}, []
    for title, stream in data.streams.items():
        source = data_set_of(data, stream) or ""
        each, bound = opened[source], dict[str, str]()
        for path, name, field in _shown(stream, variables):
            variable, found = variables.get(name), field if field in each.data_set.fields else None
            if variable is not None:
                try:
                    found = _bound(each.data_set, field, _wish(variable), is_alone=len(wishes[source, field]) == 1)
                except Misread as error:
                    mistakes.append(_misfit(each, name, field, variable, error).below(("streams", title, *path)))
                    continue
            if found is None:
                mistakes.append(_unknown(each, field, {*variables, *stream.variables.values()}).below(("streams", title, *path)))
            else:
                bound[name] = found
        fields = {name: bound[name] for name in stream.variables if name in bound}
        bindings[title] = Binding(title, each.label, each.data_set, fields, bound.get(stream.balance or ""), source)
    return bindings, mistakes


def _bound(data_set: DataSet, field: str, wish: Field, *, is_alone: bool) -> str | None:
    """Return the name of a field once it is read as its variable has it, None if there is no such field.

    Raises:
        Misread: it cannot be read so.
    """
    name = field if is_alone or data_set.fields.get(field) == wish else f"{field} ({wish})"
    if data_set.fields.get(name) == wish:
        return name
    if fitted := data_set.read_as(field, wish):
        data_set.add(name, fitted)
        return name
    if field in data_set.fields:
        if replace(data_set.fields[field], classes=wish.classes) == wish:
            return field
        raise Misread("")
    return None


def misfitted(
    data: Data, variables: Mapping[str, Variable], bindings: Mapping[str, Binding], opened: Mapping[str, OpenDataSet]
) -> list[Mistake]:
    """Return which fields have another number of classes than their variables."""
    found = []
    for title, stream in data.streams.items():
        binding = bindings[title]
        for path, name, _ in _shown(stream, variables):
            field = binding.fields.get(name) if name in stream.variables else binding.balance
            if name in variables and field and binding.data_set.fields[field] != _wish(variables[name]):
                made = _misfit(opened[binding.name], name, field, variables[name], Misread(""))
                found.append(made.below(("streams", title, *path)))
    return found


def _misfit(opened: OpenDataSet, name: str, field: str, variable: Variable, why: Misread) -> Mistake:
    """Return the mistake of a field that cannot be read as its variable has it, without a path."""
    found, options = opened.data_set.fields.get(field), opened.options
    holder = next((each for each in _RETYPING if each in type(options).model_fields), None)
    remedy = f": add {holder}: {{{field}: {{{why.remedy}}}}}" if holder and why.remedy else ""
    hint = f": {why}{remedy}" if str(why) else _hint(variable, field, found, options) if found else ""
    what = f"field {field!r} of data set {opened.label!r}{f' is {found}' if found else ''}{hint}"
    return Mistake((), f"variable {name!r} is {_wish(variable)}, {what}")


def _unknown(opened: OpenDataSet, field: str, taken: set[str]) -> Mistake:
    made = _unknown_field((), field, opened.label, opened.data_set.fields, taken)
    why = opened.data_set.left_out.get(field)
    return replace(made, what=f"{made.what}; the array {field!r} {why}") if why else made


def field_notices(bindings: Iterable[Binding]) -> list[str]:
    """Return what the user has to be told of the fields that streams show."""
    shown = {(each.label, field): each.data_set.field_notices.get(field, ()) for each in bindings for field in each.fields.values()}
    return [f"data set {label!r}: field {field!r}: {text}" for (label, field), texts in shown.items() for text in texts]


def _shown(stream: Stream, variables: Mapping[str, Variable]) -> list[tuple[Path, str, str]]:
    """Return the variables that a stream shows or balances, each with its path below the stream before it, its field after it."""
    shown: list[tuple[Path, str, str]] = [(("variables", name), name, field) for name, field in stream.variables.items()]
    if stream.balance is not None and stream.balance in variables and stream.balance not in stream.variables:
        shown.append((("balance",), stream.balance, stream.balance))
    return shown


def _unknown_field(path: Path, field: str, label: str, fields: Collection[str], taken: set[str]) -> Mistake:
    hint = nearest(field, fields, taken)
    return Mistake(path, f"data set {label!r} has no field {field!r}; it has {quoted(sorted(fields))}", hint)


def _wish(variable: Variable) -> Field:
    return Field(variable.type, variable.shape, variable.classes)


def _hint(variable: Variable, name: str, field: Field, options: DatasetOptions) -> str:
    wishes = (variable.type, field.type)
    known = type(options).model_fields
    if wishes == ("binary", "real") and "binarize" in known:
        return ": add binarize: 0.5"
    if wishes == ("real", "binary") and getattr(options, "binarize", None) is not None:
        return ": leave binarize out"
    if variable.type != field.type:
        return next((form.format(name, variable.type) for option, form in _RETYPING.items() if option in known), "")
    if variable.classes != field.classes:
        return f": set classes: {field.classes}"
    same_size = prod(variable.shape) == prod(field.shape)
    return f": set shape: {list(field.shape)}" if same_size else ""


def _balance_mistakes(stream: Stream, variables: Mapping[str, Variable]) -> Iterator[Mistake]:
    if stream.balance is None:
        return
    path = ("balance",)
    variable = variables.get(stream.balance)
    if variable is None:
        suitable = [name for name, each in variables.items() if _can_balance(each)]
        what = f"unknown variable {stream.balance!r}; those that can be balanced: {quoted(suitable) or 'none'}"
        yield Mistake(path, what, nearest(stream.balance, suitable))
    elif not _can_balance(variable):
        yield Mistake(path, f"only a categorical or binary variable of shape () can be balanced; {stream.balance!r} is {_wish(variable)}")
    elif stream.take is None:
        yield Mistake(path, "'balance' gives each class the same number of rows of 'take', which is missing")
    elif stream.take % (variable.classes or _BINARY_CLASSES):
        classes = variable.classes or _BINARY_CLASSES
        yield Mistake(("take",), f"{stream.take} rows cannot be shared evenly by the {classes} classes of {stream.balance!r}")


def _can_balance(variable: Variable) -> bool:
    return variable.type in ("categorical", "binary") and variable.shape == ()


def _except_mistakes(data: Data, name: str, stream: Stream) -> Iterator[Mistake]:
    other = stream.except_
    if other is None:
        return
    path = ("except",)
    if other not in data.streams:
        others = [each for each in data.streams if each != name]
        yield Mistake(path, f"unknown stream {other!r}; known: {quoted(others) or 'none'}", nearest(other, others))
    elif cycle := _cycle(data.streams, name):
        yield Mistake(path, f"streams leave out each other in a circle: {' -> '.join(map(repr, cycle))}")
    elif (mine := data_set_of(data, stream)) != (theirs := data_set_of(data, data.streams[other])) and mine and theirs:
        yield Mistake(path, f"stream {other!r} shows data set {theirs!r}, this one {mine!r}: nothing to leave out")
    elif _shows_all(data, data.streams[other]):
        yield Mistake(path, f"stream {other!r} takes every row, so none is left for {name!r}: give {other!r} a 'take'")


def _cycle(streams: Mapping[str, Stream], name: str) -> list[str] | None:
    """Return the circle of `except` that begins at a stream, if it is the first of its members."""
    walked = [name]
    following = streams[name].except_
    while following is not None and following in streams and following not in walked:
        walked.append(following)
        following = streams[following].except_
    is_first = name == next(each for each in streams if each in walked)
    return [*walked, name] if following == name and is_first else None


def _shows_all(data: Data, stream: Stream) -> bool:
    options = data_sets_of(data).get(data_set_of(data, stream) or "")
    if options is None or stream.take is not None or stream.except_ is not None:
        return False
    build: Any = DATASETS[options.type].build
    return not build.may_miss


def _stand_in_mistakes(data: Data, variables: Mapping[str, Variable]) -> Iterator[Mistake]:
    """Find what does not fit in the data set that stands in; a field that neither has is the stream's mistake, told there."""
    if data.otherwise is None:
        return
    found: dict[str, Mistake] = {}
    for stream in data.streams.values():
        known = {each.path for each in _declared_misfits(data, stream, variables) if each.what.startswith("data set")}
        unknown = {("variables", name) for name, field in stream.variables.items() if name == field and name not in variables}
        misfit = _misfits_of(data.otherwise, stream, variables, data.otherwise.type)
        found.update({each.what: each for each in misfit if each.path not in known | unknown})
    for each in found.values():
        yield Mistake(("otherwise",), each.what, each.suggestion)
