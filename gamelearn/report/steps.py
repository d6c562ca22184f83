"""The plan of a round with its steps numbered, so that each can name its inputs by number.

This file numbers the steps.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from gamelearn.graph.model import Graph
from gamelearn.plan.round import make_plan
from gamelearn.plan.steps import (
    ChooseStep,
    ColumnStep,
    DivergenceStep,
    DrawStep,
    EvaluateStep,
    Free,
    LogStep,
    NoiseStep,
    NoisyStep,
    Plan,
    RedrawStep,
    RepeatStep,
    Step,
    Turn,
    needs_of,
    outputs_of,
)


@dataclass(frozen=True)
class NumberedStep:
    """A step with its number in the round.

    `inputs` are numbers of earlier steps, with a head where the step has several. `noise` names the random numbers of a
    draw: equal names are equal numbers. `terms` are the titles of the terms that use the step.
    """

    number: int
    kind: str
    title: str
    inputs: tuple[str, ...]
    terms: tuple[str, ...]
    noise: str | None = None
    noise_key: str | None = None

    def __str__(self) -> str:
        reads = f" from {', '.join(self.inputs)}" if self.inputs else ""
        noise = f", noise {self.noise}" if self.noise else ""
        return f"[{self.number}] {_VERBS[self.kind]}{self.title}{reads}{noise}"


_VERBS = {
    "column": "take ",
    "repeat": "repeat ",
    "evaluate": "evaluate ",
    "draw": "draw ",
    "choose": "choose ",
    "noise": "take noise ",
    "redraw": "draw with a gradient ",
    "log": "",
    "divergence": "",
}
_KINDS = {
    ColumnStep: "column",
    RepeatStep: "repeat",
    EvaluateStep: "evaluate",
    DrawStep: "draw",
    ChooseStep: "choose",
    NoiseStep: "noise",
    RedrawStep: "redraw",
    LogStep: "log",
    DivergenceStep: "divergence",
}


@dataclass(frozen=True)
class NumberedTurn:
    """The update of a player, or of players with a common utility: the steps of their objective, and their terms as numbers of the logs with their signs."""

    players: tuple[str, ...]
    repeat: int
    steps: tuple[NumberedStep, ...]
    terms: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True)
class NumberedPhase:
    """The steps without gradient, then the turns that use them."""

    completion: tuple[NumberedStep, ...]
    turns: tuple[NumberedTurn, ...]


@dataclass(frozen=True)
class NumberedPlan:
    """One round of a stage, with the network evaluations that it costs with and without sharing."""

    stage: str
    mode: str
    phases: tuple[NumberedPhase, ...]
    evaluations: int
    evaluations_unshared: int


def number_steps(graph: Graph, plan: Plan) -> NumberedPlan:
    """Return a stage's plan with numbered steps, beside what it would cost without sharing."""
    users = _users(plan)
    numbering = _Numbering()
    phases, index = [], 0
    for phase in plan.phases:
        completion = tuple(numbering.step(step, numbering.round, users.get((None, step.key), ())) for step in phase.completion)
        turns = []
        for turn in phase.turns:
            own = dict(numbering.round)
            steps = tuple(numbering.step(step, own, users.get((index, step.key), ())) for step in turn.steps)
            planned = [each for part in turn.parts for each in part.terms]
            terms = {each.term.title: tuple(_signed(sign, own[key]) for sign, key in each.logs) for each in planned}
            turns.append(NumberedTurn(turn.owners, turn.repeat, steps, terms))
            index += 1
        phases.append(NumberedPhase(completion, tuple(turns)))
    unshared = make_plan(graph, plan.stage.name, share=False).evaluations
    return NumberedPlan(plan.stage.name, plan.stage.schedule.mode, tuple(phases), plan.evaluations, unshared)


def _users(plan: Plan) -> dict[tuple[int | None, str], tuple[str, ...]]:
    """Return the titles of the terms that use a step of the completion (None) or of a turn, by its index.

    A turn evaluates its own networks again, with gradient, under the keys of the completion.
    """
    found: dict[tuple[int | None, str], list[str]] = {}
    completed = {ref: step for phase in plan.phases for step in phase.completion for ref in outputs_of(step)}
    for index, turn in enumerate(plan.turns):
        for term in (each for part in turn.parts for each in part.terms):
            for where, key in _used(index, turn, list(term.keys), completed):
                found.setdefault((where, key), []).append(term.term.title)
    return {place: tuple(dict.fromkeys(titles)) for place, titles in found.items()}


def _used(index: int, turn: Turn, refs: list[str], completed: Mapping[str, Step]) -> set[tuple[int | None, str]]:
    own = {ref: step for step in turn.steps for ref in outputs_of(step)}
    pending: list[tuple[bool, str]] = [(True, ref) for ref in refs]
    seen: set[tuple[int | None, str]] = set()
    while pending:
        in_turn, ref = pending.pop()
        here = in_turn and ref in own
        step = own[ref] if here else completed[ref]
        if (place := (index if here else None, step.key)) not in seen:
            seen.add(place)
            pending += [(here, need) for need in needs_of(step)]
    return seen


def _signed(sign: int, number: str) -> str:
    return f"{'+' if sign > 0 else '-'}{number}"


class _Numbering:
    """Counts steps and names their values; `round` holds the values of completions, which later phases see."""

    def __init__(self) -> None:
        self.round: dict[str, str] = {}
        self.noises: dict[str, str] = {}
        self.count = 0

    def step(self, step: Step, known: dict[str, str], terms: tuple[str, ...]) -> NumberedStep:
        self.count += 1
        outputs = outputs_of(step)
        for output in outputs:
            head = output.removeprefix(step.key) if len(outputs) > 1 else ""
            known[output] = f"[{self.count}]{head}"
        noise, noise_key = self._noise(step) if isinstance(step, NoisyStep) else (None, None)
        inputs = tuple(dict.fromkeys(known.get(ref, ref) for ref in _inputs(step)))
        return NumberedStep(self.count, _KINDS[type(step)], _title(step), inputs, terms, noise, noise_key)

    def _noise(self, step: NoisyStep) -> tuple[str, str]:
        key = f"{step.noise}~{step.repeat}" if step.repeat else step.noise
        return self.noises.setdefault(key, f"n{len(self.noises) + 1}"), key


def _title(step: Step) -> str:
    return f"{step.title} by {step.estimator}" if isinstance(step, RedrawStep) else step.title


def _inputs(step: Step) -> Iterable[str]:
    """Yield what a step reads: raw outputs where it has them, else the givens; then the value of a log."""
    if isinstance(step, ColumnStep | RepeatStep | ChooseStep | NoiseStep):
        yield from needs_of(step)
        return
    if isinstance(step, DivergenceStep):
        yield from (ref for side in (step.drawn, step.scored) for ref in _inputs(side) if ref != side.value)
        return
    if isinstance(step, EvaluateStep) or step.factor.family is None:
        yield from (ref for _, ref in step.inputs)
    if not isinstance(step, EvaluateStep):
        yield from (f"free {raw.player}({raw.factor})" if isinstance(raw, Free) else raw for raw in step.raws)
    if isinstance(step, RedrawStep):
        yield step.noise
    if isinstance(step, LogStep):
        yield step.value
