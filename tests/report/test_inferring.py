"""Answers about files: errors, warnings, progress. This file asks small games."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from gamelearn.files.evidence import Block, open_evidence
from gamelearn.graph.model import Variable
from gamelearn.inference import infer
from gamelearn.report.inferred_errors import InferredErrors, judged
from gamelearn.report.inferred_tables import tables_of
from gamelearn.report.inferring import Answer, Output, Question, infer_files
from tests.gibbs.games import three
from tests.support import game_of
from tests.test_inference import COPIES

S = Variable("s", "categorical", (2,), 3)
X = Variable("x", "real", (2,))
KNOWN = np.array([[True, False], [False, False]])


def block(given: dict[str, Any], truth: dict[str, Any] | None = None) -> Block:
    return Block(0, 2, given, {}, truth or {})


def test_the_truth_is_what_was_hidden_if_it_can_be() -> None:
    found = judged(X, block({"x": np.array([[1.0, np.nan], [3.0, 4.0]])}), KNOWN)
    assert found is not None
    assert found.where.tolist() == [[False, False], [True, True]]
    assert found.truth.tolist() == [[1, 0], [3, 4]]
    assert found.is_known.tolist() == [[True, False], [True, True]]
    assert judged(S, block({}), KNOWN) is None


def test_a_file_of_truth_goes_before_what_was_hidden() -> None:
    found = judged(S, block({"s": np.array([[0, 1], [2, 0]])}, {"s": np.array([[2, 2], [1, 1]])}), KNOWN)
    assert found is not None
    assert found.truth.tolist() == [[2, 2], [1, 1]]
    assert found.where.tolist() == (~KNOWN).tolist()


def test_errors_are_summed_over_blocks() -> None:
    numbers, classes = InferredErrors(X), InferredErrors(S)
    for value in (1.0, 2.0):
        found = judged(X, block({"x": np.zeros((2, 2))}), KNOWN)
        labels = judged(S, block({"s": np.array([[0, 1], [2, 0]])}), KNOWN)
        assert found is not None
        assert labels is not None
        numbers.add(found, np.full((2, 2), value))
        classes.add(labels, np.array([[2, 1], [2, 1]]))
    figures = {title: each.value for title, each in numbers.figures().items()}
    assert figures == pytest.approx({"mean squared error": 2.5, "mean absolute error": 1.5, "elements": 6})
    assert (numbers.elements, classes.elements) == (6, 6)
    assert classes.figures()["accuracy"].value == pytest.approx(2 / 3)
    assert classes.figures()["mean IoU"].value == pytest.approx((0 + 1 / 2 + 1) / 3)


TRUTHS = """
    name: truths
    variables: {t: {type: categorical, classes: 3}, n: {type: count}, b: {type: binary}, x: {type: real, shape: [2]}}
    data: {streams: {rows: [t, n, b, x]}}
    players: {a: {factors: {t: free, n: free, b: free, x: free}}}
    utilities: {a: "E[rows(t, n, b, x)] log a(t, n, b, x)"}
    train: {rounds: 1}
    """


@pytest.mark.parametrize(
    ("given", "truth", "told"),
    [
        ("t,n,b\n,,\n2,,1\n,4,\n", {}, {}),
        (None, {"t": "t,n,b\n,,\n2,,1\n0,4,\n"}, {"t": (2, {"accuracy": 1 / 2})}),
        (None, {"n": "t,n,b\n,,\n2,,1\n0,4,\n", "b": "b\n0\nNA\nNA\n"}, {"n": (1, {"mean squared error": 9, "mean absolute error": 3}), "b": (1, {"accuracy": 1})}),
        ("t\n1\nNA\nNA\n", {"t": "t\n2\nNA\n0\n"}, {"t": (1, {"accuracy": 1})}),
        (None, {"x": np.array([[np.nan, 3], [np.nan, np.nan], [1, 1]])}, {"x": (3, {"mean squared error": 11 / 3})}),
        (None, {"t": np.array([-1, 1, -1]), "n": np.array([np.nan, 1, 2])}, {"t": (1, {"accuracy": 0}), "n": (2, {"mean squared error": 1 / 2})}),
        (None, {"x": np.full((3, 2), np.nan)}, {}),
    ],
)  # fmt: skip
def test_what_nobody_knows_has_no_error(tmp_path: Path, given: str | None, truth: dict[str, Any], told: dict[str, Any]) -> None:
    """By hand: what is decided is 0, of a count 1."""
    game = game_of(TRUTHS, dtype=torch.float32)
    files: dict[str, dict[str, str]] = {"given": {}, "truth": {}}
    for part, name, content in [
        *(("given", name, given) for name in (given or "").partition("\n")[0].split(",") if name),
        *(("truth", *each) for each in truth.items()),
    ]:
        path = tmp_path / f"{part}-{name}.{'csv' if isinstance(content, str) else 'npy'}"
        path.write_text(content) if isinstance(content, str) else np.save(path, content)
        files[part][name] = str(path)
    evidence = open_evidence(game.graph.variables, files["given"], {}, files["truth"], rows=None if given else 3, seed=0, resize=False)
    output = Output(tmp_path / "out", tmp_path, ("decided",), False, {})
    answer = infer_files(game, evidence, Question(("t", "n", "b", "x"), {"sweeps": 2}, 0, 2), output, lambda _: None)
    assert {name: figures["elements"].value for name, figures in answer.errors.items()} == {
        name: elements for name, (elements, _) in told.items()
    }
    for name, (_, figures) in told.items():
        assert {title: answer.errors[name][title].value for title in figures} == pytest.approx(figures, abs=1e-5)
    assert len([each for each in answer.warnings if "its truth is missing" in each]) == len(truth.keys() - told.keys())


def ask(game: Any, folder: Path, given: dict[str, str], hide: dict[str, str], *, rows: int | None = None, **chain: Any) -> tuple[Answer, list[float]]:  # fmt: skip
    evidence = open_evidence(game.graph.variables, given, hide, {}, rows=rows, seed=0, resize=False)
    told: list[float] = []
    question = Question(None, chain, seed=0, block=3)
    return infer_files(game, evidence, question, Output(folder / "out", folder, ("decided", "mean"), True, {}), told.append), told


def test_variables_that_are_no_images_have_no_sheet(tmp_path: Path) -> None:
    np.save(tmp_path / "x.npy", np.arange(14).reshape(7, 2) % 3)
    np.save(tmp_path / "m.npy", np.arange(14).reshape(7, 2) > 8)
    game = three()
    x, mask = str(tmp_path / "x.npy"), str(tmp_path / "m.npy")
    answer, told = ask(game, tmp_path, {"x": x}, {"x": mask}, sampler="limit", burn_in=1, sweeps=2, thin=2)
    assert [path.name for path in answer.paths] == ["inferred.npz", "inferred.json"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["inferred.json", "inferred.npz"]
    assert told == pytest.approx([3 * k / 5 for k in range(1, 6)] + [3 + 3 * k / 5 for k in range(1, 6)] + [6 + k / 5 for k in range(1, 6)])
    expected = infer(
        game, {"x": np.load(x)}, hide={"x": np.load(mask)}, sampler="limit", burn_in=1, sweeps=2, thin=2
    )  # the first block hides nothing
    with np.load(answer.paths[0], allow_pickle=False) as found:
        assert set(found) == {"x", "x.mean", "s", "s.mean", "z", "z.mean"}
        for name in ("x", "s", "z"):
            assert np.allclose(found[f"{name}.mean"], expected.mean[name].numpy(), atol=1e-6)
    assert answer.diagnostics["z"].elements == expected.diagnostics["z"].elements


@pytest.mark.parametrize(("strength", "is_stuck"), [(20.0, True), (1.0, False)])
def test_chains_that_disagree_over_all_blocks_are_told(tmp_path: Path, strength: float, is_stuck: bool) -> None:
    game = game_of(COPIES)
    with torch.no_grad():
        for name in ("one", "other"):
            weight, bias = game.players[name].parameters()
            weight.fill_(strength)
            bias.fill_(-strength / 2)
    answer, _ = ask(game, tmp_path, {}, {}, rows=50, sweeps=40, chains=4)
    assert [warning.split(":")[0] for warning in answer.warnings] == (
        ["chains disagree in 'a'", "chains disagree in 'b'"] if is_stuck else []
    )
    plain = answer.plain()
    assert plain["warnings"] == list(answer.warnings)
    (table,) = tables_of(answer)
    shown = list(table.columns[1].cells)
    if is_stuck:
        assert (plain["diagnostics"]["a"]["r_hat"], shown) == (None, ["inf", "inf"])
    else:
        assert [f"{plain['diagnostics'][name]['r_hat']:.3f}" for name in "ab"] == shown
