"""What a map in a spec may hold: pydantic models that report every mistake with its own path.

Pydantic puts the branch of a union into the error's path; here a model collects its own problems and those of the models
inside it as `Mistake`s whose paths are the YAML's own. This file is the base of every options model.
"""

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass, replace
from typing import Annotated, Any, Self, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Strict, ValidationError, model_validator
from pydantic_core import PydanticCustomError

from gamelearn.errors import nearest, quoted

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Mistake:
    """One mistake at `path` below the model that found it.

    `on_key` when the key itself is wrong; `offset` counts the characters into the text of the key or value where it lies.
    """

    path: Path
    what: str
    suggestion: str | None = None
    on_key: bool = False
    offset: int = 0

    def below(self, prefix: Path) -> "Mistake":
        """Return the mistake with its path below `prefix`."""
        return replace(self, path=prefix + self.path)


def mistakes_error(mistakes: Iterable[Mistake]) -> PydanticCustomError:
    """Return an error that a validator may raise to report mistakes at paths below its own."""
    return PydanticCustomError("mistakes", "mistakes", {"mistakes": tuple(mistakes)})


def mistake(what: str, suggestion: str | None = None, path: Path = ()) -> PydanticCustomError:
    """Return an error that a validator may raise to report one mistake."""
    return mistakes_error([Mistake(path, what, suggestion)])


def misspelt(key: str, data: dict[Any, Any], what: str) -> list[Mistake]:
    """Return a mistake for each key of a map that lacks `key` and probably means it; `what` says what the key holds."""
    near = [each for each in data if key not in data and nearest(str(each), [key])]
    return [Mistake((each,), f"unknown key {describe(str(each))}; {key!r} {what}", key, on_key=True) for each in near]


def mistakes_of(error: ValidationError) -> list[Mistake]:
    """Return every mistake in a pydantic error, with paths below the model that raised it."""
    found: list[Mistake] = []
    for entry in error.errors():
        if entry["type"] == "mistakes":
            found += [inner.below(entry["loc"]) for inner in entry["ctx"]["mistakes"]]
        else:
            found.append(_mistake_of(entry))
    return found


class Options(BaseModel):
    """The base of every options model: frozen, strict, and no unknown keys.

    A subclass lists its options as fields with their defaults, units and ranges; the field's description appears in the
    generated documentation and JSON schema.
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False, use_attribute_docstrings=True)

    @model_validator(mode="wrap")
    @classmethod
    def _collect(cls, data: Any, handler: Callable[[Any], Self]) -> Self:
        if isinstance(data, cls):
            return data
        if not isinstance(data, dict):
            raise mistake(f"expected a map with {cls._key_list()}, got {describe(data)}")
        known = cls.keys()
        unknown = [key for key in data if key not in known]
        found = [cls._unknown(key) for key in unknown]
        meant = tuple(f"the key {each.suggestion!r} is missing" for each in found)
        try:
            value = handler({key: item for key, item in data.items() if key in known})
        except ValidationError as error:
            found += [each for each in mistakes_of(error) if each.path or not each.what.startswith(meant)]
        if found:
            raise mistakes_error(found)
        return value

    @classmethod
    def unknown_keys(cls, keys: Iterable[Any], others: Container[Any] = ()) -> list[Mistake]:
        """Return a mistake for each key that a map of this model may not have; `others` are allowed as well."""
        known = cls.keys()
        return [cls._unknown(key) for key in keys if key not in known and key not in others]

    @classmethod
    def _unknown(cls, key: Any) -> Mistake:
        hint = nearest(str(key), cls.keys())
        return Mistake((key,), f"unknown key {describe(str(key))}; known: {cls._key_list()}", hint, on_key=True)

    @classmethod
    def _key_list(cls) -> str:
        return quoted(cls.keys()) or "no keys"

    @classmethod
    def keys(cls) -> tuple[str, ...]:
        """Return the keys that a map of this model may have, as they are written."""
        return tuple(field.alias or name for name, field in cls.model_fields.items())


Model = TypeVar("Model", bound=BaseModel)


def validate_as(model: type[Model], value: Any) -> Model:
    """Validate `value` inside another validator, so that its mistakes keep their paths."""
    if isinstance(value, model):
        return value
    try:
        return model.model_validate(value)
    except ValidationError as error:
        raise mistakes_error(mistakes_of(error)) from None


Value = TypeVar("Value")


def each_valid(items: Iterable[tuple[Path, Any]], build: Callable[[Path, Any], Value]) -> tuple[list[Value], list[Mistake]]:
    """Build every item; return what was built and the mistakes of all the others, each below its path."""
    built: list[Value] = []
    found: list[Mistake] = []
    for path, item in items:
        try:
            built.append(build(path, item))
        except PydanticCustomError as error:
            found += [inner.below(path) for inner in (error.context or {})["mistakes"]]
    return built, found


def _as_tuple(value: Any) -> Any:
    if isinstance(value, list):
        return tuple(value)
    if isinstance(value, tuple):
        return value
    raise mistake(f"expected a list, got {describe(value)}")


_Item = TypeVar("_Item")
Listed = Annotated[tuple[_Item, ...], Strict(False), BeforeValidator(_as_tuple)]
"""A YAML list, held as a tuple."""


def describe(value: Any) -> str:
    """Return a value as its author wrote it, for an error message."""
    if value is None:
        return "nothing"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, dict):
        return "a map"
    if isinstance(value, list | tuple):
        return "a list"
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


_BOUNDS = {"greater_than": ("gt", "greater than"), "greater_than_equal": ("ge", "at least"), "less_than": ("lt", "less than"), "less_than_equal": ("le", "at most")}  # fmt: skip
_PATTERNS = {r"^[A-Za-z0-9][\w.-]*$": "letters, digits, '_', '-' and '.'"}
_EXPECTED = {
    "int_type": "a whole number", "int_from_float": "a whole number", "float_type": "a number", "string_type": "text",
    "bool_type": "true or false", "dict_type": "a map", "tuple_type": "a list", "list_type": "a list",
    "finite_number": "a finite number",
}  # fmt: skip


def _mistake_of(entry: Any) -> Mistake:
    kind, path, value, context = entry["type"], entry["loc"], entry["input"], entry.get("ctx", {})
    if path and path[-1] == "[key]":
        return replace(_mistake_of({**entry, "loc": path[:-1]}), on_key=True)
    if kind == "string_pattern_mismatch":
        return Mistake(path, f"{describe(value)} is not a name: {_PATTERNS.get(context['pattern'], 'letters, digits and _')}")
    if kind == "missing":
        return Mistake(path[:-1], f"the key {path[-1]!r} is missing", None, on_key=True)
    if kind == "literal_error":
        known = [str(choice).strip("'\"") for choice in context["expected"].replace(" or ", ", ").split(", ")]
        return Mistake(path, f"{describe(value)} is not one of {quoted(known)}", nearest(str(value), known))
    if kind in _BOUNDS:
        bound, words = _BOUNDS[kind]
        return Mistake(path, f"must be {words} {context[bound]:g}, got {describe(value)}")
    if kind in _EXPECTED:
        return Mistake(path, f"expected {_EXPECTED[kind]}, got {describe(value)}")
    return Mistake(path, f"{entry['msg'][0].lower()}{entry['msg'][1:]}, got {describe(value)}")
