"""One round of a stage as a plan: its turns, what is completed for each, and what is shared between them.

In `parallel` mode all turns see the same completion; in `sequence` mode what depends on a player that has moved is computed
again (rules 13 and 14 of the language). This file makes the plan.
"""

from collections import Counter
from dataclasses import replace

from gamelearn.graph.gradients import closed_forms, common_utilities, redrawn, weighed_draws
from gamelearn.graph.model import Graph, PlayerDraw, SamplerDraw, Stage, StreamDraw, Term
from gamelearn.plan.chain import ChainBuilder, Redrawing, Section
from gamelearn.plan.steps import DEFAULT_ROWS, Phase, Plan, TermPlan, Turn, needs_of, outputs_of


def make_plan(graph: Graph, stage: str, *, share: bool = True, closed: bool = True) -> Plan:
    """Return the plan of a stage's round.

    With `share=False` every term of every player computes all its steps itself; with `closed=False` no divergence takes the place of two logs.
    """
    chosen = graph.stages[stage]
    builder = _RoundBuilder(graph, chosen, share, closed)
    phases = builder.parallel() if chosen.schedule.mode == "parallel" else builder.sequence()
    return Plan(chosen, _with_keep(phases))


class _RoundBuilder:
    """Compiles the terms of a stage turn by turn."""

    def __init__(self, graph: Graph, stage: Stage, share: bool, closed: bool) -> None:
        self.graph, self.stage, self.share, self.closed = graph, stage, share, closed
        self.moves: Counter[str] = Counter()
        self.made = 0

    def parallel(self) -> tuple[Phase, ...]:
        completion = Section()
        groups = common_utilities(self.stage) if self.share else [(player,) for player in self.stage.order]
        turns = tuple(self._turn(players, 0, completion) for players in groups)
        return (Phase(tuple(completion.steps.values()), turns, frozenset()),)

    def sequence(self) -> tuple[Phase, ...]:
        phases, done = [], frozenset[str]()
        for player in self.stage.order:
            completion = Section(done=done)
            turn = self._turn((player,), self.moves[player], completion)
            phases.append(Phase(tuple(completion.steps.values()), (turn,), frozenset()))
            done |= set(completion.steps)
            self.moves[player] += 1
        return tuple(phases)

    def _turn(self, players: tuple[str, ...], repeat: int, completion: Section) -> Turn:
        """Compile the turn of a player, or of players with a common utility."""
        objective, first = Section(), players[0]
        owners = frozenset(players)
        terms = tuple(self._term(term, owners, repeat, completion, objective) for term in self.stage.utilities[first])
        others = tuple(
            Turn(other, repeat, (), tuple(replace(plan, term=term) for plan, term in zip(terms, self.stage.utilities[other], strict=True)))
            for other in players[1:]
        )
        return Turn(first, repeat, tuple(objective.steps.values()), terms, others)

    def _term(self, term: Term, owners: frozenset[str], repeat: int, completion: Section, objective: Section) -> TermPlan:
        """Compile a term: its draws into the completion, its score into the objective."""
        streams = [draw.stream for draw in term.draws if isinstance(draw, StreamDraw)]
        rows = streams[0] if streams else DEFAULT_ROWS
        chain = ChainBuilder(
            self.graph,
            completion,
            lambda name, reach: self._key(name, repeat, reach),
            repeat=repeat,
            rows=rows,
            redrawing=self._redrawing(term, owners, objective),
            samples=term.samples,
        )
        for draw in term.draws:
            match draw:
                case StreamDraw():
                    chain.columns(draw)
                case PlayerDraw():
                    for bound in draw.factors:
                        chain.draw(bound)
                case SamplerDraw():
                    chain.sampler(draw)
        weighed = weighed_draws(self.graph, term, owners)
        by_row = bool(weighed or term.weights)
        logs = self._logs(term, owners, chain, objective, by_row=by_row)
        draws = tuple(chain.log(bound, owners, objective, by_row=True) for bound in weighed)
        weights = tuple((sign, chain.weight(bound, owners, objective)) for sign, bound in term.weights)
        elements = sum(self.graph.variables[bound.factor.target].elements for _, bound in term.score)
        return TermPlan(term, logs, elements, draws, weights, term.is_bound)

    def _logs(
        self, term: Term, owners: frozenset[str], chain: ChainBuilder, objective: Section, *, by_row: bool
    ) -> tuple[tuple[int, str], ...]:
        """Compile the score of a term; a divergence takes the place of the two logs that it is the expectation of."""
        pairs = dict(closed_forms(self.graph, term)) if self.closed else {}
        logs = []
        for place, (sign, bound) in enumerate(term.score):
            if place in pairs:
                drawn = term.score[pairs[place]][1]
                logs.append((-1, chain.divergence(bound, drawn, owners, objective, by_row=by_row)))
            elif place not in pairs.values():
                logs.append((sign, chain.log(bound, owners, objective, by_row=by_row)))
        return tuple(logs)

    def _redrawing(self, term: Term, owners: frozenset[str], objective: Section) -> Redrawing | None:
        """Return what a term's estimator draws again in the objective, if it does."""
        variables = redrawn(self.graph, term, owners)
        return Redrawing(objective, owners, term.gradient, variables) if term.gradient and variables else None

    def _key(self, name: str, repeat: int, reach: frozenset[str]) -> str:
        """Return the key of a step: its name, the repeat, the versions of the players it reaches."""
        if not self.share:
            self.made += 1
            return f"{self.made}:{name}"
        versions = ",".join(f"{player}{self.moves[player]}" for player in sorted(reach) if self.moves[player])
        return name + (f"~{repeat}" if repeat else "") + (f"@{versions}" if versions else "")


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
