"""What a network is told of its inputs and outputs. This file sizes networks from the shapes of the variables."""

from dataclasses import dataclass
from math import prod


@dataclass(frozen=True)
class Port:
    """One input or output of a network: a variable with `channels` numbers per element.

    An input of a categorical variable is one-hot, so its channels are its classes; an output's channels are the raw outputs
    that its family takes per element. The shape is the variable's, without the batch.
    """

    name: str
    channels: int
    shape: tuple[int, ...]

    @property
    def size(self) -> int:
        """How many numbers there are in all."""
        return self.channels * prod(self.shape)

    @property
    def is_image(self) -> bool:
        """Whether the shape has a height and a width: `(height, width)` or `(colours, height, width)`."""
        return len(self.shape) in (2, 3)

    @property
    def planes(self) -> tuple[int, int, int]:
        """`(planes, height, width)` of an image: channels times colours, height, width."""
        colours = self.shape[0] if len(self.shape) == 3 else 1
        return self.channels * colours, *self.shape[-2:]  # type: ignore[return-value]
