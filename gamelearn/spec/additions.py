"""What an extending spec, a preset or an override adds to a spec, where it was to change something.

This file finds misspelt names in what is laid over a spec.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace

from gamelearn.errors import nearest, quoted
from gamelearn.options import Mistake
from gamelearn.spec.formula import FormulaError, parse_factor
from gamelearn.spec.kinds import TAGS
from gamelearn.spec.node import Node, walk


def explain_additions(base: Node, tree: Node, mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return the mistakes of a spec with something laid over it; what lacks inside a name that the base lacks becomes one about the name.

    Args:
        base: the tree before.
        tree: the tree after.
        mistakes: those of the tree after.
    """
    return list(dict.fromkeys((_addition(base, each) if _is_lack(tree, each) else None) or each for each in mistakes))


def explain_order(presets: Sequence[tuple[str, Node]], tree: Node, mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return mistakes, of which those say so that come from the order of presets: a later one brings back in part what an earlier one removes.

    Args:
        presets: that were taken, with their names, in their order.
        tree: the spec's with all of them laid over it.
        mistakes: of that tree.
    """
    return [_of_order(presets, each) if _is_lack(tree, each) else each for each in mistakes]


def _of_order(presets: Sequence[tuple[str, Node]], mistake: Mistake) -> Mistake:
    for end in range(1, len(mistake.path) + 1):
        place = mistake.path[:end]
        for number, (earlier, removing) in enumerate(presets):
            removed = removing.find(place)
            if removed is None or removed.value is not None:
                continue
            later = next((name for name, preset in presets[number + 1 :] if (node := preset.find(place)) and node.value is not None), None)
            if later is not None:
                why = f"the preset {earlier!r} removes it, and {later!r}, laid over that, brings a part of it back"
                return replace(mistake, what=f"{mistake.what}; {why}: name {later!r} before {earlier!r}", suggestion=None)
    return mistake


def without_consequences(mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return mistakes without what a misspelt `extends`, `net` or `type` brings about: what lacks may be in the base, keys known of the type."""
    every = list(mistakes)
    if any(_is_unknown(each) and each.suggestion == "extends" for each in every):
        every = [each for each in every if _is_unknown(each)]
    unclear = {each.path[:-1] for each in every if _is_unknown(each) and each.suggestion in TAGS}
    return [each for each in every if not _is_unknown(each) or each.suggestion in TAGS or each.path[:-1] not in unclear]


def with_base_name(base: Node, mistake: Mistake) -> Mistake:
    """Return a mistake about a name that the base lacks with the base's nearest name, if it has no suggestion of its own."""
    above = base.find(mistake.path[:-1]) if mistake.on_key and mistake.suggestion is None and mistake.path else None
    if above is None or mistake.path[-1] in above.children:
        return mistake
    return replace(mistake, suggestion=_meant(str(mistake.path[-1]), [name for name in above.children if isinstance(name, str)]))


def _meant(name: str, known: Sequence[str]) -> str | None:
    """Return the same factor in another spelling (spaces, order), or else the nearest name, or None if none is near."""
    sides = _sides(name)
    same = (each for each in known if sides is not None and _sides(each) == sides)
    return next(same, None) or nearest(name, known)


def _sides(key: str) -> tuple[frozenset[str], frozenset[str]] | None:
    try:
        targets, givens = parse_factor(key)
    except FormulaError:
        return None
    return frozenset(each.name for each in targets), frozenset(each.name for each in givens)


def _is_unknown(mistake: Mistake) -> bool:
    return mistake.on_key and mistake.what.startswith("unknown key")


def _is_lack(tree: Node, mistake: Mistake) -> bool:
    """Whether a mistake says that too little is there, and not that a key or a value is wrong."""
    steps, _ = walk(tree, mistake.path)
    value = steps[-1][1].value if steps else tree.value
    return not _is_unknown(mistake) and (value is None or isinstance(value, dict | tuple))


def _addition(base: Node, mistake: Mistake) -> Mistake | None:
    node = base
    for index, part in enumerate(mistake.path):
        child = node.children.get(part)
        if child is not None:
            node = child
            continue
        names = [name for name in node.children if isinstance(name, str)]
        hint = _meant(part, names) if isinstance(part, str) else None
        if hint is None:
            return None
        what = f"the spec has no {part!r} to change, and this is not enough to add one; known: {quoted(names)}"
        return Mistake(mistake.path[: index + 1], what, hint, on_key=True)
    return None
