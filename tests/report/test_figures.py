"""Figures of small games: which factors are taken, what stands in which cell, why a game has no such figure."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gamelearn.errors import DataError, EvidenceError, GamelearnError
from gamelearn.game import Game
from gamelearn.inference import infer
from gamelearn.report.figures.figure import Figure, NotSupported, Request, Row
from gamelearn.report.figures.inpainting import draw_inpainting
from gamelearn.report.figures.make import FIGURES, ON_REQUEST, draw_figures
from gamelearn.report.figures.reconstructions import draw_reconstructions
from gamelearn.report.figures.samples import draw_samples
from gamelearn.report.figures.save import save_figure
from gamelearn.report.figures.transfer import draw_transfer, find_transfer
from gamelearn.report.pictures import Pixels, to_pixels
from gamelearn.sampling import limiting, reconstruct
from tests.gibbs.games import decisive
from tests.support import game_of, graph_of

SEGMENTATION = """
    name: seg
    variables:
      x: {type: real, shape: [1, 8, 8]}
      s: {type: categorical, classes: 3, shape: [8, 8]}
      c: {type: categorical, classes: 4}
      z1: {type: binary, shape: [3]}
      z2: {type: binary, shape: [4]}
      z: [z1, z2]
    data: {streams: {images: [x], pairs: [x, s, c]}}
    players:
      prior: {factors: {z1: uniform, z2: uniform}}
      segmenter: {factors: {s | z1: {net: linear}, "s | x, z": {net: linear}}}
      painter: {factors: {"x | s, z2": {net: linear}, c | s: {net: linear}}}
      encoder: {factors: {z1 | s: {net: linear}, "z2 | x, s": {net: linear}}}
    samplers:
      limit:
        start: prior(z), segmenter(s | z1)
        sweep: painter(x | s, z2), segmenter(s | x, z), encoder(z | x, s)
    utilities:
      segmenter:
        - E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z)
        - E[prior(z1), segmenter(s | z1)] log segmenter(s | z1)
      painter:
        - E[pairs(x, s), encoder(z | x, s), segmenter(s' | x, z)] log painter(x | s', z2)
        - E[pairs(x, s), encoder(z | x, s)] log painter(x | s, z2)
        - E[pairs(c, s)] log painter(c | s)
      encoder: E[prior(z), segmenter(s | z1), painter(x | s, z2)] log encoder(z | x, s)
    train: {rounds: 1}
    """
PLAIN = """
    name: plain
    variables:
      x: {type: binary, shape: [8, 8]}
      c: {type: categorical, classes: 10}
      z: {type: binary, shape: [4]}
    data: {streams: {pairs: [x, c]}}
    players:
      decoder: {factors: {z: uniform, "x | c, z": {net: linear}}}
      encoder: {factors: {"z | c, x": {net: linear}}}
    utilities:
      decoder: E[pairs(x, c), encoder(z | x, c)] log decoder(x | c, z)
      encoder: E[pairs(c), decoder(z), decoder(x | z, c)] log encoder(z | x, c)
    train: {rounds: 1}
    """
LABELS = """
    name: labels
    variables:
      x: {type: real, shape: [1, 8, 8]}
      s: {type: categorical, classes: 3, shape: [8, 8]}
      z: {type: binary, shape: [3]}
    data: {streams: {pairs: [x, s]}}
    players:
      prior: {factors: {z: uniform}}
      segmenter: {factors: {"s | x, z": {net: linear}}}
      encoder: {factors: {z | s: {net: linear}}}
    utilities:
      segmenter: E[pairs(x, s), encoder(z | s)] log segmenter(s | x, z)
      encoder: E[pairs(x), prior(z), segmenter(s | x, z)] log encoder(z | s)
    train: {rounds: 1}
    """
PAINTER = """
    name: painter
    variables:
      x: {type: binary, shape: [8, 8]}
      c: {type: categorical, classes: 10}
    data: {streams: {pairs: [x, c]}}
    players:
      painter: {factors: {x | c: {net: linear}}}
    utilities:
      painter: E[pairs(x, c)] log painter(x | c)
    train: {rounds: 1}
    """
ROWS = 6


class Split:
    """Random rows of one split of every stream, in parts of two."""

    def __init__(self, game: Game, split: str = "validation") -> None:
        self.name, self.values = split, {}
        generator = torch.Generator().manual_seed(0)
        for name, each in game.graph.variables.items():
            if each.type == "categorical":
                self.values[name] = torch.randint(0, each.classes or 2, (ROWS, *each.shape), generator=generator)
            else:
                values = torch.rand((ROWS, *each.shape), generator=generator)
                self.values[name] = values.round() if each.type == "binary" else values
        self.streams = game.graph.streams

    def split(self, stream: str, split: str, *, rows: int) -> Iterator[dict[str, torch.Tensor]]:
        if split != self.name:
            raise DataError(f"no rows in {split}")
        for first in range(0, ROWS, 2):
            yield {name: self.values[name][first : first + 2] for name in self.streams[stream].variables}


def with_data(text: str, split: str = "validation") -> Game:
    game = decisive(game_of(text, dtype=torch.float32))
    game._streams = Split(game, split)  # type: ignore[assignment]
    return game


def data(game: Game, name: str) -> torch.Tensor:
    return game._streams.values[name]  # type: ignore[union-attr]


def pixels(game: Game, name: str, values: torch.Tensor) -> Pixels:
    return to_pixels(values, game.graph.variables[name])


def same(row: Row, cells: Pixels) -> bool:
    return len(row.cells) == len(cells) and all(np.array_equal(a, b) for a, b in zip(row.cells, cells, strict=True) if a is not None)


@pytest.fixture(scope="module")
def game() -> Game:
    return with_data(SEGMENTATION)


# Transfer


def test_an_image_is_transferred_rather_than_a_label_map() -> None:
    found = find_transfer(graph_of(SEGMENTATION))
    assert (str(found.image), found.stream, found.shown) == ("painter(x | s, z2)", "pairs", ("s",))
    assert list(map(str, found.code)) == ["encoder(z2 | x, s)"]


def test_a_label_map_is_transferred_where_nothing_else_is() -> None:
    found = find_transfer(graph_of(LABELS))
    assert (str(found.image), found.shown, list(map(str, found.code))) == ("segmenter(s | x, z)", ("x",), ["encoder(z | s)"])


def test_a_cell_has_the_code_of_its_row_and_the_givens_of_its_column() -> None:
    game = with_data(SEGMENTATION)
    with torch.no_grad():
        for parameter in game.players["encoder"].parameters():
            parameter.mul_(1e5)  # so that its draws are known
    figure = draw_transfer(game, Request(count=4, seed=2))
    top, *rows = figure.rows
    assert same(Row("", top.cells[1:]), pixels(game, "s", data(game, "s")[:4]))
    assert top.cells[0] is None
    assert figure.columns == ()
    sources = pixels(game, "x", data(game, "x")[:4])
    raw = game.players["encoder"].distribution("z2 | x, s", {"x": data(game, "x")[:4], "s": data(game, "s")[:4]}, 4).mean()
    code = raw.round()
    assert bool(((raw - code).abs() < 1e-3).all())
    assert len(code.unique(dim=0)) > 1
    for i, row in enumerate(rows):
        assert np.array_equal(row.cells[0], sources[i])  # type: ignore[arg-type]
        for j in range(4):
            given = {"s": data(game, "s")[j : j + 1], "z2": code[i : i + 1].detach()}
            with torch.no_grad():
                mean = game.players["painter"].distribution("x | s, z2", given, 1).mean()
            assert np.abs(row.cells[1 + j].astype(int) - pixels(game, "x", mean)[0]).max() <= 1  # type: ignore[union-attr]
    assert not np.array_equal(rows[0].cells[2], rows[1].cells[1])  # type: ignore[arg-type]
    assert figure.caption.startswith("Mean of painter(x | s, z2): z2 drawn from encoder(z2 | x, s) for the image at the left, s of")


def test_a_single_number_labels_its_column() -> None:
    plain = with_data(PLAIN)
    figure = draw_transfer(plain, Request(count=3))
    assert figure.columns == ("", *(f"c = {value}" for value in data(plain, "c")[:3].tolist()))
    assert len(figure.rows) == 3


def test_codes_of_a_hierarchy_are_drawn_through_their_ancestors() -> None:
    text = PLAIN.replace("z: {type: binary, shape: [4]}", "z: {type: binary, shape: [4]}\n      y: {type: binary, shape: [4]}")
    text = text.replace("z: uniform,", "y: uniform, z | y: {net: linear},").replace('{"z | c, x"', '{y | x: {net: linear}, "z | c, y"')
    text = text.replace("decoder(z)", "decoder(y, z)").replace("encoder(z | x, c)", "encoder(y, z | x, c)")
    found = find_transfer(graph_of(text))
    assert list(map(str, found.code)) == ["encoder(y | x)", "encoder(z | c, y)"]


@pytest.mark.parametrize(
    "change",
    [
        (("x | c, z", "x | z"), ("(x | z, c)", "(x | z)")),  # nothing shown is given
        (("z | c, x", "z | c"), ("encoder(z | x, c)", "encoder(z | c)")),  # the code is not read from the image
    ],
)
def test_a_game_without_such_a_factor_is_told_what_is_needed(change: tuple[tuple[str, str], ...]) -> None:
    text = PLAIN
    for old, new in change:
        text = text.replace(old, new)
    with pytest.raises(NotSupported, match=r"needed is a factor 'x | s, z' of an image .*; factors of images: decoder\(x | "):
        find_transfer(graph_of(text))


# Reconstructions


def test_data_stands_above_what_is_made_of_its_code(game: Game) -> None:
    figure = draw_reconstructions(game, Request(count=5, seed=1, origin="seg, round 7"))
    found = reconstruct(game, 5, split="validation", seed=1)
    assert [row.label for row in figure.rows] == ["x, data", "s, data", "x, mean", "s, drawn"]
    assert same(figure.rows[0], pixels(game, "x", data(game, "x")[:5]))
    assert same(figure.rows[1], pixels(game, "s", data(game, "s")[:5]))
    assert same(figure.rows[2], pixels(game, "x", found["x"].mean))
    assert same(figure.rows[3], pixels(game, "s", found["s"].drawn))
    made = "painter(x | s, z2), segmenter(s | x, z1, z2)"
    assert figure.caption == f"Data, then {made} at codes drawn from the data. From seg, round 7; validation split; seed 1."


def test_a_game_without_a_term_of_data_given_its_code_reconstructs_nothing() -> None:
    with pytest.raises(NotSupported, match="nothing can be reconstructed"):
        draw_reconstructions(with_data(PAINTER), Request())


# Samples


def test_a_column_is_one_joint_draw_of_the_chain(game: Game) -> None:
    figure = draw_samples(game, Request(count=3, sweeps=5, seed=4))
    means, draws = (limiting(game, 3, sampler="limit", sweeps=5, seed=4, decide=decide) for decide in ("mean", "draw"))
    assert [row.label for row in figure.rows] == ["x, mean", "s, drawn"]
    assert same(figure.rows[0], pixels(game, "x", means["x"]))
    assert same(figure.rows[1], pixels(game, "s", draws["s"]))
    assert "after 5 sweeps of the chain 'limit': painter(x | s, z2), segmenter(s | x, z1, z2), encoder(" in figure.caption


def test_a_chain_that_has_to_be_given_something_gives_no_samples() -> None:
    plain = with_data(PLAIN)
    with pytest.raises(NotSupported, match=r"no chain answers this: .* reads 'c'"):
        draw_samples(plain, Request())
    with pytest.raises(EvidenceError, match="unknown sampler 'limt'"):
        draw_samples(plain, Request(sampler="limt"))


# In-painting


def test_the_chain_answers_what_is_hidden_beside_the_truth(game: Game) -> None:
    figure = draw_inpainting(game, Request(count=3, seed=5, hide="left"))
    hide = torch.zeros(8, 8, dtype=torch.bool)
    hide[:, :4] = True
    found = infer(game, {"x": data(game, "x")[:3]}, hide={"x": hide[None]}, want=["s", "c", "x"], seed=5)
    assert [row.label for row in figure.rows] == ["x, a part hidden", "s, inferred", "s, truth", "x, in-painted", "x, truth"]
    truth = pixels(game, "x", data(game, "x")[:3])
    assert same(figure.rows[1], pixels(game, "s", found.decided["s"]))
    assert same(figure.rows[2], pixels(game, "s", data(game, "s")[:3]))
    assert same(figure.rows[3], pixels(game, "x", found.mean["x"]))
    assert same(figure.rows[4], truth)
    for cell, true in zip(figure.rows[0].cells, truth, strict=True):
        assert cell is not None
        assert np.array_equal(cell[:, 4:], true[:, 4:])
        assert set(np.unique(cell[:, :4])) == {112, 160}
    labels = [f"c: {found.decided['c'][row].item()} ({data(game, 'c')[row].item()})" for row in range(3)]
    assert list(figure.columns) == labels
    chains = "the sampler 'automatic', 2 chains of 10 sweeps each, after 4 of burn-in (in brackets: the truth)."
    assert f"x with left hidden: s, c, and the hidden part inferred by {chains}" in figure.caption


def test_the_default_hides_a_square_in_the_middle(game: Game) -> None:
    figure = draw_inpainting(game, Request(count=2, sweeps=1))
    cell, true = figure.rows[0].cells[1], figure.rows[-1].cells[1]
    assert cell is not None
    assert true is not None
    changed = np.argwhere((cell != true).any(axis=2))
    assert (changed.min(axis=0).tolist(), changed.max(axis=0).tolist()) == ([2, 2], [4, 4])
    assert "square:3" in figure.caption


def test_label_maps_can_be_hidden_and_what_nobody_draws_is_given() -> None:
    assert draw_inpainting(with_data(SEGMENTATION), Request(count=1, sweeps=1, hide="s=left")).rows[0].label == "s, a part hidden"
    figure = draw_inpainting(with_data(PLAIN), Request(count=2, sweeps=1))
    chains = "the sampler 'automatic', 2 chains of 1 sweep each, after 4 of burn-in."
    assert f"x with square:3 hidden, c given: the hidden part inferred by {chains}" in figure.caption
    assert figure.columns == ()


@pytest.mark.parametrize(
    ("request_", "error", "message"),
    [
        (Request(hide="y=left"), EvidenceError, "unknown variable 'y'"),
        (Request(hide="c=left"), NotSupported, "'c' is an image that a stream shows and a player draws; images: 'x', 's'"),
        (Request(hide="lft"), EvidenceError, "'lft' is no pattern"),
        (Request(hide="square:9"), EvidenceError, "does not fit"),
        (Request(sampler="limit"), EvidenceError, "does not draw 'c'"),
        (Request(split="test"), DataError, "no rows in test"),
    ],
)
def test_what_cannot_be_hidden_is_told(game: Game, request_: Request, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        draw_inpainting(game, request_)


# All of them


def test_all_figures_are_written_with_their_captions(game: Game, tmp_path: Path) -> None:
    drawn = draw_figures(game, tmp_path / "new", Request(count=2, sweeps=1, hide="square:2"))
    assert drawn.reasons == {}
    assert (
        list(drawn.paths)
        == [name for name in FIGURES if name not in ON_REQUEST]
        == ["transfer", "reconstructions", "samples", "inpainting"]
    )
    for name, path in drawn.paths.items():
        assert path == tmp_path / "new" / f"{name}.png"
        with Image.open(path) as image:
            assert image.size[0] > 2 * 48


def test_training_rows_stand_in_for_absent_validation_rows() -> None:
    for draw in (draw_transfer, draw_reconstructions, draw_inpainting):
        assert "; train split;" in draw(with_data(SEGMENTATION, "train"), Request(count=2, sweeps=1, origin="seg")).caption
    with pytest.raises(DataError):
        draw_transfer(with_data(SEGMENTATION, "train"), Request(split="validation"))


def test_what_a_game_does_not_have_is_told(tmp_path: Path) -> None:
    drawn = draw_figures(with_data(PLAIN.replace("[8, 8]", "[64]")), tmp_path, Request())
    assert drawn.paths == {}
    assert set(drawn.reasons) == set(FIGURES) - ON_REQUEST
    assert all(reason == "no variable of 'plain' is an image; its variables: 'x', 'c', 'z'" for reason in drawn.reasons.values())
    some = draw_figures(with_data(PLAIN), tmp_path, Request(count=1), ["samples", "transfer"])
    assert (list(some.reasons), list(some.paths)) == (["samples"], ["transfer"])
    with pytest.raises(GamelearnError, match="did you mean 'transfer'"):
        draw_figures(with_data(PLAIN), tmp_path, Request(), ["transfr"])


def test_cells_of_other_sizes_and_short_rows_fit_into_one_sheet(tmp_path: Path) -> None:
    red, blue = np.full((64, 64, 3), (255, 0, 0), np.uint8), np.full((16, 16, 3), (0, 0, 255), np.uint8)
    path = save_figure(Figure((Row("a", (red, red)), Row("b", (blue,)), Row("c", (None, red))), "title"), tmp_path / "figure.png")
    with Image.open(path) as image:
        made = np.array(image)
    counts = [int((made == colour).all(axis=2).sum()) for colour in ((255, 0, 0), (0, 0, 255))]
    assert counts == [3 * 64 * 64, 64 * 64]


def test_a_figure_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(GamelearnError, match="cannot write"):
        save_figure(Figure((Row("", (np.zeros((8, 8, 3), np.uint8),)),), ""), tmp_path / "file" / "figure.png")
