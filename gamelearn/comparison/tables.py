"""A comparison as text. This file lays out its tables."""

from collections.abc import Iterator, Sequence

from rich.table import Table

from gamelearn.comparison.compare import Comparison, Row
from gamelearn.comparison.statistics import Cell, Ratio
from gamelearn.metrics.tables import number

_LONGEST = 60
_LONGEST_NAME = 36
_LONGEST_HEAD = 18
_LEAST_NAME = 10
_LEAST_COLUMN = 22
_INDENT = 2
_BORDERS = 3  # a line and a blank on either side
_MOST_DIFFERENCES = 30
_HUNDRED, _MILLION = 100, 1_000_000
_RATIO = "ratio"
_BELOW = "× "


def tables_of(found: Comparison, width: int) -> Iterator[Table]:
    """Yield the tables of the figures, then one of what differs between the columns, if anything does.

    Where the columns do not fit beside each other, ratios stand below the figures; where these do not fit either, a table has as many
    columns as fit, each further one with the baseline once more.

    Args:
        found: the comparison.
        width: of the terminal, in letters.
    """
    everyone = list(range(len(found.groups)))
    if _width(found, everyone, below=False) <= width:
        yield _figures(found, everyone, width, below=False)
    else:
        for chosen in _that_fit(found, width):
            yield _figures(found, chosen, width, below=True)
    if found.differences:
        yield from _differences(found, width)


def _that_fit(found: Comparison, width: int) -> Iterator[list[int]]:
    """Yield the numbers of the groups of each table: the baseline, with as many others as fit beside it, at least one."""
    chosen = [found.baseline]
    for index in range(len(found.groups)):
        if index == found.baseline:
            continue
        if len(chosen) > 1 and _width(found, [*chosen, index], below=True) > width:
            yield sorted(chosen)
            chosen = [found.baseline]
        chosen.append(index)
    yield sorted(chosen)


def _width(found: Comparison, chosen: Sequence[int], *, below: bool) -> int:
    """Return how wide a table of some groups is if only long names are broken."""
    widths = [_name_width(found)]
    for index in chosen:
        head = min(len(found.groups[index].label), _LONGEST_HEAD)
        texts = [cell_text(row.cells[index]) for row in found.rows]
        ratios = [ratio_text(row.ratios[index]) for row in found.rows]
        longest, longest_ratio = (max(map(len, each), default=0) for each in (texts, ratios))
        widths += [max(head, longest, longest_ratio + len(_BELOW))] if below else [max(head, longest)]
        widths += [max(len(_RATIO), longest_ratio)] if not below and index != found.baseline else []
    return sum(widths) + _BORDERS * len(widths) + 1


def _name_width(found: Comparison) -> int:
    names = [*(len(row.name) + _INDENT for row in found.rows), *(len(_head(row)) for row in found.rows)]
    return min(_LONGEST_NAME, max(names, default=0))


def _head(row: Row) -> str:
    return ", ".join(each for each in (row.metric, row.block) if each)


def _figures(found: Comparison, chosen: Sequence[int], width: int, *, below: bool) -> Table:
    title = f"{found.question.split} split, seed {found.question.seed}"
    made = Table(title=title, title_justify="left", min_width=len(title))
    lacking = max(0, _width(found, chosen, below=below) - width)
    made.add_column("figure", overflow="fold", min_width=max(_LEAST_NAME, _name_width(found) - lacking))
    for index in chosen:
        group = found.groups[index]
        ratio = [f"{_BELOW}{_RATIO}"] if below and index != found.baseline and _has_ratios(found, index) else []
        made.add_column("\n".join([group.label, _runs(len(group.entries)), *ratio]), justify="right", overflow="fold")
        if index != found.baseline and not below:
            made.add_column(_RATIO, justify="right", overflow="fold")
    before = None
    for row in found.rows:
        if (head := _head(row)) != before:
            made.add_section()
            made.add_row(head, style="bold")
            before = head
        made.add_row(f"  {row.name}" if row.is_comparable else f"≠ {row.name}", *_cells(row, chosen, found.baseline, below=below))
    return made


def _has_ratios(found: Comparison, index: int) -> bool:
    return any(row.ratios[index] for row in found.rows)


def _runs(count: int) -> str:
    return "1 run" if count == 1 else f"{count} runs"


def _cells(row: Row, chosen: Sequence[int], baseline: int, *, below: bool) -> Iterator[str]:
    for index in chosen:
        cell, ratio = cell_text(row.cells[index]), ratio_text(row.ratios[index])
        if below:
            yield f"{cell}\n{_BELOW}{ratio}" if ratio else cell
            continue
        yield cell
        if index != baseline:
            yield ratio


def cell_text(cell: Cell) -> str:
    """Return a figure: the mean and the spread over runs; of a single run, in brackets, its standard error."""
    if cell.mean is None:
        return "-"
    if cell.spread is not None and cell.spread > 0:
        return f"{number(cell.mean)} ± {_spread_text(cell.spread)}"
    return number(cell.mean) + (f" ({_spread_text(cell.error)})" if cell.error is not None else "")


def _spread_text(spread: float) -> str:
    return f"{spread:.0f}" if _HUNDRED <= spread < _MILLION else f"{spread:.2g}"


def ratio_text(ratio: Ratio | None) -> str:
    """Return a ratio with its spread; nothing where there is none."""
    if ratio is None:
        return ""
    return f"{ratio.value:.3f}" + ("" if not ratio.spread else f" ± {_spread_text(ratio.spread)}")


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
        told = [each.paired for each in ratios if each.spread is not None]
        ways = ["the standard deviation of the ratios of equal seeds"] * any(told) + ["propagated from both spreads"] * (not all(told))
        lines.append(f"the spread of a ratio is {'; where seeds differ, it is '.join(ways)}")
    if any(not row.is_comparable for row in found.rows):
        lines.append("≠: not comparable, see below")
    return lines


def _differences(found: Comparison, width: int) -> Iterator[Table]:
    """Yield what differs: a column for every group, or where these would be too narrow to read, a row for every key and group."""
    made = Table("key", title="what differs", title_justify="left", min_width=len("what differs"))
    listed = found.differences[:_MOST_DIFFERENCES]
    more = [f"and {len(found.differences) - len(listed)} more"] if len(listed) < len(found.differences) else []
    if width < _LEAST_COLUMN * (1 + len(found.groups)):
        for name in ("column", "value"):
            made.add_column(name, overflow="fold")
        for each in listed:
            for index, (group, value) in enumerate(zip(found.groups, each.values, strict=True)):
                made.add_row("" if index else each.key, group.label, _short(value))
            made.add_section()
    else:
        for group in found.groups:
            made.add_column(group.label, overflow="fold")
        for each in listed:
            made.add_row(each.key, *map(_short, each.values))
    for text in more:
        made.add_row(text)
    yield made


def _short(text: str) -> str:
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 2]}.."
