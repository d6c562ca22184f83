"""Tables of text: types, missing cells, separators, mistakes. This file tests their data set."""

from typing import Any

import jsonschema
import pytest
import torch
from pydantic import ValidationError

from gamelearn.data.csv_file import Csv, CsvOptions
from gamelearn.data.dataset import DataSet, Field
from gamelearn.data.folder import DataAbsent, DataFolder
from gamelearn.data.reading import Reading
from gamelearn.errors import DataError
from gamelearn.options import mistakes_of


def open_text(folder: DataFolder, text: str | bytes, **options: Any) -> DataSet:
    (folder.root / "a.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    given = CsvOptions.model_validate({"type": "csv", "path": "a.csv", "validation": 0.0, "test": 0.0, **options})
    return Csv(folder, 0, **given.own_options())


def column(data: DataSet, field: str) -> list[Any]:
    values: list[Any] = data.read(field, "train", torch.arange(data.length("train"))).tolist()
    present = data.present(field, "train")
    return values if present is None else [value if there else None for value, there in zip(values, present.tolist(), strict=True)]


TABLE = """height,smokes,town,grade
1.5,1,Bonn,3
2,0,Aachen,1
-1e-1,0,"Bonn",2
"""


def test_types_are_inferred(folder: DataFolder) -> None:
    data = open_text(folder, TABLE)
    assert data.fields == {
        "height": Field("real", ()),
        "smokes": Field("binary", ()),
        "town": Field("categorical", (), 2),
        "grade": Field("real", ()),
    }
    assert column(data, "height") == pytest.approx([1.5, 2, -0.1])
    assert column(data, "town") == [1, 0, 1]


@pytest.mark.parametrize(
    ("options", "field", "values"),
    [
        ("count", Field("count", ()), [3, 1, 2]),
        ("categorical", Field("categorical", (), 3), [2, 0, 1]),
        ({"type": "categorical", "levels": ["3", "2", "1", "0"]}, Field("categorical", (), 4), [0, 2, 1]),
        ({"column": "smokes"}, Field("binary", ()), [1, 0, 0]),
        ({"columns": ["grade", "smokes"]}, Field("real", (2,)), [[3, 1], [1, 0], [2, 0]]),
    ],
)
def test_types_may_be_given(folder: DataFolder, options: Any, field: Field, values: list[Any]) -> None:
    data = open_text(folder, TABLE, columns={"grade": options})
    assert data.fields["grade"] == field
    assert column(data, "grade") == values


def test_a_column_that_is_used_under_another_name_is_not_offered_twice(folder: DataFolder) -> None:
    data = open_text(folder, "Age (years),n\n31,4\n", columns={"age": {"column": "Age (years)"}})
    assert sorted(data.fields) == ["age", "n"]


def test_numbers_as_levels_are_in_order_of_size(folder: DataFolder) -> None:
    assert column(open_text(folder, "c\n10\n9\n10\n", columns={"c": "categorical"}), "c") == [1, 0, 1]


def test_missing_cells_are_a_mask(folder: DataFolder) -> None:
    data = open_text(folder, "a,b,c\n1.5,x,\nNA,y,nan\n ,?,1\n2,x,0\n")
    assert column(data, "a") == [1.5, None, None, 2]
    assert column(data, "b") == [0, 1, None, 0]
    assert column(data, "c") == [None, None, 1, 0]
    assert data.fields["b"].classes == 2


def test_a_row_of_several_columns_is_whole_or_missing(folder: DataFolder) -> None:
    data = open_text(folder, "a,b\n1,2\n3,\n", columns={"x": {"columns": ["a", "b"]}})
    assert column(data, "x") == [[1, 2], None]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_the_separator_is_found(folder: DataFolder, separator: str) -> None:
    assert column(open_text(folder, TABLE.replace(",", separator)), "grade") == [3, 1, 2]


def test_the_separator_may_be_given(folder: DataFolder) -> None:
    assert column(open_text(folder, "a:b\n1:2\n", separator=":"), "b") == [2]


@pytest.mark.parametrize("text", ["a\n1\n0\n\n1\n", "a\r\n1\r\n0\r\n1\r\n", "﻿a\n1\n0\n1"])
def test_ends_of_lines_and_marks_at_the_start(folder: DataFolder, text: str) -> None:
    assert column(open_text(folder, text), "a") == [1, 0, 1]


def test_true_and_false_are_binary(folder: DataFolder) -> None:
    data = open_text(folder, "a,b\nTrue,maybe\nfalse,True\n")
    assert data.fields == {"a": Field("binary", ()), "b": Field("categorical", (), 2)}
    assert column(data, "a") == [1, 0]


@pytest.mark.parametrize(
    ("text", "columns", "what"),
    [
        ("a,b\n1,2\n3\n", {}, r"a.csv:3: expected 2 cells as in the first line, got 1"),
        ("a,b\n1,2,3\n", {}, r"a.csv:2: expected 2 cells"),
        ("a,a\n1,2\n", {}, "names the columns 'a' twice"),
        ("a,\n1,2\n", {}, "has to name every column"),
        ("", {}, "has to name every column, got nothing"),
        ("a,b\n", {}, "has no rows below its first line"),
        ("a\nx\ny\n", {"a": "real"}, "field 'a' is real: expected a number, got 'x'; there are 2 such cells"),
        ("a\n1\n2\n", {"a": "binary"}, "expected 0 or 1, got 2"),
        ("a\n1\n2.5\n", {"a": "count"}, "expected whole numbers from 0 on, got 2.5"),
        ("a\n1\ninf\n", {}, "expected finite numbers, got inf"),
        ("a\nx\ny\n", {"a": {"type": "categorical", "levels": ["x", "z"]}}, "expected one of the levels 'x', 'z', got 'y'"),
        ("size\n1\n", {"x": {"column": "sise"}}, "has no column 'sise'; it has 'size'; did you mean 'size'"),
        ('a,b\n"1,2\n', {}, "is no table of text"),
        (b"a\n\xff\xfe\n", {}, "is no table of text"),
    ],
)
def test_what_does_not_fit_is_refused(folder: DataFolder, text: str, columns: dict[str, Any], what: str) -> None:
    with pytest.raises(DataError, match=what):
        open_text(folder, text, columns=columns)


def test_a_missing_file_is_absent(folder: DataFolder) -> None:
    with pytest.raises(DataAbsent, match=r"'b\.csv' is missing"):
        open_text(folder, TABLE, path="b.csv")


def test_an_unknown_type_is_found() -> None:
    with pytest.raises(ValidationError) as caught:
        CsvOptions.model_validate({"type": "csv", "path": "a.csv", "columns": {"x": "categorial"}})
    (found,) = mistakes_of(caught.value)
    assert found.path[:2] == ("columns", "x")
    assert found.suggestion == "categorical"


@pytest.mark.parametrize("columns", [{"x": "real"}, {"x": {"column": "X", "type": "count"}}, {"x": {"columns": ["a", "b"]}}])
def test_the_json_schema_has_the_short_form(columns: dict[str, Any]) -> None:
    validator = jsonschema.Draft202012Validator(CsvOptions.model_json_schema())
    validator.validate({"type": "csv", "path": "a.csv", "columns": columns})
    assert not validator.is_valid({"type": "csv", "path": "a.csv", "columns": {"x": "reel"}})
    assert not validator.is_valid({"type": "csv", "path": "a.csv", "columns": {"x": {"tipe": "real"}}})


def test_columns_may_have_any_letters_and_options_go_by_the_name_of_the_field(folder: DataFolder) -> None:
    data = open_text(folder, "Größe (cm),α,Straße,krank\n1,2,a,nein\n2,3,b,ja\n", columns={"Straße": "categorical", "Gro_e_cm": "count"})
    assert set(data.fields) == {"Gro_e_cm", "_", "Straße", "krank"}
    assert data.fields["Gro_e_cm"] == Field("count", ())
    assert all(name.isascii() for name in open_text(folder, "Größe,Ä,Ö,日本\n1,2,3,4\n").fields)


def test_it_is_told_how_cells_are_written(folder: DataFolder) -> None:
    data = open_text(folder, "age (y),town,ill,well\n10,b,true,1\n20,a,NA,0\n30,b,true,1\n", standardise=True)
    assert data.class_names == {"town": ("a", "b")}
    assert data.readings["age_y"] == Reading(("age (y)",), mean=(20.0,), deviation=data.readings["age_y"].deviation)
    assert data.readings["age_y"].deviation == pytest.approx(((200 / 3) ** 0.5,))
    assert [data.readings[name].levels for name in ("town", "ill", "well")] == [("a", "b"), ("false", "true"), ("0", "1")]
    plain = open_text(folder, "age\n10\n20\n")
    assert (plain.readings["age"].mean, plain.readings["age"].deviation) == ((), ())
