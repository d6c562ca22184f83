"""Series of a turning point. This file tests what the made data promises."""

import numpy as np
import pytest
from pydantic import ValidationError

from gamelearn.options import mistakes_of
from games.series.rotor import VELOCITY, RotorOptions, make_windows

ROWS, STEPS = 300, 36


def test_a_window_is_the_same_whatever_is_made_with_it() -> None:
    x, s = make_windows(20, STEPS, stay=0.9, noise=0.1)
    part_x, part_s = make_windows(5, STEPS, stay=0.9, noise=0.1, first_row=11)
    assert (part_x == x[11:16]).all()
    assert (part_s == s[11:16]).all()


def test_regimes_turn_at_their_velocity_on_a_circle() -> None:
    x, s = make_windows(ROWS, STEPS, stay=0.96, noise=0.0)
    radius = np.hypot(x[:, 0], x[:, 1])
    assert np.abs(radius - radius[:, :1]).max() < 1e-5
    turned = np.diff(np.unwrap(np.arctan2(x[:, 1], x[:, 0]), axis=1), axis=1)
    velocity = np.array(VELOCITY)[s[:, 1:]]
    assert np.abs(turned[velocity == 0]).max() < 1e-4
    tempo = turned[velocity != 0] / velocity[velocity != 0]
    assert 0.8 - 1e-3 < tempo.min() < 0.85 < 1.2 < tempo.max() < 1.25 + 1e-3


def test_regimes_stay_as_long_as_they_should_and_noise_is_added() -> None:
    s = make_windows(ROWS, STEPS, stay=0.9, noise=0.0)[1]
    changed = (s[:, 1:] != s[:, :-1]).mean()
    expected = 0.1 * 3 / 4
    assert abs(changed - expected) < 4 * (expected * (1 - expected) / (ROWS * (STEPS - 1))) ** 0.5
    noisy, clean = (make_windows(ROWS, STEPS, stay=0.9, noise=each)[0] for each in (0.2, 0.0))
    assert np.std(noisy - clean) == pytest.approx(0.2, rel=0.03)


def test_pieces_divide_a_window() -> None:
    with pytest.raises(ValidationError) as caught:
        RotorOptions.model_validate({"type": "rotor_series", "steps": 10, "pieces": 3})
    [mistake] = mistakes_of(caught.value)
    assert (mistake.path, mistake.what) == (("pieces",), "10 steps cannot be cut into 3 pieces of equal length")
