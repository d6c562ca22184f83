"""The command `check`. This file finds the mistakes of specs without reading data or training."""

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from gamelearn.cli.guard import echo, say
from gamelearn.cli.options import Plugins, Preset, TableFormat, TextOrJson, Untrusted, refuse_unreadable, specs_and_overrides
from gamelearn.errors import GamelearnError, Problem, SpecError

if TYPE_CHECKING:
    from gamelearn.game import CheckedSpec


def check(
    arguments: Annotated[
        list[str],
        typer.Argument(metavar="SPEC", help="Files or names of shipped specs, then values to set in each, such as train.batch=64."),
    ],
    preset: Preset = None,
    plugin: Plugins = None,
    untrusted: Untrusted = False,
    form: TableFormat = TextOrJson.text,
) -> None:
    """Find all mistakes of specs at once, each with its line and column.

    Looks at the data's files, such as the names in a folder and the head of an image, but reads none and trains nothing. Data that is
    absent is a warning. The exit status is 2 if there are mistakes.

    \b
    gamelearn check my_game.yaml
    gamelearn check mnist-lvae train.batch=64 --preset quick
    gamelearn check specs/*.yaml --format json
    """
    specs, overrides = specs_and_overrides(arguments)
    if not specs:
        raise GamelearnError("name a spec to check")
    reports = []
    for spec in specs:
        try:
            refuse_unreadable(spec)
            from gamelearn.game import check as check_spec

            checked = check_spec(spec, preset=preset, overrides=overrides, plugins=plugin or (), untrusted=untrusted, look=True)
        except SpecError as error:
            reports.append({"spec": spec, "ok": False, "problems": [_problem(each) for each in error.problems]})
            if form == TextOrJson.text:
                say(str(error))
        else:
            reports.append(_report(spec, checked))
            if form == TextOrJson.text:
                _say_good(reports[-1], checked)
    if form == TextOrJson.json:
        echo(json.dumps({"specs": reports}, indent=2, ensure_ascii=False))
    if not all(report["ok"] for report in reports):
        raise typer.Exit(2)


def _problem(problem: Problem) -> dict[str, Any]:
    place = problem.position
    return {
        "file": place.file if place else None,
        "line": place.line if place else None,
        "column": place.column if place else None,
        "where": problem.where,
        "what": problem.what,
        "suggestion": problem.suggestion,
        "severity": problem.severity,
    }


def _report(spec: str, checked: "CheckedSpec") -> dict[str, Any]:
    from gamelearn.report.parameters import count_parameters
    from gamelearn.report.spec_utilities import derived_terms

    graph = checked.graph
    return {
        "spec": spec,
        "ok": True,
        "problems": [_problem(each) for each in checked.warnings],
        "name": graph.name,
        "variables": len(graph.variables),
        "players": len(graph.players),
        "parameters": sum(each.total for each in count_parameters(graph).values()),
        "stages": len(graph.stages),
        "expanded": list(checked.file.expansion.sentences()),
        "derived": derived_terms(graph),
    }


def _say_good(report: dict[str, Any], checked: "CheckedSpec") -> None:
    from gamelearn.report.spec_utilities import derived_lines

    for warning in checked.warnings:
        say(str(warning))
    counts = [_counted(report[f"{thing}s"], thing) for thing in ("variable", "player", "parameter", "stage")]
    for line in (*report["expanded"], *derived_lines(checked.graph)):
        echo(line)
    echo(f"{checked.file.path}: good: {', '.join(counts)}")


def _counted(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"
