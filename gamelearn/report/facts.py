"""The facts that an explanation tells in any of its formats. This file gathers them."""

from collections.abc import Mapping
from dataclasses import dataclass

from gamelearn.game import CheckedSpec
from gamelearn.graph.model import Graph
from gamelearn.report.parameters import PlayerParameters, count_parameters
from gamelearn.report.steps import NumberedPlan, number_steps


@dataclass(frozen=True)
class Facts:
    """A game's graph, its players' parameters, the plan of every stage with numbered steps, and the warnings."""

    graph: Graph
    parameters: Mapping[str, PlayerParameters]
    plans: Mapping[str, NumberedPlan]
    warnings: tuple[str, ...]


def gather(checked: CheckedSpec) -> Facts:
    """Return the facts of a checked spec."""
    graph = checked.graph
    plans = {stage: number_steps(graph, plan) for stage, plan in checked.plans.items()}
    return Facts(graph, count_parameters(graph), plans, tuple(map(str, checked.warnings)))
