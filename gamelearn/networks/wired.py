"""A network between variables and raw outputs. This file turns values into what a network reads, its outputs into raw ones."""

import torch
from torch import nn

from gamelearn.networks.port import Port


class Wired(nn.Module):
    """A network with its ports: variables' values in, raw outputs per head out.

    Args:
        network: the module.
        inputs: the variables that it reads, in order.
        outputs: its heads, in order.
    """

    def __init__(self, network: nn.Module, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> None:
        super().__init__()
        self.network = network
        self.inputs = inputs
        self.outputs = outputs
        self.spatial = bool(getattr(network, "spatial", False))

    def forward(self, *values: torch.Tensor) -> tuple[torch.Tensor, ...]:
        """Return raw outputs `(batch, channels, *shape)` per head, from values `(batch, *shape)` per input.

        Raises:
            ValueError: the network gives another number of outputs than it has heads, or outputs of another size.
        """
        dtype = next((each.dtype for each in self.network.parameters()), torch.get_default_dtype())
        read = [self._read(value, port, dtype) for value, port in zip(values, self.inputs, strict=True)]
        raws = self.network(*read) if self.spatial else self.network(torch.cat(read, 1) if len(read) > 1 else read[0])
        return tuple(self._raw(raw, port) for raw, port in zip(raws, self.outputs, strict=True))

    def _read(self, value: torch.Tensor, port: Port, dtype: torch.dtype) -> torch.Tensor:
        if value.dtype == torch.int64:
            one_hot = torch.zeros(len(value), port.channels, *port.shape, dtype=dtype, device=value.device)
            value = one_hot.scatter_(1, value.unsqueeze(1), 1.0)
        value = value.to(dtype)
        return value.reshape(len(value), *port.planes) if self.spatial and port.is_image else value.reshape(len(value), port.size)

    @staticmethod
    def _raw(output: torch.Tensor, port: Port) -> torch.Tensor:
        if output.shape[1:].numel() != port.size:
            sizes = ", ".join(str(size) for size in (port.channels, *port.shape))
            raise ValueError(f"the head {port.name!r} gave {tuple(output.shape)}, expected (batch, {sizes})")
        return output.reshape(len(output), port.channels, *port.shape)
