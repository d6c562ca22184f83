"""What keeps figures apart: other settings, and not other factors of the game. This file compares made-up results."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any, cast

import pytest

from gamelearn.comparison.comparability import find_faults
from gamelearn.comparison.groups import Group

FACTS = {"stream": "images", "model": ["decoder(x | z)"], "proposal": ["encoder(z | x)"], "samples": 64, "count": 100}


def faults(changes: dict[str, Any]) -> tuple[Sequence[str], frozenset[str]]:
    """The reasons why a result may not be compared with one of other facts, and the metrics."""
    entry = SimpleNamespace(values={"data": {"streams": {}}}, taken={}, stood_in=())
    groups = [cast(Group, SimpleNamespace(label=label, entries=(entry,))) for label in "ab"]
    results = [
        [[{"name": "likelihood", "options": {}, "facts": facts, "blocks": [{"title": "", "figures": {"ELBO": {"count": 100}}}]}]]
        for facts in (FACTS, {**FACTS, **changes})
    ]
    found = find_faults(groups, results, "test")
    return found.lines, found.metrics


@pytest.mark.parametrize("changes", [{}, {"model": ["decoder(x | z, l)"], "proposal": ["other(z | x)"]}, {"share": 0.5}])
def test_models_of_the_same_data_may_be_compared(changes: dict[str, Any]) -> None:
    assert faults(changes) == ((), frozenset())


@pytest.mark.parametrize("changes", [{"samples": 16}, {"stream": "pairs"}, {"count": 50}])
def test_other_settings_may_not(changes: dict[str, Any]) -> None:
    lines, metrics = faults(changes)
    assert metrics == {"likelihood"}
    [(name, value)] = changes.items()
    assert f"facts.{name} is {FACTS[name]!r} in a, {value!r} in b" in lines[0]
