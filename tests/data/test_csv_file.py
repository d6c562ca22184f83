"""Tables of text: types, missing cells, separators, mistakes. This file tests their data set."""

from typing import Any

import jsonschema
import pytest
import torch
from pydantic import ValidationError

from gamelearn.data.csv_file import ColumnOptions, Csv, CsvOptions
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
        ({"column": "town", "type": "binary", "levels": ["Bonn", "Aachen"]}, Field("binary", ()), [0, 1, 0]),
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


@pytest.mark.parametrize("text", ["a\n1\n0\n1\n", "a\r\n1\r\n0\r\n1\r\n", "﻿a\n1\n0\n1"])
def test_ends_of_lines_and_marks_at_the_start(folder: DataFolder, text: str) -> None:
    assert column(open_text(folder, text), "a") == [1, 0, 1]


def test_true_and_false_are_binary(folder: DataFolder) -> None:
    data = open_text(folder, "a,b\nTrue,maybe\nfalse,True\n")
    assert data.fields == {"a": Field("binary", ()), "b": Field("categorical", (), 2)}
    assert column(data, "a") == [1, 0]


@pytest.mark.parametrize(
    ("text", "columns", "what"),
    [
        ("a\nx\ny\n", {"a": "real"}, r"a.csv, row 0 \(counted from 0\): field 'a' is real: expected a number, got 'x'; there are 2 such"),
        ("a\n1\n2\n", {"a": "binary"}, r"row 1 \(counted from 0\): field 'a' is binary: expected one of '0', '1', got '2'"),
        ("a\n1\n2.5\n", {"a": "count"}, "expected whole numbers from 0 on, got 2.5"),
        ("a\n1\ninf\n", {}, "expected a finite number, got 'inf'"),
        ("a\nx\ny\n", {"a": {"type": "categorical", "levels": ["x", "z"]}}, "expected one of 'x', 'z', got 'y'"),
        ("a;b\n1;2\n3;x\n", {"c": {"columns": ["a", "b"], "type": "real"}}, r"row 1 \(counted from 0\): field 'c' is real"),
        ("size\n1\n", {"x": {"column": "sise"}}, "has no column 'sise'; it has 'size'; did you mean 'size'"),
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
    data = open_text(folder, "Größe (cm),α,Straße,krank\n1,2,a,nein\n2,3,b,ja\n", columns={"Straße": "categorical", "column_2": "count"})
    assert set(data.fields) == {"Gro_e_cm", "column_2", "Straße", "krank"}
    assert data.fields["column_2"] == Field("count", ())
    assert open_text(folder, "α,b\n1,2\n2,3\n").notices[0].endswith("'α' is the field 'column_1'")


def test_fields_have_names_of_their_own_and_it_is_told_whose_they_are(folder: DataFolder) -> None:
    text = "возраст,доход EUR,a b,a_b,日本,x\n1,2,3,4,5,6\n2,3,4,5,6,7\n"
    data = open_text(folder, text, columns={"x": {"column": "日本"}, "column_1": "count"})
    assert {name: each.titles for name, each in data.readings.items()} == {
        "column_1": ("возраст",), "column_2": ("доход EUR",), "column_3": ("a b",), "a_b": ("a_b",), "column_6": ("x",), "x": ("日本",),
    }  # fmt: skip
    assert "'доход EUR' is the field 'column_2', 'a b' is the field 'column_3', 'x' is the field 'column_6'" in data.notices[0]


def cells(*texts: str) -> str:
    """Return a table with a column `a`, beside a number of the row."""
    return "a;n\n" + "".join(f"{text};{row}\n" for row, text in enumerate(texts))


@pytest.mark.parametrize(
    ("texts", "values"),
    [
        (["1,5", "2,25", "3"], [1.5, 2.25, 3]),
        (["1.5", "#N/A", "<NA>", "-", "–", "NaT", "", "#DIV/0!", "n/a", "2"], [1.5, *[None] * 8, 2]),
        (["50 %", "7,5%", "?"], [50, 7.5, None]),
        (["€1.200", "-€5,5", "7"], [1200, -5.5, 7]),
        (["−5", "1’000", "2"], [-5, 1000, 2]),
    ],
)
def test_numbers_stay_numbers(folder: DataFolder, texts: list[str], values: list[Any]) -> None:
    data = open_text(folder, cells(*texts))
    assert data.fields["a"] == Field("real", ())
    assert column(data, "a") == values
    assert data.notices == ()
    held = [(text, value) for text, value in zip(texts, values, strict=True) if value is not None]
    assert [data.readings["a"].value(data.readings["a"].text(value)) for _, value in held] == [value for _, value in held]


@pytest.mark.parametrize(
    ("text", "value", "options", "notices"),
    [
        (
            'a,b\n"1,200",2\n"3,400",1\n',
            1200,
            {},
            ["column 'a': '1,200' is read as 1200, and could be 1.2: say which by the option decimal"],
        ),
        ("a;b\n1,200;2\n3,400;1\n", 1.2, {}, ["column 'a': '1,200' is read as 1.2, and could be 1200"]),
        ("a;b\n1.200;2\n3.400;1\n", 1.2, {}, ["column 'a': '1.200' is read as 1.2, and could be 1200"]),
        ("a\tb\n1.200\t2\n3.400\t1\n", 1.2, {}, []),
        ("a;b\n1,200;2,5\n3,400;1\n", 1.2, {}, []),
        ("a;b\n1.200;2,5\n3.400;1\n", 1200, {}, []),
        ('a,b\n"1,200",2.5\n"3,400",1\n', 1200, {}, []),
        ('a,b\n"1,200",2\n"3,400",1\n', 1.2, {"decimal": ","}, []),
        ('a,b\n"1,200",2\n"3,400",1\n', 1200, {"thousands": ","}, []),
        ("a;b\n1.200;2\n3.400;1\n", 1200, {"decimal": ","}, []),
    ],
)
def test_a_number_of_two_meanings_has_that_of_the_file_or_is_told(
    folder: DataFolder, text: str, value: float, options: dict[str, Any], notices: list[str]
) -> None:
    data = open_text(folder, text, **options)
    assert column(data, "a")[0] == pytest.approx(value)
    assert len(data.notices) == len(notices)
    assert all(notice.startswith(start) for notice, start in zip(data.notices, notices, strict=True))


@pytest.mark.parametrize(
    ("texts", "classes", "notice"),
    [
        (["1", "2", "x"], 3, "column 'a' becomes 3 classes, since 1 of its 3 cells are no numbers as the others are: 'x'; name under 'missing'"),
        (["1", "2", "true"], 3, "since 1 of its 3 cells are no numbers as the others are: 'true'"),
        (["1,5", "2.5", "3"], 3, "since 1 of its 3 cells are no numbers as the others are: '1,5'"),
        (["50 %", "3 %", "4"], 3, "since 1 of its 3 cells are no numbers as the others are: '4'"),
        (["01067", "80331", "10115"], 3, "column 'a' becomes 3 classes, since cells such as '01067' begin with 0, as keys do; for numbers give it the type real"),
        ([f"{row} kg" for row in range(12)], 12, "becomes 12 classes in 12 rows, such as '0 kg', '1 kg', '10 kg', '11 kg', '2 kg'; leave it"),
        ([f"{row % 9 + 1}_{row}0" for row in range(11, 31)], 20, "becomes 20 classes in 20 rows"),
        (["+", "-", "+"], 2, ""),
        (["Bonn", "Ulm", "Bonn"], 2, ""),
    ],
)  # fmt: skip
def test_numbers_that_become_classes_are_told(folder: DataFolder, texts: list[str], classes: int, notice: str) -> None:
    data = open_text(folder, cells(*texts))
    assert data.fields["a"] == Field("categorical", (), classes)
    assert (notice in data.notices[0]) if notice else not data.notices
    assert open_text(folder, cells(*texts), columns={"a": "categorical"}).notices == ()


def test_a_class_is_the_same_however_its_number_is_written(folder: DataFolder) -> None:
    data = open_text(folder, cells("1", "1.0", "2", "01", "1e0"), columns={"a": "categorical"})
    assert data.class_names == {"a": ("1", "2", "01")}
    assert column(data, "a") == [0, 0, 1, 2, 0]
    assert data.readings["a"].value("1.00") == 0


def test_what_is_missing_adds_to_the_usual_marks_and_is_no_class(folder: DataFolder) -> None:
    data = open_text(folder, "age,b\n,x\n-999,y\n-999.0,-\n5,nil\nNA,x\n7,y\n", missing=[-999])
    assert column(data, "age") == [None, None, None, 5, None, 7]
    assert data.class_names == {"b": ("x", "y")}
    data = open_text(folder, "a,n\nnone,1\nmild,2\n", columns={"a": {"type": "categorical", "levels": ["none", "mild"]}})
    assert column(data, "a") == [0, 1]


@pytest.mark.parametrize(
    ("text", "left_out", "why"),
    [
        (",age\n0,3\n1,5\n7,6\n", "column_1", "numbers the rows"),
        ("age,unit\n3,kg\n5,kg\n", "unit", "has one value, 'kg'"),
        ("age,note\n3,\n5,NA\n", "note", "has no value"),
        ("age,day\n3,2024-01-02\n5,2024-02-03T10:00:00Z\n", "day", "holds dates or times, such as '2024-01-02'"),
        ("age,day\n3,1.2.2024\n5,31.12.2023\n", "day", "holds dates or times"),
        ("age,day\n3,1/2/24\n5,12/31/2023 1:00 PM\n", "day", "holds dates or times"),
        ("age,day\n3,20240102\n5,20231231\n", "day", "holds dates or times"),
        ("age,day\n3,12:30\n5,9:15\n", "day", "holds dates or times"),
    ],
)
def test_what_teaches_nothing_is_left_out_unless_it_is_named(folder: DataFolder, text: str, left_out: str, why: str) -> None:
    data = open_text(folder, text)
    assert [notice for notice in data.notices if notice.startswith(f"column {left_out!r} {why}")]
    options = CsvOptions.model_validate({"type": "csv", "path": "a.csv"})
    assert {each.name: each.is_left_out for each in options.table(folder.root, untrusted=False)} == {"age": False, left_out: True}
    named = options.model_copy(update={"columns": {left_out: ColumnOptions(type="categorical")}})
    assert not any(each.is_left_out for each in named.table(folder.root, untrusted=False))


def test_of_very_many_notices_the_first_are_told(folder: DataFolder) -> None:
    names = [f"g{number}" for number in range(1000)]
    data = open_text(folder, "\n".join(",".join(each) for each in (names, ["0"] * 1000, ["0"] * 1000)))
    assert len(data.notices) == 21
    assert data.notices[-1] == "and 980 more notices of columns"


def test_a_column_that_has_values_in_the_test_rows_alone_has_a_scale(folder: DataFolder) -> None:
    text = "a,b\n" + "".join(f"{row},{row if row % 2 else ''}\n" for row in range(8))
    data = open_text(folder, text, standardise=True, test=0.5)
    assert all(each > 0 for each in data.readings["b"].deviation)


def test_numbers_keep_their_digits(folder: DataFolder) -> None:
    ids = [20230000 + row for row in range(80)]
    data = open_text(folder, "id,people,half\n" + "".join(f"{each},{each // 13},{each / 2}\n" for each in ids), columns={"people": "count"}, standardise=True)  # fmt: skip
    reading = data.readings["id"]
    assert [reading.text(value) for value in column(data, "id")] == list(map(str, ids))
    assert data.readings["people"].text(1556153.0) == "1556153"
    assert (reading.whole, data.readings["people"].whole, data.readings["half"].whole) == (True, True, False)


def test_an_encoding_is_an_option(folder: DataFolder) -> None:
    data = open_text(folder, "größe;ort\n1,5;Köln\n2,5;Ulm\n".encode("cp1252"), encoding="windows-1252")
    assert data.class_names == {"ort": ("Köln", "Ulm")}
    assert (data.readings["ort"].encoding, data.readings["ort"].separator) == ("cp1252", ";")
    for wrong in (
        {"encoding": "latn"},
        {"encoding": "rot13"},
        {"separator": '"'},
        {"separator": "::"},
        {"decimal": "x"},
        {"thousands": "_"},
    ):
        with pytest.raises(ValidationError) as caught:
            CsvOptions.model_validate({"type": "csv", "path": "a.csv", **wrong})
        assert mistakes_of(caught.value)[0].path == tuple(wrong)


def test_it_is_told_how_cells_are_written(folder: DataFolder) -> None:
    data = open_text(folder, "age (y),town,ill,well\n10,b,true,1\n20,a,NA,0\n30,b,true,1\n", standardise=True)
    assert data.class_names == {"town": ("a", "b")}
    expected = Reading(("age (y)",), mean=(20.0,), deviation=data.readings["age_y"].deviation, whole=True, separator=",", encoding="utf-8")
    assert data.readings["age_y"] == expected
    assert data.readings["age_y"].deviation == pytest.approx(((200 / 3) ** 0.5,))
    assert [data.readings[name].levels for name in ("town", "ill", "well")] == [("a", "b"), ("false", "true"), ("0", "1")]
    plain = open_text(folder, "age\n10\n20\n")
    assert (plain.readings["age"].mean, plain.readings["age"].deviation) == ((), ())
