"""The commands `figures` and `report`: what they write, what they say of what a game does not have."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from gamelearn.cli.figures import ON_REQUEST, FigureName
from gamelearn.report.figures import make
from gamelearn.report.figures.make import FIGURES

Run = Callable[..., Any]


@pytest.fixture
def trained(run: Run) -> None:
    assert run("train", "small.yaml").exit_code == 0


def test_all_figures_can_be_asked_for_by_name() -> None:
    assert [str(name) for name in FigureName] == list(FIGURES)
    assert {str(name) for name in ON_REQUEST} == make.ON_REQUEST


@pytest.mark.usefixtures("trained")
def test_what_the_game_has_is_drawn_and_what_it_lacks_is_told(run: Run, folder: Path) -> None:
    result = run("figures", "small", "--count", "3", "--sweeps", "2")
    assert result.exit_code == 0
    names = ("reconstructions", "samples", "inpainting")
    assert result.stdout.splitlines() == [f"runs/small/1/figures/{name}.png" for name in names]
    assert result.stderr.startswith("not drawn: transfer: no image can be drawn with the code of another: needed is a factor 'x | s, z'")
    for name in names:
        with Image.open(folder / f"runs/small/1/figures/{name}.png") as image:
            assert image.size[1] > 48


@pytest.mark.usefixtures("trained")
def test_options_reach_the_figure(run: Run, folder: Path) -> None:
    pictures = []
    for number, options in enumerate((("--seed", "1"), ("--seed", "2"), ("--hide", "left"), ("--split", "train"), ("--checkpoint", "4"))):
        where = ("--figure", "inpainting", "--out", f"out{number}", "--count", "2", "--sweeps", "1")
        result = run("figures", "runs/small/1", *where, *options)
        assert (result.exit_code, result.stdout) == (0, f"out{number}/inpainting.png\n"), result.output
        pictures.append((folder / f"out{number}/inpainting.png").read_bytes())
    assert len(set(pictures)) == 5


@pytest.mark.usefixtures("trained")
def test_an_embedding_is_drawn_on_request_and_then_reported(run: Run, folder: Path) -> None:
    embedding = ("--figure", "tsne", "--points", "20", "--perplexity", "5", "--sweeps", "1", "--variable", "z")
    result = run("figures", "small", *embedding)
    assert (result.exit_code, result.stdout) == (0, "runs/small/1/figures/tsne.png\n"), result.output
    first = (folder / "runs/small/1/figures/tsne.png").read_bytes()
    for other in (("--points", "21"), ("--perplexity", "6")):
        assert run("figures", "small", *embedding, *other, "--out", "other").exit_code == 0
        assert (folder / "other/tsne.png").read_bytes() != first
    assert run("report", "small", "--no-figures").exit_code == 0
    assert "tsne.png" in (folder / "runs/small/1/report.html").read_text()


@pytest.mark.usefixtures("trained")
@pytest.mark.parametrize(
    ("options", "message"),
    [
        (("--figure", "transfer"), "not drawn: transfer: no image can be drawn"),
        (("--figure", "samples", "--sampler", "limt"), "unknown sampler 'limt'"),
        (("--hide", "squre:3", "--figure", "inpainting"), "did you mean 'square'?"),
        (("--weights", "ema"), "has no averaged weights"),
        (("--checkpoint", "3"), "it has round-000000004"),
        (
            ("--figure", "transfr"),
            "unknown figure 'transfr'; known: 'transfer', 'reconstructions', 'samples', 'inpainting', 'tsne'; did you mean 'transfer'?",
        ),
        (("--figure", "tsne", "--variable", "x"), "'x' is shown by a stream, it is no code; hidden are 'z'"),
        (("--figure", "tsne", "--points", "5"), "15 codes are too few for a perplexity of 30"),
        (("--split", "tes"), "unknown split 'tes'; known: 'train', 'validation', 'test'; did you mean 'test'?"),
    ],
)
def test_what_is_asked_for_and_cannot_be_drawn_is_an_error(run: Run, options: tuple[str, ...], message: str) -> None:
    result = run("figures", "small", *options)
    assert result.exit_code == 2
    assert message in " ".join(result.stderr.split())


@pytest.mark.usefixtures("trained")
def test_a_report_draws_the_figures_that_are_absent(run: Run, folder: Path) -> None:
    run("figures", "small", "--figure", "samples", "--sweeps", "1", "--count", "1")
    before = (folder / "runs/small/1/figures/samples.png").read_bytes()
    result = run("report", "small")
    assert (result.exit_code, result.stdout) == (0, "runs/small/1/report.html\n"), result.output
    assert (folder / "runs/small/1/figures/samples.png").read_bytes() == before
    page = (folder / "runs/small/1/report.html").read_text()
    for piece in (
        "samples.png",
        "inpainting.png",
        "reconstructions.png",
        "Not drawn: transfer: no image",
        "L_decoder",
        "round-000000004-data-x.png",
    ):
        assert piece in page


def test_a_report_is_written_of_a_run_that_ended_early(run: Run, folder: Path) -> None:
    (folder / "early").mkdir()
    (folder / "early/spec.resolved.yaml").write_text((folder / "small.yaml").read_text())
    result = run("report", "early", "--out", "page/here.html")
    assert (result.exit_code, result.stdout) == (0, "page/here.html\n"), result.output
    page = (folder / "page/here.html").read_text()
    assert "Nothing was logged" in page
    assert "Not drawn: all: there is no checkpoint in early/checkpoints yet" in page
    assert run("report", "early", "--no-figures").exit_code == 0
    assert "gamelearn figures draws them" in (folder / "early/report.html").read_text()
