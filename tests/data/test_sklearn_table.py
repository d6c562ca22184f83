"""The tables of scikit-learn. This file compares their fields with the library's arrays."""

from typing import Any

import numpy as np
import pytest
import torch
from sklearn import datasets

from gamelearn.data.csv_file import CsvOptions
from gamelearn.data.dataset import SPLITS, DataSet, Field
from gamelearn.data.folder import DataFolder
from gamelearn.data.sklearn_table import SklearnTable, SklearnTableOptions
from tests.data.test_csv_file import column, open_text


def opened(folder: DataFolder, name: str, seed: int = 0, **options: Any) -> DataSet:
    own = SklearnTableOptions.model_validate({"type": "sklearn_table", "name": name, **options})
    return SklearnTable(folder, seed, **own.own_options())


def values(data: DataSet, field: str, split: str = "train") -> np.ndarray:
    return data.read(field, split, torch.arange(data.length(split))).double().numpy()


def test_training_rows_are_standardised_by_their_own_statistics(folder: DataFolder) -> None:
    data, raw = opened(folder, "wine", seed=3), opened(folder, "wine", seed=3, standardise=False)
    for field in ("alcohol", "proline"):
        train = values(raw, field)
        assert values(data, field).mean() == pytest.approx(0, abs=1e-5)
        assert values(data, field).std() == pytest.approx(1, abs=1e-5)
        expected = (values(raw, field, "test") - train.mean()) / train.std()
        assert values(data, field, "test") == pytest.approx(expected, abs=1e-4)


def test_rows_are_those_of_the_library(folder: DataFolder) -> None:
    data, library = opened(folder, "wine", standardise=False), datasets.load_wine()
    found = np.concatenate([np.stack([values(data, name, split) for name in data.fields], 1) for split in SPLITS])
    expected = np.column_stack([library.data, library.target])
    assert sorted(map(tuple, found.astype(np.float32))) == sorted(map(tuple, expected.astype(np.float32)))
    assert data.class_names["target"] == tuple(library.target_names)


@pytest.mark.parametrize(
    ("name", "field", "kind"),
    [
        ("diabetes", "sex", Field("binary", ())),
        ("diabetes", "target", Field("real", ())),
        ("linnerud", "Chins", Field("count", ())),
        ("linnerud", "Weight", Field("real", ())),
        ("iris", "petal_width_cm", Field("real", ())),
        ("iris", "target", Field("categorical", (), 3)),
        ("breast_cancer", "worst_concave_points", Field("real", ())),
    ],
)
def test_columns_have_types(folder: DataFolder, name: str, field: str, kind: Field) -> None:
    data = opened(folder, name)
    assert data.fields[field] == kind
    assert len(np.unique(values(data, "sex"))) == 2 if field == "sex" else True


def test_a_table_of_text_is_standardised_over_its_present_training_cells(folder: DataFolder) -> None:
    text = "a b,flag\n" + "\n".join(f"{'' if row % 4 == 0 else row},{row % 2}" for row in range(40))
    data = open_text(folder, text, standardise=True, test=0.25)
    present = [each for each in column(data, "a_b") if each is not None]
    assert len(present) < data.length("train")
    assert np.mean(present) == pytest.approx(0, abs=1e-5)
    assert np.std(present) == pytest.approx(1, abs=1e-5)
    assert set(column(data, "flag")) == {0.0, 1.0}


def test_options_tell_the_columns_of_a_file(folder: DataFolder) -> None:
    (folder.root / "a.csv").write_text("x,c\n1.5,u\n2,v\n")
    options = CsvOptions.model_validate({"type": "csv", "path": "a.csv"})
    found = options.table(folder.root, untrusted=False)
    assert [(each.name, each.type, each.classes) for each in found] == [("x", "real", None), ("c", "categorical", 2)]
