"""The page of a run: what it shows, that it needs no other file, what it says of what is not there."""

import base64
import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gamelearn.errors import RunError
from gamelearn.report.curves import draw_curves, logged_curves
from gamelearn.report.page import write_page

SPEC = """\
# <script>alert(1)</script>
name: small
variables:
  x: {type: binary, shape: [1, 8, 8]}
  z: {type: binary, shape: [4]}
data:
  dataset: {type: digits, binarize: 0.5}
  streams: {images: [x]}
players:
  decoder: {factors: {z: uniform, x | z: {net: linear}}}
  encoder: {factors: {z | x: {net: linear}}}
stages:
  warm:
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x | z)
  play:
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x | z)
      encoder: E[decoder(x, z)] log encoder(z | x)
    schedule: {order: [encoder, decoder, encoder]}
train: {rounds: 4}
"""
EMPTY_TAGS = {"meta", "img", "br"}


class Page(HTMLParser):
    """A page that was read: its texts, the sources of its images, and whether its tags are closed in order."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.texts: list[str] = []
        self.images: dict[str, bytes] = {}
        self.outside: list[str] = []
        self.tables: list[list[list[str]]] = []
        self.feed(text)
        assert self.open == []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = dict(attrs)
        if tag not in EMPTY_TAGS:
            self.open.append(tag)
        if tag == "img":
            kind, _, data = (values["src"] or "").partition(";base64,")
            assert kind in ("data:image/png", "data:image/svg+xml")
            self.images[values["alt"] or ""] = base64.b64decode(data, validate=True)
        self.outside += [value for name, value in attrs if name in ("href", "src") and value and value[0] != "#" and value[:5] != "data:"]
        if tag == "table":
            self.tables.append([])
        elif tag == "tr":
            self.tables[-1].append([])
        elif tag in ("td", "th"):
            self.tables[-1][-1].append("")

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.open and self.open[-1] in ("td", "th"):
            self.tables[-1][-1][-1] += data

    @property
    def text(self) -> str:
        return " ".join(self.texts)


def row(number: int, stage: str, seconds: float, **utilities: float) -> dict[str, Any]:
    norms = dict.fromkeys(utilities, 1.0)
    per_element = {player: {"0": value / 64} for player, value in utilities.items()}
    values = {"utilities": utilities, "gradient_norms": norms, "learning_rates": norms, "per_element": per_element, "terms": {}}
    return {"round": number, "stage": stage, "seconds": seconds, **values}


EVALUATION = {
    "round": 8,
    "weights": "ema",
    "results": [
        {
            "name": "segmentation",
            "split": "test",
            "blocks": [
                {
                    "title": "complete <images>",
                    "figures": {
                        "accuracy": {"value": 0.84231, "error": 0.01, "count": 100},
                        "ratio": {"value": None, "error": None, "count": 3},
                    },
                    "table": {"columns": ["class", "IoU"], "rows": [["class 0", 0.5], ["class 1", None]]},
                }
            ],
            "notes": ["a note & more"],
        }
    ],
}


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run that has everything."""
    folder = tmp_path / "runs" / "small" / "3"
    for name in ("samples", "figures", "evaluation", "checkpoints/round-000000008"):
        (folder / name).mkdir(parents=True)
    for name in ("spec.yaml", "spec.resolved.yaml"):
        (folder / name).write_text(SPEC)
    rows = [row(1, "warm", 1.0, decoder=-40.0), row(4, "warm", 2.0, decoder=-30.0), row(5, "play", 3.0, decoder=-25.0, encoder=-9.0)]
    rows.append(row(8, "play", 6.0, decoder=-20.5, encoder=-8.25))
    (folder / "metrics.jsonl").write_text("".join(json.dumps(each) + "\n" for each in rows))
    (folder / "environment.json").write_text(
        json.dumps({"versions": {"torch": "<9>"}, "data_sets": {"dataset": "toys"}, "device": "cpu", "preset": None, "overrides": ["a=1"]})
    )
    (folder / "evaluation" / "round-000000008-test.json").write_text(json.dumps(EVALUATION))
    (folder / "checkpoints/round-000000008/state.json").write_bytes(b"0" * 2**19)
    for name in ("samples/round-000000004-samples-x", "samples/round-000000008-samples-x", "figures/transfer"):
        Image.new("RGB", (8, 8), "red").save(folder / f"{name}.png")
    return folder


def page_of(run: Path, **options: Any) -> Page:
    return Page(write_page(run, run / "report.html", **options).read_text(encoding="utf-8"))


def test_a_page_holds_all_that_it_shows(run: Path) -> None:
    page = page_of(run)
    assert page.outside == []
    assert page.images["transfer.png"] == (run / "figures/transfer.png").read_bytes()
    assert "round-000000008-samples-x.png" in page.images
    assert "round-000000004-samples-x.png" not in page.images
    curves = ["Utilities", "Norms of gradients, before clipping", "Learning rates"]
    curves += [f"Terms of {player}, unweighted, for each element of what is scored" for player in ("decoder", "encoder")]
    for name in curves:
        assert page.images[name].startswith(b"<?xml")
    assert len(page.images) == len(curves) + 2


def test_texts_are_escaped(run: Path) -> None:
    written = write_page(run, run / "report.html", reasons={"<b>": "'&"}).read_text()
    assert "<script>" not in written
    assert "<b>" not in written
    page = Page(written)
    assert "# <script>alert(1)</script>" in page.text
    assert "Not drawn: <b>: '&" in page.text
    assert "a note & more" in page.text


def test_the_game_is_shown_as_explained(run: Path) -> None:
    text = page_of(run).text
    assert "L_decoder = E_{images(x)} E_{encoder(z | x)} [ log decoder(x | z) ]" in text
    assert "Stage warm" in text
    assert "Plan of a round, stage 'play'" in text


def test_the_stages_are_told_with_their_turns_and_times(run: Path) -> None:
    page = page_of(run)
    stages = next(each for each in page.tables if each[0][0] == "stage")
    assert stages[1] == ["warm", "decoder", "sequence", "4", "2", "500"]
    assert stages[2] == ["play", "encoder, decoder, encoder", "sequence", "4", "4", "1000"]
    summary = page.tables[0]
    assert summary[0] == ["rounds", "8"]
    assert ["utility of decoder, nats per row", "-20.5"] in summary
    assert ["time", "0 min 6 s"] in summary
    assert ["data", "toys"] in summary


def test_evaluations_are_tables(run: Path) -> None:
    page = page_of(run)
    figures = next(each for each in page.tables if each[0][1:2] == ["figure"])
    assert figures[1] == ["complete <images>", "accuracy", "0.8423", "0.01", "100"]
    assert figures[2] == ["complete <images>", "ratio", "", "", "3"]
    assert [["class", "IoU"], ["class 0", "0.5"], ["class 1", ""]] in page.tables
    assert "Round 8, weights ema" in page.text


def test_checkpoints_and_the_environment_are_told(run: Path) -> None:
    page = page_of(run)
    assert [["round", "folder", "MiB"], ["8", "round-000000008", "0.5"]] in page.tables
    assert [
        ["versions.torch", "<9>"],
        ["data_sets.dataset", "toys"],
        ["device", "cpu"],
        ["preset", "none"],
        ["overrides.1", "a=1"],
    ] in page.tables


def test_what_is_not_there_is_said(tmp_path: Path) -> None:
    (tmp_path / "spec.resolved.yaml").write_text("name: [")
    page = page_of(tmp_path)
    for piece in (
        "Nothing was logged",
        "The spec cannot be read: ",
        "There is no spec.yaml",
        "No pictures were drawn",
        "gamelearn figures draws them",
        "gamelearn evaluate measures it",
        "There are none.",
        "no environment.json",
    ):
        assert piece in page.text, piece
    assert page.images == {}


def test_damaged_files_are_told_where_they_belong(run: Path) -> None:
    (run / "evaluation/round-000000008-test.json").write_text("{")
    (run / "figures/transfer.png").unlink()
    (run / "figures/transfer.png").mkdir()
    text = page_of(run).text
    assert "round-000000008-test.json cannot be read" in text
    assert "transfer.png cannot be read" in text


def test_a_stage_that_was_not_played_is_told(run: Path) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join(lines[:2]))
    stages = next(each for each in page_of(run).tables if each[0][0] == "stage")
    assert stages[2][3:] == ["not played", "", ""]


def test_damaged_lines_are_named_and_the_rest_is_shown(run: Path) -> None:
    lines = (run / "metrics.jsonl").read_text().splitlines(keepends=True)
    (run / "metrics.jsonl").write_text("".join([lines[0], "{\n", *lines[2:]]))
    page = page_of(run)
    assert "metrics.jsonl: line 2 is damaged and left out; 3 logged rounds are sound" in page.text
    assert ["rounds", "8"] in page.tables[0]


def test_a_page_that_cannot_be_written_is_told(run: Path) -> None:
    with pytest.raises(RunError, match="cannot write"):
        write_page(run, run / "spec.yaml" / "report.html")


# Curves


def test_curves_are_the_logged_numbers() -> None:
    rows = [row(1, "a", 0.0, p=-4.0), row(2, "a", 0.0, p=float("nan")), row(3, "a", 0.0, p=-2.0, q=1.0)]
    assert logged_curves(rows, "utilities") == {"p": ([1, 3], [-4.0, -2.0]), "q": ([3], [1.0])}
    assert logged_curves(rows, "per_element", "p") == {"0": ([1, 3], [-4.0 / 64, -2.0 / 64])}
    assert logged_curves(rows, "absent") == {}
    rows.append(row(4, "b", 0.0, p=-64.0))
    assert logged_curves(rows, "per_element", "p") == {"a: 0": ([1, 3], [-4.0 / 64, -2.0 / 64]), "b: 0": ([4], [-1.0])}
    assert logged_curves(rows, "utilities")["p"] == ([1, 3, 4], [-4.0, -2.0, -64.0])


def test_long_curves_keep_few_points_with_the_last() -> None:
    ((rounds, values),) = logged_curves([row(n, "a", 0.0, p=float(n)) for n in range(1, 5004)], "utilities").values()
    assert len(rounds) <= 1000
    assert rounds[-1] == 5003
    assert list(values) == list(rounds)


def test_equal_curves_are_equal_pictures_and_names_are_no_mathematics() -> None:
    curves = {"_a$b$": ([1, 2], [0.5, 1.0]), "c": ([2], [3.0])}
    drawn = [draw_curves(curves, "nats", stages={r"$\frac{$": 1}, logarithmic=logarithmic) for logarithmic in (False, False, True)]
    assert drawn[0] == drawn[1] != drawn[2]
    assert not re.search(rb"(href|src)=\"(?!#)", drawn[0])
