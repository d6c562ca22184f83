"""What is known of many rows, from files: values, what is hidden of them, and the truth where it is known.

All files are opened, and compared with the variables and with each other, before a row is read. This file gathers them.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np

from gamelearn.data.archives import array_heads
from gamelearn.data.reading import Reading
from gamelearn.data.words import counted
from gamelearn.errors import EvidenceError, quoted
from gamelearn.files.image_folders import ImageSource, Pictures
from gamelearn.files.masks import hides_anything, open_mask
from gamelearn.files.source import Array, Source, lengths
from gamelearn.files.tables import CellValues, FilledTable, columns_of, is_table
from gamelearn.files.values import Missing, check_values, find_file, lacking, open_values
from gamelearn.graph.model import Variable, unknown

Arrays = dict[str, Array]
Named = Mapping[str, str]
"""By variable, the text that names its file."""


@dataclass(frozen=True)
class Block:
    """Some rows of evidence.

    Attributes:
        first_row: the number of the first among all.
        rows: how many.
        given: by variable, `(rows, *shape)`; what is hidden may be anything.
        hide: by variable that is given in part, bool `(rows, *shape)`.
        truth: by variable, `(rows, *shape)`; NaN, and -1 in place of a class, where it is not known.
    """

    first_row: int
    rows: int
    given: Arrays
    hide: Arrays
    truth: Arrays


@dataclass(frozen=True)
class EvidenceFiles:
    """Opened files of evidence.

    Attributes:
        variables: of the game, by name.
        given: by variable.
        hide: by variable; a mask that hides nothing is left out.
        truth: by variable.
        rows: how many rows each has.
        names: of the rows, where images in folders give them.
        files: these images, if there are any.
        table: the first of the given files that is a table, to be filled in.
    """

    variables: Mapping[str, Variable]
    given: Mapping[str, Source]
    hide: Mapping[str, Source]
    truth: Mapping[str, Source]
    rows: int
    names: Sequence[str] | None
    files: Sequence[Path] = ()
    table: FilledTable | None = None

    @property
    def fixed(self) -> frozenset[str]:
        """The variables that are known in every element of every row."""
        return frozenset(self.given) - frozenset(self.hide)

    @property
    def photographs(self) -> Sequence[Path]:
        """The images that are given of a variable that is no label map, the first if there are several; nothing where none is."""
        return next((source.files for source in self.given.values() if isinstance(source, Pictures)), ())

    @property
    def name_type(self) -> np.dtype[np.str_]:
        """The type of an array of names of rows."""
        return np.dtype(f"U{max(map(len, self.names or ['']))}")

    @property
    def notices(self) -> list[str]:
        """Warnings about what was missing in the blocks that were read, except in tables, where cells are missing as a rule."""
        sources = [self.given[name] for name, each in self.hide.items() if isinstance(each, Missing) and each.finds_any]
        return [f"what is not a number in {each.origin} is missing, and hidden" for each in sources if not isinstance(each, CellValues)]

    def name(self, row: int) -> str:
        """Return the name of a row: that of its images, or else its number with as many digits as the last one has."""
        return self.names[row] if self.names else str(row).zfill(len(str(self.rows - 1)))

    def blocks(self, size: int) -> Iterator[Block]:
        """Yield all rows in order, at most `size` at a time.

        Raises:
            DataError: a file is damaged.
            EvidenceError: a value does not fit its variable; the file with the row is named.
        """
        streams = {part: {name: source.blocks(size) for name, source in getattr(self, part).items()} for part in ("given", "hide", "truth")}
        first = 0
        for rows in lengths(self.rows, size):
            parts = {part: {name: next(stream) for name, stream in each.items()} for part, each in streams.items()}
            block = Block(first, rows, parts["given"], parts["hide"], parts["truth"])
            self._check(block)
            yield block
            first += rows
        for each in streams.values():
            for stream in each.values():
                next(stream, None)  # an archive knows at its end whether it was whole

    def _check(self, block: Block) -> None:
        for name, values in block.given.items():
            check_values(self.variables[name], self.given[name], values, block.first_row, block.hide.get(name))
        for name, values in block.truth.items():
            check_values(self.variables[name], self.truth[name], values, block.first_row, lacking(self.variables[name], values))


def open_evidence(
    variables: Mapping[str, Variable],
    given: Named,
    hide: Named,
    truth: Named,
    *,
    rows: int | None,
    seed: int,
    resize: bool,
    readings: Mapping[str, Reading] | None = None,
) -> EvidenceFiles:
    """Open files of evidence.

    Args:
        variables: of the game, by name.
        given: by variable, as in `gamelearn.files.values.open_values`.
        hide: by variable, as in `gamelearn.files.masks.open_mask`.
        truth: by variable, as `given`; missing cells, NaN and -1 in place of a class are not known.
        rows: the number of rows, where nothing is given.
        seed: of random patterns.
        resize: whether images of another size are resized.
        readings: how files write variables, by name. The missing cells of a table are hidden.

    Raises:
        DataError: a file is missing or damaged.
        EvidenceError: a file does not fit its variable, or another file.
    """
    for name in (*given, *hide, *truth):
        if name not in variables:
            raise EvidenceError(unknown("variable", name, variables))
    for name in hide:
        if name not in given:
            raise EvidenceError(f"a part of {name!r} is hidden, but {name!r} is not given: give it, or leave its mask out")
    values = {name: open_values(text, variables[name], resize=resize, readings=readings) for name, text in given.items()}
    count = _count(values, rows)
    sized = {name for name, each in (readings or {}).items() if each.size}
    masks = {name: open_mask(text, variables[name], rows=count, seed=seed, resize=resize or name in sized) for name, text in hide.items()}
    masks |= {name: Missing(source, variables[name], masks.get(name)) for name, source in values.items() if source.may_miss}
    true = {name: open_values(text, variables[name], resize=resize, readings=readings) for name, text in truth.items()}
    for source in true.values():
        if source.rows != count:
            raise EvidenceError(
                f"{source.origin} has the truth of {counted(source.rows, 'row')}, but {count:,} {'is' if count == 1 else 'are'} to be inferred"
            )
    sources = [*values.values(), *masks.values(), *true.values()]
    names = _names(sources, count)
    files = next((each.files for each in sources if isinstance(each, ImageSource) and each.names == names), ())
    hidden = {name: mask for name, mask in masks.items() if hides_anything(mask)}
    return EvidenceFiles(variables, values, hidden, true, count, names, files, _table(values, readings or {}))


def _table(values: Mapping[str, Source], readings: Mapping[str, Reading]) -> FilledTable | None:
    columns = [(name, source) for name, source in values.items() if isinstance(source, CellValues)]
    if not columns:
        return None
    path = columns[0][1].path
    return FilledTable(path, {name: source.columns for name, source in columns if source.path == path}, readings)


def _names(sources: Iterable[Source], rows: int) -> Sequence[str] | None:
    """Return the names of all rows, where images in folders give them.

    Rows of two folders, or of a folder and a table with a column `file`, that only stand at the same place may not belong together,
    so that their names have to be the same.
    """
    named = [(source.origin, source.names, isinstance(source, CellValues)) for source in sources if source.names is not None]
    named.sort(key=lambda each: each[-1])
    if not named or named[0][-1]:  # tables alone
        return None
    for (origin, names, _), (other, others, _) in pairwise(named) if rows > 1 else ():
        first = next(((one, two) for one, two in zip(names, others, strict=True) if one != two), None)
        if first:
            what = f"the rows of {origin} and {other} have different names: {first[0]!r} stands beside {first[1]!r}"
            raise EvidenceError(f"{what}; files of one row have the same name, but for the ending")
    return named[0][1]


def _count(values: Mapping[str, Source], rows: int | None) -> int:
    _same_rows(values.values())
    found = next((source.rows for source in values.values()), None)
    if found is None and rows is None:
        raise EvidenceError("nothing is given: say by --rows how many rows are to be drawn")
    if found is not None and rows is not None and rows != found:
        raise EvidenceError(f"--rows says {rows}, but {next(iter(values.values())).origin} has {counted(found, 'row')}: leave --rows out")
    return found or rows or 0


def _same_rows(sources: Iterable[Source]) -> None:
    for first, second in pairwise(sources):
        if first.rows != second.rows:
            raise EvidenceError(f"{first.origin} has {counted(first.rows, 'row')}, {second.origin} has {second.rows:,}")


def named_files(
    texts: Sequence[str], variables: Mapping[str, Variable], option: str, readings: Mapping[str, Reading] | None = None
) -> tuple[dict[str, str], list[str]]:
    """Return the files by variable that options name, `x=faces.npz`, an archive whose arrays are named as variables, or a table.

    Args:
        texts: the values of the option.
        variables: of the game.
        option: its name, for messages.
        readings: how files write variables, by name.

    Returns:
        Texts as `open_evidence` takes them, then a notice for each archive that also holds something else.

    Raises:
        DataError: an archive is missing or damaged.
        EvidenceError: a text names no variable of the game, or a variable is named twice.
    """
    found: dict[str, str] = {}
    notices = []
    for text in texts:
        name, equals, file = text.partition("=")
        if equals and not Path(text).exists():
            pairs = {name: file}
        else:
            has_cells = is_table(Path(text))
            pairs, others = _of_table(text, variables, readings or {}, option) if has_cells else _of_archive(text, variables, option)
            if others:
                notices.append(
                    f"NOTICE: {text}: {quoted(others)} {'is' if len(others) == 1 else 'are'} not read: no variable has this name"
                )
        for each in pairs:
            if each in found:
                raise EvidenceError(f"{option} names {each!r} twice: {found[each]!r} and {pairs[each]!r}")
        found |= pairs
    return found, notices


def _of_table(
    text: str, variables: Mapping[str, Variable], readings: Mapping[str, Reading], option: str
) -> tuple[dict[str, str], list[str]]:
    """Return the columns of a table that are variables, with those that are none."""
    path, _ = find_file(text)
    found, others = columns_of(path, variables, readings)
    if not found:
        raise EvidenceError(
            f"{option} {text!r}: no column is named as a variable: it has {quoted(others)}; the variables are {quoted(variables)}"
        )
    return {name: f"{path}:{titles[0]}" if len(titles) == 1 else str(path) for name, titles in found.items()}, others


def _of_archive(text: str, variables: Mapping[str, Variable], option: str) -> tuple[dict[str, str], list[str]]:
    if Path(text).suffix.lower() != ".npz":
        first = next(iter(variables))
        raise EvidenceError(f"{option} {text!r}: say which variable it is, such as {first}={text}; the known ones are {quoted(variables)}")
    path, _ = find_file(text)
    names = list(array_heads(path))
    pairs = {name: f"{text}:{name}" for name in names if name in variables}
    if not pairs:
        raise EvidenceError(
            f"{path} has no array that is named as a variable: it has {quoted(names)}; the variables are {quoted(variables)}"
        )
    return pairs, [name for name in names if name not in variables and "." not in name]  # what answers have beside values has a dot
