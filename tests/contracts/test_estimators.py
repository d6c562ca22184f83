"""What every registered gradient estimator must do; a new one is tested here without being listed."""

from typing import Any

import pytest
import torch

from gamelearn import noise
from gamelearn.estimators.estimator import draw_estimator, score_estimator
from gamelearn.players.player import FamilyDistribution
from gamelearn.plugins import load_builtins
from gamelearn.registry import ESTIMATORS, FAMILIES
from gamelearn.spec.kinds import EstimatorOptions

load_builtins()
ROWS, SHAPE, CLASSES = 5, (2, 2), 3
DRAWING = [
    (entry.name, family.name)
    for entry in ESTIMATORS
    for family in FAMILIES
    if entry.options.redraws  # type: ignore[attr-defined]
    and set(family.options.variable_types) <= set(entry.options.variable_types)  # type: ignore[attr-defined]
    and entry.options.needs in (None, *family.options.offers)  # type: ignore[attr-defined]
]
WEIGHING = [entry.name for entry in ESTIMATORS if not entry.options.redraws]  # type: ignore[attr-defined]


def drawn(estimator: str, family: str) -> tuple[torch.Tensor, torch.Tensor, Any]:
    """Return raw outputs, what an estimator draws from a family with them, and the family's options."""
    options: EstimatorOptions = ESTIMATORS.options_of({"type": estimator})
    made = FAMILIES.options_of({"type": family})
    classes = CLASSES if "categorical" in made.variable_types else None
    raw = noise.normal(("raw", family), ROWS, (made.channels(classes), *SHAPE)).requires_grad_()
    distribution = FamilyDistribution(FAMILIES[family].build(SHAPE, classes=classes, **made.own_options()), raw)
    shape = (CLASSES, *SHAPE) if classes and options.by_class else SHAPE
    random = (noise.normal if made.noise == "normal" else noise.uniform)(("draw",), ROWS, shape)
    return raw, draw_estimator(options).draw(distribution, random, classes), made


def test_every_estimator_fits_something() -> None:
    assert {name for name, _ in DRAWING} | set(WEIGHING) == set(ESTIMATORS.names)


@pytest.mark.parametrize(("estimator", "family"), DRAWING)
def test_draws_have_the_shape_of_the_variable_and_a_gradient(estimator: str, family: str) -> None:
    raw, value, made = drawn(estimator, family)
    assert value.shape == (ROWS, *((CLASSES,) if "categorical" in made.variable_types else ()), *SHAPE)
    weights = noise.normal(("weights",), ROWS, tuple(value.shape[1:]))
    (slope,) = torch.autograd.grad((weights * value).sum(), raw)
    assert slope.isfinite().all()
    assert float(slope.abs().max()) > 0


@pytest.mark.parametrize(("estimator", "family"), DRAWING)
def test_rows_do_not_mix(estimator: str, family: str) -> None:
    raw, value, _ = drawn(estimator, family)
    weights = noise.normal(("weights",), 1, tuple(value.shape[1:]))
    (slope,) = torch.autograd.grad((weights * value[:1]).sum(), raw)
    assert float(slope[1:].abs().max()) == 0


@pytest.mark.parametrize("estimator", WEIGHING)
def test_a_surrogate_is_zero_with_a_gradient(estimator: str) -> None:
    logs = noise.normal(("logs",), 6).requires_grad_()
    value = score_estimator(ESTIMATORS.options_of({"type": estimator})).surrogate(noise.normal(("utilities",), 6), logs, 1)
    (slope,) = torch.autograd.grad(value, logs)
    assert float(value.detach()) == 0
    assert float(slope.abs().max()) > 0


@pytest.mark.parametrize("name", ESTIMATORS.names)
def test_the_summary_is_a_sentence(name: str) -> None:
    assert ESTIMATORS[name].summary.endswith(".")
