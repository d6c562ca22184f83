"""Chains against the matrices of their half-steps: occupation, orders, half-steps, clamps, masks. This file counts states."""

from collections.abc import Mapping

import pytest
import torch
from scipy.stats import chi2

from gamelearn.analysis.kernel import TableChain, stationary
from gamelearn.game import Game
from gamelearn.gibbs.chain import GibbsChain
from gamelearn.gibbs.evidence import read_evidence
from gamelearn.inference import infer
from gamelearn.losses import Values, complete
from gamelearn.plan.round import make_plan
from gamelearn.plan.sampler import plan_sampler
from gamelearn.plan.steps import LogStep
from gamelearn.sampling import limiting
from tests.gibbs.games import THREE, decisive, three
from tests.support import game_of, source_of

ROWS = 20_000
SWEEPS = 25


@pytest.fixture(scope="module")
def game() -> Game:
    return three()


def table_chain(game: Game, sampler: str, given: Mapping[str, torch.Tensor], known: Mapping[str, torch.Tensor] | None = None) -> TableChain:
    return TableChain(game.graph, game.players, game.graph.samplers[sampler], given=given, known=known or {}, dtype=game.dtype)


def counts_of(table: TableChain, drawn: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return how often each state of the table was drawn."""
    place = torch.zeros(len(next(iter(drawn.values()))), dtype=torch.int64)
    for (name, values), size in zip(table.values.items(), table.sizes, strict=True):
        hit = (drawn[name].unsqueeze(1) == values.unsqueeze(0)).reshape(len(drawn[name]), len(values), -1).all(2)
        assert bool((hit.sum(1) == 1).all()), f"{name} took a value that the evidence excludes"
        place = place * size + hit.int().argmax(1)
    return torch.bincount(place, minlength=int(torch.tensor(table.sizes).prod()))


def fits(counts: torch.Tensor, expected: torch.Tensor) -> bool:
    """Return whether counts of independent draws fit a distribution: the chi-square test at one in 10,000."""
    number = counts.sum()
    common = expected * number >= 5
    rare_counts, rare = counts[~common].sum(), expected[~common].sum()
    observed = torch.cat([counts[common], rare_counts.view(1)]).double()
    wanted = torch.cat([expected[common], rare.view(1)]).double() * number
    statistic = ((observed - wanted) ** 2 / wanted.clamp_min(1e-9)).sum()
    return bool(statistic < chi2.ppf(1 - 1e-4, len(observed) - 1))


def run_chain(game: Game, sampler: str, given: Mapping[str, torch.Tensor], hide: Mapping[str, torch.Tensor]) -> dict[str, torch.Tensor]:
    wide = {name: value.expand(ROWS, *value.shape) for name, value in given.items()}
    evidence = read_evidence(game.graph.variables, wide, hide, rows=ROWS, device=game.device, dtype=game.dtype)
    plan = plan_sampler(game.graph, game.graph.samplers[sampler], evidence.fixed)
    chain = GibbsChain(game.runner(), plan, evidence, chains=1, seed=3)
    state = chain.start()
    for number in range(SWEEPS):
        state = chain.sweep(state, number)
    return {name: state[name] for name in game.graph.samplers[sampler].targets}


@pytest.mark.parametrize("sampler", ["limit", "turned", "half", "mixed"])
def test_occupation_is_the_limiting_distribution_of_the_kernel(game: Game, sampler: str) -> None:
    table = table_chain(game, sampler, {})
    drawn = limiting(game, ROWS, sampler=sampler, sweeps=SWEEPS, block=ROWS)
    assert fits(counts_of(table, drawn), table.limit())


def test_limits_of_inconsistent_players_depend_on_order_and_half_step(game: Game) -> None:
    tables = {sampler: table_chain(game, sampler, {}) for sampler in ("limit", "turned", "half", "mixed")}
    assert len({tuple(table.values) for table in tables.values()}) == 1  # so their states are in one order
    limits = {sampler: table.limit() for sampler, table in tables.items()}
    counts = counts_of(table_chain(game, "limit", {}), limiting(game, ROWS, sampler="limit", sweeps=SWEEPS, block=ROWS))
    assert not fits(counts, limits["turned"])
    assert not fits(counts, limits["half"])
    assert not fits(counts, limits["mixed"])


CLAMPS: dict[str, tuple[dict[str, torch.Tensor], dict[str, torch.Tensor]]] = {
    "whole": ({"x": torch.tensor([2, 0])}, {}),
    "two whole": ({"x": torch.tensor([1, 1]), "z": torch.tensor(1.0, dtype=torch.float64)}, {}),
    "part": ({"x": torch.tensor([2, 0])}, {"x": torch.tensor([True, False])}),
    "parts": (
        {"x": torch.tensor([2, 0]), "s": torch.tensor([1.0, 0.0], dtype=torch.float64)},
        {"x": torch.tensor([False, True]), "s": torch.tensor([True, False])},
    ),
}


@pytest.mark.parametrize("sampler", ["limit", "turned"])
@pytest.mark.parametrize("case", CLAMPS)
def test_clamped_chains_occupy_what_the_clamped_kernel_says(game: Game, sampler: str, case: str) -> None:
    given, hide = CLAMPS[case]
    drawn = run_chain(game, sampler, given, hide)
    table = table_chain(game, sampler, given, {name: ~mask for name, mask in hide.items()})
    assert fits(counts_of(table, drawn), table.limit())


def test_the_masked_limit_is_not_that_of_another_pattern(game: Game) -> None:
    given = {"x": torch.tensor([2, 0])}
    drawn = run_chain(game, "limit", given, {"x": torch.tensor([True, False])})
    free = {name: value for name, value in drawn.items() if name != "x"}
    whole = run_chain(game, "limit", given, {})
    table = table_chain(game, "limit", given)
    assert fits(counts_of(table, whole), table.limit())
    assert not fits(counts_of(table, {**free, "x": whole["x"]}), table.limit())


@pytest.mark.parametrize("estimate", ["conditionals", "counts"])
def test_marginals_converge_to_those_of_the_kernel_row_by_row(game: Game, estimate: str) -> None:
    """Every row has a pattern of its own; one chain of 4,000 sweeps for each."""
    x = torch.tensor([[2, 0], [2, 0], [1, 1], [0, 2]])
    hide = torch.tensor([[False, False], [True, False], [False, True], [True, True]])
    counts = {"sweeps": 2000, "chains": 2, "burn_in": 20}
    found = infer(game, {"x": x}, hide={"x": hide}, want=["s", "z", "x"], sampler="limit", estimate=estimate, **counts)  # type: ignore[arg-type]
    for row in range(len(x)):
        table = table_chain(game, "limit", {"x": x[row]}, {"x": ~hide[row]})
        states, limit = table.states(), table.limit()
        for name in ("s", "z"):
            exact = (limit.view(-1, *[1] * (states[name].dim() - 1)) * states[name]).sum(0)
            assert torch.allclose(found.mean[name][row].double(), exact, atol=0.03)
        exact_classes = torch.stack([(limit.view(-1, 1) * (states["x"] == k)).sum(0) for k in range(3)])
        assert torch.allclose(found.mean["x"][row].double(), exact_classes, atol=0.03)


CALLS = {
    "pair": ("E[prior(z), pair(x, s | z)]", ""),
    "start of several draws": ("E[prior(z), again(x, s | z)]", ""),
    "from any half-step": ("E[mixed(x, s, z)]", ", sweeps: 2, after: mixture}"),
    "from a half-step": ("E[half(x, s, z)]", ', sweeps: 2, after: "painter(x | s, z)"}'),
}


@pytest.mark.parametrize("mode", ["parallel", "sequence"])
@pytest.mark.parametrize("case", CALLS)
def test_a_call_in_a_utility_draws_what_its_matrices_say(case: str, mode: str) -> None:
    """The joint of all variables after the sweeps that the call makes, not the limit."""
    chain, ending = CALLS[case]
    name = chain.split(",")[-3 if "(x, s, z)" in chain else -2].split("[")[-1].split("(")[0].strip()
    text = THREE.replace("E[prior(z), pair(x, s | z)] log encoder", f"{chain} log encoder").rstrip() + f"\n    schedule: {{mode: {mode}}}\n"
    if ending:
        old = ", after: mixture}" if name == "mixed" else ', after: "painter(x | s, z)"}'
        text = text.replace(old, ending)
    game = decisive(game_of(text))
    plan = make_plan(game.graph, "main")
    source = source_of(game, {"pairs": {"x": torch.zeros(5, 2, dtype=torch.int64), "s": torch.zeros(5, 2)}}, rows=ROWS, round_number=0)
    values: Values = {}
    for phase in plan.phases:
        values = complete(game.runner(), phase.completion, values, source)
    (log,) = [step for step in plan.turns[-1].steps if isinstance(step, LogStep)]
    drawn = {"z": values[log.value], **{given: values[ref] for given, ref in log.inputs}}
    sampler = game.graph.samplers[name]
    expected, counts = [], []
    for z in (0.0, 1.0) if sampler.givens else (None,):
        given = {} if z is None else {"z": torch.tensor(z, dtype=game.dtype)}
        table = TableChain(game.graph, game.players, sampler, given=given, known={}, dtype=game.dtype)
        rows = torch.ones(ROWS, dtype=torch.bool) if z is None else drawn["z"] == z
        expected.append(table.distribution(sampler.sweeps or 1) * (1.0 if z is None else 0.5))
        counts.append(counts_of(table, {each: drawn[each][rows] for each in sampler.targets}))
    assert fits(torch.cat(counts), torch.cat(expected))


def test_an_early_end_is_of_the_last_sweep_of_inference(game: Game) -> None:
    """What `drawn` holds is the state after the half-step that the sampler says."""
    for sampler in ("half", "mixed", "limit"):
        found = infer(game, rows=ROWS, sampler=sampler, want=["x", "s", "z"], sweeps=SWEEPS, burn_in=0, chains=1, block=ROWS)
        drawn = {name: value[0] for name, value in found.drawn.items()}
        fitting = [
            each
            for each in ("half", "mixed", "limit")
            if fits(counts_of(table_chain(game, each, {}), drawn), table_chain(game, each, {}).limit())
        ]
        assert fitting == [sampler]


def test_a_start_is_clamped(game: Game) -> None:
    evidence = read_evidence(
        game.graph.variables,
        {"s": torch.ones(50, 2)},
        {"s": torch.tensor([True, False])},
        device=game.device,
        dtype=game.dtype,
    )
    chain = GibbsChain(game.runner(), plan_sampler(game.graph, game.graph.samplers["limit"]), evidence, chains=2, seed=0)
    state = chain.start()
    assert bool((state["s"][:, 1] == 1).all())
    assert 0 < float(state["s"][:, 0].mean()) < 1


def test_several_limits_are_refused() -> None:
    with pytest.raises(ValueError, match="several stationary distributions"):
        stationary(torch.eye(3, dtype=torch.float64))
