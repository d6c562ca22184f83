"""A folder of image files. This file decodes them when they are read."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar

import numpy as np
import torch
from PIL import Image, ImageOps, UnidentifiedImageError
from pydantic import BeforeValidator, WithJsonSchema
from torch import Tensor

from gamelearn.data.dataset import ArrayColumn, Column, DataSet, Field, SplitOptions, split_rows
from gamelearn.data.folder import DataFolder
from gamelearn.errors import DataError, quoted
from gamelearn.options import describe, mistake
from gamelearn.registry import DATASETS

IMAGE_ENDINGS = frozenset({".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff", ".ppm", ".pgm"})
"""What the names of image files end in."""
Result = TypeVar("Result")
_FORMATS = ("BMP", "GIF", "JPEG", "PNG", "PPM", "TIFF", "WEBP")
_MODES = frozenset({"1", "L", "LA", "P", "PA", "RGB", "RGBA", "CMYK", "YCbCr"})
_MOST_PIXELS = 2**26
_MOST_NAMED = 5
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
    """The folder, beside the spec or in the data root."""
    size: Annotated[tuple[int, int], BeforeValidator(height_and_width), WithJsonSchema(SIZE_SCHEMA)]
    """Pixels that each image is cut (about its centre) or stretched to: one number, or [height, width]."""
    colour: Literal["rgb", "grey"] = "rgb"
    """Three colours or one grey value per pixel."""


@DATASETS.register("images", options=ImagesOptions)
class Images(DataSet):
    """The image files of a folder, decoded when they are read; its sub-folders, if there are some, are classes.

    Fields: x, real in [0, 1], of shape (3 or 1, height, width); c, the sub-folder in order of names, where there are some.

    Args:
        path: the folder, beside the spec or in the data root.
        size: `(height, width)` in pixels; an image is cut about its centre to this ratio, then resized.
        colour: `rgb` or `grey`.

    Raises:
        DataAbsent: there is no such folder.
        DataError: it has no images, images beside sub-folders with images, or (while reading) damaged ones.
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
        groups = _images_by_folder(place, folder)
        files = [file for group in groups.values() for file in group]
        columns: dict[str, Column] = {"x": ImageColumn(files, size, colour)}
        self.files = {file.relative_to(place).as_posix(): (file,) for file in files}
        if place not in groups:
            labels = np.repeat(np.arange(len(groups)), [len(group) for group in groups.values()])
            columns["c"] = ArrayColumn(Field("categorical", (), len(groups)), labels)
        super().__init__(columns, split_rows(len(files), validation, test, seed))


def _images_by_folder(place: Path, folder: DataFolder) -> dict[Path, list[Path]]:
    if not place.is_dir():
        raise DataError(f"{place} is no folder")
    candidates = [place, *sorted(each for each in place.iterdir() if each.is_dir())]
    groups = {each: files for each in candidates if (files := _image_files(each, folder))}
    if not groups:
        raise DataError(f"{place} has no images: neither it nor its sub-folders have files that end in {quoted(sorted(IMAGE_ENDINGS))}")
    if place in groups and len(groups) > 1:
        raise DataError(f"{place} has images beside sub-folders with images: with classes, every image lies in the sub-folder of its class")
    return groups


def _image_files(place: Path, folder: DataFolder) -> list[Path]:
    found = sorted(file for file in place.iterdir() if file.suffix.lower() in IMAGE_ENDINGS and file.is_file())
    for file in found:
        if not folder.admits(file):
            raise DataError(f"{file} is a link out of the spec's folder and the data root, which an untrusted spec must not follow")
    return found


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
            DataError: some cannot be decoded; it names the first of them.
        """
        decoded = np.zeros((len(rows), *self.field.shape), dtype=np.uint8)
        wrong = []
        for index, row in enumerate(rows.tolist()):
            try:
                decoded[index] = self._decode(self._files[row])
            except DataError as error:
                wrong.append(str(error))
        if wrong:
            more = f"; {len(wrong) - _MOST_NAMED} more" if len(wrong) > _MOST_NAMED else ""
            raise DataError("; ".join(wrong[:_MOST_NAMED]) + more)
        return torch.from_numpy(decoded).float() / 255

    def _decode(self, file: Path) -> np.ndarray[Any, np.dtype[np.uint8]]:
        channels, height, width = self.field.shape

        def fitted(image: Image.Image) -> Image.Image:
            if image.mode not in _MODES:
                raise DataError(f"the image {file} has pixels of mode {image.mode!r}: convert it to 8 bits per colour")
            upright = ImageOps.exif_transpose(image).convert(self._mode)
            return ImageOps.fit(upright, (width, height), Image.Resampling.BICUBIC)

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
