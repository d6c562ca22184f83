"""Tables of text as evidence, and filled in. This file tests both, with the readings of columns."""

import json
from pathlib import Path

import numpy as np
import pytest

from gamelearn.data.numbers import NumberForm
from gamelearn.data.reading import Reading, plain_readings, read_readings
from gamelearn.errors import DataError, EvidenceError
from gamelearn.files.evidence import EvidenceFiles, named_files, open_evidence
from gamelearn.files.tables import FilledTable
from gamelearn.graph.model import Variable

AGE = Variable("Age_years", "real", ())
TOWN = Variable("town", "categorical", (), 3)
ILL = Variable("ill", "binary", ())
VISITS = Variable("visits", "count", ())
FACE = Variable("face", "real", (2,))
VARIABLES = {each.name: each for each in (AGE, TOWN, ILL, VISITS, FACE)}
READINGS = {
    "Age_years": Reading(("Age (years)",), mean=(40.0,), deviation=(10.0,)),
    "town": Reading(("town",), ("Bonn", "Ulm", "Wien")),
    "ill": Reading(("ill",), ("no", "yes")),
    "visits": Reading(("visits",)),
}
TABLE = "id,Age (years),town,ill\n7,45,Wien,\n8,NA,Bonn,yes\n9,20.5,?,no\n"


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a table."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a.csv").write_text(TABLE)
    return tmp_path


def opened(*given: str, hide: dict[str, str] | None = None, truth: dict[str, str] | None = None) -> EvidenceFiles:
    named, _ = named_files(given, VARIABLES, "--given", READINGS)
    return open_evidence(VARIABLES, named, hide or {}, truth or {}, rows=None, seed=0, resize=False, readings=READINGS)


def test_missing_cells_are_hidden_and_others_have_the_values_of_training() -> None:
    found = opened("a.csv")
    blocks = list(found.blocks(2))
    given = {name: np.concatenate([block.given[name] for block in blocks]) for name in found.given}
    hide = {name: np.concatenate([block.hide[name] for block in blocks]).tolist() for name in found.hide}
    assert given["Age_years"].tolist() == pytest.approx([0.5, np.nan, -1.95], nan_ok=True)
    assert given["town"].tolist()[:2] == [2, 0]
    assert given["ill"].tolist()[1:] == [1, 0]
    assert hide == {"Age_years": [False, True, False], "town": [False, False, True], "ill": [True, False, False]}
    assert named_files(["a.csv"], VARIABLES, "--given", READINGS)[1] == ["NOTICE: a.csv: 'id' is not read: no variable has this name"]


def test_a_mask_hides_more_than_what_is_missing() -> None:
    np.save("mask.npy", np.array([True, False, False]))
    found = opened("a.csv", hide={"town": "mask.npy"})
    assert next(found.blocks(9)).hide["town"].tolist() == [True, False, True]


def test_the_table_is_filled_in_with_what_was_missing_alone(folder: Path) -> None:
    table = opened("a.csv").table
    assert table is not None
    table.fill(AGE, 0, np.array([9.0, 0.123456]), np.array([True, False]))
    table.fill(TOWN, 1, np.array([2, 1]), np.array([True, False]))
    table.fill(ILL, 0, np.array([1.0]), np.array([False]))
    table.fill(VISITS, 0, np.array([0.4, 1.6, 3.0]), np.array([False] * 3))
    table.write(folder / "b.csv")
    expected = "id,Age (years),town,ill,visits\n7,45,Wien,yes,0\n8,41.2346,Bonn,yes,2\n9,20.5,Ulm,no,3\n"
    assert (folder / "b.csv").read_text() == expected
    assert set(opened("b.csv").fixed) == {"Age_years", "town", "ill", "visits"}, "what was filled in may be given"


MEASURED = {
    "Age_years": Reading(("age",), mean=(40.0,), deviation=(10.0,), form=NumberForm(",", "."), whole=True, separator=";"),
    "face": Reading(("eye", "mouth"), mean=(1.0, 2.0), deviation=(0.5, 4.0), form=NumberForm(",", after=" %")),
    "town": Reading(("ort",), ("Köln", "Ulm", "Wien"), encoding="cp1252"),
}


@pytest.mark.parametrize("name", ["q.csv", "q.data", "q"])
def test_a_table_is_read_and_written_as_that_of_the_training(folder: Path, name: str) -> None:
    text = "ort;eye;mouth;age;note\nKöln;1,5 %;-;1.040;\n;?;6 %;;a\n"
    (folder / name).write_bytes(text.encode("cp1252"))
    named, notices = named_files([name], VARIABLES, "--given", MEASURED)
    assert (set(named), notices) == ({"town", "face", "Age_years"}, [f"NOTICE: {name}: 'note' is not read: no variable has this name"])
    found = open_evidence(VARIABLES, named, {}, {}, rows=None, seed=0, resize=False, readings=MEASURED)
    [block] = found.blocks(9)
    assert block.hide["face"].tolist() == [[False, True], [True, False]]
    assert block.given["face"][~block.hide["face"]].tolist() == [1.0, 1.0]
    assert block.given["Age_years"][0] == 100
    assert block.given["town"][0] == 0
    table = found.table
    assert table is not None
    table.fill(FACE, 0, np.array([[9.0, 0.5], [1.5, 9.0]]), np.array([[True, False], [False, True]]))
    table.fill(AGE, 0, np.array([9.0, 200.04]), np.array([True, False]))
    table.fill(TOWN, 0, np.array([2, 0]), np.array([True, False]))
    table.write(folder / "b.csv")
    assert (folder / "b.csv").read_bytes().decode("cp1252") == "ort;eye;mouth;age;note\nKöln;1,5 %;4 %;1.040;\nKöln;1,75 %;6 %;2.040;a\n"


def test_columns_of_a_field_that_a_table_lacks_are_hidden_and_added(folder: Path) -> None:
    (folder / "e.csv").write_text("eye\n1,5 %\n\n")
    [block] = open_evidence(VARIABLES, {"face": "e.csv"}, {}, {}, rows=None, seed=0, resize=False, readings=MEASURED).blocks(9)
    assert block.hide["face"].tolist() == [[False, True], [True, True]]
    table = FilledTable(folder / "e.csv", {"face": ("eye", "mouth")}, MEASURED)
    table.fill(FACE, 0, np.zeros((2, 2)), ~block.hide["face"])
    table.write(folder / "b.csv")
    assert (folder / "b.csv").read_text() == "eye;mouth\n1,5 %;2 %\n1 %;2 %\n"


def test_letters_that_the_encoding_lacks_are_written_in_utf_8(folder: Path) -> None:
    (folder / "e.csv").write_bytes("ort;age\nKöln;1\n".encode("latin-1"))
    table = FilledTable(folder / "e.csv", {}, {"x": Reading(("x",), ("日",), separator=";", encoding="iso8859-1")})
    table.fill(Variable("x", "categorical", (), 1), 0, np.array([0]), np.array([False]))
    table.write(folder / "b.csv")
    assert (folder / "b.csv").read_text(encoding="utf-8") == "ort;age;x\nKöln;1;日\n"


def test_a_column_may_be_given_alone_to_a_variable(folder: Path) -> None:
    (folder / "c.csv").write_text("x,Age_years\n3,50\n4,60\n")
    assert next(opened("visits=c.csv:x").blocks(9)).given["visits"].tolist() == [3, 4]
    assert next(opened("c.csv").blocks(9)).given["Age_years"].tolist() == pytest.approx([1, 2])


@pytest.mark.parametrize(
    ("text", "given", "what"),
    [
        ("town\nUlm\nParis\n", "e.csv", r"e.csv, row 1 \(counted from 0\): 'town' is categorical: expected one of 'Bonn', 'Ulm', 'Wien', got 'Paris'"),
        ("ill\n2\n", "e.csv", "'ill' is binary: expected one of 'no', 'yes', got '2'"),
        ("Age (years)\nold\n", "e.csv", "'Age_years' is real: expected a number, got 'old'"),
        ("Age (years);x\n1,5;2\n", "e.csv", "expected a number with the decimal mark '.', got '1,5'"),
        ("Age (years)\ninf\n", "e.csv", "expected a finite number, got 'inf'"),
        ("visits\n1.5\n", "e.csv", "'visits' is count: expected whole numbers from 0 on, got 1.5"),
        ("Age (years),Age_years\n1,2\n", "e.csv", r"the columns 'Age \(years\)' and 'Age_years' are both of the variable 'Age_years'"),
        ("a,b\n1,2\n", "e.csv", "no column is named as a variable: it has 'a', 'b'; the variables are 'Age_years'"),
        ("face\n1\n", "face=e.csv", r"'face' has the shape \(2,\), but not as many columns in the table of the training"),
        ("a,b\n1,2\n", "town=e.csv", "e.csv has no column of 'town'; it has 'a', 'b': say which is meant, such as e.csv:a"),
        ("a,b\n1,2\n", "town=e.csv:c", "e.csv has no column 'c'"),
        ("a,a\n1,2\n", "town=e.csv:a", r"the first line names the columns 'a' twice"),
    ],
)  # fmt: skip
def test_wrong_tables_are_told(folder: Path, text: str, given: str, what: str) -> None:
    (folder / "e.csv").write_text(text)
    with pytest.raises((EvidenceError, DataError), match=what):
        list(opened(given).blocks(9))


def test_the_truth_may_miss_cells_too() -> None:
    (block,) = opened("a.csv", truth={"town": "a.csv"}).blocks(9)
    assert block.truth["town"].tolist() == [2, 0, -1]


@pytest.mark.parametrize(
    "reading", [*READINGS.values(), *MEASURED.values(), Reading(("h1", "h2"), values=(255.0, 0.0), scale=4095.0, threshold=0.5)]
)
def test_readings_are_kept_as_plain_values(reading: Reading) -> None:
    assert read_readings(json.loads(json.dumps(plain_readings({"x": reading})))) == {"x": reading}


def test_what_changes_the_meaning_of_values_is_a_difference() -> None:
    town, age = READINGS["town"], READINGS["Age_years"]
    assert town.difference(Reading(("city",), town.levels)) is None
    assert town.difference(Reading(("town",), ("Bonn", "Wien"))) == "its values were 'Bonn', 'Ulm', 'Wien', now 'Bonn', 'Wien'"
    assert age.difference(Reading(("age",), mean=(40.000001,), deviation=(10.0,))) is None
    assert (
        age.difference(Reading(("age",), mean=(41.0,), deviation=(10.0,)))
        == "its mean and standard deviation were 40 and 10, now 41 and 10"
    )


def test_a_table_has_the_values_and_the_unit_of_a_training_from_arrays(folder: Path) -> None:
    readings = {"town": Reading(values=(10.0, 20.0, 40.0)), "Age_years": Reading(scale=100.0, mean=(0.5,), deviation=(0.25,))}
    (folder / "f.csv").write_text("town,Age_years\n40,75\n10,25\n")
    named, _ = named_files(["f.csv"], VARIABLES, "--given", readings)
    found = open_evidence(VARIABLES, named, {}, {}, rows=None, seed=0, resize=False, readings=readings)
    (block,) = found.blocks(9)
    assert (block.given["town"].tolist(), block.given["Age_years"].tolist()) == ([2, 0], [1, -1])
    assert found.table is not None
    found.table.fill(TOWN, 0, np.array([1, 1]), np.array([False, True]))
    found.table.fill(AGE, 0, np.array([0.0, 0.0]), np.array([False, True]))
    found.table.write(folder / "g.csv")
    assert (folder / "g.csv").read_text() == "town,Age_years\n20,50\n10,25\n"
