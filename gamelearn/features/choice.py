"""Which feature network suits a variable: the one that is made for its shape with its data set.

This file chooses it.
"""

from gamelearn.errors import quoted
from gamelearn.features.network import FeatureNetwork, Shape
from gamelearn.registry import FEATURES
from gamelearn.spec.kinds import FeatureOptions


class NoFeatures(Exception):
    """Why no feature network suits; the message begins with 'needs'."""


def suitable_features(shape: Shape, data_set: str | None) -> FeatureOptions:
    """Return the feature network for images of a shape.

    Args:
        shape: of an image.
        data_set: the type of the data set that shows the images; None where it is not known. A network that is made for other data sets
            tells little of these images, so it has to be named.

    Raises:
        NoFeatures: none is made for the shape and the data set, or several are.
    """
    fitting = [entry.name for entry in FEATURES if entry.build.shape == shape]  # type: ignore[attr-defined]
    if data_set is not None:
        made_for = [name for name in fitting if data_set in FEATURES[name].build.data_sets]  # type: ignore[attr-defined]
        fitting = made_for or [name for name in fitting if not FEATURES[name].build.data_sets]  # type: ignore[attr-defined]
    if len(fitting) != 1:
        found = f"several are: {quoted(fitting)}" if fitting else "none is"
        whose = f" of the data set {data_set!r}" if data_set else ""
        raise NoFeatures(
            f"needs a feature network made for images of shape {shape}{whose}, and {found}:"
            f" name one by 'features', one of {quoted(FEATURES.names)} ('pixels' reads any)"
        )
    options: FeatureOptions = FEATURES.options_of({FEATURES.tag: fitting[0]})
    return options


def check_features(options: FeatureOptions, shape: Shape) -> None:
    """Check that a feature network can read images of a shape here.

    Raises:
        NoFeatures: it reads other images, or the computer lacks something for it.
    """
    build: type[FeatureNetwork] = FEATURES[options.type].build  # type: ignore[assignment]
    if build.shape not in (None, shape):
        raise NoFeatures(f"needs images of shape {build.shape} for the feature network {options.type!r}, got {shape}")
    if lacking := build.missing():
        raise NoFeatures(f"needs {lacking}")


def build_features(options: FeatureOptions) -> FeatureNetwork:
    """Return the feature network that options describe, ready for use."""
    network: FeatureNetwork = FEATURES[options.type].build(**options.own_options())
    return network.eval().requires_grad_(False)
