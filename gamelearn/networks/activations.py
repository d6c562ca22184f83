"""Non-linearities by name. This file lists them."""

from typing import Literal

from torch import nn

Activation = Literal["tanh", "relu", "gelu", "silu", "elu"]
_MODULES: dict[str, type[nn.Module]] = {"tanh": nn.Tanh, "relu": nn.ReLU, "gelu": nn.GELU, "silu": nn.SiLU, "elu": nn.ELU}


def activation_of(name: str) -> nn.Module:
    """Return a non-linearity by its name."""
    return _MODULES[name]()
