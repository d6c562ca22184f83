"""What a game will do: formulas, factors, players, graph, plan. This file gathers the facts for every format."""

import json
from collections.abc import Callable
from dataclasses import asdict
from typing import Any, Literal

from gamelearn.errors import GamelearnError, quoted
from gamelearn.game import CheckedSpec
from gamelearn.graph.model import Graph, Sampler, Stage
from gamelearn.report.explain_latex import latex_of
from gamelearn.report.explain_text import text_of
from gamelearn.report.explain_training import presets_text, training
from gamelearn.report.factors import factor_parts, term_factors
from gamelearn.report.facts import Facts, gather
from gamelearn.report.formulas import term_text, weights_text
from gamelearn.report.mermaid import mermaid_of
from gamelearn.report.spec_utilities import utilities_yaml

Format = Literal["text", "mermaid", "latex", "json", "yaml"]


def explain(checked: CheckedSpec, form: Format = "text") -> str:
    """Return what a checked spec will do.

    Args:
        checked: from `gamelearn.game.check`.
        form: `text`: all of it, at most 100 columns wide where names allow; `mermaid`: the graph as a flowchart; `latex`:
            the utilities, factors and parameters, for amsmath; `json`: all of it as data; `yaml`: the utilities as a spec says
            them, derived ones included.

    Raises:
        GamelearnError: there is no such format.
    """
    expanded = checked.file.expansion.sentences()
    makers: dict[str, Callable[[Facts], str]] = {
        "text": lambda facts: text_of(facts, presets_text(checked.file.taken, checked.file.presets), expanded),
        "mermaid": lambda facts: mermaid_of(facts.graph),
        "latex": latex_of,
        "json": lambda facts: (
            json.dumps(
                {**explanation(facts), "presets": list(checked.file.taken), "expanded": list(expanded)}, indent=2, ensure_ascii=False
            )
            + "\n"
        ),
        "yaml": lambda facts: utilities_yaml(facts.graph, has_stages=checked.spec.stages is not None),
    }
    if form not in makers:
        raise GamelearnError(f"unknown format {form!r}; known: {quoted(makers)}")
    return makers[form](gather(checked))


def explanation(facts: Facts) -> dict[str, Any]:
    """Return all facts as JSON data."""
    graph = facts.graph
    return {
        "name": graph.name,
        "variables": {name: asdict(each) for name, each in graph.variables.items()},
        "groups": {name: list(members) for name, members in graph.groups.items()},
        "streams": {name: list(stream.variables) for name, stream in graph.streams.items()},
        "stages": [_stage(facts, stage) for stage in graph.stages.values()],
        "players": [_player(facts, name) for name in graph.players],
        "samplers": [_sampler(each) for each in graph.samplers.values()],
        "warnings": list(facts.warnings),
    }


def _stage(facts: Facts, stage: Stage) -> dict[str, Any]:
    utilities = [
        {
            "player": player,
            "terms": [
                {
                    "name": term.name,
                    "weight": term.weight,
                    "constant_draws": term.constant_draws,
                    "samples": term.samples,
                    "weights": weights_text(term),
                    "gradient": str(term.gradient) if term.gradient else None,
                    "derived": term.derived,
                    "written": str(term.formula),
                    "formula": term_text(term),
                    "factors": [str(factor) for factor in term_factors(term)],
                }
                for term in terms
            ],
        }
        for player, terms in stage.utilities.items()
    ]
    return {"name": stage.name, "training": training(stage), "utilities": utilities, "plan": asdict(facts.plans[stage.name])}


def _player(facts: Facts, name: str) -> dict[str, Any]:
    player = facts.graph.players[name]
    parameters = facts.parameters[name]
    return {
        "name": name,
        "type": player.options.type,
        "frozen": player.options.frozen,
        "parameters": asdict(parameters),
        "networks": {each: _network(facts.graph, name, each) for each in player.networks},
        "factors": [asdict(factor_parts(facts.graph, factor)) for factor in player.factors.values()],
    }


def _network(graph: Graph, player: str, name: str) -> dict[str, Any]:
    network = graph.players[player].networks[name]
    return {"net": network.options.net, "inputs": list(network.inputs), "heads": dict(network.heads)}


def _sampler(sampler: Sampler) -> dict[str, Any]:
    return {
        "name": sampler.name,
        "draws": list(sampler.targets),
        "reads": list(sampler.givens),
        "sweeps": sampler.sweeps,
        "start": [str(bound) for draw in sampler.start for bound in draw.factors],
        "sweep": [str(bound) for draw in sampler.sweep for bound in draw.factors],
        "half_steps": list(map(str, sampler.sweep)),
        "after": sampler.after,
        "last": str(sampler.sweep[sampler.last_half_step].factors[-1]),
        "burn_in": sampler.burn_in,
        "thin": sampler.thin,
        "chains": sampler.chains,
    }
