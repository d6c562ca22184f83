"""A comparison as text. This file lays out its tables."""

from collections.abc import Iterator

from rich.table import Table

from gamelearn.comparison.compare import Comparison, Row
from gamelearn.comparison.statistics import Cell, Ratio
from gamelearn.metrics.tables import number

_LONGEST = 60
_MOST_DIFFERENCES = 30


def tables_of(found: Comparison) -> Iterator[Table]:
    """Yield the table of the figures, then one of what differs between the columns, if anything does."""
    yield _figures(found)
    if found.differences:
        yield _differences(found)


def _figures(found: Comparison) -> Table:
    title = f"{found.question.split} split, seed {found.question.seed}"
    made = Table(title=title, title_justify="left", min_width=len(title))
    made.add_column("figure", overflow="fold")
    for index, group in enumerate(found.groups):
        made.add_column(f"{group.label}\n{_runs(len(group.entries))}", justify="right", overflow="fold")
        if index != found.baseline:
            made.add_column("ratio", justify="right", overflow="fold")
    before = None
    for row in found.rows:
        head = ", ".join(each for each in (row.metric, row.block) if each)
        if head != before:
            made.add_section()
            made.add_row(head, style="bold")
            before = head
        made.add_row(f"  {row.name}" if row.is_comparable else f"≠ {row.name}", *_cells(row, found.baseline))
    return made


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _cells(row: Row, baseline: int) -> Iterator[str]:
    for index, (cell, ratio) in enumerate(zip(row.cells, row.ratios, strict=True)):
        yield cell_text(cell)
        if index != baseline:
            yield ratio_text(ratio)


def cell_text(cell: Cell) -> str:
    """Return a figure: the mean and the spread over runs; of a single run, in brackets, its standard error."""
    if cell.mean is None:
        return "-"
    if cell.spread is not None and cell.spread > 0:
        return f"{number(cell.mean)} ± {cell.spread:.2g}"
    return number(cell.mean) + (f" ({cell.error:.2g})" if cell.error is not None else "")


def ratio_text(ratio: Ratio | None) -> str:
    """Return a ratio with its spread; nothing where there is none."""
    if ratio is None:
        return ""
    return f"{ratio.value:.3f}" + ("" if not ratio.spread else f" ± {ratio.spread:.2g}")


def legend(found: Comparison) -> list[str]:
    """Return what the signs of the table mean, a line each, as far as they occur."""
    cells = [cell for row in found.rows for cell in row.cells]
    ratios = [ratio for row in found.rows for ratio in row.ratios if ratio is not None]
    lines = ["mean ± standard deviation over runs"] if any(cell.spread is not None for cell in cells) else []
    if any(cell.error is not None and cell.mean is not None for cell in cells):
        lines.append("in brackets, of a single run: the standard error over images or samples")
    if ratios:
        lines.append(f"ratio: of the mean to that of {found.groups[found.baseline].label}")
    if any(ratio.spread is not None for ratio in ratios):
        how = "the standard deviation of the ratios of equal seeds" if any(each.paired for each in ratios) else "propagated"
        lines.append(f"the spread of a ratio is {how}")
    if any(not row.is_comparable for row in found.rows):
        lines.append("≠: not comparable, see below")
    return lines


def _differences(found: Comparison) -> Table:
    made = Table("key", title="what differs", title_justify="left", min_width=len("what differs"))
    for group in found.groups:
        made.add_column(group.label)
    for each in found.differences[:_MOST_DIFFERENCES]:
        made.add_row(each.key, *map(_short, each.values))
    if (more := len(found.differences) - _MOST_DIFFERENCES) > 0:
        made.add_row(f"and {more} more", *[""] * len(found.groups))
    return made


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]}.."
