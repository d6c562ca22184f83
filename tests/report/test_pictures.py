"""Grids of pictures: sizes, places of the cells, colours, and which variables are images."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from gamelearn.errors import DataError
from gamelearn.graph.model import Variable
from gamelearn.report.pictures import grid, image_variables, palette, save_grid, side_by_side, to_pixels, write_pictures
from gamelearn.sampling import limiting
from tests.support import game_of

IMAGES = """
    name: pictures
    variables:
      x: {type: binary, shape: [1, 8, 8]}
      s: {type: categorical, classes: 4, shape: [8, 8]}
      z: {type: binary, shape: [6]}
    data: {streams: {pairs: [x, s]}}
    players:
      maker: {factors: {z: uniform, x | z: {net: linear}, s | z: {net: linear}}}
      reader:
        factors:
          z | x, s: {net: linear}
    utilities:
      maker: E[pairs(x, s), reader(z | x, s)] log maker(x | z) + log maker(s | z)
      reader: E[maker(x, s, z)] log reader(z | x, s)
    train: {rounds: 1}
    """
THREE = """
    name: three
    variables:
      x: {type: real, shape: [1, 8, 8]}
      s: {type: categorical, classes: 4, shape: [8, 8]}
      z: {type: binary, shape: [6]}
    data: {streams: {pairs: [x, s]}}
    players:
      prior: {factors: {z: uniform}}
      segmenter: {factors: {s | z: {net: linear}, "s | x, z": {net: linear}}}
      painter: {factors: {"x | s, z": {net: linear}}}
      encoder: {factors: {"z | x, s": {net: linear}}}
    samplers:
      limit: {start: "prior(z), segmenter(s | z)", sweep: "painter(x | s, z), segmenter(s | x, z), encoder(z | x, s)"}
      pair: {start: segmenter(s | z), sweep: "painter(x | s, z), segmenter(s | x, z)"}
    utilities:
      segmenter: E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z) + log segmenter(s | z)
      painter: E[pairs(x, s), encoder(z | x, s)] log painter(x | s, z)
      encoder: E[prior(z), segmenter(s | z), painter(x | s, z)] log encoder(z | x, s)
    train: {rounds: 1}
    """
BINARY = Variable("x", "binary", (1, 8, 8))


def test_a_known_sample_lands_in_its_cell() -> None:
    values = torch.zeros(9, 1, 8, 8)
    values[5, 0, 2, 3] = 1.0
    made = grid(to_pixels(values, BINARY))
    side = 8 * 6 + 2  # 8x8 enlarged 6 times, and the gap
    assert made.shape == (3 * side + 2, 3 * side + 2, 3)
    white = np.argwhere((made == 255).all(axis=2))
    assert white.min(axis=0).tolist() == [2 + side + 2 * 6, 2 + 2 * side + 3 * 6]
    assert len(white) == 6 * 6


def test_absent_cells_are_grey() -> None:
    made = grid(to_pixels(torch.zeros(7, 1, 8, 8), BINARY))
    assert (made[-10:, -10:] == 128).all()
    assert (made[2:10, 2:10] == 0).all()


@pytest.mark.parametrize(("side", "cell"), [(8, 48), (28, 56), (64, 64), (100, 100)])
def test_small_images_are_enlarged_by_a_whole_factor(side: int, cell: int) -> None:
    assert grid(to_pixels(torch.zeros(1, side, side), Variable("x", "real", (side, side)))).shape == (cell + 4, cell + 4, 3)


def test_values_become_colours() -> None:
    grey = to_pixels(torch.tensor([[[-1.0, 0.5], [1.0, 2.0]]]), Variable("x", "real", (2, 2)))
    assert grey[0, :, :, 0].tolist() == [[0, 128], [255, 255]]
    colour = torch.zeros(1, 3, 1, 1)
    colour[0, 2] = 1.0
    assert to_pixels(colour, Variable("x", "real", (3, 1, 1))).tolist() == [[[[0, 0, 255]]]]


def test_classes_and_their_probabilities_take_colours_of_the_palette() -> None:
    variable = Variable("s", "categorical", (1, 2), 4)
    colours = palette(4)
    assert np.array_equal(to_pixels(torch.tensor([[[3, 1]]]), variable)[0, 0], colours[[3, 1]])
    sure = torch.nn.functional.one_hot(torch.tensor([[[3, 1]]]), 4).permute(0, 3, 1, 2).float()
    assert np.array_equal(to_pixels(sure, variable)[0, 0], colours[[3, 1]])
    even = to_pixels(torch.full((1, 4, 1, 2), 0.25), variable)
    assert np.abs(even[0, 0, 0] - colours.mean(axis=0)).max() <= 1


def test_the_palette_tells_classes_apart_and_does_not_change_with_their_number() -> None:
    colours = palette(20).astype(int)
    distances = np.abs(colours[:, None] - colours[None]).sum(axis=2)[~np.eye(20, dtype=bool)]
    assert distances.min() > 50
    assert np.array_equal(palette(19), palette(40)[:19])


def test_pairs_stand_side_by_side() -> None:
    made = side_by_side(np.zeros((2, 4, 4, 3), np.uint8), np.full((2, 4, 4, 3), 255, np.uint8))
    assert made.shape == (2, 48, 97, 3)
    assert made[0, 0, :, 0].tolist() == [0] * 48 + [128] + [255] * 48


def test_a_png_holds_the_grid(tmp_path: Path) -> None:
    cells = np.random.default_rng(0).integers(0, 255, (4, 64, 64, 3), dtype=np.uint8)
    path = save_grid(cells, tmp_path / "new" / "grid.png")
    with Image.open(path) as image:
        assert np.array_equal(np.array(image), grid(cells))


class Split:
    """A training split alone."""

    def split(self, stream: str, split: str, *, rows: int):  # type: ignore[no-untyped-def]
        if split != "train":
            raise DataError(f"no rows in {split}")
        yield {"x": torch.ones(10, 1, 8, 8).double(), "s": torch.full((10, 8, 8), 2)}


def test_every_image_variable_gets_its_grids(tmp_path: Path) -> None:
    game = game_of(IMAGES)
    game._streams = Split()  # type: ignore[assignment]
    written = write_pictures(game, tmp_path, 1000, count=9)
    titles = {f"round-000001000-{title}-{name}.png" for title in ("data", "reconstructions", "samples") for name in ("x", "s")}
    assert {path.name for path in written} == titles
    assert {path.name for path in tmp_path.iterdir()} == titles
    with Image.open(tmp_path / "round-000001000-data-s.png") as image:
        assert image.getpixel((4, 4)) == tuple(palette(4)[2])
    with Image.open(tmp_path / "round-000001000-reconstructions-x.png") as image:
        assert image.size == (3 * (2 * 48 + 1 + 6) + 6, 3 * (48 + 6) + 6)
        assert image.getpixel((6, 6)) == (255, 255, 255)
        assert image.getpixel((6 + 48, 6)) == (128, 128, 128)


def test_a_game_without_images_writes_nothing(tmp_path: Path) -> None:
    game = game_of(IMAGES.replace("[1, 8, 8]", "[64]").replace("[8, 8]", "[2, 32]"))
    assert image_variables(game.graph) == {}
    assert write_pictures(game, tmp_path / "none", 0) == []
    assert not (tmp_path / "none").exists()


def test_a_game_in_which_nobody_draws_all_images_shows_the_limit_of_its_chain(tmp_path: Path) -> None:
    game = game_of(THREE)
    game._streams = Split()  # type: ignore[assignment]
    written = write_pictures(game, tmp_path, 5, count=64, seed=3)
    samples = {path.name for path in written if "samples" in path.name}
    assert samples == {"round-000000005-samples-x.png", "round-000000005-samples-s.png"}
    expected = limiting(game, 16, sampler="limit", sweeps=20, seed=3, decide="mean")
    for name in ("x", "s"):
        with Image.open(tmp_path / f"round-000000005-samples-{name}.png") as image:
            assert np.array_equal(np.array(image), grid(to_pixels(expected[name], game.graph.variables[name])))


def test_a_chain_that_has_to_be_given_something_shows_no_samples(tmp_path: Path) -> None:
    text = THREE.replace("      limit: {", "      # {").replace(
        "prior: {factors: {z: uniform}}", "encoder: {factors: {z | x: {net: linear}}}"
    )
    text = text.replace('      encoder: {factors: {"z | x, s": {net: linear}}}\n', "").replace("encoder(z | x, s)", "encoder(z | x)")
    text = text.replace("E[prior(z), segmenter", "E[pairs(x'), encoder(z | x'), segmenter").replace("samplers:", "samplers:  # none fits")
    game = game_of(text)
    game._streams = Split()  # type: ignore[assignment]
    assert {path.name.split("-")[2] for path in write_pictures(game, tmp_path, 5)} == {"data", "reconstructions"}
