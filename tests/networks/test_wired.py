"""Values become what a network reads, its outputs raw ones."""

import pytest
import torch
from torch import nn

from gamelearn.networks.port import Port
from gamelearn.networks.wired import Wired
from gamelearn.noise import uniform


class Echo(nn.Module):
    """Gives back what it reads."""

    def __init__(self, *, spatial: bool) -> None:
        super().__init__()
        self.spatial = spatial

    def forward(self, *inputs: torch.Tensor) -> tuple[torch.Tensor, ...]:
        return inputs


CLASSES = Port("s", 4, (3, 2))


@pytest.mark.parametrize("spatial", [True, False])
def test_classes_are_read_one_hot(spatial: bool) -> None:
    value = (uniform(("s",), 5, (3, 2)) * 4).long()
    (raw,) = Wired(Echo(spatial=spatial), (CLASSES,), (CLASSES,))(value)
    assert torch.equal(raw, nn.functional.one_hot(value, 4).movedim(-1, 1).float())
    assert raw.unique().tolist() == [0.0, 1.0]


def test_flat_inputs_are_joined_in_order() -> None:
    x, c = uniform(("x",), 2, (1, 2)), torch.tensor([2, 0])
    (raw,) = Wired(Echo(spatial=False), (Port("x", 1, (1, 2)), Port("c", 3, ())), (Port("y", 1, (5,)),))(x, c)
    assert torch.equal(raw[:, 0], torch.cat([x.flatten(1), torch.tensor([[0.0, 0.0, 1.0], [1.0, 0.0, 0.0]])], 1))


def test_spatial_inputs_keep_their_height_and_width() -> None:
    image, vector = uniform(("x",), 2, (3, 4, 5)), uniform(("v",), 2, (6,))
    ports = Port("x", 1, (3, 4, 5)), Port("v", 1, (6,))
    read: list[torch.Size] = []
    network = Echo(spatial=True)
    network.register_forward_pre_hook(lambda _, inputs: read.extend(each.shape for each in inputs))
    raws = Wired(network, ports, ports)(image, vector)
    assert read == [(2, 3, 4, 5), (2, 6)]
    assert [raw.shape for raw in raws] == [(2, 1, 3, 4, 5), (2, 1, 6)]


def test_values_come_in_the_precision_of_the_parameters() -> None:
    (raw,) = Wired(Echo(spatial=False), (CLASSES,), (CLASSES,))(torch.zeros(1, 3, 2).long())
    assert raw.dtype == torch.float32  # the default, without parameters
    network = Echo(spatial=False)
    network.weight = nn.Parameter(torch.zeros(1, dtype=torch.float64))
    (raw,) = Wired(network, (CLASSES,), (CLASSES,))(torch.zeros(1, 3, 2).long())
    assert raw.dtype == torch.float64


def test_an_output_of_another_size_names_the_head_with_both_shapes() -> None:
    wired = Wired(Echo(spatial=False), (Port("x", 1, (6,)),), (Port("y", 2, (5,)),))
    with pytest.raises(ValueError, match=r"the head 'y' gave \(3, 6\), expected \(batch, 2, 5\)"):
        wired(torch.zeros(3, 6))
