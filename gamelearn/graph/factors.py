"""The factors of the players, with the owner of every parameter.

This file reads the `players` part of a spec.
"""

import re
from collections.abc import Mapping
from dataclasses import replace

import networkx

from gamelearn.errors import nearest, quoted
from gamelearn.graph.model import Factor, FreeScore, Network, NetworkScore, OwnScore, Player, Score, SharedScore
from gamelearn.graph.symbols import Expanded, Scope
from gamelearn.options import Path
from gamelearn.registry import FAMILIES
from gamelearn.spec import kinds
from gamelearn.spec.formula import conditional, parse_call, parse_factor
from gamelearn.spec.kinds import ConditionalOptions, FamilyOptions, PlayerOptions, RightHandSide

DEFAULT_FAMILY = {"binary": "bernoulli", "categorical": "categorical", "count": "poisson", "real": "normal"}
_WORDS = ("uniform", "standard", "free")
_MOST_SCORES = 100
_Made = tuple[dict[str, Score | None], tuple[str, ...]]


def build_players(options: Mapping[str, PlayerOptions], scope: Scope) -> dict[str, Player]:
    """Return the players with their factors; mistakes are noted in the scope."""
    builders = {name: _Builder(name, each, scope) for name, each in options.items()}
    players = {name: builder.player() for name, builder in builders.items()}
    players = {name: _with_canonical_shares(each, players) for name, each in players.items()}
    for name, builder in builders.items():
        for label, index, path in builder.shares:
            _check_share(players[name].factors[label], index, path, players, scope)
    _check_circles(players, scope)
    return players


def _with_canonical_shares(player: Player, players: Mapping[str, Player]) -> Player:
    """Name shared factors as their player does, whatever the order of the givens where they are shared."""

    def canonical(score: Score) -> Score:
        if not isinstance(score, SharedScore) or score.player not in players:
            return score
        target, givens = _sides_of(score.factor)
        same = (each.label for each in players[score.player].factors.values() if (each.target, set(each.givens)) == (target, givens))
        return replace(score, factor=next(same, score.factor))

    factors = {name: replace(each, scores=tuple(map(canonical, each.scores))) for name, each in player.factors.items()}
    return replace(player, factors=factors)


def _sides_of(label: str) -> tuple[str, set[str]]:
    targets, givens = parse_factor(label)
    return targets[0].name, {symbol.name for symbol in givens}


class _Builder:
    """Builds one player: its named networks, then its factors with the networks written in them."""

    def __init__(self, name: str, options: PlayerOptions, scope: Scope) -> None:
        self.name, self.options, self.scope = name, options, scope
        self.path: Path = ("players", name)
        self.factors: dict[str, Factor] = {}
        self._targets = {text: set(re.findall(r"\w+", text.split("|")[0])) for text in options.factors}
        self.networks: dict[str, Network] = {}
        self.used_heads: set[tuple[str, str]] = set()
        self.unclear_networks: set[str] = set()
        self.has_unread_factors = False
        """Whether a factor was left out because its variables, or a group among them, are not clear."""
        self.shares: list[tuple[str, int, Path]] = []
        """Where shared scores stand: the factor's label, the score's index, its path in the spec."""

    def player(self) -> Player:
        before = len(self.scope.mistakes)
        if isinstance(self.options, ConditionalOptions):
            for name, options in self.options.networks.items():
                self._add_named_network(name, options)
            for text, side in self.options.factors.items():
                self._add_factors(text, side, (*self.path, "factors", text))
            if len(self.scope.mistakes) == before and not self.has_unread_factors:
                self._check_heads(self.options)
        else:
            for index, text in enumerate(self.options.factors):
                self._add_own_factor(text, (*self.path, "factors", index))
        if len(self.scope.mistakes) > before:
            self.scope.doubtful.add(self.name)
        return Player(self.name, self.options, self.factors, self.networks)

    def _add_named_network(self, name: str, options: kinds.NetworkOptions) -> None:
        path = (*self.path, "networks", name)
        before = len(self.scope.mistakes)
        for key in ("inputs", "outputs"):
            if not getattr(options, key):
                example = "inputs: [x]" if key == "inputs" else "outputs: {head: variable}"
                self.scope.report(path, f"a shared network needs {key!r}, such as {example}", on_key=True)
        inputs = self._inputs(options.inputs or (), (*path, "inputs"))
        heads = {}
        for head, variable in (options.outputs or {}).items():
            if variable in self.scope.variables:
                heads[head] = variable
            else:
                what = f"unknown variable {variable!r}; known: {quoted(self.scope.variables)}"
                hint = self.scope.nearest(variable, self.scope.variables, (options.outputs or {}).values())
                self.scope.report((*path, "outputs", head), what, hint)
        if inputs and heads:
            self.networks[name] = Network(self.name, name, options, inputs, heads, path)
        if len(self.scope.mistakes) > before:
            self.unclear_networks.add(name)

    def _inputs(self, names: tuple[str, ...], path: Path) -> tuple[str, ...]:
        found: list[str] = []
        for index, name in enumerate(names):
            if name in self.scope.variables or name in self.scope.groups:
                found += self.scope.groups.get(name, (name,))
            else:
                known = [*self.scope.variables, *self.scope.groups]
                hint = self.scope.nearest(name, known, names)
                self.scope.report((*path, index), f"unknown variable {name!r}; known: {quoted(known) or 'none'}", hint)
        return tuple(dict.fromkeys(found))

    def _sides(self, text: str, path: Path, *, on_key: bool) -> tuple[tuple[str, ...], tuple[Expanded, ...]] | None:
        sides = self.scope.parse(parse_factor, text, path, on_key=on_key)
        if sides is None:
            return None
        names = {symbol.name for side in sides for symbol in side}
        elsewhere = set[str]().union(*(targets for other, targets in self._targets.items() if other != text))
        expanded = [
            self.scope.expand(side, path, on_key=on_key, taken=names | taken) for side, taken in zip(sides, (elsewhere, set()), strict=True)
        ]
        if expanded[0] is None or expanded[1] is None:
            return None
        targets, givens = _names(expanded[0]), expanded[1]
        both = next((each for each in givens if each.variable in targets), None)
        if both:
            self.scope.report(path, f"{both.variable!r} is both target and given", on_key=on_key, offset=both.offset)
            return None
        return targets, givens

    def _add_own_factor(self, text: str, path: Path) -> None:
        sides = self._sides(text, path, on_key=False)
        for target in sides[0] if sides else ():
            givens = _names(sides[1]) if sides else ()
            score = OwnScore(self.name, conditional((target,), givens))
            self._add(Factor(self.name, target, givens, (score,), None, path))

    def _add_factors(self, text: str, side: RightHandSide, path: Path) -> None:
        sides = self._sides(text, path, on_key=True)
        if sides is None:
            self.has_unread_factors = True
            return
        targets, givens = sides[0], _names(sides[1])
        made = [self._score(score, targets, givens, path) for score in side.scores]
        if all(each is not None for each in made):
            self._check_givens(targets, sides[1], [name for each in made if each for name in each[1]], path)
        for target in targets:
            family = self._family(target, side, path)
            found = [(each[0][target], (*path, *score.path)) for each, score in zip(made, side.scores, strict=True) if each]
            scores = [(score, place) for score, place in found if score is not None]
            self._check_repeats(scores)
            factor = Factor(self.name, target, givens, tuple(score for score, _ in scores), family, path)
            if self._add(factor):
                self.shares += [
                    (factor.label, index, place) for index, (score, place) in enumerate(scores) if isinstance(score, SharedScore)
                ]

    def _check_repeats(self, scores: list[tuple[Score, Path]]) -> None:
        for index, (score, place) in enumerate(scores):
            if any(score == other for other, _ in scores[:index]):
                self.scope.report(place, "this score stands in the factor twice")

    def _add(self, factor: Factor) -> bool:
        """Add a factor unless the player has it already; return whether it was added."""
        same = (known for known in self.factors.values() if (known.target, set(known.givens)) == (factor.target, set(factor.givens)))
        if known := next(same, None):
            on_key = isinstance(self.options, ConditionalOptions)
            self.scope.report(factor.path, f"the factor {factor.label!r} is given twice, also as {str(known.path[-1])!r}", on_key=on_key)
            return False
        self.factors[factor.label] = factor
        return True

    def _check_givens(self, targets: tuple[str, ...], givens: tuple[Expanded, ...], inputs: list[str], path: Path) -> None:
        for each in givens:
            if each.variable not in inputs:
                what = f"the given {each.variable!r} is read by no score of the factor"
                self.scope.report(path, what, on_key=True, offset=each.offset)
        known = _names(givens)
        unnamed = tuple(name for name in dict.fromkeys(inputs) if name not in known)
        if circular := [name for name in unnamed if name in targets]:
            self.scope.report(path, f"a score of the factor reads its own target {circular[0]!r}", on_key=True)
        elif unnamed:
            key = conditional(targets, (*known, *unnamed))
            what = f"a score of the factor reads {quoted(unnamed)}, not among its givens: the factor is {key!r}"
            self.scope.report(path, what, on_key=True)

    def _score(self, score: kinds.Score, targets: tuple[str, ...], givens: tuple[str, ...], path: Path) -> _Made | None:
        """Return the score of each target (None: raw outputs of zero) and the variables that it reads; None after a mistake."""
        place = (*path, *score.path)
        if score.network is not None:
            return self._inline_network(score.network, targets, givens, place)
        text = score.text or ""
        if text.strip() in _WORDS:
            return self._word(text.strip(), targets, givens, place), ()
        if "(" in text:
            return self._share(text, targets, place)
        return self._head(text, targets, place)

    def _word(self, word: str, targets: tuple[str, ...], givens: tuple[str, ...], path: Path) -> dict[str, Score | None]:
        for target in targets:
            kind = self.scope.variables[target].type
            if (word == "uniform" and kind not in ("binary", "categorical")) or (word == "standard" and kind == "count"):
                allowed = "a binary or categorical variable" if word == "uniform" else "a real, binary or categorical variable"
                self.scope.report(path, f"{word!r} needs {allowed}, and {target!r} is {kind}: use 'free' or a network")
        if word == "free":
            return {target: FreeScore(self.name, conditional((target,), givens)) for target in targets}
        return dict.fromkeys(targets)

    def _inline_network(self, options: kinds.NetworkOptions, targets: tuple[str, ...], givens: tuple[str, ...], path: Path) -> _Made | None:
        if options.outputs:
            self.scope.report(
                (*path, "outputs"), "a network inside a factor has one head per target: 'outputs' belongs to 'networks'", on_key=True
            )
        before = len(self.scope.mistakes)
        inputs = self._inputs(options.inputs, (*path, "inputs")) if options.inputs is not None else givens
        if len(self.scope.mistakes) > before:
            return None
        if not inputs:
            self.scope.report(path, "a network needs at least one given to read; without any, write 'free'")
        name = self._network_name(targets, givens)
        self.networks[name] = Network(self.name, name, options, inputs, {target: target for target in targets}, path)
        return {target: NetworkScore(self.name, name, target) for target in targets}, inputs

    def _network_name(self, targets: tuple[str, ...], givens: tuple[str, ...]) -> str:
        base = "_".join((*targets, "given", *givens)) if givens else "_".join(targets)
        taken = set(self.networks) | set(self.options.networks if isinstance(self.options, ConditionalOptions) else ())
        return next(name for n in range(1, 1000) if (name := base if n == 1 else f"{base}_{n}") not in taken)

    def _head(self, text: str, targets: tuple[str, ...], path: Path) -> _Made | None:
        declared = self.options.networks if isinstance(self.options, ConditionalOptions) else {}
        match = re.fullmatch(r"\s*([A-Za-z_]\w*)\.([A-Za-z_]\w*)\s*", text)
        if match is None:
            names = [*_WORDS, *(f"{name}.{head}" for name, each in declared.items() for head in each.outputs or {})]
            what = f"{text!r} is not a score; expected {quoted(_WORDS)}, 'network.head', 'player(target | givens)' or {{net: NAME}}"
            self.scope.report(path, what, nearest(text, names))
            return None
        name, head = match.groups()
        if name in self.unclear_networks:
            return None
        if name not in declared:
            self.scope.report(
                path,
                f"unknown network {name!r} of player {self.name!r}; known: {quoted(declared) or 'none'}",
                self.scope.nearest(name, declared),
            )
            return None
        heads = declared[name].outputs or {}
        self.used_heads.add((name, head))
        if head not in heads:
            used = {other for network, other in self.used_heads if network == name}
            hint = self.scope.nearest(head, heads, used)
            self.scope.report(
                path, f"the network {name!r} has no head {head!r}; known: {quoted(heads) or 'none'}", hint, offset=match.start(2)
            )
            return None
        return self._one_head(name, head, targets, path)

    def _one_head(self, name: str, head: str, targets: tuple[str, ...], path: Path) -> _Made | None:
        variable = self.networks[name].heads[head]
        if targets != (variable,):
            what = f"the head {name}.{head} gives raw outputs of {variable!r}, the factor's target is {', '.join(map(repr, targets))}"
            self.scope.report(path, what)
            return None
        return {variable: NetworkScore(self.name, name, head)}, self.networks[name].inputs

    def _share(self, text: str, targets: tuple[str, ...], path: Path) -> _Made | None:
        call = self.scope.parse(parse_call, text, path)
        if call is None:
            return None
        names = {symbol.name for symbol in (*call.targets, *call.givens)}
        shown, givens = (self.scope.expand(side, path, taken=names) for side in (call.targets, call.givens))
        if shown is None or givens is None:
            return None
        primed = next((symbol for symbol in (*call.targets, *call.givens) if symbol.primes), None)
        if primed:
            what = f"{str(primed)!r} has a prime: primes mark copies inside utilities, a factor has none"
            self.scope.report(path, what, offset=primed.offset)
            return None
        if _names(shown) != targets:
            self.scope.report(
                path, f"{text!r} gives raw outputs of {', '.join(_names(shown))}, the factor's target is {', '.join(targets)}"
            )
            return None
        label = {target: conditional((target,), _names(givens)) for target in targets}
        return {target: SharedScore(call.name, label[target]) for target in targets}, _names(givens)

    def _family(self, target: str, side: RightHandSide, path: Path) -> FamilyOptions:
        variable = self.scope.variables[target]
        if side.family is not None:
            if variable.type not in side.family.variable_types:
                expected = quoted(side.family.variable_types)
                what = f"the family {side.family.type!r} describes variables of type {expected}, and {target!r} is {variable.type}"
                self.scope.report((*path, "family"), what, on_key=True)
            else:
                return side.family
        if variable.type == "real" and all(score.text and score.text.strip() == "standard" for score in side.scores):
            return FAMILIES.options_of({"type": "normal", "scale": 1.0})
        return FAMILIES.options_of({"type": DEFAULT_FAMILY[variable.type]})

    def _check_heads(self, options: ConditionalOptions) -> None:
        for name, network in options.networks.items():
            heads = network.outputs or {}
            unused = [head for head in heads if (name, head) not in self.used_heads]
            if heads and len(unused) == len(heads):
                self.scope.report((*self.path, "networks", name), f"no factor uses the network {name!r}", on_key=True)
            else:
                for head in unused:
                    self.scope.report(
                        (*self.path, "networks", name, "outputs", head), f"no factor uses the head {name}.{head}", on_key=True
                    )


def _names(expanded: tuple[Expanded, ...]) -> tuple[str, ...]:
    return tuple(each.variable for each in expanded)


def _check_share(factor: Factor, index: int, path: Path, players: Mapping[str, Player], scope: Scope) -> None:
    """Check that a shared score exists, with the family and width of the factor."""
    score = factor.scores[index]
    assert isinstance(score, SharedScore)
    if score.player not in players:
        scope.report(path, f"unknown player {score.player!r}; known: {quoted(players) or 'none'}", scope.nearest(score.player, players))
        return
    other = players[score.player]
    shared = other.factors.get(score.factor)
    if shared is None:
        if score.player not in scope.doubtful:
            what = f"the player {score.player!r} has no factor {score.factor!r}; known: {quoted(other.factors) or 'none'}"
            scope.report(path, what, nearest(score.factor, other.factors))
    elif not other.options.has_scores:
        scope.report(path, f"{shared} has no raw outputs to share: its player's type is {other.options.type!r}")
    elif shared.family is not None and shared.family != factor.family:
        mine, others = _families(factor.family, shared.family)
        scope.report(path, f"{factor} is {mine} and shares {shared}, which is {others}: scores add within one family")


def _families(first: FamilyOptions | None, second: FamilyOptions | None) -> tuple[str, str]:
    """Describe two families by their types, or else by the options in which they differ."""
    if first is None or second is None or first.type != second.type:
        return _family_name(first), _family_name(second)
    names = [name for name in type(first).model_fields if getattr(first, name) != getattr(second, name)]
    mine, others = (", ".join(f"{name}: {getattr(each, name)}" for name in names) for each in (first, second))
    return f"{first.type!r} ({mine})", f"{second.type!r} ({others})"


def _family_name(family: FamilyOptions | None) -> str:
    return repr(family.type) if family else "of a family of its own"


def _check_circles(players: Mapping[str, Player], scope: Scope) -> None:
    """Check that shared scores do not run in a circle, and are not too many once written out."""
    shares = networkx.DiGraph()
    for player in players.values():
        for factor in player.factors.values():
            shares.add_node((player.name, factor.label))
            shared = [(score.player, score.factor) for score in factor.scores if isinstance(score, SharedScore)]
            shares.add_edges_from(((player.name, factor.label), other) for other in shared)
    circles = [circle for circle in networkx.strongly_connected_components(shares) if len(circle) > 1]
    circles += [{node} for node in networkx.nodes_with_selfloops(shares)]
    for circle in circles:
        name, label = next(node for node in shares if node in circle)
        factor = players[name].factors[label]
        scope.report(factor.path, f"the scores of {factor} refer to each other in a circle", on_key=True)
    if not circles:
        _check_number(list(reversed(list(networkx.topological_sort(shares)))), players, scope)


def _check_number(order: list[tuple[str, str]], players: Mapping[str, Player], scope: Scope) -> None:
    number: dict[tuple[str, str], int] = {}
    for name, label in order:
        factor = players[name].factors.get(label) if name in players else None
        scores = factor.scores if factor else ()
        number[name, label] = sum(number.get((each.player, each.factor), 1) if isinstance(each, SharedScore) else 1 for each in scores)
        if factor and number[name, label] > _MOST_SCORES:
            scope.report(factor.path, f"{factor} adds more than {_MOST_SCORES} scores, shared ones written out", on_key=True)
            return
