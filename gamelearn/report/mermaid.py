"""The graph of a game as a mermaid flowchart. This file writes it."""

from collections.abc import Iterator

from gamelearn.graph.model import Graph


def mermaid_of(graph: Graph) -> str:
    """Return a flowchart: variables as circles, factors as boxes inside their players, streams as cylinders."""
    return "\n".join(["flowchart LR", *(f"  {line}" for line in _lines(graph))]) + "\n"


def _lines(graph: Graph) -> Iterator[str]:
    for name in graph.variables:
        yield f'v_{name}(("{name}"))'
    for name in graph.streams:
        yield f's_{name}[("{name}")]'
    edges = [f"s_{name} --> v_{variable}" for name, stream in graph.streams.items() for variable in stream.variables]
    for player in graph.players.values():
        yield f'subgraph p_{player.name}["{player.name}"]'
        for number, factor in enumerate(player.factors.values()):
            box = f"f_{player.name}_{number}"
            yield f'  {box}["{factor.label}"]'
            edges += [f"v_{given} --> {box}" for given in factor.givens]
            edges.append(f"{box} --> v_{factor.target}")
        yield "end"
    yield from edges
