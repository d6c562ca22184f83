"""Tables of figures. This file lays some out."""

from rich.console import Console

from gamelearn.metrics.evaluation import Evaluation
from gamelearn.metrics.metric import Block, Figure, MetricResult, Table
from gamelearn.metrics.tables import number, tables_of


def shown(found: Evaluation) -> str:
    console = Console(width=120)
    with console.capture() as captured:
        for table in tables_of(found):
            console.print(table)
    return captured.get()


def test_every_figure_is_shown_with_its_error_and_count() -> None:
    classes = Table(("class", "IoU"), (("class 0", 0.51239), ("class 1", None)))
    blocks = (Block("complete", {"accuracy": Figure(0.84239, 256, 0.01234)}, classes), Block("hidden", {"ratio": Figure(float("inf"), 3)}))
    text = shown(Evaluation("faces", "segmentation", {}, "validation", 0, 1.0, MetricResult(blocks)))
    rows = [[cell.strip() for cell in line.strip("│").split("│")] for line in text.splitlines() if line.startswith("│")]
    assert rows == [
        ["complete", "accuracy", "0.8424", "0.012", "256"],
        ["hidden", "ratio", "infinite", "", "3"],
        ["class 0", "0.5124"],
        ["class 1", ""],
    ]
    assert [line.rstrip() for line in text.splitlines() if line.startswith("faces")] == [
        "faces on validation",
        "faces on validation, complete",
    ]


def test_numbers() -> None:
    assert [number(value) for value in (None, float("nan"), 3.0, 4096.0, 123456.0, 1e-5, 0.0)] == [
        "", "none", "3", "4096", "123456", "1e-05", "0",
    ]  # fmt: skip
