"""Values that no image should have. This file tests which are told."""

import re
from pathlib import Path

import numpy as np
import pytest

from gamelearn.files.evidence import open_evidence
from gamelearn.files.ranges import Ranges
from gamelearn.graph.model import Variable
from tests.files.games import PICTURES, VARIABLES

UNIT = PICTURES / 255.0
UNLESS = ", unless the training data have such values too"


def warnings(folder: Path, values: np.ndarray, name: str = "x", hide: str | None = None, *, is_truth: bool = False) -> list[str]:
    """Return what is told of two rows at a time."""
    np.save(folder / "a.npy", values)
    files = {name: str(folder / "a.npy")}
    given, truth = ({"z": str(folder / "z.npy")}, files) if is_truth else (files, {})
    np.save(folder / "z.npy", np.zeros((7, 5)))
    evidence = open_evidence(VARIABLES, given, {name: hide} if hide else {}, truth, rows=None, seed=0, resize=False)
    ranges = Ranges(evidence)
    found = [text for block in evidence.blocks(2) for text in ranges.look(block)]
    return [text.replace(str(folder / "a.npy"), "a.npy") for text in found]


@pytest.mark.parametrize(
    ("values", "what"),
    [
        (PICTURES.astype(np.float32), "reach 2[0-9]+: images are expected in 0..1, divide by 255"),
        (PICTURES.astype(np.int64), "reach 2[0-9]+: images are expected in 0..1, divide by 255"),
        (PICTURES * 257.0, "reach 6[0-9]+: images are expected in 0..1, divide by 65535"),
        (UNIT * 4 - 2.0, "go from -[12][.0-9]* to [.0-9]+: images are expected in 0..1"),
        (np.minimum(UNIT * 20, 2.5), "go from [.0-9]+ to 2.5: images are expected in 0..1"),
        (UNIT * 10, "go from [.0-9]+ to [89][.0-9]*: images are expected in 0..1"),
        (np.minimum(UNIT * 400, 300), "go from [.0-9]+ to 300: images are expected in 0..1"),
        (UNIT * 1e6, "go from [.0-9]+ to [.e+0-9]+: images are expected in 0..1"),
    ],
)
def test_values_far_out_of_the_range_of_images_are_told_once(tmp_path: Path, values: np.ndarray, what: str) -> None:
    for is_truth in (False, True):
        (found,) = warnings(tmp_path, values, is_truth=is_truth)
        assert re.fullmatch(f"'x': values of a.npy {what}{UNLESS}", found), found


def test_values_of_images_are_not_told(tmp_path: Path) -> None:
    for values in (PICTURES, UNIT, UNIT * 2 - 1, UNIT * 2):
        assert warnings(tmp_path, values) == []
        assert warnings(tmp_path, values, is_truth=True) == []


def test_a_later_block_may_have_the_first_such_value(tmp_path: Path) -> None:
    values = UNIT.copy()
    values[6, 0, 0, 0] = 200.0
    assert warnings(tmp_path, values) == [f"'x': values of a.npy reach 200: images are expected in 0..1, divide by 255{UNLESS}"]


def test_what_is_hidden_does_not_count(tmp_path: Path) -> None:
    values = UNIT.copy()
    values[:, :, :3] = 255.0
    assert warnings(tmp_path, values, hide="left") == []
    assert len(warnings(tmp_path, values, hide="right")) == 1


@pytest.mark.parametrize(
    ("variable", "values"),
    [
        (Variable("v", "real", (5,)), np.full((7, 5), 200.0)),
        (Variable("v", "real", (2, 4, 6)), np.full((7, 2, 4, 6), 200.0)),
        (Variable("v", "categorical", (4, 6), 19), np.full((7, 4, 6), 18)),
        (Variable("v", "count", ()), np.full(7, 200)),
    ],
)
def test_other_variables_may_have_any_values(tmp_path: Path, variable: Variable, values: np.ndarray) -> None:
    np.save(tmp_path / "a.npy", values)
    evidence = open_evidence({"v": variable}, {"v": str(tmp_path / "a.npy")}, {}, {}, rows=None, seed=0, resize=False)
    assert [text for block in evidence.blocks(7) for text in Ranges(evidence).look(block)] == []


def test_series_are_no_images(tmp_path: Path) -> None:
    for shape, told in (((2, 12), 0), ((5, 12), 1)):
        np.save(tmp_path / "a.npy", np.full((3, *shape), 9.0))
        known = {"x": Variable("x", "real", shape)}
        evidence = open_evidence(known, {"x": str(tmp_path / "a.npy")}, {}, {}, rows=None, seed=0, resize=False)
        assert sum(len(list(Ranges(evidence).look(block))) for block in evidence.blocks(9)) == told
