"""YAML's grammar, with its errors in plain words.

The pure Python parser of PyYAML gives the events: the C one crashes on deep documents. This file wraps that parser.
"""

import re
from collections.abc import Iterator

from yaml.error import Mark, MarkedYAMLError
from yaml.events import Event
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

_CANNOT_START = re.compile(r"found character '(.+)' that cannot start any token")
_CLOSING = re.compile(r"expected ',' or '([]}])', but got '(.+)'")
_OPENING = {"]": "[", "}": "{"}
_PLAIN_WORDS = {
    "mapping values are not allowed here": "this ':' makes a key where none can stand: quote the text, or check the indentation",
    "mapping keys are not allowed here": "a key cannot stand here: check the indentation",
    "sequence entries are not allowed here": "a list cannot begin here: put each '-' on a line of its own below the key",
    "could not find expected ':'": "this line has no ':': a key is followed by ': ' and its value; check the indentation of a longer text",
    "found unexpected end of stream": "the quote that opens here is never closed",
    "found unexpected document separator": "the quote that opens here is never closed",
    "expected <block end>, but found '<block mapping start>'": "this line is indented unlike the lines above it",
    "expected <block end>, but found '<block sequence start>'": "this line is indented unlike the lines above it",
    "expected <block end>, but found '<scalar>'": "text after the end of a value: quote the whole value, or check the indentation",
    "expected <block end>, but found '-'": "a list item among keys: check the indentation",
    "expected <block end>, but found '?'": "this line is indented unlike the lines above it",
    "expected <block end>, but found ':'": "a ':' without a key before it",
    "expected <block end>, but found ']'": "a ']' that closes nothing: quote the text",
    "expected <block end>, but found '}'": "a '}' that closes nothing: quote the text",
    "expected <block end>, but found ','": "a ',' after the end of a value: quote the whole value",
    "expected '<document start>', but found '<block mapping start>'": "this line is indented unlike the lines above it",
}
_AT_CONTEXT = ("could not find expected ':'", "found unexpected end of stream", "found unexpected document separator")


class SyntaxProblem(Exception):
    """Text that is no YAML: `what` in plain words, at `index` characters from the start, on `line` and `column` from 0."""

    def __init__(self, what: str, mark: Mark) -> None:
        super().__init__(what)
        self.what, self.index, self.line, self.column = what, mark.index, mark.line, mark.column


class _EventParser(Reader, Scanner, Parser):
    def __init__(self, text: str) -> None:
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)


def events(text: str) -> Iterator[Event]:
    """Read a text as YAML events, one at a time.

    Raises:
        SyntaxProblem: the text is no YAML.
    """
    parser = _EventParser(text)
    while True:
        try:
            if not parser.check_event():
                return
            event: Event = parser.get_event()  # type: ignore[no-untyped-call]
        except MarkedYAMLError as error:
            raise _in_plain_words(error) from None
        except (ValueError, OverflowError):  # PyYAML does not check the range of numbers in escapes and directives
            raise SyntaxProblem("a number in this escape or directive is out of range", parser.get_mark()) from None
        yield event


def _in_plain_words(error: MarkedYAMLError) -> SyntaxProblem:
    problem = error.problem or "this is not YAML"
    mark = error.problem_mark
    if problem in _AT_CONTEXT or mark is None:
        mark = error.context_mark or mark
    assert mark is not None  # every error of the scanner and the parser has a mark
    return SyntaxProblem(_PLAIN_WORDS.get(problem) or _described(problem, error.context_mark), mark)


def _described(problem: str, opened: Mark | None) -> str:
    if match := _CANNOT_START.fullmatch(problem):
        return "a tab cannot stand here: use spaces" if match[1] == "\\t" else f"{match[1]!r} cannot begin a value: quote it"
    if (match := _CLOSING.fullmatch(problem)) and opened is not None:
        bracket = _OPENING[match[1]]
        found = "the end of the file" if match[2] in ("<stream end>", "<document end>") else f"{_token(match[2])}"
        return f"the {bracket!r} of line {opened.line + 1} needs ',' or {match[1]!r} here, got {found}"
    if problem.startswith("found unknown escape character"):
        return f"unknown escape in double quotes: use single quotes, or double the backslash ({problem[len('found ') :]})"
    if problem.startswith("expected the node content, but found"):
        return f"expected a value, got {_token(problem.split(' found ', 1)[1].strip(chr(39)))}"
    if problem.startswith("expected <block end>, but found"):
        return f"{_token(problem.split(' found ', 1)[1].strip(chr(39)))} cannot stand here: check the indentation"
    return f"this is not YAML: {problem}"


def _token(name: str) -> str:
    words = {
        "<scalar>": "a text",
        "<block end>": "the end of the block",
        "<stream end>": "the end of the file",
        "<block mapping start>": "a map",
    }
    return words.get(name, repr(name))
