"""Where in a spec a key belongs that was written elsewhere. This file finds the sections that have a key."""

from collections.abc import Iterator
from typing import Any, get_args

from pydantic import BaseModel

from gamelearn.options import Mistake, Options, Path
from gamelearn.spec.schema import Spec


def with_section(mistake: Mistake) -> Mistake:
    """Return a mistake about an unknown key with the section that does have it, where no other key is near."""
    if not (mistake.on_key and mistake.what.startswith("unknown key") and mistake.suggestion is None):
        return mistake
    key, place = mistake.path[-1], mistake.path[:-1]
    homes = [path for path, keys in _sections(Spec, ()) if key in keys and path != place]
    if not homes:
        return mistake
    home = min(homes, key=len)
    where = f"belongs in {'.'.join(map(str, home))!r}" if home else "belongs at the top, without indentation"
    return Mistake(mistake.path, f"{mistake.what}; {str(key)!r} {where}", None, on_key=True)


def _sections(model: type[Options], path: Path) -> Iterator[tuple[Path, tuple[str, ...]]]:
    """Find the maps of fixed keys below a model, with their keys; maps of the author's names are left out."""
    yield path, model.keys()
    for name, field in model.model_fields.items():
        for inner in _models(field.annotation):
            yield from _sections(inner, (*path, field.alias or name))


def _models(annotation: Any) -> list[type[Options]]:
    if isinstance(annotation, type) and issubclass(annotation, Options):
        return [annotation]
    if isinstance(annotation, type) and issubclass(annotation, BaseModel | dict):
        return []
    return [model for each in get_args(annotation) if not _is_dict(annotation) for model in _models(each)]


def _is_dict(annotation: Any) -> bool:
    return getattr(annotation, "__origin__", None) in (dict, tuple)
