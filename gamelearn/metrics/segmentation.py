"""How well a game segments images: accuracy and IoU of the label map inferred from the image, complete and with a hidden part.

This file registers the metric.
"""

from collections.abc import Mapping, Sequence
from typing import Annotated

import numpy as np
import torch
from pydantic import AfterValidator

from gamelearn.errors import EvidenceError, quoted
from gamelearn.game import Game
from gamelearn.graph.model import Graph
from gamelearn.metrics.chain import Asker, ChainOptions, ChainQuestion, answers
from gamelearn.metrics.confusion import Confusion
from gamelearn.metrics.inpainting import FillingError, mean_colour
from gamelearn.metrics.label_maps import Labelled, drawn_variables, find_labelled, read_blocks
from gamelearn.metrics.metric import Block, Context, Figure, Metric, MetricError, MetricResult
from gamelearn.options import Listed
from gamelearn.patterns import checked_pattern, hidden_pattern
from gamelearn.registry import METRICS
from gamelearn.spec.kinds import MetricOptions, Name, Positive

_SHARE_OF_SIDE = 3 / 8

Masks = dict[str, torch.Tensor]
"""By variable, bool `(rows, *shape)`: what is hidden."""


class SegmentationOptions(MetricOptions):
    """The options of `segmentation`."""

    variable: Name | None = None
    """The label map; by default the first that a stream shows with an image and a player draws."""
    given: Listed[Name] | None = None
    """The images that are given; by default all of its size that the stream shows with it."""
    stream: Name | None = None
    """The stream whose rows are segmented; by default the first that shows both."""
    hide: dict[Name, Annotated[str, AfterValidator(checked_pattern)]] | None = None
    """What is hidden in the second pass, by variable: `square:24`, `left`, `right`, `top`, `bottom`, `random:0.5`.

    By default a square in the middle of each image, of 3/8 of its shorter side; with `{}` there is no second pass."""
    count: Positive = 256
    """How many images, the first of the split (all, if it has fewer)."""
    chain: ChainOptions = ChainOptions()
    """The chain that infers the label map."""


@METRICS.register("segmentation", options=SegmentationOptions)
class Segmentation(Metric):
    """Accuracy and mean IoU of label maps inferred from their images, by class, complete and with a hidden part.

    A class is decided by its largest marginal probability. IoU is summed over all images; the mean leaves out classes that are
    neither there nor decided. In the second pass a part of the image is hidden: accuracy and mean IoU are told over all pixels, inside
    and outside the hidden part, with the error of the image that is inferred there, beside that of filling it with the mean colour
    of what is visible. A game that does not draw the image is given it filled with that colour.

    Args:
        variable: the label map.
        given: the images.
        stream: which shows them.
        hide: patterns by variable.
        count: of images.
        chain: which infers.
    """

    reads_chain = ChainOptions.keys()

    def __init__(
        self,
        *,
        variable: str | None,
        given: tuple[str, ...] | None,
        stream: str | None,
        hide: Mapping[str, str] | None,
        count: int,
        chain: ChainOptions,
    ) -> None:
        self._variable, self._given, self._stream = variable, given, stream
        self._hide, self._count, self._chain = hide, count, chain

    def misfit(self, graph: Graph) -> str | None:
        try:
            found = self._find(graph)
            answers(graph, self._chain.sampler, _asked(graph, found, {}))
            self._check_hidden(found)
            answers(graph, self._chain.sampler, _asked(graph, found, self._patterns(found)))
        except (MetricError, EvidenceError) as error:
            return str(error)
        return None

    def compute(self, game: Game, context: Context) -> MetricResult:
        found = self._find(game.graph)
        first = _Pass(game, context, self._chain, found, {}, self._count)
        passes = [first]
        if hide := self._patterns(found):
            passes.append(_Pass(game, context, self._chain, found, hide, self._count))
        for each in passes:
            each.run()
        notes = tuple(note for each in passes for note in each.notes())
        names = game.streams().class_names(found.stream, found.labels.name)
        facts = {"count": first.whole.rows, **{each.title: each.asker.facts() for each in passes}}
        return MetricResult(tuple(each.block(names) for each in passes), notes, facts)

    def _find(self, graph: Graph) -> Labelled:
        return find_labelled(graph, variable=self._variable, given=self._given, stream=self._stream, drawn=True)

    def _patterns(self, found: Labelled) -> dict[str, str]:
        if self._hide is not None:
            return dict(self._hide)
        side = max(1, round(_SHARE_OF_SIDE * min(found.labels.shape)))
        return {each.name: f"square:{side}" for each in found.images}

    def _check_hidden(self, found: Labelled) -> None:
        known = (*_names(found), found.labels.name)
        for name, text in self._patterns(found).items():
            if name not in known:
                raise MetricError(f"cannot hide a part of {name!r}: what may be hidden is {quoted(known)}")
            hidden_pattern(text, found.labels.shape, 1)


def _names(found: Labelled) -> list[str]:
    return [each.name for each in found.images]


def _asked(graph: Graph, found: Labelled, hide: Mapping[str, str]) -> ChainQuestion:
    """Return what is asked where parts are hidden: those of variables that players draw are inferred, too."""
    inferred = [name for name in hide if name in drawn_variables(graph)]
    want = list(dict.fromkeys([found.labels.name, *inferred]))
    given = [name for name in _names(found) if name not in inferred]
    return ChainQuestion(given, inferred, want, split=[name for name in inferred if hide[name] != "all"])


class _Pass:
    """One pass over the images, complete or with parts hidden."""

    def __init__(self, game: Game, context: Context, chain: ChainOptions, found: Labelled, hide: Mapping[str, str], count: int) -> None:
        self._game, self._context, self._found, self._count = game, context, found, count
        self._patterns = dict(hide)
        drawn = drawn_variables(game.graph)
        self._inferred = [name for name in hide if name in drawn]
        self._filled = [name for name in hide if name not in drawn]
        self.asker = Asker(game, context, chain, _asked(game.graph, found, hide))
        self.title = "complete" if not hide else "hidden: " + ", ".join(f"{name} {text}" for name, text in hide.items())
        self.whole, self._inside, self._outside = (Confusion(found.classes) for _ in range(3))
        self._filling = {name: FillingError(name) for name in self._inferred if name != found.labels.name}

    def run(self) -> None:
        """Infer and count."""
        labels, stream = self._found.labels.name, self._found.stream
        title = f"segmentation, {self.title}"
        for first, rows in read_blocks(self._game, stream, self._context, title, count=self._count):
            masks = self._masks(first, rows)
            answer = self.asker.ask(self._known(rows, masks), {name: masks[name] for name in self._inferred}, first)
            decided = answer.decided[labels]
            self.whole.add(rows[labels], decided)
            if masks:
                hidden = self._hidden_pixels(list(masks.values()))
                self._inside.add(rows[labels], decided, hidden)
                self._outside.add(rows[labels], decided, ~hidden)
            for name, filling in self._filling.items():
                filling.add(rows[name], answer.decided[name], masks[name])

    def _masks(self, first: int, rows: Mapping[str, torch.Tensor]) -> Masks:
        made: dict[str, np.ndarray] = {}
        for name, text in self._patterns.items():
            shape = self._game.graph.variables[name].shape
            made[name] = hidden_pattern(text, shape, len(rows[name]), first, self._context.seed)
        return {name: torch.from_numpy(mask).to(self._game.device) for name, mask in made.items()}

    def _known(self, rows: Mapping[str, torch.Tensor], masks: Masks) -> Masks:
        known = {name: rows[name] for name in (*_names(self._found), *self._inferred)}
        return {**known, **{name: mean_colour(rows[name], masks[name]) for name in self._filled}}

    def _hidden_pixels(self, masks: Sequence[torch.Tensor]) -> torch.Tensor:
        """Return the pixels `(rows, height, width)` of which anything is hidden."""
        size = self._found.labels.shape
        hidden = [mask.reshape(len(mask), -1, *size).any(1) for mask in masks]
        return torch.stack(hidden).any(0)

    def block(self, class_names: Sequence[str]) -> Block:
        """Return the figures; the table has the names of the classes, where they are known."""
        figures: dict[str, Figure] = {"accuracy": self.whole.accuracy(), "mean IoU": self.whole.mean_iou()}
        if self._patterns:
            for place, confusion in (("inside", self._inside), ("outside", self._outside)):
                figures |= {f"accuracy {place}": confusion.accuracy(), f"mean IoU {place}": confusion.mean_iou()}
        for filling in self._filling.values():
            figures |= filling.figures()
        return Block(self.title, figures, self.whole.table(class_names))

    def notes(self) -> list[str]:
        """Return what a reader has to know."""
        filled = f"no player draws {quoted(self._filled)}: the hidden part is given, filled with the mean colour of what is visible"
        return [*(f"{self.title}: {note}" for note in self.asker.notes()), *([f"{self.title}: {filled}"] if self._filled else [])]
