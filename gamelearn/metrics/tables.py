"""What was found, as tables for people. This file lays them out."""

from collections.abc import Iterator
from math import isfinite, isinf

from rich.table import Table as RichTable

from gamelearn.metrics.evaluation import Evaluation
from gamelearn.metrics.metric import Block, Figure, Table


def tables_of(found: Evaluation) -> Iterator[RichTable]:
    """Yield one table of all figures, then one for the classes (or other rows) of each block."""
    where = f" on {found.split}" if found.split else ""
    yield _figures(f"{found.name}{where}", found.result.blocks)
    for block in found.result.blocks:
        if block.table and any(len(row) > 1 for row in block.table.rows):
            yield _rows(f"{found.name}{where}, {block.title}", block.table)


def _figures(title: str, blocks: tuple[Block, ...]) -> RichTable:
    made = RichTable("", "figure", title=title, title_justify="left", min_width=len(title))
    for name in ("value", "±", "count"):
        made.add_column(name, justify="right")
    for block in blocks:
        for index, (name, figure) in enumerate(block.figures.items()):
            made.add_row(block.title if index == 0 else "", name, *_cells(figure))
        made.add_section()
    return made


def _cells(figure: Figure) -> tuple[str, str, str]:
    return number(figure.value), "" if figure.error is None else f"{figure.error:.2g}", str(figure.count)


def _rows(title: str, table: Table) -> RichTable:
    made = RichTable(title=title, title_justify="left", min_width=len(title))
    for index, name in enumerate(table.columns):
        made.add_column(name, justify="left" if index == 0 else "right", overflow="fold")
    for row in table.rows:
        made.add_row(*(cell if isinstance(cell, str) else number(cell) for cell in row))
    return made


def number(value: float | None) -> str:
    """Return a number in few digits.

    >>> number(0.84231), number(12.3456), number(256.0), number(None)
    ('0.8423', '12.35', '256', '')
    """
    if value is None:
        return ""
    if isinf(value):
        return "infinite"
    if not isfinite(value):
        return "none"
    return f"{value:.0f}" if value == round(value) and abs(value) >= 10 else f"{value:.4g}"
