"""An explanation as plain text, at most 100 columns wide where names allow. This file writes it."""

from collections.abc import Iterable, Iterator, Mapping, Sequence

from gamelearn.graph.model import Factor, FreeScore, Graph, Player, Sampler, Stage, Variable
from gamelearn.report.explain_training import constant_terms, gradient_texts, length_text, optimizer_texts, sample_texts, settings_text
from gamelearn.report.factors import factor_parts, term_factors
from gamelearn.report.facts import Facts
from gamelearn.report.formulas import fill, utility_text
from gamelearn.report.parameters import PlayerParameters
from gamelearn.report.steps import NumberedPlan, NumberedStep

_BETWEEN_FACTORS = r"(?<=;) |(?<=,) (?=\w+\()"


def text_of(facts: Facts, presets: str = "", expanded: Sequence[str] = ()) -> str:
    """Return the whole explanation; `presets` says which of them were taken, `expanded` what became of tables and templates."""
    graph = facts.graph
    sections: list[tuple[str, Iterable[str]]]
    sections = [("Tables and templates", [line for each in expanded for line in fill(each, 2)])] if expanded else []
    sections += [(f"Utilities{_of_stage(graph, stage.name)}", _utilities(graph, stage)) for stage in graph.stages.values()]
    sections += [("Training", _training(graph)), ("Players", _players(facts)), ("Graph", _graph(graph))]
    sections += [(f"Plan of a round{_of_stage(graph, name)}", _plan(plan, graph.stages[name])) for name, plan in facts.plans.items()]
    if graph.samplers:
        sections.append(("Samplers", _samplers(graph)))
    if facts.warnings:
        sections.append(("Warnings", [line for each in facts.warnings for line in fill(each, 2)]))
    parts = [
        "\n".join([graph.name, *(fill(presets, 2) if presets else [])]),
        *("\n".join([title, "-" * len(title), *lines]) for title, lines in sections),
    ]
    return "\n\n".join(parts) + "\n"


def _of_stage(graph: Graph, stage: str) -> str:
    return f", stage {stage!r}" if len(graph.stages) > 1 else ""


def _utilities(graph: Graph, stage: Stage) -> Iterator[str]:
    for number, (player, terms) in enumerate(stage.utilities.items()):
        if number:
            yield ""
        yield from utility_text(player, terms)
        if constant := constant_terms(terms):
            yield from fill(f"  draws of {player} are constants in: {', '.join(constant)}", 4)
        for text in (*sample_texts(terms), *gradient_texts(terms)):
            yield from fill(f"  {text}", 4)
        if derived := [str(term.formula) for term in terms if term.derived]:
            yield "  derived, in the syntax of specs:"
            yield from (line for formula in derived for line in fill(f"    {formula}", 6))
        factors = {str(factor): factor for term in terms for factor in term_factors(term)}
        yield "  where"
        yield from _table([(f"    {name}", str(factor_parts(graph, factor))) for name, factor in factors.items()])


def _table(rows: Sequence[tuple[str, str]], cut: str = " ") -> Iterator[str]:
    """Yield rows of two columns, the second folded below itself at the places that a pattern matches."""
    width = min(max((len(left) for left, _ in rows), default=0), 48) + 2
    for left, right in rows:
        if len(left) + 2 > width:
            yield left
            left = ""
        yield from _fill_after(left.ljust(width), right, cut)


def _fill_after(left: str, right: str, cut: str) -> list[str]:
    lines = fill(" " * len(left) + right, len(left), cut)
    return [left + lines[0][len(left) :], *lines[1:]]


def _training(graph: Graph) -> Iterator[str]:
    for stage in graph.stages.values():
        name = f"{stage.name}: " if len(graph.stages) > 1 else ""
        kept = ", optimizers go on from the stage before" if stage.keep_optimizer else ""
        yield from fill(f"{name}{length_text(stage)}, {settings_text(stage)}{kept}", 2)
        texts = optimizer_texts(stage)
        rows = [(", ".join(player for player in texts if texts[player] == text), text) for text in dict.fromkeys(texts.values())]
        yield from _table([(f"  {players}", text) for players, text in rows])


def _players(facts: Facts) -> Iterator[str]:
    total = sum(each.total for each in facts.parameters.values())
    for name, player in facts.graph.players.items():
        frozen = ", frozen" if player.options.frozen else ""
        kind = "" if player.options.type == "conditional" else f", type {player.options.type!r}"
        yield f"{name}{kind}{frozen}: {_count(facts.parameters[name].total)}"
        rows = [("  owns", "; ".join(player.factors))]
        rows += [(f"  {what}", size) for what, size in _sizes(facts.graph, player, facts.parameters[name])]
        if reached := _reached(facts.graph, player):
            rows.append(("  depends also on", ", ".join(reached)))
        yield from _table(rows)
    yield f"all players: {_count(total)}"


def _count(parameters: int) -> str:
    return f"{parameters:,} parameter{'' if parameters == 1 else 's'}" if parameters else "no parameters"


def _sizes(graph: Graph, player: Player, parameters: PlayerParameters) -> Iterator[tuple[str, str]]:
    for name, size in parameters.networks.items():
        network = graph.players[player.name].networks[name]
        heads = ", ".join(network.heads.values())
        yield name, f"{size:,} ({network.options.net}, {', '.join(network.inputs)} -> {heads})"
    for label, size in parameters.factors.items():
        yield label, f"{size:,} ({_whose(player.factors[label])})"


def _whose(factor: Factor) -> str:
    free = ["free"] if any(isinstance(score, FreeScore) for score in factor.scores) else []
    family = [f"of the family {factor.family.type}"] if factor.family and factor.family.has_parameters else []
    return " and ".join(free + family)


def _reached(graph: Graph, player: Player) -> list[str]:
    return sorted({other for factor in player.factors.values() for other in graph.reach(factor)} - {player.name})


def _graph(graph: Graph) -> Iterator[str]:
    factors = [factor for player in graph.players.values() for factor in player.factors.values()]
    yield from _table([(name, _adjacency(graph, each, factors)) for name, each in graph.variables.items()], _BETWEEN_FACTORS)
    yield from (f"{name} = {', '.join(members)}" for name, members in graph.groups.items())


def _adjacency(graph: Graph, variable: Variable, factors: Sequence[Factor]) -> str:
    classes = f" with {variable.classes} classes" if variable.classes else ""
    shown = [name for name, stream in graph.streams.items() if variable.name in stream.variables]
    drawn = [str(factor) for factor in factors if factor.target == variable.name]
    read = [str(factor) for factor in factors if variable.name in factor.givens]
    parts = [("shown by", shown), ("drawn by", drawn), ("read by", read)]
    links = "; ".join(f"{verb} {', '.join(names)}" for verb, names in parts if names)
    return f"{variable.type}{classes} {variable.shape}; {links}"


def _plan(plan: NumberedPlan, stage: Stage) -> Iterator[str]:
    moves = "all at once" if plan.mode == "parallel" else "one after the other"
    yield f"{plan.mode}: {', '.join(stage.order)} move {moves}" if len(stage.order) > 1 else f"{stage.order[0]} moves"
    yield f"network evaluations per round: {plan.evaluations}, without sharing {plan.evaluations_unshared}"
    labels = _noise_users(plan)
    for phase in plan.phases:
        if phase.completion:
            yield f"complete for {', '.join(player for turn in phase.turns for player in turn.players)}, without gradient"
            yield from _step_lines(phase.completion, labels)
        for turn in phase.turns:
            again = f", turn {turn.repeat + 1} of the round" if turn.repeat else ""
            yield f"move {', '.join(turn.players)}{again}, with {'the gradients of one loss' if len(turn.players) > 1 else 'its gradient'}"
            yield from _step_lines(turn.steps, labels)
            yield from (line for title, logs in turn.terms.items() for line in fill(f"    {title} = {_sum(logs)}", 6))


def _noise_users(plan: NumberedPlan) -> Mapping[str, int]:
    """Return how many draws use each noise."""
    steps = [step for phase in plan.phases for step in phase.completion]
    names = [step.noise for step in steps if step.noise]
    return {name: names.count(name) for name in names}


def _step_lines(steps: Sequence[NumberedStep], noises: Mapping[str, int]) -> Iterator[str]:
    for step in steps:
        shared = f"  (shared by {', '.join(step.terms)})" if len(step.terms) > 1 else ""
        common = f" (in {noises[step.noise]} draws)" if step.noise and noises.get(step.noise, 1) > 1 else ""
        yield from fill(f"    {step}{common}{shared}", 10)


def _sum(logs: Sequence[str]) -> str:
    return " ".join(f"{log[0]} {log[1:]}" for log in logs).removeprefix("+ ")


def _samplers(graph: Graph) -> Iterator[str]:
    for sampler in graph.samplers.values():
        given = f" given {', '.join(sampler.givens)}" if sampler.givens else ""
        sweeps = f", {sampler.sweeps} sweep{'s' if sampler.sweeps > 1 else ''} where a utility calls it" if sampler.sweeps else ""
        yield f"{sampler.name}: draws {', '.join(sampler.targets)}{given}{sweeps}"
        chains = [("  start", sampler.start), ("  sweep", sampler.sweep)]
        rows = [(name, ", ".join(str(bound) for draw in chain for bound in draw.factors)) for name, chain in chains]
        rows.append(("  half-steps", ", ".join(map(str, sampler.sweep))))
        yield from _table(rows, _BETWEEN_FACTORS)
        yield from _table([("  result    ", _result(sampler))])


def _result(sampler: Sampler) -> str:
    last = sampler.sweep[sampler.last_half_step]
    if sampler.after == "mixture":
        return "the state after any half-step of the last sweep, each row after one of its own (eq. 10)"
    return f"the state after the {'last ' if sampler.after == 'end' else ''}half-step, a draw from {last}"
