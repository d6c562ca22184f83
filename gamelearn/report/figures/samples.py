"""Joint draws of all images from the limiting distribution of a chain (Fig. 4 of the paper, last rows). This file draws them."""

from functools import partial

from gamelearn.data.words import counted
from gamelearn.errors import EvidenceError
from gamelearn.game import Game
from gamelearn.gibbs.choice import choose_sampler
from gamelearn.graph.model import Sampler
from gamelearn.report.figures.figure import Figure, NotSupported, Request, caption_of, images_of, row_of
from gamelearn.sampling import limiting

SWEEPS = 100


def draw_samples(game: Game, request: Request) -> Figure:
    """Return a row for every image that a chain draws; a column is one joint draw.

    Images are shown as the means of the conditionals that they were drawn from, label maps as they were drawn.

    Raises:
        NotSupported: no chain draws an image without being given anything.
        EvidenceError: the sampler that is asked for does not exist, or needs something given.
    """
    images = images_of(game.graph)
    sampler = _sampler(game, request)
    names = [name for name in images if name in sampler.targets]
    if not names:
        raise NotSupported(f"the sampler {sampler.name!r} draws no image")
    sweeps = request.sweeps or SWEEPS
    draw = partial(limiting, game, request.count, sampler=sampler.name, sweeps=sweeps, seed=request.seed)
    maps = [name for name in names if images[name].type == "categorical"]
    others = [name for name in names if name not in maps]
    means, draws = draw(decide="mean") if others else {}, draw(decide="draw") if maps else {}
    rows = [row_of(f"{name}, mean", means[name], images[name]) for name in others]
    rows += [row_of(f"{name}, drawn", draws[name], images[name]) for name in maps]
    return Figure(tuple(rows), _caption(sampler, sweeps, request))


def _sampler(game: Game, request: Request) -> Sampler:
    try:
        return choose_sampler(game.graph, request.sampler).sampler
    except EvidenceError as error:
        if request.sampler is not None:
            raise
        raise NotSupported(str(error)) from None


def _caption(sampler: Sampler, sweeps: int, request: Request) -> str:
    sweep = ", ".join(str(bound) for draw in sampler.sweep for bound in draw.factors)
    what = f"Joint draws after {counted(sweeps, 'sweep')} of the chain {sampler.name!r}: {sweep}."
    return caption_of(what, request, [] if sampler.after == "end" else [f"ended after {sampler.after}"])
