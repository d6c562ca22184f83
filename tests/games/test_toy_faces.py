"""Cartoon faces with their label maps. This file tests what the drawn data promises."""

from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from numpy.typing import NDArray
from pydantic import ValidationError

from gamelearn.data.folder import DataFolder
from gamelearn.options import mistakes_of
from games.segmentation.celebamask_hq import CLASSES
from games.segmentation.toy_faces import ToyFaces, ToyFacesOptions, draw_faces
from games.segmentation.toy_faces_canvas import Canvas, Draws, frame
from games.segmentation.toy_faces_parts import BROW, CLOTH, EYE, GLASSES, HAIR, HAT, LIP, NECK, NOSE, SKIN

ROWS = 240
USED = {0, SKIN, NOSE, GLASSES, EYE, BROW, LIP, HAIR, HAT, NECK, CLOTH}


@cache
def faces() -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
    return draw_faces(ROWS, 64)


@cache
def fractions() -> NDArray[np.float64]:
    """Return `(rows, classes)`, the part of each face's pixels that each class has."""
    return np.stack([(faces()[1] == each).mean((1, 2)) for each in range(19)], 1)


def place(angle: float = 0.0, scale: float = 1.0) -> dict[str, Any]:
    none = np.zeros((1, 1, 1), np.float32)
    return {"u": none, "v": none, "angle": none + np.float32(angle), "scale": none + np.float32(scale)}


def test_a_face_is_the_same_whatever_is_drawn_with_it() -> None:
    images, labels = draw_faces(7, 64, first_row=13)
    assert (images == faces()[0][13:20]).all()
    assert (labels == faces()[1][13:20]).all()


def test_eleven_official_classes_occur() -> None:
    assert set(np.unique(faces()[1]).tolist()) == USED


def test_parts_have_their_share_of_the_pixels() -> None:
    parts = fractions()
    everywhere = [0, SKIN, NOSE, LIP, NECK, HAIR]
    assert bool((parts[:, everywhere] > 0.003).all())
    assert all(parts[parts[:, each] > 0, each].mean() > 0.01 for each in USED)
    head = parts[:, [SKIN, NOSE, GLASSES, EYE, BROW, LIP, HAIR, HAT]].sum(1)
    assert 0.4 < head.mean() < 0.55
    for each in (GLASSES, HAT):
        assert 0.15 < (parts[:, each] > 0).mean() < 0.35


def test_dark_glasses_hide_the_eyes_of_some() -> None:
    hidden = (fractions()[:, GLASSES] > 0) & (fractions()[:, EYE] == 0)
    assert 0.04 < hidden.mean() < 0.2


def test_neither_position_nor_colour_solves_it() -> None:
    images, labels = faces()
    shown, held = slice(0, 200), slice(200, ROWS)
    mode = np.apply_along_axis(lambda each: np.bincount(each, minlength=19).argmax(), 0, labels[shown])
    assert (mode == labels[held]).mean() < 0.7
    colours = (images // 32).astype(np.int64).transpose(1, 0, 2, 3)
    colours = 64 * colours[0] + 8 * colours[1] + colours[2]
    counts = np.zeros((512, 19))
    np.add.at(counts, (colours[shown].ravel(), labels[shown].ravel()), 1)
    assert (counts.argmax(1)[colours[held]] == labels[held]).mean() < 0.65


def test_a_quarter_of_the_backgrounds_looks_like_hair_or_skin() -> None:
    draws = Draws(2000, 0)
    assert 0.22 < (draws.uniform("background alike") < 0.25).mean() < 0.28


@pytest.mark.parametrize("size", [32, 48, 96])
def test_every_size_shows_the_same_faces(size: int) -> None:
    images, labels = draw_faces(8, size)
    assert images.shape == (8, 3, size, size)
    shares = np.stack([(labels == each).mean((1, 2)) for each in range(19)], 1)
    assert np.abs(shares - fractions()[:8]).max() < 0.03


def test_the_seed_divides_the_rows_alone(tmp_path: Path) -> None:
    first, second = (ToyFaces(DataFolder(None, tmp_path), seed, size=32, rows=30, validation=0.2, test=0.1) for seed in (0, 1))
    assert [first.length(split) for split in ("train", "validation", "test")] == [21, 6, 3]
    whole = torch.cat([first.read("s", split, torch.arange(first.length(split))) for split in ("train", "validation", "test")])
    other = torch.cat([second.read("s", split, torch.arange(second.length(split))) for split in ("train", "validation", "test")])
    assert not whole.equal(other)
    assert whole.sum((1, 2)).sort().values.equal(other.sum((1, 2)).sort().values)


def test_images_lie_between_0_and_1(tmp_path: Path) -> None:
    data = ToyFaces(DataFolder(None, tmp_path), 0, size=32, rows=10, validation=0.1, test=0.1)
    values = data.read("x", "train", torch.arange(8))
    assert 0 <= float(values.min()) < 0.1
    assert 0.8 < float(values.max()) <= 1


@pytest.mark.parametrize(("given", "path"), [({"size": 31}, "size"), ({"rows": 0}, "rows"), ({"row": 5}, "row")])
def test_wrong_options_are_refused(given: dict[str, Any], path: str) -> None:
    with pytest.raises(ValidationError) as caught:
        ToyFacesOptions.model_validate({"type": "toy_faces", **given})
    assert [each.path for each in mistakes_of(caught.value)] == [(path,)]


def test_an_ellipse_covers_its_area() -> None:
    square = frame(64, **place(angle=0.3, scale=0.5))
    half = np.full((1, 1, 1), 0.8, np.float32)
    coverage = square.ellipse(0, 0, half, half)
    assert coverage.mean() == pytest.approx(np.pi * 0.4**2 / 4, rel=0.005)
    assert coverage.min() == 0
    assert coverage.max() == 1


def test_a_turned_frame_turns_shapes() -> None:
    upright, turned = (frame(33, **place(angle=angle)) for angle in (0.0, np.pi / 2))
    wide, high = np.full((1, 1, 1), 0.9, np.float32), 0.3
    flat = upright.ellipse(0, 0, wide, high)
    assert np.allclose(turned.ellipse(0, 0, wide, high), flat.transpose(0, 2, 1), atol=1e-3)
    assert flat[0, 16, 4] == 1 > flat[0, 4, 16]


def test_paint_mixes_colours_and_labels_the_covered_half() -> None:
    canvas = Canvas(1, 2)
    coverage = np.array([[[1.0, 0.75], [0.25, 0.0]]], np.float32)
    canvas.paint(coverage, np.ones((1, 3, 1, 1), np.float32), 5)
    assert canvas.pixels[0, 0].tolist() == [[1.0, 0.75], [0.25, 0.0]]
    assert canvas.labels[0].tolist() == [[5, 5], [0, 0]]
    canvas.paint(coverage, np.zeros((1, 3, 1, 1), np.float32), None)
    assert canvas.labels[0].tolist() == [[5, 5], [0, 0]]


def test_classes_have_the_official_names_of_what_is_drawn(tmp_path: Path) -> None:
    names = ToyFaces(DataFolder(None, tmp_path), 0, size=32, rows=2, validation=0.0, test=0.0).class_names["s"]
    assert names == CLASSES
    drawn = {SKIN: "skin", NOSE: "nose", GLASSES: "eye_g", EYE: "l_eye", BROW: "l_brow", LIP: "u_lip"}
    drawn |= {0: "background", HAIR: "hair", HAT: "hat", NECK: "neck", CLOTH: "cloth"}
    assert {number: names[number] for number in USED} == drawn
