"""Bias and spread of the gradient estimators, beside the exact gradient of the evidence lower bound of small games.

    python benchmarks/estimators.py --rounds 200 --rows 1000 [--sampled]

The games are small enough that every value of their variables is enumerated. Their parameters are drawn wider than at the start of a
training, so that the utility is far from linear in the draws. For the encoder's gradient the table gives the length of the
bias relative to that of the exact gradient, with its standard error; the cosine of the mean with the exact gradient; and the spread, the standard
deviation of the gradient of one row relative to the same length. With `--sampled` no divergence is taken in closed form. This file makes the table of `docs/estimators.md`.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass

import torch

from gamelearn.analysis.exact import exact_utility
from gamelearn.game import Game, compile_game
from gamelearn.graph.build import build_graph
from gamelearn.losses import complete, objectives, owned_by
from gamelearn.plan.round import make_plan
from gamelearn.plugins import load_builtins
from gamelearn.sources import RoundSource
from gamelearn.spec.schema import Spec

BITS = {"type": "binary", "shape": [4]}
MLP = {"net": "mlp", "hidden": [6]}
NATURE = {"factors": {"x": "uniform"}}
NORMAL = {"net": "linear", "family": {"type": "normal", "scale": 0.8}}
ELBO = "E[nature(x), encoder({z} | x)] log decoder({target}{z}) - log encoder({z} | x)"
ESTIMATORS = {
    "bits": (
        "reinforce",
        {"type": "reinforce", "baseline": "none"},
        "gregor",
        "straight_through",
        *({"type": "gumbel", "temperature": each} for each in (1.0, 0.5, 0.2)),
    ),
    "classes": (
        "reinforce",
        {"type": "reinforce", "baseline": "none"},
        "straight_through",
        *({"type": "gumbel", "temperature": each} for each in (1.0, 0.5, 0.2)),
    ),
}


@dataclass(frozen=True)
class Case:
    """A game: what its codes are, and the rest of its spec."""

    codes: str
    variables: dict[str, object]
    decoder: dict[str, object]
    encoder: dict[str, object]
    networks: dict[str, object]
    names: tuple[str, ...]

    def spec(self, gradient: object) -> dict[str, object]:
        """Return the spec of the game with an estimator."""
        formula = ELBO.format(z=", ".join(self.names), target="x, ")
        term = {"term": formula, "gradient": gradient}
        return {
            "name": "estimators",
            "variables": {"x": BITS, **self.variables},
            "players": {
                "nature": NATURE,
                "decoder": {"factors": self.decoder},
                "encoder": {"factors": self.encoder, "networks": self.networks},
            },
            "utilities": {"decoder": term, "encoder": term},
            "schedule": {"mode": "parallel"},
            "train": {"rounds": 1},
        }


CASES = {
    "one layer of bits": Case("bits", {"z": BITS}, {"z": "free", "x | z": MLP}, {"z | x": MLP}, {}, ("z",)),
    "two layers, ladder": Case(
        "bits",
        {"z0": {"type": "binary", "shape": [2]}, "z1": {"type": "binary", "shape": [3]}},
        {"z0": "free", "z1 | z0": {**MLP, "skip": True}, "x | z1": MLP},
        {"z0 | x": "trunk.s0", "z1 | z0, x": ["decoder(z1 | z0)", "trunk.s1"]},
        {"trunk": {**MLP, "inputs": ["x"], "outputs": {"s0": "z0", "s1": "z1"}}},
        ("z0", "z1"),
    ),
    "classes": Case(
        "classes", {"z": {"type": "categorical", "classes": 3, "shape": [2]}}, {"z": "free", "x | z": MLP}, {"z | x": MLP}, {}, ("z",)
    ),
}


def game_of(case: Case, gradient: object) -> Game:
    """Return a game in double precision with wide parameters."""
    game = compile_game(build_graph(Spec.model_validate(case.spec(gradient))), dtype=torch.float64)
    generator = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for player in game.players.values():
            for parameter in player.parameters():
                parameter.mul_(2.5).add_(0.3 * torch.randn(parameter.shape, generator=generator, dtype=parameter.dtype))
    return game


def gradient_of(game: Game, loss: torch.Tensor) -> torch.Tensor:
    """Return the encoder's gradient of a loss, `(parameters,)`."""
    parameters = list(game.players["encoder"].parameters())
    return torch.cat([each.flatten() for each in torch.autograd.grad(loss, parameters)])


def exact(game: Game) -> torch.Tensor:
    """Return the exact gradient of the encoder's loss."""
    (term,) = game.graph.stages["main"].utilities["encoder"]
    with owned_by("encoder", game.players):
        return gradient_of(game, -exact_utility(game.graph, game.players, term, {}, game.dtype))


def estimates(game: Game, rounds: int, rows: int, *, closed: bool) -> Iterator[torch.Tensor]:
    """Yield the gradient of the encoder's loss in every round."""
    plan = make_plan(game.graph, "main", closed=closed)
    objective = next(each for each in objectives(game.runner(), plan.turns) if each.turn.player == "encoder")
    for number in range(rounds):
        source = RoundSource(
            None, {"default": rows}, seed=0, stage="main", round_number=number, position=0, device=game.device, dtype=game.dtype
        )
        values = complete(game.runner(), plan.phases[0].completion, {}, source)
        with owned_by("encoder", game.players):
            yield gradient_of(game, objective(values)[0])


def row(case: Case, gradient: object, rounds: int, rows: int, *, closed: bool) -> str:
    """Return the figures of an estimator in a game as a row of a table."""
    game = game_of(case, gradient)
    target, samples = exact(game), torch.stack(list(estimates(game, rounds, rows, closed=closed)))
    length, mean, error = target.norm(), samples.mean(0), samples.var(0).sum() / rounds
    bias = ((mean - target).square().sum() - error).clamp_min(0).sqrt() / length
    cosine = torch.nn.functional.cosine_similarity(mean, target, dim=0)
    spread = (samples.var(0).sum() * rows).sqrt() / length
    return f"{bias:.3f} ± {error.sqrt() / length:.3f} | {cosine:.3f} | {spread:.1f}"


def title(gradient: object) -> str:
    """Return an estimator as a spec writes it."""
    return gradient if isinstance(gradient, str) else "{" + ", ".join(f"{name}: {value}" for name, value in dict(gradient).items()) + "}"  # type: ignore[call-overload]


def main() -> None:
    """Print the table in Markdown."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=200)
    parser.add_argument("--rows", type=int, default=1000)
    parser.add_argument("--sampled", action="store_true")
    arguments = parser.parse_args()
    load_builtins()
    print("| game | gradient | bias | cosine | spread |\n|---|---|---|---|---|")
    for name, case in CASES.items():
        for gradient in ESTIMATORS[case.codes]:
            print(
                f"| {name} | `{title(gradient)}` | {row(case, gradient, arguments.rounds, arguments.rows, closed=not arguments.sampled)} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
