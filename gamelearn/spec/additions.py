"""What a preset or an override adds to a spec, where it was to change something. This file finds misspelt names in what is laid over a spec."""

from collections.abc import Iterable

from gamelearn.errors import nearest, quoted
from gamelearn.options import Mistake
from gamelearn.spec.node import Node


def explain_additions(base: Node, mistakes: Iterable[Mistake]) -> list[Mistake]:
    """Return the mistakes of a spec with something laid over it; those inside a name that the base lacks become one about the name.

    Args:
        base: the tree before.
        mistakes: those of the tree after.
    """
    return list(dict.fromkeys(_addition(base, each) or each for each in mistakes))


def _addition(base: Node, mistake: Mistake) -> Mistake | None:
    node = base
    for index, part in enumerate(mistake.path):
        child = node.children.get(part)
        if child is not None:
            node = child
            continue
        is_own = index == len(mistake.path) - 1 and mistake.what.startswith("unknown key")
        names = [name for name in node.children if isinstance(name, str)]
        hint = nearest(part, names) if isinstance(part, str) else None
        if hint is None or is_own:
            return None
        what = f"the spec has no {part!r} to change, and this is not enough to add one; known: {quoted(names)}"
        return Mistake(mistake.path[: index + 1], what, hint, on_key=True)
    return None
