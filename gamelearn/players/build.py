"""Players as modules, sized from the graph.

Each network is drawn from a seed of its own, so that another player changes nothing. This file builds the players.
"""

from collections.abc import Mapping

import torch
from torch import nn

from gamelearn import noise
from gamelearn.graph.model import Factor, FreeScore, Graph, Network, NetworkScore
from gamelearn.graph.model import Player as PlayerNode
from gamelearn.networks.initial import set_to_zero
from gamelearn.networks.port import Port
from gamelearn.networks.wired import Wired
from gamelearn.options import Mistake, Path
from gamelearn.players.conditional import Conditional
from gamelearn.players.player import ConditionableDistribution, Player
from gamelearn.players.watch import watched
from gamelearn.registry import FAMILIES, NETWORKS, PLAYERS
from gamelearn.spec.kinds import ConditionalOptions


class BuildError(Exception):
    """Networks or families that do not fit the variables they were given."""

    def __init__(self, mistakes: tuple[Mistake, ...]) -> None:
        super().__init__("; ".join(each.what for each in mistakes))
        self.mistakes = mistakes


def build_players(graph: Graph) -> dict[str, Player]:
    """Return the players of a game as modules, on the current default device.

    Raises:
        BuildError: a network, family or player cannot be built for the shapes it is given; all of them at once.
    """
    builder = _Builder(graph)
    players = {name: builder.player(node) for name, node in graph.players.items()}
    if builder.mistakes:
        raise BuildError(tuple(builder.mistakes))
    built = {name: player for name, player in players.items() if player is not None}
    for player in built.values():
        if isinstance(player, Conditional):
            player.connect(built, {label: graph.flat_scores(factor) for label, factor in player.factors.items()})
    return built


class _Builder:
    def __init__(self, graph: Graph) -> None:
        self.graph = graph
        self.mistakes: list[Mistake] = []

    def player(self, node: PlayerNode) -> Player | None:
        if not isinstance(node.options, ConditionalOptions):
            return self._guarded(("players", node.name), node.name, lambda: self._own_type(node))
        networks = {name: self._network(network) for name, network in node.networks.items()}
        families = {label: self._family(factor) for label, factor in node.factors.items()}
        if None in networks.values() or None in families.values():
            return None
        free = {
            label: self._raw_shape(factor)
            for label, factor in node.factors.items()
            if any(isinstance(score, FreeScore) for score in factor.scores)
        }
        made = {name: network for name, network in networks.items() if network is not None}
        found = {label: family for label, family in families.items() if family is not None}
        return Conditional(node.factors, self.graph.variables, networks=made, families=found, free=free)

    def _own_type(self, node: PlayerNode) -> Player:
        build = PLAYERS[node.options.type].build
        return build(node.factors, self.graph.variables, **node.options.own_options())

    def _guarded(self, path: Path, name: str, build):  # type: ignore[no-untyped-def]
        """Build from a seed of the name's own, leaving torch's generator as it was; what fails is noted."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(noise.integer((self.graph.seed, "parameters", name)))
            try:
                return build()
            except (ValueError, RuntimeError, TypeError) as error:
                self.mistakes.append(Mistake(path, _sentence(error)))
                return None

    def _raw_shape(self, factor: Factor) -> tuple[int, ...]:
        variable = self.graph.variables[factor.target]
        channels = factor.family.channels(variable.classes) if factor.family else 1
        return (channels, *variable.shape)

    def _family(self, factor: Factor) -> nn.Module | None:
        variable, options = self.graph.variables[factor.target], factor.family
        if options is None:
            return None
        build = FAMILIES[options.type].build
        return self._guarded(
            factor.path,
            f"{factor.player}.{factor.label}",
            lambda: build(variable.shape, classes=variable.classes, **options.own_options()),
        )

    def _network(self, network: Network) -> Wired | None:
        inputs = tuple(self._input_port(name) for name in network.inputs)
        outputs = self._output_ports(network)
        if outputs is None:
            return None
        return self._guarded(network.path, f"{network.player}.{network.name}", lambda: self._wired(network, inputs, outputs))

    def _wired(self, network: Network, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> Wired:
        module = NETWORKS[network.options.net].build(inputs, outputs, **network.options.own_options())
        moving = [name for name, _ in module.named_buffers() if "running" in name or "num_batches" in name]
        if moving:
            raise ValueError(
                f"the network {network.options.net!r} keeps moving statistics ({moving[0]}), which mix data with draws: use group normalisation"
            )
        if network.options.init and not hasattr(module, "output_layers"):
            raise ValueError(f"the network {network.options.net!r} does not say which layers are its last (output_layers), as 'init' needs")
        if network.options.init == "zero":
            set_to_zero(module)
        return Wired(module, inputs, outputs)

    def _input_port(self, name: str) -> Port:
        variable = self.graph.variables[name]
        return Port(name, variable.classes or 1, variable.shape)

    def _output_ports(self, network: Network) -> tuple[Port, ...] | None:
        """Return a port per head, with the channels of the family that reads it."""
        ports = []
        for head, name in network.heads.items():
            readers = self._readers(network, head)
            shapes = {self._raw_shape(factor) for factor in readers}
            if len(shapes) > 1:
                listed = ", ".join(f"{self._raw_shape(factor)[0]} per element for {factor}" for factor in readers)
                what = f"the head {network.name}.{head} cannot give raw outputs of different widths: {listed}"
                self.mistakes.append(Mistake(network.path, what))
                return None
            channels = shapes.pop()[0] if shapes else 1
            ports.append(Port(head, channels, self.graph.variables[name].shape))
        return tuple(ports)

    def _readers(self, network: Network, head: str) -> list[Factor]:
        score = NetworkScore(network.player, network.name, head)
        return [factor for factor in self.graph.players[network.player].factors.values() if score in factor.scores]


def _sentence(error: Exception) -> str:
    return str(error).strip().split("\n")[0]


def try_shapes(graph: Graph, players: Mapping[str, Player], rows: int = 2) -> list[Mistake]:
    """Run every factor once on values of the right shapes (on the meta device: nothing is computed); return what fails."""
    found = []
    for name, node in graph.players.items():
        for label, factor in node.factors.items():
            values = {given: _blank(graph, given, rows) for given in factor.givens}
            try:
                with watched(players) as misdeeds:
                    distribution = players[name].distribution(label, values, rows)
                    score = distribution.log_prob(_blank(graph, factor.target, rows))
                found += [Mistake(factor.path, f"{factor} {each}") for each in misdeeds]
                if node.options.has_given and not isinstance(distribution, ConditionableDistribution):
                    what = f"the type {node.options.type!r} says that it has 'given', but the distribution of {factor} has not"
                    found.append(Mistake(factor.path, what))
                if score.shape[0] != rows:
                    found.append(Mistake(factor.path, f"the log-likelihood of {factor} has {score.shape[0]} rows, expected {rows}"))
            except (ValueError, RuntimeError, TypeError, IndexError) as error:
                found.append(Mistake(factor.path, f"{factor} cannot be computed: {_sentence(error)}"))
    return found


def _blank(graph: Graph, name: str, rows: int) -> torch.Tensor:
    variable = graph.variables[name]
    dtype = torch.int64 if variable.type == "categorical" else torch.get_default_dtype()
    return torch.zeros((rows, *variable.shape), dtype=dtype)
