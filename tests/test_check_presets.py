"""What `check` says of extending specs and presets beyond their mistakes, and what it does not do twice. This file checks presets."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from gamelearn import game
from gamelearn.errors import SpecError
from gamelearn.game import Game, check
from gamelearn.graph.model import Graph
from gamelearn.metrics.metric import Context, Metric, MetricResult
from gamelearn.options import Listed, Mistake
from gamelearn.players.build import try_shapes
from gamelearn.players.player import Player
from gamelearn.plugins import load_builtins
from gamelearn.registry import METRICS
from gamelearn.spec import compose
from gamelearn.spec.kinds import MetricOptions
from gamelearn.spec.source import read_text

BASE = """\
name: base
variables:
  x: {type: binary, shape: [4]}
  z: {type: binary, shape: [2]}
data: {dataset: {type: npz, path: none.npz}, streams: {images: [x], spare: [x]}}
players:
  decoder: {factors: {z: uniform, x | z: {net: linear}}}
  encoder: {factors: {z | x: {net: linear}}}
utilities:
  decoder: E[images(x), encoder(z | x)] log decoder(x, z)
  encoder: E[decoder(x, z)] log encoder(z | x)
train: {rounds: 1}
"""


LABELLED = """\
name: base
variables:
  x: {type: real, shape: [1, 8, 8]}
  s: {type: categorical, classes: 3, shape: [8, 8]}
data: {dataset: {type: npz, path: none.npz}, streams: {images: [x], pairs: [x, s]}}
players:
  prior: {factors: {s: uniform}}
  painter: {factors: {x | s: {net: unet, width: 4}}}
  segmenter: {factors: {s | x: {net: unet, width: 4}}}
utilities:
  painter: E[images(x), segmenter(s | x)] log painter(x | s)
  segmenter: E[prior(s), painter(x | s)] log segmenter(s | x)
train: {rounds: 1}
"""


def written(folder: Path, added: str, name: str = "game") -> Path:
    (folder / "base.yaml").write_text(BASE, encoding="utf-8")
    path = folder / f"{name}.yaml"
    path.write_text(added, encoding="utf-8")
    return path


def warnings(path: Path, preset: str | None = None, *overrides: str) -> list[str]:
    return [str(each).removeprefix(f"{path}:") for each in check(path, preset=preset, overrides=overrides).warnings]


def test_a_stream_that_an_extending_spec_adds_and_nothing_uses_is_a_warning(tmp_path: Path) -> None:
    path = written(tmp_path, "extends: base.yaml\ndata:\n  streams:\n    imagse: {variables: [x], take: 9}\n")
    assert warnings(path) == [
        "4:5: warning: data.streams.imagse: no term uses the stream 'imagse', which is added here beside 'images', 'spare'; did you mean 'images'?"
    ]


def test_a_stream_that_a_preset_adds_and_nothing_uses_is_a_warning_with_the_preset_or_without(tmp_path: Path) -> None:
    path = written(tmp_path, BASE + "presets:\n  few: {data: {streams: {image: [x]}}}\n")
    said = "data.streams.image: no term uses the stream 'image', which is added here beside 'images', 'spare'; did you mean 'images'?"
    assert warnings(path) == [f"14:26: warning: presets.few.{said}"]
    assert warnings(path, "few") == [f"14:26: warning: {said}"]


def test_a_stream_that_the_command_line_adds_is_warned_of_too(tmp_path: Path) -> None:
    assert "did you mean 'images'?" in warnings(written(tmp_path, BASE), None, "data.streams.image=[x]")[0]


@pytest.mark.parametrize(
    "added",
    [
        'data: {streams: {more: [x]}}\nutilities: {decoder: "E[more(x), encoder(z | x)] log decoder(x, z)"}\n',
        "data: {streams: {more: {variables: [x], take: 9}, images: {variables: [x], except: more}}}\n",
        "data: {streams: {images: {variables: [x], take: 9}}}\n",
    ],
)
def test_a_stream_that_something_uses_is_none(added: str, tmp_path: Path) -> None:
    assert warnings(written(tmp_path, "extends: base.yaml\n" + added)) == []


ALONE = LABELLED.replace(", pairs: [x, s]", "")
METRIC = "evaluate: {segmentation: {type: segmentation}}\n"


@pytest.mark.parametrize("evaluate", ["", METRIC])
def test_a_stream_that_alone_shows_what_a_metric_reads_is_none(evaluate: str, tmp_path: Path) -> None:
    (tmp_path / "labelled.yaml").write_text(ALONE, encoding="utf-8")
    assert warnings(written(tmp_path, "extends: labelled.yaml\ndata: {streams: {held: [x, s]}}\n" + evaluate)) == []
    preset = f"presets:\n  metric: {{data: {{streams: {{held: [x, s]}}}}, {evaluate.strip()}}}\n"
    assert warnings(written(tmp_path, ALONE + preset)) == []


def test_the_first_of_two_unused_streams_may_be_read_and_the_second_is_a_warning(tmp_path: Path) -> None:
    (tmp_path / "labelled.yaml").write_text(ALONE, encoding="utf-8")
    (found,) = warnings(written(tmp_path, "extends: labelled.yaml\ndata: {streams: {held: [x, s], again: [x, s]}}\n" + METRIC))
    assert "no term uses the stream 'again'" in found


def test_a_stream_that_a_metric_names_is_none(tmp_path: Path) -> None:
    added = "data: {streams: {held: {variables: [x, s], take: 5}}}\n"
    (tmp_path / "labelled.yaml").write_text(LABELLED, encoding="utf-8")
    path = written(tmp_path, f"extends: labelled.yaml\n{added}{METRIC}")
    assert len(warnings(path)) == 1
    assert warnings(path, None, "evaluate.segmentation.stream=held") == []
    named = METRIC.replace("}}", ", stream: held}}") + "presets: {less: {evaluate: {segmentation: null}}}\n"
    assert warnings(written(tmp_path, f"extends: labelled.yaml\n{added}{named}")) == []


class _ComparedOptions(MetricOptions):
    type: str = "compared"
    streams: Listed[str] = ()


class _Compared(Metric):
    def __init__(self, *, streams: tuple[str, ...]) -> None:
        self.streams = streams

    def misfit(self, graph: Graph) -> str | None:
        return None

    def compute(self, game: Game, context: Context) -> MetricResult:
        return MetricResult(())


def test_a_stream_in_a_list_that_a_metric_names_is_none(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    load_builtins()
    monkeypatch.setattr(METRICS, "_entries", dict(METRICS._entries))
    METRICS.register("compared", options=_ComparedOptions)(_Compared)
    added = "extends: base.yaml\ndata: {streams: {held: [x], more: [x]}}\nevaluate: {compared: {type: compared, streams: [spare, held]}}\n"
    (found,) = warnings(written(tmp_path, added))
    assert "no term uses the stream 'more'" in found


CLASSES = """\
extends: base.yaml
variables: {c: {type: categorical, classes: 3, shape: []}}
data: {streams: {labels: [x, c], few: {variables: [x], take: 9}, more: {variables: [x], except: few}}}
players: {classer: {factors: {c | x: {net: linear}}}}
utilities:
  classer: "E[labels(x, c)] log classer(c | x)"
  encoder: "E[more(x), decoder(z), decoder(x' | z)] log encoder(z | x')"
"""


@pytest.mark.parametrize(
    "preset",
    [
        "players: {classer: null}, utilities: {classer: null}",
        'utilities: {encoder: "E[decoder(x, z)] log encoder(z | x)"}',
        "data: {streams: {more: {except: null}}}",
    ],
)
def test_a_preset_that_no_longer_uses_a_stream_of_its_own_file_is_none(preset: str, tmp_path: Path) -> None:
    path = written(tmp_path, CLASSES + f"presets:\n  less: {{{preset}}}\n")
    assert warnings(path) == warnings(path, "less") == []


def test_a_stray_stream_of_an_extending_spec_is_told_once_whatever_its_presets(tmp_path: Path) -> None:
    added = "extends: base.yaml\ndata: {streams: {image: [x]}}\npresets: {a: {train: {rounds: 2}}, b: {train: {rounds: 3}}}\n"
    path = written(tmp_path, added)
    (found,) = warnings(path)
    assert found.startswith("2:18: warning: data.streams.image: ")
    assert warnings(path, "a") == warnings(path, None, "train.rounds=4") == [found]


def test_other_warnings_of_a_preset_wait_until_it_is_taken(tmp_path: Path) -> None:
    apart = "E[images(x), encoder(z | x)] log decoder(x | z)"
    path = written(tmp_path, BASE.replace("z: uniform", "z: free") + f'presets: {{apart: {{utilities: {{decoder: "{apart}"}}}}}}\n')
    assert warnings(path) == []
    (found,) = warnings(path, "apart")
    assert "its parameters stay as they begin" in found


def test_a_stream_of_a_plain_spec_may_be_there_for_later(tmp_path: Path) -> None:
    assert warnings(written(tmp_path, BASE)) == []


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The players whose shapes were tried, in order."""
    names: list[str] = []
    real = try_shapes

    def noted(graph: Graph, players: Mapping[str, Player], rows: int = 2) -> list[Mistake]:
        names.extend(graph.players)
        return real(graph, players, rows)

    monkeypatch.setattr(game, "try_shapes", noted)
    return names


def test_a_preset_tries_the_shapes_of_those_players_alone_that_it_changes(tmp_path: Path, tried: list[str]) -> None:
    presets = "presets:\n  short: {train: {rounds: 2}}\n  deep: {players: {encoder: {factors: {z | x: {net: mlp, hidden: [3]}}}}}\n"
    check(written(tmp_path, BASE + presets))
    assert tried == ["decoder", "encoder", "encoder"]


def test_a_preset_that_changes_the_shape_of_a_variable_tries_all_players_again(tmp_path: Path, tried: list[str]) -> None:
    check(written(tmp_path, BASE + "presets: {wide: {variables: {z: {shape: [3]}}}}\n"))
    assert tried == ["decoder", "encoder"] * 2


def test_a_player_that_shares_from_a_changed_one_is_tried_again(tmp_path: Path, tried: list[str]) -> None:
    shared = BASE.replace("x | z: {net: linear}}}", "x | z: {net: linear}, z | x: {net: linear}}}")
    shared = shared.replace("encoder: {factors: {z | x: {net: linear}}}", "encoder: {factors: {z | x: [decoder(z | x), {net: linear}]}}")
    check(written(tmp_path, shared + "presets:\n  deep: {players: {decoder: {factors: {z | x: {net: mlp, hidden: [3]}}}}}\n"))
    assert tried == ["decoder", "encoder"] * 2


def test_a_spec_is_read_once_for_all_its_presets(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def noted(path: Path | str) -> str:
        read.append(Path(path).name)
        return read_text(path)

    monkeypatch.setattr(compose, "read_text", noted)
    check(written(tmp_path, "extends: base.yaml\npresets: {a: {train: {rounds: 2}}, b: {train: {rounds: 3}}}\n"))
    assert read == ["game.yaml", "base.yaml"]


STAGED = """\
extends: base.yaml
utilities: null
stages:
  start: {utilities: {decoder: "E[images(x), encoder(z | x)] log decoder(x, z)"}}
  game:
    utilities:
      decoder: E[images(x), encoder(z | x)] log decoder(x, z)
      encoder: E[decoder(x, z)] log encoder(z | x)
presets:
  quick: {stages: {start: {train: {rounds: 2}}, game: {train: {rounds: 3}}}}
  short: {stages: {start: null}}
  deep: {players: {encoder: {factors: {z | x: {net: linear}}}}}
"""
REMOVED = "the preset 'short' removes it, and 'quick', laid over that, brings a part of it back: name 'quick' before 'short'"


def test_presets_that_bring_back_a_part_of_what_another_removes_say_which_order_is_right(tmp_path: Path) -> None:
    path = written(tmp_path, STAGED)
    assert not check(path, preset=["quick", "short"]).file.problems
    for order in (["short", "quick"], ["short", "deep", "quick"]):
        with pytest.raises(SpecError) as error:
            check(path, preset=order)
        told = [(each.where, each.what) for each in error.value.problems]
        assert told == [("stages.start", f"the key 'utilities' is missing; {REMOVED}")]


def test_a_lack_that_has_nothing_to_do_with_presets_is_told_as_it_is(tmp_path: Path) -> None:
    lacking = STAGED.replace("  game:\n", "  more: {train: {rounds: 1}}\n  game:\n")
    with pytest.raises(SpecError) as error:
        check(written(tmp_path, lacking), preset=["quick", "short"])
    assert [(each.where, each.what) for each in error.value.problems] == [("stages.more", "the key 'utilities' is missing")]
