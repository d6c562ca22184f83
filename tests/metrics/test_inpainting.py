"""Errors of what was filled in. This file compares them with numbers by hand."""

from math import log10

import pytest
import torch

from gamelearn import noise
from gamelearn.metrics.inpainting import FillingError, mean_colour


def test_the_mean_colour_is_that_of_what_is_visible() -> None:
    image = torch.tensor([[[[0.0, 0.2], [0.4, 9.0]], [[1.0, 1.0], [0.4, 9.0]]]])
    hidden = torch.tensor([[[False, False], [False, True]]]).expand(1, 2, 2, 2)
    filled = mean_colour(image, hidden)
    assert filled[0, :, 1, 1].tolist() == pytest.approx([0.2, 0.8])
    assert filled[~hidden].tolist() == image[~hidden].tolist()


def test_an_image_that_is_hidden_whole_is_filled_with_nought() -> None:
    assert mean_colour(torch.ones(2, 3, 3), torch.ones(2, 3, 3, dtype=torch.bool)).sum() == 0


def test_numbers_by_hand() -> None:
    truth = torch.tensor([[[0.0, 0.5], [0.5, 1.0]]])
    hidden = torch.tensor([[[False, False], [True, True]]])
    filled = torch.tensor([[[7.0, 7.0], [0.6, 0.8]]])
    found = FillingError("x")
    found.add(truth, filled, hidden)
    figures = {name: each.value for name, each in found.figures().items()}
    assert figures["MSE of x"] == pytest.approx((0.01 + 0.04) / 2)
    assert figures["MSE of x by mean colour"] == pytest.approx((0.25**2 + 0.75**2) / 2)
    assert figures["MSE ratio of x"] == pytest.approx(0.025 / 0.3125)
    assert figures["MAE of x"] == pytest.approx(0.15)
    assert figures["MAE of x by mean colour"] == pytest.approx(0.5)
    assert figures["MAE ratio of x"] == pytest.approx(0.3)
    assert figures["PSNR of x"] == pytest.approx(-10 * log10(0.025))
    assert figures["PSNR of x by mean colour"] == pytest.approx(-10 * log10(0.3125))


def test_blocks_add_up_and_truth_has_no_error() -> None:
    truth, hidden = noise.uniform(("t",), 9, (3, 4, 4)), noise.uniform(("h",), 9, (3, 4, 4)) < 0.4
    filled = truth + hidden * noise.normal(("f",), 9, (3, 4, 4))
    found = FillingError("x")
    for part in range(0, 9, 2):
        found.add(truth[part : part + 2], filled[part : part + 2], hidden[part : part + 2])
    figures = found.figures()
    assert figures["MSE of x"].value == pytest.approx(float(((filled - truth)[hidden] ** 2).mean()), rel=1e-5)
    assert figures["MSE of x"].count == 9
    perfect = FillingError("x")
    perfect.add(truth, truth, hidden)
    assert perfect.figures()["MSE ratio of x"].value == 0
    assert perfect.figures()["PSNR of x"].value == float("inf")


def test_missing_values_outside_the_hidden_part_do_not_matter() -> None:
    truth, hidden = noise.uniform(("t",), 2, (4, 4)), torch.zeros(2, 4, 4, dtype=torch.bool)
    hidden[:, :2] = True
    filled = torch.where(hidden, truth + 0.1, torch.full_like(truth, torch.nan))
    found = FillingError("x")
    found.add(truth, filled, hidden)
    assert found.figures()["MAE of x"].value == pytest.approx(0.1, rel=1e-5)
