"""An explanation as LaTeX, for documents with amsmath and amssymb. This file writes it."""

from collections.abc import Iterator

from gamelearn.graph.model import Factor, FreeScore, Graph, NetworkScore, OwnScore, Score, SharedScore, Stage
from gamelearn.report.explain_training import constant_terms, length_text, optimizer_texts, settings_text
from gamelearn.report.facts import Facts
from gamelearn.report.formulas import factor_latex, latex_name, latex_text, symbol_latex, utility_latex


def latex_of(facts: Facts) -> str:
    """Return the utilities of every stage, the factors, and a table of the players' parameters."""
    graph = facts.graph
    lines = [f"% {graph.name}: needs \\usepackage{{amsmath, amssymb}}"]
    for stage in graph.stages.values():
        rows = " \\\\\n".join(utility_latex(graph, player, terms) for player, terms in stage.utilities.items())
        lines += [
            f"% utilities, stage {stage.name}: {length_text(stage)}, {settings_text(stage)}",
            *_notes(stage),
            r"\begin{align*}",
            rows,
            r"\end{align*}",
        ]
    factors = [factor for player in graph.players.values() for factor in player.factors.values()]
    rows = " \\\\\n".join(_definition(graph, factor) for factor in factors)
    lines += ["% factors: f are networks, theta free parameters", r"\begin{align*}", rows, r"\end{align*}"]
    lines += ["% parameters", r"\begin{tabular}{llr}", "player & network & parameters \\\\", *_table(facts), r"\end{tabular}"]
    return "\n".join(lines) + "\n"


def _notes(stage: Stage) -> Iterator[str]:
    """Yield as comments how a stage is trained, whose terms are derived, and which draws are constants."""
    yield from (f"% {player}: {text}" for player, text in optimizer_texts(stage).items())
    for player, terms in stage.utilities.items():
        if derived := [term.name for term in terms if term.derived]:
            yield f"% {player}: derived: {', '.join(derived)}"
        yield from (f"% {player}: its draws are constants in the term {name}" for name in constant_terms(terms))


def _definition(graph: Graph, factor: Factor) -> str:
    family = latex_name(factor.family.type if factor.family else graph.players[factor.player].options.type)
    parts = [_score(graph, score) for score in factor.scores] or ["0"]
    return rf"{factor_latex(factor)} &= {family}\bigl({symbol_latex(factor.target)};\, {' + '.join(parts)}\bigr)"


def _score(graph: Graph, score: Score) -> str:
    match score:
        case NetworkScore():
            network = graph.players[score.player].networks[score.network]
            inputs = ", ".join(symbol_latex(name) for name in network.inputs)
            head = f".{score.head}" if len(network.heads) > 1 else ""
            return rf"f^{{{latex_name(score.player)}}}_{{{latex_name(score.network + head)}}}({inputs})"
        case FreeScore():
            return rf"\theta^{{{latex_name(score.player)}}}"
        case OwnScore():
            return rf"f^{{{latex_name(score.player)}}}"
        case SharedScore():
            shared = graph.players[score.player].factors[score.factor]
            return " + ".join(_score(graph, each) for each in shared.scores) or "0"


def _table(facts: Facts) -> Iterator[str]:
    for name, parameters in facts.parameters.items():
        for part, size in [*parameters.networks.items(), *parameters.factors.items()]:
            net = facts.graph.players[name].networks[part].options.net if part in parameters.networks else "own"
            yield rf"{latex_text(name)} & {latex_text(part)} ({latex_text(net)}) & {size} \\".replace("|", "$\\mid$")
        yield rf"{latex_text(name)} & total & {parameters.total} \\"
