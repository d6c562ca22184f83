"""Every mistake says where it is, what it is, and what would be right.

Each file in `specs_bad` and `specs_bad/extends` has one mistake. It opens with a comment line per message that the mistake must
give, in the order of the places, each without the name of the file itself:

    # 8:19: data.dataset.type: unknown data set 'digit'; known: 'csv', 'digits'; did you mean 'digits'?

The line and column count these comment lines too. A message about a file that is extended begins with its path, relative to the
folder of the spec; such files are in `bases`, and are no cases themselves. This file compares messages.
"""

import subprocess
import sys
from itertools import takewhile
from pathlib import Path

import pytest

from gamelearn import plugins
from gamelearn.errors import SpecError
from gamelearn.game import check
from gamelearn.registry import DATASETS, ESTIMATORS, FAMILIES, FEATURES, LEARNING_RATES, METRICS, NETWORKS, OPTIMIZERS, PLAYERS

FOLDER = Path(__file__).parent / "specs_bad"
FILES = sorted([*FOLDER.glob("*.yaml"), *FOLDER.glob("extends/*.yaml")])
FEWEST = 80


OWN = ("gamelearn.", "games.")


@pytest.fixture(autouse=True)
def _nothing_but_what_is_shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    """Hide what other tests have registered, since messages list what is known."""
    plugins.load_builtins()
    for known in (FAMILIES, NETWORKS, PLAYERS, DATASETS, OPTIMIZERS, LEARNING_RATES, METRICS, ESTIMATORS, FEATURES):
        shipped = {each.name: each for each in known if each.build.__module__.startswith(OWN) or each.options.__module__.startswith(OWN)}
        monkeypatch.setattr(known, "_entries", shipped)
    monkeypatch.setattr(plugins, "_loaded", {name: each for name, each in plugins._loaded.items() if name == "games"})


def case_name(path: Path) -> str:
    return path.relative_to(FOLDER).with_suffix("").as_posix()


def expected_messages(path: Path) -> list[str]:
    """Return the messages of the comment lines that open a file."""
    lines = path.read_text(encoding="utf-8").split("\n")
    return [line.removeprefix("# ") for line in takewhile(lambda line: line.startswith("# "), lines)]


def messages(path: Path, **arguments: object) -> list[str]:
    """Return what checking a file says, each message without the file's own name."""
    with pytest.raises(SpecError) as caught:
        check(path, **arguments)  # type: ignore[arg-type]
    return said_by(caught.value, path)


def said_by(error: SpecError, path: Path) -> list[str]:
    return [str(problem).removeprefix(f"{path}:").removeprefix(f"{path.parent}/") for problem in error.problems]


@pytest.mark.parametrize("path", FILES, ids=case_name)
def test_a_mistake_gives_its_messages_and_no_others(path: Path) -> None:
    expected = expected_messages(path)
    assert expected
    assert messages(path) == expected


def test_there_are_many_kinds_of_mistakes() -> None:
    said = {tuple(expected_messages(path)) for path in FILES}
    assert len(said) == len(FILES) >= FEWEST


def test_several_mistakes_are_told_at_once(tmp_path: Path) -> None:
    text = (FOLDER / "unknown_network.yaml").read_text(encoding="utf-8")
    text = text.replace("shape: [3]", "shap: [3]").replace("log encoder(z | x)", "log encodr(z | x)").replace("rounds: 100", "rounds: many")
    path = tmp_path / "several.yaml"
    path.write_text(text, encoding="utf-8")
    found = messages(path)
    assert [message.split(" ")[0] for message in found] == ["6:21:", "16:20:", "25:33:", "31:17:"]
    assert [message.split("; did you mean ")[-1] for message in found[:3]] == ["'shape'?", "'mlp'?", "'encoder'?"]


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"preset": "quik"}, "1:1: presets: unknown preset 'quik'; known: 'quick', 'paper', 'parallel', "),
        ({"overrides": ["train.round=3"]}, "train.round=3:1:7: train.round: unknown key 'round'; known: "),
        ({"overrides": ["train.rounds=few"]}, "train.rounds=few:1:14: train.rounds: expected a whole number, got 'few'"),
        ({"overrides": ["train.rounds"]}, "train.rounds:1:1: expected key=value with a dotted path as key, such as train.rounds=100"),
        ({"overrides": ["utilities.decoder=log"]}, "utilities.decoder=log:1:19: utilities.decoder: expected 'E' at the start of a term"),
    ],
)
def test_a_mistake_on_the_command_line_is_found_there(arguments: dict[str, object], expected: str) -> None:
    path = Path(__file__).resolve().parents[1] / "specs" / "digits_vae.yaml"
    (found,) = messages(path, **arguments)
    assert found.startswith(expected)


def test_a_file_that_is_not_there_is_named() -> None:
    with pytest.raises(SpecError) as caught:
        check("specs/digit_vae.yaml")
    assert "no such file" in str(caught.value)
    assert str(caught.value).endswith("did you mean 'digits-vae'?")


@pytest.mark.parametrize("name", ["yaml_alias_bomb", "schema_literal", "unknown_player_in_formula", "shape_encoder_of_a_vector"])
def test_the_command_ends_with_status_2_and_no_traceback(name: str) -> None:
    path = FOLDER / f"{name}.yaml"
    code = f"import sys; from gamelearn.cli.main import main; sys.argv = ['gamelearn', 'check', {str(path)!r}]; main()"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=FOLDER.parents[1])
    assert done.returncode == 2
    assert "Traceback" not in done.stdout + done.stderr
    assert f"{path}:{expected_messages(path)[0]}" in done.stdout + done.stderr


def rewrite() -> None:
    """Write the messages that are given now into the files, to be read in the difference: `python -m tests.test_specs_bad`."""
    for path in FILES:
        body = path.read_text(encoding="utf-8").split("\n")[len(expected_messages(path)) :]
        for _ in range(3):  # the number of messages moves the lines
            try:
                check(path)
            except SpecError as error:
                comments = [f"# {message}" for message in said_by(error, path)]
                path.write_text("\n".join([*comments, *body]), encoding="utf-8")


if __name__ == "__main__":
    rewrite()
