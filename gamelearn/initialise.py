"""Where a stage begins: networks that ask for `init: data` are matched to its first batch.

This file finds the values that such networks read first.
"""

from collections.abc import Iterable

from gamelearn.graph.model import Graph
from gamelearn.losses import Runner, Source, Values, complete
from gamelearn.networks.initial import match_spread
from gamelearn.plan.steps import EvaluateStep, Plan
from gamelearn.players.conditional import Conditional


def waiting_networks(graph: Graph, plans: Iterable[Plan], plan: Plan) -> set[tuple[str, str]]:
    """Return the networks with `init: data` that a plan evaluates, and none of the plans before it."""
    asking = {
        (player.name, network.name)
        for player in graph.players.values()
        for network in player.networks.values()
        if network.options.init == "data"
    }
    before = set().union(*(_evaluated(each) for each in plans))
    return asking & _evaluated(plan) - before


def _evaluated(plan: Plan) -> set[tuple[str, str]]:
    steps = [step for phase in plan.phases for step in phase.completion]
    steps += [step for turn in plan.turns for step in turn.steps]
    return {(step.player, step.network) for step in steps if isinstance(step, EvaluateStep) and not step.own}


def initialise_from_data(runner: Runner, plan: Plan, source: Source, waiting: set[tuple[str, str]]) -> set[tuple[str, str]]:
    """Match each waiting network to the values that it is first given in a round (see `match_spread`); return those matched.

    Args:
        runner: the players.
        plan: of the stage that begins.
        source: of its first round.
        waiting: networks by player and name.
    """
    left = set(waiting)
    values: Values = {}
    for phase in plan.phases:
        for step in (*phase.completion, *(step for turn in phase.turns for step in turn.steps)):
            if not left:
                return waiting
            if isinstance(step, EvaluateStep) and (step.player, step.network) in left:
                _match(runner, step, values)
                left.discard((step.player, step.network))
            values = complete(runner, [step], values, source)
    return waiting - left


def _match(runner: Runner, step: EvaluateStep, values: Values) -> None:
    player = runner.players[step.player]
    assert isinstance(player, Conditional)
    match_spread(player.network(step.network), tuple(values[ref] for _, ref in step.inputs))  # type: ignore[arg-type]
