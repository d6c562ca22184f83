"""This file tests how the shipped specs are found."""

from pathlib import Path

import pytest

from gamelearn import shipped


def test_a_checkout_has_its_specs_beside_the_package() -> None:
    assert shipped.specs_folder() == Path(__file__).resolve().parents[1] / "specs"
    assert {"digits-vae", "mnist-lvae", "mnist-rvae", "fashion-lvae"} <= shipped.shipped_specs().keys()


def test_a_wheel_has_its_specs_inside_the_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "gamelearn" / "specs").mkdir(parents=True)
    (tmp_path / "gamelearn" / "specs" / "my_game.yaml").touch()
    (tmp_path / "gamelearn" / "specs" / "schema.json").touch()
    monkeypatch.setattr(shipped, "__file__", str(tmp_path / "gamelearn" / "shipped.py"))
    assert list(shipped.shipped_specs()) == ["my-game"]


@pytest.mark.parametrize("name", ["my-game", "my_game", "my_game.yaml", "my-game.yml", "specs/my_game.yaml", "specs/my-game"])
def test_the_ways_to_say_a_name(name: str) -> None:
    assert shipped.spec_key(name) == "my-game"


@pytest.mark.parametrize("name", ["other/my_game.yaml", "../specs/my_game.yaml", "my_game.json", "/my_game", ""])
def test_what_is_no_name(name: str) -> None:
    assert shipped.spec_key(name) != "my-game"
