"""What every data set of the registry promises. This file holds the contract tests of data sets."""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from pydantic import ValidationError

from gamelearn.data import fashion_mnist, mnist
from gamelearn.data.checks import wrong_values
from gamelearn.data.dataset import SPLITS, DataSet
from gamelearn.data.folder import DataFolder
from gamelearn.options import mistakes_of
from gamelearn.plugins import load_builtins
from gamelearn.registry import DATASETS
from games.segmentation.toy_faces import draw_faces
from tests.data.idx_files import write_small
from tests.games.celebamask_files import write_faces

load_builtins()

ROWS = 40
Maker = Callable[[Path, pytest.MonkeyPatch], dict[str, Any]]


def make_idx(module: Any) -> Maker:
    def make(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        monkeypatch.setattr(module, "SOURCE", write_small(module.SOURCE, root))
        return {"binarize": 0.5, "flip": 0.1}

    return make


def make_npz(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    generator = np.random.default_rng(0)
    pictures = generator.integers(0, 256, (ROWS, 6, 5, 3), dtype=np.uint8)
    np.savez(root / "a.npz", x=pictures, c=np.arange(ROWS) % 4, n=np.arange(ROWS), flag=np.arange(ROWS) % 2 > 0)
    return {"path": "a.npz", "fields": {"x": {}, "c": {}, "n": {"type": "count"}, "flag": {}}}


def make_images(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    for index in range(ROWS):
        path = root / f"pictures/class{index % 3}/{index}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (9, 7), (index, 6 * index, 255 - index)).save(path)
    return {"path": "pictures", "size": [4, 6]}


def make_csv(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    lines = [f"{row / 7},{row % 2},{row},{'' if row % 5 == 0 else 'abc'[row % 3]}" for row in range(ROWS)]
    (root / "a.csv").write_text("\n".join(["x,flag,n,c", *lines]))
    return {"path": "a.csv", "columns": {"n": "count"}}


def make_pairs(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    images, labels = draw_faces(ROWS, 32)
    for index in range(ROWS):
        for name, values in (("images", images[index].transpose(1, 2, 0)), ("labels", labels[index])):
            (root / "faces" / name).mkdir(parents=True, exist_ok=True)
            Image.fromarray(values).save(root / f"faces/{name}/{index}.png")
    return {"path": "faces", "size": [16, 20], "classes": 19}


def make_celebamask(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    write_faces(root, ROWS)
    return {"size": 16}


def make_toy_faces(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"rows": ROWS, "size": 32}


def make_sklearn_table(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {"name": "wine", "standardise": False}  # as the statistics are those of a split


MAKERS: dict[str, Maker] = {
    "celebamask_hq": make_celebamask,
    "pairs": make_pairs,
    "toy_faces": make_toy_faces,
    "mnist": make_idx(mnist),
    "fashion_mnist": make_idx(fashion_mnist),
    "npz": make_npz,
    "images": make_images,
    "csv": make_csv,
    "sklearn_table": make_sklearn_table,
}
"""How a small data set is made of those that need files: options, once the files are written. The others need nothing."""


def make_nothing(root: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    return {}


class Member:
    """A registered data set that can be built with several seeds."""

    def __init__(self, name: str, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        self.entry = DATASETS[name]
        self.folder = DataFolder(None, root)
        options = MAKERS.get(name, make_nothing)(root, monkeypatch)
        try:
            self.options = self.entry.options.model_validate({"type": name, **options})
        except ValidationError as error:
            pytest.fail(f"data set {name!r} needs files or options: add how they are made to MAKERS ({mistakes_of(error)})")

    def build(self, seed: int = 0) -> DataSet:
        own: Any = self.options
        built: DataSet = self.entry.build(self.folder, seed, **own.own_options())
        return built


@pytest.fixture(params=DATASETS.names)
def member(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Member:
    return Member(request.param, tmp_path, monkeypatch)


def present_values(data: DataSet) -> Iterator[tuple[str, torch.Tensor]]:
    for split in SPLITS:
        for name in data.fields:
            present = data.present(name, split)
            rows = torch.arange(data.length(split)) if present is None else present.nonzero().flatten()
            yield name, data.read(name, split, rows)


def fingerprints(data: DataSet, split: str) -> list[bytes]:
    """Return the content of each row of a split."""
    rows = torch.arange(data.length(split))
    fields = [data.read(name, split, rows).reshape(len(rows), -1).double().numpy() for name in data.fields]
    return [row.tobytes() for row in np.concatenate(fields, axis=1)]


def test_values_are_what_the_fields_say(member: Member) -> None:
    data = member.build()
    assert data.fields
    for name, values in present_values(data):
        assert wrong_values(data.fields[name], values) is None, name


def test_rows_are_read_in_the_order_that_is_asked_for(member: Member) -> None:
    data = member.build()
    rows = torch.tensor([2, 0, 0, 1])
    for name in data.fields:
        assert data.read(name, "train", rows).equal(data.read(name, "train", torch.arange(3))[rows])
        assert data.read(name, "train", rows[:0]).shape == (0, *data.fields[name].shape)


def test_declared_fields_are_those_of_the_data(member: Member) -> None:
    build: Any = member.entry.build
    declared = build.declared_fields(member.options)
    assert declared is None or dict(declared) == dict(member.build().fields)


def test_splits_are_disjoint_cover_and_keep_their_rows(member: Member) -> None:
    data = member.build()
    rows = [row for split in SPLITS for row in fingerprints(data, split)]
    assert all(data.length(split) for split in SPLITS)
    assert len(set(rows)) > 0.99 * len(rows)
    other = member.build(seed=1)
    assert sorted(rows) == sorted(row for split in SPLITS for row in fingerprints(other, split))


def test_a_seed_gives_a_split(member: Member) -> None:
    first, same, other = (fingerprints(member.build(seed), "train") for seed in (0, 0, 1))
    assert first == same
    assert first != other


def test_noise_keeps_type_and_shape_and_follows_key_and_row(member: Member) -> None:
    data = member.build()
    for name, field in data.fields.items():
        values = data.read(name, "train", torch.arange(8))
        noisy = data.perturb(name, values, ("key", 1), 5)
        assert (noisy.shape, noisy.dtype) == (values.shape, values.dtype)
        assert wrong_values(field, noisy) is None
        assert noisy.equal(data.perturb(name, values, ("key", 1), 5))
        assert noisy[3:].equal(data.perturb(name, values[3:], ("key", 1), 8))
        if values.is_floating_point():
            assert data.perturb(name, values.double(), ("key", 1), 5).dtype == torch.float64


def test_presence_is_a_mask_of_the_split(member: Member) -> None:
    data = member.build()
    masks = [(data.present(name, split), data.length(split)) for split in SPLITS for name in data.fields]
    for mask, length in masks:
        assert mask is None or (mask.dtype == torch.bool and tuple(mask.shape) == (length,))
    assert type(data).may_miss or all(mask is None for mask, _ in masks)


def test_the_size_is_that_of_the_tensors(member: Member) -> None:
    data = member.build()
    rows = sum(data.length(split) for split in SPLITS)
    per_row = sum(values[:1].nbytes for values in (data.read(name, "train", torch.arange(1)) for name in data.fields))
    assert data.bytes == rows * per_row


def test_the_summary_is_a_sentence(member: Member) -> None:
    assert member.entry.summary.endswith(".")
