"""The paper's networks have the published numbers of parameters (design of section 6)."""

import pytest

from gamelearn.game import load


@pytest.mark.parametrize(("spec", "decoder", "encoder"), [("mnist-lvae", 817_757, 2_202_386), ("mnist-rvae", 817_757, 2_262_986)])
def test_parameter_counts(spec: str, decoder: int, encoder: int) -> None:
    game = load(spec)
    counts = {name: sum(each.numel() for each in player.parameters()) for name, player in game.players.items()}
    assert counts == {"decoder": decoder, "encoder": encoder}


def test_a_network_that_does_not_fit_is_named_with_its_place() -> None:
    from gamelearn.errors import SpecError

    with pytest.raises(SpecError, match=r"mnist_lvae.yaml:\d+:\d+: players.decoder.factors.*needs one image of 28x28") as caught:
        load("mnist-lvae", "variables.x.shape=[1, 20, 28]")
    assert len(caught.value.problems) >= 1
