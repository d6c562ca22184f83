"""Names of variables and groups, and the mistakes found on the way.

This file turns the symbols of a formula into variables.
"""

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from typing import TypeVar

import networkx

from gamelearn.errors import nearest, quoted
from gamelearn.graph.model import Variable
from gamelearn.options import Mistake, Path
from gamelearn.spec import schema
from gamelearn.spec.formula import RESERVED, FormulaError, Symbol

Value = TypeVar("Value")
_MOST_SUGGESTIONS = 50


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
    doubtful: set[str] = field(default_factory=set)
    """Players, streams and samplers with mistakes of their own: what formulas ask of them is not held against the formulas."""
    unclear: set[str] = field(default_factory=set)
    """Groups with mistakes of their own."""
    used: frozenset[str] = frozenset()
    """The names that the spec refers to anywhere: a name that nothing refers to is the likelier meaning of a misspelt one."""
    _reported: set[Mistake] = field(default_factory=set)

    def nearest(self, name: str, known: Iterable[str], taken: Collection[str] = ()) -> str | None:
        """Return the known name that was probably meant; those taken, beside it, come last. With very many mistakes none is looked for."""
        if len(self.mistakes) > _MOST_SUGGESTIONS:
            return None
        names = list(known)
        return nearest(name, [each for each in names if each not in taken], self.used) or nearest(name, names, self.used)

    def report(self, path: Path, what: str, suggestion: str | None = None, *, on_key: bool = False, offset: int = 0) -> None:
        """Note a mistake, once, and go on."""
        mistake = Mistake(path, what, suggestion, on_key, offset)
        if mistake not in self._reported:
            self._reported.add(mistake)
            self.mistakes.append(mistake)

    def parse(self, read: Callable[[str], Value], text: str, path: Path, *, on_key: bool = False) -> Value | None:
        """Read a formula; a mistake in it is noted, and None returned."""
        try:
            return read(text)
        except FormulaError as error:
            self.report(path, error.what, error.suggestion, on_key=on_key, offset=error.offset)
            return None

    def expand(
        self, symbols: tuple[Symbol, ...], path: Path, *, on_key: bool = False, taken: Collection[str] = ()
    ) -> tuple[Expanded, ...] | None:
        """Return the variables that symbols stand for; None if one is unknown or comes twice, which is noted as a mistake.

        Names that are taken, beside these symbols, are not what a misspelt one means.
        """
        found: dict[str, Expanded] = {}
        is_clear = True
        names, taken = [*self.variables, *self.groups], {*taken, *(symbol.name for symbol in symbols)}
        for symbol in symbols:
            if symbol.name not in self.variables and symbol.name not in self.groups:
                hint = self.nearest(symbol.name, names, taken)
                self.report(path, f"unknown variable {symbol.name!r}; known: {quoted(names)}", hint, on_key=on_key, offset=symbol.offset)
            is_clear &= symbol.name in self.variables or (symbol.name in self.groups and symbol.name not in self.unclear)
            group = symbol.name if symbol.name in self.groups else None
            for name in self.groups.get(symbol.name, (symbol.name,)):
                each = Expanded(name, name + "'" * symbol.primes, symbol.primes, group, symbol.offset)
                if each.actual in found:
                    self.report(path, f"the variable {each.actual!r} comes twice", on_key=on_key, offset=symbol.offset)
                    is_clear = False
                found[each.actual] = each
        return tuple(found.values()) if is_clear else None


def build_scope(variables: Mapping[str, schema.Variable | schema.Group], used: frozenset[str] = frozenset()) -> Scope:
    """Return the variables of a spec with its groups expanded."""
    plain = {
        name: Variable(name, each.type, tuple(each.shape), each.classes)
        for name, each in variables.items()
        if isinstance(each, schema.Variable)
    }
    scope = Scope(plain, {}, used=used)
    members = {name: each.members for name, each in variables.items() if isinstance(each, schema.Group)}
    scope.groups = _expanded_groups(members, scope)
    for name in RESERVED:
        if name in variables:
            scope.report(("variables", name), f"{name!r} is a reserved word", on_key=True)
    return scope


def _expanded_groups(groups: Mapping[str, tuple[str, ...]], scope: Scope) -> dict[str, tuple[str, ...]]:
    """Return the variables of every group; a group inside another is expanded before it."""
    inside = networkx.DiGraph()
    inside.add_nodes_from(groups)
    inside.add_edges_from((member, name) for name, members in groups.items() for member in members if member in groups)
    _report_circles(groups, inside, scope)
    found: dict[str, tuple[str, ...]] = {}
    for together in networkx.topological_sort(whole := networkx.condensation(inside)):
        for name in whole.nodes[together]["members"]:
            known = [member for member in groups[name] if member in found or member in scope.variables]
            found[name] = tuple(dict.fromkeys(each for member in known for each in found.get(member, (member,))))
    for name, members in groups.items():
        _check_members(name, members, groups, scope)
    wrong = {str(each.path[1]) for each in scope.mistakes}
    scope.unclear = wrong.union(*(networkx.descendants(inside, name) for name in wrong))
    return {name: found[name] for name in groups}


def _report_circles(groups: Mapping[str, tuple[str, ...]], inside: networkx.DiGraph, scope: Scope) -> None:
    for circle in networkx.strongly_connected_components(inside):
        name = next(each for each in groups if each in circle)
        member = next((each for each in groups[name] if each in circle), None)
        if member is not None:
            through = f" through {member!r}" if member != name else ""
            scope.report(("variables", name, groups[name].index(member)), f"the group {name!r} holds itself{through}")


def _check_members(name: str, members: tuple[str, ...], groups: Mapping[str, tuple[str, ...]], scope: Scope) -> None:
    if not members:
        scope.report(("variables", name), f"the group {name!r} is empty")
    for index, member in enumerate(members):
        if member not in groups and member not in scope.variables:
            names = [*scope.variables, *groups]
            hint = scope.nearest(member, names, {*members, name})
            scope.report(("variables", name, index), f"unknown variable {member!r}; known: {quoted(names)}", hint)
        elif member in members[:index]:
            scope.report(("variables", name, index), f"the group {name!r} names {member!r} twice")
