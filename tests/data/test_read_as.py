"""Tables and images that are read as their variables have them: what fits, what is told, what is refused."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from gamelearn.data import csv_file, digits, images, sklearn_table
from gamelearn.data.binding import field_mistakes
from gamelearn.data.folder import DataFolder
from gamelearn.data.streams import Streams, open_streams
from gamelearn.errors import DataError
from gamelearn.spec.schema import Data, Variable

REGISTERED_BY = (csv_file, digits, images, sklearn_table)
BINARY, COUNT, REAL = (Variable(type=kind) for kind in ("binary", "count", "real"))
TWO, THREE, FOUR = (Variable(type="categorical", classes=classes) for classes in (2, 3, 4))


def opened(folder: DataFolder, dataset: dict[str, Any], variables: dict[str, Variable], former: Streams | None = None) -> Streams:
    whole = {} if dataset["type"] == "mnist" else {"validation": 0.0, "test": 0.0}
    data = Data.model_validate({"dataset": {**whole, **dataset}, "streams": {name: [name] for name in variables}})
    known: dict[str, Any] = {"readings": former.readings(), "rows": former.row_keys()} if former else {}
    return open_streams(data, variables, folder=folder, seed=0, device="cpu", dtype=torch.float32, **known)


def of_table(
    folder: DataFolder,
    cells: Sequence[str],
    variable: Variable,
    options: Any = None,
    former: Streams | None = None,
    without: str = "-",
    **others: Any,
) -> Streams:
    (folder.root / "a.csv").write_text(
        "\n".join(["y;z", *(f"{cell};{(len(cells) - row) / 7}" for row, cell in enumerate(cells) if cell != without), ""])
    )
    dataset = {"type": "csv", "path": "a.csv", "columns": {} if options is None else {"y": options}, **others}
    return opened(folder, dataset, {"y": variable, "z": REAL}, former)


def values(streams: Streams, name: str = "y") -> Any:
    return torch.cat([part[name] for part in streams.split(name, "train")])


@pytest.mark.parametrize(
    ("cells", "variable", "wanted", "levels", "told"),
    [
        ("0101", TWO, [0, 1, 0, 1], "01", None),
        ("0000", TWO, [0, 0, 0, 0], "01", "column 'y' has one value"),
        ("0101", REAL, [0, 1, 0, 1], "", None),
        ("0101", COUNT, [0, 1, 0, 1], "", None),
        ("0103", COUNT, [0, 1, 0, 3], "", None),
        ("0121", THREE, [0, 1, 2, 1], "012", None),
        ("0131", FOUR, [0, 1, 3, 1], "0123", None),
        ("1231", THREE, [0, 1, 2, 0], "123", None),
        (["30", "9", "10"], THREE, [2, 0, 1], ["9", "10", "30"], None),
        (["0,5", "1,5", "0,5"], TWO, [0, 1, 0], ["0,5", "1,5"], None),
        (["0,0", "1,0", "3,0"], FOUR, [0, 1, 3], ["0,0", "1,0", "2", "3,0"], None),
        (["1.000", "2.000", "1.500,0"], COUNT, [1000, 2000, 1500], "", None),
        (["€1", "€0", "€2"], THREE, [1, 0, 2], ["€0", "€1", "€2"], None),
        (["true", "false", "1"], TWO, [1, 0, 1], ["false", "1"], None),
        (["yes", "no", "yes"], BINARY, [1, 0, 1], ["no", "yes"], "field 'y': 'no' is read as 0, 'yes' as 1"),
        ("2552", BINARY, [0, 1, 1, 0], "25", "field 'y': '2' is read as 0, '5' as 1"),
        (["01", "02", "03"], REAL, [1, 2, 3], "", None),
        (["0", "", "1", "NA"], TWO, [0, 1], "01", None),
        ("010", Variable(type="categorical", classes=2, shape=(1,)), [[0], [1], [0]], "01", None),
        (["0.5", "1"], Variable(type="real", shape=(1, 1)), [[[0.5]], [[1]]], "", None),
    ],
)
def test_the_variable_says_what_a_column_is(
    folder: DataFolder, cells: Sequence[str], variable: Variable, wanted: Any, levels: Sequence[str], told: str | None
) -> None:
    streams = of_table(folder, cells, variable)
    assert values(streams).tolist() == wanted
    reading = streams.readings()["y"]
    assert reading.levels == tuple(levels)
    held = [cell for cell in cells if not reading.is_missing(cell)]
    assert [reading.value(cell) for cell in held] == np.ravel(wanted).tolist(), "evidence means the same"
    assert [reading.value(reading.text(value)) for value in np.ravel(wanted)] == np.ravel(wanted).tolist(), "and so do answers"
    assert [told in notice for notice in streams.notices] if told else not streams.notices


@pytest.mark.parametrize(
    ("cells", "variable", "options", "what"),
    [
        ("1231", FOUR, None, "field 'y' of data set 'csv' is categorical with 3 classes of shape (): set classes: 3"),
        ("123456", FOUR, None, "field 'y' of data set 'csv' is categorical with 6 classes of shape (): set classes: 6"),
        ("1232", BINARY, None, "field 'y' of data set 'csv' is real of shape (): it holds 3 different values, '1', '2', '3'"),
        ("777", BINARY, None, "it holds 1 different value, '7': add columns: {y: {levels: [TEXT, TEXT]}}"),
        (["yes", "no", "maybe"], BINARY, None, "it holds 3 different values, 'maybe', 'no', 'yes'"),
        (["1", "2", "x"], REAL, None, "row 2 (counted from 0): field 'y' is real: expected a number, got 'x'; there are 1 such cells"),
        (["true", "false"], REAL, None, "field 'y' is real: expected a number, got 'true'"),
        (["1.5", "2"], COUNT, None, "expected whole numbers from 0 on, got 1.5 in row 0, counted from 0"),
        (["1", "-2"], COUNT, None, "expected whole numbers from 0 on, got -2 in row 1, counted from 0"),
        ("0101", TWO, "real", "is real of shape (): 'columns' gives it this type: leave it out there, or give the variable this type"),
        ("0101", Variable(type="real", shape=(2,)), None, "variable 'y' is real of shape (2,), field 'y' of data set 'csv' is binary"),
    ],
)
def test_what_a_column_cannot_be_is_refused(folder: DataFolder, cells: Sequence[str], variable: Variable, options: Any, what: str) -> None:
    with pytest.raises(DataError) as caught:
        of_table(folder, cells, variable, options)
    (line,) = str(caught.value).splitlines()
    assert line.startswith(f"data.streams.y.variables.y: variable 'y' is {variable.type}")
    assert what in line


def test_levels_say_the_order(folder: DataFolder) -> None:
    assert values(of_table(folder, ["no", "yes"], BINARY, {"levels": ["yes", "no"]})).tolist() == [1, 0]
    assert values(of_table(folder, "312", THREE, {"levels": ["3", "1", "2"]})).tolist() == [0, 1, 2]


def test_what_is_read_as_real_is_standardised(folder: DataFolder) -> None:
    streams = of_table(folder, "0101", REAL, standardise=True)
    assert values(streams).tolist() == [-1, 1, -1, 1]
    assert (streams.readings()["y"].mean, streams.readings()["y"].deviation) == ((0.5,), (0.5,))
    assert values(of_table(folder, "0121", THREE, standardise=True)).tolist() == [0, 1, 2, 1]


def test_one_column_may_be_two_variables(folder: DataFolder) -> None:
    (folder.root / "a.csv").write_text("y,z\n1,a\n3,b\n2,a\n")
    dataset = {"type": "csv", "path": "a.csv", "validation": 0, "test": 0}
    shown = {"y": "y", "k": "y", "b": "z"}
    data = {"dataset": dataset, "streams": {name: {"variables": {name: field}} for name, field in shown.items()}}
    variables = {"y": REAL, "k": THREE, "b": BINARY}
    streams = open_streams(Data.model_validate(data), variables, folder=folder, seed=0, device="cpu", dtype=torch.float32)
    assert {name: values(streams, name).tolist() for name in "ykb"} == {"y": [1, 3, 2], "k": [0, 2, 1], "b": [0, 1, 0]}
    assert streams.readings()["k"].levels == ("1", "2", "3")
    assert streams.readings()["y"].levels == ()


@pytest.mark.parametrize(
    ("cells", "variable", "more"),
    [("01" * 10, TWO, "2"), ("123" * 7, THREE, "4"), ("12" * 10, BINARY, "1"), ("0123" * 5, COUNT, "9"), ("01" * 10, REAL, "7")],
)
def test_classes_and_units_are_those_of_the_training(folder: DataFolder, cells: str, variable: Variable, more: str) -> None:
    """A row of a new class is added at the beginning, where it would move all."""
    former = of_table(folder, cells, variable, standardise=True)
    before = values(former)
    now = of_table(folder, f"{more}{cells}", variable, former=former, standardise=True)
    assert torch.equal(values(now), before)
    assert now.readings() == former.readings()
    assert "data set 'csv': 1 row is new since the training: no split has it" in now.notices


def test_a_class_that_goes_moves_no_other(folder: DataFolder) -> None:
    former = of_table(folder, "12345" * 4, Variable(type="categorical", classes=5))
    before = values(former)
    now = of_table(folder, "12345" * 4, Variable(type="categorical", classes=5), former=former, without="5")
    assert values(now).tolist() == before[before < 4].tolist()
    assert now.readings() == former.readings()


@pytest.mark.parametrize(
    ("name", "field", "variable", "wanted", "told"),
    [
        ("breast_cancer", "target", BINARY, lambda raw: raw.target, ()),
        ("diabetes", "sex", TWO, lambda raw: raw.data[:, 1] == 2, ()),
        ("diabetes", "age", COUNT, lambda raw: raw.data[:, 0], ()),
        ("diabetes", "target", COUNT, lambda raw: raw.target, ()),
        ("linnerud", "Chins", Variable(type="count", shape=(1,)), lambda raw: raw.data[:, :1], ()),
        ("linnerud", "Chins", REAL, lambda raw: (raw.data[:, 0] - raw.data[:, 0].mean()) / raw.data[:, 0].std(), ()),
        ("iris", "target", Variable(type="categorical", classes=3, shape=(1,)), lambda raw: raw.target[:, None], ()),
    ],
)
def test_the_variable_says_what_a_column_of_scikit_learn_is(
    folder: DataFolder, name: str, field: str, variable: Variable, wanted: Any, told: tuple[str, ...]
) -> None:
    from sklearn import datasets

    raw = getattr(datasets, f"load_{name}")(**({"scaled": False} if name == "diabetes" else {}))
    streams = opened(folder, {"type": "sklearn_table", "name": name}, {field: variable})
    assert values(streams, field).numpy() == pytest.approx(np.asarray(wanted(raw), float), abs=1e-5)
    assert streams.notices == told


@pytest.mark.parametrize(
    ("name", "field", "variable"),
    [("iris", "target", FOUR), ("iris", "target", BINARY), ("iris", "target", REAL), ("diabetes", "bmi", COUNT), ("diabetes", "age", TWO)],
)
def test_what_a_column_of_scikit_learn_cannot_be_is_refused_without_opening_it(name: str, field: str, variable: Variable) -> None:
    data = Data.model_validate({"dataset": {"type": "sklearn_table", "name": name}, "streams": {"all": [field]}})
    (mistake,) = field_mistakes(data, {field: variable})
    assert mistake.what.startswith(f"variable {field!r} is {variable.type}")
    assert f"field {field!r} of data set 'sklearn_table' is " in mistake.what


@pytest.mark.parametrize("shape", [(8, 8), (1, 8, 8), (8, 8, 1), (1, 1, 8, 8)])
@pytest.mark.parametrize(("kind", "options"), [("real", {"noise": 0.1}), ("binary", {"binarize": 0.5, "flip": 0.1})])
def test_images_may_have_axes_of_one_element_or_not(folder: DataFolder, shape: tuple[int, ...], kind: str, options: Any) -> None:
    def shown(shape: tuple[int, ...]) -> Streams:
        return opened(folder, {"type": "digits", **options}, {"x": Variable.model_validate({"type": kind, "shape": list(shape)})})

    streams, plain = shown(shape), shown((1, 8, 8))
    whole = values(plain, "x")
    assert values(streams, "x").shape == (1797, *shape)
    assert torch.equal(values(streams, "x"), whole.reshape(-1, *shape))
    noisy = [each.batch("x", 0, 16, noise_key=("a",))["x"].reshape(16, -1) for each in (streams, plain)]
    assert torch.equal(*noisy), "with the same noise"
    reading = streams.readings()["x"]
    assert np.array_equal(reading.decoded(whole.numpy(), kind).reshape(-1, *shape), whole.reshape(-1, *shape))
    assert np.array_equal(reading.encoded(values(streams, "x").numpy(), kind).reshape(-1, 64) != 0, whole.reshape(-1, 64) != 0)


def test_folders_of_images_too(folder: DataFolder) -> None:
    (folder.root / "d").mkdir()
    pixels = np.random.default_rng(0).integers(0, 256, (3, 4, 5), dtype=np.uint8)
    for number, each in enumerate(pixels):
        Image.fromarray(each).save(folder.root / f"d/{number}.png")
    dataset = {"type": "images", "path": "d", "size": [4, 5], "colour": "grey"}
    streams = opened(folder, dataset, {"x": Variable(type="real", shape=(4, 5))})
    assert np.allclose(values(streams, "x").numpy(), pixels / 255)
    for shape in ((3, 4, 5), (20,), (5, 4)):
        with pytest.raises(DataError, match="is real of shape"):
            opened(folder, dataset, {"x": Variable(type="real", shape=shape)})
