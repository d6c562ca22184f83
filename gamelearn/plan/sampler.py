"""A Gibbs chain as steps, for as many sweeps as are asked for.

Variables that are wholly known are not drawn, and what depends on them alone is evaluated once. This file makes the plan of a chain.
"""

from dataclasses import dataclass, replace

from gamelearn.graph.model import Graph, PlayerDraw, Sampler
from gamelearn.plan.chain import ChainBuilder, Section, Value
from gamelearn.plan.steps import DEFAULT_ROWS, DrawStep, EvaluateStep


@dataclass(frozen=True)
class Move:
    """The draw of one variable, with the evaluations that it needs and the place of its half-step in the sweep.

    `given_part`: whether what is known of the variable goes into its distribution; else its elements are drawn independently.
    """

    variable: str
    evaluations: tuple[EvaluateStep, ...]
    draw: DrawStep
    half_step: int
    given_part: bool


@dataclass(frozen=True)
class SamplerPlan:
    """A chain whose steps read the state by the names of its variables.

    `constants` are evaluated once; `start` and `sweep` are the moves in order.
    """

    sampler: Sampler
    constants: tuple[EvaluateStep, ...]
    start: tuple[Move, ...]
    sweep: tuple[Move, ...]


def plan_sampler(graph: Graph, sampler: Sampler, fixed: frozenset[str] = frozenset()) -> SamplerPlan:
    """Return the plan of a chain, in which the variables of `fixed` are known and not drawn."""
    known = fixed | set(sampler.givens)
    start = _moves(graph, sampler.start, known, "start ", known)
    sweep = _moves(graph, sampler.sweep, known, "", known | set(sampler.targets))
    constants = {each.key: each for move in (*start, *sweep) for each in move.evaluations if _is_constant(each, known)}
    return SamplerPlan(sampler, tuple(constants.values()), *(tuple(_without(move, constants) for move in part) for part in (start, sweep)))


def _moves(graph: Graph, draws: tuple[PlayerDraw, ...], fixed: frozenset[str], prefix: str, there: frozenset[str]) -> list[Move]:
    section = Section()
    chain = ChainBuilder(graph, section, lambda name, reach: name, repeat=0, rows=DEFAULT_ROWS)
    chain.values = {name: Value(name, name, frozenset()) for name in there}
    moves, before = [], 0
    for number, draw in enumerate(draws):
        for bound in draw.factors:
            if bound.target in fixed:
                continue
            chain.draw(bound, f"{prefix}{number} {bound.target}")
            *evaluations, drawn = list(section.steps.values())[before:]
            before = len(section.steps)
            assert isinstance(drawn, DrawStep)
            given_part = graph.players[bound.factor.player].options.has_given
            needed = tuple(each for each in evaluations if isinstance(each, EvaluateStep))
            moves.append(Move(bound.target, needed, drawn, number, given_part))
    return moves


def _is_constant(step: EvaluateStep, known: frozenset[str]) -> bool:
    return all(ref in known for _, ref in step.inputs)


def _without(move: Move, constants: dict[str, EvaluateStep]) -> Move:
    left = tuple(each for each in move.evaluations if each.key not in constants)
    return replace(move, evaluations=left)
