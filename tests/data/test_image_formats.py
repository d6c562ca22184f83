"""Image files of every format that is read, damaged at random, and of formats that are not. These tests show that only DataError is raised."""

import random
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn

import pytest
import torch
from PIL import Image, PngImagePlugin

from gamelearn.data.folder import DataFolder
from gamelearn.data.images import _FORMATS, ImageColumn, Images, ImagesOptions
from gamelearn.data.label_maps import image_size, read_image, read_label_map, read_mask, why_no_classes
from gamelearn.data.pairs import Pairs, PairsOptions
from gamelearn.data.reading import Reading
from gamelearn.errors import DataError
from gamelearn.files.image_folders import open_pictures
from gamelearn.graph.model import Variable

EPS = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\n%%EndComments\n0 0 8 8 rectfill\n%%EOF\n"
X = Variable("x", "real", (3, 8, 8))
READERS: list[Callable[[Path], object]] = [
    lambda file: ImageColumn([file], (8, 8), "rgb").read(torch.zeros(1, dtype=torch.int64)),
    lambda file: read_image(file, (8, 8)),
    image_size,
    read_label_map,
    why_no_classes,
    read_mask,
    lambda file: list(open_pictures(file, X, Reading(), resize=True).blocks(1)),
]


def open_images(folder: DataFolder) -> object:
    options = {"type": "images", "path": "images", "size": 8, "validation": 0.0, "test": 0.0}
    return Images(folder, 0, **ImagesOptions.model_validate(options).own_options()).read("x", "train", torch.tensor([0]))


def open_pairs(folder: DataFolder) -> object:
    return Pairs(folder, 0, **PairsOptions.model_validate({"type": "pairs", "path": "."}).own_options())


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """Every program that is started; none is."""
    found: list[Any] = []

    def popen(*arguments: Any, **_: Any) -> NoReturn:
        found.append(arguments)
        raise FileNotFoundError

    monkeypatch.setattr(subprocess, "Popen", popen)
    monkeypatch.setattr("os.system", popen)
    return found


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("name", ["07.png", "07.eps", "07.jpg"])
def test_no_image_file_starts_a_program(tmp_path: Path, reader: Callable[[Path], object], name: str, started: list[Any]) -> None:
    (tmp_path / name).write_bytes(EPS)
    with pytest.raises(DataError, match=rf"{name} is damaged or no image \(BMP, GIF, JPEG, PNG, PPM, TIFF, WEBP\)"):
        reader(tmp_path / name)
    assert not started


@pytest.mark.parametrize("untrusted", [False, True])
@pytest.mark.parametrize("opens", [open_images, open_pairs])
def test_no_data_set_starts_a_program(tmp_path: Path, opens: Callable[[DataFolder], object], untrusted: bool, started: list[Any]) -> None:
    for kind in ("images", "labels"):
        (tmp_path / kind).mkdir()
        (tmp_path / kind / "07.png").write_bytes(EPS)
    with pytest.raises(DataError, match=r"07\.png is damaged or no image"):
        opens(DataFolder(tmp_path, tmp_path, untrusted))
    assert not started


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("raised", [struct.error("too short"), IndexError("no such"), MemoryError(), RecursionError(), KeyError("Tag")])
def test_whatever_a_reader_raises_is_a_data_error(
    tmp_path: Path, reader: Callable[[Path], object], raised: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    Image.new("RGB", (8, 8)).save(tmp_path / "a.png")

    def fails(*_: Any) -> NoReturn:
        raise raised

    for method in ("load", "getexif"):
        monkeypatch.setattr(PngImagePlugin.PngImageFile, method, fails)
    with pytest.raises(DataError, match=r"a\.png is damaged"):
        reader(tmp_path / "a.png")


@pytest.mark.filterwarnings("ignore:.*:UserWarning")  # what Pillow says of damaged TIFF files
@pytest.mark.parametrize("form", _FORMATS)
def test_damaged_files_of_every_format_raise_data_errors_only(tmp_path: Path, form: str) -> None:
    dice, file, failed = random.Random(form), tmp_path / "a.png", 0
    Image.effect_noise((24, 16), 50).convert("P" if form == "GIF" else "RGB").save(file, form)
    whole = file.read_bytes()
    assert image_size(file) == (16, 24)
    for _ in range(60):
        part = bytearray(whole[: dice.randrange(len(whole))] if dice.random() < 0.3 else whole)
        for _ in range(dice.randrange(1, 6)):
            if part:
                part[dice.randrange(min(len(part), dice.choice([40, 10**9])))] ^= 1 << dice.randrange(8)
        file.write_bytes(part)
        for reader in READERS:
            try:
                reader(file)
            except DataError as error:
                failed += 1
                assert "a.png" in str(error)  # noqa: PT017 - most files fail, some can be read
    assert failed
