"""Diagnostics and errors of an answer, as tables for people. This file lays them out."""

from collections.abc import Iterator, Mapping
from math import isnan

from rich.table import Table

from gamelearn.gibbs.diagnostics import Diagnosis
from gamelearn.metrics.metric import Figure
from gamelearn.metrics.tables import number
from gamelearn.report.inferring import Answer


def tables_of(answer: Answer) -> Iterator[Table]:
    """Yield the table of the diagnostics, then one of the errors if the truth of any variable is known."""
    yield _diagnostics(answer.sampler, answer.diagnostics)
    if answer.errors:
        yield _errors(answer.errors, answer.units)


def _table(title: str, text: tuple[str, ...], numbers: tuple[str, ...]) -> Table:
    made = Table(*text, title=title, title_justify="left", min_width=len(title))
    for name in numbers:
        made.add_column(name, justify="right")
    return made


def _diagnostics(sampler: str, diagnostics: Mapping[str, Diagnosis]) -> Table:
    columns = ("R-hat", "95 %", "effective samples", "5 %", "disagree")
    made = _table(f"chains of {sampler!r}, median over elements", ("variable",), columns)
    for name, each in diagnostics.items():
        hats = (_cell(each.r_hat, ".3f"), _cell(each.r_hat_high, ".3f"))
        made.add_row(name, *hats, f"{each.ess:.0f}", f"{each.ess_low:.0f}", _cell(each.disagreeing, ".0%"))
    return made


def _cell(value: float, form: str) -> str:
    return "-" if isnan(value) else format(value, form)


def _errors(errors: Mapping[str, Mapping[str, Figure]], units: Mapping[str, str]) -> Table:
    made = _table("errors in what was inferred", ("variable", "figure"), ("value", "±"))
    made.caption = "; ".join(f"{name}: {text}" for name, text in units.items()) or None
    for name, figures in errors.items():
        for index, (title, figure) in enumerate(figures.items()):
            spread = "" if figure.error is None else f"{figure.error:.2g}"
            made.add_row(name if index == 0 else "", title, number(figure.value), spread)
    return made
