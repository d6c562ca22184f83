"""A folder of image files. This file decodes them when they are read."""

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from pydantic import BeforeValidator, WithJsonSchema
from torch import Tensor

from gamelearn.data.dataset import ArrayColumn, Column, DataSet, Field, SplitOptions
from gamelearn.data.folder import DamagedFiles, DataFolder
from gamelearn.data.listing import IMAGE_ENDINGS, Listing, images_below, list_folder, not_read, plain, split_folders, split_groups
from gamelearn.data.reading import Reading
from gamelearn.errors import DataError, quoted
from gamelearn.options import describe, mistake
from gamelearn.registry import DATASETS

Result = TypeVar("Result")
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
_MOST_PIXELS = 2**26
_SIDE_SCHEMA = {"type": "integer", "minimum": 1}
SIZE_SCHEMA = {"anyOf": [_SIDE_SCHEMA, {"type": "array", "items": _SIDE_SCHEMA, "minItems": 2, "maxItems": 2}]}
"""What `height_and_width` takes."""
_COLOUR_MODES = {"rgb": ("RGB", 3), "grey": ("L", 1)}


def height_and_width(value: Any) -> tuple[int, int]:
    """Return the size that an option gives, one number or two, as height and width; used as a pydantic validator."""
    sides = value if isinstance(value, list | tuple) else [value, value]
    if len(sides) != 2 or not all(isinstance(side, int) and not isinstance(side, bool) and side > 0 for side in sides):
        raise mistake(f"expected a number of pixels, or [height, width], got {describe(value)}")
    return (sides[0], sides[1])


class ImagesOptions(SplitOptions):
    """The options of `images`."""

    path: str
    """The folder, beside the spec or in the data root; it may be divided into `train`, `validation` (`val`, `valid`, `dev`) and `test`."""
    size: Annotated[tuple[int, int], BeforeValidator(height_and_width), WithJsonSchema(SIZE_SCHEMA)]
    """Pixels that each image is cut (about its centre) or stretched to: one number, or [height, width]."""
    colour: Literal["rgb", "grey"] = "rgb"
    """Three colours or one grey value per pixel."""


@DATASETS.register("images", options=ImagesOptions)
class Images(DataSet):
    """The image files of a folder, decoded when they are read; its sub-folders, if there are some, are classes.

    Fields: x, real in [0, 1], of shape (3 or 1, height, width); c, the sub-folder in order of names, where there are some. Where all
    sub-folders are named as splits, or `train` and another one are, they are these splits, with images or classes in them; a split
    without a folder is a fraction of the training rows. Names are ordered letter by letter: `10` comes before `2`.

    Args:
        path: the folder, beside the spec or in the data root.
        size: `(height, width)` in pixels; an image is cut about its centre to this ratio, then resized.
        colour: `rgb` or `grey`.

    Raises:
        DataAbsent: there is no such folder.
        DataError: it has no images, images beside sub-folders with images, images that lie deeper, or (while reading) damaged ones.
    """

    def __init__(
        self,
        folder: DataFolder,
        seed: int,
        *,
        path: str,
        size: tuple[int, int],
        colour: str = "rgb",
        validation: float = 0.1,
        test: float = 0.1,
    ) -> None:
        place = folder.need(path)
        found, self.notices = _find(place, folder)
        names = _class_names(found)
        fields = _fields(size, colour, names)
        files = [(file, names.index(name)) for classes in found.values() for name in names for file in classes.get(name, ())]
        columns: dict[str, Column] = {"x": ImageColumn([file for file, _ in files], size, colour)}
        self.files = {file.relative_to(place).as_posix(): (file,) for file, _ in files}
        self.readings = {"x": Reading(size=size, colour=colour)}
        if "c" in fields:
            columns["c"] = ArrayColumn(fields["c"], np.array([label for _, label in files]))
            self.readings["c"] = Reading(levels=names)
        lengths = {split: sum(map(len, classes.values())) for split, classes in found.items()}
        super().__init__(columns, split_groups(lengths, validation, test, seed))

    @classmethod
    def found_fields(cls, options: ImagesOptions, folder: DataFolder) -> Mapping[str, Field]:
        """Return x, and c where there are classes."""
        return _fields(options.size, options.colour, _class_names(_find(folder.need(options.path), folder)[0]))


_Classes = dict[str, tuple[Path, ...]]
"""Image files by class; the class is '' where there are none."""


def _fields(size: tuple[int, int], colour: str, names: Sequence[str]) -> dict[str, Field]:
    classes = {} if tuple(names) == ("",) else {"c": Field("categorical", (), len(names))}
    return {"x": Field("real", (_COLOUR_MODES[colour][1], *size)), **classes}


def _class_names(found: Mapping[str, _Classes]) -> tuple[str, ...]:
    return tuple(sorted({name for classes in found.values() for name in classes}))


def _find(place: Path, folder: DataFolder) -> tuple[dict[str, _Classes], list[str]]:
    """Return the image files by split and class, of an undivided folder as those of `train`, with notices of what is not read."""
    if not place.is_dir():
        raise DataError(f"{place} is no folder")
    whole = list_folder(place, folder)
    listings = {split: list_folder(each, folder) for split, each in _splits(whole, folder).items()} or {"train": whole}
    inner = {split: [list_folder(each, folder) for each in listing.folders] for split, listing in listings.items()}
    found = {split: _classes(listing, inner[split], folder) for split, listing in listings.items()}
    empty = [str(listings[split].place) for split, classes in found.items() if not any(classes.values())]
    found = {split: classes for split, classes in found.items() if any(classes.values())}
    if "train" not in found:
        where = listings["train"].place if "train" in listings else place
        raise DataError(f"{where} has no images: neither it nor its sub-folders have files that end in {quoted(sorted(IMAGE_ENDINGS))}")
    names = _class_names(found)
    if "" in names and len(names) > 1:
        plain_ones = [split for split, classes in found.items() if "" in classes]
        raise DataError(f"{place}: images of {quoted(plain_ones)} lie in no class, those of other splits in sub-folders for classes")
    leaves = [each for group in inner.values() for each in group]
    empty += [str(each.place) for each in leaves if names != ("",) and not each.images]
    strays = [file for each in dict.fromkeys((whole, *listings.values(), *leaves)) for file in each.others]
    notices = [f"no images are in {quoted(empty)}"] if empty else []
    if lacking := [name for name in names if name not in found["train"]]:
        notices.append(f"no image to train on is of the classes {quoted(lacking)}")
    notices += not_read(images_below([each for leaf in leaves for each in leaf.folders], folder), "in deeper folders")
    return found, [*notices, *not_read(strays, "not named as images")]


def _splits(whole: Listing, folder: DataFolder) -> dict[str, Path]:
    """Return the folder of each split; nothing where sub-folders are classes, such as the vehicle `train` among others."""
    found = split_folders(whole)
    others = [each for each in whole.folders if each not in found.values() and images_below([each], folder)]
    if not found or (others and not (len(found) > 1 and "train" in found)):
        return {}
    if others or whole.images:
        more = [each.name for each in (*others, *whole.images[:1])]
        raise DataError(
            f"{whole.place} has {quoted(more)} beside {quoted(found)}: with folders for splits, every image lies in one of them"
        )
    return found


def _classes(listing: Listing, inner: Sequence[Listing], folder: DataFolder) -> _Classes:
    """Return the images of a folder and its sub-folders by class."""
    classes = {plain(each.place.name): each.images for each in inner if each.images}
    if listing.images and classes:
        raise DataError(
            f"{listing.place} has images beside sub-folders with images: with classes, every image lies in the sub-folder of its class"
        )
    if len(classes) < sum(bool(each.images) for each in inner):
        raise DataError(f"{listing.place} has two sub-folders whose names are the same but for how their letters are encoded")
    for each in inner if not listing.images else ():
        if not each.images and (deeper := images_below(each.folders, folder)):
            raise DataError(
                f"{each.place} has images in deeper folders alone, such as {deeper[0]}: expected every image in the sub-folder of its class"
            )
    return classes or {"": listing.images}


class ImageColumn(Column):
    """A column of image files: `(rows, 3 or 1, height, width)` in [0, 1].

    Args:
        files: one per row.
        size: `(height, width)`.
        colour: `rgb` or `grey`.
    """

    def __init__(self, files: Sequence[Path], size: tuple[int, int], colour: str) -> None:
        self._mode, channels = _COLOUR_MODES[colour]
        super().__init__(Field("real", (channels, *size)))
        self._files = tuple(files)

    def read(self, rows: Tensor) -> Tensor:
        """Decode the images of `rows`.

        Raises:
            DamagedFiles: some cannot be decoded.
        """
        decoded = np.zeros((len(rows), *self.field.shape), dtype=np.uint8)
        wrong = []
        for index, row in enumerate(rows.tolist()):
            try:
                decoded[index] = self._decode(self._files[row])
            except DataError as error:
                wrong.append(str(error))
        if wrong:
            raise DamagedFiles(wrong)
        return torch.from_numpy(decoded).float() / 255

    def _decode(self, file: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
        channels, height, width = self.field.shape

        def fitted(image: Image.Image) -> Image.Image:
            if image.mode not in _MODES:
                raise DataError(f"the image {file} has pixels of mode {image.mode!r}: convert it to 8 bits per colour")
            upright = ImageOps.exif_transpose(image)
            if "transparency" in upright.info:  # of palettes: it is left out, as that of other images is
                upright = upright.convert("RGBA")
            return ImageOps.fit(upright.convert(self._mode), (width, height), Image.Resampling.BICUBIC)

        values = np.asarray(read_image_file(file, "image", fitted), dtype=np.uint8)
        return values.reshape(height, width, channels).transpose(2, 0, 1)


def read_image_file(file: Path, title: str, convert: Callable[[Image.Image], Result]) -> Result:
    """Return what `convert` makes of an opened image file.

    Only formats whose readers are widely tried are opened, whatever the file's name ends in: others start programs (EPS).

    Args:
        file: the image file.
        title: what it is, for an error message.
        convert: decodes the image while its file is open.

    Raises:
        DataError: the file is damaged, too large, or of another format; or `convert` raises it.
    """
    try:
        with Image.open(file, formats=_FORMATS) as image:
            if image.width * image.height > _MOST_PIXELS:
                raise DataError(f"the {title} {file} has {image.width}x{image.height} pixels: at most {_MOST_PIXELS:,} are read")
            return convert(image)
    except DataError:
        raise
    except UnidentifiedImageError:
        raise DataError(f"the {title} {file} is damaged or no image ({', '.join(_FORMATS)})") from None
    except Exception as error:  # readers raise what they please: struct.error, IndexError, MemoryError, ...
        if isinstance(error, OSError) and error.strerror:
            raise DataError(f"the {title} {file} cannot be read: {error.strerror}") from None
        raise DataError(f"the {title} {file} is damaged: {str(error) or type(error).__name__}") from None
