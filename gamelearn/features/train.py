"""The training of the shipped classifiers, one after the other, with their accuracy on test images.

    python -m gamelearn.features.train [NAME ...]

Half the images of a batch are binarised, each at a threshold of its own between 0.3 and 0.7. All noise is keyed and one thread
computes, so the weights are the same again on the same machine. This file trains them.
"""

import sys
from collections.abc import Sequence
from dataclasses import dataclass

import safetensors.torch
import torch
from torch.nn import functional

from gamelearn import noise
from gamelearn.data.folder import DataFolder
from gamelearn.features.classifiers import FOLDER, Classifier, DigitClassifier, GarmentClassifier, SmallDigitClassifier
from gamelearn.plugins import load_builtins
from gamelearn.registry import DATASETS
from gamelearn.spec.kinds import DatasetOptions

SEED = 0
_RATE = 2e-3
_LOWEST, _RANGE = 0.3, 0.4


@dataclass(frozen=True)
class Images:
    """Images of a split, `(rows, channels, height, width)` in 0..1, with their classes, `(rows,)`."""

    x: torch.Tensor
    c: torch.Tensor


@dataclass(frozen=True)
class Recipe:
    """How long a classifier is trained: passes over the training images, rows of a batch, pixels by which images are moved."""

    epochs: int
    batch: int
    shift: int


TRAINED: dict[type[Classifier], Recipe] = {
    SmallDigitClassifier: Recipe(epochs=120, batch=32, shift=1),
    DigitClassifier: Recipe(epochs=6, batch=128, shift=0),
    GarmentClassifier: Recipe(epochs=8, batch=128, shift=0),
}


def read_images(kind: type[Classifier], split: str) -> Images:
    """Return the images of a classifier's data set: `train`, or `test`, which training does not see."""
    load_builtins()
    options: DatasetOptions = DATASETS.options_of({"type": kind.data_sets[0]})
    data = DATASETS[options.type].build(DataFolder(None), SEED, **options.own_options())
    rows = torch.arange(data.length(split))
    return Images(data.read("x", split, rows), data.read("c", split, rows))


def train_classifier(kind: type[Classifier], images: Images, recipe: Recipe) -> Classifier:
    """Return a classifier trained by Adam on the cross-entropy, with a rate that falls to 0 along a half cosine."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(noise.integer(("features", kind.name, SEED)))
        classifier = kind(trained=False)
    optimizer = torch.optim.Adam(classifier.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, recipe.epochs * -(-len(images.x) // recipe.batch))
    for epoch in range(recipe.epochs):
        order = noise.permutation(("features", "order", SEED, epoch), len(images.x))
        for number, rows in enumerate(order.split(recipe.batch)):
            key = (SEED, epoch, number)
            x = _half_binarised(_moved(images.x[rows], recipe.shift, key), key)
            loss = functional.cross_entropy(classifier(x), images.c[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return classifier


def _moved(images: torch.Tensor, most: int, key: tuple[int, ...]) -> torch.Tensor:
    """Return images each moved by up to so many pixels along both axes, black coming in."""
    if not most:
        return images
    first = (noise.uniform(("features", "shift", *key), len(images), (2,)) * (2 * most + 1)).long()
    rows, columns = (first[:, axis, None] + torch.arange(images.shape[axis + 2]) for axis in (0, 1))
    padded = functional.pad(images, (most,) * 4)
    return padded[torch.arange(len(images))[:, None, None], :, rows[:, :, None], columns[:, None, :]].movedim(3, 1)


def _half_binarised(images: torch.Tensor, key: tuple[int, ...]) -> torch.Tensor:
    """Return images of which those in odd places are binarised."""
    threshold = _LOWEST + _RANGE * noise.uniform(("features", "threshold", *key), len(images), (1, 1, 1))
    odd = (torch.arange(len(images)) % 2 == 1).view(-1, 1, 1, 1)
    return torch.where(odd, (images >= threshold).float(), images)


@torch.no_grad()
def accuracy(classifier: Classifier, images: Images, threshold: float | None = None) -> float:
    """Return the share of images that are classified right, grey or binarised at a threshold."""
    x = images.x if threshold is None else (images.x >= threshold).float()
    right = [classifier(part).argmax(1) == true for part, true in zip(x.split(1000), images.c.split(1000), strict=True)]
    return float(torch.cat(right).double().mean())


def save(classifier: Classifier) -> Classifier:
    """Write the weights in half precision; return the classifier that has them."""
    FOLDER.mkdir(exist_ok=True)
    halves = {name: each.detach().half().contiguous() for name, each in classifier.state_dict().items()}
    classifier.path().write_bytes(safetensors.torch.save(halves))
    return type(classifier)()


def main(names: Sequence[str]) -> None:
    """Train the classifiers of these names, or all."""
    torch.set_num_threads(1)
    for kind, recipe in TRAINED.items():
        if not names or kind.name in names:
            saved = save(train_classifier(kind, read_images(kind, "train"), recipe))
            test = read_images(kind, "test")
            grey, binary = accuracy(saved, test), accuracy(saved, test, 0.5)
            sys.stdout.write(f"{kind.name}: {len(test.x)} test images, accuracy {grey:.2%} grey, {binary:.2%} binarised at 1/2\n")


if __name__ == "__main__":
    main(sys.argv[1:])
