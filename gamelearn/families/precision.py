"""Likelihoods are computed in single precision at least. This file lifts raw outputs of half precision."""

import torch


def precise(raw: torch.Tensor) -> torch.Tensor:
    """Return raw outputs in float32, or in float64 where they are already."""
    return raw if raw.dtype == torch.float64 else raw.float()
