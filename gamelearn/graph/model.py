"""A game as frozen data: variables, factors with the owners of their parameters, resolved terms, stages.

Everything is named; nothing here imports torch, so that a graph can be printed, compared and tested. This file defines what
plans, like players, are built from.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from math import prod

from gamelearn.errors import GamelearnError, nearest, quoted
from gamelearn.options import Mistake, Path
from gamelearn.spec.formula import Call, Formula, conditional
from gamelearn.spec.kinds import EstimatorOptions, FamilyOptions, NetworkOptions, PlayerOptions
from gamelearn.spec.schema import Schedule, Stream, Train


@dataclass(frozen=True)
class Variable:
    """A random variable; `shape` is that of one value, `classes` belongs to categorical ones."""

    name: str
    type: str
    shape: tuple[int, ...]
    classes: int | None = None

    @property
    def elements(self) -> int:
        """How many elements one value has."""
        return prod(self.shape)


@dataclass(frozen=True)
class Network:
    """A network of a player: the variables it reads and its heads, each with the variable whose raw outputs it gives."""

    player: str
    name: str
    options: NetworkOptions
    inputs: tuple[str, ...]
    heads: Mapping[str, str]
    path: Path


@dataclass(frozen=True)
class NetworkScore:
    """Raw outputs from one head of a network."""

    player: str
    network: str
    head: str


@dataclass(frozen=True)
class FreeScore:
    """Raw outputs that are parameters themselves, without an input."""

    player: str
    factor: str


@dataclass(frozen=True)
class OwnScore:
    """Raw outputs that a player type other than the default one computes for its factor."""

    player: str
    factor: str


@dataclass(frozen=True)
class SharedScore:
    """The raw outputs of another factor, of this or another player (eq. 15)."""

    player: str
    factor: str


Score = NetworkScore | FreeScore | OwnScore | SharedScore


@dataclass(frozen=True)
class Factor:
    """One conditional `target | givens` of a player: the sum of its scores, read by its family.

    No scores at all is a raw output of zero. `family` is None for a player type with distributions of its own.
    """

    player: str
    target: str
    givens: tuple[str, ...]
    scores: tuple[Score, ...]
    family: FamilyOptions | None
    path: Path

    @property
    def label(self) -> str:
        """`target | givens`."""
        return conditional((self.target,), self.givens)

    def __str__(self) -> str:
        return f"{self.player}({self.label})"


@dataclass(frozen=True)
class Player:
    """A player with its factors and networks."""

    name: str
    options: PlayerOptions
    factors: Mapping[str, Factor]
    networks: Mapping[str, Network]

    @property
    def has_parameters(self) -> bool:
        """Whether there is anything to learn."""
        return self.options.has_parameters or bool(self.networks) or any(_is_learned(each) for each in self.factors.values())


def _is_learned(factor: Factor) -> bool:
    free = any(isinstance(score, FreeScore) for score in factor.scores)
    return free or (factor.family is not None and factor.family.has_parameters)


@dataclass(frozen=True)
class Bound:
    """A factor whose variables are bound to the variables of a formula, primes included."""

    factor: Factor
    target: str
    givens: tuple[tuple[str, str], ...]
    """Pairs of the factor's given with the formula's variable."""

    def __str__(self) -> str:
        actual = dict(self.givens)
        return f"{self.factor.player}({conditional((self.target,), tuple(actual[name] for name in self.factor.givens))})"


@dataclass(frozen=True)
class StreamDraw:
    """Columns of one batch of a stream: triples of stream variable, formula variable, number of primes."""

    stream: str
    columns: tuple[tuple[str, str, int], ...]

    def __str__(self) -> str:
        return f"{self.stream}({', '.join(actual for _, actual, _ in self.columns)})"


@dataclass(frozen=True)
class PlayerDraw:
    """A draw from a player: its factors in the order in which they are drawn."""

    factors: tuple[Bound, ...]

    def __str__(self) -> str:
        targets = [bound.target for bound in self.factors]
        givens = dict.fromkeys(actual for bound in self.factors for _, actual in bound.givens if actual not in targets)
        return f"{self.factors[0].factor.player}({conditional(tuple(targets), tuple(givens))})"


@dataclass(frozen=True)
class SamplerDraw:
    """A call of a named Gibbs chain; `binding` pairs the chain's variables with the formula's."""

    sampler: str
    call: Call
    binding: tuple[tuple[str, str], ...]


Draw = StreamDraw | PlayerDraw | SamplerDraw


@dataclass(frozen=True)
class Term:
    """One term of a utility, resolved to factors."""

    player: str
    name: str
    weight: float
    formula: Formula
    draws: tuple[Draw, ...]
    score: tuple[tuple[int, Bound], ...]
    path: Path
    constant_draws: bool = False
    """Whether the owner's own draws are meant to be constants of its gradient."""
    gradient: EstimatorOptions | None = None
    """The estimator of the gradient through the draws that depend on the owner; without one they are constants."""
    samples: int = 1
    """How many chains are drawn for each row."""
    weights: tuple[tuple[int, Bound], ...] = ()
    """The signed factors whose softmax over the chains of a row weighs them; without any they count alike."""
    derived: bool = False
    """Whether a rule has given the term, which no utility of the spec holds."""

    @property
    def title(self) -> str:
        """`player.name`, for logs and errors."""
        return f"{self.player}.{self.name}"

    @property
    def is_bound(self) -> bool:
        """Whether the value is the importance-weighted bound, the log of the mean weight: where the weights hold all that is scored."""
        return bool(self.weights) and all(self.score.count(each) <= self.weights.count(each) for each in self.score)


@dataclass(frozen=True)
class Sampler:
    """A named Gibbs chain: what it draws, and what it reads undrawn."""

    name: str
    start: tuple[PlayerDraw, ...]
    sweep: tuple[PlayerDraw, ...]
    sweeps: int | None
    targets: tuple[str, ...]
    givens: tuple[str, ...]
    burn_in: int = 4
    thin: int = 1
    chains: int = 2
    after: str = "end"
    """`end`, `mixture`, or the half-step of the sweep with which the chain ends."""

    @property
    def last_half_step(self) -> int:
        """The place in the sweep of the half-step after which the state is taken (of a mixture, the last one)."""
        names = [str(draw) for draw in self.sweep]
        return names.index(self.after) if self.after in names else len(self.sweep) - 1


@dataclass(frozen=True)
class Stage:
    """A part of the training: the terms of each player that moves in it, the schedule and the training values."""

    name: str
    utilities: Mapping[str, tuple[Term, ...]]
    schedule: Schedule
    train: Train
    keep_optimizer: bool = False

    @property
    def order(self) -> tuple[str, ...]:
        """The turns of a round, in order."""
        return self.schedule.order or tuple(self.utilities)


@dataclass(frozen=True)
class Graph:
    """A whole game, checked."""

    name: str
    variables: Mapping[str, Variable]
    groups: Mapping[str, tuple[str, ...]]
    players: Mapping[str, Player]
    streams: Mapping[str, Stream]
    samplers: Mapping[str, Sampler]
    stages: Mapping[str, Stage]
    warnings: tuple[Mistake, ...] = field(default=(), compare=False)
    data_types: Mapping[str, str] = field(default_factory=dict)
    """The type of the data set that each stream shows, where the spec has one."""

    @cached_property
    def seed(self) -> int:
        """The seed of the first stage, which the parameters begin with."""
        return next(iter(self.stages.values())).train.seed

    def factor(self, player: str, label: str) -> Factor:
        """Return one factor of a player.

        Raises:
            GamelearnError: there is no such player or factor.
        """
        if player not in self.players:
            raise GamelearnError(unknown("player", player, self.players))
        factors = self.players[player].factors
        if label not in factors:
            raise GamelearnError(unknown("factor", label, factors))
        return factors[label]

    def flat_scores(self, factor: Factor) -> tuple[NetworkScore | FreeScore | OwnScore, ...]:
        """Return the scores of a factor with shared ones replaced by what they are made of."""
        found: list[NetworkScore | FreeScore | OwnScore] = []
        for score in factor.scores:
            if isinstance(score, SharedScore):
                found += self.flat_scores(self.players[score.player].factors[score.factor])
            else:
                found.append(score)
        return tuple(found)

    def shared(self, factor: Factor) -> frozenset[tuple[str, str]]:
        """Return the factors whose scores a factor shares, at first or second hand, each by its player and label."""
        sources = {(score.player, score.factor) for score in factor.scores if isinstance(score, SharedScore)}
        return frozenset(sources).union(*(self.shared(self.players[player].factors[label]) for player, label in sources))

    def reach(self, factor: Factor) -> frozenset[str]:
        """Return the players whose parameters a factor depends on."""
        reached = {score.player for score in self.flat_scores(factor)}
        if factor.family is not None and factor.family.has_parameters:
            reached.add(factor.player)
        return frozenset(reached)


def unknown(kind: str, name: str, known: Mapping[str, object]) -> str:
    """Return the message for a name that is not known, with the nearest one."""
    hint = nearest(name, known)
    return f"unknown {kind} {name!r}; known: {quoted(known)}" + (f"; did you mean {hint!r}?" if hint else "")
