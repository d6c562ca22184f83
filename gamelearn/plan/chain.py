"""The draws of a chain as steps, with the evaluations that they need.

The key of a step spells what it is: the factor, its inputs, its ordinal among equal draws of its own chain, the turn's repeat,
and the versions of all players that it reaches; steps with equal keys are one step (rules 13 and 14 of the language). The draws
of a sampler are named by its call and their place in it. Draws that an estimator makes again, with all that reads them, go to the
objective, under the names of the plain draws: so their noise is the same. This file compiles the draws.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from gamelearn.graph.model import Bound, FreeScore, Graph, NetworkScore, OwnScore, PlayerDraw, Sampler, SamplerDraw, StreamDraw
from gamelearn.plan.steps import (
    ChooseStep,
    ColumnStep,
    DivergenceStep,
    DrawStep,
    EvaluateStep,
    Free,
    LogStep,
    NoiseStep,
    Raw,
    RedrawStep,
    RepeatStep,
    Step,
)
from gamelearn.spec.kinds import EstimatorOptions

Key = Callable[[str, frozenset[str]], str]
"""Makes the key of a step from its name and the players that it reaches."""
NOBODY = frozenset[str]()


@dataclass(frozen=True)
class Value:
    """A value of a chain: where it is, its name without versions, and the players it reaches."""

    ref: str
    name: str
    reach: frozenset[str]


@dataclass
class Section:
    """Steps in order, by key: the completion of a phase, or the objective of a turn."""

    steps: dict[str, Step] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    """Keys that earlier phases of the round have computed."""

    def add(self, step: Step) -> None:
        """Add a step, if it is not there yet."""
        if step.key not in self.done:
            self.steps.setdefault(step.key, step)


@dataclass(frozen=True)
class Redrawing:
    """The variables of a chain that are drawn again, with a gradient, in an objective."""

    objective: Section
    owners: frozenset[str]
    estimator: EstimatorOptions
    variables: frozenset[str]


class ChainBuilder:
    """Compiles draws into a section, and keeps the values that they give.

    Args:
        graph: the game.
        section: where draws, with the evaluations that they need, are added.
        key: makes keys.
        repeat: how often the player of the chain has moved in the round.
        rows: the stream that gives the batch of a draw without inputs, or the default.
        redrawing: what is drawn again, if anything.
        samples: how many chains are drawn for each row.
    """

    def __init__(
        self,
        graph: Graph,
        section: Section,
        key: Key,
        *,
        repeat: int,
        rows: str,
        redrawing: Redrawing | None = None,
        samples: int = 1,
    ) -> None:
        self.graph, self.section, self.key = graph, section, key
        self.repeat, self.rows = repeat, rows
        self.redrawing, self.samples = redrawing, samples
        self.values: dict[str, Value] = {}
        self._ordinals: Counter[str] = Counter()

    def columns(self, draw: StreamDraw) -> None:
        """Add the columns of a batch."""
        for variable, actual, ordinal in draw.columns:
            name = f"{draw.stream}.{variable}" + "'" * ordinal
            key = self.key(name, frozenset())
            self.section.add(ColumnStep(key, draw.stream, variable, ordinal, self.repeat))
            self.values[actual] = self._repeated(Value(key, name, frozenset()))

    def _repeated(self, column: Value) -> Value:
        """Return a column with each row as often as there are samples."""
        if self.samples == 1:
            return column
        name = f"{column.name} x{self.samples}"
        key = self.key(name, frozenset())
        self.section.add(RepeatStep(key, column.ref, self.samples, f"{column.name} {self.samples} times"))
        return Value(key, name, frozenset())

    @property
    def _batch(self) -> str:
        """The name of the rows of a draw without inputs."""
        return f"{self.rows} x{self.samples}" if self.samples > 1 else self.rows

    def draw(self, bound: Bound, name: str | None = None) -> None:
        """Add a draw from one factor; without a name its inputs name it."""
        if name is None:
            name = self.conditional_name(bound.factor.player, bound.factor.target, bound.givens)
            name = self._numbered(name if bound.givens else f"{name} for {self._batch}")
        if self.redrawing and bound.target in self.redrawing.variables:
            self._redraw(bound, name, self.redrawing)
            return
        reach = self.reach(bound)
        raws, inputs = self.raws(bound, NOBODY), self.inputs(bound.givens)
        key = self.key(name, reach)
        self.section.add(
            DrawStep(key, bound.factor, raws, inputs, name, self._kind(bound), self.repeat, self.rows, str(bound), self.samples)
        )
        self.values[bound.target] = Value(key, name, reach)

    def _redraw(self, bound: Bound, name: str, redrawing: Redrawing) -> None:
        """Add the noise of a draw to the completion, and the draw itself to the objective."""
        variable = self.graph.variables[bound.factor.target]
        by_class = redrawing.estimator.by_class and variable.type == "categorical"
        noise = f"{name} by class" if by_class else name
        noise_key = self.key(f"noise of {noise}", frozenset())
        self.section.add(
            NoiseStep(noise_key, variable.name, noise, self._kind(bound), self.repeat, self.rows, f"for {bound}", by_class, self.samples)
        )
        raws, inputs = self.raws(bound, redrawing.owners, redrawing.objective), self.inputs(bound.givens)
        reach = self.reach(bound)
        key = self._key_at(name, reach, (bound.target,))
        redrawing.objective.add(RedrawStep(key, bound.factor, raws, inputs, noise_key, redrawing.estimator, str(bound)))
        self.values[bound.target] = Value(key, name, reach)

    def _moves(self, names: Iterable[str]) -> bool:
        """Whether one of the formula's variables is drawn again."""
        return self.redrawing is not None and not self.redrawing.variables.isdisjoint(names)

    def _key_at(self, name: str, reach: frozenset[str], read: Iterable[str]) -> str:
        """Return the key of a step, which tells a redrawn value from the same draw as a constant."""
        by = f" by {self.redrawing.estimator}" if self.redrawing and self._moves(read) else ""
        return self.key(name + by, reach)

    def _numbered(self, name: str) -> str:
        ordinal = self._ordinals[name]
        self._ordinals[name] += 1
        return f"{name} #{ordinal + 1}" if ordinal else name

    def _kind(self, bound: Bound) -> str:
        family = bound.factor.family
        return family.noise if family is not None else self.graph.players[bound.factor.player].options.noise

    def sampler(self, draw: SamplerDraw) -> None:
        """Add all draws of a call of a sampler: its start, then its sweeps up to the half-step that it ends with."""
        sampler = self.graph.samplers[draw.sampler]
        actual = dict(draw.binding)
        read = tuple((name, actual[name]) for name in sampler.givens)
        call = self._numbered(f"{sampler.name}({self._read(read)})" if read else f"{sampler.name} for {self._batch}")
        inner = ChainBuilder(self.graph, self.section, self.key, repeat=self.repeat, rows=self.rows, samples=self.samples)
        inner.values = {name: self.values[actual[name]] for name in sampler.givens}
        states = _play(inner, sampler, call)
        chosen = [states[-1]] if sampler.after == "end" else states
        for name in sampler.targets:
            self.values[actual[name]] = self._chosen(name, [state[name] for state in chosen], call)

    def _chosen(self, name: str, values: list[Value], call: str) -> Value:
        different = tuple(dict.fromkeys(value.ref for value in values))
        if len(different) == 1:
            return values[0]
        reach = frozenset[str]().union(*(value.reach for value in values))
        made = f"{call} any half-step {name}"
        key = self.key(made, reach)
        refs = tuple(value.ref for value in values)
        self.section.add(ChooseStep(key, refs, f"{call} half-step", self.repeat, f"{name} after any half-step of {call}"))
        return Value(key, made, reach)

    def conditional_name(self, player: str, what: str, givens: tuple[tuple[str, str], ...]) -> str:
        """Return `player(what | given=value)`."""
        return f"{player}({what} | {self._read(givens)})" if givens else f"{player}({what})"

    def _read(self, givens: tuple[tuple[str, str], ...]) -> str:
        return ", ".join(f"{given}={self.values[actual].name}" for given, actual in sorted(givens))

    def inputs(self, givens: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        """Return the givens of a factor with where their values are."""
        return tuple((given, self.values[actual].ref) for given, actual in givens)

    def reach(self, bound: Bound) -> frozenset[str]:
        """Return the players that a factor and its inputs depend on."""
        return self.graph.reach(bound.factor).union(*(self.values[actual].reach for _, actual in bound.givens))

    def raws(self, bound: Bound, owners: frozenset[str], objective: Section | None = None) -> tuple[Raw, ...]:
        """Return where the raw outputs of a factor come from; the owners' are computed in their objective, with gradient."""
        if bound.factor.family is None:
            return ()
        actual = dict(bound.givens)
        raws: list[Raw] = []
        for score in self.graph.flat_scores(bound.factor):
            if isinstance(score, FreeScore) or (isinstance(score, OwnScore) and not actual):
                raws.append(Free(score.player, score.factor))
                continue
            is_moved = score.player in owners or self._moves(self._reads(score, actual))
            section = objective if objective is not None and is_moved else self.section
            raws.append(self._evaluate(section, score, actual))
        return tuple(raws)

    def _reads(self, score: NetworkScore | OwnScore, actual: Mapping[str, str]) -> list[str]:
        """Return the formula's variables that a score reads."""
        player = self.graph.players[score.player]
        reads = player.networks[score.network].inputs if isinstance(score, NetworkScore) else player.factors[score.factor].givens
        return [actual[name] for name in reads]

    def _evaluate(self, section: Section, score: NetworkScore | OwnScore, actual: Mapping[str, str]) -> str:
        if isinstance(score, NetworkScore):
            network = self.graph.players[score.player].networks[score.network]
            source, reads, heads, head, own = score.network, network.inputs, tuple(network.heads), score.head, False
        else:
            factor = self.graph.players[score.player].factors[score.factor]
            source, reads, heads, head, own = score.factor, factor.givens, (factor.target,), factor.target, True
        givens = tuple((name, actual[name]) for name in reads)
        reach = frozenset({score.player}).union(*(self.values[each].reach for _, each in givens))
        key = self._key_at(f"{score.player}.{source}({self._read(givens)})", reach, [each for _, each in givens])
        section.add(EvaluateStep(key, score.player, source, self.inputs(givens), heads, own))
        return f"{key}.{head}"

    def log(self, bound: Bound, owners: frozenset[str], objective: Section, *, by_row: bool = False) -> str:
        """Add the log-likelihood of a factor, as a mean or by row, to the objective of its owners; return its key."""
        return self._log(bound, objective, self.raws(bound, owners, objective), by_row=by_row)

    def weight(self, bound: Bound, owners: frozenset[str], objective: Section) -> str:
        """Add the log-likelihood of a factor, by row and without gradient, if the objective does not have it; return its key.

        One that reads what is redrawn goes to the objective.
        """
        key = self._log_key(bound, by_row=True)
        if key in objective.steps:
            return key
        if self._moves((bound.target, *(actual for _, actual in bound.givens))):
            return self.log(bound, owners, objective, by_row=True)
        return self._log(bound, self.section, self.raws(bound, NOBODY), by_row=True)

    def divergence(self, scored: Bound, drawn: Bound, owners: frozenset[str], objective: Section, *, by_row: bool) -> str:
        """Add the divergence of the factor that a variable was drawn from, from the one that scores it, to the objective; return its key."""
        sides = [self._log_step(each, self.raws(each, owners, objective), by_row=by_row) for each in (drawn, scored)]
        title = f"divergence of {drawn} from {scored}"
        key = self.key(f"divergence of {sides[0].key} from {sides[1].key}", frozenset())
        objective.add(DivergenceStep(key, sides[0], sides[1], title, by_row))
        return key

    def _log(self, bound: Bound, section: Section, raws: tuple[Raw, ...], *, by_row: bool) -> str:
        step = self._log_step(bound, raws, by_row=by_row)
        section.add(step)
        return step.key

    def _log_step(self, bound: Bound, raws: tuple[Raw, ...], *, by_row: bool) -> LogStep:
        key, value = self._log_key(bound, by_row=by_row), self.values[bound.target]
        return LogStep(key, bound.factor, raws, self.inputs(bound.givens), value.ref, f"log {bound}", by_row)

    def _log_key(self, bound: Bound, *, by_row: bool) -> str:
        value = self.values[bound.target]
        name = f"log {self.conditional_name(bound.factor.player, bound.factor.target, bound.givens)} at {value.name}"
        read = (bound.target, *(actual for _, actual in bound.givens))
        return self._key_at(f"{name} by row" if by_row else name, self.reach(bound) | value.reach, read)


def _play(inner: ChainBuilder, sampler: Sampler, call: str) -> list[dict[str, Value]]:
    """Draw the start with all sweeps; return the states after each half-step of the last one, or up to where it ends."""
    for position, draw in enumerate(sampler.start):
        _half_step(inner, draw, f"{call} start.{position}")
    sweeps = sampler.sweeps or 1
    for number in range(1, sweeps):
        for position, draw in enumerate(sampler.sweep):
            _half_step(inner, draw, f"{call} {number}.{position}")
    states = []
    for position, draw in enumerate(sampler.sweep[: sampler.last_half_step + 1]):
        _half_step(inner, draw, f"{call} {sweeps}.{position}")
        states.append(dict(inner.values))
    return states


def _half_step(inner: ChainBuilder, draw: PlayerDraw, place: str) -> None:
    for bound in draw.factors:
        inner.draw(bound, f"{place} {bound.target}")
