"""What a network must not do by itself: draw random numbers, move buffers, by whatever layer."""

from collections.abc import Callable
from typing import ClassVar

import pytest
import torch
from torch import nn

from gamelearn.game import shape_mistakes
from gamelearn.networks.port import Port
from gamelearn.registry import NETWORKS, Entry
from gamelearn.spec.kinds import NetworkOptions
from tests.support import graph_of

TEXT = """
    name: watched
    variables: {x: {type: binary, shape: [4]}, z: {type: binary, shape: [3]}}
    data: {streams: {images: [x]}}
    players:
      decoder: {factors: {z: uniform, x | z: {net: linear}}}
      encoder: {factors: {z | x: {net: test_layer}}}
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z)
      encoder: E[decoder(x, z)] log encoder(z | x)
    train: {rounds: 1}
    """


class Average(nn.Module):
    """Takes off a running mean that is replaced, not changed in place."""

    mean: torch.Tensor

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("mean", torch.zeros(()))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.mean = 0.9 * self.mean + 0.1 * x.mean().detach()
        return x - self.mean


class OwnNoise(nn.Module):
    """Adds noise of its own."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return x + torch.randn_like(x)


def mistakes_with(layer: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch) -> list[tuple[tuple[str | int, ...], str]]:
    class Layered(nn.Module):
        spatial: ClassVar[bool] = False

        def __init__(self, inputs: tuple[Port, ...], outputs: tuple[Port, ...]) -> None:
            super().__init__()
            self.layer, self.head = layer(), nn.Linear(4, outputs[0].size)

        def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, ...]:
            return (self.head(self.layer(x)),)

    monkeypatch.setitem(NETWORKS._entries, "test_layer", Entry("test_layer", Layered, NetworkOptions))
    return [(mistake.path, mistake.what) for mistake in shape_mistakes(graph_of(TEXT))]


@pytest.mark.parametrize(("layer", "operation"), [(nn.Dropout, "bernoulli"), (nn.RReLU, "rrelu_with_noise"), (OwnNoise, "randn_like")])
def test_random_numbers_of_its_own_are_refused(layer: Callable[[], nn.Module], operation: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [(path, what)] = mistakes_with(layer, monkeypatch)
    assert path == ("players", "encoder", "factors", "z | x")
    assert what == f"encoder(z | x) draws random numbers of its own ({operation!r}), as dropout does: a round could not be played again"


def spectral() -> nn.Module:
    return nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4))


@pytest.mark.parametrize(("layer", "buffer"), [(spectral, "layer.parametrizations.weight.0._u"), (Average, "layer.mean")])
def test_buffers_that_move_are_refused(layer: Callable[[], nn.Module], buffer: str, monkeypatch: pytest.MonkeyPatch) -> None:
    [(_, what)] = mistakes_with(layer, monkeypatch)
    assert what.startswith(f"encoder(z | x) moves the buffer 'encoder.networks.z_given_x.network.{buffer}' when it is computed")


def test_moving_statistics_are_refused_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    [(_, what)] = mistakes_with(lambda: nn.BatchNorm1d(4), monkeypatch)
    assert "keeps moving statistics (layer.running_mean)" in what


@pytest.mark.parametrize("layer", [nn.Identity, lambda: nn.GroupNorm(2, 4), lambda: nn.Dropout(0.0)])
def test_quiet_layers_are_not(layer: Callable[[], nn.Module], monkeypatch: pytest.MonkeyPatch) -> None:
    assert mistakes_with(layer, monkeypatch) == []
