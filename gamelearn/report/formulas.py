"""Utilities as formulas in the paper's notation, as text or as LaTeX.

A term is shown as it was resolved: groups are expanded, and every draw and every log names its single factors. This file
writes the formulas.
"""

import re
from collections.abc import Iterable, Sequence

from gamelearn.graph.model import Bound, Draw, Factor, Graph, PlayerDraw, SamplerDraw, StreamDraw, Term

WIDTH = 100
_LATEX_SPECIAL = str.maketrans({"_": r"\_", "%": r"\%", "&": r"\&", "#": r"\#", "$": r"\$"})


def term_text(term: Term) -> str:
    """Return one term, such as `E_{images(x)} E_{encoder(z | x)} [ log decoder(z) + log decoder(x | z) ]`."""
    weight = "" if term.weight == 1 else f"{term.weight:g} · "
    chain = " ".join(f"E_{{{_draw_text(draw)}}}" for draw in term.draws)
    return f"{weight}{chain} [ {_signed((sign, f'log {bound}') for sign, bound in term.score)} ]"


def weights_text(term: Term) -> str | None:
    """Return the score that weighs the samples of a term; None where they count alike."""
    return _signed((sign, f"log {bound}") for sign, bound in term.weights) or None


def _draw_text(draw: Draw) -> str:
    match draw:
        case StreamDraw():
            return str(draw)
        case PlayerDraw():
            return " ".join(map(str, draw.factors))
        case SamplerDraw():
            return str(draw.call)


def _signed(parts: Iterable[tuple[int, str]], plus: str = " + ", minus: str = " - ") -> str:
    made = ""
    for sign, text in parts:
        made += (minus.lstrip() if sign < 0 and not made else minus if sign < 0 else plus if made else "") + text
    return made


def utility_text(player: str, terms: Sequence[Term]) -> list[str]:
    """Return a player's utility as lines of at most 100 columns (a single longer factor stays whole)."""
    head = f"L_{player} = "
    lines: list[str] = []
    for index, term in enumerate(terms):
        first = head if index == 0 else " " * (len(head) - 2) + "+ "
        lines += _folded(first + term_text(term), indent=len(head))
    return lines


def _folded(text: str, indent: int) -> list[str]:
    """Fold a formula before its bracket, then before the signs, expectations and draws."""
    if len(text) <= WIDTH:
        return [text]
    chain, score = text.split(" [ ", 1)
    return [*fill(chain, indent, r" (?=E_\{|\w+\()"), *fill(" " * indent + "[ " + score, indent + 2, r" (?=[+-] log )")]


def fill(text: str, indent: int, cut: str = " ") -> list[str]:
    """Fold a text to 100 columns at the places that a pattern matches; lines after the first are indented.

    >>> fill("a, b", indent=2)
    ['a, b']
    """
    lead = text[: len(text) - len(text.lstrip())]
    lines = [""]
    for part in re.split(cut, text.strip()):
        line = f"{lines[-1]} {part}" if lines[-1] else (lead if len(lines) == 1 else " " * indent) + part
        if len(line) > WIDTH and lines[-1]:
            lines.append(" " * indent + part)
        else:
            lines[-1] = line
    return lines


def utility_latex(graph: Graph, player: str, terms: Sequence[Term]) -> str:
    """Return a player's utility as rows of a LaTeX `align*` environment."""
    rows = []
    for index, term in enumerate(terms):
        head = rf"L_{{{latex_name(player)}}} &= " if index == 0 else "&\\quad + "
        rows.append(head + _term_latex(graph, term))
    return " \\\\\n".join(rows)


def _term_latex(graph: Graph, term: Term) -> str:
    weight = "" if term.weight == 1 else rf"{term.weight:g} \, "
    chain = "".join(rf"\mathbb{{E}}_{{{_draw_latex(graph, draw)}}}" for draw in term.draws)
    score = _signed((sign, rf"\log {bound_latex(bound)}") for sign, bound in term.score)
    return rf"{weight}{chain} \bigl[ {score} \bigr]"


def _draw_latex(graph: Graph, draw: Draw) -> str:
    match draw:
        case StreamDraw():
            pi = r"\pi" if len(graph.streams) == 1 else rf"\pi_{{{latex_name(draw.stream)}}}"
            return f"{pi}({', '.join(symbol_latex(actual) for _, actual, _ in draw.columns)})"
        case PlayerDraw():
            return r"\,".join(map(bound_latex, draw.factors))
        case SamplerDraw():
            targets, givens = ([symbol_latex(str(each)) for each in side] for side in (draw.call.targets, draw.call.givens))
            return rf"{latex_name(draw.sampler)}({_sides(targets, givens)})"


def bound_latex(bound: Bound) -> str:
    r"""Return a factor with a formula's variables, such as `\mathrm{encoder}(z_{1} \mid z_{0}, x)`."""
    actual = dict(bound.givens)
    givens = [symbol_latex(actual[name]) for name in bound.factor.givens]
    return f"{latex_name(bound.factor.player)}({_sides([symbol_latex(bound.target)], givens)})"


def factor_latex(factor: Factor) -> str:
    """Return a factor with its own variables."""
    return f"{latex_name(factor.player)}({_sides([symbol_latex(factor.target)], [symbol_latex(name) for name in factor.givens])})"


def _sides(targets: Sequence[str], givens: Sequence[str]) -> str:
    left = ", ".join(targets)
    return rf"{left} \mid {', '.join(givens)}" if givens else left


def latex_name(name: str) -> str:
    r"""Return the name of a player, stream or network as LaTeX: `\mathrm{decoder}`."""
    return rf"\mathrm{{{latex_text(name)}}}"


def latex_text(text: str) -> str:
    """Return plain text with LaTeX's special characters escaped."""
    return text.translate(_LATEX_SPECIAL)


def symbol_latex(name: str) -> str:
    r"""Return a variable as LaTeX: its digits become an index, its primes stay.

    >>> print(symbol_latex("z0"), symbol_latex("x'"), symbol_latex("left_eye"))
    z_{0} x' \mathit{left\_eye}
    """
    match = re.fullmatch(r"(\w*?)_?(\d*)('*)", name)
    assert match is not None  # a variable is a word with primes
    stem, index, primes = match.groups()
    letter = stem if len(stem) == 1 and stem.isalpha() else rf"\mathit{{{latex_text(stem)}}}"
    return letter + (f"_{{{index}}}" if index else "") + primes
