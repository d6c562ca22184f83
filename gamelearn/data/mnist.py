"""MNIST, the handwritten digits. This file registers it as a data set."""

from collections.abc import Mapping
from typing import Any

from gamelearn.data.dataset import DataSet, Field
from gamelearn.data.folder import DataFolder
from gamelearn.data.idx import IdxOptions, IdxSource, idx_fields, open_idx
from gamelearn.registry import DATASETS

SOURCE = IdxSource(
    name="mnist",
    mirrors=(
        "https://ossci-datasets.s3.amazonaws.com/mnist/",
        "https://storage.googleapis.com/cvdf-datasets/mnist/",
    ),
    hashes=(
        "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db",
        "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5",
        "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7",
        "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2",
    ),
)


@DATASETS.register("mnist", options=IdxOptions)
class Mnist(DataSet):
    """60,000 and 10,000 images of handwritten digits, 28x28, looked for in the data root or downloaded.

    Fields: x, real in [0, 1] or binary with `binarize`, of shape (1, 28, 28); c, the digit, one of 10 classes. The test split
    is the 10,000 images, validation a part of the 60,000.

    Raises:
        DataAbsent: a file is missing and cannot be downloaded.
        DataError: a file is damaged or not the original.

    Source: LeCun, Bottou, Bengio and Haffner, "Gradient-based learning applied to document recognition", 1998.
    """

    def __init__(
        self,
        folder: DataFolder,
        seed: int,
        *,
        binarize: float | None = None,
        flip: float = 0.0,
        noise: float = 0.0,
        together: bool = False,
        validation: float = 0.1,
    ) -> None:
        columns, splits, self.readings = open_idx(
            SOURCE, folder, seed, binarize=binarize, flip=flip, noise=noise, together=together, validation=validation
        )
        super().__init__(columns, splits)

    @classmethod
    def declared_fields(cls, options: Any) -> Mapping[str, Field]:
        """Return x, as `binarize` has it, with c."""
        return idx_fields(options)
