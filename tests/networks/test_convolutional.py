"""The convolutional networks take images of any size, or say why not."""

import pytest

from gamelearn.networks.port import Port
from gamelearn.networks.wired import Wired
from gamelearn.noise import uniform
from tests.support import network_of

VECTOR = (Port("z", 1, (5,)),)


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (7, 9), (3, 8, 8), (2, 17, 31)])
@pytest.mark.parametrize("norm", ["none", "group"])
def test_any_height_and_width(shape: tuple[int, ...], norm: str) -> None:
    image = (Port("x", 2, shape),)
    encoder = Wired(network_of("conv_encoder", (Port("x", 1, shape),), VECTOR, width=6, norm=norm), (Port("x", 1, shape),), VECTOR)
    decoder = Wired(network_of("conv_decoder", VECTOR, image, width=6, norm=norm), VECTOR, image)
    assert encoder(uniform(("x",), 2, shape))[0].shape == (2, 1, 5)
    assert decoder(uniform(("z",), 2, (5,)))[0].shape == (2, 2, *shape)


def test_an_input_without_images_is_refused() -> None:
    with pytest.raises(ValueError, match=r"needs an image as input.*got 'z' of shape \(5,\)"):
        network_of("conv_encoder", VECTOR, VECTOR)


def test_images_of_two_sizes_are_refused() -> None:
    with pytest.raises(ValueError, match="'x' 8x8, 'y' 4x4"):
        network_of("conv_encoder", (Port("x", 1, (8, 8)), Port("y", 1, (4, 4))), VECTOR)


def test_an_output_that_is_no_image_is_refused() -> None:
    with pytest.raises(ValueError, match=r"'z' has shape \(5,\)"):
        network_of("conv_decoder", VECTOR, VECTOR)


def test_too_many_halvings_are_refused() -> None:
    network_of("conv_encoder", (Port("x", 1, (8, 8)),), VECTOR, depth=3)
    with pytest.raises(ValueError, match="an image of 8x8 cannot be halved 4 times: at most 3"):
        network_of("conv_encoder", (Port("x", 1, (8, 8)),), VECTOR, depth=4)


def test_a_deeper_network_has_smaller_maps() -> None:
    sizes = [
        network_of("conv_encoder", (Port("x", 1, (16, 16)),), VECTOR, width=4, depth=depth).features[0].in_features for depth in (0, 1, 2)
    ]
    assert sizes == [4 * 256, 8 * 64, 16 * 16]
