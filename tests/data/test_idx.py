"""MNIST and Fashion-MNIST from small files of the same kind. This file tests their reader."""

import gzip
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from gamelearn.data import fashion_mnist, mnist
from gamelearn.data.dataset import DataSet, Field
from gamelearn.data.fashion_mnist import FashionMnist
from gamelearn.data.folder import DataAbsent, DataFolder
from gamelearn.data.idx import IdxOptions, read_idx
from gamelearn.data.mnist import Mnist
from gamelearn.errors import DataError
from gamelearn.options import mistakes_of
from tests.data.idx_files import NAMES, idx_bytes, small_arrays, write_small

KINDS: list[Any] = [(mnist, Mnist), (fashion_mnist, FashionMnist)]


def small(folder: DataFolder, monkeypatch: pytest.MonkeyPatch, *, packed: bool = True, **options: Any) -> DataSet:
    monkeypatch.setattr(mnist, "SOURCE", write_small(mnist.SOURCE, folder.root, packed=packed))
    return Mnist(folder, 0, **options)


def everything(data: DataSet, field: str, split: str) -> torch.Tensor:
    return data.read(field, split, torch.arange(data.length(split)))


@pytest.mark.parametrize("packed", [True, False])
def test_files_may_be_packed_or_not(folder: DataFolder, monkeypatch: pytest.MonkeyPatch, packed: bool) -> None:
    data = small(folder, monkeypatch, packed=packed, validation=0.0)
    images, labels, test_images, test_labels = small_arrays()
    assert torch.equal(everything(data, "x", "train"), torch.from_numpy(images[:, None] / np.float32(255)))
    assert everything(data, "c", "train").tolist() == labels.tolist()
    assert torch.equal(everything(data, "x", "test"), torch.from_numpy(test_images[:, None] / np.float32(255)))
    assert everything(data, "c", "test").tolist() == test_labels.tolist()


def test_validation_is_a_part_of_the_training_images(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    data = small(folder, monkeypatch, validation=0.25)
    assert [data.length(split) for split in ("train", "validation", "test")] == [15, 5, 10]


def test_together_trains_on_every_image(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    data = small(folder, monkeypatch, together=True)
    assert [data.length(split) for split in ("train", "validation", "test")] == [30, 0, 0]
    assert everything(data, "c", "train").tolist() == np.concatenate(small_arrays()[1::2]).tolist()


def test_images_are_thresholded_where_the_paper_does(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    data = small(folder, monkeypatch, validation=0.0, binarize=0.4375)
    assert data.fields["x"] == Field("binary", (1, 28, 28))
    assert torch.equal(everything(data, "x", "train")[:, 0], torch.from_numpy((small_arrays()[0] >= 112).astype(np.float32)))


def test_pixels_flip_anew_by_key(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    data = small(folder, monkeypatch, binarize=0.5, flip=0.1)
    x = everything(data, "x", "train")
    flipped = data.perturb("x", x, ("key",), 0)
    assert set(flipped.unique().tolist()) == {0.0, 1.0}
    assert 0.08 < (flipped != x).float().mean() < 0.12
    assert torch.equal(flipped, data.perturb("x", x, ("key",), 0))
    assert torch.equal(flipped[4:], data.perturb("x", x[4:], ("key",), 4))
    assert not torch.equal(flipped, data.perturb("x", x, ("other",), 0))
    assert data.perturb("c", everything(data, "c", "train"), ("key",), 0).equal(everything(data, "c", "train"))


def test_grey_pixels_take_normal_noise(folder: DataFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    data = small(folder, monkeypatch, noise=0.01)
    x = everything(data, "x", "train").double()
    noise = data.perturb("x", x, ("key",), 0) - x
    assert noise.dtype == torch.float64
    assert abs(noise.mean()) < 0.0005
    assert abs(noise.std() - 0.01) < 0.0005


@pytest.mark.parametrize(
    ("options", "path", "what"),
    [
        ({"flip": 0.1}, "flip", "only binarised pixels flip"),
        ({"noise": 0.1, "binarize": 0.5}, "noise", "only grey pixels take normal noise"),
        ({"together": True, "validation": 0.1}, "validation", "'together' trains on every image"),
    ],
)
def test_options_that_exclude_each_other(options: dict[str, Any], path: str, what: str) -> None:
    with pytest.raises(ValidationError) as caught:
        IdxOptions.model_validate({"type": "mnist", **options})
    (found,) = mistakes_of(caught.value)
    assert found.path == (path,)
    assert what in found.what


@pytest.mark.parametrize(("module", "build"), KINDS)
def test_what_is_absent_is_named_with_what_to_do(folder: DataFolder, module: Any, build: Any) -> None:
    with pytest.raises(DataAbsent) as caught:
        build(folder, 0)
    message = str(caught.value)
    name = module.SOURCE.name
    places = [str(place / name / f"{NAMES[0]}.gz") for place in folder.places]
    for part in (
        *places,
        *NAMES,
        *module.SOURCE.mirrors,
        "no network",
        f"GAMELEARN_DATA/{name}/",
        str(folder.root),
        "'digits' needs no download",
    ):
        assert part in message


def damage(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "flipped":
        middle = len(content) // 2
        path.write_bytes(content[:middle] + bytes([content[middle] ^ 1]) + content[middle + 1 :])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "html":
        path.write_bytes(b"<html>not found</html>")
    else:
        path.write_bytes(gzip.compress(idx_bytes(small_arrays()[2])))


@pytest.mark.parametrize("how", ["truncated", "flipped", "empty", "html", "other"])
def test_a_damaged_file_is_named_with_what_to_do(folder: DataFolder, monkeypatch: pytest.MonkeyPatch, how: str) -> None:
    source = write_small(mnist.SOURCE, folder.root)
    monkeypatch.setattr(mnist, "SOURCE", source)
    path = folder.root / "mnist" / f"{NAMES[0]}.gz"
    damage(path, how)
    with pytest.raises(DataError) as caught:
        Mnist(folder, 0)
    assert not isinstance(caught.value, DataAbsent)
    assert str(caught.value).startswith(str(path))
    assert "delete it and start again to download it, or put an intact copy in its place" in str(caught.value)


def test_a_file_that_unpacks_without_end_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("gamelearn.data.idx._MOST_BYTES", 1000)
    path = tmp_path / "bomb.gz"
    path.write_bytes(gzip.compress(bytes(100_000)))
    with pytest.raises(DataError, match="unpacks to more than 1,000 bytes"):
        read_idx(path, "any")


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0", "is no idx file of bytes: it begins with 00000d01"),
        (b"\0\0", "is no idx file of bytes"),
        (b"\0\0\x08\x01\0\0\0\x05ab", r"has 2 bytes of data, its head says \(5,\)"),
    ],
)
def test_a_wrong_head_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes, what: str) -> None:
    monkeypatch.setattr("gamelearn.data.idx._check_hash", lambda path, content, sha256: None)
    path = tmp_path / "file"
    path.write_bytes(content)
    with pytest.raises(DataError, match=what):
        read_idx(path, "any")


@pytest.mark.parametrize(("module", "build"), KINDS)
def test_hashes_and_mirrors_are_whole(module: Any, build: Any) -> None:
    assert all(len(sha256) == 64 and int(sha256, 16) for sha256 in module.SOURCE.hashes)
    assert len(set(module.SOURCE.hashes)) == 4
    assert all(mirror.endswith("/") for mirror in module.SOURCE.mirrors)
