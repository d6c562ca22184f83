"""The networks of the segmentation games do what eq. 19 and the spec say of them, and the shipped specs hold together."""

from typing import Any

import pytest
import torch

from gamelearn import noise
from gamelearn.game import Game, check, load
from gamelearn.networks.port import Port
from gamelearn.networks.wired import Wired
from gamelearn.shipped import shipped_specs
from gamelearn.train.events import RoundEvent
from gamelearn.train.loop import Trainer
from tests.support import network_of

CLASSES, ROWS = 5, 3
IMAGE, LABELS = Port("x", 1, (3, 32, 24)), Port("s", CLASSES, (32, 24))
PAINTED = Port("x", 2, (3, 32, 24))
VECTOR, GRID = Port("z2", 1, (6,)), Port("z1", 1, (2, 8, 6))
SMALL = {"width": 8, "depth": 2}
SPECS = [name for name in shipped_specs() if name.startswith(("celeba-", "nuclei-"))]


def wired(name: str, inputs: tuple[Port, ...], outputs: tuple[Port, ...], **options: object) -> Any:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return Wired(network_of(name, inputs, outputs, **options), inputs, outputs)


def value_of(port: Port, key: str = "") -> torch.Tensor:
    uniform = noise.uniform((port.name, key), ROWS, port.shape)
    return (uniform * port.channels).long() if port.channels > 1 else uniform


@pytest.mark.parametrize(
    ("name", "inputs", "output", "options"),
    [
        ("unet", (IMAGE, VECTOR), LABELS, SMALL),
        ("unet", (IMAGE, GRID), LABELS, {**SMALL, "norm": "group"}),
        ("unet", (IMAGE,), LABELS, {**SMALL, "patch": 1}),
        ("unet", (IMAGE, LABELS, GRID, VECTOR), LABELS, {**SMALL, "patch": 4}),
        ("painter", (LABELS, VECTOR), PAINTED, SMALL),
        ("painter", (LABELS, GRID), PAINTED, SMALL),
        ("shape_decoder", (VECTOR,), LABELS, SMALL),
        ("shape_decoder", (GRID,), LABELS, {**SMALL, "norm": "group"}),
        ("shape_decoder", (GRID, VECTOR), LABELS, SMALL),
        ("average_encoder", (IMAGE, LABELS), VECTOR, {}),
        ("grid_encoder", (IMAGE, LABELS, VECTOR), GRID, {}),
    ],
)
def test_every_input_is_read(name: str, inputs: tuple[Port, ...], output: Port, options: dict[str, object]) -> None:
    network = wired(name, inputs, (output,), **options)
    values = [value_of(port) for port in inputs]
    (raw,) = network(*values)
    assert raw.shape == (ROWS, output.channels, *output.shape)
    for index, port in enumerate(inputs):
        changed = [*values[:index], value_of(port, "other"), *values[index + 1 :]]
        assert not torch.equal(network(*changed)[0], raw), port.name


def test_sizes_that_patches_do_not_divide() -> None:
    inputs, output = (Port("x", 1, (3, 31, 21)), VECTOR), Port("s", CLASSES, (31, 21))
    assert wired("unet", inputs, (output,), **SMALL)(*map(value_of, inputs))[0].shape == (ROWS, CLASSES, 31, 21)


@pytest.mark.parametrize(
    ("name", "inputs", "output", "message"),
    [
        ("unet", (VECTOR, GRID), LABELS, "needs an input of the outputs' size 32x24, got 'z2' of shape .6,., 'z1' of shape .2, 8, 6."),
        ("painter", (VECTOR,), PAINTED, "needs an input of the outputs' size 32x24"),
        ("shape_decoder", (VECTOR, IMAGE), LABELS, "reads codes, no maps"),
        ("shape_decoder", (VECTOR,), VECTOR, "needs images as outputs, got 'z2' of shape .6,."),
        ("grid_encoder", (IMAGE,), VECTOR, "needs images as outputs, got 'z2'"),
        ("average_encoder", (VECTOR,), VECTOR, "needs an image among its inputs"),
        ("average_encoder", (IMAGE, GRID), VECTOR, "needs input images of one size, got 'x' 32x24, 'z1' 8x6"),
    ],
)
def test_ports_that_do_not_fit(name: str, inputs: tuple[Port, ...], output: Port, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        wired(name, inputs, (output,))


def test_a_code_chooses_the_colours_of_every_label() -> None:
    """Where the U-Net adds nothing, pixels of one label look alike, far from the border too, and codes change them."""
    network = wired("painter", (LABELS, VECTOR), (PAINTED,), **SMALL)
    with torch.no_grad():
        network.network.body.up.last.weight.zero_()
        network.network.body.up.last.bias.zero_()
    labels = torch.zeros(ROWS, *LABELS.shape, dtype=torch.int64)
    labels[:, :16] = 3
    first, second = (network(labels, value_of(VECTOR, key))[0] for key in "ab")
    for raw in (first, second):
        inside = raw[..., 2:14, 2:22].flatten(3)
        torch.testing.assert_close(inside, inside[..., :1].expand_as(inside), rtol=1e-4, atol=1e-5)
    assert not torch.allclose(first[..., 8, 8], second[..., 8, 8], atol=1e-3)
    assert not torch.allclose(first[..., 8, 8], first[..., 24, 8], atol=1e-3)


def test_places_of_a_grid_code_stand_for_places_of_the_image() -> None:
    encoder, decoder = wired("grid_encoder", (LABELS,), (GRID,)), wired("shape_decoder", (GRID,), (LABELS,), width=8, depth=1)
    labels = value_of(LABELS)
    other = labels.clone()
    other[:, :4, :4] = (labels[:, :4, :4] + 1) % CLASSES
    moved = (encoder(other)[0] - encoder(labels)[0]).detach().abs().amax((0, 1, 2))
    assert bool((moved[:2, :2] > 1e-6).any())
    assert float(moved[2:].max()) == float(moved[:, 2:].max()) == 0
    code = value_of(GRID)
    flipped = code.clone()
    flipped[:, :, 0, 0] = 1 - code[:, :, 0, 0]
    moved = (decoder(flipped)[0] - decoder(code)[0]).detach().abs().amax((0, 1))
    assert float(moved[:4, :4].max()) > 1e-6
    assert float(moved[24:].max()) == float(moved[:, 18:].max()) == 0


def test_the_encoder_reads_averages_over_cells_and_of_labels() -> None:
    network = wired("average_encoder", (IMAGE, LABELS), (VECTOR,), cells=4)
    image, labels = value_of(IMAGE), value_of(LABELS)
    read = network.network._averages((image, torch.nn.functional.one_hot(labels, CLASSES).movedim(-1, 1).float()))
    cells, colours = read[:, : 3 * 16].view(ROWS, 3, 4, 4), read[:, 3 * 16 :].view(ROWS, CLASSES, 3)
    torch.testing.assert_close(cells[1, 2, 3, 0], image[1, 2, 24:, :6].mean())
    torch.testing.assert_close(colours[2, 4, 1], image[2, 1][labels[2] == 4].mean())


def test_label_maps_alone_are_averaged_over_cells() -> None:
    network = wired("average_encoder", (LABELS,), (VECTOR,), cells=4)
    labels = value_of(LABELS)
    within = labels.clone()
    within[:, :8, :6] = labels[:, :8, :6].flip(1, 2)
    torch.testing.assert_close(network(within)[0], network(labels)[0], rtol=1e-4, atol=1e-5)
    assert not torch.allclose(network(labels.flip(1))[0], network(labels)[0], atol=1e-3)


@pytest.fixture(scope="module")
def faces() -> Game:
    """Return the game on small toy faces."""
    small = "{type: toy_faces, size: 32, rows: 40}"
    shapes = ("variables.x.shape=[3, 32, 32]", "variables.s.shape=[32, 32]")
    lengths = [f"stages.{stage}.train.rounds=1" for stage in load("celeba-seg").plans]
    return load("celeba-seg", f"data.dataset={small}", "data.otherwise=", *shapes, *lengths, "train.batch=4")


def test_the_code_is_silent_at_first_and_the_painter_plain(faces: Game) -> None:
    graph = faces.graph
    given = {name: noise.uniform((name,), ROWS, graph.variables[name].shape) for name in ("x", "z1", "z2")}
    labels = (noise.uniform(("s",), ROWS, (32, 32)) * 19).long()
    segmenter, painter = faces.players["segmenter"], faces.players["painter"]
    alone, joint = (segmenter.distribution(label, given, ROWS).mean() for label in ("s | x", "s | x, z1"))
    torch.testing.assert_close(alone, joint, rtol=0, atol=0)
    painted = painter.distribution("x | s, z2", {**given, "s": labels}, ROWS)
    assert bool((painted.mean() == 0).all())
    expected = torch.distributions.Normal(0.0, 0.5).log_prob(given["x"])
    torch.testing.assert_close(painted.log_prob(given["x"]), expected, rtol=1e-4, atol=1e-5)


def test_every_stage_of_the_game_can_be_played(faces: Game) -> None:
    played: list[RoundEvent] = []

    class Watch:
        def begin(self, trainer: Trainer) -> None: ...
        def after_round(self, event: RoundEvent) -> None:
            played.append(event)

        def end(self, why: str) -> None: ...

    before = {name: [each.clone() for each in player.parameters()] for name, player in faces.players.items()}
    Trainer(faces, observers=[Watch()]).run()
    assert [event.stage for event in played] == list(faces.plans)
    for name, player in faces.players.items():
        same = [torch.equal(old, new) for old, new in zip(before[name], player.parameters(), strict=True)]
        assert name == "prior" or not all(same), name


@pytest.mark.parametrize("game", ["celeba", "nuclei"])
def test_the_reference_is_the_segmenters_own_network(game: str) -> None:
    def unet(name: str) -> object:
        players = check(f"{game}-{name}").graph.players
        return next(network.options for network in players["segmenter"].networks.values() if network.options.net == "unet")

    assert unet("seg") == unet("unet")


def test_the_papers_game_has_no_departures() -> None:
    """Eqs 18a to 18c, word by word, and eq. 19 with both codes."""
    spec = check("celeba-seg", preset="paper").spec
    assert list(spec.stages or {}) == ["shapes", "appearance", "game"]
    utilities = {player: [each.term.term for each in terms] for player, terms in spec.stages["game"].utilities.items()}  # type: ignore[index]
    assert utilities == {
        "segmenter": [
            "E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z)",
            "E[pairs(x, s), encoder(z | x, s), painter(x' | s, z2)] log segmenter(s | x', z)",
        ],
        "painter": [
            "E[pairs(x, s), encoder(z | x, s)] log painter(x | s, z2)",
            "E[pairs(x, s), encoder(z | x, s), segmenter(s' | x, z)] log painter(x | s', z2)",
        ],
        "encoder": ["E[prior(z), pair(x, s | z)] log encoder(z | x, s)"],
    }
    factors = check("celeba-seg", preset="paper").graph.players["segmenter"].factors
    assert {label: len(factor.scores) for label, factor in factors.items()} == {"s | z1": 1, "s | x, z1, z2": 2}
