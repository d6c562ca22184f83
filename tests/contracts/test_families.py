"""What every registered family must do; a new one is tested here without being listed."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import nn

from gamelearn import noise
from gamelearn.plugins import load_builtins
from gamelearn.registry import FAMILIES

load_builtins()
ROWS, SHAPE, CLASSES = 3, (2, 2), 4
CHOICES: dict[str, list[dict[str, Any]]] = {"normal": [{}, {"scale": "output"}, {"scale": 0.7}]}
CASES = [(entry.name, options) for entry in FAMILIES for options in CHOICES.get(entry.name, [{}])]
ALL = pytest.mark.parametrize(("name", "options"), CASES, ids=str)


def family_of(name: str, options: dict[str, Any], shape: tuple[int, ...] = SHAPE) -> tuple[Any, Any, torch.Tensor]:
    """Return a family, its options, and raw outputs of moderate size."""
    made = FAMILIES.options_of({"type": name, **options})
    classes = CLASSES if "categorical" in made.variable_types else None
    family = FAMILIES[name].build(shape, classes=classes, **made.own_options())
    raw = 1.5 * noise.normal(("raw", name), ROWS, (made.channels(classes), *shape))
    return family, made, raw


@torch.no_grad()
def draw(family: Any, options: Any, raw: torch.Tensor, key: object = 0) -> torch.Tensor:
    make = noise.normal if options.noise == "normal" else noise.uniform
    return family.draw(raw, make(("draw", key), len(raw), tuple(raw.shape[2:])))


def grid(options: Any) -> tuple[torch.Tensor, float]:
    """Return points of a scalar variable and the spacing that their densities are summed with."""
    (kind,) = options.variable_types
    match kind:
        case "binary":
            return torch.tensor([0.0, 1.0]), 1.0
        case "categorical":
            return torch.arange(CLASSES), 1.0
        case "count":
            return torch.arange(400.0), 1.0
        case _:
            return torch.linspace(-60, 60, 400_001), 120 / 400_000


@ALL
def test_densities_sum_to_one(name: str, options: dict[str, Any]) -> None:
    family, made, raw = family_of(name, options, shape=())
    points, spacing = grid(made)
    for row in raw:
        total = family.log_prob(row[None].expand(len(points), *row.shape), points).detach().exp().sum() * spacing
        assert float(total) == pytest.approx(1, abs=1e-4)


@ALL
def test_shapes_and_types(name: str, options: dict[str, Any]) -> None:
    family, made, raw = family_of(name, options)
    value = draw(family, made, raw)
    assert value.shape == (ROWS, *SHAPE)
    assert (value.dtype == torch.int64) == ("categorical" in made.variable_types)
    assert family.log_prob(raw, value).shape == (ROWS, *SHAPE)
    assert family.decide(raw).shape == (ROWS, *SHAPE)
    expected = (ROWS, CLASSES, *SHAPE) if "categorical" in made.variable_types else (ROWS, *SHAPE)
    assert family.mean(raw).shape == expected


@ALL
def test_draws_have_the_mean_of_the_family(name: str, options: dict[str, Any]) -> None:
    family, made, raw = family_of(name, options, shape=())
    number = 40_000
    for index, row in enumerate(raw):
        drawn = draw(family, made, row[None].expand(number, *row.shape), key=index)
        if drawn.dtype == torch.int64:
            drawn = nn.functional.one_hot(drawn, CLASSES).float()
        error = drawn.float().std(0) / number**0.5 + 1e-6
        assert float(((drawn.float().mean(0) - family.mean(row[None])[0]) / error).abs().max()) < 4.5


@ALL
def test_draws_have_the_frequencies_of_their_likelihood(name: str, options: dict[str, Any]) -> None:
    family, made, raw = family_of(name, options, shape=())
    number = 40_000
    row = raw[0][None].expand(number, *raw[0].shape)
    drawn = draw(family, made, row)
    entropy = -family.log_prob(row, drawn).detach()
    points, spacing = grid(made)
    density = family.log_prob(row[:1].expand(len(points), *row.shape[1:]), points).detach()
    exact = -(density.exp() * density.clamp(min=-100)).sum() * spacing
    assert float((entropy.mean() - exact).abs() / (entropy.std() / number**0.5 + 1e-6)) < 4.5


@ALL
def test_likelihood_is_that_of_torch(name: str, options: dict[str, Any]) -> None:
    family, made, raw = family_of(name, options)
    value = draw(family, made, raw)
    twins: dict[str, Callable[[], Any]] = {
        "bernoulli": lambda: torch.distributions.Bernoulli(logits=raw[:, 0]),
        "categorical": lambda: torch.distributions.Categorical(logits=raw.movedim(1, -1)),
        "normal": lambda: torch.distributions.Normal(raw[:, 0], family.scale(raw)),
        "poisson": lambda: torch.distributions.Poisson(raw[:, 0].exp()),
    }
    if name not in twins:
        pytest.skip(f"torch has no {name!r}")
    torch.testing.assert_close(family.log_prob(raw, value), twins[name]().log_prob(value), rtol=1e-5, atol=1e-5)


@ALL
def test_gradients_reach_raw_outputs_and_parameters(name: str, options: dict[str, Any]) -> None:
    family, made, raw = family_of(name, options)
    raw.requires_grad_()
    family.log_prob(raw, draw(family, made, raw).detach()).sum().backward()
    assert raw.grad is not None
    assert bool((raw.grad != 0).any(dim=(0, 2, 3)).all())
    assert all(parameter.grad is not None and bool(parameter.grad.abs().sum() > 0) for parameter in family.parameters())
    assert bool(list(family.parameters())) == made.has_parameters


@ALL
@pytest.mark.parametrize("size", [-1e3, 1e3])
def test_extreme_raw_outputs_stay_finite(name: str, options: dict[str, Any], size: float) -> None:
    family, made, raw = family_of(name, options)
    extreme = torch.full_like(raw, size).requires_grad_()
    value = draw(family, made, extreme.detach())
    score = family.log_prob(extreme, value)
    torch.autograd.backward(score.sum())
    assert bool(score.isfinite().all())
    assert extreme.grad is not None
    assert bool(extreme.grad.isfinite().all())


@ALL
def test_precision(name: str, options: dict[str, Any]) -> None:
    family, made, raw = family_of(name, options)
    value = draw(family, made, raw)
    assert family.log_prob(raw.bfloat16(), value).dtype == torch.float32
    double = family.double()
    assert double.log_prob(raw.double(), value if value.dtype == torch.int64 else value.double()).dtype == torch.float64


@ALL
def test_the_largest_noise_draws_a_value_of_the_variable(name: str, options: dict[str, Any]) -> None:
    family, made, raw = family_of(name, options)
    if made.noise != "uniform":
        pytest.skip("its noise is normal")
    for edge in (0.0, 1 - 2.0**-24):
        value = family.draw(raw, torch.full((ROWS, *SHAPE), edge))
        assert bool(family.log_prob(raw, value).isfinite().all())
        if value.dtype == torch.int64:
            assert 0 <= int(value.min()) <= int(value.max()) < CLASSES


def test_a_network_that_starts_at_zero_leaves_an_output_scale_as_it_is() -> None:
    family, _, _ = family_of("normal", {"scale": "output", "initial": 0.3})
    raw = torch.zeros(1, 2, *SHAPE)
    torch.testing.assert_close(family.scale(raw), torch.full((1, *SHAPE), 0.3))
