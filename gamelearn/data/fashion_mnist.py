"""Fashion-MNIST, grey images of clothes. This file registers it as a data set."""

from collections.abc import Mapping
from typing import Any

from gamelearn.data.dataset import DataSet, Field
from gamelearn.data.folder import DataFolder
from gamelearn.data.idx import IdxOptions, IdxSource, idx_fields, open_idx
from gamelearn.registry import DATASETS

SOURCE = IdxSource(
    name="fashion_mnist",
    mirrors=(
        "https://fashion-mnist.s3.eu-central-1.amazonaws.com/",
        "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/",
        "https://github.com/zalandoresearch/fashion-mnist/raw/master/data/fashion/",
    ),
    hashes=(
        "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888",
        "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9",
        "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b",
        "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34",
    ),
)


@DATASETS.register("fashion_mnist", options=IdxOptions)
class FashionMnist(DataSet):
    """60,000 and 10,000 grey images of clothes, 28x28, looked for in the data root or downloaded.

    Fields: x, real in [0, 1] or binary with `binarize`, of shape (1, 28, 28); c, the kind of clothes, one of 10 classes. The
    test split is the 10,000 images, validation a part of the 60,000.

    Raises:
        DataAbsent: a file is missing and cannot be downloaded.
        DataError: a file is damaged or not the original.

    Source: Xiao, Rasul and Vollgraf, "Fashion-MNIST: a novel image dataset for benchmarking machine learning algorithms", 2017.
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
