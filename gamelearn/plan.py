"""The plan of a round: terms compiled into a flat list of named steps, each computed once where its value is the same.

A step is a column of a batch, an evaluation of a network, a draw from one factor, or the log-likelihood of one factor. Its key
names the factor, its inputs, its ordinal among equal draws of its own chain, the turn's repeat, and the versions of all
players that it reaches; steps with equal keys are one step (rules 13 and 14 of the language). This file makes the plan.
"""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from gamelearn.graph.model import Bound, Factor, FreeScore, Graph, NetworkScore, OwnScore, PlayerDraw, SamplerDraw, Stage, StreamDraw, Term
from gamelearn.options import Mistake

DEFAULT_ROWS = "default"


@dataclass(frozen=True)
class ColumnStep:
    """One variable of a batch of a stream; `ordinal` counts the primes, which stand for other rows."""

    key: str
    stream: str
    variable: str
    ordinal: int
    repeat: int

    @property
    def title(self) -> str:
        return f"{self.variable + chr(39) * self.ordinal} from {self.stream}"


@dataclass(frozen=True)
class EvaluateStep:
    """One evaluation of a network (or of a player's own scores); its outputs are named `key.head`."""

    key: str
    player: str
    network: str
    inputs: tuple[tuple[str, str], ...]
    heads: tuple[str, ...]
    own: bool = False
    """Whether `network` is a factor of a player that computes its own scores."""

    @property
    def title(self) -> str:
        return f"{self.player}.{self.network}"


@dataclass(frozen=True)
class Free:
    """Raw outputs without an input: parameters of a player, or a factor without givens of a player with scores of its own."""

    player: str
    factor: str


Raw = str | Free
"""Where raw outputs come from: the output of an evaluation by its name, or free parameters."""


@dataclass(frozen=True)
class DrawStep:
    """A draw from one factor; `noise` names its random numbers, of kind `kind`; `rows` sizes a draw without inputs."""

    key: str
    factor: Factor
    raws: tuple[Raw, ...]
    inputs: tuple[tuple[str, str], ...]
    noise: str
    kind: str
    repeat: int
    rows: str
    title: str


@dataclass(frozen=True)
class LogStep:
    """The log-likelihood of one factor at a value."""

    key: str
    factor: Factor
    raws: tuple[Raw, ...]
    inputs: tuple[tuple[str, str], ...]
    value: str
    title: str


Step = ColumnStep | EvaluateStep | DrawStep | LogStep


@dataclass(frozen=True)
class TermPlan:
    """A term as signed log-likelihoods, by their keys; `elements` is how many numbers its targets have."""

    term: Term
    logs: tuple[tuple[int, str], ...]
    elements: int


@dataclass(frozen=True)
class Turn:
    """One player's update: the steps of its objective, through which gradients run, and its terms."""

    player: str
    repeat: int
    steps: tuple[Step, ...]
    terms: tuple[TermPlan, ...]


@dataclass(frozen=True)
class Phase:
    """The steps without gradient that a part of the round needs, then the turns that use them."""

    completion: tuple[Step, ...]
    turns: tuple[Turn, ...]
    keep: frozenset[str]
    """The values that later phases of the round use."""


@dataclass(frozen=True)
class Plan:
    """One round of a stage."""

    stage: Stage
    phases: tuple[Phase, ...]

    @property
    def turns(self) -> tuple[Turn, ...]:
        """Every turn of the round, in order."""
        return tuple(turn for phase in self.phases for turn in phase.turns)

    @property
    def repeats(self) -> int:
        """How many batches of each stream a round takes: the most turns of one player."""
        return 1 + max(turn.repeat for turn in self.turns)

    @property
    def evaluations(self) -> int:
        """How many network evaluations a round costs."""
        steps = [step for phase in self.phases for step in phase.completion]
        steps += [step for turn in self.turns for step in turn.steps]
        return sum(isinstance(step, EvaluateStep) for step in steps)


class PlanError(Exception):
    """A term that this version cannot play."""

    def __init__(self, mistakes: Iterable[Mistake]) -> None:
        self.mistakes = tuple(mistakes)
        super().__init__("; ".join(each.what for each in self.mistakes))


def make_plan(graph: Graph, stage: str, *, share: bool = True) -> Plan:
    """Return the plan of a stage's round; with `share=False` every term computes all its steps itself.

    Raises:
        PlanError: a term calls a sampler.
    """
    chosen = graph.stages[stage]
    called = [(term, draw) for terms in chosen.utilities.values() for term in terms for draw in term.draws if isinstance(draw, SamplerDraw)]
    if called:
        what = "the sampler {!r} is checked, but cannot yet be run inside a utility"
        raise PlanError(Mistake(term.path, what.format(draw.sampler), offset=draw.call.offset) for term, draw in called)
    builder = _RoundBuilder(graph, chosen, share)
    phases = builder.parallel() if chosen.schedule.mode == "parallel" else builder.sequence()
    return Plan(chosen, _with_keep(phases))


@dataclass(frozen=True)
class _Value:
    """A value of a chain: where it is, its name without versions, and the players it reaches."""

    ref: str
    name: str
    reach: frozenset[str]


@dataclass
class _Section:
    """Steps in order, by key: the completion of a phase, or the objective of a turn."""

    steps: dict[str, Step] = field(default_factory=dict)
    done: frozenset[str] = frozenset()
    """Keys that earlier phases of the round have computed."""

    def add(self, step: Step) -> None:
        if step.key not in self.done:
            self.steps.setdefault(step.key, step)


class _RoundBuilder:
    """Compiles the terms of a stage turn by turn."""

    def __init__(self, graph: Graph, stage: Stage, share: bool) -> None:
        self.graph, self.stage, self.share = graph, stage, share
        self.moves: Counter[str] = Counter()
        self.made = 0

    def parallel(self) -> tuple[Phase, ...]:
        completion = _Section()
        turns = tuple(self._turn(player, 0, completion) for player in self.stage.order)
        return (Phase(tuple(completion.steps.values()), turns, frozenset()),)

    def sequence(self) -> tuple[Phase, ...]:
        phases, done = [], frozenset[str]()
        for player in self.stage.order:
            completion = _Section(done=done)
            turn = self._turn(player, self.moves[player], completion)
            phases.append(Phase(tuple(completion.steps.values()), (turn,), frozenset()))
            done |= set(completion.steps)
            self.moves[player] += 1
        return tuple(phases)

    def _turn(self, player: str, repeat: int, completion: _Section) -> Turn:
        objective = _Section()
        terms = tuple(_TermBuilder(self, term, repeat, completion, objective).build() for term in self.stage.utilities[player])
        return Turn(player, repeat, tuple(objective.steps.values()), terms)

    def key(self, name: str, repeat: int, reach: frozenset[str]) -> str:
        """Return the key of a step: its name, the repeat, the versions of the players it reaches."""
        if not self.share:
            self.made += 1
            return f"{self.made}:{name}"
        versions = ",".join(f"{player}{self.moves[player]}" for player in sorted(reach) if self.moves[player])
        return name + (f"~{repeat}" if repeat else "") + (f"@{versions}" if versions else "")


class _TermBuilder:
    """Compiles one term: its draws into the completion, its score into the objective."""

    def __init__(self, round_: _RoundBuilder, term: Term, repeat: int, completion: _Section, objective: _Section) -> None:
        self.round, self.graph, self.term, self.repeat = round_, round_.graph, term, repeat
        self.completion, self.objective = completion, objective
        self.values: dict[str, _Value] = {}
        self.ordinals: Counter[str] = Counter()
        streams = [draw.stream for draw in term.draws if isinstance(draw, StreamDraw)]
        self.rows = streams[0] if streams else DEFAULT_ROWS

    def build(self) -> TermPlan:
        for draw in self.term.draws:
            if isinstance(draw, StreamDraw):
                self._columns(draw)
            elif isinstance(draw, PlayerDraw):
                for bound in draw.factors:
                    self._draw(bound)
        logs = tuple((sign, self._log(bound)) for sign, bound in self.term.score)
        elements = sum(self.graph.variables[bound.factor.target].elements for _, bound in self.term.score)
        return TermPlan(self.term, logs, elements)

    def _columns(self, draw: StreamDraw) -> None:
        for variable, actual, ordinal in draw.columns:
            name = f"{draw.stream}.{variable}" + "'" * ordinal
            key = self.round.key(name, self.repeat, frozenset())
            self.completion.add(ColumnStep(key, draw.stream, variable, ordinal, self.repeat))
            self.values[actual] = _Value(key, name, frozenset())

    def _draw(self, bound: Bound) -> None:
        name = self._name(str(bound.factor.player), bound.factor.target, bound.givens)
        if not bound.givens:
            name += f" for {self.rows}"
        ordinal = self.ordinals[name]
        self.ordinals[name] += 1
        name += f" #{ordinal + 1}" if ordinal else ""
        reach = self._reach(bound)
        raws, inputs = self._raws(bound, None), self._inputs(bound.givens)
        key = self.round.key(name, self.repeat, reach)
        self.completion.add(DrawStep(key, bound.factor, raws, inputs, name, self._kind(bound), self.repeat, self.rows, str(bound)))
        self.values[bound.target] = _Value(key, name, reach)

    def _kind(self, bound: Bound) -> str:
        family = bound.factor.family
        return family.noise if family is not None else self.graph.players[bound.factor.player].options.noise

    def _log(self, bound: Bound) -> str:
        value = self.values[bound.target]
        name = f"log {self._name(bound.factor.player, bound.factor.target, bound.givens)} at {value.name}"
        raws, inputs = self._raws(bound, self.objective), self._inputs(bound.givens)
        key = self.round.key(name, self.repeat, self._reach(bound) | value.reach)
        self.objective.add(LogStep(key, bound.factor, raws, inputs, value.ref, f"log {bound}"))
        return key

    def _name(self, player: str, what: str, givens: tuple[tuple[str, str], ...]) -> str:
        return f"{player}({what} | {self._read(givens)})" if givens else f"{player}({what})"

    def _read(self, givens: tuple[tuple[str, str], ...]) -> str:
        return ", ".join(f"{given}={self.values[actual].name}" for given, actual in sorted(givens))

    def _inputs(self, givens: tuple[tuple[str, str], ...]) -> tuple[tuple[str, str], ...]:
        return tuple((given, self.values[actual].ref) for given, actual in givens)

    def _reach(self, bound: Bound) -> frozenset[str]:
        return self.graph.reach(bound.factor).union(*(self.values[actual].reach for _, actual in bound.givens))

    def _raws(self, bound: Bound, objective: _Section | None) -> tuple[Raw, ...]:
        """Return where the raw outputs of a factor come from; the owner's are computed in its objective, with gradient."""
        if bound.factor.family is None:
            return ()
        actual = dict(bound.givens)
        raws: list[Raw] = []
        for score in self.graph.flat_scores(bound.factor):
            if isinstance(score, FreeScore) or (isinstance(score, OwnScore) and not actual):
                raws.append(Free(score.player, score.factor))
                continue
            section = objective if objective is not None and score.player == self.term.player else self.completion
            if isinstance(score, NetworkScore):
                network = self.graph.players[score.player].networks[score.network]
                givens = tuple((name, actual[name]) for name in network.inputs)
                raws.append(self._evaluate(section, score.player, score.network, givens, tuple(network.heads), score.head, own=False))
            else:
                factor = self.graph.players[score.player].factors[score.factor]
                givens = tuple((name, actual[name]) for name in factor.givens)
                raws.append(self._evaluate(section, score.player, score.factor, givens, (factor.target,), factor.target, own=True))
        return tuple(raws)

    def _evaluate(
        self,
        section: _Section,
        player: str,
        source: str,
        givens: tuple[tuple[str, str], ...],
        heads: tuple[str, ...],
        head: str,
        *,
        own: bool,
    ) -> str:
        name = f"{player}.{source}({self._read(givens)})"
        reach = frozenset({player}).union(*(self.values[actual].reach for _, actual in givens))
        key = self.round.key(name, self.repeat, reach)
        section.add(EvaluateStep(key, player, source, self._inputs(givens), heads, own))
        return f"{key}.{head}"


def outputs_of(step: Step) -> tuple[str, ...]:
    """Return the names of the values that a step makes."""
    return tuple(f"{step.key}.{head}" for head in step.heads) if isinstance(step, EvaluateStep) else (step.key,)


def needs_of(step: Step) -> tuple[str, ...]:
    """Return the names of the values that a step reads."""
    if isinstance(step, ColumnStep):
        return ()
    read = tuple(ref for _, ref in step.inputs)
    if isinstance(step, EvaluateStep):
        return read
    raws = tuple(raw for raw in step.raws if isinstance(raw, str))
    return (*read, *raws, step.value) if isinstance(step, LogStep) else (*read, *raws)


def _with_keep(phases: tuple[Phase, ...]) -> tuple[Phase, ...]:
    """Note with each phase which of the values made so far the later ones use."""
    last_use: dict[str, int] = {}
    for index, phase in enumerate(phases):
        for step in (*phase.completion, *(step for turn in phase.turns for step in turn.steps)):
            last_use.update(dict.fromkeys(needs_of(step), index))
    alive: set[str] = set()
    kept = []
    for index, phase in enumerate(phases):
        alive.update(ref for step in phase.completion for ref in outputs_of(step))
        alive = {ref for ref in alive if last_use.get(ref, -1) > index}
        kept.append(replace(phase, keep=frozenset(alive)))
    return tuple(kept)
