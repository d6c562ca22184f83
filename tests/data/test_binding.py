"""What can be said of streams without opening data. This file tests the static checks."""

from typing import Any

import pytest

from gamelearn.data import csv_file, digits, mnist
from gamelearn.data.binding import field_mistakes
from gamelearn.options import Mistake
from gamelearn.spec.schema import Data, Variable

REGISTERED_BY = (csv_file, digits, mnist)

VARIABLES = {
    "x": Variable(type="binary", shape=(1, 8, 8)),
    "grey": Variable(type="real", shape=(1, 8, 8)),
    "flat": Variable(type="binary", shape=(64,)),
    "c": Variable(type="categorical", classes=10),
    "c9": Variable(type="categorical", classes=9),
    "s": Variable(type="categorical", classes=10, shape=(2,)),
    "b": Variable(type="binary"),
}
DIGITS = {"type": "digits", "binarize": 0.5}


def found(**data: Any) -> list[Mistake]:
    return field_mistakes(Data.model_validate(data), VARIABLES)


def one(**data: Any) -> tuple[str, str, str | None]:
    (mistake,) = found(**data)
    return ".".join(map(str, mistake.path)), mistake.what, mistake.suggestion


def streams(stream: Any, dataset: Any = DIGITS, **others: Any) -> dict[str, Any]:
    return {"dataset": dataset, "streams": {"images": stream, **others}}


@pytest.mark.parametrize(
    "data",
    [
        streams(["x", "c"]),
        streams({"variables": {"x": "x", "c": "c"}, "take": 100, "balance": "c"}),
        streams({"variables": ["x"], "take": 100, "balance": "c"}),
        streams({"variables": ["x"], "except": "some"}, some={"variables": ["x", "c"], "take": 100}),
        streams({"variables": ["x"], "except": "b"}, b={"variables": ["x"], "take": 9, "except": "a"}, a={"variables": ["x"], "take": 9}),
        {"datasets": {"d": DIGITS}, "streams": {"images": ["x"]}},
        {"datasets": {"d": DIGITS, "e": DIGITS}, "streams": {"images": {"variables": ["x"], "dataset": "e"}}},
        streams(["x", "c"], {"type": "csv", "path": "a.csv"}),
        streams({"variables": ["b"], "except": "all"}, {"type": "csv", "path": "a.csv"}, all=["b", "c"]),
        streams({"variables": {"grey": "x"}}, {"type": "digits"}),
        streams(["unknown_variable_of_an_unknown_set"], {"type": "csv", "path": "a.csv"}),
        {},
    ],
)
def test_what_is_right_is_left_alone(data: dict[str, Any]) -> None:
    assert found(**data) == []


@pytest.mark.parametrize(
    ("data", "path", "what", "suggestion"),
    [
        ({"streams": {"images": ["x"]}}, "streams.images", "there is no data set: add 'dataset'", None),
        (streams({"variables": ["x"], "dataset": "digits"}), "streams.images.dataset", "there is one data set", None),
        (
            {"datasets": {"left": DIGITS, "right": DIGITS}, "streams": {"images": ["x"]}},
            "streams.images",
            "which data set? add 'dataset', one of 'left', 'right'",
            None,
        ),
        (
            {"datasets": {"left": DIGITS}, "streams": {"images": {"variables": ["x"], "dataset": "lefd"}}},
            "streams.images.dataset",
            "unknown data set 'lefd'; known: 'left'",
            "left",
        ),
        (streams({"variables": {"c": "cc"}}), "streams.images.variables.c", "data set 'digits' has no field 'cc'; it has 'c', 'x'", "c"),
        (
            streams(["x"], {"type": "digits"}),
            "streams.images.variables.x",
            "variable 'x' is binary of shape (1, 8, 8), field 'x' of data set 'digits' is real of shape (1, 8, 8): add binarize: 0.5",
            None,
        ),
        (
            streams(["x"], {"type": "mnist", "binarize": 0.5}),
            "streams.images.variables.x",
            "variable 'x' is binary of shape (1, 8, 8), field 'x' of data set 'mnist' is binary of shape (1, 28, 28)",
            None,
        ),
        (streams({"variables": {"grey": "x"}}), "streams.images.variables.grey", "is binary of shape (1, 8, 8): leave binarize out", None),
        (
            streams({"variables": {"flat": "x"}}),
            "streams.images.variables.flat",
            "is binary of shape (1, 8, 8): set shape: [1, 8, 8]",
            None,
        ),
        (streams({"variables": {"c9": "c"}}), "streams.images.variables.c9", "with 10 classes of shape (): set classes: 10", None),
        (
            {"datasets": {"left": {"type": "digits"}}, "streams": {"images": ["x"]}},
            "streams.images.variables.x",
            "field 'x' of data set 'left' is real",
            None,
        ),
        (
            streams({"variables": ["x"], "balance": "cx9", "take": 10}),
            "streams.images.balance",
            "unknown variable 'cx9'",
            "c9",
        ),
        (
            streams({"variables": ["x"], "balance": "x", "take": 10}),
            "streams.images.balance",
            "only a categorical or binary variable of shape () can be balanced; 'x' is binary of shape (1, 8, 8)",
            None,
        ),
        (streams({"variables": ["x"], "balance": "b", "take": 10}), "streams.images.balance", "data set 'digits' has no field 'b'", None),
        (
            streams({"variables": ["c"], "balance": "c"}),
            "streams.images.balance",
            "the same number of rows of 'take', which is missing",
            None,
        ),
        (
            streams({"variables": ["c"], "balance": "c", "take": 25}),
            "streams.images.take",
            "25 rows cannot be shared evenly by the 10 classes of 'c'",
            None,
        ),
        (
            streams({"variables": ["x"], "except": "labeled"}, labelled={"variables": ["c"], "take": 9}),
            "streams.images.except",
            "unknown stream 'labeled'; known: 'labelled'",
            "labelled",
        ),
        (
            streams({"variables": ["x"], "except": "labelled"}, labelled=["c"]),
            "streams.images.except",
            "stream 'labelled' takes every row, so none is left for 'images': give 'labelled' a 'take'",
            None,
        ),
        (streams({"variables": ["x"], "except": "images"}), "streams.images.except", "in a circle: 'images' -> 'images'", None),
        (
            streams(["x"], a={"variables": ["x"], "except": "b"}, b={"variables": ["x"], "except": "a"}),
            "streams.a.except",
            "streams leave out each other in a circle: 'a' -> 'b' -> 'a'",
            None,
        ),
        (
            streams({"variables": ["x"], "except": "a"}, a={"variables": ["x"], "except": "b"}, b={"variables": ["x"], "except": "a"}),
            "streams.a.except",
            "in a circle: 'a' -> 'b' -> 'a'",
            None,
        ),
        (
            {
                "datasets": {"left": DIGITS, "right": DIGITS},
                "streams": {
                    "images": {"variables": ["x"], "dataset": "left", "except": "few"},
                    "few": {"variables": ["x"], "dataset": "right", "take": 5},
                },
            },
            "streams.images.except",
            "stream 'few' shows data set 'right', this one 'left'",
            None,
        ),
        (
            {"dataset": {"type": "csv", "path": "a.csv"}, "otherwise": DIGITS, "streams": {"one": ["flat"], "two": ["flat", "c"]}},
            "otherwise",
            "data set 'digits' has no field 'flat'",
            None,
        ),
        (
            {"dataset": DIGITS, "otherwise": {"type": "digits"}, "streams": {"one": ["x"]}},
            "otherwise",
            "field 'x' of data set 'digits' is real of shape (1, 8, 8): add binarize: 0.5",
            None,
        ),
    ],
)
def test_one_mistake_is_said_once_at_its_place(data: dict[str, Any], path: str, what: str, suggestion: str | None) -> None:
    got_path, got_what, got_suggestion = one(**data)
    assert got_path == path
    assert what in got_what
    assert got_suggestion == suggestion


def test_all_mistakes_are_found_at_once() -> None:
    data = streams({"variables": {"grey": "x", "c9": "c"}, "except": "nothing"}, other={"variables": ["x"], "balance": "x"})
    assert [".".join(map(str, each.path)) for each in found(**data)] == [
        "streams.images.variables.grey",
        "streams.images.variables.c9",
        "streams.images.except",
        "streams.other.balance",
    ]
