"""A change that should not alter results gives the golden numbers again: utilities and parameters of small games after six rounds.

Where results are meant to change, `python -m tests.test_golden` writes the numbers anew; say why in the commit.
"""

import json
from pathlib import Path
from typing import Any

import pytest

from gamelearn.train.loop import Trainer
from tests.support import TableStreams, game_of
from tests.test_oracles import COPIES, EQUATION_12, LADDER, tables_of

GOLDEN = Path(__file__).parent / "golden" / "rounds.json"
MODES = {"sequence": "{mode: sequence}", "parallel": "{mode: parallel}"}
GAMES = {
    **{f"ladder, {mode}": LADDER.rstrip() + f"\n    schedule: {text}\n" for mode, text in MODES.items()},
    "eq. 12, parallel": EQUATION_12,
    "copies, repeated turns": COPIES,
}


def played(text: str) -> dict[str, Any]:
    """Return the utilities of every round and the sums of the parameters at the end."""
    game = game_of(text.replace("rounds: 1}", "rounds: 6, batch: 16}"))
    streams: Any = TableStreams(tables_of(game))
    trainer = Trainer(game, streams=streams)
    rounds = []
    for _ in range(6):
        records = trainer.stage.play(trainer.progress)
        rounds.append([float(-record.loss) for record in records])
        trainer.progress = trainer.progress.after_round(trainer.stage.plan, 0.0)
    sums = {
        f"{name}.{key}": float(value.detach().sum()) for name, player in game.players.items() for key, value in player.named_parameters()
    }
    return {"utilities": rounds, "parameters": sums}


@pytest.mark.parametrize("name", GAMES)
def test_the_golden_numbers_come_again(name: str) -> None:
    golden, now = json.loads(GOLDEN.read_text())[name], played(GAMES[name])
    assert now["parameters"] == pytest.approx(golden["parameters"], rel=1e-9, abs=1e-9)
    for mine, theirs in zip(now["utilities"], golden["utilities"], strict=True):
        assert mine == pytest.approx(theirs, rel=1e-9)


if __name__ == "__main__":
    GOLDEN.write_text(json.dumps({name: played(text) for name, text in GAMES.items()}, indent=1) + "\n")
