"""Names that a spec may use, and what they stand for.

One `Registry` instance per kind; the package, installed entry points and `--plugin` files fill them. This file holds the
registry class with its instances.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

from gamelearn.errors import nearest, quoted
from gamelearn.options import Mistake, Options, misspelt, mistake, mistakes_error, validate_as

Class = TypeVar("Class", bound=Callable[..., Any])


@dataclass(frozen=True)
class Entry:
    """A registered name: the class (or function) that builds it and the model of its options."""

    name: str
    build: Callable[..., Any]
    options: type[Options]

    @property
    def summary(self) -> str:
        """The first line of the class's docstring."""
        return (self.build.__doc__ or "").strip().split("\n")[0]


class Registry:
    """The known names of one kind, in the order of registration.

    `tag` is the key that holds the name in a spec: `net` for networks, `type` for the rest.
    """

    def __init__(self, kind: str, *, tag: str = "type") -> None:
        self.kind = kind
        self.tag = tag
        self._entries: dict[str, Entry] = {}

    def register(self, name: str, *, options: type[Options]) -> Callable[[Class], Class]:
        """Return a decorator that registers a class under `name`; its options are validated by `options`.

        Raises:
            ValueError: the name is taken by another class.
        """

        def decorate(build: Class) -> Class:
            known = self._entries.get(name)
            if known and (known.build.__module__, known.build.__qualname__) != (build.__module__, build.__qualname__):
                raise ValueError(f"the {self.kind} {name!r} is registered twice: by {known.build} and {build}")
            self._entries[name] = Entry(name, build, options)
            return build

        return decorate

    def __getitem__(self, name: str) -> Entry:
        return self._entries[name]

    def __contains__(self, name: object) -> bool:
        return name in self._entries

    def __iter__(self) -> Iterator[Entry]:
        return iter(self._entries.values())

    @property
    def plural(self) -> str:
        """The word for several of the kind."""
        return f"{self.kind[:-1]}ies" if self.kind.endswith("y") else f"{self.kind}s"

    @property
    def names(self) -> tuple[str, ...]:
        """The known names, sorted."""
        return tuple(sorted(self._entries))

    def options_of(self, value: Any, *, default: str | None = None) -> Any:
        """Validate a map of a spec by the options model of the name under its tag (used as a pydantic validator)."""
        if isinstance(value, Options):
            return value
        if not isinstance(value, dict):
            raise mistake(f"expected a map with {self.tag!r}, one of the {self.plural} {quoted(self.names)}")
        name = value.get(self.tag, default)
        if name is None:
            names = f"names one of the {self.plural} {quoted(self.names)}"
            raise mistakes_error(misspelt(self.tag, value, names) or [Mistake((), f"the key {self.tag!r} is missing: it {names}")])
        if not isinstance(name, str) or name not in self._entries:
            raise mistake(
                f"unknown {self.kind} {str(name)!r}; known: {quoted(self.names)} (a plugin of yours is loaded with --plugin)",
                nearest(str(name), self._entries),
                (self.tag,),
            )
        return validate_as(self._entries[name].options, {self.tag: name, **value})


FAMILIES = Registry("family")
NETWORKS = Registry("network", tag="net")
PLAYERS = Registry("player type")
DATASETS = Registry("data set")
OPTIMIZERS = Registry("optimizer")
METRICS = Registry("metric")
LEARNING_RATES = Registry("learning-rate schedule")
ESTIMATORS = Registry("gradient estimator")
FEATURES = Registry("feature network")
