"""The plan of a round: terms compiled into a flat list of named steps, each computed once where its value is the same.

A step is a column of a batch, an evaluation of a network, a draw from one factor (in the objective with its gradient, from noise
that the completion made), a choice between states of a chain, or the log-likelihood of one factor. This file defines the steps.
"""

from dataclasses import dataclass

from gamelearn.graph.model import Factor, Stage, Term
from gamelearn.spec.kinds import EstimatorOptions

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
class RepeatStep:
    """Every row of a column as often as there are samples of it, one after the other."""

    key: str
    column: str
    samples: int
    title: str


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
    """A draw from one factor; `noise` names its random numbers, of kind `kind`; `rows` sizes a draw without inputs.

    It is made `samples` times for each of these rows.
    """

    key: str
    factor: Factor
    raws: tuple[Raw, ...]
    inputs: tuple[tuple[str, str], ...]
    noise: str
    kind: str
    repeat: int
    rows: str
    title: str
    samples: int = 1


@dataclass(frozen=True)
class ChooseStep:
    """One of several values for each row, all equally probable: the mixture of a chain's half-steps (eq. 10).

    Steps with one noise choose alike, so that the variables of a row come from one half-step.
    """

    key: str
    choices: tuple[str, ...]
    noise: str
    repeat: int
    title: str
    kind: str = "uniform"


@dataclass(frozen=True)
class NoiseStep:
    """The noise of a draw that is made again in an objective; `by_class` is one number per class of every element."""

    key: str
    variable: str
    noise: str
    kind: str
    repeat: int
    rows: str
    title: str
    by_class: bool = False
    samples: int = 1


@dataclass(frozen=True)
class RedrawStep:
    """A draw with a gradient, by an estimator, from the noise of a `NoiseStep`."""

    key: str
    factor: Factor
    raws: tuple[Raw, ...]
    inputs: tuple[tuple[str, str], ...]
    noise: str
    estimator: EstimatorOptions
    title: str


@dataclass(frozen=True)
class LogStep:
    """The log-likelihood of one factor at a value: its mean over rows, or with `by_row` that of every row."""

    key: str
    factor: Factor
    raws: tuple[Raw, ...]
    inputs: tuple[tuple[str, str], ...]
    value: str
    title: str
    by_row: bool = False


@dataclass(frozen=True)
class DivergenceStep:
    """The Kullback-Leibler divergence of the distribution that a value was drawn from, from the one that it is scored by.

    It stands for the expectation of the difference of the two log-likelihoods.
    """

    key: str
    drawn: LogStep
    scored: LogStep
    title: str
    by_row: bool = False


Step = ColumnStep | RepeatStep | EvaluateStep | DrawStep | ChooseStep | NoiseStep | RedrawStep | LogStep | DivergenceStep
NoisyStep = DrawStep | ChooseStep | NoiseStep
"""The steps that take noise."""


@dataclass(frozen=True)
class TermPlan:
    """A term as signed log-likelihoods, by their keys; `elements` is how many numbers its targets have.

    `draws` are the log-likelihoods of the draws that a score-function estimator weighs, `weights` the signed ones whose softmax
    weighs the samples of a row, `is_bound` is that of the term, which a compiled loss cannot ask.
    """

    term: Term
    logs: tuple[tuple[int, str], ...]
    elements: int
    draws: tuple[str, ...] = ()
    weights: tuple[tuple[int, str], ...] = ()
    is_bound: bool = False

    @property
    def keys(self) -> tuple[str, ...]:
        """The steps that the term reads."""
        return (*(key for _, key in (*self.logs, *self.weights)), *self.draws)


@dataclass(frozen=True)
class Turn:
    """One player's update: the steps of its objective, through which gradients run, and its terms.

    Players with a common utility have their gradients from one objective: `others` are their turns, which have no steps of their own.
    """

    player: str
    repeat: int
    steps: tuple[Step, ...]
    terms: tuple[TermPlan, ...]
    others: tuple["Turn", ...] = ()

    @property
    def parts(self) -> tuple["Turn", ...]:
        """The turn of each player that moves by this objective."""
        return (self, *self.others)

    @property
    def owners(self) -> tuple[str, ...]:
        """The players that move by this objective."""
        return tuple(part.player for part in self.parts)


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


def outputs_of(step: Step) -> tuple[str, ...]:
    """Return the names of the values that a step makes."""
    return tuple(f"{step.key}.{head}" for head in step.heads) if isinstance(step, EvaluateStep) else (step.key,)


def needs_of(step: Step) -> tuple[str, ...]:
    """Return the names of the values that a step reads."""
    if isinstance(step, ColumnStep | NoiseStep):
        return ()
    if isinstance(step, ChooseStep):
        return step.choices
    if isinstance(step, RepeatStep):
        return (step.column,)
    if isinstance(step, DivergenceStep):
        return (*needs_of(step.drawn), *needs_of(step.scored))
    read = tuple(ref for _, ref in step.inputs)
    if isinstance(step, EvaluateStep):
        return read
    raws = tuple(raw for raw in step.raws if isinstance(raw, str))
    if isinstance(step, RedrawStep):
        return (*read, *raws, step.noise)
    return (*read, *raws, step.value) if isinstance(step, LogStep) else (*read, *raws)
