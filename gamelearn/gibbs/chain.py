"""A Gibbs chain that runs: every sweep draws each free variable once more from its conditional.

The state is a plain dictionary that goes in and comes out; statistics are taken by whoever watches the moves. Noise is keyed by
(seed, sampler, sweep, move, chain, row), so that neither the number of chains nor how rows are cut into blocks changes
a draw. This file runs chains.
"""

from collections.abc import Callable, Mapping, Sequence

import torch

from gamelearn import noise
from gamelearn.gibbs.evidence import Evidence
from gamelearn.losses import Runner
from gamelearn.plan.sampler import Move, SamplerPlan
from gamelearn.plan.steps import ColumnStep, NoisyStep
from gamelearn.players.player import Distribution

State = dict[str, torch.Tensor]
"""The value of every variable of a chain, `(chains * rows, *shape)`, chain by chain."""
Watch = Callable[[Move, Distribution, torch.Tensor], None]
"""Is told of a move, the conditional that was drawn from, and the value, with known elements in place."""


class GibbsChain:
    """Chains over the same rows, side by side.

    Args:
        runner: the players.
        plan: of the chain, for the variables that the evidence fixes.
        evidence: what is known.
        chains: how many chains each row has.
        seed: of the noise.
        first_row: the number of the first row, counted over all blocks.
    """

    def __init__(self, runner: Runner, plan: SamplerPlan, evidence: Evidence, *, chains: int, seed: int, first_row: int = 0) -> None:
        self.runner, self.plan = runner, plan
        self.rows, self.chains = evidence.rows, chains
        self._key = (seed, "gibbs", plan.sampler.name)
        self._first_row = first_row
        self._values = {name: self._repeated(value) for name, value in evidence.values.items()}
        self._known = {name: self._repeated(mask) for name, mask in evidence.known.items()}
        self._constants = self._fixed(evidence)

    @torch.no_grad()
    def _fixed(self, evidence: Evidence) -> State:
        """Return what does not change: known variables, and what is evaluated from them alone, once for all chains."""
        sampler = self.plan.sampler
        made = {name: evidence.values[name] for name in (*sampler.givens, *sampler.targets) if name in evidence.fixed}
        for step in self.plan.constants:
            made.update(self.runner.evaluate(step, made))
        return {name: self._repeated(value) for name, value in made.items()}

    def _repeated(self, value: torch.Tensor) -> torch.Tensor:
        return value.repeat(self.chains, *[1] * (value.dim() - 1))

    @torch.no_grad()
    def start(self, watch: Watch | None = None) -> State:
        """Return the state that the chain starts with; known elements are as the evidence says."""
        return self._moved(self.plan.start, {}, ("start",), watch)

    @torch.no_grad()
    def sweep(self, state: Mapping[str, torch.Tensor], number: int, watch: Watch | None = None, *, moves: int | None = None) -> State:
        """Return the state after one sweep, or after its first `moves` moves.

        Args:
            state: before it.
            number: of the sweep, from 0, which keys its noise.
            watch: is told of every move.
            moves: where to stop.
        """
        return self._moved(self.plan.sweep[:moves], dict(state), ("sweep", number), watch)

    def ends(self) -> list[int]:
        """Return the numbers of moves of the last sweep after which the chain may end, as its sampler says."""
        sampler = self.plan.sampler
        halves = range(len(sampler.sweep)) if sampler.after == "mixture" else [sampler.last_half_step]
        return [sum(move.half_step <= half for move in self.plan.sweep) for half in halves]

    def choose(self, states: Sequence[Mapping[str, torch.Tensor]]) -> State:
        """Return, row by row, one of several states, all equally probable."""
        if len(states) == 1:
            return dict(states[0])
        key = (*self._key, "half-step")
        parts = [noise.uniform((*key, number), self.rows, first_row=self._first_row) for number in range(self.chains)]
        chosen = (torch.cat(parts) * len(states)).long().to(self.runner.device)
        rows = torch.arange(len(chosen), device=self.runner.device)
        return {name: torch.stack([state[name] for state in states])[chosen, rows] for name in self.plan.sampler.targets}

    def _moved(self, moves: tuple[Move, ...], state: State, key: tuple[object, ...], watch: Watch | None) -> State:
        values = {**self._constants, **state}
        state = {**state, **{name: self._constants[name] for name in self.plan.sampler.targets if name in self._constants}}
        source = _ChainNoise((*self._key, *key), self)
        for move in moves:
            for step in move.evaluations:
                values.update(self.runner.evaluate(step, values))
            part = (self._values[move.variable], self._known[move.variable]) if self._has_part(move) else None
            distribution, drawn = self.runner.drawn(move.draw, values, source, part)
            drawn = self._clamped(move.variable, drawn)
            values[move.draw.key] = state[move.variable] = drawn
            if watch is not None:
                watch(move, distribution, drawn)
        return state

    def _has_part(self, move: Move) -> bool:
        return move.given_part and move.variable in self._known

    def _clamped(self, variable: str, drawn: torch.Tensor) -> torch.Tensor:
        if variable not in self._known:
            return drawn
        return torch.where(self._known[variable], self._values[variable], drawn)


class _ChainNoise:
    """The noise of one sweep of all chains."""

    def __init__(self, key: tuple[object, ...], chain: GibbsChain) -> None:
        self._key, self._chain = key, chain

    def column(self, step: ColumnStep) -> torch.Tensor:
        raise AssertionError("a chain reads no stream")

    def rows(self, name: str) -> int:
        return self._chain.rows * self._chain.chains

    def noise(self, step: NoisyStep, rows: int, shape: tuple[int, ...]) -> torch.Tensor:
        chain = self._chain
        make = noise.normal if step.kind == "normal" else noise.uniform
        first = chain._first_row
        parts = [make((*self._key, step.noise, number), chain.rows, shape, first_row=first) for number in range(chain.chains)]
        return torch.cat(parts).to(device=chain.runner.device, dtype=chain.runner.dtype)
