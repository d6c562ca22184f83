"""The values of discrete variables. This file lists them."""

from itertools import product

import torch

from gamelearn.graph.model import Variable

MOST_STATES = 1_000_000


def all_values(variable: Variable, dtype: torch.dtype) -> torch.Tensor:
    """Return every value of a binary or categorical variable, `(values, *shape)`.

    Raises:
        ValueError: the variable is not discrete and finite.
    """
    if variable.type not in ("binary", "categorical"):
        raise ValueError(f"{variable.name!r} is {variable.type}: only binary and categorical variables can be enumerated")
    classes = variable.classes or 2
    if classes**variable.elements > MOST_STATES:
        raise ValueError(f"{variable.name!r} has more than {MOST_STATES} values")
    made = torch.tensor(list(product(range(classes), repeat=variable.elements)))
    return made.reshape(-1, *variable.shape).to(torch.int64 if variable.type == "categorical" else dtype)
