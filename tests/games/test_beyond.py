"""What lies outside the exponential families: a mixture of normals as a family, a flow as a player type. This file compares them with oracles."""

from pathlib import Path
from types import ModuleType

import pytest
import torch

from gamelearn import noise
from gamelearn.data.folder import DataFolder
from gamelearn.game import check
from gamelearn.graph.model import Factor, Variable
from gamelearn.plugins import load_builtins
from gamelearn.registry import DATASETS, FAMILIES, PLAYERS
from games.beyond import coupling_flow, mixture_of_normals
from games.beyond.coupling_flow import CouplingFlow
from tests.support import family_of, graph_of

load_builtins()
ROWS = 5

GAME = """
    name: flows
    variables: {x: {type: real, shape: [3]}, c: {type: categorical, classes: 4}, r: {type: real}}
    data: {dataset: {type: moons}}
    players:
      prior: {factors: {c: uniform, r: standard}}
      painter: {type: coupling_flow, layers: 3, hidden: 8, factors: ["x | c, r", x]}
    utilities: {painter: "E[prior(c, r), painter(x)] log painter(x | c, r)"}
    train: {rounds: 1}
    """


def flow() -> CouplingFlow:
    """Return a flow whose parameters are not those of the beginning, in double precision."""
    graph = graph_of(GAME)
    made = CouplingFlow(graph.players["painter"].factors, graph.variables, layers=3, hidden=8).double()
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for parameter in made.parameters():
            parameter.copy_(0.6 * torch.randn(parameter.shape, generator=generator, dtype=torch.float64))
    return made


def givens() -> dict[str, torch.Tensor]:
    return {"c": torch.arange(ROWS) % 4, "r": noise.normal(("r",), ROWS).double()}


def test_the_density_of_a_flow_is_that_of_the_noise_changed_by_the_jacobian_of_its_draws() -> None:
    painter, given = flow(), givens()
    for row in range(ROWS):
        one = painter.distribution("x | c, r", {name: value[row : row + 1] for name, value in given.items()}, 1)
        start = noise.normal(("start", row), 3).double()
        jacobian = torch.autograd.functional.jacobian(lambda each, one=one: one.draw(each[None])[0], start)
        expected = torch.distributions.Normal(0.0, 1.0).log_prob(start).sum() - torch.linalg.slogdet(jacobian).logabsdet
        torch.testing.assert_close(one.log_prob(one.draw(start[None]))[0], expected)


def test_a_flow_depends_on_every_given_and_trains_every_parameter() -> None:
    painter, given = flow(), givens()
    value = noise.normal(("x",), ROWS, (3,)).double()
    before = painter.distribution("x | c, r", given, ROWS).log_prob(value)
    for name, other in {"c": (given["c"] + 1) % 4, "r": given["r"] + 1}.items():
        assert not torch.isclose(painter.distribution("x | c, r", {**given, name: other}, ROWS).log_prob(value), before).any()
    (before.sum() + painter.distribution("x", {}, ROWS).log_prob(value).sum()).backward()
    assert all(parameter.grad is not None and bool(parameter.grad.abs().sum() > 0) for parameter in painter.parameters())


@torch.no_grad()
def test_the_expectation_of_a_flow_is_near_that_of_its_draws() -> None:
    painter = flow()
    distribution = painter.distribution("x", {}, 20_000)
    drawn = distribution.draw(noise.normal(("many",), 20_000, (3,)).double())
    apart = (painter.distribution("x", {}, 1).mean()[0] - drawn.mean(0)).abs() / drawn.std(0)
    assert float(apart.max()) < 0.15


@pytest.mark.parametrize(("kind", "shape"), [("real", ()), ("binary", (3,))])
def test_a_flow_refuses_what_it_cannot_draw(kind: str, shape: tuple[int, ...]) -> None:
    variables = {"x": Variable("x", kind, shape, None)}
    with pytest.raises(ValueError, match="draws a real variable of two elements or more"):
        CouplingFlow({"x": Factor("painter", "x", (), (), None, ())}, variables, layers=2, hidden=4)


@torch.no_grad()
def test_the_density_of_a_mixture_is_that_of_torch() -> None:
    family = family_of("mixture_of_normals", (2,), components=3)
    raw, value = noise.normal(("raw",), ROWS, (9, 2)), noise.normal(("value",), ROWS, (2,))
    weights, means, scales = family.parts(raw)
    parts = torch.distributions.Normal(means.movedim(1, -1), scales.movedim(1, -1))
    twin = torch.distributions.MixtureSameFamily(torch.distributions.Categorical(logits=weights.movedim(1, -1)), parts)
    torch.testing.assert_close(family.log_prob(raw, value), twin.log_prob(value))
    torch.testing.assert_close(family.mean(raw), twin.mean)


@torch.no_grad()
def test_draws_of_a_mixture_have_the_shares_of_its_components() -> None:
    family = family_of("mixture_of_normals", (), components=3, spread=100.0, initial=0.1, floor=0.01)
    raw = torch.zeros(30_000, 9)
    raw[:, :3] = torch.tensor([0.2, 0.5, 0.3]).log()
    drawn = family.draw(raw, noise.uniform(("draws",), 30_000))
    shares = torch.stack([((drawn - centre).abs() < 5).double().mean() for centre in (-100, 0, 100)])
    torch.testing.assert_close(shares, torch.tensor([0.2, 0.5, 0.3]).double(), atol=0.012, rtol=0)
    assert family.decide(raw[:1]).item() == pytest.approx(0, abs=1e-4)


def test_moons_are_standardised_and_labelled() -> None:
    options = DATASETS.options_of({"type": "moons", "points": 200})
    data = DATASETS["moons"].build(DataFolder(None, Path()), 0, **options.own_options())
    rows = torch.arange(data.length("train"))
    x, c = data.read("x", "train", rows), data.read("c", "train", rows)
    assert torch.equal(x, torch.stack([data.read(name, "train", rows) for name in "ab"], 1))
    assert x.std(0).sub(1).abs().max() < 0.1
    assert x[c == 0, 1].mean() > 0.5 > -0.5 > x[c == 1, 1].mean()


@pytest.mark.parametrize(
    ("module", "old", "new", "spec"),
    [
        (
            mixture_of_normals,
            "mixture_of_normals",
            "my_family",
            "{factors: {x | c: {net: linear, family: {type: my_family, components: 2}}}}",
        ),
        (coupling_flow, "coupling_flow", "my_flow", "{type: my_flow, layers: 2, factors: [x | c]}"),
    ],
)
def test_each_is_one_plugin_file_that_anybody_could_load(
    module: ModuleType, old: str, new: str, spec: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for registry in (FAMILIES, PLAYERS):
        monkeypatch.setattr(registry, "_entries", dict(registry._entries))
    (tmp_path / f"{new}_plugin.py").write_text(Path(str(module.__file__)).read_text().replace(f'"{old}"', f'"{new}"'))
    (tmp_path / "game.yaml").write_text(
        f"""\
name: mine
require: [{new}_plugin]
variables: {{x: {{type: real, shape: [2]}}, c: {{type: categorical, classes: 2}}}}
data: {{dataset: {{type: moons}}, streams: {{pairs: [x, c]}}}}
players: {{painter: {spec}}}
utilities: {{painter: "E[pairs(x, c)] log painter(x | c)"}}
train: {{rounds: 1}}
"""
    )
    checked = check(tmp_path / "game.yaml", plugins=[str(tmp_path / f"{new}_plugin.py")])
    assert checked.warnings == ()
    assert new in (*FAMILIES.names, *PLAYERS.names)
