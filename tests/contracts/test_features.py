"""What every registered feature network must do; a new one is tested here without being listed."""

import pytest
import torch

from gamelearn import noise
from gamelearn.features.choice import NoFeatures, build_features, check_features
from gamelearn.features.network import FeatureNetwork, Shape
from gamelearn.plugins import load_builtins
from gamelearn.registry import FEATURES

load_builtins()

NAMES = pytest.mark.parametrize("name", FEATURES.names)
ANY_SHAPE: Shape = (3, 6, 4)


def opened(name: str) -> tuple[FeatureNetwork, torch.Tensor]:
    """Return a feature network with images that it reads; what the computer lacks for it is a reason to pass by."""
    options = FEATURES.options_of({"type": name})
    shape = FEATURES[name].build.shape or ANY_SHAPE  # type: ignore[attr-defined]
    try:
        check_features(options, shape)
    except NoFeatures as error:
        pytest.skip(missing(name, error))
    return build_features(options), noise.uniform(("images", name), 5, shape)


def missing(name: str, error: NoFeatures) -> str:
    """Return why a feature network cannot be tried, once it is sure that it says what to install."""
    assert FEATURES[name].build.missing(), "only what needs a package may be missing"  # type: ignore[attr-defined]
    assert "pip install" in str(error)
    return str(error)


@NAMES
def test_features_are_float32_vectors_of_the_width(name: str) -> None:
    network, images = opened(name)
    found = network.features(images)
    assert found.dtype == torch.float32
    assert found.shape == (5, network.width((images.shape[1], images.shape[2], images.shape[3])))
    assert found.isfinite().all()
    assert found.std(0).sum() > 0


@NAMES
def test_features_are_those_of_each_image_alone_and_always_the_same(name: str) -> None:
    network, images = opened(name)
    whole = network.features(images)
    assert opened(name)[0].features(images).equal(whole)
    torch.testing.assert_close(network.features(images[3:4]), whole[3:4])


@NAMES
def test_nothing_of_it_learns(name: str) -> None:
    network, images = opened(name)
    assert not network.training
    assert not network.features(images).requires_grad


@NAMES
def test_probabilities_are_there_where_classes_have_names(name: str) -> None:
    network, images = opened(name)
    if not network.class_names:
        with pytest.raises(TypeError, match="tells no classes apart"):
            network.probabilities(images)
        return
    found = network.probabilities(images)
    assert found.shape == (5, len(network.class_names))
    assert (found >= 0).all()
    torch.testing.assert_close(found.sum(1), torch.ones(5))


@NAMES
def test_images_of_another_shape_are_refused(name: str) -> None:
    if FEATURES[name].build.shape is None:  # type: ignore[attr-defined]
        return
    with pytest.raises(NoFeatures, match=r"needs images of shape .* got \(1, 5, 5\)"):
        check_features(FEATURES.options_of({"type": name}), (1, 5, 5))


@NAMES
def test_the_summary_is_a_sentence(name: str) -> None:
    assert FEATURES[name].summary.endswith(".")
