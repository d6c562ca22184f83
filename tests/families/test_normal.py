"""The standard deviation of the normal family: fixed, shared or an output, bounded and movable."""

import pytest
import torch
from pydantic import ValidationError

from gamelearn.options import mistakes_of
from gamelearn.registry import FAMILIES
from tests.support import family_of


def test_a_learned_scale_starts_at_its_initial_value() -> None:
    zero = torch.zeros(1, 2, 3)
    for scale in ("shared", "output"):
        found = family_of("normal", (3,), scale=scale, initial=0.3, floor=0.05).scale(zero)
        torch.testing.assert_close(found, torch.full_like(found, 0.3))


def test_a_learned_scale_stays_above_its_floor() -> None:
    shared = family_of("normal", (), floor=0.05)
    assert shared.log_scale is not None
    with torch.no_grad():
        shared.log_scale.fill_(-50.0)
    assert float(shared.scale(torch.zeros(1, 1)).detach()) == pytest.approx(0.05)
    assert float(family_of("normal", (), scale="output", floor=0.05).scale(torch.tensor([[0.0, -1e3]]))) >= 0.05


@pytest.mark.parametrize("start", [-3.0, 0.0, 9.0])
def test_a_shared_scale_can_move_from_anywhere(start: float) -> None:
    family = family_of("normal", ())
    assert family.log_scale is not None
    with torch.no_grad():
        family.log_scale.fill_(start)
    family.log_prob(torch.zeros(1, 1), torch.ones(1)).sum().backward()
    assert family.log_scale.grad is not None
    assert float(family.log_scale.grad.abs()) > 1e-3


def test_a_fixed_scale_is_taken_as_it_is() -> None:
    family = family_of("normal", (), scale=0.003, initial=0.001)
    assert float(family.scale(torch.zeros(1, 1))) == pytest.approx(0.003)
    assert not list(family.parameters())


def test_a_floor_above_the_start_is_refused() -> None:
    with pytest.raises(ValueError, match=r"initial scale 0\.1 must be above the floor 0\.2"):
        family_of("normal", (), initial=0.1, floor=0.2)


@pytest.mark.parametrize("scale", [0, -1.0, True, "sharde", None, float("inf")])
def test_a_wrong_scale_is_refused(scale: object) -> None:
    with pytest.raises(ValidationError) as caught:
        FAMILIES["normal"].options.model_validate({"type": "normal", "scale": scale})
    (found,) = mistakes_of(caught.value)
    assert found.path == ("scale",)
    assert found.what.startswith("expected 'shared', 'output' or a positive number")
