"""The report of a run: one HTML page that holds all that it shows, pictures included.

It is made from the files of the run's folder alone; what is not there is said. This file writes the page.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from string import Template
from typing import Any

from gamelearn.disk import write_whole
from gamelearn.errors import GamelearnError, RunError
from gamelearn.game import CheckedSpec, check
from gamelearn.graph.model import Stage
from gamelearn.metrics.store import read_evaluations
from gamelearn.metrics.tables import number
from gamelearn.report.curves import draw_curves, logged_curves
from gamelearn.report.explain import explain
from gamelearn.report.figures.make import FIGURES
from gamelearn.report.formulas import utility_text
from gamelearn.report.markup import escaped, folded, heading, missing, paragraph, picture, png, preformatted, table
from gamelearn.run_folder import load_plugins_of
from gamelearn.train.checkpoint import list_checkpoints, round_of
from gamelearn.train.metrics_file import read_metrics

_TEMPLATE = Path(__file__).with_name("page.html")
_MEBIBYTE = 2**20
_KINDS = (
    ("utilities", "Utilities", "nats per row", False),
    ("gradient_norms", "Norms of gradients, before clipping", "norm", True),
    ("learning_rates", "Learning rates", "rate", True),
)


class _Folder:
    """The files of a run, as far as they are there."""

    def __init__(self, path: Path, plugins: Iterable[str], untrusted: bool) -> None:
        self.path = path
        self.notices: list[str] = []
        self.rows = read_metrics(path / "metrics.jsonl", self.notices.append) if (path / "metrics.jsonl").is_file() else []
        self.checked: CheckedSpec | None = None
        self.problem = ""
        try:
            load_plugins_of(path, plugins, untrusted=untrusted)
            self.checked = check(path / "spec.resolved.yaml", untrusted=untrusted)
        except GamelearnError as error:
            self.problem = str(error)
        self.environment = _map_in(path / "environment.json")

    @property
    def name(self) -> str:
        """What the run is called: the game, with the last parts of the folder's path."""
        game = f"{self.checked.graph.name}, " if self.checked else ""
        return f"{game}run {'/'.join(self.path.parts[-2:])}"


def write_page(
    run: Path, out: Path, *, reasons: Mapping[str, str] | None = None, plugins: Iterable[str] = (), untrusted: bool = False
) -> Path:
    """Write the report of a run; return the file.

    Args:
        run: the run's folder.
        out: where the page goes; its folder is made if it is missing.
        reasons: why figures were not drawn, by name.
        plugins: files or modules that the spec needs.
        untrusted: whether the run is somebody else's.

    Raises:
        RunError: the page cannot be written.
    """
    folder = _Folder(run, plugins, untrusted)
    sections: dict[str, Callable[[], Iterator[str]]] = {
        "Summary": lambda: _summary(folder),
        "Game": lambda: _game(folder),
        "Training": lambda: _training(folder),
        "Pictures": lambda: _pictures(folder),
        "Figures": lambda: _figures(folder, reasons or {}),
        "Evaluation": lambda: _evaluation(folder),
        "Checkpoints": lambda: _checkpoints(folder),
        "Environment": lambda: _environment(folder),
    }
    made = [f'<section id="{title.lower()}"><h2>{title}</h2>\n{"".join(parts())}</section>' for title, parts in sections.items()]
    links = " ".join(f'<a href="#{title.lower()}">{title}</a>' for title in sections)
    page = Template(_TEMPLATE.read_text(encoding="utf-8")).substitute(title=escaped(folder.name), links=links, sections="\n".join(made))
    return write_whole(out, page)


def _map_in(path: Path) -> dict[str, Any]:
    """Return what a JSON file holds; nothing if it is absent, or damaged."""
    try:
        values = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return values if isinstance(values, dict) else {}


def _summary(folder: _Folder) -> Iterator[str]:
    if not folder.rows:
        yield missing("Nothing was logged: there is no metrics.jsonl, or it is empty.")
        return
    last = folder.rows[-1]
    facts: list[tuple[str, object]] = [("rounds", last["round"]), ("stage", last.get("stage", "")), ("time", _time(last.get("seconds")))]
    facts += [(f"utility of {player}, nats per row", float(value)) for player, value in last.get("utilities", {}).items()]
    taken = folder.environment.get("data_sets") or {}
    facts.append(("data", ", ".join(kind if name == "dataset" else f"{name}: {kind}" for name, kind in taken.items())))
    yield table(facts)


def _time(seconds: Any) -> str:
    if not isinstance(seconds, int | float):
        return ""
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def _game(folder: _Folder) -> Iterator[str]:
    if folder.checked is None:
        yield missing(f"The spec cannot be read: {folder.problem}")
    else:
        for stage in folder.checked.graph.stages.values():
            lines = [line for player, terms in stage.utilities.items() for line in (*utility_text(player, terms), "")]
            yield (heading(f"Stage {stage.name}") if len(folder.checked.graph.stages) > 1 else "") + preformatted("\n".join(lines).rstrip())
        yield folded("players, graph, plan of a round: gamelearn explain", preformatted(explain(folder.checked)))
    for title, name in (("the spec, resolved", "spec.resolved.yaml"), ("the spec as it was written", "spec.yaml")):
        path = folder.path / name
        if path.is_file():
            yield folded(f"{title}: {name}", preformatted(path.read_text(encoding="utf-8", errors="replace")))
        else:
            yield missing(f"There is no {name}.")


def _training(folder: _Folder) -> Iterator[str]:
    if folder.checked:
        yield table(
            [_stage_row(folder, stage) for stage in folder.checked.graph.stages.values()],
            ("stage", "turns of a round", "mode", "rounds", "seconds", "milliseconds per round"),
        )
    yield from map(missing, folder.notices)
    if not folder.rows:
        yield missing("There are no curves: nothing was logged.")
        return
    begins = _begins(folder.rows)
    for kind, title, unit, logarithmic in _KINDS:
        if curves := logged_curves(folder.rows, kind):
            yield picture(draw_curves(curves, unit, stages=begins, logarithmic=logarithmic), "image/svg+xml", title)
    for player in dict.fromkeys(player for row in folder.rows for player in row.get("per_element", {})):
        if curves := logged_curves(folder.rows, "per_element", player):
            title = f"Terms of {player}, unweighted, for each element of what is scored"
            yield picture(draw_curves(curves, "nats per element", stages=begins), "image/svg+xml", title)


def _begins(rows: list[dict[str, Any]]) -> dict[str, int]:
    """Return the first logged round of each stage but the first."""
    first: dict[str, int] = {}
    for row in rows:
        first.setdefault(row.get("stage", ""), row["round"])
    return dict(list(first.items())[1:])


def _stage_row(folder: _Folder, stage: Stage) -> tuple[object, ...]:
    """Return what a stage was: its name, its turns, and how long it took, as far as rounds were logged."""
    ends = [(row.get("stage"), row["round"], row.get("seconds", 0.0)) for row in folder.rows]
    own = [index for index, (name, _, _) in enumerate(ends) if name == stage.name]
    head = (stage.name, ", ".join(stage.order), stage.schedule.mode)
    if not own:
        return (*head, "not played", "", "")
    _, began, start = ends[own[0] - 1] if own[0] else ("", 0, 0.0)
    _, ended, stop = ends[own[-1]]
    return (*head, ended - began, float(stop - start), 1000 * (stop - start) / (ended - began))


def _pictures(folder: _Folder) -> Iterator[str]:
    found = sorted((folder.path / "samples").glob("round-*.png"))
    if not found:
        yield missing("No pictures were drawn while training.")
        return
    newest = max(_prefix(path) for path in found)
    yield paragraph("Drawn while training, the last ones.")
    yield from (png(path) for path in found if _prefix(path) == newest)


def _prefix(path: Path) -> str:
    return "-".join(path.stem.split("-")[:2])


def _figures(folder: _Folder, reasons: Mapping[str, str]) -> Iterator[str]:
    order = list(FIGURES)
    found = sorted((folder.path / "figures").glob("*.png"), key=lambda path: (order.index(path.stem) if path.stem in order else 99, path))
    yield from map(png, found)
    yield from (missing(f"Not drawn: {name}: {reason}") for name, reason in reasons.items())
    if not found and not reasons:
        yield missing("There are none: gamelearn figures draws them.")


def _evaluation(folder: _Folder) -> Iterator[str]:
    try:
        found = read_evaluations(folder.path)
    except RunError as error:
        yield missing(str(error))
        return
    if not found:
        yield missing("It was not evaluated: gamelearn evaluate measures it.")
    for each in found:
        yield heading(f"Round {each.get('round', '?')}, weights {each.get('weights', '?')}")
        for result in each.get("results", ()):
            yield from _result(result)


def _result(result: Mapping[str, Any]) -> Iterator[str]:
    where = f" on {result['split']}" if result.get("split") else ""
    yield heading(f"{result.get('name', '?')}{where}", 4)
    rows = [
        (block["title"], name, number(figure["value"]), number(figure["error"]), figure["count"])
        for block in result.get("blocks", ())
        for name, figure in block["figures"].items()
    ]
    yield table(rows, ("", "figure", "value", "standard error", "count"))
    for block in result.get("blocks", ()):
        if block.get("table"):
            cells = [[cell if isinstance(cell, str) else number(cell) for cell in row] for row in block["table"]["rows"]]
            yield folded(f"{block['title']}, by {block['table']['columns'][0]}", table(cells, block["table"]["columns"]))
    yield from map(paragraph, result.get("notes", ()))


def _checkpoints(folder: _Folder) -> Iterator[str]:
    found = list_checkpoints(folder.path / "checkpoints")
    if not found:
        yield missing("There are none.")
        return
    rows = []
    for path in found:
        with suppress(FileNotFoundError):  # a training may remove it meanwhile
            rows.append((round_of(path), path.name, sum(file.stat().st_size for file in path.iterdir()) / _MEBIBYTE))
    yield table(rows, ("round", "folder", "MiB"))


def _environment(folder: _Folder) -> Iterator[str]:
    yield table(_flat(folder.environment)) if folder.environment else missing("There is no environment.json, or it is damaged.")


def _flat(values: Any, path: str = "") -> Iterator[tuple[str, str]]:
    """Yield the values of nested maps and lists with their dotted paths."""
    if isinstance(values, dict | list) and values:
        for key, value in values.items() if isinstance(values, dict) else enumerate(values, 1):
            yield from _flat(value, f"{path}.{key}" if path else str(key))
    else:
        yield path, "none" if values in (None, [], {}) else str(values)
