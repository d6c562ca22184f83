"""The language as a JSON schema (draft 2020-12), by which editors complete and check the keys of a spec.

It describes what may be written, short forms included, with the members of the registries as they are loaded. It knows no
formulas and accepts a little more than the loader. `python -m gamelearn.spec.json_schema > specs/schema.json` brings the
shipped copy up to date. This file builds it from the options models.
"""

import json
import sys
from copy import deepcopy
from typing import Any

from pydantic.json_schema import models_json_schema

from gamelearn.options import Options
from gamelearn.plugins import load_builtins
from gamelearn.registry import (
    DATASETS,
    ESTIMATORS,
    FAMILIES,
    FEATURES,
    LEARNING_RATES,
    METRICS,
    NETWORKS,
    OPTIMIZERS,
    PLAYERS,
    Entry,
    Registry,
)
from gamelearn.spec.kinds import (
    DatasetOptions,
    EstimatorOptions,
    FamilyOptions,
    FeatureOptions,
    LearningRateOptions,
    MetricOptions,
    NetworkOptions,
    OptimizerOptions,
    PlayerOptions,
)
from gamelearn.spec.schema import Columns, Spec, Template

Schema = dict[str, Any]

_KINDS: tuple[tuple[type[Options], Registry], ...] = (
    (NetworkOptions, NETWORKS),
    (FamilyOptions, FAMILIES),
    (DatasetOptions, DATASETS),
    (OptimizerOptions, OPTIMIZERS),
    (LearningRateOptions, LEARNING_RATES),
    (PlayerOptions, PLAYERS),
    (MetricOptions, METRICS),
    (EstimatorOptions, ESTIMATORS),
    (FeatureOptions, FEATURES),
)
_NAME = {"type": "string", "pattern": r"^[A-Za-z_]\w*$"}
_PREFIX = "#/$defs/"
_PARTIAL_KEYS = ("train", "schedule")
_PLAYING = ("players", "templates")


def schema_text() -> str:
    """Return the JSON schema of the language as the text of `specs/schema.json`."""
    return json.dumps(spec_json_schema(), indent=1, ensure_ascii=False) + "\n"


def spec_json_schema() -> Schema:
    """Return the JSON schema of a spec file, with all members of the registries.

    Raises:
        PluginError: an installed plugin cannot be loaded.
    """
    load_builtins()
    definitions = _definitions()
    spec = definitions.pop("Spec")
    required = spec.pop("required")
    del spec["description"]
    spec["properties"] |= {"extends": _extends(), "presets": _presets(), "templates": _templates()}
    [variable] = spec["properties"]["variables"]["patternProperties"].values()
    variable["anyOf"].append(_reference("Columns"))
    required.remove("players")
    definitions["Whole"] = {**spec, "required": required, **_stages_with_utilities(), "anyOf": [{"required": [each]} for each in _PLAYING]}
    definitions["Partial"] = _partial(spec)
    root = {
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "gamelearn spec",
        "description": "A game of players that learn conditional distributions.",
        "type": "object",
        "if": {"required": ["extends"]},
        "then": _reference("Partial"),
        "else": _reference("Whole"),
    }
    return {**root, "$defs": _reachable(root, definitions)}


def _definitions() -> dict[str, Schema]:
    members = [(kind, registry, entry) for kind, registry in _KINDS for entry in registry]
    models: list[type[Options]] = [Spec, Columns, Template, *(kind for kind, _ in _KINDS), *(entry.options for _, _, entry in members)]
    references, schema = models_json_schema([(model, "validation") for model in dict.fromkeys(models)], by_alias=True)
    definitions: dict[str, Schema] = {name: _simplified(each) for name, each in schema["$defs"].items()}
    for kind, registry, entry in members:
        model = definitions[references[entry.options, "validation"]["$ref"].removeprefix(_PREFIX)]
        definitions[_member(registry, entry)] = _tagged(model, registry, entry, kind.model_fields[registry.tag].default)
    for kind, registry in _KINDS:
        choices = [_reference(_member(registry, entry)) for entry in sorted(registry, key=lambda each: each.name)]
        definitions[kind.__name__] = {"anyOf": choices} if choices else {"type": "object"}
    for kind, registry in ((EstimatorOptions, ESTIMATORS), (FeatureOptions, FEATURES)):  # may be given by the name alone
        definitions[kind.__name__] = {"anyOf": [{"enum": list(registry.names)}, *definitions[kind.__name__]["anyOf"]]}
    return definitions | _short_forms(definitions)


def _member(registry: Registry, entry: Entry) -> str:
    return f"{registry.kind.replace(' ', '-')}-{entry.name}"


def _tagged(model: Schema, registry: Registry, entry: Entry, default: object) -> Schema:
    """Return the schema of a member: its options, with the key that holds its name."""
    schema = deepcopy(model)
    if entry.summary:
        schema["description"] = entry.summary
    schema["properties"][registry.tag] = {"const": entry.name, "description": f"The {registry.kind}."}
    others = [key for key in schema.get("required", []) if key != registry.tag]
    schema["required"] = others if entry.name == default else [registry.tag, *others]
    if registry is NETWORKS:
        schema["properties"]["family"] = _reference("FamilyOptions")
    return schema


def _simplified(schema: Any) -> Any:
    """Drop pydantic's titles, close maps of names, and put the short forms in place of what they become."""
    if isinstance(schema, list):
        return [_simplified(each) for each in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: _simplified(value) for key, value in schema.items() if not (key == "title" and isinstance(value, str))}
    if "patternProperties" in kept:
        kept["additionalProperties"] = False
    form = {"NamedTerm": "Utility", "ChainPiece": "Chain"}.get(str(kept.get("items", {}).get("$ref")).removeprefix(_PREFIX))
    if kept.get("type") == "array" and form:
        return {key: value for key, value in kept.items() if key == "description"} | _reference(form)
    return kept


def _short_forms(definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Return what may be written in several ways."""
    text = {"type": "string"}
    names = {"type": "array", "items": _NAME}
    term = {"anyOf": [text, _reference("Term")]}
    score = {"anyOf": [text, _reference("NetworkOptions")]}
    scores = {"anyOf": [*score["anyOf"], {"type": "array", "items": score, "minItems": 1}]}
    in_full = {"properties": {"scores": scores, "family": _reference("FamilyOptions")}, "required": ["scores"]}
    stream, train, stage = (deepcopy(definitions[name]) for name in ("Stream", "Train", "Stage"))
    stream["properties"]["variables"] = _either(stream["properties"]["variables"], names)
    train["properties"]["batch"] = _either(train["properties"]["batch"], {"type": "integer", "exclusiveMinimum": 0})
    stage["properties"]["train"] = {**stage["properties"]["train"], **_reference("Train")}
    stage["properties"]["train"].pop("additionalProperties", None)
    text_or_texts = {"anyOf": [text, {"type": "array", "items": text}]}
    columns = deepcopy(definitions["Columns"])
    for name in ("columns", "except"):
        columns["properties"][name] = {**columns["properties"][name], **text_or_texts}
        columns["properties"][name].pop("type", None)
        columns["properties"][name].pop("items", None)
    parts = {"type": "object", "additionalProperties": text_or_texts, "minProperties": 1}
    described = {"description": columns["properties"]["groups"]["description"]}
    columns["properties"]["groups"] = {**described, "anyOf": [{"type": "integer", "minimum": 1}, parts]}
    return {
        "Columns": columns,
        "Group": {"description": definitions["Group"]["description"], **names},
        "Stream": {"anyOf": [names, stream]},
        "Train": train,
        "Stage": stage,
        "Derive": {"anyOf": [{"enum": definitions["Derive"]["properties"]["rule"]["enum"]}, definitions["Derive"]]},
        "Utility": {"anyOf": [*term["anyOf"], {"type": "array", "items": term, "minItems": 1}, _map_of(term)]},
        "Chain": {"anyOf": [text, {"type": "array", "items": text, "minItems": 1}]},
        "RightHandSide": {"anyOf": [*scores["anyOf"], {"type": "object", "additionalProperties": False, **in_full}]},
    }


def _either(schema: Schema, other: Schema) -> Schema:
    """Return a property that may also be written as `other`; its description and default stay outside."""
    outer: Schema = {key: schema.pop(key) for key in ("description", "default") if key in schema}
    return {**outer, "anyOf": [other, schema]}


def _map_of(schema: Schema) -> Schema:
    return {"type": "object", "additionalProperties": schema, "minProperties": 1, "not": {"required": ["term"]}}


def _reference(name: str) -> Schema:
    return {"$ref": _PREFIX + name}


def _extends() -> Schema:
    return {"type": "string", "description": "Another spec, relative to this file, that this one says something over."}


def _presets() -> Schema:
    values = {"anyOf": [_reference("Partial"), {"type": "null"}]}
    return {
        "type": "object",
        "description": "Values over the spec's, by name; `--preset` takes them by name.",
        "additionalProperties": values,
    }


def _templates() -> Schema:
    return {
        "type": "object",
        "description": "Parts of the spec that are written once for every column of a table, or every group.",
        "additionalProperties": _reference("Template"),
    }


def _stages_with_utilities() -> Schema:
    """Say that a stage has utilities or derives them, where no rule stands at the top."""
    stage = {"anyOf": [{"required": ["utilities"]}, {"required": ["derive"]}]}
    return {"if": {"not": {"required": ["derive"]}}, "then": {"properties": {"stages": {"additionalProperties": stage}}}}


def _partial(spec: Schema) -> Schema:
    """Return the schema of values over those of another spec, where maps may lack keys, and null removes."""
    properties = {}
    for key, value in spec["properties"].items():
        described = {"description": value["description"]} if "description" in value else {}
        typed = {"anyOf": [value, {"type": "null"}]} if key in _PARTIAL_KEYS else {}
        properties[key] = {**described, **typed}
    properties |= {"extends": _extends(), "presets": _presets(), "templates": {"type": ["object", "null"]}}
    return {"type": "object", "additionalProperties": False, "properties": properties}


def _reachable(schema: Any, definitions: dict[str, Schema]) -> dict[str, Schema]:
    """Return the definitions that a schema refers to, directly or through others, sorted."""
    found: dict[str, Schema] = {}
    waiting = [schema]
    while waiting:
        each = waiting.pop()
        if isinstance(each, list):
            waiting += each
        elif isinstance(each, dict):
            waiting += each.values()
            name = str(each.get("$ref", "")).removeprefix(_PREFIX)
            if name in definitions and name not in found:
                found[name] = definitions[name]
                waiting.append(found[name])
    return dict(sorted(found.items()))


if __name__ == "__main__":
    sys.stdout.write(schema_text())
