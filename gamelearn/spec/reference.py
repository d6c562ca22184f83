"""The reference of the language, `docs/spec.md`, rendered from the schema and the registries.

The template `reference.md` holds the prose; a line `{{keys Train}}` in it stands for a table of a model's keys, with the
types, defaults and docstrings of its fields. `python -m gamelearn.spec.reference > docs/spec.md` brings the document up to
date. This file renders the template.
"""

import inspect
import re
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic.fields import FieldInfo

from gamelearn import registry
from gamelearn.options import Options
from gamelearn.plugins import load_builtins
from gamelearn.shipped import specs_folder
from gamelearn.spec import formula, kinds, schema, utilities

_PLACEHOLDER = re.compile(r"^\{\{(?P<what>\w+)(?P<arguments>( \w+)*)\}\}$", re.MULTILINE)
_NOTICE = (
    "<!-- Made by `python -m gamelearn.spec.reference > docs/spec.md` from gamelearn/spec/reference.md and the docstrings: edit those. -->"
)
_OWN_PACKAGES = ("gamelearn", "games")
_LEFT_OUT = ("Args:", "Returns:", "Raises:", "Attributes:", "Example")

_REGISTRIES: Mapping[str, tuple[registry.Registry, type[Options]]] = {
    "families": (registry.FAMILIES, kinds.FamilyOptions),
    "networks": (registry.NETWORKS, kinds.NetworkOptions),
    "datasets": (registry.DATASETS, kinds.DatasetOptions),
    "players": (registry.PLAYERS, kinds.PlayerOptions),
    "metrics": (registry.METRICS, kinds.MetricOptions),
    "optimizers": (registry.OPTIMIZERS, kinds.OptimizerOptions),
    "features": (registry.FEATURES, kinds.FeatureOptions),
    "estimators": (registry.ESTIMATORS, kinds.EstimatorOptions),
    "learning_rates": (registry.LEARNING_RATES, kinds.LearningRateOptions),
}
_WORDS: Mapping[Any, str] = {
    bool: "true or false",
    int: "whole number",
    float: "number",
    str: "text",
    Any: "value",
    kinds.FamilyOptions: "[family](#families)",
    kinds.NetworkOptions: "[network](#networks)",
    kinds.DatasetOptions: "[data set](#data-sets)",
    kinds.OptimizerOptions: "[optimizer](#optimizers)",
    kinds.MetricOptions: "[metric](#metrics)",
    kinds.FeatureOptions: "[feature network](#feature-networks)",
    kinds.EstimatorOptions: "[gradient estimator](#gradient-estimators)",
    kinds.LearningRateOptions: "[learning-rate schedule](#learning-rate-schedules)",
    kinds.PlayerOptions: "[player](#players)",
    kinds.RightHandSide: "[right-hand side](#factors)",
    schema.Variable | schema.Group: "[variable, or list of names](#variables)",
    schema.Data: "[data](#data)",
    schema.Stream: "[stream](#data)",
    schema.Sampler: "[sampler](#samplers)",
    schema.Schedule: "[schedule](#schedule)",
    schema.Train: "[train](#train)",
    schema.Stage: "[stage](#stages)",
    utilities.Derive: "[rule](#derived-utilities)",
    schema.Checkpoint: "map, see below",
    schema.Every: "map, see below",
    schema.Samples: "map, see below",
    tuple[utilities.NamedTerm, ...]: "[utility](#utilities)",
    tuple[utilities.ChainPiece, ...]: "[chain](#formulas), or list of chains",
}
_FIELD_WORDS: Mapping[tuple[type[Options], str], str] = {
    (schema.Stream, "variables"): "list of names, or map of name to name",
    (schema.Train, "batch"): "whole number > 0, or map of name to whole number > 0",
}
_PLURAL = re.compile(r"\b(name|number|text)\b")
_BOUNDS = {"gt": ">", "ge": "≥", "lt": "<", "le": "≤"}


def reference_text() -> str:
    """Return the text of `docs/spec.md`.

    The members of the registries are those of the package and of the shipped games; other plugins are left out.

    Raises:
        PluginError: an installed plugin cannot be loaded.
    """
    load_builtins()
    template = Path(__file__).with_suffix(".md").read_text(encoding="utf-8")
    return _PLACEHOLDER.sub(_rendered, template)


def _rendered(found: re.Match[str]) -> str:
    arguments = found["arguments"].split()
    match found["what"], arguments:
        case "notice", []:
            return _NOTICE
        case "grammar", []:
            return _grammar()
        case "spec", [name]:
            return _yaml_block(_spec_text(name), "yaml")
        case "example", [name, section]:
            return _yaml_block(_section(_spec_text(name), section), "yaml fragment")
        case "keys", [name, *bases]:
            return _table(_model(name), *map(_model, bases))
        case "kind", [name]:
            return _kind(*_REGISTRIES[name])
    raise ValueError(f"unknown placeholder {found[0]!r}")


def _model(name: str) -> type[Options]:
    model = next(found for module in (schema, utilities, kinds) if (found := getattr(module, name, None)))
    assert issubclass(model, Options)
    return model


def _grammar() -> str:
    lines = [line.strip() for line in inspect.cleandoc(formula.__doc__ or "").split("\n") if ":=" in line]
    return "```text\n" + "\n".join(lines) + "\n```"


def _spec_text(name: str) -> str:
    return (specs_folder() / f"{name}.yaml").read_text(encoding="utf-8").rstrip()


def _section(text: str, key: str) -> str:
    """Return one top-level key of a spec with all below it, as it is written."""
    found = re.search(rf"^{key}:.*(\n([ ].*)?)*", text, re.MULTILINE)
    if found is None:
        raise ValueError(f"the shipped spec has no {key!r}")
    return found[0].rstrip()


def _yaml_block(text: str, info: str) -> str:
    return f"```{info}\n{text}\n```"


def _kind(members: registry.Registry, base: type[Options]) -> str:
    own = (entry for entry in members if _is_own(entry.options))
    return "\n\n".join(_member(entry, base) for entry in sorted(own, key=lambda entry: entry.name))


def _member(entry: registry.Entry, base: type[Options]) -> str:
    about = (
        _paragraphs(entry.build.__doc__ or "")
        if _is_own(entry.build)
        else [f"`{entry.build.__module__.rpartition('.')[0]}.{entry.build.__name__}`."]
    )
    parts = [f"### `{entry.name}`", *about]
    if issubclass(entry.options, kinds.FamilyOptions):
        parts.append(f"For variables of type {_either(entry.options.variable_types)}.")
    if issubclass(entry.options, kinds.EstimatorOptions):
        parts.append(f"For draws of type {_either(entry.options.variable_types)}.")
    if not issubclass(entry.options, kinds.ConditionalOptions):
        parts.append(_table(entry.options, base))
    return "\n\n".join(part for part in parts if part)


def _is_own(thing: Any) -> bool:
    return str(thing.__module__).split(".")[0] in _OWN_PACKAGES


def _paragraphs(docstring: str) -> Iterator[str]:
    """Yield the paragraphs of a docstring that a reader of specs wants, formulas as code."""
    for paragraph in inspect.cleandoc(docstring).split("\n\n"):
        if paragraph.startswith("    "):
            yield f"```text\n{inspect.cleandoc(paragraph)}\n```"
        elif not paragraph.startswith((*_LEFT_OUT, ">>>")):
            yield paragraph


def _table(model: type[Options], base: type[Options] | None = None) -> str:
    """Return the keys of a model that differ from those of its base, and below them the keys of maps inside."""
    known = base.model_fields if base else {}
    fields = {name: field for name, field in model.model_fields.items() if name not in known or _differs(field, known[name], name)}
    if not fields:
        return ""
    fields = dict(sorted(fields.items(), key=lambda item: not item[1].is_required()))
    lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
    nested = []
    for name, field in fields.items():
        key = field.alias or name
        words = _FIELD_WORDS.get((model, name)) or _words(field.annotation, field.metadata)
        lines.append(f"| `{key}` | {words} | {_default(field)} | {_cell(field.description or '')} |")
        nested += [f"Keys of `{key}`:\n\n{_table(inner)}" for inner in models_in(field.annotation)]
    return "\n\n".join(["\n".join(lines), *nested])


def _differs(field: FieldInfo, base: FieldInfo, name: str) -> bool:
    return name not in ("type", "net") and (field.annotation, field.default, field.description) != (
        base.annotation,
        base.default,
        base.description,
    )


def _cell(text: str) -> str:
    return " ".join(text.split()).replace("|", "\\|")


def _default(field: FieldInfo) -> str:
    if field.is_required():
        return "*required*"
    value = field.get_default(call_default_factory=True)
    return "" if value is None else f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    if isinstance(value, Options):
        value = {name: getattr(value, name) for name in value.model_fields_set}
    if isinstance(value, dict):
        return "{" + ", ".join(f"{key}: {_plain(item)}" for key, item in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_plain, value)) + "]"
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:g}" if isinstance(value, float) else str(value)


def _words(annotation: Any, metadata: Any = ()) -> str:
    """Return a type in words, with the bounds that its metadata sets."""
    return _base_words(annotation, metadata) + _bounds(metadata)


def _base_words(annotation: Any, metadata: Any) -> str:
    origin, arguments = get_origin(annotation), get_args(annotation)
    if annotation in _WORDS:
        return "name" if annotation is str and _has(metadata, "pattern") else _WORDS[annotation]
    if origin is Annotated:
        return _words(arguments[0], arguments[1:])
    if origin is Literal:
        return _either(arguments)
    if origin in (Union, UnionType):
        return " or ".join(_words(each) for each in arguments if each is not NoneType)
    if origin is tuple:
        return "list of " + ("" if arguments[-1] is ... else f"{len(arguments)} ") + _PLURAL.sub(r"\1s", _words(arguments[0]), count=1)
    if origin is dict:
        return "map" if arguments[1] is Any else f"map of {_words(arguments[0])} to {_words(arguments[1])}"
    if isinstance(annotation, type) and issubclass(annotation, Options):
        return "map, see below"
    raise ValueError(f"no words for the type {annotation!r}: add them to _WORDS")


def _constraints(metadata: Any) -> Iterator[Any]:
    for each in metadata:
        yield from each.metadata if isinstance(each, FieldInfo) else (each,)


def _has(metadata: Any, constraint: str) -> bool:
    return any(getattr(each, constraint, None) is not None for each in _constraints(metadata))


def _bounds(metadata: Any) -> str:
    found = ((sign, getattr(each, key, None)) for each in _constraints(metadata) for key, sign in _BOUNDS.items())
    return ",".join(f" {sign} {value:g}" for sign, value in found if value is not None)


def _either(choices: Any) -> str:
    *first, last = (f"`{choice}`" for choice in choices)
    return f"{', '.join(first)} or {last}" if first else last


def models_in(annotation: Any) -> Iterator[type[Options]]:
    """Yield the models of maps inside a type that have no section of their own."""
    if annotation in _WORDS:
        return
    if isinstance(annotation, type) and issubclass(annotation, Options):
        yield annotation
    for each in get_args(annotation):
        if not isinstance(each, str | int | float):
            yield from models_in(each)


if __name__ == "__main__":
    sys.stdout.write(reference_text())
