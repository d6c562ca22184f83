"""The formulas of a spec: `E[pairs(x, s), encoder(z | x, s)] log segmenter(s | x, z)`.

    term  := "E[" chain "]" score
    chain := draw ("," draw)*
    draw  := NAME "(" vars ["|" vars] ")"
    score := "log" draw (("+" | "-") "log" draw)*
    vars  := VAR ("," VAR)*
    VAR   := NAME "'"*

This file reads such a text into a tree, with the column of every piece for the errors.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

from gamelearn.errors import nearest

Value = TypeVar("Value")

RESERVED = ("E", "log")
_TOKEN = re.compile(r"\s*(?:(?P<name>[A-Za-z_]\w*)(?P<primes>'*)|(?P<sign>[][()|,+.-])|(?P<end>$)|(?P<other>\S))")
_CLOSING = {"(": ")", "[": "]"}


class FormulaError(Exception):
    """A formula that cannot be read; `offset` counts the characters from its start."""

    def __init__(self, offset: int, what: str, suggestion: str | None = None) -> None:
        super().__init__(what)
        self.offset, self.what, self.suggestion = offset, what, suggestion


@dataclass(frozen=True)
class Symbol:
    """A variable or group in a formula; primes mark fresh copies."""

    name: str
    primes: int = 0
    offset: int = 0

    def __str__(self) -> str:
        return self.name + "'" * self.primes


@dataclass(frozen=True)
class Call:
    """`name(targets | givens)`: a draw, or what stands under a log."""

    name: str
    targets: tuple[Symbol, ...]
    givens: tuple[Symbol, ...] = ()
    offset: int = 0

    def __str__(self) -> str:
        return f"{self.name}({conditional(self.targets, self.givens)})"


@dataclass(frozen=True)
class Formula:
    """`E[chain] log score`; a score is a sum of signed logs."""

    chain: tuple[Call, ...]
    score: tuple[tuple[int, Call], ...]

    def __str__(self) -> str:
        first, *rest = self.score
        tail = "".join(f" {'+' if sign > 0 else '-'} log {call}" for sign, call in rest)
        return f"E[{', '.join(map(str, self.chain))}] log {first[1]}{tail}"


def conditional(targets: tuple[object, ...], givens: tuple[object, ...]) -> str:
    """Return `targets | givens` as text.

    >>> conditional(("z1",), ("z0", "x"))
    'z1 | z0, x'
    """
    left = ", ".join(map(str, targets))
    return f"{left} | {', '.join(map(str, givens))}" if givens else left


def parse_term(text: str) -> Formula:
    """Read a term, such as `E[images(x), encoder(z | x)] log decoder(x, z)`.

    Raises:
        FormulaError: the text is no term; the error points at the place.
    """
    return _Reader(text).whole(_Reader.term)


def parse_score(text: str) -> tuple[tuple[int, Call], ...]:
    """Read a score, such as `log decoder(x, z) - log encoder(z | x)`.

    Raises:
        FormulaError: the text is no score.
    """
    return _Reader(text).whole(_Reader.score)


def parse_chain(text: str) -> tuple[Call, ...]:
    """Read a chain of draws, such as `prior(z), segmenter(s | z1)`.

    Raises:
        FormulaError: the text is no chain.
    """
    return _Reader(text).whole(_Reader.chain)


def parse_call(text: str) -> Call:
    """Read one `player(targets | givens)`.

    Raises:
        FormulaError: the text is no such call.
    """
    return _Reader(text).whole(_Reader.call)


def parse_factor(text: str) -> tuple[tuple[Symbol, ...], tuple[Symbol, ...]]:
    """Read a factor's key, `targets | givens`, without primes.

    Raises:
        FormulaError: the text is no such key, or has primes.
    """
    targets, givens = _Reader(text).whole(_Reader.sides)
    for symbol in (*targets, *givens):
        if symbol.primes:
            raise FormulaError(symbol.offset, f"{str(symbol)!r} has a prime: primes mark copies inside utilities, a factor has none")
    return targets, givens


@dataclass(frozen=True)
class _Token:
    kind: str
    text: str
    primes: int
    offset: int

    @property
    def shown(self) -> str:
        return "the end of the formula" if self.kind == "end" else repr(self.text + "'" * self.primes)


def _tokens(text: str) -> list[_Token]:
    found, place = [], 0
    while True:
        match = _TOKEN.match(text, place)
        assert match is not None  # every text matches one of the alternatives
        kind = match.lastgroup if match.lastgroup != "primes" else "name"
        body = match[kind or "end"]
        found.append(_Token(kind or "end", body, len(match["primes"] or ""), match.start(kind or "end")))
        if found[-1].kind == "end":
            return found
        place = match.end()


class _Reader:
    """A recursive-descent reader over the tokens of one formula."""

    def __init__(self, text: str) -> None:
        self.tokens = _tokens(text)
        self.place = 0

    @property
    def token(self) -> _Token:
        return self.tokens[self.place]

    def whole(self, rule: Callable[["_Reader"], Value]) -> Value:
        value = rule(self)
        if self.token.kind == "name" and rule is _Reader.chain:
            raise FormulaError(self.token.offset, f"expected ',' between draws, got {self.token.shown}")
        if self.token.kind != "end":
            raise FormulaError(self.token.offset, f"unexpected {self.token.shown} after the end of the formula")
        return value

    def accept(self, text: str) -> bool:
        if self.token.text == text and self.token.kind == "sign":
            self.place += 1
            return True
        return False

    def expect(self, text: str, after: str, choices: str | None = None) -> None:
        if not self.accept(text):
            raise FormulaError(self.token.offset, f"expected {choices or repr(text)} {after}, got {self.token.shown}")

    def word(self, word: str, purpose: str) -> None:
        token = self.token
        if token.kind != "name" or token.text != word or token.primes:
            hint = nearest(token.text, [word]) if token.kind == "name" else None
            raise FormulaError(token.offset, f"expected {word!r} {purpose}, got {token.shown}", hint)
        self.place += 1

    def name(self, what: str) -> _Token:
        token = self.token
        if token.kind != "name":
            raise FormulaError(token.offset, f"expected {what}, got {token.shown}")
        if token.text in RESERVED:
            raise FormulaError(token.offset, f"{token.text!r} is reserved, it cannot be {what}")
        self.place += 1
        return token

    def term(self) -> Formula:
        self.word("E", "at the start of a term, 'E[draws] log player(...)'")
        self.expect("[", "after 'E'")
        chain = self.chain()
        self.expect("]", "after a draw", "',' or ']'")
        return Formula(chain, self.score())

    def chain(self) -> tuple[Call, ...]:
        calls = [self.call()]
        while self.accept(","):
            calls.append(self.call())
        return tuple(calls)

    def score(self) -> tuple[tuple[int, Call], ...]:
        parts, sign = [], 1
        while True:
            if self.token.text.isdigit():
                what = "a number cannot stand in a formula: the weight of a term is {term: ..., weight: ...}"
                raise FormulaError(self.token.offset, what)
            self.word("log", "before what is scored")
            parts.append((sign, self.call()))
            if self.token.kind == "name" and self.token.text == "log":
                raise FormulaError(self.token.offset, "expected '+' or '-' between two logs")
            if self.token.kind != "sign" or self.token.text not in "+-":
                return tuple(parts)
            sign = 1 if self.token.text == "+" else -1
            self.place += 1

    def call(self) -> Call:
        token = self.name("the name of a player, stream or sampler")
        if token.primes:
            raise FormulaError(token.offset, f"a prime belongs to a variable, not to {token.text!r}")
        self.expect("(", f"after {token.text!r}")
        targets, givens = self.sides()
        self.expect(")", "after a variable", "',' or ')'" if givens else "',', '|' or ')'")
        return Call(token.text, targets, givens, token.offset)

    def sides(self) -> tuple[tuple[Symbol, ...], tuple[Symbol, ...]]:
        targets = self.symbols()
        return targets, self.symbols() if self.accept("|") else ()

    def symbols(self) -> tuple[Symbol, ...]:
        found = [self.symbol()]
        while self.accept(","):
            found.append(self.symbol())
        return tuple(found)

    def symbol(self) -> Symbol:
        token = self.name("a variable")
        return Symbol(token.text, token.primes, token.offset)
