"""Which run a user means. This file finds the folder of a run by its path or name."""

from pathlib import Path

from gamelearn.errors import RunError, nearest, quoted

MARK = "spec.resolved.yaml"


def find_run(name: str, runs: Path = Path("runs"), *, untrusted: bool = False) -> Path:
    """Return the folder of a run.

    Args:
        name: a run's folder; or `mnist-lvae/3` below `runs`; or a game's name, or its folder, for its newest run.
        runs: where runs are by default.
        untrusted: whether the run is somebody else's, so that links in its folder are refused.

    Raises:
        RunError: there is none; the known runs are listed. Or it holds a link.
    """
    found = _found(name, runs)
    if untrusted:
        from gamelearn.run_folder import refuse_links

        refuse_links(found)
    return found


def _found(name: str, runs: Path) -> Path:
    for place in (Path(name), runs / name):
        if (place / MARK).is_file():
            return place
        if numbered := _numbered(place):
            return numbered[-1]
    for folder in (Path(name), runs / name):
        if inside := sorted(path.parent for path in folder.glob(f"*/{MARK}")):
            raise RunError(f"{folder} is no run: it has no {MARK}; it holds the runs {', '.join(map(str, inside))}")
    known = _known(runs)
    hint = nearest(str(Path(name).relative_to(runs)) if Path(name).is_relative_to(runs) else name, known)
    what = f"there is no run {name!r}: neither a folder with a {MARK}, nor a name below {runs}; runs there: {quoted(known) or 'none'}"
    raise RunError(what + (f"; did you mean {hint!r}?" if hint else ""))


def find_run_at(text: str, runs: Path = Path("runs"), *, untrusted: bool = False) -> tuple[Path, int | None]:
    """Return the folder of a run, with the round of a checkpoint that may follow it after `@`; None where none does.

    Raises:
        RunError: as `find_run`, or what follows is no number.
    """
    name, at, number = text.rpartition("@")
    if not at or Path(text).exists():
        return find_run(text, runs, untrusted=untrusted), None
    if not number.isdecimal():
        raise RunError(f"expected a number of rounds after '@', such as {name}@1000, got {text!r}")
    return find_run(name, runs, untrusted=untrusted), int(number)


def _known(runs: Path) -> list[str]:
    """Return the names of games with numbered runs, of runs, and of runs one level below, where runs are by default."""
    known = []
    for folder in sorted(runs.iterdir()) if runs.is_dir() else []:
        if (folder / MARK).is_file() or _numbered(folder):
            known.append(folder.name)
        else:
            known += sorted(str(path.parent.relative_to(runs)) for path in folder.glob(f"*/{MARK}"))
    return known


def _numbered(folder: Path) -> list[Path]:
    """Return the runs of a game, the oldest first."""
    if not folder.is_dir():
        return []
    return sorted((path for path in folder.iterdir() if path.name.isdecimal() and (path / MARK).is_file()), key=lambda path: int(path.name))
