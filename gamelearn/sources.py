"""Where a round takes its batches and noise from: streams at a data position, noise keyed by the round.

Every draw is keyed by (seed, stage, round, repeat, canonical name, row), so that a run needs no generator state (rule 15).
This file joins the data with the noise for one round.
"""

from collections.abc import Mapping

import torch

from gamelearn import noise
from gamelearn.data.streams import Streams
from gamelearn.plan.steps import DEFAULT_ROWS, ColumnStep, NoisyStep


class RoundSource:
    """The batches and noise of one round.

    Args:
        streams: the open data; None for a game without streams.
        batch: rows by stream, with a `default`.
        seed: of draws; the streams have their own.
        stage: its name.
        round_number: counted through all stages, from 0.
        position: the index of the round's first batch in every stream.
        device: where noise goes.
        dtype: of noise.
    """

    def __init__(
        self,
        streams: Streams | None,
        batch: Mapping[str, int],
        *,
        seed: int,
        stage: str,
        round_number: int,
        position: int,
        device: torch.device,
        dtype: torch.dtype,
    ) -> None:
        self._streams, self._batch = streams, batch
        self._key = (seed, stage, round_number)
        self._position = position
        self._device, self._dtype = device, dtype
        self._batches: dict[tuple[str, int, int], dict[str, torch.Tensor]] = {}

    def column(self, step: ColumnStep) -> torch.Tensor:
        """Return one variable of a batch, `(rows, *shape)`; all columns of a batch are the same rows."""
        where = (step.stream, step.repeat, step.ordinal)
        if where not in self._batches:
            assert self._streams is not None
            self._batches[where] = self._streams.batch(
                step.stream,
                self._position + step.repeat,
                self._wanted(step.stream),
                noise_key=(*self._key, step.repeat, step.stream, step.ordinal),
                ordinal=step.ordinal,
            )
        return self._batches[where][step.variable]

    def _wanted(self, name: str) -> int:
        return self._batch.get(name, self._batch[DEFAULT_ROWS])

    def rows(self, name: str) -> int:
        """Return the batch of a stream (its length, if it is shorter), or the default one."""
        wanted = self._wanted(name)
        return wanted if name == DEFAULT_ROWS or self._streams is None else self._streams.rows(name, wanted)

    def noise(self, step: NoisyStep, rows: int, shape: tuple[int, ...]) -> torch.Tensor:
        """Return the noise of a draw or a choice, `(rows, *shape)`."""
        key = (*self._key, step.repeat, step.noise)
        made = noise.normal(key, rows, shape) if step.kind == "normal" else noise.uniform(key, rows, shape)
        return made.to(device=self._device, dtype=self._dtype, non_blocking=True)
