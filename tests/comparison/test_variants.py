"""This file tests how the variants of an ablation are read."""

import pytest

from gamelearn.comparison.variants import Variant, read_variants
from gamelearn.errors import GamelearnError

PRESETS = ("quick", "parallel")


@pytest.mark.parametrize(
    ("text", "variant"),
    [
        ("parallel", Variant("parallel", ("parallel",))),
        ("train.batch=64", Variant("train.batch=64", (), ("train.batch=64",))),
        ("slow:train.batch=64,train.ema=0.9", Variant("slow", (), ("train.batch=64", "train.ema=0.9"))),
        ("p:schedule.order=[a, b=c, d]", Variant("p", (), ("schedule.order=[a, b=c, d]",))),
        (
            "utilities.p=E[s(x), q(z | x)] log p(x, z),train.batch=2",
            Variant("utilities.p=E-s-x-q-z-x-log-p-x-z-train.batch=2", (), ("utilities.p=E[s(x), q(z | x)] log p(x, z)", "train.batch=2")),
        ),
        ("odd:a.b=c:d=e", Variant("odd", (), ("a.b=c:d=e",))),
    ],
)
def test_a_variant(text: str, variant: Variant) -> None:
    assert read_variants([text], PRESETS) == (Variant("base"), variant)


@pytest.mark.parametrize(
    ("texts", "message"),
    [
        ([], r"name the variants: --variant with one of the spec's presets \('quick', 'parallel'\), or key=value"),
        (["paralel"], "unknown variant 'paralel'; .* did you mean 'parallel'"),
        (["quick:train.batch=2"], "'quick' is a preset of the spec"),
        (["quick", "quick"], "the variant 'quick' is there already"),
        (["Base:train.batch=2"], "give it another name"),
    ],
)
def test_a_wrong_variant(texts: list[str], message: str) -> None:
    with pytest.raises(GamelearnError, match=message):
        read_variants(texts, PRESETS)
