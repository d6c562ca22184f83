"""The specs that come with the package. This file finds them, in a checkout or in an installed wheel."""

from pathlib import Path, PurePath


def specs_folder() -> Path:
    """Return the folder of the shipped specs: inside the installed package, or beside it in a checkout."""
    package = Path(__file__).resolve().parent
    inside = package / "specs"
    return inside if inside.is_dir() else package.parent / "specs"


def shipped_specs() -> dict[str, Path]:
    """Return the shipped specs by name; the name of `mnist_lvae.yaml` is `mnist-lvae`."""
    return {spec_key(path.name): path for path in sorted(specs_folder().glob("*.yaml"))}


def spec_key(name: str) -> str:
    """Return the name of a shipped spec from what a user may call it.

    >>> spec_key("specs/mnist_lvae.yaml")
    'mnist-lvae'
    """
    path = PurePath(name)
    if path.suffix in (".yaml", ".yml"):
        path = path.with_suffix("")
    return (path.name if path.parent in (PurePath(), PurePath("specs")) else str(path)).replace("_", "-")
