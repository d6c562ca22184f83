"""The variants of an ablation: presets of the spec, or values over it. This file reads them."""

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass

from gamelearn.errors import GamelearnError, nearest, quoted

BASE = "base"
_OVERRIDE = re.compile(r"[A-Za-z_][\w.-]*=")
_NAMED = re.compile(r"([A-Za-z0-9][\w.-]*):(?=[A-Za-z_][\w.-]*=)")
_UNFIT = re.compile(r"[^\w.=+-]+")
_LONGEST = 60


@dataclass(frozen=True)
class Variant:
    """A variant of a spec.

    Attributes:
        name: also of its folder.
        presets: of the spec, laid over it.
        overrides: `key=value`, over these.
    """

    name: str
    presets: tuple[str, ...] = ()
    overrides: tuple[str, ...] = ()


def read_variants(texts: Iterable[str], presets: Collection[str]) -> tuple[Variant, ...]:
    """Return the variants that texts mean, after `base`, the spec as it is.

    A text is the name of a preset; or `key=value,key=value`; or the same with a name before it, `NAME:key=value`. A comma separates
    only outside of brackets where `key=` follows, so that a value may be a formula.

    >>> [variant, *_] = read_variants(["wide:train.batch=64,utilities.p=E[s(x), q(z | x)] log p(x, z)"], ["quick"])[1:]
    >>> variant.name, variant.overrides
    ('wide', ('train.batch=64', 'utilities.p=E[s(x), q(z | x)] log p(x, z)'))

    Args:
        texts: at least one.
        presets: the names of the spec's presets.

    Raises:
        GamelearnError: a text has another form, or two variants have one name.
    """
    found = [Variant(BASE)]
    for text in texts:
        variant = _read(text, presets)
        if variant.name.lower() in {each.name.lower() for each in found}:
            taken = "is the spec as it is" if variant.name == BASE else "is there already"
            raise GamelearnError(f"--variant {text}: the variant {variant.name!r} {taken}: give it another name, NAME:key=value")
        found.append(variant)
    if len(found) == 1:
        raise GamelearnError(
            f"name the variants: --variant with one of the spec's presets ({quoted(presets) or 'it has none'}), or key=value"
        )
    return tuple(found)


def _read(text: str, presets: Collection[str]) -> Variant:
    if text in presets:
        return Variant(text, (text,))
    if named := _NAMED.match(text):
        if named[1] in presets:
            raise GamelearnError(f"--variant {text}: {named[1]!r} is a preset of the spec, so it cannot be the name of other values")
        return Variant(named[1], (), _values(text[named.end() :]))
    if _OVERRIDE.match(text):
        return Variant(_UNFIT.sub("-", text).strip("-")[:_LONGEST], (), _values(text))
    hint = nearest(text, presets)
    what = f"unknown variant {text!r}; the spec's presets: {quoted(presets) or 'none'}; or give values, NAME:key=value,key=value"
    raise GamelearnError(what + (f"; did you mean {hint!r}?" if hint else ""))


def _values(text: str) -> tuple[str, ...]:
    depth, begin, found = 0, 0, []
    for place, letter in enumerate(text):
        depth += (letter in "([{") - (letter in ")]}")
        if letter == "," and depth <= 0 and _OVERRIDE.match(text, place + 1):
            found.append(text[begin:place])
            begin = place + 1
    return (*found, text[begin:])
