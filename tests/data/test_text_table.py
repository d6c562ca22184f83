"""Files of cells: separators, quotation marks, encodings, lines. This file tests what is read of them, and which line is told."""

import csv
import time
from pathlib import Path

import pytest

from gamelearn.data.text_table import TextTable, read_table
from gamelearn.errors import DataError


def read(folder: Path, raw: str | bytes, separator: str | None = None, encoding: str | None = None, **usual: tuple[str, str]) -> TextTable:
    (folder / "a.csv").write_bytes(raw if isinstance(raw, bytes) else raw.encode())
    return read_table(folder / "a.csv", separator, encoding, **usual)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a;b\n1,5;2\n", {"a": ["1,5"], "b": ["2"]}),
        ("Gr, cm;Gew, kg\n1,5;2,5\n", {"Gr, cm": ["1,5"], "Gew, kg": ["2,5"]}),
        ("a;b\n1;['x', 'y']\n2;['x']\n", {"a": ["1", "2"], "b": ["['x', 'y']", "['x']"]}),
        ('"a, b",c\n"1;2",3\n', {"a, b": ["1;2"], "c": ["3"]}),
        ("a,b\n1;2,3\n4,5;6;7\n", {"a": ["1;2", "4"], "b": ["3", "5;6;7"]}),
        ("sep=|\na|b\n1|2\n", {"a": ["1"], "b": ["2"]}),
        ("a,b,\n1,2,\n3,4\n5,6,,\n", {"a": ["1", "3", "5"], "b": ["2", "4", "6"]}),
        (",b\n7,2\n", {"column_1": ["7"], "b": ["2"]}),
        ("a,,column_2\n7,2,3\n", {"a": ["7"], "column_2_": ["2"], "column_2": ["3"]}),
        ("a\n1\n\n 2 \n\n", {"a": ["1", "", "2", ""]}),
        ("a,b\n1,2\n\n  \n3,4\n", {"a": ["1", "3"], "b": ["2", "4"]}),
        ("a,b\r1,2\r3,4\r", {"a": ["1", "3"], "b": ["2", "4"]}),
        ('"a","b"\r\n"1, ""x""","2\r\n3"\r\n', {"a": ['1, "x"'], "b": ["2\r\n3"]}),
        ('a,b\n5" pipe,1\n6" pipe,2\n', {"a": ['5" pipe', '6" pipe'], "b": ["1", "2"]}),
        ("\n\na,b\n1,2\n", {"a": ["1"], "b": ["2"]}),
    ],
)
def test_cells_are_found(tmp_path: Path, text: str, cells: dict[str, list[str]]) -> None:
    assert read(tmp_path, text).cells == cells


@pytest.mark.parametrize("name", ["utf-8-sig", "utf-16", "utf-8"])
def test_the_first_bytes_say_the_encoding(tmp_path: Path, name: str) -> None:
    assert read(tmp_path, "größe\tort\n1\tKöln\n".encode(name)).cells == {"größe": ["1"], "ort": ["Köln"]}


@pytest.mark.parametrize("name", ["latin-1", "utf-16-le", "cp1252"])
def test_other_encodings_are_said_or_usual(tmp_path: Path, name: str) -> None:
    raw = "größe;ort\n1;Köln\n".encode(name)
    assert read(tmp_path, raw, encoding=name).cells["ort"] == ["Köln"]
    assert read(tmp_path, raw, usual=(";", name)).cells["ort"] == ["Köln"]
    assert read(tmp_path, "größe;ort\n1;Köln\n", usual=(";", name)).encoding == "utf-8"
    with pytest.raises(DataError, match=r"a.csv:[12]: .* is no text in UTF-8: say its encoding, such as latin-1"):
        read(tmp_path, raw)


def test_the_usual_separator_goes_first_where_it_fits(tmp_path: Path) -> None:
    assert read(tmp_path, "a:b\n1:2\n", usual=(":", "utf-8")).cells == {"a": ["1"], "b": ["2"]}
    assert read(tmp_path, "a,b\n1,2\n", usual=(":", "utf-8")).cells == {"a": ["1"], "b": ["2"]}
    assert read(tmp_path, "a\n1,5\n", usual=(";", "utf-8")).cells == {"a": ["1,5"]}


@pytest.mark.parametrize(
    ("raw", "what"),
    [
        (b"a,b\n1,2\n3\n", r"a.csv:3: expected 2 cells as in the first line, with ',' between them, got 1"),
        (b"a,b\n1,2,3\n", r"a.csv:2: expected 2 cells"),
        (b'a,b\n"x\ny",2\n3,"oops\n4,5\n', r"a.csv:4 is no table of text: a quotation mark opens a cell and is never closed"),
        (b"a,b\n1,\0\n", r"a.csv:2: the file has NUL characters"),
        (b"a,b\n1,2\n\xff,3\n", r"a.csv:3: byte 0xff is no text in UTF-8"),
        (b"PK\x03\x04 ..", "an archive or a workbook: save the table as CSV"),
        (b"a,a\n1,2\n", "names the columns 'a' twice"),
        (b"a,b\n", "has no rows below its first line"),
        (b"", "has to name the columns, got nothing"),
    ],
)  # fmt: skip
def test_what_is_no_table_is_refused_with_its_line(tmp_path: Path, raw: bytes, what: str) -> None:
    with pytest.raises(DataError, match=what):
        read(tmp_path, raw)


def test_strange_tables_take_no_time_and_leave_no_traces(tmp_path: Path) -> None:
    before, began = csv.field_size_limit(), time.process_time()
    with pytest.raises(DataError, match=r"a.csv:2: expected 2 cells"):
        read(tmp_path, "a,b\n" + '"' * 620 + "\n")
    assert read(tmp_path, f'a,b\n"{"x" * 300_000}",2\n').cells["a"] == ["x" * 300_000]
    names = [f"g{number}" for number in range(40_000)]
    wide = read(tmp_path, "\n".join(",".join(each) for each in (names, ["1.5"] * 40_000, ["2"] * 40_000)))
    assert len(wide.cells) == 40_000
    assert csv.field_size_limit() == before
    assert time.process_time() - began < 5
