"""Whether encoder and decoder of a game agree: distances between their joint distributions. This file registers the metric."""

from itertools import combinations
from typing import Literal

from gamelearn.errors import GamelearnError
from gamelearn.features.choice import build_features
from gamelearn.game import Game
from gamelearn.graph.model import Graph, Variable
from gamelearn.metrics.frechet_distance import frechet_figure
from gamelearn.metrics.generated import LIMITING, RANDOM_CODE, Generation, title_of, why_not
from gamelearn.metrics.images import FeatureSpace, ImageOptions, find_features, find_image, image_shape, row_count
from gamelearn.metrics.joints import Joint, JointSpace, Parts, find_joint, infer_joint, joined, scales_of, vector_width
from gamelearn.metrics.metric import Block, Context, Figure, Metric, MetricError, MetricResult, Table
from gamelearn.options import Listed
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import FeatureOptions, Name

_WIDEST = 2048
_DECODER, _ENCODER, _OTHERS = "decoder", "encoder", "encoder, other data"


class ConsistencyOptions(ImageOptions):
    """The options of `consistency`."""

    images: Literal["decided", "drawn"] = "drawn"
    """`drawn`: generated images are draws, so that players who agree have distance 0; `decided`: as in `frechet`."""
    variables: Listed[Name] | None = None
    """The variables that are compared together with the image; by default all that the generating player draws."""


@METRICS.register("consistency", options=ConsistencyOptions)
class Consistency(Metric):
    """Frechet distances between the joints of image and code that decoder, encoder and Gibbs chain have, pair by pair.

    For a decoder p and an encoder q these are the joint distributions

        decoder: p(z) p(x | z)     encoder: data(x) q(z | x)     limiting: the state of the chain

    each as vectors (features of x, z), with classes one-hot. The decoder is the player that generates everything; what the data do not
    show is drawn by the most informed factors of the others. Every variable's block is divided by the root of its total variance in the
    encoder's joint, so that all count alike, and the distance has no unit. The table has the distances of single variables. At
    finite counts a distance is biased upwards: the last figure is that between encoder joints of two sets of data, which no pair can
    be expected to undercut. Standard errors as for `frechet`.

    Args:
        variable: the image.
        variables: that are compared with it.
        features: the feature network.
        images: `decided` or `drawn`.
        sources: `limiting`, `random_code` or both: the chain's joint, the decoder's.
        sampler: of `limiting`.
        sweeps: of `limiting`.
        count: of rows.
    """

    reads_chain = ("sampler", "sweeps")

    def __init__(
        self,
        *,
        variable: str | None,
        variables: tuple[str, ...] | None,
        features: FeatureOptions | None,
        images: str,
        sources: tuple[str, ...] | None,
        sampler: str | None,
        sweeps: int,
        count: int,
    ) -> None:
        self._variable, self._variables, self._features, self._count = variable, variables, features, count
        self._generation = Generation(sources, sampler, sweeps, images == "decided")

    def misfit(self, graph: Graph) -> str | None:
        try:
            variable, stream = find_image(graph, self._variable)
            chosen = find_features(graph, variable, stream, self._features)
            joint = find_joint(graph, variable, stream, self._variables)
            self._sources(graph, joint)
            width = build_features(chosen).width(image_shape(variable)) + _code_width(graph, joint)
        except GamelearnError as error:
            return str(error)
        wide = f"needs vectors of at most {_WIDEST} numbers; features and {', '.join(joint.variables[1:])} have {width}: name fewer 'variables'"
        return wide if width > _WIDEST else None

    def _sources(self, graph: Graph, joint: Joint) -> tuple[str, ...]:
        """Return the sources whose rows have all variables of the joint."""
        found = self._generation.sources_of(graph, joint.variables[0])
        reasons = {(source, name): why_not(graph, source, name, self._generation.sampler) for source in found for name in joint.variables}
        lacking = {source: reason for (source, _), reason in reasons.items() if reason}
        kept = tuple(source for source in found if source not in lacking)
        if not kept or (self._generation.sources is not None and lacking):
            raise MetricError("needs " + "; ".join(f"all variables from {source!r}, which {reason}" for source, reason in lacking.items()))
        return kept

    def compute(self, game: Game, context: Context) -> MetricResult:
        variable, stream = find_image(game.graph, self._variable)
        joint = find_joint(game.graph, variable, stream, self._variables)
        sources = self._sources(game.graph, joint)
        space = FeatureSpace(game, variable, stream, self._features)
        vectors = JointSpace(game.graph, space, joint)
        shown, others = space.data_rows(context.split, context.count or self._count)
        parts: dict[str, Parts] = {}
        for source in sources:
            made = self._generation.rows(game, context, source, variable.name, row_count(shown), "consistency")
            title = _DECODER if source == RANDOM_CODE else title_of(LIMITING, self._generation.chain(context)["sweeps"])
            parts[title] = vectors.parts(made)
        parts[_ENCODER] = vectors.parts(infer_joint(game, joint, shown, context.seed))
        parts[_OTHERS] = vectors.parts(infer_joint(game, joint, others, context.seed + 1))
        facts = {"variables": list(joint.variables), "features": space.name, "count": row_count(shown), "real_count": row_count(others)}
        facts |= {"inferring": [str(factor) for factor in joint.inferring], **self._generation.facts(game, context, sources)}
        return MetricResult((_block(parts, joint, variable),), (), facts)


def _code_width(graph: Graph, joint: Joint) -> int:
    return sum(vector_width(graph.variables[name]) for name in joint.variables[1:])


def _block(parts: dict[str, Parts], joint: Joint, image: Variable) -> Block:
    scales = scales_of(parts[_ENCODER])
    names = [name for name in parts if name != _OTHERS]
    pairs = [*combinations(names, 2), (_ENCODER, _OTHERS)]
    figures: dict[str, Figure] = {}
    rows: list[tuple[str | float | None, ...]] = []
    for one, other in pairs:
        pair = f"{one} – {other}"
        figures[pair] = frechet_figure(joined(parts[one], scales), joined(parts[other], scales))
        alone = [frechet_figure(parts[one][name] / scales[name], parts[other][name] / scales[name]).value for name in joint.variables]
        rows.append((pair, *alone))
    columns = ("pair", f"features of {image.name}", *joint.variables[1:])
    return Block("all variables", figures, Table(columns, tuple(rows)))
