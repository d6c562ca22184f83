"""Names of variables and groups, and the mistakes found on the way.

This file turns the symbols of a formula into variables.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

from gamelearn.errors import nearest, quoted
from gamelearn.graph.model import Variable
from gamelearn.options import Mistake, Path
from gamelearn.spec import schema
from gamelearn.spec.formula import FormulaError, Symbol

Value = TypeVar("Value")


@dataclass(frozen=True)
class Expanded:
    """A variable that a symbol of a formula stands for, alone or through a group."""

    variable: str
    actual: str
    primes: int
    group: str | None
    offset: int


@dataclass
class Scope:
    """The variables and groups of a spec, and the mistakes found so far."""

    variables: Mapping[str, Variable]
    groups: Mapping[str, tuple[str, ...]]
    mistakes: list[Mistake] = field(default_factory=list)
    warnings: list[Mistake] = field(default_factory=list)

    def report(self, path: Path, what: str, suggestion: str | None = None, *, on_key: bool = False, offset: int = 0) -> None:
        """Note a mistake and go on."""
        self.mistakes.append(Mistake(path, what, suggestion, on_key, offset))

    def parse(self, read: Callable[[str], Value], text: str, path: Path, *, on_key: bool = False) -> Value | None:
        """Read a formula; a mistake in it is noted, and None returned."""
        try:
            return read(text)
        except FormulaError as error:
            self.report(path, error.what, error.suggestion, on_key=on_key, offset=error.offset)
            return None

    def expand(self, symbols: tuple[Symbol, ...], path: Path, *, on_key: bool = False) -> tuple[Expanded, ...] | None:
        """Return the variables that symbols stand for; None, and a mistake noted, if one is unknown or comes twice."""
        found: list[Expanded] = []
        known = len(self.mistakes)
        for symbol in symbols:
            if symbol.name not in self.variables and symbol.name not in self.groups:
                names = [*self.variables, *self.groups]
                what = f"unknown variable {symbol.name!r}; known: {quoted(names)}"
                taken = {other.name for other in symbols}
                hint = nearest(symbol.name, [name for name in names if name not in taken]) or nearest(symbol.name, names)
                self.report(path, what, hint, on_key=on_key, offset=symbol.offset)
                continue
            group = symbol.name if symbol.name in self.groups else None
            for name in self.groups.get(symbol.name, (symbol.name,)):
                each = Expanded(name, name + "'" * symbol.primes, symbol.primes, group, symbol.offset)
                if any(other.actual == each.actual for other in found):
                    self.report(path, f"the variable {each.actual!r} comes twice", on_key=on_key, offset=symbol.offset)
                else:
                    found.append(each)
        return tuple(found) if len(self.mistakes) == known else None


def build_scope(variables: Mapping[str, schema.Variable | schema.Group]) -> Scope:
    """Return the variables of a spec with its groups expanded."""
    plain = {
        name: Variable(name, each.type, tuple(each.shape), each.classes)
        for name, each in variables.items()
        if isinstance(each, schema.Variable)
    }
    scope = Scope(plain, {})
    members = {name: each.members for name, each in variables.items() if isinstance(each, schema.Group)}
    scope.groups = {name: _members(name, members, scope, ()) for name in members}
    for name in ("E", "log"):
        if name in variables:
            scope.report(("variables", name), f"{name!r} is a reserved word", on_key=True)
    return scope


def _members(name: str, groups: Mapping[str, tuple[str, ...]], scope: Scope, above: tuple[str, ...]) -> tuple[str, ...]:
    found: list[str] = []
    for index, member in enumerate(groups[name]):
        path: Path = ("variables", name, index)
        if member in (*above, name):
            if not above:
                scope.report(path, f"the group {name!r} holds itself")
        elif member in groups:
            found += _members(member, groups, scope, (*above, name))
        elif member in scope.variables:
            found.append(member)
        elif not above:
            names = [*scope.variables, *groups]
            hint = nearest(member, [each for each in names if each not in groups[name] and each != name])
            scope.report(path, f"unknown variable {member!r}; known: {quoted(names)}", hint)
    if not above and not groups[name]:
        scope.report(("variables", name), f"the group {name!r} is empty")
    return tuple(dict.fromkeys(found))
