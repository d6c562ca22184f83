"""The estimators against exact enumeration: the unbiased ones within their confidence interval, the others with the bias that they have.

This file compares gradients.
"""

from dataclasses import dataclass

import pytest
import torch

from gamelearn.analysis.exact import log_likelihood
from gamelearn.game import Game
from gamelearn.losses import owned_by
from gamelearn.plan.round import make_plan
from tests.estimators.games import CLASSES, LADDER, LATER_DRAWS, LINEAR, PAST_A_SAMPLER, QUADRATIC, REALS, sharp
from tests.support import place_of, round_gradients, source_of
from tests.test_oracles import exact_gradients, tables_of

NO_BASELINE = "{type: reinforce, baseline: none}"
UNBIASED = {
    "ladder, reinforce": (LADDER, "reinforce"),
    "ladder, reinforce without a baseline": (LADDER, NO_BASELINE),
    "classes, reinforce": (CLASSES, "reinforce"),
    "later draws, reinforce": (LATER_DRAWS, "reinforce"),
    "past a sampler, reinforce": (PAST_A_SAMPLER, "reinforce"),
    "quadratic in each bit, gregor": (QUADRATIC, "gregor"),
    "linear, straight-through": (LINEAR, "straight_through"),
}


@dataclass(frozen=True)
class Comparison:
    """Gradients of many rounds beside the exact one: `(rounds, parameters)` and `(parameters,)`, the loss first."""

    samples: torch.Tensor
    exact: torch.Tensor

    @property
    def score(self) -> float:
        """The largest distance of a mean from the exact value, in standard errors."""
        error = self.samples.std(0) / len(self.samples) ** 0.5
        return float(((self.samples.mean(0) - self.exact).abs() / (error + 1e-12)).max())

    @property
    def bias(self) -> float:
        """The length of the bias of the gradient relative to that of the exact gradient, less what chance adds."""
        error = (self.samples[:, 1:].var(0) / len(self.samples)).sum()
        off = (self.samples[:, 1:].mean(0) - self.exact[1:]).square().sum() - error
        return float(off.clamp_min(0).sqrt() / self.exact[1:].norm())

    @property
    def spread(self) -> float:
        """The standard deviation of a round's gradient relative to the length of the exact one."""
        return float(self.samples[:, 1:].std(0).norm() / self.exact[1:].norm())


def compared(game: Game, player: str, *, rounds: int = 40, rows: int = 1000, closed: bool = False) -> Comparison:
    """Return the gradients of a player in many rounds, and the exact one."""
    plan = make_plan(game.graph, "main", closed=closed)
    index = place_of(plan, player)
    made = [round_gradients(game, plan, source_of(game, tables_of(game), rows=rows, round_number=each))[index] for each in range(rounds)]
    loss, exact = exact_gradients(game, player)
    assert all(set(gradients) == set(exact) for _, gradients in made)
    return Comparison(torch.stack([flat(loss, {name: found[name] for name in exact}) for loss, found in made]), flat(loss, exact))


def flat(loss: float, gradients: dict[str, torch.Tensor]) -> torch.Tensor:
    return torch.cat([torch.tensor([loss]).double(), *(each.flatten() for each in gradients.values())])


@pytest.mark.parametrize("closed", [False, True], ids=["sampled", "closed forms"])
@pytest.mark.parametrize("name", UNBIASED)
def test_unbiased_estimates_lie_within_their_confidence_interval(name: str, closed: bool) -> None:
    game = sharp(*UNBIASED[name])
    for player in game.players:
        found = compared(game, player, closed=closed)
        assert len(found.exact) > 5
        assert float(found.exact[1:].abs().max()) > 0.1  # a gradient of zero would pass anything
        assert found.score < 4.5, player
        assert found.bias < 0.05


def test_a_bias_is_seen() -> None:
    assert compared(sharp(QUADRATIC, "straight_through"), "encoder").score > 10


def test_biases_are_those_that_the_estimators_have() -> None:
    found = {each: compared(sharp(LADDER, each), "encoder") for each in ("gregor", "straight_through", "gumbel")}
    assert 0.02 < found["gregor"].bias < 0.05 < found["straight_through"].bias < 0.1 < found["gumbel"].bias < 0.2
    assert all(each.score > 5 for each in found.values())


def test_a_lower_temperature_has_less_bias_and_more_spread() -> None:
    high, low = (compared(sharp(CLASSES, f"{{type: gumbel, temperature: {each}}}"), "encoder") for each in (1.0, 0.2))
    assert low.bias < high.bias / 2
    assert low.spread > high.spread


def test_the_baseline_lowers_the_spread() -> None:
    with_baseline, without = (compared(sharp(LADDER, each), "encoder", rows=100) for each in ("reinforce", NO_BASELINE))
    assert with_baseline.spread < 0.7 * without.spread


def test_the_baseline_of_two_rows_is_unbiased() -> None:
    """A mean over all rows, the row itself included, would halve the gradient here."""
    assert compared(sharp(CLASSES, "reinforce"), "encoder", rounds=4000, rows=2).score < 4.5


def grid_gradients(game: Game) -> tuple[float, dict[str, torch.Tensor]]:
    """Return minus the utility of the encoder by a sum over a grid of z, with its gradient: p(draw) carries it, too."""
    (term,) = game.graph.stages["main"].utilities["encoder"]
    rows, points = tables_of(game)["images"]["x"], torch.linspace(-9, 9, 3001, dtype=game.dtype)
    values = {"x": rows.repeat_interleave(len(points), 0), "z": points.repeat(len(rows))}
    encoder = game.graph.factor("encoder", "z | x")
    bound = next(each for _, each in term.score if each.factor == encoder)
    with owned_by("encoder", game.players):
        density = log_likelihood(bound, values, game.players).exp() * (18 / 3000) / len(rows)
        score = torch.stack([sign * log_likelihood(each, values, game.players) for sign, each in term.score]).sum(0)
        loss = -(density * score).sum()
        loss.backward()
    found = {name: each.grad.clone() for name, each in game.players["encoder"].named_parameters() if each.grad is not None}
    game.players["encoder"].zero_grad(set_to_none=True)
    return float(loss.detach()), found


@pytest.mark.parametrize("estimator", ["pathwise", "reinforce"])
def test_real_draws_lie_within_the_confidence_interval_of_an_integral(estimator: str) -> None:
    game = sharp(REALS, estimator, factor=1.5)
    plan = make_plan(game.graph, "main")
    index = place_of(plan, "encoder")
    made = [round_gradients(game, plan, source_of(game, tables_of(game), rows=1000, round_number=each))[index] for each in range(40)]
    loss, exact = grid_gradients(game)
    assert all(set(gradients) == set(exact) for _, gradients in made)
    found = Comparison(torch.stack([flat(loss, {name: each[name] for name in exact}) for loss, each in made]), flat(loss, exact))
    assert any("families" in name for name in exact)  # the scale is moved along the path, too
    assert float(found.exact[1:].abs().max()) > 0.1
    assert found.score < 4.5


@pytest.mark.parametrize("text", [LADDER, CLASSES, LATER_DRAWS], ids=["ladder", "classes", "later draws"])
@pytest.mark.parametrize("estimator", ["reinforce", "straight_through", "gumbel"])
@pytest.mark.parametrize("mode", ["parallel", "sequence"])
def test_sharing_does_not_change_gradients(text: str, estimator: str, mode: str) -> None:
    text = text.replace("    schedule: {mode: parallel}\n", "").rstrip() + f"\n    schedule: {{mode: {mode}}}\n"
    game = sharp(text, estimator)
    plans = [make_plan(game.graph, "main", share=share) for share in (True, False)]
    found = [round_gradients(game, plan, source_of(game, tables_of(game), rows=50, round_number=3)) for plan in plans]
    for (loss, gradients), (other_loss, other_gradients) in zip(*found, strict=True):
        assert loss == pytest.approx(other_loss, rel=1e-12)
        for key, gradient in gradients.items():
            torch.testing.assert_close(gradient, other_gradients[key], rtol=1e-10, atol=1e-12)


@pytest.mark.parametrize(
    ("text", "estimator"),
    [(LADDER, "reinforce"), (LADDER, "straight_through"), (LADDER, "gregor"), (CLASSES, "reinforce"), (CLASSES, "straight_through")],
)
def test_draws_with_a_gradient_are_those_without(text: str, estimator: str) -> None:
    """The decoder takes draws from the completion that the encoder makes again, from the same noise."""
    game = sharp(text, estimator)
    plan = make_plan(game.graph, "main", share=False)
    (first, _), (second, _) = round_gradients(game, plan, source_of(game, tables_of(game), rows=50, round_number=0))
    assert first == pytest.approx(second, rel=1e-12)


@pytest.mark.parametrize("text", [LADDER, CLASSES, LATER_DRAWS, QUADRATIC], ids=["ladder", "classes", "later draws", "quadratic"])
def test_no_gradient_reaches_another_player(text: str) -> None:
    game = sharp(text, "straight_through")
    plan = make_plan(game.graph, "main")
    round_gradients(game, plan, source_of(game, tables_of(game), rows=20, round_number=0))
    assert all(each.grad is None for player in game.players.values() for each in player.parameters())
