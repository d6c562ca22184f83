"""The likelihood of small games against enumeration, and of a linear normal one against its integral. This file compares figures."""

import math
from typing import Any

import pytest
import torch

from gamelearn.analysis.exact import exact_utility
from gamelearn.analysis.tables import all_values
from gamelearn.game import Game
from gamelearn.metrics import models
from gamelearn.metrics.likelihood import Likelihood
from gamelearn.metrics.metric import Figure, MetricResult
from tests.gibbs.games import three
from tests.metrics.maps import context
from tests.metrics.small import LABELLED, LADDER, NO_PRIOR, REALS, REVERSE, data_of, exact_logs, model_of, table_game
from tests.support import game_of

GAMES = {"ladder": (LADDER, "images"), "reverse": (REVERSE, "images"), "labelled": (LABELLED, "pairs"), "images": (LABELLED, "images")}
ELBO = "log decoder(x, z) - log encoder(z | x)"


def measured(game: Game, samples: int, seed: int = 0, **options: Any) -> MetricResult:
    values = {"stream": None, "model": None, "proposal": None, "count": 256, **options}
    return Likelihood(samples=samples, **values).compute(game, context(seed=seed))


def figures(game: Game, samples: int, seed: int = 0, **options: Any) -> dict[str, Figure]:
    return dict(measured(game, samples, seed, **options).blocks[0].figures)


def hidden_states(game: Game, stream: str) -> dict[str, torch.Tensor]:
    names = model_of(game, stream=stream).hidden
    tables = [all_values(game.graph.variables[name], game.dtype) for name in names]
    places = torch.cartesian_prod(*(torch.arange(len(each)) for each in tables)).reshape(-1, len(names))
    return {name: table[places[:, index]] for index, (name, table) in enumerate(zip(names, tables, strict=True))}


def exact(game: Game, stream: str) -> tuple[torch.Tensor, torch.Tensor]:
    """Return log w and q(z | x), `(rows, states)` each."""
    scored, inferred = exact_logs(game, model_of(game, stream=stream), hidden_states(game, stream), data_of(game, stream))
    return scored - inferred, inferred.exp()


@pytest.mark.parametrize("name", GAMES)
def test_many_samples_give_the_enumerated_values(name: str) -> None:
    text, stream = GAMES[name]
    game = table_game(text)
    weights, inferred = exact(game, stream)
    assert inferred.sum(1) == pytest.approx(torch.ones(len(inferred)))
    found = figures(game, 4000, stream=stream)
    likelihood = (weights.exp() * inferred).sum(1).log()
    noise = found["Monte-Carlo error"].value
    assert 1e-4 < noise < 0.05
    assert abs(found["log-likelihood"].value - float(likelihood.mean())) < 4.5 * noise
    elbo = (weights * inferred).sum(1)
    assert found["log-likelihood"].value - found["ELBO"].value > 0.1  # so that the one is not taken for the other
    spread = (((weights - elbo[:, None]).square() * inferred).sum(1).mean() / 4000 / len(elbo)).sqrt()
    assert abs(found["ELBO"].value - float(elbo.mean())) < 4.5 * float(spread)
    assert found["log-likelihood"].error == pytest.approx(float(likelihood.std()) / 20**0.5, rel=0.05)
    efficiency = (weights.exp() * inferred).sum(1) ** 2 / (weights.mul(2).exp() * inferred).sum(1)
    assert found["effective samples"].value == pytest.approx(float(efficiency.mean()), abs=0.02)
    assert found["effective samples, worst"].value == pytest.approx(float(efficiency.min()), abs=0.05)
    assert found["effective samples, median"].value == pytest.approx(float(efficiency.quantile(0.5)), abs=0.03)


def test_the_monte_carlo_error_is_the_spread_over_seeds() -> None:
    game = table_game(LADDER)
    found = [figures(game, 100, seed) for seed in range(40)]
    spread = torch.tensor([each["log-likelihood"].value for each in found]).std()
    assert sum(each["Monte-Carlo error"].value for each in found) / 40 == pytest.approx(float(spread), rel=0.4)


def test_the_monte_carlo_error_of_few_samples_is_that_of_their_unbiased_variance() -> None:
    game = table_game(LADDER)
    rows = data_of(game, "images")
    weights = models.propose(game, model_of(game), rows, samples=3, seed=0, first_row=0).log_weights.exp()
    variances = weights.var(1) / weights.mean(1).square() / 3
    expected = float(variances.sum().sqrt()) / len(weights)
    assert figures(game, 3)["Monte-Carlo error"].value == pytest.approx(expected)


def test_the_elbo_is_that_of_the_oracle_of_utilities() -> None:
    game = table_game(LADDER.replace("log decoder(x, z)\n", f"{ELBO}\n", 1))
    (term,) = game.graph.stages["main"].utilities["decoder"]
    expected = exact_utility(game.graph, game.players, term, {"images": data_of(game)}, game.dtype)
    weights, inferred = exact(game, "images")
    assert float((weights * inferred).sum(1).mean()) == pytest.approx(float(expected.detach()))


def test_one_sample_is_the_elbo_and_parts_add_up() -> None:
    game = table_game(LADDER)
    found = figures(game, 1)
    assert found["log-likelihood"].value == pytest.approx(found["ELBO"].value)
    assert "Monte-Carlo error" not in found  # one sample tells no spread
    assert found["effective samples"].value == pytest.approx(1)
    found = figures(game, 16)
    assert found["reconstruction"].value - found["rate"].value == pytest.approx(found["ELBO"].value)
    assert found["rate of z0"].value + found["rate of z1"].value == pytest.approx(found["rate"].value)
    assert found["ELBO, bits per dimension"].value == pytest.approx(-found["ELBO"].value / 3 / math.log(2))


def test_rates_are_the_divergences() -> None:
    """Of a ladder, in which both players draw z0 first."""
    game = table_game(LADDER)
    shown, hidden = data_of(game), hidden_states(game, "images")
    model = model_of(game)
    _, inferred = exact(game, "images")
    with torch.no_grad():
        rows = {name: each.repeat_interleave(len(hidden["z0"]), 0) for name, each in shown.items()}
        joint = rows | {name: each.repeat(20, *[1] * (each.dim() - 1)) for name, each in hidden.items()}
        logs = [models.log_factors(game, each, joint) for each in (model.proposal, model.factors)]
    found = figures(game, 4000)
    for name in ("z0", "z1"):
        expected = float(((logs[0][name] - logs[1][name]).view(20, -1) * inferred).sum(1).mean())
        assert expected > 0.05
        assert found[f"rate of {name}"].value == pytest.approx(expected, abs=0.02)


def test_more_samples_raise_the_bound_and_keep_the_first_ones() -> None:
    game = table_game(LADDER)
    values = [figures(game, samples)["log-likelihood"].value for samples in (1, 4, 64, 1024)]
    assert values == sorted(values)
    assert values[0] < values[-1] - 0.1


def test_a_linear_normal_game_has_its_closed_form() -> None:
    game = table_game(REALS, factor=1.0)
    shown = data_of(game)["x"]
    with torch.no_grad():
        points = torch.tensor([0.0, 1.0], dtype=game.dtype)
        means = game.players["decoder"].distribution("x | z", {"z": points}, 2).mean()
    slope = means[1] - means[0]
    covariance = torch.outer(slope, slope) + 0.25 * torch.eye(2, dtype=game.dtype)
    expected = torch.distributions.MultivariateNormal(means[0], covariance).log_prob(shown).mean()
    result = measured(game, 1500)
    found = result.blocks[0].figures
    assert abs(found["log-likelihood"].value - float(expected)) < 4.5 * found["Monte-Carlo error"].value < 0.5
    assert any("densities" in note for note in result.notes)
    assert not any("densities" in note for note in measured(table_game(LADDER), 4).notes)


def test_blocks_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = measured(table_game(LADDER), 50)
    monkeypatch.setattr(models, "MOST_ELEMENTS", 20 * 6 * 7)
    monkeypatch.setattr("gamelearn.metrics.label_maps.ROWS", 7)
    split = measured(table_game(LADDER), 50)
    for name, each in split.blocks[0].figures.items():
        assert each.value == pytest.approx(whole.blocks[0].figures[name].value, rel=1e-9)


def test_a_proposal_that_misses_the_posterior_is_told() -> None:
    narrow = REALS.replace("scale: 0.5", "scale: 0.001")
    assert "few samples carry the weight" in " ".join(measured(table_game(narrow), 64).notes)
    assert "few samples" not in " ".join(measured(table_game(REALS), 64).notes)


OTHER = "other: {factors: {z1 | x: {net: linear}, z0 | z1: {net: linear}}}"
TWO = REVERSE.replace("encoder: {factors", f"{OTHER}\n      encoder: {{factors").replace(
    "encoder: E[decoder(x, z)]", "other: E[decoder(x, z)] log other(z | x)\n      encoder: E[decoder(x, z)]"
)


@pytest.mark.parametrize(
    ("text", "options", "message"),
    [
        (TWO, {}, "needs 'model' and 'proposal', since several fit: decoder(z0), decoder(z1 | z0), decoder(x | z1) with other(z1 | x)"),
        (TWO, {"proposal": ("other",)}, None),
        (NO_PRIOR, {}, "needs a player that makes what a stream shows from variables that it hides, all of which it draws"),
        (LADDER, {"model": ("coder",)}, "unknown player 'coder'; known: 'decoder', 'encoder'; did you mean 'decoder'?"),
        (LADDER, {"stream": "image"}, "unknown stream 'image'"),
        (LADDER, {"model": ("encoder",)}, "(asked for: model 'encoder')"),
    ],
)
def test_players_are_found_or_named(text: str, options: dict[str, Any], message: str | None) -> None:
    named = {"stream": None, "model": None, "proposal": None, **options}
    reason = Likelihood(samples=1, count=1, **named).misfit(game_of(text).graph)
    assert reason is None if message is None else reason is not None and message in reason


def test_a_model_may_be_of_several_players() -> None:
    found = model_of(three())
    assert list(map(str, found.factors)) == ["prior(z)", "segmenter(s | z)", "painter(x | s, z)"]
    assert list(map(str, found.proposal)) == ["encoder(z | x, s)"]
    assert found.title() == "log p(x, s), hidden z"


def test_the_stream_that_shows_least_is_taken() -> None:
    found = model_of(table_game(LABELLED))
    assert (found.stream, found.hidden) == ("images", ("c", "z"))
    assert list(map(str, found.proposal)) == ["encoder(c | x)", "encoder(z | x, c)"]


AUXILIARY = """
    name: auxiliary
    variables: {x: {type: binary, shape: [3]}, z: {type: binary}, a: {type: binary}}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z: free, x | z: {net: linear}}}
      encoder: {factors: {a | x: {net: linear}, "z | x, a": {net: linear}}}
    utilities:
      decoder: E[images(x), encoder(z, a | x)] log decoder(x, z)
      encoder: E[images(x), encoder(a | x), decoder(z)] log encoder(z | x, a)
    train: {rounds: 1}
    """


def test_a_proposal_of_more_than_the_hidden_variables_is_none() -> None:
    """With a variable that the model does not have, the weights would be of another joint distribution."""
    assert Likelihood(stream=None, model=None, proposal=None, samples=1, count=1).misfit(game_of(AUXILIARY).graph) is not None


def test_what_a_stream_shows_and_nobody_draws_is_context() -> None:
    text = LABELLED.replace("c: free, ", "").replace("images: [x]", "labels: [c]").replace("c | x: {net: mlp, hidden: [4]}, ", "")
    text = (
        text.replace("decoder(x, c, z)", "decoder(x, z | c)")
        .replace("E[decoder", "E[labels(c), decoder")
        .replace("encoder(c, z | x)", "encoder(z | x, c)")
    )
    game = table_game(text)
    (block,) = measured(game, 2000).blocks
    assert block.title == "log p(x | c), hidden z"
    scored, _ = exact_logs(game, model_of(game, stream="pairs"), hidden_states(game, "pairs"), data_of(game, "pairs"))
    assert block.figures["log-likelihood"].value == pytest.approx(float(scored.logsumexp(1).mean()), abs=0.02)
