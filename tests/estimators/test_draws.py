"""What single draws and their gradients are under an estimator. This file looks at tensors."""

import pytest
import torch

from gamelearn import noise
from gamelearn.estimators.estimator import draw_estimator, score_estimator
from gamelearn.players.player import FamilyDistribution
from gamelearn.registry import ESTIMATORS
from tests.support import family_of

ROWS, SHAPE, CLASSES = 400, (2,), 3


def bits(estimator: str, **options: object) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor, torch.Tensor]:
    """Return raw outputs, the plain draw, the estimator's draw and the derivative of each element to its own logit."""
    raw = (2 * noise.normal(("raw",), ROWS, (1, *SHAPE))).double().requires_grad_()
    distribution = FamilyDistribution(family_of("bernoulli", SHAPE), raw)
    random = noise.uniform(("draw",), ROWS, SHAPE).double()
    drawn = draw_estimator(ESTIMATORS.options_of({"type": estimator, **options})).draw(distribution, random, None)
    (slope,) = torch.autograd.grad(drawn.sum(), raw)
    return raw.detach()[:, 0], distribution.draw(random).detach(), drawn.detach(), slope[:, 0]


def test_the_slope_of_gregor_is_the_papers() -> None:
    raw, z, drawn, slope = bits("gregor")
    p = torch.sigmoid(raw)
    assert torch.equal(drawn, z)
    torch.testing.assert_close(slope, (z * (1 - p) + (1 - z) * p) / 2)


def test_the_slope_of_straight_through_is_that_of_the_probability() -> None:
    raw, z, drawn, slope = bits("straight_through")
    p = torch.sigmoid(raw)
    torch.testing.assert_close(drawn, z)
    torch.testing.assert_close(slope, p * (1 - p))


def test_relaxed_bits_tend_to_the_draw_from_the_same_noise() -> None:
    _, z, warm, _ = bits("gumbel", temperature=0.5)
    _, _, cold, _ = bits("gumbel", temperature=1e-3)
    assert float((cold - z).abs().mean()) < 0.01 < float((warm - z).abs().mean())
    assert torch.equal((warm > 0.5).double(), z)


def test_relaxed_classes_have_the_frequencies_of_the_classes() -> None:
    raw = noise.normal(("classes",), 1, (CLASSES, *SHAPE)).double().expand(20000, CLASSES, *SHAPE)
    distribution = FamilyDistribution(family_of("categorical", SHAPE, classes=CLASSES), raw)
    estimator = draw_estimator(ESTIMATORS.options_of({"type": "gumbel", "temperature": 0.1}))
    drawn = estimator.draw(distribution, noise.uniform(("draw",), 20000, (CLASSES, *SHAPE)).double(), CLASSES)
    torch.testing.assert_close(drawn.sum(1), torch.ones(20000, *SHAPE).double())
    found = torch.stack([(drawn.argmax(1) == each).double().mean(0) for each in range(CLASSES)])
    expected = distribution.mean()[0]
    assert float(((found - expected).abs() / (expected * (1 - expected) / 20000).sqrt()).max()) < 4.5


def test_classes_are_one_hot_with_the_slope_of_the_probabilities() -> None:
    raw = noise.normal(("classes",), ROWS, (CLASSES, *SHAPE)).double().requires_grad_()
    distribution = FamilyDistribution(family_of("categorical", SHAPE, classes=CLASSES), raw)
    random = noise.uniform(("draw",), ROWS, SHAPE).double()
    drawn = draw_estimator(ESTIMATORS.options_of({"type": "straight_through"})).draw(distribution, random, CLASSES)
    assert torch.equal(drawn.argmax(1), distribution.draw(random))
    weights = noise.normal(("weights",), ROWS, (CLASSES, *SHAPE)).double()
    (slope,) = torch.autograd.grad((weights * drawn).sum(), raw, retain_graph=True)
    (expected,) = torch.autograd.grad((weights * distribution.mean()).sum(), raw)
    torch.testing.assert_close(slope, expected)


@pytest.mark.parametrize("size", [-1e3, 1e3])
@pytest.mark.parametrize("estimator", ["gregor", "straight_through", "gumbel"])
def test_certain_bits_have_finite_slopes(estimator: str, size: float) -> None:
    raw = torch.full((4, 1), size, requires_grad=True)
    distribution = FamilyDistribution(family_of("bernoulli", ()), raw)
    drawn = draw_estimator(ESTIMATORS.options_of({"type": estimator})).draw(distribution, torch.tensor([0.0, 0.3, 0.7, 1 - 2.0**-24]), None)
    (slope,) = torch.autograd.grad(drawn.sum(), raw)
    assert drawn.isfinite().all()
    assert float(slope.abs().max()) < 1e-6


def test_the_surrogate_is_zero_with_the_slope_of_the_definition() -> None:
    utilities = torch.tensor([1.0, 4.0, 10.0, 0.0])
    logs = torch.tensor([-1.0, -2.0, -3.0, -4.0], requires_grad=True)
    expected = {
        ("others", 1): [1 - 14 / 3, 4 - 11 / 3, 10 - 5 / 3, 0 - 15 / 3],
        ("others", 2): [1 - 4, 4 - 1, 10 - 0, 0 - 10],
        ("none", 1): [1, 4, 10, 0],
    }
    for (baseline, samples), advantages in expected.items():
        estimator = score_estimator(ESTIMATORS.options_of({"type": "reinforce", "baseline": baseline}))
        value = estimator.surrogate(utilities, logs, samples)
        (slope,) = torch.autograd.grad(value, logs)
        assert float(value.detach()) == 0
        torch.testing.assert_close(slope, torch.tensor(advantages) / 4)


def test_a_row_alone_has_no_baseline() -> None:
    logs = torch.tensor([-1.0], requires_grad=True)
    estimator = score_estimator(ESTIMATORS.options_of({"type": "reinforce"}))
    (slope,) = torch.autograd.grad(estimator.surrogate(torch.tensor([3.0]), logs, 1), logs)
    assert float(slope) == 3
